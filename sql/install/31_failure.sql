-- The log of failures ------------------------------------------------------
--
-- Failed calls of rfm_catch_up() and rfm_backfill(). rfm_refresh() is part of its
-- caller's transaction, which is rolled back, so its failures cannot be stored.

CREATE TABLE @extschema@.rfm_failure (
    failure_id int8        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id   int8        NOT NULL,
    model      text        NOT NULL,
    command    text        NOT NULL CHECK (command IN ('catch_up', 'backfill')),
    run_date   date,
    sqlstate   text        NOT NULL,
    message    text        NOT NULL,
    failed_at  timestamptz NOT NULL,
    run_by     text        NOT NULL
);

CREATE INDEX rfm_failure_model_id_failed_at_idx ON @extschema@.rfm_failure (model_id, failed_at);

COMMENT ON TABLE @extschema@.rfm_failure IS
    'log of failures: one row per call of rfm_catch_up() or rfm_backfill() that failed; the newest hundred per model are kept. A role sees those of models that it may use; they are removed with their model';
COMMENT ON COLUMN @extschema@.rfm_failure.failure_id IS 'number of the failure';
COMMENT ON COLUMN @extschema@.rfm_failure.model_id IS 'number of the model, as in rfm_model';
COMMENT ON COLUMN @extschema@.rfm_failure.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_failure.command IS 'what failed: catch_up or backfill';
COMMENT ON COLUMN @extschema@.rfm_failure.run_date IS 'date of the snapshot that was being computed; null: it had not been determined';
COMMENT ON COLUMN @extschema@.rfm_failure.sqlstate IS 'code of the error';
COMMENT ON COLUMN @extschema@.rfm_failure.message IS 'message of the error';
COMMENT ON COLUMN @extschema@.rfm_failure.failed_at IS 'when it failed';
COMMENT ON COLUMN @extschema@.rfm_failure.run_by IS 'role that called it';

ALTER TABLE @extschema@.rfm_failure ENABLE ROW LEVEL SECURITY;

CREATE POLICY rfm_failure_owner ON @extschema@.rfm_failure
    FOR SELECT USING (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));

GRANT SELECT ON @extschema@.rfm_failure TO PUBLIC;

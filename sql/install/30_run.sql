-- The log of snapshots ---------------------------------------------------

CREATE TABLE @extschema@.rfm_run (
    run_id      int8        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id    int8        NOT NULL,
    model       text        NOT NULL,
    owner       regrole     NOT NULL,
    run_date    date        NOT NULL,
    customers   int8        NOT NULL,
    orders      int8        NOT NULL,
    inserted    int8        NOT NULL,
    updated     int8        NOT NULL,
    deleted     int8        NOT NULL,
    unchanged   int8        NOT NULL,
    expired     int8        NOT NULL,
    newest_order date,
    cut_points  jsonb       NOT NULL,
    reading     text        NOT NULL CHECK (reading IN ('orders', 'grouped')),
    spilled     bool        NOT NULL,
    memory      int8        NOT NULL,
    phases      jsonb       NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    run_by      text        NOT NULL,
    version     text        NOT NULL,
    backfill    jsonb
);

CREATE INDEX rfm_run_model_id_run_date_idx ON @extschema@.rfm_run (model_id, run_date, run_id);

COMMENT ON TABLE @extschema@.rfm_run IS
    'log of snapshots: one row per successful refresh. A role sees the runs of models that it may use; they are removed with their model';
COMMENT ON COLUMN @extschema@.rfm_run.run_id IS 'number of the run';
COMMENT ON COLUMN @extschema@.rfm_run.model_id IS 'number of the model, as in rfm_model';
COMMENT ON COLUMN @extschema@.rfm_run.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_run.owner IS 'owner of the model at the time';
COMMENT ON COLUMN @extschema@.rfm_run.run_date IS 'date of the snapshot';
COMMENT ON COLUMN @extschema@.rfm_run.customers IS 'customers in the snapshot';
COMMENT ON COLUMN @extschema@.rfm_run.orders IS 'rows of the source that counted';
COMMENT ON COLUMN @extschema@.rfm_run.inserted IS 'rows of the target inserted';
COMMENT ON COLUMN @extschema@.rfm_run.updated IS 'rows of the target updated';
COMMENT ON COLUMN @extschema@.rfm_run.deleted IS 'rows of the target deleted';
COMMENT ON COLUMN @extschema@.rfm_run.unchanged IS 'rows of the target that were already correct, and were not touched';
COMMENT ON COLUMN @extschema@.rfm_run.expired IS 'older snapshots (run dates) of the target that were removed by the model''s retention';
COMMENT ON COLUMN @extschema@.rfm_run.newest_order IS 'date of the newest order of the customers in the snapshot; null: there are no customers';
COMMENT ON COLUMN @extschema@.rfm_run.cut_points IS 'what each score covers, and the cut points; rfm_cut_points() returns them as rows';
COMMENT ON COLUMN @extschema@.rfm_run.reading IS 'how the orders were read: orders (one by one) or grouped (one row per customer)';
COMMENT ON COLUMN @extschema@.rfm_run.spilled IS 'whether customers exceeded rfm.work_mem and were written to temporary files';
COMMENT ON COLUMN @extschema@.rfm_run.memory IS 'largest memory of the customers in the session while they were read or scored, in bytes; each parallel worker may use as much';
COMMENT ON COLUMN @extschema@.rfm_run.phases IS 'milliseconds by phase: read, sort, score, write';
COMMENT ON COLUMN @extschema@.rfm_run.started_at IS 'when the refresh began, including the time it waited for another one';
COMMENT ON COLUMN @extschema@.rfm_run.finished_at IS 'when the refresh finished, before its transaction committed';
COMMENT ON COLUMN @extschema@.rfm_run.run_by IS 'role that called the refresh';
COMMENT ON COLUMN @extschema@.rfm_run.version IS 'version of the library that computed the snapshot';
COMMENT ON COLUMN @extschema@.rfm_run.backfill IS 'the call of rfm_backfill() that computed the snapshot: its dates, and a digest of the model and its rules; null: another call';

SELECT pg_extension_config_dump('@extschema@.rfm_run', '');
SELECT pg_extension_config_dump('@extschema@.rfm_run_run_id_seq', '');

ALTER TABLE @extschema@.rfm_run ENABLE ROW LEVEL SECURITY;

-- rfm_model shows the caller the models that they may use.
CREATE POLICY rfm_run_owner ON @extschema@.rfm_run
    FOR SELECT USING (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));

GRANT SELECT ON @extschema@.rfm_run TO PUBLIC;

-- A database owner who has created the extension without being a superuser does not
-- own its tables, but must be able to dump and restore the visible rows.
CREATE POLICY rfm_run_restore ON @extschema@.rfm_run
    FOR INSERT TO pg_database_owner WITH CHECK (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));
GRANT INSERT ON @extschema@.rfm_run TO pg_database_owner;
GRANT SELECT, UPDATE ON SEQUENCE @extschema@.rfm_run_run_id_seq TO pg_database_owner;

-- Groups of snapshots: models with score_within.  No foreign key to rfm_run,
-- because pg_restore -j may restore the groups before the runs.
CREATE TABLE @extschema@.rfm_run_group (
    run_id      int8  NOT NULL,
    model_id    int8  NOT NULL,
    run_date    date  NOT NULL,
    score_group text  NOT NULL,
    customers   int8  NOT NULL,
    orders      int8  NOT NULL,
    cut_points  jsonb NOT NULL
);

CREATE INDEX rfm_run_group_run_id_score_group_idx ON @extschema@.rfm_run_group (run_id, score_group);
CREATE INDEX rfm_run_group_model_id_run_date_idx ON @extschema@.rfm_run_group (model_id, run_date);

COMMENT ON TABLE @extschema@.rfm_run_group IS
    'log of snapshots by group, for models with score_within: one row per group of the last refresh of each date in the target. A role sees the groups of models that it may use';
COMMENT ON COLUMN @extschema@.rfm_run_group.run_id IS 'number of the run, as in rfm_run';
COMMENT ON COLUMN @extschema@.rfm_run_group.model_id IS 'number of the model, as in rfm_model';
COMMENT ON COLUMN @extschema@.rfm_run_group.run_date IS 'date of the snapshot';
COMMENT ON COLUMN @extschema@.rfm_run_group.score_group IS 'the group, as text';
COMMENT ON COLUMN @extschema@.rfm_run_group.customers IS 'customers of the group in the snapshot';
COMMENT ON COLUMN @extschema@.rfm_run_group.orders IS 'their orders: the sum of frequency_orders';
COMMENT ON COLUMN @extschema@.rfm_run_group.cut_points IS 'what each score covers in the group, and its cut points; rfm_cut_points() returns them as rows';

SELECT pg_extension_config_dump('@extschema@.rfm_run_group', '');

ALTER TABLE @extschema@.rfm_run_group ENABLE ROW LEVEL SECURITY;

CREATE POLICY rfm_run_group_owner ON @extschema@.rfm_run_group
    FOR SELECT USING (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));

GRANT SELECT ON @extschema@.rfm_run_group TO PUBLIC;

CREATE POLICY rfm_run_group_restore ON @extschema@.rfm_run_group
    FOR INSERT TO pg_database_owner WITH CHECK (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));
GRANT INSERT ON @extschema@.rfm_run_group TO pg_database_owner;

-- Totals of snapshots -----------------------------------------------------
--
-- Totals of what a refresh has written, by label: few rows per date, which are kept
-- longer than the snapshot and do not identify customers.

CREATE TABLE @extschema@.rfm_total (
    model_id  int8    NOT NULL,
    run_date  date    NOT NULL,
    by        text    NOT NULL CHECK (by IN ('segment', 'comment')),
    label     text    NOT NULL,
    customers int8    NOT NULL,
    orders    int8    NOT NULL,
    revenue   numeric NOT NULL,
    PRIMARY KEY (model_id, run_date, by, label)
);

COMMENT ON TABLE @extschema@.rfm_total IS
    'customers, orders and revenue of each segment and of each comment in each snapshot, as of its last refresh. They are kept when retention removes the snapshot, and are removed with their model. A role sees those of models that it may use';
COMMENT ON COLUMN @extschema@.rfm_total.model_id IS 'number of the model, as in rfm_model';
COMMENT ON COLUMN @extschema@.rfm_total.run_date IS 'date of the snapshot';
COMMENT ON COLUMN @extschema@.rfm_total.by IS 'which labels are counted: segment or comment';
COMMENT ON COLUMN @extschema@.rfm_total.label IS 'the segment, or comment';
COMMENT ON COLUMN @extschema@.rfm_total.customers IS 'customers with that label';
COMMENT ON COLUMN @extschema@.rfm_total.orders IS 'their orders';
COMMENT ON COLUMN @extschema@.rfm_total.revenue IS 'the sum of their monetary values';

SELECT pg_extension_config_dump('@extschema@.rfm_total', '');

ALTER TABLE @extschema@.rfm_total ENABLE ROW LEVEL SECURITY;

CREATE POLICY rfm_total_owner ON @extschema@.rfm_total
    FOR SELECT USING (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));

GRANT SELECT ON @extschema@.rfm_total TO PUBLIC;

-- A database owner who has created the extension without being a superuser does not
-- own its tables, but must be able to dump and restore the visible rows.
CREATE POLICY rfm_total_restore ON @extschema@.rfm_total
    FOR INSERT TO pg_database_owner WITH CHECK (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));
GRANT INSERT ON @extschema@.rfm_total TO pg_database_owner;

-- Models ---------------------------------------------------------------
--
-- One row per model. rfm_create_model() has one parameter per column, in this
-- order, except for the owner and the number.  The number distinguishes a model
-- from all others, including earlier ones with the same name; the locks of models
-- have 48 bits for it.

CREATE TABLE @extschema@.rfm_model (
    model          text       PRIMARY KEY CHECK (model ~ '[^[:space:]]'),
    source         regclass   NOT NULL,
    target         regclass   NOT NULL UNIQUE,
    customer       text       NOT NULL DEFAULT 'customer_id',
    ordered_at     text       NOT NULL DEFAULT 'created_at',
    amount         text       NOT NULL DEFAULT 'total',
    order_id       text,
    order_count    text,
    monetary       text       NOT NULL DEFAULT 'sum',
    filter         text,
    score_within   text,
    method         text       NOT NULL DEFAULT 'ntile',
    buckets        int4[]     NOT NULL DEFAULT '{5}',
    r_breaks       numeric[],
    f_breaks       numeric[],
    m_breaks       numeric[],
    lookback       interval,
    time_zone      text       NOT NULL DEFAULT 'UTC',
    as_of          text       NOT NULL DEFAULT 'today',
    cadence        text       NOT NULL DEFAULT 'day',
    restate        interval,
    monetary_above numeric,
    segment_rules  text       DEFAULT 'sum5' REFERENCES @extschema@.rfm_ruleset,
    comment_rules  text       DEFAULT 'traits5' REFERENCES @extschema@.rfm_ruleset,
    target_columns jsonb,
    keep_stale     bool       NOT NULL DEFAULT false,
    weights        int4[]     NOT NULL DEFAULT '{100,10,1}',
    retention      interval,
    partition_by   text,
    customer_index bool       NOT NULL DEFAULT false,
    owner          regrole    NOT NULL DEFAULT quote_ident(CURRENT_USER)::regrole,
    model_id       int8       GENERATED ALWAYS AS IDENTITY UNIQUE CHECK (model_id BETWEEN 1 AND 281474976710655)
);

COMMENT ON TABLE @extschema@.rfm_model IS
    'models: what to score, how, and which table stores the scores. A role sees and may change the models of roles of which it is a member; a changed row is checked as by rfm_create_model';
COMMENT ON COLUMN @extschema@.rfm_model.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_model.source IS 'table, partitioned table, view, materialized view or foreign table with the orders';
COMMENT ON COLUMN @extschema@.rfm_model.target IS 'table that the snapshots are written to';
COMMENT ON COLUMN @extschema@.rfm_model.customer IS 'column of the source, or SQL expression over its columns, that identifies the customer of the order';
COMMENT ON COLUMN @extschema@.rfm_model.ordered_at IS 'column of the source, or SQL expression over its columns, with the time of the order: date, timestamp or timestamp with time zone';
COMMENT ON COLUMN @extschema@.rfm_model.amount IS 'column of the source, or SQL expression over its columns, with the amount of the order';
COMMENT ON COLUMN @extschema@.rfm_model.order_id IS 'column of the source, or SQL expression over its columns, whose distinct values are the orders; null: every row is an order';
COMMENT ON COLUMN @extschema@.rfm_model.order_count IS 'column of the source, or SQL expression over its columns: a boolean that says whether the row is an order, or an integer with the number of orders that it stands for; a row that stands for no order only adds its amount; null: every row is an order';
COMMENT ON COLUMN @extschema@.rfm_model.monetary IS 'monetary value of a customer: sum (of the amounts) or average (the sum divided by the number of orders, rounded to two digits more than the sum has)';
COMMENT ON COLUMN @extschema@.rfm_model.filter IS 'boolean SQL expression over the columns of the source: only rows for which it is true count; null: all rows';
COMMENT ON COLUMN @extschema@.rfm_model.score_within IS 'column of the source, or SQL expression over its columns: each group of customers with the same value is scored separately, and the value is stored in the target''s column score_group; null: all customers are scored together';
COMMENT ON COLUMN @extschema@.rfm_model.method IS 'how cut points are found: ntile, rank, quantile, percentile or breaks; one for all scores, or one for each of recency, frequency and monetary value, such as {breaks,ntile,ntile}';
COMMENT ON COLUMN @extschema@.rfm_model.buckets IS 'number of scores, 2 to 10; one for all, or one for each of recency, frequency and monetary value';
COMMENT ON COLUMN @extschema@.rfm_model.r_breaks IS 'method breaks: ascending cut points of recency in days, one fewer than buckets; method percentile: fractions between 0 and 1';
COMMENT ON COLUMN @extschema@.rfm_model.f_breaks IS 'method breaks: ascending cut points of frequency, one fewer than buckets; method percentile: fractions between 0 and 1';
COMMENT ON COLUMN @extschema@.rfm_model.m_breaks IS 'method breaks: ascending cut points of monetary value, one fewer than buckets; method percentile: fractions between 0 and 1';
COMMENT ON COLUMN @extschema@.rfm_model.lookback IS 'only orders later than run date minus this interval count; null: all';
COMMENT ON COLUMN @extschema@.rfm_model.time_zone IS 'time zone in which order times become dates, and which determines the current date: a name of pg_timezone_names, or an ISO offset such as +05:30';
COMMENT ON COLUMN @extschema@.rfm_model.as_of IS 'run date of a refresh without a date: today, yesterday, or latest_order, the date of the latest order that is not after today';
COMMENT ON COLUMN @extschema@.rfm_model.cadence IS 'how often the model has a snapshot: day, week or month; rfm_catch_up() computes missing ones, and rfm_jobs reports them';
COMMENT ON COLUMN @extschema@.rfm_model.restate IS 'interval: rfm_catch_up() computes the snapshots of the last so many days again, for orders that arrive late or are corrected; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.monetary_above IS 'customers whose monetary value is not above this are left out; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.segment_rules IS 'rule set that fills rfm_segment; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.comment_rules IS 'rule set that fills comments; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.target_columns IS 'JSON object that maps rfm''s column names to those of the target; a null means that the target has no such column';
COMMENT ON COLUMN @extschema@.rfm_model.keep_stale IS 'keep the rows of customers that are no longer in a snapshot';
COMMENT ON COLUMN @extschema@.rfm_model.weights IS 'weights of the three scores in rfm_weighted';
COMMENT ON COLUMN @extschema@.rfm_model.retention IS 'a refresh removes snapshots that are older than the newest of the target by this interval or more; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.partition_by IS 'month or day: the target is partitioned by range of its run date, and a refresh creates missing partitions; null: it creates none';
COMMENT ON COLUMN @extschema@.rfm_model.customer_index IS 'whether a target that rfm creates gets an index on customer and run date, for the history of single customers';
COMMENT ON COLUMN @extschema@.rfm_model.owner IS 'role with whose rights the model runs; its members may use the model';
COMMENT ON COLUMN @extschema@.rfm_model.model_id IS 'number of the model, which identifies it in the log; never reused';

SELECT pg_extension_config_dump('@extschema@.rfm_model', '');
SELECT pg_extension_config_dump('@extschema@.rfm_model_model_id_seq', '');

CREATE FUNCTION rfm_internal.model_trigger()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_model_trigger';

COMMENT ON FUNCTION rfm_internal.model_trigger() IS
    'trigger of rfm_model: checks a new or changed model; removes the log of a deleted one';

CREATE TRIGGER rfm_model_check
    BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.rfm_model
    FOR EACH ROW EXECUTE FUNCTION rfm_internal.model_trigger();

ALTER TABLE @extschema@.rfm_model ENABLE ROW LEVEL SECURITY;

CREATE POLICY rfm_model_owner ON @extschema@.rfm_model
    USING (pg_has_role(owner, 'USAGE'))
    WITH CHECK (pg_has_role(owner, 'USAGE'));

-- Column by column, and no DELETE: a right on the whole table to change or delete
-- would let anyone lock it with LOCK TABLE, and so all models.  rfm_drop_model()
-- deletes.
GRANT SELECT,
    INSERT (model, source, target, customer, ordered_at, amount, order_id, order_count, monetary, filter, score_within, method, buckets, r_breaks, f_breaks, m_breaks,
            lookback, time_zone, as_of, cadence, restate, monetary_above, segment_rules, comment_rules, target_columns, keep_stale, weights,
            retention, partition_by, customer_index, owner),
    UPDATE (model, source, target, customer, ordered_at, amount, order_id, order_count, monetary, filter, score_within, method, buckets, r_breaks, f_breaks, m_breaks,
            lookback, time_zone, as_of, cadence, restate, monetary_above, segment_rules, comment_rules, target_columns, keep_stale, weights,
            retention, partition_by, customer_index, owner)
    ON @extschema@.rfm_model TO PUBLIC;

-- A database owner who has created the extension without being a superuser does not
-- own its tables, but must be able to dump and restore the visible rows.
GRANT INSERT ON @extschema@.rfm_model TO pg_database_owner;
GRANT SELECT, UPDATE ON SEQUENCE @extschema@.rfm_model_model_id_seq TO pg_database_owner;

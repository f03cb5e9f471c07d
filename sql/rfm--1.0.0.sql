/* rfm--1.0.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION rfm" to load this file. \quit

-- Models ---------------------------------------------------------------
--
-- One row a model.  rfm_create_model() has one parameter a column, in this
-- order; only the owner comes by itself.

CREATE TABLE @extschema@.rfm_model (
    model          pg_catalog.text       PRIMARY KEY CHECK (model OPERATOR(pg_catalog.~) '[^[:space:]]'),
    source         pg_catalog.regclass   NOT NULL,
    target         pg_catalog.regclass   NOT NULL,
    customer       pg_catalog.name       NOT NULL DEFAULT 'customer_id',
    ordered_at     pg_catalog.name       NOT NULL DEFAULT 'created_at',
    amount         pg_catalog.text       NOT NULL DEFAULT 'total',
    order_id       pg_catalog.name,
    filter         pg_catalog.text,
    method         pg_catalog.text       NOT NULL DEFAULT 'ntile',
    buckets        pg_catalog.int4[]     NOT NULL DEFAULT '{5}',
    r_breaks       pg_catalog.numeric[],
    f_breaks       pg_catalog.numeric[],
    m_breaks       pg_catalog.numeric[],
    lookback       pg_catalog.interval,
    time_zone      pg_catalog.text       NOT NULL DEFAULT 'UTC',
    as_of          pg_catalog.text       NOT NULL DEFAULT 'today',
    monetary_above pg_catalog.numeric,
    segment_rules  pg_catalog.text       DEFAULT 'sum5',
    comment_rules  pg_catalog.text       DEFAULT 'traits5',
    target_columns pg_catalog.jsonb,
    keep_stale     pg_catalog.bool       NOT NULL DEFAULT false,
    weights        pg_catalog.int4[]     NOT NULL DEFAULT '{100,10,1}',
    retention      pg_catalog.interval,
    partition_by   pg_catalog.text,
    owner          pg_catalog.regrole    NOT NULL DEFAULT pg_catalog.quote_ident(CURRENT_USER)::pg_catalog.regrole
);

COMMENT ON TABLE @extschema@.rfm_model IS
    'models: what to score, how, and where the scores go. Everyone sees and changes the models of the roles they are a member of; a changed row is checked as rfm_create_model checks it';
COMMENT ON COLUMN @extschema@.rfm_model.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_model.source IS 'table, partitioned table, view, materialized view or foreign table with the orders';
COMMENT ON COLUMN @extschema@.rfm_model.target IS 'table that the snapshots are written to';
COMMENT ON COLUMN @extschema@.rfm_model.customer IS 'column of the source that says whose order it is';
COMMENT ON COLUMN @extschema@.rfm_model.ordered_at IS 'column of the source with the time of the order: date, timestamp or timestamp with time zone';
COMMENT ON COLUMN @extschema@.rfm_model.amount IS 'column of the source, or SQL expression over its columns, with the money of the order';
COMMENT ON COLUMN @extschema@.rfm_model.order_id IS 'column of the source whose distinct values are the orders; null: every row is an order';
COMMENT ON COLUMN @extschema@.rfm_model.filter IS 'boolean SQL expression over the columns of the source: rows for which it is true count; null: all rows';
COMMENT ON COLUMN @extschema@.rfm_model.method IS 'how scores are cut: ntile, rank, quantile or breaks';
COMMENT ON COLUMN @extschema@.rfm_model.buckets IS 'number of scores, 2 to 10: one number, or one each for recency, frequency and monetary value';
COMMENT ON COLUMN @extschema@.rfm_model.r_breaks IS 'method breaks: ascending cut points of recency in days, one fewer than buckets';
COMMENT ON COLUMN @extschema@.rfm_model.f_breaks IS 'method breaks: ascending cut points of frequency, one fewer than buckets';
COMMENT ON COLUMN @extschema@.rfm_model.m_breaks IS 'method breaks: ascending cut points of monetary value, one fewer than buckets';
COMMENT ON COLUMN @extschema@.rfm_model.lookback IS 'only orders later than run date minus this interval count; null: all';
COMMENT ON COLUMN @extschema@.rfm_model.time_zone IS 'time zone in which an order time becomes a date, and in which today is today';
COMMENT ON COLUMN @extschema@.rfm_model.as_of IS 'run date of a refresh that names none: today, or latest_order';
COMMENT ON COLUMN @extschema@.rfm_model.monetary_above IS 'customers whose monetary value is at or below it are left out; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.segment_rules IS 'rule set that fills rfm_segment; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.comment_rules IS 'rule set that fills comments; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.target_columns IS 'JSON object from column names as rfm knows them to those of the target; null in it: the target has no such column';
COMMENT ON COLUMN @extschema@.rfm_model.keep_stale IS 'keep the rows of customers that are no longer in a snapshot';
COMMENT ON COLUMN @extschema@.rfm_model.weights IS 'weights of the three scores in rfm_weighted';
COMMENT ON COLUMN @extschema@.rfm_model.retention IS 'snapshots that are this much older than the newest of the target, or more, go after a refresh; null: none';
COMMENT ON COLUMN @extschema@.rfm_model.partition_by IS 'month or day: the target is partitioned by range of its run date, and a refresh makes the partitions; null: it makes none';
COMMENT ON COLUMN @extschema@.rfm_model.owner IS 'role whose rights the model works with; it and its members may use the model';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.rfm_model', '');

CREATE FUNCTION @extschema@.rfm_model_trigger()
RETURNS pg_catalog.trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_model_trigger';

COMMENT ON FUNCTION @extschema@.rfm_model_trigger() IS
    'trigger of rfm_model: checks a model when it is made or changed';

CREATE TRIGGER rfm_model_check
    BEFORE INSERT OR UPDATE ON @extschema@.rfm_model
    FOR EACH ROW EXECUTE FUNCTION @extschema@.rfm_model_trigger();

ALTER TABLE @extschema@.rfm_model ENABLE ROW LEVEL SECURITY;

CREATE POLICY rfm_model_owner ON @extschema@.rfm_model
    USING (pg_catalog.pg_has_role(owner, 'USAGE'))
    WITH CHECK (pg_catalog.pg_has_role(owner, 'USAGE'));

GRANT SELECT, INSERT, UPDATE, DELETE ON @extschema@.rfm_model TO PUBLIC;

-- Rule sets ---------------------------------------------------------------
--
-- A rule set is the rows of rfm_segment_rule that share a name.  Rule sets are
-- shared vocabulary: everyone reads them, who makes one owns it.

CREATE TABLE @extschema@.rfm_segment_rule (
    ruleset  pg_catalog.text      NOT NULL,
    priority pg_catalog.int4      NOT NULL,
    label    pg_catalog.text      NOT NULL,
    r        pg_catalog.int4range,
    f        pg_catalog.int4range,
    m        pg_catalog.int4range,
    total    pg_catalog.int4range,
    owner    pg_catalog.regrole   NOT NULL,
    shipped  pg_catalog.bool      NOT NULL DEFAULT false,
    PRIMARY KEY (ruleset, priority),
    CONSTRAINT rfm_segment_rule_ruleset_not_blank
        CHECK (ruleset OPERATOR(pg_catalog.~) '[^[:space:]]'),
    CONSTRAINT rfm_segment_rule_label_not_blank
        CHECK (label OPERATOR(pg_catalog.~) '[^[:space:]]'),
    CONSTRAINT rfm_segment_rule_r_bounds CHECK (
        NOT pg_catalog.isempty(r)
        AND COALESCE(pg_catalog.lower(r), 1) OPERATOR(pg_catalog.>=) 1
        AND COALESCE(pg_catalog.lower(r), 1) OPERATOR(pg_catalog.<=) 10
        AND COALESCE(pg_catalog.upper(r), 11) OPERATOR(pg_catalog.>=) 2
        AND COALESCE(pg_catalog.upper(r), 11) OPERATOR(pg_catalog.<=) 11),
    CONSTRAINT rfm_segment_rule_f_bounds CHECK (
        NOT pg_catalog.isempty(f)
        AND COALESCE(pg_catalog.lower(f), 1) OPERATOR(pg_catalog.>=) 1
        AND COALESCE(pg_catalog.lower(f), 1) OPERATOR(pg_catalog.<=) 10
        AND COALESCE(pg_catalog.upper(f), 11) OPERATOR(pg_catalog.>=) 2
        AND COALESCE(pg_catalog.upper(f), 11) OPERATOR(pg_catalog.<=) 11),
    CONSTRAINT rfm_segment_rule_m_bounds CHECK (
        NOT pg_catalog.isempty(m)
        AND COALESCE(pg_catalog.lower(m), 1) OPERATOR(pg_catalog.>=) 1
        AND COALESCE(pg_catalog.lower(m), 1) OPERATOR(pg_catalog.<=) 10
        AND COALESCE(pg_catalog.upper(m), 11) OPERATOR(pg_catalog.>=) 2
        AND COALESCE(pg_catalog.upper(m), 11) OPERATOR(pg_catalog.<=) 11),
    CONSTRAINT rfm_segment_rule_total_bounds CHECK (
        NOT pg_catalog.isempty(total)
        AND COALESCE(pg_catalog.lower(total), 3) OPERATOR(pg_catalog.>=) 3
        AND COALESCE(pg_catalog.lower(total), 3) OPERATOR(pg_catalog.<=) 30
        AND COALESCE(pg_catalog.upper(total), 31) OPERATOR(pg_catalog.>=) 4
        AND COALESCE(pg_catalog.upper(total), 31) OPERATOR(pg_catalog.<=) 31)
);

COMMENT ON TABLE @extschema@.rfm_segment_rule IS
    'rules that turn scores into labels; lowest priority number first, first match wins, no match: Others. Everyone may read all rule sets and make new ones; a rule set is changed by its owner (or members of that role) only, and the shipped ones by nobody: copy them with rfm_copy_ruleset';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.ruleset IS 'name of the rule set, as in rfm_model.segment_rules and comment_rules';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.priority IS 'order within the rule set; the lowest number is tried first';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.label IS 'what a customer matching the rule is called';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.r IS 'recency scores that match (5 of 5: most recent); null: any';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.f IS 'frequency scores that match; null: any';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.m IS 'monetary scores that match; null: any';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.total IS 'sums of the three scores that match; null: any';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.owner IS 'role that may change the rule set, one for all its rules; null on insert: that of the rule set, or the current user for a new one';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.shipped IS 'true for the rule sets that come with rfm, which nobody changes';

-- The shipped sets come from the script, never from a dump.
SELECT pg_catalog.pg_extension_config_dump('@extschema@.rfm_segment_rule', 'WHERE NOT shipped');

-- The shipped sets are entered before the triggers that protect them exist; an
-- upgrade script that must change one does so between ALTER TABLE ... DISABLE
-- TRIGGER USER and ENABLE TRIGGER USER.
INSERT INTO @extschema@.rfm_segment_rule (ruleset, priority, label, r, f, m, total, owner, shipped)
SELECT v.ruleset, v.priority, v.label,
       v.r::pg_catalog.int4range, v.f::pg_catalog.int4range,
       v.m::pg_catalog.int4range, v.total::pg_catalog.int4range,
       pg_catalog.quote_ident(CURRENT_USER)::pg_catalog.regrole, true
FROM (VALUES
    -- the sum of three quintiles
    ('sum5',        10, 'Loyal Customers',          NULL,    NULL,    NULL,    '[10,15]'),
    ('sum5',        20, 'Potential Loyalists',      NULL,    NULL,    NULL,    '[8,9]'),
    ('sum5',        30, 'Promising Customers',      NULL,    NULL,    NULL,    '[6,7]'),
    ('sum5',        40, 'At Risk',                  NULL,    NULL,    NULL,    '[4,5]'),
    ('sum5',        50, 'Hibernating',              NULL,    NULL,    NULL,    '[3,3]'),
    -- who the customer is, from three quintiles
    ('traits5',     10, 'Champions',                '[4,)',  '[4,)',  '[4,)',  NULL),
    ('traits5',     20, 'Loyal High Spenders',      '(,3]',  '[4,)',  '[4,)',  NULL),
    ('traits5',     30, 'Loyal Budget Spenders',    NULL,    '[4,)',  '(,3]',  NULL),
    ('traits5',     40, 'Big Spenders',             '[3,)',  '(,3]',  '[4,)',  NULL),
    ('traits5',     50, 'New High Value Customers', '[5,5]', '(,2]',  '[4,)',  NULL),
    ('traits5',     60, 'New Customers',            '[5,5]', '(,2]',  '(,2]',  NULL),
    ('traits5',     70, 'Potential Loyalists',      '[4,)',  '[3,3]', '[3,3]', NULL),
    ('traits5',     80, 'Promising Customers',      '[4,4]', '[2,2]', '[2,2]', NULL),
    ('traits5',     90, 'Loyal At Risk',            '(,2]',  '[4,)',  NULL,    NULL),
    ('traits5',    100, 'Big Spenders At Risk',     '(,2]',  NULL,    '[4,)',  NULL),
    ('traits5',    110, 'About to Churn',           '[2,2]', '(,2]',  '(,2]',  NULL),
    ('traits5',    120, 'Hibernating',              '[1,1]', '(,2]',  '(,2]',  NULL),
    ('traits5',    130, 'One-time Buyers',          NULL,    '[1,1]', '(,2]',  NULL),
    ('traits5',    140, 'Bargain Hunters',          NULL,    '[3,)',  '[1,1]', NULL),
    ('traits5',    150, 'Low Value Customers',      '(,3]',  '(,2]',  '(,2]',  NULL),
    -- recency and frequency in quartiles
    ('quartile11',  10, 'Champions',                '[4,4]', '[4,4]', '[4,4]', NULL),
    ('quartile11',  20, 'Loyal Customers',          '[4,4]', '[4,4]', NULL,    NULL),
    ('quartile11',  30, 'Potential Loyalists',      '[3,)',  '[3,)',  NULL,    NULL),
    ('quartile11',  40, 'New Customers',            '[4,4]', '(,2]',  NULL,    NULL),
    ('quartile11',  50, 'Promising',                '[3,3]', '(,2]',  NULL,    NULL),
    ('quartile11',  60, 'Needs Attention',          '[2,2]', '[3,)',  NULL,    NULL),
    ('quartile11',  70, 'About to Sleep',           '[2,2]', '(,2]',  NULL,    NULL),
    ('quartile11',  80, 'At-Risk',                  '[1,1]', '[3,)',  NULL,    NULL),
    ('quartile11',  90, 'Hibernating',              '[1,1]', '[2,2]', NULL,    NULL),
    ('quartile11', 100, 'Lost',                     '[1,1]', '[1,1]', NULL,    NULL),
    ('quartile11', 110, 'Other',                    NULL,    NULL,    NULL,    NULL),
    -- the eleven names marketers know, from three quintiles
    ('classic11',   10, 'Champions',                '[4,)',  '[4,)',  '[4,)',  NULL),
    ('classic11',   20, 'Loyal',                    '[3,)',  '[4,)',  NULL,    NULL),
    ('classic11',   30, 'Potential Loyalist',       '[4,)',  '[2,3]', NULL,    NULL),
    ('classic11',   40, 'New Customers',            '[5,5]', '[1,1]', NULL,    NULL),
    ('classic11',   50, 'Promising',                '[4,4]', '[1,1]', NULL,    NULL),
    ('classic11',   60, 'Need Attention',           '[3,3]', '[3,3]', NULL,    NULL),
    ('classic11',   70, 'About To Sleep',           '[3,3]', '(,2]',  NULL,    NULL),
    ('classic11',   80, 'Cannot Lose Them',         '(,2]',  '[4,)',  '[4,)',  NULL),
    ('classic11',   90, 'At Risk',                  '(,2]',  '[3,)',  NULL,    NULL),
    ('classic11',  100, 'Lost',                     '[1,1]', '(,2]',  '(,2]',  NULL),
    ('classic11',  110, 'Hibernating',              '(,2]',  '(,2]',  NULL,    NULL)
) AS v(ruleset, priority, label, r, f, m, total);

GRANT SELECT, INSERT, UPDATE, DELETE ON @extschema@.rfm_segment_rule TO PUBLIC;

ALTER TABLE @extschema@.rfm_segment_rule ENABLE ROW LEVEL SECURITY;

CREATE POLICY rfm_segment_rule_read ON @extschema@.rfm_segment_rule
    FOR SELECT USING (true);
CREATE POLICY rfm_segment_rule_add ON @extschema@.rfm_segment_rule
    FOR INSERT WITH CHECK (pg_catalog.pg_has_role(owner::pg_catalog.oid, 'MEMBER') AND NOT shipped);
-- Shipped rows pass, so that the trigger answers with an error and a hint
-- instead of "UPDATE 0".
CREATE POLICY rfm_segment_rule_edit ON @extschema@.rfm_segment_rule
    FOR UPDATE USING (shipped OR pg_catalog.pg_has_role(owner::pg_catalog.oid, 'MEMBER'))
    WITH CHECK (pg_catalog.pg_has_role(owner::pg_catalog.oid, 'MEMBER') AND NOT shipped);
CREATE POLICY rfm_segment_rule_remove ON @extschema@.rfm_segment_rule
    FOR DELETE USING (shipped OR pg_catalog.pg_has_role(owner::pg_catalog.oid, 'MEMBER'));

-- The lock of one rule set, until the transaction ends: exclusive for who
-- changes it, shared for who defines a model on it.
CREATE FUNCTION @extschema@.rfm_lock_ruleset(ruleset pg_catalog.text, exclusive pg_catalog.bool)
RETURNS pg_catalog.void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    table_key CONSTANT pg_catalog.int4 := '@extschema@.rfm_segment_rule'::pg_catalog.regclass::pg_catalog.oid::pg_catalog.int4;
    set_key   CONSTANT pg_catalog.int4 := pg_catalog.hashtext(ruleset);
BEGIN
    IF exclusive THEN
        PERFORM pg_catalog.pg_advisory_xact_lock(table_key, set_key);
    ELSE
        PERFORM pg_catalog.pg_advisory_xact_lock_shared(table_key, set_key);
    END IF;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_lock_ruleset(pg_catalog.text, pg_catalog.bool) IS
    'internal: locks a rule set until the end of the transaction';

-- Three bucket counts from one or three, checked.
CREATE FUNCTION @extschema@.rfm_axis_buckets(buckets pg_catalog.int4[])
RETURNS pg_catalog.int4[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    k pg_catalog.int4[] := ARRAY(SELECT pg_catalog.unnest(buckets));
BEGIN
    IF pg_catalog.cardinality(k) OPERATOR(pg_catalog.=) 1 THEN
        k := ARRAY[k[1], k[1], k[1]];
    END IF;
    IF pg_catalog.cardinality(k) OPERATOR(pg_catalog.<>) 3
       OR NOT COALESCE(2 OPERATOR(pg_catalog.<=) ALL (k) AND 10 OPERATOR(pg_catalog.>=) ALL (k), false)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('invalid buckets: %s', COALESCE(buckets::pg_catalog.text, 'null')),
            DETAIL = 'Buckets are one number from 2 to 10, or three of them, for r, f and m.',
            HINT = 'Write ''{5}'' or ''{5,4,4}''.';
    END IF;
    RETURN k;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_axis_buckets(pg_catalog.int4[]) IS
    'internal: the bucket counts of r, f and m from a model''s buckets';

-- Runs as its owner, because a rule set may be used by models that the caller
-- must not see: it tells their bucket counts and nothing else.  Its body is bound
-- to the objects that it means now: a name could come to mean another one.
CREATE FUNCTION @extschema@.rfm_ruleset_buckets(ruleset pg_catalog.text)
RETURNS SETOF pg_catalog.int4[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT u.buckets
    FROM @extschema@.rfm_model u
    WHERE u.segment_rules OPERATOR(pg_catalog.=) $1
       OR u.comment_rules OPERATOR(pg_catalog.=) $1
    ORDER BY 1;
END;
COMMENT ON FUNCTION @extschema@.rfm_ruleset_buckets(pg_catalog.text) IS
    'internal: the different buckets of the models that use a rule set';

-- One sentence for an error about a rule set in use; names a model only to
-- members of its owner.
CREATE FUNCTION @extschema@.rfm_ruleset_used_by(ruleset pg_catalog.text, buckets pg_catalog.int4[] DEFAULT NULL)
RETURNS pg_catalog.text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT COALESCE(
        (SELECT pg_catalog.format('Model "%s" uses this rule set.', u.model)
         FROM @extschema@.rfm_model u
         WHERE (u.segment_rules OPERATOR(pg_catalog.=) $1 OR u.comment_rules OPERATOR(pg_catalog.=) $1)
           AND ($2 IS NULL OR u.buckets OPERATOR(pg_catalog.=) $2)
           AND pg_catalog.pg_has_role(u.owner::pg_catalog.oid, 'MEMBER')
         ORDER BY u.model
         LIMIT 1),
        'A model of another role uses this rule set.')
$body$;
COMMENT ON FUNCTION @extschema@.rfm_ruleset_used_by(pg_catalog.text, pg_catalog.int4[]) IS
    'internal: says which model uses a rule set, as far as the caller may know';

CREATE FUNCTION @extschema@.rfm_require_ruleset(ruleset pg_catalog.text)
RETURNS pg_catalog.void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
BEGIN
    IF EXISTS (SELECT FROM @extschema@.rfm_segment_rule s WHERE s.ruleset OPERATOR(pg_catalog.=) ruleset) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'undefined_object',
        MESSAGE = pg_catalog.format('rule set "%s" does not exist', ruleset),
        DETAIL = (SELECT pg_catalog.format('There are: %s.', pg_catalog.string_agg(pg_catalog.quote_ident(s.ruleset), ', '))
                  FROM (SELECT DISTINCT x.ruleset, x.shipped FROM @extschema@.rfm_segment_rule x
                        ORDER BY x.shipped DESC, x.ruleset LIMIT 20) s),
        HINT = 'Use one of these, insert the rules of a new one into rfm_segment_rule, or copy one with rfm_copy_ruleset and change the copy.';
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_require_ruleset(pg_catalog.text) IS
    'internal: error if a rule set does not exist';

CREATE FUNCTION @extschema@.rfm_check_ruleset(
    ruleset pg_catalog.text,
    buckets pg_catalog.int4[],
    used_by pg_catalog.text DEFAULT NULL)
RETURNS pg_catalog.void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    k   CONSTANT pg_catalog.int4[] := @extschema@.rfm_axis_buckets(buckets);
    bad pg_catalog.record;
BEGIN
    IF ruleset IS NULL THEN
        RETURN;
    END IF;

    PERFORM @extschema@.rfm_lock_ruleset(ruleset, false);
    PERFORM @extschema@.rfm_require_ruleset(ruleset);

    SELECT s.priority, s.label, a.axis, a.span, a.low, a.high INTO bad
    FROM @extschema@.rfm_segment_rule s
    CROSS JOIN LATERAL (VALUES
        (1, 'r',     s.r,     1, k[1]),
        (2, 'f',     s.f,     1, k[2]),
        (3, 'm',     s.m,     1, k[3]),
        (4, 'total', s.total, 3, k[1] OPERATOR(pg_catalog.+) k[2] OPERATOR(pg_catalog.+) k[3])
    ) AS a(place, axis, span, low, high)
    WHERE s.ruleset OPERATOR(pg_catalog.=) ruleset
      AND (pg_catalog.lower(a.span) OPERATOR(pg_catalog.<) a.low
           OR pg_catalog.lower(a.span) OPERATOR(pg_catalog.>) a.high
           OR pg_catalog.upper(a.span) OPERATOR(pg_catalog.-) 1 OPERATOR(pg_catalog.<) a.low
           OR pg_catalog.upper(a.span) OPERATOR(pg_catalog.-) 1 OPERATOR(pg_catalog.>) a.high)
    ORDER BY s.priority, a.place
    LIMIT 1;

    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = pg_catalog.format('rule %s of rule set "%s" does not fit buckets %s',
                                        bad.priority, ruleset, buckets),
            DETAIL = pg_catalog.concat_ws(' ',
                pg_catalog.format('Rule %s ("%s") wants %s in %s, but %s runs from %s to %s.',
                                  bad.priority, bad.label, bad.axis, bad.span, bad.axis, bad.low, bad.high),
                used_by),
            HINT = 'Leave a range open on the side that has no limit, as in ''[4,)''; or use a rule set made for these buckets: rfm_copy_ruleset makes a copy to change.';
    END IF;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_check_ruleset(pg_catalog.text, pg_catalog.int4[], pg_catalog.text) IS
    'error unless the rule set exists and its ranges lie within these buckets (one number, or one each for r, f and m)';

-- One row: who changes it, and whether it says something by itself.  Runs as the
-- caller, whose memberships it asks for.
CREATE FUNCTION @extschema@.rfm_segment_rule_row()
RETURNS pg_catalog.trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    bad         pg_catalog.record;
    name        pg_catalog.text;
    set_owner   pg_catalog.regrole;
    set_shipped pg_catalog.bool;
BEGIN
    -- An older snapshot would hide who has made a rule set since.
    IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.~) '^(repeatable read|serializable)$'
       AND NOT (SELECT a.rolsuper FROM pg_catalog.pg_roles a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = pg_catalog.format('rule sets cannot be changed in a transaction of isolation level %s',
                                        pg_catalog.current_setting('transaction_isolation')),
            HINT = 'Change them in a transaction begun with BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;

    IF TG_OP OPERATOR(pg_catalog.<>) 'INSERT' THEN
        name := OLD.ruleset;
        PERFORM @extschema@.rfm_lock_ruleset(name, true);
        set_owner := OLD.owner;
        set_shipped := OLD.shipped;
    END IF;

    IF TG_OP OPERATOR(pg_catalog.<>) 'DELETE' AND NEW.ruleset IS DISTINCT FROM name
       AND set_shipped IS NOT TRUE
    THEN
        name := NEW.ruleset;
        PERFORM @extschema@.rfm_lock_ruleset(name, true);
        SELECT s.owner, s.shipped INTO set_owner, set_shipped
        FROM @extschema@.rfm_segment_rule s
        WHERE s.ruleset OPERATOR(pg_catalog.=) name
        LIMIT 1;
    END IF;

    IF set_shipped THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = pg_catalog.format('rule set "%s" is shipped with rfm and cannot be changed', name),
            HINT = pg_catalog.format('Copy it and change the copy: SELECT %s.rfm_copy_ruleset(%L, %L);',
                                     '@extschema@', name, 'my_' OPERATOR(pg_catalog.||) name);
    END IF;
    IF NOT pg_catalog.pg_has_role(set_owner::pg_catalog.oid, 'MEMBER') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = pg_catalog.format('must be owner of rule set "%s"', name),
            DETAIL = pg_catalog.format('It belongs to role %s.', set_owner),
            HINT = 'Give your rule set another name, or copy this one with rfm_copy_ruleset and change the copy.';
    END IF;

    IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
        RETURN OLD;
    END IF;

    IF NEW.shipped THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'cannot mark a rule as shipped',
            HINT = 'Leave column "shipped" out: it marks the rule sets that come with rfm.';
    END IF;

    IF NEW.owner IS NULL THEN
        NEW.owner := COALESCE(set_owner, pg_catalog.quote_ident(CURRENT_USER)::pg_catalog.regrole);
    ELSIF NOT pg_catalog.pg_has_role(NEW.owner::pg_catalog.oid, 'MEMBER') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = pg_catalog.format('must be member of role %s to give it rule set "%s"', NEW.owner, NEW.ruleset),
            HINT = 'Leave column "owner" out to own the rule set yourself.';
    END IF;

    IF (NEW.ruleset OPERATOR(pg_catalog.~) '[^[:space:]]') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'name of a rule set must not be blank',
            HINT = 'Give the rule set a name in column "ruleset".';
    END IF;
    IF (NEW.label OPERATOR(pg_catalog.~) '[^[:space:]]') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = pg_catalog.format('label of rule %s of rule set "%s" must not be blank', NEW.priority, NEW.ruleset),
            HINT = 'Say in column "label" what a customer who matches the rule is called.';
    END IF;

    SELECT a.axis, a.span, a.low, a.high INTO bad
    FROM (VALUES
        (1, 'r',     NEW.r,     1, 10),
        (2, 'f',     NEW.f,     1, 10),
        (3, 'm',     NEW.m,     1, 10),
        (4, 'total', NEW.total, 3, 30)
    ) AS a(place, axis, span, low, high)
    WHERE pg_catalog.isempty(a.span)
       OR pg_catalog.lower(a.span) OPERATOR(pg_catalog.<) a.low
       OR pg_catalog.lower(a.span) OPERATOR(pg_catalog.>) a.high
       OR pg_catalog.upper(a.span) OPERATOR(pg_catalog.-) 1 OPERATOR(pg_catalog.<) a.low
       OR pg_catalog.upper(a.span) OPERATOR(pg_catalog.-) 1 OPERATOR(pg_catalog.>) a.high
    ORDER BY a.place
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = CASE WHEN pg_catalog.isempty(bad.span)
                      THEN pg_catalog.format('range %s of rule %s of rule set "%s" is empty',
                                             bad.axis, NEW.priority, NEW.ruleset)
                      ELSE pg_catalog.format('range %s of rule %s of rule set "%s" is out of bounds: %s',
                                             bad.axis, NEW.priority, NEW.ruleset, bad.span) END,
            DETAIL = pg_catalog.format('Bounds of %s lie within %s and %s.', bad.axis, bad.low, bad.high),
            HINT = 'Write ''[4,5]'' for 4 to 5, ''[4,)'' for 4 or more, ''(,2]'' for at most 2, and null for any.';
    END IF;
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_segment_rule_row() IS
    'trigger: checks one changed rule, and who changes it';
REVOKE ALL ON FUNCTION @extschema@.rfm_segment_rule_row() FROM PUBLIC;

-- The rule sets as one statement leaves them: one owner each, within the buckets
-- of the models that use them, and still there if one does.
CREATE FUNCTION @extschema@.rfm_segment_rule_sets()
RETURNS pg_catalog.trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    name    pg_catalog.text;
    buckets pg_catalog.int4[];
BEGIN
    IF TG_OP OPERATOR(pg_catalog.<>) 'DELETE' THEN
        FOR name IN SELECT DISTINCT a.ruleset FROM added a ORDER BY 1 LOOP
            IF (SELECT pg_catalog.count(DISTINCT s.owner)
                FROM @extschema@.rfm_segment_rule s
                WHERE s.ruleset OPERATOR(pg_catalog.=) name) OPERATOR(pg_catalog.>) 1
            THEN
                RAISE EXCEPTION USING
                    ERRCODE = 'check_violation',
                    MESSAGE = pg_catalog.format('rules of rule set "%s" must have one owner', name),
                    HINT = 'Leave column "owner" out, or change it in all rules of the set at once.';
            END IF;
            FOR buckets IN SELECT u.b FROM @extschema@.rfm_ruleset_buckets(name) AS u(b) LOOP
                PERFORM @extschema@.rfm_check_ruleset(name, buckets,
                                                      @extschema@.rfm_ruleset_used_by(name, buckets));
            END LOOP;
        END LOOP;
    END IF;

    IF TG_OP OPERATOR(pg_catalog.<>) 'INSERT' THEN
        FOR name IN SELECT DISTINCT d.ruleset FROM removed d
                    WHERE NOT EXISTS (SELECT FROM @extschema@.rfm_segment_rule s
                                      WHERE s.ruleset OPERATOR(pg_catalog.=) d.ruleset)
                    ORDER BY 1 LOOP
            IF EXISTS (SELECT FROM @extschema@.rfm_ruleset_buckets(name)) THEN
                RAISE EXCEPTION USING
                    ERRCODE = 'dependent_objects_still_exist',
                    MESSAGE = pg_catalog.format('cannot remove the last rule of rule set "%s" because a model uses it', name),
                    DETAIL = @extschema@.rfm_ruleset_used_by(name),
                    HINT = 'Give the model another rule set first, in rfm_model.segment_rules or comment_rules.';
            END IF;
        END LOOP;
    END IF;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_segment_rule_sets() IS
    'trigger: checks the rule sets that a statement has changed';
REVOKE ALL ON FUNCTION @extschema@.rfm_segment_rule_sets() FROM PUBLIC;

CREATE FUNCTION @extschema@.rfm_segment_rule_truncate()
RETURNS pg_catalog.trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = 'cannot truncate rfm_segment_rule',
        DETAIL = 'It holds the rule sets that are shipped with rfm.',
        HINT = 'Delete the rules that are to go: DELETE FROM rfm_segment_rule WHERE ruleset = ...';
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_segment_rule_truncate() IS
    'trigger: keeps the shipped rule sets from TRUNCATE';
REVOKE ALL ON FUNCTION @extschema@.rfm_segment_rule_truncate() FROM PUBLIC;

CREATE TRIGGER rfm_segment_rule_row BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.rfm_segment_rule
    FOR EACH ROW EXECUTE FUNCTION @extschema@.rfm_segment_rule_row();
CREATE TRIGGER rfm_segment_rule_inserted AFTER INSERT ON @extschema@.rfm_segment_rule
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.rfm_segment_rule_sets();
CREATE TRIGGER rfm_segment_rule_updated AFTER UPDATE ON @extschema@.rfm_segment_rule
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.rfm_segment_rule_sets();
CREATE TRIGGER rfm_segment_rule_deleted AFTER DELETE ON @extschema@.rfm_segment_rule
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.rfm_segment_rule_sets();
CREATE TRIGGER rfm_segment_rule_truncate BEFORE TRUNCATE ON @extschema@.rfm_segment_rule
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.rfm_segment_rule_truncate();

CREATE FUNCTION @extschema@.rfm_copy_ruleset(from_ruleset pg_catalog.text, to_ruleset pg_catalog.text)
RETURNS pg_catalog.int8
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    copied pg_catalog.int8;
BEGIN
    IF from_ruleset IS NULL OR to_ruleset IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'name of a rule set must not be null',
            HINT = 'Name the rule set to copy and the one to make: SELECT rfm_copy_ruleset(''traits5'', ''my_traits'');';
    END IF;
    PERFORM @extschema@.rfm_lock_ruleset(to_ruleset, true);
    PERFORM @extschema@.rfm_require_ruleset(from_ruleset);
    IF EXISTS (SELECT FROM @extschema@.rfm_segment_rule s WHERE s.ruleset OPERATOR(pg_catalog.=) to_ruleset) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_object',
            MESSAGE = pg_catalog.format('rule set "%s" already exists', to_ruleset),
            HINT = 'Give the copy another name, or delete the rules of that set first.';
    END IF;
    INSERT INTO @extschema@.rfm_segment_rule (ruleset, priority, label, r, f, m, total)
    SELECT to_ruleset, s.priority, s.label, s.r, s.f, s.m, s.total
    FROM @extschema@.rfm_segment_rule s
    WHERE s.ruleset OPERATOR(pg_catalog.=) from_ruleset
    ORDER BY s.priority;
    GET DIAGNOSTICS copied = ROW_COUNT;
    RETURN copied;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_copy_ruleset(pg_catalog.text, pg_catalog.text) IS
    'copies a rule set under a new name, owned by who calls; returns the rules copied';

CREATE FUNCTION @extschema@.rfm_segment_coverage(
    ruleset pg_catalog.text,
    buckets pg_catalog.int4[] DEFAULT NULL)
RETURNS TABLE (
    r pg_catalog.int4, f pg_catalog.int4, m pg_catalog.int4,
    priority pg_catalog.int4, label pg_catalog.text, status pg_catalog.text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
    name CONSTANT pg_catalog.text := ruleset;
    k    pg_catalog.int4[];
    used pg_catalog.int8;
BEGIN
    PERFORM @extschema@.rfm_require_ruleset(name);

    IF rfm_segment_coverage.buckets IS NOT NULL THEN
        k := @extschema@.rfm_axis_buckets(rfm_segment_coverage.buckets);
    ELSE
        SELECT pg_catalog.count(DISTINCT b.axes), pg_catalog.min(b.axes) INTO used, k
        FROM (SELECT @extschema@.rfm_axis_buckets(u.buckets) AS axes
              FROM @extschema@.rfm_model u
              WHERE (u.segment_rules OPERATOR(pg_catalog.=) name OR u.comment_rules OPERATOR(pg_catalog.=) name)
                AND pg_catalog.pg_has_role(u.owner::pg_catalog.oid, 'MEMBER')) b;
    END IF;

    -- No model says it, or several do, each its own: the fewest buckets that
    -- hold every bound; five where there is none.
    IF k IS NULL OR used OPERATOR(pg_catalog.>) 1 THEN
        SELECT pg_catalog.array_fill(GREATEST(2, COALESCE(pg_catalog.max(GREATEST(
                   pg_catalog.lower(s.r), pg_catalog.upper(s.r) OPERATOR(pg_catalog.-) 1,
                   pg_catalog.lower(s.f), pg_catalog.upper(s.f) OPERATOR(pg_catalog.-) 1,
                   pg_catalog.lower(s.m), pg_catalog.upper(s.m) OPERATOR(pg_catalog.-) 1,
                   (pg_catalog.lower(s.total) OPERATOR(pg_catalog.+) 2) OPERATOR(pg_catalog./) 3,
                   (pg_catalog.upper(s.total) OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog./) 3)), 5)),
                   ARRAY[3])
        INTO k
        FROM @extschema@.rfm_segment_rule s
        WHERE s.ruleset OPERATOR(pg_catalog.=) name;
    END IF;

    RETURN QUERY
    WITH cell AS MATERIALIZED (
        SELECT cr.v AS r, cf.v AS f, cm.v AS m, t.priority, t.label
        FROM pg_catalog.generate_series(1, k[1]) AS cr(v)
        CROSS JOIN pg_catalog.generate_series(1, k[2]) AS cf(v)
        CROSS JOIN pg_catalog.generate_series(1, k[3]) AS cm(v)
        LEFT JOIN LATERAL (
            SELECT s.priority, s.label
            FROM @extschema@.rfm_segment_rule s
            WHERE s.ruleset OPERATOR(pg_catalog.=) name
              AND COALESCE(s.r OPERATOR(pg_catalog.@>) cr.v, true)
              AND COALESCE(s.f OPERATOR(pg_catalog.@>) cf.v, true)
              AND COALESCE(s.m OPERATOR(pg_catalog.@>) cm.v, true)
              AND COALESCE(s.total OPERATOR(pg_catalog.@>)
                           (cr.v OPERATOR(pg_catalog.+) cf.v OPERATOR(pg_catalog.+) cm.v), true)
            ORDER BY s.priority
            LIMIT 1) t ON true
    ), line AS (
        SELECT c.r, c.f, c.m, c.priority, COALESCE(c.label, 'Others') AS label,
               CASE WHEN c.priority IS NULL THEN 'not taken' ELSE 'taken' END AS status
        FROM cell c
        UNION ALL
        SELECT NULL, NULL, NULL, s.priority, s.label, 'never matches'
        FROM @extschema@.rfm_segment_rule s
        WHERE s.ruleset OPERATOR(pg_catalog.=) name
          AND NOT EXISTS (SELECT FROM cell c WHERE c.priority OPERATOR(pg_catalog.=) s.priority)
    )
    SELECT l.r, l.f, l.m, l.priority, l.label, l.status
    FROM line l
    ORDER BY l.r NULLS LAST, l.f, l.m, l.priority;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_segment_coverage(pg_catalog.text, pg_catalog.int4[]) IS
    'every cell of the score cube with the rule that takes it, cells that none takes, then the rules that never match; buckets: those given, else those of your models that use the rule set, else the fewest that its ranges need';

-- The log of snapshots ---------------------------------------------------

CREATE TABLE @extschema@.rfm_run (
    run_id      pg_catalog.int8        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model       pg_catalog.text        NOT NULL,
    owner       pg_catalog.regrole     NOT NULL,
    run_date    pg_catalog.date        NOT NULL,
    customers   pg_catalog.int8        NOT NULL,
    orders      pg_catalog.int8        NOT NULL,
    inserted    pg_catalog.int8        NOT NULL,
    updated     pg_catalog.int8        NOT NULL,
    deleted     pg_catalog.int8        NOT NULL,
    unchanged   pg_catalog.int8        NOT NULL,
    expired     pg_catalog.int8        NOT NULL,
    cut_points  pg_catalog.jsonb       NOT NULL,
    phases      pg_catalog.jsonb       NOT NULL,
    started_at  pg_catalog.timestamptz NOT NULL,
    finished_at pg_catalog.timestamptz NOT NULL,
    run_by      pg_catalog.text        NOT NULL,
    version     pg_catalog.text        NOT NULL,
    backfill    pg_catalog.jsonb
);

CREATE INDEX rfm_run_model_run_date_idx ON @extschema@.rfm_run (model, run_date, run_id);

COMMENT ON TABLE @extschema@.rfm_run IS
    'log of snapshots: one row a refresh that succeeded. Everyone sees the runs of the models of the roles they are a member of';
COMMENT ON COLUMN @extschema@.rfm_run.run_id IS 'number of the run';
COMMENT ON COLUMN @extschema@.rfm_run.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_run.owner IS 'owner of the model at the time';
COMMENT ON COLUMN @extschema@.rfm_run.run_date IS 'date of the snapshot';
COMMENT ON COLUMN @extschema@.rfm_run.customers IS 'customers in the snapshot';
COMMENT ON COLUMN @extschema@.rfm_run.orders IS 'rows of the source that counted';
COMMENT ON COLUMN @extschema@.rfm_run.inserted IS 'rows of the target inserted';
COMMENT ON COLUMN @extschema@.rfm_run.updated IS 'rows of the target updated';
COMMENT ON COLUMN @extschema@.rfm_run.deleted IS 'rows of the target deleted';
COMMENT ON COLUMN @extschema@.rfm_run.unchanged IS 'rows of the target that stood as they should and were not touched';
COMMENT ON COLUMN @extschema@.rfm_run.expired IS 'older snapshots (run dates) of the target that went by the model''s retention';
COMMENT ON COLUMN @extschema@.rfm_run.cut_points IS 'what each score covers and where the cuts lie; rfm_cut_points() shows it as rows';
COMMENT ON COLUMN @extschema@.rfm_run.phases IS 'milliseconds by phase: read, sort, score, write';
COMMENT ON COLUMN @extschema@.rfm_run.started_at IS 'when the refresh began, waiting for another one included';
COMMENT ON COLUMN @extschema@.rfm_run.finished_at IS 'when it was done, before its transaction committed';
COMMENT ON COLUMN @extschema@.rfm_run.run_by IS 'role that asked for the refresh';
COMMENT ON COLUMN @extschema@.rfm_run.version IS 'version of the library that computed the snapshot';
COMMENT ON COLUMN @extschema@.rfm_run.backfill IS 'the call of rfm_backfill() that the snapshot belongs to: its dates, and a digest of the model and its rules; null: of no such call';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.rfm_run', '');
SELECT pg_catalog.pg_extension_config_dump('@extschema@.rfm_run_run_id_seq', '');

ALTER TABLE @extschema@.rfm_run ENABLE ROW LEVEL SECURITY;

CREATE POLICY rfm_run_owner ON @extschema@.rfm_run
    FOR SELECT USING (pg_catalog.pg_has_role(owner, 'USAGE'));

GRANT SELECT ON @extschema@.rfm_run TO PUBLIC;

-- Where a database owner who is no superuser has made the extension, they do not
-- own its tables, but must be able to dump and restore what they may see of them.
CREATE POLICY rfm_run_restore ON @extschema@.rfm_run
    FOR INSERT TO pg_database_owner WITH CHECK (pg_catalog.pg_has_role(owner, 'USAGE'));
GRANT INSERT ON @extschema@.rfm_run TO pg_database_owner;
GRANT SELECT, UPDATE ON SEQUENCE @extschema@.rfm_run_run_id_seq TO pg_database_owner;

-- Collecting -------------------------------------------------------------
--
-- The aggregate behind every refresh: its result is a ticket that only the
-- refresh that asked for it can use.

CREATE FUNCTION @extschema@.rfm_collect_trans(pg_catalog.internal, "any", "any", "any")
RETURNS pg_catalog.internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_trans';

CREATE FUNCTION @extschema@.rfm_collect_trans(pg_catalog.internal, "any", "any", "any", "any")
RETURNS pg_catalog.internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_trans';

CREATE FUNCTION @extschema@.rfm_collect_combine(pg_catalog.internal, pg_catalog.internal)
RETURNS pg_catalog.internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_combine';

CREATE FUNCTION @extschema@.rfm_collect_serialize(pg_catalog.internal)
RETURNS pg_catalog.bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_serialize';

CREATE FUNCTION @extschema@.rfm_collect_deserialize(pg_catalog.bytea, pg_catalog.internal)
RETURNS pg_catalog.internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_deserialize';

CREATE FUNCTION @extschema@.rfm_collect_final(pg_catalog.internal)
RETURNS pg_catalog.int8
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_final';

CREATE AGGREGATE @extschema@.rfm_collect("any", "any", "any") (
    SFUNC = @extschema@.rfm_collect_trans,
    STYPE = pg_catalog.internal,
    SSPACE = 1048576,
    FINALFUNC = @extschema@.rfm_collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = @extschema@.rfm_collect_combine,
    SERIALFUNC = @extschema@.rfm_collect_serialize,
    DESERIALFUNC = @extschema@.rfm_collect_deserialize,
    PARALLEL = SAFE
);

CREATE AGGREGATE @extschema@.rfm_collect("any", "any", "any", "any") (
    SFUNC = @extschema@.rfm_collect_trans,
    STYPE = pg_catalog.internal,
    SSPACE = 1048576,
    FINALFUNC = @extschema@.rfm_collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = @extschema@.rfm_collect_combine,
    SERIALFUNC = @extschema@.rfm_collect_serialize,
    DESERIALFUNC = @extschema@.rfm_collect_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.rfm_collect("any", "any", "any") IS
    'internal: collects (customer, order time, amount) for a refresh; of no use in other queries';
COMMENT ON AGGREGATE @extschema@.rfm_collect("any", "any", "any", "any") IS
    'internal: collects (customer, order time, amount, order id) for a refresh; of no use in other queries';

-- Shards -----------------------------------------------------------------
--
-- What the queries of a pushed-down refresh call where the orders are.

CREATE TYPE @extschema@.rfm_rank_summary;

CREATE FUNCTION @extschema@.rfm_rank_summary_in(pg_catalog.cstring)
RETURNS @extschema@.rfm_rank_summary
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_rank_summary_in';

CREATE FUNCTION @extschema@.rfm_rank_summary_out(@extschema@.rfm_rank_summary)
RETURNS pg_catalog.cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_rank_summary_out';

CREATE TYPE @extschema@.rfm_rank_summary (
    INPUT = @extschema@.rfm_rank_summary_in,
    OUTPUT = @extschema@.rfm_rank_summary_out,
    INTERNALLENGTH = VARIABLE,
    STORAGE = extended
);

COMMENT ON TYPE @extschema@.rfm_rank_summary IS
    'internal: how the customers of a shard lie on the three axes, in bounded size; refreshes merge those of all shards';
COMMENT ON FUNCTION @extschema@.rfm_rank_summary_in(pg_catalog.cstring) IS 'internal: input of type rfm_rank_summary';
COMMENT ON FUNCTION @extschema@.rfm_rank_summary_out(@extschema@.rfm_rank_summary) IS 'internal: output of type rfm_rank_summary';

CREATE FUNCTION @extschema@.rfm_shard_summary_trans(
    @extschema@.rfm_rank_summary, pg_catalog.text, pg_catalog.int4, pg_catalog.int8, pg_catalog.numeric,
    pg_catalog.float8, pg_catalog.text, pg_catalog.int8, pg_catalog.bool)
RETURNS @extschema@.rfm_rank_summary
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_shard_summary_trans';

CREATE FUNCTION @extschema@.rfm_shard_summary_combine(@extschema@.rfm_rank_summary, @extschema@.rfm_rank_summary)
RETURNS @extschema@.rfm_rank_summary
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_shard_summary_combine';

CREATE AGGREGATE @extschema@.rfm_shard_summary(
    request pg_catalog.text, recency_days pg_catalog.int4, frequency_orders pg_catalog.int8, monetary_value pg_catalog.numeric,
    monetary_real pg_catalog.float8, customer pg_catalog.text, orders pg_catalog.int8, included pg_catalog.bool) (
    SFUNC = @extschema@.rfm_shard_summary_trans,
    STYPE = @extschema@.rfm_rank_summary,
    SSPACE = 1048576,
    COMBINEFUNC = @extschema@.rfm_shard_summary_combine,
    PARALLEL = SAFE
);

COMMENT ON FUNCTION @extschema@.rfm_shard_summary_trans(
    @extschema@.rfm_rank_summary, pg_catalog.text, pg_catalog.int4, pg_catalog.int8, pg_catalog.numeric,
    pg_catalog.float8, pg_catalog.text, pg_catalog.int8, pg_catalog.bool) IS
    'internal: adds a customer to a summary';
COMMENT ON FUNCTION @extschema@.rfm_shard_summary_combine(@extschema@.rfm_rank_summary, @extschema@.rfm_rank_summary) IS
    'internal: merges two summaries';
COMMENT ON AGGREGATE @extschema@.rfm_shard_summary(
    pg_catalog.text, pg_catalog.int4, pg_catalog.int8, pg_catalog.numeric,
    pg_catalog.float8, pg_catalog.text, pg_catalog.int8, pg_catalog.bool) IS
    'internal: summarizes the customers of a shard as a pushed-down refresh requests it';

CREATE FUNCTION @extschema@.rfm_shard_sum_trans(pg_catalog.internal, pg_catalog.float8)
RETURNS pg_catalog.internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_shard_sum_trans';

CREATE FUNCTION @extschema@.rfm_shard_sum_final(pg_catalog.internal)
RETURNS pg_catalog.float8
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_shard_sum_final';

CREATE AGGREGATE @extschema@.rfm_shard_sum(pg_catalog.float8) (
    SFUNC = @extschema@.rfm_shard_sum_trans,
    STYPE = pg_catalog.internal,
    FINALFUNC = @extschema@.rfm_shard_sum_final,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.rfm_shard_sum(pg_catalog.float8) IS
    'internal: a sum that is rounded once, whatever the order of the rows';

CREATE FUNCTION @extschema@.rfm_shard_image(pg_catalog.anyelement, pg_catalog.anyelement)
RETURNS pg_catalog.anyelement
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_shard_image';

COMMENT ON FUNCTION @extschema@.rfm_shard_image(pg_catalog.anyelement, pg_catalog.anyelement) IS
    'internal: of two equal keys the one that a snapshot has';

CREATE AGGREGATE @extschema@.rfm_shard_image(pg_catalog.anyelement) (
    SFUNC = @extschema@.rfm_shard_image,
    STYPE = pg_catalog.anyelement,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.rfm_shard_image(pg_catalog.anyelement) IS
    'internal: of equal keys the one that a snapshot has';

CREATE FUNCTION @extschema@.rfm_shard_days(order_time pg_catalog.anyelement, run_date pg_catalog.date, time_zone pg_catalog.text)
RETURNS pg_catalog.int4
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_shard_days';

COMMENT ON FUNCTION @extschema@.rfm_shard_days(pg_catalog.anyelement, pg_catalog.date, pg_catalog.text) IS
    'internal: days from the local date of an order time until a run date';

CREATE FUNCTION @extschema@.rfm_shard_customer(customer pg_catalog.anyelement)
RETURNS pg_catalog.text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_shard_customer';

COMMENT ON FUNCTION @extschema@.rfm_shard_customer(pg_catalog.anyelement) IS
    'internal: a customer as text, whatever the settings of the session';

CREATE FUNCTION @extschema@.rfm_shard_cell(
    cuts pg_catalog.text, recency_days pg_catalog.int4, frequency_orders pg_catalog.int8, monetary_value pg_catalog.numeric,
    monetary_real pg_catalog.float8, customer pg_catalog.anyelement)
RETURNS pg_catalog.int4
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_shard_cell';

COMMENT ON FUNCTION @extschema@.rfm_shard_cell(
    pg_catalog.text, pg_catalog.int4, pg_catalog.int8, pg_catalog.numeric, pg_catalog.float8, pg_catalog.anyelement) IS
    'internal: the three scores of a customer by the cut points of a pushed-down refresh';

-- Refreshing ---------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_create_model(
    model          pg_catalog.text,
    source         pg_catalog.regclass,
    target         pg_catalog.text,
    customer       pg_catalog.name       DEFAULT 'customer_id',
    ordered_at     pg_catalog.name       DEFAULT 'created_at',
    amount         pg_catalog.text       DEFAULT 'total',
    order_id       pg_catalog.name       DEFAULT NULL,
    filter         pg_catalog.text       DEFAULT NULL,
    method         pg_catalog.text       DEFAULT 'ntile',
    buckets        pg_catalog.int4[]     DEFAULT '{5}',
    r_breaks       pg_catalog.numeric[]  DEFAULT NULL,
    f_breaks       pg_catalog.numeric[]  DEFAULT NULL,
    m_breaks       pg_catalog.numeric[]  DEFAULT NULL,
    lookback       pg_catalog.interval   DEFAULT NULL,
    time_zone      pg_catalog.text       DEFAULT 'UTC',
    as_of          pg_catalog.text       DEFAULT 'today',
    monetary_above pg_catalog.numeric    DEFAULT NULL,
    segment_rules  pg_catalog.text       DEFAULT 'sum5',
    comment_rules  pg_catalog.text       DEFAULT 'traits5',
    target_columns pg_catalog.jsonb      DEFAULT NULL,
    keep_stale     pg_catalog.bool       DEFAULT false,
    weights        pg_catalog.int4[]     DEFAULT '{100,10,1}',
    retention      pg_catalog.interval   DEFAULT NULL,
    partition_by   pg_catalog.text       DEFAULT NULL
) RETURNS pg_catalog.void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_create_model';

COMMENT ON FUNCTION @extschema@.rfm_create_model(
    pg_catalog.text, pg_catalog.regclass, pg_catalog.text, pg_catalog.name,
    pg_catalog.name, pg_catalog.text, pg_catalog.name, pg_catalog.text,
    pg_catalog.text, pg_catalog.int4[], pg_catalog.numeric[],
    pg_catalog.numeric[], pg_catalog.numeric[], pg_catalog.interval,
    pg_catalog.text, pg_catalog.text, pg_catalog.numeric, pg_catalog.text,
    pg_catalog.text, pg_catalog.jsonb, pg_catalog.bool, pg_catalog.int4[],
    pg_catalog.interval, pg_catalog.text) IS
    'defines a model and creates its target, with its key, where there is none; the parameters are the columns of rfm_model';

CREATE FUNCTION @extschema@.rfm_ensure_model(model pg_catalog.text)
RETURNS pg_catalog.void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_ensure_model';

COMMENT ON FUNCTION @extschema@.rfm_ensure_model(pg_catalog.text) IS
    'raises an error unless the caller may use the model; makes the model default where it is asked for and ecom.orders exists';

CREATE FUNCTION @extschema@.rfm_drop_model(model pg_catalog.text, drop_target pg_catalog.bool DEFAULT false)
RETURNS pg_catalog.void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    target_name text;
    target_oid  oid;
    may_drop    bool;
BEGIN
    IF model IS NULL THEN
        RAISE EXCEPTION 'model must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    -- a target that is gone already has no name
    SELECT c.oid::regclass::text, c.oid, pg_has_role(m.owner, c.relowner, 'USAGE')
      INTO target_name, target_oid, may_drop
      FROM @extschema@.rfm_model m LEFT JOIN pg_class c ON c.oid = m.target
     WHERE m.model = rfm_drop_model.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model "%" does not exist', model
            USING ERRCODE = 'undefined_object',
                  HINT = 'The models that you may use are the rows of rfm_model.';
    END IF;
    -- whoever calls this, the model's owner must be able to drop it
    IF drop_target AND NOT may_drop THEN
        RAISE EXCEPTION 'target of model "%" does not belong to the model''s owner', model
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('Table %s stays, and so does the model.', target_name),
                  HINT = 'Drop the model without its target, and the table with DROP TABLE.';
    END IF;
    DELETE FROM @extschema@.rfm_model m WHERE m.model = rfm_drop_model.model;
    -- who may not use pg_cron has nothing scheduled in it
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron')
       AND has_schema_privilege('cron', 'USAGE')
    THEN
        PERFORM @extschema@.rfm_unschedule(model);
    END IF;
    PERFORM @extschema@.rfm_drop_latest_view(target_oid);
    IF drop_target AND target_name IS NOT NULL THEN
        EXECUTE 'DROP TABLE ' || target_name;
    END IF;
END
$function$;

COMMENT ON FUNCTION @extschema@.rfm_drop_model(pg_catalog.text, pg_catalog.bool) IS
    'removes a model, its schedule and the view of its newest snapshot; its target and log stay unless drop_target is true, which drops the target';

CREATE FUNCTION @extschema@.rfm_refresh(
    run_date pg_catalog.date DEFAULT NULL,
    model    pg_catalog.text DEFAULT 'default'
) RETURNS pg_catalog.int8
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_refresh';

COMMENT ON FUNCTION @extschema@.rfm_refresh(pg_catalog.date, pg_catalog.text) IS
    'computes the snapshot of a date and makes the rows of the target equal to it; returns the number of customers in it. Without a date: today in the model''s time zone, or the date of the latest order where the model says so';

CREATE PROCEDURE @extschema@.rfm_catch_up(model pg_catalog.text DEFAULT 'default')
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_catch_up';

COMMENT ON PROCEDURE @extschema@.rfm_catch_up(pg_catalog.text) IS
    'computes every snapshot that a model has missed since its last one, oldest first, each in a transaction of its own, then today''s (or that of the latest order''s date, where the model says so); at most rfm.catch_up_limit of them. Where there is no snapshot yet, or the target holds the newest one only: today''s alone';

CREATE PROCEDURE @extschema@.rfm_backfill(
    from_date pg_catalog.date,
    to_date   pg_catalog.date,
    model     pg_catalog.text DEFAULT 'default'
)
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_backfill';

COMMENT ON PROCEDURE @extschema@.rfm_backfill(pg_catalog.date, pg_catalog.date, pg_catalog.text) IS
    'computes the snapshot of every date from from_date to to_date, oldest first, each in a transaction of its own, as rfm_refresh() would one by one; but reads the orders only once for all of them, where they fit into rfm.work_mem. Called again after it was interrupted, it goes on where it stopped';

CREATE FUNCTION @extschema@.rfm_preview(
    run_date pg_catalog.date DEFAULT NULL,
    model    pg_catalog.text DEFAULT 'default'
) RETURNS TABLE (
    run_date         pg_catalog.date,
    customer_id      pg_catalog.text,
    recency_days     pg_catalog.int4,
    frequency_orders pg_catalog.int8,
    monetary_value   pg_catalog.numeric,
    r_score          pg_catalog.int4,
    f_score          pg_catalog.int4,
    m_score          pg_catalog.int4,
    rfm_score        pg_catalog.int4,
    rfm_segment      pg_catalog.text,
    comments         pg_catalog.text,
    rfm_cell         pg_catalog.text,
    rfm_weighted     pg_catalog.int8
)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100000
AS 'MODULE_PATHNAME', 'rfm_preview';

COMMENT ON FUNCTION @extschema@.rfm_preview(pg_catalog.date, pg_catalog.text) IS
    'the snapshot of a date as rows, in the order of the customers; nothing is written';

CREATE FUNCTION @extschema@.rfm_cut_points(
    run_date pg_catalog.date DEFAULT NULL,
    model    pg_catalog.text DEFAULT 'default'
) RETURNS TABLE (
    metric        pg_catalog.text,
    score         pg_catalog.int4,
    customers     pg_catalog.int8,
    lowest        pg_catalog.numeric,
    highest       pg_catalog.numeric,
    cut_point     pg_catalog.numeric,
    from_customer pg_catalog.text
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
    WITH newest AS (
        SELECT cut_points
          FROM @extschema@.rfm_run r
         WHERE r.model = $2 AND r.run_date = coalesce($1, r.run_date)
         ORDER BY r.run_date DESC, r.run_id DESC
         LIMIT 1)
    SELECT axis.name, score.score, score.customers, score.lowest, score.highest,
           score.cut_point, score.from_customer
      FROM newest,
           unnest(ARRAY['recency_days', 'frequency_orders', 'monetary_value'])
               WITH ORDINALITY AS axis(name, position),
           jsonb_to_recordset(newest.cut_points -> axis.name)
               AS score(score int4, customers int8, lowest numeric, highest numeric,
                        cut_point numeric, from_customer text)
     ORDER BY axis.position, score.score
$function$;

COMMENT ON FUNCTION @extschema@.rfm_cut_points(pg_catalog.date, pg_catalog.text) IS
    'what each score covered in the last refresh of a date (the newest date without one): its customers, their lowest and highest value, the cut point between it and the score below, and, where ties are cut, the customer it begins with';

CREATE FUNCTION @extschema@.rfm_progress_slots()
RETURNS TABLE (
    pid           pg_catalog.int4,
    database      pg_catalog.oid,
    run_by        pg_catalog.oid,
    command       pg_catalog.text,
    model         pg_catalog.text,
    run_date      pg_catalog.date,
    phase         pg_catalog.text,
    done          pg_catalog.int8,
    total         pg_catalog.int8,
    percent       pg_catalog.float8,
    started       pg_catalog.timestamptz,
    phase_started pg_catalog.timestamptz
)
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'rfm_progress_slots';

COMMENT ON FUNCTION @extschema@.rfm_progress_slots() IS
    'internal: the rows of rfm_progress';

CREATE VIEW @extschema@.rfm_progress AS
SELECT s.pid, d.datname, a.rolname AS run_by, s.command, s.model, s.run_date,
       s.phase, s.done, s.total, s.percent, s.started, s.phase_started
  FROM @extschema@.rfm_progress_slots() s
  LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.database
  LEFT JOIN pg_catalog.pg_roles a ON a.oid OPERATOR(pg_catalog.=) s.run_by;

COMMENT ON VIEW @extschema@.rfm_progress IS
    'refreshes and previews that run now, in all databases of the server, and how far they are. Shows those that you or a role you are a member of asked for, and those of models of these roles; members of pg_read_all_stats see all. Needs rfm in shared_preload_libraries';
COMMENT ON COLUMN @extschema@.rfm_progress.pid IS 'process id of the session that runs it, as in pg_stat_activity';
COMMENT ON COLUMN @extschema@.rfm_progress.datname IS 'database of the model';
COMMENT ON COLUMN @extschema@.rfm_progress.run_by IS 'role that asked for it';
COMMENT ON COLUMN @extschema@.rfm_progress.command IS '"refresh" or "preview"';
COMMENT ON COLUMN @extschema@.rfm_progress.model IS 'name of the model, of a long one the beginning';
COMMENT ON COLUMN @extschema@.rfm_progress.run_date IS 'date under way; null until it is known';
COMMENT ON COLUMN @extschema@.rfm_progress.phase IS
    'wait: for another refresh of the model; read: the orders; sort: the customers; score: them; write: compares with the target and writes what differs; done: written, its transaction goes on';
COMMENT ON COLUMN @extschema@.rfm_progress.done IS 'orders read, or customers done with, in this phase';
COMMENT ON COLUMN @extschema@.rfm_progress.total IS
    'orders that the planner expects to count, never fewer than are read; customers in the later phases; null while not known';
COMMENT ON COLUMN @extschema@.rfm_progress.percent IS 'how far the whole refresh is, by the time that phases usually take';
COMMENT ON COLUMN @extschema@.rfm_progress.started IS 'when it was asked for';
COMMENT ON COLUMN @extschema@.rfm_progress.phase_started IS 'when this phase began';

GRANT SELECT ON @extschema@.rfm_progress TO PUBLIC;

-- Quantile aggregates -----------------------------------------------------
--
-- Exact cut points (linear interpolation between neighbours, as percentile_cont
-- gives them), for anyone's own queries.

CREATE FUNCTION @extschema@.rfm_float8_quantile_trans(pg_catalog.internal, pg_catalog.float8)
RETURNS pg_catalog.internal
AS 'MODULE_PATHNAME', 'rfm_float8_quantile_trans' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_float8_quantile_trans(pg_catalog.internal, pg_catalog.float8) IS
    'internal: transition function of rfm_quintiles(double precision)';

CREATE FUNCTION @extschema@.rfm_float8_quantile_trans(pg_catalog.internal, pg_catalog.float8, pg_catalog.int4)
RETURNS pg_catalog.internal
AS 'MODULE_PATHNAME', 'rfm_float8_quantile_trans' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_float8_quantile_trans(pg_catalog.internal, pg_catalog.float8, pg_catalog.int4) IS
    'internal: transition function of rfm_quantiles(double precision, integer)';

CREATE FUNCTION @extschema@.rfm_numeric_quantile_trans(pg_catalog.internal, pg_catalog.numeric)
RETURNS pg_catalog.internal
AS 'MODULE_PATHNAME', 'rfm_numeric_quantile_trans' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_numeric_quantile_trans(pg_catalog.internal, pg_catalog.numeric) IS
    'internal: transition function of rfm_quintiles(numeric)';

CREATE FUNCTION @extschema@.rfm_numeric_quantile_trans(pg_catalog.internal, pg_catalog.numeric, pg_catalog.int4)
RETURNS pg_catalog.internal
AS 'MODULE_PATHNAME', 'rfm_numeric_quantile_trans' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_numeric_quantile_trans(pg_catalog.internal, pg_catalog.numeric, pg_catalog.int4) IS
    'internal: transition function of rfm_quantiles(numeric, integer)';

CREATE FUNCTION @extschema@.rfm_quantile_combine(pg_catalog.internal, pg_catalog.internal)
RETURNS pg_catalog.internal
AS 'MODULE_PATHNAME', 'rfm_quantile_combine' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_quantile_combine(pg_catalog.internal, pg_catalog.internal) IS
    'internal: combine function of rfm_quintiles and rfm_quantiles';

CREATE FUNCTION @extschema@.rfm_quantile_serialize(pg_catalog.internal)
RETURNS pg_catalog.bytea
AS 'MODULE_PATHNAME', 'rfm_quantile_serialize' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_quantile_serialize(pg_catalog.internal) IS
    'internal: serialization function of rfm_quintiles and rfm_quantiles';

CREATE FUNCTION @extschema@.rfm_quantile_deserialize(pg_catalog.bytea, pg_catalog.internal)
RETURNS pg_catalog.internal
AS 'MODULE_PATHNAME', 'rfm_quantile_deserialize' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_quantile_deserialize(pg_catalog.bytea, pg_catalog.internal) IS
    'internal: deserialization function of rfm_quintiles and rfm_quantiles';

CREATE FUNCTION @extschema@.rfm_float8_quantile_final(pg_catalog.internal)
RETURNS pg_catalog.float8[]
AS 'MODULE_PATHNAME', 'rfm_float8_quantile_final' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_float8_quantile_final(pg_catalog.internal) IS
    'internal: final function of rfm_quintiles and rfm_quantiles for double precision';

CREATE FUNCTION @extschema@.rfm_numeric_quantile_final(pg_catalog.internal)
RETURNS pg_catalog.numeric[]
AS 'MODULE_PATHNAME', 'rfm_numeric_quantile_final' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_numeric_quantile_final(pg_catalog.internal) IS
    'internal: final function of rfm_quintiles and rfm_quantiles for numeric';

CREATE AGGREGATE @extschema@.rfm_quintiles(value pg_catalog.float8) (
    SFUNC = @extschema@.rfm_float8_quantile_trans,
    STYPE = pg_catalog.internal,
    SSPACE = 1024,
    FINALFUNC = @extschema@.rfm_float8_quantile_final,
    FINALFUNC_MODIFY = read_only,
    COMBINEFUNC = @extschema@.rfm_quantile_combine,
    SERIALFUNC = @extschema@.rfm_quantile_serialize,
    DESERIALFUNC = @extschema@.rfm_quantile_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.rfm_quintiles(pg_catalog.float8) IS
    'the four cut points between fifths of the values, as percentile_cont gives them; nulls are ignored, no values: null';

CREATE AGGREGATE @extschema@.rfm_quintiles(value pg_catalog.numeric) (
    SFUNC = @extschema@.rfm_numeric_quantile_trans,
    STYPE = pg_catalog.internal,
    SSPACE = 1024,
    FINALFUNC = @extschema@.rfm_numeric_quantile_final,
    FINALFUNC_MODIFY = read_only,
    COMBINEFUNC = @extschema@.rfm_quantile_combine,
    SERIALFUNC = @extschema@.rfm_quantile_serialize,
    DESERIALFUNC = @extschema@.rfm_quantile_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.rfm_quintiles(pg_catalog.numeric) IS
    'the four cut points between fifths of the values, in exact arithmetic; nulls are ignored, no values: null';

CREATE AGGREGATE @extschema@.rfm_quantiles(value pg_catalog.float8, buckets pg_catalog.int4) (
    SFUNC = @extschema@.rfm_float8_quantile_trans,
    STYPE = pg_catalog.internal,
    SSPACE = 1024,
    FINALFUNC = @extschema@.rfm_float8_quantile_final,
    FINALFUNC_MODIFY = read_only,
    COMBINEFUNC = @extschema@.rfm_quantile_combine,
    SERIALFUNC = @extschema@.rfm_quantile_serialize,
    DESERIALFUNC = @extschema@.rfm_quantile_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.rfm_quantiles(pg_catalog.float8, pg_catalog.int4) IS
    'the buckets - 1 cut points between equal parts of the values, as percentile_cont gives them; buckets: 2 to 1000; nulls are ignored, no values: null';

CREATE AGGREGATE @extschema@.rfm_quantiles(value pg_catalog.numeric, buckets pg_catalog.int4) (
    SFUNC = @extschema@.rfm_numeric_quantile_trans,
    STYPE = pg_catalog.internal,
    SSPACE = 1024,
    FINALFUNC = @extschema@.rfm_numeric_quantile_final,
    FINALFUNC_MODIFY = read_only,
    COMBINEFUNC = @extschema@.rfm_quantile_combine,
    SERIALFUNC = @extschema@.rfm_quantile_serialize,
    DESERIALFUNC = @extschema@.rfm_quantile_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.rfm_quantiles(pg_catalog.numeric, pg_catalog.int4) IS
    'the buckets - 1 cut points between equal parts of the values, in exact arithmetic; buckets: 2 to 1000; nulls are ignored, no values: null';

CREATE FUNCTION @extschema@.rfm_bucket(value pg_catalog.float8, cuts pg_catalog.float8[])
RETURNS pg_catalog.int4
AS 'MODULE_PATHNAME', 'rfm_float8_bucket' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_bucket(pg_catalog.float8, pg_catalog.float8[]) IS
    'one more than the number of cut points below the value, in whatever order they stand';

CREATE FUNCTION @extschema@.rfm_bucket(value pg_catalog.numeric, cuts pg_catalog.numeric[])
RETURNS pg_catalog.int4
AS 'MODULE_PATHNAME', 'rfm_numeric_bucket' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_bucket(pg_catalog.numeric, pg_catalog.numeric[]) IS
    'one more than the number of cut points below the value, in whatever order they stand';
-- Scheduling --------------------------------------------------------------
--
-- pg_cron is optional: everything here reaches it by dynamic SQL only.

-- What the daily job of a model runs: the one place that says it.
CREATE FUNCTION @extschema@.rfm_job_command(model pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT pg_catalog.format('CALL %s.rfm_catch_up(%L)', '@extschema@', $1)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_job_command(pg_catalog.text) IS
    'internal: the command of a model''s job';

-- pg_cron before 1.5 cuts job names to 63 bytes, so long ones end in a digest.
CREATE FUNCTION @extschema@.rfm_job_name(model pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    job pg_catalog.text := pg_catalog.concat('rfm: ', model);
BEGIN
    IF pg_catalog.octet_length(job) OPERATOR(pg_catalog.<=) 63 THEN
        RETURN job;
    END IF;
    WHILE pg_catalog.octet_length(job) OPERATOR(pg_catalog.>) 30 LOOP
        job := pg_catalog.left(job, -1);
    END LOOP;
    RETURN pg_catalog.concat(job, ' ', pg_catalog.md5(model));
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_job_name(pg_catalog.text) IS
    'internal: the name of a model''s job';

-- A setting of pg_cron.  known: the library is loaded and has that setting; value:
-- null where the caller may not read it.  A name that merely stands in
-- postgresql.conf is not in pg_settings, and anyone may read it.
CREATE FUNCTION @extschema@.rfm_cron_setting(name pg_catalog.text, OUT known pg_catalog.bool, OUT value pg_catalog.text)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    SELECT true, s.setting INTO known, value
    FROM pg_catalog.pg_settings s
    WHERE s.name OPERATOR(pg_catalog.=) rfm_cron_setting.name;
    IF FOUND THEN
        RETURN;
    END IF;
    known := false;
    BEGIN
        PERFORM pg_catalog.current_setting(name, true);
    EXCEPTION WHEN insufficient_privilege THEN
        known := true;
    END;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_cron_setting(pg_catalog.text) IS
    'internal: a setting of pg_cron, if it is loaded';

-- Error unless pg_cron answers in this database.  statement: what to run instead
-- in the database where it lives.
CREATE FUNCTION @extschema@.rfm_require_cron(statement pg_catalog.text)
RETURNS pg_catalog.void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    here    CONSTANT pg_catalog.text := pg_catalog.current_database();
    created CONSTANT pg_catalog.bool := EXISTS (
        SELECT FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'pg_cron');
    home    pg_catalog.record;
    what    pg_catalog.text;
    todo    pg_catalog.text;
BEGIN
    SELECT s.known, s.value INTO home FROM @extschema@.rfm_cron_setting('cron.database_name') s;

    IF created AND home.known AND COALESCE(home.value OPERATOR(pg_catalog.=) here, true) THEN
        IF NOT pg_catalog.has_schema_privilege('cron', 'USAGE') THEN
            RAISE EXCEPTION USING
                ERRCODE = 'insufficient_privilege',
                MESSAGE = 'permission denied for pg_cron',
                DETAIL = pg_catalog.format('Role %I may not use schema cron.', CURRENT_USER),
                HINT = pg_catalog.format('Ask a superuser to run: GRANT USAGE ON SCHEMA cron TO %I;', CURRENT_USER);
        END IF;
        RETURN;
    END IF;

    IF home.known AND home.value OPERATOR(pg_catalog.<>) here THEN
        what := pg_catalog.format('pg_cron runs from database "%s" (setting cron.database_name).', home.value);
        todo := pg_catalog.format('As a superuser, run in database "%s": %s', home.value, statement);
    ELSIF home.known AND home.value IS NULL THEN
        what := 'Extension pg_cron has not been created in this database; it can be in one database of a server only, named by the setting cron.database_name.';
        todo := pg_catalog.format('Ask a superuser to run CREATE EXTENSION pg_cron here, or, where pg_cron lives in another database, to run there: %s', statement);
    ELSIF home.known THEN
        what := 'Extension pg_cron is loaded by the server, but has not been created in this database.';
        todo := 'As a superuser, run CREATE EXTENSION pg_cron, then call this function again.';
    ELSIF created OR EXISTS (SELECT FROM pg_catalog.pg_available_extensions x
                             WHERE x.name OPERATOR(pg_catalog.=) 'pg_cron')
    THEN
        what := 'pg_cron is installed on the server, but not loaded: it is not in shared_preload_libraries.';
        todo := pg_catalog.format(
            'Set shared_preload_libraries = ''pg_cron'' (beside what stands there) and cron.database_name = ''%s'', restart the server%s, then call this function again.',
            here, CASE WHEN created THEN '' ELSE ', run CREATE EXTENSION pg_cron' END);
    ELSE
        what := 'pg_cron is not installed on the server.';
        todo := pg_catalog.format(
            'Install it (on Debian and Ubuntu: package postgresql-%s-cron), set shared_preload_libraries = ''pg_cron'' and cron.database_name = ''%s'', restart the server, run CREATE EXTENSION pg_cron, then call this function again. Any other scheduler can run CALL rfm_catch_up() as well.',
            pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog./) 10000, here);
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'undefined_object',
        MESSAGE = 'pg_cron is not available in this database',
        DETAIL = what,
        HINT = todo;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_require_cron(pg_catalog.text) IS
    'internal: error unless pg_cron can be called in this database';

-- Removes the jobs of a model that the caller may remove, but for one kept.
CREATE FUNCTION @extschema@.rfm_remove_jobs(model pg_catalog.text, keep_user pg_catalog.name)
RETURNS pg_catalog.int8
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    job     pg_catalog.int8;
    removed pg_catalog.int8 := 0;
BEGIN
    -- A job of this user in another database is one that a rename of this
    -- database left behind, and in the way of a new one; a paused job would
    -- stay paused.
    FOR job IN EXECUTE
        'SELECT j.jobid FROM cron.job j'
        ' WHERE j.jobname::pg_catalog.text OPERATOR(pg_catalog.=) $1'
        ' AND (j.username OPERATOR(pg_catalog.=) CURRENT_USER::pg_catalog.text'
        '      OR (SELECT a.rolsuper FROM pg_catalog.pg_roles a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER))'
        ' AND NOT COALESCE(j.username OPERATOR(pg_catalog.=) $2::pg_catalog.text'
        '                  AND j.database OPERATOR(pg_catalog.=) pg_catalog.current_database()::pg_catalog.text'
        '                  AND j.active, false)'
        USING @extschema@.rfm_job_name(model), keep_user
    LOOP
        EXECUTE 'SELECT cron.unschedule($1::pg_catalog.int8)' USING job;
        removed := removed OPERATOR(pg_catalog.+) 1;
    END LOOP;
    RETURN removed;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_remove_jobs(pg_catalog.text, pg_catalog.name) IS
    'internal: removes the jobs of a model from pg_cron';

-- Who the job of a model runs as: the caller; for a superuser the owner of the
-- model, if that role can log in.
CREATE FUNCTION @extschema@.rfm_job_role(model pg_catalog.text)
RETURNS pg_catalog.name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce(
        (SELECT a.rolname
         FROM @extschema@.rfm_model m
         JOIN pg_roles a ON a.oid = m.owner AND a.rolcanlogin
         WHERE m.model = $1
           AND (SELECT c.rolsuper FROM pg_roles c WHERE c.rolname = CURRENT_USER)),
        CURRENT_USER)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_job_role(pg_catalog.text) IS
    'internal: the role that the job of a model runs as';

-- The local date of a moment.  SET TimeZone, which ends with the function, takes
-- the names of time zones as models do; AT TIME ZONE takes "CET" for an
-- abbreviation, without summer time.
CREATE FUNCTION @extschema@.rfm_local_date(moment pg_catalog.timestamptz, zone pg_catalog.text)
RETURNS pg_catalog.date
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $body$
BEGIN
    PERFORM set_config('timezone', zone, true);
    RETURN moment::date;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_local_date(pg_catalog.timestamptz, pg_catalog.text) IS
    'internal: the date that it is at a moment in a time zone';

CREATE FUNCTION @extschema@.rfm_cron_field(field pg_catalog.text, low pg_catalog.int4, high pg_catalog.int4)
RETURNS pg_catalog.int4[]
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN bool_and(m.match IS NOT NULL) THEN array_agg(v.value) FILTER (WHERE v.value IS NOT NULL) END
      FROM string_to_table($1, ',') AS item(text)
           CROSS JOIN LATERAL (
               SELECT coalesce(regexp_match(item.text, '^([*])(?:/([1-9][0-9]?))?$'),
                               regexp_match(item.text, '^([0-9]{1,2})$'),
                               regexp_match(item.text, '^([0-9]{1,2})-([0-9]{1,2})(?:/([1-9][0-9]?))?$'))) AS m(match)
           LEFT JOIN LATERAL (
               SELECT CASE WHEN m.match[1] = '*' THEN $2 ELSE m.match[1]::int4 END,
                      CASE WHEN m.match[1] = '*' THEN $3 ELSE coalesce(m.match[2], m.match[1])::int4 END,
                      coalesce(CASE WHEN m.match[1] = '*' THEN m.match[2] ELSE m.match[3] END, '1')::int4
               ) AS span(first, last, step) ON m.match IS NOT NULL
           LEFT JOIN LATERAL generate_series(span.first, span.last, span.step) AS v(value) ON true
$body$;
COMMENT ON FUNCTION @extschema@.rfm_cron_field(pg_catalog.text, pg_catalog.int4, pg_catalog.int4) IS
    'internal: the numbers that a field of a schedule stands for; null for names and what else is not understood here';

-- When pg_cron runs a job next.  Null for what is not five fields of numbers.
CREATE FUNCTION @extschema@.rfm_next_run(schedule pg_catalog.text, zone pg_catalog.text, after pg_catalog.timestamptz)
RETURNS pg_catalog.timestamptz
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $body$
DECLARE
    field    CONSTANT text[] := regexp_split_to_array(btrim(schedule), '\s+');
    minutes  CONSTANT int4[] := @extschema@.rfm_cron_field(field[1], 0, 59);
    hours    CONSTANT int4[] := @extschema@.rfm_cron_field(field[2], 0, 23);
    days     CONSTANT int4[] := @extschema@.rfm_cron_field(field[3], 1, 31);
    months   CONSTANT int4[] := @extschema@.rfm_cron_field(field[4], 1, 12);
    weekdays CONSTANT int4[] := @extschema@.rfm_cron_field(field[5], 0, 7);
    any_day  CONSTANT bool := field[3] LIKE '*%' OR field[5] LIKE '*%';
BEGIN
    IF NOT isfinite(after) OR cardinality(field) <> 5 OR minutes IS NULL OR hours IS NULL OR days IS NULL
       OR months IS NULL OR weekdays IS NULL
    THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('timezone', zone, true);
    -- Where both restrict it, a day need match only one of day of month and day
    -- of week.  The first day may be over, the second without that hour; eight
    -- years always hold a 29 February.
    RETURN (
        SELECT min(f.moment)
          FROM (SELECT (d.day + make_time(h.hour, m.minute, 0))::timestamptz AS moment
                  FROM (SELECT c.day::date AS day
                          FROM generate_series(after::date, after::date + 2922, '1 day') AS c(day),
                               LATERAL (SELECT extract(day FROM c.day) = ANY (days) AS month_day,
                                               extract(dow FROM c.day) = ANY (weekdays)
                                               OR extract(isodow FROM c.day) = ANY (weekdays) AS week_day) AS fits
                         WHERE extract(month FROM c.day) = ANY (months)
                           AND CASE WHEN any_day THEN fits.month_day AND fits.week_day ELSE fits.month_day OR fits.week_day END
                         ORDER BY c.day
                         LIMIT 3) AS d,
                       unnest(hours) AS h(hour), unnest(minutes) AS m(minute)) AS f
         WHERE f.moment > after);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_next_run(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz) IS
    'internal: when a schedule of pg_cron comes next';

-- The time zone that pg_cron's schedules are in; null where it is not known.
CREATE FUNCTION @extschema@.rfm_cron_zone()
RETURNS pg_catalog.text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN s.known THEN s.value ELSE 'GMT' END
      FROM @extschema@.rfm_cron_setting('cron.timezone') AS s
$body$;
COMMENT ON FUNCTION @extschema@.rfm_cron_zone() IS
    'internal: the time zone in which pg_cron fires';

-- What a job computes, as a sentence for who schedules it.
CREATE FUNCTION @extschema@.rfm_job_outlook(model pg_catalog.text, schedule pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $body$
DECLARE
    cron_zone CONSTANT text := @extschema@.rfm_cron_zone();
    next_run  CONSTANT timestamptz := @extschema@.rfm_next_run(schedule, cron_zone, clock_timestamp());
    zone      text;
    latest    bool;
BEGIN
    SELECT m.time_zone, m.as_of = 'latest_order' INTO zone, latest
      FROM @extschema@.rfm_model m WHERE m.model = rfm_job_outlook.model;
    IF latest THEN
        RETURN 'Each run computes the snapshot of the latest order''s date, after those that were missed.';
    ELSIF next_run IS NULL THEN
        RETURN format('Each run computes the snapshot of the date that it is then in the model''s time zone, %s, after those that were missed.', zone);
    END IF;
    PERFORM set_config('timezone', cron_zone, true);
    RETURN format('It next runs at %s in time zone %s, and then computes the snapshot of %s, the date in the model''s time zone, %s, after those that were missed.',
                  to_char(next_run, 'YYYY-MM-DD HH24:MI'), cron_zone,
                  to_char(@extschema@.rfm_local_date(next_run, zone), 'YYYY-MM-DD'), zone);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_job_outlook(pg_catalog.text, pg_catalog.text) IS
    'internal: says what a model''s job will compute';

CREATE FUNCTION @extschema@.rfm_schedule(
    schedule pg_catalog.text DEFAULT '0 2 * * *',
    model    pg_catalog.text DEFAULT 'default')
RETURNS pg_catalog.int8
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    runs_as pg_catalog.name;
    job     pg_catalog.int8;
BEGIN
    IF schedule IS NULL OR model IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'schedule and model must not be null',
            HINT = 'Leave a parameter out to have its default; rfm_unschedule stops a job.';
    END IF;

    PERFORM @extschema@.rfm_require_cron(pg_catalog.format(
        'SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);',
        @extschema@.rfm_job_name(pg_catalog.format('%s (%s)', model, pg_catalog.current_database())),
        schedule, @extschema@.rfm_job_command(model), pg_catalog.current_database(),
        @extschema@.rfm_job_role(model)));
    PERFORM @extschema@.rfm_ensure_model(model);

    runs_as := @extschema@.rfm_job_role(model);
    PERFORM @extschema@.rfm_remove_jobs(model, runs_as);
    BEGIN
        IF runs_as OPERATOR(pg_catalog.=) CURRENT_USER THEN
            EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job
            USING @extschema@.rfm_job_name(model), schedule, @extschema@.rfm_job_command(model);
        ELSE
            EXECUTE 'SELECT cron.schedule_in_database($1, $2, $3, $4, $5)' INTO job
            USING @extschema@.rfm_job_name(model), schedule, @extschema@.rfm_job_command(model),
                  pg_catalog.current_database()::pg_catalog.text, runs_as::pg_catalog.text;
        END IF;
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = pg_catalog.format('invalid schedule: "%s"', schedule),
            DETAIL = pg_catalog.format('pg_cron says: %s', SQLERRM),
            HINT = 'Write minute, hour, day of month, month and day of week, as in ''0 2 * * *'' for every day at 2 o''clock.';
    END;

    RAISE NOTICE USING
        MESSAGE = pg_catalog.format('job %s will refresh model "%s" at "%s" in time zone %s', job, model, schedule,
                                    COALESCE(@extschema@.rfm_cron_zone(), 'of setting cron.timezone')),
        DETAIL = @extschema@.rfm_job_outlook(model, schedule);
    RETURN job;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_schedule(pg_catalog.text, pg_catalog.text) IS
    'has pg_cron call rfm_catch_up() for a model on a schedule (five cron fields, in pg_cron''s time zone: GMT before pg_cron 1.5, setting cron.timezone since), instead of the schedule it had; returns the job id. The job runs as the role that calls this function; when a superuser calls it, as the owner of the model if that role can log in. The model''s query runs as its owner in any case';

CREATE FUNCTION @extschema@.rfm_unschedule(model pg_catalog.text DEFAULT 'default')
RETURNS pg_catalog.bool
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM @extschema@.rfm_require_cron(pg_catalog.format(
        'SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L;',
        @extschema@.rfm_job_name(pg_catalog.format('%s (%s)', model, pg_catalog.current_database()))));
    RETURN @extschema@.rfm_remove_jobs(model, NULL) OPERATOR(pg_catalog.>) 0;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_unschedule(pg_catalog.text) IS
    'removes the job that rfm_schedule made for a model: your own, or as a superuser anyone''s; false if there was none. The model itself need not exist any more';

-- Watching ----------------------------------------------------------------

CREATE TYPE @extschema@.rfm_cron_job AS (
    model         pg_catalog.text,
    job_id        pg_catalog.int8,
    runs_as       pg_catalog.text,
    schedule      pg_catalog.text,
    active        pg_catalog.bool,
    status        pg_catalog.text,
    message       pg_catalog.text,
    started_at    pg_catalog.timestamptz,
    duration      pg_catalog.interval,
    failures      pg_catalog.int8,
    failing_since pg_catalog.timestamptz,
    zone          pg_catalog.text
);
COMMENT ON TYPE @extschema@.rfm_cron_job IS
    'internal: a job of pg_cron that refreshes a model';

CREATE FUNCTION @extschema@.rfm_cron_jobs()
RETURNS SETOF @extschema@.rfm_cron_job
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'rfm_cron_jobs';
COMMENT ON FUNCTION @extschema@.rfm_cron_jobs() IS
    'internal: the jobs of the models that the caller may use; none where there is no pg_cron in this database';

-- The view reads its tables as its owner, past their row security: the rows are
-- the caller's by its own condition.
CREATE VIEW @extschema@.rfm_jobs WITH (security_barrier) AS
SELECT m.model, j.schedule, j.active, j.job_id, j.runs_as,
       s.last_snapshot, s.days_behind, s.next_date,
       CASE WHEN j.active THEN @extschema@.rfm_next_run(j.schedule, j.zone, pg_catalog.now()) END AS next_run_at,
       j.status AS last_status, j.message AS last_message,
       j.started_at AS last_run_at, j.duration AS last_duration,
       j.failures, j.failing_since,
       CASE
           WHEN j.failures OPERATOR(pg_catalog.>) 0
               THEN pg_catalog.format('see last_message, mend that, then: CALL %s.rfm_catch_up(%L);', '@extschema@', m.model)
           WHEN j.job_id IS NOT NULL AND NOT j.active
               THEN pg_catalog.format('the job is paused: SELECT %s.rfm_schedule(%L, %L);', '@extschema@', j.schedule, m.model)
           WHEN j.job_id IS NULL AND COALESCE(s.days_behind, 1) OPERATOR(pg_catalog.>) 0
               THEN pg_catalog.format('no job of this database refreshes it: SELECT %s.rfm_schedule(model => %L);', '@extschema@', m.model)
           WHEN s.days_behind OPERATOR(pg_catalog.>) 1
               THEN pg_catalog.format('the next run catches up; sooner: CALL %s.rfm_catch_up(%L);', '@extschema@', m.model)
       END AS to_do
  FROM @extschema@.rfm_model m
       CROSS JOIN LATERAL (
           SELECT CASE WHEN m.as_of OPERATOR(pg_catalog.=) 'today' THEN @extschema@.rfm_local_date(pg_catalog.now(), m.time_zone) END AS today,
                  NOT COALESCE(m.target_columns OPERATOR(pg_catalog.@>) '{"run_date": null}', false) AS dated) AS d
       CROSS JOIN LATERAL (
           SELECT last.run_date AS last_snapshot,
                  d.today OPERATOR(pg_catalog.-) last.run_date AS days_behind,
                  CASE WHEN last.run_date OPERATOR(pg_catalog.<) d.today AND NOT d.dated THEN d.today
                       WHEN d.today IS NOT NULL THEN COALESCE(last.run_date OPERATOR(pg_catalog.+) 1, d.today)
                  END AS next_date
             FROM (SELECT pg_catalog.max(r.run_date) AS run_date
                     FROM @extschema@.rfm_run r
                    WHERE r.model OPERATOR(pg_catalog.=) m.model AND (d.today IS NULL OR r.run_date OPERATOR(pg_catalog.<=) d.today)) AS last) AS s
       LEFT JOIN @extschema@.rfm_cron_jobs() AS j ON j.model OPERATOR(pg_catalog.=) m.model
 WHERE pg_catalog.pg_has_role(m.owner::pg_catalog.oid, 'USAGE');

COMMENT ON VIEW @extschema@.rfm_jobs IS
    'one row a model that you may use (and a job, should it have several): its last snapshot, its job in pg_cron, how that fares and what to do. Columns about the job are null where pg_cron is not in this database';
COMMENT ON COLUMN @extschema@.rfm_jobs.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_jobs.schedule IS 'when its job runs, in pg_cron''s time zone; null: there is no job';
COMMENT ON COLUMN @extschema@.rfm_jobs.active IS 'false where the job is paused';
COMMENT ON COLUMN @extschema@.rfm_jobs.job_id IS 'number of the job in pg_cron';
COMMENT ON COLUMN @extschema@.rfm_jobs.runs_as IS 'role that the job runs as';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_snapshot IS 'newest date, up to today, that the log has a snapshot of';
COMMENT ON COLUMN @extschema@.rfm_jobs.days_behind IS 'days from the last snapshot to today in the model''s time zone; null: no snapshot yet, or a model as of the latest order';
COMMENT ON COLUMN @extschema@.rfm_jobs.next_date IS 'date that comes next; null for a model as of the latest order';
COMMENT ON COLUMN @extschema@.rfm_jobs.next_run_at IS 'when the job runs next; null: paused, or not known from the schedule';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_status IS 'status of the job''s last run, as pg_cron says it: succeeded, failed, running, ...';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_message IS 'message of the last run';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_run_at IS 'when the last run started';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_duration IS 'how long the last run took';
COMMENT ON COLUMN @extschema@.rfm_jobs.failures IS 'runs that failed since the last one that succeeded';
COMMENT ON COLUMN @extschema@.rfm_jobs.failing_since IS 'when the first of those started';
COMMENT ON COLUMN @extschema@.rfm_jobs.to_do IS 'what to do; null: nothing';

GRANT SELECT ON @extschema@.rfm_jobs TO PUBLIC;

-- Analysis ----------------------------------------------------------------
--
-- Functions over the snapshots of any model.  They read the target with their
-- caller's rights: whoever may SELECT from it may analyse it.  Some have settings
-- for what the planner cannot know: the rows of a snapshot lie together
-- (random_page_cost), expressions make few groups of them, so that workers have
-- little to hand over (parallel_tuple_cost), and to compile their expressions
-- does not pay (jit).

CREATE FUNCTION @extschema@.rfm_reader(
    model               pg_catalog.text,
    OUT relation        pg_catalog.text,
    OUT columns         pg_catalog.jsonb,
    OUT customer_type   pg_catalog.text,
    OUT customer_equals pg_catalog.text,
    OUT segment_rules   pg_catalog.text,
    OUT comment_rules   pg_catalog.text,
    OUT buckets         pg_catalog.int4[],
    OUT last_run        pg_catalog.date)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'rfm_reader';
COMMENT ON FUNCTION @extschema@.rfm_reader(pg_catalog.text) IS
    'internal: the target of a model and its columns, for who may read it';

-- The labels of a target's rows as SQL: the column with them or, where the target
-- has none, what the rule set gives the scores today.  Null where the model has
-- no such labels.
CREATE FUNCTION @extschema@.rfm_label_sql(
    ruleset pg_catalog.text,
    col     pg_catalog.text,
    columns pg_catalog.jsonb,
    buckets pg_catalog.int4[])
RETURNS pg_catalog.text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE
        WHEN $1 IS NULL THEN NULL
        WHEN $3 ? $2 THEN format('coalesce(t.%s::text, ''(none)'')', $3 ->> $2)
        WHEN $3 ?& ARRAY['r_score', 'f_score', 'm_score'] THEN
            (SELECT format('CASE WHEN t.%1$s::int4 <= %4$s AND t.%2$s::int4 <= %5$s AND t.%3$s::int4 <= %6$s'
                           ' THEN (%7$L::text[])[((t.%1$s::int4 - 1) * %5$s + t.%2$s::int4 - 1) * %6$s + t.%3$s::int4]'
                           ' ELSE ''Others'' END',
                           $3 ->> 'r_score', $3 ->> 'f_score', $3 ->> 'm_score', $4[1], $4[2], $4[3],
                           array_agg(c.label ORDER BY c.r, c.f, c.m))
               FROM @extschema@.rfm_segment_coverage($1, $4) AS c
              WHERE c.r IS NOT NULL)
    END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_label_sql(pg_catalog.text, pg_catalog.text, pg_catalog.jsonb, pg_catalog.int4[]) IS
    'internal: the labels of a target''s rows as an SQL expression';

-- A query for the rows of a model's target under rfm's own names and types.  Its
-- label is what "by" asks for; without that the model need not have any.
CREATE FUNCTION @extschema@.rfm_snapshot_rows(
    model               pg_catalog.text,
    by                  pg_catalog.text,
    OUT query           pg_catalog.text,
    OUT columns         pg_catalog.jsonb,
    OUT customer_type   pg_catalog.text,
    OUT customer_equals pg_catalog.text,
    OUT buckets         pg_catalog.int4[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    reader          record;
    segment         text;
    comment         text;
    label           text;
BEGIN
    IF by NOT IN ('segment', 'comment') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('customers have no labels by %s', quote_literal(by)),
            HINT = 'Use by => ''segment'', the default, or by => ''comment''.';
    END IF;
    SELECT * INTO reader FROM @extschema@.rfm_reader(model);
    columns := reader.columns;
    customer_type := reader.customer_type;
    customer_equals := reader.customer_equals;
    buckets := reader.buckets;
    segment := @extschema@.rfm_label_sql(reader.segment_rules, 'rfm_segment', columns, buckets);
    comment := @extschema@.rfm_label_sql(reader.comment_rules, 'comments', columns, buckets);
    label := CASE by WHEN 'segment' THEN coalesce(segment, comment) ELSE comment END;
    IF by IS NOT NULL AND label IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_column',
            MESSAGE = format('model "%s" gives its customers no %s', model, by),
            DETAIL = CASE WHEN CASE by WHEN 'segment' THEN coalesce(reader.segment_rules, reader.comment_rules) ELSE reader.comment_rules END IS NOT NULL
                     THEN 'Its rule set does, but the target keeps neither that label nor all three scores.' END,
            HINT = CASE WHEN segment IS NOT NULL THEN 'It does give them a segment: leave "by" out.'
                        ELSE format('Give it a rule set: UPDATE rfm_model SET %s_rules = ... WHERE model = %L; then refresh it.', by, model) END;
    END IF;
    query := format('SELECT %s AS run_date, t.%s AS customer',
                    CASE WHEN columns ? 'run_date' THEN format('t.%s::date', columns ->> 'run_date')
                         ELSE format('%L::date', reader.last_run) END,
                    columns ->> 'customer_id')
        || (SELECT string_agg(format(', %s::%s AS %I', coalesce('t.' || (columns ->> c.name), 'NULL'), c.type, c.name), '' ORDER BY c.place)
              FROM (VALUES (1, 'recency_days', 'int4'), (2, 'frequency_orders', 'int8'), (3, 'monetary_value', 'numeric'),
                           (4, 'r_score', 'int4'), (5, 'f_score', 'int4'), (6, 'm_score', 'int4')) AS c(place, name, type))
        || format(', %s AS segment, %s AS comment, %s AS label FROM %s AS t',
                  coalesce(segment, 'NULL::text'), coalesce(comment, 'NULL::text'), coalesce(label, 'NULL::text'), reader.relation);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_snapshot_rows(pg_catalog.text, pg_catalog.text) IS
    'internal: a query for the rows of a model''s target under rfm''s own names';

-- The date of a snapshot: the one asked for, or the newest (before another).
-- Null where there is none; an error where one that was asked for is not there.
CREATE FUNCTION @extschema@.rfm_snapshot_date(
    model    pg_catalog.text,
    query    pg_catalog.text,
    run_date pg_catalog.date,
    before   pg_catalog.date DEFAULT NULL)
RETURNS pg_catalog.date
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    found_date date;
    earlier    date;
    later      date;
BEGIN
    EXECUTE format('SELECT s.run_date FROM (%s) s WHERE %s ORDER BY s.run_date DESC LIMIT 1', query,
                   CASE WHEN run_date IS NOT NULL THEN format('s.run_date = %L::date', run_date)
                        WHEN before IS NOT NULL THEN format('s.run_date < %L::date', before)
                        ELSE 's.run_date IS NOT NULL' END)
       INTO found_date;
    IF found_date IS NOT NULL OR run_date IS NULL THEN
        RETURN found_date;
    END IF;

    EXECUTE format('SELECT (SELECT s.run_date FROM (%1$s) s WHERE s.run_date < %2$L::date ORDER BY s.run_date DESC LIMIT 1),'
                   '       (SELECT s.run_date FROM (%1$s) s WHERE s.run_date > %2$L::date ORDER BY s.run_date LIMIT 1)',
                   query, run_date)
       INTO earlier, later;
    RAISE EXCEPTION USING
        ERRCODE = 'no_data_found',
        MESSAGE = format('model "%s" has no customers on %s', model, to_char(run_date, 'YYYY-MM-DD')),
        DETAIL = CASE WHEN earlier IS NULL AND later IS NULL THEN 'Its target is empty.'
                      ELSE format('The snapshots next to that date are of %s.',
                                  concat_ws(' and ', to_char(earlier, 'YYYY-MM-DD'), to_char(later, 'YYYY-MM-DD'))) END,
        HINT = 'Leave the date out for the newest snapshot; rfm_refresh() computes that of a date.';
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_snapshot_date(pg_catalog.text, pg_catalog.text, pg_catalog.date, pg_catalog.date) IS
    'internal: the date of the snapshot that was asked for';

CREATE FUNCTION @extschema@.rfm_segment_summary(
    run_date pg_catalog.date DEFAULT NULL,
    model    pg_catalog.text DEFAULT 'default',
    by       pg_catalog.text DEFAULT 'segment'
) RETURNS TABLE (
    segment             pg_catalog.text,
    customers           pg_catalog.int8,
    customer_share      pg_catalog.numeric,
    orders              pg_catalog.int8,
    revenue             pg_catalog.numeric,
    revenue_share       pg_catalog.numeric,
    average_order_value pg_catalog.numeric,
    median_recency      pg_catalog.numeric,
    median_frequency    pg_catalog.numeric,
    median_monetary     pg_catalog.numeric
)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows record;
    date date;
BEGIN
    SELECT * INTO rows FROM @extschema@.rfm_snapshot_rows(model, by);
    date := @extschema@.rfm_snapshot_date(model, rows.query, run_date, NULL::date);
    RETURN QUERY EXECUTE format($query$
        SELECT g.label, g.customers, round(g.customers / sum(g.customers) OVER (), 4),
               g.orders, g.revenue, round(g.revenue / nullif(sum(g.revenue) OVER (), 0), 4),
               round(g.revenue / nullif(g.orders, 0), 2), trim_scale(g.r[1]), trim_scale(g.f[1]), g.m[1]
          FROM (SELECT s.label, count(*) AS customers, sum(s.frequency_orders)::int8 AS orders, sum(s.monetary_value) AS revenue,
                       %3$s.rfm_quantiles(s.recency_days::numeric, 2) AS r,
                       %3$s.rfm_quantiles(s.frequency_orders::numeric, 2) AS f,
                       %3$s.rfm_quantiles(s.monetary_value, 2) AS m
                  FROM (%1$s) AS s
                 WHERE s.run_date = %2$L::date
                 GROUP BY s.label) AS g
         ORDER BY g.revenue DESC NULLS LAST, g.customers DESC, g.label
        $query$, rows.query, date, '@extschema@');
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_segment_summary(pg_catalog.date, pg_catalog.text, pg_catalog.text) IS
    'the segments of a snapshot (the newest without a date), the one with most revenue first: customers, orders and revenue with their shares (fractions of 1), average order value, and medians of the customers'' recency, frequency and monetary value. by => ''comment'' groups by the comments instead';

-- The two snapshots that are compared: those asked for, or the newest and the one
-- before it.  No from_date: there is none before.
CREATE FUNCTION @extschema@.rfm_snapshot_pair(
    model           pg_catalog.text,
    query           pg_catalog.text,
    INOUT from_date pg_catalog.date,
    INOUT to_date   pg_catalog.date)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    to_date := @extschema@.rfm_snapshot_date(model, query, to_date, NULL::date);
    IF from_date >= to_date THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_date %s is not before to_date %s', to_char(from_date, 'YYYY-MM-DD'), to_char(to_date, 'YYYY-MM-DD')),
            HINT = 'Name two dates in their order; leave them out for the newest snapshot and the one before it.';
    END IF;
    from_date := @extschema@.rfm_snapshot_date(model, query, from_date, to_date);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_snapshot_pair(pg_catalog.text, pg_catalog.text, pg_catalog.date, pg_catalog.date) IS
    'internal: the dates of the two snapshots that are compared';

-- Error unless the target has these columns.
CREATE FUNCTION @extschema@.rfm_require_columns(
    model   pg_catalog.text,
    columns pg_catalog.jsonb,
    names   pg_catalog.text[])
RETURNS pg_catalog.void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    missing CONSTANT text := (SELECT string_agg(n.name, ', ' ORDER BY n.place)
                                FROM unnest(names) WITH ORDINALITY AS n(name, place) WHERE NOT columns ? n.name);
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_column',
            MESSAGE = format('target of model "%s" has no column for: %s', model, missing),
            HINT = 'Add it to the table, take it out of the model''s target_columns, or say there which column it is; then refresh the model.';
    END IF;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_require_columns(pg_catalog.text, pg_catalog.jsonb, pg_catalog.text[]) IS
    'internal: error unless a target has certain columns';

CREATE FUNCTION @extschema@.rfm_migration(
    from_date pg_catalog.date DEFAULT NULL,
    to_date   pg_catalog.date DEFAULT NULL,
    model     pg_catalog.text DEFAULT 'default'
) RETURNS TABLE (
    from_segment pg_catalog.text,
    to_segment   pg_catalog.text,
    customers    pg_catalog.int8,
    revenue      pg_catalog.numeric
)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows  record;
    dates record;
BEGIN
    SELECT * INTO rows FROM @extschema@.rfm_snapshot_rows(model, 'segment');
    SELECT * INTO dates FROM @extschema@.rfm_snapshot_pair(model, rows.query, from_date, to_date);
    -- where nothing came before, everybody would be new
    IF dates.from_date IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT b.label, a.label, count(*), sum(coalesce(a.monetary_value, b.monetary_value))
          FROM (SELECT * FROM (%1$s) AS s WHERE s.run_date = %3$L::date) AS b
               FULL JOIN (SELECT * FROM (%1$s) AS s WHERE s.run_date = %4$L::date) AS a ON a.customer %2$s b.customer
         GROUP BY b.label, a.label
         ORDER BY b.label NULLS FIRST, count(*) DESC, a.label
        $query$, rows.query, rows.customer_equals, dates.from_date, dates.to_date);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_migration(pg_catalog.date, pg_catalog.date, pg_catalog.text) IS
    'how customers moved between the segments from one snapshot to another (the newest and the one before it without dates): from_segment null are the new ones, to_segment null the lost ones; revenue is their monetary value in the later snapshot, of the lost in the earlier. No rows where there is no earlier snapshot';

CREATE FUNCTION @extschema@.rfm_movers(
    from_date pg_catalog.date DEFAULT NULL,
    to_date   pg_catalog.date DEFAULT NULL,
    model     pg_catalog.text DEFAULT 'default',
    direction pg_catalog.text DEFAULT 'down',
    count     pg_catalog.int4 DEFAULT 20
) RETURNS TABLE (
    customer         pg_catalog.text,
    from_segment     pg_catalog.text,
    to_segment       pg_catalog.text,
    from_score       pg_catalog.int4,
    to_score         pg_catalog.int4,
    change           pg_catalog.int4,
    recency_days     pg_catalog.int4,
    frequency_orders pg_catalog.int8,
    monetary_value   pg_catalog.numeric
)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows  record;
    dates record;
BEGIN
    IF direction IS NULL OR direction NOT IN ('down', 'up') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('direction must be down or up, not %s', coalesce(quote_literal(direction), 'null'));
    ELSIF count < 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'count must not be negative',
            HINT = 'Null means all of them.';
    END IF;
    SELECT * INTO rows FROM @extschema@.rfm_snapshot_rows(model, 'segment');
    PERFORM @extschema@.rfm_require_columns(model, rows.columns, ARRAY['r_score', 'f_score', 'm_score']);
    SELECT * INTO dates FROM @extschema@.rfm_snapshot_pair(model, rows.query, from_date, to_date);
    RETURN QUERY EXECUTE format($query$
        SELECT m.customer::text, m.from_segment, m.to_segment, m.from_score, m.to_score, m.to_score - m.from_score,
               m.recency_days, m.frequency_orders, m.monetary_value
          FROM (SELECT a.customer, b.label AS from_segment, a.label AS to_segment,
                       b.r_score + b.f_score + b.m_score AS from_score, a.r_score + a.f_score + a.m_score AS to_score,
                       a.recency_days, a.frequency_orders, a.monetary_value
                  FROM (SELECT * FROM (%1$s) AS s WHERE s.run_date = %3$L::date) AS b
                       JOIN (SELECT * FROM (%1$s) AS s WHERE s.run_date = %4$L::date) AS a ON a.customer %2$s b.customer) AS m
         WHERE m.to_score %5$s m.from_score
         ORDER BY abs(m.to_score - m.from_score) DESC, m.monetary_value DESC NULLS LAST, m.customer
         LIMIT %6$L::int8
        $query$, rows.query, rows.customer_equals, dates.from_date, dates.to_date,
        CASE direction WHEN 'down' THEN '<' ELSE '>' END, count);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_movers(pg_catalog.date, pg_catalog.date, pg_catalog.text, pg_catalog.text, pg_catalog.int4) IS
    'the customers whose scores, r + f + m, fell (direction => ''up'': rose) most from one snapshot to another (the newest and the one before it without dates), of equal ones those with more money first; the values are those of the later snapshot. count null: all of them';

-- rfm_grid() for PL/pgSQL, in which no parameter shares its name with a column.
CREATE FUNCTION @extschema@.rfm_grid_cells(
    run_date pg_catalog.date,
    model    pg_catalog.text,
    x        pg_catalog.text,
    y        pg_catalog.text,
    measure  pg_catalog.text
) RETURNS TABLE (
    y_score pg_catalog.int4,
    x_score pg_catalog.int4,
    value   pg_catalog.numeric
)
LANGUAGE plpgsql STABLE ROWS 25
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows    record;
    date    date;
    bad     CONSTANT text := CASE WHEN coalesce(x NOT IN ('r', 'f', 'm'), true) THEN coalesce(quote_literal(x), 'null')
                                  WHEN coalesce(y NOT IN ('r', 'f', 'm'), true) THEN coalesce(quote_literal(y), 'null') END;
    axes    CONSTANT text[] := ARRAY['r', 'f', 'm'];
BEGIN
    IF bad IS NOT NULL OR x = y THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = CASE WHEN bad IS NOT NULL THEN format('an axis of the grid must be r, f or m, not %s', bad)
                           ELSE format('both axes of the grid are %s', x) END,
            HINT = 'For example x => ''r'', y => ''f'', the default.';
    ELSIF measure IS NULL OR measure NOT IN ('customers', 'money', 'revenue') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('a grid of %s is not known', coalesce(quote_literal(measure), 'null')),
            HINT = 'Use value => ''customers'', the default, or value => ''money''.';
    END IF;
    SELECT * INTO rows FROM @extschema@.rfm_snapshot_rows(model, NULL);
    PERFORM @extschema@.rfm_require_columns(model, rows.columns,
        ARRAY[x || '_score', y || '_score'] || CASE WHEN measure <> 'customers' THEN ARRAY['monetary_value'] END);
    date := @extschema@.rfm_snapshot_date(model, rows.query, run_date, NULL::date);
    IF date IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT y_score, x_score, coalesce(c.value, 0)
          FROM (SELECT s.%1$I AS x_score, s.%2$I AS y_score, %3$s AS value
                  FROM (%4$s) AS s
                 WHERE s.run_date = %5$L::date
                 GROUP BY 1, 2) AS c
               FULL JOIN (SELECT x_score, y_score
                            FROM generate_series(1, %6$s) AS x_score, generate_series(1, %7$s) AS y_score) AS cell USING (x_score, y_score)
         ORDER BY y_score, x_score
        $query$, x || '_score', y || '_score',
        CASE measure WHEN 'customers' THEN 'count(*)::numeric' ELSE 'sum(s.monetary_value)' END,
        rows.query, date, rows.buckets[array_position(axes, x)], rows.buckets[array_position(axes, y)]);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_grid_cells(pg_catalog.date, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
    'internal: the rows of rfm_grid';

CREATE FUNCTION @extschema@.rfm_grid(
    run_date pg_catalog.date DEFAULT NULL,
    model    pg_catalog.text DEFAULT 'default',
    x        pg_catalog.text DEFAULT 'r',
    y        pg_catalog.text DEFAULT 'f',
    value    pg_catalog.text DEFAULT 'customers'
) RETURNS TABLE (
    y_score pg_catalog.int4,
    x_score pg_catalog.int4,
    value   pg_catalog.numeric
)
LANGUAGE sql STABLE ROWS 25
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT y_score, x_score, value FROM @extschema@.rfm_grid_cells($1, $2, $3, $4, $5)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_grid(pg_catalog.date, pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
    'every cell of two of the scores r, f and m in a snapshot (the newest without a date), empty ones included: the number of customers in it or, with value => ''money'', their monetary value';

CREATE FUNCTION @extschema@.rfm_trend(
    model     pg_catalog.text DEFAULT 'default',
    from_date pg_catalog.date DEFAULT NULL,
    to_date   pg_catalog.date DEFAULT NULL
) RETURNS TABLE (
    run_date  pg_catalog.date,
    segment   pg_catalog.text,
    customers pg_catalog.int8,
    revenue   pg_catalog.numeric
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows record;
BEGIN
    IF from_date > to_date THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_date %s is after to_date %s', to_char(from_date, 'YYYY-MM-DD'), to_char(to_date, 'YYYY-MM-DD'));
    END IF;
    SELECT * INTO rows FROM @extschema@.rfm_snapshot_rows(model, 'segment');
    RETURN QUERY EXECUTE format($query$
        WITH found AS MATERIALIZED (
            SELECT s.run_date, s.label, count(*) AS customers, sum(s.monetary_value) AS revenue
              FROM (%s) AS s
             WHERE s.run_date BETWEEN %L::date AND %L::date
             GROUP BY s.run_date, s.label)
        SELECT d.run_date, l.label, coalesce(f.customers, 0), CASE WHEN %L THEN coalesce(f.revenue, 0) END
          FROM (SELECT DISTINCT run_date FROM found) AS d
               CROSS JOIN (SELECT DISTINCT label FROM found) AS l
               LEFT JOIN found AS f ON f.run_date = d.run_date AND f.label = l.label
         ORDER BY d.run_date, l.label
        $query$, rows.query, coalesce(from_date, '-infinity'), coalesce(to_date, 'infinity'), rows.columns ? 'monetary_value');
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_trend(pg_catalog.text, pg_catalog.date, pg_catalog.date) IS
    'customers and revenue of each segment in each snapshot of a range of dates (all of them without one), with a row of zeros for a segment that has nobody on a date';

CREATE FUNCTION @extschema@.rfm_score_now(
    customer pg_catalog.text,
    model    pg_catalog.text DEFAULT 'default'
) RETURNS TABLE (
    run_date         pg_catalog.date,
    customer_id      pg_catalog.text,
    recency_days     pg_catalog.int4,
    frequency_orders pg_catalog.int8,
    monetary_value   pg_catalog.numeric,
    r_score          pg_catalog.int4,
    f_score          pg_catalog.int4,
    m_score          pg_catalog.int4,
    rfm_score        pg_catalog.int4,
    rfm_segment      pg_catalog.text,
    comments         pg_catalog.text,
    rfm_cell         pg_catalog.text,
    rfm_weighted     pg_catalog.int8,
    cut_date         pg_catalog.date
)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'rfm_score_one';
COMMENT ON FUNCTION @extschema@.rfm_score_now(pg_catalog.text, pg_catalog.text) IS
    'where a customer stands today: their orders read anew (fast with an index on the source''s customer column), scored by the cut points of the newest snapshot, whose date is cut_date; no row for who has no orders that count. For who may refresh the model';

CREATE FUNCTION @extschema@.rfm_score_now(
    customer pg_catalog.anyelement,
    model    pg_catalog.text DEFAULT 'default'
) RETURNS TABLE (
    run_date         pg_catalog.date,
    customer_id      pg_catalog.text,
    recency_days     pg_catalog.int4,
    frequency_orders pg_catalog.int8,
    monetary_value   pg_catalog.numeric,
    r_score          pg_catalog.int4,
    f_score          pg_catalog.int4,
    m_score          pg_catalog.int4,
    rfm_score        pg_catalog.int4,
    rfm_segment      pg_catalog.text,
    comments         pg_catalog.text,
    rfm_cell         pg_catalog.text,
    rfm_weighted     pg_catalog.int8,
    cut_date         pg_catalog.date
)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT * FROM @extschema@.rfm_score_now($1::text, $2)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_score_now(pg_catalog.anyelement, pg_catalog.text) IS
    'the same for a customer that is not text, such as a number or a uuid';

CREATE FUNCTION @extschema@.rfm_customer(
    customer pg_catalog.text,
    model    pg_catalog.text DEFAULT 'default'
) RETURNS TABLE (
    run_date         pg_catalog.date,
    recency_days     pg_catalog.int4,
    frequency_orders pg_catalog.int8,
    monetary_value   pg_catalog.numeric,
    r_score          pg_catalog.int4,
    f_score          pg_catalog.int4,
    m_score          pg_catalog.int4,
    segment          pg_catalog.text,
    comment          pg_catalog.text
)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows record;
BEGIN
    IF customer IS NULL THEN
        RAISE EXCEPTION 'customer must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT * INTO rows FROM @extschema@.rfm_snapshot_rows(model, NULL);
    -- the key of a target begins with the date: one look into it a date, and one
    -- to find the next
    RETURN QUERY EXECUTE format($query$
        WITH RECURSIVE day(run_date) AS (
            (SELECT s.run_date FROM (%1$s) AS s ORDER BY s.run_date LIMIT 1)
            UNION ALL
            SELECT (SELECT s.run_date FROM (%1$s) AS s WHERE s.run_date > day.run_date ORDER BY s.run_date LIMIT 1)
              FROM day
             WHERE day.run_date IS NOT NULL)
        SELECT s.run_date, s.recency_days, s.frequency_orders, s.monetary_value, s.r_score, s.f_score, s.m_score, s.segment, s.comment
          FROM day
               CROSS JOIN LATERAL (SELECT * FROM (%1$s) AS s
                                    WHERE s.run_date = day.run_date AND s.customer %2$s CAST($1 AS %3$s)
                                   OFFSET 0) AS s
         ORDER BY s.run_date
        $query$, rows.query, rows.customer_equals, rows.customer_type)
    USING customer;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_customer(pg_catalog.text, pg_catalog.text) IS
    'a customer in every snapshot, oldest first; rfm_score_now() tells where they stand today';

CREATE FUNCTION @extschema@.rfm_customer(
    customer pg_catalog.anyelement,
    model    pg_catalog.text DEFAULT 'default'
) RETURNS TABLE (
    run_date         pg_catalog.date,
    recency_days     pg_catalog.int4,
    frequency_orders pg_catalog.int8,
    monetary_value   pg_catalog.numeric,
    r_score          pg_catalog.int4,
    f_score          pg_catalog.int4,
    m_score          pg_catalog.int4,
    segment          pg_catalog.text,
    comment          pg_catalog.text
)
LANGUAGE sql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT * FROM @extschema@.rfm_customer($1::text, $2)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_customer(pg_catalog.anyelement, pg_catalog.text) IS
    'the same for a customer that is not text, such as a number or a uuid';

CREATE FUNCTION @extschema@.rfm_export(
    run_date pg_catalog.date DEFAULT NULL,
    model    pg_catalog.text DEFAULT 'default',
    segment  pg_catalog.text DEFAULT NULL,
    by       pg_catalog.text DEFAULT 'segment'
) RETURNS TABLE (
    customer         pg_catalog.text,
    segment_name     pg_catalog.text,
    recency_days     pg_catalog.int4,
    frequency_orders pg_catalog.int8,
    monetary_value   pg_catalog.numeric,
    r_score          pg_catalog.int4,
    f_score          pg_catalog.int4,
    m_score          pg_catalog.int4
)
LANGUAGE plpgsql STABLE ROWS 100000
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows   record;
    date   date;
    labels text;
BEGIN
    SELECT * INTO rows FROM @extschema@.rfm_snapshot_rows(model, by);
    date := @extschema@.rfm_snapshot_date(model, rows.query, run_date, NULL::date);
    RETURN QUERY EXECUTE format($query$
        SELECT s.customer::text, s.label, s.recency_days, s.frequency_orders, s.monetary_value, s.r_score, s.f_score, s.m_score
          FROM (%s) AS s
         WHERE s.run_date = %L::date AND %s
         ORDER BY s.monetary_value DESC NULLS LAST, s.customer
        $query$, rows.query, date, CASE WHEN segment IS NULL THEN 'true' ELSE format('s.label = %L', segment) END);
    IF FOUND OR segment IS NULL OR date IS NULL THEN
        RETURN;
    END IF;
    -- a list that is empty by a slip of the pen would go unnoticed
    EXECUTE format('SELECT string_agg(DISTINCT quote_literal(s.label), %L) FROM (%s) AS s WHERE s.run_date = %L::date',
                   ', ', rows.query, date) INTO labels;
    RAISE NOTICE USING
        MESSAGE = format('nobody is in %s %L on %s', by, segment, to_char(date, 'YYYY-MM-DD')),
        DETAIL = format('There are: %s.', labels);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_export(pg_catalog.date, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
    'the customers of a segment (all of them without one) in a snapshot (the newest without a date), those with most money first, for a campaign: \copy (SELECT * FROM rfm_export(segment => ''At Risk'')) TO ''at_risk.csv'' CSV HEADER. by => ''comment'' takes segment for one of the comments';

-- Views of the newest snapshot ------------------------------------------------
--
-- One a target, beside it, known by its comment.  It reads the target with the
-- rights of who reads the view, where the server has such views (15), and is
-- then open to all: who may not SELECT from the target gets nothing from it.

CREATE FUNCTION @extschema@.rfm_latest_view_comment()
RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'the newest snapshot of its table; made by rfm, which knows it by this comment'::text
$body$;
COMMENT ON FUNCTION @extschema@.rfm_latest_view_comment() IS
    'internal: the comment by which a view of the newest snapshot is known';

CREATE FUNCTION @extschema@.rfm_latest_view_of(target pg_catalog.oid)
RETURNS pg_catalog.regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT c.oid::regclass
      FROM pg_depend d
           JOIN pg_rewrite w ON w.oid = d.objid
           JOIN pg_class c ON c.oid = w.ev_class
     WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
       AND c.relkind = 'v' AND obj_description(c.oid, 'pg_class') = @extschema@.rfm_latest_view_comment()
     ORDER BY c.oid
     LIMIT 1
$body$;
COMMENT ON FUNCTION @extschema@.rfm_latest_view_of(pg_catalog.oid) IS
    'internal: the view of the newest snapshot of a target; null: there is none';

CREATE FUNCTION @extschema@.rfm_latest_view_name(target pg_catalog.oid)
RETURNS pg_catalog.text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    schema text;
    base   text;
BEGIN
    SELECT n.nspname, c.relname INTO schema, base
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = target;
    WHILE octet_length(base) > 63 - length('_latest') LOOP
        base := left(base, -1);
    END LOOP;
    RETURN format('%I.%I', schema, base || '_latest');
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_latest_view_name(pg_catalog.oid) IS
    'internal: the name, quoted, for the view of the newest snapshot of a target';

CREATE FUNCTION @extschema@.rfm_latest_view(model pg_catalog.text DEFAULT 'default')
RETURNS pg_catalog.regclass
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    reader  record;
    m       record;
    present regclass;
    name    text;
    query   text;
    day     text;
    invoker CONSTANT bool := current_setting('server_version_num')::int4 >= 150000;
BEGIN
    SELECT * INTO reader FROM @extschema@.rfm_reader(model);
    SELECT x.target, x.owner INTO m FROM @extschema@.rfm_model x WHERE x.model = rfm_latest_view.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'permission denied for model "%"', model
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = 'Only its owner and members of that role may make its view.';
    END IF;
    present := @extschema@.rfm_latest_view_of(m.target);
    name := coalesce(present::text, @extschema@.rfm_latest_view_name(m.target));
    day := reader.columns ->> 'run_date';
    query := format('VIEW %s%s AS SELECT * FROM %s AS t', name,
                    CASE WHEN invoker THEN ' WITH (security_invoker = true)' END, reader.relation)
             || CASE WHEN day IS NULL THEN ''
                     ELSE format(' WHERE t.%1$s = (SELECT max(n.%1$s) FROM %2$s AS n)', day, reader.relation) END;

    IF present IS NOT NULL THEN
        BEGIN
            EXECUTE 'CREATE OR REPLACE ' || query;
            RETURN present;
        EXCEPTION WHEN invalid_table_definition THEN
            -- the columns are others than when it was made
            EXECUTE 'DROP VIEW ' || name;
        END;
    END IF;
    EXECUTE 'CREATE ' || query;
    EXECUTE format('COMMENT ON VIEW %s IS %L', name, @extschema@.rfm_latest_view_comment());
    IF invoker THEN
        EXECUTE format('GRANT SELECT ON %s TO PUBLIC', name);
    END IF;
    IF m.owner <> quote_ident(CURRENT_USER)::regrole THEN
        EXECUTE format('ALTER VIEW %s OWNER TO %s', name, m.owner);
    END IF;
    RETURN name::regclass;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_latest_view(pg_catalog.text) IS
    'makes the view of a model''s newest snapshot, <target>_latest, or makes it anew after the model or its target has changed; returns its name. rfm_create_model() does it by itself. From PostgreSQL 15 on it shows its rows to whoever may SELECT from the target; before, to whom its owner grants it';

-- For rfm_create_model(), which a view must not stand in the way of.
CREATE FUNCTION @extschema@.rfm_add_latest_view(model pg_catalog.text)
RETURNS pg_catalog.void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    reason text;
BEGIN
    IF @extschema@.rfm_latest_view_of((SELECT m.target FROM @extschema@.rfm_model m WHERE m.model = rfm_add_latest_view.model)) IS NULL THEN
        PERFORM @extschema@.rfm_latest_view(model);
    END IF;
EXCEPTION WHEN duplicate_table OR insufficient_privilege OR duplicate_column OR wrong_object_type OR feature_not_supported THEN
    GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
    RAISE NOTICE USING
        MESSAGE = format('model "%s" has no view of its newest snapshot', model),
        DETAIL = format('PostgreSQL says: %s.', reason),
        HINT = format('The model works without it. With that out of the way, make it: SELECT %s.rfm_latest_view(%L);', '@extschema@', model);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_add_latest_view(pg_catalog.text) IS
    'internal: makes the view of a model''s newest snapshot where it can';

-- For rfm_drop_model(), when the model is gone.  The view stays where another
-- model goes by its target, and where it is not the caller's to drop.
CREATE FUNCTION @extschema@.rfm_drop_latest_view(target pg_catalog.oid)
RETURNS pg_catalog.void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    view   CONSTANT regclass := @extschema@.rfm_latest_view_of(target);
    reason text;
BEGIN
    IF view IS NULL OR EXISTS (SELECT FROM @extschema@.rfm_model m WHERE m.target = rfm_drop_latest_view.target) THEN
        RETURN;
    END IF;
    EXECUTE format('DROP VIEW %s', view);
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
    RAISE NOTICE USING
        MESSAGE = format('view %s stays', view),
        DETAIL = format('PostgreSQL says: %s.', reason);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_drop_latest_view(pg_catalog.oid) IS
    'internal: drops the view of a target''s newest snapshot where it can';

-- The report --------------------------------------------------------------
--
-- rfm_report() reads snapshots into a few small arrays of the types below, and
-- every other function here turns some of them into a part of one page.  The
-- page is HTML that is well-formed XML too, has no script and refers to
-- nothing outside itself.  All that comes from a table or from a parameter
-- passes through rfm_report_text() on its way into it.

-- All that the page says of one snapshot by itself: its customers by score.
CREATE TYPE @extschema@.rfm_report_cell AS (
    r         pg_catalog.int4,
    f         pg_catalog.int4,
    m         pg_catalog.int4,
    segment   pg_catalog.text,
    comment   pg_catalog.text,
    customers pg_catalog.int8,
    orders    pg_catalog.numeric,
    revenue   pg_catalog.numeric,
    days      pg_catalog.numeric,
    low       pg_catalog.numeric[],
    high      pg_catalog.numeric[]
);
COMMENT ON TYPE @extschema@.rfm_report_cell IS
    'internal: customers of a snapshot with the same scores and labels; lowest and highest recency, frequency and monetary value';

CREATE TYPE @extschema@.rfm_report_move AS (
    from_segment pg_catalog.text,
    to_segment   pg_catalog.text,
    change       pg_catalog.int4,
    customers    pg_catalog.int8
);
COMMENT ON TYPE @extschema@.rfm_report_move IS
    'internal: customers in both of two snapshots, by segment and change of the sum of their scores';

CREATE TYPE @extschema@.rfm_report_mover AS (
    customer     pg_catalog.text,
    from_segment pg_catalog.text,
    to_segment   pg_catalog.text,
    from_score   pg_catalog.int4,
    to_score     pg_catalog.int4,
    days         pg_catalog.numeric,
    orders       pg_catalog.numeric,
    revenue      pg_catalog.numeric
);
COMMENT ON TYPE @extschema@.rfm_report_mover IS
    'internal: one customer in two snapshots; days, orders and revenue are those of the later';

CREATE TYPE @extschema@.rfm_report_point AS (
    run_date  pg_catalog.date,
    segment   pg_catalog.text,
    customers pg_catalog.int8
);
COMMENT ON TYPE @extschema@.rfm_report_point IS
    'internal: a segment in one of the snapshots of the trend';

CREATE TYPE @extschema@.rfm_report_scale AS (
    axis   pg_catalog.int4,
    bins   pg_catalog.int4,
    low    pg_catalog.float8,
    high   pg_catalog.float8,
    beyond pg_catalog.bool,
    logs   pg_catalog.bool
);
COMMENT ON TYPE @extschema@.rfm_report_scale IS
    'internal: the scale of a histogram: its axis, 1 to 3 for r, f and m; whether values lie beyond its end, whether it is logarithmic';

-- Words and numbers -------------------------------------------------------

-- The one way of any text into the page.  XML has no place for control
-- characters, escaped or not.
CREATE FUNCTION @extschema@.rfm_report_text(value pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT replace(replace(replace(replace(replace(
               regexp_replace($1, '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]', '?', 'g'),
               '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_text(pg_catalog.text) IS
    'internal: a text as it may stand in an element or an attribute of the report';

-- G and D are the separators of lc_numeric: the reader's.
CREATE FUNCTION @extschema@.rfm_report_number(value pg_catalog.numeric, decimals pg_catalog.int4 DEFAULT 0)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce(@extschema@.rfm_report_text(
               to_char(round($1, $2), 'FM' || repeat('999G', 9) || '990' || CASE WHEN $2 > 0 THEN 'D' || repeat('0', $2) ELSE '' END)),
               '&#8211;')
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_number(pg_catalog.numeric, pg_catalog.int4) IS
    'internal: a number with thousands separators; a dash for null';

CREATE FUNCTION @extschema@.rfm_report_share(part pg_catalog.numeric, whole pg_catalog.numeric)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT @extschema@.rfm_report_number(100 * $1 / nullif(greatest($2, 0), 0), 1) || CASE WHEN $2 > 0 THEN '%' ELSE '' END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_share(pg_catalog.numeric, pg_catalog.numeric) IS
    'internal: a share in percent with one decimal; a dash of nothing';

-- Where there is room for about four characters.
CREATE FUNCTION @extschema@.rfm_report_short(value pg_catalog.numeric)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT @extschema@.rfm_report_number($1 / unit.size, CASE WHEN unit.size > 1 AND abs($1) < 9.95 * unit.size THEN 1 ELSE 0 END) || unit.name
      FROM (VALUES (1e18, 'e18'), (1e15, 'e15'), (1e12, 'tn'), (1e9, 'bn'), (1e6, 'M'), (1e3, 'k'), (1, '')) AS unit(size, name)
     WHERE abs($1) >= 0.9995 * unit.size OR unit.size = 1
     ORDER BY unit.size DESC
     LIMIT 1
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_short(pg_catalog.numeric) IS
    'internal: a number in about four characters, such as 1.2k';

-- A number for the eye, and exactly for programs.
CREATE FUNCTION @extschema@.rfm_report_data(value pg_catalog.numeric, decimals pg_catalog.int4 DEFAULT 0)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce(format('<data value="%s">', $1), '<data value="">') || @extschema@.rfm_report_number($1, $2) || '</data>'
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_data(pg_catalog.numeric, pg_catalog.int4) IS
    'internal: a number as an element with its exact value';

CREATE FUNCTION @extschema@.rfm_report_section(id pg_catalog.text, title pg_catalog.text, explained pg_catalog.text, content pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format(E'<section id="%s" aria-labelledby="%s-title">\n<h2 id="%s-title">%s</h2>\n<p class="lead">%s</p>\n%s\n</section>\n',
                  $1, $1, $1, $2, $3, coalesce($4, ''))
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_section(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
    'internal: a section of the report';

-- Segments, best first: by the mean of their scores.
CREATE FUNCTION @extschema@.rfm_report_segments(cells @extschema@.rfm_report_cell[], by_comment pg_catalog.bool DEFAULT false)
RETURNS TABLE (
    rank      pg_catalog.int8,
    label     pg_catalog.text,
    customers pg_catalog.numeric,
    orders    pg_catalog.numeric,
    revenue   pg_catalog.numeric,
    days      pg_catalog.numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT row_number() OVER (ORDER BY sum((c.r + c.f + c.m) * c.customers) / sum(c.customers) DESC, l.label COLLATE "C"),
           l.label, sum(c.customers), sum(c.orders), sum(c.revenue), sum(c.days)
      FROM unnest($1) AS c,
           LATERAL (SELECT CASE WHEN $2 THEN c.comment ELSE c.segment END AS label) AS l
     WHERE l.label IS NOT NULL
     GROUP BY l.label
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_segments(@extschema@.rfm_report_cell[], pg_catalog.bool) IS
    'internal: a snapshot by segment, or by comment';

-- Key figures -------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_report_tile(label pg_catalog.text, value pg_catalog.numeric, decimals pg_catalog.int4, before pg_catalog.numeric)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<div class="tile"><dt>%s</dt><dd>%s%s</dd></div>', $1, @extschema@.rfm_report_data($2, CASE WHEN abs($2) < 1e7 THEN $3 ELSE 0 END),
                  CASE WHEN $4 > 0 THEN
                      format('<small>%s %s%%</small>',
                             CASE sign(round(100 * ($2 - $4) / $4, 1)) WHEN 1 THEN '&#9650;' WHEN -1 THEN '&#9660;' ELSE '=' END,
                             @extschema@.rfm_report_number(abs(100 * ($2 - $4) / $4), 1))
                  END)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_tile(pg_catalog.text, pg_catalog.numeric, pg_catalog.int4, pg_catalog.numeric) IS
    'internal: a key figure, and how it changed';

CREATE FUNCTION @extschema@.rfm_report_figures(cells @extschema@.rfm_report_cell[], before @extschema@.rfm_report_cell[])
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT '<dl class="tiles">'
           || @extschema@.rfm_report_tile('Customers', n.customers, 0, b.customers)
           || @extschema@.rfm_report_tile('Orders', n.orders, 0, b.orders)
           || @extschema@.rfm_report_tile('Revenue', n.revenue, 0, b.revenue)
           || @extschema@.rfm_report_tile('Average order value', n.revenue / nullif(n.orders, 0), 2, b.revenue / nullif(b.orders, 0))
           || @extschema@.rfm_report_tile('Revenue per customer', n.revenue / n.customers, 2, b.revenue / nullif(b.customers, 0))
           || @extschema@.rfm_report_tile('Days since last order', n.days / n.customers, 1, b.days / nullif(b.customers, 0))
           || '</dl>'
      FROM (SELECT sum(customers) AS customers, sum(orders) AS orders, sum(revenue) AS revenue, sum(days) AS days FROM unnest($1)) AS n,
           (SELECT sum(customers) AS customers, sum(orders) AS orders, sum(revenue) AS revenue, sum(days) AS days FROM unnest($2)) AS b
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_figures(@extschema@.rfm_report_cell[], @extschema@.rfm_report_cell[]) IS
    'internal: the key figures of a snapshot, compared with another';

-- Segments ----------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_report_bars(
    cells @extschema@.rfm_report_cell[], by_comment pg_catalog.bool, by_revenue pg_catalog.bool)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<table class="bars %s"><caption>%s</caption>', u.unit, initcap(u.unit))
           || string_agg(format(
                  '<tr><th scope="row">%s</th><td><svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img">'
                  || '<title>%s</title><rect class="rest" width="100" height="10"/><rect width="%s" height="10"/></svg></td><td>%s</td><td>%s</td></tr>',
                  b.label, b.label || ': ' || b.shown || ' ' || u.unit || ', ' || b.share,
                  round(100 * greatest(b.value, 0) / greatest(b.largest, 1e-9), 2), @extschema@.rfm_report_data(b.value), b.share),
                  E'\n' ORDER BY b.rank)
           || '</table>'
      FROM (SELECT CASE WHEN $3 THEN 'revenue' ELSE 'customers' END AS unit) AS u,
           (SELECT s.rank, @extschema@.rfm_report_text(s.label) AS label, v.value, max(v.value) OVER () AS largest,
                   @extschema@.rfm_report_number(v.value) AS shown,
                   @extschema@.rfm_report_share(v.value, sum(v.value) OVER ()) AS share
              FROM @extschema@.rfm_report_segments($1, $2) AS s,
                   LATERAL (SELECT CASE WHEN $3 THEN s.revenue ELSE s.customers END AS value) AS v) AS b
     GROUP BY u.unit
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_bars(@extschema@.rfm_report_cell[], pg_catalog.bool, pg_catalog.bool) IS
    'internal: customers or revenue of each segment, or comment, as bars';

CREATE FUNCTION @extschema@.rfm_report_summary(cells @extschema@.rfm_report_cell[])
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT '<div class="wide"><table class="numbers" id="summary"><caption>Segments in numbers</caption>'
           || '<thead><tr><th scope="col">Segment</th><th scope="col">Customers</th><th scope="col">Share</th><th scope="col">Orders</th>'
           || '<th scope="col">Revenue</th><th scope="col">Share</th><th scope="col">Average order</th>'
           || '<th scope="col">Orders each</th><th scope="col">Revenue each</th><th scope="col">Days since last order</th></tr></thead><tbody>'
           || string_agg(concat('<tr><th scope="row">', @extschema@.rfm_report_text(s.label), '</th><td>', concat_ws('</td><td>',
                  @extschema@.rfm_report_data(s.customers), @extschema@.rfm_report_share(s.customers, s.all_customers),
                  @extschema@.rfm_report_data(s.orders),
                  @extschema@.rfm_report_data(s.revenue), @extschema@.rfm_report_share(s.revenue, s.all_revenue),
                  @extschema@.rfm_report_number(s.revenue / nullif(s.orders, 0), 2),
                  @extschema@.rfm_report_number(s.orders / s.customers, 1),
                  @extschema@.rfm_report_number(s.revenue / s.customers, 2),
                  @extschema@.rfm_report_number(s.days / s.customers, 0)), '</td></tr>'), E'\n' ORDER BY s.rank)
           || '</tbody></table></div>'
      FROM (SELECT *, sum(customers) OVER () AS all_customers, sum(revenue) OVER () AS all_revenue
              FROM @extschema@.rfm_report_segments($1)) AS s
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_summary(@extschema@.rfm_report_cell[]) IS
    'internal: the segments of a snapshot as a table';

CREATE FUNCTION @extschema@.rfm_report_of_segments(cells @extschema@.rfm_report_cell[])
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT @extschema@.rfm_report_section('segments', 'Segments', 'Who the customers are, best scores first, and what they have spent.',
               '<div class="pair">' || @extschema@.rfm_report_bars($1, false, false) || @extschema@.rfm_report_bars($1, false, true) || '</div>'
               || @extschema@.rfm_report_summary($1))
           || CASE WHEN (SELECT count(*) FROM @extschema@.rfm_report_segments($1, true)) > 0
                   THEN @extschema@.rfm_report_section('comments', 'Traits', 'The same customers by what their three scores tell of them (comments).',
                            '<div class="pair">' || @extschema@.rfm_report_bars($1, true, false) || @extschema@.rfm_report_bars($1, true, true) || '</div>')
                   ELSE '' END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_of_segments(@extschema@.rfm_report_cell[]) IS
    'internal: the sections about segments and comments';

-- Heat maps ---------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_report_heat(
    cells @extschema@.rfm_report_cell[], buckets pg_catalog.int4[], by_revenue pg_catalog.bool)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH grid AS (
        SELECT r, f, coalesce(sum(CASE WHEN $3 THEN c.revenue ELSE c.customers END), 0) AS value
          FROM generate_series(1, $2[1]) AS r CROSS JOIN generate_series(1, $2[2]) AS f
               LEFT JOIN unnest($1) AS c USING (r, f)
         GROUP BY r, f
    ), toned AS (
        SELECT r, f, value, sum(value) OVER () AS total, CASE WHEN value <> 0 THEN @extschema@.rfm_report_short(value) END AS shown,
               round(sqrt(greatest(value, 0) / greatest(max(value) OVER (), 1e-9)), 3) AS tone
          FROM grid
    ), size AS (
        SELECT 440 / $2[1] AS w, 320 / $2[2] AS h, CASE WHEN $3 THEN 'revenue' ELSE 'customers' END AS unit,
               least(15, round((440 / $2[1] - 7) / (0.62 * (SELECT max(length(shown)) FROM toned)), 1)) AS letters
    )
    SELECT format('<figure><figcaption>%s</figcaption><svg class="heat %s" viewBox="0 0 480 374" role="img" aria-label="%s by recency and frequency score">',
                  initcap(size.unit), size.unit, initcap(size.unit))
           || string_agg(format(
                  '<g class="%s"><title>Recency %s, frequency %s: %s %s, %s</title>'
                  || '<rect x="%s" y="%s" width="%s" height="%s" rx="4" fill-opacity="%s"/><text x="%s" y="%s" font-size="%s">%s</text></g>',
                  CASE WHEN value = 0 THEN 'z' WHEN tone > 0.72 THEN 'c' WHEN tone > 0.58 THEN 'b' ELSE 'a' END,
                  r, f, @extschema@.rfm_report_number(value), size.unit, @extschema@.rfm_report_share(value, total),
                  40 + (r - 1) * size.w, ($2[2] - f) * size.h, size.w - 3, size.h - 3, greatest(tone, 0.04),
                  40 + (r - 0.5) * size.w - 1.5, ($2[2] - f + 0.5) * size.h + 3.5, coalesce(size.letters, 15),
                  coalesce(shown, '&#183;')), E'\n' ORDER BY f DESC, r)
           || (SELECT string_agg(format('<text class="axis" x="%s" y="340">%s</text>', 40 + (r - 0.5) * size.w - 1.5, r), '')
                 FROM generate_series(1, $2[1]) AS r)
           || (SELECT string_agg(format('<text class="axis" x="29" y="%s">%s</text>', ($2[2] - f + 0.5) * size.h + 3.5, f), '')
                 FROM generate_series(1, $2[2]) AS f)
           || '<text class="axis" x="258" y="364">recency score: longest ago &#8594; most recent</text>'
           || '<text class="axis" transform="translate(12 160) rotate(-90)">frequency score: rarely &#8594; often</text></svg></figure>'
      FROM toned, size
     GROUP BY size.unit, size.w, size.h, size.letters
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_heat(@extschema@.rfm_report_cell[], pg_catalog.int4[], pg_catalog.bool) IS
    'internal: customers or revenue by recency and frequency score, as a heat map';

-- Distributions -----------------------------------------------------------

-- The values of each score on an axis.
CREATE FUNCTION @extschema@.rfm_report_ranges(cells @extschema@.rfm_report_cell[], axis pg_catalog.int4)
RETURNS TABLE (score pg_catalog.int4, customers pg_catalog.numeric, low pg_catalog.numeric, high pg_catalog.numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT (ARRAY[c.r, c.f, c.m])[$2], sum(c.customers), min(c.low[$2]), max(c.high[$2])
      FROM unnest($1) AS c
     GROUP BY 1
     ORDER BY 1
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_ranges(@extschema@.rfm_report_cell[], pg_catalog.int4) IS
    'internal: customers, lowest and highest value of each score on an axis';

-- A long tail would press everything else into a corner: frequency ends at
-- twice where the best score begins, money is drawn on a logarithmic scale.
CREATE FUNCTION @extschema@.rfm_report_scale(cells @extschema@.rfm_report_cell[], axis pg_catalog.int4)
RETURNS @extschema@.rfm_report_scale
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT ROW($2, f.bins, CASE WHEN l.logs THEN l.low ELSE v.low END,
               CASE WHEN $2 = 2 THEN v.low + f.bins * f.step WHEN $2 = 1 THEN v.high + 1 ELSE greatest(v.high, v.low + 1) END,
               $2 = 2 AND v.high >= v.low + f.bins * f.step, l.logs)::@extschema@.rfm_report_scale
      FROM (SELECT CASE WHEN $2 = 1 THEN 0 ELSE min(r.low) END::float8 AS low, max(r.high)::float8 AS high,
                   (array_agg(r.low ORDER BY r.score DESC))[1]::float8 AS best, min(r.high) FILTER (WHERE r.high > 0)::float8 AS some
              FROM @extschema@.rfm_report_ranges($1, $2) AS r) AS v,
           LATERAL (SELECT $2 = 3 AND v.high > 0 AND v.high > 50 * v.some AS logs,
                           greatest(v.low, v.some / 100, v.high / 1e5) AS low) AS l,
           LATERAL (SELECT least(v.high, greatest(2 * v.best, v.low + 9)) - v.low + 1 AS width) AS w,
           LATERAL (SELECT ceil(w.width / 40) AS step) AS s,
           LATERAL (SELECT s.step, CASE WHEN $2 = 2 THEN ceil(w.width / s.step)::int4 ELSE 40 END AS bins) AS f
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_scale(@extschema@.rfm_report_cell[], pg_catalog.int4) IS
    'internal: the scale on which the values of an axis are drawn';

-- Where a value lies on a scale, from 0 to 1.
CREATE FUNCTION @extschema@.rfm_report_position(scale @extschema@.rfm_report_scale, value pg_catalog.float8)
RETURNS pg_catalog.float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN ($1).logs THEN ln(inside.value / ($1).low) / ln(($1).high / ($1).low)
                ELSE (inside.value - ($1).low) / (($1).high - ($1).low) END
      FROM (SELECT least(greatest($2, ($1).low), ($1).high) AS value) AS inside
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_position(@extschema@.rfm_report_scale, pg_catalog.float8) IS
    'internal: where a value lies on a scale';

-- Round numbers along a scale: at most six.
CREATE FUNCTION @extschema@.rfm_report_ticks(scale @extschema@.rfm_report_scale)
RETURNS SETOF pg_catalog.numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT tick.value
      FROM (SELECT unit.digit * 10::numeric ^ e AS step
              FROM generate_series(-6, 15) AS e, unnest(ARRAY[1, 2, 5]) AS unit(digit)
             WHERE unit.digit * 10::numeric ^ e >= greatest((($1).high - ($1).low)::numeric / 5, CASE WHEN ($1).axis < 3 THEN 1 ELSE 0 END)
             ORDER BY 1 LIMIT 1) AS linear,
           LATERAL (SELECT n * linear.step AS value
                      FROM generate_series(ceil(($1).low::numeric / linear.step), floor(($1).high::numeric / linear.step)) AS n
                     WHERE NOT ($1).logs
                    UNION ALL
                    SELECT 10::numeric ^ e
                      FROM generate_series(-6, 15) AS e
                     WHERE ($1).logs AND 10::float8 ^ e BETWEEN ($1).low AND ($1).high) AS tick
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_ticks(@extschema@.rfm_report_scale) IS
    'internal: the values written along a scale';

-- counts: customers in each bin.  cuts: where each score but the lowest begins.
CREATE FUNCTION @extschema@.rfm_report_histogram(
    scale @extschema@.rfm_report_scale, counts pg_catalog.int8[], cuts pg_catalog.numeric[], unit pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<svg class="histogram" viewBox="0 0 340 170" role="img" aria-label="Distribution of %s with cut points">', $4)
           || (SELECT string_agg(format('<rect x="%s" y="%s" width="%s" height="%s"><title>%s customers</title></rect>',
                          round(10 + (bin - 1) * 320.0 / ($1).bins, 1), round(130 - h.height, 1),
                          round(320.0 / ($1).bins - 1, 1), round(h.height, 1), @extschema@.rfm_report_number(n)), '' ORDER BY bin)
                 FROM unnest($2) WITH ORDINALITY AS counted(n, bin),
                      LATERAL (SELECT n * 108.0 / greatest((SELECT max(c) FROM unnest($2) AS c), 1) AS height) AS h)
           || coalesce((SELECT string_agg(format('<g class="cut"><title>cut point %s</title><line x1="%s" y1="14" x2="%s" y2="134"/></g>',
                                  @extschema@.rfm_report_number(cut, CASE WHEN cut = trunc(cut) THEN 0 ELSE 2 END), p.x, p.x), '')
                          FROM unnest($3) AS cut,
                               LATERAL (SELECT round((10 + 320 * @extschema@.rfm_report_position($1, cut::float8))::numeric, 1) AS x) AS p), '')
           || '<line class="base" x1="10" y1="130" x2="330" y2="130"/>'
           || coalesce((SELECT string_agg(format('<text class="axis" x="%s" y="148">%s</text>',
                                  round((10 + 320 * @extschema@.rfm_report_position($1, tick::float8))::numeric, 1),
                                  @extschema@.rfm_report_short(tick)), '')
                          FROM @extschema@.rfm_report_ticks($1) AS tick), '')
           || format('<text class="axis" x="170" y="166">%s%s</text></svg>', $4,
                     CASE WHEN ($1).logs THEN ' (logarithmic scale)' WHEN ($1).beyond THEN ' (the last bar: all beyond)' ELSE '' END)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_histogram(@extschema@.rfm_report_scale, pg_catalog.int8[], pg_catalog.numeric[], pg_catalog.text) IS
    'internal: the histogram of an axis with its cut points';

CREATE FUNCTION @extschema@.rfm_report_distribution(
    cells @extschema@.rfm_report_cell[], scale @extschema@.rfm_report_scale, counts pg_catalog.int8[])
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT '<figure><figcaption>' || (ARRAY['Recency', 'Frequency', 'Monetary value'])[($2).axis] || '</figcaption>'
           || @extschema@.rfm_report_histogram($2, $3,
                  (SELECT array_agg(CASE WHEN ($2).axis = 1 THEN r.high ELSE r.low END)
                     FROM @extschema@.rfm_report_ranges($1, ($2).axis) AS r
                    WHERE r.score > 1),
                  (ARRAY['days since the last order', 'orders', 'revenue of a customer'])[($2).axis])
           || '<div class="wide"><table class="numbers"><thead><tr><th scope="col">Score</th><th scope="col">From</th><th scope="col">To</th>'
           || '<th scope="col">Customers</th></tr></thead><tbody>'
           || (SELECT string_agg(concat('<tr><th scope="row">', r.score, '</th><td>',
                          @extschema@.rfm_report_data(r.low, d.decimals), '</td><td>', @extschema@.rfm_report_data(r.high, d.decimals), '</td><td>',
                          @extschema@.rfm_report_data(r.customers), '</td></tr>'), E'\n' ORDER BY r.score DESC)
                 FROM @extschema@.rfm_report_ranges($1, ($2).axis) AS r,
                      (SELECT CASE WHEN ($2).axis = 3 AND ($2).high < 1e7 THEN 2 ELSE 0 END AS decimals) AS d)
           || '</tbody></table></div></figure>'
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_distribution(@extschema@.rfm_report_cell[], @extschema@.rfm_report_scale, pg_catalog.int8[]) IS
    'internal: how the values of an axis are distributed, and what each score covers';

-- Movements ---------------------------------------------------------------

-- Every pair of segments, the new (from null) and the lost (to null) included.
CREATE FUNCTION @extschema@.rfm_report_pairs(
    cells @extschema@.rfm_report_cell[], before @extschema@.rfm_report_cell[], moves @extschema@.rfm_report_move[])
RETURNS TABLE (from_segment pg_catalog.text, to_segment pg_catalog.text, customers pg_catalog.numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT p.from_segment, p.to_segment, sum(p.customers)
      FROM (SELECT m.from_segment, m.to_segment, m.customers FROM unnest($3) AS m
            UNION ALL
            SELECT NULL, n.segment, n.customers FROM unnest($1) AS n
            UNION ALL
            SELECT NULL, m.to_segment, -m.customers FROM unnest($3) AS m
            UNION ALL
            SELECT b.segment, NULL, b.customers FROM unnest($2) AS b
            UNION ALL
            SELECT m.from_segment, NULL, -m.customers FROM unnest($3) AS m) AS p
     GROUP BY 1, 2
    HAVING sum(p.customers) > 0
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_pairs(@extschema@.rfm_report_cell[], @extschema@.rfm_report_cell[], @extschema@.rfm_report_move[]) IS
    'internal: customers that went from segment to segment, came and left';

CREATE FUNCTION @extschema@.rfm_report_matrix(
    cells @extschema@.rfm_report_cell[], before @extschema@.rfm_report_cell[], moves @extschema@.rfm_report_move[])
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH known AS (
        SELECT s.label, min(s.place) AS place
          FROM (SELECT label, rank AS place FROM @extschema@.rfm_report_segments($1)
                UNION ALL
                SELECT label, rank + 1000 FROM @extschema@.rfm_report_segments($2)) AS s
         GROUP BY s.label
    ), side AS (
        SELECT label, place, label AS new_name, label AS lost_name FROM known
        UNION ALL
        SELECT NULL, 3000, 'New customers', 'No longer there'
    ), cell AS (
        SELECT f.place AS row, t.place AS col, f.label AS from_label, t.label AS to_label,
               f.new_name AS from_name, t.lost_name AS to_name, coalesce(p.customers, 0) AS n,
               sum(coalesce(p.customers, 0)) OVER (PARTITION BY f.place) AS of_row
          FROM side AS f CROSS JOIN side AS t
               LEFT JOIN @extschema@.rfm_report_pairs($1, $2, $3) AS p
                      ON p.from_segment IS NOT DISTINCT FROM f.label AND p.to_segment IS NOT DISTINCT FROM t.label
         WHERE f.label IS NOT NULL OR t.label IS NOT NULL
    ), line AS (
        SELECT row, format('<tr><th scope="row">%s</th>', @extschema@.rfm_report_text(min(from_name)))
               || string_agg(CASE WHEN n = 0 THEN '<td class="none">&#183;</td>'
                                  ELSE format('<td class="%s" style="--o:%s" title="%s &#8594; %s: %s customers, %s of the row">%s</td>',
                                           concat_ws(' ', CASE WHEN from_label = to_label THEN 'stay' END, CASE WHEN n > 0.72 * of_row THEN 'c' WHEN n > 0.58 * of_row THEN 'b' END),
                                           round(greatest(n / of_row, 0.03), 3),
                                           @extschema@.rfm_report_text(from_name), @extschema@.rfm_report_text(to_name),
                                           @extschema@.rfm_report_number(n), @extschema@.rfm_report_share(n, of_row), @extschema@.rfm_report_data(n))
                             END, '' ORDER BY col)
               || CASE WHEN min(from_label) IS NULL THEN '<td class="none"></td>' ELSE '' END
               || format('<td class="sum">%s</td></tr>', @extschema@.rfm_report_number(sum(n))) AS html
          FROM cell
         GROUP BY row
    )
    SELECT '<div class="wide"><table class="matrix" id="matrix"><caption>From (rows) to (columns), customers</caption><thead><tr><td></td>'
           || (SELECT string_agg(format('<th scope="col"><span title="%s">%s</span></th>', @extschema@.rfm_report_text(lost_name),
                      @extschema@.rfm_report_text(CASE WHEN length(lost_name) > 24 THEN left(lost_name, 22) || '..' ELSE lost_name END)), '' ORDER BY place)
                 FROM side)
           || '<th scope="col"><span>All</span></th></tr></thead><tbody>' || string_agg(html, E'\n' ORDER BY row) || '</tbody></table></div>'
      FROM line
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_matrix(@extschema@.rfm_report_cell[], @extschema@.rfm_report_cell[], @extschema@.rfm_report_move[]) IS
    'internal: movements between the segments of two snapshots as a matrix';

CREATE FUNCTION @extschema@.rfm_report_movers_table(movers @extschema@.rfm_report_mover[], rising pg_catalog.bool)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<div class="wide"><table class="numbers" id="%s"><caption>%s</caption>', w.id, w.title)
           || coalesce('<thead><tr><th scope="col">Customer</th><th scope="col" class="words">Segment</th><th scope="col">Score</th>'
               || '<th scope="col">Revenue</th><th scope="col">Orders</th><th scope="col">Days since last order</th></tr></thead><tbody>'
               || string_agg(concat('<tr><th scope="row">', @extschema@.rfm_report_text(m.customer), '</th><td class="words">',
                      concat_ws(' &#8594; ', CASE WHEN m.from_segment <> m.to_segment THEN @extschema@.rfm_report_text(m.from_segment) END,
                                @extschema@.rfm_report_text(m.to_segment)), '</td><td>',
                      m.from_score, ' &#8594; ', m.to_score, '</td><td>', concat_ws('</td><td>', @extschema@.rfm_report_data(m.revenue, 2),
                      @extschema@.rfm_report_number(m.orders), @extschema@.rfm_report_number(m.days)), '</td></tr>'), E'\n'
                      ORDER BY abs(m.to_score - m.from_score) DESC, m.revenue DESC NULLS LAST, m.customer COLLATE "C") || '</tbody></table></div>',
               '<tbody><tr><td class="words">None.</td></tr></tbody></table></div>')
      FROM (SELECT CASE WHEN $2 THEN 'risen' ELSE 'fallen' END AS id,
                   CASE WHEN $2 THEN '&#9650; Risen most' ELSE '&#9660; Fallen most' END AS title) AS w
           LEFT JOIN unnest($1) AS m ON (m.to_score > m.from_score) = $2
     GROUP BY w.id, w.title
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_movers_table(@extschema@.rfm_report_mover[], pg_catalog.bool) IS
    'internal: the customers who rose or fell most';

CREATE FUNCTION @extschema@.rfm_report_of_movements(
    since pg_catalog.date, cells @extschema@.rfm_report_cell[], before @extschema@.rfm_report_cell[],
    moves @extschema@.rfm_report_move[], movers @extschema@.rfm_report_mover[])
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT @extschema@.rfm_report_section('movements', format('Movements since %s', to_char($1, 'YYYY-MM-DD')),
               format('Of the customers in both snapshots the sum of scores rose for %s, fell for %s and stayed for %s. '
                      || 'The darker a cell, the larger its share of the row; framed: who stayed.',
                      @extschema@.rfm_report_data(t.risen), @extschema@.rfm_report_data(t.fallen), @extschema@.rfm_report_data(t.same)),
               @extschema@.rfm_report_matrix($2, $3, $4))
           || @extschema@.rfm_report_section('movers', 'Biggest movers',
               'The customers whose sum of scores changed most; among equals those who spent most.',
               @extschema@.rfm_report_movers_table($5, false) || @extschema@.rfm_report_movers_table($5, true))
      FROM (SELECT coalesce(sum(customers) FILTER (WHERE change > 0), 0) AS risen,
                   coalesce(sum(customers) FILTER (WHERE change < 0), 0) AS fallen,
                   coalesce(sum(customers) FILTER (WHERE change = 0), 0) AS same
              FROM unnest($4)) AS t
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_of_movements(pg_catalog.date, @extschema@.rfm_report_cell[], @extschema@.rfm_report_cell[], @extschema@.rfm_report_move[], @extschema@.rfm_report_mover[]) IS
    'internal: the sections about movements between two snapshots';

-- The trend ---------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_report_line(
    label pg_catalog.text, places pg_catalog.numeric[], shares pg_catalog.numeric[], customers pg_catalog.numeric[], top pg_catalog.numeric)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<div class="trend"><h3>%s</h3><p>%s &#8594; <strong>%s</strong> <small>(%s &#8594; %s)</small></p>'
                  || '<svg viewBox="0 0 200 56" preserveAspectRatio="none" role="img"><title>%s: %s customers, then %s</title>'
                  || '<polygon points="0,54 %s 200,54"/><polyline points="%s" vector-effect="non-scaling-stroke"/><line x1="0" y1="54" x2="200" y2="54" vector-effect="non-scaling-stroke"/></svg></div>',
                  @extschema@.rfm_report_text($1), @extschema@.rfm_report_number($4[1]), @extschema@.rfm_report_number($4[cardinality($4)]),
                  @extschema@.rfm_report_share($3[1], 1), @extschema@.rfm_report_share($3[cardinality($3)], 1),
                  @extschema@.rfm_report_text($1), @extschema@.rfm_report_number($4[1]), @extschema@.rfm_report_number($4[cardinality($4)]),
                  p.points, p.points)
      FROM (SELECT string_agg(round(200 * place, 1) || ',' || round(54 - 50 * share / greatest($5, 1e-9), 1), ' ' ORDER BY place) AS points
              FROM unnest($2, $3) AS v(place, share)) AS p
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_line(pg_catalog.text, pg_catalog.numeric[], pg_catalog.numeric[], pg_catalog.numeric[], pg_catalog.numeric) IS
    'internal: the trend of a segment: its share at moments from 0 to 1';

CREATE FUNCTION @extschema@.rfm_report_of_trend(
    points @extschema@.rfm_report_point[], cells @extschema@.rfm_report_cell[], all_dates pg_catalog.int4)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH day AS (
        SELECT p.run_date, sum(p.customers) AS customers, min(p.run_date) OVER () AS first, max(p.run_date) OVER () AS last
          FROM unnest($1) AS p
         GROUP BY p.run_date
    ), label AS (
        SELECT l.segment, coalesce(s.rank, 1000) AS rank
          FROM (SELECT DISTINCT p.segment FROM unnest($1) AS p) AS l
               LEFT JOIN @extschema@.rfm_report_segments($2) AS s ON s.label = l.segment
    ), point AS (
        SELECT label.segment, label.rank, day.run_date, coalesce(p.customers, 0) AS customers,
               (day.run_date - day.first)::numeric / greatest(day.last - day.first, 1) AS place,
               coalesce(p.customers, 0) / day.customers AS share
          FROM label CROSS JOIN day LEFT JOIN unnest($1) AS p ON p.segment = label.segment AND p.run_date = day.run_date
    ), line AS (
        SELECT rank, segment, @extschema@.rfm_report_line(segment, array_agg(place ORDER BY run_date), array_agg(share ORDER BY run_date),
                         array_agg(customers ORDER BY run_date), max(share)) AS html
          FROM point
         GROUP BY rank, segment
    )
    SELECT @extschema@.rfm_report_section('trend', 'Trend of the segments',
               format('Share of the customers from %s to %s (%s of %s snapshots), each segment on a scale from nought to its own highest.',
                      (SELECT to_char(min(run_date), 'YYYY-MM-DD') FROM day), (SELECT to_char(max(run_date), 'YYYY-MM-DD') FROM day),
                      (SELECT count(*) FROM day), $3),
               '<div class="trends">' || (SELECT string_agg(html, E'\n' ORDER BY rank, segment COLLATE "C") FROM line) || '</div>')
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_of_trend(@extschema@.rfm_report_point[], @extschema@.rfm_report_cell[], pg_catalog.int4) IS
    'internal: the section about the segments over time';

-- Definitions -------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_report_range(scores pg_catalog.int4range)
RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN $1 IS NULL OR lower_inf($1) AND upper_inf($1) THEN 'any'
                WHEN lower_inf($1) THEN 'up to ' || upper($1) - 1
                WHEN upper_inf($1) THEN lower($1) || ' or more'
                WHEN lower($1) = upper($1) - 1 THEN lower($1)::text
                ELSE lower($1) || '&#8211;' || upper($1) - 1 END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_range(pg_catalog.int4range) IS
    'internal: a range of scores in words';

CREATE FUNCTION @extschema@.rfm_report_rules(title pg_catalog.text, ruleset pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<div class="wide"><table class="numbers"><caption>%s: rule set %s</caption>', $1, @extschema@.rfm_report_text($2))
           || '<thead><tr><th scope="col">Label, first match wins</th><th scope="col">Recency</th><th scope="col">Frequency</th>'
           || '<th scope="col">Money</th><th scope="col">Sum</th></tr></thead><tbody>'
           || string_agg(concat('<tr><th scope="row">', @extschema@.rfm_report_text(s.label), '</th><td>',
                  concat_ws('</td><td>', @extschema@.rfm_report_range(s.r), @extschema@.rfm_report_range(s.f),
                            @extschema@.rfm_report_range(s.m), @extschema@.rfm_report_range(s.total)), '</td></tr>'), E'\n' ORDER BY s.priority)
           || '</tbody></table></div>'
      FROM @extschema@.rfm_segment_rule AS s
     WHERE s.ruleset = $2
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_rules(pg_catalog.text, pg_catalog.text) IS
    'internal: a rule set as a table';

-- The settings are shown to those who may see the model: row security decides.
CREATE FUNCTION @extschema@.rfm_report_of_definitions(model pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT @extschema@.rfm_report_section('definitions', 'Definitions',
               'Recency is the days since the last order, frequency the number of orders, monetary value their sum. '
               || 'Each becomes a score; the highest is the best, for recency the most recent.',
               '<dl class="settings">'
               || (SELECT string_agg(format('<div><dt>%s</dt><dd>%s</dd></div>', d.name, @extschema@.rfm_report_text(d.value)), E'\n' ORDER BY d.n)
                     FROM (VALUES (1, 'Model', m.model), (2, 'Orders from', m.source::text), (3, 'Snapshots in', m.target::text),
                                  (4, 'Customer', m.customer::text), (5, 'Time of an order', m.ordered_at::text), (6, 'Amount', m.amount),
                                  (7, 'An order is', coalesce('a value of ' || m.order_id, 'a row')), (8, 'Orders that count', coalesce(m.filter, 'all')),
                                  (9, 'Orders of the last', coalesce(m.lookback::text, 'any time')), (10, 'Time zone', m.time_zone),
                                  (11, 'Customers with more than', m.monetary_above::text),
                                  (12, 'Method', m.method || CASE m.method WHEN 'ntile' THEN ': equal numbers of customers in each score'
                                      WHEN 'rank' THEN ': equal values share a score' WHEN 'quantile' THEN ': cut at quantiles of the values'
                                      WHEN 'breaks' THEN ': fixed cut points' ELSE '' END),
                                  (13, 'Scores', 'up to ' || array_to_string(m.buckets, ', '))) AS d(n, name, value)
                    WHERE d.value IS NOT NULL)
               || '</dl><div class="pair">' || coalesce(@extschema@.rfm_report_rules('Segments', m.segment_rules), '')
               || coalesce(@extschema@.rfm_report_rules('Traits (comments)', m.comment_rules), '') || '</div>')
      FROM @extschema@.rfm_model AS m
     WHERE m.model = $1
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_of_definitions(pg_catalog.text) IS
    'internal: the section about the settings and rules of a model; null for who may not see it';

-- The page ----------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_report_style()
RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT $style$
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #ffffff; --ink: #1b2330; --muted: #586274; --line: #dde2e9; --rest: #edf0f4;
  --a: 31 90 166; --b: 184 84 20; --on: #ffffff; --mid: #1b2330; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #12161c; --card: #1a2028; --ink: #e8ebf0; --muted: #9ba6b5; --line: #303a47; --rest: #252d38;
    --a: 125 179 245; --b: 242 163 94; --on: #0e1218; --mid: #0e1218; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1140px; margin: 0 auto; padding: 24px 16px 48px; }
header h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
header p, .lead, footer { color: var(--muted); margin: 0 0 16px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px; margin: 20px 0; }
h2 { font-size: 20px; margin: 0 0 2px; }
h3 { font-size: 14px; margin: 0; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(46%, 240px), 1fr)); gap: 12px; margin: 20px 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 12px 16px; }
.tile dt { color: var(--muted); font-size: 13px; }
.tile dd { margin: 0; font-size: 20px; overflow-wrap: anywhere; font-weight: 650; line-height: 1.3; }
.tile small { display: block; font-size: 13px; font-weight: 400; color: var(--muted); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 24px 32px; align-items: start; }
.thirds { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr)); gap: 24px; align-items: start; }
.wide { overflow-x: auto; min-width: 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption, figcaption { text-align: left; font-weight: 650; padding: 8px 0 6px; }
figure { margin: 0; min-width: 0; }
th { text-align: left; font-weight: 500; }
td, thead th { text-align: right; white-space: nowrap; }
thead th:first-child, .numbers .words { text-align: left; }
td.words { white-space: normal; }
#movers td.words { width: 46%; }
thead th { color: var(--muted); font-size: 12px; vertical-align: bottom; white-space: normal; }
.numbers th, .numbers td { padding: 5px 8px; border-top: 1px solid var(--line); }
.numbers th:first-child, .numbers td:first-child { padding-left: 0; }
.numbers thead th { border-top: 0; }
.numbers th[scope=row] { overflow-wrap: anywhere; min-width: 7em; }
.thirds .numbers th[scope=row] { min-width: 2em; }
.thirds .numbers td { padding-left: 4px; padding-right: 4px; }
.bars { table-layout: auto; }
.bars th { width: 34%; padding: 4px 10px 4px 0; line-height: 1.25; overflow-wrap: anywhere; }
.bars td { padding: 4px 0 4px 8px; }
.bars td:nth-child(2) { width: 40%; padding-left: 0; }
.bar { display: block; width: 100%; height: 14px; border-radius: 3px; fill: rgb(var(--a)); }
.bars.revenue .bar { fill: rgb(var(--b)); }
.bar .rest { fill: var(--rest); }
svg text { font-family: inherit; text-anchor: middle; fill: var(--ink); }
svg .axis { fill: var(--muted); font-size: 12px; }
.heat, .histogram { display: block; width: 100%; height: auto; }
.heat rect { fill: rgb(var(--a)); }
.heat.revenue rect { fill: rgb(var(--b)); }
.heat .z text { fill: var(--muted); }
.heat .b text { fill: var(--mid); }
.heat .c text { fill: var(--on); }
.histogram rect { fill: rgb(var(--a)); fill-opacity: .75; }
.histogram line { stroke: var(--muted); }
.histogram .cut line { stroke: rgb(var(--b)); stroke-width: 1.5; stroke-dasharray: 4 3; }
.matrix { width: auto; font-size: 13px; border-collapse: separate; border-spacing: 2px; }
.matrix thead th { vertical-align: bottom; text-align: center; padding: 0 2px 4px; }
.matrix thead th span { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; line-height: 1.2; }
.matrix tbody th { position: sticky; left: 0; background: var(--card); max-width: 150px; min-width: 100px; padding-right: 10px; line-height: 1.2; overflow-wrap: anywhere; }
.matrix td { min-width: 54px; padding: 5px 7px; border-radius: 4px; background: rgb(var(--a) / var(--o, 0)); border: 2px solid transparent; }
.matrix td.stay { border-color: rgb(var(--a)); }
.matrix td.b { color: var(--mid); }
.matrix td.c { color: var(--on); }
.matrix td.none { color: var(--muted); }
.matrix td.sum { color: var(--muted); background: none; }
.trends { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 200px), 1fr)); gap: 18px 24px; }
.trend p { margin: 0 0 4px; font-size: 13px; }
.trend small { color: var(--muted); white-space: nowrap; }
.trend svg { display: block; width: 100%; height: 56px; overflow: visible; }
.trend polygon { fill: rgb(var(--a)); fill-opacity: .14; }
.trend polyline { fill: none; stroke: rgb(var(--a)); stroke-width: 2; stroke-linejoin: round; }
.trend line { stroke: var(--line); }
.settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 240px), 1fr)); gap: 10px 24px; margin: 0 0 12px; }
.settings dt { color: var(--muted); font-size: 13px; }
.settings dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 560px) {
  main { padding: 16px 10px 32px; }
  section { padding: 14px 12px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile { padding: 10px 12px; }
  .tile dd { font-size: 20px; }
  .bars th { width: 32%; }
  .bars td:nth-child(2) { width: 32%; }
  .trends { grid-template-columns: 1fr 1fr; }
}
@media print {
  :root { color-scheme: light; --bg: #ffffff; --card: #ffffff; --ink: #000000; --muted: #444444; --line: #bbbbbb; --rest: #eeeeee;
    --a: 31 90 166; --b: 184 84 20; --on: #ffffff; --mid: #1b2330; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { margin: 14mm; }
  body { font-size: 11px; }
  main { max-width: none; padding: 0; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 10px 0 0; margin: 14px 0; }
  header h1 { font-size: 20px; }
  h2 { font-size: 15px; }
  h3, .trend p, table, .settings dd { font-size: 10px; }
  thead th, .settings dt { font-size: 9px; }
  .matrix, .matrix thead th { font-size: 9px; }
  .matrix td { min-width: 0; padding: 3px 4px; }
  .tiles { grid-template-columns: repeat(6, 1fr); gap: 6px; }
  .tile { padding: 6px 8px; }
  .tile dd { font-size: 15px; }
  .tile dt, .tile small { font-size: 9px; }
  .pair { grid-template-columns: 1fr 1fr; gap: 10px 18px; }
  .thirds { grid-template-columns: repeat(3, 1fr); gap: 12px; }
  .trends { grid-template-columns: repeat(4, 1fr); }
  .numbers th, .numbers td { padding: 3px 4px; }
  .thirds td { white-space: normal; overflow-wrap: anywhere; }
  .wide { overflow: visible; }
  .settings { grid-template-columns: repeat(3, 1fr); gap: 6px 18px; }
  h2, .lead, caption, thead { break-after: avoid; }
  tr, figure, .lead, .trend, .tile, .bars, .settings div { break-inside: avoid; }
}
$style$
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_style() IS
    'internal: the style sheet of the report';

CREATE FUNCTION @extschema@.rfm_report_page(model pg_catalog.text, subtitle pg_catalog.text, content pg_catalog.text)
RETURNS pg_catalog.text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT concat(E'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n',
                  E'<meta name="viewport" content="width=device-width, initial-scale=1"/>\n',
                  '<title>', t.title, E'</title>\n<style>', @extschema@.rfm_report_style(),
                  E'</style>\n</head>\n<body>\n<main>\n<header><h1>', t.title, '</h1><p>', $2, E'</p></header>\n',
                  $3, '<footer>Made ', to_char(now(), 'YYYY-MM-DD HH24:MI OF'), ' by rfm ',
                  @extschema@.rfm_report_text((SELECT extversion FROM pg_extension WHERE extname = 'rfm')), E'.</footer>\n</main>\n</body>\n</html>')
      FROM (SELECT 'Customers by recency, frequency and monetary value: model ' || @extschema@.rfm_report_text($1) AS title) AS t
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_page(pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
    'internal: the whole page around its sections';

-- Reading -----------------------------------------------------------------
--
-- A snapshot is large and what is wanted of it is small: every reading groups it
-- at once, and each snapshot is read as few times as can be.  rfm_report() has the
-- settings for that which the functions of the analysis have.  Where expressions of
-- several columns are grouped, OFFSET 0 keeps the planner from multiplying what it
-- knows of the columns: it would expect a group a customer, and sort them all.

-- A year of snapshots is enough for a trend; each is found by one look into
-- the target's key.
CREATE FUNCTION @extschema@.rfm_report_dates(query pg_catalog.text, upto pg_catalog.date)
RETURNS pg_catalog.date[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    dates date[];
BEGIN
    EXECUTE format('WITH RECURSIVE found(day, n) AS ('
                   ' SELECT (SELECT q.run_date FROM (%1$s) AS q WHERE q.run_date <= $1 ORDER BY q.run_date DESC LIMIT 1), 1'
                   ' UNION ALL'
                   ' SELECT (SELECT q.run_date FROM (%1$s) AS q WHERE q.run_date < found.day ORDER BY q.run_date DESC LIMIT 1), n + 1'
                   '   FROM found WHERE day IS NOT NULL AND n < 366)'
                   ' SELECT array_agg(day ORDER BY day) FROM found WHERE day IS NOT NULL', query)
       INTO dates USING coalesce(upto, 'infinity');
    RETURN dates;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_dates(pg_catalog.text, pg_catalog.date) IS
    'internal: the dates of the last snapshots up to a date, oldest first';

-- One snapshot of the query that rfm_snapshot_rows() gives, as a subquery.
CREATE FUNCTION @extschema@.rfm_report_snapshot(query pg_catalog.text, run_date pg_catalog.date)
RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('(SELECT q.customer, q.recency_days AS days, q.frequency_orders AS orders, q.monetary_value AS revenue,'
                  ' q.r_score AS r, q.f_score AS f, q.m_score AS m, coalesce(q.segment, q.comment, ''All customers'') AS segment,'
                  ' CASE WHEN q.segment IS NOT NULL THEN q.comment END AS comment'
                  ' FROM (%s) AS q WHERE q.run_date = %L::date)', $1, to_char($2, 'YYYY-MM-DD'))
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_snapshot(pg_catalog.text, pg_catalog.date) IS
    'internal: a snapshot as a subquery';

-- Of a snapshot to compare with the lowest and highest values are not wanted.
CREATE FUNCTION @extschema@.rfm_report_cells(snapshot pg_catalog.text, ranges pg_catalog.bool)
RETURNS @extschema@.rfm_report_cell[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    cells @extschema@.rfm_report_cell[];
BEGIN
    EXECUTE format('SELECT array_agg(ROW(c.*)::%s.rfm_report_cell) FROM ('
                   ' SELECT s.r, s.f, s.m, s.segment, s.comment, count(*), sum(s.orders)::numeric, coalesce(sum(s.revenue), 0)::numeric, sum(s.days)::numeric, %s'
                   '   FROM %s AS s GROUP BY s.r, s.f, s.m, s.segment, s.comment) AS c', '@extschema@',
                   CASE WHEN ranges THEN 'ARRAY[min(s.days)::numeric, min(s.orders)::numeric, min(s.revenue)::numeric],'
                                         'ARRAY[max(s.days)::numeric, max(s.orders)::numeric, max(s.revenue)::numeric]'
                        ELSE 'NULL::numeric[], NULL::numeric[]' END, snapshot)
       INTO cells;
    RETURN cells;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_cells(pg_catalog.text, pg_catalog.bool) IS
    'internal: a snapshot by score and label';

-- The bin of a row on a scale, as SQL.
CREATE FUNCTION @extschema@.rfm_report_bin(scale @extschema@.rfm_report_scale)
RETURNS pg_catalog.text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('least(width_bucket(' || CASE WHEN ($1).logs THEN 'ln(%1$s), ln(%2$L::float8), ln(%3$L::float8)'
                                                ELSE '%1$s, %2$L::float8, %3$L::float8' END || ', %4$s), %4$s)',
                  format('least(greatest(s.%s::float8, %L::float8), %L::float8)', (ARRAY['days', 'orders', 'revenue'])[($1).axis], ($1).low, ($1).high),
                  ($1).low, ($1).high, ($1).bins)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_bin(@extschema@.rfm_report_scale) IS
    'internal: the expression for the bin of a value';

-- All three axes in one reading of the snapshot.
CREATE FUNCTION @extschema@.rfm_report_counts(snapshot pg_catalog.text, scales @extschema@.rfm_report_scale[])
RETURNS TABLE (axis pg_catalog.int4, counts pg_catalog.int8[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    binned jsonb;
BEGIN
    EXECUTE format('SELECT jsonb_agg(to_jsonb(b)) FROM (SELECT v.r, v.f, v.m, count(*) AS n'
                   ' FROM (SELECT %s AS r, %s AS f, %s AS m FROM %s AS s OFFSET 0) AS v GROUP BY v.r, v.f, v.m) AS b',
                   @extschema@.rfm_report_bin(scales[1]), @extschema@.rfm_report_bin(scales[2]), @extschema@.rfm_report_bin(scales[3]), snapshot)
       INTO binned;
    RETURN QUERY
        WITH counted AS (
            SELECT p.axis, p.bin, sum(b.n)::int8 AS n
              FROM jsonb_to_recordset(binned) AS b(r int4, f int4, m int4, n int8),
                   LATERAL (VALUES (1, b.r), (2, b.f), (3, b.m)) AS p(axis, bin)
             GROUP BY p.axis, p.bin)
        SELECT scale.axis, array_agg(coalesce(c.n, 0) ORDER BY place)
          FROM unnest(scales) AS scale CROSS JOIN LATERAL generate_series(1, scale.bins) AS place
               LEFT JOIN counted AS c ON c.axis = scale.axis AND c.bin = place
         GROUP BY scale.axis;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_counts(pg_catalog.text, @extschema@.rfm_report_scale[]) IS
    'internal: the customers in each bin of the scales of r, f and m';

CREATE FUNCTION @extschema@.rfm_report_moves(snapshot pg_catalog.text, before pg_catalog.text, equals pg_catalog.text)
RETURNS @extschema@.rfm_report_move[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    moves @extschema@.rfm_report_move[];
BEGIN
    EXECUTE format('SELECT array_agg(ROW(p.*)::%4$s.rfm_report_move) FROM ('
                   ' SELECT v.from_segment, v.to_segment, v.change, count(*)'
                   '   FROM (SELECT b.segment AS from_segment, a.segment AS to_segment, a.r + a.f + a.m - b.r - b.f - b.m AS change'
                   '           FROM %1$s AS a JOIN %2$s AS b ON a.customer %3$s b.customer OFFSET 0) AS v'
                   '  GROUP BY v.from_segment, v.to_segment, v.change) AS p', snapshot, before, equals, '@extschema@')
       INTO moves;
    RETURN moves;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_moves(pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
    'internal: customers in both of two snapshots by segments and change';

-- Only those are joined again whose change is among the ten largest, with no more
-- of them than it takes to choose; the rest of the chosen is looked up after that.
CREATE FUNCTION @extschema@.rfm_report_movers(
    snapshot pg_catalog.text, before pg_catalog.text, equals pg_catalog.text, moves @extschema@.rfm_report_move[])
RETURNS @extschema@.rfm_report_mover[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    many CONSTANT int4 := 10;
    fall int4;
    rise int4;
    movers @extschema@.rfm_report_mover[];
BEGIN
    SELECT max(t.change) FILTER (WHERE t.change < 0 AND t.fell - t.customers < many),
           min(t.change) FILTER (WHERE t.change > 0 AND t.rose - t.customers < many)
      INTO fall, rise
      FROM (SELECT m.change, sum(m.customers) AS customers,
                   sum(sum(m.customers)) OVER (ORDER BY m.change) AS fell,
                   sum(sum(m.customers)) OVER (ORDER BY m.change DESC) AS rose
              FROM unnest(moves) AS m
             GROUP BY m.change) AS t;
    EXECUTE format($query$
        WITH chosen AS MATERIALIZED (
            SELECT t.customer
              FROM (SELECT a.customer, row_number() OVER (PARTITION BY a.score > b.score
                               ORDER BY abs(a.score - b.score) DESC, a.revenue DESC NULLS LAST, a.customer::text COLLATE "C") AS n
                      FROM (SELECT s.customer, s.revenue, s.r + s.f + s.m AS score FROM %1$s AS s) AS a
                           JOIN (SELECT s.customer, s.r + s.f + s.m AS score FROM %2$s AS s) AS b ON a.customer %3$s b.customer
                     WHERE a.score - b.score <= $1 OR a.score - b.score >= $2) AS t
             WHERE t.n <= $3)
        SELECT array_agg(ROW(a.customer::text, b.segment, a.segment, b.r + b.f + b.m, a.r + a.f + a.m,
                             a.days::numeric, a.orders::numeric, a.revenue::numeric)::%4$s.rfm_report_mover)
          FROM chosen AS c
               CROSS JOIN LATERAL (SELECT * FROM %1$s AS s WHERE s.customer %3$s c.customer OFFSET 0) AS a
               CROSS JOIN LATERAL (SELECT * FROM %2$s AS s WHERE s.customer %3$s c.customer OFFSET 0) AS b
        $query$, snapshot, before, equals, '@extschema@')
       INTO movers USING fall, rise, many;
    RETURN movers;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_movers(pg_catalog.text, pg_catalog.text, pg_catalog.text, @extschema@.rfm_report_move[]) IS
    'internal: the customers who rose or fell most between two snapshots';

-- Snapshots evenly spread over the dates, the last one included: as many as
-- can be read in about a second.  known has what need not be read again.
CREATE FUNCTION @extschema@.rfm_report_points(
    query pg_catalog.text, dates pg_catalog.date[], customers pg_catalog.numeric, known @extschema@.rfm_report_point[])
RETURNS @extschema@.rfm_report_point[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    all_dates CONSTANT int4 := cardinality(dates);
    wanted    CONSTANT int4 := least(all_dates, greatest(6, least(40, 4000000 / greatest(customers, 1)))::int4);
    picked    date[];
    at_day    @extschema@.rfm_report_point[];
    points    @extschema@.rfm_report_point[];
    day       date;
BEGIN
    SELECT array_agg(DISTINCT dates[1 + round((all_dates - 1.0) * i / greatest(wanted - 1, 1))::int4]) INTO picked
      FROM generate_series(0, wanted - 1) AS i;
    FOREACH day IN ARRAY picked LOOP
        SELECT array_agg(k) INTO at_day FROM unnest(known) AS k WHERE k.run_date = day;
        IF at_day IS NULL THEN
            EXECUTE format('SELECT array_agg(ROW($1, p.segment, p.customers)::%s.rfm_report_point) FROM ('
                           ' SELECT s.segment, count(*) AS customers FROM %s AS s GROUP BY s.segment) AS p', '@extschema@',
                           @extschema@.rfm_report_snapshot(query, day))
               INTO at_day USING day;
        END IF;
        points := points || at_day;
    END LOOP;
    RETURN points;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_points(pg_catalog.text, pg_catalog.date[], pg_catalog.numeric, @extschema@.rfm_report_point[]) IS
    'internal: the segments of snapshots over time';

-- Which snapshot the report is of, and which it is compared with.
CREATE FUNCTION @extschema@.rfm_report_pick(
    model pg_catalog.text, dates pg_catalog.date[], wanted pg_catalog.date, compare_to pg_catalog.date, OUT day pg_catalog.date, OUT before pg_catalog.date)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    missing date;
BEGIN
    day := dates[cardinality(dates)];
    before := coalesce(compare_to, dates[cardinality(dates) - 1]);
    IF wanted <> day OR wanted IS NOT NULL AND day IS NULL THEN
        missing := wanted;
    ELSIF compare_to IS NOT NULL AND NOT coalesce(compare_to = ANY (dates), false) THEN
        missing := compare_to;
    ELSIF before >= day THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'compare_to must be before the date of the report',
            DETAIL = format('The report is of %s.', to_char(day, 'YYYY-MM-DD'));
    END IF;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('model "%s" has no snapshot of %s', model, to_char(missing, 'YYYY-MM-DD')),
            DETAIL = coalesce('Its last snapshots up to then are of '
                              || (SELECT string_agg(to_char(d, 'YYYY-MM-DD'), ', ')
                                    FROM (SELECT d FROM unnest(dates) AS d WHERE d <= missing ORDER BY d DESC LIMIT 3) AS near) || '.',
                              'It has none up to then.'),
            HINT = format('rfm_refresh(%L, %L) computes it, where the target holds more than the newest.', to_char(missing, 'YYYY-MM-DD'), model);
    END IF;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report_pick(pg_catalog.text, pg_catalog.date[], pg_catalog.date, pg_catalog.date) IS
    'internal: the dates of a report, checked';

CREATE FUNCTION @extschema@.rfm_report(
    run_date   pg_catalog.date DEFAULT NULL,
    model      pg_catalog.text DEFAULT 'default',
    compare_to pg_catalog.date DEFAULT NULL)
RETURNS pg_catalog.text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
#variable_conflict use_variable
DECLARE
    source   record;
    dates    date[];
    picked   record;
    snapshot text;
    earlier  text;
    cells    @extschema@.rfm_report_cell[];
    before   @extschema@.rfm_report_cell[];
    moves    @extschema@.rfm_report_move[];
    scales   @extschema@.rfm_report_scale[];
    known    @extschema@.rfm_report_point[];
    content  text;
BEGIN
    SELECT * INTO source FROM @extschema@.rfm_snapshot_rows(model, NULL);
    PERFORM @extschema@.rfm_require_columns(model, source.columns, ARRAY['recency_days', 'frequency_orders', 'monetary_value', 'r_score', 'f_score', 'm_score']);
    dates := @extschema@.rfm_report_dates(source.query, run_date);
    IF dates IS NULL AND run_date IS NULL AND compare_to IS NULL THEN
        RETURN @extschema@.rfm_report_page(model, 'No snapshot yet.', @extschema@.rfm_report_section('empty', 'Nothing to show',
                   'There is no snapshot of this model. rfm_refresh() computes one.', ''));
    END IF;
    SELECT * INTO picked FROM @extschema@.rfm_report_pick(model, dates, run_date, compare_to);
    snapshot := @extschema@.rfm_report_snapshot(source.query, picked.day);
    cells := @extschema@.rfm_report_cells(snapshot, true);
    IF cells IS NULL THEN
        RETURN @extschema@.rfm_report_page(model, format('Snapshot of %s.', to_char(picked.day, 'YYYY-MM-DD')),
                   @extschema@.rfm_report_section('empty', 'Nothing to show', 'There are no customers in this snapshot.', ''));
    END IF;
    IF picked.before IS NOT NULL THEN
        earlier := @extschema@.rfm_report_snapshot(source.query, picked.before);
        before := @extschema@.rfm_report_cells(earlier, false);
        moves := @extschema@.rfm_report_moves(snapshot, earlier, source.customer_equals);
    END IF;
    SELECT array_agg(@extschema@.rfm_report_scale(cells, axis) ORDER BY axis) INTO scales FROM generate_series(1, 3) AS axis;
    SELECT array_agg(ROW(k.day, k.segment, k.customers)::@extschema@.rfm_report_point) INTO known
      FROM (SELECT s.day, c.segment, sum(c.customers)::int8 AS customers
              FROM (VALUES (picked.day, cells), (picked.before, before)) AS s(day, cells), unnest(s.cells) AS c
             GROUP BY s.day, c.segment) AS k;

    content := concat(
        @extschema@.rfm_report_figures(cells, before),
        @extschema@.rfm_report_of_segments(cells),
        @extschema@.rfm_report_section('heat', 'Recency and frequency',
            'Top right: they buy often, and bought recently. Bottom right: new. Top left: they bought often, and have stopped.',
            '<div class="pair">' || @extschema@.rfm_report_heat(cells, source.buckets, false) || @extschema@.rfm_report_heat(cells, source.buckets, true) || '</div>'),
        @extschema@.rfm_report_section('distributions', 'Distributions and cut points',
            'How many customers have which value; the dashed lines are where one score ends and the next begins.',
            '<div class="thirds">'
            || (SELECT string_agg(@extschema@.rfm_report_distribution(cells, scales[c.axis], c.counts), E'\n' ORDER BY c.axis)
                  FROM @extschema@.rfm_report_counts(snapshot, scales) AS c)
            || '</div>'),
        CASE WHEN before IS NOT NULL THEN
            @extschema@.rfm_report_of_movements(picked.before, cells, before, moves, @extschema@.rfm_report_movers(snapshot, earlier, source.customer_equals, moves)) END,
        CASE WHEN cardinality(dates) > 1 THEN
            @extschema@.rfm_report_of_trend(
                @extschema@.rfm_report_points(source.query, dates, (SELECT sum(c.customers) FROM unnest(cells) AS c), known),
                cells, cardinality(dates)) END,
        @extschema@.rfm_report_of_definitions(model));
    RETURN @extschema@.rfm_report_page(model,
               format('Snapshot of %s', to_char(picked.day, 'YYYY-MM-DD'))
               || CASE WHEN picked.before IS NULL THEN '; there is no earlier one to compare with.'
                       ELSE format(', compared with %s.', to_char(picked.before, 'YYYY-MM-DD')) END, content);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report(pg_catalog.date, pg_catalog.text, pg_catalog.date) IS
    'a snapshot (the newest without a date) as one self-contained HTML page, compared with another (the one before without a date): key figures, segments, heat maps, distributions, movements, trend, definitions. psql -XAtqc "SELECT rfm_report()" -o rfm.html';

-- Rule sets ---------------------------------------------------------------
--
-- A rule set is the rows of rfm_segment_rule that share a name.  Rule sets are
-- shared vocabulary: everyone reads them, who makes one owns it.

CREATE TABLE @extschema@.rfm_segment_rule (
    ruleset  text      NOT NULL,
    priority int4      NOT NULL,
    label    text      NOT NULL,
    r        int4range,
    f        int4range,
    m        int4range,
    total    int4range,
    owner    regrole   NOT NULL,
    shipped  bool      NOT NULL DEFAULT false,
    PRIMARY KEY (ruleset, priority),
    CONSTRAINT rfm_segment_rule_ruleset_not_blank
        CHECK (ruleset ~ '[^[:space:]]'),
    CONSTRAINT rfm_segment_rule_label_not_blank
        CHECK (label ~ '[^[:space:]]'),
    CONSTRAINT rfm_segment_rule_r_bounds CHECK (
        NOT isempty(r)
        AND COALESCE(lower(r), 1) >= 1
        AND COALESCE(lower(r), 1) <= 10
        AND COALESCE(upper(r), 11) >= 2
        AND COALESCE(upper(r), 11) <= 11),
    CONSTRAINT rfm_segment_rule_f_bounds CHECK (
        NOT isempty(f)
        AND COALESCE(lower(f), 1) >= 1
        AND COALESCE(lower(f), 1) <= 10
        AND COALESCE(upper(f), 11) >= 2
        AND COALESCE(upper(f), 11) <= 11),
    CONSTRAINT rfm_segment_rule_m_bounds CHECK (
        NOT isempty(m)
        AND COALESCE(lower(m), 1) >= 1
        AND COALESCE(lower(m), 1) <= 10
        AND COALESCE(upper(m), 11) >= 2
        AND COALESCE(upper(m), 11) <= 11),
    CONSTRAINT rfm_segment_rule_total_bounds CHECK (
        NOT isempty(total)
        AND COALESCE(lower(total), 3) >= 3
        AND COALESCE(lower(total), 3) <= 30
        AND COALESCE(upper(total), 31) >= 4
        AND COALESCE(upper(total), 31) <= 31)
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
SELECT pg_extension_config_dump('@extschema@.rfm_segment_rule', 'WHERE NOT shipped');

-- The shipped sets are entered before the triggers that protect them exist; an
-- upgrade script that must change one does so between ALTER TABLE ... DISABLE
-- TRIGGER USER and ENABLE TRIGGER USER.
INSERT INTO @extschema@.rfm_segment_rule (ruleset, priority, label, r, f, m, total, owner, shipped)
SELECT v.ruleset, v.priority, v.label,
       v.r::int4range, v.f::int4range,
       v.m::int4range, v.total::int4range,
       quote_ident(CURRENT_USER)::regrole, true
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
    FOR INSERT WITH CHECK (pg_has_role(owner::oid, 'MEMBER') AND NOT shipped);
-- Shipped rows pass, so that the trigger answers with an error and a hint
-- instead of "UPDATE 0".
CREATE POLICY rfm_segment_rule_edit ON @extschema@.rfm_segment_rule
    FOR UPDATE USING (shipped OR pg_has_role(owner::oid, 'MEMBER'))
    WITH CHECK (pg_has_role(owner::oid, 'MEMBER') AND NOT shipped);
CREATE POLICY rfm_segment_rule_remove ON @extschema@.rfm_segment_rule
    FOR DELETE USING (shipped OR pg_has_role(owner::oid, 'MEMBER'));

-- The lock of one rule set, until the transaction ends: exclusive for who
-- changes it, shared for who defines a model on it.
CREATE FUNCTION rfm_internal.lock_ruleset(ruleset text, exclusive bool)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    table_key CONSTANT int4 := '@extschema@.rfm_segment_rule'::regclass::oid::int4;
    set_key   CONSTANT int4 := hashtext(ruleset);
BEGIN
    IF exclusive THEN
        PERFORM pg_advisory_xact_lock(table_key, set_key);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(table_key, set_key);
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.lock_ruleset(text, bool) IS
    'internal: locks a rule set until the end of the transaction';

-- Three bucket counts from one or three, checked.
CREATE FUNCTION rfm_internal.axis_buckets(buckets int4[])
RETURNS int4[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    k int4[] := ARRAY(SELECT unnest(buckets));
BEGIN
    IF cardinality(k) = 1 THEN
        k := ARRAY[k[1], k[1], k[1]];
    END IF;
    IF cardinality(k) <> 3
       OR NOT COALESCE(2 <= ALL (k) AND 10 >= ALL (k), false)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('invalid buckets: %s', COALESCE(buckets::text, 'null')),
            DETAIL = 'Buckets are one number from 2 to 10, or three of them, for r, f and m.',
            HINT = 'Write ''{5}'' or ''{5,4,4}''.';
    END IF;
    RETURN k;
END
$body$;
COMMENT ON FUNCTION rfm_internal.axis_buckets(int4[]) IS
    'internal: the bucket counts of r, f and m from a model''s buckets';

-- Runs as its owner, because a rule set may be used by models that the caller
-- must not see: it tells their bucket counts and nothing else.  Its body is bound
-- to the objects that it means now: a name could come to mean another one.
CREATE FUNCTION rfm_internal.ruleset_buckets(ruleset text)
RETURNS SETOF int4[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT u.buckets
    FROM @extschema@.rfm_model u
    WHERE u.segment_rules = $1
       OR u.comment_rules = $1
    ORDER BY 1;
END;
COMMENT ON FUNCTION rfm_internal.ruleset_buckets(text) IS
    'internal: the different buckets of the models that use a rule set';

-- One sentence for an error about a rule set in use; names a model only to
-- members of its owner.
CREATE FUNCTION rfm_internal.ruleset_used_by(ruleset text, buckets int4[] DEFAULT NULL)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT COALESCE(
        (SELECT format('Model "%s" uses this rule set.', u.model)
         FROM @extschema@.rfm_model u
         WHERE (u.segment_rules = $1 OR u.comment_rules = $1)
           AND ($2 IS NULL OR u.buckets = $2)
           AND pg_has_role(u.owner::oid, 'MEMBER')
         ORDER BY u.model
         LIMIT 1),
        'A model of another role uses this rule set.')
$body$;
COMMENT ON FUNCTION rfm_internal.ruleset_used_by(text, int4[]) IS
    'internal: says which model uses a rule set, as far as the caller may know';

CREATE FUNCTION rfm_internal.require_ruleset(ruleset text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
BEGIN
    IF EXISTS (SELECT FROM @extschema@.rfm_segment_rule s WHERE s.ruleset = ruleset) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'undefined_object',
        MESSAGE = format('rule set "%s" does not exist', ruleset),
        DETAIL = (SELECT format('There are: %s.', string_agg(quote_ident(s.ruleset), ', '))
                  FROM (SELECT DISTINCT x.ruleset, x.shipped FROM @extschema@.rfm_segment_rule x
                        ORDER BY x.shipped DESC, x.ruleset LIMIT 20) s),
        HINT = 'Use one of these, insert the rules of a new one into rfm_segment_rule, or copy one with rfm_copy_ruleset and change the copy.';
END
$body$;
COMMENT ON FUNCTION rfm_internal.require_ruleset(text) IS
    'internal: error if a rule set does not exist';

CREATE FUNCTION rfm_internal.check_ruleset(
    ruleset text,
    buckets int4[],
    used_by text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    k   CONSTANT int4[] := rfm_internal.axis_buckets(buckets);
    bad record;
BEGIN
    IF ruleset IS NULL THEN
        RETURN;
    END IF;

    PERFORM rfm_internal.lock_ruleset(ruleset, false);
    PERFORM rfm_internal.require_ruleset(ruleset);

    SELECT s.priority, s.label, a.axis, a.span, a.low, a.high INTO bad
    FROM @extschema@.rfm_segment_rule s
    CROSS JOIN LATERAL (VALUES
        (1, 'r',     s.r,     1, k[1]),
        (2, 'f',     s.f,     1, k[2]),
        (3, 'm',     s.m,     1, k[3]),
        (4, 'total', s.total, 3, k[1] + k[2] + k[3])
    ) AS a(place, axis, span, low, high)
    WHERE s.ruleset = ruleset
      AND (lower(a.span) < a.low
           OR lower(a.span) > a.high
           OR upper(a.span) - 1 < a.low
           OR upper(a.span) - 1 > a.high)
    ORDER BY s.priority, a.place
    LIMIT 1;

    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = format('rule %s of rule set "%s" does not fit buckets %s',
                                        bad.priority, ruleset, buckets),
            DETAIL = concat_ws(' ',
                format('Rule %s ("%s") wants %s in %s, but %s runs from %s to %s.',
                                  bad.priority, bad.label, bad.axis, bad.span, bad.axis, bad.low, bad.high),
                used_by),
            HINT = 'Leave a range open on the side that has no limit, as in ''[4,)''; or use a rule set made for these buckets: rfm_copy_ruleset makes a copy to change.';
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.check_ruleset(text, int4[], text) IS
    'error unless the rule set exists and its ranges lie within these buckets (one number, or one each for r, f and m)';

-- One row: who changes it, and whether it says something by itself.  Runs as the
-- caller, whose memberships it asks for.
CREATE FUNCTION rfm_internal.segment_rule_row()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    bad         record;
    name        text;
    set_owner   regrole;
    set_shipped bool;
BEGIN
    -- An older snapshot would hide who has made a rule set since.
    IF current_setting('transaction_isolation') ~ '^(repeatable read|serializable)$'
       AND NOT (SELECT a.rolsuper FROM pg_roles a WHERE a.rolname = CURRENT_USER)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = format('rule sets cannot be changed in a transaction of isolation level %s',
                                        current_setting('transaction_isolation')),
            HINT = 'Change them in a transaction begun with BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;

    IF TG_OP <> 'INSERT' THEN
        name := OLD.ruleset;
        PERFORM rfm_internal.lock_ruleset(name, true);
        set_owner := OLD.owner;
        set_shipped := OLD.shipped;
    END IF;

    IF TG_OP <> 'DELETE' AND NEW.ruleset IS DISTINCT FROM name
       AND set_shipped IS NOT TRUE
    THEN
        name := NEW.ruleset;
        PERFORM rfm_internal.lock_ruleset(name, true);
        SELECT s.owner, s.shipped INTO set_owner, set_shipped
        FROM @extschema@.rfm_segment_rule s
        WHERE s.ruleset = name
        LIMIT 1;
    END IF;

    IF set_shipped THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('rule set "%s" is shipped with rfm and cannot be changed', name),
            HINT = format('Copy it and change the copy: SELECT %s.rfm_copy_ruleset(%L, %L);',
                                     '@extschema@', name, 'my_' || name);
    END IF;
    IF NOT pg_has_role(set_owner::oid, 'MEMBER') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('must be owner of rule set "%s"', name),
            DETAIL = format('It belongs to role %s.', set_owner),
            HINT = 'Give your rule set another name, or copy this one with rfm_copy_ruleset and change the copy.';
    END IF;

    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;

    IF NEW.shipped THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'cannot mark a rule as shipped',
            HINT = 'Leave column "shipped" out: it marks the rule sets that come with rfm.';
    END IF;

    IF NEW.owner IS NULL THEN
        NEW.owner := COALESCE(set_owner, quote_ident(CURRENT_USER)::regrole);
    ELSIF NOT pg_has_role(NEW.owner::oid, 'MEMBER') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('must be member of role %s to give it rule set "%s"', NEW.owner, NEW.ruleset),
            HINT = 'Leave column "owner" out to own the rule set yourself.';
    END IF;

    IF (NEW.ruleset ~ '[^[:space:]]') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'name of a rule set must not be blank',
            HINT = 'Give the rule set a name in column "ruleset".';
    END IF;
    IF (NEW.label ~ '[^[:space:]]') IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = format('label of rule %s of rule set "%s" must not be blank', NEW.priority, NEW.ruleset),
            HINT = 'Say in column "label" what a customer who matches the rule is called.';
    END IF;

    SELECT a.axis, a.span, a.low, a.high INTO bad
    FROM (VALUES
        (1, 'r',     NEW.r,     1, 10),
        (2, 'f',     NEW.f,     1, 10),
        (3, 'm',     NEW.m,     1, 10),
        (4, 'total', NEW.total, 3, 30)
    ) AS a(place, axis, span, low, high)
    WHERE isempty(a.span)
       OR lower(a.span) < a.low
       OR lower(a.span) > a.high
       OR upper(a.span) - 1 < a.low
       OR upper(a.span) - 1 > a.high
    ORDER BY a.place
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = CASE WHEN isempty(bad.span)
                      THEN format('range %s of rule %s of rule set "%s" is empty',
                                             bad.axis, NEW.priority, NEW.ruleset)
                      ELSE format('range %s of rule %s of rule set "%s" is out of bounds: %s',
                                             bad.axis, NEW.priority, NEW.ruleset, bad.span) END,
            DETAIL = format('Bounds of %s lie within %s and %s.', bad.axis, bad.low, bad.high),
            HINT = 'Write ''[4,5]'' for 4 to 5, ''[4,)'' for 4 or more, ''(,2]'' for at most 2, and null for any.';
    END IF;
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION rfm_internal.segment_rule_row() IS
    'trigger: checks one changed rule, and who changes it';
REVOKE ALL ON FUNCTION rfm_internal.segment_rule_row() FROM PUBLIC;

-- The rule sets as one statement leaves them: one owner each, within the buckets
-- of the models that use them, and still there if one does.
CREATE FUNCTION rfm_internal.segment_rule_sets()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    name    text;
    buckets int4[];
BEGIN
    IF TG_OP <> 'DELETE' THEN
        FOR name IN SELECT DISTINCT a.ruleset FROM added a ORDER BY 1 LOOP
            IF (SELECT count(DISTINCT s.owner)
                FROM @extschema@.rfm_segment_rule s
                WHERE s.ruleset = name) > 1
            THEN
                RAISE EXCEPTION USING
                    ERRCODE = 'check_violation',
                    MESSAGE = format('rules of rule set "%s" must have one owner', name),
                    HINT = 'Leave column "owner" out, or change it in all rules of the set at once.';
            END IF;
            FOR buckets IN SELECT u.b FROM rfm_internal.ruleset_buckets(name) AS u(b) LOOP
                PERFORM rfm_internal.check_ruleset(name, buckets,
                                                      rfm_internal.ruleset_used_by(name, buckets));
            END LOOP;
        END LOOP;
    END IF;

    IF TG_OP <> 'INSERT' THEN
        FOR name IN SELECT DISTINCT d.ruleset FROM removed d
                    WHERE NOT EXISTS (SELECT FROM @extschema@.rfm_segment_rule s
                                      WHERE s.ruleset = d.ruleset)
                    ORDER BY 1 LOOP
            IF EXISTS (SELECT FROM rfm_internal.ruleset_buckets(name)) THEN
                RAISE EXCEPTION USING
                    ERRCODE = 'dependent_objects_still_exist',
                    MESSAGE = format('cannot remove the last rule of rule set "%s" because a model uses it', name),
                    DETAIL = rfm_internal.ruleset_used_by(name),
                    HINT = 'Give the model another rule set first, in rfm_model.segment_rules or comment_rules.';
            END IF;
        END LOOP;
    END IF;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION rfm_internal.segment_rule_sets() IS
    'trigger: checks the rule sets that a statement has changed';
REVOKE ALL ON FUNCTION rfm_internal.segment_rule_sets() FROM PUBLIC;

CREATE FUNCTION rfm_internal.segment_rule_truncate()
RETURNS trigger
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
COMMENT ON FUNCTION rfm_internal.segment_rule_truncate() IS
    'trigger: keeps the shipped rule sets from TRUNCATE';
REVOKE ALL ON FUNCTION rfm_internal.segment_rule_truncate() FROM PUBLIC;

CREATE TRIGGER rfm_segment_rule_row BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.rfm_segment_rule
    FOR EACH ROW EXECUTE FUNCTION rfm_internal.segment_rule_row();
CREATE TRIGGER rfm_segment_rule_inserted AFTER INSERT ON @extschema@.rfm_segment_rule
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION rfm_internal.segment_rule_sets();
CREATE TRIGGER rfm_segment_rule_updated AFTER UPDATE ON @extschema@.rfm_segment_rule
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION rfm_internal.segment_rule_sets();
CREATE TRIGGER rfm_segment_rule_deleted AFTER DELETE ON @extschema@.rfm_segment_rule
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION rfm_internal.segment_rule_sets();
CREATE TRIGGER rfm_segment_rule_truncate BEFORE TRUNCATE ON @extschema@.rfm_segment_rule
    FOR EACH STATEMENT EXECUTE FUNCTION rfm_internal.segment_rule_truncate();

CREATE FUNCTION @extschema@.rfm_copy_ruleset(from_ruleset text, to_ruleset text)
RETURNS int8
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    copied int8;
BEGIN
    IF from_ruleset IS NULL OR to_ruleset IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'name of a rule set must not be null',
            HINT = 'Name the rule set to copy and the one to make: SELECT rfm_copy_ruleset(''traits5'', ''my_traits'');';
    END IF;
    PERFORM rfm_internal.lock_ruleset(to_ruleset, true);
    PERFORM rfm_internal.require_ruleset(from_ruleset);
    IF EXISTS (SELECT FROM @extschema@.rfm_segment_rule s WHERE s.ruleset = to_ruleset) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_object',
            MESSAGE = format('rule set "%s" already exists', to_ruleset),
            HINT = 'Give the copy another name, or delete the rules of that set first.';
    END IF;
    INSERT INTO @extschema@.rfm_segment_rule (ruleset, priority, label, r, f, m, total)
    SELECT to_ruleset, s.priority, s.label, s.r, s.f, s.m, s.total
    FROM @extschema@.rfm_segment_rule s
    WHERE s.ruleset = from_ruleset
    ORDER BY s.priority;
    GET DIAGNOSTICS copied = ROW_COUNT;
    RETURN copied;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_copy_ruleset(text, text) IS
    'copies a rule set under a new name, owned by who calls; returns the rules copied';

CREATE FUNCTION @extschema@.rfm_segment_coverage(
    ruleset text,
    buckets int4[] DEFAULT NULL)
RETURNS TABLE (
    r int4, f int4, m int4,
    priority int4, label text, status text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
    name CONSTANT text := ruleset;
    k    int4[];
    used int8;
BEGIN
    PERFORM rfm_internal.require_ruleset(name);

    IF rfm_segment_coverage.buckets IS NOT NULL THEN
        k := rfm_internal.axis_buckets(rfm_segment_coverage.buckets);
    ELSE
        SELECT count(DISTINCT b.axes), min(b.axes) INTO used, k
        FROM (SELECT rfm_internal.axis_buckets(u.buckets) AS axes
              FROM @extschema@.rfm_model u
              WHERE (u.segment_rules = name OR u.comment_rules = name)
                AND pg_has_role(u.owner::oid, 'MEMBER')) b;
    END IF;

    -- No model says it, or several do, each its own: the fewest buckets that
    -- hold every bound; five where there is none.
    IF k IS NULL OR used > 1 THEN
        SELECT array_fill(GREATEST(2, COALESCE(max(GREATEST(
                   lower(s.r), upper(s.r) - 1,
                   lower(s.f), upper(s.f) - 1,
                   lower(s.m), upper(s.m) - 1,
                   (lower(s.total) + 2) / 3,
                   (upper(s.total) + 1) / 3)), 5)),
                   ARRAY[3])
        INTO k
        FROM @extschema@.rfm_segment_rule s
        WHERE s.ruleset = name;
    END IF;

    RETURN QUERY
    WITH cell AS MATERIALIZED (
        SELECT cr.v AS r, cf.v AS f, cm.v AS m, t.priority, t.label
        FROM generate_series(1, k[1]) AS cr(v)
        CROSS JOIN generate_series(1, k[2]) AS cf(v)
        CROSS JOIN generate_series(1, k[3]) AS cm(v)
        LEFT JOIN LATERAL (
            SELECT s.priority, s.label
            FROM @extschema@.rfm_segment_rule s
            WHERE s.ruleset = name
              AND COALESCE(s.r @> cr.v, true)
              AND COALESCE(s.f @> cf.v, true)
              AND COALESCE(s.m @> cm.v, true)
              AND COALESCE(s.total @>
                           (cr.v + cf.v + cm.v), true)
            ORDER BY s.priority
            LIMIT 1) t ON true
    ), line AS (
        SELECT c.r, c.f, c.m, c.priority, COALESCE(c.label, 'Others') AS label,
               CASE WHEN c.priority IS NULL THEN 'not taken' ELSE 'taken' END AS status
        FROM cell c
        UNION ALL
        SELECT NULL, NULL, NULL, s.priority, s.label, 'never matches'
        FROM @extschema@.rfm_segment_rule s
        WHERE s.ruleset = name
          AND NOT EXISTS (SELECT FROM cell c WHERE c.priority = s.priority)
    )
    SELECT l.r, l.f, l.m, l.priority, l.label, l.status
    FROM line l
    ORDER BY l.r NULLS LAST, l.f, l.m, l.priority;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_segment_coverage(text, int4[]) IS
    'every cell of the score cube with the rule that takes it, cells that none takes, then the rules that never match; buckets: those given, else those of your models that use the rule set, else the fewest that its ranges need';

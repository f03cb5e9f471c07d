-- Who may change what ------------------------------------------------------
--
-- Column by column, and no DELETE: a right on the whole table to change or delete
-- would let anyone lock it with LOCK TABLE, and so all refreshes.
-- rfm_drop_ruleset() and rfm_drop_rule() delete.

GRANT SELECT, INSERT, UPDATE (ruleset, owner, buckets, shipped, description) ON @extschema@.rfm_ruleset TO PUBLIC;
GRANT SELECT, INSERT, UPDATE (ruleset, priority, label, r, f, m, total, description, action)
    ON @extschema@.rfm_segment_rule TO PUBLIC;

-- Triggers check every change; row security prevents other roles from locking rows
-- with SELECT FOR UPDATE. A locked row of rfm_ruleset would block sessions that
-- create a model with it.  Shipped rules block no session and are visible, so that
-- their trigger raises an error with a hint instead of "UPDATE 0".
ALTER TABLE @extschema@.rfm_ruleset ENABLE ROW LEVEL SECURITY;
CREATE POLICY rfm_ruleset_read ON @extschema@.rfm_ruleset
    FOR SELECT USING (true);
CREATE POLICY rfm_ruleset_add ON @extschema@.rfm_ruleset
    FOR INSERT WITH CHECK (NOT shipped AND pg_has_role(owner, 'USAGE'));
CREATE POLICY rfm_ruleset_edit ON @extschema@.rfm_ruleset
    FOR UPDATE USING (NOT shipped AND pg_has_role(owner, 'USAGE'));

ALTER TABLE @extschema@.rfm_segment_rule ENABLE ROW LEVEL SECURITY;
CREATE POLICY rfm_segment_rule_read ON @extschema@.rfm_segment_rule
    FOR SELECT USING (true);
CREATE POLICY rfm_segment_rule_add ON @extschema@.rfm_segment_rule
    FOR INSERT WITH CHECK (
        EXISTS (SELECT FROM @extschema@.rfm_ruleset s
                WHERE s.ruleset = rfm_segment_rule.ruleset AND NOT s.shipped AND pg_has_role(s.owner, 'USAGE')));
CREATE POLICY rfm_segment_rule_edit ON @extschema@.rfm_segment_rule
    FOR UPDATE USING (
        EXISTS (SELECT FROM @extschema@.rfm_ruleset s
                WHERE s.ruleset = rfm_segment_rule.ruleset AND (s.shipped OR pg_has_role(s.owner, 'USAGE'))));

-- Information about rule sets for the triggers below.  They do not read tables by
-- name, because they may run as the extension's role, and the schema can be
-- renamed.
CREATE FUNCTION rfm_internal.own_ruleset(ruleset text)
RETURNS int4[]
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_own_ruleset';
COMMENT ON FUNCTION rfm_internal.own_ruleset(text) IS
    'internal: the three bucket counts of a rule set that the caller may change, or an error; locks it until the end of the transaction';

CREATE FUNCTION rfm_internal.restoring()
RETURNS bool
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'rfm_restoring';
COMMENT ON FUNCTION rfm_internal.restoring() IS
    'internal: whether rows come from a dump, which can restore the tables in any order';

CREATE FUNCTION rfm_internal.ruleset_trigger()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF TG_RELID <> '@extschema@.rfm_ruleset'::regclass OR TG_WHEN <> 'BEFORE' OR TG_LEVEL <> 'ROW' THEN
        RAISE EXCEPTION 'this function can only be called as a trigger of its own table'
            USING ERRCODE = 'trigger_protocol_violated';
    END IF;
    IF TG_OP = 'DELETE' THEN
        PERFORM rfm_internal.own_ruleset(OLD.ruleset);
        RETURN OLD;
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM rfm_internal.own_ruleset(OLD.ruleset);
        IF (NEW.ruleset, NEW.buckets) IS DISTINCT FROM (OLD.ruleset, OLD.buckets)
           AND NOT (pg_trigger_depth() > 1 AND rfm_internal.restoring())
        THEN
            RAISE EXCEPTION USING
                ERRCODE = 'feature_not_supported',
                MESSAGE = 'name and buckets of a rule set cannot be changed',
                DETAIL = 'Its rules, and the models that use it, depend on them.',
                HINT = 'Create another rule set; rfm_copy_ruleset() copies one under a new name.';
        END IF;
    ELSIF pg_trigger_depth() = 1 THEN
        IF rfm_internal.restoring() THEN
            -- restored rules or models may have created a row for it
            UPDATE @extschema@.rfm_ruleset s
               SET owner = NEW.owner, buckets = NEW.buckets, description = NEW.description
             WHERE s.ruleset = NEW.ruleset AND s.description = 'not restored yet';
            IF FOUND THEN
                RETURN NULL;
            END IF;
        END IF;
    END IF;
    IF NEW.shipped THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'cannot mark a rule set as shipped',
            HINT = 'Omit column "shipped", which marks the rule sets that are shipped with rfm.';
    END IF;
    IF NOT pg_has_role(NEW.owner, 'USAGE') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('must be member of role %s to give it rule set "%s"', NEW.owner, NEW.ruleset),
            HINT = 'Omit column "owner" to own the rule set yourself.';
    END IF;
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION rfm_internal.ruleset_trigger() IS
    'trigger of rfm_ruleset: checks a new or changed rule set';
REVOKE ALL ON FUNCTION rfm_internal.ruleset_trigger() FROM PUBLIC;

CREATE FUNCTION rfm_internal.segment_rule_trigger()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    k   int4[];
    bad record;
BEGIN
    IF TG_RELID <> '@extschema@.rfm_segment_rule'::regclass OR TG_WHEN <> 'BEFORE' OR TG_LEVEL <> 'ROW' THEN
        RAISE EXCEPTION 'this function can only be called as a trigger of its own table'
            USING ERRCODE = 'trigger_protocol_violated';
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM rfm_internal.own_ruleset(OLD.ruleset);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    k := rfm_internal.own_ruleset(NEW.ruleset);
    -- the row of its rule set may not have been restored yet
    IF rfm_internal.restoring() THEN
        RETURN NEW;
    END IF;

    SELECT a.axis, a.span, a.low, a.high INTO bad
    FROM (VALUES
        (1, 'r',     NEW.r,     1, k[1]),
        (2, 'f',     NEW.f,     1, k[2]),
        (3, 'm',     NEW.m,     1, k[3]),
        (4, 'total', NEW.total, 3, k[1] + k[2] + k[3])
    ) AS a(place, axis, span, low, high)
    WHERE isempty(a.span)
       OR lower(a.span) NOT BETWEEN a.low AND a.high
       OR upper(a.span) - 1 NOT BETWEEN a.low AND a.high
    ORDER BY a.place
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = format(CASE WHEN isempty(bad.span) THEN 'range %s of rule %s of rule set "%s" is empty'
                                  ELSE 'range %s of rule %s of rule set "%s" is out of bounds: %s' END,
                             bad.axis, NEW.priority, NEW.ruleset, bad.span),
            DETAIL = format('In a rule set for %s buckets, %s runs from %s to %s.',
                            CASE WHEN k[1] = ALL (k) THEN k[1]::text ELSE array_to_string(k, ', ') END, bad.axis, bad.low, bad.high),
            HINT = 'Write ''[3,4]'' for 3 to 4, ''[4,)'' for 4 or more, ''(,2]'' for at most 2, and null for any.';
    END IF;
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION rfm_internal.segment_rule_trigger() IS
    'trigger of rfm_segment_rule: checks a new or changed rule';
REVOKE ALL ON FUNCTION rfm_internal.segment_rule_trigger() FROM PUBLIC;

CREATE FUNCTION rfm_internal.truncate_trigger()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = format('cannot truncate %s', TG_TABLE_NAME),
        DETAIL = 'It contains the rule sets that are shipped with rfm.',
        HINT = 'Remove a rule set with rfm_drop_ruleset, a rule with rfm_drop_rule.';
END
$body$;
COMMENT ON FUNCTION rfm_internal.truncate_trigger() IS
    'trigger of rfm_ruleset and rfm_segment_rule: prevents TRUNCATE, which would remove the shipped rule sets';
REVOKE ALL ON FUNCTION rfm_internal.truncate_trigger() FROM PUBLIC;

CREATE TRIGGER rfm_ruleset_check BEFORE INSERT OR UPDATE ON @extschema@.rfm_ruleset
    FOR EACH ROW EXECUTE FUNCTION rfm_internal.ruleset_trigger();
CREATE TRIGGER rfm_ruleset_delete BEFORE DELETE ON @extschema@.rfm_ruleset
    FOR EACH ROW WHEN (OLD.shipped) EXECUTE FUNCTION rfm_internal.ruleset_trigger();
CREATE TRIGGER rfm_ruleset_truncate BEFORE TRUNCATE ON @extschema@.rfm_ruleset
    FOR EACH STATEMENT EXECUTE FUNCTION rfm_internal.truncate_trigger();
CREATE TRIGGER rfm_segment_rule_check BEFORE INSERT OR UPDATE ON @extschema@.rfm_segment_rule
    FOR EACH ROW EXECUTE FUNCTION rfm_internal.segment_rule_trigger();
CREATE TRIGGER rfm_segment_rule_delete BEFORE DELETE ON @extschema@.rfm_segment_rule
    FOR EACH ROW WHEN (rfm_internal.is_shipped(OLD.ruleset)) EXECUTE FUNCTION rfm_internal.segment_rule_trigger();
CREATE TRIGGER rfm_segment_rule_truncate BEFORE TRUNCATE ON @extschema@.rfm_segment_rule
    FOR EACH STATEMENT EXECUTE FUNCTION rfm_internal.truncate_trigger();

-- What users call ----------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_drop_ruleset(ruleset text)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_drop_ruleset';
COMMENT ON FUNCTION @extschema@.rfm_drop_ruleset(text) IS
    'removes a rule set and its rules; an error if a model uses it';

CREATE FUNCTION @extschema@.rfm_drop_rule(ruleset text, priority int4)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_drop_rule';
COMMENT ON FUNCTION @extschema@.rfm_drop_rule(text, int4) IS
    'removes one rule of a rule set';

CREATE FUNCTION rfm_internal.find_ruleset(ruleset text)
RETURNS @extschema@.rfm_ruleset
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    found_set @extschema@.rfm_ruleset;
BEGIN
    IF ruleset IS NULL THEN
        RAISE EXCEPTION 'name of a rule set must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT s.* INTO found_set FROM @extschema@.rfm_ruleset s WHERE s.ruleset = ruleset;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = format('rule set "%s" does not exist', ruleset),
            DETAIL = (SELECT format('There are: %s.', string_agg(quote_ident(s.ruleset), ', '))
                      FROM (SELECT x.ruleset FROM @extschema@.rfm_ruleset x
                            ORDER BY x.shipped DESC, x.ruleset LIMIT 20) s),
            HINT = 'Use one of these, or copy one with rfm_copy_ruleset and change the copy.';
    END IF;
    RETURN found_set;
END
$body$;
COMMENT ON FUNCTION rfm_internal.find_ruleset(text) IS
    'internal: the row of a rule set, or an error if it does not exist';

CREATE FUNCTION @extschema@.rfm_copy_ruleset(from_ruleset text, to_ruleset text)
RETURNS int8
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    original @extschema@.rfm_ruleset;
    copied   int8;
BEGIN
    original := rfm_internal.find_ruleset(from_ruleset);
    INSERT INTO @extschema@.rfm_ruleset (ruleset, buckets, description)
    VALUES (to_ruleset, original.buckets, original.description)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_object',
            MESSAGE = format('rule set "%s" already exists', to_ruleset),
            HINT = 'Give the copy another name, or remove that rule set first with rfm_drop_ruleset.';
    END IF;
    INSERT INTO @extschema@.rfm_segment_rule (ruleset, priority, label, r, f, m, total, description, action)
    SELECT to_ruleset, s.priority, s.label, s.r, s.f, s.m, s.total, s.description, s.action
    FROM @extschema@.rfm_segment_rule s
    WHERE s.ruleset = from_ruleset;
    GET DIAGNOSTICS copied = ROW_COUNT;
    RETURN copied;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_copy_ruleset(text, text) IS
    'copies a rule set under a new name, owned by the caller; returns the number of rules copied';

CREATE FUNCTION @extschema@.rfm_segment_coverage(ruleset text)
RETURNS TABLE (
    r int4, f int4, m int4,
    priority int4, label text, status text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
    name CONSTANT text := ruleset;
    k    CONSTANT int4[] := rfm_internal.axis_buckets((rfm_internal.find_ruleset(name)).buckets);
BEGIN
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
              AND coalesce(s.r @> cr.v, true)
              AND coalesce(s.f @> cf.v, true)
              AND coalesce(s.m @> cm.v, true)
              AND coalesce(s.total @> cr.v + cf.v + cm.v, true)
            ORDER BY s.priority
            LIMIT 1) t ON true
    ), line AS (
        SELECT c.r, c.f, c.m, c.priority, coalesce(c.label, 'Others') AS label,
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
COMMENT ON FUNCTION @extschema@.rfm_segment_coverage(text) IS
    'for every combination of three scores the rule of a rule set that matches it, or a row without a rule; then the rules that never match';

CREATE FUNCTION @extschema@.rfm_label(ruleset text, r int4, f int4, m int4)
RETURNS text
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'rfm_label';
COMMENT ON FUNCTION @extschema@.rfm_label(text, int4, int4, int4) IS
    'the label that a rule set gives to three scores: Others if no rule matches, null if a score is null';

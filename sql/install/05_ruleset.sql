-- Rule sets ---------------------------------------------------------------
--
-- A rule set is a row of rfm_ruleset and its rules, the rows of rfm_segment_rule
-- with its name.  Rule sets are shared: every role may read them, the role that
-- creates one owns it, and its buckets cannot be changed.

-- Three bucket counts from one or three.
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
    IF cardinality(k) <> 3 OR (2 <= ALL (k) AND 10 >= ALL (k)) IS NOT TRUE THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('invalid buckets: %s', coalesce(buckets::text, 'null')),
            DETAIL = 'Buckets are one number from 2 to 10, or three of them, for r, f and m.',
            HINT = 'Write ''{5}'' or ''{5,4,4}''.';
    END IF;
    RETURN k;
END
$body$;
COMMENT ON FUNCTION rfm_internal.axis_buckets(int4[]) IS
    'internal: the bucket counts of r, f and m from the buckets of a rule set';

CREATE TABLE @extschema@.rfm_ruleset (
    ruleset     text    PRIMARY KEY CONSTRAINT rfm_ruleset_not_blank CHECK (ruleset ~ '[^[:space:]]'),
    owner       regrole NOT NULL DEFAULT quote_ident(CURRENT_USER)::regrole,
    buckets     int4[]  NOT NULL DEFAULT '{5}' CHECK (rfm_internal.axis_buckets(buckets) IS NOT NULL),
    shipped     bool    NOT NULL DEFAULT false,
    description text
);

COMMENT ON TABLE @extschema@.rfm_ruleset IS
    'rule sets; their rules are in rfm_segment_rule. Every role may read all rule sets and make new ones. Only members of the owner may change a rule set, and shipped ones cannot be changed: copy them with rfm_copy_ruleset. rfm_drop_ruleset removes one';
COMMENT ON COLUMN @extschema@.rfm_ruleset.ruleset IS 'name of the rule set, as in rfm_model.segment_rules and comment_rules';
COMMENT ON COLUMN @extschema@.rfm_ruleset.owner IS 'role that may change the rule set and its rules';
COMMENT ON COLUMN @extschema@.rfm_ruleset.buckets IS 'number of scores, as in rfm_model.buckets: only models with the same buckets may use the rule set; cannot be changed';
COMMENT ON COLUMN @extschema@.rfm_ruleset.shipped IS 'whether the rule set is shipped with rfm; such rule sets cannot be changed';
COMMENT ON COLUMN @extschema@.rfm_ruleset.description IS 'what the rule set is for';

CREATE TABLE @extschema@.rfm_segment_rule (
    ruleset     text NOT NULL REFERENCES @extschema@.rfm_ruleset ON DELETE CASCADE,
    priority    int4 NOT NULL,
    label       text NOT NULL CONSTRAINT rfm_segment_rule_label_not_blank CHECK (label ~ '[^[:space:]]'),
    r           int4range,
    f           int4range,
    m           int4range,
    total       int4range,
    description text,
    action      text,
    PRIMARY KEY (ruleset, priority)
);

COMMENT ON TABLE @extschema@.rfm_segment_rule IS
    'rules that assign labels to scores. Rules are tried in ascending order of priority and the first match wins; a customer whom no rule matches is in Others. A rule belongs to the owner of its rule set; rfm_drop_rule removes one';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.ruleset IS 'rule set that the rule belongs to';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.priority IS 'order within the rule set; the lowest number is tried first';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.label IS 'label of the customers whom the rule matches';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.r IS 'recency scores that match (5 of 5: most recent); null: any';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.f IS 'frequency scores that match; null: any';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.m IS 'monetary scores that match; null: any';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.total IS 'sums of the three scores that match; null: any';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.description IS 'description of the customers with this label';
COMMENT ON COLUMN @extschema@.rfm_segment_rule.action IS 'recommended action for them';

-- Bound to the table itself, because pg_dump calls it, and the schema may have been
-- renamed.
CREATE FUNCTION rfm_internal.is_shipped(ruleset text)
RETURNS bool
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM @extschema@.rfm_ruleset s WHERE s.ruleset = $1 AND s.shipped);
END;
COMMENT ON FUNCTION rfm_internal.is_shipped(text) IS
    'internal: whether the rule set is shipped with rfm';

-- The shipped sets come from the script, never from a dump.
SELECT pg_extension_config_dump('@extschema@.rfm_ruleset', 'WHERE NOT shipped');
SELECT pg_extension_config_dump('@extschema@.rfm_segment_rule', 'WHERE NOT rfm_internal.is_shipped(ruleset)');

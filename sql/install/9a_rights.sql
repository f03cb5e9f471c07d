-- Whose functions these are ---------------------------------------------------
--
-- What nobody calls is executable by nobody: PostgreSQL calls the functions of an
-- aggregate as its owner, and those of triggers unasked.  The other functions of
-- rfm_internal are called by public ones, as who calls those; they can do nothing
-- that their caller could not do without them.

REVOKE EXECUTE ON FUNCTION
    rfm_internal.model_trigger(),
    rfm_internal.owner_trigger(),
    rfm_internal.collect_trans(internal, "any", "any", "any"),
    rfm_internal.collect_trans(internal, "any", "any", "any", "any"),
    rfm_internal.collect_counted_trans(internal, "any", "any", "any", int8),
    rfm_internal.collect_counted_trans(internal, "any", "any", "any", int8, "any"),
    rfm_internal.collect_within_trans(internal, "any", "any", "any", "any"),
    rfm_internal.collect_within_trans(internal, "any", "any", "any", "any", "any"),
    rfm_internal.collect_visits_trans(internal, "any", "any", "any", int8),
    rfm_internal.collect_visits_within_trans(internal, "any", "any", "any", "any", int8),
    rfm_internal.collect_counted_within_trans(internal, "any", "any", "any", "any", int8),
    rfm_internal.collect_counted_within_trans(internal, "any", "any", "any", "any", int8, "any"),
    rfm_internal.collect_combine(internal, internal),
    rfm_internal.collect_serialize(internal),
    rfm_internal.collect_deserialize(bytea, internal),
    rfm_internal.collect_final(internal),
    rfm_internal.float8_quantile_trans(internal, float8),
    rfm_internal.float8_quantile_trans(internal, float8, int4),
    rfm_internal.numeric_quantile_trans(internal, numeric),
    rfm_internal.numeric_quantile_trans(internal, numeric, int4),
    rfm_internal.quantile_combine(internal, internal),
    rfm_internal.quantile_serialize(internal),
    rfm_internal.quantile_deserialize(bytea, internal),
    rfm_internal.float8_quantile_final(internal),
    rfm_internal.numeric_quantile_final(internal)
    FROM PUBLIC;

-- A function that was here before, under the name of one of the extension's, could
-- fit a call better than that one.
DO $body$
DECLARE
    strangers text := (
        SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid)
          FROM pg_proc p
         WHERE p.pronamespace = '@extschema@'::regnamespace
           AND p.proname IN (SELECT own.proname
                               FROM pg_proc own
                                    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = own.oid AND d.deptype = 'e'
                                    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                              WHERE e.extname = 'rfm')
           AND NOT EXISTS (SELECT FROM pg_depend d
                            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'));
BEGIN
    IF strangers IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_function',
            MESSAGE = 'there are functions already under names of the extension rfm',
            DETAIL = format('They are: %s.', strangers),
            HINT = 'Drop them, or create the extension in another schema: CREATE EXTENSION rfm SCHEMA ...';
    END IF;
END
$body$;

-- the extension installs, and everything public in it explains itself
CREATE EXTENSION rfm;

SELECT extversion FROM pg_extension WHERE extname = 'rfm';

-- functions, aggregates, tables and views without a comment: none, but for
-- the support functions of aggregates, which take or give type internal
SELECT d.classid::regclass AS kind, pg_describe_object(d.classid, d.objid, 0) AS object
  FROM pg_depend d
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
 WHERE e.extname = 'rfm' AND d.deptype = 'e'
   AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
   AND obj_description(d.objid, d.classid::regclass::name) IS NULL
   AND NOT EXISTS (SELECT FROM pg_proc p
                    WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid
                      AND ('internal'::regtype = ANY (p.proargtypes) OR p.prorettype = 'internal'::regtype))
   AND NOT EXISTS (SELECT FROM pg_class c
                    WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind <> 'r' AND c.relkind <> 'v')
 ORDER BY 2;

-- columns of its tables and views without a comment
SELECT a.attrelid::regclass AS "table", a.attname AS "column"
  FROM pg_depend d
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
  JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind IN ('r', 'v')
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE e.extname = 'rfm' AND d.deptype = 'e'
   AND col_description(a.attrelid, a.attnum) IS NULL
 ORDER BY 1, 2;

-- what is public goes by the name rfm_..., what is not is in a schema of its own
SELECT pg_describe_object(d.classid, d.objid, 0) AS object
  FROM pg_depend d
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid,
       LATERAL (SELECT proname, pronamespace FROM pg_proc WHERE d.classid = 'pg_proc'::regclass AND oid = d.objid
                UNION ALL
                SELECT relname, relnamespace FROM pg_class WHERE d.classid = 'pg_class'::regclass AND oid = d.objid
                UNION ALL
                SELECT typname, typnamespace FROM pg_type WHERE d.classid = 'pg_type'::regclass AND oid = d.objid) AS o(name, schema)
 WHERE e.extname = 'rfm' AND d.deptype = 'e'
   AND CASE WHEN o.schema = e.extnamespace THEN o.name !~ '^_?rfm_' ELSE o.schema <> 'rfm_internal'::regnamespace END;

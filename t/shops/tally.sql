--
-- Random shops: which options they drew.  What a shop drew is read from the shop, from
-- the row of its model, from its target and from the settings of its refreshes: a new
-- parameter of a model, or a new setting, is in the report by itself.
--
CREATE TABLE shops.drawn (seed bigint, option text, value text, PRIMARY KEY (seed, option, value));

-- Settings of the session that refreshes, none of which may change what comes of it: one
-- of these choices in one of so many refreshes, else what is usual.  Workers are seldom,
-- as starting them takes longer than most shops; so is the compiler.
CREATE TABLE shops.setting (name text PRIMARY KEY, seldom int, choices text[], usual text);
INSERT INTO shops.setting
SELECT name, seldom, choices::text[], coalesce(usual, boot_val)
  FROM pg_settings JOIN (VALUES
           ('rfm.work_mem', 2, '{64kB,64kB,-1}', '1GB'), ('maintenance_work_mem', 6, '{1MB}', NULL), ('rfm.grouped_reading', 2, '{on}', 'off'), ('rfm.progress', 8, '{on}', NULL),
           ('rfm.max_workers', 8, '{0,1,-1}', '8'), ('max_parallel_workers_per_gather', 4, '{1,2}', '0'), ('max_parallel_workers', 12, '{0}', NULL), ('parallel_leader_participation', 2, '{off}', NULL),
           ('min_parallel_table_scan_size', 12, '{1GB}', '0'), ('parallel_setup_cost', 12, '{1000}', '0'), ('parallel_tuple_cost', 12, '{100}', '0'),
           ('force_parallel_mode', 15, '{on,regress}', NULL), ('debug_parallel_query', 15, '{on,regress}', NULL),
           ('jit', 30, '{on}', 'off'), ('jit_above_cost', 2, '{0}', NULL), ('work_mem', 6, '{64kB}', NULL), ('hash_mem_multiplier', 8, '{1000}', NULL), ('plan_cache_mode', 4, '{force_generic_plan,force_custom_plan}', NULL),
           ('constraint_exclusion', 8, '{on,off}', NULL), ('cursor_tuple_fraction', 8, '{0,1}', NULL), ('from_collapse_limit', 8, '{1}', NULL), ('join_collapse_limit', 8, '{1}', NULL),
           ('geqo', 8, '{off}', NULL), ('geqo_threshold', 8, '{2}', NULL), ('random_page_cost', 8, '{0,1000}', NULL), ('seq_page_cost', 8, '{0,1000}', NULL), ('cpu_tuple_cost', 8, '{0,100}', NULL),
           ('cpu_operator_cost', 8, '{0,100}', NULL), ('effective_cache_size', 8, '{8kB}', NULL), ('effective_io_concurrency', 8, '{0,100}', NULL), ('synchronize_seqscans', 6, '{off}', NULL),
           ('TimeZone', 2, '{UTC,Asia/Tokyo,Pacific/Apia,EST5EDT,-3}', 'America/Sao_Paulo'), ('DateStyle', 2, '{"SQL, DMY","German, DMY","Postgres, MDY"}', 'ISO, YMD'), ('IntervalStyle', 2, '{iso_8601,sql_standard}', NULL),
           ('bytea_output', 2, '{escape}', NULL), ('extra_float_digits', 2, '{-15,0,3}', NULL), ('transform_null_equals', 6, '{on}', NULL), ('quote_all_identifiers', 6, '{on}', NULL), ('array_nulls', 6, '{off}', NULL),
           ('standard_conforming_strings', 6, '{off}', NULL), ('backslash_quote', 8, '{on,off}', NULL), ('search_path', 4, '{"shops, public","public, pg_catalog"}', 'public'), ('check_function_bodies', 8, '{off}', NULL),
           ('xmloption', 8, '{document}', NULL), ('lock_timeout', 8, '{1h}', NULL), ('track_activities', 12, '{off}', NULL)) v(name, seldom, choices, usual) USING (name)
 -- version 19 knows the name, but not that choice
 WHERE name <> 'standard_conforming_strings' OR current_setting('server_version_num')::int < 190000
UNION ALL
-- each way that a plan can take, of whatever version
SELECT name, 8, ARRAY[CASE boot_val WHEN 'on' THEN 'off' ELSE 'on' END], boot_val
  FROM pg_settings WHERE category = 'Query Tuning / Planner Method Configuration' AND vartype = 'bool';

CREATE FUNCTION shops.settings(seed bigint, what text) RETURNS TABLE (name text, value text)
LANGUAGE sql STABLE AS
$$
    SELECT name, CASE WHEN shops.rnd(seed, what || ' draws ' || name, seldom) = 0 THEN shops.pick(seed, what || ' ' || name, VARIADIC choices) ELSE usual END FROM shops.setting
$$;

-- What a refresh of the shop may be
CREATE FUNCTION shops.refreshes() RETURNS text[]
LANGUAGE sql IMMUTABLE AS
$$ SELECT '{first,same,own,disturbed}'::text[] $$;

-- The isolation of a shop's transactions
CREATE FUNCTION shops.isolation(seed bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS
$$ SELECT shops.pick(seed, 'isolation', 'read committed', 'read committed', 'repeatable read', 'serializable') $$;

-- How the target holds customers: as the source does, or otherwise
CREATE FUNCTION shops.target_options() RETURNS TABLE (option text, value text)
LANGUAGE sql STABLE AS
$$
    SELECT o.*
      FROM pg_attribute t JOIN pg_attribute s ON s.attrelid = to_regclass('shops.orders') AND s.attname = 'customer_id',
           (SELECT indexrelid, indclass, indcollation FROM pg_index WHERE indrelid = to_regclass('shops.target') AND indisunique LIMIT 1) i,
           LATERAL (VALUES ('target: type', CASE WHEN t.atttypid = s.atttypid THEN 'same' ELSE 'other' END),
                           ('target: width', CASE WHEN t.atttypmod = s.atttypmod THEN 'same' ELSE 'other' END),
                           ('target: collation', CASE WHEN t.attcollation = s.attcollation THEN 'same' ELSE 'other' END),
                           ('target: key', CASE WHEN i.indcollation::oid[] && ARRAY[t.attcollation] THEN 'as the column' ELSE 'collation' END
                                           || CASE WHEN EXISTS (SELECT FROM pg_opclass WHERE oid = ANY (i.indclass) AND NOT opcdefault) THEN ' and operators' ELSE '' END)) o(option, value)
     WHERE t.attrelid = to_regclass('shops.target') AND t.attname = 'customer_id'
$$;

-- What a shop drew, as its model and target stand now
CREATE FUNCTION shops.options(s shops.shop) RETURNS TABLE (option text, value text)
LANGUAGE sql STABLE AS
$$
    SELECT 'shop: ' || key, value FROM jsonb_each_text(to_jsonb(s) - '{seed,customers}'::text[])
    UNION ALL SELECT 'shop: customers', CASE WHEN s.customers < 2 THEN s.customers::text WHEN s.customers <= 1000 THEN '2 to 1000' ELSE 'more' END
    UNION ALL SELECT 'shop: isolation', shops.isolation(s.seed)
    UNION ALL SELECT 'model: ' || key, CASE WHEN value IS NULL THEN NULL WHEN key IN ('r_breaks', 'f_breaks', 'm_breaks', 'target_columns') THEN 'some'
                                            WHEN key = 'weights' AND value <> '[100, 10, 1]' THEN 'others' WHEN key = 'buckets' AND value LIKE '%,%' THEN 'one each' ELSE value END
      FROM rfm_model m, jsonb_each_text(to_jsonb(m) - '{model,source,target,owner,model_id,method}'::text[]) WHERE model = 'shop'
    UNION ALL SELECT 'model: method of ' || axis, shops.method(m, nr::int) FROM rfm_model m, unnest('{r,f,m}'::text[]) WITH ORDINALITY a(axis, nr) WHERE model = 'shop'
    UNION ALL SELECT 'model: methods', CASE WHEN method LIKE '{%' THEN 'one each' ELSE 'one' END FROM rfm_model WHERE model = 'shop'
    UNION ALL SELECT * FROM shops.target_options()
    UNION ALL SELECT 'setting: ' || d.name, d.value FROM unnest(shops.refreshes()) what, shops.settings(s.seed, what) d JOIN shops.setting u USING (name) WHERE d.value <> u.usual
$$;

-- Note what a shop drew, or something else of it
CREATE FUNCTION shops.note(s shops.shop) RETURNS void
LANGUAGE sql AS
$$ INSERT INTO shops.drawn SELECT s.seed, option, coalesce(value, '-') FROM shops.options(s) ON CONFLICT DO NOTHING $$;
CREATE FUNCTION shops.note(seed bigint, option text, value text) RETURNS void
LANGUAGE sql AS
$$ INSERT INTO shops.drawn VALUES (seed, option, value) ON CONFLICT DO NOTHING $$;

CREATE VIEW shops.report AS
SELECT option, value, count(*) AS shops, count(f.seed) AS failed FROM shops.drawn LEFT JOIN shops.failure f USING (seed) GROUP BY option, value;

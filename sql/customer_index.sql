--
-- The index of a target by customer, and the room in the pages of a target
-- that holds the newest snapshot only
--
SET client_min_messages = warning;
CREATE SCHEMA cix;
CREATE TABLE cix.orders (customer_id int, created_at timestamptz, total numeric(12,2), region text);
INSERT INTO cix.orders SELECT i % 5000, timestamptz '2024-06-30 12:00+00' - i * interval '7 minutes', 1 + i % 97, chr(65 + i % 5000 % 3) FROM generate_series(1, 20000) i;
RESET client_min_messages;

CREATE FUNCTION cix.indexes(target regclass) RETURNS SETOF text LANGUAGE sql AS $$
SELECT regexp_replace(pg_get_indexdef(indexrelid), '.* USING ', '') FROM pg_index WHERE indrelid = target ORDER BY 1 $$;

-- none without being asked for it
SELECT rfm_create_model('cix plain', 'cix.orders', 'cix.plain');
SELECT cix.indexes('cix.plain');
SELECT rfm_create_model('cix', 'cix.orders', 'cix.history', customer_index => true);
SELECT cix.indexes('cix.history');
SELECT rfm_create_model('cix names', 'cix.orders', 'cix."My History"', target_columns => '{"customer_id": "The Customer", "run_date": "Day"}', customer_index => true);
SELECT cix.indexes('cix."My History"');
SELECT rfm_create_model('cix parts', 'cix.orders', 'cix.parts', partition_by => 'month', customer_index => true);
SELECT rfm_refresh('2024-06-30', 'cix parts');
SELECT cix.indexes('cix.parts_2024_06');
SELECT rfm_create_model('cix groups', 'cix.orders', 'cix.groups', score_within => 'region', customer_index => true);
SELECT cix.indexes('cix.groups');
-- the newest snapshot only: the key begins with the customer, or with the group
SELECT rfm_create_model('cix newest', 'cix.orders', 'cix.newest', target_columns => '{"run_date": null}', customer_index => true);
SELECT cix.indexes('cix.newest');
SELECT rfm_create_model('cix newest groups', 'cix.orders', 'cix.newest_groups', score_within => 'region', target_columns => '{"run_date": null}', customer_index => true);
SELECT cix.indexes('cix.newest_groups');

-- a target that exists is not changed, and the statement is told
CREATE TABLE cix.own (LIKE cix.history INCLUDING DEFAULTS, PRIMARY KEY (run_date, customer_id));
SELECT rfm_create_model('cix own', 'cix.orders', 'cix.own', customer_index => true);
SELECT cix.indexes('cix.own');
CREATE TABLE cix.own_parts (LIKE cix.history INCLUDING DEFAULTS, PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date);
SELECT rfm_create_model('cix own parts', 'cix.orders', 'cix.own_parts');
UPDATE rfm_model SET customer_index = true WHERE model = 'cix own parts';
-- an index on some rows does not help all customers
CREATE INDEX ON cix.own (customer_id) WHERE run_date > '2024-01-01';
UPDATE rfm_model SET customer_index = true WHERE model = 'cix own';
CREATE INDEX ON cix.own (customer_id, run_date);
UPDATE rfm_model SET customer_index = true WHERE model = 'cix own';

-- the index serves a customer's history
CALL rfm_backfill('2024-06-01', '2024-06-30', 'cix');
ANALYZE cix.history;
CREATE FUNCTION cix.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        RETURN NEXT substring(line FROM 'Seq Scan|history_customer_id_run_date_idx|history_pkey');
    END LOOP;
END $$;
SELECT DISTINCT p FROM cix.plan('SELECT * FROM cix.history WHERE customer_id = 4711') AS p WHERE p IS NOT NULL;
SELECT count(*) FROM rfm_customer(4711, 'cix');

-- A target with the newest snapshot only has room in its pages: a row's next
-- version stays there, no index is touched, and it does not grow.
SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'cix'::regnamespace AND relname IN ('history', 'newest', 'newest_groups') ORDER BY relname;
CREATE TABLE cix.packed (LIKE cix.newest INCLUDING ALL);
SELECT rfm_create_model('cix packed', 'cix.orders', 'cix.packed', target_columns => '{"run_date": null}');
CREATE TEMP TABLE cix_size AS SELECT m AS model, 0::int8 AS bytes, 0::int8 AS index_bytes FROM unnest('{cix newest,cix packed}'::text[]) AS m;
-- VACUUM, unlike pruning on the way, does not mind transactions in other databases
\o /dev/null
SELECT v.statement
  FROM generate_series(0, 10) AS day,
       LATERAL (VALUES (1, format('SELECT rfm_refresh(%L, model) FROM cix_size', date '2024-07-01' + day)),
                       (2, 'VACUUM cix.newest, cix.packed'),
                       (3, CASE WHEN day = 0 THEN 'UPDATE cix_size s SET bytes = pg_relation_size(m.target), index_bytes = pg_indexes_size(m.target) FROM rfm_model m WHERE m.model = s.model' END)) AS v(n, statement)
 WHERE v.statement IS NOT NULL ORDER BY day, v.n \gexec
\o
SELECT run_date, updated FROM rfm_run WHERE model = 'cix newest' ORDER BY run_date DESC LIMIT 2;
-- whether it has grown; without that room it does
SELECT s.model, pg_relation_size(m.target) > 1.1 * s.bytes AS grown, pg_indexes_size(m.target) > 1.1 * s.index_bytes AS indexes_grown
  FROM cix_size s JOIN rfm_model m USING (model) ORDER BY s.model;

SELECT rfm_drop_model(model, true) FROM rfm_model WHERE model LIKE 'cix%' ORDER BY model;
SET client_min_messages = warning;
DROP SCHEMA cix CASCADE;

-- order_count: summed-up tables, and every way of reading against plain SQL
\set SHOW_CONTEXT never
CREATE SCHEMA oc;

-- a table of one row a customer
CREATE TABLE oc.summary (customer_id int, orders int2, last_visit date, revenue bigint);
INSERT INTO oc.summary VALUES (1, 12, '2026-01-20', 500), (2, 3, '2025-11-02', 40), (3, 0, NULL, 0), (4, NULL, '2026-01-01', 7), (5, 1, '2026-01-30', 15);
SELECT rfm_create_model('sums', 'oc.summary', 'oc.sums', ordered_at => 'last_visit', amount => 'revenue', order_count => 'orders', buckets => '{2}', segment_rules => NULL, comment_rules => NULL);
SELECT customer_id, recency_days, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'sums');
UPDATE oc.summary SET orders = -3 WHERE customer_id = 2;
SELECT rfm_refresh('2026-01-31', 'sums');
SET rfm.grouped_reading = on;
SELECT rfm_refresh('2026-01-31', 'sums');
RESET rfm.grouped_reading;
CALL rfm_backfill('2026-01-30', '2026-01-31', 'sums');
ALTER TABLE oc.summary ALTER orders TYPE int8;
UPDATE oc.summary SET orders = 3000000000 WHERE customer_id = 2;
INSERT INTO oc.summary VALUES (2, 2000000000, '2025-11-03', 1);
SELECT count(*) FROM rfm_preview('2026-01-31', 'sums');
DELETE FROM oc.summary WHERE orders = 2000000000;
SELECT frequency_orders FROM rfm_preview('2026-01-31', 'sums') WHERE customer_id = '2';
UPDATE oc.summary SET orders = 5000000000 WHERE customer_id = 2;
SELECT count(*) FROM rfm_preview('2026-01-31', 'sums');

-- every way of reading against plain SQL
CREATE TABLE oc.many (order_id int, customer_id int, created_at date, total numeric(10,2), n int) WITH (parallel_workers = 2);
INSERT INTO oc.many
SELECT i / 2, i % 3001, date '2025-12-01' + i * 7 % 60, (i % 997 - 200) / 4.0, CASE i % 5 WHEN 0 THEN 0 WHEN 1 THEN NULL WHEN 2 THEN 7 ELSE 1 END
  FROM generate_series(1, 40000) AS i;
ANALYZE oc.many;
SELECT rfm_create_model('many', 'oc.many', 'oc.many_scores', order_count => 'n');
CREATE FUNCTION oc.expected(day date, by_id bool) RETURNS TABLE (run_date date, customer_id int, recency_days int, frequency_orders bigint, monetary_value numeric)
LANGUAGE sql AS $$
    SELECT day, o.customer_id, day - max(o.created_at) FILTER (WHERE n > 0), CASE WHEN by_id THEN count(DISTINCT order_id) FILTER (WHERE n > 0) ELSE sum(n) END, sum(total)
      FROM oc.many AS o WHERE created_at <= day GROUP BY o.customer_id HAVING bool_or(n > 0)
$$;
CREATE FUNCTION oc.differ(given text, by_id bool) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('CREATE TEMP TABLE given AS SELECT run_date, customer_id::int, recency_days, frequency_orders::bigint, monetary_value::numeric FROM %s', given);
    SELECT count(*) INTO n
      FROM (SELECT DISTINCT run_date FROM given) AS d, LATERAL ((SELECT * FROM given AS g WHERE g.run_date = d.run_date EXCEPT SELECT * FROM oc.expected(d.run_date, by_id))
            UNION ALL (SELECT * FROM oc.expected(d.run_date, by_id) EXCEPT SELECT * FROM given)) AS x;
    SELECT CASE WHEN count(*) = 0 THEN -1 ELSE n END INTO n FROM given;
    DROP TABLE given;
    RETURN n;
END
$$;
-- every way of reading
CREATE FUNCTION oc.ways(by_id bool) RETURNS TABLE (work_mem text, workers text, grouped text, differ bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOR work_mem, workers, grouped IN VALUES ('1GB', '0', 'off'), ('64kB', '0', 'off'), ('1GB', '2', 'off'), ('64kB', '2', 'off'), ('1GB', '0', 'on'), ('64kB', '0', 'on') LOOP
        PERFORM set_config(name, value, true)
           FROM (VALUES ('rfm.work_mem', work_mem), ('rfm.max_workers', workers), ('rfm.grouped_reading', grouped),
                        ('parallel_setup_cost', '0'), ('parallel_tuple_cost', '0'), ('min_parallel_table_scan_size', '0')) AS v(name, value);
        differ := oc.differ('rfm_preview(''2026-01-10'', ''many'')', by_id);
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT * FROM oc.ways(false);
CALL rfm_backfill('2026-01-01', '2026-01-10', 'many');
SELECT count(DISTINCT run_date) AS dates, oc.differ('oc.many_scores', false) FROM oc.many_scores;
UPDATE rfm_model SET order_count = 'n > 0', order_id = 'order_id' WHERE model = 'many';
SELECT * FROM oc.ways(true);
TRUNCATE oc.many_scores;
CALL rfm_backfill('2026-01-01', '2026-01-10', 'many');
SELECT count(DISTINCT run_date) AS dates, oc.differ('oc.many_scores', true) FROM oc.many_scores;
-- with a lookback a customer is there only while an order is in it
UPDATE rfm_model SET lookback = '9 days' WHERE model = 'many';
TRUNCATE oc.many_scores;
CALL rfm_backfill('2026-01-01', '2026-01-10', 'many');
CREATE OR REPLACE FUNCTION oc.expected(day date, by_id bool) RETURNS TABLE (run_date date, customer_id int, recency_days int, frequency_orders bigint, monetary_value numeric)
LANGUAGE sql AS $$
    SELECT day, o.customer_id, day - max(o.created_at) FILTER (WHERE n > 0), count(DISTINCT order_id) FILTER (WHERE n > 0), sum(total)
      FROM oc.many AS o WHERE created_at <= day AND created_at > day - 9 GROUP BY o.customer_id HAVING bool_or(n > 0)
$$;
SELECT count(DISTINCT run_date) AS dates, oc.differ('oc.many_scores', true) FROM oc.many_scores;
SELECT rfm_drop_model(m) FROM unnest(ARRAY['sums', 'many']) AS m;
SET client_min_messages = warning;
DROP SCHEMA oc CASCADE;

-- monetary => 'average': the exact sum over the orders, rounded half away from zero to two digits more
\set SHOW_CONTEXT never
CREATE SCHEMA av;
CREATE TABLE av.orders (order_id int, customer_id text, created_at date, cents numeric(12,2), whole int, free numeric, real float8, paid bool);
INSERT INTO av.orders
SELECT n, c, '2026-01-01'::date + n, v, v::int, v, v::float8, v > 0
  FROM (VALUES (1, 'third', 10.00), (2, 'third', 0), (3, 'third', 0), (4, 'one', 7.25), (5, 'minus', -10.00), (6, 'minus', 0), (7, 'minus', 0), (8, 'none', NULL)) AS o(n, c, v);
-- the last digit is exactly a half: 0.04 / 32 = 0.00125
INSERT INTO av.orders SELECT 10 + i, 'half', '2026-01-11', CASE i WHEN 1 THEN 0.04 ELSE 0 END, 0, CASE i WHEN 1 THEN 0.0004 ELSE 0 END, 0, true FROM generate_series(1, 32) AS i;
INSERT INTO av.orders SELECT 50 + i, 'minus half', '2026-01-11', CASE i WHEN 1 THEN -0.04 ELSE 0 END, 0, CASE i WHEN 1 THEN -0.0004 ELSE 0 END, 0, true FROM generate_series(1, 32) AS i;
-- no int64 of some scale: too large, too many digits
INSERT INTO av.orders VALUES (90, 'large', '2026-01-12', 9999999999.99, 2147483647, 123456789012345678901234567890.5, 1e300, true), (91, 'large', '2026-01-12', 0.01, 0, 0, 1e300, true), (92, 'large', '2026-01-12', 0, 0, 0, 0, true),
    (93, 'fine', '2026-01-13', 1, 1, 0.12345678901234567890, 0.1, true), (94, 'fine', '2026-01-13', 1, 1, 0.00000000000000000001, 0.2, true);
SELECT rfm_create_model('avg', 'av.orders', 'av.scores', amount => 'cents', monetary => 'average', buckets => '{2}', segment_rules => NULL, comment_rules => NULL);
SELECT rfm_refresh('2026-01-31', 'avg');
SELECT customer_id, frequency_orders, monetary_value FROM av.scores ORDER BY 1;
UPDATE rfm_model SET amount = 'whole' WHERE model = 'avg';
SELECT customer_id, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'avg');
UPDATE rfm_model SET amount = 'free' WHERE model = 'avg';
SELECT customer_id, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'avg');
-- as round() has it, given digits enough
CREATE FUNCTION av.differ() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM rfm_preview('2026-01-31', 'avg') AS p
      FULL JOIN (SELECT customer_id, round(coalesce(sum(free), 0) * 1.0000000000000000000000000000000000000000 / count(*), scale(coalesce(sum(free), 0)) + 2) AS average
                   FROM av.orders GROUP BY 1) AS o USING (customer_id) WHERE p.monetary_value IS DISTINCT FROM o.average
$$;
SELECT av.differ();
SET rfm.grouped_reading = on;
SELECT av.differ();
RESET rfm.grouped_reading;
SET rfm.work_mem = '64kB';
SELECT av.differ();
RESET rfm.work_mem;
-- floating point: the sum rounded once, and the quotient once
UPDATE rfm_model SET amount = 'real' WHERE model = 'avg';
SELECT count(*) FROM rfm_preview('2026-01-31', 'avg') AS p JOIN (SELECT customer_id, sum(real) / count(*) AS average FROM av.orders GROUP BY 1) AS o USING (customer_id)
 WHERE p.monetary_value::float8 <> o.average;

-- what is stored is what is scored, and what monetary_above looks at
UPDATE rfm_model SET amount = 'cents', monetary_above = 3.33 WHERE model = 'avg';
SELECT customer_id, monetary_value FROM rfm_preview('2026-01-31', 'avg');
UPDATE rfm_model SET monetary_above = 3.3333 WHERE model = 'avg';
SELECT customer_id, monetary_value FROM rfm_preview('2026-01-31', 'avg');
UPDATE rfm_model SET monetary_above = NULL, order_count = 'paid' WHERE model = 'avg';
SELECT customer_id, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'avg');
SELECT rfm_refresh('2026-01-31', 'avg');
SELECT customer_id, frequency_orders, monetary_value FROM rfm_score_now('third', 'avg');
CALL rfm_backfill('2026-01-05', '2026-01-20', 'avg');
SELECT count(DISTINCT run_date) AS dates, count(*) AS customers, count(*) FILTER (WHERE s.monetary_value IS DISTINCT FROM p.monetary_value) AS differ
  FROM av.scores AS s FULL JOIN (SELECT p.* FROM (SELECT DISTINCT run_date AS day FROM av.scores) AS d, LATERAL rfm_preview(d.day, 'avg') AS p) AS p USING (run_date, customer_id);
-- rows, but no order id: not divided
UPDATE av.orders SET order_id = NULL WHERE customer_id = 'one';
UPDATE rfm_model SET order_count = NULL, order_id = 'order_id' WHERE model = 'avg';
SELECT customer_id, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'avg') WHERE customer_id = 'one';
UPDATE rfm_model SET monetary = 'mean' WHERE model = 'avg';
SELECT rfm_drop_model('avg');
SET client_min_messages = warning;
DROP SCHEMA av CASCADE;

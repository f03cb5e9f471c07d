-- what must not depend on who calls, and under which settings; targets that others inherit from
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA cal;
CREATE TABLE cal.orders (customer_id int, created_at date, total float8, shop int) PARTITION BY LIST (shop);
CREATE TABLE cal.orders_1 PARTITION OF cal.orders FOR VALUES IN (1);
CREATE TABLE cal.orders_2 PARTITION OF cal.orders FOR VALUES IN (2);
-- 0.1 and 0.2 make a little more than 0.3
INSERT INTO cal.orders SELECT i, date '2026-01-01' + i % 30, x, 1 + i % 2 FROM generate_series(1, 80) i, unnest(CASE WHEN i % 2 = 0 THEN '{0.1,0.2}' ELSE '{0.3}' END::float8[]) x;
ANALYZE cal.orders;

-- cut points are logged as they are: one customer is scored as its snapshot has it
SELECT rfm_create_model('cal', 'cal.orders', 'cal.scores', method => 'rank');
SET extra_float_digits = 0;
SELECT rfm_refresh('2026-01-31', 'cal');
CREATE FUNCTION cal.differences() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM cal.scores s, LATERAL rfm_score_now(s.customer_id::text, 'cal') n
     WHERE s.run_date = (SELECT max(run_date) FROM cal.scores) AND (s.f_score, s.m_score) IS DISTINCT FROM (n.f_score, n.m_score)
$$;
SELECT cal.differences();
RESET extra_float_digits;
SELECT cal.differences();

-- any plan, with more customers than fit into memory
CREATE TABLE cal.many (customer_id int, created_at date, total int, shop int) PARTITION BY LIST (shop);
CREATE TABLE cal.many_1 PARTITION OF cal.many FOR VALUES IN (1);
CREATE TABLE cal.many_2 PARTITION OF cal.many FOR VALUES IN (2);
INSERT INTO cal.many SELECT i % 5000, date '2026-01-01' + i % 30, i % 97, 1 + i % 2 FROM generate_series(1, 20000) i;
ANALYZE cal.many;
SELECT rfm_create_model('many', 'cal.many', 'cal.many_scores');
CREATE TABLE cal.right AS SELECT * FROM rfm_preview('2026-01-31', 'many');
SET enable_partitionwise_aggregate = on;
SET rfm.work_mem = '64kB';
SELECT rfm_refresh('2026-01-31', 'many');
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT count(*) FROM (SELECT * FROM rfm_preview('2026-01-31', 'many') EXCEPT SELECT * FROM cal.right) d;
RESET ALL;
SET client_min_messages = warning;
SELECT count(*) FROM cal.right r JOIN cal.many_scores s ON r.customer_id = s.customer_id::text WHERE (r.monetary_value, r.rfm_segment) IS DISTINCT FROM (s.monetary_value, s.rfm_segment);

-- text that an expression makes of values
CREATE TABLE cal.files (customer_id bytea, created_at date, total int);
INSERT INTO cal.files VALUES ('\x00ff', '2026-01-02', 1), ('\x01', '2026-01-03', 2);
SELECT rfm_create_model('files', 'cal.files', 'cal.file_scores', customer => 'customer_id::text');
SET bytea_output = 'escape';
SELECT customer_id FROM rfm_preview('2026-01-31', 'files') ORDER BY 1;
RESET bytea_output;
SELECT customer_id FROM rfm_preview('2026-01-31', 'files') ORDER BY 1;

-- a target without dates: what it holds was refreshed last
SELECT rfm_create_model('undated', 'cal.orders', 'cal.undated', target_columns => '{"run_date": null}');
SELECT rfm_refresh('2026-01-31', 'undated');
SELECT rfm_refresh('2026-01-10', 'undated');
SELECT max(highest) = (SELECT max(recency_days) FROM cal.undated) AS of_what_is_held FROM rfm_cut_points(NULL, 'undated') WHERE metric = 'recency_days';

-- what inherits from a target is none of it
SELECT rfm_create_model('parent', 'cal.orders', 'cal.parent');
SELECT rfm_refresh('2026-01-31', 'parent');
CREATE TABLE cal.child () INHERITS (cal.parent);
INSERT INTO cal.child SELECT * FROM cal.parent;
SELECT rfm_refresh('2026-01-31', 'parent');
SELECT sum(customers) AS customers FROM rfm_segment_summary(NULL, 'parent');
SELECT count(*) FROM rfm_customer('7', 'parent');

-- a model without rule sets has no labels, and says so
SELECT rfm_create_model('bare', 'cal.orders', 'cal.bare', segment_rules => NULL, comment_rules => NULL);
SELECT rfm_refresh('2026-01-31', 'bare');
SELECT * FROM rfm_segment_summary(NULL, 'bare');
SELECT * FROM rfm_segment_summary(NULL, 'bare', by => 'comment');
SELECT count(*) FROM rfm_customer('7', 'bare');
SELECT rfm_drop_model(m, true) FROM unnest('{cal,many,files,undated,bare}'::text[]) m;
SELECT rfm_drop_model('parent');
DROP SCHEMA cal CASCADE;

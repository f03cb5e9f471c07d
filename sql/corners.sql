--
-- Corners of the code that no other test comes past.
--
\set SHOW_CONTEXT never
\pset null -
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
CREATE SCHEMA corner;
CREATE TABLE corner.orders (customer_id int, created_at date, total int);
INSERT INTO corner.orders VALUES (1, '2024-01-01', 5), (1, '2024-01-02', 5), (2, '2024-01-03', 7), (3, '2024-01-01', 1);

--
-- What a model is told to do that cannot be
--
SELECT rfm_create_model('corner', 'corner.orders', 'corner.scores', segment_rules => NULL, comment_rules => NULL);
UPDATE rfm_model SET owner = NULL WHERE model = 'corner';
-- the bound below all that an integer holds
UPDATE rfm_model SET monetary_above = -1e30 WHERE model = 'corner';
SELECT customer_id, monetary_value FROM rfm_preview('2024-01-03', 'corner') ORDER BY 1;
-- less memory than anything can do with
SET rfm.work_mem = 1;
SHOW rfm.work_mem;
SELECT rfm_refresh('2024-01-03', 'corner');
RESET rfm.work_mem;
-- a target that changes after the model was made
ALTER TABLE corner.scores RENAME customer_id TO who;
SELECT * FROM rfm_migration('2024-01-03', '2024-01-03', 'corner');
DROP TABLE corner.scores CASCADE;
\set VERBOSITY terse
SELECT * FROM rfm_segment_summary('2024-01-03', 'corner');
\set VERBOSITY default
SELECT rfm_drop_model('corner');

--
-- Columns of other types: numbers as text and numeric, labels as name; the
-- same again finds nothing to write
--
CREATE TABLE corner.other_types (run_date date, customer_id int, recency_days numeric, frequency_orders text, monetary_value text,
                                 r_score numeric, f_score text, m_score bigint, rfm_segment name, PRIMARY KEY (run_date, customer_id));
SELECT rfm_create_model('corner', 'corner.orders', 'corner.other_types', segment_rules => 'sum5', comment_rules => NULL);
SELECT rfm_refresh('2024-01-03', 'corner');
TABLE corner.other_types ORDER BY customer_id;
SELECT rfm_refresh('2024-01-03', 'corner');
SELECT inserted, updated, deleted, unchanged FROM rfm_run WHERE model = 'corner' ORDER BY run_id DESC LIMIT 1;
SELECT rfm_drop_model('corner', true);

-- casts of the user's own that make nothing of a label, of a customer
CREATE TYPE corner.label AS ENUM ('one', 'two');
CREATE FUNCTION corner.no_label(text) RETURNS corner.label LANGUAGE sql AS 'SELECT NULL::corner.label';
CREATE FUNCTION corner.no_label(int) RETURNS corner.label LANGUAGE sql AS 'SELECT CASE $1 WHEN 1 THEN ''one''::corner.label WHEN 3 THEN ''two'' END';
CREATE CAST (text AS corner.label) WITH FUNCTION corner.no_label(text) AS ASSIGNMENT;
CREATE CAST (int AS corner.label) WITH FUNCTION corner.no_label(int) AS ASSIGNMENT;
CREATE TABLE corner.labels (run_date date, customer_id int, recency_days int, frequency_orders int, monetary_value int, r_score int, f_score int, m_score int,
                            rfm_segment corner.label, PRIMARY KEY (run_date, customer_id));
SELECT rfm_create_model('corner', 'corner.orders', 'corner.labels', segment_rules => 'sum5', comment_rules => NULL);
SELECT rfm_refresh('2024-01-03', 'corner');
SELECT rfm_drop_model('corner', true);
CREATE TABLE corner.labels (run_date date, customer_id corner.label, recency_days int, frequency_orders int, monetary_value int, r_score int, f_score int, m_score int,
                            PRIMARY KEY (run_date, customer_id));
SELECT rfm_create_model('corner', 'corner.orders', 'corner.labels', segment_rules => NULL, comment_rules => NULL);
SELECT rfm_refresh('2024-01-03', 'corner');
SELECT rfm_drop_model('corner', true);

--
-- Floating-point sums of more than two parts, from workers and from files: of
-- every customer the same five amounts, far apart; the first three stand together
--
CREATE TABLE corner.floats AS
SELECT c AS customer_id, 'customer ' || c AS name, date '2024-01-01' + nr::int AS created_at, amount AS total
  FROM unnest('{1e200,1,1e-200,-1e200,-1}'::float8[]) WITH ORDINALITY AS v(amount, nr), generate_series(1, 3000) c
 ORDER BY nr > 3, c, nr;
ALTER TABLE corner.floats SET (parallel_workers = 2);
ANALYZE corner.floats;
SELECT rfm_create_model('corner', 'corner.floats', 'corner.scores', segment_rules => NULL, comment_rules => NULL);
SELECT rfm_create_model('corner text', 'corner.floats', 'corner.text_scores', customer => 'name', segment_rules => NULL, comment_rules => NULL);
CREATE FUNCTION corner.sums(model text, memory text, workers text) RETURNS TABLE (sum numeric, customers bigint)
LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM set_config('rfm.work_mem', memory, true), set_config('max_parallel_workers_per_gather', workers, true);
    -- four of the five, then all of them
    RETURN QUERY SELECT monetary_value, count(*) FROM rfm_preview('2024-01-05', model) GROUP BY 1;
    RETURN QUERY SELECT monetary_value, count(*) FROM rfm_preview('2024-01-04', model) GROUP BY 1;
    PERFORM rfm_refresh('2024-01-06', model);
    RETURN QUERY EXECUTE format('SELECT monetary_value::numeric, count(*) FROM %s GROUP BY 1', (SELECT target FROM rfm_model m WHERE m.model = sums.model));
END
$$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT model, memory, workers, trunc(log(nullif(abs(s.sum), 0))) AS magnitude, sum(customers) AS customers
  FROM unnest('{corner,corner text}'::text[]) model, unnest('{64kB,1GB}'::text[]) memory, unnest('{0,2}'::text[]) workers,
       corner.sums(model, memory, workers) s
 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
-- what is not above a sum is left out, exactly
UPDATE rfm_model SET monetary_above = 1 WHERE model = 'corner';
SELECT trunc(log(sum)) AS magnitude, customers FROM corner.sums('corner', '64kB', '0');
UPDATE rfm_model SET monetary_above = NULL WHERE model = 'corner';
-- one customer's sum is past the end, and files or workers are where it turns out
INSERT INTO corner.floats SELECT 77, 'customer 77', '2024-01-05', 1.7e308 FROM generate_series(1, 2);
INSERT INTO corner.floats SELECT c, 'customer ' || c, '2024-01-05', 1 FROM generate_series(3001, 6000) c;
INSERT INTO corner.floats SELECT 77, 'customer 77', '2024-01-05', 1.7e308 FROM generate_series(1, 2);
SELECT corner.sums('corner text', '64kB', '0');
SELECT corner.sums('corner', '64kB', '0');
SELECT corner.sums('corner', '1GB', '2');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT rfm_drop_model(m, true) FROM unnest('{corner,corner text}'::text[]) m;

--
-- Equal ids that are not written the same: the same one stands for them in
-- memory and in files
--
CREATE TABLE corner.scaled AS
SELECT round(c::numeric, (c + n) % 3) AS customer_id, date '2024-01-01' AS created_at, 1 AS total FROM generate_series(1, 3) n, generate_series(1, 3000) c;
SELECT rfm_create_model('corner', 'corner.scaled', 'corner.scores', segment_rules => NULL, comment_rules => NULL);
CREATE TABLE corner.in_memory AS SELECT * FROM rfm_preview('2024-01-01', 'corner');
SET rfm.work_mem = '64kB';
CREATE TABLE corner.in_files AS SELECT * FROM rfm_preview('2024-01-01', 'corner');
RESET rfm.work_mem;
SELECT count(*) AS customers, min(frequency_orders) AS orders, count(DISTINCT scale(customer_id::numeric)) AS scales,
       (SELECT count(*) FROM (TABLE corner.in_memory EXCEPT TABLE corner.in_files) d) AS differ
  FROM corner.in_memory;
SELECT rfm_drop_model('corner', true);

--
-- A range of dates, and a sum that is past the end from one of them on: of one
-- day, of two days in the range, and before the range
--
CREATE TABLE corner.huge (customer_id text, created_at date, total float8);
SELECT rfm_create_model('corner', 'corner.huge', 'corner.scores', segment_rules => NULL, comment_rules => NULL);
INSERT INTO corner.huge VALUES ('small', '2024-01-01', 1), ('same day', '2024-01-03', 1.7e308), ('same day', '2024-01-03', 1.7e308);
CALL rfm_backfill('2024-01-02', '2024-01-04', 'corner');
SELECT max(run_date) FROM corner.scores;
UPDATE corner.huge SET customer_id = 'two days', created_at = created_at + (ctid = (SELECT max(ctid) FROM corner.huge))::int WHERE customer_id = 'same day';
CALL rfm_backfill('2024-01-02', '2024-01-05', 'corner');
SELECT max(run_date) FROM corner.scores;
UPDATE corner.huge SET customer_id = 'before', created_at = created_at - 30 WHERE customer_id = 'two days';
CALL rfm_backfill('2024-01-02', '2024-01-05', 'corner');
SELECT rfm_drop_model('corner', true);

--
-- Ids longer than what waits for its turn has room for
--
CREATE TABLE corner.long_ids AS
SELECT repeat(chr(97 + i % 50 % 26), 20000 + i % 50 % 7 * 20000) || i % 50 AS customer_id, date '2024-01-01' AS created_at, i AS total FROM generate_series(1, 200) i;
SELECT rfm_create_model('corner', 'corner.long_ids', 'corner.scores', segment_rules => NULL, comment_rules => NULL);
SELECT count(*) AS rows, count(*) FILTER (WHERE p IS NULL OR (p.frequency_orders, p.monetary_value) IS DISTINCT FROM (r.n, r.total)) AS differ
  FROM rfm_preview('2024-01-01', 'corner') p FULL JOIN (SELECT customer_id, count(*) AS n, sum(total) AS total FROM corner.long_ids GROUP BY 1) r USING (customer_id);
SELECT rfm_drop_model('corner', true);

--
-- Partitions: one that goes on for ever takes every date; those of a target in
-- a tablespace lie there, too
--
CREATE TABLE corner.ever (run_date date, customer_id int, recency_days int, frequency_orders int, monetary_value int, r_score int, f_score int, m_score int,
                          PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date);
CREATE TABLE corner.ever_after PARTITION OF corner.ever FOR VALUES FROM ('2024-01-01') TO (MAXVALUE);
SELECT rfm_create_model('corner', 'corner.orders', 'corner.ever', segment_rules => NULL, comment_rules => NULL, partition_by => 'month');
SELECT rfm_refresh('2024-01-03', 'corner');
SELECT count(*) FROM corner.ever_after;
SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'corner.ever'::regclass;
SELECT rfm_drop_model('corner', true);
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_rfm_space LOCATION '';
CREATE TABLE corner.months (run_date date, customer_id int, recency_days int, frequency_orders int, monetary_value int, r_score int, f_score int, m_score int,
                            PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date) TABLESPACE regress_rfm_space;
SELECT rfm_create_model('corner', 'corner.orders', 'corner.months', segment_rules => NULL, comment_rules => NULL, partition_by => 'month');
SELECT rfm_refresh('2024-01-03', 'corner');
SELECT c.relname, spcname FROM pg_class c JOIN pg_inherits ON inhrelid = c.oid LEFT JOIN pg_tablespace s ON s.oid = reltablespace
 WHERE inhparent = 'corner.months'::regclass ORDER BY 1;
SELECT rfm_drop_model('corner', true);
DROP TABLESPACE regress_rfm_space;
RESET allow_in_place_tablespaces;

DROP SCHEMA corner CASCADE;
RESET client_min_messages;
RESET datestyle;

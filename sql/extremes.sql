--
-- The ends of every range, and the names, settings and transactions that
-- nobody has but someone
--
\set SHOW_CONTEXT never
\pset null -
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA extremes;
SET search_path = extremes, public;

-- Zero customers, and one
CREATE TABLE orders (customer_id int8, created_at timestamptz, total numeric);
SELECT rfm_create_model('extremes', 'orders', 'extremes.scores');
SELECT rfm_refresh('2024-06-30', 'extremes');
SELECT count(*) FROM scores;
INSERT INTO orders VALUES (9223372036854775807, '2024-06-30 12:00+00', 1);
SELECT rfm_refresh('2024-06-30', 'extremes');
SELECT customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score FROM scores;
-- gone again
DELETE FROM orders;
SELECT rfm_refresh('2024-06-30', 'extremes'), count(*) FROM scores;
SELECT count(*) FROM scores;

--
-- Amounts
--
-- to the last digit that numeric has, and a sum of which the parts cancel out
INSERT INTO orders VALUES (1, '2024-06-01', ('9' || repeat('9', 131071))::numeric), (1, '2024-06-01', -('9' || repeat('9', 131071))::numeric),
                          (1, '2024-06-01', ('0.' || repeat('0', 16382) || '1')::numeric),
                          (2, '2024-06-01', ('9' || repeat('9', 131071))::numeric), (3, '2024-06-01', -('9' || repeat('9', 131071))::numeric);
SELECT rfm_refresh('2024-06-30', 'extremes');
SELECT s.customer_id, monetary_value = sum(total) AS exact, length(monetary_value::text), m_score FROM scores s JOIN orders USING (customer_id) GROUP BY s.customer_id, monetary_value, m_score ORDER BY 1;
-- and past it
INSERT INTO orders SELECT customer_id, created_at, total FROM orders WHERE customer_id = 2;
INSERT INTO orders SELECT 2, '2024-06-01', ('9' || repeat('9', 131071))::numeric FROM generate_series(1, 9);
SELECT rfm_refresh('2024-06-30', 'extremes');
SET rfm.work_mem = '64kB';
SELECT rfm_refresh('2024-06-30', 'extremes');
RESET rfm.work_mem;
TRUNCATE orders;
-- the ends of bigint: the sum is wider than that
CREATE TABLE whole AS SELECT c AS customer_id, date '2024-06-01' AS created_at, v AS total
  FROM (VALUES (1, 9223372036854775807), (1, 9223372036854775807), (2, -9223372036854775808), (2, -9223372036854775808), (3, 9223372036854775807), (3, -9223372036854775808)) AS v(c, v);
SELECT rfm_create_model('whole', 'whole', 'extremes.whole_scores');
SELECT rfm_refresh('2024-06-30', 'whole');
SELECT customer_id, monetary_value, m_score FROM whole_scores ORDER BY 1;
-- the ends of double precision
CREATE TABLE real_orders AS SELECT c AS customer_id, date '2024-06-01' AS created_at, v::float8 AS total
  FROM (VALUES (1, '1.7976931348623157e308'), (2, '-1.7976931348623157e308'), (3, '5e-324'), (4, '1.7976931348623157e308'), (4, '-1.7976931348623157e308'), (4, '5e-324')) AS v(c, v);
SELECT rfm_create_model('real', 'real_orders', 'extremes.real_scores');
SELECT rfm_refresh('2024-06-30', 'real');
SELECT customer_id, monetary_value, m_score FROM real_scores ORDER BY 1;
INSERT INTO real_orders SELECT * FROM real_orders WHERE customer_id = 1;
SELECT rfm_refresh('2024-06-30', 'real');
UPDATE real_orders SET total = 'Infinity' WHERE customer_id = 3;
SELECT rfm_refresh('2024-06-30', 'real');
UPDATE real_orders SET total = 'NaN';
SELECT rfm_preview('2024-06-30', 'real');

--
-- Dates
--
CREATE TABLE days (customer_id int, created_at date, total int DEFAULT 1);
INSERT INTO days VALUES (1, '4713-01-01 BC'), (2, '0001-12-31 BC'), (3, '0001-01-01'), (4, '5874897-12-31'), (5, '5874897-12-30');
SELECT rfm_create_model('days', 'days', 'extremes.day_scores');
SELECT run_date, customer_id, recency_days, r_score FROM rfm_preview('5874897-12-31', 'days') ORDER BY customer_id;
SELECT run_date, customer_id, recency_days, r_score FROM rfm_preview('294275-01-01', 'days') ORDER BY customer_id;
SELECT run_date, customer_id, recency_days, r_score FROM rfm_preview('4713-01-01 BC', 'days') ORDER BY customer_id;
SELECT rfm_refresh('infinity', 'days');
SELECT rfm_refresh('-infinity', 'days');
-- an order at no time is before all others, or after them
INSERT INTO days VALUES (6, 'infinity'), (5, '-infinity');
SELECT customer_id, recency_days, frequency_orders FROM rfm_preview('5874897-12-31', 'days') ORDER BY customer_id;
INSERT INTO days VALUES (7, '-infinity');
SELECT customer_id, recency_days, frequency_orders FROM rfm_preview('2024-06-30', 'days') ORDER BY customer_id;
CREATE TABLE moments (customer_id int, created_at timestamptz, total int DEFAULT 1);
INSERT INTO moments VALUES (1, '4714-11-25 00:00+00 BC'), (2, '294276-12-30 23:59:59.999999+00'), (3, '2024-03-31 01:59:59+01'), (4, '2024-03-31 03:00+02');
SELECT rfm_create_model('moments', 'moments', 'extremes.moment_scores', time_zone => 'Europe/Berlin');
SELECT customer_id, recency_days FROM rfm_preview('294276-12-31', 'moments') ORDER BY customer_id;
SELECT customer_id, recency_days FROM rfm_preview('2024-03-31', 'moments') ORDER BY customer_id;
SELECT customer_id, recency_days FROM rfm_preview('5874897-12-31', 'moments') ORDER BY customer_id;
UPDATE rfm_model SET lookback = '178000000 years' WHERE model = 'moments';
SELECT customer_id, recency_days FROM rfm_preview('2024-03-31', 'moments') ORDER BY customer_id;
UPDATE rfm_model SET lookback = '6000 years' WHERE model = 'moments';
SELECT customer_id, recency_days FROM rfm_preview('2024-03-31', 'moments') ORDER BY customer_id;

--
-- Names: quotes, blanks, capitals, other scripts, 63 bytes
--
CREATE SCHEMA "Ex ""tr'eme\s ☃";
CREATE TABLE "Ex ""tr'eme\s ☃"."Les ""Commandes'' d'été" ("Qui ""l'acheteur"" \ ☃" int, "when; DROP TABLE x; --" timestamp, "a$1 %s %I" numeric, "no 12345678901234567890123456789012345678901234567890123456789" int,
    "select" text);
INSERT INTO "Ex ""tr'eme\s ☃"."Les ""Commandes'' d'été" SELECT i % 3, timestamp '2024-06-01' + i * interval '1 day', i, i / 2, 'x' FROM generate_series(1, 9) i;
SELECT rfm_create_model(E'mod''el "1" \\ ☃ %s $1', '"Ex ""tr''eme\s ☃"."Les ""Commandes'''' d''été"', '"Ex ""tr''eme\s ☃"."Die ""Ziele"" ''😀''"', customer => 'Qui "l''acheteur" \ ☃',
    ordered_at => 'when; DROP TABLE x; --', amount => 'a$1 %s %I', order_id => 'no 12345678901234567890123456789012345678901234567890123456789', filter => '"select" = ''x''',
    target_columns => '{"recency_days": "Tage \" ''; --", "customer_id": "Wer\\wen ☃"}');
SELECT rfm_refresh('2024-06-30', E'mod''el "1" \\ ☃ %s $1');
SELECT * FROM (SELECT "Wer\wen ☃", "Tage "" '; --", frequency_orders, monetary_value FROM "Ex ""tr'eme\s ☃"."Die ""Ziele"" '😀'") x ORDER BY 1;
-- 19 has no other strings than those of the standard
SELECT current_setting('server_version_num')::int < 190000 AS other_strings \gset
\if :other_strings
SET escape_string_warning = off;
SET standard_conforming_strings = off;
\endif
UPDATE "Ex ""tr'eme\s ☃"."Les ""Commandes'' d'été" SET "a$1 %s %I" = 2 * "a$1 %s %I";
SELECT rfm_refresh('2024-06-30', E'mod\'el "1" \\ ☃ %s $1');
SELECT score, customers FROM rfm_cut_points('2024-06-30', E'mod\'el "1" \\ ☃ %s $1') WHERE metric = 'recency_days' AND customers > 0 ORDER BY 1;
SELECT rfm_drop_model(E'mod\'el "1" \\ ☃ %s $1', true);
\if :other_strings
RESET standard_conforming_strings;
RESET escape_string_warning;
\endif

-- A source with as many columns as there can be
DO $$
BEGIN
    EXECUTE (SELECT format('CREATE TABLE wide (%s, customer_id int, created_at date, total int)', string_agg(format('column_%s int', i), ', ')) FROM generate_series(1, 1597) i);
END
$$;
INSERT INTO wide (customer_id, created_at, total) SELECT i % 5, '2024-06-01', i FROM generate_series(1, 20) i;
SELECT rfm_create_model('wide', 'wide', 'extremes.wide_scores', filter => 'column_1597 IS NULL');
SELECT rfm_refresh('2024-06-30', 'wide');
SELECT rfm_create_model('wide2', 'wide', 'extremes.wide2_scores', amount => 'totl');

--
-- Transactions
--
CREATE TABLE few AS SELECT i % 5 AS customer_id, timestamp '2024-06-01' + i * interval '1 day' AS created_at, i AS total FROM generate_series(1, 20) i;
SELECT rfm_create_model('few', 'few', 'extremes.few_scores');
BEGIN READ ONLY;
SELECT rfm_refresh('2024-06-30', 'few');
ROLLBACK;
BEGIN READ ONLY;
SELECT count(*) FROM rfm_preview('2024-06-30', 'few');
COMMIT;
-- a subtransaction rolled back, and the same again
BEGIN;
SAVEPOINT s;
SELECT rfm_refresh('2024-06-30', 'few');
SELECT count(*) FROM few_scores;
ROLLBACK TO s;
SELECT count(*) FROM few_scores;
SELECT rfm_refresh('2024-06-30', 'few');
RELEASE s;
COMMIT;
SELECT count(*), (SELECT count(*) FROM rfm_run WHERE model = 'few') AS runs FROM few_scores;
-- every isolation level
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT rfm_refresh('2024-06-29', 'few');
COMMIT;
SET default_transaction_isolation = 'serializable';
SELECT rfm_refresh('2024-06-28', 'few');
RESET default_transaction_isolation;
-- a cursor and a prepared statement
PREPARE again(date) AS SELECT rfm_refresh($1, 'few');
EXECUTE again('2024-06-27');
ALTER TABLE few ALTER customer_id TYPE int8;
EXECUTE again('2024-06-26');
EXECUTE again('2024-06-26');
BEGIN;
DECLARE c CURSOR FOR SELECT customer_id FROM rfm_preview('2024-06-30', 'few') ORDER BY customer_id;
FETCH 2 FROM c;
SELECT rfm_refresh('2024-06-25', 'few');
FETCH 1 FROM c;
COMMIT;
-- a temporary table as the source
CREATE TEMP TABLE passing AS TABLE few;
SELECT rfm_create_model('passing', 'pg_temp.passing', 'extremes.passing_scores');

DELETE FROM rfm_model WHERE model IN ('extremes', 'whole', 'real', 'days', 'moments', 'wide', 'few', 'passing');
DROP TABLE IF EXISTS passing;
RESET search_path;
DROP SCHEMA extremes CASCADE;
DROP SCHEMA "Ex ""tr'eme\s ☃" CASCADE;

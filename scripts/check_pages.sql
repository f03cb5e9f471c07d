-- Models for check_pages.sh, in a shop that has the default model; prints the names of all.
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
CREATE SCHEMA pages;
CREATE TABLE pages.orders AS
SELECT i AS order_id, '<b>customer</b> & "' || i % 3000 || '"' AS customer_id, timestamp '2025-01-01' + (i::int8 * 7919 % 3000) * interval '3 hours' AS created_at,
       ((i * 31 % 211)::numeric ^ 4 * 12345.67)::numeric(20,2) AS total
  FROM generate_series(1, 20000) AS i;
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('pages', '{10}');
INSERT INTO rfm_segment_rule (ruleset, priority, label, total)
SELECT 'pages', n, CASE WHEN n % 2 = 0 THEN '<script>alert("' || n || '")</script> & ''so''' ELSE 'A rather long label for segment number ' || n END, int4range(n, n + 1)
  FROM generate_series(3, 30) AS n;

\o /dev/null
SELECT rfm_create_model('ten', 'pages.orders', 'pages.ten', buckets => '{10}', segment_rules => 'pages', comment_rules => NULL);
SELECT rfm_create_model('two', 'pages.orders', 'pages.two', buckets => '{2}', segment_rules => NULL, comment_rules => NULL);
SELECT rfm_create_model('single', 'pages.orders', 'pages.single');
SELECT rfm_create_model('empty', 'pages.orders', 'pages.empty');
SELECT rfm_create_model('none', 'pages.orders', 'pages.none');
SELECT rfm_create_model('newest', 'pages.orders', 'pages.newest', as_of => 'latest_order', target_columns => '{"run_date": null, "rfm_segment": null, "m_score": "M"}');
SELECT rfm_refresh('2025-11-30', model), rfm_refresh('2025-12-31', model) FROM (VALUES ('ten'), ('two')) AS m(model);
SELECT rfm_refresh('2025-12-31', 'single'), rfm_refresh('2020-01-01', 'empty'), rfm_refresh(model => 'newest');
\o
SELECT model FROM rfm_model ORDER BY model;

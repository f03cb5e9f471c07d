-- a method for each axis, and percentiles
\set SHOW_CONTEXT never
CREATE SCHEMA me;
CREATE TABLE me.orders (customer_id int, created_at date, total numeric(10,2)) WITH (parallel_workers = 2);
INSERT INTO me.orders SELECT c, date '2026-01-31' - (c * 7919 + o * 31) % 300, ((c * 104729 + o) % 5000) / 100.0
  FROM generate_series(1, 997) AS c, generate_series(1, 1 + c % 7 * (c % 3)) AS o;
SELECT rfm_create_model('me', 'me.orders', 'me.scores', method => '{breaks,ntile,percentile}', buckets => '{3,4,5}',
    r_breaks => '{30,90}', m_breaks => '{0.5,0.8,0.95,0.99}', segment_rules => NULL, comment_rules => NULL);
SELECT rfm_refresh('2026-01-31', 'me');
-- in plain SQL: percentile_cont is in floating point, and exact enough for these
WITH cuts AS (SELECT percentile_cont(ARRAY[0.5, 0.8, 0.95, 0.99]) WITHIN GROUP (ORDER BY monetary_value) AS m FROM me.scores)
SELECT count(*) FILTER (WHERE r_score <> 3 - (recency_days >= 30)::int - (recency_days >= 90)::int) AS r,
       count(*) FILTER (WHERE f_score <> f) AS f,
       count(*) FILTER (WHERE m_score <> 1 + (SELECT count(*) FROM cuts, unnest(cuts.m) AS cut WHERE cut < monetary_value)) AS m,
       count(*) FILTER (WHERE m_score = 5) AS best
  FROM (SELECT *, ntile(4) OVER (ORDER BY frequency_orders, customer_id) AS f FROM me.scores) AS s;
SELECT metric, score, customers, cut_point, from_customer IS NOT NULL AS ties FROM rfm_cut_points(model => 'me');
-- one customer as all of them, but for recency, which is as of today
SELECT count(*) AS customers, count(*) FILTER (WHERE (s.f_score, s.m_score) IS DISTINCT FROM (n.f_score, n.m_score)) AS differ
  FROM me.scores AS s, LATERAL rfm_score_now(s.customer_id::text, 'me') AS n WHERE s.customer_id % 25 = 0;

-- recency by percentile: fractions of the days, so the best score ends at the first of them
UPDATE rfm_model SET method = '{percentile,rank,quantile}', r_breaks = '{0.1,0.5}', m_breaks = NULL WHERE model = 'me';
WITH p AS (SELECT * FROM rfm_preview('2026-01-31', 'me')),
     cuts AS (SELECT percentile_cont(0.1) WITHIN GROUP (ORDER BY recency_days) AS a, percentile_cont(0.5) WITHIN GROUP (ORDER BY recency_days) AS b,
                     percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY monetary_value) AS m FROM p)
SELECT count(*) AS customers, count(*) FILTER (WHERE r_score <> 3 - (recency_days > a)::int - (recency_days > b)::int) AS r,
       count(*) FILTER (WHERE f_score <> f) AS f, count(*) FILTER (WHERE m_score <> 1 + (SELECT count(*) FROM unnest(m) AS cut WHERE cut < monetary_value)) AS m
  FROM (SELECT *, 1 + 4 * (rank() OVER (ORDER BY frequency_orders) - 1) / count(*) OVER () AS f FROM p) AS s, cuts;
-- percentiles at equal shares are quantiles
UPDATE rfm_model SET method = 'quantile', buckets = '{4}', r_breaks = NULL WHERE model = 'me';
CREATE TABLE me.q AS SELECT * FROM rfm_preview('2026-01-31', 'me');
UPDATE rfm_model SET method = 'percentile', r_breaks = '{0.25,0.5,0.75}', f_breaks = '{.25,.50,.75}', m_breaks = '{0.25,0.500000000000000000000000,0.75}' WHERE model = 'me';
SELECT count(*) FROM (SELECT * FROM me.q EXCEPT SELECT * FROM rfm_preview('2026-01-31', 'me')) AS d;

-- what makes no sense
UPDATE rfm_model SET m_breaks = '{0,0.5,0.75}' WHERE model = 'me';
UPDATE rfm_model SET m_breaks = '{0.5,0.75,1}' WHERE model = 'me';
UPDATE rfm_model SET m_breaks = '{0.1234567891,0.5,0.75}' WHERE model = 'me';
UPDATE rfm_model SET m_breaks = '{0.5,0.75,0.7}' WHERE model = 'me';
UPDATE rfm_model SET m_breaks = '{50,80,95}' WHERE model = 'me';
UPDATE rfm_model SET m_breaks = NULL WHERE model = 'me';
UPDATE rfm_model SET method = '{percentile,ntile,percentile}' WHERE model = 'me';
UPDATE rfm_model SET method = '{ntile,ntile}' WHERE model = 'me';
UPDATE rfm_model SET method = '{ntile,NULL,ntile}' WHERE model = 'me';
UPDATE rfm_model SET method = '{ntile,deciles,ntile}' WHERE model = 'me';
UPDATE rfm_model SET method = '{ntile' WHERE model = 'me';
SELECT rfm_drop_model('me');
SET client_min_messages = warning;
DROP SCHEMA me CASCADE;

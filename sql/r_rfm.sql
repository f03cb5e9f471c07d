--
-- The orders that the R package rfm ships, and its own results for them.  They
-- lie beside the project: the environment variable RFM_DATA names their directory.
--
\set have_data `test -r "$RFM_DATA/r-rfm/rfm_data_orders.csv" && echo true || echo false`
\if :have_data
\else
\echo skipped: there is no r-rfm/rfm_data_orders.csv in RFM_DATA
\quit
\endif
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA r_rfm;
CREATE TABLE r_rfm.orders (order_no int, customer_id text COLLATE "C", order_date date, revenue numeric);
CREATE TABLE r_rfm.custom (customer_id text COLLATE "C", recency_days int, transaction_count int, amount numeric,
                           recency_score int, frequency_score int, monetary_score int, rfm_score text, segment_a text, segment_b text);
CREATE TABLE r_rfm.k5 (LIKE r_rfm.custom);
\copy r_rfm.orders FROM PROGRAM 'cat "$RFM_DATA/r-rfm/rfm_data_orders.csv"' (FORMAT csv, HEADER)
\copy r_rfm.custom FROM PROGRAM 'cat "$RFM_DATA/r-rfm/orders_custom_scores.csv"' (FORMAT csv, HEADER)
\copy r_rfm.k5 FROM PROGRAM 'cat "$RFM_DATA/r-rfm/orders_k5_scores.csv"' (FORMAT csv, HEADER)
SELECT count(*) AS orders, count(DISTINCT customer_id) AS customers, sum(revenue) AS revenue FROM r_rfm.orders;

-- the segments of the package's example
INSERT INTO rfm_ruleset (ruleset) VALUES ('r_rfm');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r, f, m) VALUES
    ('r_rfm', 1, 'Champions',          '[5,5]', '[5,5]', '[5,5]'),
    ('r_rfm', 2, 'Potential Loyalist', '[3,5]', '[3,5]', '[2,5]'),
    ('r_rfm', 3, 'Loyal Customers',    '[2,4]', '[2,4]', '[2,4]'),
    ('r_rfm', 4, 'Promising',          '[3,4]', '[1,3]', '[3,5]'),
    ('r_rfm', 5, 'New Customers',      '[4,5]', '[1,3]', '[1,5]'),
    ('r_rfm', 6, 'Can''t Lose Them',   '[1,2]', '[3,4]', '[4,5]'),
    ('r_rfm', 7, 'At Risk',            '[1,2]', '[2,5]', '[4,5]'),
    ('r_rfm', 8, 'Need Attention',     '[1,3]', '[3,5]', '[3,5]'),
    ('r_rfm', 9, 'About To Sleep',     '[2,3]', '[1,3]', '[1,4]'),
    ('r_rfm', 10, 'Lost',              '[1,1]', '[1,5]', '[1,5]');

-- custom breaks
SELECT rfm_create_model('r_rfm', 'r_rfm.orders', 'r_rfm.result', ordered_at => 'order_date', amount => 'revenue', method => 'breaks',
    r_breaks => '{115,181,297,482}', f_breaks => '{4,5,6,8}', m_breaks => '{256,382,506,666}', segment_rules => 'r_rfm', comment_rules => NULL,
    target_columns => '{"rfm_cell": "rfm_cell"}');
SELECT rfm_refresh('2006-12-31', 'r_rfm');
CREATE VIEW r_rfm.standing AS
SELECT customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_cell, rfm_segment FROM r_rfm.result;
SELECT count(*) AS customers, count(*) FILTER (WHERE r.r_score = c.recency_score) AS same_r, count(*) FILTER (WHERE r.f_score = c.frequency_score) AS same_f,
       count(*) FILTER (WHERE r.m_score = c.monetary_score) AS same_m, count(*) FILTER (WHERE r.rfm_segment = c.segment_a) AS same_segment
  FROM r_rfm.standing r JOIN r_rfm.custom c USING (customer_id);
WITH expected AS (
    SELECT customer_id, recency_days, transaction_count, amount, recency_score, frequency_score, monetary_score, rfm_score, segment_a FROM r_rfm.custom)
SELECT count(*) AS differences
  FROM ((TABLE r_rfm.standing EXCEPT ALL TABLE expected) UNION ALL (TABLE expected EXCEPT ALL TABLE r_rfm.standing)) d;

-- the package's own thresholds: type-7 quantiles plus one
WITH customers AS (
    SELECT date '2006-12-31' - max(order_date) AS r, count(*) AS f, sum(revenue) AS m FROM r_rfm.orders GROUP BY customer_id
), quantiles AS (
    SELECT rfm_quintiles(r::numeric) AS r, rfm_quintiles(f::numeric) AS f, rfm_quintiles(m) AS m FROM customers
)
UPDATE rfm_model SET r_breaks = (SELECT array_agg(q + 1) FROM quantiles, unnest(r) q), f_breaks = (SELECT array_agg(q + 1) FROM quantiles, unnest(f) q),
                     m_breaks = (SELECT array_agg(q + 1) FROM quantiles, unnest(m) q)
 WHERE model = 'r_rfm'
RETURNING r_breaks, f_breaks, m_breaks;
SELECT rfm_refresh('2006-12-31', 'r_rfm');
SELECT count(*) AS customers, count(*) FILTER (WHERE r.r_score = c.recency_score) AS same_r, count(*) FILTER (WHERE r.f_score = c.frequency_score) AS same_f,
       count(*) FILTER (WHERE r.m_score = c.monetary_score) AS same_m, count(*) FILTER (WHERE r.rfm_segment = c.segment_a) AS same_segment
  FROM r_rfm.standing r JOIN r_rfm.k5 c USING (customer_id);
WITH expected AS (
    SELECT customer_id, recency_days, transaction_count, amount, recency_score, frequency_score, monetary_score, rfm_score, segment_a FROM r_rfm.k5)
SELECT count(*) AS differences
  FROM ((TABLE r_rfm.standing EXCEPT ALL TABLE expected) UNION ALL (TABLE expected EXCEPT ALL TABLE r_rfm.standing)) d;

-- the package's summary of its segments
CREATE TABLE r_rfm.summary (segment text, customers int, orders int, revenue numeric, aov numeric);
\copy r_rfm.summary FROM PROGRAM 'cat "$RFM_DATA/r-rfm/orders_k5_summary_a.csv"' (FORMAT csv, HEADER)
SELECT count(*) AS segments, count(*) FILTER (WHERE (s.customers, s.orders, s.revenue) = (r.customers, r.orders, r.revenue) AND abs(s.aov - r.revenue / r.orders) < 0.01) AS same
  FROM r_rfm.summary s FULL JOIN (SELECT rfm_segment AS segment, count(*) AS customers, sum(frequency_orders) AS orders, sum(monetary_value) AS revenue
                                    FROM r_rfm.result GROUP BY 1) r USING (segment);
SELECT rfm_segment, count(*) FROM r_rfm.result GROUP BY 1 ORDER BY 2 DESC, 1;

-- and where it cuts
SELECT metric, score, customers, lowest, highest, round(cut_point, 3) AS cut_point FROM rfm_cut_points('2006-12-31', 'r_rfm');

SELECT rfm_drop_model('r_rfm');
SELECT rfm_drop_ruleset('r_rfm');
DROP SCHEMA r_rfm CASCADE;
RESET datestyle;
RESET client_min_messages;

-- What demo.sh shows at the end: the newest snapshot in ecom.customer_rfm_daily.
\set ON_ERROR_STOP on
\pset footer off
\pset null ''
\pset numericlocale off

SELECT max(run_date) AS run_date FROM ecom.customer_rfm_daily \gset
CREATE TEMP VIEW newest AS SELECT * FROM ecom.customer_rfm_daily WHERE run_date = :'run_date';
-- "4", or "4 to 5"
CREATE FUNCTION pg_temp.upto(lowest bigint, highest bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT concat_ws(' to ', lowest, nullif(highest, lowest)) $$;

\echo 'Each customer has three scores from 1 to 5, 5 best: r (how recently), f (how often), m (how much), and two labels made of them:'
\echo '  rfm_segment  by the sum r + f + m: how good a customer, all in all'
\echo '  comments     by the three scores one by one: what kind of customer'
\echo 'So r 1, f 3, m 5 is in the segment "Potential Loyalists", as the sum is 9, and has the comment "Big Spenders At Risk", as m is'
\echo 'high and r is low. Where both use a name, each means its own definition.'
\echo ''

\set title 'Segments on ' :run_date ' (rfm_segment)'
\pset title :title
SELECT rfm_segment, pg_temp.upto(min(rfm_score), max(rfm_score)) AS "r + f + m",
       count(*) AS customers, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS "% of customers",
       sum(monetary_value) AS revenue,
       round(100 * sum(monetary_value) / nullif(sum(sum(monetary_value)) OVER (), 0), 1) AS "% of revenue",
       round(avg(recency_days)) AS "days since last order", round(avg(frequency_orders), 1) AS "orders each"
FROM newest GROUP BY rfm_segment ORDER BY min(rfm_score) DESC;

\pset title 'What kind of customers (comments), the ten with the most of them'
SELECT comments, pg_temp.upto(min(r_score), max(r_score)) AS r, pg_temp.upto(min(f_score), max(f_score)) AS f, pg_temp.upto(min(m_score), max(m_score)) AS m,
       count(*) AS customers, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS "% of customers",
       sum(monetary_value) AS revenue
FROM newest GROUP BY comments ORDER BY count(*) DESC, comments LIMIT 10;

\pset title 'Five customers: the one who spent most in each segment'
SELECT * FROM (
    SELECT DISTINCT ON (rfm_segment) customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment, comments
    FROM newest ORDER BY rfm_segment, monetary_value DESC, customer_id
) AS best ORDER BY rfm_score DESC LIMIT 5;

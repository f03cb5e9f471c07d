-- What demo.sh shows at the end: the newest snapshot in ecom.customer_rfm_daily.
\set ON_ERROR_STOP on
\pset footer off
\pset null ''
\pset numericlocale off

SELECT max(run_date) AS run_date FROM ecom.customer_rfm_daily \gset
CREATE TEMP VIEW newest AS SELECT * FROM ecom.customer_rfm_daily WHERE run_date = :'run_date';

\set title 'Segments on ' :run_date
\pset title :title
SELECT rfm_segment, count(*) AS customers, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS "% of customers",
       sum(monetary_value) AS revenue,
       round(100 * sum(monetary_value) / nullif(sum(sum(monetary_value)) OVER (), 0), 1) AS "% of revenue",
       round(avg(recency_days)) AS "days since last order", round(avg(frequency_orders), 1) AS "orders each"
FROM newest GROUP BY rfm_segment ORDER BY min(rfm_score) DESC;

\pset title 'What the three scores tell (comments), the ten with the most customers'
SELECT comments, count(*) AS customers, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS "% of customers",
       sum(monetary_value) AS revenue
FROM newest GROUP BY comments ORDER BY count(*) DESC, comments LIMIT 10;

\pset title 'Five customers: the one who spent most in each segment'
SELECT * FROM (
    SELECT DISTINCT ON (rfm_segment) customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_segment, comments
    FROM newest ORDER BY rfm_segment, monetary_value DESC, customer_id
) AS best ORDER BY r_score + f_score + m_score DESC LIMIT 5;

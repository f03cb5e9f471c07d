-- The best hand-written statement for the rows of rfm_refresh, by the shipped rule sets sum5 and traits5.
-- psql variables: source, target, ordered_at, amount, orders (what counts them), filter; group, the group's column and a
-- comma, with score_group and within: all three empty, or "shop_id,", "score_group," and "PARTITION BY shop_id".
--
-- One GROUP BY, one sort a score, and an upsert that leaves rows alone that stand as they should. Written in the
-- order of the key, because the index is then appended to, and with memory for every sort and hash.
INSERT INTO :target AS t
       (run_date, :score_group customer_id, recency_days, frequency_orders, monetary_value,
        r_score, f_score, m_score, rfm_score, rfm_segment, comments)
SELECT DATE '2024-12-31', :group customer_id, recency, frequency, monetary, r, f, m, r + f + m,
       CASE WHEN r + f + m >= 10 THEN 'Loyal Customers'
            WHEN r + f + m >= 8 THEN 'Potential Loyalists'
            WHEN r + f + m >= 6 THEN 'Promising Customers'
            WHEN r + f + m >= 4 THEN 'At Risk'
            ELSE 'Hibernating' END,
       CASE WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'Champions'
            WHEN r < 4 AND f >= 4 AND m >= 4 THEN 'Loyal High Spenders'
            WHEN f >= 4 AND m <= 3 THEN 'Loyal Budget Spenders'
            WHEN r >= 3 AND f <= 3 AND m >= 4 THEN 'Big Spenders'
            WHEN r = 5 AND f <= 2 AND m >= 4 THEN 'New High Value Customers'
            WHEN r = 5 AND f <= 2 AND m <= 2 THEN 'New Customers'
            WHEN r >= 4 AND f = 3 AND m = 3 THEN 'Potential Loyalists'
            WHEN r = 4 AND f = 2 AND m = 2 THEN 'Promising Customers'
            WHEN r <= 2 AND f >= 4 THEN 'Loyal At Risk'
            WHEN r <= 2 AND m >= 4 THEN 'Big Spenders At Risk'
            WHEN r = 2 AND f <= 2 AND m <= 2 THEN 'About to Churn'
            WHEN r = 1 AND f <= 2 AND m <= 2 THEN 'Hibernating'
            WHEN f = 1 AND m <= 2 THEN 'One-time Buyers'
            WHEN f >= 3 AND m = 1 THEN 'Bargain Hunters'
            WHEN r <= 3 AND f <= 2 AND m <= 2 THEN 'Low Value Customers'
            ELSE 'Others' END
FROM (SELECT :group customer_id, recency, frequency, monetary,
             ntile(5) OVER (:within ORDER BY recency DESC, customer_id) AS r,
             ntile(5) OVER (:within ORDER BY frequency, customer_id) AS f,
             ntile(5) OVER (:within ORDER BY monetary, customer_id) AS m
      FROM (SELECT :group customer_id,
                   DATE '2024-12-31' - (max(:ordered_at) AT TIME ZONE 'UTC')::date AS recency,
                   :orders AS frequency,
                   sum(:amount) AS monetary
            FROM :source
            WHERE :filter AND :ordered_at < TIMESTAMPTZ '2025-01-01 00:00+00'
            GROUP BY :group customer_id) AS customers) AS scored
ORDER BY :group customer_id
ON CONFLICT (run_date, :score_group customer_id) DO UPDATE
SET recency_days = EXCLUDED.recency_days,
    frequency_orders = EXCLUDED.frequency_orders,
    monetary_value = EXCLUDED.monetary_value,
    r_score = EXCLUDED.r_score,
    f_score = EXCLUDED.f_score,
    m_score = EXCLUDED.m_score,
    rfm_score = EXCLUDED.rfm_score,
    rfm_segment = EXCLUDED.rfm_segment,
    comments = EXCLUDED.comments,
    updated_at = now()
WHERE (t.recency_days, t.frequency_orders, t.monetary_value, t.r_score, t.f_score, t.m_score,
       t.rfm_score, t.rfm_segment, t.comments)
      IS DISTINCT FROM
      (EXCLUDED.recency_days, EXCLUDED.frequency_orders, EXCLUDED.monetary_value,
       EXCLUDED.r_score, EXCLUDED.f_score, EXCLUDED.m_score,
       EXCLUDED.rfm_score, EXCLUDED.rfm_segment, EXCLUDED.comments);

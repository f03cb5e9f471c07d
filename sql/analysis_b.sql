--
-- Analysis of the real invoices of shop B (sql/shop_b.sql says where they lie):
-- two ways to keep their scores, as history and as the newest snapshot.
--
\set have_data `test -r "$RFM_DATA/online-retail/raw_trans.csv.gz" && echo true || echo false`
\if :have_data
\else
\echo skipped: there is no online-retail/raw_trans.csv.gz in RFM_DATA
\quit
\endif
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA retail_ana;
CREATE TABLE retail_ana.raw_trans ("InvoiceNo" text, "StockCode" text, "Quantity" integer, "InvoiceDate" timestamp,
                                   "UnitPrice" numeric, "CustomerID" integer, "Country" text);
\copy retail_ana.raw_trans FROM PROGRAM 'gzip -dc "$RFM_DATA/online-retail/raw_trans.csv.gz"' (FORMAT csv, HEADER)
CREATE INDEX ON retail_ana.raw_trans ("CustomerID");
ANALYZE retail_ana.raw_trans;

SELECT rfm_create_model(model, 'retail_ana.raw_trans', 'retail_ana.' || model,
    customer => 'CustomerID', ordered_at => 'InvoiceDate', order_id => 'InvoiceNo', amount => '"Quantity" * "UnitPrice"',
    filter => '"CustomerID" IS NOT NULL AND "Quantity" > 0 AND "UnitPrice" > 0',
    buckets => '{4}', as_of => 'latest_order', monetary_above => 0, segment_rules => 'quartile11', comment_rules => NULL, target_columns => columns)
  FROM (VALUES ('history', NULL::jsonb),
               ('newest', '{"run_date": null, "customer_id": "CustomerID", "recency_days": "Recency", "frequency_orders": "Frequency", "monetary_value": "Monetary",
                            "rfm_score": null, "rfm_segment": "segment", "comments": null, "created_at": null, "updated_at": null}')) AS given(model, columns);
SELECT rfm_refresh('2011-09-30', 'history') AS september, rfm_refresh(model => 'history') AS latest, rfm_refresh(model => 'newest') AS newest;

SELECT segment, customers, orders, revenue FROM rfm_segment_summary(model => 'newest');
SELECT count(*) FROM (SELECT * FROM rfm_segment_summary(model => 'newest') EXCEPT SELECT * FROM rfm_segment_summary(model => 'history')) AS d;
WITH reference AS (
    SELECT segment, count(*) AS customers, round(count(*) / sum(count(*)) OVER (), 4), sum("Frequency")::bigint AS orders, sum("Monetary") AS revenue,
           round(sum("Monetary") / sum(sum("Monetary")) OVER (), 4), round(sum("Monetary") / sum("Frequency"), 2),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY "Recency")::numeric, percentile_cont(0.5) WITHIN GROUP (ORDER BY "Frequency")::numeric,
           (percentile_disc(0.5) WITHIN GROUP (ORDER BY "Monetary") + percentile_disc(0.5) WITHIN GROUP (ORDER BY "Monetary" DESC)) / 2
      FROM retail_ana.newest GROUP BY segment)
SELECT (SELECT count(*) FROM reference) AS rows,
       (SELECT count(*) FROM (SELECT * FROM reference EXCEPT SELECT segment, customers, customer_share, orders, revenue, revenue_share, average_order_value, median_recency, median_frequency, median_monetary
                                                           FROM rfm_segment_summary(model => 'newest')) d) AS differences;

WITH reference AS (
    SELECT b.rfm_segment, a.rfm_segment, count(*), sum(coalesce(a.monetary_value, b.monetary_value))
      FROM (SELECT * FROM retail_ana.history WHERE run_date = '2011-09-30') b FULL JOIN (SELECT * FROM retail_ana.history WHERE run_date > '2011-09-30') a USING (customer_id)
     GROUP BY 1, 2)
SELECT (SELECT count(*) FROM reference) AS rows,
       (SELECT count(*) FROM (SELECT * FROM reference EXCEPT SELECT * FROM rfm_migration(model => 'history')) d) AS differences,
       (SELECT sum(customers) FROM rfm_migration(model => 'history') WHERE from_segment IS NULL) AS new;
SELECT * FROM rfm_movers(model => 'history', count => 5);
SELECT count(*) AS cells, sum(value) AS money, count(*) FILTER (WHERE value IS DISTINCT FROM coalesce((SELECT sum("Monetary") FROM retail_ana.newest WHERE r_score = x_score AND m_score = y_score), 0)) AS differences
  FROM rfm_grid(model => 'newest', x => 'r', y => 'm', value => 'money');
SELECT * FROM rfm_trend('history') WHERE segment = 'Champions';
SELECT * FROM rfm_customer(12347, 'history');
SELECT count(*) AS rows, count(*) FILTER (WHERE "CustomerID" IS NULL) AS differences
  FROM rfm_export(model => 'newest', segment => 'Champions') e LEFT JOIN retail_ana.newest n ON n."CustomerID" = e.customer::int AND n.segment = 'Champions' AND n."Monetary" = e.monetary_value;
SELECT count(*) FROM retail_ana.history_latest;

-- every customer as they stand now: as the snapshot has them
SELECT count(*) AS customers,
       count(*) FILTER (WHERE (h.recency_days, h.frequency_orders, h.monetary_value, h.r_score, h.f_score, h.m_score, h.rfm_segment, h.run_date)
                        IS DISTINCT FROM (n.recency_days, n.frequency_orders, n.monetary_value, n.r_score, n.f_score, n.m_score, n.rfm_segment, n.run_date)) AS differences
  FROM retail_ana.history_latest h LEFT JOIN LATERAL rfm_score_now(h.customer_id, 'history') n ON true WHERE h.customer_id % 10 = 0;

SELECT rfm_drop_model('history'), rfm_drop_model('newest');
DROP SCHEMA retail_ana CASCADE;
RESET client_min_messages;

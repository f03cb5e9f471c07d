--
-- Returns among the real invoices of shop B (sql/shop_b.sql says where they lie):
-- gross, net, and what changes.
--
\set have_data `test -r "$RFM_DATA/online-retail/raw_trans.csv.gz" && echo true || echo false`
\if :have_data
\else
\echo skipped: there is no online-retail/raw_trans.csv.gz in RFM_DATA
\quit
\endif
SET client_min_messages = warning;
CREATE SCHEMA retail_net;
CREATE TABLE retail_net.raw_trans ("InvoiceNo" text, "StockCode" text, "Quantity" integer, "InvoiceDate" timestamp,
                                   "UnitPrice" numeric, "CustomerID" integer, "Country" text);
\copy retail_net.raw_trans FROM PROGRAM 'gzip -dc "$RFM_DATA/online-retail/raw_trans.csv.gz"' (FORMAT csv, HEADER)
ANALYZE retail_net.raw_trans;
SELECT rfm_create_model(model, 'retail_net.raw_trans', 'retail_net.' || model,
    customer => 'CustomerID', ordered_at => 'InvoiceDate', order_id => 'InvoiceNo', amount => '"Quantity" * "UnitPrice"',
    filter => filter, order_count => order_count, buckets => '{4}', segment_rules => 'quartile11', comment_rules => NULL)
  FROM (VALUES ('gross', '"Quantity" > 0 AND "UnitPrice" > 0', NULL), ('net', '"UnitPrice" > 0', '"Quantity" > 0')) AS given(model, filter, order_count);
SELECT rfm_refresh('2011-12-09', 'gross') AS gross, rfm_refresh('2011-12-09', 'net') AS net;

-- as plain SQL has it
SELECT count(*) FROM (
    (SELECT customer_id, recency_days, frequency_orders, monetary_value FROM retail_net.net EXCEPT
     SELECT "CustomerID", date '2011-12-09' - max("InvoiceDate") FILTER (WHERE "Quantity" > 0)::date, count(DISTINCT "InvoiceNo") FILTER (WHERE "Quantity" > 0), sum("Quantity" * "UnitPrice")
       FROM retail_net.raw_trans WHERE "UnitPrice" > 0 GROUP BY 1)
    UNION ALL
    (SELECT "CustomerID", date '2011-12-09' - max("InvoiceDate") FILTER (WHERE "Quantity" > 0)::date, count(DISTINCT "InvoiceNo") FILTER (WHERE "Quantity" > 0), sum("Quantity" * "UnitPrice")
       FROM retail_net.raw_trans WHERE "UnitPrice" > 0 AND "CustomerID" IS NOT NULL GROUP BY 1 HAVING bool_or("Quantity" > 0) EXCEPT
     SELECT customer_id, recency_days, frequency_orders, monetary_value FROM retail_net.net)) AS d;

-- what changes
SELECT count(*) AS customers, sum(g.monetary_value) AS gross, sum(n.monetary_value) AS net, count(*) FILTER (WHERE n.monetary_value < g.monetary_value) AS with_returns,
       count(*) FILTER (WHERE n.monetary_value <= 0) AS nothing_left,
       count(*) FILTER (WHERE n.recency_days <> g.recency_days OR n.frequency_orders <> g.frequency_orders) AS orders_differ,
       count(*) FILTER (WHERE n.m_score <> g.m_score) AS m_score, count(*) FILTER (WHERE n.rfm_segment <> g.rfm_segment) AS segment
  FROM retail_net.gross AS g FULL JOIN retail_net.net AS n USING (customer_id);
SELECT customer_id, g.monetary_value AS gross, n.monetary_value AS net, g.m_score AS gross_score, n.m_score AS net_score, g.rfm_segment AS gross_segment, n.rfm_segment AS net_segment
  FROM retail_net.gross AS g JOIN retail_net.net AS n USING (customer_id) ORDER BY g.monetary_value - n.monetary_value DESC LIMIT 5;
SELECT segment, g.customers, g.revenue AS gross, n.customers AS net_customers, n.revenue AS net
  FROM rfm_segment_summary(model => 'gross') AS g FULL JOIN rfm_segment_summary(model => 'net') AS n USING (segment) ORDER BY g.revenue DESC;
-- a return counts from its own date on: a past date as plain SQL has it
SELECT count(*) AS customers, count(*) FILTER (WHERE p.monetary_value IS DISTINCT FROM o.net) AS differ
  FROM rfm_preview('2011-06-30', 'net') AS p
  FULL JOIN (SELECT "CustomerID"::text AS customer_id, sum("Quantity" * "UnitPrice") AS net FROM retail_net.raw_trans
              WHERE "UnitPrice" > 0 AND "CustomerID" IS NOT NULL AND "InvoiceDate" < '2011-07-01' GROUP BY 1 HAVING bool_or("Quantity" > 0)) AS o USING (customer_id);
SELECT rfm_drop_model(m) FROM unnest(ARRAY['gross', 'net']) AS m;
DROP SCHEMA retail_net CASCADE;

--
-- Shop B: invoice lines from a warehouse export.  The invoices lie beside the
-- project: the environment variable RFM_DATA names their directory.
--
\set have_data `test -r "$RFM_DATA/online-retail/raw_trans.csv.gz" && echo true || echo false`
\if :have_data
\else
\echo skipped: there is no online-retail/raw_trans.csv.gz in RFM_DATA
\quit
\endif
SET client_min_messages = warning;
CREATE SCHEMA retail;
CREATE TABLE retail.raw_trans (
    "InvoiceNo"   text,
    "StockCode"   text,
    "Description" text,
    "Quantity"    integer,
    "InvoiceDate" timestamp,
    "UnitPrice"   numeric,
    "CustomerID"  integer,
    "Country"     text);
\copy retail.raw_trans ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country") FROM PROGRAM 'gzip -dc "$RFM_DATA/online-retail/raw_trans.csv.gz"' (FORMAT csv, HEADER)
ANALYZE retail.raw_trans;
SELECT count(*) FROM retail.raw_trans;

SELECT rfm_create_model('retail', 'retail.raw_trans', 'retail.rfm_results',
    customer => 'CustomerID', ordered_at => 'InvoiceDate', order_id => 'InvoiceNo', amount => '"Quantity" * "UnitPrice"',
    filter => '"CustomerID" IS NOT NULL AND "Quantity" > 0 AND "UnitPrice" > 0',
    buckets => '{4}', as_of => 'latest_order', monetary_above => 0, segment_rules => 'quartile11', comment_rules => NULL,
    target_columns => '{"run_date": null, "customer_id": "CustomerID", "recency_days": "Recency", "frequency_orders": "Frequency",
                        "monetary_value": "Monetary", "rfm_score": null, "rfm_segment": "segment", "comments": null,
                        "created_at": null, "updated_at": null}');
SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
 WHERE attrelid = 'retail.rfm_results'::regclass AND attnum > 0 ORDER BY attnum;
SELECT rfm_refresh(model => 'retail');
SELECT count(*) AS customers, sum("Frequency") AS invoices, sum("Monetary") AS money FROM retail.rfm_results;

-- the reference query
CREATE VIEW retail.reference AS
WITH lines AS (
    SELECT * FROM retail.raw_trans WHERE "CustomerID" IS NOT NULL AND "Quantity" > 0 AND "UnitPrice" > 0
), customers AS (
    SELECT "CustomerID", (SELECT max("InvoiceDate")::date FROM lines) - max("InvoiceDate")::date AS "Recency",
           count(DISTINCT "InvoiceNo") AS "Frequency", sum("Quantity" * "UnitPrice") AS "Monetary"
      FROM lines GROUP BY "CustomerID" HAVING sum("Quantity" * "UnitPrice") > 0
), scored AS (
    SELECT *, ntile(4) OVER (ORDER BY "Recency" DESC, "CustomerID") AS r,
              ntile(4) OVER (ORDER BY "Frequency", "CustomerID") AS f,
              ntile(4) OVER (ORDER BY "Monetary", "CustomerID") AS m
      FROM customers
)
SELECT *, CASE WHEN r = 4 AND f = 4 AND m = 4 THEN 'Champions'
               WHEN r = 4 AND f = 4 THEN 'Loyal Customers'
               WHEN r >= 3 AND f >= 3 THEN 'Potential Loyalists'
               WHEN r = 4 AND f <= 2 THEN 'New Customers'
               WHEN r = 3 AND f <= 2 THEN 'Promising'
               WHEN r = 2 AND f >= 3 THEN 'Needs Attention'
               WHEN r = 2 AND f <= 2 THEN 'About to Sleep'
               WHEN r = 1 AND f >= 3 THEN 'At-Risk'
               WHEN r = 1 AND f = 2 THEN 'Hibernating'
               WHEN r = 1 AND f = 1 THEN 'Lost'
               ELSE 'Other' END AS segment
  FROM scored;
CREATE TABLE retail.expected AS SELECT * FROM retail.reference;
SELECT count(*) AS differences
  FROM ((TABLE retail.rfm_results EXCEPT ALL TABLE retail.expected) UNION ALL (TABLE retail.expected EXCEPT ALL TABLE retail.rfm_results)) d;

SELECT segment, count(*) AS customers, sum("Monetary") AS money FROM retail.rfm_results GROUP BY segment ORDER BY 2 DESC, 1;
SELECT * FROM retail.rfm_results WHERE "CustomerID" BETWEEN 12346 AND 12350 ORDER BY 1;
SELECT to_char(run_date, 'YYYY-MM-DD') AS run_date, customers, orders AS lines, inserted FROM rfm_run WHERE model = 'retail' ORDER BY run_id DESC LIMIT 1;

-- an earlier date replaces the snapshot; the same one again changes nothing
SELECT rfm_refresh('2011-06-30', 'retail') = (SELECT count(DISTINCT "CustomerID") FROM retail.raw_trans
                                               WHERE "InvoiceDate" < '2011-07-01' AND "Quantity" > 0 AND "UnitPrice" > 0) AS as_many;
SELECT rfm_refresh(model => 'retail');
SELECT count(*) AS differences
  FROM ((TABLE retail.rfm_results EXCEPT ALL TABLE retail.expected) UNION ALL (TABLE retail.expected EXCEPT ALL TABLE retail.rfm_results)) d;
SELECT rfm_refresh(model => 'retail');
SELECT inserted, updated, deleted, unchanged FROM rfm_run WHERE model = 'retail' ORDER BY run_id DESC LIMIT 1;

-- with the returns in, customers who have spent nothing are out
UPDATE rfm_model SET filter = '"CustomerID" IS NOT NULL' WHERE model = 'retail';
SELECT rfm_refresh(model => 'retail') = (SELECT count(*) FROM (SELECT FROM retail.raw_trans WHERE "CustomerID" IS NOT NULL
                                          GROUP BY "CustomerID" HAVING sum("Quantity" * "UnitPrice") > 0) c) AS as_many;
SELECT count(*) AS customers, min("Monetary") > 0 AS all_have_spent FROM retail.rfm_results;

SELECT rfm_drop_model('retail');
DROP SCHEMA retail CASCADE;
RESET client_min_messages;

--
-- Periods, outcomes, changes and ties of real shops: the invoices of shop B and the
-- sample of CDNOW, which lie in RFM_DATA.
--
\set have_data `test -r "$RFM_DATA/online-retail/raw_trans.csv.gz" && test -r "$RFM_DATA/cdnow/sample.csv" && echo true || echo false`
\if :have_data
\else
\echo skipped: there is no online-retail/raw_trans.csv.gz, or no cdnow/sample.csv, in RFM_DATA
\quit
\endif
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA outb;
CREATE TABLE outb.raw_trans ("InvoiceNo" text, "StockCode" text, "Quantity" integer, "InvoiceDate" timestamp,
                             "UnitPrice" numeric, "CustomerID" integer, "Country" text);
\copy outb.raw_trans FROM PROGRAM 'gzip -dc "$RFM_DATA/online-retail/raw_trans.csv.gz"' (FORMAT csv, HEADER)
CREATE TABLE outb.cdnow (customer_id int, ordered_on date, cds int, total numeric);
\copy outb.cdnow FROM PROGRAM 'cat "$RFM_DATA/cdnow/sample.csv"' (FORMAT csv, HEADER)
CREATE INDEX ON outb.raw_trans ("CustomerID");
ANALYZE;
CREATE VIEW outb.lines AS SELECT "CustomerID" AS customer, "InvoiceDate"::date AS day, "InvoiceNo" AS order_id, "Quantity" * "UnitPrice" AS amount
  FROM outb.raw_trans WHERE "CustomerID" IS NOT NULL AND "Quantity" > 0 AND "UnitPrice" > 0;

-- monetary_above, as shop B has it, makes the orders be read; without it the snapshots tell
SELECT count(rfm_create_model('outb_' || model, 'outb.lines', 'outb.' || model, customer => 'customer', ordered_at => 'day', order_id => 'order_id', amount => 'amount',
                              buckets => '{4}', monetary_above => above, segment_rules => 'quartile11', comment_rules => NULL))
  FROM (VALUES ('told', NULL::numeric), ('read', 0)) AS m(model, above);
SELECT rfm_create_model('outb_cdnow', 'outb.cdnow', 'outb.cdnow_scores', ordered_at => 'ordered_on');
SELECT count(rfm_refresh(day, model)) FROM unnest('{2011-08-31,2011-09-30,2011-10-31}'::date[]) AS day, (VALUES ('outb_told'), ('outb_read')) AS m(model);
SELECT count(rfm_refresh(day, 'outb_cdnow')) FROM unnest('{1997-06-30,1997-09-30,1997-12-31}'::date[]) AS day;

-- an invoice with lines of two days counts on each of them in a period
CREATE VIEW outb.october AS
SELECT customer, count(DISTINCT order_id) AS orders, sum(amount) AS revenue FROM outb.lines WHERE day > '2011-09-30' AND day <= '2011-10-31' GROUP BY customer;
SELECT model, p.period, p.buyers, p.new_customers, p.orders, p.revenue FROM (VALUES ('outb_told'), ('outb_read')) AS m(model), rfm_period(model => model) AS p;
SELECT count(*) AS buyers, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM outb.lines l WHERE l.customer = o.customer AND l.day <= '2011-09-30')) AS new_customers, sum(orders) AS orders, sum(revenue) AS revenue
  FROM outb.october o;
WITH reference AS (
    SELECT s.rfm_segment, count(*) AS customers, count(o.customer) AS bought, coalesce(sum(o.orders), 0)::bigint AS orders, coalesce(sum(o.revenue), 0) AS revenue
      FROM (SELECT * FROM outb.told WHERE run_date = '2011-09-30') s FULL JOIN outb.october o ON o.customer = s.customer_id GROUP BY 1)
SELECT model, (SELECT count(*) FROM reference) AS rows,
       (SELECT count(*) FROM (SELECT * FROM reference EXCEPT SELECT segment, customers, bought_again, orders, revenue FROM rfm_outcome(model => model)) d) AS differences
  FROM (VALUES ('outb_told'), ('outb_read')) AS m(model);
SELECT segment, customers, bought_again, bought_share, orders, revenue, revenue_per_customer FROM rfm_outcome(model => 'outb_told');

-- CDNOW: who bought in the last quarter of 1997
WITH reference AS (
    SELECT s.rfm_segment, count(*) AS customers, count(o.customer_id) AS bought, coalesce(sum(o.orders), 0)::bigint AS orders, coalesce(sum(o.revenue), 0) AS revenue
      FROM (SELECT * FROM outb.cdnow_scores WHERE run_date = '1997-09-30') s
           FULL JOIN (SELECT customer_id, count(*) AS orders, sum(total) AS revenue FROM outb.cdnow WHERE ordered_on > '1997-09-30' AND ordered_on <= '1997-12-31' GROUP BY customer_id) o USING (customer_id)
     GROUP BY 1)
SELECT (SELECT count(*) FROM reference) AS rows,
       (SELECT count(*) FROM (SELECT * FROM reference EXCEPT SELECT segment, customers, bought_again, orders, revenue FROM rfm_outcome('1997-09-30', model => 'outb_cdnow')) d) AS differences;
SELECT segment, customers, bought_again, bought_share, orders, revenue, revenue_per_customer FROM rfm_outcome('1997-09-30', model => 'outb_cdnow');
SELECT period, after_date, until_date, buyers, new_customers, returning_customers, orders, revenue FROM rfm_period('1997-09-30', model => 'outb_cdnow');
SELECT count(*), count(*) FILTER (WHERE since = '1997-09-30') AS in_summer FROM rfm_changes('1997-06-30', '1997-12-31', 'outb_cdnow');
SELECT count(*) FILTER (WHERE c.l IS DISTINCT FROM a.l) AS all_of_them, count(*) FILTER (WHERE c.l IS DISTINCT FROM a.l AND b.l IS NOT DISTINCT FROM c.l) AS in_summer
  FROM (SELECT customer_id, rfm_segment AS l FROM outb.cdnow_scores WHERE run_date = '1997-06-30') a
       FULL JOIN (SELECT customer_id, rfm_segment AS l FROM outb.cdnow_scores WHERE run_date = '1997-09-30') b USING (customer_id)
       FULL JOIN (SELECT customer_id, rfm_segment AS l FROM outb.cdnow_scores WHERE run_date = '1997-12-31') c USING (customer_id);
SELECT * FROM rfm_ties(model => 'outb_cdnow') WHERE metric = 'frequency_orders';
SELECT count(*) FROM (SELECT customer_id FROM outb.cdnow WHERE ordered_on <= '1997-12-31' GROUP BY customer_id HAVING count(*) = 1) AS one_order;

SELECT count(rfm_drop_model(model)) FROM rfm_model WHERE model LIKE 'outb%';
DROP SCHEMA outb CASCADE;
RESET client_min_messages;

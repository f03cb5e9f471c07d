-- What sqlsmith finds in its database: the extension, and a shop and a scored model of its own.
-- Whoever logs in as smith may use what everyone may, and owns its schema, no more.
CREATE EXTENSION rfm;
CREATE SCHEMA smith AUTHORIZATION smith;
SET ROLE smith;
SET search_path = smith, public;
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id int, created_at timestamptz, total numeric(12,2), real_total float8, status text);
INSERT INTO orders
SELECT i, i % 50, timestamptz '2024-03-01 00:00+00' + i * interval '3 hours', i % 97, i / 7.0, CASE WHEN i % 9 = 0 THEN 'cancelled' ELSE 'paid' END
  FROM generate_series(1, 400) i;
SELECT count(rfm_create_model(model, 'smith.orders', 'smith.' || model, amount => amount, method => method))
  FROM (VALUES ('plain', 'total', 'ntile'), ('ranked', 'real_total', 'rank'), ('cut', 'total', 'quantile')) v(model, amount, method);
CALL rfm_backfill('2024-03-20', '2024-03-22', 'plain');
SELECT count(rfm_refresh('2024-03-22', model)) FROM rfm_model;
-- cuts and values to call the functions with
CREATE TABLE cuts AS SELECT rfm_quintiles(total) AS n, rfm_quintiles(real_total) AS f, date '2024-03-22' AS run_date, 'plain'::text AS model FROM orders;

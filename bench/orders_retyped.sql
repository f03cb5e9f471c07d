-- The orders of bench.orders with customers of another type. psql variables: name, customer (an expression).
\set ON_ERROR_STOP on
SET max_parallel_workers_per_gather = 0;    -- keeps the rows in their order
CREATE TABLE bench.:"name" AS
SELECT order_id, :customer AS customer_id, created_at, total, status FROM bench.orders;
VACUUM (FREEZE, ANALYZE) bench.:"name";

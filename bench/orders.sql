-- A table of orders, the same on every machine and on every day: all that varies is a hash of the order's number.
-- psql variables: name, orders, customers.
--
-- Orders lie in the order of their time, spread evenly over 2023 and 2024; customers come in no order at all, so
-- that no cache is helped. 5 of 100 orders are cancelled.
\set ON_ERROR_STOP on
CREATE TABLE bench.:"name" (
    order_id    bigint        NOT NULL,
    customer_id bigint        NOT NULL,
    created_at  timestamptz   NOT NULL,
    total       numeric(12,2) NOT NULL,
    status      text          NOT NULL
);
INSERT INTO bench.:"name"
SELECT n,
       1 + (hashint8extended(n, 1) & 9223372036854775807) % :customers,
       to_timestamp(1672531200 + (n - 1) * 63158400 / :orders),
       (100 + (hashint8extended(n, 2) & 9223372036854775807) % 49901) * 0.01,
       CASE WHEN d < 5 THEN 'cancelled' WHEN d < 80 THEN 'completed' ELSE 'shipped' END
FROM generate_series(1::bigint, :orders) AS n,
     LATERAL (SELECT (hashint8extended(n, 3) & 9223372036854775807) % 100 AS d) AS dice;
VACUUM (FREEZE, ANALYZE) bench.:"name";

-- Invoice lines, four an invoice, in the order of their time; 3 of 100 are returns.
-- psql variables: lines, customers.
\set ON_ERROR_STOP on
CREATE TABLE bench.lines (
    invoice_no   bigint        NOT NULL,
    stock_code   text          NOT NULL,
    quantity     integer       NOT NULL,
    invoice_date timestamptz   NOT NULL,
    unit_price   numeric(12,2) NOT NULL,
    customer_id  bigint        NOT NULL
);
INSERT INTO bench.lines
SELECT invoice,
       'P' || (hashint8extended(n, 4) & 9223372036854775807) % 5000,
       CASE WHEN (hashint8extended(n, 5) & 9223372036854775807) % 100 < 3 THEN -1
            ELSE 1 + (hashint8extended(n, 6) & 9223372036854775807) % 12 END,
       to_timestamp(1672531200 + (invoice - 1) * 63158400 / (:lines / 4 + 1)),
       (10 + (hashint8extended(n, 7) & 9223372036854775807) % 4991) * 0.01,
       1 + (hashint8extended(invoice, 1) & 9223372036854775807) % :customers
FROM generate_series(1::bigint, :lines) AS n,
     LATERAL (SELECT (n + 3) / 4 AS invoice) AS i;
VACUUM (FREEZE, ANALYZE) bench.lines;

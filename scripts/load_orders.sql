-- After load_values.sql: the lines of a file become ecom.orders. Settings: lines (sum, repeat or empty), statuses (lines NAME=yes or
-- NAME=no).

---- statuses

CREATE TABLE status AS
SELECT status AS name, regexp_replace(regexp_replace(lower(status), '^wc-', ''), '[^[:alnum:]]', '', 'g') AS plain, true AS counts
FROM line WHERE status IS NOT NULL GROUP BY status;
UPDATE status SET counts = plain !~ ('^((order)?(cancell?ed|cancell?ation|cancel)(by.*|reversal)?|(fully)?(refunded|refund|returned|reversed)|chargeback|chargedback|fail(ed|ure)?|'
    'paymentfailed|paymenterror|error|declined|denied|rejected|void(ed)?|expired|abandoned|(pending|awaiting)(payment)?|paymentpending|unpaid|notpaid|'
    '(auto|checkout)?draft|trash(ed)?|deleted|removed|invalid|fraud|suspectedfraud|test)$');

CREATE TABLE status_told AS
SELECT regexp_replace(line, '=(yes|no)$', '') AS name, line ~ '=yes$' AS counts FROM regexp_split_to_table(:'statuses', '\n') AS line WHERE line <> '';
SELECT stop(format('--status %s: no order of %s has that status', shown(t.name), file.name),
            coalesce('The file has ' || (SELECT left(string_agg(shown(name), ', ' ORDER BY name), 1000) FROM status) || '.', 'The file has no statuses.'))
FROM status_told AS t, file WHERE NOT EXISTS (SELECT FROM status AS s WHERE lower(s.name) = lower(t.name)) LIMIT 1 \g /dev/null
UPDATE status AS s SET counts = t.counts FROM status_told AS t WHERE lower(s.name) = lower(t.name);

---- lines become orders

CREATE UNLOGGED TABLE entry AS
SELECT l.row, l.order_id, CASE WHEN EXISTS (SELECT FROM mail) THEN lower(l.customer_id) ELSE l.customer_id END AS customer_id, m.value AS created_at,
       coalesce(t.value, q.value * p.value) AS amount, abs(r.value) AS refunded, l.status, s.counts, l.cancelled_at IS NOT NULL AS cancelled,
       -- a line that has an amount and nothing of an order belongs to the order above it
       l.order_id IS NULL AND coalesce(l.customer_id, l.created_at, l.status) IS NULL AND EXISTS (SELECT FROM taken WHERE what = 'order_id') AS follows
FROM line AS l
LEFT JOIN moment AS m ON m.text = l.created_at
LEFT JOIN amount AS t ON t.what = 'total' AND t.text = l.total
LEFT JOIN amount AS q ON q.what = 'quantity' AND q.text = l.quantity
LEFT JOIN amount AS p ON p.what = 'unit_price' AND p.text = l.unit_price
LEFT JOIN amount AS r ON r.what = 'refunded' AND r.text = l.refunded
LEFT JOIN status AS s ON s.name = l.status;

SELECT bool_or(follows) AS some FROM entry \gset
\if :some
UPDATE entry AS e SET order_id = above.order_id
FROM (SELECT row, max(order_id) OVER (PARTITION BY run) AS order_id
      FROM (SELECT row, order_id, count(*) FILTER (WHERE NOT follows) OVER (ORDER BY row) AS run FROM entry) AS runs) AS above
WHERE e.follows AND above.row = e.row;
\endif
ANALYZE entry;

-- an order without an id is one by itself; its key is its row
CREATE UNLOGGED TABLE grouped AS
SELECT CASE WHEN order_id IS NULL THEN row END AS own_row, order_id, min(row) AS row, count(*) AS lines,
       (array_agg(customer_id ORDER BY row) FILTER (WHERE customer_id IS NOT NULL))[1] AS customer_id, min(customer_id) <> max(customer_id) AS many_customers,
       max(created_at) AS created_at, count(customer_id) < count(*) OR count(created_at) < count(*) AS partly,
       count(amount) AS amounts, min(amount) = max(amount) AND count(amount) > 1 AS repeats, min(amount) < max(amount) AS differs, min(amount) AS least,
       max(amount) AS largest, sum(amount) FILTER (WHERE counts IS NOT false AND NOT cancelled) AS sum, max(refunded) AS refunded,
       (array_agg(status ORDER BY row) FILTER (WHERE counts))[1] AS good_status, (array_agg(status ORDER BY row) FILTER (WHERE NOT counts))[1] AS bad_status,
       bool_or(cancelled) AS any_cancelled, bool_and(cancelled) AS all_cancelled,
       count(status) NOT IN (0, count(*)) OR count(*) FILTER (WHERE cancelled) NOT IN (0, count(*)) AS status_partly
FROM entry GROUP BY 1, 2;

-- amounts of orders on several lines: those of the lines, or the order's on each
CREATE TABLE several AS
SELECT count(*) FILTER (WHERE lines > 1) AS orders, count(*) FILTER (WHERE repeats) AS repeat, count(*) FILTER (WHERE differs) AS differ,
       min(row) FILTER (WHERE repeats) AS repeat_row, min(row) FILTER (WHERE differs) AS differ_row, :'lines' AS mode
FROM grouped;

SELECT stop(format('%s: order %s stands on several lines with different amounts; order %s (%s) has the same amount on each. Like the first are %s, like the second %s',
                   place(differ_row), shown(d.order_id), shown(r.order_id), line_of(repeat_row), differ, repeat),
            'Say whether the lines'' amounts are to be added up (--lines sum) or whether each line repeats the order''s (--lines repeat: the largest is taken).')
FROM several, grouped AS d, grouped AS r
WHERE d.row = differ_row AND r.row = repeat_row AND mode = '' AND differ < repeat AND NOT EXISTS (SELECT FROM taken WHERE what = 'quantity') \g /dev/null

UPDATE several SET mode = CASE
    WHEN orders = 0 THEN 'single'
    WHEN mode <> '' THEN mode
    WHEN EXISTS (SELECT FROM taken WHERE what = 'quantity') OR EXISTS (SELECT FROM taken WHERE what = 'total' AND plain(name) ~ '^(line|item)') THEN 'sum'
    WHEN differ > 0 THEN 'sum'
    WHEN repeat > 0 THEN 'repeat'
    ELSE 'first' END;

CREATE UNLOGGED TABLE done AS
SELECT *, CASE WHEN customer_id IS NULL THEN 'no customer'
               WHEN created_at IS NULL THEN 'no date'
               WHEN CASE mode WHEN 'sum' THEN all_cancelled ELSE any_cancelled END THEN 'cancelled, by column ' || column_of('cancelled_at')
               WHEN good_status IS NULL AND bad_status IS NOT NULL THEN 'status ' || shown(bad_status)
               WHEN total < 0 THEN 'a refund: its total is below zero' END AS remark
FROM (SELECT *, CASE mode WHEN 'sum' THEN sum ELSE largest END - coalesce(refunded, 0) AS total, coalesce(good_status, bad_status) AS status FROM grouped, several) AS g;

CREATE SCHEMA IF NOT EXISTS ecom;
CREATE TABLE ecom.orders (
    order_id    text PRIMARY KEY,
    customer_id text NOT NULL,
    created_at  timestamptz NOT NULL,
    total       numeric,
    status      text NOT NULL,
    remark      text
);
COMMENT ON COLUMN ecom.orders.status IS 'that of the file; cancelled: whatever does not count';
COMMENT ON COLUMN ecom.orders.remark IS 'why an order does not count';
INSERT INTO ecom.orders
SELECT CASE WHEN order_id IS NOT NULL THEN order_id WHEN numbers THEN row::text ELSE 'row ' || row END, customer_id, created_at, total,
       CASE WHEN remark IS NOT NULL THEN 'cancelled' WHEN status = 'cancelled' THEN 'completed' ELSE coalesce(status, 'completed') END, remark
FROM done, (SELECT count(order_id) = 0 AS numbers FROM done) AS ids
WHERE customer_id IS NOT NULL AND created_at IS NOT NULL
ORDER BY done.row;

-- ids made of digits only are numbers
SELECT format('ALTER TABLE ecom.orders %s', string_agg(format('ALTER %1$I TYPE bigint USING %1$I::bigint', id), ', '))
FROM (SELECT 'order_id' AS id FROM ecom.orders HAVING bool_and(order_id ~ '^(0|-?[1-9][0-9]{0,17})$')
      UNION ALL
      SELECT 'customer_id' FROM ecom.orders HAVING bool_and(customer_id ~ '^(0|-?[1-9][0-9]{0,17})$')) AS numbers
HAVING count(*) > 0 \gexec
CREATE INDEX ON ecom.orders (customer_id);

SELECT stop(format('%s: no order has both a customer (column %s) and a date (column %s)', name, column_of('customer_id'), column_of('created_at')),
            'Take other columns: --column customer_id=NAME, --column created_at=NAME.')
FROM file WHERE NOT EXISTS (SELECT FROM ecom.orders) \g /dev/null

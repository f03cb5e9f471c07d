-- After load_call.sql: says what was done with a file of orders.
\t on
\a
SELECT format('%s lines, %s orders. Dates: %s%s.', (SELECT count(*) FROM line), (SELECT count(*) FROM done), words,
              CASE WHEN name IN ('seconds', 'milliseconds', 'microseconds') THEN '' ELSE '; times without a zone are read as UTC' END)
FROM format;
SELECT format('Amounts: decimal %s%s.', mark, (SELECT format(', %s times %s', column_of('quantity'), column_of('unit_price')) FROM taken WHERE what = 'quantity'))
FROM chosen WHERE EXISTS (SELECT FROM mark) OR EXISTS (SELECT FROM taken WHERE what = 'quantity');
SELECT format('Orders on several lines: %s; %s.', orders,
              CASE mode WHEN 'sum' THEN 'the amounts of their lines are added up'
                        WHEN 'repeat' THEN 'each line repeats the order''s amount, which is taken once'
                        ELSE 'the amount stands on one of them' END)
FROM several WHERE orders > 0;

-- what one may want to look at
SELECT 'Note: ' || note || '.'
FROM (SELECT 'no column has the order''s id: every line is taken for an order' WHERE NOT EXISTS (SELECT FROM taken WHERE what = 'order_id')
      UNION ALL
      SELECT format('lines with an amount and nothing else, which belong to the order above them (the call below knows nothing of that): %s', count(*)) FROM entry WHERE follows HAVING count(*) > 0
      UNION ALL
      SELECT format('lines without an order id, each taken for an order (the call below knows nothing of that): %s, the first in %s', count(*), line_of(min(row)))
      FROM done WHERE order_id IS NULL AND EXISTS (SELECT FROM taken WHERE what = 'order_id') HAVING count(*) > 0
      UNION ALL
      SELECT format('orders with lines of several customers, of whom the first is taken: %s, the first in %s. Is %s the order''s id',
                    count(*), line_of(min(row)), column_of('order_id')) || '? Otherwise --column order_id=NAME'
      FROM done WHERE many_customers HAVING count(*) > 0
      UNION ALL
      SELECT format('orders without an amount, which count as orders and add nothing: %s, the first in %s', count(*), line_of(min(row)))
      FROM done WHERE total IS NULL AND remark IS NULL HAVING count(*) > 0
      UNION ALL
      SELECT format('refunds are taken off the amounts (column %s): %s in all', column_of('refunded'), sum(refunded)) FROM done WHERE remark IS NULL HAVING sum(refunded) > 0
      UNION ALL
      SELECT format('e-mail addresses are compared without their case: %s addresses, %s customers', addresses, customers) FROM mail WHERE addresses > customers
      UNION ALL
      SELECT format('customer 0 has %s orders. Where that stands for guests, take another column: --column customer_id=NAME', count(*))
      FROM done WHERE customer_id = '0' HAVING count(*) > 1) AS notes(note);
SELECT CASE WHEN bool_or(remark IS NOT NULL) THEN 'Orders that do not count:' ELSE 'Every order counts.' END FROM done;
\a
\t off

SELECT bool_or(remark IS NOT NULL) AS some FROM done \gset
\if :some
SELECT remark AS why, count(*) AS orders, sum(total) AS total, line_of(min(row)) AS "the first"
FROM done WHERE remark IS NOT NULL GROUP BY remark ORDER BY count(*) DESC, remark;
\endif
SELECT count(*) > 0 AS some FROM status \gset
\if :some
SELECT e.status, e.orders, CASE WHEN s.counts IS NOT false THEN 'yes' ELSE 'no' END AS "does it count?"
FROM (SELECT status, count(DISTINCT coalesce(order_id, row::text)) AS orders FROM entry AS e
      WHERE status IS NOT NULL OR NOT EXISTS (SELECT FROM entry AS o WHERE o.order_id = e.order_id AND o.status IS NOT NULL)
      GROUP BY status) AS e
LEFT JOIN status AS s ON s.name = e.status ORDER BY e.orders DESC, s.name LIMIT 40;
\t on
SELECT format('(%s more statuses are not shown.)', count(*) - 40) FROM status HAVING count(*) > 40;
\t off
\endif
COMMIT;

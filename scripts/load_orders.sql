-- After demo.sh has copied a CSV file into ecom.orders: ids made of digits only become numbers, other columns go.
\set ON_ERROR_STOP on
SELECT format('ALTER TABLE ecom.orders %s',
              string_agg(format('ALTER %1$I TYPE bigint USING %1$I::bigint', id), ', '))
FROM (SELECT 'order_id' AS id FROM ecom.orders HAVING bool_and(order_id ~ '^(0|-?[1-9][0-9]{0,17})$')
      UNION ALL
      SELECT 'customer_id' FROM ecom.orders HAVING bool_and(customer_id ~ '^(0|-?[1-9][0-9]{0,17})$')) AS numbers
HAVING count(*) > 0 \gexec
SELECT format('ALTER TABLE ecom.orders DROP COLUMN %I', attname)
FROM pg_attribute
WHERE attrelid = 'ecom.orders'::regclass AND attname ~ '^other_[0-9]+$' AND NOT attisdropped \gexec
CREATE INDEX ON ecom.orders (customer_id);
ANALYZE ecom.orders;

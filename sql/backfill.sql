--
-- rfm_backfill(): a range of dates must give what rfm_refresh() gives for each
-- of them, row by row, whatever the model's options; memory bounds; what it
-- refuses; and what happens when it stops halfway.
--
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_rfm_filler, regress_rfm_passerby;
CREATE ROLE regress_rfm_filler;
CREATE ROLE regress_rfm_passerby;
CREATE SCHEMA bf;
RESET client_min_messages;

-- orders around the clock changes of spring 2024, and long before; each
-- invoice has some rows, some of them days apart; some ids are null
CREATE TABLE bf.orders (
    invoice int, customer_id int, created_at timestamptz, total numeric, real_total float8, status text);
SELECT setseed(0.5);
INSERT INTO bf.orders
SELECT CASE WHEN random() < 0.05 THEN NULL ELSE i / 3 END, (80 * random() * random())::int,
       timestamptz '2024-04-15 12:00+00' - random() * random() * interval '150 days',
       CASE WHEN random() < 0.05 THEN NULL ELSE round((random() * 100 - 10)::numeric, (3 * random())::int) END,
       CASE WHEN random() < 0.05 THEN NULL ELSE (random() - 0.3) * 10 ^ (30 * random() - 15) END,
       CASE WHEN random() < 0.1 THEN 'cancelled' ELSE 'paid' END
  FROM generate_series(1, 3000) i;
-- on either side of every midnight, by every clock
INSERT INTO bf.orders
SELECT 10000 + i, i % 20, d + offset_ + m * interval '1 microsecond', 1, 1, 'paid'
  FROM generate_series(timestamptz '2024-03-08+00', '2024-04-08+00', '1 day') WITH ORDINALITY d(d, i),
       unnest(ARRAY[interval '0', '1 hour', '-1 hour', '-2 hours', '4 hours', '5 hours', '-12 hours']) offset_, unnest(ARRAY[-1, 0]) m;
-- without a customer or a time
INSERT INTO bf.orders VALUES (1, NULL, '2024-03-20+00', 5, 5, 'paid'), (1, 3, NULL, 5, 5, 'paid'), (NULL, 1000, '2024-03-20+00', NULL, NULL, 'paid');
CREATE VIEW bf.typed AS
SELECT *, invoice::text COLLATE "C" AS invoice_text, invoice::numeric AS invoice_numeric, created_at::date AS on_date, created_at AT TIME ZONE 'UTC' AS at,
       'cus_' || customer_id AS customer_text, md5(customer_id::text)::uuid AS customer_uuid, customer_id::numeric AS customer_numeric,
       customer_id::int2 AS customer_int2, date '2000-01-01' + customer_id AS customer_date,
       total * 1e17 AS wide_total, (total * 100)::int AS cents, real_total::float4 AS small_total
  FROM bf.orders;

-- two models that differ in their target only: one is backfilled, the other
-- refreshed date by date
CREATE PROCEDURE bf.pair(source text, options text) LANGUAGE plpgsql AS $$
DECLARE side text;
BEGIN
    FOREACH side IN ARRAY '{filled,refreshed}'::text[] LOOP
        IF EXISTS (SELECT FROM rfm_model m WHERE m.model = side) THEN
            PERFORM rfm_drop_model(side, drop_target => true);
        END IF;
        EXECUTE format('SELECT rfm_create_model(%L, %L, %L, %s)', side, source, 'bf.' || side, options);
    END LOOP;
    DELETE FROM rfm_run WHERE model IN ('filled', 'refreshed');
END $$;
-- the rows of a target, but for the times of writing
CREATE FUNCTION bf.rows_of(target text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT (to_jsonb(t) - ''{created_at,updated_at,logs}''::text[])::text FROM bf.%I t', target);
END $$;
CREATE FUNCTION bf.log_of(log_model text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT (to_jsonb(r) - '{run_id,model,phases,started_at,finished_at}'::text[])::text FROM rfm_run r WHERE r.model = log_model
$$;
CREATE FUNCTION bf.compare(OUT dates bigint, OUT "rows" bigint, OUT wrong_rows bigint, OUT wrong_log bigint) LANGUAGE sql AS $$
    SELECT (SELECT count(DISTINCT run_date) FROM rfm_run WHERE model = 'filled'),
           (SELECT count(*) FROM bf.rows_of('filled')),
           (SELECT count(*) FROM (SELECT count(*) FILTER (WHERE s = 1) AS f, count(*) FILTER (WHERE s = 2) AS r
                                    FROM (SELECT 1 AS s, bf.rows_of('filled') AS line UNION ALL SELECT 2, bf.rows_of('refreshed')) x GROUP BY line) y
             WHERE f <> r),
           (SELECT count(*) FROM (SELECT count(*) FILTER (WHERE s = 1) AS f, count(*) FILTER (WHERE s = 2) AS r
                                    FROM (SELECT 1 AS s, bf.log_of('filled') AS line UNION ALL SELECT 2, bf.log_of('refreshed')) x GROUP BY line) y
             WHERE f <> r)
$$;
CREATE PROCEDURE bf.refresh_each(first date, last date) LANGUAGE plpgsql AS $$
BEGIN
    WHILE first <= last LOOP
        PERFORM rfm_refresh(first, 'refreshed');
        first := first + 1;
    END LOOP;
END $$;
\set fill 'CALL rfm_backfill(\'2024-03-10\', \'2024-04-08\', \'filled\'); CALL bf.refresh_each(\'2024-03-10\', \'2024-04-08\'); SELECT * FROM bf.compare();'

--
-- Options: dates, rows, rows that differ, lines of rfm_run that differ
--
\pset tuples_only on
\pset format unaligned
CALL bf.pair('bf.orders', 'filter => $$status <> ''cancelled''$$'); :fill
-- windows that stay within the range, and ones that span it
CALL bf.pair('bf.orders', 'lookback => ''7 days'''); :fill
CALL bf.pair('bf.orders', 'lookback => ''1 month'', order_id => ''invoice'''); :fill
CALL bf.pair('bf.orders', 'lookback => ''45 days'', order_id => ''invoice'''); :fill
CALL bf.pair('bf.orders', 'lookback => ''1 day'', order_id => ''invoice'''); :fill
CALL bf.pair('bf.orders', 'lookback => ''36 hours'''); :fill
CALL bf.pair('bf.orders', 'lookback => ''100000 years'''); :fill
-- order ids of each kind
CALL bf.pair('bf.typed', 'order_id => ''invoice_text'', lookback => ''20 days'''); :fill
CALL bf.pair('bf.typed', 'order_id => ''invoice_numeric'', lookback => ''20 days'''); :fill
CALL bf.pair('bf.orders', 'order_id => ''invoice'''); :fill
-- customers of each kind
CALL bf.pair('bf.typed', 'customer => ''customer_text'''); :fill
CALL bf.pair('bf.typed', 'customer => ''customer_uuid'', lookback => ''5 days'''); :fill
CALL bf.pair('bf.typed', 'customer => ''customer_numeric'', order_id => ''invoice_text'', lookback => ''5 days'''); :fill
CALL bf.pair('bf.typed', 'customer => ''customer_int2'''); :fill
CALL bf.pair('bf.typed', 'customer => ''customer_date'', lookback => ''5 days'''); :fill
-- order times of each kind; clocks that change
CALL bf.pair('bf.typed', 'ordered_at => ''on_date'', lookback => ''30 days'''); :fill
CALL bf.pair('bf.typed', 'ordered_at => ''at'', lookback => ''30 days'''); :fill
CALL bf.pair('bf.orders', 'time_zone => ''Europe/Berlin'', lookback => ''3 days'''); :fill
CALL bf.pair('bf.orders', 'time_zone => ''America/New_York'', lookback => ''30 days'', order_id => ''invoice'''); :fill
CALL bf.pair('bf.orders', 'time_zone => ''Asia/Tokyo'''); :fill
-- amounts of each kind
CALL bf.pair('bf.typed', 'amount => ''wide_total'', lookback => ''7 days'''); :fill
CALL bf.pair('bf.typed', 'amount => ''wide_total'', monetary_above => 1e18'); :fill
CALL bf.pair('bf.typed', 'amount => ''cents'', lookback => ''7 days'''); :fill
CALL bf.pair('bf.orders', 'amount => ''real_total'''); :fill
CALL bf.pair('bf.orders', 'amount => ''real_total'', lookback => ''7 days'''); :fill
CALL bf.pair('bf.typed', 'amount => ''small_total'', lookback => ''7 days'', monetary_above => 0'); :fill
-- methods
CALL bf.pair('bf.orders', 'method => ''rank'', buckets => ''{4,3,10}'', segment_rules => NULL, comment_rules => NULL, lookback => ''20 days'''); :fill
CALL bf.pair('bf.orders', 'method => ''quantile'', monetary_above => 100, segment_rules => ''classic11'', comment_rules => NULL'); :fill
CALL bf.pair('bf.orders', 'method => ''breaks'', buckets => ''{3}'', r_breaks => ''{7,30}'', f_breaks => ''{10,50}'', m_breaks => ''{100,1000}'', segment_rules => NULL, comment_rules => NULL'); :fill
-- targets
CALL bf.pair('bf.orders', 'partition_by => ''month'', retention => ''20 days'''); :fill
CALL bf.pair('bf.orders', 'keep_stale => true, lookback => ''3 days'', as_of => ''latest_order''');
INSERT INTO bf.filled (run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score)
SELECT '2024-03-20', 5000 + i, 1, 1, 1, 1, 1, 1, 3 FROM generate_series(1, 5) i;
INSERT INTO bf.refreshed SELECT * FROM bf.filled;
:fill

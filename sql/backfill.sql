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
-- less where memory is watched, which takes a hundred times as long
\set orders `test -n "$RFM_SMALL" && echo 500 || echo 3000`
\set from_day `test -n "$RFM_SMALL" && echo 2024-03-27 || echo 2024-03-10`
\set to_day `test -n "$RFM_SMALL" && echo 2024-04-02 || echo 2024-04-08`
-- the same on every server
CREATE FUNCTION bf.dice(i int, k int) RETURNS float8 IMMUTABLE LANGUAGE sql AS $$
    SELECT (hashint8extended(i, k) & 1073741823) / 1073741824.0
$$;
INSERT INTO bf.orders
SELECT CASE WHEN bf.dice(i, 1) < 0.05 THEN NULL ELSE i / 3 END, (80 * bf.dice(i, 2) * bf.dice(i, 3))::int,
       timestamptz '2024-04-15 12:00+00' - bf.dice(i, 4) * bf.dice(i, 5) * interval '150 days',
       CASE WHEN bf.dice(i, 6) < 0.05 THEN NULL ELSE round((bf.dice(i, 7) * 100 - 10)::numeric, (3 * bf.dice(i, 8))::int) END,
       CASE WHEN bf.dice(i, 9) < 0.05 THEN NULL ELSE (bf.dice(i, 10) - 0.3) * 10 ^ (30 * bf.dice(i, 11) - 15) END,
       CASE WHEN bf.dice(i, 12) < 0.1 THEN 'cancelled' ELSE 'paid' END
  FROM generate_series(1, :orders) i;
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
    SELECT (to_jsonb(r) - '{run_id,model_id,model,spilled,memory,phases,started_at,finished_at,backfill}'::text[])::text FROM rfm_run r WHERE r.model = log_model
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
\set fill 'CALL rfm_backfill(:\'from_day\', :\'to_day\', \'filled\'); CALL bf.refresh_each(:\'from_day\', :\'to_day\'); SELECT * FROM bf.compare();'

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
-- rows that come from parallel workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CALL bf.pair('bf.typed', 'customer => ''customer_text'', order_id => ''invoice_text'', amount => ''wide_total'', lookback => ''7 days'''); :fill
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
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

--
-- One reading: the filter tells when it comes past a certain row
--
CREATE FUNCTION bf.seen(customer int) RETURNS bool STABLE LANGUAGE plpgsql AS $$
BEGIN
    IF customer = 1000 THEN
        RAISE NOTICE 'the orders are read';
    END IF;
    RETURN true;
END $$;
CALL bf.pair('bf.orders', 'filter => ''bf.seen(customer_id)'', lookback => ''7 days''');
\set first 'CALL rfm_backfill(\'2024-03-20\', \'2024-03-23\', \'filled\')'
\set count 'SELECT run_date, customers, inserted, updated, deleted, unchanged FROM rfm_run WHERE model = \'filled\' ORDER BY run_id DESC LIMIT '
:first;
:count 4;
-- complete: called again, it looks at every date again, and finds nothing to write
:first;
:count 4;

--
-- Less memory: fewer dates from one reading; the same rows
--
INSERT INTO bf.orders SELECT NULL, i % 150, timestamptz '2024-03-20+00' + i * interval '7 minutes', 1, 1, 'paid' FROM generate_series(1, 2400) i;
CALL bf.pair('bf.orders', 'filter => ''bf.seen(customer_id)''');
SET rfm.work_mem = '128kB';
CALL rfm_backfill('2024-03-20', '2024-03-31', 'filled');
RESET rfm.work_mem;
SET client_min_messages = warning;
CALL bf.refresh_each('2024-03-20', '2024-03-31');
SELECT * FROM bf.compare();
RESET client_min_messages;
-- not even the customers fit
CREATE VIEW bf.many AS SELECT customer_id, created_at, total FROM bf.orders WHERE customer_id <> 1000
 UNION ALL SELECT 10000 + i, '2024-01-01', i FROM generate_series(1, 2000) i;
CALL bf.pair('bf.many', 'filter => ''true''');
SET rfm.work_mem = '64kB';
CALL rfm_backfill('2024-03-20', '2024-03-22', 'filled');
CALL bf.refresh_each('2024-03-20', '2024-03-22');
RESET rfm.work_mem;
SELECT * FROM bf.compare();
-- equal keys that are not written the same: which one a snapshot has depends on its date
CREATE TABLE bf.scaled (customer_id numeric, created_at date, total int);
INSERT INTO bf.scaled VALUES (1.00, '2024-03-01', 5), (1.0, '2024-03-21', 5), (2.0, '2024-03-20', 5), (2.0, '2024-03-22', 5), (2.00, '2024-03-22', 5);
CALL bf.pair('bf.scaled', 'lookback => ''2 days''');
CALL rfm_backfill('2024-03-20', '2024-03-23', 'filled');
CALL bf.refresh_each('2024-03-20', '2024-03-23');
SELECT * FROM bf.compare();
SELECT run_date, customer_id FROM bf.filled ORDER BY 1, 2;
-- no orders at all, then some
CALL bf.pair('bf.scaled', 'filter => ''customer_id = 2''');
CALL rfm_backfill('2024-03-18', '2024-03-20', 'filled');
CALL bf.refresh_each('2024-03-18', '2024-03-20');
SELECT * FROM bf.compare();

--
-- A date that fails: the ones before it stay; called again, it goes on there
--
INSERT INTO bf.orders VALUES (1, 7, '2024-03-25 12:00+00', 'NaN', 1, 'paid'), (1, 8, '-infinity', 1, 1, 'paid'), (1, 8, 'infinity', 1, 1, 'paid');
CALL bf.pair('bf.orders', 'lookback => ''30 days'', filter => ''bf.seen(customer_id)''');
\set all 'CALL rfm_backfill(\'2024-03-22\', \'2024-03-28\', \'filled\')'
:all;
SELECT max(run_date) FROM bf.filled;
-- still there: it goes on with that date, and fails again
:all;
UPDATE bf.orders SET total = 5 WHERE total = 'NaN';
:all;
SELECT run_date, count(*) FROM rfm_run WHERE model = 'filled' GROUP BY 1 ORDER BY 1;
CALL bf.refresh_each('2024-03-22', '2024-03-28');
SELECT (SELECT count(*) FROM bf.rows_of('filled')) > 0, count(*) FROM (SELECT bf.rows_of('filled') EXCEPT ALL SELECT bf.rows_of('refreshed')) x;
SELECT count(*) FROM (SELECT bf.rows_of('refreshed') EXCEPT ALL SELECT bf.rows_of('filled')) x;
-- it does not go on where the range, the model or its rules are others, or the rows are gone
\set stop 'UPDATE bf.orders SET total = \'NaN\' WHERE total = 5 AND customer_id = 7 AND created_at = \'2024-03-25 12:00+00\';'
\set mend 'UPDATE bf.orders SET total = 5 WHERE total = \'NaN\';'
SET client_min_messages = warning;
SELECT rfm_copy_ruleset('sum5', 'bf_rules');
CALL bf.pair('bf.orders', 'segment_rules => ''bf_rules''');
\set VERBOSITY terse
:stop :all; :mend
DELETE FROM rfm_run WHERE model = 'filled' AND run_date < '2024-03-24';
CALL rfm_backfill('2024-03-22', '2024-03-27', 'filled');
SELECT min(run_date), count(*) FROM rfm_run WHERE model = 'filled' AND run_date < '2024-03-25';
:stop :all; :mend
DELETE FROM rfm_run WHERE model = 'filled' AND run_date < '2024-03-24';
UPDATE rfm_model SET lookback = '40 days' WHERE model = 'filled';
:all;
SELECT min(run_date) FROM rfm_run WHERE model = 'filled';
:stop :all; :mend
DELETE FROM rfm_run WHERE model = 'filled' AND run_date < '2024-03-24';
UPDATE rfm_segment_rule SET label = 'Best Customers' WHERE ruleset = 'bf_rules' AND label = 'Loyal Customers';
:all;
SELECT min(run_date) FROM rfm_run WHERE model = 'filled';
:stop :all; :mend
DELETE FROM rfm_run WHERE model = 'filled' AND run_date < '2024-03-24';
TRUNCATE bf.filled;
:all;
SELECT min(run_date) FROM bf.filled;
\set VERBOSITY default
RESET client_min_messages;

--
-- What it refuses
--
\pset tuples_only off
CALL rfm_backfill(NULL, '2024-03-28', 'filled');
CALL rfm_backfill('2024-03-28', NULL, 'filled');
CALL rfm_backfill('2024-03-28', '2024-03-29', NULL);
CALL rfm_backfill('2024-03-28', '2024-03-27', 'filled');
CALL rfm_backfill('-infinity', '2024-03-27', 'filled');
CALL rfm_backfill('2024-03-27', 'infinity', 'filled');
CALL rfm_backfill('2024-03-27', '5874897-12-31', 'filled');
CALL rfm_backfill('2024-03-27', '2024-03-28', 'nobody');
BEGIN;
CALL rfm_backfill('2024-03-27', '2024-03-28', 'filled');
ROLLBACK;
DO $$ BEGIN CALL rfm_backfill('2024-03-27', '2024-03-28', 'filled'); EXCEPTION WHEN division_by_zero THEN END $$;
SET default_transaction_read_only = on;
CALL rfm_backfill('2024-03-27', '2024-03-28', 'filled');
RESET default_transaction_read_only;
SET ROLE regress_rfm_passerby;
CALL rfm_backfill('2024-03-27', '2024-03-28', 'filled');
RESET ROLE;
-- a target without dates: only one of them
CALL bf.pair('bf.orders', 'target_columns => ''{"run_date": null}''');
CALL rfm_backfill('2024-03-27', '2024-03-28', 'filled');
CALL rfm_backfill('2024-03-27', '2024-03-27', 'filled');
SELECT count(*) > 0 FROM bf.filled;
-- it works from a block that catches nothing, and as a model's owner
GRANT USAGE, CREATE ON SCHEMA bf TO regress_rfm_filler;
GRANT SELECT ON bf.orders TO regress_rfm_filler;
SET ROLE regress_rfm_filler;
SELECT rfm_create_model('own', 'bf.orders', 'bf.own', filter => 'created_at > ''2024-01-01''');
DO $$ BEGIN CALL rfm_backfill('2024-03-27', '2024-03-29', 'own'); END $$;
SELECT run_date, count(*) > 0 AS rows, count(DISTINCT updated_at) FROM bf.own GROUP BY 1 ORDER BY 1;
RESET ROLE;
SELECT count(DISTINCT updated_at) AS transactions FROM bf.own;

SET client_min_messages = warning;
SELECT rfm_drop_model(model, drop_target => true) FROM rfm_model WHERE model IN ('filled', 'refreshed', 'own') ORDER BY model;
DELETE FROM rfm_run WHERE model IN ('filled', 'refreshed', 'own');
SELECT rfm_drop_ruleset('bf_rules');
DROP SCHEMA bf CASCADE;
DROP ROLE regress_rfm_filler, regress_rfm_passerby;

--
-- Forecasts of one group, and of all of them together
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET rfm.latest_view = off;
CREATE SCHEMA gf;
-- customers who buy at rates of their own, who lapse, in a shop, some in several; refunds; orders of no shop
CREATE TABLE gf.orders (shop text, customer_id int, created_at timestamptz, total numeric(12,2), kind text);
INSERT INTO gf.orders
SELECT CASE WHEN c % 50 = 0 THEN NULL WHEN c % 3 = 0 THEN 'A' WHEN c % 3 = 1 THEN 'B b' ELSE 'c' || c % 2 END, c % 1500,
       timestamptz '2022-05-01 23:30+00' + (c % 300) * interval '1 day' + n * (5 + (hashint4extended(c, 1) & 63)) * interval '1 day 30 minutes',
       round(((hashint4extended(c, 2) & 1023) + 20 + (hashint4extended(c * 100 + n, 3) & 255)) / 10.0, 2), CASE WHEN n > 0 AND hashint4extended(c * 100 + n, 4) & 31 = 0 THEN 'refund' ELSE 'order' END
  FROM generate_series(1, 2600) AS c, generate_series(0, 12) AS n
 WHERE n = 0 OR n <= (hashint4extended(c, 5) & 15) * (hashint4extended(c, 6) & 15) / 16 - 2;
UPDATE gf.orders SET total = -total / 3 WHERE kind = 'refund';
INSERT INTO gf.orders VALUES ('one', 5, '2023-04-01', 10, 'order');
ANALYZE gf.orders;
SELECT rfm_create_model('all', 'gf.orders', 'gf.all', order_count => 'kind = ''order''', score_within => 'shop');
SELECT count(rfm_create_model('only ' || shop, 'gf.orders', format('gf.%I', 'only ' || shop), order_count => 'kind = ''order''', filter => format('shop = %L', shop)))
  FROM (SELECT DISTINCT shop FROM gf.orders WHERE shop IS NOT NULL) AS s;
-- a pair as a customer
SELECT rfm_create_model('pairs', 'gf.orders', 'gf.pairs', customer => 'shop || ''/'' || customer_id', order_count => 'kind = ''order''');
SELECT count(rfm_refresh(day, model)) FROM unnest('{2023-06-30,2023-12-31}'::date[]) AS day, rfm_model WHERE target::text LIKE 'gf.%';

\set schema gf
\getenv top PG_ABS_SRCDIR
\set shared :top '/sql/shared/compare.sql'
\i :shared

-- the days of each customer in each group, in plain SQL; by every way of reading, and past the bound of memory
CREATE VIEW gf.days AS
SELECT shop, customer_id::text AS customer, (created_at AT TIME ZONE 'UTC')::date AS day, total, kind = 'order' AS bought FROM gf.orders WHERE shop IS NOT NULL AND created_at < '2024-01-01+0';
CREATE VIEW gf.summary AS
SELECT d.customer, f.days - 1 AS frequency, f.last - f.first AS recency, date '2023-12-31' - f.first AS t,
       CASE WHEN f.days = 1 THEN 0 ELSE round(coalesce(sum(d.total) FILTER (WHERE d.day > f.first), 0) / (f.days - 1), 9) END AS money, d.shop
  FROM gf.days AS d JOIN (SELECT shop, customer, min(day) AS first, max(day) AS last, count(DISTINCT day) AS days FROM gf.days WHERE bought GROUP BY 1, 2) AS f USING (shop, customer)
 GROUP BY d.shop, d.customer, f.days, f.first, f.last;
CREATE FUNCTION gf.try(OUT shop text, OUT found bool, OUT differences bigint) RETURNS SETOF record LANGUAGE sql AS
$$ SELECT s.shop, d.rows > 0, d.differences FROM (VALUES (NULL), ('A'), ('B b'), ('one'), ('nowhere')) AS s(shop),
        gf.differences(format('SELECT customer, frequency, recency, t, round(monetary_value, 9), score_group FROM rfm_repeat_summary(''2023-12-31'', ''all'', %L)', s.shop),
                       format('SELECT * FROM gf.summary WHERE shop = coalesce(%L, shop)', s.shop)) AS d $$;
SELECT * FROM gf.try();
SET rfm.work_mem = '64kB';
SELECT * FROM gf.try() WHERE differences > 0;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET rfm.max_workers = 2;
SELECT * FROM gf.try() WHERE differences > 0;
RESET rfm.work_mem;
SELECT * FROM gf.try() WHERE differences > 0;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET rfm.max_workers;

-- a group is what a model with a filter is, to the last bit: all columns but those that name the model or the group
CREATE FUNCTION gf.same_in_both(shop text, call text, OUT rows bigint, OUT differences bigint) LANGUAGE sql AS
$$ SELECT d.* FROM gf.differences(format('SELECT to_jsonb(c) - ''{score_group,model,model_id,fit_id,fitted_at}''::text[] FROM %s AS c', format(call, 'all', format(', score_group => %L', shop))),
                                  format('SELECT to_jsonb(c) - ''{score_group,model,model_id,fit_id,fitted_at}''::text[] FROM %s AS c', format(call, 'only ' || shop, ''))) AS d $$;
SELECT shop, call, d.rows, d.differences
  FROM (VALUES ('A'), ('B b')) AS s(shop),
       unnest(ARRAY['rfm_forecast(''2023-06-30'', %L%s)', 'rfm_forecast_fit(''2023-12-31'', %L%s)', 'rfm_forecast(NULL, %L, discount => 0.1%s)',
                    'rfm_forecast(''2023-12-31'', %L, ''90 days''%s)', 'rfm_forecast(''2023-12-31'', %L, one_customer => ''301''%s)', 'rfm_forecast(''2023-12-31'', %L, one_customer => ''303''%s)', 'rfm_forecast_summary(NULL, %L%s)', 'rfm_forecast_summary(NULL, %L, by => ''comment''%s)',
                    'rfm_forecast_backtest(''2023-06-30'', ''2023-12-31'', %L%s)']) AS call,
       gf.same_in_both(shop, call) AS d;
-- one fit of a group, family and date is kept
SELECT (rfm_forecast_fit('2023-12-31', 'all', score_group => 'A')).score_group AS again;
SELECT score_group, family, run_date, count(*) FROM rfm_forecast_parameters WHERE model = 'all' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- all together, a customer is one in each group, as where the pair is the customer
CREATE FUNCTION gf.as_pairs(call text, OUT rows bigint, OUT differences bigint) LANGUAGE sql AS
$$ SELECT d.* FROM gf.differences(format('SELECT to_jsonb(c) - ''{score_group,model,model_id,fit_id,fitted_at}''::text[] || CASE WHEN to_jsonb(c) ? ''customer'' THEN jsonb_build_object(''customer'', score_group || ''/'' || (to_jsonb(c) ->> ''customer'')) ELSE ''{}'' END FROM %s AS c', format(call, 'all')),
                                  format('SELECT to_jsonb(c) - ''{score_group,model,model_id,fit_id,fitted_at}''::text[] FROM %s AS c', format(call, 'pairs'))) AS d $$;
SELECT call, d.rows, d.differences
  FROM unnest(ARRAY['rfm_forecast_fit(''2023-12-31'', %L)', 'rfm_forecast(''2023-12-31'', %L)']) AS call, gf.as_pairs(call) AS d;
SELECT score_group IS NULL AS of_all, customers = (SELECT count(*) FROM gf.summary) AS customers FROM rfm_forecast_parameters WHERE model = 'all' AND score_group IS NULL;
SELECT part, d.rows > 0 AS some, d.differences
  FROM (VALUES ('all'), ('decile')) AS p(part),
       gf.differences(format('SELECT * FROM rfm_forecast_backtest(''2023-06-30'', ''2023-12-31'', ''all'') WHERE part = %L', part), format('SELECT * FROM rfm_forecast_backtest(''2023-06-30'', ''2023-12-31'', ''pairs'') WHERE part = %L', part)) AS d;
-- the summary adds up what its rows say, by segment of each group's own scores, or by group
SELECT by, d.rows, d.differences
  FROM (VALUES ('segment', 't.rfm_segment'), ('group', 't.score_group')) AS b(by, label),
       gf.differences(format('SELECT segment, customers, still_customers, expected_orders FROM rfm_forecast_summary(''2023-12-31'', ''all'', by => %L)', by),
                      format('SELECT %s, count(*), round(sum(p_alive)::numeric, 1), round(sum(expected_orders)::numeric, 1) FROM rfm_forecast(''2023-12-31'', ''all'') AS f LEFT JOIN (SELECT * FROM gf.all WHERE run_date = ''2023-12-31'') AS t ON t.customer_id::text = f.customer AND t.score_group = f.score_group GROUP BY 1', label)) AS d;
-- where the target writes numbers in another way, their labels are found
CREATE TABLE gf.decimal (LIKE gf.all INCLUDING ALL);
ALTER TABLE gf.decimal ALTER customer_id TYPE numeric(9,2);
SELECT rfm_create_model('decimal', 'gf.orders', 'gf.decimal', order_count => 'kind = ''order''', score_within => 'shop');
SELECT rfm_refresh('2023-12-31', 'decimal') > 0 AS refreshed;
SELECT shop, count(*) > 3 AS several, count(*) FILTER (WHERE segment IS NULL) AS without FROM unnest('{A,NULL}'::text[]) AS shop, rfm_forecast_summary('2023-12-31', 'decimal', score_group => shop) GROUP BY 1;
-- a customer in each of their groups
SELECT count(*) > 1 AS several, count(DISTINCT score_group) = count(*) AS of_each, bool_and(p_alive BETWEEN 0 AND 1) AS sensible
  FROM rfm_forecast('2023-12-31', 'all', one_customer => (SELECT customer_id::text FROM gf.all WHERE run_date = '2023-12-31' GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1));

-- a number is a group however it is written
SELECT rfm_create_model('numbered', 'gf.orders', 'gf.numbered', score_within => 'length(shop)');
SELECT score_group FROM rfm_forecast_fit('2023-12-31', 'numbered', score_group => ' +03');
SELECT count(*) > 100 AS found, min(score_group) AS first, max(score_group) AS last FROM rfm_forecast('2023-12-31', 'numbered', score_group => '3');

-- in the target: a group's own parameters where some are stored, else those of all groups together
SELECT rfm_create_model('kept', 'gf.orders', 'gf.kept', order_count => 'kind = ''order''', score_within => 'shop', target_columns => '{"p_alive": "p_alive", "expected_orders": "expected_orders", "expected_revenue": "expected_revenue"}');
SELECT (rfm_forecast_fit('2023-06-30', 'kept', score_group => 'A')).score_group, rfm_refresh('2023-12-31', 'kept') > 0 AS refreshed;
SELECT string_agg(DISTINCT score_group, ', ') AS with_a_forecast FROM gf.kept WHERE p_alive IS NOT NULL;
SELECT (rfm_forecast_fit('2023-12-31', 'kept', score_group => 'B b')).score_group, (rfm_forecast_fit('2023-12-31', 'kept')).score_group AS of_all, rfm_refresh('2023-12-31', 'kept') > 0 AS refreshed;
SELECT shop, d.rows > 0 AS some, d.differences
  FROM (VALUES ('A', ', score_group => ''A'''), ('B b', ', score_group => ''B b'''), ('c0', ''), ('c1', '')) AS s(shop, which),
       gf.differences(format('SELECT score_group, customer_id::text, p_alive, expected_orders, expected_revenue FROM gf.kept WHERE score_group = %L', shop),
                      format('SELECT score_group, customer, p_alive, expected_orders, expected_revenue FROM rfm_forecast(''2023-12-31'', ''kept''%s) WHERE score_group = %L', which, shop)) AS d;

-- only the orders of the group are read: one of another that cannot be summed does no harm
INSERT INTO gf.orders VALUES ('B b', 1, '2023-01-01', 'NaN', 'order');
SELECT count(*) > 0 AS tested FROM rfm_forecast_backtest('2023-06-30', '2023-12-31', 'all', score_group => 'A');
SELECT count(*) FROM rfm_forecast_backtest('2023-06-30', '2023-12-31', 'all');
DELETE FROM gf.orders WHERE total = 'NaN';

-- what is refused, or cannot be had
SELECT * FROM rfm_forecast('2023-12-31', 'numbered', score_group => 'three');
SELECT * FROM rfm_repeat_summary('2023-12-31', 'only A', 'A');
SELECT rfm_forecast_fit('2023-12-31', 'all', score_group => 'one');
SELECT * FROM rfm_forecast('2023-12-31', 'all', one_customer => '5', score_group => 'c1');
SELECT * FROM rfm_forecast_summary('2023-12-31', 'only A', score_group => 'A');

SELECT count(rfm_drop_model(model)) FROM rfm_model WHERE target::text LIKE 'gf.%';
SELECT count(*) FROM rfm_forecast_parameters WHERE model = 'all';
RESET rfm.latest_view;
DROP SCHEMA gf CASCADE;
RESET client_min_messages;

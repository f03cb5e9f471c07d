--
-- Forecasts: the summary against plain SQL over a shop with everything in it,
-- parameters that are kept, who may do what, and what is refused.
--
\set SHOW_CONTEXT never
\set VERBOSITY default
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA fc;

-- customers who come with rates of their own and are lost one after another
CREATE TABLE fc.orders (order_id int, customer_id int, created_at timestamptz, total numeric, real_total float8, status text);
INSERT INTO fc.orders
SELECT c * 100 + n, c, timestamptz '2024-01-01 23:30+00' + (c % 300) * interval '1 day' + n * (5 + (hashint4extended(c, 1) & 63)) * interval '1 day 30 minutes',
       round(((hashint4extended(c, 2) & 1023) + 20 + (hashint4extended(c * 100 + n, 3) & 255)) / 10.0, 2), ((hashint4extended(c * 100 + n, 3) & 255) + 20) / 10.0,
       CASE WHEN hashint4extended(c * 100 + n, 4) & 15 = 0 THEN 'cancelled' END
  FROM generate_series(1, 600) AS c, generate_series(0, 12) AS n
 WHERE n = 0 OR n <= (hashint4extended(c, 5) & 15) * (hashint4extended(c, 6) & 15) / 16 - 2;
-- two on one day, one without an amount
INSERT INTO fc.orders SELECT order_id + 50, customer_id, created_at + interval '1 minute', total + 1, 0.1, NULL FROM fc.orders WHERE order_id % 7 = 0;
UPDATE fc.orders SET total = NULL WHERE order_id % 41 = 0;

SELECT rfm_create_model('fc', 'fc.orders', 'fc.scores', filter => 'status IS DISTINCT FROM ''cancelled''', time_zone => 'Asia/Tokyo', lookback => '60 days');
SELECT rfm_create_model('fc_id', 'fc.orders', 'fc.id_scores', order_id => 'nullif(order_id % 5, 0)', time_zone => 'America/New_York');
SELECT rfm_create_model('fc_real', 'fc.orders', 'fc.real_scores', customer => '''c'' || customer_id', amount => 'real_total', time_zone => 'UTC');

-- rows that are no orders: money, and no visit
SELECT rfm_create_model('fc_refund', 'fc.orders', 'fc.refund_scores', order_count => 'order_id % 3 > 0', time_zone => 'UTC');

CREATE FUNCTION fc.plain(customer text, zone text, amount text, visit text, upto date) RETURNS SETOF record LANGUAGE plpgsql AS
$$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH day AS (SELECT %1$s AS customer, (created_at AT TIME ZONE %2$L)::date AS day, sum(%3$s) AS total, bool_or(%4$s) AS visit
                       FROM fc.orders WHERE (created_at AT TIME ZONE %2$L)::date <= %5$L AND (status IS DISTINCT FROM 'cancelled' OR %2$L <> 'Asia/Tokyo') GROUP BY 1, 2),
             first AS (SELECT customer, min(day) AS first, max(day) AS last, count(*) AS days FROM day WHERE visit GROUP BY customer)
        SELECT customer::text, days - 1, last - first, %5$L - first, round(CASE WHEN days > 1 THEN coalesce(sum(total) FILTER (WHERE day > first), 0)::numeric / (days - 1) ELSE 0 END, 6)
          FROM first JOIN day USING (customer) GROUP BY customer, days, first, last $q$, customer, zone, amount, visit, upto);
END
$$;
SELECT model, upto, (SELECT count(*) FROM rfm_repeat_summary(upto, model)) AS customers,
       (SELECT count(*) FROM (SELECT customer, frequency, recency, t, round(monetary_value, 6) FROM rfm_repeat_summary(upto, model)
                              EXCEPT ALL SELECT * FROM fc.plain(c, zone, amount, visit, upto) AS p(a text, b int8, c int4, d int4, e numeric)) AS d) AS differences,
       (SELECT count(*) FROM (SELECT * FROM fc.plain(c, zone, amount, visit, upto) AS p(a text, b int8, c int4, d int4, e numeric)
                              EXCEPT ALL SELECT customer, frequency, recency, t, round(monetary_value, 6) FROM rfm_repeat_summary(upto, model)) AS d) AS and_back
  FROM (VALUES ('fc', 'customer_id', 'Asia/Tokyo', 'total', 'true'), ('fc_id', 'customer_id', 'America/New_York', 'total', 'order_id % 5 <> 0'),
               ('fc_refund', 'customer_id', 'UTC', 'total', 'order_id % 3 > 0'), ('fc_real', '''c'' || customer_id', 'UTC', 'real_total', 'true')) AS given(model, c, zone, amount, visit),
       (VALUES (date '2024-12-31'), ('2024-05-01')) AS date(upto) ORDER BY 1, 2;

-- parameters are kept, once for a model, a family and a date; the newest up to the date are used
SELECT (f).run_date, (f).family, (f).customers, (f).repeat_customers, (f).spending FROM (SELECT rfm_forecast_fit('2024-12-31', 'fc_real') AS f) AS fits;
SELECT (f).run_date FROM (SELECT rfm_forecast_fit('2024-12-31', 'fc_real') AS f) AS fits;
SELECT (f).run_date FROM (SELECT rfm_forecast_fit('2024-10-01', 'fc_real') AS f) AS fits;
SELECT model, run_date, family, fit_id = max(fit_id) OVER () AS newest FROM rfm_forecast_parameters ORDER BY fit_id;
UPDATE rfm_forecast_parameters SET params = params || '{"p": 6, "q": 4, "v": 5}' WHERE run_date = '2024-12-31';
UPDATE rfm_forecast_parameters SET params = params - 'p' - 'q' - 'v' WHERE run_date = '2024-10-01';
SELECT run_date, count(*) AS customers, count(expected_revenue) AS with_revenue, bool_and(p_alive BETWEEN 0 AND 1) AS alive, bool_and(expected_orders >= 0) AS orders
  FROM (VALUES (date '2024-11-01'), ('2024-12-31'), ('2025-06-30')) AS d(run_date), rfm_forecast(run_date, 'fc_real') GROUP BY run_date ORDER BY run_date;
-- one customer is one of all
SELECT count(*) AS customers, count(*) FILTER (WHERE one IS DISTINCT FROM f) AS differences
  FROM rfm_forecast('2025-01-31', 'fc_real') AS f, rfm_forecast('2025-01-31', 'fc_real', one_customer => f.customer) AS one WHERE f.customer LIKE 'c1_';
SELECT * FROM rfm_forecast('2025-01-31', 'fc_real', one_customer => 'nobody');
-- none are kept up to that date: fitted now, and not kept
SELECT count(*) AS customers FROM rfm_forecast('2024-09-01', 'fc_real');
SELECT count(*) FROM rfm_forecast_parameters;

--
-- By segment, and looking back
--
SELECT rfm_refresh('2024-12-31', 'fc_real');
CREATE TABLE fc.forecast AS SELECT * FROM rfm_forecast('2024-12-31', 'fc_real', '6 months', 0.1);
CREATE TABLE fc.by_segment AS SELECT * FROM rfm_forecast_summary(model => 'fc_real', horizon => '6 months', discount => 0.1);
SELECT count(*) > 3 AS segments, sum(customers) AS customers, round(sum(revenue_share), 2) AS revenue FROM fc.by_segment;
SELECT count(*) AS differences
  FROM fc.by_segment FULL JOIN (SELECT rfm_segment AS segment, count(*) AS c, sum(p_alive) AS a, sum(expected_orders) AS o, sum(expected_revenue) AS r
                                  FROM fc.forecast LEFT JOIN fc.real_scores ON run_date = '2024-12-31' AND customer_id = customer GROUP BY rfm_segment) AS plain USING (segment)
 WHERE (customers = c AND abs(still_customers::float8 - a) < 0.051 AND abs(expected_orders::float8 - o) < 0.051 AND abs(expected_revenue::float8 - r) < 0.0051) IS NOT TRUE;
SELECT sum(customers) FROM rfm_forecast_summary(model => 'fc_real', by => 'comment');
SELECT * FROM rfm_forecast_summary('2024-12-30', 'fc_real');

-- against the same in plain SQL: fitted to what was known then, whatever is kept
UPDATE rfm_forecast_parameters SET params = params || '{"r": 77}';
CREATE TABLE fc.backtest AS SELECT * FROM rfm_forecast_backtest('2024-09-30', '2024-12-31', 'fc_real');
DELETE FROM rfm_forecast_parameters;
CREATE TABLE fc.then AS SELECT f.*, rfm_segment AS segment, rfm_score, p.monetary_value AS spent FROM rfm_forecast('2024-09-30', 'fc_real', '92 days') AS f LEFT JOIN rfm_preview('2024-09-30', 'fc_real') AS p ON customer_id = customer;
CREATE TABLE fc.came AS
SELECT t.*, coalesce(o.days, 0) AS days, coalesce(o.revenue, 0) AS revenue, ntile(10) OVER (ORDER BY coalesce(expected_revenue, expected_orders) DESC, t.customer COLLATE "C") AS decile,
       ntile(10) OVER (ORDER BY rfm_score DESC, spent DESC, t.customer COLLATE "C") AS tenth
  FROM fc.then AS t LEFT JOIN (SELECT 'c' || customer_id AS customer, count(DISTINCT (created_at AT TIME ZONE 'UTC')::date) AS days, sum(real_total::numeric) AS revenue
                                 FROM fc.orders WHERE (created_at AT TIME ZONE 'UTC')::date BETWEEN '2024-10-01' AND '2024-12-31' GROUP BY 1) AS o USING (customer);
SELECT part, count(*) > 1 AS several, sum(customers) AS customers, sum(actual_orders) AS orders FROM fc.backtest WHERE part <> 'best tenth' GROUP BY part ORDER BY part;
SELECT count(*) AS differences
  FROM fc.backtest AS b FULL JOIN (SELECT 'all' AS part, '' AS label, c.* FROM fc.came AS c UNION ALL SELECT 'segment', segment, c.* FROM fc.came AS c UNION ALL SELECT 'decile', decile::text, c.* FROM fc.came AS c
                                   UNION ALL SELECT 'best tenth', 'forecast', c.* FROM fc.came AS c WHERE decile = 1 UNION ALL SELECT 'best tenth', 'r + f + m', c.* FROM fc.came AS c WHERE tenth = 1) AS c
       ON b.part = c.part AND coalesce(b.label, '') = c.label
 GROUP BY b.part, c.part, b.label, c.label, b.customers, b.expected_orders, b.actual_orders, b.actual_revenue, b.revenue_share
HAVING (count(*) = b.customers AND abs(sum(c.expected_orders)::numeric - b.expected_orders) < 0.051 AND sum(c.days) = b.actual_orders AND abs(sum(c.revenue) - b.actual_revenue) < 0.001
        AND abs(sum(c.revenue) / (SELECT sum(revenue) FROM fc.came) - b.revenue_share) < 0.0001) IS NOT TRUE;
SELECT * FROM rfm_forecast_backtest('2024-12-31', '2024-12-31', 'fc_real');
SELECT * FROM rfm_forecast_backtest('2024-12-31', NULL, 'fc_real');

--
-- Who may do what
--
DROP ROLE IF EXISTS regress_rfm_fc_owner, regress_rfm_fc_other, regress_rfm_fc_reader;
CREATE ROLE regress_rfm_fc_owner;
CREATE ROLE regress_rfm_fc_other;
CREATE ROLE regress_rfm_fc_reader;
CREATE SCHEMA fc_owner AUTHORIZATION regress_rfm_fc_owner;
GRANT USAGE ON SCHEMA fc_owner TO PUBLIC;
GRANT USAGE ON SCHEMA fc TO regress_rfm_fc_owner;
SET ROLE regress_rfm_fc_owner;
-- the view runs as whoever asks, and says who that is
CREATE TABLE fc_owner.orders (customer_id int, created_at date, total numeric);
CREATE VIEW fc_owner.seen AS SELECT * FROM fc_owner.orders WHERE current_user = 'regress_rfm_fc_owner';
RESET ROLE;
INSERT INTO fc_owner.orders SELECT customer_id, created_at, total FROM fc.orders;
SET ROLE regress_rfm_fc_owner;
SELECT rfm_create_model('fc_owner', 'fc_owner.seen', 'fc_owner.scores');
GRANT SELECT ON fc_owner.scores TO regress_rfm_fc_reader;
SELECT (f).customers FROM (SELECT rfm_forecast_fit('2024-12-31', 'fc_owner') AS f) AS fits;
SELECT model FROM rfm_forecast_parameters;
SELECT rfm_refresh('2024-12-31', 'fc_owner');
RESET ROLE;
SELECT count(*) FROM rfm_forecast('2024-12-31', 'fc_owner');
SET ROLE regress_rfm_fc_other;
SELECT model FROM rfm_forecast_parameters;
SELECT * FROM rfm_repeat_summary('2024-12-31', 'fc_owner');
SELECT * FROM rfm_forecast('2024-12-31', 'fc_owner');
SELECT * FROM rfm_forecast('2024-12-31', 'fc_owner', one_customer => '1');
SELECT rfm_forecast_fit('2024-12-31', 'fc_owner');
SELECT * FROM rfm_internal.visits('2024-12-01', '2024-12-31', 'fc_owner');
SELECT * FROM rfm_internal.forecast_anew('2024-12-31', 'fc_owner', 30, 'mbg/nbd', NULL);
SELECT * FROM rfm_forecast_backtest('2024-09-30', '2024-12-31', 'fc_owner');
SELECT * FROM rfm_forecast_summary('2024-12-31', 'fc_owner');
DELETE FROM rfm_forecast_parameters;
SET ROLE regress_rfm_fc_reader;
SELECT * FROM rfm_repeat_summary('2024-12-31', 'fc_owner');
SELECT * FROM rfm_forecast_summary(model => 'fc_owner');
RESET ROLE;
BEGIN READ ONLY;
SELECT rfm_forecast_fit('2024-12-31', 'fc');
ROLLBACK;

--
-- What is refused
--
SELECT count(*) FROM rfm_forecast('2024-12-31', 'fc_real', '-1 day');
SELECT count(*) FROM rfm_forecast('2024-12-31', 'fc_real', NULL);
SELECT count(*) FROM rfm_forecast('2024-12-31', 'fc_real', discount => -0.1);
SELECT count(*) FROM rfm_forecast('2024-12-31', 'fc_real', discount => 'NaN');
SELECT count(*) FROM rfm_forecast('2024-12-31', 'fc_real', family => 'pareto/nbd');
SELECT count(*) FROM rfm_forecast('infinity', 'fc_real');
SELECT count(*) FROM rfm_forecast('2024-12-31', 'nothing');
SELECT count(*) FROM rfm_forecast('2024-12-31', NULL);
SELECT count(*) FROM rfm_forecast('2024-09-01', 'fc', one_customer => '1');

-- extremes: a function of what the customers of a shop do, and what becomes of it
CREATE TABLE fc.extreme (shop text, customer_id int, created_at date, total numeric);
INSERT INTO fc.extreme
SELECT 'nobody comes again', c, date '2024-01-01' + c % 300, 10 FROM generate_series(1, 500) c UNION ALL
SELECT 'one day', c, date '2024-06-30', 10 FROM generate_series(1, 500) c, generate_series(1, 3) UNION ALL
SELECT 'few', c, date '2024-01-01' + c + 20 * n, 10 FROM generate_series(1, 99) c, generate_series(0, 2) n UNION ALL
SELECT 'everyone comes twice', c, date '2024-01-01' + c % 100 + 30 * n, 10 + c % 7 FROM generate_series(1, 500) c, generate_series(0, 1) n UNION ALL
SELECT 'everyone comes every day', c, date '2024-06-01' + n, 10 + c % 7 FROM generate_series(1, 200) c, generate_series(0, 28) n UNION ALL
SELECT 'everyone comes again', c, date '2024-01-01' + c % 60 + n * (1 + c % 17), 10 + c % 7 + n % 3 FROM generate_series(1, 500) c, generate_series(0, 30) n WHERE n <= 1 + (hashint4extended(c, 1) & 7) % 6 + c % 13 UNION ALL
SELECT 'all spend the same', c, date '2024-01-01' + c % 90 + n * (1 + c % 31), 10 FROM generate_series(1, 500) c, generate_series(0, 9) n WHERE n <= c % 5 * (c % 3) UNION ALL
SELECT 'all money comes back', c, date '2024-01-01' + c % 90 + n * (1 + c % 31), 10 - 20 * (n % 2) FROM generate_series(1, 500) c, generate_series(0, 9) n WHERE n <= c % 5 * (c % 3) UNION ALL
SELECT 'who comes often spends more', c, date '2024-01-01' + c % 90 + n * (1 + c % 31), c % 5 * (c % 3) * 100 + 1 + c % 11 FROM generate_series(1, 500) c, generate_series(0, 9) n WHERE n <= c % 5 * (c % 3);
CREATE FUNCTION fc.try(shop text, family text, horizon interval DEFAULT '100 years', OUT result text, OUT customers int8, OUT undefined int8, OUT most_orders numeric, OUT hint text) LANGUAGE plpgsql AS
$$
BEGIN
    UPDATE rfm_model SET filter = format('shop = %L', shop) WHERE model = 'fc_extreme';
    SELECT 'forecast', count(*), count(*) FILTER (WHERE NOT (p_alive BETWEEN 0 AND 1 AND expected_orders BETWEEN 0 AND 1e9 AND coalesce(expected_order_value BETWEEN 0 AND 1e9 AND expected_revenue BETWEEN 0 AND 1e15, true))),
           round(max(expected_orders)::numeric, 1)
      INTO result, customers, undefined, most_orders FROM rfm_forecast('2024-06-30', 'fc_extreme', horizon, 0.05, family);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS result = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    customers := NULL; undefined := NULL; most_orders := NULL;
END
$$;
SELECT rfm_create_model('fc_extreme', 'fc.extreme', 'fc.extreme_scores');
SELECT shop, family, t.* FROM (VALUES (1, 'nobody comes again'), (2, 'one day'), (3, 'few'), (4, 'everyone comes twice'), (5, 'everyone comes every day'), (6, 'everyone comes again'), (7, 'all spend the same'),
                                      (8, 'all money comes back'), (9, 'who comes often spends more')) AS given(n, shop), (VALUES ('bg/nbd'), ('mbg/nbd')) AS f(family), fc.try(shop, family) AS t ORDER BY n, family;
-- a horizon of nothing, and as far as dates go
SELECT t.* FROM (VALUES (interval '0'), ('290000 years'), ('300000 years')) AS h(horizon), fc.try('all spend the same', 'mbg/nbd', horizon) AS t;
-- who came for the first time on the very date, and one of whom nothing is known but that
INSERT INTO fc.extreme SELECT 'all spend the same', 1000, '2024-06-30', 10;
UPDATE rfm_model SET filter = 'shop = ''all spend the same''' WHERE model = 'fc_extreme';
SELECT customer, frequency, recency, t, p_alive > 0 AND p_alive < 1 AS alive, expected_orders > 0 AS orders FROM rfm_forecast('2024-06-30', 'fc_extreme') WHERE customer = '1000';
-- parameters at all ends, for shops that would be refused a fit: with one day of history everyone came on the very date
CREATE FUNCTION fc.try_kept(shop text, horizon interval, OUT forecasts int8, OUT undefined int8) LANGUAGE plpgsql AS
$$
DECLARE
    given record;
    count int8;
    wrong int8;
BEGIN
    forecasts := 0; undefined := 0;
    UPDATE rfm_model SET filter = format('shop = %L', shop) WHERE model = 'fc_extreme';
    FOR given IN SELECT fit.family AS name, discount, jsonb_build_object('r', r, 'alpha', alpha, 'a', a, 'b', b, 'p', p, 'q', 1 + p, 'v', p) AS params
                   FROM (VALUES ('bg/nbd'), ('mbg/nbd')) AS fit(family), (VALUES (0.0), (0.05)) AS d(discount), (VALUES (0.001), (1), (1000)) AS r(r), (VALUES (0.001), (1000)) AS alpha(alpha),
                        (VALUES (0.001), (1), (1000)) AS a(a), (VALUES (0.001), (1000)) AS b(b), (VALUES (0.001), (1000)) AS p(p)
    LOOP
        UPDATE rfm_forecast_parameters SET family = given.name, params = given.params WHERE model = 'fc_extreme';
        SELECT count(*), count(*) FILTER (WHERE (p_alive BETWEEN 0 AND 1 AND expected_orders >= 0 AND expected_orders < 'Infinity' AND expected_order_value >= 0 AND expected_order_value < 'Infinity'
                                                 AND expected_revenue >= 0 AND expected_revenue < 'Infinity') IS NOT TRUE)
          INTO count, wrong FROM rfm_forecast('2024-06-30', 'fc_extreme', horizon, given.discount, given.name);
        forecasts := forecasts + count; undefined := undefined + wrong;
    END LOOP;
END
$$;
DELETE FROM fc.extreme WHERE customer_id BETWEEN 21 AND 500;
INSERT INTO rfm_forecast_parameters (model_id, model, run_date, family, customers, repeat_customers, histories, params, standard_errors, log_likelihood, iterations, spending, fitted_at, fitted_by, version)
SELECT model_id, model, '2024-06-30', 'bg/nbd', 1, 1, 1, '{}', '{}', 0, 0, 'fitted', now(), 'me', '1' FROM rfm_model WHERE model = 'fc_extreme';
SELECT shop, extract(year FROM horizon) AS years, t.* FROM (VALUES ('nobody comes again'), ('one day'), ('everyone comes every day'), ('all money comes back')) AS given(shop), (VALUES (interval '0'), ('100 years')) AS h(horizon), fc.try_kept(shop, horizon) AS t ORDER BY shop, horizon;
-- a backtest that begins with the only day
UPDATE rfm_model SET filter = 'shop = ''one day''' WHERE model = 'fc_extreme';
SELECT * FROM rfm_forecast_backtest('2024-06-30', '2024-07-31', 'fc_extreme');

-- amounts that are no numbers, and times that are none
UPDATE fc.orders SET real_total = 'NaN' WHERE customer_id = 7;
SELECT count(*) FROM rfm_repeat_summary('2024-12-31', 'fc_real');
UPDATE fc.orders SET real_total = 1, created_at = '-infinity' WHERE customer_id = 7;
SELECT count(*) FROM rfm_repeat_summary('2024-12-31', 'fc_real');

-- a model takes its parameters with it
SELECT rfm_drop_model(m) FROM (VALUES ('fc'), ('fc_id'), ('fc_real'), ('fc_refund'), ('fc_owner'), ('fc_extreme')) AS given(m);
SELECT count(*) FROM rfm_forecast_parameters;
DROP SCHEMA fc, fc_owner CASCADE;
DROP ROLE regress_rfm_fc_owner, regress_rfm_fc_other, regress_rfm_fc_reader;

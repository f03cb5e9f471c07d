--
-- Forecasts of the customers of the CDNOW sample, for whom all numbers have been
-- published, against those, and against the published formulas in plain SQL.
-- The data lies beside the project: the environment variable RFM_DATA names
-- its directory.
--
\set have_data `test -r "$RFM_DATA/cdnow/sample.csv" && echo true || echo false`
\if :have_data
\else
\echo skipped: there is no cdnow/sample.csv in RFM_DATA
\quit
\endif
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET extra_float_digits = 0;
CREATE SCHEMA cdnow;
CREATE TABLE cdnow.orders (customer_id int, ordered_on date, cds int, total numeric);
CREATE TABLE cdnow.published (customer int, x int, t_x numeric, t numeric, zbar numeric);
\copy cdnow.orders FROM PROGRAM 'cat "$RFM_DATA/cdnow/sample.csv"' (FORMAT csv, HEADER)
\copy cdnow.published FROM PROGRAM 'cat "$RFM_DATA/cdnow/published_summary_weeks.csv"' (FORMAT csv, HEADER)
SELECT rfm_create_model('cdnow', 'cdnow.orders', 'cdnow.scores', ordered_at => 'ordered_on');

-- all customers, in weeks as published, to the published digits
SELECT count(*) AS customers, count(*) FILTER (WHERE frequency = x AND abs(recency / 7.0 - t_x) < 0.005 AND abs(s.t / 7.0 - p.t) < 0.005
                                                 AND abs(monetary_value - zbar) <= 0.005) AS as_published
  FROM rfm_repeat_summary('1997-09-30', 'cdnow') s FULL JOIN cdnow.published p ON s.customer = p.customer::text;
-- and in plain SQL
WITH day AS (SELECT customer_id, ordered_on, sum(total) AS total, min(ordered_on) OVER (PARTITION BY customer_id) AS first
               FROM cdnow.orders WHERE ordered_on <= '1997-09-30' GROUP BY customer_id, ordered_on),
     plain AS (SELECT customer_id::text, count(*) - 1, max(ordered_on) - min(first), date '1997-09-30' - min(first),
                      coalesce(sum(total) FILTER (WHERE ordered_on > first) / nullif(count(*) - 1, 0), 0) FROM day GROUP BY customer_id)
SELECT count(*) AS differences FROM ((TABLE plain EXCEPT SELECT customer, frequency, recency, t, monetary_value FROM rfm_repeat_summary('1997-09-30', 'cdnow'))
                                     UNION ALL (SELECT customer, frequency, recency, t, monetary_value FROM rfm_repeat_summary('1997-09-30', 'cdnow') EXCEPT TABLE plain)) d;

-- the parameters, in weeks: published are 0.2426, 4.4135, 0.7929, 2.4258 and -9582.43; 6.25, 3.74 and 15.44
SELECT customers, repeat_customers, spending FROM rfm_forecast_fit('1997-09-30', 'cdnow', 'bg/nbd');
SELECT customers, repeat_customers, spending FROM rfm_forecast_fit('1997-09-30', 'cdnow');
SELECT round((params ->> 'r')::numeric, 3) AS r, round((params ->> 'alpha')::numeric / 7, 3) AS alpha, round((params ->> 'a')::numeric, 3) AS a, round((params ->> 'b')::numeric, 3) AS b,
       round((log_likelihood + (SELECT sum(x) FROM cdnow.published) * ln(7.0::float8))::numeric, 2) AS log_likelihood,
       round((params ->> 'p')::numeric, 2) AS p, round((params ->> 'q')::numeric, 2) AS q, round((params ->> 'v')::numeric, 2) AS v
  FROM rfm_forecast_parameters WHERE model = 'cdnow' AND family = 'bg/nbd';

-- the formulas: lgamma by Stirling's series, 2F1 by its own series
CREATE FUNCTION cdnow.lg(x float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
    low float8 := 0;
BEGIN
    WHILE x < 12 LOOP
        low := low + ln(x);
        x := x + 1;
    END LOOP;
    RETURN (x - 0.5) * ln(x) - x + ln(2 * pi()) / 2 + 1 / (12 * x) - 1 / (360 * x ^ 3) + 1 / (1260 * x ^ 5) - 1 / (1680 * x ^ 7) - low;
END
$$;
CREATE FUNCTION cdnow.hyp2f1(a float8, b float8, c float8, z float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
$$
DECLARE
    term float8 := 1;
    result float8 := 1;
    j float8 := 0;
BEGIN
    WHILE abs(term) > 1e-17 * abs(result) LOOP
        term := term * (a + j) * (b + j) / ((c + j) * (1 + j)) * z;
        result := result + term;
        j := j + 1;
    END LOOP;
    RETURN result;
END
$$;
-- m is 1 for MBG/NBD, where there is one more chance to be lost
CREATE FUNCTION cdnow.log_likelihood(m int, x int, tx int, t int, r float8, alpha float8, a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$
    SELECT cdnow.lg(r + x) - cdnow.lg(r) + r * ln(alpha) + cdnow.lg(a + b) - cdnow.lg(b) + cdnow.lg(b + x + m) - cdnow.lg(a + b + x + m)
           + ln((alpha + t) ^ (-(r + x)) + CASE WHEN x + m > 0 THEN a / (b + x + m - 1) * (alpha + tx) ^ (-(r + x)) ELSE 0 END)
$$;
CREATE FUNCTION cdnow.alive(m int, x int, tx int, t int, r float8, alpha float8, a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT 1 / (1 + CASE WHEN x + m > 0 THEN a / (b + x + m - 1) * ((alpha + t) / (alpha + tx)) ^ (r + x) ELSE 0 END) $$;
CREATE FUNCTION cdnow.expected(m int, x int, t int, days float8, r float8, alpha float8, a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$
    SELECT (a + b + x + m - 1) / (a - 1)
           * (1 - ((alpha + t) / (alpha + t + days)) ^ (r + x) * cdnow.hyp2f1(r + x, b + x + m, a + b + x + m - 1, days / (alpha + t + days)))
$$;

-- what is kept is the likelihood, and it is the largest there is
CREATE VIEW cdnow.parameters AS
SELECT family, (family = 'mbg/nbd')::int AS m, log_likelihood, spending_log_likelihood, s.* FROM rfm_forecast_parameters, jsonb_to_record(params) AS s(r float8, alpha float8, a float8, b float8, p float8, q float8, v float8) WHERE model = 'cdnow';
CREATE TABLE cdnow.summary AS SELECT customer, frequency::int AS x, recency AS tx, t, monetary_value::float8 AS z FROM rfm_repeat_summary('1997-09-30', 'cdnow');
SELECT family, abs(sum(cdnow.log_likelihood(m, x, tx, t, r, alpha, a, b)) - min(log_likelihood)) < 1e-6 AS same,
       bool_and(abs(cdnow.lg(2.5) - 0.2846828704729192) < 1e-10) AS lg
  FROM cdnow.parameters, cdnow.summary GROUP BY family ORDER BY family;
SELECT family, count(*) AS tried, count(*) FILTER (WHERE other < log_likelihood) AS less_likely
  FROM (SELECT family, log_likelihood, dr, dalpha, da, db,
               sum(cdnow.log_likelihood(m, x, tx, t, r * dr, alpha * dalpha, a * da, b * db)) AS other
          FROM cdnow.parameters, cdnow.summary,
               (VALUES (1.001, 1, 1, 1), (0.999, 1, 1, 1), (1, 1.001, 1, 1), (1, 0.999, 1, 1), (1, 1, 1.001, 1), (1, 1, 0.999, 1), (1, 1, 1, 1.001), (1, 1, 1, 0.999), (1, 1, 1.001, 1.001), (1.001, 1.001, 1, 1)) AS d(dr, dalpha, da, db)
         GROUP BY family, log_likelihood, dr, dalpha, da, db) AS t GROUP BY family ORDER BY family;
SELECT abs(sum(cdnow.lg(p * x + q) - cdnow.lg(p * x) - cdnow.lg(q) + q * ln(v) + (p * x - 1) * ln(z) + p * x * ln(x::float8) - (p * x + q) * ln(x * z + v)) - min(spending_log_likelihood)) < 1e-6 AS same
  FROM cdnow.parameters, cdnow.summary WHERE family = 'bg/nbd' AND x > 0 AND z > 0;

-- each customer's forecast
CREATE TABLE cdnow.forecast AS
SELECT family, days, f.customer, f.p_alive, f.expected_orders, f.expected_order_value, f.expected_revenue FROM (VALUES ('bg/nbd'), ('mbg/nbd')) AS given(family), (VALUES (1), (273), (3650)) AS horizon(days), rfm_forecast('1997-09-30', 'cdnow', days * interval '1 day', 0, family) AS f;
CREATE TABLE cdnow.alike AS
SELECT family, days, x, t, cdnow.expected(m, x, t, days, r, alpha, a, b) AS expected
  FROM (SELECT DISTINCT x, t FROM cdnow.summary) s, cdnow.parameters, (VALUES (1), (273), (3650)) AS horizon(days);
SELECT family, days, count(*) AS customers, max(abs(p_alive - cdnow.alive(m, x, tx, t, r, alpha, a, b))) < 1e-6 AS alive,
       max(abs(expected_orders - cdnow.alive(m, x, tx, t, r, alpha, a, b) * expected)) < 1e-6 AS orders,
       max(abs(expected_order_value - ((q - 1) / (p * x + q - 1) * v * p / (q - 1) + p * x / (p * x + q - 1) * z))) < 1e-6 AS value,
       max(abs(expected_revenue - expected_orders * expected_order_value)) < 1e-6 AS revenue
  FROM cdnow.forecast f JOIN cdnow.summary s USING (customer) JOIN cdnow.parameters k USING (family) JOIN cdnow.alike USING (family, days, x, t)
 GROUP BY family, days ORDER BY family, days;
-- as the paper has it for the customer with x = 2, t_x = 30.43 and T = 38.86: 1.226 in 39 weeks
SELECT round(expected_orders::numeric, 3) AS expected_orders FROM cdnow.forecast WHERE customer = '1' AND family = 'bg/nbd' AND days = 273;
-- where the formula has a pole, and beside it
CREATE TABLE cdnow.pole (a float8, customer text, orders float8);
DO
$$
DECLARE
    value float8;
BEGIN
    FOREACH value IN ARRAY '{0.001,0.9999,1,1.0001,20}'::float8[] LOOP
        UPDATE rfm_forecast_parameters SET params = params || jsonb_build_object('a', value) WHERE model = 'cdnow' AND family = 'bg/nbd';
        INSERT INTO cdnow.pole SELECT DISTINCT ON (frequency, t) value, customer, expected_orders / p_alive FROM rfm_forecast('1997-09-30', 'cdnow', '273 days', 0, 'bg/nbd');
    END LOOP;
END
$$;
SELECT p.a, max(abs(orders - CASE WHEN p.a <> 1 THEN cdnow.expected(0, x, t, 273, r, alpha, p.a, b)
                                  ELSE (cdnow.expected(0, x, t, 273, r, alpha, 0.9999, b) + cdnow.expected(0, x, t, 273, r, alpha, 1.0001, b)) / 2 END)) < 1e-6 AS same
  FROM cdnow.pole p JOIN cdnow.summary USING (customer), cdnow.parameters WHERE family = 'bg/nbd' GROUP BY p.a ORDER BY p.a;
SELECT (rfm_forecast_fit('1997-09-30', 'cdnow', 'bg/nbd')).fit_id > 0 AS again;
-- the same data, the same bits, in whatever order the rows lie
CREATE TABLE cdnow.shuffled AS TABLE cdnow.orders ORDER BY md5(customer_id || ' ' || ordered_on || total);
SELECT rfm_create_model('cdnow_shuffled', 'cdnow.shuffled', 'cdnow.shuffled_scores', ordered_at => 'ordered_on');
SELECT count(*) AS fits, count(DISTINCT (params, standard_errors, log_likelihood)) AS results
  FROM (SELECT (rfm_forecast_fit('1997-09-30', m, 'bg/nbd')).* FROM (VALUES ('cdnow'), ('cdnow_shuffled')) AS given(m) UNION ALL SELECT (rfm_forecast_fit('1997-09-30', 'cdnow', 'bg/nbd')).*) AS f;

-- discounted: the forecasts of 128 parts of the horizon, by Simpson's rule
CREATE TABLE cdnow.parts AS
SELECT i, f.customer, f.expected_orders AS orders FROM generate_series(0, 128) AS i, rfm_forecast('1997-09-30', 'cdnow', i * 5 * interval '1 day') AS f WHERE f.customer::int % 20 = 0;
SELECT count(*) AS customers, max(abs(f.expected_revenue / f.expected_order_value / nullif(s.orders, 0) - 1)) < 1e-6 AS same
  FROM rfm_forecast('1997-09-30', 'cdnow', '640 days', 0.2) AS f,
       LATERAL (SELECT max(orders) FILTER (WHERE i = 128) * exp(-ln(1.2::float8) / 365.25 * 640)
                       + ln(1.2::float8) / 365.25 * 5 / 3 * sum(orders * exp(-ln(1.2::float8) / 365.25 * 5 * i) * CASE WHEN i IN (0, 128) THEN 1 WHEN i % 2 = 1 THEN 4 ELSE 2 END) AS orders
                  FROM cdnow.parts p WHERE p.customer = f.customer) AS s
 WHERE f.customer::int % 20 = 0;

-- nine months later
SELECT part, label, customers, expected_orders, actual_orders, round(expected_revenue) AS expected_revenue, actual_revenue, round(revenue_share, 3) AS revenue_share
  FROM rfm_forecast_backtest('1997-09-30', '1998-06-30', 'cdnow');

SELECT rfm_drop_model(m) FROM (VALUES ('cdnow'), ('cdnow_shuffled')) AS given(m);
SELECT count(*) AS parameters FROM rfm_forecast_parameters;
DROP SCHEMA cdnow CASCADE;

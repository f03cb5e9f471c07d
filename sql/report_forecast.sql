--
-- The forecast in the report, against rfm_forecast_summary().
--
SET client_min_messages = warning;
CREATE SCHEMA expect;
CREATE TABLE expect.orders (customer_id int, created_at date, total numeric);
INSERT INTO expect.orders
SELECT c, date '2024-01-01' + c % 300 + n * (5 + (hashint4extended(c, 1) & 63))::int, round(((hashint4extended(c, 2) & 1023) + 20 + (hashint4extended(c * 100 + n, 3) & 255)) / 10.0, 2)
  FROM generate_series(1, 600) AS c, generate_series(0, 12) AS n
 WHERE n = 0 OR n <= (hashint4extended(c, 5) & 15) * (hashint4extended(c, 6) & 15) / 16 - 2;
SELECT rfm_create_model('expect', 'expect.orders', 'expect.scores',
    target_columns => '{"p_alive": "p_alive", "expected_orders": "expected_orders", "expected_revenue": "expected_revenue"}');
-- the numbers of the section, segment by segment
CREATE FUNCTION pg_temp.numbers(html text) RETURNS text[] LANGUAGE sql AS
$$
    SELECT array_agg(coalesce(m[1], m[2]) ORDER BY n)
      FROM regexp_matches(substring(html FROM '<table class="numbers" id="forecasts">.*?</table>'), '<th scope="row">([^<]*)<|<data value="([^"]*)">', 'g') WITH ORDINALITY AS x(m, n)
$$;
CREATE FUNCTION pg_temp.how(html text) RETURNS text LANGUAGE sql AS $$ SELECT substring(html FROM '<dt>Forecast</dt><dd>([^<]*)</dd>') $$;

-- no parameters: no section, and how to get one
SELECT rfm_refresh('2024-12-31', 'expect');
SELECT pg_temp.numbers(rfm_report(model => 'expect')) AS forecasts, pg_temp.how(rfm_report(model => 'expect'));
-- with them
SELECT (f).spending FROM (SELECT rfm_forecast_fit('2024-12-31', 'expect') AS f) AS fits;
SELECT rfm_refresh('2024-12-31', 'expect');
SELECT by, (SELECT array_agg(x ORDER BY x) FROM unnest(pg_temp.numbers(rfm_report(model => 'expect', by => by))) AS x) =
       (SELECT array_agg(x ORDER BY x) FROM rfm_forecast_summary('2024-12-31', 'expect', by => by) AS f,
               unnest(ARRAY[f.segment, f.customers::text, f.still_customers::text, f.expected_orders::text, f.expected_revenue::text]) AS x) AS as_summary
  FROM unnest(ARRAY['segment', 'comment']) AS by;
SELECT pg_temp.how(rfm_report(model => 'expect'));
-- without spending
UPDATE rfm_forecast_parameters SET params = params - 'p' - 'q' - 'v' WHERE model = 'expect';
SELECT rfm_refresh('2024-12-31', 'expect');
SELECT count(*) AS rows, count(*) FILTER (WHERE x = '') AS without_revenue FROM unnest(pg_temp.numbers(rfm_report(model => 'expect'))) AS x;
-- a role that may only read the target sees the forecast, not the settings
CREATE ROLE regress_expect;
GRANT USAGE ON SCHEMA expect TO regress_expect;
GRANT SELECT ON expect.scores TO regress_expect;
SET ROLE regress_expect;
SELECT rfm_report(model => 'expect') ~ 'id="forecast"' AS forecast, rfm_report(model => 'expect') ~ 'id="definitions"' AS definitions;
RESET ROLE;
-- a target without the columns
SELECT rfm_create_model('bare', 'expect.orders', 'expect.bare');
SELECT rfm_refresh('2024-12-31', 'bare');
SELECT pg_temp.numbers(rfm_report(model => 'bare')) AS forecasts;

SELECT count(rfm_drop_model(model)) FROM rfm_model WHERE model IN ('expect', 'bare');
DROP SCHEMA expect CASCADE;
DROP ROLE regress_expect;

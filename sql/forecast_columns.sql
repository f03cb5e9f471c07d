--
-- Forecasts in the target of a refresh, against rfm_forecast().
--
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA col;
CREATE TABLE col.orders (customer_id text, created_at date, total numeric);
INSERT INTO col.orders
SELECT 'c' || c, date '2024-01-01' + c % 300 + n * (5 + (hashint4extended(c, 1) & 63))::int, round(((hashint4extended(c, 2) & 1023) + 20 + (hashint4extended(c * 100 + n, 3) & 255)) / 10.0, 2)
  FROM generate_series(1, 600) AS c, generate_series(0, 12) AS n
 WHERE n = 0 OR n <= (hashint4extended(c, 5) & 15) * (hashint4extended(c, 6) & 15) / 16 - 2;

-- an own table, whose columns have other types; the lookback leaves customers out whom the forecast knows
CREATE TABLE col.scores (run_date date, customer_id text, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                         p_alive float4, expected_orders numeric(12,6), expected_revenue float8, note text DEFAULT 'mine', PRIMARY KEY (run_date, customer_id));
SELECT rfm_create_model('col', 'col.orders', 'col.scores', lookback => '90 days');
CREATE FUNCTION col.differences(date, model text, family text, OUT customers int8, OUT filled int8, OUT differences int8) LANGUAGE sql AS
$$
    SELECT count(*), count(s.p_alive), count(*) FILTER (WHERE (s.p_alive = f.p_alive::float4 AND s.expected_orders = f.expected_orders::numeric(12,6) AND s.expected_revenue = f.expected_revenue) IS NOT TRUE)
      FROM col.scores AS s LEFT JOIN rfm_forecast($1, model, '1 year', 0, family) AS f ON f.customer = s.customer_id WHERE s.run_date = $1
$$;
CREATE FUNCTION col.last_run(OUT inserted int8, OUT updated int8, OUT deleted int8, OUT unchanged int8) LANGUAGE sql AS
$$
    SELECT inserted, updated, deleted, unchanged FROM rfm_run ORDER BY run_id DESC LIMIT 1
$$;

-- no parameters are kept: null
SELECT rfm_refresh('2024-12-31', 'col');
SELECT count(*) AS customers, count(p_alive) AS p_alive, count(expected_orders) AS orders, count(expected_revenue) AS revenue FROM col.scores;
-- parameters: all rows change, once
SELECT (f).family, (f).spending FROM (SELECT rfm_forecast_fit('2024-12-31', 'col') AS f) AS fits;
SELECT rfm_refresh('2024-12-31', 'col');
SELECT * FROM col.last_run();
SELECT * FROM col.differences('2024-12-31', 'col', 'mbg/nbd');
SELECT rfm_refresh('2024-12-31', 'col');
SELECT * FROM col.last_run();
-- a new order changes the rows of one customer, and of those whose scores that moves
INSERT INTO col.orders SELECT customer_id, '2024-12-31', 5 FROM col.scores ORDER BY recency_days DESC, customer_id LIMIT 1;
SELECT rfm_refresh('2024-12-31', 'col');
SELECT updated > 0 AND updated < 100 AS few_updated, deleted FROM col.last_run();
SELECT * FROM col.differences('2024-12-31', 'col', 'mbg/nbd');
-- a date before: its parameters are not known yet; a later one has them
SELECT rfm_refresh('2024-12-30', 'col');
SELECT count(*) > 0 AS customers, count(p_alive) AS filled FROM col.scores WHERE run_date = '2024-12-30';
SELECT rfm_refresh('2025-01-15', 'col');
SELECT customers > 0 AS customers, filled = customers AS filled, differences FROM col.differences('2025-01-15', 'col', 'mbg/nbd');
-- the newest parameters of either family; of one date those of mbg/nbd
INSERT INTO rfm_forecast_parameters (model_id, model, run_date, family, customers, repeat_customers, histories, params, standard_errors, log_likelihood, iterations, spending, fitted_at, fitted_by, version)
SELECT model_id, model, '2025-01-10', 'bg/nbd', customers, repeat_customers, histories, params || '{"a": 0.3}', standard_errors, log_likelihood, iterations, spending, fitted_at, fitted_by, version FROM rfm_forecast_parameters WHERE model = 'col';
SELECT rfm_refresh('2025-01-15', 'col');
SELECT customers > 0 AS customers, filled = customers AS filled, differences FROM col.differences('2025-01-15', 'col', 'bg/nbd');
SELECT (f).family FROM (SELECT rfm_forecast_fit('2025-01-10', 'col') AS f) AS fits;
SELECT rfm_refresh('2025-01-15', 'col');
SELECT customers > 0 AS customers, filled = customers AS filled, differences FROM col.differences('2025-01-15', 'col', 'mbg/nbd');
-- without parameters of spending only the revenue is null
UPDATE rfm_forecast_parameters SET params = params - 'p' - 'q' - 'v';
SELECT rfm_refresh('2025-01-15', 'col');
SELECT count(*) = count(p_alive) AS p_alive, count(*) = count(expected_orders) AS orders, count(expected_revenue) AS revenue, count(*) FILTER (WHERE note <> 'mine') AS notes FROM col.scores WHERE run_date = '2025-01-15';
-- past the bound of memory the same rows come
SET rfm.work_mem = '64kB';
SELECT rfm_refresh('2025-01-15', 'col');
SELECT inserted, updated, deleted FROM col.last_run();
RESET rfm.work_mem;
-- several dates from one reading
CALL rfm_backfill('2025-01-14', '2025-01-16', model => 'col');
SELECT run_date, count(*) = count(p_alive) AS filled FROM col.scores WHERE run_date >= '2025-01-14' GROUP BY run_date ORDER BY run_date;

-- a column of that name that is not meant
UPDATE col.scores SET expected_orders = 7 WHERE run_date = '2025-01-15';
UPDATE rfm_model SET target_columns = '{"expected_orders": null}' WHERE model = 'col';
SELECT rfm_refresh('2025-01-15', 'col');
SELECT DISTINCT expected_orders FROM col.scores WHERE run_date = '2025-01-15';

-- a new target has the columns that are asked for
SELECT rfm_create_model('col_new', 'col.orders', 'col.new', target_columns => '{"run_date": null, "p_alive": "Still there", "expected_revenue": "expected_revenue"}');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'col.new'::regclass AND atttypid = 'float8'::regtype ORDER BY attnum;
SELECT rfm_refresh('2024-12-31', 'col_new');
SELECT (f).family FROM (SELECT rfm_forecast_fit('2024-12-31', 'col_new') AS f) AS fits;
SELECT rfm_refresh('2024-12-31', 'col_new');
SELECT count(*) AS customers, count(*) FILTER (WHERE (n."Still there" = f.p_alive AND n.expected_revenue = f.expected_revenue) IS NOT TRUE) AS differences
  FROM col.new AS n FULL JOIN rfm_forecast('2024-12-31', 'col_new') AS f ON customer = customer_id;
-- and rfm_create_model makes none of them unasked
SELECT rfm_create_model('col_plain', 'col.orders', 'col.plain');
SELECT count(*) FROM pg_attribute WHERE attrelid = 'col.plain'::regclass AND attname IN ('p_alive', 'expected_orders', 'expected_revenue');
-- nothing without parameters, of a model with groups neither
SELECT rfm_create_model('col_group', 'col.orders', 'col.groups', score_within => 'left(customer_id, 2)', target_columns => '{"p_alive": "p_alive"}');
SELECT rfm_refresh('2024-12-31', 'col_group');
SELECT count(*) AS customers, count(p_alive) AS filled FROM col.groups;

SELECT rfm_drop_model(m) FROM (VALUES ('col'), ('col_new'), ('col_plain'), ('col_group')) AS given(m);
DROP SCHEMA col CASCADE;

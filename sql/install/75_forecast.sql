-- Forecasts -------------------------------------------------------------------

CREATE TABLE @extschema@.rfm_forecast_parameters (
    fit_id                  int8        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id                int8        NOT NULL,
    model                   text        NOT NULL,
    score_group             text,
    run_date                date        NOT NULL,
    family                  text        NOT NULL CHECK (family IN ('bg/nbd', 'mbg/nbd')),
    customers               int8        NOT NULL,
    repeat_customers        int8        NOT NULL,
    histories               int8        NOT NULL,
    params                  jsonb       NOT NULL,
    standard_errors         jsonb       NOT NULL,
    log_likelihood          float8      NOT NULL,
    iterations              int4        NOT NULL,
    spending                text        NOT NULL,
    spending_correlation    float8,
    spending_log_likelihood float8,
    spending_iterations     int4,
    fitted_at               timestamptz NOT NULL,
    fitted_by               text        NOT NULL,
    version                 text        NOT NULL,
    UNIQUE NULLS NOT DISTINCT (model_id, family, run_date, score_group)
);

COMMENT ON TABLE @extschema@.rfm_forecast_parameters IS
    'parameters of forecasts: one row per model, group, family and date, written by rfm_forecast_fit(). A role sees those of models that it may use; they are removed with their model';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.fit_id IS 'number of the fit';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.model_id IS 'number of the model, as in rfm_model';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.score_group IS 'group to which they were fitted, as text; null: all customers, with score_within in each of their groups';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.run_date IS 'date up to which orders were used';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.family IS 'model of buying: bg/nbd or mbg/nbd';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.customers IS 'customers with an order up to that date';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.repeat_customers IS 'customers who have ordered on more than one day';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.histories IS 'distinct combinations of frequency, recency and t among them';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.params IS 'the parameters, with times in days: r, alpha, a and b of buying, and p, q and v of spending if it was fitted';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.standard_errors IS 'standard errors of the parameters, from the second derivatives of the likelihood';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.log_likelihood IS 'logarithm of the likelihood of buying';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.iterations IS 'number of steps of the search for the parameters of buying; only successful fits are stored';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.spending IS 'fitted, or the reason why there are no parameters of spending: too few (customers with positive spending on repeat days), correlated (number of orders with spending), not determined (by the data), no mean (of the distribution)';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.spending_correlation IS 'correlation of frequency with mean spending on repeat days; if its absolute value exceeds 0.3, spending is not fitted';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.spending_log_likelihood IS 'logarithm of the likelihood of spending';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.spending_iterations IS 'number of steps of the search for the parameters of spending';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.fitted_at IS 'when they were fitted';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.fitted_by IS 'role that called the fit';
COMMENT ON COLUMN @extschema@.rfm_forecast_parameters.version IS 'version of the library that fitted them';

SELECT pg_extension_config_dump('@extschema@.rfm_forecast_parameters', '');
SELECT pg_extension_config_dump('@extschema@.rfm_forecast_parameters_fit_id_seq', '');

ALTER TABLE @extschema@.rfm_forecast_parameters ENABLE ROW LEVEL SECURITY;

-- Rights as on rfm_run.
CREATE POLICY rfm_forecast_parameters_owner ON @extschema@.rfm_forecast_parameters
    FOR SELECT USING (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));
GRANT SELECT ON @extschema@.rfm_forecast_parameters TO PUBLIC;
CREATE POLICY rfm_forecast_parameters_restore ON @extschema@.rfm_forecast_parameters
    FOR INSERT TO pg_database_owner WITH CHECK (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));
GRANT INSERT ON @extschema@.rfm_forecast_parameters TO pg_database_owner;
GRANT SELECT, UPDATE ON SEQUENCE @extschema@.rfm_forecast_parameters_fit_id_seq TO pg_database_owner;

CREATE FUNCTION @extschema@.rfm_repeat_summary(
    run_date    date DEFAULT NULL,
    model       text DEFAULT 'default',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    customer       text,
    frequency      int8,
    recency        int4,
    t              int4,
    monetary_value numeric,
    score_group    text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100000
AS 'MODULE_PATHNAME', 'rfm_repeat_summary';
COMMENT ON FUNCTION @extschema@.rfm_repeat_summary(date, text, text) IS
    'the input of models of repeat buying for each customer, in days: frequency, the number of days with orders after the first one; recency, from the first day with orders to the last; t, from the first one to the run date; monetary_value, the mean amount of the days after the first one (0 if there are none). All orders up to the date are read, regardless of the model''s lookback. For a model with score_within, score_group selects one group; without it the customers of all groups are returned';

CREATE FUNCTION rfm_internal.visits(from_date date, to_date date, model text, score_group text DEFAULT NULL)
RETURNS TABLE (
    customer    text,
    visits      int8,
    revenue     numeric,
    score_group text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100000
AS 'MODULE_PATHNAME', 'rfm_visits';
COMMENT ON FUNCTION rfm_internal.visits(date, date, text, text) IS
    'internal: the customers who ordered between two dates, inclusive, with the number of days and the amount';

CREATE FUNCTION rfm_internal.fit_forecast(run_date date, model text, family text, score_group text)
RETURNS int8
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_fit_forecast';
COMMENT ON FUNCTION rfm_internal.fit_forecast(date, text, text, text) IS
    'internal: fits a model of buying and one of spending, and returns the number of the row of rfm_forecast_parameters';

CREATE FUNCTION @extschema@.rfm_forecast_fit(
    run_date    date DEFAULT NULL,
    model       text DEFAULT 'default',
    family      text DEFAULT 'mbg/nbd',
    score_group text DEFAULT NULL
) RETURNS @extschema@.rfm_forecast_parameters
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    number CONSTANT int8 := rfm_internal.fit_forecast(run_date, model, family, score_group);
    result @extschema@.rfm_forecast_parameters;
BEGIN
    SELECT * INTO result FROM @extschema@.rfm_forecast_parameters p WHERE p.fit_id = number;
    RETURN result;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_forecast_fit(date, text, text, text) IS
    'fits a model of buying (family: mbg/nbd or bg/nbd) and the Gamma-Gamma model of spending to all orders of a model up to a date, stores the parameters in rfm_forecast_parameters and returns that row. For a model with score_within, score_group selects one group; without it all customers are used, and a customer of several groups counts once in each';

CREATE FUNCTION @extschema@.rfm_forecast(
    run_date date     DEFAULT NULL,
    model    text     DEFAULT 'default',
    horizon  interval DEFAULT '1 year',
    discount float8   DEFAULT 0,
    family   text     DEFAULT 'mbg/nbd',
    one_customer text DEFAULT NULL,
    score_group text  DEFAULT NULL
) RETURNS TABLE (
    customer             text,
    frequency            int8,
    recency              int4,
    t                    int4,
    p_alive              float8,
    expected_orders      float8,
    expected_order_value float8,
    expected_revenue     float8,
    score_group          text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100000
AS 'MODULE_PATHNAME', 'rfm_forecast';
COMMENT ON FUNCTION @extschema@.rfm_forecast(date, text, interval, float8, text, text, text) IS
    'forecast for each customer of a model from a date until the horizon: the probability that they are still a customer, the number of days on which they will order, the amount of such a day, and the revenue, discounted at an annual rate. Uses the newest stored parameters of rfm_forecast_fit() up to the date, or fits new ones if there are none. one_customer selects one customer. For a model with score_within, score_group selects one group, with a fit for that group; without it all groups are returned, with one fit for all';

-- Forecasts by segment --------------------------------------------------------

CREATE FUNCTION rfm_internal.forecast_anew(run_date date, model text, days int4, family text, score_group text)
RETURNS TABLE (
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
AS 'MODULE_PATHNAME', 'rfm_forecast_anew';
COMMENT ON FUNCTION rfm_internal.forecast_anew(date, text, int4, text, text) IS
    'internal: as rfm_forecast(), always with newly fitted parameters';

-- Customers are matched as text: a forecast has them as the model's owner sees
-- them, with these settings.
CREATE FUNCTION @extschema@.rfm_forecast_summary(
    run_date date     DEFAULT NULL,
    model    text     DEFAULT 'default',
    horizon  interval DEFAULT '1 year',
    discount float8   DEFAULT 0,
    family   text     DEFAULT 'mbg/nbd',
    by       text     DEFAULT 'segment',
    score_group text  DEFAULT NULL
) RETURNS TABLE (
    segment          text,
    customers        int8,
    still_customers  numeric,
    expected_orders  numeric,
    expected_revenue numeric,
    revenue_share    numeric
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 20
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET extra_float_digits = 1
SET jit = off
AS $body$
DECLARE
    rows record;
    date date;
BEGIN
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, by, score_group);
    date := rfm_internal.snapshot_date(model, rows.query, run_date);
    IF date IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT g.label, g.customers, round(g.alive::numeric, 1), round(g.orders::numeric, 1), round(g.revenue::numeric, 2),
               round((g.revenue / nullif(sum(g.revenue) OVER (), 0))::numeric, 4)
          FROM (SELECT s.label, count(*) AS customers, sum(f.p_alive) AS alive, sum(f.expected_orders) AS orders, sum(f.expected_revenue) AS revenue
                  FROM %3$s.rfm_forecast($1, $2, $3, $4, $5, NULL::text, $6) AS f
                       LEFT JOIN (SELECT s.customer, s.label FROM (%1$s) AS s WHERE s.run_date = %2$L::date) AS s ON s.customer %4$s %5$s
                 GROUP BY s.label) AS g
         ORDER BY g.revenue DESC NULLS LAST, g.orders DESC, g.label
        $query$, rows.query, date, '@extschema@', rows.customer_equals, rfm_internal.buyer_sql(model, rows))
    USING date, model, horizon, discount, family, score_group;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_forecast_summary(date, text, interval, float8, text, text, text) IS
    'the forecast of rfm_forecast() by segment of a snapshot (by default the newest), in descending order of expected revenue: expected number of remaining customers, days with orders until the horizon, revenue, and its share of the total (a fraction of 1). segment is null for customers who are not in the snapshot. by => ''comment'' groups by comment, by => ''group'' by the groups of a model with score_within; score_group selects one group';

CREATE FUNCTION @extschema@.rfm_forecast_backtest(
    from_date date,
    to_date   date,
    model     text DEFAULT 'default',
    family    text DEFAULT 'mbg/nbd',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    part             text,
    label            text,
    customers        int8,
    expected_orders  numeric,
    actual_orders    int8,
    expected_revenue numeric,
    actual_revenue   numeric,
    revenue_share    numeric
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 30
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
BEGIN
    IF from_date IS NULL OR to_date IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'from_date and to_date must not be null';
    END IF;
    IF from_date >= to_date THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_date %s is not before to_date %s', to_char(from_date, 'YYYY-MM-DD'), to_char(to_date, 'YYYY-MM-DD')),
            HINT = 'from_date is the date of the forecast, to_date the end of the period with which it is compared.';
    END IF;
    -- a forecast of revenue where there is one; both orders end with the customer, so that they are the same each time
    RETURN QUERY
        WITH forecast AS MATERIALIZED (
            SELECT f.customer, p.rfm_segment AS segment, f.expected_orders, f.expected_revenue, coalesce(a.visits, 0) AS orders, coalesce(a.revenue, 0) AS revenue,
                   ntile(10) OVER (ORDER BY coalesce(f.expected_revenue, f.expected_orders) DESC, f.customer COLLATE "C", f.score_group COLLATE "C") AS by_forecast,
                   ntile(10) OVER (ORDER BY p.rfm_score DESC NULLS LAST, p.monetary_value DESC NULLS LAST, f.customer COLLATE "C", f.score_group COLLATE "C") AS by_score
              FROM rfm_internal.forecast_anew(from_date, model, to_date - from_date, family, rfm_forecast_backtest.score_group) AS f
                   LEFT JOIN @extschema@.rfm_preview(from_date, model, rfm_forecast_backtest.score_group) AS p
                     ON p.customer_id = f.customer AND coalesce(p.score_group, '') = coalesce(f.score_group, '')
                   LEFT JOIN rfm_internal.visits(from_date + 1, to_date, model, rfm_forecast_backtest.score_group) AS a
                     ON a.customer = f.customer AND coalesce(a.score_group, '') = coalesce(f.score_group, '')),
        part AS (
            SELECT 1 AS place, 'all' AS part, NULL AS label, NULL::int4 AS number, f.* FROM forecast AS f UNION ALL
            SELECT 2, 'segment', f.segment, NULL, f.* FROM forecast AS f UNION ALL
            SELECT 3, 'decile', f.by_forecast::text, f.by_forecast, f.* FROM forecast AS f UNION ALL
            SELECT 4, 'best tenth', 'forecast', 1, f.* FROM forecast AS f WHERE f.by_forecast = 1 UNION ALL
            SELECT 4, 'best tenth', 'r + f + m', 2, f.* FROM forecast AS f WHERE f.by_score = 1)
        SELECT p.part, p.label, count(*), round(sum(p.expected_orders)::numeric, 1), sum(p.orders)::int8, round(sum(p.expected_revenue)::numeric, 2), sum(p.revenue),
               round(sum(p.revenue) / nullif((SELECT sum(f.revenue) FROM forecast AS f), 0), 4)
          FROM part AS p
         GROUP BY p.place, p.part, p.number, p.label
         ORDER BY p.place, p.number, sum(p.revenue) DESC, p.label;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_forecast_backtest(date, date, text, text, text) IS
    'the quality of a past forecast: fitted to the orders up to from_date, and compared with the actual orders of these customers until to_date. part: all; segment (of the model''s preview on from_date); decile (1 is the tenth with the highest forecast); best tenth, by the forecast and by the sum of the scores. revenue_share is the share of the actual revenue, as a fraction of 1. score_group selects one group of a model with score_within; without it all groups are taken together';

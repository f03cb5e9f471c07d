-- Periods -------------------------------------------------------------------
--
-- What customers ordered after one snapshot up to another.  If snapshots count all
-- orders up to their date, it is the difference of two of them, and roles that may
-- SELECT from the target may know it.  Otherwise (lookback, monetary_above, an
-- average, rfm_run_date(), a target that lacks a column) the model's orders are
-- read, for roles that may use the model.

CREATE FUNCTION rfm_internal.orders_between(
    model       text,
    from_date   date,
    to_date     date,
    score_group text
) RETURNS TABLE (
    customer    text,
    orders      int8,
    revenue     numeric,
    score_group text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'rfm_orders_between';
COMMENT ON FUNCTION rfm_internal.orders_between(text, date, date, text) IS
    'internal: the customers who ordered after a date (null: ever) up to another, in a group (null: in each), read from the orders of a model, for roles that may refresh it';

-- The customer of a row f of orders_between(), or of a forecast, as the query for
-- snapshots has it, as SQL: equal customers can have other texts, as 1.0 and 1.
CREATE FUNCTION rfm_internal.buyer_sql(model text, rows record)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF rows.columns ? 'score_group' AND rows.score_group IS NULL THEN
        RETURN (SELECT rfm_internal.pair_sql('f.score_group', a.group_type, 'f.customer', a.customer_type) FROM rfm_internal.access(model) AS a);
    END IF;
    RETURN format('CAST(f.customer AS %s)', rows.customer_type);
END
$body$;
COMMENT ON FUNCTION rfm_internal.buyer_sql(text, record) IS
    'internal: the customer of a row that was computed from orders as an SQL expression';

-- A query for the customers of a period: their labels in the snapshot of from_date,
-- whether they were in it, and what they have ordered since.  For customers who are
-- no longer in the later snapshot, no orders are known.
CREATE FUNCTION rfm_internal.period_rows(
    model     text,
    rows      record,
    from_date date,
    to_date   date)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF rows.additive THEN
        RETURN format($query$
            SELECT coalesce(b.customer, a.customer) AS customer, b.label, b.customer IS NOT NULL AS known,
                   CASE WHEN a.customer IS NOT NULL THEN a.frequency_orders - coalesce(b.frequency_orders, 0) ELSE 0 END AS orders,
                   CASE WHEN a.customer IS NOT NULL THEN a.monetary_value - coalesce(b.monetary_value, 0) ELSE 0 END AS revenue
              FROM (SELECT * FROM (%1$s) AS s WHERE s.run_date = %3$L::date) AS b
                   FULL JOIN (SELECT * FROM (%1$s) AS s WHERE s.run_date = %4$L::date) AS a ON a.customer %2$s b.customer
            $query$, rows.query, rows.customer_equals, from_date, to_date);
    END IF;
    RETURN format($query$
        SELECT coalesce(b.customer, o.customer) AS customer, b.label, b.customer IS NOT NULL AS known,
               coalesce(o.orders, 0) AS orders, coalesce(o.revenue, 0) AS revenue
          FROM (SELECT * FROM (%1$s) AS s WHERE s.run_date = %3$L::date) AS b
               FULL JOIN (SELECT %6$s AS customer, f.orders, f.revenue
                            FROM rfm_internal.orders_between(%5$L, %3$L, %4$L, %7$L) AS f) AS o ON o.customer %2$s b.customer
        $query$, rows.query, rows.customer_equals, from_date, to_date, model,
        rfm_internal.buyer_sql(model, rows), rows.score_group);
END
$body$;
COMMENT ON FUNCTION rfm_internal.period_rows(text, record, date, date) IS
    'internal: a query for the customers of a period and their orders in it';

-- The figures of one period.  A customer is new if the first order is in it.  If
-- the earlier snapshot does not contain all earlier customers, the orders are read.
CREATE FUNCTION rfm_internal.period_figures(
    model         text,
    rows          record,
    from_date     date,
    to_date       date,
    OUT buyers    int8,
    OUT new_ones  int8,
    OUT orders    int8,
    OUT revenue   numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
BEGIN
    IF rows.additive THEN
        EXECUTE format('SELECT count(*) FILTER (WHERE p.orders > 0), count(*) FILTER (WHERE p.orders > 0 AND NOT p.known),'
                       ' coalesce(sum(p.orders), 0)::int8, coalesce(sum(p.revenue), 0) FROM (%s) AS p',
                       rfm_internal.period_rows(model, rows, from_date, to_date))
           INTO buyers, new_ones, orders, revenue;
        RETURN;
    END IF;
    EXECUTE format($query$
        SELECT /* rfm: only trusted code */ count(*) FILTER (WHERE p.orders > 0), count(*) FILTER (WHERE p.orders > 0 AND e.customer IS NULL),
               coalesce(sum(p.orders), 0)::int8, coalesce(sum(p.revenue), 0)
          FROM (SELECT %1$s AS customer, f.orders, f.revenue FROM rfm_internal.orders_between($1, $2, $3, $4) AS f) AS p
               LEFT JOIN (SELECT %1$s AS customer FROM rfm_internal.orders_between($1, NULL, $2, $4) AS f WHERE f.orders > 0) AS e
               ON e.customer %2$s p.customer
        $query$, rfm_internal.buyer_sql(model, rows), rows.customer_equals)
       INTO buyers, new_ones, orders, revenue
      USING model, from_date, to_date, rows.score_group;
END
$body$;
COMMENT ON FUNCTION rfm_internal.period_figures(text, record, date, date) IS
    'internal: the figures of one period';

-- If there is no earlier snapshot, the orders still determine the period.
CREATE FUNCTION rfm_internal.period_dates(
    model             text,
    rows              record,
    INOUT from_date   date,
    INOUT to_date     date,
    compare_to        text,
    OUT before_date   date)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF rows.columns ? 'run_date' THEN
        SELECT p.from_date, p.to_date INTO from_date, to_date
          FROM rfm_internal.snapshot_pair(model, rows.query, from_date, to_date, compare_to) AS p;
    ELSE
        to_date := rfm_internal.snapshot_date(model, rows.query, to_date);
        from_date := coalesce(from_date, rfm_internal.compared_day(to_date, coalesce(compare_to, '1 month')));
    END IF;
    before_date := from_date - (to_date - from_date);
    IF rows.additive THEN
        -- periods of very different length cannot be compared
        SELECT CASE WHEN abs(d.near - before_date) * 8 <= to_date - from_date THEN d.near END INTO before_date
          FROM rfm_internal.nearest_date(rows.query, before_date, from_date) AS d(near);
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.period_dates(text, record, date, date, text) IS
    'internal: the dates at which a period begins and ends, and at which the one before it begins';

CREATE FUNCTION @extschema@.rfm_period(
    from_date  date DEFAULT NULL,
    to_date    date DEFAULT NULL,
    model      text DEFAULT 'default',
    compare_to text DEFAULT NULL,
    score_group text DEFAULT NULL
) RETURNS TABLE (
    period              text,
    after_date          date,
    until_date          date,
    buyers              int8,
    new_customers       int8,
    returning_customers int8,
    orders              int8,
    revenue             numeric,
    average_order_value numeric,
    revenue_per_buyer   numeric
)
LANGUAGE plpgsql STABLE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows    record;
    dates   record;
    figures record;
BEGIN
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, NULL, score_group);
    SELECT * INTO dates FROM rfm_internal.period_dates(model, rows, from_date, to_date, compare_to);
    FOR period, after_date, until_date IN
        SELECT p.name, p.first, p.last
          FROM (VALUES (1, 'period', dates.from_date, dates.to_date),
                       (2, 'period before', dates.before_date, dates.from_date)) AS p(place, name, first, last)
         WHERE p.first < p.last
         ORDER BY p.place
    LOOP
        SELECT * INTO figures FROM rfm_internal.period_figures(model, rows, after_date, until_date);
        buyers := figures.buyers;
        new_customers := figures.new_ones;
        returning_customers := figures.buyers - figures.new_ones;
        orders := figures.orders;
        revenue := figures.revenue;
        average_order_value := round(revenue / nullif(orders, 0), 2);
        revenue_per_buyer := round(revenue / nullif(buyers, 0), 2);
        RETURN NEXT;
    END LOOP;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_period(date, date, text, text, text) IS
    'buyers (new and returning), orders and revenue after one snapshot up to another, and in the period of the same length before if there is a snapshot of its first date. The snapshots are chosen as by rfm_migration(). For a model with a lookback, monetary_above, an average or rfm_run_date() the orders are read, and the caller must be allowed to refresh it. For a model with score_within, score_group selects one group; without it all groups are taken together, and a customer counts once in each';

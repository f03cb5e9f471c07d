-- Ties ------------------------------------------------------------------------
--
-- ntile makes scores of equal size, and cuts through equal values where it must:
-- customers with the same numbers then have different scores, by their ids.

CREATE FUNCTION @extschema@.rfm_ties(
    run_date date DEFAULT NULL,
    model    text DEFAULT 'default'
) RETURNS TABLE (
    metric        text,
    value         numeric,
    customers     int8,
    lowest_score  int4,
    highest_score int4
)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows  record;
    day   date;
    spans jsonb;
BEGIN
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, NULL);
    PERFORM rfm_internal.require_columns(model, rows.columns,
        ARRAY['recency_days', 'frequency_orders', 'monetary_value', 'r_score', 'f_score', 'm_score']);
    day := rfm_internal.snapshot_date(model, rows.query, run_date);
    -- first what each score covers: a value that was cut through is at the end of one and the beginning of the next
    EXECUTE format($query$
        WITH cells AS (
            SELECT ARRAY[s.r_score, s.f_score, s.m_score] AS scores,
                   ARRAY[min(s.recency_days), min(s.frequency_orders), min(s.monetary_value)] AS lows,
                   ARRAY[max(s.recency_days), max(s.frequency_orders), max(s.monetary_value)] AS highs
              FROM (%s) AS s
             WHERE s.run_date = %L::date
             GROUP BY s.r_score, s.f_score, s.m_score),
        covered AS (
            SELECT axis, c.scores[axis] AS score, min(c.lows[axis]) AS low, max(c.highs[axis]) AS high
              FROM cells AS c, generate_series(1, 3) AS axis
             GROUP BY axis, c.scores[axis])
        SELECT jsonb_agg(jsonb_build_object('axis', t.axis, 'value', t.value, 'low', t.low, 'high', t.high))
          FROM (SELECT e.axis, e.value, min(e.score) AS low, max(e.score) AS high
                  FROM (SELECT axis, score, low AS value FROM covered UNION SELECT axis, score, high FROM covered) AS e
                 GROUP BY e.axis, e.value
                HAVING count(DISTINCT e.score) > 1) AS t
        $query$, rows.query, day)
       INTO spans;
    RETURN QUERY EXECUTE format($query$
        SELECT (ARRAY['recency_days', 'frequency_orders', 'monetary_value'])[t.axis], t.value, count(*), t.low, t.high
          FROM (%s) AS s
               JOIN jsonb_to_recordset($1) AS t(axis int4, value numeric, low int4, high int4)
                 ON t.value = CASE t.axis WHEN 1 THEN s.recency_days WHEN 2 THEN s.frequency_orders ELSE s.monetary_value END
         WHERE s.run_date = %L::date
         GROUP BY t.axis, t.value, t.low, t.high
         ORDER BY t.axis, t.value
        $query$, rows.query, day)
    USING spans;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_ties(date, text) IS
    'the values that ntile split by customer id in a snapshot (by default the newest): the number of customers with that value, and their lowest and highest score. The method rank gives equal values the same score';

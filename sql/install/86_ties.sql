-- Ties ------------------------------------------------------------------------
--
-- ntile makes scores of equal size, and splits equal values if necessary: customers
-- with the same numbers then have different scores, depending on their ids.

-- rfm_ties() for PL/pgSQL, in which no parameter shares its name with a column.
CREATE FUNCTION rfm_internal.tie_rows(
    run_date date,
    model    text,
    in_group text
) RETURNS TABLE (
    metric        text,
    value         numeric,
    customers     int8,
    lowest_score  int4,
    highest_score int4,
    score_group   text
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
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, NULL, in_group);
    PERFORM rfm_internal.require_columns(model, rows.columns,
        ARRAY['recency_days', 'frequency_orders', 'monetary_value', 'r_score', 'f_score', 'm_score']);
    day := rfm_internal.snapshot_date(model, rows.query, run_date);
    -- first what each score covers: a value that was split is at the end of one and
    -- the beginning of the next
    EXECUTE format($query$
        WITH cells AS (
            SELECT s.score_group, ARRAY[s.r_score, s.f_score, s.m_score] AS scores,
                   ARRAY[min(s.recency_days), min(s.frequency_orders), min(s.monetary_value)] AS lows,
                   ARRAY[max(s.recency_days), max(s.frequency_orders), max(s.monetary_value)] AS highs
              FROM (%s) AS s
             WHERE s.run_date = %L::date
             GROUP BY s.score_group, s.r_score, s.f_score, s.m_score),
        covered AS (
            SELECT c.score_group, axis, c.scores[axis] AS score, min(c.lows[axis]) AS low, max(c.highs[axis]) AS high
              FROM cells AS c, generate_series(1, 3) AS axis
             GROUP BY c.score_group, axis, c.scores[axis])
        SELECT jsonb_agg(jsonb_build_object('score_group', t.score_group, 'axis', t.axis, 'value', t.value, 'low', t.low, 'high', t.high))
          FROM (SELECT e.score_group, e.axis, e.value, min(e.score) AS low, max(e.score) AS high
                  FROM (SELECT score_group, axis, score, low AS value FROM covered UNION SELECT score_group, axis, score, high FROM covered) AS e
                 GROUP BY e.score_group, e.axis, e.value
                HAVING count(DISTINCT e.score) > 1) AS t
        $query$, rows.query, day)
       INTO spans;
    RETURN QUERY EXECUTE format($query$
        SELECT (ARRAY['recency_days', 'frequency_orders', 'monetary_value'])[t.axis], t.value, count(*), t.low, t.high, t.score_group
          FROM (%s) AS s
               JOIN jsonb_to_recordset($1) AS t(score_group text, axis int4, value numeric, low int4, high int4)
                 ON coalesce(t.score_group, '') = coalesce(s.score_group, '')
                AND t.value = CASE t.axis WHEN 1 THEN s.recency_days WHEN 2 THEN s.frequency_orders ELSE s.monetary_value END
         WHERE s.run_date = %L::date
         GROUP BY t.score_group, t.axis, t.value, t.low, t.high
         ORDER BY t.score_group, t.axis, t.value
        $query$, rows.query, day)
    USING spans;
END
$body$;
COMMENT ON FUNCTION rfm_internal.tie_rows(date, text, text) IS
    'internal: the rows of rfm_ties';

CREATE FUNCTION @extschema@.rfm_ties(
    run_date    date DEFAULT NULL,
    model       text DEFAULT 'default',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    metric        text,
    value         numeric,
    customers     int8,
    lowest_score  int4,
    highest_score int4,
    score_group   text
)
LANGUAGE sql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT * FROM rfm_internal.tie_rows($1, $2, $3)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_ties(date, text, text) IS
    'the values that ntile split by customer id in a snapshot (by default the newest): the number of customers with that value, and their lowest and highest score. The method rank gives equal values the same score. For a model with score_within, score_group selects one group; without it the values of all groups are returned';

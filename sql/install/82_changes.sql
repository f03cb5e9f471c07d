-- Changes -------------------------------------------------------------------
--
-- Customers whose labels differ are found by joining the two snapshots.  The
-- snapshots in between are read only for them.

CREATE FUNCTION @extschema@.rfm_changes(
    from_date  date DEFAULT NULL,
    to_date    date DEFAULT NULL,
    model      text DEFAULT 'default',
    by         text DEFAULT 'segment',
    segment    text DEFAULT NULL,
    compare_to text DEFAULT NULL,
    score_group text DEFAULT NULL
) RETURNS TABLE (
    customer         text,
    from_segment     text,
    to_segment       text,
    since            date,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric
)
LANGUAGE plpgsql STABLE ROWS 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows    record;
    dates   record;
    changed record;
    days    date[];
BEGIN
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, by, score_group);
    SELECT * INTO dates FROM rfm_internal.snapshot_pair(model, rows.query, from_date, to_date, compare_to);
    IF dates.from_date IS NULL THEN
        RETURN;
    END IF;
    days := rfm_internal.snapshot_dates(rows.query, dates.to_date, since => dates.from_date);
    EXECUTE format($query$
        SELECT array_agg(c.customer::text) AS customers, array_agg(c.from_label) AS from_labels, array_agg(c.to_label) AS to_labels,
               array_agg(c.recency_days) AS recencies, array_agg(c.frequency_orders) AS frequencies, array_agg(c.monetary_value) AS moneys
          FROM (SELECT coalesce(a.customer, b.customer) AS customer, b.label AS from_label, a.label AS to_label,
                       a.recency_days, a.frequency_orders, coalesce(a.monetary_value, b.monetary_value) AS monetary_value
                  FROM (SELECT * FROM (%1$s) AS s WHERE s.run_date = %3$L::date) AS b
                       FULL JOIN (SELECT * FROM (%1$s) AS s WHERE s.run_date = %4$L::date) AS a ON a.customer %2$s b.customer
                 WHERE a.label IS DISTINCT FROM b.label AND (%5$L::text IS NULL OR %5$L IN (a.label, b.label))) AS c
        $query$, rows.query, rows.customer_equals, dates.from_date, dates.to_date, segment)
       INTO changed;
    -- A label has been there since the day after the last one without it.  Of the
    -- days with it each is a bit, so that its last days are the ones at the end; of
    -- those who left, the last one is their last day.
    -- IS TRUE: a hash of the customers is faster than as many looks into an index.
    RETURN QUERY EXECUTE format($query$
        WITH changed AS MATERIALIZED (
            SELECT * FROM unnest(CAST($2 AS %5$s[]), $3, $4, $5, $6, $7) AS c(customer, from_label, to_label, recency_days, frequency_orders, monetary_value)),
        lasting AS (
            SELECT s.customer, bit_or(d.mark)::text AS days
              FROM changed AS c
                   JOIN (SELECT s.run_date, s.customer, s.label FROM (%1$s) AS s
                          WHERE s.run_date > %3$L::date AND s.run_date < %4$L::date
                            AND (s.customer %2$s ANY (CAST($2 AS %5$s[]))) IS TRUE) AS s ON s.customer %2$s c.customer
                   JOIN (SELECT d.day, set_bit(repeat('0', cardinality($1))::varbit, d.place::int4 - 1, 1) AS mark
                           FROM unnest($1) WITH ORDINALITY AS d(day, place)) AS d ON d.day = s.run_date
             WHERE c.to_label IS NULL OR s.label = c.to_label
             GROUP BY s.customer)
        SELECT c.customer::text, c.from_label, c.to_label,
               $1[CASE WHEN c.to_label IS NULL THEN greatest(length(rtrim(l.days, '0')), 1) + 1
                       ELSE coalesce(length(rtrim(left(l.days, -1), '1')) + 1, cardinality($1)) END],
               c.recency_days, c.frequency_orders, c.monetary_value
          FROM changed AS c LEFT JOIN lasting AS l ON l.customer %2$s c.customer
         ORDER BY 4 DESC, c.monetary_value DESC NULLS LAST, c.customer
        $query$, rows.query, rows.customer_equals, dates.from_date, dates.to_date, rows.customer_type)
    USING days, changed.customers, changed.from_labels, changed.to_labels, changed.recencies, changed.frequencies, changed.moneys;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_changes(date, date, text, text, text, text, text) IS
    'the customers who entered or left a segment (by => ''comment'': a comment) from one snapshot to another, latest first. from_segment is null for new customers, to_segment for those who are no longer in the snapshot; since is the first snapshot from which on the customer has been in the present segment. The snapshots are chosen as by rfm_migration(). segment => ''At Risk'' returns only customers who entered or left that segment. Values are those of the later snapshot, or of the earlier one for customers who are no longer in it';

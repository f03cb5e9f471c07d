-- Who is where --------------------------------------------------------------

-- Each cell of recency and frequency, with the segment that most of its customers
-- are in.
CREATE FUNCTION rfm_internal.report_grid(
    cells rfm_internal.report_cell[], buckets int4[], by_revenue bool)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH label AS (
        SELECT c.r, c.f, c.segment, sum(c.customers) AS customers, sum(c.revenue) AS revenue FROM unnest($1) AS c GROUP BY c.r, c.f, c.segment
    ), grid AS (
        SELECT r, f, coalesce(sum(CASE WHEN $3 THEN l.revenue ELSE l.customers END), 0) AS value,
               (array_agg(l.segment ORDER BY l.customers DESC, l.segment COLLATE "C"))[1] AS segment
          FROM generate_series(1, $2[1]) AS r CROSS JOIN generate_series(1, $2[2]) AS f
               LEFT JOIN label AS l USING (r, f)
         GROUP BY r, f
    ), toned AS (
        SELECT *, sum(value) OVER () AS total, rfm_internal.report_tone(value, max(value) OVER ()) AS tone FROM grid
    ), line AS (
        SELECT f, format('<tr><th scope="row">%s</th>', f)
               || string_agg(format('<td class="%s" title="Recency %s, frequency %s: %s %s, %s">%s%s</td>', tone, r, f,
                      rfm_internal.report_number(value), CASE WHEN $3 THEN 'revenue' ELSE 'customers' END, rfm_internal.report_share(value, total),
                      CASE WHEN segment IS NULL THEN '&#183;' ELSE '<strong>' || rfm_internal.report_short(value) || '</strong>' END,
                      '<small>' || rfm_internal.report_text(CASE WHEN length(segment) > 30 THEN left(segment, 28) || '..' ELSE segment END) || '</small>'), '' ORDER BY r)
               || '</tr>' AS html
          FROM toned
         GROUP BY f
    )
    SELECT format('<table class="heat %s"><caption>%s</caption><thead><tr><td>f \ r</td>',
                  CASE WHEN $3 THEN 'revenue' ELSE 'customers' END, CASE WHEN $3 THEN E'Revenue\x03' ELSE 'Customers' END)
           || (SELECT string_agg(format('<th scope="col">%s</th>', r), '' ORDER BY r) FROM generate_series(1, $2[1]) AS r)
           || '</tr></thead><tbody>' || string_agg(html, E'\n' ORDER BY f DESC) || '</tbody></table>'
      FROM line
$body$;
COMMENT ON FUNCTION rfm_internal.report_grid(rfm_internal.report_cell[], int4[], bool) IS
    'internal: customers or revenue by recency and frequency score, with the names of the segments';

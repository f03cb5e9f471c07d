-- Heat maps ---------------------------------------------------------------

CREATE FUNCTION rfm_internal.report_heat(
    cells rfm_internal.report_cell[], buckets int4[], by_revenue bool)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH grid AS (
        SELECT r, f, coalesce(sum(CASE WHEN $3 THEN c.revenue ELSE c.customers END), 0) AS value
          FROM generate_series(1, $2[1]) AS r CROSS JOIN generate_series(1, $2[2]) AS f
               LEFT JOIN unnest($1) AS c USING (r, f)
         GROUP BY r, f
    ), toned AS (
        SELECT r, f, value, sum(value) OVER () AS total, CASE WHEN value <> 0 THEN rfm_internal.report_short(value) END AS shown,
               round(sqrt(greatest(value, 0) / greatest(max(value) OVER (), 1e-9)), 3) AS tone
          FROM grid
    ), size AS (
        SELECT 440 / $2[1] AS w, 320 / $2[2] AS h, CASE WHEN $3 THEN 'revenue' ELSE 'customers' END AS unit,
               least(15, round((440 / $2[1] - 7) / (0.62 * (SELECT max(length(shown)) FROM toned)), 1)) AS letters
    )
    SELECT format('<figure><figcaption>%s</figcaption><svg class="heat %s" viewBox="0 0 480 374" role="img" aria-label="%s by recency and frequency score">',
                  initcap(size.unit), size.unit, initcap(size.unit))
           || string_agg(format(
                  '<g class="%s"><title>Recency %s, frequency %s: %s %s, %s</title>'
                  || '<rect x="%s" y="%s" width="%s" height="%s" rx="4" fill-opacity="%s"/><text x="%s" y="%s" font-size="%s">%s</text></g>',
                  CASE WHEN value = 0 THEN 'z' WHEN tone > 0.72 THEN 'c' WHEN tone > 0.58 THEN 'b' ELSE 'a' END,
                  r, f, rfm_internal.report_number(value), size.unit, rfm_internal.report_share(value, total),
                  40 + (r - 1) * size.w, ($2[2] - f) * size.h, size.w - 3, size.h - 3, greatest(tone, 0.04),
                  40 + (r - 0.5) * size.w - 1.5, ($2[2] - f + 0.5) * size.h + 3.5, coalesce(size.letters, 15),
                  coalesce(shown, '&#183;')), E'\n' ORDER BY f DESC, r)
           || (SELECT string_agg(format('<text class="axis" x="%s" y="340">%s</text>', 40 + (r - 0.5) * size.w - 1.5, r), '')
                 FROM generate_series(1, $2[1]) AS r)
           || (SELECT string_agg(format('<text class="axis" x="29" y="%s">%s</text>', ($2[2] - f + 0.5) * size.h + 3.5, f), '')
                 FROM generate_series(1, $2[2]) AS f)
           || '<text class="axis" x="258" y="364">recency score: longest ago &#8594; most recent</text>'
           || '<text class="axis" transform="translate(12 160) rotate(-90)">frequency score: rarely &#8594; often</text></svg></figure>'
      FROM toned, size
     GROUP BY size.unit, size.w, size.h, size.letters
$body$;
COMMENT ON FUNCTION rfm_internal.report_heat(rfm_internal.report_cell[], int4[], bool) IS
    'internal: customers or revenue by recency and frequency score, as a heat map';

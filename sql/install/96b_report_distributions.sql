-- Distributions -----------------------------------------------------------

-- The values of each score on an axis.
CREATE FUNCTION rfm_internal.report_ranges(cells rfm_internal.report_cell[], axis int4)
RETURNS TABLE (score int4, customers numeric, low numeric, high numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT (ARRAY[c.r, c.f, c.m])[$2], sum(c.customers), min(c.low[$2]), max(c.high[$2])
      FROM unnest($1) AS c
     GROUP BY 1
     ORDER BY 1
$body$;
COMMENT ON FUNCTION rfm_internal.report_ranges(rfm_internal.report_cell[], int4) IS
    'internal: customers, lowest and highest value of each score on an axis';

-- The values at which one score ends and the next one begins: those customers have
-- different scores for the same value.  Null where scores overlap, as those of
-- several groups do.
CREATE FUNCTION rfm_internal.report_ties(cells rfm_internal.report_cell[], axis int4)
RETURNS numeric[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN bool_and(t.low >= t.before) THEN array_agg(DISTINCT t.low) FILTER (WHERE t.low = t.before) END
      FROM (SELECT r.low, lag(r.high) OVER (ORDER BY CASE WHEN $2 = 1 THEN -r.score ELSE r.score END) AS before
              FROM rfm_internal.report_ranges($1, $2) AS r) AS t
$body$;
COMMENT ON FUNCTION rfm_internal.report_ties(rfm_internal.report_cell[], int4) IS
    'internal: the values that a cut goes through';

CREATE FUNCTION rfm_internal.report_note_on_ties(scales rfm_internal.report_scale[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN count(s.ties) > 0 THEN
               '<p class="note">Divided: customers with the same value, but different scores. The method ntile makes scores of equal size, and divides such customers by their ids; '
               || 'the method rank gives equal values the same score.</p>' ELSE '' END
      FROM unnest($1) AS s
$body$;
COMMENT ON FUNCTION rfm_internal.report_note_on_ties(rfm_internal.report_scale[]) IS
    'internal: what it means that a cut goes through a value, where one does';

-- A long tail would compress everything else: the scale of frequency ends at twice
-- the value at which the best score begins, and that of monetary value is
-- logarithmic.
CREATE FUNCTION rfm_internal.report_scale(cells rfm_internal.report_cell[], axis int4)
RETURNS rfm_internal.report_scale
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT ROW($2, f.bins, CASE WHEN l.logs THEN l.low ELSE v.low END,
               CASE WHEN $2 = 2 THEN v.low + f.bins * f.step WHEN $2 = 1 THEN v.high + 1 ELSE greatest(v.high, v.low + 1) END,
               $2 = 2 AND v.high >= v.low + f.bins * f.step, l.logs, rfm_internal.report_ties($1, $2))::rfm_internal.report_scale
      FROM (SELECT CASE WHEN $2 = 1 THEN 0 ELSE min(r.low) END::float8 AS low, max(r.high)::float8 AS high,
                   (array_agg(r.low ORDER BY r.score DESC))[1]::float8 AS best, min(r.high) FILTER (WHERE r.high > 0)::float8 AS some
              FROM rfm_internal.report_ranges($1, $2) AS r) AS v,
           LATERAL (SELECT $2 = 3 AND v.high > 0 AND v.high > 50 * v.some AS logs,
                           greatest(v.low, v.some / 100, v.high / 1e5) AS low) AS l,
           LATERAL (SELECT least(v.high, greatest(2 * v.best, v.low + 9)) - v.low + 1 AS width) AS w,
           LATERAL (SELECT ceil(w.width / 40) AS step) AS s,
           LATERAL (SELECT s.step, CASE WHEN $2 = 2 THEN ceil(w.width / s.step)::int4 ELSE 40 END AS bins) AS f
$body$;
COMMENT ON FUNCTION rfm_internal.report_scale(rfm_internal.report_cell[], int4) IS
    'internal: the scale on which the values of an axis are drawn';

-- The position of a value on a scale, from 0 to 1.
CREATE FUNCTION rfm_internal.report_position(scale rfm_internal.report_scale, value float8)
RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN ($1).logs THEN ln(inside.value / ($1).low) / ln(($1).high / ($1).low)
                ELSE (inside.value - ($1).low) / (($1).high - ($1).low) END
      FROM (SELECT least(greatest($2, ($1).low), ($1).high) AS value) AS inside
$body$;
COMMENT ON FUNCTION rfm_internal.report_position(rfm_internal.report_scale, float8) IS
    'internal: the position of a value on a scale';

-- Round numbers along a scale: at most six.
CREATE FUNCTION rfm_internal.report_ticks(scale rfm_internal.report_scale)
RETURNS SETOF numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT tick.value
      FROM (SELECT unit.digit * 10::numeric ^ e AS step
              FROM generate_series(-6, 15) AS e, unnest(ARRAY[1, 2, 5]) AS unit(digit)
             WHERE unit.digit * 10::numeric ^ e >= greatest((($1).high - ($1).low)::numeric / 5, CASE WHEN ($1).axis < 3 THEN 1 ELSE 0 END)
             ORDER BY 1 LIMIT 1) AS linear,
           LATERAL (SELECT n * linear.step AS value
                      FROM generate_series(ceil(($1).low::numeric / linear.step), floor(($1).high::numeric / linear.step)) AS n
                     WHERE NOT ($1).logs
                    UNION ALL
                    SELECT 10::numeric ^ e
                      FROM generate_series(-6, 15) AS e
                     WHERE ($1).logs AND 10::float8 ^ e BETWEEN ($1).low AND ($1).high) AS tick
$body$;
COMMENT ON FUNCTION rfm_internal.report_ticks(rfm_internal.report_scale) IS
    'internal: the values of the labels of a scale';

-- counts: customers in each bin.  cuts: where each score but the lowest begins.
CREATE FUNCTION rfm_internal.report_histogram(
    scale rfm_internal.report_scale, counts int8[], cuts numeric[], unit text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<svg class="histogram" viewBox="0 0 340 170" role="img" aria-label="Distribution of %s with cut points">', $4)
           || (SELECT string_agg(format('<rect x="%s" y="%s" width="%s" height="%s"><title>%s customers</title></rect>',
                          round(10 + (bin - 1) * 320.0 / ($1).bins, 1), round(130 - h.height, 1),
                          round(320.0 / ($1).bins - 1, 1), round(h.height, 1), rfm_internal.report_number(n)), '' ORDER BY bin)
                 FROM unnest($2) WITH ORDINALITY AS counted(n, bin),
                      LATERAL (SELECT n * 108.0 / greatest((SELECT max(c) FROM unnest($2) AS c), 1) AS height) AS h)
           || coalesce((SELECT string_agg(format('<g class="cut"><title>cut point %s</title><line x1="%s" y1="14" x2="%s" y2="134"/></g>',
                                  rfm_internal.report_number(cut, CASE WHEN cut = trunc(cut) THEN 0 ELSE 2 END), p.x, p.x), '')
                          FROM unnest($3) AS cut,
                               LATERAL (SELECT round((10 + 320 * rfm_internal.report_position($1, cut::float8))::numeric, 1) AS x) AS p), '')
           || '<line class="base" x1="10" y1="130" x2="330" y2="130"/>'
           || coalesce((SELECT string_agg(format('<text class="axis" x="%s" y="148">%s</text>',
                                  round((10 + 320 * rfm_internal.report_position($1, tick::float8))::numeric, 1),
                                  rfm_internal.report_short(tick)), '')
                          FROM rfm_internal.report_ticks($1) AS tick), '')
           || format('<text class="axis" x="170" y="166">%s%s</text></svg>', $4,
                     CASE WHEN ($1).logs THEN ' (logarithmic scale)' WHEN ($1).beyond THEN ' (the last bar: all beyond)' ELSE '' END)
$body$;
COMMENT ON FUNCTION rfm_internal.report_histogram(rfm_internal.report_scale, int8[], numeric[], text) IS
    'internal: the histogram of an axis with its cut points';

-- tied: the customers with each value that a cut goes through.
CREATE FUNCTION rfm_internal.report_distribution(
    cells rfm_internal.report_cell[], scale rfm_internal.report_scale, counts int8[], tied int8[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT '<figure><figcaption>' || (ARRAY['Recency', 'Frequency', 'Monetary value'])[($2).axis] || '</figcaption>'
           || rfm_internal.report_histogram($2, $3,
                  (SELECT array_agg(CASE WHEN ($2).axis = 1 THEN r.high ELSE r.low END)
                     FROM rfm_internal.report_ranges($1, ($2).axis) AS r
                    WHERE r.score > 1),
                  (ARRAY['days since the last order', 'orders', E'monetary value\x03'])[($2).axis])
           || '<table class="numbers"><thead><tr><th scope="col">Score</th><th scope="col">From</th><th scope="col">To</th>'
           || '<th scope="col">Customers</th></tr></thead><tbody>'
           || (SELECT string_agg(concat('<tr><th scope="row">', r.score, '</th><td>',
                          rfm_internal.report_data(r.low, d.decimals), '</td><td>', rfm_internal.report_data(r.high, d.decimals), '</td><td>',
                          rfm_internal.report_data(r.customers), '</td></tr>'), E'\n' ORDER BY r.score DESC)
                 FROM rfm_internal.report_ranges($1, ($2).axis) AS r,
                      (SELECT CASE WHEN ($2).axis = 3 AND ($2).high < 1e7 THEN 2 ELSE 0 END AS decimals) AS d)
           || '</tbody></table>'
           || coalesce((SELECT format('<p class="note ties">Divided: %s customers: ', rfm_internal.report_data(sum(t.customers)))
                            || string_agg(rfm_internal.report_data(t.customers) || ' with ' || rfm_internal.report_data(t.value, CASE WHEN t.value = trunc(t.value) THEN 0 ELSE 2 END),
                                          ', ' ORDER BY t.value) || '.</p>'
                          FROM unnest(($2).ties, $4) AS t(value, customers)), '')
           || '</figure>'
$body$;
COMMENT ON FUNCTION rfm_internal.report_distribution(rfm_internal.report_cell[], rfm_internal.report_scale, int8[], int8[]) IS
    'internal: the distribution of the values of an axis, and what each score covers';

-- Segments ----------------------------------------------------------------

CREATE FUNCTION rfm_internal.report_bars(
    cells rfm_internal.report_cell[], by_comment bool, by_revenue bool)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format(E'<table class="bars %s"><caption>%s</caption>', u.unit, CASE WHEN $3 THEN E'Revenue\x03' ELSE 'Customers' END)
           || string_agg(format(
                  '<tr><th scope="row">%s</th><td><svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img">'
                  || '<title>%s</title><rect class="rest" width="100" height="10"/><rect width="%s" height="10"/></svg></td><td>%s</td><td>%s</td></tr>',
                  b.label, b.label || ': ' || b.shown || ' ' || u.unit || ', ' || b.share,
                  round(100 * greatest(b.value, 0) / greatest(b.largest, 1e-9), 2), rfm_internal.report_data(b.value), b.share),
                  E'\n' ORDER BY b.rank)
           || '</table>'
      FROM (SELECT CASE WHEN $3 THEN 'revenue' ELSE 'customers' END AS unit) AS u,
           (SELECT s.rank, rfm_internal.report_text(s.label) AS label, v.value, max(v.value) OVER () AS largest,
                   rfm_internal.report_number(v.value) AS shown,
                   rfm_internal.report_share(v.value, sum(v.value) OVER ()) AS share
              FROM rfm_internal.report_segments($1, $2) AS s,
                   LATERAL (SELECT CASE WHEN $3 THEN s.revenue ELSE s.customers END AS value) AS v) AS b
     GROUP BY u.unit
$body$;
COMMENT ON FUNCTION rfm_internal.report_bars(rfm_internal.report_cell[], bool, bool) IS
    'internal: customers or revenue of each segment, or comment, as bars';

CREATE FUNCTION rfm_internal.report_summary(cells rfm_internal.report_cell[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_wide('Segments in numbers', '<table class="numbers" id="summary"><caption>Segments in numbers</caption>'
           || '<thead><tr><th scope="col">Segment</th><th scope="col">Customers</th><th scope="col">Share</th><th scope="col">Orders</th>'
           || E'<th scope="col">Revenue\x03</th><th scope="col">Share</th><th scope="col">Average order value\x03</th>'
           || E'<th scope="col">Orders per customer</th><th scope="col">Revenue per customer\x03</th><th scope="col">Days since last order</th></tr></thead><tbody>'
           || string_agg(concat('<tr><th scope="row">', rfm_internal.report_text(s.label), '</th><td>', concat_ws('</td><td>',
                  rfm_internal.report_data(s.customers), rfm_internal.report_share(s.customers, s.all_customers),
                  rfm_internal.report_data(s.orders),
                  rfm_internal.report_data(s.revenue), rfm_internal.report_share(s.revenue, s.all_revenue),
                  rfm_internal.report_number(s.revenue / nullif(s.orders, 0), 2),
                  rfm_internal.report_number(s.orders / s.customers, 1),
                  rfm_internal.report_number(s.revenue / s.customers, 2),
                  rfm_internal.report_number(s.days / s.customers, 0)), '</td></tr>'), E'\n' ORDER BY s.rank)
           || '</tbody></table>')
      FROM (SELECT *, sum(customers) OVER () AS all_customers, sum(revenue) OVER () AS all_revenue
              FROM rfm_internal.report_segments($1)) AS s
$body$;
COMMENT ON FUNCTION rfm_internal.report_summary(rfm_internal.report_cell[]) IS
    'internal: the segments of a snapshot as a table';

-- What each segment means, what to do, and the query that lists its customers.
CREATE FUNCTION rfm_internal.report_guide(cells rfm_internal.report_cell[], model text, by text, score_group text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT '<dl class="guide">'
           || string_agg(format('<div><dt>%s</dt>', rfm_internal.report_text(s.label))
                  || coalesce(format('<dd>%s</dd>', rfm_internal.report_text(g.description)), '')
                  || coalesce(format('<dd class="action">%s</dd>', rfm_internal.report_text(g.action)), '')
                  || coalesce(format('<dd><code>%s</code></dd>', rfm_internal.report_text(g.query)), '<dd>Customers whom no rule takes.</dd>')
                  || '</div>', E'\n' ORDER BY s.rank)
           || '</dl>'
      FROM rfm_internal.report_segments($1) AS s
           LEFT JOIN @extschema@.rfm_segment_guide($2, $3, $4) AS g ON g.segment = s.label
$body$;
COMMENT ON FUNCTION rfm_internal.report_guide(rfm_internal.report_cell[], text, text, text) IS
    'internal: description and action of each segment, and the query that lists its customers';

CREATE FUNCTION rfm_internal.report_of_segments(cells rfm_internal.report_cell[], model text, by text, score_group text, labelled bool)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_section('segments', CASE WHEN $3 = 'comment' THEN 'Comments' ELSE 'Segments' END,
               'Who the customers are, best scores first, and what they have spent.',
               '<div class="pair">' || rfm_internal.report_bars($1, false, false) || rfm_internal.report_bars($1, false, true) || '</div>'
               || rfm_internal.report_summary($1)
               || CASE WHEN $5 THEN '<h3>What to do</h3>' || rfm_internal.report_guide($1, $2, $3, $4) ELSE '' END)
           || CASE WHEN (SELECT count(*) FROM rfm_internal.report_segments($1, true)) > 0
                   THEN rfm_internal.report_section('comments', 'Comments', 'The same customers by the other label of the model.',
                            '<div class="pair">' || rfm_internal.report_bars($1, true, false) || rfm_internal.report_bars($1, true, true) || '</div>')
                   ELSE '' END
$body$;
COMMENT ON FUNCTION rfm_internal.report_of_segments(rfm_internal.report_cell[], text, text, text, bool) IS
    'internal: the sections about segments and comments';

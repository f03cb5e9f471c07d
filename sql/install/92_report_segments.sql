-- Key figures -------------------------------------------------------------

CREATE FUNCTION rfm_internal.report_tile(label text, value numeric, decimals int4, before numeric)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<div class="tile"><dt>%s</dt><dd>%s%s</dd></div>', $1, rfm_internal.report_data($2, CASE WHEN abs($2) < 1e7 THEN $3 ELSE 0 END),
                  CASE WHEN $4 > 0 THEN
                      format('<small>%s %s%%</small>',
                             CASE sign(round(100 * ($2 - $4) / $4, 1)) WHEN 1 THEN '&#9650;' WHEN -1 THEN '&#9660;' ELSE '=' END,
                             rfm_internal.report_number(abs(100 * ($2 - $4) / $4), 1))
                  END)
$body$;
COMMENT ON FUNCTION rfm_internal.report_tile(text, numeric, int4, numeric) IS
    'internal: a key figure, and how it changed';

CREATE FUNCTION rfm_internal.report_figures(cells rfm_internal.report_cell[], before rfm_internal.report_cell[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT '<dl class="tiles">'
           || rfm_internal.report_tile('Customers', n.customers, 0, b.customers)
           || rfm_internal.report_tile('Orders', n.orders, 0, b.orders)
           || rfm_internal.report_tile('Revenue', n.revenue, 0, b.revenue)
           || rfm_internal.report_tile('Average order value', n.revenue / nullif(n.orders, 0), 2, b.revenue / nullif(b.orders, 0))
           || rfm_internal.report_tile('Revenue per customer', n.revenue / n.customers, 2, b.revenue / nullif(b.customers, 0))
           || rfm_internal.report_tile('Days since last order', n.days / n.customers, 1, b.days / nullif(b.customers, 0))
           || '</dl>'
      FROM (SELECT sum(customers) AS customers, sum(orders) AS orders, sum(revenue) AS revenue, sum(days) AS days FROM unnest($1)) AS n,
           (SELECT sum(customers) AS customers, sum(orders) AS orders, sum(revenue) AS revenue, sum(days) AS days FROM unnest($2)) AS b
$body$;
COMMENT ON FUNCTION rfm_internal.report_figures(rfm_internal.report_cell[], rfm_internal.report_cell[]) IS
    'internal: the key figures of a snapshot, compared with another';


-- Segments ----------------------------------------------------------------

CREATE FUNCTION rfm_internal.report_bars(
    cells rfm_internal.report_cell[], by_comment bool, by_revenue bool)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<table class="bars %s"><caption>%s</caption>', u.unit, initcap(u.unit))
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
    SELECT '<div class="wide"><table class="numbers" id="summary"><caption>Segments in numbers</caption>'
           || '<thead><tr><th scope="col">Segment</th><th scope="col">Customers</th><th scope="col">Share</th><th scope="col">Orders</th>'
           || '<th scope="col">Revenue</th><th scope="col">Share</th><th scope="col">Average order</th>'
           || '<th scope="col">Orders each</th><th scope="col">Revenue each</th><th scope="col">Days since last order</th></tr></thead><tbody>'
           || string_agg(concat('<tr><th scope="row">', rfm_internal.report_text(s.label), '</th><td>', concat_ws('</td><td>',
                  rfm_internal.report_data(s.customers), rfm_internal.report_share(s.customers, s.all_customers),
                  rfm_internal.report_data(s.orders),
                  rfm_internal.report_data(s.revenue), rfm_internal.report_share(s.revenue, s.all_revenue),
                  rfm_internal.report_number(s.revenue / nullif(s.orders, 0), 2),
                  rfm_internal.report_number(s.orders / s.customers, 1),
                  rfm_internal.report_number(s.revenue / s.customers, 2),
                  rfm_internal.report_number(s.days / s.customers, 0)), '</td></tr>'), E'\n' ORDER BY s.rank)
           || '</tbody></table></div>'
      FROM (SELECT *, sum(customers) OVER () AS all_customers, sum(revenue) OVER () AS all_revenue
              FROM rfm_internal.report_segments($1)) AS s
$body$;
COMMENT ON FUNCTION rfm_internal.report_summary(rfm_internal.report_cell[]) IS
    'internal: the segments of a snapshot as a table';

CREATE FUNCTION rfm_internal.report_of_segments(cells rfm_internal.report_cell[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_section('segments', 'Segments', 'Who the customers are, best scores first, and what they have spent.',
               '<div class="pair">' || rfm_internal.report_bars($1, false, false) || rfm_internal.report_bars($1, false, true) || '</div>'
               || rfm_internal.report_summary($1))
           || CASE WHEN (SELECT count(*) FROM rfm_internal.report_segments($1, true)) > 0
                   THEN rfm_internal.report_section('comments', 'Traits', 'The same customers by what their three scores tell of them (comments).',
                            '<div class="pair">' || rfm_internal.report_bars($1, true, false) || rfm_internal.report_bars($1, true, true) || '</div>')
                   ELSE '' END
$body$;
COMMENT ON FUNCTION rfm_internal.report_of_segments(rfm_internal.report_cell[]) IS
    'internal: the sections about segments and comments';

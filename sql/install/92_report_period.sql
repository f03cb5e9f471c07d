-- Figures -------------------------------------------------------------------
--
-- First the period between the two snapshots, then all customers.  The period is
-- the difference of the snapshots if they count all orders.

CREATE FUNCTION rfm_internal.report_tile(label text, shown text, value numeric, before numeric)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<div class="tile"><dt>%s</dt><dd>%s%s</dd></div>', $1, $2,
                  CASE WHEN $4 > 0 AND $3 IS NOT NULL THEN
                      format('<small>%s %s%%</small>',
                             CASE sign(round(100 * ($3 - $4) / $4, 1)) WHEN 1 THEN '&#9650;' WHEN -1 THEN '&#9660;' ELSE '=' END,
                             rfm_internal.report_number(abs(100 * ($3 - $4) / $4), 1))
                  END)
$body$;
COMMENT ON FUNCTION rfm_internal.report_tile(text, text, numeric, numeric) IS
    'internal: a key figure, and how it changed in percent';

CREATE FUNCTION rfm_internal.report_figure(label text, value numeric, decimals int4, before numeric)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_tile($1, rfm_internal.report_data($2, CASE WHEN abs($2) < 1e6 THEN $3 ELSE 0 END), $2, $4)
$body$;
COMMENT ON FUNCTION rfm_internal.report_figure(text, numeric, int4, numeric) IS
    'internal: a key figure that is an amount or a count';

-- The totals of a snapshot's cells.
CREATE FUNCTION rfm_internal.report_totals(
    cells rfm_internal.report_cell[],
    OUT customers numeric, OUT repeated numeric, OUT recent numeric, OUT orders numeric, OUT revenue numeric, OUT days numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT sum(c.customers), sum(c.repeated), sum(c.recent), sum(c.orders), sum(c.revenue), sum(c.days) FROM unnest($1) AS c
$body$;
COMMENT ON FUNCTION rfm_internal.report_totals(rfm_internal.report_cell[]) IS
    'internal: a snapshot as one row';

-- Of each segment of the earlier snapshot, and of those who were in none (null):
-- customers, buyers, orders and revenue of the period.
CREATE FUNCTION rfm_internal.report_outcomes(
    cells rfm_internal.report_cell[], before rfm_internal.report_cell[], moves rfm_internal.report_move[])
RETURNS TABLE (segment text, customers numeric, buyers numeric, orders numeric, revenue numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT b.segment, b.customers, coalesce(m.buyers, 0), coalesce(m.orders, 0), coalesce(m.revenue, 0)
      FROM (SELECT c.segment, sum(c.customers) AS customers FROM unnest($2) AS c GROUP BY c.segment) AS b
           LEFT JOIN (SELECT m.from_segment, sum(m.buyers) AS buyers, sum(m.orders) AS orders, sum(m.revenue) AS revenue
                        FROM unnest($3) AS m GROUP BY m.from_segment) AS m ON m.from_segment = b.segment
    UNION ALL
    SELECT NULL, n.customers, n.customers, n.orders, n.revenue
      FROM (SELECT a.customers - coalesce(m.customers, 0) AS customers,
                   a.orders - coalesce(m.later, 0) AS orders, a.revenue - coalesce(m.worth, 0) AS revenue
              FROM rfm_internal.report_totals($1) AS a,
                   (SELECT sum(m.customers) AS customers, sum(m.later) AS later, sum(m.worth) AS worth FROM unnest($3) AS m) AS m) AS n
     WHERE n.customers > 0
$body$;
COMMENT ON FUNCTION rfm_internal.report_outcomes(rfm_internal.report_cell[], rfm_internal.report_cell[], rfm_internal.report_move[]) IS
    'internal: what the customers of each segment did in the period';

-- start: where the period before begins, with the snapshot past; null: not known.
CREATE FUNCTION rfm_internal.report_period(
    start date, since date, until date, additive bool, cells rfm_internal.report_cell[], before rfm_internal.report_cell[],
    past rfm_internal.report_cell[], moves rfm_internal.report_move[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_section('period', 'The period',
               format('From %s to %s (%s days)', to_char($2 + 1, 'YYYY-MM-DD'), to_char($3, 'YYYY-MM-DD'), $3 - $2)
               || coalesce(', compared with the ' || $2 - $1 || ' days before.', '; no snapshot tells the period before.')
               || CASE WHEN $4 THEN '' ELSE ' Snapshots of this model do not count all orders, so they do not tell the orders and revenue of a period.' END,
               '<dl class="tiles">'
               || CASE WHEN $4 THEN
                      rfm_internal.report_figure(E'Revenue\x03', o.revenue, 2, b.revenue - e.revenue)
                      || rfm_internal.report_figure('Orders', o.orders, 0, b.orders - e.orders)
                      || rfm_internal.report_figure('Buyers', o.buyers, 0, b.recent)
                      || rfm_internal.report_figure('New customers', o.new_ones, 0, b.customers - e.customers)
                      || rfm_internal.report_figure('Returning customers', o.buyers - o.new_ones, 0, b.recent - (b.customers - e.customers))
                      || rfm_internal.report_figure(E'Average order value\x03', round(o.revenue / nullif(o.orders, 0), 2), 2,
                                                    (b.revenue - e.revenue) / nullif(b.orders - e.orders, 0))
                  ELSE rfm_internal.report_figure('Buyers', a.recent, 0, b.recent) END
               || '</dl>')
      FROM (SELECT sum(buyers) AS buyers, coalesce(sum(customers) FILTER (WHERE segment IS NULL), 0) AS new_ones,
                   sum(orders) AS orders, sum(revenue) AS revenue
              FROM rfm_internal.report_outcomes($5, $6, $8)) AS o,
           rfm_internal.report_totals($5) AS a, rfm_internal.report_totals($6) AS b, rfm_internal.report_totals($7) AS e
$body$;
COMMENT ON FUNCTION rfm_internal.report_period(date, date, date, bool, rfm_internal.report_cell[], rfm_internal.report_cell[], rfm_internal.report_cell[], rfm_internal.report_move[]) IS
    'internal: the section about the period between two snapshots';

-- best: revenue of the tenth of the customers with most of it.
CREATE FUNCTION rfm_internal.report_standing(cells rfm_internal.report_cell[], before rfm_internal.report_cell[], best numeric)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_section('standing', 'The customers so far',
               'All orders that the snapshot counts. Repeat rate: the share of the customers with more than one order. Best tenth: the tenth of the customers with the highest monetary value.',
               '<dl class="tiles">'
               || rfm_internal.report_figure('Customers', n.customers, 0, b.customers)
               || rfm_internal.report_figure('Orders', n.orders, 0, b.orders)
               || rfm_internal.report_figure(E'Revenue\x03', n.revenue, 2, b.revenue)
               || rfm_internal.report_figure(E'Revenue per customer\x03', n.revenue / n.customers, 2, b.revenue / nullif(b.customers, 0))
               || rfm_internal.report_tile('Repeat rate', rfm_internal.report_share(n.repeated, n.customers), NULL, NULL)
               || rfm_internal.report_tile('Revenue from the best tenth', rfm_internal.report_share($3, n.revenue), NULL, NULL)
               || '</dl>')
      FROM rfm_internal.report_totals($1) AS n, rfm_internal.report_totals($2) AS b
$body$;
COMMENT ON FUNCTION rfm_internal.report_standing(rfm_internal.report_cell[], rfm_internal.report_cell[], numeric) IS
    'internal: the section about all customers of a snapshot';

CREATE FUNCTION rfm_internal.report_outcome(
    cells rfm_internal.report_cell[], before rfm_internal.report_cell[], moves rfm_internal.report_move[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_section('outcome', 'What each segment did in the period',
               'Segments as they were at the beginning of the period, and what their customers bought until its end.',
               rfm_internal.report_wide('Outcome by segment', '<table class="numbers" id="outcomes"><thead><tr><th scope="col">Segment then</th><th scope="col">Customers</th>'
               || '<th scope="col">Bought</th><th scope="col">Share</th><th scope="col">Orders</th>'
               || E'<th scope="col">Revenue\x03</th><th scope="col">Revenue per customer\x03</th></tr></thead><tbody>'
               || string_agg(concat('<tr><th scope="row">', coalesce(rfm_internal.report_text(o.segment), '<em>New customers</em>'), '</th><td>', concat_ws('</td><td>',
                      rfm_internal.report_data(o.customers), rfm_internal.report_data(o.buyers), rfm_internal.report_share(o.buyers, o.customers),
                      rfm_internal.report_data(o.orders), rfm_internal.report_data(o.revenue, 2),
                      rfm_internal.report_number(o.revenue / o.customers, 2)), '</td></tr>'), E'\n' ORDER BY s.rank, o.segment COLLATE "C")
               || '</tbody></table>'))
      FROM rfm_internal.report_outcomes($1, $2, $3) AS o
           LEFT JOIN rfm_internal.report_segments($2) AS s ON s.label = o.segment
$body$;
COMMENT ON FUNCTION rfm_internal.report_outcome(rfm_internal.report_cell[], rfm_internal.report_cell[], rfm_internal.report_move[]) IS
    'internal: the section about what the segments did in the period';

-- Movements ---------------------------------------------------------------

-- Every pair of segments, the new (from null) and the lost (to null) included.
CREATE FUNCTION rfm_internal.report_pairs(
    cells rfm_internal.report_cell[], before rfm_internal.report_cell[], moves rfm_internal.report_move[])
RETURNS TABLE (from_segment text, to_segment text, customers numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT p.from_segment, p.to_segment, sum(p.customers)
      FROM (SELECT m.from_segment, m.to_segment, m.customers FROM unnest($3) AS m
            UNION ALL
            SELECT NULL, n.segment, n.customers FROM unnest($1) AS n
            UNION ALL
            SELECT NULL, m.to_segment, -m.customers FROM unnest($3) AS m
            UNION ALL
            SELECT b.segment, NULL, b.customers FROM unnest($2) AS b
            UNION ALL
            SELECT m.from_segment, NULL, -m.customers FROM unnest($3) AS m) AS p
     GROUP BY 1, 2
    HAVING sum(p.customers) > 0
$body$;
COMMENT ON FUNCTION rfm_internal.report_pairs(rfm_internal.report_cell[], rfm_internal.report_cell[], rfm_internal.report_move[]) IS
    'internal: customers who moved between segments, are new, or are no longer in the snapshot';

CREATE FUNCTION rfm_internal.report_matrix(
    cells rfm_internal.report_cell[], before rfm_internal.report_cell[], moves rfm_internal.report_move[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH known AS (
        SELECT s.label, min(s.place) AS place
          FROM (SELECT label, rank AS place FROM rfm_internal.report_segments($1)
                UNION ALL
                SELECT label, rank + 1000 FROM rfm_internal.report_segments($2)) AS s
         GROUP BY s.label
    ), side AS (
        SELECT label, place, label AS new_name, label AS lost_name FROM known
        UNION ALL
        SELECT NULL, 3000, 'New customers', 'No longer there'
    ), cell AS (
        SELECT f.place AS row, t.place AS col, f.label AS from_label, t.label AS to_label,
               f.new_name AS from_name, t.lost_name AS to_name, coalesce(p.customers, 0) AS n,
               sum(coalesce(p.customers, 0)) OVER (PARTITION BY f.place) AS of_row
          FROM side AS f CROSS JOIN side AS t
               LEFT JOIN rfm_internal.report_pairs($1, $2, $3) AS p
                      ON p.from_segment IS NOT DISTINCT FROM f.label AND p.to_segment IS NOT DISTINCT FROM t.label
         WHERE f.label IS NOT NULL OR t.label IS NOT NULL
    ), line AS (
        SELECT row, format('<tr><th scope="row">%s</th>', rfm_internal.report_text(min(from_name)))
               || string_agg(CASE WHEN n = 0 THEN '<td class="none">&#183;</td>'
                                  ELSE format('<td class="%s" title="%s &#8594; %s: %s customers, %s of the row">%s</td>',
                                           concat_ws(' ', CASE WHEN from_label = to_label THEN 'stay' END, rfm_internal.report_tone(n, of_row)),
                                           rfm_internal.report_text(from_name), rfm_internal.report_text(to_name),
                                           rfm_internal.report_number(n), rfm_internal.report_share(n, of_row), rfm_internal.report_data(n))
                             END, '' ORDER BY col)
               || CASE WHEN min(from_label) IS NULL THEN '<td class="none"></td>' ELSE '' END
               || format('<td class="sum">%s</td></tr>', rfm_internal.report_number(sum(n))) AS html
          FROM cell
         GROUP BY row
    )
    SELECT rfm_internal.report_wide('From segment to segment', '<table class="matrix" id="matrix"><caption>From (rows) to (columns), customers</caption><thead><tr><td></td>'
           || (SELECT string_agg(format('<th scope="col"><span title="%s">%s</span></th>', rfm_internal.report_text(lost_name),
                      rfm_internal.report_text(CASE WHEN length(lost_name) > 24 THEN left(lost_name, 22) || '..' ELSE lost_name END)), '' ORDER BY place)
                 FROM side)
           || '<th scope="col"><span>All</span></th></tr></thead><tbody>' || string_agg(html, E'\n' ORDER BY row) || '</tbody></table>')
      FROM line
$body$;
COMMENT ON FUNCTION rfm_internal.report_matrix(rfm_internal.report_cell[], rfm_internal.report_cell[], rfm_internal.report_move[]) IS
    'internal: movements between the segments of two snapshots as a matrix';

-- The movements with the most revenue.
CREATE FUNCTION rfm_internal.report_flows(moves rfm_internal.report_move[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_wide('Movements with most revenue',
               '<table class="numbers" id="flows"><caption>Movements with most revenue</caption><thead><tr><th scope="col">From</th>'
               || E'<th scope="col" class="words">To</th><th scope="col">Customers</th><th scope="col">Monetary value now\x03</th></tr></thead><tbody>'
               || string_agg(concat('<tr><th scope="row">', rfm_internal.report_text(f.from_segment), '</th><td class="words">', rfm_internal.report_text(f.to_segment),
                      '</td><td>', rfm_internal.report_data(f.customers), '</td><td>', rfm_internal.report_data(f.worth, 2), '</td></tr>'), E'\n' ORDER BY f.n)
               || '</tbody></table>')
      FROM (SELECT m.from_segment, m.to_segment, sum(m.customers) AS customers, sum(m.worth) AS worth,
                   row_number() OVER (ORDER BY sum(m.worth) DESC, m.from_segment COLLATE "C", m.to_segment COLLATE "C") AS n
              FROM unnest($1) AS m
             WHERE m.from_segment <> m.to_segment
             GROUP BY m.from_segment, m.to_segment) AS f
     WHERE f.n <= 10
    HAVING count(*) > 0
$body$;
COMMENT ON FUNCTION rfm_internal.report_flows(rfm_internal.report_move[]) IS
    'internal: the movements between segments with the most revenue; null: there are none';

CREATE FUNCTION rfm_internal.report_movers_table(movers rfm_internal.report_mover[], rising bool)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_wide(CASE WHEN $2 THEN 'Risen most' ELSE 'Fallen most' END, format('<table class="numbers movers" id="%s"><caption>%s</caption>', w.id, w.title)
           || coalesce('<thead><tr><th scope="col">Customer</th><th scope="col" class="words">Segment</th><th scope="col">Score</th>'
               || E'<th scope="col">Monetary value\x03</th><th scope="col">Orders</th><th scope="col">Days since last order</th></tr></thead><tbody>'
               || string_agg(concat('<tr><th scope="row">', rfm_internal.report_text(m.customer), '</th><td class="words">',
                      concat_ws(' &#8594; ', CASE WHEN m.from_segment <> m.to_segment THEN rfm_internal.report_text(m.from_segment) END,
                                rfm_internal.report_text(m.to_segment)), '</td><td>',
                      m.from_score, ' &#8594; ', m.to_score, '</td><td>', concat_ws('</td><td>', rfm_internal.report_data(m.revenue, 2),
                      rfm_internal.report_number(m.orders), rfm_internal.report_number(m.days)), '</td></tr>'), E'\n'
                      ORDER BY abs(m.to_score - m.from_score) DESC, m.revenue DESC NULLS LAST, m.customer COLLATE "C") || '</tbody></table>',
               '<tbody><tr><td class="words">None.</td></tr></tbody></table>'))
      FROM (SELECT CASE WHEN $2 THEN 'risen' ELSE 'fallen' END AS id,
                   CASE WHEN $2 THEN '&#9650; Risen most' ELSE '&#9660; Fallen most' END AS title) AS w
           LEFT JOIN unnest($1) AS m ON (m.to_score > m.from_score) = $2
     GROUP BY w.id, w.title
$body$;
COMMENT ON FUNCTION rfm_internal.report_movers_table(rfm_internal.report_mover[], bool) IS
    'internal: the customers who rose or fell most';

CREATE FUNCTION rfm_internal.report_of_movements(
    since date, cells rfm_internal.report_cell[], before rfm_internal.report_cell[],
    moves rfm_internal.report_move[], movers rfm_internal.report_mover[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_section('movements', format('Movements since %s', to_char($1, 'YYYY-MM-DD')),
               format('Of the customers in both snapshots the sum of scores rose for %s, fell for %s and stayed for %s. '
                      || 'The stronger the colour of a cell, the larger its share of the row; framed: who stayed.',
                      rfm_internal.report_data(t.risen), rfm_internal.report_data(t.fallen), rfm_internal.report_data(t.same)),
               rfm_internal.report_matrix($2, $3, $4) || coalesce(rfm_internal.report_flows($4), ''))
           || rfm_internal.report_section('movers', 'Biggest movers',
               'The customers whose sum of scores changed most; among equals those who spent most.',
               rfm_internal.report_movers_table($5, false) || rfm_internal.report_movers_table($5, true))
      FROM (SELECT coalesce(sum(customers) FILTER (WHERE change > 0), 0) AS risen,
                   coalesce(sum(customers) FILTER (WHERE change < 0), 0) AS fallen,
                   coalesce(sum(customers) FILTER (WHERE change = 0), 0) AS same
              FROM unnest($4)) AS t
$body$;
COMMENT ON FUNCTION rfm_internal.report_of_movements(date, rfm_internal.report_cell[], rfm_internal.report_cell[], rfm_internal.report_move[], rfm_internal.report_mover[]) IS
    'internal: the sections about movements between two snapshots';

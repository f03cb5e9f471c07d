-- The trend ---------------------------------------------------------------

CREATE FUNCTION rfm_internal.report_line(
    label text, places numeric[], shares numeric[], customers numeric[], top numeric, first date, last date)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<figure class="trend"><figcaption>%1$s</figcaption>'
                  || '<svg viewBox="0 0 200 56" preserveAspectRatio="none" role="img"><title>%1$s: %2$s customers, then %3$s</title>'
                  || '<line x1="0" y1="54" x2="200" y2="54" vector-effect="non-scaling-stroke"/><polyline points="%6$s" vector-effect="non-scaling-stroke"/></svg>'
                  || '<p><span>%7$s<br/>%2$s (%4$s)</span><span>%8$s<br/><strong>%3$s</strong> (%5$s)</span></p></figure>',
                  rfm_internal.report_text($1), rfm_internal.report_number($4[1]), rfm_internal.report_number($4[cardinality($4)]),
                  rfm_internal.report_share($3[1], 1), rfm_internal.report_share($3[cardinality($3)], 1),
                  p.points, to_char($6, 'YYYY-MM-DD'), to_char($7, 'YYYY-MM-DD'))
      FROM (SELECT string_agg(round(200 * place, 1) || ',' || round(54 - 50 * share / greatest($5, 1e-9), 1), ' ' ORDER BY place) AS points
              FROM unnest($2, $3) AS v(place, share)) AS p
$body$;
COMMENT ON FUNCTION rfm_internal.report_line(text, numeric[], numeric[], numeric[], numeric, date, date) IS
    'internal: the trend of a segment: its share at moments from 0 to 1';

CREATE FUNCTION rfm_internal.report_of_trend(
    points rfm_internal.report_point[], cells rfm_internal.report_cell[], all_dates int4)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH day AS (
        SELECT p.run_date, sum(p.customers) AS customers, min(p.run_date) OVER () AS first, max(p.run_date) OVER () AS last
          FROM unnest($1) AS p
         GROUP BY p.run_date
    ), label AS (
        SELECT l.segment, coalesce(s.rank, 1000) AS rank
          FROM (SELECT DISTINCT p.segment FROM unnest($1) AS p) AS l
               LEFT JOIN rfm_internal.report_segments($2) AS s ON s.label = l.segment
    ), point AS (
        SELECT label.segment, label.rank, day.run_date, coalesce(p.customers, 0) AS customers,
               (day.run_date - day.first)::numeric / greatest(day.last - day.first, 1) AS place,
               coalesce(p.customers, 0) / day.customers AS share
          FROM label CROSS JOIN day LEFT JOIN unnest($1) AS p ON p.segment = label.segment AND p.run_date = day.run_date
    ), line AS (
        SELECT rank, segment, rfm_internal.report_line(segment, array_agg(place ORDER BY run_date), array_agg(share ORDER BY run_date),
                         array_agg(customers ORDER BY run_date), max(share), min(run_date), max(run_date)) AS html
          FROM point
         GROUP BY rank, segment
    )
    SELECT rfm_internal.report_section('trend', 'Trend of the segments',
               format('Share of the customers from %s to %s (%s of %s snapshots), each segment on a scale from zero to its own highest value.',
                      (SELECT to_char(min(run_date), 'YYYY-MM-DD') FROM day), (SELECT to_char(max(run_date), 'YYYY-MM-DD') FROM day),
                      (SELECT count(*) FROM day), $3),
               '<div class="trends">' || (SELECT string_agg(html, E'\n' ORDER BY rank, segment COLLATE "C") FROM line) || '</div>')
$body$;
COMMENT ON FUNCTION rfm_internal.report_of_trend(rfm_internal.report_point[], rfm_internal.report_cell[], int4) IS
    'internal: the section about the segments over time';

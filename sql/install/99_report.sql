-- Reading -----------------------------------------------------------------
--
-- A snapshot is large and what is wanted of it is small: every reading groups it
-- at once, and each snapshot is read as few times as can be.  rfm_report() has the
-- settings for that which the functions of the analysis have.  Where expressions of
-- several columns are grouped, OFFSET 0 keeps the planner from multiplying what it
-- knows of the columns: it would expect a group a customer, and sort them all.

-- One snapshot of the query that snapshot_rows() gives, as a subquery.
CREATE FUNCTION rfm_internal.report_snapshot(query text, run_date date)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('(SELECT q.customer, q.recency_days AS days, q.frequency_orders AS orders, q.monetary_value AS revenue,'
                  ' q.r_score AS r, q.f_score AS f, q.m_score AS m, coalesce(q.segment, q.comment, ''All customers'') AS segment,'
                  ' CASE WHEN q.segment IS NOT NULL THEN q.comment END AS comment'
                  ' FROM (%s) AS q WHERE q.run_date = %L::date)', $1, to_char($2, 'YYYY-MM-DD'))
$body$;
COMMENT ON FUNCTION rfm_internal.report_snapshot(text, date) IS
    'internal: a snapshot as a subquery';

-- Of a snapshot to compare with the lowest and highest values are not wanted.
CREATE FUNCTION rfm_internal.report_cells(snapshot text, ranges bool)
RETURNS rfm_internal.report_cell[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    cells rfm_internal.report_cell[];
BEGIN
    EXECUTE format('SELECT array_agg(ROW(c.*)::rfm_internal.report_cell) FROM ('
                   ' SELECT s.r, s.f, s.m, s.segment, s.comment, count(*), sum(s.orders)::numeric, coalesce(sum(s.revenue), 0)::numeric, sum(s.days)::numeric, %s'
                   '   FROM %s AS s GROUP BY s.r, s.f, s.m, s.segment, s.comment) AS c',
                   CASE WHEN ranges THEN 'ARRAY[min(s.days)::numeric, min(s.orders)::numeric, min(s.revenue)::numeric],'
                                         'ARRAY[max(s.days)::numeric, max(s.orders)::numeric, max(s.revenue)::numeric]'
                        ELSE 'NULL::numeric[], NULL::numeric[]' END, snapshot)
       INTO cells;
    RETURN cells;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_cells(text, bool) IS
    'internal: a snapshot by score and label';

-- The bin of a row on a scale, as SQL.
CREATE FUNCTION rfm_internal.report_bin(scale rfm_internal.report_scale)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('least(width_bucket(' || CASE WHEN ($1).logs THEN 'ln(%1$s), ln(%2$L::float8), ln(%3$L::float8)'
                                                ELSE '%1$s, %2$L::float8, %3$L::float8' END || ', %4$s), %4$s)',
                  format('least(greatest(s.%s::float8, %L::float8), %L::float8)', (ARRAY['days', 'orders', 'revenue'])[($1).axis], ($1).low, ($1).high),
                  ($1).low, ($1).high, ($1).bins)
$body$;
COMMENT ON FUNCTION rfm_internal.report_bin(rfm_internal.report_scale) IS
    'internal: the expression for the bin of a value';

-- All three axes in one reading of the snapshot.
CREATE FUNCTION rfm_internal.report_counts(snapshot text, scales rfm_internal.report_scale[])
RETURNS TABLE (axis int4, counts int8[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    binned jsonb;
BEGIN
    EXECUTE format('SELECT jsonb_agg(to_jsonb(b)) FROM (SELECT v.r, v.f, v.m, count(*) AS n'
                   ' FROM (SELECT %s AS r, %s AS f, %s AS m FROM %s AS s OFFSET 0) AS v GROUP BY v.r, v.f, v.m) AS b',
                   rfm_internal.report_bin(scales[1]), rfm_internal.report_bin(scales[2]), rfm_internal.report_bin(scales[3]), snapshot)
       INTO binned;
    RETURN QUERY
        WITH counted AS (
            SELECT p.axis, p.bin, sum(b.n)::int8 AS n
              FROM jsonb_to_recordset(binned) AS b(r int4, f int4, m int4, n int8),
                   LATERAL (VALUES (1, b.r), (2, b.f), (3, b.m)) AS p(axis, bin)
             GROUP BY p.axis, p.bin)
        SELECT scale.axis, array_agg(coalesce(c.n, 0) ORDER BY place)
          FROM unnest(scales) AS scale CROSS JOIN LATERAL generate_series(1, scale.bins) AS place
               LEFT JOIN counted AS c ON c.axis = scale.axis AND c.bin = place
         GROUP BY scale.axis;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_counts(text, rfm_internal.report_scale[]) IS
    'internal: the customers in each bin of the scales of r, f and m';

CREATE FUNCTION rfm_internal.report_moves(snapshot text, before text, equals text)
RETURNS rfm_internal.report_move[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    moves rfm_internal.report_move[];
BEGIN
    EXECUTE format('SELECT array_agg(ROW(p.*)::rfm_internal.report_move) FROM ('
                   ' SELECT v.from_segment, v.to_segment, v.change, count(*)'
                   '   FROM (SELECT b.segment AS from_segment, a.segment AS to_segment, a.r + a.f + a.m - b.r - b.f - b.m AS change'
                   '           FROM %1$s AS a JOIN %2$s AS b ON a.customer %3$s b.customer OFFSET 0) AS v'
                   '  GROUP BY v.from_segment, v.to_segment, v.change) AS p', snapshot, before, equals)
       INTO moves;
    RETURN moves;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_moves(text, text, text) IS
    'internal: customers in both of two snapshots by segments and change';

-- Only those are joined again whose change is among the ten largest, with no more
-- of them than it takes to choose; the rest of the chosen is looked up after that.
CREATE FUNCTION rfm_internal.report_movers(
    snapshot text, before text, equals text, customer_type text, moves rfm_internal.report_move[])
RETURNS rfm_internal.report_mover[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    many CONSTANT int4 := 10;
    fall int4;
    rise int4;
    chosen text[];
    movers rfm_internal.report_mover[];
BEGIN
    SELECT max(t.change) FILTER (WHERE t.change < 0 AND t.fell - t.customers < many),
           min(t.change) FILTER (WHERE t.change > 0 AND t.rose - t.customers < many)
      INTO fall, rise
      FROM (SELECT m.change, sum(m.customers) AS customers,
                   sum(sum(m.customers)) OVER (ORDER BY m.change) AS fell,
                   sum(sum(m.customers)) OVER (ORDER BY m.change DESC) AS rose
              FROM unnest(moves) AS m
             GROUP BY m.change) AS t;
    EXECUTE format($query$
        SELECT array_agg(t.customer::text)
          FROM (SELECT a.customer, row_number() OVER (PARTITION BY a.score > b.score
                           ORDER BY abs(a.score - b.score) DESC, a.revenue DESC NULLS LAST, a.customer::text COLLATE "C") AS n
                  FROM (SELECT s.customer, s.revenue, s.r + s.f + s.m AS score FROM %1$s AS s) AS a
                       JOIN (SELECT s.customer, s.r + s.f + s.m AS score FROM %2$s AS s) AS b ON a.customer %3$s b.customer
                 WHERE a.score - b.score <= $1 OR a.score - b.score >= $2) AS t
         WHERE t.n <= $3
        $query$, snapshot, before, equals)
       INTO chosen USING fall, rise, many;
    EXECUTE format($query$
        SELECT array_agg(ROW(a.customer::text, b.segment, a.segment, b.r + b.f + b.m, a.r + a.f + a.m,
                             a.days::numeric, a.orders::numeric, a.revenue::numeric)::rfm_internal.report_mover)
          FROM %1$s AS a JOIN %2$s AS b ON a.customer %3$s b.customer
         WHERE a.customer %3$s ANY (CAST($1 AS %4$s[])) AND b.customer %3$s ANY (CAST($1 AS %4$s[]))
        $query$, snapshot, before, equals, customer_type)
       INTO movers USING chosen;
    RETURN movers;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_movers(text, text, text, text, rfm_internal.report_move[]) IS
    'internal: the customers who rose or fell most between two snapshots';

-- Snapshots evenly spread over the dates, the last one included: as many as
-- can be read in about a second.  known has what need not be read again.
CREATE FUNCTION rfm_internal.report_points(
    query text, dates date[], customers numeric, known rfm_internal.report_point[])
RETURNS rfm_internal.report_point[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    all_dates CONSTANT int4 := cardinality(dates);
    wanted    CONSTANT int4 := least(all_dates, greatest(6, least(40, 4000000 / greatest(customers, 1)))::int4);
    picked    date[];
    at_day    rfm_internal.report_point[];
    points    rfm_internal.report_point[];
    day       date;
BEGIN
    SELECT array_agg(DISTINCT dates[1 + round((all_dates - 1.0) * i / greatest(wanted - 1, 1))::int4]) INTO picked
      FROM generate_series(0, wanted - 1) AS i;
    FOREACH day IN ARRAY picked LOOP
        SELECT array_agg(k) INTO at_day FROM unnest(known) AS k WHERE k.run_date = day;
        IF at_day IS NULL THEN
            EXECUTE format('SELECT array_agg(ROW($1, p.segment, p.customers)::rfm_internal.report_point) FROM ('
                           ' SELECT s.segment, count(*) AS customers FROM %s AS s GROUP BY s.segment) AS p',
                           rfm_internal.report_snapshot(query, day))
               INTO at_day USING day;
        END IF;
        points := points || at_day;
    END LOOP;
    RETURN points;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_points(text, date[], numeric, rfm_internal.report_point[]) IS
    'internal: the segments of snapshots over time';

-- Which snapshot the report is of, and which it is compared with.
CREATE FUNCTION rfm_internal.report_pick(
    model text, query text, dates date[], wanted date, compare_to text, OUT day date, OUT before date)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    day := dates[cardinality(dates)];
    IF wanted <> day OR wanted IS NOT NULL AND day IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('model "%s" has no snapshot of %s', model, to_char(wanted, 'YYYY-MM-DD')),
            DETAIL = coalesce('Its last snapshots up to then are of '
                              || (SELECT string_agg(to_char(d, 'YYYY-MM-DD'), ', ')
                                    FROM (SELECT d FROM unnest(dates) AS d ORDER BY d DESC LIMIT 3) AS near) || '.',
                              'It has none up to then.'),
            HINT = format('rfm_refresh(%L, %L) computes it, where the target holds more than the newest.', to_char(wanted, 'YYYY-MM-DD'), model);
    END IF;
    before := rfm_internal.compared_date(model, query, day, compare_to);
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_pick(text, text, date[], date, text) IS
    'internal: the dates of a report, checked';

CREATE FUNCTION @extschema@.rfm_report(
    run_date   date DEFAULT NULL,
    model      text DEFAULT 'default',
    compare_to text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
#variable_conflict use_variable
DECLARE
    source   record;
    dates    date[];
    picked   record;
    snapshot text;
    earlier  text;
    cells    rfm_internal.report_cell[];
    before   rfm_internal.report_cell[];
    moves    rfm_internal.report_move[];
    scales   rfm_internal.report_scale[];
    known    rfm_internal.report_point[];
    content  text;
BEGIN
    SELECT * INTO source FROM rfm_internal.snapshot_rows(model, NULL);
    PERFORM rfm_internal.require_columns(model, source.columns, ARRAY['recency_days', 'frequency_orders', 'monetary_value', 'r_score', 'f_score', 'm_score']);
    -- a year of snapshots is enough for a trend
    dates := nullif(rfm_internal.snapshot_dates(source.query, run_date, 366), '{}');
    IF dates IS NULL AND run_date IS NULL AND compare_to IS NULL THEN
        RETURN rfm_internal.report_page(model, 'No snapshot yet.', rfm_internal.report_section('empty', 'Nothing to show',
                   'There is no snapshot of this model. rfm_refresh() computes one.', ''));
    END IF;
    SELECT * INTO picked FROM rfm_internal.report_pick(model, source.query, dates, run_date, compare_to);
    snapshot := rfm_internal.report_snapshot(source.query, picked.day);
    cells := rfm_internal.report_cells(snapshot, true);
    IF cells IS NULL THEN
        RETURN rfm_internal.report_page(model, format('Snapshot of %s.', to_char(picked.day, 'YYYY-MM-DD')),
                   rfm_internal.report_section('empty', 'Nothing to show', 'There are no customers in this snapshot.', ''));
    END IF;
    IF picked.before IS NOT NULL THEN
        earlier := rfm_internal.report_snapshot(source.query, picked.before);
        before := rfm_internal.report_cells(earlier, false);
        moves := rfm_internal.report_moves(snapshot, earlier, source.customer_equals);
    END IF;
    SELECT array_agg(rfm_internal.report_scale(cells, axis) ORDER BY axis) INTO scales FROM generate_series(1, 3) AS axis;
    SELECT array_agg(ROW(k.day, k.segment, k.customers)::rfm_internal.report_point) INTO known
      FROM (SELECT s.day, c.segment, sum(c.customers)::int8 AS customers
              FROM (VALUES (picked.day, cells), (picked.before, before)) AS s(day, cells), unnest(s.cells) AS c
             GROUP BY s.day, c.segment) AS k;

    content := concat(
        rfm_internal.report_figures(cells, before),
        rfm_internal.report_of_segments(cells),
        rfm_internal.report_section('heat', 'Recency and frequency',
            'Top right: they buy often, and bought recently. Bottom right: new. Top left: they bought often, and have stopped.',
            '<div class="pair">' || rfm_internal.report_heat(cells, source.buckets, false) || rfm_internal.report_heat(cells, source.buckets, true) || '</div>'),
        rfm_internal.report_section('distributions', 'Distributions and cut points',
            'How many customers have which value; the dashed lines are where one score ends and the next begins.',
            '<div class="thirds">'
            || (SELECT string_agg(rfm_internal.report_distribution(cells, scales[c.axis], c.counts), E'\n' ORDER BY c.axis)
                  FROM rfm_internal.report_counts(snapshot, scales) AS c)
            || '</div>'),
        CASE WHEN before IS NOT NULL THEN
            rfm_internal.report_of_movements(picked.before, cells, before, moves, rfm_internal.report_movers(snapshot, earlier, source.customer_equals, source.customer_type, moves)) END,
        CASE WHEN cardinality(dates) > 1 THEN
            rfm_internal.report_of_trend(
                rfm_internal.report_points(source.query, dates, (SELECT sum(c.customers) FROM unnest(cells) AS c), known),
                cells, cardinality(dates)) END,
        rfm_internal.report_of_definitions(model));
    RETURN rfm_internal.report_page(model,
               format('Snapshot of %s', to_char(picked.day, 'YYYY-MM-DD'))
               || CASE WHEN picked.before IS NULL THEN '; there is no earlier one to compare with.'
                       ELSE format(', compared with %s.', to_char(picked.before, 'YYYY-MM-DD')) END, content);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report(date, text, text) IS
    'a snapshot (the newest without a date) as one self-contained HTML page, compared with another (the newest at or before compare_to, a date or an interval before it; without that the one nearest to a month before): key figures, segments, heat maps, distributions, movements, trend, definitions. psql -XAtqc "SELECT rfm_report()" -o rfm.html';

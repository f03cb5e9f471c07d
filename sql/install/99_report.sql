-- Reading -----------------------------------------------------------------
--
-- A snapshot is large and what is wanted of it is small: every reading groups it
-- at once, and each snapshot is read as few times as can be.  rfm_report() has the
-- settings for that which the functions of the analysis have.  Where expressions of
-- several columns are grouped, they are made one key, and OFFSET '0' keeps the planner
-- from looking into it: it would expect a group for each customer, and have all rows
-- handed to one process.  (A constant that needs no cast: else the planner takes the
-- subquery for limited, and not for parallel.)

-- One snapshot of the query that snapshot_rows() gives, as a subquery.  The scores
-- once more as one number, two digits each: they are 1 to 10.
CREATE FUNCTION rfm_internal.report_snapshot(query text, run_date date, by_comment bool)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('(SELECT q.customer, q.recency_days AS days, q.frequency_orders AS orders, q.monetary_value AS revenue,'
                  ' q.p_alive AS alive, q.expected_orders AS coming, q.expected_revenue AS worth, q.r_score AS r, q.f_score AS f, q.m_score AS m, coalesce((q.r_score * 100 + q.f_score) * 100 + q.m_score, 0) AS scores, coalesce(%s, ''All customers'') AS segment, %s AS comment'
                  ' FROM (%s) AS q WHERE q.run_date = %L::date)',
                  CASE WHEN $3 THEN 'q.comment' ELSE 'q.segment, q.comment' END,
                  CASE WHEN $3 THEN 'NULL::text' ELSE 'CASE WHEN q.segment IS NOT NULL THEN q.comment END' END, $1, to_char($2, 'YYYY-MM-DD'))
$body$;
COMMENT ON FUNCTION rfm_internal.report_snapshot(text, date, bool) IS
    'internal: a snapshot as a subquery';

-- period: how many days long the last period is; null: there is none.  Of a snapshot
-- to compare with the lowest and highest values are not wanted; forecasts where the
-- target has them.
CREATE FUNCTION rfm_internal.report_cells(snapshot text, period int4, ranges bool, forecasts bool DEFAULT false)
RETURNS rfm_internal.report_cell[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    cells rfm_internal.report_cell[];
BEGIN
    EXECUTE format('SELECT array_agg(ROW(c.*)::rfm_internal.report_cell) FROM ('
                   ' SELECT s.r, s.f, s.m, s.segment, s.comment, count(*), count(*) FILTER (WHERE s.orders > 1), %s, sum(s.orders)::numeric, coalesce(sum(s.revenue), 0)::numeric, sum(s.days)::numeric, %s, %s'
                   '   FROM %s AS s GROUP BY s.r, s.f, s.m, s.segment, s.comment) AS c',
                   CASE WHEN period IS NULL THEN 'NULL::int8' ELSE format('count(*) FILTER (WHERE s.days < %s)', period) END,
                   CASE WHEN ranges THEN 'ARRAY[min(s.days)::numeric, min(s.orders)::numeric, min(s.revenue)::numeric],'
                                         'ARRAY[max(s.days)::numeric, max(s.orders)::numeric, max(s.revenue)::numeric]'
                        ELSE 'NULL::numeric[], NULL::numeric[]' END,
                   CASE WHEN forecasts THEN 'sum(s.alive), sum(s.coming), sum(s.worth)' ELSE 'NULL::float8, NULL::float8, NULL::float8' END, snapshot)
       INTO cells;
    RETURN cells;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_cells(text, int4, bool, bool) IS
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

-- Which of the values that a cut goes through a row has, 0 for none, as SQL.  There
-- are nine at most.
CREATE FUNCTION rfm_internal.report_tie(scale rfm_internal.report_scale)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce('CASE s.' || (ARRAY['days', 'orders', 'revenue'])[($1).axis] || string_agg(format(' WHEN %s THEN %s', t.value, t.n), '' ORDER BY t.n) || ' ELSE 0 END', '0')
      FROM unnest(($1).ties) WITH ORDINALITY AS t(value, n)
$body$;
COMMENT ON FUNCTION rfm_internal.report_tie(rfm_internal.report_scale) IS
    'internal: the expression for the tie that a value belongs to';

-- All three axes in one reading of the snapshot, and the ties on them.
CREATE FUNCTION rfm_internal.report_counts(snapshot text, scales rfm_internal.report_scale[])
RETURNS TABLE (axis int4, counts int8[], tied int8[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    binned jsonb;
BEGIN
    EXECUTE format('SELECT jsonb_agg(to_jsonb(b)) FROM (SELECT v.bins, count(*) AS n FROM ('
                   'SELECT (((((%s) * 100 + %s) * 100 + %s) * 10 + %s) * 10 + %s) * 10 + %s AS bins FROM %s AS s OFFSET ''0'') AS v GROUP BY v.bins) AS b',
                   rfm_internal.report_bin(scales[1]), rfm_internal.report_bin(scales[2]), rfm_internal.report_bin(scales[3]),
                   rfm_internal.report_tie(scales[1]), rfm_internal.report_tie(scales[2]), rfm_internal.report_tie(scales[3]), snapshot)
       INTO binned;
    RETURN QUERY
        WITH counted AS (
            SELECT p.axis, p.bin, p.tie, sum(b.n)::int8 AS n
              FROM jsonb_to_recordset(binned) AS b(bins int4, n int8),
                   LATERAL (VALUES (1, b.bins / 10000000, NULL), (2, b.bins / 100000 % 100, NULL), (3, b.bins / 1000 % 100, NULL),
                                   (1, NULL, b.bins / 100 % 10), (2, NULL, b.bins / 10 % 10), (3, NULL, b.bins % 10)) AS p(axis, bin, tie)
             GROUP BY p.axis, p.bin, p.tie)
        SELECT scale.axis, array_agg(coalesce(c.n, 0) ORDER BY place),
               ARRAY(SELECT t.n FROM counted AS t WHERE t.axis = scale.axis AND t.tie > 0 ORDER BY t.tie)
          FROM unnest(scales) AS scale CROSS JOIN LATERAL generate_series(1, scale.bins) AS place
               LEFT JOIN counted AS c ON c.axis = scale.axis AND c.bin = place
         GROUP BY scale.axis;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_counts(text, rfm_internal.report_scale[]) IS
    'internal: the customers in each bin of the scales of r, f and m, and with each value that a cut goes through';

-- cells: those of the later snapshot.  Where they have one segment for the same
-- scores, it need not be read again.  period: as in report_cells(), of the earlier.
CREATE FUNCTION rfm_internal.report_moves(
    snapshot text, before text, equals text, cells rfm_internal.report_cell[], period int4)
RETURNS rfm_internal.report_move[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    known CONSTANT bool := count(*) = count(DISTINCT (c.r, c.f, c.m)) AND bool_and((c.r + c.f + c.m) IS NOT NULL) FROM unnest(cells) AS c;
    moves rfm_internal.report_move[];
BEGIN
    EXECUTE format($query$
        SELECT array_agg(ROW(p.from_scores, p.to_scores, p.from_segment, coalesce(p.to_segment, c.segment),
                             CASE WHEN p.from_scores > 0 AND p.to_scores > 0 THEN p.change END,
                             p.customers, p.buyers, p.recent, p.later - p.orders, p.worth - p.revenue, p.later, p.worth)::rfm_internal.report_move)
          FROM (SELECT (v.scores / 1000000)::int4 AS to_scores, (v.scores %% 1000000)::int4 AS from_scores,
                       (v.scores / 10000000000 + v.scores / 100000000 %% 100 + v.scores / 1000000 %% 100
                        - v.scores %% 1000000 / 10000 - v.scores %% 10000 / 100 - v.scores %% 100)::int4 AS change,
                       v.from_segment, %6$s AS to_segment, count(*) AS customers, count(*) FILTER (WHERE v.later > v.orders) AS buyers, %5$s AS recent,
                       sum(v.later)::numeric AS later, sum(v.orders)::numeric AS orders,
                       coalesce(sum(v.worth), 0)::numeric AS worth, coalesce(sum(v.revenue), 0)::numeric AS revenue
                  FROM (SELECT a.scores::int8 * 1000000 + b.scores AS scores, b.segment AS from_segment, %4$s AS to_segment,
                               b.days, a.orders AS later, b.orders, a.revenue AS worth, b.revenue
                          FROM %1$s AS a JOIN %2$s AS b ON a.customer %3$s b.customer OFFSET '0') AS v
                 GROUP BY v.scores, v.from_segment %7$s) AS p
               LEFT JOIN (SELECT DISTINCT ON (c.r, c.f, c.m) (c.r * 100 + c.f) * 100 + c.m AS scores, c.segment FROM unnest($1) AS c) AS c
                 ON c.scores = p.to_scores
        $query$, snapshot, before, equals,
        CASE WHEN known THEN 'NULL::text' ELSE 'a.segment' END,
        CASE WHEN period IS NULL THEN 'NULL::int8' ELSE format('count(*) FILTER (WHERE v.days < %s)', period) END,
        CASE WHEN known THEN 'NULL::text' ELSE 'v.to_segment' END, CASE WHEN known THEN '' ELSE ', v.to_segment' END)
       INTO moves USING cells;
    RETURN moves;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_moves(text, text, text, rfm_internal.report_cell[], int4) IS
    'internal: customers in both of two snapshots by scores and segments';

-- What report_cells() tells of the earlier snapshot and the page needs, without its
-- comments: of the moves, unless some of its customers have gone.
CREATE FUNCTION rfm_internal.report_before(before text, period int4, moves rfm_internal.report_move[])
RETURNS rfm_internal.report_cell[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    customers int8;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s AS s', before) INTO customers;
    IF customers <> coalesce((SELECT sum(m.customers) FROM unnest(moves) AS m), 0) THEN
        RETURN rfm_internal.report_cells(before, period, false);
    END IF;
    RETURN (SELECT array_agg(ROW(g.from_scores / 10000, g.from_scores / 100 % 100, g.from_scores % 100, g.from_segment, NULL,
                                 g.customers, NULL, g.recent, g.orders, g.revenue, NULL, NULL, NULL, NULL, NULL, NULL)::rfm_internal.report_cell)
              FROM (SELECT m.from_scores, m.from_segment, sum(m.customers)::int8 AS customers, sum(m.recent)::int8 AS recent,
                           sum(m.later - m.orders) AS orders, sum(m.worth - m.revenue) AS revenue
                      FROM unnest(moves) AS m
                     GROUP BY m.from_scores, m.from_segment) AS g);
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_before(text, int4, rfm_internal.report_move[]) IS
    'internal: the earlier of two snapshots by score and segment';

-- Only those are joined again whose change is among the ten largest, with no more
-- of them than it takes to choose; the rest of the chosen is looked up after that.
-- The planner cannot know how many have such scores: as many looks into an index
-- as there are customers would take longer than two scans.
CREATE FUNCTION rfm_internal.report_movers(
    snapshot text, before text, equals text, customer_type text, moves rfm_internal.report_move[])
RETURNS rfm_internal.report_mover[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
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
                  FROM (SELECT s.customer, s.revenue, s.r + s.f + s.m AS score FROM %1$s AS s WHERE s.scores = ANY ($4)) AS a
                       JOIN (SELECT s.customer, s.r + s.f + s.m AS score FROM %2$s AS s WHERE s.scores = ANY ($5)) AS b ON a.customer %3$s b.customer
                 WHERE a.score - b.score <= $1 OR a.score - b.score >= $2) AS t
         WHERE t.n <= $3
        $query$, snapshot, before, equals)
       INTO chosen
      USING fall, rise, many, ARRAY(SELECT DISTINCT m.to_scores FROM unnest(moves) AS m WHERE m.change <= fall OR m.change >= rise),
            ARRAY(SELECT DISTINCT m.from_scores FROM unnest(moves) AS m WHERE m.change <= fall OR m.change >= rise);
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

-- Revenue of the tenth of the customers with most of it.  Of the cells those are left
-- out that lie below as many customers.
CREATE FUNCTION rfm_internal.report_best(snapshot text, cells rfm_internal.report_cell[])
RETURNS numeric
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    many  int8;
    bound numeric;
    best  numeric;
BEGIN
    SELECT ceil(sum(c.customers) / 10)::int8 INTO many FROM unnest(cells) AS c;
    SELECT max(t.low) INTO bound
      FROM (SELECT c.low[3] AS low, sum(sum(c.customers)) OVER (ORDER BY c.low[3] DESC NULLS LAST) AS upto
              FROM unnest(cells) AS c GROUP BY c.low[3]) AS t
     WHERE t.upto >= many;
    EXECUTE format('SELECT coalesce(sum(t.revenue), 0) FROM (SELECT s.revenue FROM %s AS s WHERE %s ORDER BY s.revenue DESC NULLS LAST LIMIT %s) AS t',
                   snapshot, CASE WHEN bound IS NULL THEN 'true' ELSE format('s.revenue >= %L::numeric', bound) END, many)
       INTO best;
    RETURN best;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_best(text, rfm_internal.report_cell[]) IS
    'internal: the revenue of the best tenth of the customers';

-- Of the snapshot before the one that is compared only totals are wanted, which may
-- have been kept.
CREATE FUNCTION rfm_internal.report_past(model text, by text, score_group text, day date)
RETURNS rfm_internal.report_cell[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT array_agg(ROW(NULL, NULL, NULL, t.label, NULL, t.customers, NULL, NULL, t.orders, t.revenue, NULL, NULL, NULL, NULL, NULL, NULL)::rfm_internal.report_cell)
      FROM rfm_internal.label_totals($1, $2, ARRAY[$4], $3) AS t
$body$;
COMMENT ON FUNCTION rfm_internal.report_past(text, text, text, date) IS
    'internal: a snapshot by label';

-- The trend: snapshots evenly spread over the dates, the last one included, as many
-- as can be read in about a second where their totals were not kept.
CREATE FUNCTION rfm_internal.report_points(model text, by text, score_group text, dates date[], customers numeric)
RETURNS rfm_internal.report_point[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT array_agg(ROW(t.run_date, t.label, t.customers)::rfm_internal.report_point)
      FROM rfm_internal.label_totals($1, $2, ARRAY(
               SELECT DISTINCT $4[1 + round((cardinality($4) - 1.0) * i / greatest(w.wanted - 1, 1))::int4]
                 FROM (SELECT least(cardinality($4), greatest(6, least(40, 4000000 / greatest($5, 1)))::int4) AS wanted) AS w,
                      generate_series(0, w.wanted - 1) AS i), $3) AS t
$body$;
COMMENT ON FUNCTION rfm_internal.report_points(text, text, text, date[], numeric) IS
    'internal: the segments of snapshots over time';

-- Which snapshot the report is of, and which it is compared with.
CREATE FUNCTION rfm_internal.report_pick(
    model text, query text, dates date[], wanted date, compare_to text, OUT day date, OUT before date, OUT earlier date)
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
    -- periods of very different length cannot be compared
    IF before IS NOT NULL THEN
        SELECT d INTO earlier
          FROM unnest(rfm_internal.snapshot_dates(query, before - 1, (day - before) + (day - before) / 8)) AS d
         WHERE abs(d - (before - (day - before))) * 8 <= day - before
         ORDER BY abs(d - (before - (day - before))), d
         LIMIT 1;
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_pick(text, text, date[], date, text) IS
    'internal: the dates of a report, checked';


-- The sections of a page, from a snapshot with customers in it.
CREATE FUNCTION rfm_internal.report_content(
    model  text,
    by     text,
    source record,
    dates  date[],
    picked record)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    comment  CONSTANT bool := by = 'comment';
    labelled CONSTANT bool := source.labelled;
    period   CONSTANT int4 := picked.day - picked.before;
    snapshot CONSTANT text := rfm_internal.report_snapshot(source.query, picked.day, comment);
    cells    CONSTANT rfm_internal.report_cell[] := rfm_internal.report_cells(snapshot, period, true,
                                                     source.columns ?| ARRAY['p_alive', 'expected_orders', 'expected_revenue']);
    earlier  text;
    before   rfm_internal.report_cell[];
    past     rfm_internal.report_cell[];
    moves    rfm_internal.report_move[];
    scales   rfm_internal.report_scale[];
BEGIN
    IF cells IS NULL THEN
        RETURN rfm_internal.report_section('empty', 'Nothing to show', 'There are no customers in this snapshot.', '');
    END IF;
    IF picked.before IS NOT NULL THEN
        earlier := rfm_internal.report_snapshot(source.query, picked.before, comment);
        moves := rfm_internal.report_moves(snapshot, earlier, source.customer_equals, cells, picked.before - picked.earlier);
        before := rfm_internal.report_before(earlier, picked.before - picked.earlier, moves);
    END IF;
    IF picked.earlier IS NOT NULL AND source.additive THEN
        past := CASE WHEN labelled THEN rfm_internal.report_past(model, by, source.score_group, picked.earlier)
                     ELSE rfm_internal.report_cells(rfm_internal.report_snapshot(source.query, picked.earlier, comment), NULL, false) END;
    END IF;
    SELECT array_agg(rfm_internal.report_scale(cells, axis) ORDER BY axis) INTO scales FROM generate_series(1, 3) AS axis;
    RETURN concat(
        CASE WHEN before IS NOT NULL THEN
            rfm_internal.report_period(picked.earlier, picked.before, picked.day, source.additive, cells, before, past, moves) END,
        rfm_internal.report_standing(cells, before, rfm_internal.report_best(snapshot, cells)),
        rfm_internal.report_of_segments(cells, model, by, source.score_group, labelled),
        rfm_internal.report_section('grid', 'Who is where',
            'Customers by recency score (columns, 5 of 5: most recent) and frequency score (rows), with the name that most of them have. '
            || 'Top right: they buy often, and bought recently. Bottom right: new. Top left: they bought often, and have stopped. The stronger the colour, the larger the number.',
            '<div class="pair">' || rfm_internal.report_grid(cells, source.buckets, false) || rfm_internal.report_grid(cells, source.buckets, true) || '</div>'),
        CASE WHEN before IS NOT NULL THEN
            rfm_internal.report_of_movements(picked.before, cells, before, moves, rfm_internal.report_movers(snapshot, earlier, source.customer_equals, source.customer_type, moves)) END,
        CASE WHEN before IS NOT NULL AND source.additive THEN rfm_internal.report_outcome(cells, before, moves) END,
        rfm_internal.report_of_forecast(cells),
        CASE WHEN cardinality(dates) > 1 THEN
            rfm_internal.report_of_trend(CASE WHEN labelled THEN
                    rfm_internal.report_points(model, by, source.score_group, dates, (SELECT sum(c.customers) FROM unnest(cells) AS c)) END,
                cells, cardinality(dates)) END,
        rfm_internal.report_of_cohorts(source.query, dates, (SELECT sum(c.customers) FROM unnest(cells) AS c)),
        rfm_internal.report_section('distributions', 'Distributions and cut points',
            'How many customers have which value. The dashed lines are where one score ends and the next begins.',
            '<div class="thirds">'
            || (SELECT string_agg(rfm_internal.report_distribution(cells, scales[c.axis], c.counts, c.tied), E'\n' ORDER BY c.axis)
                  FROM rfm_internal.report_counts(snapshot, scales) AS c)
            || '</div>' || rfm_internal.report_note_on_ties(scales)),
        rfm_internal.report_of_definitions(model));
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_content(text, text, record, date[], record) IS
    'internal: the sections of a report';

CREATE FUNCTION @extschema@.rfm_report(
    run_date   date DEFAULT NULL,
    model      text DEFAULT 'default',
    compare_to text DEFAULT NULL,
    by         text DEFAULT 'segment',
    title      text DEFAULT NULL,
    currency   text DEFAULT NULL,
    numbers    text DEFAULT NULL,
    score_group text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    source   record;
    dates    date[];
    picked   record;
    subtitle text := format('Model %s%s. ', rfm_internal.report_text(model), ', group ' || rfm_internal.report_text(score_group));
    content  text;
BEGIN
    IF by = 'group' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'a report is of segments or of comments, not of groups',
            HINT = 'score_group names the group that the report is of; rfm_segment_summary(by => ''group'') shows them side by side.';
    END IF;
    -- a model need not have labels, but those that are asked for by name it must
    SELECT s.*, a.segment_rules IS NOT NULL OR a.comment_rules IS NOT NULL AS labelled
      INTO source
      FROM rfm_internal.snapshot_rows(model, nullif(by, 'segment'), score_group) AS s, rfm_internal.access(model) AS a;
    PERFORM rfm_internal.require_columns(model, source.columns, ARRAY['recency_days', 'frequency_orders', 'monetary_value', 'r_score', 'f_score', 'm_score']);
    title := coalesce(title, 'Group ' || score_group || ': customers by recency, frequency and monetary value', 'Customers by recency, frequency and monetary value');
    -- a year of snapshots is enough for a trend
    dates := nullif(rfm_internal.snapshot_dates(source.query, run_date, 366), '{}');
    IF dates IS NULL AND run_date IS NULL AND compare_to IS NULL THEN
        RETURN rfm_internal.report_page(title, subtitle || 'No snapshot yet.', rfm_internal.report_section('empty', 'Nothing to show',
                   CASE WHEN score_group IS NULL THEN 'There is no snapshot of this model. rfm_refresh() computes one.'
                        ELSE 'There is no snapshot with customers of this group.' END, ''), currency, numbers);
    END IF;
    SELECT * INTO picked FROM rfm_internal.report_pick(model, source.query, dates, run_date, compare_to);
    RETURN rfm_internal.report_page(title,
               subtitle || format('Snapshot of %s', to_char(picked.day, 'YYYY-MM-DD'))
               || CASE WHEN picked.before IS NULL THEN '; there is no earlier one to compare with.'
                       ELSE format(', compared with %s.', to_char(picked.before, 'YYYY-MM-DD')) END,
               rfm_internal.report_content(model, coalesce(by, 'segment'), source, dates, picked), currency, numbers);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_report(date, text, text, text, text, text, text, text) IS
    'a snapshot (by default the newest) as one self-contained HTML page, compared with the newest snapshot at or before compare_to, which is a date or an interval before it, or by default with the one nearest to a month before. The page shows the period between them, segments with recommended actions, the distribution of customers, movements, outcome, trend, cohorts, distributions and definitions. by => ''comment'' uses the comments as segments; score_group selects one group of a model with score_within; currency is written beside amounts; numbers is 1234.5 in the desired format, such as ''1.234,5''. psql -XAtqc "SELECT rfm_report()" -o rfm.html';

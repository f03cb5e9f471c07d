-- Analysis ----------------------------------------------------------------
--
-- Functions over the snapshots of any model.  They read the target with their
-- caller's rights, so roles that may SELECT from it may call them.  Some have
-- settings for what the planner cannot know: the rows of a snapshot are stored
-- together (random_page_cost), expressions make few groups of them, so that workers
-- return few rows (parallel_tuple_cost), and compiling expressions does not pay
-- (jit).

CREATE FUNCTION rfm_internal.access(
    model               text,
    OUT relation        text,
    OUT columns         jsonb,
    OUT customer_type   text,
    OUT customer_equals text,
    OUT segment_rules   text,
    OUT comment_rules   text,
    OUT buckets         int4[],
    OUT last_run        date,
    OUT model_id        int8,
    OUT additive        bool,
    OUT group_type      text,
    OUT group_equals    text)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'rfm_access';
COMMENT ON FUNCTION rfm_internal.access(text) IS
    'internal: the target of a model and its columns, for roles that may read it';

-- The labels of a target's rows as SQL: the column or, if the target has none, the
-- labels of the current rule set for the scores.  Null if the model has no such
-- labels.
CREATE FUNCTION rfm_internal.label_sql(
    ruleset text,
    col     text,
    columns jsonb,
    buckets int4[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE
        WHEN $1 IS NULL THEN NULL
        WHEN $3 ? $2 THEN format('coalesce(t.%s::text, ''(none)'')', $3 ->> $2)
        WHEN $3 ?& ARRAY['r_score', 'f_score', 'm_score'] THEN
            (SELECT format('CASE WHEN t.%1$s::int4 <= %4$s AND t.%2$s::int4 <= %5$s AND t.%3$s::int4 <= %6$s'
                           ' THEN (%7$L::text[])[((t.%1$s::int4 - 1) * %5$s + t.%2$s::int4 - 1) * %6$s + t.%3$s::int4]'
                           ' ELSE ''Others'' END',
                           $3 ->> 'r_score', $3 ->> 'f_score', $3 ->> 'm_score', $4[1], $4[2], $4[3],
                           array_agg(c.label ORDER BY c.r, c.f, c.m))
               FROM @extschema@.rfm_segment_coverage($1) AS c
              WHERE c.r IS NOT NULL)
    END
$body$;
COMMENT ON FUNCTION rfm_internal.label_sql(text, text, jsonb, int4[]) IS
    'internal: the labels of a target''s rows as an SQL expression';

-- A group and a customer as one value, for two expressions and their types.  Numbers
-- that are equal have the same text in it, 1.0 and 1.
CREATE FUNCTION rfm_internal.pair_sql(
    score_group   text,
    group_type    text,
    customer      text,
    customer_type text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('jsonb_build_array(%s)',
                  string_agg(CASE p.type WHEN 'numeric' THEN format('trim_scale(%s::numeric)::text', p.value)
                                         ELSE format('%s::text', p.value) END, ', ' ORDER BY p.place))
      FROM (VALUES (1, $1, $2), (2, $3, $4)) AS p(place, value, type)
$body$;
COMMENT ON FUNCTION rfm_internal.pair_sql(text, text, text, text) IS
    'internal: a group and a customer as an SQL expression for one value';

-- A query for the rows of a model's target under rfm's own names and types.  Its
-- label is selected by "by"; without it the model need not have any.  For a model
-- with score_within, the rows of one group or of all; then a customer is a pair of
-- group and customer, as a JSON array.
CREATE FUNCTION rfm_internal.snapshot_rows(
    model               text,
    by                  text,
    INOUT score_group   text DEFAULT NULL,
    OUT query           text,
    OUT columns         jsonb,
    OUT customer_type   text,
    OUT customer_equals text,
    OUT buckets         int4[],
    OUT model_id        int8,
    OUT additive        bool)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    access          record;
    segment         text;
    comment         text;
    label           text;
    grouped         text;
BEGIN
    IF by NOT IN ('segment', 'comment', 'group') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('customers have no labels by %s', quote_literal(by)),
            HINT = 'Use by => ''segment'' (the default) or by => ''comment''.';
    END IF;
    SELECT * INTO access FROM rfm_internal.access(model);
    grouped := access.columns ->> 'score_group';
    IF grouped IS NULL AND (score_group IS NOT NULL OR by = 'group') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('model "%s" scores all customers together', model),
            HINT = 'Only models with score_within have groups.';
    END IF;
    columns := access.columns;
    customer_type := access.customer_type;
    customer_equals := access.customer_equals;
    buckets := access.buckets;
    model_id := access.model_id;
    -- the rows of a target without one of these columns are not enough
    additive := access.additive AND columns ?& ARRAY['run_date', 'frequency_orders', 'monetary_value'];
    segment := rfm_internal.label_sql(access.segment_rules, 'rfm_segment', columns, buckets);
    comment := rfm_internal.label_sql(access.comment_rules, 'comments', columns, buckets);
    label := CASE by WHEN 'segment' THEN coalesce(segment, comment) WHEN 'group' THEN format('t.%s::text', grouped) ELSE comment END;
    IF by IS NOT NULL AND label IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_column',
            MESSAGE = format('model "%s" gives its customers no %s', model, by),
            DETAIL = CASE WHEN CASE by WHEN 'segment' THEN coalesce(access.segment_rules, access.comment_rules) ELSE access.comment_rules END IS NOT NULL
                     THEN 'Its rule set does, but the target keeps neither that label nor all three scores.'
                     ELSE 'It has no rule set for that.' END,
            HINT = CASE WHEN segment IS NOT NULL THEN 'It assigns segments: omit "by".'
                        ELSE format('Give it a rule set: UPDATE rfm_model SET %s_rules = ... WHERE model = %L; then refresh it.', by, model) END;
    END IF;
    -- the mark prevents code of the target's owner from running with the caller's
    -- rights
    query := format('SELECT /* rfm: only trusted code */ %s AS run_date, %s AS customer, t.%s AS customer_id, %s AS score_group',
                    CASE WHEN columns ? 'run_date' THEN format('t.%s::date', columns ->> 'run_date')
                         ELSE format('%L::date', access.last_run) END,
                    CASE WHEN grouped IS NULL OR score_group IS NOT NULL THEN 't.' || (columns ->> 'customer_id')
                         ELSE rfm_internal.pair_sql('t.' || grouped, access.group_type, 't.' || (columns ->> 'customer_id'), access.customer_type) END,
                    columns ->> 'customer_id', CASE WHEN grouped IS NULL THEN 'NULL::text' ELSE format('t.%s::text', grouped) END)
        || (SELECT string_agg(format(', %s::%s AS %I', coalesce('t.' || (columns ->> c.name), 'NULL'), c.type, c.name), '' ORDER BY c.place)
              FROM (VALUES (1, 'recency_days', 'int4'), (2, 'frequency_orders', 'int8'), (3, 'monetary_value', 'numeric'),
                           (4, 'r_score', 'int4'), (5, 'f_score', 'int4'), (6, 'm_score', 'int4'),
                           (7, 'p_alive', 'float8'), (8, 'expected_orders', 'float8'), (9, 'expected_revenue', 'float8')) AS c(place, name, type))
        || format(', %s AS segment, %s AS comment, %s AS label FROM %s AS t',
                  coalesce(segment, 'NULL::text'), coalesce(comment, 'NULL::text'), coalesce(label, 'NULL::text'), access.relation)
        -- the text names the group; its value finds it by the key
        || CASE WHEN score_group IS NULL THEN '' ELSE format(' WHERE t.%s::text COLLATE "C" = %L', grouped, score_group)
               || CASE WHEN access.group_type IS NULL THEN ''
                       ELSE format(' AND t.%s %s CAST(%L::text AS %s)', grouped, access.group_equals, score_group, access.group_type) END END;
    IF grouped IS NOT NULL AND score_group IS NULL THEN
        customer_type := 'pg_catalog.jsonb';
        customer_equals := 'OPERATOR(pg_catalog.=)';
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.snapshot_rows(text, text, text) IS
    'internal: a query for the rows of a model''s target under rfm''s own names';

-- The date of a snapshot: the requested one, or the newest.  Null if there is none;
-- an error if the requested one does not exist.
CREATE FUNCTION rfm_internal.snapshot_date(
    model    text,
    query    text,
    run_date date)
RETURNS date
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    found_date date;
    earlier    date;
    later      date;
BEGIN
    EXECUTE format('SELECT s.run_date FROM (%s) s WHERE %s ORDER BY s.run_date DESC LIMIT 1', query,
                   CASE WHEN run_date IS NOT NULL THEN format('s.run_date = %L::date', run_date)
                        ELSE 's.run_date IS NOT NULL' END)
       INTO found_date;
    IF found_date IS NOT NULL OR run_date IS NULL THEN
        RETURN found_date;
    END IF;

    EXECUTE format('SELECT (SELECT s.run_date FROM (%1$s) s WHERE s.run_date < %2$L::date ORDER BY s.run_date DESC LIMIT 1),'
                   '       (SELECT s.run_date FROM (%1$s) s WHERE s.run_date > %2$L::date ORDER BY s.run_date LIMIT 1)',
                   query, run_date)
       INTO earlier, later;
    RAISE EXCEPTION USING
        ERRCODE = 'no_data_found',
        MESSAGE = format('model "%s" has no customers on %s', model, to_char(run_date, 'YYYY-MM-DD')),
        DETAIL = CASE WHEN earlier IS NULL AND later IS NULL THEN 'There are no customers on any date.'
                      ELSE format('The nearest snapshots are of %s.',
                                  concat_ws(' and ', to_char(earlier, 'YYYY-MM-DD'), to_char(later, 'YYYY-MM-DD'))) END,
        HINT = 'Omit the date to use the newest snapshot. rfm_refresh() computes that of a date.';
END
$body$;
COMMENT ON FUNCTION rfm_internal.snapshot_date(text, text, date) IS
    'internal: the date of the requested snapshot';

-- The dates of the last snapshots, oldest first.  The key of a target begins with
-- the date: each is found by one index lookup, in a separate statement, because
-- Citus does not support recursive queries over its tables.
CREATE FUNCTION rfm_internal.snapshot_dates(
    query text,
    upto  date DEFAULT NULL,
    most  int4 DEFAULT NULL,
    since date DEFAULT NULL)
RETURNS date[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    dates date[] := '{}';
    day   date;
BEGIN
    WHILE most IS NULL OR cardinality(dates) < most LOOP
        EXECUTE format('SELECT s.run_date FROM (%s) s WHERE s.run_date %s $1 ORDER BY s.run_date DESC LIMIT 1',
                       query, CASE WHEN day IS NULL THEN '<=' ELSE '<' END)
           INTO day USING coalesce(day, upto, 'infinity');
        EXIT WHEN day IS NULL OR day < since;
        dates := day || dates;
    END LOOP;
    RETURN dates;
END
$body$;
COMMENT ON FUNCTION rfm_internal.snapshot_dates(text, date, int4, date) IS
    'internal: the dates of the last snapshots between two dates, oldest first';

CREATE TYPE rfm_internal.snapshot_total AS (
    run_date  date,
    by        text,
    label     text,
    customers int8,
    orders    int8,
    revenue   numeric
);
COMMENT ON TYPE rfm_internal.snapshot_total IS
    'internal: customers, orders and revenue of a label in a snapshot';

CREATE FUNCTION rfm_internal.totals(model text)
RETURNS SETOF rfm_internal.snapshot_total
LANGUAGE c STABLE ROWS 1000
AS 'MODULE_PATHNAME', 'rfm_totals';
COMMENT ON FUNCTION rfm_internal.totals(text) IS
    'internal: the stored totals of a model, for roles that may read all rows of its target';

-- The totals of each label in these snapshots of the target.  Dates with stored
-- totals are not read, provided that the target stores the labels; other labels
-- depend on the current rules.
CREATE FUNCTION rfm_internal.label_totals(
    model       text,
    by          text,
    dates       date[],
    score_group text DEFAULT NULL
) RETURNS TABLE (
    run_date  date,
    label     text,
    customers int8,
    orders    int8,
    revenue   numeric
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    access CONSTANT record := rfm_internal.access(model);
    rows   CONSTANT record := rfm_internal.snapshot_rows(model, by, score_group);
    kind   CONSTANT text := CASE WHEN by = 'segment' AND access.segment_rules IS NOT NULL THEN 'segment' ELSE 'comment' END;
    known  date[];
    wanted date[];
BEGIN
    -- stored totals are those of all groups together
    known := CASE WHEN score_group IS NULL AND by <> 'group' AND access.columns ? CASE kind WHEN 'segment' THEN 'rfm_segment' ELSE 'comments' END
                  THEN ARRAY(SELECT DISTINCT t.run_date FROM rfm_internal.totals(model) AS t WHERE t.by = kind AND t.run_date = ANY (dates)) END;
    RETURN QUERY
        SELECT t.run_date, t.label, t.customers,
               CASE WHEN access.columns ? 'frequency_orders' THEN t.orders END,
               CASE WHEN access.columns ? 'monetary_value' THEN t.revenue END
          FROM rfm_internal.totals(model) AS t
         WHERE t.by = kind AND t.run_date = ANY (known);
    wanted := ARRAY(SELECT d FROM unnest(dates) AS d WHERE NOT coalesce(d = ANY (known), false));
    IF cardinality(wanted) > 0 THEN
        RETURN QUERY EXECUTE format($query$
            SELECT s.run_date, s.label, count(*), sum(s.frequency_orders)::int8, sum(s.monetary_value)
              FROM (%s) AS s
             WHERE s.run_date = ANY ($1)
             GROUP BY s.run_date, s.label
            $query$, rows.query)
        USING wanted;
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.label_totals(text, text, date[], text) IS
    'internal: customers, orders and revenue of each label in snapshots, from stored totals if there are any';

CREATE FUNCTION @extschema@.rfm_segment_summary(
    run_date date DEFAULT NULL,
    model    text DEFAULT 'default',
    by       text DEFAULT 'segment',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    segment             text,
    customers           int8,
    customer_share      numeric,
    orders              int8,
    revenue             numeric,
    revenue_share       numeric,
    average_order_value numeric,
    median_recency      numeric,
    median_frequency    numeric,
    median_monetary     numeric,
    description         text,
    action              text
)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows  record;
    date  date;
    texts jsonb;
BEGIN
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, by, score_group);
    date := rfm_internal.snapshot_date(model, rows.query, run_date);
    IF by IN ('segment', 'comment') THEN
        SELECT jsonb_object_agg(d.segment, jsonb_build_array(d.description, d.action)) INTO texts
          FROM @extschema@.rfm_segment_guide(model, by, NULL::text) AS d;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT g.label, g.customers, round(g.customers / sum(g.customers) OVER (), 4),
               g.orders, g.revenue, round(g.revenue / nullif(sum(g.revenue) OVER (), 0), 4),
               round(g.revenue / nullif(g.orders, 0), 2), trim_scale(g.r[1]), trim_scale(g.f[1]), g.m[1],
               $1 -> g.label ->> 0, $1 -> g.label ->> 1
          FROM (SELECT s.label, count(*) AS customers, sum(s.frequency_orders)::int8 AS orders, sum(s.monetary_value) AS revenue,
                       %3$s.rfm_quantiles(s.recency_days::numeric, 2) AS r,
                       %3$s.rfm_quantiles(s.frequency_orders::numeric, 2) AS f,
                       %3$s.rfm_quantiles(s.monetary_value, 2) AS m
                  FROM (%1$s) AS s
                 WHERE s.run_date = %2$L::date
                 GROUP BY s.label) AS g
         ORDER BY g.revenue DESC NULLS LAST, g.customers DESC, g.label
        $query$, rows.query, date, '@extschema@')
    USING texts;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_segment_summary(date, text, text, text) IS
    'the segments of a snapshot (by default the newest), in descending order of revenue: customers, orders and revenue with their shares (fractions of 1), average order value, medians of the customers'' recency, frequency and monetary value, and the description and the action of the rule set. by => ''comment'' groups by comment, by => ''group'' by the groups of a model with score_within. score_group selects one group; without it all groups are taken together';

-- The date that compare_to denotes: itself, or an interval before to_date.  Months
-- counted from the last day of a month end on the last day of a month, so that
-- snapshots of month ends are a month apart.
CREATE FUNCTION rfm_internal.compared_day(to_date date, compare_to text)
RETURNS date
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    day date;
    ago interval;
BEGIN
    BEGIN
        day := compare_to;
    EXCEPTION WHEN data_exception THEN
        BEGIN
            ago := compare_to;
        EXCEPTION WHEN data_exception THEN
            RAISE EXCEPTION USING
                ERRCODE = 'invalid_parameter_value',
                MESSAGE = format('compare_to %L is neither a date nor an interval', compare_to),
                HINT = 'Write for example ''2025-12-31'' or ''1 month''.';
        END;
        day := CASE WHEN date_trunc('month', ago) = ago AND extract(day FROM to_date + 1) = 1
                    THEN (to_date + 1) - ago - interval '1 day' ELSE to_date - ago END;
    END;
    IF day >= to_date THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('compare_to %L is not before %s', compare_to, to_char(to_date, 'YYYY-MM-DD')),
            HINT = 'Write an earlier date, or an interval of a day or more, such as ''1 month''.';
    END IF;
    RETURN day;
END
$body$;
COMMENT ON FUNCTION rfm_internal.compared_day(date, text) IS
    'internal: the date that compare_to denotes';

-- The nearest snapshots to a date, among those before another date.
CREATE FUNCTION rfm_internal.dates_around(
    query      text,
    day        date,
    upto       date,
    OUT before date,
    OUT after  date)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    EXECUTE format('SELECT (SELECT s.run_date FROM (%1$s) s WHERE s.run_date <= $1 ORDER BY s.run_date DESC LIMIT 1),'
                   '       (SELECT s.run_date FROM (%1$s) s WHERE s.run_date > $1 AND s.run_date < $2 ORDER BY s.run_date LIMIT 1)', query)
       INTO before, after USING day, upto;
END
$body$;
COMMENT ON FUNCTION rfm_internal.dates_around(text, date, date) IS
    'internal: the dates of the newest snapshot at or before a date, and of the oldest after it and before another date';

CREATE FUNCTION rfm_internal.nearest_date(query text, day date, upto date)
RETURNS date
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN a.after - $2 < $2 - a.before THEN a.after ELSE coalesce(a.before, a.after) END
      FROM rfm_internal.dates_around($1, $2, $3) AS a
$body$;
COMMENT ON FUNCTION rfm_internal.nearest_date(text, date, date) IS
    'internal: the date of the snapshot nearest to a date, among those before another date; null if there is none';

-- The snapshot with which that of to_date is compared: the newest at or before the
-- date that compare_to denotes, or by default the one nearest to a month before.
-- Null by default if there is no earlier one.
CREATE FUNCTION rfm_internal.compared_date(
    model      text,
    query      text,
    to_date    date,
    compare_to text)
RETURNS date
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    day  CONSTANT date := rfm_internal.compared_day(to_date, coalesce(compare_to, '1 month'));
    near record;
BEGIN
    IF to_date IS NULL OR compare_to IS NULL THEN
        RETURN rfm_internal.nearest_date(query, day, to_date);
    END IF;
    SELECT * INTO near FROM rfm_internal.dates_around(query, day, to_date);
    IF near.before IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'no_data_found',
            MESSAGE = format('model "%s" has no snapshot at or before %s', model, to_char(day, 'YYYY-MM-DD')),
            DETAIL = CASE WHEN near.after IS NULL THEN format('There is none before %s.', to_char(to_date, 'YYYY-MM-DD'))
                          ELSE format('The oldest is of %s.', to_char(near.after, 'YYYY-MM-DD')) END,
            HINT = 'Omit compare_to to use the snapshot nearest to a month before.';
    END IF;
    RETURN near.before;
END
$body$;
COMMENT ON FUNCTION rfm_internal.compared_date(text, text, date, text) IS
    'internal: the date of the snapshot with which another is compared';

-- The two snapshots that are compared: the requested ones, or the newest and the
-- one that compare_to denotes. from_date is null if there is no earlier one.
CREATE FUNCTION rfm_internal.snapshot_pair(
    model           text,
    query           text,
    INOUT from_date date,
    INOUT to_date   date,
    compare_to      text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF from_date IS NOT NULL AND compare_to IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'from_date and compare_to cannot be used together',
            HINT = 'from_date is the date of the earlier snapshot; compare_to selects the newest at or before a date, or at an interval before to_date.';
    END IF;
    to_date := rfm_internal.snapshot_date(model, query, to_date);
    IF from_date >= to_date THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_date %s is not before to_date %s', to_char(from_date, 'YYYY-MM-DD'), to_char(to_date, 'YYYY-MM-DD')),
            HINT = 'Give the earlier date first, or omit both to use the newest snapshot and the one about a month before it.';
    END IF;
    IF from_date IS NULL THEN
        from_date := rfm_internal.compared_date(model, query, to_date, compare_to);
    ELSE
        from_date := rfm_internal.snapshot_date(model, query, from_date);
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.snapshot_pair(text, text, date, date, text) IS
    'internal: the dates of the two snapshots that are compared';

-- Raises an error unless the target has these columns.
CREATE FUNCTION rfm_internal.require_columns(
    model   text,
    columns jsonb,
    names   text[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    missing CONSTANT text := (SELECT string_agg(n.name, ', ' ORDER BY n.place)
                                FROM unnest(names) WITH ORDINALITY AS n(name, place) WHERE NOT columns ? n.name);
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_column',
            MESSAGE = format('target of model "%s" has no column for: %s', model, missing),
            HINT = 'Add the column to the table, or correct the model''s target_columns; then refresh the model.';
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.require_columns(text, jsonb, text[]) IS
    'internal: raises an error unless a target has certain columns';

CREATE FUNCTION @extschema@.rfm_migration(
    from_date  date DEFAULT NULL,
    to_date    date DEFAULT NULL,
    model      text DEFAULT 'default',
    by         text DEFAULT 'segment',
    compare_to text DEFAULT NULL,
    score_group text DEFAULT NULL
) RETURNS TABLE (
    from_segment text,
    to_segment   text,
    customers    int8,
    revenue      numeric
)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows  record;
    dates record;
BEGIN
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, by, score_group);
    SELECT * INTO dates FROM rfm_internal.snapshot_pair(model, rows.query, from_date, to_date, compare_to);
    -- without an earlier snapshot all customers would be new
    IF dates.from_date IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT b.label, a.label, count(*), sum(coalesce(a.monetary_value, b.monetary_value))
          FROM (SELECT * FROM (%1$s) AS s WHERE s.run_date = %3$L::date) AS b
               FULL JOIN (SELECT * FROM (%1$s) AS s WHERE s.run_date = %4$L::date) AS a ON a.customer %2$s b.customer
         GROUP BY b.label, a.label
         ORDER BY b.label NULLS FIRST, count(*) DESC, a.label
        $query$, rows.query, rows.customer_equals, dates.from_date, dates.to_date);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_migration(date, date, text, text, text, text) IS
    'movements of customers between segments (by => ''comment'': between comments) from one snapshot to another. from_segment is null for new customers, to_segment for those who are no longer in the snapshot; revenue is the monetary value in the later snapshot, or in the earlier one for the latter. to_date defaults to the newest snapshot. The earlier snapshot is that of from_date, or the newest at or before compare_to, which is a date or an interval before to_date; by default the one nearest to a month before. No rows if there is no earlier snapshot';

CREATE FUNCTION @extschema@.rfm_movers(
    from_date  date DEFAULT NULL,
    to_date    date DEFAULT NULL,
    model      text DEFAULT 'default',
    direction  text DEFAULT 'down',
    count      int4 DEFAULT 20,
    by         text DEFAULT 'segment',
    compare_to text DEFAULT NULL,
    score_group text DEFAULT NULL
) RETURNS TABLE (
    customer         text,
    from_segment     text,
    to_segment       text,
    from_score       int4,
    to_score         int4,
    change           int4,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric
)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows  record;
    dates record;
BEGIN
    IF direction IS NULL OR direction NOT IN ('down', 'up') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('direction must be down or up, not %s', coalesce(quote_literal(direction), 'null'));
    ELSIF count < 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'count must not be negative',
            HINT = 'Use null for all customers.';
    END IF;
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, by, score_group);
    PERFORM rfm_internal.require_columns(model, rows.columns, ARRAY['r_score', 'f_score', 'm_score']);
    SELECT * INTO dates FROM rfm_internal.snapshot_pair(model, rows.query, from_date, to_date, compare_to);
    RETURN QUERY EXECUTE format($query$
        SELECT m.customer::text, m.from_segment, m.to_segment, m.from_score, m.to_score, m.to_score - m.from_score,
               m.recency_days, m.frequency_orders, m.monetary_value
          FROM (SELECT a.customer, b.label AS from_segment, a.label AS to_segment,
                       b.r_score + b.f_score + b.m_score AS from_score, a.r_score + a.f_score + a.m_score AS to_score,
                       a.recency_days, a.frequency_orders, a.monetary_value
                  FROM (SELECT * FROM (%1$s) AS s WHERE s.run_date = %3$L::date) AS b
                       JOIN (SELECT * FROM (%1$s) AS s WHERE s.run_date = %4$L::date) AS a ON a.customer %2$s b.customer) AS m
         WHERE m.to_score %5$s m.from_score
         ORDER BY abs(m.to_score - m.from_score) DESC, m.monetary_value DESC NULLS LAST, m.customer
         LIMIT %6$L::int8
        $query$, rows.query, rows.customer_equals, dates.from_date, dates.to_date,
        CASE direction WHEN 'down' THEN '<' ELSE '>' END, count);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_movers(date, date, text, text, int4, text, text, text) IS
    'the customers whose score r + f + m fell (direction => ''up'': rose) most from one snapshot to another, and among equal changes those with the highest monetary value first; the values are those of the later snapshot. The snapshots are chosen as by rfm_migration(). count null: all customers. by => ''comment'' returns comments instead of segments';

-- rfm_grid() for PL/pgSQL, in which no parameter shares its name with a column.
CREATE FUNCTION rfm_internal.grid_cells(
    run_date date,
    model    text,
    x        text,
    y        text,
    measure  text,
    score_group text DEFAULT NULL
) RETURNS TABLE (
    y_score int4,
    x_score int4,
    value   numeric
)
LANGUAGE plpgsql STABLE ROWS 25
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows    record;
    date    date;
    bad     CONSTANT text := CASE WHEN coalesce(x NOT IN ('r', 'f', 'm'), true) THEN coalesce(quote_literal(x), 'null')
                                  WHEN coalesce(y NOT IN ('r', 'f', 'm'), true) THEN coalesce(quote_literal(y), 'null') END;
    axes    CONSTANT text[] := ARRAY['r', 'f', 'm'];
BEGIN
    IF bad IS NOT NULL OR x = y THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = CASE WHEN bad IS NOT NULL THEN format('an axis of the grid must be r, f or m, not %s', bad)
                           ELSE format('both axes of the grid are %s', x) END,
            HINT = 'For example x => ''r'', y => ''f'', the default.';
    ELSIF measure IS NULL OR measure NOT IN ('customers', 'money', 'revenue') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('a grid of %s is not known', coalesce(quote_literal(measure), 'null')),
            HINT = 'Use value => ''customers'', the default, or value => ''money''.';
    END IF;
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, NULL, score_group);
    PERFORM rfm_internal.require_columns(model, rows.columns,
        ARRAY[x || '_score', y || '_score'] || CASE WHEN measure <> 'customers' THEN ARRAY['monetary_value'] END);
    date := rfm_internal.snapshot_date(model, rows.query, run_date);
    IF date IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT y_score, x_score, coalesce(c.value, 0)
          FROM (SELECT s.%1$I AS x_score, s.%2$I AS y_score, %3$s AS value
                  FROM (%4$s) AS s
                 WHERE s.run_date = %5$L::date
                 GROUP BY 1, 2) AS c
               FULL JOIN (SELECT x_score, y_score
                            FROM generate_series(1, %6$s) AS x_score, generate_series(1, %7$s) AS y_score) AS cell USING (x_score, y_score)
         ORDER BY y_score, x_score
        $query$, x || '_score', y || '_score',
        CASE measure WHEN 'customers' THEN 'count(*)::numeric' ELSE 'sum(s.monetary_value)' END,
        rows.query, date, rows.buckets[array_position(axes, x)], rows.buckets[array_position(axes, y)]);
END
$body$;
COMMENT ON FUNCTION rfm_internal.grid_cells(date, text, text, text, text, text) IS
    'internal: the rows of rfm_grid';

CREATE FUNCTION @extschema@.rfm_grid(
    run_date date DEFAULT NULL,
    model    text DEFAULT 'default',
    x        text DEFAULT 'r',
    y        text DEFAULT 'f',
    value    text DEFAULT 'customers',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    y_score int4,
    x_score int4,
    value   numeric
)
LANGUAGE sql STABLE ROWS 25
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT y_score, x_score, value FROM rfm_internal.grid_cells($1, $2, $3, $4, $5, $6)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_grid(date, text, text, text, text, text) IS
    'the number of customers, or with value => ''money'' the sum of their monetary values, for every combination of two of the scores r, f and m in a snapshot (by default the newest), including empty ones';

CREATE FUNCTION @extschema@.rfm_trend(
    model     text DEFAULT 'default',
    from_date date DEFAULT NULL,
    to_date   date DEFAULT NULL,
    by        text DEFAULT 'segment',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    run_date  date,
    segment   text,
    customers int8,
    revenue   numeric
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows  record;
    dates date[];
BEGIN
    IF from_date > to_date THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('from_date %s is after to_date %s', to_char(from_date, 'YYYY-MM-DD'), to_char(to_date, 'YYYY-MM-DD'));
    END IF;
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, by, score_group);
    dates := rfm_internal.snapshot_dates(rows.query, to_date, NULL, from_date);
    RETURN QUERY
        WITH found AS MATERIALIZED (
            SELECT t.run_date, t.label, t.customers, t.revenue
              FROM rfm_internal.label_totals(model, by, dates, score_group) AS t)
        SELECT d.run_date, l.label, coalesce(f.customers, 0), CASE WHEN rows.columns ? 'monetary_value' THEN coalesce(f.revenue, 0) END
          FROM (SELECT DISTINCT x.run_date FROM found AS x) AS d
               CROSS JOIN (SELECT DISTINCT x.label FROM found AS x) AS l
               LEFT JOIN found AS f ON f.run_date = d.run_date AND f.label = l.label
         ORDER BY d.run_date, l.label;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_trend(text, date, date, text, text) IS
    'customers and revenue of each segment (by => ''comment'': of each comment) in each snapshot of a range of dates, by default in all; a segment without customers on a date has a row with zeros. It reads the totals in rfm_total: rows of the target that are changed by hand count from the next refresh of their date on';

CREATE FUNCTION @extschema@.rfm_score_now(
    customer    text,
    model       text DEFAULT 'default',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    run_date         date,
    score_group      text,
    customer_id      text,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric,
    r_score          int4,
    f_score          int4,
    m_score          int4,
    rfm_score        int4,
    rfm_segment      text,
    comments         text,
    rfm_cell         text,
    rfm_weighted     int8,
    cut_date         date
)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'rfm_score_one';
COMMENT ON FUNCTION @extschema@.rfm_score_now(text, text, text) IS
    'the current scores of a customer: reads the customer''s orders (fast with an index on the source''s customer column) and scores them with the cut points of the newest snapshot, whose date is cut_date; no row for a customer without orders that count. With score_group for one group, otherwise one row per group of the newest snapshot in which the customer has orders. For roles that may refresh the model';

CREATE FUNCTION @extschema@.rfm_score_now(
    customer    anyelement,
    model       text DEFAULT 'default',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    run_date         date,
    score_group      text,
    customer_id      text,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric,
    r_score          int4,
    f_score          int4,
    m_score          int4,
    rfm_score        int4,
    rfm_segment      text,
    comments         text,
    rfm_cell         text,
    rfm_weighted     int8,
    cut_date         date
)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT * FROM @extschema@.rfm_score_now($1::text, $2, $3)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_score_now(anyelement, text, text) IS
    'the same for a customer of another type than text, such as a number or a uuid';

-- rfm_customer() for PL/pgSQL, in which no parameter shares its name with a column.
CREATE FUNCTION rfm_internal.customer_rows(
    customer text,
    model    text,
    in_group text
) RETURNS TABLE (
    run_date         date,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric,
    r_score          int4,
    f_score          int4,
    m_score          int4,
    segment          text,
    comment          text,
    score_group      text
)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows   record;
    access CONSTANT record := rfm_internal.access(model);
    dates  date[];
BEGIN
    IF customer IS NULL THEN
        RAISE EXCEPTION 'customer must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, NULL, in_group);
    -- an index that begins with the customer finds the rows; otherwise they are
    -- found by date, with the key
    IF NOT EXISTS (SELECT FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                    WHERE i.indrelid = regexp_replace(access.relation, '^ONLY ', '')::regclass AND i.indisvalid AND i.indpred IS NULL
                      AND quote_ident(a.attname) = access.columns ->> 'customer_id')
    THEN
        dates := rfm_internal.snapshot_dates(rows.query);
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT s.run_date, s.recency_days, s.frequency_orders, s.monetary_value, s.r_score, s.f_score, s.m_score, s.segment, s.comment, s.score_group
          FROM (%1$s) AS s
         WHERE %4$s s.customer_id %2$s CAST($1 AS %3$s)
         ORDER BY s.run_date, s.score_group
        $query$, rows.query, access.customer_equals, access.customer_type, CASE WHEN dates IS NOT NULL THEN 's.run_date = ANY ($2) AND' END)
    USING customer, dates;
END
$body$;
COMMENT ON FUNCTION rfm_internal.customer_rows(text, text, text) IS
    'internal: the rows of rfm_customer';

CREATE FUNCTION @extschema@.rfm_customer(
    customer    text,
    model       text DEFAULT 'default',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    run_date         date,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric,
    r_score          int4,
    f_score          int4,
    m_score          int4,
    segment          text,
    comment          text,
    score_group      text
)
LANGUAGE sql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT * FROM rfm_internal.customer_rows($1, $2, $3)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_customer(text, text, text) IS
    'the rows of a customer in all snapshots, oldest first; with score_group only those of one group. rfm_score_now() returns the current scores';

CREATE FUNCTION @extschema@.rfm_customer(
    customer    anyelement,
    model       text DEFAULT 'default',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    run_date         date,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric,
    r_score          int4,
    f_score          int4,
    m_score          int4,
    segment          text,
    comment          text,
    score_group      text
)
LANGUAGE sql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT * FROM @extschema@.rfm_customer($1::text, $2, $3)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_customer(anyelement, text, text) IS
    'the same for a customer of another type than text, such as a number or a uuid';

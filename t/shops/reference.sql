--
-- Random shops: a reference in plain SQL for what rfm must make of them.
--
-- Takes a database with the extension, found on the search_path.  In this
-- order: reference.sql, generator.sql, model.sql, tally.sql, compare.sql, history.sql; they give
--   shops.expect(model, day)     table "expected": the snapshot, from the model's row alone
--   shops.run(seed)              one shop, refreshed and compared; an error where rfm differs
--   CALL shops.run_all(first, n, seconds)
--                                many, a transaction each, no more of them after so many seconds; what failed is in shops.failure
--   shops.report                 how many shops drew each option and value, and how many of them failed
-- The same seed makes the same shop.
--
CREATE SCHEMA shops;
CREATE TABLE shops.failure (seed bigint PRIMARY KEY, message text, detail text, context text);
CREATE TABLE shops.tally (seed bigint PRIMARY KEY, customers bigint, refreshes int, previews int);

-- A column by its name, or an expression, as SQL
CREATE FUNCTION shops.term(source regclass, text text) RETURNS text
LANGUAGE sql STABLE AS
$$
    SELECT CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = source AND attname = text AND attnum > 0) THEN quote_ident(text) ELSE '(' || text || ')' END
$$;

CREATE FUNCTION shops.type_of(source regclass, term text) RETURNS regtype
LANGUAGE plpgsql AS
$$
DECLARE
    type regtype;
BEGIN
    EXECUTE format('CREATE TEMP VIEW typed AS SELECT %s AS value FROM %s', term, source);
    SELECT atttypid INTO type FROM pg_attribute WHERE attrelid = 'pg_temp.typed'::regclass AND attnum = 1;
    DROP VIEW pg_temp.typed;
    RETURN type;
END
$$;

-- A time zone, as SQL: offsets from UTC as intervals, which have one sense
CREATE FUNCTION shops.zone_sql(zone text) RETURNS text
LANGUAGE sql IMMUTABLE AS
$$
    SELECT CASE WHEN zone = 'Z' THEN 'interval ''0'''
                WHEN zone ~ '^[+-]' THEN format('interval %L', regexp_replace(rpad(translate(zone, ':', ''), 5, '0'), '(..)$', ':\1'))
                ELSE quote_literal(zone) END
$$;

CREATE FUNCTION shops.today(zone text) RETURNS date
LANGUAGE plpgsql AS
$$
DECLARE
    day date;
BEGIN
    EXECUTE format('SELECT CAST(now() AT TIME ZONE %s AS date)', shops.zone_sql(zone)) INTO day;
    RETURN day;
END
$$;

-- The local date of an order, as an expression over the source's columns
CREATE FUNCTION shops.local_date(m rfm_model) RETURNS text
LANGUAGE sql AS
$$
    SELECT CASE WHEN shops.type_of(m.source, t) = 'timestamptz'::regtype THEN format('CAST(%s AT TIME ZONE %s AS date)', t, shops.zone_sql(m.time_zone))
                ELSE format('CAST(%s AS date)', t) END
      FROM shops.term(m.source, m.ordered_at) AS t
$$;

-- The orders that count, whatever their date
CREATE FUNCTION shops.counted_sql(m rfm_model) RETURNS text
LANGUAGE sql AS
$$
    SELECT format('SELECT %9$s AS grp, %1$s AS customer, %2$s AS day, CAST(%3$s AS numeric) AS amount, %4$s AS order_id, %8$s AS orders FROM %5$s
                    WHERE %9$s IS NOT NULL AND %1$s IS NOT NULL AND %6$s IS NOT NULL AND (%7$s)',
                  shops.term(m.source, m.customer), shops.local_date(m), shops.term(m.source, m.amount),
                  coalesce(shops.term(m.source, m.order_id), 'NULL::int'), m.source, shops.term(m.source, m.ordered_at), coalesce(m.filter, 'true'),
                  CASE WHEN m.order_count IS NULL THEN '1' ELSE format('coalesce(CAST(%s AS int), 0)', shops.term(m.source, m.order_count)) END,
                  coalesce('CAST(' || shops.term(m.source, m.score_within) || ' AS text)', '''all'''))
$$;

CREATE FUNCTION shops.buckets(m rfm_model) RETURNS int[]
LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE cardinality(m.buckets) WHEN 1 THEN m.buckets || m.buckets || m.buckets ELSE m.buckets END $$;

-- A double as the numeric that its shortest text is; a numeric as it is
CREATE FUNCTION shops.exact(float8) RETURNS numeric
LANGUAGE sql IMMUTABLE SET extra_float_digits = 1 AS
$$ SELECT $1::text::numeric $$;
CREATE FUNCTION shops.exact(numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE AS
$$ SELECT $1 $$;

-- The money of a customer, whose orders are counted by an expression: an average of exact
-- sums is divided with forty digits to spare before it is rounded, one of floating-point
-- amounts is a double, whose shortest text counts
CREATE FUNCTION shops.money_sql(m rfm_model, orders text) RETURNS text
LANGUAGE sql STABLE AS
$$
    SELECT CASE WHEN m.monetary = 'sum' THEN 'coalesce(sum(amount), 0)'
                WHEN shops.type_of(m.source, shops.term(m.source, m.amount)) IN ('float4'::regtype, 'float8'::regtype)
                THEN format('shops.exact(CAST(coalesce(sum(amount), 0) AS float8) / greatest(%s, 1))', orders)
                ELSE format('round(coalesce(sum(amount), 0) * 1.%s / greatest(%s, 1), scale(coalesce(sum(amount), 0)) + 2)', repeat('0', 40), orders) END
$$;

-- The method of an axis
CREATE FUNCTION shops.method(m rfm_model, axis int) RETURNS text
LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN m.method LIKE '{%' THEN (m.method::text[])[axis] ELSE m.method END $$;

-- One axis: scores by group and customer, from "customers"
CREATE FUNCTION shops.score_sql(m rfm_model, axis int) RETURNS text
LANGUAGE plpgsql STABLE AS
$$
DECLARE
    k       int := (shops.buckets(m))[axis];
    value   text := (ARRAY['recency_days', 'frequency_orders', 'monetary_value'])[axis];
    best    text := CASE axis WHEN 1 THEN 'recency_days DESC' ELSE value END;
    breaks  numeric[] := CASE axis WHEN 1 THEN m.r_breaks WHEN 2 THEN m.f_breaks ELSE m.m_breaks END;
    method  text := shops.method(m, axis);
    below   text;
BEGIN
    IF method = 'ntile' THEN
        RETURN format('SELECT grp, customer, ntile(%s) OVER (PARTITION BY grp ORDER BY %s, customer) AS score FROM customers', k, best);
    ELSIF method = 'rank' THEN
        RETURN format('SELECT grp, customer, 1 + %s * (rank() OVER (PARTITION BY grp ORDER BY %s) - 1) / count(*) OVER (PARTITION BY grp) AS score FROM customers', k, best);
    ELSIF method = 'breaks' THEN
        below := format('(SELECT count(*) FROM unnest(%L::numeric[]) b WHERE b <= %s)', breaks, value);
    ELSIF method = 'percentile' THEN
        -- at position (n - 1) * p, exact in numeric
        below := '(SELECT count(*) FROM cuts WHERE cuts.grp = c.grp AND cut < c.value)';
        RETURN format('WITH sorted AS (SELECT grp, array_agg(%1$s::numeric ORDER BY %1$s) AS v, count(*) - 1 AS last FROM customers GROUP BY grp),
                            cuts AS MATERIALIZED (SELECT grp, v[floor(pos)::int + 1] + (v[ceil(pos)::int + 1] - v[floor(pos)::int + 1]) * (pos - floor(pos)) AS cut
                                                    FROM sorted, unnest(%2$L::numeric[]) p, LATERAL (VALUES (last * p)) x(pos))
                       SELECT customers.grp, customer, score FROM customers
                         JOIN (SELECT grp, value, %3$s AS score FROM (SELECT DISTINCT grp, %1$s::numeric AS value FROM customers) c) s ON s.grp = customers.grp AND s.value = %1$s',
                      value, breaks, CASE axis WHEN 1 THEN format('%s - %s', k, below) ELSE '1 + ' || below END);
    ELSE
        -- cut j of n values lies at position (n - 1) * j / k, between two
        -- neighbours: k times the cut needs no division
        below := format('(SELECT count(*) FROM cuts WHERE cuts.grp = c.grp AND times_k < c.value * %s)', k);
        RETURN format('WITH sorted AS (SELECT grp, array_agg(%1$s::numeric ORDER BY %1$s) AS v, count(*) - 1 AS last FROM customers GROUP BY grp),
                            cuts AS MATERIALIZED (SELECT grp, v[pos / %2$s + 1] * %2$s + (v[(pos + %2$s - 1) / %2$s + 1] - v[pos / %2$s + 1]) * (pos %% %2$s) AS times_k
                                                    FROM sorted, generate_series(1, %2$s - 1) j, LATERAL (VALUES (last * j)) p(pos))
                       SELECT customers.grp, customer, score FROM customers
                         JOIN (SELECT grp, value, %3$s AS score FROM (SELECT DISTINCT grp, %1$s::numeric AS value FROM customers) c) s ON s.grp = customers.grp AND s.value = %1$s',
                      value, k, CASE axis WHEN 1 THEN format('%s - %s', k, below) ELSE '1 + ' || below END);
    END IF;
    RETURN format('SELECT grp, customer, %s AS score FROM customers', CASE axis WHEN 1 THEN format('%s - %s', k, below) ELSE '1 + ' || below END);
END
$$;

CREATE FUNCTION shops.label_sql(ruleset text) RETURNS text
LANGUAGE sql IMMUTABLE AS
$$
    SELECT CASE WHEN ruleset IS NULL THEN 'NULL::text' ELSE
        format('coalesce((SELECT label FROM rfm_segment_rule WHERE ruleset = %L
                            AND coalesce(r @> s.r, true) AND coalesce(f @> s.f, true) AND coalesce(m @> s.m, true)
                            AND coalesce(total @> s.r + s.f + s.m, true) ORDER BY priority LIMIT 1), ''Others'')', ruleset) END
$$;

-- Fills table "expected"; returns its date.  Null: the model's own.
CREATE FUNCTION shops.expect(name text, day date) RETURNS date
LANGUAGE plpgsql
SET max_parallel_workers_per_gather = 0
SET enable_nestloop = off
AS
$$
DECLARE
    m        rfm_model;
    counting text;
    money    text;
BEGIN
    SELECT * INTO STRICT m FROM rfm_model WHERE model = name;
    DROP TABLE IF EXISTS counted, customers, expected;
    -- the orders that the model's owner sees
    counting := shops.counted_sql(m);
    PERFORM set_config('role', m.owner::text, true);
    EXECUTE 'CREATE TEMP TABLE counted AS ' || counting;
    PERFORM set_config('role', 'none', true);
    IF day IS NULL THEN
        day := shops.today(m.time_zone) - (m.as_of = 'yesterday')::int;
        IF m.as_of = 'latest_order' THEN
            SELECT coalesce(max(c.day), expect.day) INTO day FROM counted c WHERE c.day <= expect.day AND orders > 0;
        END IF;
    END IF;
    DELETE FROM counted c WHERE NOT (c.day <= expect.day AND (m.lookback IS NULL OR c.day > expect.day - m.lookback));
    counting := CASE WHEN m.order_id IS NULL THEN 'sum(orders)' ELSE 'count(DISTINCT order_id) FILTER (WHERE orders > 0)' END;
    money := shops.money_sql(m, counting);
    EXECUTE format('CREATE TEMP TABLE customers AS
        SELECT grp, customer, %L::date - max(day) FILTER (WHERE orders > 0) AS recency_days, %s AS frequency_orders, %4$s AS monetary_value
          FROM counted GROUP BY grp, customer HAVING sum(orders) > 0 AND (%3$L::numeric IS NULL OR %4$s > %3$L)',
        day, counting, m.monetary_above, money);
    ANALYZE customers;
    EXECUTE format('CREATE TEMP TABLE expected AS
        WITH scored AS MATERIALIZED (SELECT c.*, r.score::int AS r, f.score::int AS f, m.score::int AS m
                          FROM customers c JOIN (%s) r USING (grp, customer) JOIN (%s) f USING (grp, customer) JOIN (%s) m USING (grp, customer)),
             cells AS (SELECT s.*, %s AS segment, %s AS comment FROM (SELECT DISTINCT r, f, m FROM scored) s)
        SELECT %L::date AS run_date, grp AS score_group, customer AS customer_id, recency_days, frequency_orders, monetary_value, r AS r_score, f AS f_score, m AS m_score,
               r + f + m AS rfm_score, segment AS rfm_segment, comment AS comments, array_to_string(ARRAY[r, f, m], %L) AS rfm_cell,
               r::bigint * %s + f::bigint * %s + m::bigint * %s AS rfm_weighted
          FROM scored JOIN cells USING (r, f, m)',
        shops.score_sql(m, 1), shops.score_sql(m, 2), shops.score_sql(m, 3), shops.label_sql(m.segment_rules), shops.label_sql(m.comment_rules), day,
        CASE WHEN 10 = ANY (m.buckets) THEN '-' ELSE '' END, m.weights[1], m.weights[2], m.weights[3]);
    RETURN day;
END
$$;

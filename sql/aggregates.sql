--
-- The helper aggregates and rfm_bucket, by themselves and against plain SQL.
--
\set SHOW_CONTEXT never
\pset null -

--
-- What they look like
--
SELECT rfm_quintiles(x::float8) AS f, rfm_quintiles(x::numeric) AS n FROM generate_series(1, 6) x;
SELECT rfm_quintiles(x) FROM generate_series(1, 11) x;
SELECT rfm_quantiles(x::float8, 4) AS f, rfm_quantiles(x::numeric, 4) AS n FROM generate_series(1, 4) x;
SELECT x, rfm_bucket(x, '{2, 4, 4, 6}'::float8[]) AS f, rfm_bucket(x::numeric, '{2, 4, 4, 6}') AS n
FROM generate_series(1, 7) x;

-- one row, fewer rows than buckets, nothing but nulls, no row
SELECT rfm_quintiles(7.50) AS n, rfm_quintiles(7.5::float8) AS f;
SELECT rfm_quantiles(x::numeric, 4) AS n, rfm_quantiles(x::float8, 4) AS f FROM (VALUES (1), (NULL), (3)) v(x);
SELECT rfm_quintiles(NULL::numeric) AS n, rfm_quintiles(NULL::float8) AS f FROM generate_series(1, 3);
SELECT rfm_quintiles(1.0) AS n, rfm_quintiles(1.0::float8) AS f, rfm_quantiles(1.0, -1) AS q WHERE false;

-- not a number is above all; zero has no sign; equal neighbours need no arithmetic
SELECT rfm_quantiles(x, 4) FROM unnest('{NaN, Infinity, 3, -Infinity, -Infinity}'::float8[]) x;
SELECT rfm_quantiles(x, 4) FROM unnest('{NaN, Infinity, 3, -Infinity, -Infinity}'::numeric[]) x;
SELECT rfm_quintiles(x) AS inf, rfm_quintiles('NaN'::float8) AS nan, rfm_quintiles(-x) AS minus_inf
FROM unnest('{Infinity, Infinity, Infinity}'::float8[]) x;
SELECT rfm_quantiles(x, 2) AS nan_of_either_sign FROM unnest(ARRAY['NaN', -'NaN'::float8, 1, 2]) x;
SELECT rfm_quantiles(x, 2) AS zeros FROM unnest('{-0, 0, -0, 0}'::float8[]) x;
SELECT rfm_quantiles(x, 2) AS no_overflow FROM unnest('{-1.7e308, 1.7e308}'::float8[]) x;
SELECT rfm_bucket('NaN'::float8, '{1, Infinity, NaN}') AS f, rfm_bucket('NaN'::numeric, '{1, Infinity, NaN}') AS n,
       rfm_bucket(0::float8, '{-0, NaN, -Infinity}') AS f0, rfm_bucket(0::numeric, '{-0, NaN, -Infinity}') AS n0;
-- more digits than a double has
SELECT rfm_quantiles(x, 2) FROM unnest('{10000000000000000000000001, 10000000000000000000000002, 10000000000000000000000004}'::numeric[]) x;
SELECT rfm_bucket(1.00000000000000000001, '{1, 1.00000000000000000001, 1.000000000000000000005}');

--
-- Against plain SQL
--
CREATE FUNCTION pg_temp.cuts_of(v float8[], k int) RETURNS float8[] LANGUAGE sql AS $$
    WITH s AS (SELECT x, row_number() OVER (ORDER BY x) - 1 AS pos, count(*) OVER () AS n
               FROM unnest(v) x WHERE x IS NOT NULL)
    SELECT array_agg(CASE WHEN l.x = u.x OR (l.n - 1) * j % k = 0 THEN l.x
                          ELSE l.x + (u.x - l.x) * (((l.n - 1) * j % k)::float8 / k) END ORDER BY j)
    FROM generate_series(1, k - 1) j
    JOIN s l ON l.pos = (l.n - 1) * j / k
    LEFT JOIN s u ON u.pos = l.pos + 1
$$;
CREATE FUNCTION pg_temp.cuts_of(v numeric[], k int) RETURNS numeric[] LANGUAGE sql AS $$
    WITH s AS (SELECT x, row_number() OVER (ORDER BY x) - 1 AS pos, count(*) OVER () AS n
               FROM unnest(v) x WHERE x IS NOT NULL)
    SELECT array_agg(CASE WHEN l.x = u.x OR (l.n - 1) * j % k = 0 THEN l.x
                          ELSE l.x + (u.x - l.x) * ((l.n - 1) * j % k) / k END ORDER BY j)
    FROM generate_series(1, k - 1) j
    JOIN s l ON l.pos = (l.n - 1) * j / k
    LEFT JOIN s u ON u.pos = l.pos + 1
$$;

-- groups of 1 to 119 values, of six kinds; compared less often where memory is
-- watched, which takes a hundred times as long
\set buckets `test -n "$RFM_SMALL" && echo '{3, 10}' || echo '{2, 3, 4, 5, 7, 10, 64, 1000}'`
\set sample `test -n "$RFM_SMALL" && echo 1000 || echo 10000`
\set last `test -n "$RFM_SMALL" && echo 60 || echo 65`
SELECT setseed(0.25);
CREATE TABLE rfm_test_values AS
SELECT g, i,
       CASE g % 6
           WHEN 0 THEN random() * 1000 - 300
           WHEN 1 THEN floor(random() * 8)
           WHEN 2 THEN exp(random() * 1000 - 500) * CASE WHEN random() < 0.5 THEN -1 ELSE 1 END
           WHEN 3 THEN CASE WHEN random() < 0.8 THEN 5 END
           WHEN 4 THEN ('{NaN, Infinity, -Infinity, 0, -0, 1}'::float8[])[ceil(random() * 6)]
           ELSE ('{NaN, 1e308, 1e-300, -1e-300, -1e300}'::float8[])[ceil(random() * 5)] * (1 + random() / 8)
       END AS f,
       CASE g % 6
           WHEN 0 THEN round(random()::numeric * 1000, 2) - 300
           WHEN 1 THEN round(floor(random() * 8)::numeric, floor(random() * 3)::int)
           WHEN 2 THEN concat(CASE WHEN random() < 0.5 THEN '-' END, random()::numeric, 'e', floor(random() * 6000 - 3000))::numeric
           WHEN 3 THEN CASE WHEN random() < 0.8 THEN 5 END
           WHEN 4 THEN ('{NaN, Infinity, -Infinity, 0, 0.00, 1}'::numeric[])[ceil(random() * 6)]
           ELSE 123456789012.3456789 * sign(random()::numeric - 0.3) + random()::numeric * 1e-20
       END AS n
FROM generate_series(1, 119) g, LATERAL generate_series(1, g) i;
ANALYZE rfm_test_values;

-- not one of these may differ
SELECT k, count(*) AS groups,
       count(*) FILTER (WHERE rfm_f IS DISTINCT FROM pg_temp.cuts_of(f, k)) AS float8_differs,
       count(*) FILTER (WHERE rfm_n IS DISTINCT FROM pg_temp.cuts_of(n, k)) AS numeric_differs
FROM (SELECT k, array_agg(f) AS f, array_agg(n) AS n, rfm_quantiles(f, k) AS rfm_f, rfm_quantiles(n, k) AS rfm_n
      FROM rfm_test_values, unnest(:'buckets'::int[]) k GROUP BY g, k) s
GROUP BY k ORDER BY k;

SELECT count(*) AS groups,
       count(*) FILTER (WHERE f5 IS DISTINCT FROM f) AS float8_differs,
       count(*) FILTER (WHERE n5 IS DISTINCT FROM n) AS numeric_differs
FROM (SELECT rfm_quintiles(f) AS f5, rfm_quantiles(f, 5) AS f, rfm_quintiles(n) AS n5, rfm_quantiles(n, 5) AS n
      FROM rfm_test_values GROUP BY g) s;

-- percentile_cont, whose positions are doubles: the same where these are exact
SELECT count(*) AS groups,
       count(*) FILTER (WHERE rfm IS DISTINCT FROM core) AS differ
FROM (SELECT rfm_quantiles(f, 8) AS rfm,
             percentile_cont('{0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875}'::float8[]) WITHIN GROUP (ORDER BY f) AS core
      FROM rfm_test_values WHERE g % 6 < 4 GROUP BY g) s;
SELECT count(*) AS cuts, count(*) FILTER (WHERE abs(rfm - core) > 1e-9) AS differ
FROM (SELECT unnest(rfm_quintiles(f)) AS rfm,
             unnest(percentile_cont('{0.2, 0.4, 0.6, 0.8}'::float8[]) WITHIN GROUP (ORDER BY f)) AS core
      FROM rfm_test_values WHERE g % 6 < 2 GROUP BY g) s;

-- enough values to need the histograms, of few codes and of many
SELECT k, count(*) AS samples,
       count(*) FILTER (WHERE rfm_f IS DISTINCT FROM pg_temp.cuts_of(f, k)) AS float8_differs,
       count(*) FILTER (WHERE rfm_n IS DISTINCT FROM pg_temp.cuts_of(n, k)) AS numeric_differs
FROM (SELECT k, array_agg(f) AS f, array_agg(n) AS n, rfm_quantiles(f, k) AS rfm_f, rfm_quantiles(n, k) AS rfm_n
      FROM (SELECT sample,
                   CASE sample WHEN 1 THEN random() WHEN 2 THEN i % 100 / 4.0 WHEN 3 THEN 1 ELSE exp(random() * 40 - 20) END,
                   CASE sample WHEN 1 THEN random()::numeric WHEN 2 THEN i % 100 / 4.0 WHEN 3 THEN 1
                        ELSE 12345678901234567890 + i * 7919 % 10007 * 1e-10 END
            FROM generate_series(1, 4) sample, generate_series(1, :sample) i) v(sample, f, n),
           unnest('{5, 7}'::int[]) k
      GROUP BY sample, k) s
GROUP BY k ORDER BY k;

-- buckets
SELECT count(*) AS values, count(*) FILTER (WHERE rfm_bucket(f, fc) IS DISTINCT FROM 1 + (SELECT count(*) FROM unnest(fc) c WHERE c < f)
                                              AND f IS NOT NULL) AS float8_differs,
       count(*) FILTER (WHERE rfm_bucket(n, nc) IS DISTINCT FROM 1 + (SELECT count(*) FROM unnest(nc) c WHERE c < n)
                          AND n IS NOT NULL) AS numeric_differs,
       count(*) FILTER (WHERE (f IS NULL) <> (rfm_bucket(f, fc) IS NULL)) AS nulls_differ
FROM rfm_test_values
JOIN (SELECT g, rfm_quantiles(f, 7) AS fc, rfm_quantiles(n, 7) AS nc FROM rfm_test_values GROUP BY g) c USING (g)
WHERE fc IS NOT NULL AND nc IS NOT NULL;
SELECT rfm_bucket(1.0, '{}') AS no_cuts, rfm_bucket(1.0, '{3, 0, 2, -1}') AS unsorted,
       rfm_bucket(1.0, NULL) AS null_cuts, rfm_bucket(NULL::float8, '{1}') AS null_value;

--
-- As window functions: the state lives on after each result
--
SELECT count(*) AS rows,
       count(*) FILTER (WHERE running_f IS DISTINCT FROM pg_temp.cuts_of(fs, 5)) AS float8_differs,
       count(*) FILTER (WHERE running_n IS DISTINCT FROM pg_temp.cuts_of(ns, 5)) AS numeric_differs,
       count(*) FILTER (WHERE moving_n IS DISTINCT FROM pg_temp.cuts_of(last_ns, 4)) AS moving_differs
FROM (SELECT rfm_quintiles(f) OVER w AS running_f, array_agg(f) OVER w AS fs,
             rfm_quintiles(n) OVER w AS running_n, array_agg(n) OVER w AS ns,
             rfm_quantiles(n, 4) OVER m AS moving_n, array_agg(n) OVER m AS last_ns
      FROM rfm_test_values WHERE g BETWEEN 60 AND :last
      WINDOW w AS (PARTITION BY g ORDER BY i), m AS (w ROWS 10 PRECEDING)) s;

--
-- In parallel
--
CREATE FUNCTION pg_temp.has_partial_aggregate(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found_partial boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        found_partial := found_partial OR line ~ 'Partial.*Aggregate';
    END LOOP;
    RETURN found_partial;
END
$$;
CREATE FUNCTION pg_temp.results(source text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    query text := 'SELECT g, rfm_quintiles(f) AS qf, rfm_quintiles(n) AS qn, rfm_quantiles(f, 3) AS f3, rfm_quantiles(n, 3) AS n3 FROM ';
BEGIN
    IF pg_temp.has_partial_aggregate(query || source) <> (current_setting('max_parallel_workers_per_gather') <> '0') THEN
        RAISE EXCEPTION 'not the plan that was wanted for %', source;
    END IF;
    RETURN QUERY EXECUTE 'SELECT s::text FROM (' || query || source || ') s ORDER BY g';
END
$$;

-- the planner must not know how few rows there are, lest it do without partial aggregates
CREATE TABLE rfm_test_sources (source text);
INSERT INTO rfm_test_sources VALUES
    ('rfm_test_values GROUP BY g'),
    ('(SELECT 1 AS g, f, n FROM rfm_test_values) v GROUP BY g'),
    ('(SELECT 2 AS g, f, n FROM rfm_test_values WHERE i + 0 > 1000) v GROUP BY g'),
    ('(SELECT g, NULL::float8 AS f, NULL::numeric AS n FROM rfm_test_values) v GROUP BY g'),
    ('(SELECT 3 AS g, f, n FROM rfm_test_values WHERE g + i > 237) v GROUP BY g');

SET max_parallel_workers_per_gather = 0;
CREATE TABLE rfm_test_serial AS SELECT source, r FROM rfm_test_sources, pg_temp.results(source) r;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE rfm_test_parallel AS SELECT source, r FROM rfm_test_sources, pg_temp.results(source) r;
SET parallel_leader_participation = off;
INSERT INTO rfm_test_parallel SELECT source, r FROM rfm_test_sources, pg_temp.results(source) r;

SELECT source, count(*) AS rows, count(*) FILTER (WHERE serial <> 1 OR parallel <> 2) AS differ
FROM (SELECT source, r, count(*) FILTER (WHERE kind = 's') AS serial, count(*) FILTER (WHERE kind = 'p') AS parallel
      FROM (SELECT *, 's' FROM rfm_test_serial UNION ALL SELECT *, 'p' FROM rfm_test_parallel) u(source, r, kind)
      GROUP BY source, r) c
GROUP BY source ORDER BY source;

-- no group at all: every state is null
SELECT pg_temp.has_partial_aggregate('SELECT rfm_quintiles(f), rfm_quintiles(n), rfm_quantiles(f, 2) FROM rfm_test_values WHERE i + 0 > 1000');
SELECT rfm_quintiles(f), rfm_quintiles(n), rfm_quantiles(f, 2) FROM rfm_test_values WHERE i + 0 > 1000;
-- all but one of the workers have no state, or none that holds a value
SELECT pg_temp.has_partial_aggregate('SELECT rfm_quintiles(f), rfm_quintiles(n) FROM rfm_test_values WHERE g + i > 237');
SELECT rfm_quintiles(f) IS NOT NULL AS f, rfm_quintiles(n) IS NOT NULL AS n FROM rfm_test_values WHERE g + i > 237;
SELECT rfm_quintiles(CASE WHEN g = 1 THEN 2.5 END) FROM rfm_test_values;
-- errors of a worker
SELECT rfm_quantiles(f, 0) FROM rfm_test_values;
\set VERBOSITY terse
SELECT rfm_quantiles(f, 2 + i % 2) FROM rfm_test_values;
\set VERBOSITY default

RESET parallel_leader_participation;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;
RESET max_parallel_workers_per_gather;

--
-- What is refused
--
SELECT rfm_quantiles(1.0, 1);
SELECT rfm_quantiles(1.0::float8, 1001);
SELECT rfm_quantiles(1.0, NULL);
SELECT rfm_quantiles(NULL::numeric, -5);
SELECT rfm_quantiles(x::numeric, x) FROM generate_series(2, 3) x;
SELECT rfm_quantiles(x::float8, x) FROM generate_series(2, 3) x;
SELECT rfm_bucket(1.0, '{1, NULL}');
SELECT rfm_bucket(1.0::float8, '{{1, 2}, {3, 4}}');
\set VERBOSITY terse
SELECT rfm_quintiles('a'::text);
\set VERBOSITY default

DROP TABLE rfm_test_values, rfm_test_sources, rfm_test_serial, rfm_test_parallel;

--
-- Between two snapshots: by segment and by comment, the snapshot that is compared
-- with, who changed since when, each against plain SQL; and what a rule set calls
-- three scores.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA mov;
CREATE TABLE mov.orders (order_id int, customer_id int, created_at timestamp, total numeric(12,2));
INSERT INTO mov.orders
SELECT i, (hashint4extended(i, 1) & 127)::int, timestamp '2024-03-31 10:00' - (hashint4extended(i, 2) & 127) * interval '1 day',
       (hashint4extended(i, 3) & 16383)::int / 100.0
  FROM generate_series(1, 900) i;
-- some come once, and are gone when the lookback has passed them
INSERT INTO mov.orders SELECT 1000 + i, 200 + i, timestamp '2024-01-01' + i * interval '3 days', 10 + i FROM generate_series(1, 30) i;
-- one comes back after that
INSERT INTO mov.orders VALUES (2001, 300, '2024-02-01', 5), (2002, 300, '2024-03-25', 5);
SELECT rfm_create_model('mov', 'mov.orders', 'mov.scores', lookback => '30 days');

\set schema mov
\getenv top PG_ABS_SRCDIR
\set shared :top '/sql/shared/compare.sql'
\i :shared
-- which snapshots a call compares: those whose labels give its migration
CREATE FUNCTION mov.compared(call text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    found text;
BEGIN
    EXECUTE format('SELECT string_agg(concat(a.run_date, '' - '', b.run_date), '', '')
                      FROM (SELECT DISTINCT run_date FROM mov.scores) a JOIN (SELECT DISTINCT run_date FROM mov.scores) b ON a.run_date < b.run_date
                     WHERE NOT EXISTS (SELECT * FROM rfm_migration(a.run_date, b.run_date, ''mov'') EXCEPT SELECT * FROM %s)
                       AND NOT EXISTS (SELECT * FROM %1$s EXCEPT SELECT * FROM rfm_migration(a.run_date, b.run_date, ''mov''))', call) INTO found;
    RETURN found;
END
$$;

-- no snapshot, and one: nothing to compare
SELECT * FROM rfm_changes(model => 'mov');
SELECT * FROM rfm_migration(model => 'mov', compare_to => '1 month');
SELECT rfm_refresh('2024-01-31', 'mov') > 0 AS refreshed;
SELECT * FROM rfm_changes(model => 'mov');
SELECT * FROM mov.said($$SELECT * FROM rfm_changes(model => 'mov', compare_to => '1 month')$$);

-- month ends: a month before the last of February is the last of January
SELECT rfm_refresh('2024-02-29', 'mov') > 0, rfm_refresh('2024-03-31', 'mov') > 0 AS refreshed;
SELECT given.call, mov.compared(given.call)
  FROM (VALUES ($$rfm_migration(model => 'mov')$$), ($$rfm_migration(to_date => '2024-02-29', model => 'mov')$$),
               ($$rfm_migration(to_date => '2024-02-29', model => 'mov', compare_to => '1 month')$$),
               ($$rfm_migration(model => 'mov', compare_to => '2 months')$$), ($$rfm_migration(model => 'mov', compare_to => '32 days')$$),
               ($$rfm_migration(model => 'mov', compare_to => '2024-03-30')$$), ($$rfm_migration('2024-01-31', model => 'mov')$$)) AS given(call);
-- every day: the default is a month, not yesterday
DO $$
BEGIN
    PERFORM rfm_refresh(day::date, 'mov') FROM generate_series(timestamp '2024-02-20', '2024-03-30', '1 day') AS day WHERE day <> '2024-03-10';
END
$$;
SELECT given.call, mov.compared(given.call)
  FROM (VALUES ($$rfm_migration(model => 'mov')$$), ($$rfm_migration(model => 'mov', compare_to => '1 week')$$), ($$rfm_migration(model => 'mov', compare_to => '3 weeks')$$),
               ($$rfm_migration(model => 'mov', compare_to => '2024-03-10')$$), ($$rfm_migration(to_date => '2024-03-12', model => 'mov')$$),
               ($$rfm_migration(to_date => '2024-02-25', model => 'mov')$$), ($$rfm_migration(to_date => '2024-03-11', model => 'mov', compare_to => 'P1D')$$)) AS given(call);
SELECT given.query, said.*
  FROM (VALUES ($$rfm_migration(model => 'mov', compare_to => 'lately')$$), ($$rfm_migration(model => 'mov', compare_to => '2024-03-31')$$),
               ($$rfm_migration(model => 'mov', compare_to => '-1 month')$$), ($$rfm_migration(model => 'mov', compare_to => '1 year')$$),
               ($$rfm_migration(model => 'mov', compare_to => '2023-12-31')$$), ($$rfm_migration('2024-02-29', model => 'mov', compare_to => '1 month')$$),
               ($$rfm_migration('2024-03-10', model => 'mov')$$), ($$rfm_changes(model => 'mov', by => 'comments')$$)) AS given(query),
       mov.said('SELECT * FROM ' || given.query) AS said;

-- by either label
SELECT by, d.*
  FROM (VALUES ('segment', 'rfm_segment'), ('comment', 'comments')) AS label(by, name),
       mov.differences(format('SELECT * FROM rfm_migration(''2024-02-29'', ''2024-03-31'', ''mov'', %L)', by),
                       format('SELECT b.l, a.l, count(*), sum(coalesce(a.m, b.m))
                                 FROM (SELECT customer_id, %1$I AS l, monetary_value AS m FROM mov.scores WHERE run_date = ''2024-02-29'') b
                                      FULL JOIN (SELECT customer_id, %1$I AS l, monetary_value AS m FROM mov.scores WHERE run_date = ''2024-03-31'') a USING (customer_id)
                                GROUP BY 1, 2', name)) d;
SELECT by, d.*
  FROM (VALUES ('segment', 'rfm_segment'), ('comment', 'comments')) AS label(by, name),
       mov.differences(format('SELECT customer, from_segment, to_segment, change FROM rfm_movers(''2024-02-29'', ''2024-03-31'', ''mov'', ''up'', NULL, %L)', by),
                       format('SELECT customer_id::text, b.%1$I, a.%1$I, a.rfm_score - b.rfm_score FROM mov.scores a JOIN mov.scores b USING (customer_id)
                                WHERE a.run_date = ''2024-03-31'' AND b.run_date = ''2024-02-29'' AND a.rfm_score > b.rfm_score', name)) d;
SELECT by, d.*
  FROM (VALUES ('segment', 'rfm_segment'), ('comment', 'comments')) AS label(by, name),
       mov.differences(format('SELECT * FROM rfm_trend(''mov'', ''2024-03-01'', by => %L) WHERE customers > 0', by),
                       format('SELECT run_date, %I, count(*), sum(monetary_value) FROM mov.scores WHERE run_date >= ''2024-03-01'' GROUP BY 1, 2', name)) d;

-- who changed, and since when: the first day from which on the label is the last one
CREATE FUNCTION mov.changes(name text, first date, last date) RETURNS text LANGUAGE sql AS
$$ SELECT format('WITH day AS (SELECT DISTINCT run_date AS d FROM mov.scores WHERE run_date BETWEEN %2$L AND %3$L),
       stood AS (SELECT c.customer_id, day.d, (SELECT s.%1$I FROM mov.scores s WHERE s.customer_id = c.customer_id AND s.run_date = day.d) AS l
                   FROM (SELECT DISTINCT customer_id FROM mov.scores) c, day)
    SELECT b.customer_id::text, b.l, a.l,
           (SELECT min(f.d) FROM day f WHERE NOT EXISTS (SELECT FROM stood x WHERE x.customer_id = b.customer_id AND x.d >= f.d AND x.l IS DISTINCT FROM a.l)),
           s.recency_days, s.frequency_orders::int8,
           coalesce(s.monetary_value, (SELECT o.monetary_value FROM mov.scores o WHERE o.customer_id = b.customer_id AND o.run_date = %2$L))
      FROM stood b JOIN stood a ON a.customer_id = b.customer_id AND a.d = %3$L
           LEFT JOIN mov.scores s ON s.customer_id = a.customer_id AND s.run_date = a.d
     WHERE b.d = %2$L AND a.l IS DISTINCT FROM b.l', name, first, last) $$;
SELECT by, first, last, d.*
  FROM (VALUES ('segment', 'rfm_segment'), ('comment', 'comments')) AS label(by, name),
       (VALUES ('2024-02-29'::date, '2024-03-31'::date), ('2024-01-31', '2024-03-25'), ('2024-03-29', '2024-03-30'), ('2024-03-09', '2024-03-12')) AS given(first, last),
       mov.differences(format('SELECT * FROM rfm_changes(%L, %L, ''mov'', %L)', first, last, by), mov.changes(name, first, last)) d;
SELECT count(*) FILTER (WHERE from_segment IS NULL) > 0 AS new, count(*) FILTER (WHERE to_segment IS NULL) > 0 AS gone, count(DISTINCT since) > 20 AS on_many_days
  FROM rfm_changes(model => 'mov');
-- gone for a time, and back: since they came back
SELECT from_segment IS NOT NULL AS was_there, since FROM rfm_changes('2024-02-29', '2024-03-31', 'mov') WHERE customer = '300';
SELECT * FROM mov.differences($$SELECT * FROM rfm_changes(model => 'mov', segment => 'At Risk')$$,
                              $$SELECT * FROM rfm_changes(model => 'mov') WHERE 'At Risk' IN (from_segment, to_segment)$$);
SELECT * FROM mov.differences($$SELECT *, row_number() OVER () FROM rfm_changes(model => 'mov')$$,
                              $$SELECT *, row_number() OVER (ORDER BY since DESC, monetary_value DESC, customer::int) FROM rfm_changes(model => 'mov')$$);

-- what a rule set calls three scores
SELECT * FROM mov.differences($$SELECT s.ruleset, r, f, m, rfm_label(s.ruleset, r, f, m) FROM rfm_ruleset s, LATERAL rfm_segment_coverage(s.ruleset) WHERE r IS NOT NULL AND s.shipped$$,
                              $$SELECT s.ruleset, r, f, m, label FROM rfm_ruleset s, LATERAL rfm_segment_coverage(s.ruleset) WHERE r IS NOT NULL AND s.shipped$$);
SELECT count(*) FILTER (WHERE rfm_label('traits5', r_score, f_score, m_score) <> comments) AS differences, count(*) > 0 AS some FROM mov.scores;
SELECT rfm_label('sum5', 5, NULL, 5), rfm_label(NULL, 5, 5, 5);
SELECT given.query, said.* FROM (VALUES ($$rfm_label('sum5', 6, 1, 1)$$), ($$rfm_label('sum5', 1, 0, 1)$$), ($$rfm_label('no such', 1, 1, 1)$$)) AS given(query),
       mov.said('SELECT ' || given.query) AS said;
-- rules that change while one expression asks again and again
SELECT rfm_copy_ruleset('sum5', 'mov');
DO $$
DECLARE
    label text;
BEGIN
    FOR step IN 1..4 LOOP
        label := rfm_label('mov', 5, 5, 5);
        RAISE WARNING '%', label;
        BEGIN
            UPDATE rfm_segment_rule SET label = rfm_segment_rule.label || step WHERE ruleset = 'mov' AND priority = 10;
            IF step = 2 THEN
                RAISE 'undone';
            END IF;
        EXCEPTION WHEN raise_exception THEN
        END;
    END LOOP;
END
$$;
-- anyone may ask
CREATE ROLE regress_rfm_stranger;
GRANT USAGE ON SCHEMA mov TO regress_rfm_stranger;
SET ROLE regress_rfm_stranger;
SELECT rfm_label('mov', 1, 1, 1);
SELECT message FROM mov.said($$SELECT * FROM rfm_changes(model => 'mov')$$);
RESET ROLE;

SELECT rfm_drop_model('mov');
SELECT rfm_drop_ruleset('mov');
DROP SCHEMA mov CASCADE;
DROP ROLE regress_rfm_stranger;
RESET client_min_messages;

--
-- Analysis: each function against plain SQL over the target, on a shop of hashed
-- orders, on a model with columns of its own, and on the real invoices.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA ana;

CREATE TABLE ana.orders (order_id int, customer_id int, created_at timestamp, total numeric(12,2));
INSERT INTO ana.orders
SELECT i, (hashint4extended(i, 1) & 127)::int, timestamp '2024-03-31 10:00' - (hashint4extended(i, 2) & 127) * interval '1 day',
       (hashint4extended(i, 3) & 16383)::int / 100.0
  FROM generate_series(1, 900) i;
-- some come late, and some come no more
INSERT INTO ana.orders SELECT 1000 + i, 200 + i % 9, timestamp '2024-03-20' + i * interval '6 hours', i FROM generate_series(1, 40) i;
DELETE FROM ana.orders WHERE customer_id < 20 AND created_at > '2024-01-20';
CREATE INDEX ON ana.orders (customer_id);
SELECT rfm_create_model('ana', 'ana.orders', 'ana.scores', lookback => '100 days');

\set schema ana
\getenv top PG_ABS_SRCDIR
\set shared :top '/sql/shared/compare.sql'
\i :shared

-- plain SQL: the summary, movements and grid of a table of rows under rfm's names
CREATE FUNCTION ana.summary(rows text) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT label, count(*), round(count(*)::numeric / (SELECT count(*) FROM (%1$s) x), 4), sum(f)::bigint, sum(m),
       round(sum(m) / (SELECT sum(m) FROM (%1$s) x), 4), round(sum(m) / sum(f), 2),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY r)::numeric, percentile_cont(0.5) WITHIN GROUP (ORDER BY f)::numeric,
       round((percentile_disc(0.5) WITHIN GROUP (ORDER BY m) + percentile_disc(0.5) WITHIN GROUP (ORDER BY m DESC)) / 2, 6)
  FROM (%1$s) t GROUP BY label', rows) $$;
\set summary_columns 'segment, customers, customer_share, orders, revenue, revenue_share, average_order_value, median_recency, median_frequency, round(median_monetary, 6)'

-- no snapshot, and only one
SELECT * FROM rfm_segment_summary(model => 'ana');
SELECT * FROM rfm_migration(model => 'ana');
SELECT * FROM rfm_movers(model => 'ana');
SELECT * FROM rfm_grid(model => 'ana');
SELECT * FROM rfm_trend('ana');
SELECT * FROM rfm_customer('30', 'ana');
SELECT * FROM rfm_export(model => 'ana');
SELECT * FROM ana.scores_latest;
SELECT * FROM ana.said($$SELECT * FROM rfm_segment_summary('2024-02-29', 'ana')$$);
SELECT * FROM ana.said($$SELECT * FROM rfm_score_now(30, 'ana')$$);
SELECT rfm_refresh('2024-02-29', 'ana') > 100 AS refreshed;
SELECT * FROM rfm_migration(model => 'ana');
SELECT * FROM rfm_movers(model => 'ana');
SELECT sum(customers) = (SELECT count(*) FROM ana.scores) AS all_of_them FROM rfm_segment_summary(model => 'ana');
SELECT sum(customers) = (SELECT count(*) FROM ana.scores) AS all_of_them, count(DISTINCT run_date) AS dates FROM rfm_trend('ana');
SELECT sum(value) = (SELECT count(*) FROM ana.scores) AS all_of_them FROM rfm_grid(model => 'ana');
SELECT metric, sum(customers) = (SELECT count(*) FROM ana.scores) AS all_of_them FROM rfm_cut_points(model => 'ana') GROUP BY metric ORDER BY metric;
SELECT count(*) = (SELECT count(*) FROM ana.scores) AS all_of_them FROM rfm_export(model => 'ana');
SELECT count(*) FROM rfm_customer(30, 'ana');
SELECT rfm_refresh('2024-03-31', 'ana') > 100, rfm_refresh('2024-04-30', 'ana') > 100 AS refreshed;

-- summaries
SELECT * FROM rfm_segment_summary('2024-02-29', 'ana');
SELECT d.*
  FROM unnest('{2024-02-29,2024-03-31,2024-04-30}'::date[]) AS day,
       (VALUES ('segment', 'rfm_segment'), ('comment', 'comments')) AS label(by, name),
       ana.differences(format('SELECT %s FROM rfm_segment_summary(%L, ''ana'', by => %L)', :'summary_columns', day, label.by),
                       ana.summary(format('SELECT %I AS label, recency_days AS r, frequency_orders AS f, monetary_value AS m FROM ana.scores WHERE run_date = %L',
                                          label.name, day))) d;
SELECT * FROM ana.differences('TABLE ana.scores_latest', 'SELECT * FROM ana.scores WHERE run_date = ''2024-04-30''');
SELECT * FROM ana.differences($$SELECT * FROM rfm_segment_summary(model => 'ana')$$, $$SELECT * FROM rfm_segment_summary('2024-04-30', 'ana')$$);

-- movements
SELECT * FROM rfm_migration(model => 'ana');
SELECT d.*
  FROM (VALUES (NULL, NULL, '2024-03-31', '2024-04-30'), (NULL, '2024-03-31', '2024-02-29', '2024-03-31'),
               ('2024-02-29', NULL, '2024-02-29', '2024-04-30')) AS given(a, b, from_date, to_date),
       ana.differences(format('SELECT * FROM rfm_migration(%L, %L, ''ana'')', a, b),
                       format('SELECT segments[1], segments[2], count(*), sum(m)
                                 FROM (SELECT customer_id, ARRAY[max(rfm_segment) FILTER (WHERE run_date = %1$L), max(rfm_segment) FILTER (WHERE run_date = %2$L)] AS segments,
                                              coalesce(max(monetary_value) FILTER (WHERE run_date = %2$L), max(monetary_value)) AS m
                                         FROM ana.scores WHERE run_date IN (%1$L, %2$L) GROUP BY customer_id) c
                                GROUP BY 1, 2', from_date, to_date)) d;
SELECT count(*) FILTER (WHERE from_segment IS NULL) > 0 AS new, count(*) FILTER (WHERE to_segment IS NULL) > 0 AS lost
  FROM rfm_migration('2024-02-29', '2024-04-30', 'ana');
SELECT d.*
  FROM (VALUES ('down', -1), ('up', 1)) AS way(direction, sign),
       ana.differences(format('SELECT *, row_number() OVER () FROM rfm_movers(''2024-02-29'', model => ''ana'', direction => %L, count => NULL)', direction),
                       format('SELECT *, row_number() OVER (ORDER BY abs(change) DESC, monetary_value DESC, customer::int)
                                 FROM (SELECT a.customer_id::text AS customer, b.rfm_segment, a.rfm_segment, b.rfm_score::int, a.rfm_score::int,
                                              a.rfm_score - b.rfm_score AS change, a.recency_days, a.frequency_orders::bigint, a.monetary_value
                                         FROM ana.scores a JOIN ana.scores b USING (customer_id)
                                        WHERE a.run_date = ''2024-04-30'' AND b.run_date = ''2024-02-29'') m WHERE sign(change) = %s', sign)) d;
SELECT count(*), max(change) <= min(change) + 6 AS near FROM rfm_movers(model => 'ana', count => 7);
SELECT * FROM rfm_movers(model => 'ana', count => 0);

-- grids and trends
SELECT d.*
  FROM (VALUES ('r', 'f', 'customers'), ('f', 'r', 'customers'), ('m', 'f', 'money'), ('r', 'm', 'revenue')) AS given(x, y, value),
       ana.differences(format('SELECT * FROM rfm_grid(''2024-03-31'', ''ana'', %L, %L, %L)', x, y, value),
                       format('SELECT y, x, (SELECT CASE %3$L WHEN ''customers'' THEN count(*) ELSE coalesce(sum(monetary_value), 0) END FROM ana.scores
                                              WHERE run_date = ''2024-03-31'' AND %1$s_score = x AND %2$s_score = y)
                                 FROM generate_series(1, 5) x, generate_series(1, 5) y', x, y, value)) d;
SELECT d.*
  FROM (VALUES (NULL, NULL), ('2024-03-01', NULL), (NULL, '2024-03-31'), ('2024-03-01', '2024-03-31'), ('2025-01-01', NULL)) AS given(a, b),
       ana.differences(format('SELECT * FROM rfm_trend(''ana'', %L, %L)', a, b),
                       format('SELECT run_date, rfm_segment, count(*), sum(monetary_value) FROM ana.scores
                                WHERE run_date >= coalesce(%L, ''-infinity''::date) AND run_date <= coalesce(%L, ''infinity''::date) GROUP BY 1, 2', a, b)) d;
-- kept totals are what a refresh has written; without them the target is read.  A
-- segment that is empty on a date
CREATE TABLE ana.was AS SELECT * FROM ana.scores;
UPDATE ana.scores SET rfm_segment = 'Merged' WHERE run_date = '2024-03-31' AND rfm_segment = 'Hibernating';
SELECT run_date, segment, customers > 0 AS some, revenue > 0 AS money FROM rfm_trend('ana') WHERE segment IN ('Merged', 'Hibernating');
DELETE FROM rfm_total WHERE run_date = '2024-03-31' AND model_id = (SELECT model_id FROM rfm_model WHERE model = 'ana');
SELECT run_date, segment, customers > 0 AS some, revenue > 0 AS money FROM rfm_trend('ana') WHERE segment IN ('Merged', 'Hibernating');
SELECT rfm_refresh('2024-03-31', 'ana') > 0 AS mended;

-- one customer
SELECT d.*
  FROM (VALUES ('30'), ('5'), ('203'), ('-1')) AS given(customer),
       ana.differences(format('SELECT * FROM rfm_customer(%L, ''ana'')', customer),
                       format('SELECT run_date, recency_days, frequency_orders::bigint, monetary_value, r_score::int, f_score::int, m_score::int, rfm_segment, comments, NULL::text
                                 FROM ana.scores WHERE customer_id = %L', customer)) d;
SELECT * FROM ana.differences($$SELECT * FROM rfm_customer(30, 'ana')$$, $$SELECT * FROM rfm_customer('30'::varchar, 'ana')$$);

-- the list of a segment
SELECT d.*
  FROM (VALUES (NULL, NULL, 'segment', 'true'), ('2024-03-31', 'At Risk', 'segment', 'rfm_segment = ''At Risk'''),
               (NULL, 'Champions', 'comment', 'comments = ''Champions''')) AS given(day, segment, by, condition),
       ana.differences(format('SELECT *, row_number() OVER () FROM rfm_export(%L, ''ana'', %L, %L)', day, segment, by),
                       format('SELECT customer_id::text, %I, recency_days, frequency_orders::bigint, monetary_value, r_score::int, f_score::int, m_score::int, false,
                                      row_number() OVER (ORDER BY monetary_value DESC, customer_id)
                                 FROM ana.scores WHERE run_date = %L AND %s', CASE by WHEN 'segment' THEN 'rfm_segment' ELSE 'comments' END, coalesce(day, '2024-04-30'), condition)) d;
SET client_min_messages = notice;
SELECT count(*) FROM rfm_export(model => 'ana', segment => 'champions');
SET client_min_messages = warning;
\copy (SELECT customer, segment_name FROM rfm_export(model => 'ana', segment => 'Hibernating') LIMIT 2) TO STDOUT CSV HEADER

-- where customers stand now: on the day of the snapshot, where it has them,
-- whatever the method and however many share a value at a cut point
SELECT rfm_create_model('ana_' || method, 'ana.orders', 'ana.' || method, method => method, as_of => 'latest_order', buckets => buckets,
                        segment_rules => NULL, comment_rules => NULL, r_breaks => breaks, f_breaks => breaks, m_breaks => breaks)
  FROM (VALUES ('ntile', '{5}'::int[], NULL), ('rank', '{5,4,3}', NULL), ('quantile', '{4,10,2}', NULL), ('breaks', '{4}', '{1,7,80}'::numeric[]))
       AS given(method, buckets, breaks);
SELECT method, rfm_refresh(model => 'ana_' || method) = (SELECT count(DISTINCT customer_id) FROM ana.orders) AS all_of_them
  FROM unnest('{ntile,rank,quantile,breaks}'::text[]) AS method;
SELECT method, d.*
  FROM unnest('{ntile,rank,quantile,breaks}'::text[]) AS method,
       ana.differences(format('SELECT n.customer_id, n.run_date, n.recency_days, n.frequency_orders, n.monetary_value, n.r_score, n.f_score, n.m_score, n.rfm_score, n.cut_date
                                 FROM (SELECT DISTINCT customer_id FROM ana.orders) c, rfm_score_now(c.customer_id, %L) n', 'ana_' || method),
                       format('SELECT customer_id::text, run_date, recency_days, frequency_orders::bigint, monetary_value, r_score::int, f_score::int, m_score::int, rfm_score::int, run_date
                                 FROM ana.%I', method)) d;
-- who is new: by the same cut points; an order moves the date on
SELECT * FROM rfm_score_now(777, 'ana_ntile');
INSERT INTO ana.orders VALUES (5000, 777, '2024-04-02', 1e6);
SELECT run_date, recency_days, frequency_orders, monetary_value, m_score, cut_date FROM rfm_score_now(777, 'ana_ntile');
DELETE FROM ana.orders WHERE customer_id = 777;
-- today's date, where the model says so
SELECT rfm_create_model('ana_today', 'ana.orders', 'ana.today', filter => 'total > 0', segment_rules => 'sum5');
SELECT rfm_refresh('2024-04-30', 'ana_today') > 0 AS refreshed;
SELECT n.run_date = (now() AT TIME ZONE 'UTC')::date AS today, n.recency_days = n.run_date - (SELECT max(created_at)::date FROM ana.orders WHERE customer_id = 203) AS days,
       n.frequency_orders = (SELECT count(*) FROM ana.orders WHERE customer_id = 203) AS orders, r_score, rfm_segment IS NOT NULL AS labelled, cut_date
  FROM rfm_score_now(203, 'ana_today') AS n;
UPDATE rfm_model SET buckets = '{4}' WHERE model = 'ana_rank';
SELECT * FROM ana.said($$SELECT * FROM rfm_score_now(30, 'ana_rank')$$);
SELECT * FROM ana.said($$SELECT * FROM rfm_score_now('x', 'ana')$$);
SELECT * FROM ana.said($$SELECT * FROM rfm_score_now(NULL::text, 'ana')$$);
SELECT * FROM ana.said($$SELECT * FROM rfm_customer(NULL::int, 'ana')$$);

-- columns and labels of its own, some with quotes
SELECT rfm_copy_ruleset('traits5', 'ana');
UPDATE rfm_segment_rule SET label = 'It''s "<b>' || label || '</b>"; %L \' WHERE ruleset = 'ana';
CREATE TABLE ana."Odd ""Scores"" 100%" (
    "Day's" timestamp, "who "" is" varchar(20), "re cency" numeric, freq bigint, "$money" float8, "R" int, "F" int, "M" text, "segment'" text,
    PRIMARY KEY ("Day's", "who "" is"));
CREATE VIEW ana.named AS SELECT order_id, created_at, total, 'O''Hara "' || customer_id || '"' AS customer FROM ana.orders;
SELECT rfm_create_model('O''Hara "1%"', 'ana.named', 'ana."Odd ""Scores"" 100%"', customer => 'customer', lookback => '100 days', as_of => 'latest_order',
    segment_rules => 'ana', comment_rules => 'ana',
    target_columns => '{"run_date": "Day''s", "customer_id": "who \" is", "recency_days": "re cency", "frequency_orders": "freq", "monetary_value": "$money",
                        "r_score": "R", "f_score": "F", "m_score": "M", "rfm_segment": "segment''", "comments": null, "rfm_score": null}');
SELECT rfm_refresh('2024-02-29', 'O''Hara "1%"') > 100, rfm_refresh('2024-04-30', 'O''Hara "1%"') > 100 AS refreshed;
CREATE VIEW ana.odd AS
SELECT "Day's"::date AS run_date, "who "" is" AS customer, "re cency"::int AS r, freq AS f, "$money"::numeric AS m, "segment'" AS label,
       "R" AS r_score, "F" AS f_score, "M"::int AS m_score, "R" + "F" + "M"::int AS score
  FROM ana."Odd ""Scores"" 100%";
SELECT d.* FROM (VALUES ('segment'), ('comment')) AS label(by),
       ana.differences(format('SELECT %s FROM rfm_segment_summary(NULL, %L, by => %L)', :'summary_columns', 'O''Hara "1%"', by),
                       ana.summary('SELECT * FROM ana.odd WHERE run_date = ''2024-04-30''')) d;
SELECT * FROM ana.differences($$SELECT from_segment, to_segment, customers FROM rfm_migration(model => 'O''Hara "1%"')$$,
    $$SELECT b.label, a.label, count(*) FROM (SELECT * FROM ana.odd WHERE run_date = '2024-04-30') a
        FULL JOIN (SELECT * FROM ana.odd WHERE run_date = '2024-02-29') b USING (customer) GROUP BY 1, 2$$);
SELECT * FROM ana.differences($$SELECT customer, segment_name FROM rfm_export(model => 'O''Hara "1%"', segment => 'It''s "<b>Champions</b>"; %L \')$$,
    $$SELECT customer, label FROM ana.odd WHERE run_date = '2024-04-30' AND label LIKE '%>Champions<%'$$);
SELECT run_date, recency_days, comment FROM rfm_customer('O''Hara "30"', 'O''Hara "1%"');
SELECT * FROM ana.differences($$SELECT n.* FROM ana.odd o, rfm_score_now(o.customer, 'O''Hara "1%"') n WHERE o.run_date = '2024-04-30'$$,
    $$SELECT p.*, p.run_date FROM rfm_preview('2024-04-30', 'O''Hara "1%"') p$$);
SELECT count(*), sum(value) = (SELECT count(*) FROM ana.odd WHERE run_date = '2024-04-30') AS all_of_them FROM rfm_grid(model => 'O''Hara "1%"', x => 'm');
SELECT d.* FROM (VALUES ('down', '<'), ('up', '>')) AS way(direction, than),
       ana.differences(format($$SELECT customer, from_score, to_score, monetary_value FROM rfm_movers(NULL, NULL, 'O''Hara "1%%"', %L, NULL)$$, direction),
    format($$SELECT a.customer, b.score, a.score, a.m FROM ana.odd a JOIN ana.odd b USING (customer)
        WHERE a.run_date = '2024-04-30' AND b.run_date = '2024-02-29' AND a.score %s b.score$$, than)) d;
SELECT * FROM ana.differences($$SELECT * FROM rfm_trend('O''Hara "1%"') WHERE customers > 0$$,
    $$SELECT run_date, label, count(*), sum(m) FROM ana.odd GROUP BY 1, 2$$);
SELECT * FROM ana.differences($$SELECT y_score, x_score, value FROM rfm_grid(NULL, 'O''Hara "1%"', 'm', 'r') WHERE value > 0$$,
    $$SELECT r_score, m_score, count(*)::numeric FROM ana.odd WHERE run_date = '2024-04-30' GROUP BY 1, 2$$);
SELECT * FROM ana.differences($$SELECT score, customers, lowest, highest FROM rfm_cut_points(NULL, 'O''Hara "1%"') WHERE metric = 'frequency_orders'$$,
    $$SELECT f_score, count(*), min(f)::numeric, max(f)::numeric FROM ana.odd WHERE run_date = '2024-04-30' GROUP BY 1$$);
SELECT count(*) = (SELECT count(*) FROM ana.odd WHERE run_date = '2024-04-30') AS all_of_them FROM ana."Odd ""Scores"" 100%_latest";

-- labels that the target does not keep are those of the rule sets today
SELECT rfm_create_model('ana_bare', 'ana.orders', 'ana.bare', lookback => '100 days',
                        target_columns => '{"rfm_segment": null, "comments": null, "rfm_score": null}');
SELECT rfm_refresh('2024-02-29', 'ana_bare') > 0, rfm_refresh('2024-04-30', 'ana_bare') > 0 AS refreshed;
SELECT * FROM ana.differences($$SELECT * FROM rfm_segment_summary('2024-04-30', 'ana_bare', 'comment')$$, $$SELECT * FROM rfm_segment_summary('2024-04-30', 'ana', 'comment')$$);
SELECT * FROM ana.differences($$SELECT * FROM rfm_migration('2024-02-29', '2024-04-30', 'ana_bare')$$, $$SELECT * FROM rfm_migration('2024-02-29', '2024-04-30', 'ana')$$);

-- a target that holds the newest snapshot only, without money
SELECT rfm_create_model('ana_newest', 'ana.orders', 'ana.newest', segment_rules => NULL, comment_rules => NULL,
                        target_columns => '{"run_date": null, "monetary_value": null}');
SELECT rfm_refresh('2024-04-30', 'ana_newest') > 0 AS refreshed;
SELECT * FROM ana.said($$SELECT * FROM rfm_segment_summary(model => 'ana_newest')$$);
UPDATE rfm_model SET comment_rules = 'traits5' WHERE model = 'ana_newest';
SELECT rfm_refresh('2024-04-30', 'ana_newest') > 0 AS refreshed;
SELECT * FROM ana.said($$SELECT * FROM rfm_segment_summary(model => 'ana_newest', by => 'comments')$$);
SELECT sum(customers) = (SELECT count(*) FROM ana.newest) AS all_of_them, count(*) > 1 AS segments, sum(revenue) AS revenue FROM rfm_segment_summary(model => 'ana_newest');
SELECT DISTINCT run_date FROM rfm_trend('ana_newest');
SELECT run_date, frequency_orders = (SELECT count(*) FROM ana.orders WHERE customer_id = 30) AS orders, monetary_value FROM rfm_customer(30, 'ana_newest');
SELECT sum(value) = (SELECT count(*) FROM ana.newest) AS all_of_them FROM rfm_grid(model => 'ana_newest');
SELECT count(*) FROM rfm_migration(model => 'ana_newest');
SELECT message, detail FROM ana.said($$SELECT * FROM rfm_migration('2024-03-31', model => 'ana_newest')$$);
SELECT count(*) FROM rfm_movers(model => 'ana_newest');
SELECT message, hint FROM ana.said($$SELECT * FROM rfm_grid(model => 'ana_newest', value => 'money')$$);
SELECT * FROM ana.differences('TABLE ana.newest_latest', 'TABLE ana.newest');
-- a snapshot that nobody is in
SELECT rfm_refresh('1999-12-31', 'ana_newest') AS refreshed;
SELECT (SELECT count(*) FROM rfm_segment_summary(model => 'ana_newest')) AS summary, (SELECT count(*) FROM rfm_migration(model => 'ana_newest')) AS migration,
       (SELECT count(*) FROM rfm_movers(model => 'ana_newest')) AS movers, (SELECT count(*) FROM rfm_grid(model => 'ana_newest')) AS grid,
       (SELECT count(*) FROM rfm_trend('ana_newest')) AS trend, (SELECT count(*) FROM rfm_customer(30, 'ana_newest')) AS customer,
       (SELECT count(*) FROM rfm_export(model => 'ana_newest')) AS export, (SELECT count(*) FROM ana.newest_latest) AS latest;
SELECT * FROM ana.said($$SELECT * FROM rfm_cut_points(model => 'ana_newest')$$);
SELECT * FROM ana.said($$SELECT * FROM rfm_score_now(30, 'ana_newest')$$);
SELECT rfm_refresh('2024-04-30', 'ana_newest') > 0 AS refreshed;
-- and without all scores
ALTER TABLE ana.newest DROP m_score CASCADE, ADD comments text DEFAULT 'kept';
UPDATE rfm_model SET target_columns = target_columns || '{"m_score": null}' WHERE model = 'ana_newest';
SELECT message FROM ana.said($$SELECT * FROM rfm_grid(model => 'ana_newest', x => 'm')$$);
SELECT message FROM ana.said($$SELECT * FROM rfm_movers(model => 'ana_newest')$$);
SELECT segment, customers = (SELECT count(*) FROM ana.newest) AS all_of_them FROM rfm_segment_summary(model => 'ana_newest');
ALTER TABLE ana.newest DROP comments;
SELECT * FROM ana.said($$SELECT * FROM rfm_segment_summary(model => 'ana_newest')$$);

-- what is asked for wrongly
SELECT given.query, said.code, said.message, said.hint
  FROM (VALUES ($$rfm_grid(x => 'q')$$), ($$rfm_grid(x => 'f')$$), ($$rfm_grid(y => NULL)$$), ($$rfm_grid(value => 'orders')$$),
               ($$rfm_movers(direction => 'sideways')$$), ($$rfm_movers(count => -1)$$), ($$rfm_trend(from_date => '2024-02-01', to_date => '2024-01-01', model => 'ana')$$),
               ($$rfm_migration('2024-03-31', '2024-03-31', 'ana')$$), ($$rfm_segment_summary(model => 'no such')$$), ($$rfm_segment_summary(model => NULL)$$),
               ($$rfm_segment_summary('2024-03-30', 'ana')$$), ($$rfm_export(by => 'segments', model => 'ana')$$)) AS given(query),
       ana.said('SELECT * FROM ' || given.query) AS said;

-- rights: whoever may read the target, and no more
CREATE ROLE regress_rfm_analyst;
CREATE ROLE regress_rfm_nobody;
GRANT USAGE ON SCHEMA ana TO regress_rfm_analyst, regress_rfm_nobody;
GRANT SELECT ON ana.scores TO regress_rfm_analyst;
SET ROLE regress_rfm_analyst;
SELECT count(*) FROM rfm_model;
SELECT count(*) > 0 AS some FROM rfm_segment_summary(model => 'ana');
SELECT count(*) > 0 AS some FROM rfm_customer(30, 'ana');
SELECT count(*) > 100 AS many FROM ana.scores_latest;
SELECT relation, last_run FROM rfm_internal.access('ana');
SELECT message, detail FROM ana.said($$SELECT * FROM rfm_score_now(30, 'ana')$$);
SELECT message FROM ana.said($$SELECT rfm_latest_view('ana')$$);
SELECT * FROM ana.said($$SELECT * FROM rfm_segment_summary(model => 'ana_bare')$$);
SET ROLE regress_rfm_nobody;
SELECT message FROM ana.said($$SELECT * FROM rfm_export(model => 'ana')$$);
SELECT message FROM ana.said($$SELECT * FROM rfm_internal.access('ana')$$);
SELECT message FROM ana.said($$SELECT * FROM ana.scores_latest$$);
RESET ROLE;
-- some columns, and some rows
GRANT SELECT (run_date, customer_id) ON ana.scores TO regress_rfm_nobody;
ALTER TABLE ana.scores ENABLE ROW LEVEL SECURITY;
CREATE POLICY those ON ana.scores FOR SELECT TO regress_rfm_analyst USING (customer_id < 50);
SET ROLE regress_rfm_nobody;
SELECT message FROM ana.said($$SELECT * FROM rfm_export(model => 'ana')$$);
SET ROLE regress_rfm_analyst;
SELECT max(customer::int) < 50 AS those FROM rfm_export(model => 'ana');
SELECT max(customer_id) < 50 AS those FROM ana.scores_latest;
RESET ROLE;
ALTER TABLE ana.scores DISABLE ROW LEVEL SECURITY;

-- functions and operators in the caller's way
CREATE SCHEMA evil;
CREATE FUNCTION evil.equal(int, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil'; END $$;
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.equal);
CREATE FUNCTION evil.round(numeric, int) RETURNS numeric LANGUAGE sql AS 'SELECT -1.0';
SET search_path = evil, pg_catalog, public;
SELECT min(customer_share) > 0 AS good FROM rfm_segment_summary(model => 'ana');
SELECT count(*) > 0 AS good FROM rfm_migration(model => 'ana');
SELECT count(*) > 0 AS good FROM rfm_customer(30, 'ana');
SELECT count(*) > 0 AS good FROM rfm_score_now(30, 'ana_ntile');
RESET search_path;
DROP SCHEMA evil CASCADE;

-- the view: made with the model, made anew, something in its way, and gone with the model
SELECT relname, pg_get_userbyid(relowner) = current_user AS mine, obj_description(oid, 'pg_class') AS comment
  FROM pg_class WHERE relname LIKE '%latest' AND relnamespace = 'ana'::regnamespace ORDER BY relname COLLATE "C" LIMIT 3;
ALTER TABLE ana.scores ADD note text DEFAULT 'n';
SELECT rfm_latest_view('ana');
SELECT DISTINCT note FROM ana.scores_latest;
ALTER TABLE ana.scores RENAME note TO remark;
SELECT rfm_latest_view('ana');
SELECT DISTINCT remark FROM ana.scores_latest;
CREATE TABLE ana.taken_latest ();
SET client_min_messages = notice;
SELECT rfm_create_model('ana_taken', 'ana.orders', 'ana.taken');
SELECT message FROM ana.said($$SELECT rfm_latest_view('ana_taken')$$);
SELECT rfm_drop_model('ana_taken', true);
SELECT to_regclass('ana.taken_latest') IS NOT NULL AS stays;
-- other views over it
CREATE VIEW ana.report AS SELECT rfm_segment FROM ana.scores_latest;
SELECT rfm_drop_model('ana');
DROP VIEW ana.report;
-- a target, and its view, belong to one model
SELECT rfm_create_model('ana', 'ana.orders', 'ana.scores');
SELECT rfm_create_model('ana_twin', 'ana.orders', 'ana.scores');
SELECT rfm_drop_model('ana');
SELECT to_regclass('ana.scores_latest') IS NULL AS gone;
-- none wanted
SET rfm.latest_view = off;
SELECT rfm_create_model('ana', 'ana.orders', 'ana.scores');
SELECT to_regclass('ana.scores_latest') IS NULL AS none;
SELECT rfm_latest_view('ana');
RESET rfm.latest_view;
SELECT rfm_drop_model('ana');
-- a long name, cut between characters
SELECT rfm_create_model('ana_long', 'ana.orders', 'ana.' || repeat('ü', 30));
SELECT char_length(relname), octet_length(relname) FROM pg_class WHERE relname LIKE 'üü%latest';
SELECT rfm_drop_model('ana_long', drop_target => true);
-- a role that may not create there
GRANT SELECT, INSERT, UPDATE, DELETE ON ana.scores TO regress_rfm_analyst;
GRANT SELECT ON ana.orders TO regress_rfm_analyst;
SET ROLE regress_rfm_analyst;
SELECT rfm_create_model('ana_other', 'ana.orders', 'ana.scores');
SELECT rfm_drop_model('ana_other');
RESET ROLE;
SET client_min_messages = warning;

SELECT count(rfm_drop_model(model)) FROM rfm_model WHERE model LIKE 'ana%' OR model LIKE 'O''Hara%';
SELECT rfm_drop_ruleset('ana');
DROP SCHEMA ana CASCADE;
DROP ROLE regress_rfm_analyst, regress_rfm_nobody;
RESET client_min_messages;

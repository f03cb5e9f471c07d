--
-- Which snapshots the job computes: those of days that were not over, those that
-- the model restates, those that were missed by its cadence.  Time passes as the
-- tables move back by a day; the models' zone is one where it is about noon.
--
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
SET timezone = 'Asia/Tokyo';
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
CREATE SCHEMA owd;
CREATE TABLE owd.orders (customer_id int, created_at timestamptz, total numeric);
CREATE TABLE owd.clock AS
SELECT CASE WHEN hours < 0 THEN '-' ELSE '+' END || to_char(abs(hours), 'FM00') || ':00' AS zone
  FROM (SELECT 12 - extract(hour FROM now() AT TIME ZONE 'UTC')::int) AS h(hours);
CREATE FUNCTION owd.today() RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE zone::interval)::date FROM owd.clock $$;
CREATE FUNCTION owd.order(days_ago int, total numeric) RETURNS void LANGUAGE sql AS $$
    INSERT INTO owd.orders SELECT 1 + count(*) % 3, (owd.today() - days_ago + time '00:01') AT TIME ZONE (SELECT zone::interval FROM owd.clock), $2 FROM owd.orders
$$;
CREATE FUNCTION owd.model(name text, options text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT rfm_create_model(%L, ''owd.orders'', ''owd.%s'', time_zone => %L %s)', name, name, (SELECT zone FROM owd.clock), options);
END $$;
-- some days later: everything is that much older
CREATE FUNCTION owd.sleep(days int DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    target regclass;
BEGIN
    UPDATE owd.orders SET created_at = created_at - make_interval(days => days);
    UPDATE rfm_run SET run_date = run_date - days, started_at = started_at - make_interval(days => days), finished_at = finished_at - make_interval(days => days)
     WHERE model LIKE 'owd%';
    FOR target IN SELECT m.target FROM rfm_model m WHERE model LIKE 'owd%' AND target_columns IS NULL LOOP
        -- two steps: a date moves to one that is not there yet
        EXECUTE format('UPDATE %s SET run_date = run_date - 100000', target);
        EXECUTE format('UPDATE %s SET run_date = run_date + 100000 - %s', target, days);
    END LOOP;
END $$;
-- the dates of the target, their revenue, and whether that is what the orders say
CREATE FUNCTION owd.snapshots(target regclass) RETURNS TABLE (days_ago int, revenue numeric, is_right bool) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT owd.today() - run_date, sum(monetary_value),
               sum(monetary_value) = (SELECT sum(total) FROM owd.orders WHERE (created_at AT TIME ZONE (SELECT zone::interval FROM owd.clock))::date <= run_date)
          FROM %s GROUP BY run_date ORDER BY run_date$q$, target);
END $$;
CREATE FUNCTION owd.jobs(model text) RETURNS TABLE (last_snapshot int, days_behind int, next_date int, unfinished int[], to_do bool) LANGUAGE sql AS $$
    SELECT owd.today() - last_snapshot, days_behind, next_date - owd.today(), (SELECT array_agg(owd.today() - d) FROM unnest(unfinished) d), to_do IS NOT NULL
      FROM rfm_jobs j WHERE j.model = $1
$$;
CREATE VIEW owd.log AS SELECT model, owd.today() - run_date AS days_ago, inserted, updated, unchanged FROM rfm_run WHERE model LIKE 'owd%' ORDER BY run_id;

--
-- A day is done when it is over.  Each day the job comes when some of the day's
-- orders are still to come.
--
SELECT owd.model('owd_day');
SELECT owd.order(0, 500), owd.order(0, 500), owd.order(0, 1000);
CALL rfm_catch_up('owd_day');
SELECT owd.order(0, 1000);
SELECT owd.sleep();
SELECT * FROM owd.jobs('owd_day');
CALL rfm_catch_up('owd_day');
SELECT owd.order(0, 1000);
SELECT owd.sleep();
SELECT owd.order(0, 1000);
CALL rfm_catch_up('owd_day');
SELECT owd.sleep();
CALL rfm_catch_up('owd_day');
SELECT * FROM owd.snapshots('owd.owd_day');
SELECT days_ago, inserted, updated, unchanged FROM owd.log;
-- nothing but today's is computed twice; what is over and done stays
SELECT * FROM owd.jobs('owd_day');
CALL rfm_catch_up('owd_day');
SELECT days_ago FROM owd.log OFFSET 7;
-- the job stays away, and then makes up for it
SELECT owd.order(0, 100);
SELECT owd.sleep(3);
SELECT * FROM owd.jobs('owd_day');
CALL rfm_catch_up('owd_day');
SELECT days_ago, updated FROM owd.log OFFSET 8;
SELECT count(*), bool_and(is_right) FROM owd.snapshots('owd.owd_day');
-- a snapshot of a day to come, when it has gone
SELECT rfm_refresh(owd.today() + 2, 'owd_day');
SELECT owd.order(0, 100), owd.order(-1, 100);
SELECT owd.sleep(4);
SELECT * FROM owd.jobs('owd_day');
CALL rfm_catch_up('owd_day');
SELECT count(*), bool_and(is_right) FROM owd.snapshots('owd.owd_day');
-- the limit counts days that are to be finished
SELECT owd.sleep(2);
SET rfm.catch_up_limit = 1;
\set VERBOSITY terse
CALL rfm_catch_up('owd_day');
CALL rfm_catch_up('owd_day');
CALL rfm_catch_up('owd_day');
\set VERBOSITY default
RESET rfm.catch_up_limit;
SELECT days_ago FROM (SELECT days_ago, row_number() OVER () AS n, count(*) OVER () AS all FROM owd.log) l WHERE n > l.all - 3;
SELECT count(*), bool_and(is_right) FROM owd.snapshots('owd.owd_day');
-- what retention would not keep is not computed for nothing
SELECT owd.sleep();
UPDATE rfm_model SET retention = '1 day' WHERE model = 'owd_day';
SELECT * FROM owd.jobs('owd_day');
CALL rfm_catch_up('owd_day');
SELECT days_ago FROM (SELECT days_ago, row_number() OVER () AS n, count(*) OVER () AS all FROM owd.log) l WHERE n > l.all - 2;
SELECT * FROM owd.snapshots('owd.owd_day');
SELECT rfm_drop_model('owd_day', true);

--
-- As of yesterday: each day once, as a whole.  A target without dates: today's alone
--
SELECT owd.model('owd_past', $$, as_of => 'yesterday'$$), owd.model('owd_new', $$, target_columns => '{"run_date": null}'$$);
CALL rfm_catch_up('owd_past');
CALL rfm_catch_up('owd_new');
SELECT owd.sleep();
SELECT * FROM owd.jobs('owd_past');
CALL rfm_catch_up('owd_past');
CALL rfm_catch_up('owd_new');
SELECT owd.sleep(2);
CALL rfm_catch_up('owd_past');
CALL rfm_catch_up('owd_new');
SELECT model, array_agg(days_ago) FROM owd.log GROUP BY model ORDER BY model;
SELECT bool_and(is_right) FROM owd.snapshots('owd.owd_past');
SELECT rfm_drop_model('owd_past', true), rfm_drop_model('owd_new', true);

--
-- Orders that come late and are corrected: restate
--
SELECT owd.model('owd_late', $$, restate => '3 days'$$);
SELECT rfm_refresh(owd.today() - n, 'owd_late') FROM generate_series(5, 2, -1) n;
CALL rfm_catch_up('owd_late');
SELECT owd.order(2, 77), owd.order(4, 7);
UPDATE owd.orders SET total = total + 1 WHERE created_at = (SELECT min(created_at) FROM owd.orders);
SELECT * FROM owd.snapshots('owd.owd_late');
SELECT pg_stat_force_next_flush();
SELECT seq_scan AS before FROM pg_stat_user_tables WHERE relid = 'owd.orders'::regclass \gset
-- the limit is for what is behind
SET rfm.catch_up_limit = 1;
CALL rfm_catch_up('owd_late');
RESET rfm.catch_up_limit;
SELECT pg_stat_force_next_flush();
SELECT seq_scan - :before AS readings FROM pg_stat_user_tables WHERE relid = 'owd.orders'::regclass;
SELECT * FROM owd.snapshots('owd.owd_late');
SELECT days_ago, updated, unchanged FROM owd.log OFFSET 6;
-- what it does not reach is for rfm_backfill()
SELECT min(run_date) AS first, owd.today() - 4 AS last FROM owd.owd_late \gset
CALL rfm_backfill(:'first', :'last', 'owd_late');
SELECT bool_and(is_right) FROM owd.snapshots('owd.owd_late');
-- no snapshot is made where there was none
DELETE FROM rfm_run WHERE model = 'owd_late' AND run_date = owd.today() - 2;
DELETE FROM owd.owd_late WHERE run_date = owd.today() - 2;
UPDATE rfm_model SET restate = '100000 years' WHERE model = 'owd_late';
CALL rfm_catch_up('owd_late');
SELECT days_ago FROM (SELECT days_ago, row_number() OVER () AS n, count(*) OVER () AS all FROM owd.log) l WHERE n > l.all - 6;
SELECT rfm_drop_model('owd_late', true);
SELECT owd.model('owd_bad', $$, restate => '12 hours'$$);
SELECT owd.model('owd_bad', $$, restate => '1 month -1 day'$$);
SELECT owd.model('owd_bad', $$, cadence => 'year'$$);
SELECT owd.model('owd_bad', $$, cadence => NULL$$);

--
-- Weekly and monthly: by every pair of dates of some years
--
-- a date in each week or month between, and none other
SELECT cadence, count(*) AS pairs, sum(n) AS dates, count(*) FILTER (WHERE NOT fits) AS wrong
  FROM unnest('{day,week,month}'::text[]) cadence, generate_series(date '2023-12-20', '2024-03-10', '1 day') last, generate_series(0, 120, 7) span,
       LATERAL (SELECT last::date + span AS until) u,
       LATERAL (SELECT count(*) AS n,
                       count(*) = count(DISTINCT date_trunc(cadence, d::timestamp))
                       AND coalesce(min(d) > last AND max(d) < until, true)
                       AND count(*) = (SELECT count(*) FROM (SELECT DISTINCT date_trunc(cadence, x) FROM generate_series(last, until, '1 day') x) p(p)
                                        WHERE p > date_trunc(cadence, last) AND p < date_trunc(cadence, until::timestamp))
                       AND coalesce(bool_and(CASE cadence WHEN 'week' THEN extract(dow FROM d) = extract(dow FROM until)
                                                          WHEN 'month' THEN extract(day FROM d) = extract(day FROM until) OR extract(day FROM d + 1) = 1 ELSE true END), true) AS fits
                  FROM rfm_internal.missed_dates(cadence, last::date, until) d) x
 GROUP BY 1 ORDER BY 1;
SELECT until, array(SELECT rfm_internal.missed_dates('month', '2023-11-30', until) ORDER BY 1) FROM unnest('{2024-03-31,2024-03-30,2024-04-30,2024-04-01}'::date[]) until;
SELECT cadence, last, rfm_internal.next_due(cadence, last)
  FROM (VALUES ('day', date '2024-02-28'), ('week', '2024-02-28'), ('month', '2024-01-30'), ('month', '2024-01-31'), ('month', '2024-02-29'), ('month', '2024-04-30'), ('month', '2024-05-15')) v(cadence, last);

-- a weekly job: no alarm within the week, its snapshot finished by the next, one date for a week that was missed
SELECT owd.model('owd_week', $$, cadence => 'week'$$);
CALL rfm_catch_up('owd_week');
SELECT owd.sleep(4);
SELECT * FROM owd.jobs('owd_week');
SELECT owd.sleep(3);
CALL rfm_catch_up('owd_week');
SELECT days_ago FROM owd.log;
SELECT owd.sleep(8);
SELECT * FROM owd.jobs('owd_week');
SELECT owd.sleep(13);
CALL rfm_catch_up('owd_week');
SELECT days_ago FROM owd.log OFFSET 3;
SELECT bool_and(is_right) FROM owd.snapshots('owd.owd_week');
UPDATE rfm_model SET cadence = 'month' WHERE model = 'owd_week';
SELECT owd.sleep(25);
SELECT last_snapshot, days_behind, to_do FROM owd.jobs('owd_week');
SELECT owd.sleep(10);
SELECT last_snapshot, days_behind, to_do FROM owd.jobs('owd_week');

SELECT count(rfm_drop_model(model)::text) FROM rfm_model WHERE model LIKE 'owd%';
DROP SCHEMA owd CASCADE;

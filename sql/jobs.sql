-- these tests change targets in ways that a view of them would forbid
SET rfm.latest_view = off;
--
-- rfm_jobs where pg_cron has not been created in this database, and who sees
-- what in it; when schedules come next.
--
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_rfm_clerk, regress_rfm_deputy, regress_rfm_spy;
CREATE ROLE regress_rfm_clerk;
CREATE ROLE regress_rfm_deputy;
CREATE ROLE regress_rfm_spy;
GRANT regress_rfm_clerk TO regress_rfm_deputy;
CREATE SCHEMA jbs;
GRANT USAGE, CREATE ON SCHEMA jbs TO regress_rfm_clerk;
RESET client_min_messages;

CREATE TABLE jbs.orders (order_id int, customer_id int, created_at timestamptz, total numeric);
INSERT INTO jbs.orders SELECT i, i % 7, now() - i * interval '1 day', i FROM generate_series(1, 30) i;
GRANT SELECT ON jbs.orders TO regress_rfm_clerk;

--
-- How far behind
--
-- the session's time zone does not matter: the model's today is another day than this one's
SET timezone = 'Etc/GMT+12';
SELECT rfm_create_model('jbs_fresh', 'jbs.orders', 'jbs.fresh', time_zone => 'Pacific/Kiritimati');
SELECT rfm_create_model('jbs_today', 'jbs.orders', 'jbs.today', time_zone => 'Pacific/Kiritimati');
SELECT rfm_create_model('jbs_behind', 'jbs.orders', 'jbs.behind', time_zone => 'Pacific/Kiritimati');
SELECT rfm_create_model('jbs_newest', 'jbs.orders', 'jbs.newest', time_zone => 'Pacific/Kiritimati', target_columns => '{"run_date": null}');
SELECT rfm_create_model('jbs_latest', 'jbs.orders', 'jbs.latest', time_zone => 'Pacific/Kiritimati', as_of => 'latest_order');
CREATE VIEW jbs.clock AS SELECT (now() AT TIME ZONE 'Pacific/Kiritimati')::date AS today;
SELECT rfm_refresh(model => 'jbs_today') > 0, rfm_refresh('2100-01-01', 'jbs_today') > 0;
SELECT rfm_refresh(today - 5, 'jbs_behind') > 0, rfm_refresh(today - 1, 'jbs_newest') > 0, rfm_refresh(today - 2, 'jbs_latest') > 0 FROM jbs.clock;
SELECT model, today - last_snapshot AS last_snapshot, days_behind, next_date - today AS next_date,
       num_nulls(schedule, active, job_id, runs_as, next_run_at, last_status, last_message, last_run_at, last_duration,
                 failures, failing_since) AS no_job,
       split_part(to_do, ' If there is no scheduler', 1) AS to_do
  FROM rfm_jobs, jbs.clock WHERE model LIKE 'jbs%' ORDER BY model;
SET timezone = 'UTC';
-- a model whose target is gone does not hide the others
DROP TABLE jbs.behind;
SELECT count(*) FROM rfm_jobs WHERE model LIKE 'jbs%';

--
-- Who sees what
--
SET ROLE regress_rfm_clerk;
SELECT rfm_create_model('jbs_clerk', 'jbs.orders', 'jbs.clerk');
SELECT model FROM rfm_jobs;
SET ROLE regress_rfm_deputy;
SELECT model, days_behind, next_date IS NOT NULL AS next_date FROM rfm_jobs;
SET ROLE regress_rfm_spy;
SELECT model FROM rfm_jobs;
CREATE FUNCTION pg_temp.tell(model text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'seen: %', model; RETURN true; END $$;
SELECT model FROM rfm_jobs WHERE pg_temp.tell(model);
SELECT * FROM rfm_internal.cron_jobs();
\set VERBOSITY terse
SELECT * FROM rfm_cron_jobs_of('regress_rfm_clerk'::regrole);
\set VERBOSITY default
RESET ROLE;
SELECT count(*) FROM rfm_jobs WHERE model LIKE 'jbs%';

--
-- When schedules come next, by the minute: every local minute is tried
--
CREATE FUNCTION jbs.next_run(schedule text, zone text, after timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    f text[] := string_to_array(schedule, ' ');
    t timestamptz := date_trunc('minute', after);
    l timestamp;
BEGIN
    LOOP
        t := t + interval '1 minute';
        l := t AT TIME ZONE zone;
        EXIT WHEN jbs.fits(f[1], extract(minute FROM l)::int) AND jbs.fits(f[2], extract(hour FROM l)::int)
              AND jbs.fits(f[4], extract(month FROM l)::int)
              AND CASE WHEN f[3] LIKE '*%' OR f[5] LIKE '*%'
                       THEN jbs.fits(f[3], extract(day FROM l)::int) AND jbs.fits(f[5], extract(dow FROM l)::int)
                       ELSE jbs.fits(f[3], extract(day FROM l)::int) OR jbs.fits(f[5], extract(dow FROM l)::int) END;
    END LOOP;
    RETURN t;
END $$;
-- single numbers, lists of them, and steps from 0
CREATE FUNCTION jbs.fits(field text, n int) RETURNS bool LANGUAGE sql AS $$
    SELECT CASE WHEN field = '*' THEN true WHEN field LIKE '*/%' THEN n % substr(field, 3)::int = 0
                ELSE n = ANY (string_to_array(field, ',')::int[]) END
$$;
SELECT schedule, zone, rfm_internal.next_run(schedule, zone, after) AS next_run,
       rfm_internal.next_run(schedule, zone, after) = jbs.next_run(schedule, zone, after) AS as_by_minutes
  FROM (VALUES ('0 2 * * *',    'UTC',              timestamptz '2024-02-28 01:59:59'),
               ('0 2 * * *',    'UTC',              '2024-02-28 02:00'),
               ('30 23 * * *',  'America/New_York', '2024-02-29 04:30'),
               ('30 0 * * *',   'Asia/Kolkata',     '2024-02-29 19:01'),
               ('*/20 * * * *', 'GMT',              '2024-12-31 23:40'),
               ('15,45 6 * * *', 'GMT',             '2024-12-31 06:20'),
               ('0 0 1 * *',    'GMT',              '2024-12-02 06:20'),
               ('0 7 * * 0',    'GMT',              '2024-12-02 06:20'),
               ('0 7 13 * 5',   'GMT',              '2024-12-14 00:00'),
               ('0 7 13 1,3 *', 'GMT',              '2025-01-14 00:00'),
               -- the clocks go forward, and back
               ('0 3 * * *',    'Europe/Berlin',    '2024-03-30 12:00'),
               ('30 2 * * *',   'Europe/Berlin',    '2024-03-31 06:00'),
               ('0 3 * * *',    'Europe/Berlin',    '2024-10-26 12:00')) AS v(schedule, zone, after);
SELECT schedule, rfm_internal.next_run(schedule, 'GMT', '2024-02-28 12:00') AS next_run
  FROM unnest('{0 0 29 2 *,0 7 * * 7,5-50/15 3-4 * * 1-5,0 2 30 2 *,0 0 * * mon,0 0 $ * *,@daily,30 seconds,5/10 * * * *,"",* * * *,* * * * * *,0 5-3 * * *}'::text[]) AS schedule;
-- the zone with its summer time, not the abbreviation without (where there is a zone of that name)
SELECT count(*) AS wrong FROM pg_timezone_names
 WHERE name = 'CET' AND rfm_internal.next_run('0 4 1 */2 *', name, '2024-05-14 00:00') <> '2024-07-01 02:00+00';
SELECT rfm_internal.next_run('0 2 * * *', NULL, now());
SHOW timezone;

SET client_min_messages = warning;
SELECT count(rfm_drop_model(model)::text) FROM rfm_model WHERE model LIKE 'jbs%';
DROP FUNCTION pg_temp.tell;
DROP SCHEMA jbs CASCADE;
DROP ROLE regress_rfm_clerk, regress_rfm_deputy, regress_rfm_spy;

--
-- Which day it is: time zones of every spelling, order times without one,
-- orders dated in the future, windows as long as the calendar, and the run date
-- of a refresh that names none.
--
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
CREATE SCHEMA clk;
RESET client_min_messages;

--
-- Time zones.  Each has one meaning, for days and for literals in a filter:
-- that of the interval in AT TIME ZONE, or of the name.
--
CREATE TABLE clk.hours AS
SELECT i AS customer_id, timestamptz '2026-01-10 00:00+00' + i * interval '30 minutes' AS created_at, 10 AS total
  FROM generate_series(-60, 60) i;
CREATE TABLE clk.zone (zone text PRIMARY KEY, iso interval, name text);
INSERT INTO clk.zone VALUES
    ('Z', '0', NULL), ('+00', '0', NULL), ('-00:00', '0', NULL), ('+05:30', '05:30', NULL), ('+0530', '05:30', NULL), ('-03', '-03:00', NULL),
    ('-03:00', '-03:00', NULL), ('-0930', '-09:30', NULL), ('+14', '14:00', NULL), ('-12:00', '-12:00', NULL), ('+15:59', '15:59', NULL),
    ('UTC', NULL, 'UTC'), ('utc', NULL, 'UTC'), ('Asia/Kolkata', '05:30', NULL), ('asia/kolkata', '05:30', NULL), ('Etc/GMT+3', '-03:00', NULL),
    ('etc/gmt-14', '14:00', NULL), ('GMT0', '0', NULL), ('gmt', '0', NULL), ('EST5EDT', NULL, 'America/New_York'), ('pst8pdt', NULL, 'America/Los_Angeles'),
    ('CET', NULL, 'Europe/Brussels'), ('America/Port-au-Prince', NULL, 'America/New_York'), ('W-SU', '03:00', NULL);
-- not every system has the names of old
DELETE FROM clk.zone z WHERE z.zone IN ('EST5EDT', 'pst8pdt', 'CET', 'W-SU', 'GMT0') AND lower(z.zone) NOT IN (SELECT lower(name) FROM pg_timezone_names);
CREATE FUNCTION clk.days_of(zone text, filter text DEFAULT NULL) RETURNS TABLE (customer_id int, day date)
LANGUAGE plpgsql
SET timezone = 'Asia/Tokyo'
SET client_min_messages = warning
AS $$
BEGIN
    PERFORM rfm_create_model('clk_zone', 'clk.hours', 'clk.zoned', time_zone => zone, filter => filter, method => 'rank', segment_rules => NULL, comment_rules => NULL);
    RETURN QUERY SELECT p.customer_id::int, p.run_date - p.recency_days FROM rfm_preview('2026-01-20', 'clk_zone') p;
    PERFORM rfm_drop_model('clk_zone', true);
END $$;
CREATE FUNCTION clk.local(z clk.zone, moment timestamptz) RETURNS timestamp LANGUAGE sql AS
$$ SELECT CASE WHEN z.iso IS NULL THEN moment AT TIME ZONE z.name ELSE moment AT TIME ZONE z.iso END $$;
-- none: each order is on the day that the reference has it on
SELECT z.zone, h.customer_id, clk.local(z, h.created_at), d.day
  FROM clk.zone z CROSS JOIN LATERAL clk.days_of(z.zone) d JOIN clk.hours h USING (customer_id)
 WHERE d.day IS DISTINCT FROM clk.local(z, h.created_at)::date;
-- and a literal in the filter is a moment of the same zone
SELECT z.zone, count(d.customer_id), count(h.customer_id)
  FROM clk.zone z CROSS JOIN clk.hours h
  LEFT JOIN LATERAL (SELECT f.customer_id FROM clk.days_of(z.zone, $$created_at >= '2026-01-10 00:00'$$) f) d ON d.customer_id = h.customer_id
 WHERE (d.customer_id IS NOT NULL) <> (clk.local(z, h.created_at) >= '2026-01-10 00:00') AND h.customer_id % 10 = 0
 GROUP BY 1;
-- what a day is in each
SELECT z.zone, rfm_internal.local_date('2026-01-10 00:00+00', z.zone) AS day, clk.local(z, '2026-01-10 00:00+00')::date AS reference
  FROM clk.zone z WHERE rfm_internal.local_date('2026-01-10 00:00+00', z.zone) IS DISTINCT FROM clk.local(z, '2026-01-10 00:00+00')::date;
-- the model keeps what was written
SELECT rfm_create_model('clk_zone', 'clk.hours', 'clk.zoned', time_zone => '+05:30');
SELECT time_zone FROM rfm_model WHERE model = 'clk_zone';
UPDATE rfm_model SET time_zone = '-03' WHERE model = 'clk_zone';
-- what has two meanings, or none, is refused
CREATE FUNCTION clk.refused(zone text) RETURNS TABLE (message text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE rfm_model SET time_zone = zone WHERE model = 'clk_zone';
    message := 'taken';
    RETURN NEXT;
EXCEPTION WHEN invalid_parameter_value THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN NEXT;
END $$;
SELECT r.* FROM unnest(ARRAY['-3', '3', '+3', '0', 'UTC+3', 'GMT-3', 'FOO3', '<A>-3', '<+03>-03', '<abc>-03', 'EST5', 'EST5EDT4', 'EST5EDT4,M3.2.0,M11.1.0',
                             '+16', '+99:00', '-03:60', '-03:0', '+5:30', '+05:30:00', '-', '+', '', ' UTC', 'Mars/Olympus', 'EDT', 'z']) z, clk.refused(z) r;
SELECT rfm_drop_model('clk_zone', true);

--
-- Order times without time zone: the model's does not apply to them, and who
-- sets it is told what to write for a column that holds UTC
--
CREATE TABLE clk.events (id int PRIMARY KEY, "userId" int, "createdAt" timestamp(3), total int);
INSERT INTO clk.events VALUES (1, 1, '2026-01-10 03:00', 10), (2, 2, '2026-01-10 12:00', 10);
SELECT rfm_create_model('clk_utc', 'clk.events', 'clk.utc', customer => 'userId', ordered_at => 'createdAt', time_zone => 'America/New_York');
SELECT customer_id, run_date - recency_days AS day FROM rfm_preview('2026-01-20', 'clk_utc') ORDER BY 1;
UPDATE rfm_model SET ordered_at = $$"createdAt" AT TIME ZONE 'UTC'$$ WHERE model = 'clk_utc';
SELECT customer_id, run_date - recency_days AS day FROM rfm_preview('2026-01-20', 'clk_utc') ORDER BY 1;
UPDATE rfm_model SET ordered_at = 'createdAt', time_zone = 'Etc/UTC' WHERE model = 'clk_utc';
UPDATE rfm_model SET ordered_at = $$"createdAt" - interval '1 hour'$$, time_zone = '+01' WHERE model = 'clk_utc';
SELECT rfm_drop_model('clk_utc', true);

--
-- Windows that begin where the calendar does: as timestamps are subtracted from
--
CREATE TABLE clk.old (customer_id int, created_at date, total int);
INSERT INTO clk.old
SELECT row_number() OVER (), d, 1
  FROM (VALUES (date '4713-06-01 BC'), ('4705-03-01 BC'), ('4704-01-01 BC'), ('4699-12-31 BC'), ('0001-02-28 BC'), ('0001-02-29 BC'), ('0001-01-01'), ('2026-01-31')) v(d);
CREATE FUNCTION clk.in_window(day date, lookback interval) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    found int[];
BEGIN
    PERFORM rfm_create_model('clk_old', 'clk.old', 'clk.old_scores', lookback => lookback, method => 'rank', segment_rules => NULL, comment_rules => NULL);
    SELECT array_agg(customer_id::int ORDER BY customer_id::int) INTO found FROM rfm_preview(day, 'clk_old');
    PERFORM rfm_drop_model('clk_old', true);
    RETURN found;
END $$;
SELECT lookback, clk.in_window(day, lookback) AS counted,
       (SELECT array_agg(customer_id ORDER BY customer_id) FROM clk.old WHERE created_at <= day AND created_at > day - lookback) AS reference
  FROM (VALUES (date '2026-01-31', interval '80700 months'), ('2026-01-31', '80640 months'), ('2026-01-31', '80760 months -1 day'), ('2026-01-31', '2458000 days'),
               ('2026-01-31', '2458000 days -23:00'), ('2026-01-31', '24311 months 12:00'), ('2000-02-29', '24000 months'), ('2000-03-31', '24001 months -1 day')) v(day, lookback);
-- further back than the calendar goes, where SQL has no answer: everything
SELECT lookback, clk.in_window('2026-01-31', lookback)
  FROM unnest('{80900 months,178956970 years,2147483647 days,2147483647 months 2147483647 days 2540400000:00:00}'::interval[]) lookback;

--
-- As of yesterday, and of the latest order: never of a day to come
--
CREATE TABLE clk.orders (customer_id int, created_at timestamptz, total int);
CREATE FUNCTION clk.today() RETURNS date LANGUAGE sql AS $$ SELECT (now() AT TIME ZONE interval '-03:00')::date $$;
INSERT INTO clk.orders
SELECT 1 + i % 3, (clk.today() - i + time '10:00') AT TIME ZONE interval '-03:00', 10 FROM generate_series(3, 9) i;
SELECT rfm_create_model('clk_past', 'clk.orders', 'clk.past', time_zone => '-03', as_of => 'yesterday');
SELECT rfm_refresh(model => 'clk_past');
SELECT clk.today() - run_date AS days_ago, count(*) FROM clk.past GROUP BY 1;
SELECT DISTINCT clk.today() - run_date AS days_ago FROM rfm_preview(model => 'clk_past');
UPDATE rfm_model SET as_of = 'latest_order' WHERE model = 'clk_past';
SELECT DISTINCT clk.today() - run_date AS days_ago FROM rfm_preview(model => 'clk_past');
INSERT INTO clk.orders VALUES (1, '2062-05-17 12:00+00', 10);
SELECT DISTINCT clk.today() - run_date AS days_ago FROM rfm_preview(model => 'clk_past');
SELECT rfm_refresh(model => 'clk_past');
CALL rfm_catch_up('clk_past');
-- a customer of tomorrow is none yet
SELECT clk.today() - run_date AS days_ago, recency_days, frequency_orders FROM rfm_score_now('1', 'clk_past');
SELECT clk.today() - max(run_date) AS days_ago FROM clk.past_latest;
SELECT clk.today() - run_date AS days_ago, count(*) FROM clk.past GROUP BY 1 ORDER BY 1;
-- nothing but orders to come: today
DELETE FROM clk.orders WHERE created_at < now();
SELECT rfm_refresh(model => 'clk_past');
SELECT clk.today() - max(run_date) AS days_ago FROM rfm_run WHERE model = 'clk_past';
UPDATE rfm_model SET as_of = 'tomorrow' WHERE model = 'clk_past';

SET client_min_messages = warning;
SELECT rfm_drop_model('clk_past', true);
DROP SCHEMA clk CASCADE;

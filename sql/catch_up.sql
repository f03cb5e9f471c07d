--
-- rfm_catch_up(): which dates it computes, what it leaves, where it stops and
-- who may call it.  Models as of the latest order have a "today" that a test
-- can set.
--
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_rfm_keeper, regress_rfm_helper, regress_rfm_stranger;
CREATE ROLE regress_rfm_keeper;
CREATE ROLE regress_rfm_helper;
CREATE ROLE regress_rfm_stranger;
GRANT regress_rfm_keeper TO regress_rfm_helper;
CREATE SCHEMA cup;
RESET client_min_messages;

CREATE TABLE cup.orders (order_id int PRIMARY KEY, customer_id int, created_at timestamptz, total numeric(10,2));
INSERT INTO cup.orders
SELECT i, 1 + i * i % 13, timestamptz '2024-03-10 12:00+00' - i * interval '7 hours', 5 + i * 37 % 101
  FROM generate_series(0, 99) i;

-- the snapshot of a date, in plain SQL
CREATE FUNCTION cup.expected(day date) RETURNS TABLE (line text) LANGUAGE sql AS $$
    WITH c AS (
        SELECT customer_id, $1 - max((created_at AT TIME ZONE 'UTC')::date) AS recency, count(*) AS frequency, sum(total) AS monetary
          FROM cup.orders WHERE (created_at AT TIME ZONE 'UTC')::date <= $1 GROUP BY 1)
    SELECT concat_ws(' ', $1, customer_id, recency, frequency, monetary,
                     ntile(5) OVER (ORDER BY recency DESC, customer_id), ntile(5) OVER (ORDER BY frequency, customer_id),
                     ntile(5) OVER (ORDER BY monetary, customer_id))
      FROM c
$$;
-- what a target has of it, and how many rows the two do not share
CREATE FUNCTION cup.compare(target regclass) RETURNS TABLE (run_date date, customers bigint, wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH got AS (
            SELECT run_date::date AS day, concat_ws(' ', run_date::date, customer_id, recency_days, frequency_orders, monetary_value,
                                                    r_score, f_score, m_score) AS line
              FROM %s)
        SELECT d.day, (SELECT count(*) FROM got WHERE got.day = d.day),
               (SELECT count(*) FROM (SELECT line FROM got WHERE got.day = d.day) g FULL JOIN cup.expected(d.day) e USING (line)
                 WHERE g IS NULL OR e IS NULL)
          FROM (SELECT DISTINCT day FROM got WHERE isfinite(day)) d ORDER BY 1$q$, target);
END $$;
CREATE FUNCTION cup.order_on(day date) RETURNS void LANGUAGE sql AS $$
    INSERT INTO cup.orders SELECT max(order_id) + 1, 1 + max(order_id) % 13, $1 + time '12:00', 20 FROM cup.orders
$$;

--
-- Dates
--
SELECT rfm_create_model('cup', 'cup.orders', 'cup.daily', as_of => 'latest_order');
-- no snapshot yet: one
CALL rfm_catch_up('cup');
SELECT * FROM cup.compare('cup.daily');
-- nothing missed: the same one again
CALL rfm_catch_up('cup');
-- the next date
SELECT cup.order_on('2024-03-11');
CALL rfm_catch_up('cup');
-- one missed, then three
SELECT cup.order_on('2024-03-13');
CALL rfm_catch_up('cup');
SELECT cup.order_on('2024-03-17');
CALL rfm_catch_up('cup');
SELECT * FROM cup.compare('cup.daily');
SELECT run_date, inserted, updated, deleted, unchanged FROM rfm_run WHERE model = 'cup' ORDER BY run_id;
-- each in a transaction of its own
SELECT count(DISTINCT updated_at) FROM cup.daily;
-- the latest order is gone again: its new date is computed, nothing after it touched
DELETE FROM cup.orders WHERE created_at > '2024-03-16';
CALL rfm_catch_up('cup');
SELECT run_date, inserted, updated, deleted, unchanged FROM rfm_run WHERE model = 'cup' ORDER BY run_id DESC LIMIT 1;
-- a snapshot of a later date hides none that is missing
SELECT rfm_refresh('2030-01-01', 'cup');
SELECT cup.order_on('2024-03-19');
CALL rfm_catch_up('cup');
SELECT run_date FROM rfm_run WHERE model = 'cup' ORDER BY run_id DESC LIMIT 3;

--
-- The limit
--
SELECT rfm_create_model('cup_limit', 'cup.orders', 'cup.limited', as_of => 'latest_order');
SELECT rfm_refresh('2024-03-14', 'cup_limit');
SHOW rfm.catch_up_limit;
SET rfm.catch_up_limit = 0;
SET rfm.catch_up_limit = 2;
CALL rfm_catch_up('cup_limit');
SELECT * FROM cup.compare('cup.limited');
SET rfm.catch_up_limit = 1;
CALL rfm_catch_up('cup_limit');
\set VERBOSITY terse
CALL rfm_catch_up('cup_limit');
\set VERBOSITY default
-- nothing is left
CALL rfm_catch_up('cup_limit');
SELECT * FROM cup.compare('cup.limited');
-- as many as the limit: no warning
SET rfm.catch_up_limit = 3;
SELECT cup.order_on('2024-03-22');
CALL rfm_catch_up('cup_limit');
SELECT max(run_date) FROM cup.limited;
-- the hint: today's snapshot leaves out what was missed
SELECT cup.order_on('2024-05-22');
SELECT rfm_refresh(model => 'cup_limit');
CALL rfm_catch_up('cup_limit');
SELECT run_date FROM rfm_run WHERE model = 'cup_limit' ORDER BY run_id DESC LIMIT 2;
DELETE FROM cup.orders WHERE created_at > '2024-03-23';
RESET rfm.catch_up_limit;

--
-- A date that fails: the ones before it stay, the next call goes on with it
--
SELECT rfm_create_model('cup_fail', 'cup.orders', 'cup.failing', as_of => 'latest_order');
SELECT rfm_refresh('2024-03-18', 'cup_fail');
CREATE FUNCTION cup.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.run_date = '2024-03-21' THEN
        RAISE EXCEPTION 'not on this day';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON cup.failing FOR EACH ROW EXECUTE FUNCTION cup.refuse();
\set SHOW_CONTEXT errors
CALL rfm_catch_up('cup_fail');
\set SHOW_CONTEXT never
SELECT * FROM cup.compare('cup.failing');
SELECT run_date FROM rfm_run WHERE model = 'cup_fail' ORDER BY run_id;
DROP TRIGGER refuse ON cup.failing;
CALL rfm_catch_up('cup_fail');
SELECT * FROM cup.compare('cup.failing');

--
-- Targets that hold the newest snapshot only; that others have filled; of other types
--
SELECT rfm_create_model('cup_newest', 'cup.orders', 'cup.newest', as_of => 'latest_order', target_columns => '{"run_date": null}');
SELECT rfm_refresh('2024-03-10', 'cup_newest');
CALL rfm_catch_up('cup_newest');
SELECT run_date FROM rfm_run WHERE model = 'cup_newest' ORDER BY run_id;
SELECT count(*) AS wrong
  FROM (SELECT concat_ws(' ', date '2024-03-22', customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score) AS line
          FROM cup.newest) n FULL JOIN cup.expected('2024-03-22') e USING (line) WHERE n IS NULL OR e IS NULL;

CREATE TABLE cup.filled (LIKE cup.daily INCLUDING ALL);
INSERT INTO cup.filled SELECT * FROM cup.daily WHERE run_date = '2024-03-19';
INSERT INTO cup.filled SELECT (jsonb_populate_record(d, jsonb_build_object('run_date', day))).*
  FROM cup.daily d, unnest('{2031-01-01,-infinity,infinity}'::text[]) AS day WHERE run_date = '2024-03-19' AND customer_id = 1;
SELECT rfm_create_model('cup_filled', 'cup.orders', 'cup.filled', as_of => 'latest_order');
CALL rfm_catch_up('cup_filled');
SELECT run_date FROM rfm_run WHERE model = 'cup_filled' ORDER BY run_id;
SELECT * FROM cup.compare('cup.filled') WHERE run_date BETWEEN '2024-01-01' AND '2025-01-01';
-- without a date to go on from: one
CREATE TABLE cup.endless (LIKE cup.daily INCLUDING ALL);
INSERT INTO cup.endless SELECT * FROM cup.filled WHERE run_date IN ('-infinity', '2031-01-01', 'infinity');
SELECT rfm_create_model('cup_endless', 'cup.orders', 'cup.endless', as_of => 'latest_order');
CALL rfm_catch_up('cup_endless');
SELECT run_date FROM rfm_run WHERE model = 'cup_endless' ORDER BY run_id;

CREATE TABLE cup.stamped (LIKE cup.daily INCLUDING ALL);
ALTER TABLE cup.stamped ALTER run_date TYPE timestamp;
SELECT rfm_create_model('cup_stamped', 'cup.orders', 'cup.stamped', as_of => 'latest_order');
SELECT rfm_refresh('2024-03-20', 'cup_stamped');
DELETE FROM cup.stamped;
INSERT INTO cup.stamped SELECT * FROM cup.daily WHERE run_date = '2024-03-18';
-- the log comes first
CALL rfm_catch_up('cup_stamped');
SELECT run_date FROM rfm_run WHERE model = 'cup_stamped' ORDER BY run_id;
SELECT rfm_create_model('cup_stamped2', 'cup.orders', 'cup.stamped', as_of => 'latest_order');
DELETE FROM cup.stamped WHERE run_date > '2024-03-20';
CALL rfm_catch_up('cup_stamped2');
SELECT run_date FROM rfm_run WHERE model = 'cup_stamped2' ORDER BY run_id;

-- no orders at all: as of the latest order is as of today
CREATE TABLE cup.nothing (LIKE cup.orders);
SELECT rfm_create_model('cup_nothing', 'cup.nothing', 'cup.nobody', as_of => 'latest_order');
CALL rfm_catch_up('cup_nothing');
SELECT run_date = (started_at AT TIME ZONE 'UTC')::date AS today, customers FROM rfm_run WHERE model = 'cup_nothing';

--
-- Today is the model's, whatever the session's time zone: these two are never on the same day
--
SET client_min_messages = warning;
SELECT rfm_create_model('cup_east', 'cup.orders', 'cup.east', time_zone => 'Pacific/Kiritimati');
SELECT rfm_create_model('cup_west', 'cup.orders', 'cup.west', time_zone => 'Etc/GMT+12');
SET timezone = 'Etc/GMT+12';
SELECT rfm_refresh(((now() AT TIME ZONE 'Pacific/Kiritimati')::date - 3), 'cup_east') > 0 AS east;
SELECT rfm_refresh(((now() AT TIME ZONE 'Etc/GMT+12')::date - 3), 'cup_west') > 0 AS west;
CALL rfm_catch_up('cup_east');
SET timezone = 'Pacific/Kiritimati';
CALL rfm_catch_up('cup_west');
RESET timezone;
SELECT model, max(run_date) = (max(started_at) AT TIME ZONE CASE model WHEN 'cup_east' THEN 'Pacific/Kiritimati' ELSE 'Etc/GMT+12' END)::date AS today,
       count(*) AS dates, max(run_date) - min(run_date) AS days
  FROM rfm_run WHERE model IN ('cup_east', 'cup_west') GROUP BY 1 ORDER BY 1;
RESET client_min_messages;

--
-- Where it cannot run
--
BEGIN;
CALL rfm_catch_up('cup');
ROLLBACK;
SELECT 1 AS one \; CALL rfm_catch_up('cup');
CREATE FUNCTION cup.inside() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL public.rfm_catch_up('cup'); END $$;
SELECT cup.inside();
\set VERBOSITY terse
DO $$
BEGIN
    CALL rfm_catch_up('cup');
EXCEPTION WHEN division_by_zero THEN
    NULL;
END $$;
-- in a block without a handler it can
DO $$ BEGIN CALL rfm_catch_up('cup_limit'); END $$;
SET default_transaction_read_only = on;
CALL rfm_catch_up('cup');
RESET default_transaction_read_only;
CALL rfm_catch_up(NULL);
CALL rfm_catch_up('cup_unknown');
SET default_transaction_isolation = 'serializable';
SELECT cup.order_on('2024-03-23');
CALL rfm_catch_up('cup');
RESET default_transaction_isolation;
SELECT * FROM cup.compare('cup.daily') WHERE run_date BETWEEN '2024-03-20' AND '2024-03-23';

--
-- Rights: as for rfm_refresh(); the log says who called
--
SET ROLE regress_rfm_stranger;
CALL rfm_catch_up('cup');
RESET ROLE;
GRANT USAGE, CREATE ON SCHEMA cup TO regress_rfm_keeper;
GRANT SELECT ON cup.orders TO regress_rfm_keeper;
SET ROLE regress_rfm_keeper;
SELECT rfm_create_model('cup_kept', 'cup.orders', 'cup.kept', as_of => 'latest_order');
SELECT rfm_refresh('2024-03-21', 'cup_kept');
SET ROLE regress_rfm_stranger;
CALL rfm_catch_up('cup_kept');
-- what the caller's search_path has in it is not used
RESET ROLE;
CREATE SCHEMA cup_fake;
GRANT ALL ON SCHEMA cup_fake TO regress_rfm_helper;
SET ROLE regress_rfm_helper;
CREATE FUNCTION cup_fake.max(date) RETURNS date LANGUAGE sql AS $$ SELECT date '2000-01-01' $$;
CREATE FUNCTION cup_fake.compare(date, date) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fake'; END $$;
CREATE OPERATOR cup_fake.<= (FUNCTION = cup_fake.compare, LEFTARG = date, RIGHTARG = date);
CREATE OPERATOR cup_fake.> (FUNCTION = cup_fake.compare, LEFTARG = date, RIGHTARG = date);
CREATE TABLE cup_fake.rfm_run (model text, run_date date);
SET search_path = cup_fake, pg_catalog, public;
CALL public.rfm_catch_up('cup_kept');
RESET search_path;
RESET ROLE;
SELECT run_date, run_by FROM rfm_run WHERE model = 'cup_kept' ORDER BY run_id;

SET client_min_messages = warning;
SELECT count(rfm_drop_model(model)::text) FROM rfm_model WHERE model LIKE 'cup%';
DROP SCHEMA cup, cup_fake CASCADE;
DROP ROLE regress_rfm_keeper, regress_rfm_helper, regress_rfm_stranger;

--
-- Retention: which snapshots go, how, and which stay
--
\set SHOW_CONTEXT never
\pset null -
SET client_min_messages = notice;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA keep;
CREATE TABLE keep.orders (customer_id bigint, created_at date, total numeric(10,2));
INSERT INTO keep.orders
SELECT i % 9 + 1, date '2023-11-05' + i % 120, (i * 37 % 101) / 4.0 FROM generate_series(1, 200) i;

-- The oracle keeps everything, and its rows are cut off in SQL: how many rows
-- of a target differ from those, and what the last run says has gone.
CREATE FUNCTION keep.refresh(run_date date, VARIADIC models text[]) RETURNS TABLE (model text, wrong bigint, expired bigint) LANGUAGE plpgsql AS
$$
DECLARE
    columns CONSTANT text := 'run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_segment, comments';
    m       rfm_model;
BEGIN
    PERFORM rfm_refresh(run_date, 'all');
    FOREACH model IN ARRAY models LOOP
        PERFORM rfm_refresh(run_date, model);
        SELECT * INTO m FROM rfm_model r WHERE r.model = refresh.model;
        EXECUTE format('WITH a AS MATERIALIZED (SELECT %1$s FROM keep."all" WHERE run_date > (SELECT max(run_date) FROM keep."all" WHERE run_date <= current_date) - %3$L::interval),
                             b AS MATERIALIZED (SELECT %1$s FROM %2$s)
                        SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) d',
                       columns, m.target, m.retention) INTO wrong;
        SELECT r.expired INTO expired FROM rfm_run r WHERE r.model = refresh.model ORDER BY run_id DESC LIMIT 1;
        RETURN NEXT;
    END LOOP;
END
$$;
CREATE FUNCTION keep.partitions(target regclass) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = target $$;

SELECT coalesce(max(run_id), 0) AS before FROM rfm_run \gset
SELECT rfm_create_model('all', 'keep.orders', 'keep."all"');
SELECT rfm_create_model('plain', 'keep.orders', 'keep.plain', retention => '20 days');
SELECT rfm_create_model('day', 'keep.orders', 'keep.day', retention => '20 days', partition_by => 'day');
SELECT rfm_create_model('month', 'keep.orders', 'keep.month', retention => '1 month', partition_by => 'month');
SELECT model, retention FROM rfm_model ORDER BY model;

--
-- Dates as they come, and back dates that are still kept; a date exactly as
-- old as the retention goes, the day after it stays
--
SELECT d, r.* FROM unnest('{2023-12-10,2023-12-11,2023-12-29,2023-12-30,2023-12-12,2023-12-31,2024-01-01,2024-01-31,2024-02-29,2024-03-01}'::date[]) WITH ORDINALITY u(d, n),
    keep.refresh(d, 'plain', 'day', 'month') r ORDER BY n, model COLLATE "C" DESC;
SELECT keep.partitions('keep.day') AS day, keep.partitions('keep.month') AS month;
SELECT DISTINCT run_date FROM keep.month ORDER BY 1;
-- what is logged stays logged
SELECT count(DISTINCT run_date) FROM rfm_run WHERE model = 'plain' AND run_id > :before;
SELECT count(*) FROM rfm_cut_points('2023-12-10', 'plain');

--
-- A date that would have to go at once is refused before anything is written
--
SELECT rfm_refresh('2024-02-10', 'plain');
SELECT rfm_refresh('2024-02-10', 'day');
SELECT keep.partitions('keep.day');
SELECT count(*) FROM rfm_preview('2024-02-10', 'plain');
-- the first date that is kept
SELECT * FROM keep.refresh('2024-02-11', 'plain', 'day', 'month');

--
-- Days to come are not the newest: a mistyped year costs nothing
--
SELECT * FROM keep.refresh((current_date + 3000), 'plain', 'day');
SELECT count(DISTINCT run_date) FROM keep.plain WHERE run_date < '2024-12-31';
DELETE FROM keep.plain WHERE run_date > current_date;
DELETE FROM keep."all" WHERE run_date > current_date;
DO $$ BEGIN EXECUTE 'DROP TABLE keep.' || (SELECT max(c.relname) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'keep.day'::regclass); END $$;
-- nothing but those days
CREATE TABLE keep.future (LIKE keep.plain INCLUDING ALL);
SELECT rfm_create_model('future', 'keep.orders', 'keep.future', retention => '1 day');
SELECT rfm_refresh(current_date + 10, 'future') > 0 AS a, rfm_refresh(current_date + 20, 'future') > 0 AS b;
SELECT count(DISTINCT run_date) FROM keep.future;
SELECT rfm_drop_model('future', true);

--
-- In a transaction block rows go by DELETE, which holds nobody up; the empty
-- partition goes later
--
BEGIN;
SELECT * FROM keep.refresh('2024-03-25', 'plain', 'day', 'month');
SELECT mode FROM pg_locks WHERE relation = 'keep.day'::regclass AND mode = 'AccessExclusiveLock' AND pid = pg_backend_pid();
SELECT keep.partitions('keep.day') AS day, keep.partitions('keep.month') AS month;
COMMIT;
SELECT * FROM keep.refresh('2024-03-25', 'plain', 'day', 'month');
SELECT keep.partitions('keep.day') AS day, keep.partitions('keep.month') AS month;
-- rolled back, nothing has gone
BEGIN;
SELECT rfm_refresh('2024-06-25', 'plain'), rfm_refresh('2024-06-25', 'day');
ROLLBACK;
SELECT count(DISTINCT run_date) FROM keep.plain;
SELECT keep.partitions('keep.day') AS day;

--
-- Partitions that cannot be dropped: something depends on one, this very
-- session reads it, it is partitioned itself
--
CREATE VIEW keep.march AS SELECT * FROM keep.day_2024_03_25;
SELECT * FROM keep.refresh('2024-04-25', 'day');
SELECT keep.partitions('keep.day') AS day;
SELECT * FROM keep.refresh('2024-04-25', 'day');
DROP VIEW keep.march;
SELECT * FROM keep.refresh('2024-04-25', 'day');
SELECT keep.partitions('keep.day') AS day;
DO $$
BEGIN
    FOR i IN REVERSE 3..1 LOOP
        PERFORM rfm_refresh(date '2024-04-25' - i, 'day');
        PERFORM rfm_refresh(date '2024-04-25' - i, 'all');
    END LOOP;
END
$$;
DO $$
DECLARE
    c CURSOR FOR SELECT * FROM keep.day_2024_04_23;
BEGIN
    OPEN c;
    PERFORM rfm_refresh(d, 'day'), rfm_refresh(d, 'all') FROM (VALUES (date '2024-05-14')) v(d);
    RAISE NOTICE 'while it is read: %', keep.partitions('keep.day');
    CLOSE c;
END
$$;
SELECT * FROM keep.refresh('2024-05-14', 'day');
SELECT keep.partitions('keep.day') AS day;

-- rows with a trigger that wants to see them go; the empty partition goes then
CREATE FUNCTION keep.tell() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE NOTICE '% of % for customer %', TG_OP, OLD.run_date, OLD.customer_id; RETURN OLD; END $$;
CREATE TRIGGER tell BEFORE DELETE ON keep.day FOR EACH ROW WHEN (OLD.customer_id < 3) EXECUTE FUNCTION keep.tell();
SELECT * FROM keep.refresh('2024-06-14', 'day');
SELECT keep.partitions('keep.day') AS day;
SELECT * FROM keep.refresh('2024-06-14', 'day');
SELECT keep.partitions('keep.day') AS day;
DROP TRIGGER tell ON keep.day;
-- the same on one partition
CREATE TRIGGER tell BEFORE DELETE ON keep.day_2024_06_14 FOR EACH ROW WHEN (OLD.customer_id < 2) EXECUTE FUNCTION keep.tell();
SELECT * FROM keep.refresh('2024-07-14', 'day');
SELECT keep.partitions('keep.day') AS day;
-- row security that hides rows from whom it is forced on: what is hidden stays, and its partition
CREATE ROLE regress_rfm_keep;
GRANT USAGE, CREATE ON SCHEMA keep TO regress_rfm_keep;
GRANT SELECT ON keep.orders TO regress_rfm_keep;
SET ROLE regress_rfm_keep;
SELECT rfm_create_model('secured', 'keep.orders', 'keep.secured', retention => '1 day', partition_by => 'day');
ALTER TABLE keep.secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON keep.secured USING (customer_id < 4 OR run_date > '2024-01-01') WITH CHECK (true);
SELECT rfm_refresh('2024-01-01', 'secured'), rfm_refresh('2024-01-02', 'secured');
RESET ROLE;
SELECT run_date, count(*), min(customer_id) FROM keep.secured GROUP BY 1 ORDER BY 1;
SELECT rfm_refresh('2024-01-02', 'secured');
SELECT keep.partitions('keep.secured');
SELECT rfm_drop_model('secured', true);

CREATE TABLE keep.given (LIKE keep.plain INCLUDING DEFAULTS, PRIMARY KEY (customer_id, run_date)) PARTITION BY RANGE (run_date);
CREATE TABLE keep.given_1 PARTITION OF keep.given FOR VALUES FROM (MINVALUE) TO ('2024-01-10');
CREATE TABLE keep.given_2 PARTITION OF keep.given FOR VALUES FROM ('2024-01-10') TO ('2024-01-20') PARTITION BY LIST (run_date);
CREATE TABLE keep.given_2_all PARTITION OF keep.given_2 DEFAULT;
CREATE TABLE keep.given_3 PARTITION OF keep.given FOR VALUES FROM ('2024-01-20') TO ('2024-01-25');
CREATE TABLE keep.given_0 PARTITION OF keep.given DEFAULT;
TRUNCATE keep."all";
SELECT rfm_create_model('given', 'keep.orders', 'keep.given', retention => '10 days');
SELECT d, r.* FROM unnest('{2024-01-08,2024-01-09,2024-01-10,2024-01-18,2024-01-19,2024-01-22,2024-01-25,2024-01-26,2024-02-03,2024-02-05,2024-02-20}'::date[]) WITH ORDINALITY u(d, n),
    keep.refresh(d, 'given') r ORDER BY n;
SELECT keep.partitions('keep.given');
SELECT rfm_drop_model('given', true);
-- rows without partitions of a kind that retention knows
CREATE TABLE keep.listed (LIKE keep.plain INCLUDING DEFAULTS, PRIMARY KEY (run_date, customer_id)) PARTITION BY HASH (customer_id);
CREATE TABLE keep.listed_1 PARTITION OF keep.listed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE keep.listed_2 PARTITION OF keep.listed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
TRUNCATE keep."all";
SELECT rfm_create_model('listed', 'keep.orders', 'keep.listed', retention => '2 days');
SELECT d, r.* FROM unnest('{2024-01-08,2024-01-09,2024-01-10,2024-01-18}'::date[]) d, keep.refresh(d, 'listed') r;
SELECT rfm_drop_model('listed', true);

--
-- Triggers see the rows go, and infinite dates are as old or young as they look
--
TRUNCATE keep."all", keep.plain;
CREATE TRIGGER tell BEFORE DELETE ON keep.plain FOR EACH ROW EXECUTE FUNCTION keep.tell();
INSERT INTO keep.plain (run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score)
VALUES ('-infinity', 1, 1, 1, 1, 1, 1, 1, 3), ('4713-02-01 BC', 2, 1, 1, 1, 1, 1, 1, 3), ('infinity', 3, 1, 1, 1, 1, 1, 1, 3);
SELECT rfm_refresh('2024-01-01', 'plain');
SELECT run_date, count(*) FROM keep.plain GROUP BY 1 ORDER BY 1;
DROP TRIGGER tell ON keep.plain;
-- a retention longer than the calendar is none; a longer one takes effect at once, a shorter one with the next refresh
UPDATE rfm_model SET retention = '170000 years' WHERE model = 'plain';
SELECT d, rfm_refresh(d, 'plain') FROM unnest('{2023-12-10,2023-12-25}'::date[]) d;
UPDATE rfm_model SET retention = '1 day 12 hours' WHERE model = 'plain';
SELECT rfm_refresh('2023-12-31', 'plain');
SELECT run_date, count(*) FROM keep.plain GROUP BY 1 ORDER BY 1;

--
-- What cannot be
--
UPDATE rfm_model SET retention = '0' WHERE model = 'plain';
UPDATE rfm_model SET retention = '23:59:59' WHERE model = 'plain';
UPDATE rfm_model SET retention = '2 months -59 days' WHERE model = 'plain';
SELECT rfm_create_model('no', 'keep.orders', 'keep.no', retention => '-1 day');
SELECT rfm_create_model('no', 'keep.orders', 'keep.no', retention => '1 day', target_columns => '{"run_date": null}');
CREATE TABLE keep.timed (LIKE keep.plain, PRIMARY KEY (run_date, customer_id));
ALTER TABLE keep.timed ALTER run_date TYPE timestamp;
SELECT rfm_create_model('no', 'keep.orders', 'keep.timed', retention => '1 day');

--
-- Rights: DELETE on the target will do; DROP is for owners
--
CREATE TABLE keep.theirs (LIKE keep.plain INCLUDING DEFAULTS, PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date);
CREATE TABLE keep.theirs_1 PARTITION OF keep.theirs FOR VALUES FROM ('2024-01-01') TO ('2024-01-02');
CREATE TABLE keep.theirs_2 PARTITION OF keep.theirs FOR VALUES FROM ('2024-01-02') TO ('2024-01-03');
CREATE TABLE keep.theirs_3 PARTITION OF keep.theirs FOR VALUES FROM ('2024-01-03') TO ('2024-01-04');
GRANT SELECT, INSERT, UPDATE ON keep.theirs TO regress_rfm_keep;
TRUNCATE keep."all";
SET ROLE regress_rfm_keep;
SELECT rfm_create_model('theirs', 'keep.orders', 'keep.theirs', retention => '1 day', keep_stale => true);
RESET ROLE;
GRANT DELETE ON keep.theirs TO regress_rfm_keep;
SET ROLE regress_rfm_keep;
SELECT rfm_create_model('theirs', 'keep.orders', 'keep.theirs', retention => '1 day', keep_stale => true);
RESET ROLE;
-- a superuser who calls gives it no rights
SELECT * FROM keep.refresh('2024-01-01', 'theirs');
SELECT * FROM keep.refresh('2024-01-02', 'theirs');
SELECT keep.partitions('keep.theirs');
ALTER TABLE keep.theirs_2 OWNER TO regress_rfm_keep;
SELECT * FROM keep.refresh('2024-01-03', 'theirs');
SELECT keep.partitions('keep.theirs');

SELECT rfm_drop_model(model, model <> 'theirs') FROM rfm_model WHERE target::text ~ '^keep';
SET client_min_messages = warning;
DROP SCHEMA keep CASCADE;
DROP ROLE regress_rfm_keep;
RESET datestyle;
RESET client_min_messages;

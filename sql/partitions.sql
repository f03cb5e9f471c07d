--
-- Targets partitioned by their run date: what a refresh makes, and that the
-- rows are those of a plain target
--
\set SHOW_CONTEXT never
\pset null -
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA parts;
CREATE TABLE parts.orders (customer_id bigint, created_at date, total numeric(10,2));
INSERT INTO parts.orders
SELECT i % 23 + 1, date '2023-11-05' + i % 120, (i * 37 % 101) / 4.0 FROM generate_series(1, 400) i;

-- The oracle is a plain target of the same orders, refreshed for the same
-- dates: how many rows differ, other columns and times apart.
CREATE FUNCTION parts.refresh(run_date date, VARIADIC models text[]) RETURNS TABLE (model text, wrong bigint) LANGUAGE plpgsql AS
$$
DECLARE
    columns CONSTANT text := 'run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_segment, comments';
BEGIN
    PERFORM rfm_refresh(run_date, 'plain');
    FOREACH model IN ARRAY models LOOP
        PERFORM rfm_refresh(run_date, model);
        EXECUTE format('WITH a AS MATERIALIZED (SELECT %1$s FROM parts.plain), b AS MATERIALIZED (SELECT %1$s FROM %2$s)
                        SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) d',
                       columns, (SELECT target FROM rfm_model m WHERE m.model = refresh.model)) INTO wrong;
        RETURN NEXT;
    END LOOP;
END
$$;
-- The partitions of a target: their dates, rows, and whether they are as if
-- PostgreSQL had made them: one index for each of the target's and no more,
-- no constraint of their own but NOT NULL, statistics where there are rows.
CREATE FUNCTION parts.list(target regclass) RETURNS TABLE (partition text, bounds text, n bigint, as_usual bool) LANGUAGE plpgsql AS
$$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT p.* FROM pg_inherits i JOIN pg_class p ON p.oid = inhrelid WHERE inhparent = target ORDER BY pg_get_expr(relpartbound, p.oid) COLLATE "C" LOOP
        partition := c.relname;
        bounds := pg_get_expr(c.relpartbound, c.oid);
        EXECUTE format('SELECT count(*) FROM %s', c.oid::regclass) INTO n;
        as_usual := (SELECT array_agg(inhparent ORDER BY inhparent) IS NOT DISTINCT FROM
                            (SELECT array_agg(indexrelid ORDER BY indexrelid) FROM pg_index WHERE indrelid = target)
                       FROM pg_index LEFT JOIN pg_inherits ON inhrelid = indexrelid WHERE indrelid = c.oid)
                    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c' AND conislocal)
                    AND (n = 0 OR c.reltuples > 0);
        RETURN NEXT;
    END LOOP;
END
$$;

SELECT rfm_create_model('plain', 'parts.orders', 'parts.plain');
SELECT rfm_create_model('day', 'parts.orders', 'parts.day', partition_by => 'day');
SELECT rfm_create_model('month', 'parts.orders', 'parts.month', partition_by => 'month');
SELECT model, partition_by, pg_get_partkeydef(target::oid) FROM rfm_model ORDER BY model;
SELECT count(*) FROM pg_inherits WHERE inhparent IN ('parts.day'::regclass, 'parts.month'::regclass);

--
-- Dates as they come: a month's first day, its last, one twice, an old one
--
SELECT d, r.* FROM unnest('{2023-12-30,2023-12-31,2024-01-01,2024-01-31,2024-01-31,2024-02-29,2024-03-01,2023-12-01}'::date[]) d, parts.refresh(d, 'day', 'month') r;
SELECT * FROM parts.list('parts.day');
SELECT * FROM parts.list('parts.month');
-- a date anew, after its orders have changed: some customers gone, some new, some changed
DELETE FROM parts.orders WHERE customer_id IN (3, 7);
UPDATE parts.orders SET total = total + 1000 WHERE customer_id = 5;
INSERT INTO parts.orders VALUES (500, '2023-11-30', 7), (1, '2023-12-01', 8);
SELECT d, r.* FROM unnest('{2024-01-31,2023-12-01,2023-11-30}'::date[]) d, parts.refresh(d, 'day', 'month') r;
SELECT run_date, model, inserted, updated > 0 AS updated, deleted, unchanged > 0 AS unchanged FROM rfm_run ORDER BY run_id DESC LIMIT 9;
-- a month's first date into the partition that was made ahead
SELECT * FROM parts.refresh('2024-04-02', 'day', 'month');
SELECT * FROM parts.list('parts.month') WHERE n > 0 OR bounds ~ '2024-0[56]';

--
-- All or nothing: with the refresh its partition goes
--
BEGIN;
SELECT rfm_refresh('2025-01-01', 'day');
SELECT count(*) FROM parts.day_2025_01_01;
ROLLBACK;
ALTER TABLE parts.day ADD CONSTRAINT small CHECK (monetary_value < 100) NOT VALID;
\set VERBOSITY terse
SELECT rfm_refresh('2025-01-01', 'day');
\set VERBOSITY default
ALTER TABLE parts.day DROP CONSTRAINT small;
SELECT count(*) FROM parts.list('parts.day') WHERE bounds ~ '2025';
-- with its rows written one way or the other, a partition that is in use by its own transaction
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM parts.day;
SELECT * FROM parts.refresh('2025-01-01', 'day', 'month');
SELECT * FROM parts.refresh('2025-01-01', 'day', 'month');
COMMIT;
-- no customers at all
SELECT * FROM parts.refresh('2000-12-31', 'day', 'month');
SELECT * FROM parts.refresh('0044-03-15 BC', 'day', 'month');
SELECT * FROM parts.refresh('99999-12-31', 'day', 'month');
SELECT * FROM parts.list('parts.day') WHERE bounds !~ '202';
SELECT * FROM parts.list('parts.month') WHERE bounds !~ '202';

--
-- More indexes, and what hangs on the target: the same rows by another way
--
SELECT rfm_create_model('more', 'parts.orders', 'parts.more', partition_by => 'day');
CREATE INDEX ON parts.more (rfm_segment, monetary_value DESC NULLS LAST) WHERE r_score > 2;
CREATE INDEX ON parts.more ((lower(comments)) text_pattern_ops);
ALTER TABLE parts.more ADD UNIQUE (customer_id, run_date) INCLUDE (r_score);
ALTER TABLE parts.more ADD gone int, ADD note text DEFAULT 'none', ADD id int GENERATED BY DEFAULT AS IDENTITY, ADD CHECK (recency_days >= 0);
ALTER TABLE parts.more DROP gone;
DELETE FROM parts.plain;
SELECT * FROM parts.refresh('2024-01-01', 'more');
SELECT count(*), count(DISTINCT id), min(note) FROM parts.more;
CREATE TABLE parts.seen (run_date date, how text);
CREATE FUNCTION parts.see() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    INSERT INTO parts.seen VALUES (CASE WHEN TG_LEVEL = 'ROW' THEN NEW.run_date END, TG_LEVEL);
    RETURN NEW;
END
$$;
CREATE TRIGGER a AFTER INSERT ON parts.more FOR EACH STATEMENT EXECUTE FUNCTION parts.see();
SELECT * FROM parts.refresh('2024-01-02', 'more');
SELECT run_date, how, count(*) FROM parts.seen GROUP BY 1, 2 ORDER BY 1, 2;
DROP TRIGGER a ON parts.more;
CREATE TRIGGER b BEFORE INSERT ON parts.more FOR EACH ROW EXECUTE FUNCTION parts.see();
SELECT * FROM parts.refresh('2024-01-03', 'more');
SELECT run_date, how, count(*) FROM parts.seen GROUP BY 1, 2 ORDER BY 1, 2;
DROP TRIGGER b ON parts.more;
ALTER TABLE parts.more ADD twice int GENERATED ALWAYS AS (recency_days * 2) STORED;
SELECT * FROM parts.refresh('2024-01-04', 'more');
SELECT count(*) FROM parts.more WHERE twice IS DISTINCT FROM recency_days * 2;
ALTER TABLE parts.more DROP twice;
CREATE TABLE parts.customers AS SELECT generate_series(1, 500)::bigint AS id;
ALTER TABLE parts.customers ADD PRIMARY KEY (id);
ALTER TABLE parts.more ADD FOREIGN KEY (customer_id) REFERENCES parts.customers;
SELECT * FROM parts.refresh('2024-01-05', 'more');
DELETE FROM parts.customers WHERE id = 500;
SELECT rfm_refresh('2024-01-06', 'more');
SELECT * FROM parts.list('parts.more');
SELECT rfm_drop_model('more', true);

--
-- A partitioned target that is there: with columns in another order, defaults
-- of its own, ranges that are no months, a default partition
--
CREATE TABLE parts.given (gone int, run_date date, customer_id bigint, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                          rfm_segment text, comments text, n int DEFAULT 3, PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date);
ALTER TABLE parts.given DROP gone;
CREATE TABLE parts.given_old (n int DEFAULT 99, m_score int, f_score int, r_score int, comments text, rfm_segment text, monetary_value numeric, frequency_orders int, recency_days int,
                              customer_id bigint NOT NULL, run_date date NOT NULL);
ALTER TABLE parts.given ATTACH PARTITION parts.given_old FOR VALUES FROM (MINVALUE) TO ('2024-01-10');
CREATE TABLE parts.given_week PARTITION OF parts.given FOR VALUES FROM ('2024-01-22') TO ('2024-02-05') PARTITION BY RANGE (run_date);
CREATE TABLE parts.given_week_1 PARTITION OF parts.given_week FOR VALUES FROM ('2024-01-22') TO ('2024-01-29');
SELECT rfm_create_model('given', 'parts.orders', 'parts.given');
DELETE FROM parts.plain;
SELECT d, r.* FROM unnest('{2024-01-08,2024-01-09,2024-01-23}'::date[]) d, parts.refresh(d, 'given') r;
SELECT tableoid::regclass, run_date, count(*), min(n), max(n) FROM parts.given GROUP BY 1, 2 ORDER BY 2;
-- without partition_by nothing is made
SELECT rfm_refresh('2024-01-15', 'given');
\echo :LAST_ERROR_SQLSTATE
UPDATE rfm_model SET partition_by = 'month' WHERE model = 'given';
SELECT d, r.* FROM unnest('{2024-01-15,2024-01-21,2024-02-05,2024-02-29}'::date[]) d, parts.refresh(d, 'given') r;
SELECT partition, bounds, n FROM parts.list('parts.given');
-- a part of it that it is not for the model to fill
SELECT rfm_refresh('2024-02-01', 'given');
-- a name that is taken, by a table and by a type
ALTER TABLE parts.given DETACH PARTITION parts.given_2024_02;
DELETE FROM parts.plain WHERE run_date BETWEEN '2024-02-05' AND '2024-02-29';
CREATE TYPE parts.given_2024_02_v2 AS ENUM ('x');
SELECT * FROM parts.refresh('2024-02-05', 'given');
SELECT partition, bounds, n FROM parts.list('parts.given') WHERE partition ~ '_02';
-- and a default partition, which takes what no other one does
CREATE TABLE parts.given_other PARTITION OF parts.given DEFAULT;
SET client_min_messages = notice;
SELECT rfm_refresh('2024-06-01', 'given');
SET client_min_messages = warning;
SELECT * FROM parts.refresh('2024-06-01', 'given');
SELECT tableoid::regclass, count(*) FROM parts.given WHERE run_date = '2024-06-01' GROUP BY 1;
UPDATE rfm_model SET partition_by = NULL WHERE model = 'given';
SELECT * FROM parts.refresh('2024-07-01', 'given');
SELECT rfm_drop_model('given', true);

--
-- Names: quotes, capitals, 63 bytes of which some make no character when cut
--
DO $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', $n$Part"s; 's$n$);
    PERFORM rfm_create_model(n, 'parts.orders', format('%I.%I', $n$Part"s; 's$n$, n), partition_by => p, target_columns => '{"run_date": "Run \"Day", "customer_id": "Wer?"}')
       FROM (VALUES ($n$Tar"get '1$n$, 'month'), (repeat('ä', 31), 'day'), (rpad('b', 63, 'b'), 'month'), (rpad('b', 62, 'b') || 'c', 'month')) v(n, p);
    PERFORM rfm_refresh(d, m) FROM unnest('{2024-01-31,2024-02-01}'::date[]) d, (VALUES ($n$Tar"get '1$n$), (repeat('ä', 31)), (rpad('b', 63, 'b')), (rpad('b', 62, 'b') || 'c')) v(m);
END
$$;
SELECT m.model, l.* FROM rfm_model m, parts.list(target) l WHERE partition_by IS NOT NULL AND target::text ~ 'Part' ORDER BY m.model COLLATE "C", bounds COLLATE "C";
SELECT rfm_drop_model(model, true) FROM rfm_model WHERE target::text ~ 'Part';
DROP SCHEMA "Part""s; 's";

--
-- What cannot be
--
SELECT rfm_create_model('no', 'parts.orders', 'parts.no', partition_by => 'week');
SELECT rfm_create_model('no', 'parts.orders', 'parts.no', partition_by => 'day', target_columns => '{"run_date": null}');
SELECT rfm_create_model('no', 'parts.orders', 'parts.plain', partition_by => 'day');
CREATE TABLE parts.listed (LIKE parts.plain, PRIMARY KEY (run_date, customer_id)) PARTITION BY LIST (run_date);
SELECT rfm_create_model('no', 'parts.orders', 'parts.listed', partition_by => 'day');
CREATE TABLE parts.customer_first (LIKE parts.plain, PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date, customer_id);
SELECT rfm_create_model('no', 'parts.orders', 'parts.customer_first', partition_by => 'day');
CREATE TEMP TABLE temporary (LIKE parts.plain, PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date);
SELECT rfm_create_model('no', 'parts.orders', 'temporary', partition_by => 'day');
SELECT count(*) FROM rfm_model WHERE model = 'no';
-- partitions that do not go by the run date alone are left to PostgreSQL
CREATE TABLE parts.listed_1 PARTITION OF parts.listed FOR VALUES IN ('2024-01-01', '2024-01-03');
SELECT rfm_create_model('listed', 'parts.orders', 'parts.listed');
DELETE FROM parts.plain;
SELECT * FROM parts.refresh('2024-01-03', 'listed');
SELECT rfm_refresh('2024-01-02', 'listed');
SELECT rfm_drop_model('listed', true);

--
-- Rights: partitions are the business of the target's owner
--
CREATE ROLE regress_rfm_parts;
CREATE ROLE regress_rfm_parts_owner;
GRANT USAGE ON SCHEMA parts TO regress_rfm_parts, regress_rfm_parts_owner;
GRANT SELECT ON parts.orders TO regress_rfm_parts, regress_rfm_parts_owner;
CREATE TABLE parts.theirs (LIKE parts.plain INCLUDING DEFAULTS, PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date);
ALTER TABLE parts.theirs OWNER TO regress_rfm_parts_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON parts.theirs TO regress_rfm_parts;
SET ROLE regress_rfm_parts;
SELECT rfm_create_model('theirs', 'parts.orders', 'parts.theirs', partition_by => 'month');
RESET ROLE;
GRANT regress_rfm_parts_owner TO regress_rfm_parts;
SET ROLE regress_rfm_parts;
SELECT rfm_create_model('theirs', 'parts.orders', 'parts.theirs', partition_by => 'month');
RESET ROLE;
GRANT CREATE ON SCHEMA parts TO regress_rfm_parts;
SET ROLE regress_rfm_parts;
SELECT rfm_create_model('theirs', 'parts.orders', 'parts.theirs', partition_by => 'month');
RESET ROLE;
-- whoever calls, the model's owner makes them, and the right may have gone since
DELETE FROM parts.plain;
SELECT * FROM parts.refresh('2024-01-03', 'theirs');
SELECT relname, relowner::regrole FROM pg_class WHERE relnamespace = 'parts'::regnamespace AND relname ~ '^theirs_.*[0-9]$' ORDER BY 1;
REVOKE CREATE ON SCHEMA parts FROM regress_rfm_parts;
SELECT rfm_refresh('2024-01-04', 'theirs');
-- without partitions to make, the rights on the target will do, those on its partitions are not asked for
UPDATE rfm_model SET partition_by = NULL WHERE model = 'theirs';
REVOKE regress_rfm_parts_owner FROM regress_rfm_parts;
ALTER TABLE parts.theirs_2024_01 OWNER TO regress_rfm_parts_owner;
SELECT * FROM parts.refresh('2024-01-04', 'theirs');
SELECT rfm_drop_model('theirs');
-- row security of the target: rows that its policies do not let in
CREATE TABLE parts.secured (LIKE parts.plain INCLUDING DEFAULTS, PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date);
GRANT CREATE ON SCHEMA parts TO regress_rfm_parts;
ALTER TABLE parts.secured OWNER TO regress_rfm_parts;
ALTER TABLE parts.secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY small ON parts.secured USING (true) WITH CHECK (customer_id < 100);
SET ROLE regress_rfm_parts;
SELECT rfm_create_model('secured', 'parts.orders', 'parts.secured', partition_by => 'day');
SELECT rfm_refresh('2024-01-04', 'secured');
RESET ROLE;
ALTER POLICY small ON parts.secured WITH CHECK (true);
DELETE FROM parts.plain;
SELECT * FROM parts.refresh('2024-01-04', 'secured');
SELECT rfm_drop_model('secured', true);

SELECT rfm_drop_model(m, true) FROM unnest('{plain,day,month}'::text[]) m;
DROP TABLE temporary;
DROP SCHEMA parts CASCADE;
DROP ROLE regress_rfm_parts;
DROP ROLE regress_rfm_parts_owner;
RESET datestyle;
RESET client_min_messages;

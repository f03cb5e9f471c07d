-- refreshes that are pushed down: statements that run where the orders are,
-- here all on one server; the same rows and the same log as from the others
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA pushed;
CREATE TABLE pushed.orders (order_id int, customer_id int NOT NULL, created_at timestamptz, total numeric(12,2), status text);
INSERT INTO pushed.orders
SELECT i, i::int8 * 7919 % 3001, timestamptz '2024-03-31 12:00+00' - (i::int8 * 104729 % 9000) * interval '1 hour',
       (i::int8 * 15485863 % 1000003) / 100.0, CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END
  FROM generate_series(1, 20000) i;
ANALYZE pushed.orders;
RESET client_min_messages;

-- one model a method, each refreshed by both strategies; summaries of 1 kB
-- need several queries until all cut points are exact
CREATE FUNCTION pushed.refresh(name text, strategy text, day date DEFAULT '2024-03-31') RETURNS TABLE (inserted bigint, updated bigint, deleted bigint, unchanged bigint)
LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM set_config('rfm.strategy', strategy, true);
    PERFORM rfm_refresh(day, name);
    RETURN QUERY SELECT r.inserted, r.updated, r.deleted, r.unchanged FROM rfm_run r WHERE model = name ORDER BY run_id DESC LIMIT 1;
END
$$;
SELECT rfm_create_model(method, 'pushed.orders', 'pushed.' || method, filter => $$status <> 'cancelled'$$, method => method, buckets => '{5,4,10}',
           r_breaks => CASE method WHEN 'breaks' THEN '{30,60,90.5,200}'::numeric[] END, f_breaks => CASE method WHEN 'breaks' THEN '{2,3,5}'::numeric[] END,
           m_breaks => CASE method WHEN 'breaks' THEN '{1,5000,10000,20000,30000,30000,40000,50000,99999999}'::numeric[] END, lookback => '300 days')
  FROM unnest('{ntile,rank,quantile,breaks}'::text[]) method;
SET rfm.summary_size = '1kB';
SELECT method, p.* FROM unnest('{ntile,rank,quantile,breaks}'::text[]) method, pushed.refresh(method, 'pushdown') p;
SELECT method, n.* FROM unnest('{ntile,rank,quantile,breaks}'::text[]) method, pushed.refresh(method, 'native') n;
SELECT model, count(*), count(DISTINCT cut_points) AS kinds_of_log FROM rfm_run WHERE model IN ('ntile', 'rank', 'quantile', 'breaks') GROUP BY model ORDER BY model;

-- against what SQL says
SELECT count(*) AS differences
  FROM (SELECT customer_id, ntile(5) OVER (ORDER BY '2024-03-31'::date - max(created_at AT TIME ZONE 'UTC')::date DESC, customer_id) AS r,
               ntile(4) OVER (ORDER BY count(*), customer_id) AS f, ntile(10) OVER (ORDER BY sum(total), customer_id) AS m
          FROM pushed.orders
         WHERE status <> 'cancelled' AND (created_at AT TIME ZONE 'UTC')::date BETWEEN '2024-03-31'::date - 299 AND '2024-03-31'
         GROUP BY customer_id) o
  FULL JOIN pushed.ntile t USING (customer_id)
 WHERE (r, f, m) IS DISTINCT FROM (r_score, f_score, m_score);

-- only what differs is written
CREATE TABLE pushed.seen AS SELECT ctid AS tid, * FROM pushed.ntile;
UPDATE pushed.ntile SET comments = 'edited' WHERE customer_id % 1000 = 5;
DELETE FROM pushed.ntile WHERE customer_id % 1000 = 6;
INSERT INTO pushed.ntile (run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score)
VALUES ('2024-03-31', -1, 0, 0, 0, 1, 1, 1, 3), ('2024-03-30', -1, 0, 0, 0, 1, 1, 1, 3);
SELECT * FROM pushed.refresh('ntile', 'pushdown');
SELECT count(*) AS moved FROM pushed.ntile t JOIN pushed.seen s USING (run_date, customer_id) WHERE t.ctid <> s.tid;
SELECT count(*) AS others FROM pushed.ntile WHERE run_date <> '2024-03-31';

-- customers that are left out, rows that are kept, a target with other columns
CREATE TABLE pushed.newest (id int8 PRIMARY KEY, days int2, spent numeric(14,4), label varchar(30), note text DEFAULT 'new', "when" timestamp, logs jsonb);
SELECT rfm_create_model('newest', 'pushed.orders', 'pushed.newest', order_id => 'order_id', monetary_above => 40000, segment_rules => 'sum5', comment_rules => NULL,
    target_columns => '{"run_date": null, "customer_id": "id", "recency_days": "days", "frequency_orders": null, "monetary_value": "spent", "r_score": null,
                        "f_score": null, "m_score": null, "rfm_segment": "label", "updated_at": "when"}', keep_stale => true);
INSERT INTO pushed.newest VALUES (-5, 1, 1, 'gone', 'kept');
SELECT * FROM pushed.refresh('newest', 'pushdown');
SELECT count(*), count(DISTINCT label) AS labels, count("when") AS dated, min(note), max(logs ->> 'model') AS model, sum(spent) FROM pushed.newest;
BEGIN;
UPDATE rfm_model SET keep_stale = false, monetary_above = 45000 WHERE model = 'newest';
SELECT * FROM pushed.refresh('newest', 'pushdown');
SELECT * FROM pushed.refresh('newest', 'native');
ROLLBACK;

-- several dates
CALL rfm_backfill('2024-03-01', '2024-03-03', 'rank');
SELECT run_date, inserted, backfill IS NOT NULL AS backfill FROM rfm_run WHERE model = 'rank' AND run_date < '2024-03-31' ORDER BY run_id;
SELECT * FROM pushed.refresh('rank', 'native', '2024-03-02');

-- nobody ordered
SELECT * FROM pushed.refresh('ntile', 'pushdown', '2001-01-01');

-- what cannot be pushed down is refreshed all the same
SET rfm.strategy = pushdown;
CREATE FUNCTION pushed.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER nothing BEFORE INSERT ON pushed.breaks FOR EACH ROW EXECUTE FUNCTION pushed.nothing();
SELECT rfm_refresh('2024-03-31', 'breaks') > 0 AS done;
ALTER TABLE pushed.quantile ADD n serial;
SELECT rfm_refresh('2024-03-31', 'quantile') > 0 AS done;
ALTER TABLE pushed.quantile DROP n, ADD n int GENERATED BY DEFAULT AS IDENTITY;
SELECT rfm_refresh('2024-03-31', 'quantile') > 0 AS done;
ALTER TABLE pushed.quantile DROP n;
ALTER TABLE pushed.quantile ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE ROLE regress_pushed;
GRANT ALL ON SCHEMA pushed TO regress_pushed;
GRANT ALL ON pushed.orders, pushed.quantile TO regress_pushed;
CREATE POLICY everything ON pushed.quantile USING (true);
UPDATE rfm_model SET owner = 'regress_pushed' WHERE model = 'quantile';
SELECT rfm_refresh('2024-03-31', 'quantile') > 0 AS done;
ALTER TABLE pushed.quantile DISABLE ROW LEVEL SECURITY;
SELECT rfm_refresh('2024-03-31', 'quantile') > 0 AS done;
CREATE RULE silent AS ON DELETE TO pushed.rank WHERE false DO INSTEAD NOTHING;
SELECT rfm_refresh('2024-03-31', 'rank') > 0 AS done;
DROP RULE silent ON pushed.rank;
SELECT rfm_create_model('monthly', 'pushed.orders', 'pushed.monthly', partition_by => 'month');
SELECT rfm_refresh('2024-03-31', 'monthly') > 0 AS done;

-- errors name the customer
INSERT INTO pushed.orders VALUES (0, 77, '2024-03-30', 'NaN', 'paid');
SELECT rfm_refresh('2024-03-31', 'ntile');
UPDATE pushed.orders SET total = 1, created_at = '-infinity' WHERE order_id = 0;
UPDATE pushed.orders SET created_at = '-infinity' WHERE customer_id = 77;
SELECT rfm_refresh('2024-03-31', 'newest');
DELETE FROM pushed.orders WHERE customer_id = 77;
CREATE TABLE pushed.real AS SELECT customer_id, created_at, total::float8 * 1e300 AS total FROM pushed.orders LIMIT 3;
UPDATE pushed.real SET customer_id = 9, total = 1e308;
SELECT rfm_create_model('real', 'pushed.real', 'pushed.real_target');
SELECT rfm_refresh('2024-03-31', 'real');
UPDATE pushed.real SET total = 'Infinity';
SELECT rfm_refresh('2024-03-31', 'real');

-- nothing that a query calls may write, nor refresh
CREATE FUNCTION pushed.writes(int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN DELETE FROM pushed.seen; RETURN 1; END $$;
SELECT rfm_create_model('writes', 'pushed.orders', 'pushed.writes', amount => 'pushed.writes(order_id)');
SELECT rfm_refresh('2024-03-31', 'writes');

-- summaries are only what they can be
SELECT 'nonsense'::rfm_rank_summary;
SELECT '3:0 0 0 0 0 0 0 0 0 '::rfm_rank_summary;
CREATE TABLE pushed.good AS SELECT rfm_shard_summary('1 1 1024 15:pg_catalog.int4 0: 0 1 0 1 0 1 ', 3, 2, NULL, 1.5, i::text, 2, true) AS s FROM generate_series(1, 3) i;
SELECT s FROM pushed.good;
DO $$
DECLARE
    good text := (SELECT s::text FROM pushed.good);
    bad  text;
    n    int := 0;
BEGIN
    -- every text of it that lacks its end, or one character, or has another
    FOR i IN 1 .. length(good) LOOP
        FOR bad IN SELECT left(good, i - 1) UNION ALL SELECT overlay(good placing '' from i for 1) UNION ALL SELECT overlay(good placing x from i for 1) FROM unnest('{9,-,:," ",x}'::text[]) x LOOP
            BEGIN
                PERFORM bad::rfm_rank_summary;
            EXCEPTION WHEN invalid_text_representation OR undefined_object OR syntax_error OR invalid_schema_name OR datatype_mismatch OR numeric_value_out_of_range OR invalid_name OR invalid_parameter_value OR zero_length_character_string THEN
                n := n + 1;
            END;
        END LOOP;
    END LOOP;
    RAISE NOTICE '%', CASE WHEN n > length(good) THEN 'refused' ELSE 'taken' END;
END
$$;
SELECT rfm_shard_summary_combine(s, s) FROM pushed.good;
SELECT rfm_shard_summary('x', 3, 2, NULL, 1.5, '1', 2, true);
SELECT rfm_shard_summary('1 1 1024 15:pg_catalog.int4 0: 0 1 0 1 0 1 ', 3, 2, 1, NULL, '1', 2, true);
SELECT rfm_shard_summary('1 1 1024 15:pg_catalog.int4 0: 0 1 0 1 0 1 ', 3, NULL, NULL, 1, '1', 2, true);
SELECT rfm_shard_cell('1 1 1024 15:pg_catalog.int4 0: 0 0 1 0 0 0 0 2 0 0 ', 3, 2, NULL, 1, 1);
SELECT rfm_shard_cell('1 1 1024 15:pg_catalog.int4 0: 0 0 1 0 0 0 0 2 0 0 ', 3, 2, 1, NULL, 1);
SELECT rfm_shard_cell('1 1 1024 15:pg_catalog.int4 0: 0 0 1 0 0 0 0 2 0 0 ', 3, 2, NULL, 1, '1'::text);
SELECT rfm_shard_cell(s::text, 3, 2, NULL, 1, 1) FROM pushed.good;

SET client_min_messages = warning;
DELETE FROM rfm_model WHERE source IN ('pushed.orders'::regclass, 'pushed.real'::regclass);
DROP SCHEMA pushed CASCADE;
DROP ROLE regress_pushed;

--
-- Customers scored within groups, each by itself
--
CREATE SCHEMA grp;
SET rfm.latest_view = off;

-- 40 shops of every size: one of thousands, some of one customer; customers buy in
-- several; and orders of no shop
CREATE TABLE grp.orders (shop_id int, customer_id int, created_at timestamptz, total numeric(10,2), status text, order_id int);
INSERT INTO grp.orders
SELECT CASE WHEN i % 97 = 0 THEN NULL WHEN i % 3 > 0 THEN 7 WHEN i % 11 = 0 THEN 1000 + i % 20 ELSE 10 + i % 17 END,
       hashint4(i) % 2000, timestamptz '2024-01-01 12:00+0' + (abs(hashint4(i + 77)) % 150) * interval '1 day',
       (abs(hashint4(i + 5)) % 9000) / 100.0, CASE i % 13 WHEN 0 THEN 'cancelled' ELSE 'paid' END, i / 2
  FROM generate_series(1, 12000) i;
INSERT INTO grp.orders VALUES (5000, 1, '2024-02-02', 12.50, 'paid', -1), (5001, 1, '2024-02-03', NULL, 'paid', -2), (5002, NULL, '2024-02-03', 1, 'paid', -3);

-- What every row must be, in plain SQL: PARTITION BY
CREATE FUNCTION grp.expected(method text, k int, day date DEFAULT '2024-05-20', lookback interval DEFAULT NULL, above numeric DEFAULT NULL, filter text DEFAULT 'status <> ''cancelled''')
RETURNS TABLE (score_group int, customer_id int, recency_days int, frequency_orders bigint, monetary_value numeric, r int, f int, m int)
LANGUAGE plpgsql AS
$$
DECLARE
    score text[];
BEGIN
    score := ARRAY(SELECT CASE method WHEN 'ntile' THEN format('ntile(%s) OVER (PARTITION BY g ORDER BY %s, c)', k, o)
                                      ELSE format('1 + %s * (rank() OVER (PARTITION BY g ORDER BY %s) - 1) / count(*) OVER (PARTITION BY g)', k, o) END
                     FROM unnest('{days DESC,n,money}'::text[]) o);
    RETURN QUERY EXECUTE format($sql$
        SELECT g, c, days, n, money, (%s)::int, (%s)::int, (%s)::int
          FROM (SELECT shop_id AS g, customer_id AS c, $1 - max((created_at AT TIME ZONE 'UTC')::date) AS days, count(*) AS n, coalesce(sum(total), 0) AS money
                  FROM grp.orders
                 WHERE shop_id IS NOT NULL AND customer_id IS NOT NULL AND (%s) AND (created_at AT TIME ZONE 'UTC')::date <= $1
                   AND ($2 IS NULL OR (created_at AT TIME ZONE 'UTC')::date > $1 - $2)
                 GROUP BY 1, 2 HAVING $3 IS NULL OR coalesce(sum(total), 0) > $3) v $sql$,
        score[1], score[2], score[3], filter)
    USING day, lookback, above;
END
$$;

CREATE FUNCTION grp.differences(a text, b text) RETURNS bigint
LANGUAGE plpgsql AS
$$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL TABLE %2$s) UNION ALL (TABLE %2$s EXCEPT ALL TABLE %1$s)) d', a, b) INTO n;
    RETURN n;
END
$$;

SELECT rfm_create_model('within', 'grp.orders', 'grp.rfm', filter => $$status <> 'cancelled'$$, score_within => 'shop_id');
\d grp.rfm
SELECT rfm_refresh('2024-05-20', 'within') = (SELECT count(*) FROM grp.expected('ntile', 5)) AS as_many;
CREATE TABLE grp.want AS SELECT * FROM grp.expected('ntile', 5);
CREATE VIEW grp.have AS SELECT score_group, customer_id, recency_days, frequency_orders::bigint, monetary_value, r_score::int, f_score::int, m_score::int FROM grp.rfm WHERE run_date = '2024-05-20';
SELECT grp.differences('grp.want', 'grp.have') AS differ, (SELECT count(DISTINCT score_group) FROM grp.have) AS groups,
       (SELECT count(*) FROM (SELECT customer_id FROM grp.have GROUP BY 1 HAVING count(*) > 1) d) > 100 AS many_in_several;
-- the same without ties cut, with other buckets, a window, and who spent nothing left out; read in every way
CREATE TABLE grp.tries (n int, method text, k int, lookback interval, above numeric);
INSERT INTO grp.tries VALUES (1, 'ntile', 4, NULL, NULL), (2, 'rank', 5, NULL, NULL), (3, 'rank', 3, '40 days', 20), (4, 'ntile', 10, '60 days', 0);
CREATE FUNCTION grp.try_all() RETURNS TABLE (n int, way text, differ bigint)
LANGUAGE plpgsql AS
$$
DECLARE
    t grp.tries;
BEGIN
    FOR t IN TABLE grp.tries LOOP
        UPDATE rfm_model SET method = t.method, buckets = ARRAY[t.k], lookback = t.lookback, monetary_above = t.above,
               segment_rules = CASE t.k WHEN 5 THEN 'sum5' END, comment_rules = NULL WHERE model = 'within';
        DROP TABLE IF EXISTS want;
        CREATE TEMP TABLE want AS SELECT * FROM grp.expected(t.method, t.k, '2024-05-20', t.lookback, t.above);
        FOREACH way IN ARRAY '{memory,files,grouped,grouped files}'::text[] LOOP
            PERFORM set_config('rfm.work_mem', CASE WHEN way LIKE '%files' THEN '64kB' ELSE '64MB' END, true),
                    set_config('rfm.grouped_reading', CASE WHEN way LIKE 'grouped%' THEN 'on' ELSE 'off' END, true);
            DROP TABLE IF EXISTS have;
            CREATE TEMP TABLE have AS SELECT score_group::int, customer_id::int, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score
                                        FROM rfm_preview('2024-05-20', 'within');
            n := t.n;
            differ := grp.differences('want', 'have');
            RETURN NEXT;
        END LOOP;
    END LOOP;
END
$$;
SELECT n, way FROM grp.try_all() WHERE differ > 0;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET rfm.max_workers = 2;
SELECT n, way FROM grp.try_all() WHERE differ > 0;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET rfm.max_workers;
UPDATE rfm_model SET method = 'ntile', buckets = '{5}', lookback = NULL, monetary_above = NULL, segment_rules = 'sum5', comment_rules = 'traits5' WHERE model = 'within';

-- Group by group what a model with a filter gives, cut points included, by every method
CREATE FUNCTION grp.compare_models(method text, VARIADIC shops int[]) RETURNS TABLE (shop int, snapshot bigint, cuts bigint)
LANGUAGE plpgsql AS
$$
BEGIN
    UPDATE rfm_model SET method = compare_models.method WHERE model = 'within';
    PERFORM rfm_refresh('2024-05-20', 'within');
    FOREACH shop IN ARRAY shops LOOP
        PERFORM rfm_create_model('one', 'grp.orders', 'grp.one', filter => format('status <> ''cancelled'' AND shop_id = %s', shop), method => compare_models.method);
        PERFORM rfm_refresh('2024-05-20', 'one');
        EXECUTE format('CREATE TEMP VIEW mine AS SELECT run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment, comments FROM grp.rfm WHERE score_group = %s', shop);
        CREATE TEMP VIEW theirs AS SELECT run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment, comments FROM grp.one;
        EXECUTE format('CREATE TEMP VIEW my_cuts AS SELECT metric, score, customers, lowest, highest, cut_point, from_customer FROM rfm_cut_points(NULL, ''within'', %L)', shop);
        CREATE TEMP VIEW their_cuts AS SELECT metric, score, customers, lowest, highest, cut_point, from_customer FROM rfm_cut_points(NULL, 'one');
        snapshot := grp.differences('mine', 'theirs');
        cuts := grp.differences('my_cuts', 'their_cuts');
        RETURN NEXT;
        DROP VIEW mine, theirs, my_cuts, their_cuts;
        PERFORM rfm_drop_model('one', true);
    END LOOP;
END
$$;
SELECT * FROM grp.compare_models('ntile', 7, 10, 1003, 5000, 5001);
SELECT * FROM grp.compare_models('rank', 7, 12);
SELECT * FROM grp.compare_models('quantile', 7, 13, 1001);

-- Again nothing is written; then only what differs
SELECT rfm_refresh('2024-05-20', 'within') > 0 AS refreshed;
SELECT inserted, updated, deleted, unchanged = customers AS all_unchanged FROM rfm_run WHERE model = 'within' ORDER BY run_id DESC LIMIT 1;
UPDATE rfm_model SET method = 'ntile' WHERE model = 'within';
SELECT rfm_refresh('2024-05-20', 'within') > 0 AS refreshed;
UPDATE grp.rfm SET m_score = 6 - m_score WHERE customer_id % 5 = 0 AND m_score <> 3;
DELETE FROM grp.rfm WHERE score_group = 10;
INSERT INTO grp.rfm (run_date, score_group, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score)
SELECT '2024-05-20', g, c, 0, 1, 1, 1, 1, 1, 3 FROM (VALUES (7, -5000), (10, -5000), (99999, 1)) v(g, c);
SELECT rfm_refresh('2024-05-20', 'within') > 0 AS refreshed;
SELECT inserted > 50 AS inserted, updated > 100 AS updated, deleted FROM rfm_run WHERE model = 'within' ORDER BY run_id DESC LIMIT 1;
SELECT grp.differences('grp.want', 'grp.have') AS differ;
-- through the executor, too
CREATE FUNCTION grp.pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER pass BEFORE INSERT OR UPDATE ON grp.rfm FOR EACH ROW EXECUTE FUNCTION grp.pass();
UPDATE grp.rfm SET m_score = 6 - m_score WHERE customer_id % 7 = 0 AND m_score <> 3;
DELETE FROM grp.rfm WHERE score_group = 11;
INSERT INTO grp.rfm (run_date, score_group, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score)
SELECT '2024-05-20', g, c, 0, 1, 1, 1, 1, 1, 3 FROM (VALUES (7, -5000), (11, -5000), (99999, 1)) v(g, c);
SELECT rfm_refresh('2024-05-20', 'within') > 0 AS refreshed;
SELECT inserted > 50 AS inserted, updated > 100 AS updated, deleted FROM rfm_run WHERE model = 'within' ORDER BY run_id DESC LIMIT 1;
SELECT grp.differences('grp.want', 'grp.have') AS differ;
DROP TRIGGER pass ON grp.rfm;

-- The log: totals in the run, the rest by group, of the last run of a date only
SELECT r.customers = sum(g.customers) AS customers, count(*) AS groups, r.cut_points, count(DISTINCT g.run_id) AS runs
  FROM rfm_run_group g JOIN rfm_run r USING (run_id) WHERE r.model = 'within' GROUP BY r.run_id;
SELECT count(*) FROM rfm_run_group g JOIN rfm_model m USING (model_id)
 WHERE model = 'within' AND (g.customers, g.orders) IS DISTINCT FROM (SELECT (count(*), sum(frequency_orders)::bigint) FROM grp.have WHERE score_group = g.score_group::int);
SELECT score_group, metric, score, customers, lowest, highest, cut_point, from_customer FROM rfm_cut_points(model => 'within', score_group => '5000') WHERE customers > 0;
SELECT count(*), count(DISTINCT score_group) FROM rfm_cut_points(model => 'within');

-- A preview of one group
CREATE FUNCTION grp.preview_of(shop text) RETURNS TABLE (n bigint, differ bigint) LANGUAGE sql AS
$$ SELECT (SELECT count(*) FROM rfm_preview('2024-05-20', 'within', shop)),
          (SELECT count(*) FROM ((SELECT * FROM rfm_preview('2024-05-20', 'within', shop) EXCEPT ALL SELECT * FROM rfm_preview('2024-05-20', 'within') WHERE score_group = shop) UNION ALL
                                 (SELECT * FROM rfm_preview('2024-05-20', 'within') WHERE score_group = shop EXCEPT ALL SELECT * FROM rfm_preview('2024-05-20', 'within', shop))) d) $$;
SELECT shop, n > 0 AS some, differ FROM unnest('{7,12,5001,99999}'::text[]) shop, grp.preview_of(shop);
SELECT count(*) FROM rfm_preview('2024-05-20', 'within', 'seven');

-- Groups come and go
DELETE FROM grp.orders WHERE shop_id = 1003;
INSERT INTO grp.orders VALUES (6000, 1, '2024-05-21', 1, 'paid', -9), (6000, 2, '2024-05-21', 2, 'paid', -10);
SELECT rfm_refresh('2024-05-21', 'within') > 0 AS refreshed;
SELECT score_group, count(*) FROM grp.rfm WHERE run_date = '2024-05-21' AND score_group IN (1003, 6000) GROUP BY 1;

-- One customer as of now, in every group or in one
UPDATE rfm_model SET as_of = 'latest_order' WHERE model = 'within';
SELECT count(*) > 100 AS some, count(*) FILTER (WHERE (n.r_score, n.f_score, n.m_score, n.rfm_segment, n.monetary_value) IS DISTINCT FROM (t.r_score, t.f_score, t.m_score, t.rfm_segment, t.monetary_value)) AS differ
  FROM (SELECT n.* FROM (SELECT DISTINCT customer_id FROM grp.rfm WHERE run_date = '2024-05-21' AND customer_id % 40 = 1) c, rfm_score_now(c.customer_id, 'within') n) n
       FULL JOIN (SELECT * FROM grp.rfm WHERE run_date = '2024-05-21' AND customer_id % 40 = 1) t ON t.score_group = n.score_group::int AND t.customer_id = n.customer_id::int;
SELECT run_date, score_group, customer_id, frequency_orders, r_score, f_score, m_score, cut_date FROM rfm_score_now(1, 'within', '6000');
SELECT count(*) FROM rfm_score_now(1, 'within', 'nowhere');

-- Analysis: a group is what a model of its own would be; all together, customers are told apart by group, too
SELECT rfm_refresh('2024-03-20', 'within') > 0 AS refreshed;
SELECT rfm_create_model('one', 'grp.orders', 'grp.one', filter => $$status <> 'cancelled' AND shop_id = 7$$);
SELECT count(rfm_refresh(d::date, 'one')) FROM unnest('{2024-03-20,2024-05-20,2024-05-21}'::date[]) d;
DELETE FROM grp.rfm WHERE run_date NOT IN (SELECT run_date FROM grp.one);
CREATE FUNCTION grp.same_in_both(call text, filter text DEFAULT '') RETURNS bigint
LANGUAGE plpgsql AS
$$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('CREATE TEMP VIEW mine AS SELECT * FROM %s', format(call, quote_literal('within') || ', score_group => ''7'''));
    EXECUTE format('CREATE TEMP VIEW theirs AS SELECT * FROM %s', format(call, quote_literal('one')));
    n := CASE WHEN EXISTS (SELECT FROM theirs) THEN grp.differences('mine', 'theirs') END;
    DROP VIEW mine, theirs;
    RETURN n;
END
$$;
SELECT call, grp.same_in_both(call) AS differ
  FROM unnest(ARRAY['rfm_segment_summary(model => %s)', 'rfm_segment_summary(model => %s, by => ''comment'')', 'rfm_migration(model => %s)', 'rfm_movers(model => %s)', 'rfm_changes(model => %s)', 'rfm_grid(model => %s)', 'rfm_trend(model => %s)', 'rfm_export(model => %s)']) call;
SELECT count(*), sum(customers) = (SELECT count(*) FROM grp.rfm WHERE run_date = '2024-05-21') AS customers, sum(customer_share) BETWEEN 0.99 AND 1.01 AS shares FROM rfm_segment_summary(model => 'within', by => 'group');
SELECT segment, customers, orders FROM rfm_segment_summary(model => 'within', by => 'group') WHERE segment IN ('5000', '6000', '7') ORDER BY 1;
SELECT count(*) > 20 AS some, bool_and((m.customers, m.revenue) = (w.customers, w.revenue)) AS same
  FROM rfm_migration(from_date => '2024-03-20', model => 'within') m
       FULL JOIN (SELECT b.rfm_segment AS from_segment, a.rfm_segment AS to_segment, count(*) AS customers, sum(coalesce(a.monetary_value, b.monetary_value)) AS revenue
                    FROM (SELECT * FROM grp.rfm WHERE run_date = '2024-03-20') b FULL JOIN (SELECT * FROM grp.rfm WHERE run_date = '2024-05-21') a USING (score_group, customer_id) GROUP BY 1, 2) w
       ON coalesce(m.from_segment, '') = coalesce(w.from_segment, '') AND coalesce(m.to_segment, '') = coalesce(w.to_segment, '');
SELECT customer, frequency_orders FROM rfm_export(model => 'within') WHERE customer LIKE '["6000"%';
SELECT count(*) > 0 AS in_several FROM (SELECT run_date FROM rfm_customer(1, 'within') GROUP BY 1 HAVING count(DISTINCT score_group) > 1) d;
SELECT DISTINCT score_group FROM rfm_customer('1', 'within', '5000');
SELECT rfm_report(model => 'within') LIKE '%</html>%' AS reported;
SELECT * FROM rfm_segment_summary(model => 'one', score_group => '7');
SELECT * FROM rfm_trend(model => 'one', by => 'group');
SELECT rfm_drop_model('one');

-- Forgotten in every group, and in its log
SELECT rfm_forget('1', 'within') > 2 AS forgotten;
SELECT (SELECT count(*) FROM grp.rfm WHERE customer_id = 1) AS left_over,
       (SELECT count(*) FROM rfm_cut_points(model => 'within') WHERE from_customer = '1') AS named;

-- Many dates at once are what they are one by one; a retention takes the log of groups along
CREATE TABLE grp.single (LIKE grp.rfm);
SELECT rfm_create_model('again', 'grp.orders', 'grp.again', filter => $$status <> 'cancelled'$$, score_within => 'shop_id', order_id => 'order_id', lookback => '30 days', retention => '10 days', partition_by => 'month');
CALL rfm_backfill('2024-04-25', '2024-05-03', 'again');
DO $$ BEGIN FOR i IN 0..8 LOOP INSERT INTO grp.single (run_date, score_group, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment, comments, created_at, updated_at)
    SELECT run_date, score_group::int, customer_id::int, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment, comments, now(), now() FROM rfm_preview(date '2024-04-25' + i, 'again'); END LOOP; END $$;
CREATE VIEW grp.one_by_one AS SELECT run_date, score_group, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_segment FROM grp.single;
CREATE VIEW grp.at_once AS SELECT run_date, score_group, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_segment FROM grp.again;
SELECT grp.differences('grp.one_by_one', 'grp.at_once') AS differ, count(DISTINCT run_date) AS dates, count(DISTINCT tableoid) AS partitions FROM grp.again;
SELECT rfm_refresh('2024-05-08', 'again') > 0 AS refreshed;
SELECT (SELECT array_agg(DISTINCT run_date ORDER BY run_date) FROM grp.again) = array_agg(DISTINCT run_date ORDER BY run_date) AS as_in_the_target FROM rfm_run_group JOIN rfm_model USING (model_id) WHERE model = 'again';
SELECT rfm_drop_model('again');
SELECT count(*) FROM rfm_run_group g WHERE NOT EXISTS (SELECT FROM rfm_model m WHERE m.model_id = g.model_id);

-- A target that holds the newest snapshot only, with names and types of its own
CREATE TABLE grp.newest (who bigint NOT NULL, shop text NOT NULL, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int, UNIQUE (who, shop));
SELECT rfm_create_model('newest', 'grp.orders', 'grp.newest', score_within => 'shop_id', target_columns => '{"run_date": null, "score_group": "shop", "customer_id": "who", "rfm_score": null, "rfm_segment": null, "comments": null, "created_at": null, "updated_at": null}', filter => $$status <> 'cancelled'$$);
SELECT rfm_refresh('2024-05-01', 'newest') > 0 AS refreshed, rfm_refresh('2024-05-20', 'newest') > 0 AS again, rfm_refresh('2024-05-20', 'newest') > 0 AS and_again;
SELECT unchanged = customers AS all_unchanged FROM rfm_run WHERE model = 'newest' ORDER BY run_id DESC LIMIT 1;
SELECT count(DISTINCT run_date) FROM rfm_run_group JOIN rfm_model USING (model_id) WHERE model = 'newest';
DROP TABLE grp.want;
CREATE TABLE grp.want AS SELECT * FROM grp.expected('ntile', 5);
CREATE VIEW grp.have_newest AS SELECT shop::int, who::int, recency_days, frequency_orders::bigint, monetary_value, r_score, f_score, m_score FROM grp.newest;
SELECT grp.differences('grp.want', 'grp.have_newest') AS differ;

-- Groups, and customers, of every type
CREATE COLLATION grp.ci (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
CREATE TYPE grp.tier AS ENUM ('gold', 'basic');
CREATE DOMAIN grp.shop_no AS int;
CREATE TABLE grp.kinds (kind text, sql text);
INSERT INTO grp.kinds VALUES ('int2', '(%s %% 30)::int2'), ('int4', '%s - 20'), ('int8', '%s::int8 * 5000000000'), ('domain', '%s::grp.shop_no'), ('text', '''shop '' || %s'), ('varchar', '%s::varchar(9)'), ('C', '(''x'' || %s) COLLATE "C"'),
    ('nondeterministic', '(CASE WHEN random() < 0.5 THEN ''A'' ELSE ''a'' END || %s) COLLATE grp.ci'), ('uuid', 'md5((%s)::text)::uuid'), ('numeric', '((%s)::text || CASE WHEN random() < 0.5 THEN ''.0'' ELSE '''' END)::numeric'), ('date', 'date ''2024-01-01'' + %s'),
    ('bool', '(%s %% 2 = 0)'), ('enum', '(CASE WHEN %s %% 3 = 0 THEN ''basic'' ELSE ''gold'' END)::grp.tier'), ('bytea', 'int4send(%s)'), ('timestamptz', 'timestamptz ''epoch'' + (%s) * interval ''1 hour'''), ('float8', '(%s)::float8 / 7'), ('interval', '(%s) * interval ''1 day'''), ('char', '(%s)::char(12)');
CREATE FUNCTION grp.try_kind(g text, c text) RETURNS text
LANGUAGE plpgsql AS
$$
DECLARE
    n bigint;
    a bigint;
BEGIN
    EXECUTE format('CREATE TABLE grp.typed AS SELECT %s AS g, %s AS c, created_at, total FROM grp.orders WHERE shop_id <> 7 OR customer_id %% 9 = 0',
                   format((SELECT sql FROM grp.kinds WHERE kind = g), 'shop_id'), format((SELECT sql FROM grp.kinds WHERE kind = c), 'customer_id'));
    PERFORM rfm_create_model('typed', 'grp.typed', 'grp.typed_rfm', customer => 'c', score_within => 'g');
    PERFORM rfm_refresh('2024-05-20', 'typed'), rfm_refresh('2024-05-20', 'typed');
    SELECT inserted + updated + deleted INTO a FROM rfm_run WHERE model = 'typed' ORDER BY run_id DESC LIMIT 1;
    CREATE VIEW grp.typed_want AS
        SELECT g, c, count(*) AS n, ntile(5) OVER (PARTITION BY g ORDER BY max(created_at::date), c) AS r, ntile(5) OVER (PARTITION BY g ORDER BY count(*), c) AS f, ntile(5) OVER (PARTITION BY g ORDER BY coalesce(sum(total), 0), c) AS m
          FROM grp.typed WHERE c IS NOT NULL AND g IS NOT NULL AND created_at < '2024-05-21+0' GROUP BY 1, 2;
    CREATE VIEW grp.typed_have AS SELECT score_group, customer_id, frequency_orders::bigint, r_score::int, f_score::int, m_score::int FROM grp.typed_rfm;
    n := grp.differences('grp.typed_want', 'grp.typed_have');
    PERFORM rfm_drop_model('typed');
    DROP TABLE grp.typed, grp.typed_rfm CASCADE;
    RETURN CASE WHEN n + a > 0 THEN format('%s of %s: %s rows differ, %s written again', c, g, n, a) END;
END
$$;
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT t FROM grp.kinds k, grp.try_kind(kind, 'int4') t WHERE t IS NOT NULL;
SELECT t FROM grp.kinds k, grp.try_kind('int8', kind) t WHERE t IS NOT NULL AND kind NOT IN ('bool', 'enum');
SELECT t FROM grp.kinds k, grp.try_kind('text', kind) t WHERE kind IN ('text', 'uuid', 'numeric', 'C') AND t IS NOT NULL;
SELECT t FROM grp.kinds k, grp.try_kind(kind, 'uuid') t WHERE kind IN ('text', 'uuid', 'numeric', 'nondeterministic') AND t IS NOT NULL;
RESET timezone;
RESET client_min_messages;

-- The log names groups as the model's time zone does, in whichever zone a session is
CREATE TABLE grp.hours AS SELECT timestamptz 'epoch' + shop_id * interval '1 hour' AS opens, customer_id, created_at, total FROM grp.orders WHERE shop_id < 20;
SELECT rfm_create_model('hours', 'grp.hours', 'grp.hours_rfm', score_within => 'opens', time_zone => 'Asia/Tokyo', as_of => 'latest_order');
SET timezone = 'UTC';
SELECT rfm_refresh(model => 'hours') > 0 AS refreshed;
SET timezone = 'America/New_York';
SELECT min(score_group) FROM rfm_run_group JOIN rfm_model USING (model_id) WHERE model = 'hours';
SELECT count(*) > 0 AS some, count(*) FILTER (WHERE r_score IS NULL) AS unscored FROM (SELECT DISTINCT customer_id FROM grp.hours) c, rfm_score_now(c.customer_id, 'hours');
RESET timezone;
SELECT rfm_drop_model('hours');

-- What is refused
SELECT rfm_create_model('bad', 'grp.orders', 'grp.bad', score_within => 'nowhere');
SELECT rfm_create_model('bad', 'grp.orders', 'grp.bad', score_within => 'json_build_array(shop_id)');
SELECT rfm_create_model('bad', 'grp.orders', 'grp.bad', score_within => 'now()');
SELECT rfm_create_model('bad', 'grp.orders', 'grp.bad', score_within => 'shop_id', target_columns => '{"score_group": null}');
SELECT rfm_create_model('bad', 'grp.orders', 'grp.bad', target_columns => '{"score_group": "shop"}');
CREATE TABLE grp.no_group (run_date date, customer_id int, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int, PRIMARY KEY (run_date, customer_id));
SELECT rfm_create_model('bad', 'grp.orders', 'grp.no_group', score_within => 'shop_id');
ALTER TABLE grp.no_group ADD score_group int;
SELECT rfm_create_model('bad', 'grp.orders', 'grp.no_group', score_within => 'shop_id');
UPDATE rfm_model SET score_within = NULL WHERE model = 'newest';
SELECT rfm_create_model('plain', 'grp.orders', 'grp.plain');
SELECT rfm_refresh('2024-05-20', 'plain') > 0 AS refreshed;
SELECT * FROM rfm_score_now(1, 'plain', '7');

SELECT count(rfm_drop_model(model)) FROM rfm_model WHERE model IN ('within', 'newest', 'plain');
RESET rfm.latest_view;
SET client_min_messages = warning;
DROP SCHEMA grp CASCADE;

--
-- The bound of memory holds for all groups together: what does not fit goes to files, and the rows are the same
--
SET client_min_messages = warning;
SET rfm.latest_view = off;
CREATE SCHEMA gm;
-- 3,000 shops, one of them with a third of the customers
CREATE TABLE gm.orders (shop int, customer_id int, created_at date, total numeric(10,2));
INSERT INTO gm.orders
SELECT CASE WHEN c % 3 = 0 THEN 0 ELSE 1 + c % 3000 END, c, date '2024-06-30' - (hashint8(i) & 255), (hashint8(i + 7) & 8191) / 100.0
  FROM generate_series(1, 160000) AS i, LATERAL (SELECT (hashint8(i + 3) & 65535) AS c) AS r;
ANALYZE gm.orders;
CREATE VIEW gm.want AS
SELECT shop, customer_id, date '2024-06-30' - last, n, money, ntile(5) OVER (PARTITION BY shop ORDER BY last, customer_id) AS r,
       ntile(5) OVER (PARTITION BY shop ORDER BY n, customer_id) AS f, ntile(5) OVER (PARTITION BY shop ORDER BY money, customer_id) AS m
  FROM (SELECT shop, customer_id, max(created_at) AS last, count(*) AS n, sum(total) AS money FROM gm.orders GROUP BY shop, customer_id) AS c;
SELECT rfm_create_model('shops', 'gm.orders', 'gm.shops', score_within => 'shop');
CREATE VIEW gm.have AS SELECT score_group, customer_id, recency_days, frequency_orders::bigint, monetary_value, r_score::int, f_score::int, m_score::int FROM gm.shops;

-- with room for all, and without: alone and in several processes
CREATE TABLE gm.tries (try int, work_mem text, workers text, spilled bool, memory bigint, differences bigint, cut_points text);
CREATE FUNCTION gm.try(try int, work_mem text, workers text) RETURNS void LANGUAGE plpgsql AS
$$
DECLARE
    run rfm_run;
BEGIN
    PERFORM set_config(name, value, true)
       FROM (VALUES ('rfm.work_mem', work_mem), ('rfm.max_workers', workers), ('parallel_setup_cost', '0'), ('parallel_tuple_cost', '0'), ('min_parallel_table_scan_size', '0')) AS s(name, value);
    TRUNCATE gm.shops;
    PERFORM rfm_refresh('2024-06-30', 'shops');
    SELECT r.* INTO run FROM rfm_run AS r WHERE r.model = 'shops' ORDER BY r.run_id DESC LIMIT 1;
    INSERT INTO gm.tries
    SELECT try, work_mem, workers, run.spilled, run.memory,
           (SELECT count(*) FROM ((TABLE gm.want EXCEPT ALL TABLE gm.have) UNION ALL (TABLE gm.have EXCEPT ALL TABLE gm.want)) AS d),
           md5(string_agg(g.score_group || g.customers || g.cut_points, ',' ORDER BY g.score_group COLLATE "C"))
      FROM rfm_run_group AS g WHERE g.run_id = run.run_id;
END
$$;
SELECT gm.try(1, '64MB', '0'), gm.try(2, '1MB', '0'), gm.try(3, '1MB', '2'), gm.try(4, '64kB', '0');
SELECT work_mem, workers, spilled, memory <= first_value(memory) OVER (ORDER BY try) AS no_more_memory, differences, cut_points = first_value(cut_points) OVER (ORDER BY try) AS same_cut_points FROM gm.tries ORDER BY try;
SELECT count(*) AS groups, max(customers) > 15000 AS large_one, min(customers) < 20 AS small_ones FROM rfm_run_group JOIN rfm_model USING (model_id) WHERE model = 'shops';

SELECT rfm_drop_model('shops');
RESET rfm.latest_view;
DROP SCHEMA gm CASCADE;
RESET client_min_messages;

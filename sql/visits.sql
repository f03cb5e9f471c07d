--
-- The days on which customers ordered: rows in no order of time, refunds before the
-- first order and on its day, amounts of all forms, by every way that they are read,
-- against plain SQL.
--
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA vis;
CREATE TABLE vis.orders (customer_id text, created_at timestamptz, exact numeric, real float8, small int, orders int);
-- in the order of a hash; an hour and a half around every midnight of Berlin and both changes of its clock
INSERT INTO vis.orders
SELECT 'customer ' || (hashint4extended(n, 1) & 511), timestamptz '2024-01-01 23:15+01' + (hashint4extended(n, 2) & 511) * interval '24 hours' + (hashint4extended(n, 3) & 127) * interval '1 minute',
       CASE hashint4extended(n, 4) & 15 WHEN 0 THEN NULL WHEN 1 THEN 12345678901234567890123.25 * (1 - (hashint4extended(n, 5) & 2)) ELSE ((hashint4extended(n, 5) & 65535) - 9000) / (10 ^ (hashint4extended(n, 6) & 3))::numeric END,
       CASE hashint4extended(n, 4) & 15 WHEN 0 THEN NULL WHEN 1 THEN 1e200 * (1 - (hashint4extended(n, 5) & 2)) WHEN 2 THEN 1e-200 ELSE ((hashint4extended(n, 5) & 65535) - 9000) / 1024.0 END,
       nullif(hashint4extended(n, 5) & 1023, 7), nullif((hashint4extended(n, 7) & 7) - 2, -2)
  FROM generate_series(1, 12000) AS n ORDER BY hashint4extended(n, 8);
-- one with many orders a day for ten years, one who had a refund and no order, one who came once
INSERT INTO vis.orders
SELECT 'often', timestamptz '2015-01-01' + n % 3652 * interval '1 day', n, n, n, 1 FROM generate_series(1, 9001, 2) AS n UNION ALL
SELECT 'never', '2024-03-03', 5, 5, 5, 0 UNION ALL SELECT 'nobody', '2024-03-03', NULL, NULL, NULL, NULL UNION ALL SELECT 'once', '2024-03-03', 5, 5, 5, 1;
UPDATE vis.orders SET orders = 0 WHERE orders < 0;
ANALYZE vis.orders;

SELECT rfm_create_model('vis_' || amount, 'vis.orders', 'vis.' || amount, amount => amount, order_count => 'orders', time_zone => 'Europe/Berlin') FROM (VALUES ('exact'), ('real'), ('small')) AS given(amount);
CREATE FUNCTION vis.plain(amount text) RETURNS TABLE (customer text, frequency int8, recency int4, t int4, monetary_value numeric) LANGUAGE plpgsql AS
$$
BEGIN
    RETURN QUERY EXECUTE format($q$
        WITH row AS (SELECT customer_id, (created_at AT TIME ZONE 'Europe/Berlin')::date AS day, %1$I::numeric AS amount, orders FROM vis.orders),
             first AS (SELECT customer_id, min(day) AS first, max(day) AS last, count(DISTINCT day) AS days FROM row WHERE orders > 0 AND day <= '2024-12-31' GROUP BY customer_id)
        SELECT customer_id, days - 1, last - first, date '2024-12-31' - first, CASE WHEN days > 1 THEN coalesce(sum(amount) FILTER (WHERE day > first), 0) / (days - 1) ELSE 0 END
          FROM first JOIN row USING (customer_id) WHERE day <= '2024-12-31' GROUP BY customer_id, days, first, last $q$, amount);
END
$$;
-- sums of doubles are rounded once, those of plain SQL as numeric not at all
CREATE FUNCTION vis.compare(amount text, OUT customers int8, OUT differences int8) LANGUAGE sql AS
$$
    SELECT count(*), count(*) FILTER (WHERE (a.frequency = b.frequency AND a.recency = b.recency AND a.t = b.t AND
                                             CASE amount WHEN 'real' THEN abs(a.monetary_value - b.monetary_value) <= abs(b.monetary_value) * 1e-14 ELSE round(a.monetary_value, 12) = round(b.monetary_value, 12) END) IS NOT TRUE)
      FROM rfm_repeat_summary('2024-12-31', 'vis_' || amount) AS a FULL JOIN vis.plain(amount) AS b USING (customer)
$$;
-- all that customers spent between two dates, also those who only had a refund
CREATE FUNCTION vis.compare_window(model text, OUT customers int8, OUT differences int8) LANGUAGE sql AS
$$
    SELECT count(*), count(*) FILTER (WHERE (a.visits = b.visits AND a.revenue = b.revenue) IS NOT TRUE)
      FROM rfm_internal.visits('2024-03-01', '2024-05-31', model) AS a
           FULL JOIN (SELECT customer_id AS customer, count(DISTINCT (created_at AT TIME ZONE 'Europe/Berlin')::date) FILTER (WHERE orders > 0) AS visits, coalesce(sum(exact), 0) AS revenue
                        FROM vis.orders WHERE (created_at AT TIME ZONE 'Europe/Berlin')::date BETWEEN '2024-03-01' AND '2024-05-31' GROUP BY 1) AS b USING (customer)
$$;

SELECT amount, c.* FROM (VALUES ('exact'), ('real'), ('small')) AS given(amount), vis.compare(amount) AS c;
SELECT * FROM vis.compare_window('vis_exact');
-- past the bound of memory
SET rfm.work_mem = '64kB';
SELECT amount, c.* FROM (VALUES ('exact'), ('real'), ('small')) AS given(amount), vis.compare(amount) AS c;
SELECT * FROM vis.compare_window('vis_exact');
RESET rfm.work_mem;
-- in several processes
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET rfm.max_workers = 3;
SET parallel_leader_participation = off;
SELECT amount, c.* FROM (VALUES ('exact'), ('real'), ('small')) AS given(amount), vis.compare(amount) AS c;
SELECT * FROM vis.compare_window('vis_exact');
SET rfm.work_mem = '64kB';
SELECT amount, c.* FROM (VALUES ('exact'), ('real'), ('small')) AS given(amount), vis.compare(amount) AS c;
SELECT * FROM vis.compare_window('vis_exact');
RESET ALL;
SET client_min_messages = warning;

-- customers that are equal and look different
CREATE TABLE vis.looks (customer_id numeric, created_at date, total numeric);
INSERT INTO vis.looks VALUES (1.0, '2024-01-01', 1), (1.00, '2024-01-02', 2), (1, '2024-01-05', 4), (2, '2024-01-05', 4);
SELECT rfm_create_model('vis_looks', 'vis.looks', 'vis.looks_scores');
SELECT * FROM rfm_repeat_summary('2024-01-31', 'vis_looks') ORDER BY customer;
-- and none at all
SELECT * FROM rfm_repeat_summary('2014-01-31', 'vis_looks');

SELECT rfm_drop_model(m) FROM (VALUES ('vis_exact'), ('vis_real'), ('vis_small'), ('vis_looks')) AS given(m);
DROP SCHEMA vis CASCADE;

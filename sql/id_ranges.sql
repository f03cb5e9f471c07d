-- integer ids without gaps and with, in any order: the collector's index takes
-- either form, and changes from one to the other on the way
CREATE SCHEMA ranges;
SET client_min_messages = warning;
CREATE TABLE ranges.orders (customer_id bigint, created_at timestamp, total numeric(12,2));
SELECT rfm_create_model('ranges', 'ranges.orders', 'ranges.scores');

-- 6,000 ids, in the order in which they come, and some of them again
CREATE FUNCTION ranges.id(pattern text, i bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$
    SELECT CASE pattern
               WHEN 'ascending' THEN i
               WHEN 'descending' THEN 6000 - i
               WHEN 'shuffled' THEN i * 3571 % 6007
               WHEN 'every other' THEN i * 3571 % 6007 * 2
               WHEN 'every fifth' THEN i * 3571 % 6007 * 5
               WHEN 'every tenth' THEN i * 3571 % 6007 * 10
               WHEN 'up and down' THEN CASE WHEN i % 2 = 0 THEN i ELSE -i END
               WHEN 'above all' THEN 9223372036854775807 - i * 3571 % 6007
               WHEN 'below all' THEN -9223372036854775808 + i * 3571 % 6007
               WHEN 'to the top' THEN 9223372036854775807 - (6000 - i)
               WHEN 'both ends' THEN CASE WHEN i % 2 = 0 THEN 9223372036854775807 - i ELSE -9223372036854775808 + i END
               WHEN 'one far off' THEN CASE i WHEN 2500 THEN 4611686018427387904 ELSE i END
               WHEN 'soon far off' THEN CASE WHEN i < 3000 THEN i ELSE i * 1000003 END
               WHEN 'first far off' THEN CASE WHEN i < 600 THEN i * 1000003 ELSE i END
               WHEN 'two heaps' THEN CASE WHEN i % 2 = 0 THEN i ELSE 40000 + i END
               WHEN 'far between' THEN hashint8extended(i, 0)
           END
$$;

CREATE FUNCTION ranges.differences() RETURNS bigint LANGUAGE sql AS
$$
    WITH expected AS (
        SELECT customer_id, date '2024-12-31' - max(created_at)::date AS recency, count(*) AS frequency, sum(total) AS money
          FROM ranges.orders GROUP BY 1),
    scored AS (
        SELECT *, ntile(5) OVER (ORDER BY recency DESC, customer_id) AS r,
               ntile(5) OVER (ORDER BY frequency, customer_id) AS f, ntile(5) OVER (ORDER BY money, customer_id) AS m
          FROM expected)
    SELECT count(*)
      FROM scored s FULL JOIN rfm_preview('2024-12-31', 'ranges') p ON p.customer_id = s.customer_id::text
     WHERE (p.recency_days, p.frequency_orders, p.monetary_value, p.r_score, p.f_score, p.m_score)
           IS DISTINCT FROM (s.recency, s.frequency, s.money, s.r, s.f, s.m)
$$;

CREATE FUNCTION ranges.check(pattern text) RETURNS TABLE (customers bigint, alone bigint, by_workers bigint, in_little_memory bigint, written bigint)
LANGUAGE plpgsql AS
$$
BEGIN
    TRUNCATE ranges.orders, ranges.scores;
    INSERT INTO ranges.orders
    SELECT ranges.id(pattern, CASE WHEN i % 5 = 0 THEN i / 2 ELSE i END), timestamp '2024-01-01' + i % 365 * interval '1 day', i * 7919 % 10007 / 100.0
      FROM generate_series(1, 6000) i;
    PERFORM set_config('max_parallel_workers_per_gather', '0', true);
    alone := ranges.differences();
    PERFORM set_config('rfm.work_mem', '64kB', true);
    in_little_memory := ranges.differences();
    PERFORM set_config('rfm.work_mem', '-1', true);
    PERFORM set_config('max_parallel_workers_per_gather', '2', true);
    by_workers := ranges.differences();
    customers := rfm_refresh('2024-12-31', 'ranges');
    SELECT count(*) INTO written
      FROM ranges.scores s FULL JOIN rfm_preview('2024-12-31', 'ranges') p ON p.customer_id = s.customer_id::text
     WHERE (s.recency_days, s.frequency_orders, s.monetary_value, s.rfm_score) IS DISTINCT FROM (p.recency_days, p.frequency_orders, p.monetary_value, p.rfm_score);
    RETURN NEXT;
END
$$;
SET rfm.max_workers = 8;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pattern, c.*
  FROM unnest('{ascending,descending,shuffled,every other,every fifth,every tenth,up and down,above all,below all,to the top,both ends,one far off,soon far off,first far off,two heaps,far between}'::text[])
       WITH ORDINALITY p(pattern, nr), ranges.check(pattern) c
 ORDER BY nr;
RESET rfm.max_workers;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT rfm_drop_model('ranges', true);
DROP SCHEMA ranges CASCADE;

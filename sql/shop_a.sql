--
-- Shop A: orders in PostgreSQL, against a reference query in plain SQL written
-- from design.md, section 3.  Random numbers are hashes of a seed and a row
-- number, so that they are the same in every version.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA shop_a;

-- number i of the random sequence of a seed, from 0 to n - 1
CREATE FUNCTION shop_a.rnd(seed int, i int, n int) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT ((hashint4extended(i, seed) % n + n) % n)::int $$;

-- The reference: the snapshot of a date, as a query.  lookback may be null.
CREATE FUNCTION shop_a.reference(source regclass, zone text, filter text, run_date date, lookback interval DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    local_date text := CASE (SELECT atttypid::regtype::text FROM pg_attribute
                              WHERE attrelid = source AND attname = 'created_at')
                       WHEN 'timestamp with time zone' THEN format('(created_at AT TIME ZONE %L)::date', zone)
                       ELSE 'created_at::date' END;
BEGIN
    RETURN format($q$
WITH counted AS MATERIALIZED (
    SELECT customer_id, created_at, total
      FROM %2$s
     WHERE (%3$s) AND customer_id IS NOT NULL AND created_at IS NOT NULL
       AND %1$s <= %4$L::date
       AND (%5$L::interval IS NULL OR %1$s > %4$L::date - %5$L::interval)
), customers AS (
    -- the date of the last order: where a clock is set back over midnight, an
    -- earlier order may have a later date
    SELECT customer_id, %4$L::date - %1$s AS recency_days, frequency_orders, monetary_value
      FROM (SELECT customer_id, max(created_at) AS created_at, count(*) AS frequency_orders,
                   coalesce(sum(total), 0) AS monetary_value
              FROM counted GROUP BY customer_id) last
), scored AS (
    SELECT *, ntile(5) OVER (ORDER BY recency_days DESC, customer_id) AS r,
              ntile(5) OVER (ORDER BY frequency_orders, customer_id) AS f,
              ntile(5) OVER (ORDER BY monetary_value, customer_id) AS m
      FROM customers
)
SELECT %4$L::date, customer_id, recency_days, frequency_orders, monetary_value,
       r, f, m, r + f + m,
       CASE WHEN r + f + m >= 10 THEN 'Loyal Customers'
            WHEN r + f + m >= 8 THEN 'Potential Loyalists'
            WHEN r + f + m >= 6 THEN 'Promising Customers'
            WHEN r + f + m >= 4 THEN 'At Risk'
            ELSE 'Hibernating' END,
       CASE WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'Champions'
            WHEN r < 4 AND f >= 4 AND m >= 4 THEN 'Loyal High Spenders'
            WHEN f >= 4 AND m <= 3 THEN 'Loyal Budget Spenders'
            WHEN r >= 3 AND f <= 3 AND m >= 4 THEN 'Big Spenders'
            WHEN r = 5 AND f <= 2 AND m >= 4 THEN 'New High Value Customers'
            WHEN r = 5 AND f <= 2 AND m <= 2 THEN 'New Customers'
            WHEN r >= 4 AND f = 3 AND m = 3 THEN 'Potential Loyalists'
            WHEN r = 4 AND f = 2 AND m = 2 THEN 'Promising Customers'
            WHEN r <= 2 AND f >= 4 THEN 'Loyal At Risk'
            WHEN r <= 2 AND m >= 4 THEN 'Big Spenders At Risk'
            WHEN r = 2 AND f <= 2 AND m <= 2 THEN 'About to Churn'
            WHEN r = 1 AND f <= 2 AND m <= 2 THEN 'Hibernating'
            WHEN f = 1 AND m <= 2 THEN 'One-time Buyers'
            WHEN f >= 3 AND m = 1 THEN 'Bargain Hunters'
            WHEN r <= 3 AND f <= 2 AND m <= 2 THEN 'Low Value Customers'
            ELSE 'Others' END
  FROM scored$q$, local_date, source, coalesce(filter, 'true'), run_date, lookback);
END
$$;

-- Rows of one query that the other does not give, both ways round.
CREATE FUNCTION shop_a.differences(query text, other text) RETURNS bigint
LANGUAGE plpgsql AS
$$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('WITH a AS MATERIALIZED (%s), b AS MATERIALIZED (%s)
                    SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) d',
                   query, other) INTO n;
    RETURN n;
END
$$;

-- What stands in a target, in the order of the reference's columns.
CREATE FUNCTION shop_a.standing(target text, run_date date) RETURNS text
LANGUAGE sql AS
$$ SELECT format('SELECT run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score,
                         rfm_score, rfm_segment, comments FROM %s WHERE run_date = %L', target, run_date) $$;

--
-- No configuration: ecom.orders is enough.
--
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (
    order_id    bigint PRIMARY KEY,
    customer_id integer,
    created_at  timestamptz,
    total       numeric(12,2),
    status      text);
-- few days, few amounts and few customers: ties everywhere
INSERT INTO ecom.orders
SELECT i,
       CASE WHEN shop_a.rnd(1, i, 50) > 0 THEN shop_a.rnd(2, i, 1 + shop_a.rnd(3, i, 400)) END,
       CASE WHEN shop_a.rnd(4, i, 50) > 0 THEN timestamptz '2023-10-20 00:00+00'
                 + shop_a.rnd(5, i, 60) * interval '1 day' + shop_a.rnd(6, i, 1440) * interval '1 minute' END,
       CASE WHEN shop_a.rnd(7, i, 20) > 0 THEN (shop_a.rnd(8, i, 40) - 6) * 12.25 END,
       (ARRAY['paid', 'shipped', 'cancelled', NULL])[1 + shop_a.rnd(9, i, 20) % 7 % 4]
  FROM generate_series(1, 4000) i;
-- and orders of the days to come
INSERT INTO ecom.orders VALUES
    (4001, 1, now() + interval '2 days', 10, 'paid'), (4002, 777, now() + interval '400 days', 10, 'paid'),
    (4003, 778, 'infinity', 10, 'paid');

BEGIN;
SELECT rfm_refresh() = (SELECT count(DISTINCT customer_id) FROM ecom.orders
                         WHERE status <> 'cancelled' AND created_at <= now()) AS every_customer;
SELECT shop_a.differences(shop_a.standing('ecom.customer_rfm_daily', (now() AT TIME ZONE 'UTC')::date),
                          shop_a.reference('ecom.orders', 'UTC', $$status <> 'cancelled'$$, (now() AT TIME ZONE 'UTC')::date));
COMMIT;

-- the model, and the table with its key
SELECT model, source, target, customer, ordered_at, amount, order_id, filter, method, buckets, time_zone, as_of,
       segment_rules, comment_rules, target_columns, keep_stale
  FROM rfm_model WHERE model = 'default' \gx
SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull AS "not null"
  FROM pg_attribute WHERE attrelid = 'ecom.customer_rfm_daily'::regclass AND attnum > 0 ORDER BY attnum;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'ecom.customer_rfm_daily'::regclass AND contype = 'p';

-- a fixed date
TRUNCATE ecom.customer_rfm_daily;
SELECT rfm_refresh('2023-12-10');
SELECT shop_a.differences(shop_a.standing('ecom.customer_rfm_daily', '2023-12-10'),
                          shop_a.reference('ecom.orders', 'UTC', $$status <> 'cancelled'$$, '2023-12-10'));
SELECT customer_id, recency_days AS days, frequency_orders AS orders, monetary_value AS money, r_score AS r, f_score AS f, m_score AS m,
       rfm_score AS sum, rfm_segment, comments
  FROM ecom.customer_rfm_daily WHERE customer_id <= 5 ORDER BY customer_id;
SELECT rfm_segment, count(*) FROM ecom.customer_rfm_daily GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT comments, count(*) FROM ecom.customer_rfm_daily GROUP BY 1 ORDER BY 2 DESC, 1;

--
-- Writing only what differs
--
CREATE TABLE shop_a.before AS
SELECT ctid AS old_ctid, xmin AS old_xmin, * FROM ecom.customer_rfm_daily;

-- the same again: no row is touched
SELECT rfm_refresh('2023-12-10');
SELECT inserted, updated, deleted, unchanged FROM rfm_run WHERE model = 'default' ORDER BY run_id DESC LIMIT 1;
SELECT count(*) AS rows,
       count(*) FILTER (WHERE t.ctid = old_ctid AND t.xmin = old_xmin AND t.updated_at = b.updated_at) AS untouched
  FROM ecom.customer_rfm_daily t JOIN shop_a.before b USING (run_date, customer_id);

-- a past date stays what it was, whatever comes later
INSERT INTO ecom.orders
SELECT 10000 + i, i, timestamptz '2023-12-11 00:00+00' + shop_a.rnd(10, i, 100000) * interval '1 second', 99, 'paid'
  FROM generate_series(1, 500) i;
SELECT rfm_refresh('2023-12-10');
SELECT count(*) AS rows, count(*) FILTER (WHERE t.ctid = old_ctid AND t.xmin = old_xmin) AS untouched
  FROM ecom.customer_rfm_daily t JOIN shop_a.before b USING (run_date, customer_id);

-- other days are other rows
SELECT rfm_refresh('2023-12-14') > 0 AS more, shop_a.differences(shop_a.standing('ecom.customer_rfm_daily', '2023-12-14'),
                          shop_a.reference('ecom.orders', 'UTC', $$status <> 'cancelled'$$, '2023-12-14'));
SELECT count(*) AS rows, count(*) FILTER (WHERE t.ctid = old_ctid AND t.xmin = old_xmin) AS untouched
  FROM ecom.customer_rfm_daily t JOIN shop_a.before b USING (run_date, customer_id);
DELETE FROM ecom.customer_rfm_daily WHERE run_date = '2023-12-14';

-- orders change: cancelled, moved, paid for more, new customers, customers gone
UPDATE ecom.orders SET status = 'cancelled' WHERE order_id % 97 = 3;
UPDATE ecom.orders SET total = total + 1 WHERE order_id % 101 = 5;
UPDATE ecom.orders SET created_at = created_at + interval '3 days' WHERE order_id % 103 = 7;
DELETE FROM ecom.orders WHERE customer_id IN (SELECT customer_id FROM shop_a.before ORDER BY customer_id LIMIT 7 OFFSET 10);
INSERT INTO ecom.orders VALUES (20001, -5, '2023-12-10 23:59:59.999999+00', 1, 'new'), (20002, 9001, '2023-11-11', 50, 'new'),
    (20003, 9002, '2023-12-11 00:00+00', 50, 'new'), (20004, 9003, '2023-11-11', 50, 'cancelled'), (20005, 9004, '2023-11-11', 50, NULL);
SELECT pg_sleep(0.01);
SELECT rfm_refresh('2023-12-10');
SELECT shop_a.differences(shop_a.standing('ecom.customer_rfm_daily', '2023-12-10'),
                          shop_a.reference('ecom.orders', 'UTC', $$status <> 'cancelled'$$, '2023-12-10'));
WITH pair AS (
    SELECT t IS NULL AS gone, b IS NULL AS new, t.updated_at, b.updated_at AS was_updated_at, t.created_at, b.created_at AS was_created_at,
           t.xmin = b.old_xmin AND t.ctid = b.old_ctid AS untouched,
           (t.recency_days, t.frequency_orders, t.monetary_value, t.r_score, t.f_score, t.m_score, t.rfm_score, t.rfm_segment, t.comments)
           IS DISTINCT FROM
           (b.recency_days, b.frequency_orders, b.monetary_value, b.r_score, b.f_score, b.m_score, b.rfm_score, b.rfm_segment, b.comments) AS differs
      FROM (SELECT xmin, ctid, * FROM ecom.customer_rfm_daily) t FULL JOIN shop_a.before b USING (run_date, customer_id))
SELECT count(*) FILTER (WHERE gone) AS gone, count(*) FILTER (WHERE new) AS new,
       count(*) FILTER (WHERE NOT gone AND NOT new AND differs) > 0 AS some_changed,
       count(*) FILTER (WHERE NOT gone AND NOT new AND NOT differs) > 0 AS some_did_not,
       count(*) FILTER (WHERE NOT gone AND NOT new AND differs <> (updated_at > was_updated_at)) AS updated_at_wrong,
       count(*) FILTER (WHERE NOT gone AND NOT new AND differs = untouched) AS touched_wrong,
       count(*) FILTER (WHERE created_at <> was_created_at) AS created_at_wrong,
       count(*) FILTER (WHERE new AND created_at <> updated_at) AS new_wrong
  FROM pair;
SELECT r.inserted + r.updated + r.unchanged = r.customers AS adds_up, r.inserted, r.deleted,
       r.customers = (SELECT count(*) FROM ecom.customer_rfm_daily) AS customers,
       r.orders = (SELECT count(*) FROM ecom.orders WHERE status <> 'cancelled' AND customer_id IS NOT NULL
                      AND created_at < '2023-12-11 00:00+00') AS orders
  FROM rfm_run r WHERE model = 'default' ORDER BY run_id DESC LIMIT 1;

-- the preview is what a refresh writes, and writes nothing
SELECT shop_a.differences('SELECT run_date, customer_id::int, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score,
                                  rfm_score, rfm_segment, comments FROM rfm_preview(''2023-11-20'')',
                          shop_a.reference('ecom.orders', 'UTC', $$status <> 'cancelled'$$, '2023-11-20'));
SELECT count(*) FROM ecom.customer_rfm_daily WHERE run_date = '2023-11-20';
SELECT rfm_refresh('2023-11-20') = (SELECT count(*) FROM rfm_preview('2023-11-20')) AS same;
SELECT shop_a.differences('SELECT * FROM rfm_preview(''2023-11-20'')',
    $$SELECT run_date, NULL::text, customer_id::text, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment,
             comments, concat(r_score, f_score, m_score), r_score * 100 + f_score * 10 + m_score
        FROM ecom.customer_rfm_daily WHERE run_date = '2023-11-20'$$);

-- nothing to count: a date before the first order, and a shop without orders
SELECT rfm_refresh('2000-01-01');
SELECT count(*) FROM rfm_preview('2000-01-01');
DELETE FROM ecom.orders;
SELECT rfm_refresh('2023-12-10');
SELECT run_date, count(*) FROM ecom.customer_rfm_daily GROUP BY 1 HAVING run_date <> '2023-11-20' AND run_date < '2024-01-01';
SELECT rfm_drop_model('default', drop_target => true);
DROP SCHEMA ecom CASCADE;

--
-- Every type of customer and amount, in several time zones; from here on less
-- where memory is watched, which takes a hundred times as long
--
\set lines `test -n "$RFM_SMALL" && echo 120 || echo 900`
\set changes `test -n "$RFM_SMALL" && echo 2 || echo 11`
\set orders `test -n "$RFM_SMALL" && echo 3000 || echo 30000`
CREATE TABLE shop_a.raw AS
SELECT i, shop_a.rnd(11, i, 1 + shop_a.rnd(12, i, 120)) AS c, shop_a.rnd(13, i, 30) = 0 AS no_customer,
       CASE WHEN shop_a.rnd(14, i, 40) > 0
            THEN timestamptz '2024-03-08 00:00+00' + shop_a.rnd(15, i, 6 * 96) * interval '15 minutes' END AS at,
       CASE WHEN shop_a.rnd(16, i, 15) > 0 THEN shop_a.rnd(17, i, 30) - 5 END AS a,
       CASE shop_a.rnd(18, i, 6) WHEN 0 THEN 'cancelled' WHEN 1 THEN NULL ELSE 'paid' END AS status
  FROM generate_series(1, :lines) i;

-- Makes a shop and a model of the given types, refreshes a few dates, drops
-- them again.  customer, amount and ordered_at are expressions over shop_a.raw.
CREATE FUNCTION shop_a.try(customer text, amount text, ordered_at text, zone text, dates date[],
                           lookback interval DEFAULT NULL, OUT customers bigint, OUT differences bigint)
LANGUAGE plpgsql AS
$$
DECLARE
    day date;
BEGIN
    EXECUTE format('CREATE TABLE shop_a.orders AS
                    SELECT CASE WHEN NOT no_customer THEN %s END AS customer_id, %s AS created_at, %s AS total, status FROM shop_a.raw',
                   customer, ordered_at, amount);
    PERFORM rfm_create_model('try', 'shop_a.orders', 'shop_a.result', filter => $f$status <> 'cancelled'$f$,
                             time_zone => zone, lookback => lookback);
    customers := 0;
    differences := 0;
    FOREACH day IN ARRAY dates LOOP
        customers := customers + rfm_refresh(day, 'try');
        differences := differences
            + shop_a.differences(shop_a.standing('shop_a.result', day),
                                 shop_a.reference('shop_a.orders', zone, $f$status <> 'cancelled'$f$, day, lookback))
            -- the preview gives customers as text and all money as numeric
            + shop_a.differences(format('SELECT customer_id::text COLLATE "C", r_score, f_score, m_score, monetary_value::float8
                                           FROM shop_a.result WHERE run_date = %L', day),
                                 format('SELECT customer_id COLLATE "C", r_score, f_score, m_score, monetary_value::float8
                                           FROM rfm_preview(%L, ''try'')', day));
    END LOOP;
    PERFORM rfm_drop_model('try', drop_target => true);
    DROP TABLE shop_a.orders;
END
$$;

-- as_uuid and as_text are far from the order of the numbers they are made from
CREATE FUNCTION shop_a.as_uuid(c int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(c::text)::uuid $$;
CREATE FUNCTION shop_a.as_text(c int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE c % 5 WHEN 0 THEN 'Zoë ' WHEN 1 THEN 'anna_' WHEN 2 THEN 'Anna-' WHEN 3 THEN 'ÄRGER' ELSE '' END || c $$;
CREATE DOMAIN shop_a.member AS bigint CHECK (VALUE >= 0);

SELECT customer, amount, (shop_a.try(customer, amount, 'at', zone, '{2024-03-09,2024-03-11,2024-03-20}')).*
  FROM unnest(ARRAY['c::smallint', 'c - 60', 'c::bigint * 40000000000', 'shop_a.as_uuid(c)', 'shop_a.as_text(c)', 'shop_a.as_text(c)::varchar(20)',
                    'shop_a.as_text(c)::char(20)', 'shop_a.as_text(c) COLLATE "C"', '(c % 40 / 7.0)::numeric(8,2)', '(c / 2.0)::float8',
                    'c::shop_a.member', 'at::date', '(c > 60)', 'ARRAY[c % 7, c]'])
       WITH ORDINALITY AS x(customer, nr),
       LATERAL (VALUES ('a::numeric(12,2) * 1.25', 'America/New_York')) AS y(amount, zone)
 ORDER BY nr;

-- equal numbers of different scale are one customer
SELECT customer, (shop_a.try(customer, 'a', 'at', 'UTC', '{2024-03-11}')).*
  FROM (VALUES ('round((c % 50)::numeric, i % 4)')) AS x(customer);

SELECT amount, (shop_a.try('c', amount, 'at', 'Asia/Kolkata', '{2024-03-09,2024-03-11,2024-03-20}')).*
  FROM unnest(ARRAY['a', 'a::smallint', 'a * 100000000000', 'a::numeric(12,2) / 4', 'round(a / 7.0, c % 9)', 'a::numeric / 3', 'round(a::numeric, 1)',
                    'a * 0.25::float8', 'a * 0.25::float4', 'CASE WHEN i % 9 = 0 THEN a * 1e20 ELSE a * 1e-9 END',
                    'a * 9000000000000000000::numeric', '9223372036854775807 - (a + 5)', '-9223372036854775807 - 1 + (a + 5)', 'a * 92233720368547758.07',
                    'CASE WHEN c < 5 THEN 1e60 * a ELSE a END', 'NULL::numeric'])
       WITH ORDINALITY AS x(amount, nr)
 ORDER BY nr;

-- times: the local date is the model's time zone's only where the column has one
SELECT ordered_at, zone, (shop_a.try('c', 'a::numeric', ordered_at, zone, '{2024-03-09,2024-03-10,2024-03-11,2024-03-20}', lookback)).*
  FROM unnest(ARRAY['at', 'at AT TIME ZONE ''UTC''', '(at AT TIME ZONE ''UTC'')::date']) WITH ORDINALITY AS x(ordered_at, nr),
       unnest(ARRAY['UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Kiritimati']) WITH ORDINALITY AS z(zone, z_nr),
       unnest(ARRAY[NULL, '2 days', '1 day 12 hours']::interval[]) WITH ORDINALITY AS l(lookback, l_nr)
 WHERE ordered_at = 'at' OR zone = 'America/New_York'
 ORDER BY nr, z_nr, l_nr;

-- the session's time zone does not matter
SET timezone = 'Asia/Tokyo';
SELECT (shop_a.try('c', 'a', 'at', 'America/New_York', '{2024-03-09,2024-03-10,2024-03-11}')).*;
RESET timezone;

-- a nondeterministic collation, where there is ICU: customers that differ in
-- case only are one
DO $$
DECLARE
    d bigint := 0;
    n bigint := 14;
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AND getdatabaseencoding() = 'UTF8' THEN
        CREATE COLLATION shop_a.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE shop_a.people (customer_id text COLLATE shop_a.any_case, created_at date, total int);
        INSERT INTO shop_a.people
        SELECT CASE i % 3 WHEN 0 THEN upper(name) WHEN 1 THEN name ELSE initcap(name) END, date '2024-01-01' + i % 9, i % 11
          FROM generate_series(1, 200) i, LATERAL (SELECT (ARRAY['anna', 'zoë', 'bert', 'émile', 'straße', 'noël', 'otto'])[1 + shop_a.rnd(20, i, 7)]
                                                          || CASE WHEN i % 5 = 0 THEN ' b.' ELSE '' END) AS x(name);
        PERFORM rfm_create_model('people', 'shop_a.people', 'shop_a.people_rfm');
        n := rfm_refresh('2024-01-08', 'people');
        d := shop_a.differences(shop_a.standing('shop_a.people_rfm', '2024-01-08'),
                                shop_a.reference('shop_a.people', 'UTC', NULL, '2024-01-08'));
        PERFORM rfm_refresh('2024-01-08', 'people');
        SELECT d + r.inserted + r.updated + r.deleted INTO d FROM rfm_run r WHERE r.model = 'people' ORDER BY r.run_id DESC LIMIT 1;
        PERFORM rfm_drop_model('people', true);
        DROP TABLE shop_a.people;
    END IF;
    RAISE WARNING '% customers, % differences', n, d;
END
$$;

-- a deterministic one whose order is not that of the bytes: B comes after a
DO $$
DECLARE
    d bigint := 0;
    n bigint := 400;
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AND getdatabaseencoding() = 'UTF8' THEN
        CREATE COLLATION shop_a.words (provider = icu, locale = 'und');
        CREATE TABLE shop_a.people (customer_id text COLLATE shop_a.words, created_at date, total int);
        INSERT INTO shop_a.people
        SELECT 'id-' || CASE i % 2 WHEN 0 THEN chr(65 + i / 2 % 26) ELSE chr(97 + i / 2 % 26) END || i % 100, date '2024-01-01' + i % 7, i % 5
          FROM generate_series(1, 400) i;
        PERFORM rfm_create_model('people', 'shop_a.people', 'shop_a.people_rfm');
        n := rfm_refresh('2024-01-08', 'people');
        d := shop_a.differences(shop_a.standing('shop_a.people_rfm', '2024-01-08'),
                                shop_a.reference('shop_a.people', 'UTC', NULL, '2024-01-08'));
        PERFORM rfm_refresh('2024-01-08', 'people');
        SELECT d + r.inserted + r.updated + r.deleted INTO d FROM rfm_run r WHERE r.model = 'people' ORDER BY r.run_id DESC LIMIT 1;
        PERFORM rfm_drop_model('people', true);
        DROP TABLE shop_a.people;
    END IF;
    RAISE WARNING '% customers, % differences', n, d;
END
$$;

--
-- Days whose midnight is moved, missing or there twice: one customer a minute,
-- from 30 hours before a change of the clock until 30 hours after it
--
CREATE FUNCTION shop_a.clock_change(zone text, change timestamptz, OUT customers bigint, OUT differences bigint)
LANGUAGE plpgsql AS
$$
DECLARE
    day date;
    days int;
BEGIN
    CREATE TABLE shop_a.minutes AS
    SELECT 3000 + m AS customer_id, change + (m + s) * interval '1 minute' AS created_at, 1 AS total
      FROM generate_series(-1800, 1800, 5) m, unnest(ARRAY[0, -1/60e6, 0.5]) s;
    PERFORM rfm_create_model('clock', 'shop_a.minutes', 'shop_a.result', time_zone => zone);
    customers := 0;
    differences := 0;
    FOR days IN -2 .. 2 LOOP
        day := (change AT TIME ZONE zone)::date + days;
        FOR lb IN 0 .. 2 LOOP
            UPDATE rfm_model SET lookback = CASE WHEN lb > 0 THEN lb * interval '1 day' END WHERE model = 'clock';
            customers := customers + rfm_refresh(day, 'clock');
            differences := differences
                + shop_a.differences(shop_a.standing('shop_a.result', day),
                                     shop_a.reference('shop_a.minutes', zone, NULL, day, CASE WHEN lb > 0 THEN lb * interval '1 day' END));
        END LOOP;
    END LOOP;
    PERFORM rfm_drop_model('clock', drop_target => true);
    DROP TABLE shop_a.minutes;
END
$$;

SELECT what, zone, (shop_a.clock_change(zone, change)).differences
  FROM (VALUES (1, 'no midnight', 'America/Sao_Paulo', timestamptz '2018-11-04 03:00+00'),
               (2, 'two midnights', 'America/Sao_Paulo', '2018-02-18 02:00+00'),
               (3, 'no midnight', 'Asia/Beirut', '2022-03-26 22:00+00'),
               (4, 'two midnights', 'Asia/Beirut', '2022-10-29 21:00+00'),
               (5, 'no midnight', 'America/Havana', '2021-03-14 05:00+00'),
               (6, '1:00 becomes midnight', 'America/Havana', '2021-11-07 05:00+00'),
               (7, '0:01 becomes 23:01', 'America/St_Johns', '2010-11-07 02:31+00'),
               (8, '0:01 becomes 1:01', 'America/St_Johns', '2010-03-14 03:31+00'),
               (9, 'a day is missing', 'Pacific/Apia', '2011-12-30 10:00+00'),
               (10, 'a day is there twice', 'America/Juneau', '1867-10-18 23:57:41+00'),
               (11, 'at 2 o''clock', 'Europe/Berlin', '2024-03-31 01:00+00')) AS v(nr, what, zone, change)
 ORDER BY nr LIMIT :changes;

--
-- Floating-point amounts: the exact sum, rounded once
--
CREATE TABLE shop_a.floats (customer_id text, created_at date DEFAULT '2024-01-01', total float8);
-- every order of the same amounts
CREATE FUNCTION shop_a.permutations(float8[]) RETURNS SETOF float8[] LANGUAGE sql AS
$$ WITH RECURSIVE p AS (
       SELECT ARRAY[]::int[] AS used, ARRAY[]::float8[] AS v
       UNION ALL
       SELECT used || i, v || $1[i] FROM p, generate_subscripts($1, 1) i WHERE i <> ALL (used))
   SELECT v FROM p WHERE cardinality(v) = cardinality($1) $$;
CREATE TABLE shop_a.mixes AS
SELECT * FROM (VALUES
    ('tenths',   '{0.1,0.1,0.1,0.3,-0.3}'::float8[], 0.30000000000000004::float8),
    ('ones',     '{1e16,1,1,-1e16}', 2),
    ('huge',     '{1e308,1,1e-300,-1e308}', 1),
    ('tiny',     '{1e308,5e-324,5e-324,-1e308}', 1e-323),
    ('half',     '{9007199254740992,1,-9007199254740992,1e-20}', 1),
    ('round up', '{9007199254740992,1,1e-20}', 9007199254740994),
    ('even',     '{9007199254740992,1}', 9007199254740992),
    ('down',     '{9007199254740992,1,-1e-20}', 9007199254740992),
    ('cancel',   '{1e100,1,-1e100,-1,3}', 3),
    ('zero',     '{0.1,0.2,-0.1,-0.2}', 0),
    ('past end', '{1.7e308,1.7e308,1.7e308,-1.7e308,-1.7e308}', 1.7e308),
    ('both',     '{1.7e308,1.7e308,-1.7e308,-1.7e308,5e-324}', 5e-324),
    ('largest',  '{1.7976931348623157e308,9.9e291,1e308,-1e308}', 1.7976931348623157e308)) AS v(name, amounts, sum);
INSERT INTO shop_a.floats (customer_id, total)
SELECT name || '/' || nr, unnest(v) FROM shop_a.mixes, shop_a.permutations(amounts) WITH ORDINALITY AS p(v, nr);
INSERT INTO shop_a.floats (customer_id, total) SELECT 'ten', 0.1 FROM generate_series(1, 10);
SELECT rfm_create_model('floats', 'shop_a.floats', 'shop_a.floats_rfm');
SELECT rfm_refresh('2024-01-01', 'floats') = (SELECT count(DISTINCT customer_id) FROM shop_a.floats) AS all;
SELECT monetary_value = 1 AS "ten times 0.1 is 1" FROM shop_a.floats_rfm WHERE customer_id = 'ten';
SELECT name, count(*) AS customers, count(*) FILTER (WHERE monetary_value IS DISTINCT FROM sum) AS wrong, min(monetary_value), max(monetary_value)
  FROM shop_a.mixes LEFT JOIN shop_a.floats_rfm ON split_part(customer_id, '/', 1) = name
 GROUP BY name ORDER BY name;
SET rfm.grouped_reading = on;
SELECT rfm_refresh('2024-01-01', 'floats') > 0 AS again;
RESET rfm.grouped_reading;
SELECT reading, inserted, updated, deleted FROM rfm_run WHERE model = 'floats' ORDER BY run_id DESC LIMIT 1;

-- what cannot be summed is an error that names the customer
INSERT INTO shop_a.floats (customer_id, total) VALUES ('too much', 1.7e308), ('too much', 1.7e308);
SELECT rfm_refresh('2024-01-01', 'floats');
SET rfm.grouped_reading = on;
SELECT rfm_refresh('2024-01-01', 'floats');
RESET rfm.grouped_reading;
UPDATE shop_a.floats SET customer_id = 'not a number', total = 'nan' WHERE customer_id = 'too much';
SELECT rfm_refresh('2024-01-01', 'floats');
UPDATE shop_a.floats SET customer_id = 'endless', total = '-infinity' WHERE customer_id = 'not a number';
SELECT rfm_refresh('2024-01-01', 'floats');
DELETE FROM shop_a.floats WHERE customer_id = 'endless';
SELECT rfm_drop_model('floats', true);
ALTER TABLE shop_a.floats ALTER total TYPE numeric;
INSERT INTO shop_a.floats (customer_id, total) VALUES ('no number', 'nan');
SELECT rfm_create_model('floats', 'shop_a.floats', 'shop_a.floats_rfm');
SELECT rfm_refresh('2024-01-01', 'floats');
UPDATE shop_a.floats SET created_at = '-infinity', total = 1 WHERE customer_id = 'no number';
SELECT rfm_refresh('2024-01-01', 'floats');
-- after the run date anything may stand
UPDATE shop_a.floats SET created_at = '2024-01-02', total = 'nan' WHERE customer_id = 'no number';
SELECT rfm_refresh('2024-01-01', 'floats') > 0 AS done;
-- the first day of the calendar, and a far one
UPDATE shop_a.floats SET created_at = '4713-01-01 BC', total = 0 WHERE customer_id = 'no number';
SELECT rfm_refresh('2024-01-01', 'floats') > 0 AS done;
SELECT customer_id, recency_days FROM shop_a.floats_rfm WHERE recency_days > 0;
SELECT rfm_drop_model('floats', true);

--
-- Parallel workers give what one process gives
--
CREATE TABLE shop_a.big AS
SELECT shop_a.rnd(31, i, 3000) AS customer_id, shop_a.as_text(shop_a.rnd(31, i, 3000)) AS name,
       timestamptz '2024-01-01 00:00+00' + shop_a.rnd(32, i, 200000) * interval '37 seconds' AS created_at,
       shop_a.rnd(33, i, 1000) / 100.0 AS total, (shop_a.rnd(34, i, 1000) - 300) * 0.1::float8 AS real_total,
       CASE WHEN shop_a.rnd(33, i, 1000) = 0 THEN 9e18 ELSE shop_a.rnd(33, i, 1000) / 7.0 END AS wide_total,
       0::numeric(30,20) AS no_total, shop_a.rnd(35, i, 15000) AS order_id
  FROM generate_series(1, :orders) i;
ALTER TABLE shop_a.big SET (parallel_workers = 3);
ANALYZE shop_a.big;
SELECT rfm_create_model('int', 'shop_a.big', 'shop_a.r1', time_zone => 'Asia/Kolkata');
SELECT rfm_create_model('text', 'shop_a.big', 'shop_a.r2', customer => 'name', amount => 'real_total');
SELECT rfm_create_model('wide', 'shop_a.big', 'shop_a.r3', amount => 'wide_total', order_id => 'order_id');
SELECT rfm_create_model('zero', 'shop_a.big', 'shop_a.r4', amount => 'no_total');
CREATE FUNCTION shop_a.serial_and_parallel() RETURNS TABLE (model text, customers bigint, differences bigint) LANGUAGE plpgsql AS
$$
BEGIN
    FOREACH model IN ARRAY '{int,text,wide,zero}'::text[] LOOP
        PERFORM set_config('max_parallel_workers_per_gather', '0', false);
        customers := rfm_refresh('2024-02-20', model);
        EXECUTE format('CREATE TABLE shop_a.serial AS SELECT * FROM rfm_preview(''2024-02-20'', %L)', model);
        PERFORM set_config('max_parallel_workers_per_gather', '3', false);
        differences := shop_a.differences('TABLE shop_a.serial', format('SELECT * FROM rfm_preview(''2024-02-20'', %L)', model));
        PERFORM rfm_refresh('2024-02-20', model);
        SELECT differences + r.inserted + r.updated + r.deleted INTO differences
          FROM rfm_run r WHERE r.model = serial_and_parallel.model ORDER BY r.run_id DESC LIMIT 1;
        DROP TABLE shop_a.serial;
        RETURN NEXT;
    END LOOP;
END
$$;
SET rfm.max_workers = 8;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT * FROM shop_a.serial_and_parallel();
SET parallel_leader_participation = off;
SELECT * FROM shop_a.serial_and_parallel();
SELECT shop_a.differences(shop_a.standing('shop_a.r1', '2024-02-20'), shop_a.reference('shop_a.big', 'Asia/Kolkata', NULL, '2024-02-20'));

-- and there were workers: rows that only they let through.  Where other
-- sessions have all of them, ask again.
CREATE FUNCTION shop_a.in_worker(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
$$ BEGIN RETURN pg_backend_pid() <> current_setting('shop_a.leader')::int; END $$;
UPDATE rfm_model SET filter = 'shop_a.in_worker(customer_id)' WHERE model = 'int';
SELECT set_config('shop_a.leader', pg_backend_pid()::text, false) <> '' AS set;
DO $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        EXIT WHEN (SELECT count(*) FROM rfm_preview('2024-02-20', 'int')) > 0;
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
SELECT count(*) AS workers_saw FROM rfm_preview('2024-02-20', 'int');
SET max_parallel_workers_per_gather = 0;
SELECT count(*) AS workers_saw FROM rfm_preview('2024-02-20', 'int');
RESET max_parallel_workers_per_gather;
RESET parallel_leader_participation;
SELECT rfm_drop_model(model, true) FROM rfm_model WHERE model IN ('int', 'text', 'wide', 'zero');

--
-- Partitioned tables (one partition with its columns in another order), views, materialized views
--
CREATE TABLE shop_a.parts (customer_id int, created_at timestamptz, total numeric, status text) PARTITION BY RANGE (created_at);
CREATE TABLE shop_a.parts_old PARTITION OF shop_a.parts FOR VALUES FROM (MINVALUE) TO ('2024-01-20');
CREATE TABLE shop_a.parts_mid (status text, gone int, total numeric, created_at timestamptz, customer_id int);
ALTER TABLE shop_a.parts_mid DROP gone;
ALTER TABLE shop_a.parts ATTACH PARTITION shop_a.parts_mid FOR VALUES FROM ('2024-01-20') TO ('2024-02-10');
CREATE TABLE shop_a.parts_new PARTITION OF shop_a.parts FOR VALUES FROM ('2024-02-10') TO (MAXVALUE);
INSERT INTO shop_a.parts SELECT customer_id % 300, created_at, total, CASE WHEN order_id % 6 > 0 THEN 'paid' ELSE 'cancelled' END FROM shop_a.big WHERE order_id < 3000;
ANALYZE shop_a.parts;
CREATE VIEW shop_a.orders_view AS
    SELECT customer_id + 1 AS customer_id, created_at, sum(total) AS total, max(status) AS status FROM shop_a.parts GROUP BY 1, 2;
CREATE MATERIALIZED VIEW shop_a.orders_matview AS SELECT * FROM shop_a.parts WHERE customer_id % 3 = 0;
SELECT source, rfm_create_model(source, source::regclass, 'shop_a.result_' || nr, filter => $$status <> 'cancelled'$$, time_zone => 'America/New_York')
  FROM unnest(ARRAY['shop_a.parts', 'shop_a.orders_view', 'shop_a.orders_matview']) WITH ORDINALITY AS x(source, nr);
SELECT source, day, rfm_refresh(day, source) AS customers,
       shop_a.differences(shop_a.standing('shop_a.result_' || nr, day), shop_a.reference(source::regclass, 'America/New_York', $$status <> 'cancelled'$$, day))
  FROM unnest(ARRAY['shop_a.parts', 'shop_a.orders_view', 'shop_a.orders_matview']) WITH ORDINALITY AS x(source, nr),
       unnest(ARRAY['2024-01-25', '2024-03-01']::date[]) day
 ORDER BY nr, day;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- of a table that others inherit from, their rows count too, as in any query
CREATE TABLE shop_a.parent (customer_id int, created_at date, total int);
CREATE TABLE shop_a.child (extra text) INHERITS (shop_a.parent);
INSERT INTO shop_a.parent SELECT i % 9, date '2024-01-01' + i % 4, i FROM generate_series(1, 30) i;
INSERT INTO shop_a.child SELECT i % 11, date '2024-01-01' + i % 5, i FROM generate_series(1, 30) i;
SELECT rfm_create_model('heirs', 'shop_a.parent', 'shop_a.heirs_rfm');
SELECT rfm_refresh('2024-01-04', 'heirs'),
       shop_a.differences(shop_a.standing('shop_a.heirs_rfm', '2024-01-04'), shop_a.reference('shop_a.parent', 'UTC', NULL, '2024-01-04'));

SELECT rfm_drop_model(model, true) FROM rfm_model WHERE model LIKE 'shop\_a.%' OR model = 'heirs';
DROP SCHEMA shop_a CASCADE;
RESET datestyle;
RESET client_min_messages;

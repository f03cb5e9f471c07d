-- A made-up shop for demo.sh: ecom.orders over the two years before end_date (default: today), the same for the same settings.
--
--   psql -v orders=200000 -v customers=20000 -v seed=1 [-v end_date=2025-01-31] -f demo_shop.sql
--
-- Every draw is a hash of the seed, of a stream (what is drawn) and of a number (for whom), so no draw depends on the
-- order in which rows are made.

\set ON_ERROR_STOP on
\if :{?end_date}
\else
SELECT (now() AT TIME ZONE 'UTC')::date AS end_date \gset
\endif
\set days 730

CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (
    order_id    bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    total       numeric(12,2),
    status      text NOT NULL
);

-- uniform in [0, 1)
CREATE FUNCTION pg_temp.u(seed bigint, stream int, id bigint) RETURNS float8 IMMUTABLE LANGUAGE sql AS
$$ SELECT ((hashint8extended(id, seed * 1000 + stream) >> 11) & 9007199254740991)::float8 / 9007199254740992 $$;

-- standard normal
CREATE FUNCTION pg_temp.z(seed bigint, stream int, id bigint) RETURNS float8 IMMUTABLE LANGUAGE sql AS
$$ SELECT sqrt(-2 * ln(1 - pg_temp.u(seed, stream, id))) * cos(2 * pi() * pg_temp.u(seed, stream + 500, id)) $$;

-- How busy the shop is, day by day: it grows, weekends and Mondays are stronger, summers weaker, the weeks before
-- Christmas and the days around Black Friday strongest. The sums up to each day turn an even draw into a day.
CREATE TEMP TABLE calendar AS
WITH busy AS (
    SELECT n, (0.7 + 0.6 * n / :days)
              * (ARRAY[1.10, 0.95, 0.92, 0.95, 0.98, 1.02, 1.18])[extract(isodow FROM d)::int]
              * CASE WHEN extract(month FROM d) = 12 AND extract(day FROM d) <= 20 THEN 1.9
                     WHEN extract(month FROM d) = 12 THEN 0.7
                     WHEN extract(month FROM d) = 11 AND extract(day FROM d) BETWEEN 22 AND 30 THEN 2.2
                     WHEN extract(month FROM d) = 11 THEN 1.25
                     WHEN extract(month FROM d) = 1 THEN 0.8
                     WHEN extract(month FROM d) IN (7, 8) THEN 0.85
                     ELSE 1 END AS weight
    FROM generate_series(0, :days - 1) AS n, LATERAL (SELECT :'end_date'::date - :days + n AS d) AS day
), upto AS (
    SELECT n, sum(weight) OVER (ORDER BY n) - weight AS before, sum(weight) OVER (ORDER BY n) AS after FROM busy
)
SELECT array_agg(before::float8 ORDER BY n) AS before, max(after)::float8 AS total FROM upto;

CREATE TEMP TABLE clock AS
WITH upto AS (
    SELECT h, sum(weight) OVER (ORDER BY h) - weight AS before, sum(weight) OVER () AS total
    FROM unnest(ARRAY[8, 4, 2, 1, 1, 3, 8, 16, 26, 36, 44, 48, 52, 48, 44, 42, 44, 50, 60, 72, 78, 68, 42, 20])
         WITH ORDINALITY AS hours(weight, h)
)
SELECT array_agg(before / total::float8 ORDER BY h) AS before FROM upto;

-- Who buys: a fifth was there before the window, the others join through it, in the order of their ids. A third buys
-- once; the rest stay for a while, some for good, and how much they buy has a long tail.
CREATE TEMP TABLE customer AS
WITH drawn AS (
    SELECT id, pg_temp.u(:seed, 1, id) < 0.33 AS once,
           greatest(0, -0.25 + 1.25 * (id - pg_temp.u(:seed, 2, id)) / :customers) * :days AS joined,
           CASE WHEN pg_temp.u(:seed, 3, id) < 0.2 THEN :days ELSE -240 * ln(1 - pg_temp.u(:seed, 4, id)) END AS stays,
           least(5, exp(0.9 * pg_temp.z(:seed, 5, id))) AS eager,
           3.7 + 0.55 * pg_temp.z(:seed, 6, id) AS basket
    FROM generate_series(1::bigint, :customers) AS id
), dated AS (
    SELECT id, basket, joined, CASE WHEN once THEN joined ELSE least(:days, joined + stays) END AS leaves,
           CASE WHEN once THEN 1e-9 ELSE eager * (least(:days, joined + stays) - joined + 10) END AS weight
    FROM drawn
), shared AS (
    SELECT id, basket, joined, leaves, weight, sum(weight) OVER (ORDER BY id) AS upto, sum(weight) OVER () AS total FROM dated
)
-- everyone has one order; the others are dealt out by weight, to the last one
SELECT id, basket, joined,
       CASE WHEN joined = 0 AND leaves = 0 THEN pg_temp.u(:seed, 7, id) * :days ELSE leaves END AS leaves,
       1 + round((:orders - :customers) * upto / total)::int - round((:orders - :customers) * (upto - weight) / total)::int AS orders
FROM shared;

INSERT INTO ecom.orders
WITH drawn AS (
    SELECT c.id, c.basket, k, id * 1000000 + k AS draw,
           -- the first order is the one a customer joins with
           CASE WHEN k = 1 AND c.joined > 0 THEN c.joined
                ELSE width_bucket(a.at + (b.at - a.at) * pg_temp.u(:seed, 11, id * 1000000 + k), calendar.before) - 1
                     + pg_temp.u(:seed, 12, id * 1000000 + k) END AS day
    FROM customer AS c, calendar, generate_series(1, c.orders) AS k,
         LATERAL (SELECT before[1 + least(:days - 1, floor(c.joined)::int)] AS at) AS a,
         LATERAL (SELECT coalesce(before[2 + floor(c.leaves)::int], total) AS at) AS b
), priced AS (
    SELECT id, k, draw,
           (:'end_date'::date - :days + least(:days - 1, floor(day)::int))::timestamp AT TIME ZONE 'UTC'
           + interval '1 hour' * (width_bucket(pg_temp.u(:seed, 13, draw), clock.before) - 1)
           + interval '1 second' * floor(3600 * pg_temp.u(:seed, 14, draw)) AS created_at,
           round(greatest(2.5, exp(basket + 0.5 * pg_temp.z(:seed, 15, draw)))::numeric, 2) AS total,
           pg_temp.u(:seed, 16, draw) AS fate
    FROM drawn, clock
)
SELECT row_number() OVER (ORDER BY created_at, id, k), id, created_at,
       CASE WHEN k > 1 AND fate BETWEEN 0.04 AND 0.055
            THEN round(-total * (0.2 + 0.8 * pg_temp.u(:seed, 17, draw))::numeric, 2) ELSE total END,
       CASE WHEN fate < 0.04 THEN 'cancelled' WHEN k > 1 AND fate <= 0.055 THEN 'returned' ELSE 'completed' END
FROM priced
ORDER BY 1;

CREATE INDEX ON ecom.orders (customer_id);
DROP TABLE customer, calendar, clock;
ANALYZE ecom.orders;

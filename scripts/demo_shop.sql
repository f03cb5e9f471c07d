-- A made-up shop for demo.sh: ecom.orders over the two years before end_date (default: today), the same for the same settings.
--
--   psql -v orders=100000 -v customers=20000 -v seed=1 [-v end_date=2025-01-31] -f demo_shop.sql
--
-- Customers buy, lapse and return as those of two real shops do.  Half of them are fitted to the sample of CDNOW, 2,357
-- customers in 545 days, half to the invoices of the UCI Online Retail data, 4,338 customers in 373 days, by the maximum
-- likelihood of the Pareto/NBD model with the days on which they ordered: everyone orders at a rate of their own, and is lost
-- at a rate of their own.
--
--               rate of orders a day    rate of loss a day      log-likelihood (with all four parameters free)
--   CDNOW       gamma(1/2) / 80.64      gamma(1/2) / 121.06     -25580.5 (-25579.1)
--   invoices    gamma(1) / 83.16        none                    -61840.6 (-61823.6)
--
-- Five orders per customer, the default of demo.sh, are about what these rates give over the two years; for other numbers
-- the rates of orders are multiplied.  What comes out, in as many days as the real shops cover:
--
--                                           545 days: CDNOW   here    373 days: invoices   here
--   customers who ordered on several days              48 %   56 %                  64 %   52 %
--   days between two orders, median                      34     30                    28     28
--   180 days without an order, then one                21 %   27 %                  34 %   19 %
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
SELECT n, before::float8, after::float8 FROM upto;

CREATE TEMP TABLE clock AS
WITH upto AS (
    SELECT h, sum(weight) OVER (ORDER BY h) - weight AS before, sum(weight) OVER () AS total
    FROM unnest(ARRAY[8, 4, 2, 1, 1, 3, 8, 16, 26, 36, 44, 48, 52, 48, 44, 42, 44, 50, 60, 72, 78, 68, 42, 20])
         WITH ORDINALITY AS hours(weight, h)
)
SELECT array_agg(before / total::float8 ORDER BY h) AS before FROM upto;

-- Who buys: a fifth was there before the window, for half a year at most; the others join through it, in the order of
-- their ids.  Of a gamma(1/2), which is half the square of a normal, who is not lost at the age of n days has 121.06 + n.
CREATE TEMP TABLE customer AS
WITH drawn AS (
    SELECT id, pg_temp.u(:seed, 1, id) < 0.5 AS may_be_lost,
           (-0.25 + 1.25 * (id - pg_temp.u(:seed, 2, id)) / :customers) * :days AS came,
           pg_temp.z(:seed, 3, id) ^ 2 / 2 AS loss, -ln(1 - pg_temp.u(:seed, 4, id)) AS life,
           CASE WHEN pg_temp.u(:seed, 1, id) < 0.5 THEN pg_temp.z(:seed, 5, id) ^ 2 / 2 / 80.64
                ELSE -ln(1 - pg_temp.u(:seed, 5, id)) / 83.16 END AS rate,
           3.7 + 0.55 * pg_temp.z(:seed, 6, id) AS basket
    FROM generate_series(1::bigint, :customers) AS id
), dated AS (
    SELECT id, basket, rate, came < 0 AS was_there, greatest(0, came) AS joined,
           CASE WHEN may_be_lost THEN least(:days, greatest(0, came) + life / greatest(loss, 1e-9) * (121.06 + greatest(0, -came)))
                ELSE :days END AS leaves
    FROM drawn
)
SELECT id, basket, was_there, joined, leaves, sum(rate * (leaves - joined)) OVER (ORDER BY id) AS upto FROM dated;

-- Everyone has one order, numbered as they are, the one they join with; the others are dealt out by what the rates make
-- them expect.
INSERT INTO ecom.orders
WITH days AS (
    SELECT array_agg(before ORDER BY n) AS before, max(after) AS total FROM calendar
), shares AS (
    SELECT array_agg(upto ORDER BY id) AS upto, max(upto) AS total FROM customer
), dealt AS (
    SELECT id, id AS draw FROM customer
    UNION ALL
    SELECT 1 + width_bucket(pg_temp.u(:seed, 7, draw) * shares.total, shares.upto), draw
    FROM generate_series(:customers + 1::bigint, :orders) AS draw, shares
), drawn AS (
    SELECT c.id, c.basket, draw, draw > :customers AS later,
           CASE WHEN draw <= :customers AND NOT c.was_there THEN c.joined
                ELSE width_bucket(a.at + (b.at - a.at) * pg_temp.u(:seed, 11, draw), days.before) - 1
                     + pg_temp.u(:seed, 12, draw) END AS day
    FROM dealt JOIN customer AS c USING (id), days,
         LATERAL (SELECT before[1 + least(:days - 1, floor(c.joined)::int)] AS at) AS a,
         LATERAL (SELECT coalesce(before[2 + floor(c.leaves)::int], days.total) AS at) AS b
), priced AS (
    SELECT id, draw, later,
           (:'end_date'::date - :days + least(:days - 1, floor(day)::int))::timestamp AT TIME ZONE 'UTC'
           + interval '1 hour' * (width_bucket(pg_temp.u(:seed, 13, draw), clock.before) - 1)
           + interval '1 second' * floor(3600 * pg_temp.u(:seed, 14, draw)) AS created_at,
           round(greatest(2.5, exp(basket + 0.5 * pg_temp.z(:seed, 15, draw)))::numeric, 2) AS total,
           pg_temp.u(:seed, 16, draw) AS fate
    FROM drawn, clock
)
SELECT row_number() OVER (ORDER BY created_at, id, draw), id, created_at,
       CASE WHEN later AND fate BETWEEN 0.04 AND 0.055
            THEN round(-total * (0.2 + 0.8 * pg_temp.u(:seed, 17, draw))::numeric, 2) ELSE total END,
       CASE WHEN fate < 0.04 THEN 'cancelled' WHEN later AND fate <= 0.055 THEN 'returned' ELSE 'completed' END
FROM priced
ORDER BY 1;

CREATE INDEX ON ecom.orders (customer_id);
DROP TABLE customer, calendar, clock;
ANALYZE ecom.orders;

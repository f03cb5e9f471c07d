-- these tests change targets in ways that a view of them would forbid
SET rfm.latest_view = off;
--
-- Every method against a reference in plain SQL, written from design.md,
-- section 3, over thousands of small random shops with many ties.
--
\set SHOW_CONTEXT never
\pset null -
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA methods;

--
-- First by hand: seven customers, frequencies 1 1 2 3 3 3 8, recencies 4 4 4 1 1 1 0
--
CREATE TABLE methods.hand (customer_id int, created_at date, total int DEFAULT 1);
INSERT INTO methods.hand (customer_id, created_at)
SELECT c, date '2024-01-10' - c * c % 5 FROM (VALUES (1, 3), (2, 1), (3, 8), (4, 3), (5, 2), (6, 1), (7, 3)) AS v(c, orders), generate_series(1, orders);
SELECT rfm_create_model('hand', 'methods.hand', 'methods.hand_rfm', buckets => '{2,3,3}', segment_rules => NULL, comment_rules => NULL);
CREATE FUNCTION methods.show(new_method text, breaks numeric[] DEFAULT NULL) RETURNS TABLE (metric text, scores text, cut_points text, lowest text, highest text)
LANGUAGE plpgsql AS
$$
BEGIN
    UPDATE rfm_model SET method = new_method, r_breaks = CASE WHEN breaks IS NOT NULL THEN ARRAY[breaks[1] - 1] END, f_breaks = breaks, m_breaks = breaks WHERE model = 'hand';
    PERFORM rfm_refresh('2024-01-10', 'hand');
    RETURN QUERY
        SELECT v.metric, v.scores, string_agg(coalesce(trim_scale(round(c.cut_point, 4))::text, '-'), ' ' ORDER BY c.score),
               string_agg(coalesce(c.lowest::text, '-'), ' ' ORDER BY c.score), string_agg(coalesce(c.highest::text, '-'), ' ' ORDER BY c.score)
          FROM (SELECT 'recency_days' AS metric, string_agg(r_score::text, ' ' ORDER BY recency_days DESC, customer_id) AS scores FROM methods.hand_rfm
                UNION ALL
                SELECT 'frequency_orders', string_agg(f_score::text, ' ' ORDER BY frequency_orders, customer_id) FROM methods.hand_rfm) v
          JOIN rfm_cut_points('2024-01-10', 'hand') c USING (metric)
         GROUP BY 1, 2 ORDER BY 1 DESC;
END
$$;
SELECT method, s.* FROM (VALUES (1, 'ntile', NULL::numeric[]), (2, 'rank', NULL), (3, 'quantile', NULL), (4, 'breaks', '{2,3}'), (5, 'breaks', '{2.5,8.001}'), (6, 'breaks', '{3,3}'))
       AS v(nr, method, breaks), methods.show(method, breaks) s ORDER BY nr, metric DESC;
SELECT rfm_drop_model('hand', true);

--
-- Random shops.  The seed is a hash's: number i of sequence seed, from 0 to n - 1
--
CREATE FUNCTION methods.rnd(seed int, i int, n int) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT ((hashint4extended(i, seed) % n + n) % n)::int $$;

-- One model for every 40 shops; fewer where memory is watched, which takes a hundred times as long
\set seed 20240229
\set models `test -n "$RFM_SMALL" && echo 16 || echo 120`
\set shops_each `test -n "$RFM_SMALL" && echo 6 || echo 40`

CREATE TABLE methods.models AS
SELECT nr, format('random %s', nr) AS model, (ARRAY['ntile', 'rank', 'quantile', 'breaks'])[1 + nr % 4] AS method,
       CASE WHEN methods.rnd(:seed, nr, 3) = 0 THEN array_fill(2 + methods.rnd(:seed + 1, nr, 9), ARRAY[3])
            ELSE ARRAY[2 + methods.rnd(:seed + 1, nr, 9), 2 + methods.rnd(:seed + 2, nr, 9), 2 + methods.rnd(:seed + 3, nr, 9)] END AS k,
       (ARRAY[NULL, NULL, NULL, '5 days', '1 mon', '1 mon 36:00:00', '1 day'])[1 + methods.rnd(:seed + 4, nr, 7)]::interval AS lookback,
       (ARRAY[NULL, NULL, NULL, 0, 5, -1.005])[1 + methods.rnd(:seed + 5, nr, 6)]::numeric AS monetary_above,
       methods.rnd(:seed + 6, nr, 3) = 0 AS distinct_orders,
       methods.rnd(:seed + 7, nr, 4) = 0 AS latest_order,
       CASE WHEN methods.rnd(:seed + 8, nr, 3) = 0 THEN ARRAY[methods.rnd(:seed + 9, nr, 100) - 50, -1000000, 2000000000] ELSE '{100,10,1}' END AS weights
  FROM generate_series(1, :models) nr;
-- k - 1 ascending break points, some of them twice, some below or above all values
ALTER TABLE methods.models ADD r_breaks numeric[], ADD f_breaks numeric[], ADD m_breaks numeric[];
UPDATE methods.models SET
    r_breaks = (SELECT array_agg(b ORDER BY b) FROM (SELECT methods.rnd(:seed + 10, nr * 10 + j, 40) / 2.0 AS b FROM generate_series(1, k[1] - 1) j) x),
    f_breaks = (SELECT array_agg(b ORDER BY b) FROM (SELECT methods.rnd(:seed + 11, nr * 10 + j, 12) / 2.0 AS b FROM generate_series(1, k[2] - 1) j) x),
    m_breaks = (SELECT array_agg(b ORDER BY b) FROM (SELECT (methods.rnd(:seed + 12, nr * 10 + j, 60) - 10) * 1.125 AS b FROM generate_series(1, k[3] - 1) j) x)
 WHERE method = 'breaks';

-- shops of 0 to 200 customers, every third of at most 12; from one day, one
-- amount and one order a customer to many
CREATE TABLE methods.shops AS
SELECT shop, 1 + (shop - 1) / :shops_each AS nr, date '2024-03-01' + methods.rnd(:seed + 20, shop, 40) AS run_date,
       CASE WHEN shop % 3 = 0 THEN methods.rnd(:seed + 21, shop, 13)
            ELSE methods.rnd(:seed + 21, shop, 1 + methods.rnd(:seed + 22, shop, 201)) END AS customers,
       (ARRAY[1, 2, 5, 20, 60])[1 + methods.rnd(:seed + 23, shop, 5)] AS days,
       (ARRAY[1, 2, 4, 9])[1 + methods.rnd(:seed + 24, shop, 4)] AS orders,
       (ARRAY[1, 2, 4, 50, 5000])[1 + methods.rnd(:seed + 25, shop, 5)] AS amounts,
       (ARRAY[1, 0.25, 0.001, 1e17, 1e-20])[1 + methods.rnd(:seed + 26, shop, 5)] AS unit
  FROM generate_series(1, :models * :shops_each) shop;
CREATE TABLE methods.orders AS
SELECT shop, CASE WHEN methods.rnd(:seed + 30, i, 60) > 0 THEN c END AS customer_id,
       CASE WHEN methods.rnd(:seed + 31, i, 60) > 0 THEN run_date + 2 - methods.rnd(:seed + 32, i, days + 2) END AS ordered_at,
       CASE WHEN methods.rnd(:seed + 33, i, 25) > 0 THEN (methods.rnd(:seed + 34, i, amounts) + 1 - amounts / 4) * unit END AS total,
       CASE WHEN methods.rnd(:seed + 35, i, 20) > 0 THEN methods.rnd(:seed + 36, i, 3 * orders) END AS order_id
  FROM methods.shops, generate_series(1, customers) c, generate_series(1, 1 + methods.rnd(:seed + 37, shop * 1000 + c, orders)) o,
       LATERAL (VALUES ((shop * 1000 + c) * 10 + o)) AS x(i);
CREATE INDEX ON methods.orders (shop);
ANALYZE methods.orders;

SELECT count(rfm_create_model(model, 'methods.orders', 'methods.target_' || nr, ordered_at => 'ordered_at', order_id => CASE WHEN distinct_orders THEN 'order_id'::name END,
                        filter => $$shop = current_setting('methods.shop')::int$$, method => method, buckets => k,
                        r_breaks => r_breaks, f_breaks => f_breaks, m_breaks => m_breaks, lookback => lookback,
                        as_of => CASE WHEN latest_order THEN 'latest_order' ELSE 'today' END, monetary_above => monetary_above,
                        segment_rules => NULL, comment_rules => NULL, weights => weights)) AS models
  FROM methods.models;

-- What rfm gives.  A shop that has no latest order gets its date named.
CREATE TABLE methods.given (shop int, run_date date, customer_id int, recency_days int, frequency_orders bigint, monetary_value numeric,
                            r_score int, f_score int, m_score int, rfm_score int, rfm_cell text, rfm_weighted bigint);
DO $$
DECLARE
    s record;
BEGIN
    FOR s IN SELECT shop, model, run_date, latest_order AND EXISTS (SELECT FROM methods.orders o WHERE o.shop = shops.shop
                                                                     AND customer_id IS NOT NULL AND ordered_at IS NOT NULL) AS latest
               FROM methods.shops JOIN methods.models USING (nr) LOOP
        PERFORM set_config('methods.shop', s.shop::text, false);
        INSERT INTO methods.given
        SELECT s.shop, p.run_date, p.customer_id::int, p.recency_days, p.frequency_orders, p.monetary_value, p.r_score, p.f_score, p.m_score, p.rfm_score, p.rfm_cell, p.rfm_weighted
          FROM rfm_preview(CASE WHEN NOT s.latest THEN s.run_date END, s.model) p;
    END LOOP;
END
$$;

-- The reference
CREATE TABLE methods.customers AS
SELECT s.shop, s.nr, d.run_date, customer_id, d.run_date - max(ordered_at) AS recency_days,
       CASE WHEN distinct_orders THEN count(DISTINCT order_id) ELSE count(*) END AS frequency_orders, coalesce(sum(total), 0) AS monetary_value
  FROM methods.shops s JOIN methods.models m USING (nr) JOIN methods.orders o USING (shop),
       LATERAL (SELECT CASE WHEN latest_order THEN max(ordered_at) ELSE s.run_date END AS run_date
                  FROM methods.orders l WHERE l.shop = s.shop AND customer_id IS NOT NULL AND ordered_at IS NOT NULL) d
 WHERE customer_id IS NOT NULL AND ordered_at <= d.run_date AND (lookback IS NULL OR ordered_at > d.run_date - lookback)
 GROUP BY s.shop, s.nr, d.run_date, distinct_orders, customer_id, monetary_above
HAVING monetary_above IS NULL OR coalesce(sum(total), 0) > monetary_above;
CREATE TABLE methods.axis AS
SELECT shop, axis, customer_id, method, k[axis] AS k, value, CASE axis WHEN 1 THEN -value ELSE value END AS goodness,
       CASE axis WHEN 1 THEN r_breaks WHEN 2 THEN f_breaks ELSE m_breaks END AS breaks
  FROM methods.customers JOIN methods.models USING (nr), unnest(ARRAY[recency_days, frequency_orders, monetary_value]) WITH ORDINALITY AS v(value, axis);
-- quantile j of n values lies at position (n - 1) * j / k of them, between two
-- neighbours: k times the cut point needs no division
CREATE TABLE methods.cuts AS
SELECT shop, axis, j, k, v[pos / k + 1] * k + (v[(pos + k - 1) / k + 1] - v[pos / k + 1]) * (pos % k) AS k_times
  FROM (SELECT shop, axis, k, array_agg(value ORDER BY value) AS v FROM methods.axis WHERE method = 'quantile' GROUP BY 1, 2, 3) x,
       generate_series(1, k - 1) j, LATERAL (VALUES ((cardinality(v) - 1) * j)) AS p(pos);
CREATE INDEX ON methods.cuts (shop, axis);
ANALYZE methods.cuts;
CREATE TABLE methods.scores AS
SELECT shop, axis, customer_id,
       CASE method
       WHEN 'ntile' THEN ntile(k) OVER (PARTITION BY shop, axis ORDER BY goodness, customer_id)
       WHEN 'rank' THEN 1 + k * (rank() OVER (PARTITION BY shop, axis ORDER BY goodness) - 1) / count(*) OVER (PARTITION BY shop, axis)
       ELSE CASE WHEN axis = 1 THEN k - below ELSE 1 + below END
       END AS score
  FROM methods.axis a,
       LATERAL (SELECT CASE method WHEN 'quantile' THEN (SELECT count(*) FROM methods.cuts c WHERE (c.shop, c.axis) = (a.shop, a.axis) AND k_times < value * k)
                                   WHEN 'breaks' THEN (SELECT count(*) FROM unnest(breaks) b WHERE b <= value) END AS below) x;
ANALYZE methods.axis;
ANALYZE methods.scores;
CREATE TABLE methods.expected AS
SELECT shop, run_date, customer_id, recency_days, frequency_orders, monetary_value, s[1] AS r_score, s[2] AS f_score, s[3] AS m_score, s[1] + s[2] + s[3] AS rfm_score,
       array_to_string(s, CASE WHEN 10 = ANY (k) THEN '-' ELSE '' END) AS rfm_cell, s[1] * weights[1] + s[2] * weights[2] + s[3] * weights[3] AS rfm_weighted
  FROM methods.customers JOIN methods.models USING (nr)
  JOIN (SELECT shop, customer_id, array_agg(score ORDER BY axis) AS s FROM methods.scores GROUP BY 1, 2) x USING (shop, customer_id);

-- how many, and where they differ: nowhere
CREATE TABLE methods.differences AS
SELECT * FROM ((SELECT 'given' AS side, g.* FROM (TABLE methods.given EXCEPT ALL TABLE methods.expected) g)
               UNION ALL (SELECT 'expected', e.* FROM (TABLE methods.expected EXCEPT ALL TABLE methods.given) e)) d;
SELECT method, count(*) AS shops, count(*) FILTER (WHERE n = 0) AS empty, count(*) FILTER (WHERE n = 1) AS of_one, max(n) AS largest, sum(n) AS customers,
       min(LEAST(k[1], k[2], k[3])) AS least_k, max(GREATEST(k[1], k[2], k[3])) AS most_k,
       count(*) FILTER (WHERE shop IN (SELECT shop FROM methods.differences)) AS shops_that_differ
  FROM methods.models JOIN methods.shops USING (nr)
  JOIN (SELECT shop, count(e.shop) AS n FROM methods.shops LEFT JOIN methods.expected e USING (shop) GROUP BY 1) x USING (shop)
 GROUP BY method ORDER BY method;
SELECT count(*) AS differences FROM methods.differences;
-- the smallest shop that differs: its model, its orders, and the rows
CREATE VIEW methods.failure AS
SELECT shop FROM methods.differences JOIN (SELECT shop, count(*) AS n FROM methods.orders GROUP BY 1) x USING (shop) ORDER BY n, shop LIMIT 1;
SELECT m.*, s.shop, s.run_date FROM methods.failure JOIN methods.shops s USING (shop) JOIN methods.models m USING (nr);
SELECT o.* FROM methods.failure JOIN methods.orders o USING (shop) ORDER BY customer_id, ordered_at, total LIMIT 300;
SELECT d.* FROM methods.failure JOIN methods.differences d USING (shop) ORDER BY customer_id, side;

--
-- The cut points of a snapshot say what its scores cover: the first four shops
-- of every model, and an empty one
--
CREATE TABLE methods.said (shop int, metric text, score int, customers bigint, lowest numeric, highest numeric, cut_point numeric, from_customer text);
DO $$
DECLARE
    s record;
BEGIN
    FOR s IN SELECT shop, model, run_date, nr FROM (SELECT *, row_number() OVER (PARTITION BY nr ORDER BY shop) AS n FROM methods.shops JOIN methods.models USING (nr)
                                                     WHERE NOT latest_order) x WHERE n <= 4 LOOP
        PERFORM set_config('methods.shop', s.shop::text, false);
        -- another shop's snapshot is not replaced by none
        EXECUTE format('DELETE FROM methods.target_%s', s.nr);
        PERFORM rfm_refresh(s.run_date, s.model);
        INSERT INTO methods.said SELECT s.shop, c.metric, c.score, c.customers, c.lowest, c.highest, c.cut_point, c.from_customer FROM rfm_cut_points(s.run_date, s.model) c;
    END LOOP;
END
$$;
CREATE TABLE methods.to_say AS
SELECT shop, (ARRAY['recency_days', 'frequency_orders', 'monetary_value'])[axis] AS metric, score, coalesce(v.customers, 0) AS customers, lowest, highest,
       -- the number that a value is compared with on the way from the score below
       round(CASE WHEN score > 1 THEN
             CASE method WHEN 'breaks' THEN (CASE axis WHEN 1 THEN r_breaks WHEN 2 THEN f_breaks ELSE m_breaks END)[CASE axis WHEN 1 THEN k[axis] + 1 - score ELSE score - 1 END]
                         WHEN 'quantile' THEN (SELECT k_times / c.k FROM methods.cuts c WHERE (c.shop, c.axis, c.j) = (shops.shop, a.axis, CASE a.axis WHEN 1 THEN m.k[a.axis] + 1 - score ELSE score - 1 END))
                         ELSE CASE axis WHEN 1 THEN highest ELSE lowest END END END, 12) AS cut_point,
       CASE WHEN method = 'ntile' AND score > 1 THEN first_customer::text END AS from_customer
  FROM methods.shops JOIN methods.models m USING (nr) CROSS JOIN generate_series(1, 3) AS a(axis) CROSS JOIN LATERAL generate_series(1, k[axis]) score
  LEFT JOIN (SELECT shop, axis, score, count(*) AS customers, min(value) AS lowest, max(value) AS highest, (array_agg(customer_id ORDER BY goodness, customer_id))[1] AS first_customer
               FROM methods.axis JOIN methods.scores USING (shop, axis, customer_id) GROUP BY 1, 2, 3) v USING (shop, axis, score)
 WHERE shop IN (SELECT shop FROM methods.said);
SELECT count(DISTINCT shop) AS shops, count(*) AS scores,
       count(*) FILTER (WHERE (s.customers, s.lowest, s.highest, s.from_customer) IS DISTINCT FROM (t.customers, t.lowest, t.highest, t.from_customer)
                           OR round(s.cut_point, 12) IS DISTINCT FROM t.cut_point) AS differences
  FROM methods.said s FULL JOIN methods.to_say t USING (shop, metric, score);
SELECT * FROM methods.said s FULL JOIN methods.to_say t USING (shop, metric, score)
 WHERE (s.customers, s.lowest, s.highest, s.from_customer) IS DISTINCT FROM (t.customers, t.lowest, t.highest, t.from_customer)
    OR round(s.cut_point, 12) IS DISTINCT FROM t.cut_point
 ORDER BY shop, metric, score LIMIT 20;

SELECT count(rfm_drop_model(model)) AS dropped FROM methods.models;

--
-- Columns for the cell and the weighted sum are filled where the target has them
--
CREATE TABLE methods.hand_rfm (run_date date, customer_id int, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                               rfm_cell char(8), rfm_weighted int, PRIMARY KEY (run_date, customer_id));
SELECT rfm_create_model('hand', 'methods.hand', 'methods.hand_rfm', buckets => '{3,10,4}', segment_rules => NULL, comment_rules => NULL, weights => '{1000,-10,0}');
SELECT rfm_refresh('2024-01-10', 'hand');
SELECT customer_id, r_score, f_score, m_score, rfm_cell, rfm_weighted FROM methods.hand_rfm ORDER BY 1;
UPDATE rfm_model SET weights = '{2147483647,2147483647,2147483647}' WHERE model = 'hand';
SELECT rfm_refresh('2024-01-10', 'hand');
ALTER TABLE methods.hand_rfm ALTER rfm_weighted TYPE bigint;
SELECT rfm_refresh('2024-01-10', 'hand');
SELECT max(rfm_weighted) FROM methods.hand_rfm;
SELECT rfm_drop_model('hand');

DROP SCHEMA methods CASCADE;
RESET datestyle;
RESET client_min_messages;

--
-- Values that ntile cuts through: in the log and in a snapshot, against plain SQL.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA tie;
CREATE TABLE tie.orders (customer_id int, created_at date, total numeric);
INSERT INTO tie.orders
SELECT (i * i) % 389, date '2024-04-30' - i % 61, i % 17 FROM generate_series(1, 1000) i;
SELECT rfm_create_model('ntile', 'tie.orders', 'tie.ntile');
SELECT rfm_create_model('rank', 'tie.orders', 'tie.rank', method => 'rank');
SELECT rfm_create_model('few', 'tie.orders', 'tie.few', filter => 'customer_id < 4');
SELECT rfm_refresh('2024-04-30', model) > 0 AS refreshed FROM (VALUES ('ntile'), ('rank'), ('few')) AS m(model);

CREATE VIEW tie.cut AS
SELECT model, metric, value, count(*) AS customers, min(score)::int AS lowest_score, max(score)::int AS highest_score
  FROM (SELECT 'ntile' AS model, * FROM tie.ntile UNION ALL SELECT 'rank', * FROM tie.rank UNION ALL SELECT 'few', * FROM tie.few) s,
       LATERAL (VALUES ('recency_days', s.recency_days::numeric, s.r_score), ('frequency_orders', s.frequency_orders, s.f_score), ('monetary_value', s.monetary_value, s.m_score)) AS v(metric, value, score)
 GROUP BY model, metric, value HAVING count(DISTINCT score) > 1;
SELECT m.model, (SELECT count(*) FROM tie.cut c WHERE c.model = m.model) AS values_cut,
       (SELECT count(*) FROM ((SELECT * FROM rfm_ties(NULL, m.model) EXCEPT ALL SELECT metric, value, customers, lowest_score, highest_score, NULL FROM tie.cut c WHERE c.model = m.model)
                              UNION ALL (SELECT metric, value, customers, lowest_score, highest_score, NULL FROM tie.cut c WHERE c.model = m.model EXCEPT ALL SELECT * FROM rfm_ties(NULL, m.model))) d) AS differences
  FROM (VALUES ('ntile'), ('rank'), ('few')) AS m(model);
SELECT * FROM rfm_ties(model => 'ntile') WHERE metric = 'frequency_orders';

-- the log has the same number at each score that begins within such a value
SELECT m.model, count(c.tied) AS tied, count(*) FILTER (WHERE c.tied IS DISTINCT FROM
           (SELECT t.customers FROM tie.cut t WHERE t.model = m.model AND t.metric = c.metric AND c.score > t.lowest_score AND c.score <= t.highest_score)) AS differences
  FROM (VALUES ('ntile'), ('rank'), ('few')) AS m(model), rfm_cut_points(NULL, m.model) AS c GROUP BY m.model ORDER BY m.model;

-- who may read the target may ask
CREATE ROLE regress_rfm_reader;
GRANT USAGE ON SCHEMA tie TO regress_rfm_reader;
GRANT SELECT ON tie.ntile TO regress_rfm_reader;
SET ROLE regress_rfm_reader;
SELECT count(*) > 0 AS some FROM rfm_ties(model => 'ntile');
SELECT count(*) FROM rfm_ties(model => 'rank');
RESET ROLE;

SELECT rfm_drop_model('ntile'), rfm_drop_model('rank'), rfm_drop_model('few');
DROP SCHEMA tie CASCADE;
DROP ROLE regress_rfm_reader;
RESET client_min_messages;

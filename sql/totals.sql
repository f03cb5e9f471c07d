-- these tests change targets in ways that a view of them would forbid
SET rfm.latest_view = off;
--
-- The totals of snapshots that refreshes keep, against the target itself; where
-- they are not kept; who reads them.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_rfm_reader, regress_rfm_part;
CREATE ROLE regress_rfm_reader;
CREATE ROLE regress_rfm_part;
CREATE SCHEMA tot;
GRANT USAGE ON SCHEMA tot TO PUBLIC;
RESET client_min_messages;

CREATE TABLE tot.orders (order_id int, customer_id int, created_at date, total numeric, big numeric, approx float8);
INSERT INTO tot.orders
SELECT i, i % 211, date '2024-01-01' + i % 90, round((i * 7919 % 10007)::numeric / 100, 2), (i % 13) * 700000000000000000, i / 7.0
  FROM generate_series(1, 4000) i;

-- What is kept against what the target's rows add up to: dates, rows, differences
CREATE FUNCTION tot.compare(wanted text) RETURNS TABLE (dates bigint, rows bigint, differences bigint) LANGUAGE plpgsql AS $$
DECLARE
    relation CONSTANT regclass := (SELECT target FROM rfm_model WHERE model = wanted);
    kept     CONSTANT text := format('SELECT t.run_date, t.by, t.label, t.customers, t.orders, t.revenue FROM rfm_total t WHERE t.model_id = %s',
                                     (SELECT model_id FROM rfm_model WHERE model = wanted));
    real     text;
BEGIN
    SELECT string_agg(format('SELECT run_date, %L, %I, count(*), sum(frequency_orders)::int8, sum(monetary_value) FROM %s GROUP BY 1, 2, 3', x.by, x.label, relation), ' UNION ALL ')
      INTO real FROM (VALUES ('segment', 'rfm_segment'), ('comment', 'comments')) AS x(by, label);
    RETURN QUERY EXECUTE format('SELECT (SELECT count(DISTINCT k.run_date) FROM (%1$s) k), (SELECT count(*) FROM (%1$s) k),'
                                ' (SELECT count(*) FROM ((%1$s EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL %1$s)) AS d)', kept, real);
END
$$;

SELECT rfm_create_model('tot', 'tot.orders', 'tot.scores');
CALL rfm_backfill('2024-02-01', '2024-02-10', 'tot');
SELECT * FROM tot.compare('tot');
-- orders that come late, and a date computed again
INSERT INTO tot.orders SELECT 5000 + i, i % 307, '2024-02-05', 1000 + i FROM generate_series(1, 500) i;
SELECT rfm_refresh('2024-02-10', 'tot'), rfm_refresh('2024-02-09', 'tot');
SELECT * FROM tot.compare('tot');
SELECT rfm_refresh('2024-02-09', 'tot') > 0, (SELECT count(*) FROM tot.compare('tot') WHERE differences = 0);
-- trend is the same with and without them
CREATE TABLE tot.trend AS SELECT * FROM rfm_trend('tot');
BEGIN;
DELETE FROM rfm_total;
SELECT count(*) FROM (TABLE tot.trend EXCEPT SELECT * FROM rfm_trend('tot')) AS d;
SELECT count(*) FROM (SELECT * FROM rfm_trend('tot') EXCEPT TABLE tot.trend) AS d;
ROLLBACK;
SELECT count(DISTINCT run_date) FROM rfm_trend('tot', '2024-02-03', '2024-02-05');
-- a date that the target has no longer is in no trend, but its totals stay
DELETE FROM tot.scores WHERE run_date = '2024-02-04';
SELECT count(DISTINCT run_date) FROM rfm_trend('tot');
SELECT count(DISTINCT run_date) FROM rfm_total JOIN rfm_model USING (model_id) WHERE model = 'tot';

-- one customer's history, found by the key or by an index of its own
CREATE TABLE tot.history AS SELECT * FROM rfm_customer(30, 'tot');
CREATE INDEX own ON tot.scores (customer_id, run_date);
SELECT count(*) FROM rfm_customer(30, 'tot');
SELECT count(*) FROM (TABLE tot.history EXCEPT SELECT * FROM rfm_customer(30, 'tot')) AS d;

-- money that sums up to more than 64 bits
SELECT rfm_create_model('tot_big', 'tot.orders', 'tot.big', amount => 'big');
SELECT rfm_refresh('2024-02-10', 'tot_big') > 0;
SELECT * FROM tot.compare('tot_big');
SELECT max(revenue) > 9223372036854775807 AS wide FROM rfm_total JOIN rfm_model USING (model_id) WHERE model = 'tot_big';

-- not kept: floating point; a target that rounds, or not; rows that others change; customers that stay
SELECT rfm_create_model('tot_approx', 'tot.orders', 'tot.approx', amount => 'approx');
CREATE TABLE tot.rounds (LIKE tot.scores INCLUDING ALL);
ALTER TABLE tot.rounds ALTER monetary_value TYPE numeric(20,1);
SELECT rfm_create_model('tot_rounds', 'tot.orders', 'tot.rounds');
CREATE TABLE tot.cents (LIKE tot.scores INCLUDING ALL);
ALTER TABLE tot.cents ALTER monetary_value TYPE numeric(20,2);
SELECT rfm_create_model('tot_cents', 'tot.orders', 'tot.cents');
CREATE TABLE tot.triggered (LIKE tot.scores INCLUDING ALL);
CREATE FUNCTION tot.change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.rfm_segment := 'All'; RETURN NEW; END $$;
CREATE TRIGGER change BEFORE INSERT ON tot.triggered FOR EACH ROW EXECUTE FUNCTION tot.change();
SELECT rfm_create_model('tot_triggered', 'tot.orders', 'tot.triggered');
SELECT rfm_create_model('tot_stale', 'tot.orders', 'tot.stale', keep_stale => true);
SELECT model, rfm_refresh('2024-02-10', model) > 0 AS refreshed
  FROM rfm_model m WHERE model ~ '^tot_(approx|rounds|cents|triggered|stale)' ORDER BY model;
SELECT model, (SELECT count(*) > 0 FROM rfm_total t WHERE t.model_id = m.model_id) AS kept,
       (SELECT sum(customers) > 0 FROM rfm_trend(model)) AS trend
  FROM rfm_model m WHERE model ~ '^tot_(approx|rounds|cents|triggered|stale)' ORDER BY model;
SELECT * FROM tot.compare('tot_cents');
SELECT segment FROM rfm_trend('tot_triggered');

-- who reads: all who may SELECT from all of the target
SELECT sum(customers) AS customers FROM tot.trend WHERE run_date = '2024-02-10';
GRANT SELECT ON tot.scores TO regress_rfm_reader;
GRANT SELECT (run_date, customer_id, rfm_segment, comments) ON tot.scores TO regress_rfm_part;
SET ROLE regress_rfm_reader;
SELECT count(*) > 0 AS totals FROM rfm_internal.totals('tot');
SELECT sum(customers) AS customers FROM rfm_trend('tot', '2024-02-10');
SELECT count(*) FROM rfm_total;
SET ROLE regress_rfm_part;
SELECT count(*) > 0 AS totals FROM rfm_internal.totals('tot');
RESET ROLE;
-- row security lets them see a part
ALTER TABLE tot.scores ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON tot.scores TO regress_rfm_reader USING (customer_id < 10);
SET ROLE regress_rfm_reader;
SELECT count(*) > 0 AS totals FROM rfm_internal.totals('tot');
SELECT sum(customers) AS customers FROM rfm_trend('tot', '2024-02-10');
RESET ROLE;
REVOKE ALL ON tot.scores FROM regress_rfm_reader;
SET ROLE regress_rfm_reader;
SELECT * FROM rfm_internal.totals('tot');
RESET ROLE;

-- another target has other rows
CREATE TABLE tot.other (LIKE tot.scores INCLUDING ALL);
UPDATE rfm_model SET target = 'tot.other' WHERE model = 'tot';
SELECT count(*) FROM rfm_total JOIN rfm_model USING (model_id) WHERE model = 'tot';
-- they go with the model
SELECT rfm_drop_model('tot_big', true);
SELECT count(*) FROM rfm_total WHERE model_id NOT IN (SELECT model_id FROM rfm_model);

-- how a refresh went
SELECT reading, spilled, memory BETWEEN 1000 AND 1e9 AS memory, newest_order FROM rfm_run WHERE model = 'tot_cents';
SET rfm.work_mem = '64kB';
CREATE VIEW tot.many AS SELECT customer_id + 1000 * g AS customer_id, created_at, total FROM tot.orders, generate_series(1, 20) AS g;
SELECT rfm_create_model('tot_many', 'tot.many', 'tot.many_scores');
SELECT rfm_refresh('2024-02-10', 'tot_many') > 0;
RESET rfm.work_mem;
SELECT spilled, newest_order FROM rfm_run WHERE model = 'tot_many';
SELECT level, finding FROM rfm_health() WHERE model = 'tot_many' AND finding = 'spilled';

-- rows that are changed by hand show in the trend after the next refresh of their date
CREATE VIEW tot.agreement AS
    SELECT (SELECT sum(t.revenue) FROM rfm_trend('tot_many') t) = (SELECT sum(s.monetary_value) FROM tot.many_scores s) AS trend_is_target;
SELECT * FROM tot.agreement;
UPDATE tot.many_scores SET monetary_value = monetary_value + 1 WHERE customer_id = (SELECT min(customer_id) FROM tot.many_scores);
SELECT * FROM tot.agreement;
SELECT rfm_refresh('2024-02-10', 'tot_many') > 0;
SELECT * FROM tot.agreement;
DROP VIEW tot.agreement;

SET client_min_messages = warning;
SELECT count(rfm_drop_model(model, true)) FROM rfm_model WHERE model LIKE 'tot%';
DROP SCHEMA tot CASCADE;
DROP ROLE regress_rfm_reader, regress_rfm_part;

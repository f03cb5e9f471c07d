-- these tests change targets in ways that a view of them would forbid
SET rfm.latest_view = off;
--
-- One customer erased: rows of every date, cut points and failures; who may;
-- how long the log is kept; what changes hands.
--
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_rfm_keeper, regress_rfm_heir, regress_rfm_nosy;
CREATE ROLE regress_rfm_keeper;
CREATE ROLE regress_rfm_heir;
CREATE ROLE regress_rfm_nosy;
CREATE SCHEMA fgt;
GRANT USAGE, CREATE ON SCHEMA fgt TO regress_rfm_keeper, regress_rfm_heir;
RESET client_min_messages;

-- e-mail addresses, one with characters that JSON escapes
CREATE TABLE fgt.orders (email text, created_at date, total numeric(12,2));
INSERT INTO fgt.orders
SELECT CASE i % 20 WHEN 7 THEN E'"quo\\ted"@example.org' ELSE 'customer' || i % 20 || '@example.org' END, date '2024-01-01' + i % 30, 10
  FROM generate_series(1, 400) i;
GRANT SELECT ON fgt.orders TO regress_rfm_keeper, regress_rfm_heir;
SET ROLE regress_rfm_keeper;
SELECT rfm_create_model('fgt', 'fgt.orders', 'fgt.scores', customer => 'email');
SELECT rfm_create_model('fgt_other', 'fgt.orders', 'fgt.other', customer => 'email');
CALL rfm_backfill('2024-01-28', '2024-01-30', 'fgt');
SELECT rfm_refresh('2024-01-30', 'fgt_other');
-- those whom cut points name
CREATE TABLE fgt.named AS
SELECT DISTINCT a.v ->> 'from_customer' AS email FROM rfm_run r, jsonb_each(r.cut_points) AS x, jsonb_array_elements(x.value) AS a(v)
 WHERE r.model = 'fgt' AND a.v ? 'from_customer';
SELECT count(*) > 0 AS named, bool_or(email LIKE '"quo%') AS odd FROM fgt.named;
CREATE TABLE fgt.before AS SELECT * FROM rfm_total;
SELECT rfm_forget('nobody@example.org', 'fgt');
SELECT email LIKE '"%' AS odd, sum(rfm_forget(email, 'fgt')) / count(*) AS rows_each FROM fgt.named GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM fgt.scores JOIN fgt.named ON customer_id = email;
SELECT count(*) FROM rfm_run r, fgt.named n WHERE model = 'fgt' AND strpos(cut_points::text, trim('"' FROM to_json(n.email)::text)) > 0;
SELECT count(*) FROM rfm_cut_points(NULL, 'fgt') WHERE cut_point IS NOT NULL;
SELECT count(*) FROM rfm_cut_points(NULL, 'fgt') WHERE from_customer IS NOT NULL;
-- those of another model stay, and so do totals
SELECT count(*) FROM fgt.other JOIN fgt.named ON customer_id = email;
SELECT count(*) > 0 FROM rfm_cut_points(NULL, 'fgt_other') WHERE from_customer IS NOT NULL;
SELECT count(*) FROM (TABLE fgt.before EXCEPT TABLE rfm_total) AS d;
-- scores of others go on by the same cut points
SELECT count(*) FROM fgt.orders o, LATERAL rfm_score_now(o.email, 'fgt') WHERE o.email = 'customer3@example.org';
-- numbers, too; nulls; types
CREATE TABLE fgt.numbered AS SELECT length(email) AS id, created_at, total FROM fgt.orders;
SELECT rfm_create_model('fgt_numbers', 'fgt.numbered', 'fgt.numbers', customer => 'id');
SELECT rfm_refresh('2024-01-30', 'fgt_numbers') AS customers, rfm_forget(21, 'fgt_numbers') AS gone;
SELECT rfm_forget('x', 'fgt_numbers');
SELECT rfm_forget(NULL::text, 'fgt_numbers');
-- a failure that names them
RESET ROLE;
INSERT INTO rfm_failure (model_id, model, command, sqlstate, message, failed_at, run_by)
SELECT model_id, model, 'catch_up', '22003', 'amount of customer ' || who || ' is not finite', now(), 'x'
  FROM rfm_model, unnest('{customer3@example.org,customer4@example.org}'::text[]) AS who WHERE model = 'fgt';
SET ROLE regress_rfm_keeper;
SELECT rfm_forget('customer3@example.org', 'fgt');
SELECT message FROM rfm_failure WHERE model = 'fgt';
SET ROLE regress_rfm_nosy;
SELECT rfm_forget('customer4@example.org', 'fgt');
RESET ROLE;

--
-- How long the log is kept
--
UPDATE rfm_run SET finished_at = now() - interval '100 days' WHERE model = 'fgt';
SET rfm.log_retention_days = 90;
SELECT rfm_refresh('2024-01-29', 'fgt') > 0;
SELECT run_date, finished_at > now() - interval '1 day' AS new FROM rfm_run WHERE model = 'fgt' ORDER BY run_id;
RESET rfm.log_retention_days;

--
-- The newest snapshot only: there is room in the pages for its next version
--
SELECT rfm_create_model('fgt_newest', 'fgt.orders', 'fgt.newest', customer => 'email', target_columns => '{"run_date": null}');
SELECT relname, reloptions FROM pg_class WHERE oid IN ('fgt.newest'::regclass, 'fgt.scores'::regclass) ORDER BY 1;

--
-- What changes hands
--
REASSIGN OWNED BY regress_rfm_keeper TO regress_rfm_heir;
SELECT rfm_refresh('2024-01-30', 'fgt');
UPDATE rfm_model SET owner = 'regress_rfm_heir' WHERE model = 'fgt';
SELECT rfm_refresh('2024-01-30', 'fgt') > 0;
UPDATE rfm_model SET owner = 'regress_rfm_heir' WHERE model IN ('fgt_other', 'fgt_numbers');
DROP OWNED BY regress_rfm_keeper;
DROP ROLE regress_rfm_keeper;
SELECT rfm_refresh('2024-01-30', 'fgt') > 0;

SET client_min_messages = warning;
SELECT count(rfm_drop_model(model, true)) FROM rfm_model WHERE model LIKE 'fgt%';
DROP SCHEMA fgt CASCADE;
DROP ROLE regress_rfm_heir, regress_rfm_nosy;

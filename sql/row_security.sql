--
-- Orders that another session may see otherwise: row security on the source,
-- settings that it reads.  A refresh that finds none for a date that has a
-- snapshot deletes it only where nothing but the orders can be the reason.
--
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_rfm_tenant, regress_rfm_all;
CREATE ROLE regress_rfm_tenant;
CREATE ROLE regress_rfm_all BYPASSRLS;
CREATE SCHEMA rsc;
GRANT ALL ON SCHEMA rsc TO regress_rfm_tenant, regress_rfm_all;
RESET client_min_messages;

CREATE TABLE rsc.orders (tenant int, customer_id int, created_at date, total int);
INSERT INTO rsc.orders SELECT 1 + i % 2, i, date '2026-01-01' + i, 10 * i FROM generate_series(1, 20) i;
GRANT SELECT ON rsc.orders TO regress_rfm_tenant, regress_rfm_all;
CREATE FUNCTION rsc.tenant() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN nullif(current_setting('rsc.tenant', true), '')::int; END $$;
CREATE FUNCTION rsc.state(target regclass) RETURNS TABLE (run_date date, customers bigint, revenue numeric) LANGUAGE plpgsql AS
$$ BEGIN RETURN QUERY EXECUTE format('SELECT run_date, count(*), sum(monetary_value) FROM %s GROUP BY 1 ORDER BY 1', target); END $$;

--
-- Row security that applies to the model's owner
--
ALTER TABLE rsc.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants ON rsc.orders USING (tenant = nullif(current_setting('rsc.tenant', true), '')::int);
SET ROLE regress_rfm_tenant;
SELECT rfm_create_model('rsc', 'rsc.orders', 'rsc.daily');
SET rsc.tenant = 1;
SELECT rfm_refresh('2026-01-20', 'rsc'), rfm_refresh('2026-01-10', 'rsc');
SELECT * FROM rsc.state('rsc.daily');
-- without the setting: nothing is deleted, one date at a time or in a backfill
RESET rsc.tenant;
SELECT rfm_refresh('2026-01-20', 'rsc');
CALL rfm_backfill('2026-01-10', '2026-01-20', 'rsc');
SELECT * FROM rsc.state('rsc.daily');
-- nor is it where there was nothing: a date without rows is a snapshot without customers
SELECT rfm_refresh('2026-01-05', 'rsc');
SELECT count(*) FROM rfm_preview('2026-01-20', 'rsc');
-- a model that keeps stale rows deletes none
UPDATE rfm_model SET keep_stale = true WHERE model = 'rsc';
SELECT rfm_refresh('2026-01-20', 'rsc');
UPDATE rfm_model SET keep_stale = false WHERE model = 'rsc';
SET rsc.tenant = 2;
SELECT rfm_refresh('2026-01-20', 'rsc');
SELECT * FROM rsc.state('rsc.daily');
-- the rows can be deleted by hand
RESET rsc.tenant;
DELETE FROM rsc.daily WHERE run_date = '2026-01-20';
SELECT rfm_refresh('2026-01-20', 'rsc');
-- a target of the newest snapshot only
SET client_min_messages = warning;
SELECT rfm_create_model('rsc_newest', 'rsc.orders', 'rsc.newest', target_columns => '{"run_date": null}');
RESET client_min_messages;
SET rsc.tenant = 1;
SELECT rfm_refresh('2026-01-20', 'rsc_newest');
RESET rsc.tenant;
SELECT rfm_refresh('2026-01-21', 'rsc_newest');
SELECT count(*) FROM rsc.newest;
RESET ROLE;

--
-- Row security that does not: of who owns the table, and who bypasses it
--
SET ROLE regress_rfm_all;
SELECT rfm_create_model('rsc_all', 'rsc.orders', 'rsc.all');
SELECT rfm_refresh('2026-01-20', 'rsc_all');
RESET ROLE;
BEGIN;
DELETE FROM rsc.orders;
SELECT rfm_refresh('2026-01-20', 'rsc_all');
SELECT * FROM rsc.state('rsc.all');
ROLLBACK;
SELECT rfm_create_model('rsc_owner', 'rsc.orders', 'rsc.owner');
-- below a view, with the rights of who owns that, or of who reads it
GRANT CREATE ON SCHEMA rsc TO regress_rfm_tenant;
CREATE VIEW rsc.whole AS SELECT * FROM rsc.orders;
CREATE VIEW rsc.part WITH (security_invoker = true) AS SELECT * FROM rsc.orders WHERE total > 0;
GRANT SELECT ON rsc.whole, rsc.part TO regress_rfm_tenant;
SET ROLE regress_rfm_tenant;
SELECT rfm_create_model('rsc_whole', 'rsc.whole', 'rsc.whole_scores');
SELECT rfm_create_model('rsc_part', 'rsc.part', 'rsc.part_scores');
RESET ROLE;
ALTER TABLE rsc.orders DISABLE ROW LEVEL SECURITY;

--
-- What a session has set, without row security
--
CREATE VIEW rsc.own AS SELECT * FROM rsc.orders WHERE tenant = nullif(current_setting('rsc.tenant', true), '')::int;
CREATE VIEW rsc.asked AS SELECT * FROM rsc.orders WHERE tenant = rsc.tenant();
CREATE VIEW rsc.by_login AS SELECT * FROM rsc.orders WHERE session_user <> 'nobody';
SELECT rfm_create_model('rsc_own', 'rsc.own', 'rsc.own_scores');
SELECT rfm_create_model('rsc_filter', 'rsc.orders', 'rsc.filter_scores', filter => $$tenant = nullif(current_setting('rsc.tenant', true), '')::int$$);
SELECT rfm_create_model('rsc_login', 'rsc.by_login', 'rsc.login_scores');
-- a function may do anything: no word of it, but no snapshot goes either
SELECT rfm_create_model('rsc_asked', 'rsc.asked', 'rsc.asked_scores');
SET rsc.tenant = 2;
SELECT model, rfm_refresh('2026-01-20', model) FROM unnest('{rsc_own,rsc_filter,rsc_asked}'::text[]) model;
SET rsc.tenant = '3';
SELECT rfm_refresh('2026-01-20', 'rsc_own');
SELECT rfm_refresh('2026-01-20', 'rsc_filter');
SELECT rfm_refresh('2026-01-20', 'rsc_asked');
SELECT * FROM rsc.state('rsc.own_scores');
SELECT * FROM rsc.state('rsc.asked_scores');
-- nothing but the orders: they are gone, and so is the snapshot
SELECT rfm_create_model('rsc_plain', 'rsc.orders', 'rsc.plain_scores', filter => 'created_at <= rfm_run_date() AND upper(tenant::text) = ''1''');
SELECT rfm_refresh('2026-01-20', 'rsc_plain');
DELETE FROM rsc.orders;
SELECT rfm_refresh('2026-01-20', 'rsc_plain');
SELECT * FROM rsc.state('rsc.plain_scores');

SET client_min_messages = warning;
SELECT count(rfm_drop_model(model)::text) FROM rfm_model WHERE model LIKE 'rsc%';
DROP SCHEMA rsc CASCADE;
DROP ROLE regress_rfm_tenant, regress_rfm_all;

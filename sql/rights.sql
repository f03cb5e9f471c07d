-- these tests change targets in ways that a view of them would forbid
SET rfm.latest_view = off;
--
-- Who may do what: models belong to their creators, and work with the rights of
-- their owners, whoever calls.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_rfm_team, regress_rfm_ann, regress_rfm_bob, regress_rfm_eve, regress_rfm_noinherit, regress_rfm_gone;
CREATE ROLE regress_rfm_team;
CREATE ROLE regress_rfm_ann;
CREATE ROLE regress_rfm_bob;
CREATE ROLE regress_rfm_eve;
CREATE ROLE regress_rfm_noinherit NOINHERIT;
GRANT regress_rfm_team TO regress_rfm_ann, regress_rfm_noinherit;
CREATE SCHEMA team AUTHORIZATION regress_rfm_team;
CREATE SCHEMA bob AUTHORIZATION regress_rfm_bob;
CREATE SCHEMA eve AUTHORIZATION regress_rfm_eve;
GRANT USAGE ON SCHEMA team, bob, eve TO PUBLIC;
CREATE TABLE team.precious (a int);
INSERT INTO team.precious VALUES (1);
CREATE SCHEMA super;
CREATE TABLE super.precious (a int);
INSERT INTO super.precious VALUES (1);
RESET client_min_messages;

SET ROLE regress_rfm_team;
CREATE TABLE team.orders (order_id int, customer_id int, created_at timestamptz, total numeric, seller name);
INSERT INTO team.orders
SELECT i, i % 7, timestamptz '2024-01-01 12:00+00' + i * interval '1 day', i,
       CASE WHEN i % 7 < 3 THEN 'regress_rfm_bob' ELSE 'regress_rfm_ann' END
  FROM generate_series(1, 30) i;
SELECT rfm_create_model('rts_team', 'team.orders', 'team.daily');
SELECT rfm_refresh('2024-02-01', 'rts_team');

--
-- Others neither see nor use the model
--
SET ROLE regress_rfm_bob;
SELECT count(*) FROM rfm_model WHERE model LIKE 'rts%';
SELECT count(*) FROM rfm_run WHERE model LIKE 'rts%';
SELECT count(*) FROM rfm_cut_points(model => 'rts_team');
SELECT rfm_refresh('2024-02-02', 'rts_team');
SELECT count(*) FROM rfm_preview('2024-02-02', 'rts_team');
SELECT rfm_internal.ensure_model('rts_team');
SELECT rfm_drop_model('rts_team');
UPDATE rfm_model SET filter = 'false' WHERE model = 'rts_team' RETURNING model;
DELETE FROM rfm_model WHERE model = 'rts_team' RETURNING model;
UPDATE rfm_model SET filter = NULL WHERE (1 / (model <> 'rts_team')::int) > 0 AND model = 'rts_team';
SELECT rfm_create_model('rts_team', 'team.orders', 'bob.daily');
INSERT INTO rfm_model (model, source, target) VALUES ('rts_team', 'team.orders', 'team.daily');
INSERT INTO rfm_model (model, source, target, owner) VALUES ('rts_bob', 'team.orders', 'team.daily', 'regress_rfm_team');
TRUNCATE rfm_model;
ALTER TABLE rfm_model DISABLE TRIGGER rfm_model_check;
DROP POLICY rfm_model_owner ON rfm_model;
INSERT INTO rfm_run (model) VALUES ('rts_team');
UPDATE rfm_run SET customers = 0;
DELETE FROM rfm_run;
RESET ROLE;
SELECT model, filter, owner FROM rfm_model WHERE model LIKE 'rts%';
SELECT count(*) FROM team.daily;

--
-- Members of the owner do; a member without inheritance has to become it
--
SET ROLE regress_rfm_ann;
SELECT model, owner FROM rfm_model WHERE model LIKE 'rts%';
SELECT rfm_refresh('2024-02-02', 'rts_team');
SELECT count(*) FROM rfm_preview('2024-02-03', 'rts_team');
UPDATE rfm_model SET filter = 'customer_id > 1' WHERE model = 'rts_team';
SELECT rfm_refresh('2024-02-02', 'rts_team');
SELECT model, run_date, customers, run_by, owner FROM rfm_run WHERE model = 'rts_team' ORDER BY run_id;
SET ROLE regress_rfm_noinherit;
SELECT count(*) FROM rfm_model WHERE model LIKE 'rts%';
SELECT rfm_refresh('2024-02-02', 'rts_team');
SET ROLE regress_rfm_team;
UPDATE rfm_model SET filter = NULL WHERE model = 'rts_team';

--
-- What the owner may not read or write
--
SET ROLE regress_rfm_bob;
SELECT rfm_create_model('rts_bob', 'team.orders', 'bob.daily');
RESET ROLE;
GRANT SELECT (customer_id, created_at) ON team.orders TO regress_rfm_bob;
SET ROLE regress_rfm_bob;
SELECT rfm_create_model('rts_bob', 'team.orders', 'bob.daily');
SELECT rfm_create_model('rts_bob', 'team.orders', 'bob.daily', amount => '1', filter => 'seller <> current_user');
SELECT rfm_create_model('rts_bob', 'team.orders', 'bob.daily', amount => '1', filter => 'EXISTS (SELECT FROM super.precious)');
SELECT rfm_create_model('rts_bob', 'team.orders', 'team.bobs', amount => '1');
SELECT rfm_create_model('rts_bob', 'team.orders', 'team.daily', amount => '1');
SELECT rfm_create_model('rts_bob', 'team.orders', 'super.daily', amount => '1');
RESET ROLE;
CREATE TABLE team.spare (LIKE team.daily INCLUDING ALL);
ALTER TABLE team.spare OWNER TO regress_rfm_team;
GRANT SELECT, INSERT, UPDATE ON team.spare, team.daily TO regress_rfm_bob;
SET ROLE regress_rfm_bob;
SELECT rfm_create_model('rts_bob', 'team.orders', 'team.spare', amount => '1');
SELECT rfm_create_model('rts_bob', 'team.orders', 'team.daily', amount => '1', keep_stale => true);
SELECT rfm_create_model('rts_bob', 'team.orders', 'team.spare', amount => '1', keep_stale => true);
SELECT rfm_drop_model('rts_bob');
RESET ROLE;
REVOKE ALL ON team.daily, team.spare FROM regress_rfm_bob;
-- rights that go after the model was made
GRANT SELECT ON team.orders TO regress_rfm_bob;
SET ROLE regress_rfm_bob;
SELECT rfm_create_model('rts_bob', 'team.orders', 'bob.daily');
SELECT rfm_refresh('2024-02-01', 'rts_bob');
RESET ROLE;
REVOKE ALL ON team.orders FROM regress_rfm_bob;
-- whoever calls: a superuser gives the model no more rights
SELECT rfm_refresh('2024-02-02', 'rts_bob');
SELECT count(*) FROM rfm_preview('2024-02-02', 'rts_bob');
GRANT SELECT ON team.orders TO regress_rfm_bob;
ALTER TABLE bob.daily OWNER TO regress_rfm_team;
SELECT rfm_refresh('2024-02-02', 'rts_bob');
ALTER TABLE bob.daily OWNER TO regress_rfm_bob;
REVOKE ALL ON SCHEMA team FROM PUBLIC;
SELECT rfm_refresh('2024-02-02', 'rts_bob');
GRANT USAGE ON SCHEMA team TO PUBLIC;
SELECT rfm_refresh('2024-02-02', 'rts_bob');

--
-- Giving a model away
--
SET ROLE regress_rfm_bob;
UPDATE rfm_model SET owner = 'regress_rfm_team' WHERE model = 'rts_bob';
SET ROLE regress_rfm_ann;
INSERT INTO rfm_model (model, source, target, owner) VALUES ('rts_ann', 'team.orders', 'team.spare', 'regress_rfm_team');
-- not to one who may not use its source
UPDATE rfm_model SET owner = 'regress_rfm_ann' WHERE model = 'rts_ann';
SELECT rfm_drop_model('rts_ann');
RESET ROLE;
UPDATE rfm_model SET owner = 'regress_rfm_eve' WHERE model = 'rts_bob';
-- a superuser can, and what the new owner may is checked
GRANT SELECT ON team.orders TO regress_rfm_ann;
UPDATE rfm_model SET owner = 'regress_rfm_ann' WHERE model = 'rts_bob';
GRANT USAGE ON SCHEMA bob TO regress_rfm_ann;
GRANT ALL ON bob.daily TO regress_rfm_ann;
UPDATE rfm_model SET owner = 'regress_rfm_ann' WHERE model = 'rts_bob';
SET ROLE regress_rfm_bob;
SELECT rfm_refresh('2024-02-03', 'rts_bob');
SET ROLE regress_rfm_ann;
SELECT rfm_refresh('2024-02-03', 'rts_bob');

--
-- Dropping a target: only one that belongs to the model's owner
--
SELECT rfm_drop_model('rts_bob', true);
RESET ROLE;
SELECT rfm_drop_model('rts_bob', true);
SELECT count(*) FROM bob.daily;
SELECT rfm_drop_model('rts_bob');
SELECT count(*) FROM bob.daily;
DROP TABLE bob.daily;
REVOKE ALL ON team.orders FROM regress_rfm_ann;

-- not even where a model could be made over it by switching checks off
SET ROLE regress_rfm_eve;
CREATE TABLE eve.orders (order_id int, customer_id int, created_at timestamptz, total numeric);
INSERT INTO eve.orders SELECT i, i % 7, timestamptz '2024-01-01 12:00+00' + i * interval '1 day', i FROM generate_series(1, 30) i;
BEGIN;
SET LOCAL check_function_bodies = off;
INSERT INTO rfm_model (model, source, target) VALUES ('rts_evil', 'eve.orders', 'super.precious');
ROLLBACK;
BEGIN;
SET LOCAL check_function_bodies = off;
INSERT INTO rfm_model (model, source, target, filter) VALUES ('rts_evil', 'eve.orders', 'eve.orders', 'true) OR (true');
ROLLBACK;
BEGIN;
SET LOCAL check_function_bodies = off;
INSERT INTO rfm_model (model, source, target, owner) VALUES ('rts_evil', 'eve.orders', 'eve.orders', 'regress_rfm_bob');
ROLLBACK;
-- nor by a superuser who restored such a model
RESET ROLE;
BEGIN;
SET LOCAL check_function_bodies = off;
INSERT INTO rfm_model (model, source, target, owner) VALUES ('rts_evil', 'eve.orders', 'super.precious', 'regress_rfm_eve');
SAVEPOINT a;
SELECT rfm_drop_model('rts_evil', true);
ROLLBACK TO a;
SELECT rfm_refresh('2024-02-01', 'rts_evil');
ROLLBACK TO a;
SET LOCAL ROLE regress_rfm_eve;
SELECT rfm_drop_model('rts_evil', true);
ROLLBACK;
SELECT * FROM super.precious;

--
-- A superuser who refreshes the model of an attacker
--
SET ROLE regress_rfm_eve;
CREATE FUNCTION eve.attack(place text) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    RAISE NOTICE '% runs as %', place, current_user;
    BEGIN PERFORM set_config('role', 'none', false); RAISE NOTICE 'became %', current_user;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  role: %', SQLERRM; END;
    BEGIN PERFORM set_config('session_authorization', 'default', false); RAISE NOTICE 'became %', current_user;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  session: %', SQLERRM; END;
    BEGIN PERFORM set_config('search_path', 'eve', false);
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  search_path: %', SQLERRM; END;
    BEGIN PERFORM a FROM super.precious; RAISE NOTICE 'read precious';
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  read: %', SQLERRM; END;
END $$;
CREATE FUNCTION eve.filter(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF total = 30 THEN
        PERFORM eve.attack('the filter');
        BEGIN EXECUTE 'CREATE TEMP TABLE mine (a int)'; RAISE NOTICE 'made a temporary table';
        EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  temp: %', SQLERRM; END;
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION eve.trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM eve.attack('trigger ' || TG_NAME);
    BEGIN EXECUTE 'SET ROLE NONE'; RAISE NOTICE 'became %', current_user;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  SET ROLE: %', SQLERRM; END;
    BEGIN EXECUTE 'RESET ROLE'; RAISE NOTICE 'became %', current_user;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  RESET ROLE: %', SQLERRM; END;
    BEGIN EXECUTE 'SET SESSION AUTHORIZATION regress_rfm_bob'; RAISE NOTICE 'became %', current_user;
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  SESSION AUTHORIZATION: %', SQLERRM; END;
    BEGIN EXECUTE 'CREATE TEMP TABLE mine (a int)'; RAISE NOTICE 'made a temporary table';
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  temp: %', SQLERRM; END;
    BEGIN EXECUTE 'DROP TABLE super.precious'; RAISE NOTICE 'dropped precious';
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  drop: %', SQLERRM; END;
    BEGIN EXECUTE 'PREPARE mine AS SELECT 1'; RAISE NOTICE 'prepared';
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  prepare: %', SQLERRM; END;
    BEGIN EXECUTE 'DECLARE mine CURSOR WITH HOLD FOR SELECT eve.attack(''the cursor'')'; RAISE NOTICE 'cursor declared';
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  cursor: %', SQLERRM; END;
    BEGIN EXECUTE 'LISTEN mine'; RAISE NOTICE 'listening';
    EXCEPTION WHEN OTHERS THEN RAISE NOTICE '  listen: %', SQLERRM; END;
    RETURN NULL;
END $$;
SELECT rfm_create_model('rts_evil', 'eve.orders', 'eve.daily', filter => 'eve.filter(total)');
CREATE TRIGGER evil AFTER INSERT ON eve.daily FOR EACH STATEMENT EXECUTE FUNCTION eve.trigger();
RESET ROLE;
SELECT rfm_refresh('2024-02-01', 'rts_evil');
SELECT count(*) FROM rfm_preview('2024-02-01', 'rts_evil');
SELECT current_user = session_user AS still_superuser, current_setting('search_path') AS search_path,
       (SELECT count(*) FROM pg_prepared_statements WHERE name = 'mine') AS prepared,
       (SELECT count(*) FROM pg_cursors) AS cursors, (SELECT count(*) FROM super.precious) AS precious;
-- a default, a check, a generated column, a domain and an index of the target
SET ROLE regress_rfm_eve;
DROP TRIGGER evil ON eve.daily;
UPDATE rfm_model SET filter = NULL WHERE model = 'rts_evil';
CREATE FUNCTION eve.who(place text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_user <> 'regress_rfm_eve' THEN RAISE EXCEPTION '% ran as %', place, current_user; END IF;
    RETURN true;
END $$;
ALTER TABLE eve.daily ADD extra bool DEFAULT eve.who('default'), ADD CHECK (eve.who('check'));
CREATE INDEX ON eve.daily ((r_score > 0 AND eve.who('index'))) WHERE eve.who('index predicate');
RESET ROLE;
SELECT rfm_refresh('2024-02-02', 'rts_evil');
SET ROLE regress_rfm_eve;
CREATE DOMAIN eve.score AS int CHECK (eve.who('domain') AND VALUE > 0);
ALTER TABLE eve.daily ALTER r_score TYPE eve.score, ADD made bool GENERATED ALWAYS AS (eve.who('generated')) STORED;
CREATE POLICY evil ON eve.daily USING (eve.who('policy'));
ALTER TABLE eve.daily ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE RULE evil AS ON UPDATE TO eve.daily DO ALSO SELECT eve.who('rule');
UPDATE eve.orders SET total = total + 1;
RESET ROLE;
SELECT rfm_refresh('2024-02-02', 'rts_evil');
SELECT rfm_refresh('2024-02-03', 'rts_evil');
SET ROLE regress_rfm_eve;
DROP TABLE eve.daily;
SELECT rfm_drop_model('rts_evil');
-- a source whose view and policy are the attacker's, and casts to a type of hers
CREATE VIEW eve.v AS SELECT * FROM eve.orders WHERE eve.who('view');
CREATE POLICY evil ON eve.orders USING (eve.who('policy of the source'));
ALTER TABLE eve.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT rfm_create_model('rts_evil', 'eve.v', 'eve.daily');
CREATE TYPE eve.label AS (a text);
CREATE FUNCTION eve.label(t text) RETURNS eve.label LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM eve.who('cast'); RETURN ROW(t); END $$;
CREATE CAST (text AS eve.label) WITH FUNCTION eve.label(text) AS ASSIGNMENT;
ALTER TABLE eve.daily ALTER rfm_segment TYPE eve.label;
RESET ROLE;
SELECT rfm_refresh('2024-02-02', 'rts_evil');
SELECT count(*), count(DISTINCT (rfm_segment).a) > 1 AS labelled FROM eve.daily;
-- what would run at the end of the transaction, with the rights of the caller
SET ROLE regress_rfm_eve;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON eve.daily DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION eve.trigger();
RESET ROLE;
SELECT rfm_refresh('2024-02-03', 'rts_evil');
SET ROLE regress_rfm_eve;
SELECT rfm_refresh('2024-02-03', 'rts_evil');
DROP TRIGGER late ON eve.daily;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON eve.daily DEFERRABLE INITIALLY IMMEDIATE
    FOR EACH ROW EXECUTE FUNCTION eve.trigger();
RESET ROLE;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
SELECT rfm_refresh('2024-02-03', 'rts_evil');
ROLLBACK;
SELECT rfm_drop_model('rts_evil', true);

--
-- Row security on the source: the owner's rows, whoever calls
--
ALTER TABLE team.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON team.orders USING (seller = current_user);
GRANT SELECT ON team.orders TO regress_rfm_bob;
SET ROLE regress_rfm_bob;
SELECT rfm_create_model('rts_bob', 'team.orders', 'bob.daily');
SELECT rfm_refresh('2024-02-01', 'rts_bob');
SELECT array_agg(customer_id ORDER BY customer_id) FROM bob.daily;
RESET ROLE;
SELECT rfm_refresh('2024-02-01', 'rts_bob');
SELECT array_agg(customer_id ORDER BY customer_id::int) FROM rfm_preview('2024-02-01', 'rts_bob');
-- the owner of the table is not bound by its policies
SELECT rfm_refresh('2024-02-01', 'rts_team');
-- who asks not to be limited is refused, as anywhere
SET row_security = off;
SELECT rfm_refresh('2024-02-01', 'rts_bob');
RESET row_security;
-- row security on the target: the rows that the owner sees
ALTER TABLE bob.daily ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON bob.daily USING (customer_id <> 1);
SELECT rfm_refresh('2024-02-02', 'rts_bob');
DROP POLICY few ON bob.daily;
CREATE POLICY all_of_them ON bob.daily USING (true);
SELECT rfm_refresh('2024-02-02', 'rts_bob');
SELECT rfm_drop_model('rts_bob', true);
DROP POLICY own ON team.orders;
ALTER TABLE team.orders DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON team.orders FROM regress_rfm_bob;

--
-- Views
--
-- a security barrier: the filter does not see the rows behind it
CREATE VIEW team.shown WITH (security_barrier) AS SELECT * FROM team.orders WHERE customer_id < 3;
GRANT SELECT ON team.shown TO regress_rfm_bob;
SET ROLE regress_rfm_bob;
CREATE FUNCTION bob.leak(customer_id int) RETURNS bool LANGUAGE plpgsql STABLE COST 0.0000001 AS $$
BEGIN IF customer_id >= 3 THEN RAISE NOTICE 'leaked %', customer_id; END IF; RETURN true; END $$;
SELECT rfm_create_model('rts_bob', 'team.shown', 'bob.daily', filter => 'bob.leak(customer_id)');
SELECT rfm_refresh('2024-02-01', 'rts_bob');
SELECT rfm_drop_model('rts_bob', true);
-- columns that change after the model was made
CREATE TABLE bob.orders AS SELECT * FROM team.shown;
CREATE VIEW bob.v AS SELECT customer_id, created_at, total FROM bob.orders;
SELECT rfm_create_model('rts_bob', 'bob.v', 'bob.daily', filter => 'total > 0');
SELECT rfm_refresh('2024-02-01', 'rts_bob');
CREATE OR REPLACE VIEW bob.v AS SELECT customer_id, created_at, total, seller FROM bob.orders;
SELECT rfm_refresh('2024-02-01', 'rts_bob');
ALTER VIEW bob.v RENAME total TO value;
SELECT rfm_refresh('2024-02-01', 'rts_bob');
ALTER VIEW bob.v RENAME value TO total;
ALTER VIEW bob.v RENAME customer_id TO buyer;
SELECT rfm_refresh('2024-02-01', 'rts_bob');
ALTER VIEW bob.v RENAME buyer TO customer_id;
-- the name of a column is now that of another one
ALTER VIEW bob.v RENAME total TO seller_2;
ALTER VIEW bob.v RENAME seller TO total;
SELECT rfm_refresh('2024-02-01', 'rts_bob');
-- dropped and made again it is another view
DROP VIEW bob.v;
CREATE VIEW bob.v AS SELECT customer_id, created_at, total FROM bob.orders;
DO $$
DECLARE detail text; hint text;
BEGIN
    PERFORM rfm_refresh('2024-02-01', 'rts_bob');
EXCEPTION WHEN undefined_table THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE NOTICE E'%\n%\n%', SQLERRM, regexp_replace(detail, '\d+', 'N'), hint;
END $$;
UPDATE rfm_model SET source = 'bob.v' WHERE model = 'rts_bob';
SELECT rfm_refresh('2024-02-01', 'rts_bob');
-- a view reads with the rights of its owner, not of who asks
RESET ROLE;
ALTER VIEW bob.v OWNER TO regress_rfm_eve;
SELECT rfm_refresh('2024-02-01', 'rts_bob');
GRANT SELECT ON bob.v TO regress_rfm_bob;
SELECT rfm_refresh('2024-02-01', 'rts_bob');
ALTER VIEW bob.v OWNER TO regress_rfm_bob;

--
-- A refresh inside a refresh
--
SET ROLE regress_rfm_bob;
SELECT rfm_create_model('rts_other', 'bob.orders', 'bob.other');
CREATE FUNCTION bob.nested(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM public.rfm_refresh('2024-02-01', 'rts_other'); RETURN true; END $$;
CREATE FUNCTION bob.nested_preview(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN EXISTS (SELECT FROM public.rfm_preview('2024-02-01', 'rts_other')); END $$;
CREATE FUNCTION bob.nested_create(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM public.rfm_create_model('rts_third', 'bob.orders', 'bob.third'); RETURN true; END $$;
UPDATE rfm_model SET filter = 'bob.nested(total)' WHERE model = 'rts_bob';
SELECT rfm_refresh('2024-02-02', 'rts_bob');
SELECT count(*) FROM rfm_preview('2024-02-02', 'rts_bob');
UPDATE rfm_model SET filter = 'bob.nested_preview(total)' WHERE model = 'rts_bob';
SELECT rfm_refresh('2024-02-02', 'rts_bob');
UPDATE rfm_model SET filter = 'bob.nested_create(total)' WHERE model = 'rts_bob';
SELECT rfm_refresh('2024-02-02', 'rts_bob');
SELECT count(*) FROM bob.other;
-- after such an error others work
SELECT rfm_refresh('2024-02-01', 'rts_other');
-- a trigger of the target may refresh another model
UPDATE rfm_model SET filter = NULL WHERE model = 'rts_bob';
CREATE FUNCTION bob.next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE NOTICE 'other: %', public.rfm_refresh('2024-02-02', 'rts_other'); RETURN NULL; END $$;
CREATE TRIGGER next AFTER INSERT ON bob.daily FOR EACH STATEMENT EXECUTE FUNCTION bob.next();
SELECT rfm_refresh('2024-02-02', 'rts_bob');
SELECT run_date, count(*) FROM bob.other GROUP BY 1 ORDER BY 1;
-- not one of a role that its owner is no member of
CREATE OR REPLACE FUNCTION bob.next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE NOTICE 'team: %', public.rfm_refresh('2024-02-02', 'rts_team'); RETURN NULL; END $$;
RESET ROLE;
SELECT rfm_refresh('2024-02-03', 'rts_bob');
SELECT rfm_drop_model('rts_bob', true);
SELECT rfm_drop_model('rts_other', true);

--
-- The default model that a superuser asks for belongs to the owner of the orders
--
BEGIN;
DELETE FROM rfm_model WHERE model = 'default';
SET LOCAL client_min_messages = warning;
DROP SCHEMA IF EXISTS ecom CASCADE;
RESET client_min_messages;
CREATE SCHEMA ecom AUTHORIZATION regress_rfm_eve;
SET LOCAL ROLE regress_rfm_eve;
CREATE FUNCTION ecom.who(a numeric) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN RAISE NOTICE 'the view runs as %', current_user; RETURN a; END $$;
CREATE VIEW ecom.orders AS
    SELECT 1 AS order_id, 1 AS customer_id, timestamptz '2024-01-01' AS created_at, ecom.who(5) AS total, 'paid' AS status;
RESET ROLE;
SELECT count(*) FROM rfm_preview('2024-02-01');
SELECT rfm_refresh('2024-02-01');
SELECT model, owner, filter FROM rfm_model WHERE model = 'default';
SELECT relowner::regrole FROM pg_class WHERE oid = 'ecom.customer_rfm_daily'::regclass;
-- others cannot take it
SET LOCAL ROLE regress_rfm_bob;
SAVEPOINT a;
SELECT rfm_refresh('2024-02-01');
ROLLBACK TO a;
SELECT rfm_drop_model('default');
ROLLBACK;

-- nor can who may not read the orders make it
BEGIN;
DELETE FROM rfm_model WHERE model = 'default';
SET LOCAL client_min_messages = warning;
DROP SCHEMA IF EXISTS ecom CASCADE;
CREATE SCHEMA ecom AUTHORIZATION regress_rfm_team;
GRANT USAGE ON SCHEMA ecom TO PUBLIC;
SET LOCAL ROLE regress_rfm_team;
CREATE TABLE ecom.orders (order_id int, customer_id int, created_at timestamptz, total numeric, status text);
SET LOCAL ROLE regress_rfm_bob;
SELECT rfm_refresh('2024-02-01');
ROLLBACK;

--
-- What parallel workers send is believed, so nobody may make it up: no value has
-- the type internal, and only a superuser's aggregate has a state of that type
--
SELECT p.oid::regprocedure, proisstrict AS strict
  FROM pg_proc p
 WHERE pronamespace = 'rfm_internal'::regnamespace AND prorettype = 'internal'::regtype
   AND ('internal'::regtype <> ALL (proargtypes) OR 'bytea'::regtype = ANY (proargtypes))
 ORDER BY proname;
SET ROLE regress_rfm_bob;
\set VERBOSITY terse
SELECT rfm_internal.collect_deserialize('\xff', NULL);
SELECT rfm_internal.quantile_deserialize('\xff', NULL);
\set VERBOSITY default
CREATE AGGREGATE bob.forged("any", "any", "any") (SFUNC = rfm_internal.collect_trans, STYPE = internal);
CREATE AGGREGATE bob.forged(int) (SFUNC = int4pl, STYPE = int, FINALFUNC = rfm_internal.collect_final);
CREATE AGGREGATE bob.forged(bytea) (SFUNC = byteacat, STYPE = bytea, FINALFUNC = rfm_internal.collect_deserialize, FINALFUNC_EXTRA);
CREATE AGGREGATE bob.forged(bytea) (SFUNC = byteacat, STYPE = bytea, FINALFUNC = rfm_internal.collect_deserialize);
RESET ROLE;

--
-- An owner who is gone
--
CREATE ROLE regress_rfm_gone;
GRANT SELECT ON team.orders TO regress_rfm_gone;
GRANT ALL ON team.daily TO regress_rfm_gone;
UPDATE rfm_model SET owner = 'regress_rfm_gone' WHERE model = 'rts_team';
DROP OWNED BY regress_rfm_gone;
DROP ROLE regress_rfm_gone;
DO $$
DECLARE detail text; hint text;
BEGIN
    PERFORM rfm_refresh('2024-02-01', 'rts_team');
EXCEPTION WHEN undefined_object THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE NOTICE E'%\n%\n%', SQLERRM, regexp_replace(detail, '\d+', 'N'), hint;
END $$;
UPDATE rfm_model SET owner = 'regress_rfm_team' WHERE model = 'rts_team';
SELECT rfm_refresh('2024-02-01', 'rts_team');
SELECT rfm_drop_model('rts_team', true);

SELECT count(*) AS models_left FROM rfm_model WHERE model LIKE 'rts%';
SET client_min_messages = warning;
DELETE FROM rfm_run WHERE model LIKE 'rts%';
DROP SCHEMA team, bob, eve, super CASCADE;
DROP ROLE regress_rfm_team, regress_rfm_ann, regress_rfm_bob, regress_rfm_eve, regress_rfm_noinherit;

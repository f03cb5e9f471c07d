--
-- DROP OWNED drops the models of a role whose targets it has dropped
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_rfm_leaver;
CREATE ROLE regress_rfm_heir;
CREATE ROLE regress_rfm_clerk;
CREATE SCHEMA own;
GRANT USAGE, CREATE ON SCHEMA own TO PUBLIC;
CREATE TABLE own.orders (customer_id int, created_at timestamptz, total numeric(12,2));
INSERT INTO own.orders SELECT i % 50, timestamptz '2024-06-30 12:00+00' - i * interval '7 hours', 1 + i % 97 FROM generate_series(1, 500) i;
GRANT SELECT ON own.orders TO PUBLIC;
RESET client_min_messages;

SET ROLE regress_rfm_leaver;
SELECT rfm_copy_ruleset('sum5', 'own rules');
SELECT rfm_create_model('own one', 'own.orders', 'own.one', segment_rules => 'own rules');
SELECT rfm_create_model('own "two''s"', 'own.orders', 'own.two');
SELECT rfm_refresh('2024-06-30', 'own one'), rfm_refresh('2024-06-30', 'own "two''s"');
SET ROLE regress_rfm_heir;
SELECT rfm_create_model('own other', 'own.orders', 'own.other');
RESET ROLE;
CREATE VIEW own.models AS
    SELECT m.model, m.owner, to_regclass(m.target::text) IS NOT NULL AS target, (SELECT count(*) FROM rfm_run r WHERE r.model_id = m.model_id) AS runs
      FROM rfm_model m WHERE m.model LIKE 'own %' ORDER BY m.model;

-- a right of PostgreSQL's, not of rfm's
SET ROLE regress_rfm_clerk;
\set VERBOSITY terse
DROP OWNED BY regress_rfm_leaver;
\set VERBOSITY default
RESET ROLE;
-- who owns no model needs no right on the extension
REVOKE SELECT ON rfm_model FROM PUBLIC;
SET ROLE regress_rfm_clerk;
DROP OWNED BY regress_rfm_clerk;
RESET ROLE;
GRANT SELECT ON rfm_model TO PUBLIC;
SELECT * FROM own.models;

-- all that a role has goes with it, and nobody else's
BEGIN;
DROP OWNED BY regress_rfm_leaver;
SELECT * FROM own.models;
SELECT count(*) FROM rfm_run WHERE model LIKE 'own %';
ROLLBACK;
SELECT * FROM own.models;
-- the same by the role itself
BEGIN;
SET LOCAL ROLE regress_rfm_leaver;
DROP OWNED BY CURRENT_ROLE;
RESET ROLE;
SELECT * FROM own.models;
ROLLBACK;

-- REASSIGN OWNED has no event: the models stay behind, and the next refresh has
-- the statement; so has DROP OWNED, which does not drop them
REASSIGN OWNED BY regress_rfm_leaver TO regress_rfm_heir;
SELECT rfm_refresh('2024-06-30', 'own one');
DROP OWNED BY regress_rfm_leaver;
SELECT * FROM own.models;
UPDATE rfm_model SET owner = 'regress_rfm_heir' WHERE model = 'own one';
UPDATE rfm_model SET owner = 'regress_rfm_heir' WHERE model = 'own "two''s"';
UPDATE rfm_ruleset SET owner = 'regress_rfm_heir' WHERE owner = 'regress_rfm_leaver'::regrole;
DROP ROLE regress_rfm_leaver;
SET ROLE regress_rfm_heir;
SELECT rfm_refresh('2024-06-30', 'own one'), rfm_refresh('2024-07-01', 'own "two''s"');
RESET ROLE;
SELECT * FROM own.models;

-- of several roles at once
GRANT regress_rfm_heir TO regress_rfm_clerk;
SET ROLE regress_rfm_clerk;
DROP OWNED BY regress_rfm_clerk, regress_rfm_heir;
RESET ROLE;
SELECT * FROM own.models;
SELECT rfm_drop_ruleset('own rules');
DROP ROLE regress_rfm_clerk, regress_rfm_heir;

-- the trigger function is of no use elsewhere
SELECT rfm_internal.owner_trigger();
CREATE EVENT TRIGGER own_event ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION rfm_internal.owner_trigger();
CREATE SCHEMA own2;
DROP EVENT TRIGGER own_event;

SET client_min_messages = warning;
DROP SCHEMA own CASCADE;

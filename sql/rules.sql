--
-- Rule sets: what ships, what is refused, who may change what, and coverage.
--
\set SHOW_CONTEXT never
\pset null -
SET client_min_messages = warning;

--
-- The shipped sets
--
SELECT ruleset, priority, label, r, f, m, total
FROM rfm_segment_rule WHERE shipped ORDER BY ruleset, priority;

-- cells taken by each rule, rules that never match, cells that no rule takes
SELECT ruleset, c.priority, c.label, c.status, count(*) AS cells
FROM (VALUES ('classic11'), ('quartile11'), ('sum5'), ('traits5')) AS v(ruleset),
     LATERAL rfm_segment_coverage(ruleset) c
GROUP BY ruleset, c.priority, c.label, c.status
ORDER BY ruleset, c.status, c.priority;
SELECT string_agg(concat(r, f, m), ' ' ORDER BY r, f, m) AS others
FROM rfm_segment_coverage('traits5') WHERE status = 'not taken';

-- against the same definition written another way
SELECT ruleset, count(*) AS differ
FROM (VALUES ('classic11', 5), ('quartile11', 4), ('sum5', 5), ('traits5', 5)) AS v(ruleset, k),
     LATERAL (
        (SELECT x, y, z, (SELECT s.label FROM rfm_segment_rule s
                          WHERE s.ruleset = v.ruleset
                            AND NOT EXISTS (SELECT FROM (VALUES (s.r, x), (s.f, y), (s.m, z), (s.total, x + y + z)) a(span, score)
                                            WHERE NOT (span @> score))
                          ORDER BY s.priority LIMIT 1) AS label
         FROM generate_series(1, k) x, generate_series(1, k) y, generate_series(1, k) z)
        EXCEPT
        SELECT c.r, c.f, c.m, CASE c.status WHEN 'taken' THEN c.label END
        FROM rfm_segment_coverage(v.ruleset) c
     ) d
GROUP BY ruleset;

--
-- Shipped sets are refused to everyone
--
UPDATE rfm_segment_rule SET label = 'Best' WHERE ruleset = 'sum5' AND priority = 10;
DELETE FROM rfm_segment_rule WHERE ruleset = 'classic11';
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('traits5', 999, 'Rest');
INSERT INTO rfm_segment_rule (ruleset, priority, label, shipped) VALUES ('regress_new', 1, 'Rest', true);
TRUNCATE rfm_segment_rule;

--
-- Copying
--
SELECT rfm_copy_ruleset('traits5', 'regress_traits');
SELECT count(*), bool_or(shipped) AS shipped, count(DISTINCT owner) AS owners
FROM rfm_segment_rule WHERE ruleset = 'regress_traits';
(SELECT priority, label, r, f, m, total FROM rfm_segment_rule WHERE ruleset = 'traits5'
 EXCEPT ALL
 SELECT priority, label, r, f, m, total FROM rfm_segment_rule WHERE ruleset = 'regress_traits');
SELECT rfm_copy_ruleset('traits5', 'regress_traits');
SELECT rfm_copy_ruleset('traits5', 'sum5');
SELECT rfm_copy_ruleset('traits5', ' ');
SELECT rfm_copy_ruleset('traits5', NULL);
SELECT rfm_copy_ruleset('regress_none', 'regress_other');
-- where the shipped set has gaps, the copy can close them
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_traits', 1000, 'Middle');
SELECT status, count(*) FROM rfm_segment_coverage('regress_traits') GROUP BY status ORDER BY status;
DELETE FROM rfm_segment_rule WHERE ruleset = 'regress_traits';

--
-- Each rule by itself
--
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('', 1, 'x');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES (E' \t', 1, 'x');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_a', 1, E'\n ');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_a', 1, NULL);
INSERT INTO rfm_segment_rule (ruleset, priority, label, r) VALUES ('regress_a', 1, 'x', 'empty');
INSERT INTO rfm_segment_rule (ruleset, priority, label, f) VALUES ('regress_a', 1, 'x', '[3,3)');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r) VALUES ('regress_a', 1, 'x', '[0,3]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, f) VALUES ('regress_a', 1, 'x', '(,0]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, m) VALUES ('regress_a', 1, 'x', '[11,)');
INSERT INTO rfm_segment_rule (ruleset, priority, label, m) VALUES ('regress_a', 1, 'x', '[5,11]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, total) VALUES ('regress_a', 1, 'x', '[2,4]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, total) VALUES ('regress_a', 1, 'x', '[20,31]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r, f, m, total)
VALUES ('regress_a', -1, 'x', '[1,10]', '[10,)', '(,1]', '[3,30]'),
       ('regress_a', 2, 'y', '(,)', NULL, NULL, NULL);
UPDATE rfm_segment_rule SET r = '[4,12]' WHERE ruleset = 'regress_a' AND priority = 2;
SELECT priority, label, r, f, m, total FROM rfm_segment_rule WHERE ruleset = 'regress_a' ORDER BY priority;

--
-- A rule set against buckets
--
SELECT rfm_internal.check_ruleset('sum5', '{5}');
SELECT rfm_internal.check_ruleset('traits5', '{5,5,5}');
SELECT rfm_internal.check_ruleset('quartile11', '{10}');
SELECT rfm_internal.check_ruleset('traits5', '{4}');
SELECT rfm_internal.check_ruleset('traits5', '{5,5,3}');
SELECT rfm_internal.check_ruleset('sum5', '{5,5,4}');
SELECT rfm_internal.check_ruleset('regress_none', '{5}');
SELECT rfm_internal.check_ruleset('sum5', '{1}');
SELECT rfm_internal.check_ruleset('sum5', '{5,5}');
SELECT rfm_internal.check_ruleset('sum5', '{5,NULL,5}');
SELECT rfm_internal.check_ruleset('sum5', NULL);

--
-- Coverage: order, gaps, dead rules, and the buckets it takes
--
DELETE FROM rfm_segment_rule WHERE ruleset = 'regress_a';
INSERT INTO rfm_segment_rule (ruleset, priority, label, r, f, m)
VALUES ('regress_a', 10, 'Top',     '[2,)', '[2,)', NULL),
       ('regress_a', 20, 'Dead',    '[2,2]', '[2,2]', '[1,1]'),
       ('regress_a', 30, 'Recent',  '[2,)', NULL, NULL),
       ('regress_a', 40, 'Dead 2',  '[2,2]', NULL, NULL),
       ('regress_a', 50, 'Spender', NULL, NULL, '[2,)');
SELECT * FROM rfm_segment_coverage('regress_a');
SELECT max(r) AS r, max(f) AS f, max(m) AS m, count(*) FROM rfm_segment_coverage('regress_a', '{3,2,4}');
SELECT * FROM rfm_segment_coverage('regress_none');
SELECT * FROM rfm_segment_coverage('sum5', '{11}');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_any', 1, 'All');
SELECT max(r) AS k, count(*), min(label) AS label FROM rfm_segment_coverage('regress_any');
DELETE FROM rfm_segment_rule WHERE ruleset IN ('regress_a', 'regress_any');

--
-- Who may change what
--
CREATE ROLE regress_rfm_team;
CREATE ROLE regress_rfm_ann IN ROLE regress_rfm_team;
CREATE ROLE regress_rfm_bob;

SET ROLE regress_rfm_ann;
SELECT rfm_copy_ruleset('sum5', 'regress_ann');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r) VALUES ('regress_ann', 5, 'Now', '[5,)');
INSERT INTO rfm_segment_rule (ruleset, priority, label, owner) VALUES ('regress_team', 1, 'All', 'regress_rfm_team');
-- without an owner a rule goes to the owner of its set
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_team', 2, 'Rest');
SELECT ruleset, priority, label, owner, shipped FROM rfm_segment_rule
WHERE ruleset IN ('regress_ann', 'regress_team') ORDER BY ruleset, priority;
INSERT INTO rfm_segment_rule (ruleset, priority, label, owner) VALUES ('regress_ann', 6, 'x', 'regress_rfm_bob');
INSERT INTO rfm_segment_rule (ruleset, priority, label, owner) VALUES ('regress_ann', 6, 'x', 'regress_rfm_team');
UPDATE rfm_segment_rule SET owner = 'regress_rfm_bob' WHERE ruleset = 'regress_ann';
UPDATE rfm_segment_rule SET label = 'x' WHERE ruleset = 'sum5';
UPDATE rfm_segment_rule SET shipped = true WHERE ruleset = 'regress_ann';
INSERT INTO rfm_segment_rule (ruleset, priority, label, shipped) VALUES ('regress_new', 1, 'x', true);
UPDATE rfm_segment_rule SET ruleset = 'sum5' WHERE ruleset = 'regress_ann' AND priority = 5;

SET ROLE regress_rfm_bob;
SELECT count(*) AS readable FROM rfm_segment_rule WHERE ruleset = 'regress_ann';
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_ann', 1, 'Bob''s');
INSERT INTO rfm_segment_rule (ruleset, priority, label, owner) VALUES ('regress_ann', 1, 'Bob''s', 'regress_rfm_ann');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_ann', 5, 'Bob''s')
    ON CONFLICT (ruleset, priority) DO UPDATE SET label = excluded.label;
-- rows of others are out of reach
UPDATE rfm_segment_rule SET label = 'Bob''s' WHERE ruleset = 'regress_ann';
DELETE FROM rfm_segment_rule WHERE ruleset IN ('regress_ann', 'regress_team');
SELECT rfm_copy_ruleset('regress_ann', 'regress_team');
SELECT rfm_copy_ruleset('regress_ann', 'regress_bob');
UPDATE rfm_segment_rule SET ruleset = 'regress_ann' WHERE ruleset = 'regress_bob' AND priority = 50;
-- an old snapshot could not see whose set it is
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_new', 1, 'x');
ROLLBACK;
TRUNCATE rfm_segment_rule;
RESET ROLE;

-- a superuser may fill in anyone's, as a restore does, and give a set away
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_ann', 7, 'By the DBA');
SELECT DISTINCT owner FROM rfm_segment_rule WHERE ruleset = 'regress_ann';
COPY rfm_segment_rule (ruleset, priority, label, r, f, m, total, owner, shipped) FROM stdin;
regress_copy	1	One	[4,)	\N	\N	\N	regress_rfm_ann	f
regress_copy	2	Two	\N	\N	\N	[3,9)	regress_rfm_ann	f
\.
UPDATE rfm_segment_rule SET owner = 'regress_rfm_bob' WHERE ruleset = 'regress_copy' AND priority = 1;
UPDATE rfm_segment_rule SET owner = 'regress_rfm_bob' WHERE ruleset = 'regress_copy';
SELECT ruleset, priority, label, r, f, m, total, owner FROM rfm_segment_rule WHERE ruleset = 'regress_copy' ORDER BY priority;

DELETE FROM rfm_segment_rule WHERE NOT shipped AND ruleset LIKE 'regress%';

--
-- With models.  From here on the test needs rfm_create_model.
--
CREATE SCHEMA regress_rfm_ann AUTHORIZATION regress_rfm_ann;
CREATE SCHEMA regress_rfm_bob AUTHORIZATION regress_rfm_bob;

SET ROLE regress_rfm_ann;
CREATE TABLE regress_rfm_ann.orders (order_id bigint, customer_id bigint, created_at timestamptz, total numeric, status text);
INSERT INTO rfm_segment_rule (ruleset, priority, label, r, f, total)
VALUES ('regress_ann', 10, 'Top',    '[4,)', '[3,4]', NULL),
       ('regress_ann', 20, 'Second', '(,3]', NULL, '[6,12]');
-- a model on a rule set that is not there, or not for its buckets
DO $$ BEGIN PERFORM rfm_create_model(model => 'regress_ann', source => 'regress_rfm_ann.orders', target => 'regress_rfm_ann.rfm',
    comment_rules => 'regress_none'); END $$;
DO $$ BEGIN PERFORM rfm_create_model(model => 'regress_ann', source => 'regress_rfm_ann.orders', target => 'regress_rfm_ann.rfm',
    buckets => '{4}', segment_rules => 'quartile11'); END $$;
DO $$ BEGIN PERFORM rfm_create_model(model => 'regress_ann', source => 'regress_rfm_ann.orders', target => 'regress_rfm_ann.rfm',
    buckets => '{4}', segment_rules => 'quartile11', comment_rules => 'regress_ann'); END $$;
-- coverage follows the model
SELECT max(r) AS r, max(f) AS f, max(m) AS m, count(*) FROM rfm_segment_coverage('quartile11');
-- changes that leave the model's buckets
UPDATE rfm_segment_rule SET r = '[4,5]' WHERE ruleset = 'regress_ann' AND priority = 10;
INSERT INTO rfm_segment_rule (ruleset, priority, label, total) VALUES ('regress_ann', 30, 'Third', '[13,)');
-- changes that stay within
UPDATE rfm_segment_rule SET r = '[3,4]' WHERE ruleset = 'regress_ann' AND priority = 10;
UPDATE rfm_segment_rule SET priority = 15 WHERE ruleset = 'regress_ann' AND priority = 10;
-- the last rule stays while a model uses the set
DELETE FROM rfm_segment_rule WHERE ruleset = 'regress_ann' AND priority = 20;
DELETE FROM rfm_segment_rule WHERE ruleset = 'regress_ann';
UPDATE rfm_segment_rule SET ruleset = 'regress_moved' WHERE ruleset = 'regress_ann';
SELECT ruleset, priority, label, r, f, m, total FROM rfm_segment_rule WHERE ruleset LIKE 'regress%' ORDER BY ruleset, priority;
-- of another's model no name is told
SELECT rfm_copy_ruleset('classic11', 'regress_shared');
SET ROLE regress_rfm_bob;
CREATE TABLE regress_rfm_bob.orders (order_id bigint, customer_id bigint, created_at timestamptz, total numeric, status text);
DO $$ BEGIN PERFORM rfm_create_model(model => 'regress_bob', source => 'regress_rfm_bob.orders', target => 'regress_rfm_bob.rfm',
    segment_rules => 'regress_shared'); END $$;
SET ROLE regress_rfm_ann;
UPDATE rfm_segment_rule SET m = '[4,6]' WHERE ruleset = 'regress_shared' AND priority = 10;
DELETE FROM rfm_segment_rule WHERE ruleset = 'regress_shared';
RESET ROLE;
UPDATE rfm_segment_rule SET m = '[4,6]' WHERE ruleset = 'regress_shared' AND priority = 10;
DO $$ BEGIN PERFORM rfm_drop_model('regress_ann'); PERFORM rfm_drop_model('regress_bob'); END $$;
DELETE FROM rfm_segment_rule WHERE ruleset LIKE 'regress%';

DROP SCHEMA regress_rfm_ann, regress_rfm_bob CASCADE;
DROP ROLE regress_rfm_ann, regress_rfm_bob, regress_rfm_team;
SELECT count(*) AS left_over FROM rfm_segment_rule WHERE NOT shipped;

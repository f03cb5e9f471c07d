--
-- Rule sets: what ships, what is refused, who may change what, and coverage.
--
\set SHOW_CONTEXT never
\pset null -
SET client_min_messages = warning;

-- every range whose bounds lie in and around those of an axis, in a set of few buckets
CREATE FUNCTION regress_try_ranges() RETURNS TABLE (axis text, low int, high int, first int, last int, taken bool) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_tried', '{4,2,3}');
    FOR axis, low, high, first, last IN
        SELECT a.*, f, l
        FROM (VALUES ('r', 1, 4), ('f', 1, 2), ('m', 1, 3), ('total', 3, 9)) AS a,
             (SELECT generate_series(-1, 11) UNION SELECT NULL) AS f(f), (SELECT generate_series(-1, 11) UNION SELECT NULL) AS l(l)
        WHERE coalesce(f, -9) <= coalesce(l, 99)
    LOOP
        BEGIN
            EXECUTE format('INSERT INTO rfm_segment_rule (ruleset, priority, label, %I) VALUES (''regress_tried'', 1, ''x'', int4range(%L, %L, ''[]''))', axis, first, last);
            PERFORM rfm_drop_rule('regress_tried', 1);
            taken := true;
        EXCEPTION WHEN check_violation THEN
            taken := false;
        END;
        RETURN NEXT;
    END LOOP;
    PERFORM rfm_drop_ruleset('regress_tried');
END
$$;

--
-- The shipped sets
--
SELECT ruleset, owner = (SELECT relowner FROM pg_class WHERE oid = 'rfm_ruleset'::regclass) AS of_the_extension, buckets
FROM rfm_ruleset WHERE shipped ORDER BY ruleset;
SELECT s.ruleset, priority, label, r, f, m, total
FROM rfm_segment_rule s JOIN rfm_ruleset USING (ruleset) WHERE shipped ORDER BY s.ruleset, priority;

-- cells taken by each rule, rules that never match, cells that no rule takes
SELECT s.ruleset, c.priority, c.label, c.status, count(*) AS cells
FROM rfm_ruleset s, LATERAL rfm_segment_coverage(s.ruleset) c
WHERE s.shipped
GROUP BY s.ruleset, c.priority, c.label, c.status
ORDER BY s.ruleset, c.status, c.priority;
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
TRUNCATE rfm_segment_rule;
UPDATE rfm_ruleset SET description = 'x' WHERE ruleset = 'sum5';
UPDATE rfm_ruleset SET shipped = false WHERE ruleset = 'sum5';
DELETE FROM rfm_ruleset WHERE ruleset = 'classic11';
TRUNCATE rfm_ruleset CASCADE;
SELECT rfm_drop_ruleset('quartile11');
SELECT rfm_drop_rule('quartile11', 10);
INSERT INTO rfm_ruleset (ruleset, shipped) VALUES ('regress_new', true);

--
-- Making a set, and copying one
--
INSERT INTO rfm_ruleset (ruleset, description) VALUES ('regress_told', 'who is told what');
INSERT INTO rfm_segment_rule (ruleset, priority, label, m, description, action)
VALUES ('regress_told', 10, 'Top', '[4,)', 'spend much', 'thank them'),
       ('regress_told', 20, 'Rest', NULL, NULL, NULL);
SELECT rfm_copy_ruleset('regress_told', 'regress_copy');
SELECT ruleset, buckets, shipped, description FROM rfm_ruleset WHERE ruleset LIKE 'regress%' ORDER BY ruleset;
SELECT * FROM rfm_segment_rule WHERE ruleset LIKE 'regress%' ORDER BY ruleset, priority;
SELECT rfm_copy_ruleset('traits5', 'regress_traits');
(SELECT priority, label, r, f, m, total, description, action FROM rfm_segment_rule WHERE ruleset = 'traits5'
 EXCEPT ALL
 SELECT priority, label, r, f, m, total, description, action FROM rfm_segment_rule WHERE ruleset = 'regress_traits');
SELECT rfm_copy_ruleset('traits5', 'regress_traits');
SELECT rfm_copy_ruleset('traits5', 'sum5');
\set VERBOSITY terse
SELECT rfm_copy_ruleset('traits5', ' ');
\set VERBOSITY default
SELECT rfm_copy_ruleset(NULL, 'regress_other');
SELECT rfm_copy_ruleset('regress_none', 'regress_other');
-- where the shipped set has gaps, the copy can close them
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_traits', 1000, 'Middle');
SELECT status, count(*) FROM rfm_segment_coverage('regress_traits') GROUP BY status ORDER BY status;
-- a rule needs its set
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_none', 1, 'x');
UPDATE rfm_segment_rule SET ruleset = 'regress_none' WHERE ruleset = 'regress_copy';
-- what cannot change
UPDATE rfm_ruleset SET ruleset = 'regress_other' WHERE ruleset = 'regress_copy';
UPDATE rfm_ruleset SET buckets = '{4}' WHERE ruleset = 'regress_copy';
UPDATE rfm_ruleset SET shipped = true WHERE ruleset = 'regress_copy';
UPDATE rfm_ruleset SET description = 'another', buckets = '{5}' WHERE ruleset = 'regress_copy' RETURNING ruleset, buckets, description;

--
-- Removing
--
SELECT rfm_drop_rule('regress_copy', 10);
SELECT rfm_drop_rule('regress_copy', 10);
SELECT rfm_drop_rule('regress_none', 10);
SELECT rfm_drop_rule(NULL, 10);
SELECT rfm_drop_rule('regress_copy', NULL);
-- without rules a set is empty, and still there
SELECT rfm_drop_rule('regress_copy', 20);
SELECT count(*), min(label) AS label, min(status) AS status FROM rfm_segment_coverage('regress_copy');
SELECT rfm_drop_ruleset('regress_copy'), rfm_drop_ruleset('regress_told'), rfm_drop_ruleset('regress_traits');
SELECT rfm_drop_ruleset('regress_told');
SELECT rfm_drop_ruleset(NULL);
SELECT count(*) AS left_over FROM rfm_segment_rule WHERE ruleset LIKE 'regress%';

--
-- Each rule by itself
--
\set VERBOSITY terse
INSERT INTO rfm_ruleset (ruleset) VALUES ('');
INSERT INTO rfm_ruleset (ruleset) VALUES (E' \t');
INSERT INTO rfm_ruleset (ruleset) VALUES (NULL);
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_a', '{10}'), ('regress_b', '{4,3,2}');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_a', 1, E'\n ');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_a', 1, NULL);
\set VERBOSITY default
INSERT INTO rfm_segment_rule (ruleset, priority, label, r) VALUES ('regress_a', 1, 'x', 'empty');
INSERT INTO rfm_segment_rule (ruleset, priority, label, f) VALUES ('regress_a', 1, 'x', '[3,3)');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r) VALUES ('regress_a', 1, 'x', '[0,3]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, f) VALUES ('regress_a', 1, 'x', '(,0]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, m) VALUES ('regress_a', 1, 'x', '[11,)');
INSERT INTO rfm_segment_rule (ruleset, priority, label, m) VALUES ('regress_a', 1, 'x', '[5,11]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, total) VALUES ('regress_a', 1, 'x', '[2,4]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, total) VALUES ('regress_a', 1, 'x', '[20,31]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, f) VALUES ('regress_b', 1, 'x', '[1,4]');
INSERT INTO rfm_segment_rule (ruleset, priority, label, total) VALUES ('regress_b', 1, 'x', '[10,)');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r, f, m, total)
VALUES ('regress_a', -1, 'x', '[1,10]', '[10,)', '(,1]', '[3,30]'),
       ('regress_a', 2, 'y', '(,)', NULL, NULL, NULL),
       ('regress_b', 1, 'z', '[4,4]', '[3,3]', '[2,2]', '[9,9]');
UPDATE rfm_segment_rule SET r = '[4,12]' WHERE ruleset = 'regress_a' AND priority = 2;
UPDATE rfm_segment_rule SET ruleset = 'regress_b' WHERE ruleset = 'regress_a' AND priority = -1;
SELECT ruleset, priority, label, r, f, m, total FROM rfm_segment_rule WHERE ruleset LIKE 'regress%' ORDER BY ruleset, priority;
-- every range around the bounds of each axis: taken exactly when it lies within
SELECT count(*) AS tried, count(*) FILTER (WHERE taken) AS taken,
       count(*) FILTER (WHERE taken <> (coalesce(first, low) BETWEEN low AND high AND coalesce(last, high) BETWEEN low AND high)) AS wrong
FROM regress_try_ranges();

--
-- Buckets
--
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_c', '{1}');
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_c', '{11}');
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_c', '{5,5}');
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_c', '{5,NULL,5}');
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_c', '{}');
\set VERBOSITY terse
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_c', NULL);
\set VERBOSITY default

--
-- Coverage: order, gaps, dead rules, and the buckets of the set
--
SELECT rfm_drop_ruleset('regress_a'), rfm_drop_ruleset('regress_b');
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_a', '{2}'), ('regress_any', '{3,2,4}');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r, f, m)
VALUES ('regress_a', 10, 'Top',     '[2,)', '[2,)', NULL),
       ('regress_a', 20, 'Dead',    '[2,2]', '[2,2]', '[1,1]'),
       ('regress_a', 30, 'Recent',  '[2,)', NULL, NULL),
       ('regress_a', 40, 'Dead 2',  '[2,2]', NULL, NULL),
       ('regress_a', 50, 'Spender', NULL, NULL, '[2,)');
SELECT * FROM rfm_segment_coverage('regress_a');
SELECT * FROM rfm_segment_coverage('regress_none');
SELECT * FROM rfm_segment_coverage(NULL);
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_any', 1, 'All');
SELECT max(r) AS r, max(f) AS f, max(m) AS m, count(*), min(label) AS label FROM rfm_segment_coverage('regress_any');
SELECT rfm_drop_ruleset('regress_a'), rfm_drop_ruleset('regress_any');

--
-- Who may change what
--
CREATE ROLE regress_rfm_team;
CREATE ROLE regress_rfm_ann IN ROLE regress_rfm_team;
CREATE ROLE regress_rfm_bob;

SET ROLE regress_rfm_ann;
SELECT rfm_copy_ruleset('sum5', 'regress_ann');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r) VALUES ('regress_ann', 5, 'Now', '[5,)');
INSERT INTO rfm_ruleset (ruleset, owner) VALUES ('regress_team', 'regress_rfm_team');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_team', 1, 'All'), ('regress_team', 2, 'Rest');
SELECT ruleset, owner, count(*) FROM rfm_segment_rule JOIN rfm_ruleset USING (ruleset) WHERE NOT shipped GROUP BY ruleset, owner ORDER BY ruleset;
INSERT INTO rfm_ruleset (ruleset, owner) VALUES ('regress_new', 'regress_rfm_bob');
INSERT INTO rfm_ruleset (ruleset, shipped) VALUES ('regress_new', true);
UPDATE rfm_ruleset SET owner = 'regress_rfm_bob' WHERE ruleset = 'regress_ann';
UPDATE rfm_ruleset SET owner = 'regress_rfm_team', description = 'ours' WHERE ruleset = 'regress_ann';
UPDATE rfm_segment_rule SET ruleset = 'sum5' WHERE ruleset = 'regress_ann' AND priority = 5;
-- shipped rules say so; of rows that are out of reach none is changed
UPDATE rfm_segment_rule SET label = 'x' WHERE ruleset = 'sum5';
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('sum5', 1, 'x');
UPDATE rfm_ruleset SET description = 'x' WHERE ruleset = 'sum5' RETURNING ruleset;
SELECT rfm_drop_ruleset('sum5');
SELECT rfm_drop_rule('sum5', 10);
-- nor can they be locked; rights on whole tables would let anyone do that
SELECT count(*) FROM (SELECT FROM rfm_ruleset WHERE shipped FOR UPDATE) s;
SELECT count(*) FROM (SELECT FROM rfm_ruleset WHERE shipped FOR KEY SHARE) s;
DELETE FROM rfm_segment_rule WHERE ruleset = 'regress_ann';
DELETE FROM rfm_ruleset WHERE ruleset = 'regress_ann';
TRUNCATE rfm_segment_rule;
BEGIN;
LOCK TABLE rfm_ruleset IN SHARE MODE;
ROLLBACK;
BEGIN;
LOCK TABLE rfm_segment_rule IN SHARE ROW EXCLUSIVE MODE;
ROLLBACK;

SET ROLE regress_rfm_bob;
SELECT count(*) AS readable FROM rfm_segment_rule WHERE ruleset = 'regress_ann';
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_ann', 1, 'Bob''s');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_ann', 5, 'Bob''s')
    ON CONFLICT (ruleset, priority) DO UPDATE SET label = excluded.label;
INSERT INTO rfm_ruleset (ruleset) VALUES ('regress_ann') ON CONFLICT (ruleset) DO UPDATE SET owner = excluded.owner;
-- rows of others are out of reach
UPDATE rfm_segment_rule SET label = 'Bob''s' WHERE ruleset = 'regress_ann' RETURNING label;
UPDATE rfm_ruleset SET owner = 'regress_rfm_bob' WHERE ruleset = 'regress_ann' RETURNING owner;
SELECT count(*) FROM (SELECT FROM rfm_segment_rule WHERE ruleset = 'regress_ann' FOR UPDATE) s;
SELECT rfm_drop_ruleset('regress_ann');
SELECT rfm_drop_rule('regress_team', 1);
SELECT rfm_internal.own_ruleset('regress_ann');
SELECT rfm_copy_ruleset('regress_ann', 'regress_team');
SELECT rfm_copy_ruleset('regress_ann', 'regress_bob');
UPDATE rfm_segment_rule SET ruleset = 'regress_ann' WHERE ruleset = 'regress_bob' AND priority = 50;
-- any isolation level will do
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_bob', 1, 'x');
SELECT rfm_drop_rule('regress_bob', 1);
COMMIT;
RESET ROLE;

-- a superuser may change anyone's, and give a set away; so does a restore
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_ann', 7, 'By the DBA');
COPY rfm_ruleset (ruleset, owner, buckets, shipped, description) FROM stdin;
regress_copy	regress_rfm_ann	{5}	f	\N
\.
COPY rfm_segment_rule (ruleset, priority, label, r, f, m, total, description, action) FROM stdin;
regress_copy	1	One	[4,)	\N	\N	\N	\N	\N
regress_copy	2	Two	\N	\N	\N	[3,9)	who	what
\.
UPDATE rfm_ruleset SET owner = 'regress_rfm_bob' WHERE ruleset = 'regress_copy';
SELECT * FROM rfm_ruleset WHERE ruleset LIKE 'regress%' ORDER BY ruleset;
SELECT * FROM rfm_segment_rule WHERE ruleset = 'regress_copy' ORDER BY priority;
SET ROLE regress_rfm_bob;
SELECT rfm_drop_rule('regress_copy', 1), rfm_drop_ruleset('regress_bob');
RESET ROLE;
SELECT count(rfm_drop_ruleset(ruleset)) FROM rfm_ruleset WHERE ruleset LIKE 'regress%';

-- the triggers are for their tables, whoever lays hands on their functions
CREATE TABLE regress_other (ruleset text, buckets int4[], shipped bool, owner regrole);
CREATE TRIGGER t BEFORE INSERT ON regress_other FOR EACH ROW EXECUTE FUNCTION rfm_internal.ruleset_trigger();
INSERT INTO regress_other VALUES ('sum5');
DROP TRIGGER t ON regress_other;
CREATE TRIGGER t AFTER INSERT ON regress_other FOR EACH STATEMENT EXECUTE FUNCTION rfm_internal.segment_rule_trigger();
INSERT INTO regress_other VALUES ('sum5');
DROP TABLE regress_other;

--
-- With models
--
CREATE SCHEMA regress_rfm_ann AUTHORIZATION regress_rfm_ann;
CREATE SCHEMA regress_rfm_bob AUTHORIZATION regress_rfm_bob;

SET ROLE regress_rfm_ann;
CREATE TABLE regress_rfm_ann.orders (order_id bigint, customer_id bigint, created_at timestamptz, total numeric, status text);
INSERT INTO regress_rfm_ann.orders VALUES (1, 1, '2024-01-01', 10, 'paid');
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('regress_ann', '{4,4,4}'), ('regress_three', '{4,3,4}');
INSERT INTO rfm_segment_rule (ruleset, priority, label, r, f, total)
VALUES ('regress_ann', 10, 'Top',    '[4,)', '[3,4]', NULL),
       ('regress_ann', 20, 'Second', '(,3]', NULL, '[6,12]');
-- a model on a rule set that is not there, or not for its buckets
SELECT rfm_create_model('regress_ann', 'regress_rfm_ann.orders', 'regress_rfm_ann.rfm', comment_rules => 'regress_none');
SELECT rfm_create_model('regress_ann', 'regress_rfm_ann.orders', 'regress_rfm_ann.rfm', buckets => '{4}', segment_rules => 'quartile11');
SELECT rfm_create_model('regress_ann', 'regress_rfm_ann.orders', 'regress_rfm_ann.rfm', buckets => '{4}', segment_rules => 'quartile11', comment_rules => 'regress_three');
SELECT rfm_create_model('regress_ann', 'regress_rfm_ann.orders', 'regress_rfm_ann.rfm', segment_rules => 'quartile11');
-- one number stands for three
SELECT rfm_create_model('regress_ann', 'regress_rfm_ann.orders', 'regress_rfm_ann.rfm', buckets => '{4}', segment_rules => 'quartile11', comment_rules => 'regress_ann');
UPDATE rfm_model SET buckets = '{4,4,4}' WHERE model = 'regress_ann';
UPDATE rfm_model SET buckets = '{5}' WHERE model = 'regress_ann';
UPDATE rfm_model SET segment_rules = 'sum5' WHERE model = 'regress_ann';
UPDATE rfm_model SET segment_rules = NULL WHERE model = 'regress_ann';
SELECT rfm_refresh('2024-02-01', 'regress_ann');
-- a set that is used stays, even without rules
SELECT rfm_drop_rule('regress_ann', 10), rfm_drop_rule('regress_ann', 20);
SELECT rfm_refresh('2024-02-01', 'regress_ann');
SELECT rfm_drop_ruleset('regress_ann');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('regress_ann', 1, 'All');
SELECT rfm_refresh('2024-02-01', 'regress_ann');
SELECT customer_id, rfm_segment, comments FROM regress_rfm_ann.rfm;
-- of another's model no name is told
SELECT rfm_copy_ruleset('classic11', 'regress_shared');
SET ROLE regress_rfm_bob;
CREATE TABLE regress_rfm_bob.orders (order_id bigint, customer_id bigint, created_at timestamptz, total numeric, status text);
SELECT rfm_create_model('regress_bob', 'regress_rfm_bob.orders', 'regress_rfm_bob.rfm', segment_rules => 'regress_shared');
SET ROLE regress_rfm_ann;
SELECT rfm_drop_ruleset('regress_shared');
RESET ROLE;
SELECT rfm_drop_ruleset('regress_shared');
DELETE FROM rfm_ruleset WHERE ruleset = 'regress_shared';
SELECT rfm_drop_model('regress_ann'), rfm_drop_model('regress_bob');
SET ROLE regress_rfm_ann;
SELECT rfm_drop_ruleset('regress_shared'), rfm_drop_ruleset('regress_ann'), rfm_drop_ruleset('regress_three');
RESET ROLE;

DROP FUNCTION regress_try_ranges();
DROP SCHEMA regress_rfm_ann, regress_rfm_bob CASCADE;
DROP ROLE regress_rfm_ann, regress_rfm_bob, regress_rfm_team;
SELECT count(*) AS left_over FROM rfm_ruleset WHERE NOT shipped;

--
-- What to do about each segment: the texts of rule sets, in the guide and the summary.
--
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA guide;
CREATE TABLE guide.orders AS
SELECT i % 61 AS customer_id, date '2024-01-01' + i * 7919 % 170 AS at, (i * 31 % 211)::numeric AS amount FROM generate_series(1, 500) AS i;
SELECT rfm_create_model('it''s', 'guide.orders', 'guide.scores', customer => 'customer_id', ordered_at => 'at', amount => 'amount',
    segment_rules => 'sum5', comment_rules => 'traits5');
SELECT rfm_refresh('2024-06-30', 'it''s');

-- no shipped rule set or rule is without its texts, and they fit a line of a table
SELECT ruleset, description IS NOT NULL AS described FROM rfm_ruleset WHERE shipped ORDER BY 1;
SELECT count(*) AS rules, count(*) FILTER (WHERE r.description ~ '^[A-Z].{15,110}\.$') AS described, count(*) FILTER (WHERE action ~ '^[A-Z].{15,110}\.$') AS with_action
  FROM rfm_segment_rule AS r JOIN rfm_ruleset AS s USING (ruleset) WHERE s.shipped;

SELECT * FROM rfm_segment_guide('it''s');

-- each query lists the customers of its segment
CREATE FUNCTION guide.listed(query text) RETURNS int8 LANGUAGE plpgsql AS $$
DECLARE
    n int8;
BEGIN
    EXECUTE format('SELECT count(*) FROM (%s) AS q', query) INTO n;
    RETURN n;
END $$;
SELECT by, count(*) AS labels, sum(guide.listed(g.query)) AS listed,
       count(*) FILTER (WHERE guide.listed(g.query) <> (SELECT count(*) FROM guide.scores AS s WHERE CASE by WHEN 'segment' THEN s.rfm_segment ELSE s.comments END = g.segment)) AS wrong
  FROM unnest(ARRAY['segment', 'comment']) AS by, LATERAL rfm_segment_guide('it''s', by) AS g GROUP BY by ORDER BY by;
SELECT count(*) AS differences
  FROM unnest(ARRAY['segment', 'comment']) AS by, LATERAL rfm_segment_summary(NULL, 'it''s', by) AS s LEFT JOIN rfm_segment_guide('it''s', by) AS g USING (segment)
 WHERE (s.description, s.action) IS DISTINCT FROM (g.description, g.action);

-- own texts; of rules that share a label the first text there is
SELECT rfm_copy_ruleset('sum5', 'own');
UPDATE rfm_segment_rule SET label = 'Low', description = CASE priority WHEN 50 THEN 'The lowest.' END, action = NULL WHERE ruleset = 'own' AND priority >= 40;
UPDATE rfm_model SET segment_rules = 'own' WHERE model = 'it''s';
SELECT segment, description, action FROM rfm_segment_guide('it''s') ORDER BY segment LIMIT 1;

-- a model with comments only; with none; a label that there is not
UPDATE rfm_model SET segment_rules = NULL WHERE model = 'it''s';
SELECT count(*), min(query) FROM rfm_segment_guide('it''s');
SELECT * FROM rfm_segment_guide('it''s', 'traits');
UPDATE rfm_model SET comment_rules = NULL WHERE model = 'it''s';
SELECT * FROM rfm_segment_guide('it''s');

SELECT rfm_drop_model('it''s', true);
SELECT rfm_drop_ruleset('own');
DROP SCHEMA guide CASCADE;

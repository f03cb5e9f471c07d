--
-- The dashboards of docs/: every query in them runs, for who has no more rights
-- than the page there says, and gives the columns that the charts refer to.
--
SET client_min_messages = warning;
\set grafana `cat docs/dashboards/grafana.json`
\set page `cat docs/dashboards/metabase-superset.md`
DROP SCHEMA IF EXISTS ecom CASCADE;
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (order_id int, customer_id int, created_at date, total numeric(12,2), status text);
INSERT INTO ecom.orders
SELECT i, i % 83, current_date - i * 7919 % 200, i % 97 + i % 83, 'completed' FROM generate_series(1, 700) AS i WHERE i % 83 > 5 OR i * 7919 % 200 > 60;
SELECT rfm_refresh(current_date - 30), rfm_refresh(current_date);

CREATE SCHEMA dash;
CREATE TABLE dash.query (place serial, source text, name text, kind text, sql text, options jsonb);

-- Grafana: what it puts into a query itself, written in
INSERT INTO dash.query (source, name, kind, sql, options)
SELECT 'grafana', v ->> 'name', 'variable', v ->> 'query', NULL
  FROM jsonb_array_elements(:'grafana'::jsonb #> '{templating,list}') AS v WHERE v ->> 'type' = 'query';
INSERT INTO dash.query (source, name, kind, sql, options)
SELECT 'grafana', p.panel ->> 'title', p.panel ->> 'type',
       replace(replace(replace(t ->> 'rawSql', '$model', 'default'), '$__timeFrom()', quote_literal(current_date - 365)), '$__timeTo()', quote_literal(current_date + 1)), p.panel
  FROM jsonb_array_elements(:'grafana'::jsonb -> 'panels') WITH ORDINALITY AS p(panel, n), jsonb_array_elements(p.panel -> 'targets') AS t
 ORDER BY n;
-- the page: its blocks of code that are queries, each under its heading
INSERT INTO dash.query (source, name, kind, sql)
SELECT 'page', split_part(section, E'\n', 1), 'query', rtrim(replace(block[1], E'\n    ', E'\n'), E' \n;')
  FROM regexp_split_to_table(E'\n' || :'page' || E'\n', '\n## ') WITH ORDINALITY AS s(section, n),
       regexp_matches(section, '\n    (SELECT[^\n]*(?:\n    [^\n]*)*)', 'g') AS block
 ORDER BY n;

CREATE FUNCTION dash.run(sql text, OUT columns text, OUT filled bool) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TEMP TABLE answer AS ' || sql;
    SELECT string_agg(attname, ' ' ORDER BY attnum), (SELECT count(*) > 0 FROM answer) INTO columns, filled
      FROM pg_attribute WHERE attrelid = 'answer'::regclass AND attnum > 0;
    DROP TABLE answer;
END $$;

-- the rights are those that the page grants
CREATE ROLE regress_bi;
SELECT replace(block[1], 'TO bi', 'TO regress_bi') FROM regexp_matches(:'page', '^    (GRANT [^\n]*;)', 'gn') AS block \gexec
GRANT USAGE ON SCHEMA dash TO regress_bi;
GRANT SELECT ON dash.query TO regress_bi;
CREATE TABLE dash.answer (place int, columns text, filled bool);
GRANT INSERT ON dash.answer TO regress_bi;
INSERT INTO dash.answer SELECT place, a.* FROM dash.query, dash.run(sql) AS a WHERE kind = 'variable';
SET ROLE regress_bi;
INSERT INTO dash.answer SELECT place, a.* FROM dash.query, dash.run(sql) AS a WHERE kind <> 'variable';
RESET ROLE;
SELECT source, kind, name, columns, filled FROM dash.query LEFT JOIN dash.answer USING (place) ORDER BY place;

-- what Grafana's charts refer to is among the columns
SELECT name, kind FROM dash.query JOIN dash.answer USING (place)
 WHERE source = 'grafana' AND (options #>> '{options,xField}' <> ALL (string_to_array(columns, ' '))
        OR kind = 'timeseries' AND columns <> 'time metric value'
        OR EXISTS (SELECT FROM jsonb_array_elements(options #> '{fieldConfig,overrides}') AS o
                    WHERE NOT EXISTS (SELECT FROM string_to_table(columns, ' ') AS c WHERE c ~ trim('/' FROM o #>> '{matcher,options}'))));

-- and its panels can be laid out: each has an id of its own and lies on the grid of 24, none over another
WITH panel AS (
    SELECT p -> 'id' AS id, p ->> 'title' AS title, p ->> 'type' AS type, int4range((g ->> 'x')::int, (g ->> 'x')::int + (g ->> 'w')::int) AS x,
           int4range((g ->> 'y')::int, (g ->> 'y')::int + (g ->> 'h')::int) AS y, p #>> '{datasource,uid}' AS source
      FROM jsonb_array_elements(:'grafana'::jsonb -> 'panels') AS p, LATERAL (SELECT p -> 'gridPos' AS g) AS pos)
SELECT count(*) AS panels, count(DISTINCT id) AS ids, count(*) FILTER (WHERE x <@ int4range(0, 24) AND NOT isempty(x) AND NOT isempty(y)) AS on_grid,
       count(*) FILTER (WHERE source = '${datasource}') AS by_variable,
       (SELECT count(*) FROM panel AS a JOIN panel AS b ON a.id < b.id AND a.x && b.x AND a.y && b.y) AS overlaps
  FROM panel;

SELECT rfm_drop_model('default', true);
DROP SCHEMA dash, ecom CASCADE;
DROP ROLE regress_bi;
RESET client_min_messages;

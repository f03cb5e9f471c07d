--
-- The report of one group is that of a model with a filter
--
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET rfm.latest_view = off;
CREATE SCHEMA gr;
CREATE TABLE gr.orders (shop text, customer_id int, created_at date, total numeric);
INSERT INTO gr.orders
SELECT CASE WHEN i % 3 = 0 THEN '<b>&1' WHEN i % 11 = 0 THEN 'new' ELSE 'shop ' || i % 7 END, (hashint4extended(i, 1) & 255)::int,
       date '2024-07-31' - (hashint4extended(i, 2) & 255)::int, (hashint4extended(i, 3) & 8191)::int / 100.0
  FROM generate_series(1, 6000) i;
DELETE FROM gr.orders WHERE shop = 'new' AND created_at < '2024-06-10';
SELECT rfm_create_model('grouped', 'gr.orders', 'gr.grouped', score_within => 'shop');
SELECT rfm_create_model('window_grouped', 'gr.orders', 'gr.window_grouped', score_within => 'shop', lookback => '120 days', method => 'rank');
SELECT count(rfm_create_model(prefix || 'only_' || n, 'gr.orders', 'gr.' || prefix || 'only_' || n, filter => format('shop = %L', shop),
                              lookback => CASE prefix WHEN '' THEN NULL ELSE interval '120 days' END, method => CASE prefix WHEN '' THEN 'ntile' ELSE 'rank' END))
  FROM (VALUES (1, '<b>&1'), (2, 'shop 2'), (3, 'new')) AS s(n, shop), (VALUES (''), ('window_')) AS p(prefix);
-- a group that began late has fewer snapshots than the model
SELECT count(rfm_refresh(day, model)) FROM rfm_model, unnest('{2024-03-31,2024-04-30,2024-05-31,2024-06-30,2024-07-31}'::date[]) AS day
 WHERE model ~ 'only|grouped' AND (model NOT LIKE '%3' OR day > '2024-06-10');

-- what names the model or its group, the settings, and zeros after the last digit aside
CREATE FUNCTION gr.body(html text, model text) RETURNS text LANGUAGE sql AS
$$ SELECT regexp_replace(regexp_replace(regexp_replace(replace(html, format('model =&gt; &#39;%s&#39;', model), 'model'), '<section[^>]* id="definitions".*</section>', ''), '<head>.*</head>|<header>.*</header>|<footer>.*</footer>|, score_group =&gt; &#39;[^)]*&#39;\)', ')', 'g'), '(value="-?\d+\.\d*[1-9])0+"', '\1"', 'g') $$;
CREATE FUNCTION gr.report(args text, model text, score_group text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    html text;
BEGIN
    EXECUTE format('SELECT rfm_report(%s, model => $1, score_group => $2)', args) INTO html USING model, score_group;
    RETURN gr.body(html, model);
END
$$;
SELECT shop, prefix || 'grouped' AS model, args, length(mine) > 20000 AS long, mine <> whole AS not_all, mine = theirs AS same
  FROM (VALUES (1, '<b>&1'), (2, 'shop 2'), (3, 'new')) AS s(n, shop), (VALUES (''), ('window_')) AS p(prefix),
       (VALUES ('NULL'), ('''2024-06-30'''), ('NULL, by => ''comment''')) AS a(args),
       LATERAL (SELECT gr.report(args, prefix || 'grouped', shop) AS mine, gr.report(args, prefix || 'only_' || n, NULL) AS theirs, gr.report(args, prefix || 'grouped', NULL) AS whole) AS r
 ORDER BY n, prefix, args;

-- its title and its queries name the group
SELECT substring(html FROM '<title>.*?</title>') AS title, substring(html FROM '<header>.*?</header>') AS header, substring(html FROM '<code>.*?</code>') AS query, html LIKE '%<dt>Scored within each</dt><dd>shop</dd>%' AS told
  FROM rfm_report(model => 'grouped', score_group => '<b>&1') AS html;
SELECT substring(rfm_report(model => 'grouped', score_group => '<b>&1', title => 'Our shop') FROM '<title>.*?</title>') AS title;
SELECT substring(rfm_report(model => 'grouped') FROM '<header>.*?</header>') AS header;
SELECT substring(rfm_report(model => 'grouped', score_group => 'nowhere') FROM '<header>.*?</section>') AS nothing;

-- what is refused
SELECT rfm_report(model => 'only_1', score_group => '1');
SELECT rfm_report(model => 'grouped', by => 'group');
SELECT rfm_report('2024-05-31', 'grouped', score_group => 'new');

SELECT count(rfm_drop_model(model)) FROM rfm_model WHERE target::text LIKE 'gr.%';
RESET rfm.latest_view;
DROP SCHEMA gr CASCADE;
RESET client_min_messages;

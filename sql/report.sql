--
-- The report: one page of HTML that says what the functions say.
--
CREATE FUNCTION pg_temp.has_xml() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    RETURN xmlparse(DOCUMENT '<a/>') IS NOT NULL;
EXCEPTION WHEN feature_not_supported THEN
    RETURN false;
END $$;
SELECT pg_temp.has_xml() AS has_xml \gset
\if :has_xml
\else
\echo skipped: this PostgreSQL is built without XML
\quit
\endif
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE SCHEMA report;
CREATE TABLE report.orders (who text, at date, money numeric);
INSERT INTO report.orders
SELECT 'c&<>"''' || i % 97, date '2024-01-01' + i * 7919 % 300, (i * 31 % 211)::numeric ^ 2 / 8
  FROM generate_series(1, 800) AS i
 WHERE i % 97 > 9 OR i % 5 < 2;
SELECT rfm_copy_ruleset('classic11', 'report rules');
UPDATE rfm_segment_rule SET label = '<script>alert(1)</script>' WHERE ruleset = 'report rules' AND label = 'Champions';
UPDATE rfm_segment_rule SET label = '"quoted" & ''so'' ' || chr(1) WHERE ruleset = 'report rules' AND label = 'Loyal';
SELECT rfm_create_model('shop <b>', 'report.orders', 'report."daily scores"', customer => 'who', ordered_at => 'at', amount => 'money',
    lookback => '100 days', segment_rules => 'report rules',
    target_columns => '{"run_date": "day of \"run\"", "r_score": "R", "rfm_segment": "segm''ent", "customer_id": "cust & co"}');

CREATE FUNCTION report.page(html text, path text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'SELECT x::text FROM unnest(xpath($2, xmlparse(DOCUMENT $1))) WITH ORDINALITY AS u(x, n) ORDER BY n' USING html, path;
END $$;
CREATE FUNCTION report.well_formed(html text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    ok bool;
BEGIN
    EXECUTE 'SELECT xmlparse(DOCUMENT $1) IS NOT NULL' INTO ok USING html;
    RETURN ok;
END $$;
CREATE TABLE report.made (kind text PRIMARY KEY, html text);

-- no snapshot, none of a date, an empty one, the first, more of them
INSERT INTO report.made VALUES ('none', rfm_report(model => 'shop <b>'));
SELECT rfm_report('2024-06-30', 'shop <b>');
SELECT rfm_report(model => 'no such model');
SELECT rfm_refresh('2023-12-31', 'shop <b>');
INSERT INTO report.made VALUES ('empty', rfm_report(model => 'shop <b>'));
SELECT rfm_refresh('2024-05-31', 'shop <b>');
INSERT INTO report.made VALUES ('first', rfm_report(model => 'shop <b>'));
SELECT rfm_refresh('2024-07-31', 'shop <b>'), rfm_refresh('2024-10-31', 'shop <b>');
INSERT INTO report.made VALUES ('full', rfm_report(model => 'shop <b>')), ('longer', rfm_report('2024-10-31', 'shop <b>', '2024-05-31')),
    ('past', rfm_report('2024-07-31', 'shop <b>'));
SELECT rfm_report('2024-10-31', 'shop <b>', '2024-02-01');
SELECT rfm_report('2024-07-30', 'shop <b>');
SELECT rfm_report('2024-07-31', 'shop <b>', '2024-07-31');

-- a target without dates, and without labels
SELECT rfm_create_model('plain', 'report.orders', 'report.plain', customer => 'who', ordered_at => 'at', amount => 'money',
    buckets => '{10}', as_of => 'latest_order', segment_rules => NULL, comment_rules => NULL, target_columns => '{"run_date": null}');
SELECT rfm_refresh(model => 'plain');
INSERT INTO report.made VALUES ('plain', rfm_report(model => 'plain'));

-- one whose snapshots count all orders, with a month between the last two of three; title, currency and numbers as they are wanted
SELECT rfm_create_model('all', 'report.orders', 'report.all_orders', customer => 'who', ordered_at => 'at', amount => 'money', comment_rules => 'traits5');
SELECT count(rfm_refresh(day, 'all')) FROM unnest(ARRAY['2024-03-31', '2024-05-31', '2024-06-30', '2024-07-31']::date[]) AS day;
INSERT INTO report.made VALUES ('all', rfm_report(model => 'all', title => '<b>Our "shop"</b>', currency => '<i>&', numbers => '1''234,5')),
    ('comments', rfm_report(model => 'all', by => 'comment'));
SELECT rfm_report(model => 'all', numbers => '1.000,0');
SELECT rfm_report(model => 'all', numbers => '1,234,5');
SELECT rfm_report(model => 'all', by => 'traits');
SELECT rfm_report(model => 'plain', by => 'comment');

-- what is in which
SELECT kind, report.well_formed(html) AS well_formed, length(html) < 150000 AS small, r.subtitle,
       (SELECT string_agg(s, ' ') FROM report.page(html, '//section/@id') AS s) AS sections
  FROM report.made, report.page(html, '//header/p/text()') AS r(subtitle)
 ORDER BY kind;

-- nothing from outside, no script, no reference
SELECT kind FROM report.made
 WHERE html ~* '(https?:|//|src=|href=|@import|url\(|<script|<link|<iframe|javascript:| on[a-z]+=)' ORDER BY kind;

-- what came from tables shows as text: neither element nor attribute comes of it
SELECT count(*) AS elements FROM report.made, report.page(html, '//script | //b | //i | //a') AS x;
SELECT count(*) > 0 AS as_text FROM report.made, report.page(html, '//table[@id="summary"]//th/text()') AS t
 WHERE kind = 'full' AND t = '&lt;script&gt;alert(1)&lt;/script&gt;';
SELECT count(*) > 0 AS as_text FROM report.made, report.page(html, '//svg/title/text()') AS t
 WHERE kind = 'full' AND t LIKE '%"quoted" &amp; ''so'' ?%';
SELECT t AS title FROM report.made, report.page(html, '/html/head/title/text()') AS t WHERE kind = 'full';

SELECT t AS title FROM report.made, report.page(html, '/html/head/title/text()') AS t WHERE kind = 'all';

-- currency and separators, wherever there is an amount; no mark is left
SELECT kind, html ~ E'[\x01-\x08]' AS marks FROM report.made WHERE html ~ E'[\x01-\x08]';
SELECT count(*) > 5 AS amounts, bool_and(t LIKE '% (&lt;i&gt;&amp;)') AS with_currency FROM report.made, report.page(html, '//dt/text() | //th/text() | //caption/text()') AS t
 WHERE kind = 'all' AND t ~ '^(Revenue|Average order value|Monetary value now|Revenue per customer)' AND t !~ 'tenth';
SELECT t AS revenue, v AS exactly FROM report.made, report.page(html, '(//section[@id="standing"]//data)[3]/text()') AS t, report.page(html, '(//section[@id="standing"]//data)[3]/@value') AS v WHERE kind = 'all';

-- every chart has a text beside it
SELECT count(*) AS charts, count(*) FILTER (WHERE x !~ '<title>|aria-label=') AS without_text FROM report.made, report.page(html, '//svg') AS x WHERE kind = 'full';

-- the numbers, exact in the attributes, are those of plain SQL over the target
CREATE VIEW report.rows AS
SELECT "day of ""run""" AS day, "cust & co" AS customer, recency_days, frequency_orders, monetary_value,
       "R" AS r, f_score AS f, m_score AS m, "segm'ent" AS segment, comments
  FROM report."daily scores";

SELECT array_agg(v::numeric ORDER BY n) =
       (SELECT ARRAY[count(*), sum(frequency_orders), sum(monetary_value), sum(monetary_value) / count(*)] FROM report.rows WHERE day = '2024-10-31') AS standing
  FROM report.made, report.page(html, '//section[@id="standing"]//data/@value') WITH ORDINALITY AS d(v, n) WHERE kind = 'full';
SELECT array_agg(t ORDER BY n) =
       (SELECT ARRAY[rfm_internal.report_share(count(*) FILTER (WHERE frequency_orders > 1), count(*)),
                     rfm_internal.report_share(sum(monetary_value) FILTER (WHERE place <= ceil(all_of_them / 10.0)), sum(monetary_value))]
          FROM (SELECT *, row_number() OVER (ORDER BY monetary_value DESC) AS place, count(*) OVER () AS all_of_them FROM report.rows WHERE day = '2024-10-31') AS r) AS rates
  FROM report.made, report.page(translate(html, ',.', E'\t\n'), '//section[@id="standing"]//div[position() > 4]/dd/text()') WITH ORDINALITY AS d(x, n),
       LATERAL (SELECT translate(x, E'\t\n', E'\x01\x02') AS t) AS marks WHERE kind = 'full';

-- which period, and which one before
SELECT kind, p FROM report.made, report.page(html, '//section[@id="period"]/p/text()') AS p ORDER BY kind;
-- what happened in the period, and who did it, as the functions say
SELECT array_agg(v::numeric ORDER BY n) = (SELECT ARRAY[revenue, orders, buyers, new_customers, returning_customers, average_order_value] FROM rfm_period(model => 'all') WHERE period = 'period') AS as_period
  FROM report.made, report.page(html, '//section[@id="period"]//data/@value') WITH ORDINALITY AS d(v, n) WHERE kind = 'all';
SELECT array_agg(replace(t, ',', '.')::numeric ORDER BY n) =
       (SELECT array_agg(round(abs(100 * (x.a - x.b) / x.b), 1) ORDER BY x.n)
          FROM rfm_period(model => 'all') AS p, rfm_period(model => 'all') AS q,
               LATERAL (VALUES (1, p.revenue, q.revenue), (2, p.orders, q.orders), (3, p.buyers, q.buyers), (4, p.new_customers, q.new_customers),
                               (5, p.returning_customers, q.returning_customers), (6, p.revenue / p.orders, q.revenue / q.orders)) AS x(n, a, b)
         WHERE p.period = 'period' AND q.period = 'period before' AND x.b > 0) AS changes
  FROM report.made, report.page(html, '//section[@id="period"]//small/text()') WITH ORDINALITY AS d(x, n), LATERAL substring(x FROM '[0-9,]+(?=%)') AS t WHERE kind = 'all';
SELECT by, array_agg(v::numeric ORDER BY v::numeric) = (SELECT array_agg(x ORDER BY x) FROM rfm_outcome(model => 'all', by => by) AS o, unnest(ARRAY[o.customers, bought_again, orders, revenue]) AS x) AS as_outcome
  FROM report.made, report.page(html, '//table[@id="outcomes"]//data/@value') AS v, LATERAL (SELECT CASE kind WHEN 'all' THEN 'segment' ELSE 'comment' END AS by) AS b
 WHERE kind IN ('all', 'comments') GROUP BY by ORDER BY by DESC;
SELECT array_agg(v::numeric ORDER BY n) = (SELECT array_agg(x ORDER BY revenue DESC, from_segment COLLATE "C", to_segment COLLATE "C", i)
          FROM (SELECT * FROM rfm_migration(model => 'all') WHERE from_segment <> to_segment ORDER BY revenue DESC, from_segment COLLATE "C", to_segment COLLATE "C" LIMIT 10) AS m,
               unnest(ARRAY[m.customers, m.revenue]) WITH ORDINALITY AS u(x, i)) AS flows
  FROM report.made, report.page(html, '//table[@id="flows"]//data/@value') WITH ORDINALITY AS d(v, n) WHERE kind = 'all';

-- each segment with what to do and the query that lists it
SELECT count(*) AS segments, bool_and(d = rfm_internal.report_text(g.description) AND a = rfm_internal.report_text(g.action) AND replace(q, '&gt;', '>') = g.query) AS as_guide
  FROM report.made, LATERAL (SELECT unnest(xpath('//dl[@class="guide"]/div', xmlparse(DOCUMENT html))) AS x) AS card,
       LATERAL (SELECT (xpath('//dt/text()', x))[1]::text AS label, (xpath('//dd[1]/text()', x))[1]::text AS d, (xpath('//dd[2]/text()', x))[1]::text AS a, (xpath('//dd/code/text()', x))[1]::text AS q) AS c
       LEFT JOIN rfm_segment_guide('all') AS g ON g.segment = c.label
 WHERE kind = 'all';

-- cohorts, from the orders themselves: who came in a month, and who of them bought in each later one
SELECT array_agg(t ORDER BY n) = (
    WITH ends AS (
        SELECT day, lag(day) OVER (ORDER BY day) AS since FROM (SELECT DISTINCT run_date AS day FROM report.all_orders) AS d
    ), came AS (
        SELECT o.who, e.day FROM (SELECT who, min(at) AS at FROM report.orders GROUP BY who) AS o JOIN ends AS e ON o.at > e.since AND o.at <= e.day
    )
    SELECT array_agg(format('%s of %s customers', (SELECT count(DISTINCT b.who) FROM report.orders AS b JOIN came USING (who) WHERE came.day = c.day AND b.at > e.since AND b.at <= e.day),
                            (SELECT count(*) FROM came WHERE came.day = c.day)) ORDER BY c.day, e.day)
      FROM (SELECT DISTINCT day FROM came) AS c JOIN ends AS e ON e.day > c.day) AS as_orders
  FROM report.made, report.page(html, '//table[@id="cohort"]//td/@title') WITH ORDINALITY AS d(t, n) WHERE kind = 'all';

-- in the order in which they are listed: best mean score first
CREATE FUNCTION report.of_segments() RETURNS TABLE (n bigint, customers numeric, orders numeric, revenue numeric) LANGUAGE sql AS $$
    SELECT row_number() OVER (ORDER BY avg(r + f + m) DESC, segment COLLATE "C"), count(*), sum(frequency_orders), sum(monetary_value)
      FROM report.rows WHERE day = '2024-10-31' GROUP BY segment
$$;
SELECT array_agg(v::numeric ORDER BY n) =
       (SELECT array_agg(x ORDER BY s.n, i) FROM report.of_segments() AS s, unnest(ARRAY[customers, orders, revenue]) WITH ORDINALITY AS u(x, i)) AS summary
  FROM report.made, report.page(html, '//table[@id="summary"]//data/@value') WITH ORDINALITY AS d(v, n) WHERE kind = 'full';
SELECT array_agg(v::numeric ORDER BY n) = (SELECT array_agg(s.customers ORDER BY s.n) || array_agg(s.revenue ORDER BY s.n) FROM report.of_segments() AS s) AS bars
  FROM report.made, report.page(html, '//section[@id="segments"]//table[contains(@class, "bars")]//data/@value') WITH ORDINALITY AS d(v, n) WHERE kind = 'full';

-- and those of the functions
SELECT array_agg(v::numeric ORDER BY v::numeric) = (SELECT array_agg(customers::numeric ORDER BY customers) FROM rfm_segment_summary(NULL, 'shop <b>')) AS as_summary
  FROM report.made, report.page(html, '//section[@id="segments"]//table[contains(@class, "customers")]//data/@value') AS v WHERE kind = 'full';
SELECT kind, array_agg(v::numeric ORDER BY v::numeric) = (
           SELECT array_agg(customers::numeric ORDER BY customers) FROM rfm_migration(CASE kind WHEN 'longer' THEN '2024-05-31' END::date, '2024-10-31', 'shop <b>')) AS as_migration
  FROM report.made, report.page(html, '//table[@id="matrix"]//data/@value') AS v WHERE kind IN ('full', 'longer') GROUP BY kind ORDER BY kind;
SELECT d.direction, (SELECT array_agg(t ORDER BY n) FROM report.page(html, format('//table[@id="%s"]//th[@scope="row"]/text()', id)) WITH ORDINALITY AS x(t, n)) =
       (SELECT array_agg(replace(replace(replace(customer, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')) FROM rfm_movers(NULL, NULL, 'shop <b>', d.direction, 10)) AS as_movers,
       (SELECT array_agg(t ORDER BY n) FROM report.page(html, format('//table[@id="%s"]/tbody/tr/td[2]/text()', id)) WITH ORDINALITY AS x(t, n)) =
       (SELECT array_agg(from_score || ' ' || chr(8594) || ' ' || to_score) FROM rfm_movers(NULL, NULL, 'shop <b>', d.direction, 10)) AS scores,
       (SELECT array_agg(t::numeric ORDER BY n) FROM report.page(html, format('//table[@id="%s"]//data/@value', id)) WITH ORDINALITY AS x(t, n)) =
       (SELECT array_agg(monetary_value) FROM rfm_movers(NULL, NULL, 'shop <b>', d.direction, 10)) AS money
  FROM report.made, (VALUES ('down', 'fallen'), ('up', 'risen')) AS d(direction, id) WHERE kind = 'full';
SELECT array_agg(v::numeric ORDER BY n) =
       (SELECT array_agg(x ORDER BY p, score DESC, i)
          FROM rfm_cut_points(NULL, 'shop <b>') AS c, array_position(ARRAY['recency_days', 'frequency_orders', 'monetary_value'], metric) AS p,
               unnest(ARRAY[lowest, highest, c.customers]) WITH ORDINALITY AS u(x, i)) AS as_cut_points
  FROM report.made, report.page(html, '//section[@id="distributions"]//table//data/@value') WITH ORDINALITY AS d(v, n) WHERE kind = 'full';

-- the values that ntile cut through, and how many customers have each, from plain SQL
SELECT kind, array_agg(v::numeric ORDER BY n) =
       (WITH shared AS (
            SELECT axis, value, count(*)::numeric AS customers FROM (
                SELECT 1 AS axis, recency_days AS value, r AS score FROM report.rows WHERE day = '2024-10-31' AND kind = 'full' UNION ALL
                SELECT 2, frequency_orders, f FROM report.rows WHERE day = '2024-10-31' AND kind = 'full' UNION ALL
                SELECT 3, monetary_value, m FROM report.rows WHERE day = '2024-10-31' AND kind = 'full' UNION ALL
                SELECT 1, recency_days, r_score FROM report.plain WHERE kind = 'plain' UNION ALL
                SELECT 2, frequency_orders, f_score FROM report.plain WHERE kind = 'plain' UNION ALL
                SELECT 3, monetary_value, m_score FROM report.plain WHERE kind = 'plain') AS rows
             GROUP BY axis, value HAVING count(DISTINCT score) > 1)
        SELECT array_agg(u.x ORDER BY axis, place, i)
          FROM (SELECT axis, -1e9 AS place, ARRAY[sum(customers)] AS x FROM shared GROUP BY axis UNION ALL
                SELECT axis, value, ARRAY[customers, value] FROM shared) AS t, unnest(t.x) WITH ORDINALITY AS u(x, i)) AS as_ties
  FROM report.made, report.page(html, '//p[@class="note ties"]//data/@value') WITH ORDINALITY AS d(v, n) WHERE kind IN ('full', 'plain') GROUP BY kind ORDER BY kind;
-- none where equal values share a score
SELECT rfm_create_model('rank', 'report.orders', 'report.ranked', customer => 'who', ordered_at => 'at', amount => 'money', method => 'rank');
SELECT rfm_refresh('2024-10-31', 'rank');
SELECT rfm_report(model => 'rank') ~ 'Divided' AS divided;

-- the new and the lost are among them
SELECT count(*) FILTER (WHERE from_segment IS NULL) > 0 AS new, count(*) FILTER (WHERE to_segment IS NULL) > 0 AS lost,
       count(*) FILTER (WHERE from_segment <> to_segment) > 0 AS moved
  FROM rfm_migration(NULL, NULL, 'shop <b>');

-- rose, fell, stayed
SELECT array_agg(v::numeric ORDER BY n) =
       (SELECT ARRAY[count(*) FILTER (WHERE a.r + a.f + a.m > b.r + b.f + b.m), count(*) FILTER (WHERE a.r + a.f + a.m < b.r + b.f + b.m),
                     count(*) FILTER (WHERE a.r + a.f + a.m = b.r + b.f + b.m)]::numeric[]
          FROM report.rows AS a JOIN report.rows AS b USING (customer) WHERE a.day = '2024-10-31' AND b.day = '2024-07-31') AS changes
  FROM report.made, report.page(html, '//section[@id="movements"]/p/data/@value') WITH ORDINALITY AS d(v, n) WHERE kind = 'full';

-- the grid: what its titles say, and the name that most customers of a cell have; every bar of a histogram counted once
SELECT count(*) AS cells, bool_and(t = format('Recency %s, frequency %s: %s customers, %s%%', r, f, n, round(100.0 * n / total, 1))) AS as_grid
  FROM report.made, report.page(html, '//table[@class="heat customers"]//td/@title') AS t,
       LATERAL regexp_match(t, 'Recency (\d+), frequency (\d+)') AS at,
       LATERAL (SELECT at[1]::int AS r, at[2]::int AS f) AS cell,
       LATERAL (SELECT count(*) FILTER (WHERE rows.r = cell.r AND rows.f = cell.f) AS n, count(*) AS total FROM report.rows WHERE day = '2024-10-31') AS counted
 WHERE kind = 'full';
SELECT array_agg(t ORDER BY n) = (SELECT array_agg(name ORDER BY f DESC, r)
           FROM (SELECT DISTINCT ON (f, r) f, r, left(rfm_internal.report_text(segment), 200) AS name FROM report.rows WHERE day = '2024-10-31'
                  GROUP BY f, r, segment ORDER BY f, r, count(*) DESC, segment COLLATE "C") AS most) AS names
  FROM report.made, report.page(html, '//table[@class="heat customers"]//td/small') WITH ORDINALITY AS x(e, n),
       LATERAL (SELECT replace(replace(regexp_replace(e, '^<small>|</small>$|<small/>', '', 'g'), '"', '&quot;'), '''', '&#39;') AS t) AS d
 WHERE kind = 'full' AND t <> '';
SELECT kind, sum(replace(split_part(t, ' ', 1), ',', '')::numeric) = 3 * (CASE kind WHEN 'plain' THEN (SELECT count(*) FROM report.plain)
           ELSE (SELECT count(*) FROM report.rows WHERE day = '2024-10-31') END) AS histograms
  FROM report.made, report.page(html, '//svg[@class="histogram"]/rect/title/text()') AS t WHERE kind IN ('full', 'plain') GROUP BY kind ORDER BY kind;

-- so few orders that each number of them has a bar
SELECT array_agg(split_part(t, ' ', 1)::bigint ORDER BY n) =
       (SELECT array_agg((SELECT count(*) FROM report.rows WHERE day = '2024-10-31' AND frequency_orders = v) ORDER BY v)
          FROM (SELECT min(frequency_orders) AS low, max(frequency_orders) AS high FROM report.rows WHERE day = '2024-10-31') AS ends,
               generate_series(low, high) AS v) AS bars
  FROM report.made, report.page(html, '(//svg[@class="histogram"])[2]/rect/title/text()') WITH ORDINALITY AS x(t, n) WHERE kind = 'full';

-- the trend: first and last of each segment
SELECT count(*) AS lines, sum(replace(split_part(t, ' customers, then ', 2), ',', '')::numeric) = (SELECT count(*) FROM report.rows WHERE day = '2024-10-31') AS as_last
  FROM report.made, report.page(html, '//section[@id="trend"]//svg/title/text()') AS t WHERE kind = 'full';

-- and all that is between, read for it or known already
WITH day AS (
    SELECT day, count(*) AS customers, (day - min(day) OVER ())::numeric / (max(day) OVER () - min(day) OVER ()) AS place FROM report.rows GROUP BY day
), share AS (
    SELECT label.segment, place, count(r.customer)::numeric / day.customers AS share
      FROM day CROSS JOIN (SELECT DISTINCT segment FROM report.rows) AS label LEFT JOIN report.rows AS r ON r.day = day.day AND r.segment = label.segment
     GROUP BY label.segment, place, day.day, day.customers
), line AS (
    SELECT string_agg(round(200 * place, 1) || ',' || round(54 - 50 * share / top, 1), ' ' ORDER BY place) AS points
      FROM (SELECT *, max(share) OVER (PARTITION BY segment) AS top FROM share) AS s GROUP BY segment
)
SELECT (SELECT count(*) FROM day) AS days, array_agg(t ORDER BY t COLLATE "C") = (SELECT array_agg(points ORDER BY points COLLATE "C") FROM line) AS as_lines
  FROM report.made, report.page(html, '//section[@id="trend"]//polyline/@points') AS t WHERE kind = 'full';

-- numbers
SELECT translate(x, E'\x01\x02', ',.') AS number
  FROM unnest(ARRAY[rfm_internal.report_number(1234567.891), rfm_internal.report_number(1234567.891, 2), rfm_internal.report_number(-0.4), rfm_internal.report_number(NULL),
                    rfm_internal.report_share(1, 3), rfm_internal.report_share(1, 0), rfm_internal.report_share(0, 5)]) WITH ORDINALITY AS u(x, n) ORDER BY n;
SELECT v, translate(rfm_internal.report_short(v), E'\x01\x02', ',.') AS short FROM unnest(ARRAY[0, 7, 999, 999.7, 1000, 9949, 9950, 12345, 999499, 999500, 1234567, -2500, 5e9, 1e12, 93827781574299080, 2e18]) AS v;
SELECT rfm_internal.report_text(E'<a href="x">&''\x01\x7f\t</a>');

-- the page's own colours: 4.5 between a text and what it stands on, 3 between a line and that
CREATE FUNCTION report.luminance(colour text) RETURNS float8 LANGUAGE sql AS $$
    SELECT sum(weight * CASE WHEN v <= 0.04045 THEN v / 12.92 ELSE ((v + 0.055) / 1.055) ^ 2.4 END)
      FROM (VALUES (2, 0.2126), (4, 0.7152), (6, 0.0722)) AS part(place, weight), LATERAL (SELECT ('x' || substr(colour, place, 2))::bit(8)::int / 255.0::float8 AS v) AS s
$$;
WITH block AS (
    SELECT n, b[1] AS css FROM report.made, regexp_matches(html, ':root \{([^}]*)\}', 'g') WITH ORDINALITY AS r(b, n) WHERE kind = 'all'
), colour AS (
    SELECT n, m[1] AS name, report.luminance(m[2]) AS light FROM block, regexp_matches(css, '--(\w+): (#[0-9a-f]{6})', 'g') AS m
), pair(text, ground, wanted) AS (
    VALUES ('ink', 'bg', 4.5), ('ink', 'card', 4.5), ('muted', 'bg', 4.5), ('muted', 'card', 4.5), ('a', 'card', 4.5), ('b', 'card', 3),
           ('low', 'a1', 4.5), ('low', 'a2', 4.5), ('low', 'a3', 4.5), ('high', 'a4', 4.5), ('high', 'a5', 4.5),
           ('low', 'b1', 4.5), ('low', 'b2', 4.5), ('low', 'b3', 4.5), ('high', 'b4', 4.5), ('high', 'b5', 4.5)
), ratio AS (
    SELECT t.n, p.*, (greatest(t.light, g.light) + 0.05) / (least(t.light, g.light) + 0.05) AS contrast
      FROM pair AS p JOIN colour AS t ON t.name = p.text JOIN colour AS g ON g.name = p.ground AND g.n = t.n
)
SELECT n, count(*) AS pairs, string_agg(format('%s on %s: %s', text, ground, round(contrast::numeric, 2)), ', ') FILTER (WHERE contrast < wanted) AS too_low
  FROM ratio GROUP BY n ORDER BY n;

-- who may read the target may report on it, but sees no settings; others may not
CREATE ROLE regress_report_reader;
CREATE ROLE regress_report_stranger;
GRANT USAGE ON SCHEMA report TO regress_report_reader, regress_report_stranger;
GRANT SELECT ON report."daily scores" TO regress_report_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA report TO regress_report_reader;
SET ROLE regress_report_reader;
SELECT string_agg(s, ' ') AS sections FROM report.page(rfm_report(model => 'shop <b>'), '//section/@id') AS s;
SET ROLE regress_report_stranger;
SELECT rfm_report(model => 'shop <b>');
RESET ROLE;

DROP VIEW report.rows;
SELECT rfm_drop_model('shop <b>', true), rfm_drop_model('plain', true), rfm_drop_model('all', true), rfm_drop_model('rank', true);
SELECT rfm_drop_ruleset('report rules');
DROP SCHEMA report CASCADE;
DROP ROLE regress_report_reader, regress_report_stranger;

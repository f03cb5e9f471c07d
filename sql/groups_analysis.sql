--
-- What is asked of one group, or of all: periods, outcomes, campaigns and ties, against plain SQL and models with a filter
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET rfm.latest_view = off;
CREATE SCHEMA ga;
-- shops of 1 to about 500 customers, who buy in several; refunds; orders of no shop
CREATE TABLE ga.orders (shop int, customer_id int, created_at timestamp, total numeric(12,2), kind text NOT NULL);
INSERT INTO ga.orders
SELECT CASE WHEN i % 41 = 0 THEN NULL WHEN i % 2 = 0 THEN 1 WHEN i % 7 = 0 THEN 100 + i % 30 ELSE 2 + i % 5 END,
       (hashint4extended(i, 1) & 511)::int, timestamp '2024-04-30 10:00' - (hashint4extended(i, 2) & 255) * interval '1 day',
       (hashint4extended(i, 3) & 8191)::int / 100.0, CASE WHEN i % 19 = 0 THEN 'refund' ELSE 'order' END
  FROM generate_series(1, 8000) i;
UPDATE ga.orders SET total = -total / 4 WHERE kind = 'refund';
-- what is refunded was ordered before
DELETE FROM ga.orders r WHERE kind = 'refund' AND NOT EXISTS (SELECT FROM ga.orders o WHERE o.kind = 'order' AND o.shop = r.shop AND o.customer_id = r.customer_id AND o.created_at < r.created_at);
ANALYZE ga.orders;
SELECT rfm_create_model('told', 'ga.orders', 'ga.told', order_count => 'kind = ''order''', score_within => 'shop');
SELECT rfm_create_model('read', 'ga.orders', 'ga.read', order_count => 'kind = ''order''', score_within => 'shop', lookback => '100 days');
SELECT count(rfm_refresh(day, model)) FROM unnest('{2024-02-29,2024-03-31,2024-04-30}'::date[]) AS day, (VALUES ('told'), ('read')) AS m(model);

\set schema ga
\getenv top PG_ABS_SRCDIR
\set shared :top '/sql/shared/compare.sql'
\i :shared
CREATE TABLE ga.asked (shop int);
INSERT INTO ga.asked VALUES (NULL), (1), (2), (101), (115);

-- a period and the one before, of a group and of all: who buys in two shops is two customers
CREATE FUNCTION ga.period(shop int, first date, last date) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT %1$L::date, %2$L::date, count(DISTINCT (shop, customer_id)) FILTER (WHERE kind = ''order''),
       count(DISTINCT (shop, customer_id)) FILTER (WHERE kind = ''order'' AND NOT EXISTS
           (SELECT FROM ga.orders e WHERE e.customer_id = o.customer_id AND e.shop = o.shop AND e.kind = ''order'' AND e.created_at < %1$L::date + 1)),
       count(*) FILTER (WHERE kind = ''order''), coalesce(sum(total), 0)
  FROM ga.orders o WHERE created_at >= %1$L::date + 1 AND created_at < %2$L::date + 1 AND shop = coalesce(%3$L::int, shop)', first, last, shop) $$;
SELECT model, shop, p.name, d.rows, d.differences
  FROM (VALUES ('told', '2024-02-29'::date), ('read', '2024-03-01')) AS m(model, before), ga.asked,
       (VALUES ('period'), ('period before')) AS p(name),
       ga.differences(format('SELECT after_date, until_date, buyers, new_customers, orders, revenue FROM rfm_period(''2024-03-31'', ''2024-04-30'', %L, score_group => %L) WHERE period = %L', model, shop, p.name),
                      CASE p.name WHEN 'period' THEN ga.period(shop, '2024-03-31', '2024-04-30') ELSE ga.period(shop, before, '2024-03-31') END) AS d
 ORDER BY 1, 2, 3;

-- what each segment did
CREATE FUNCTION ga.outcome(scores text, of_shop int) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT s.rfm_segment, count(*), count(*) FILTER (WHERE o.n > 0), round(count(*) FILTER (WHERE o.n > 0)::numeric / count(*), 4),
       coalesce(sum(o.n), 0)::bigint, coalesce(sum(o.revenue), 0), round(coalesce(sum(o.revenue), 0) / count(*), 2)
  FROM (SELECT score_group AS shop, customer_id, rfm_segment, run_date FROM ga.%1$I WHERE run_date = ''2024-03-31'' AND score_group = coalesce(%2$L::int, score_group)) s
       FULL JOIN (SELECT shop, customer_id, count(*) FILTER (WHERE kind = ''order'') AS n, sum(total) AS revenue FROM ga.orders
                   WHERE created_at >= ''2024-04-01'' AND created_at < ''2024-05-01'' AND shop = coalesce(%2$L::int, shop) GROUP BY 1, 2) o USING (shop, customer_id)
 WHERE s.run_date IS NOT NULL OR o.n > 0 GROUP BY 1', scores, of_shop) $$;
SELECT model, shop, d.rows > 0 AS some, d.differences
  FROM (VALUES ('told'), ('read')) AS m(model), ga.asked,
       ga.differences(format('SELECT segment, customers, bought_again, bought_share, orders, revenue, revenue_per_customer FROM rfm_outcome(''2024-03-31'', ''2024-04-30'', %L, score_group => %L)', model, shop),
                      ga.outcome(model, shop)) AS d
 ORDER BY 1, 2;

-- values that ntile cut through, in each group by itself
CREATE FUNCTION ga.ties(scores text, of_shop int) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT metric, value, count(*), min(score)::int, max(score)::int, score_group::text
  FROM ga.%1$I s, LATERAL (VALUES (''recency_days'', s.recency_days::numeric, s.r_score), (''frequency_orders'', s.frequency_orders, s.f_score), (''monetary_value'', s.monetary_value, s.m_score)) AS v(metric, value, score)
 WHERE run_date = ''2024-04-30'' AND score_group = coalesce(%2$L::int, score_group)
 GROUP BY score_group, metric, value HAVING count(DISTINCT score) > 1', scores, of_shop) $$;
SELECT model, shop, d.rows > 0 AS some, d.differences
  FROM (VALUES ('told'), ('read')) AS m(model), ga.asked,
       ga.differences(format('SELECT * FROM rfm_ties(model => %L, score_group => %L)', model, shop), ga.ties(model, shop)) AS d
 ORDER BY 1, 2;

-- a group is what a model with a filter is, whatever is asked
SELECT rfm_create_model('told_2', 'ga.orders', 'ga.told_2', order_count => 'kind = ''order''', filter => 'shop = 2');
SELECT rfm_create_model('read_2', 'ga.orders', 'ga.read_2', order_count => 'kind = ''order''', filter => 'shop = 2', lookback => '100 days');
SELECT count(rfm_refresh(day, model)) FROM unnest('{2024-02-29,2024-03-31,2024-04-30}'::date[]) AS day, (VALUES ('told_2'), ('read_2')) AS m(model);
SELECT model, call, d.rows > 0 AS some, d.differences
  FROM (VALUES ('told'), ('read')) AS m(model),
       unnest(ARRAY['rfm_period(model => %s)', 'rfm_period(''2024-02-29'', ''2024-04-30'', model => %s)', 'rfm_outcome(model => %s)', 'rfm_outcome(model => %s, by => ''comment'')',
                    'rfm_ties(model => %s)', 'rfm_export(''2024-02-29'', %s, holdout => 0.3, campaign => ''one'')', 'rfm_outcome(model => %s, campaign => ''one'')',
                    'rfm_export(''2024-03-31'', %s, segment => ''Loyal Customers'', holdout => 0.3, campaign => ''past'')', 'rfm_outcome(model => %s, campaign => ''past'')']) AS call,
       ga.differences(format('SELECT to_jsonb(c) - ''score_group'' FROM %s c', format(call, quote_literal(model) || ', score_group => ''2''')),
                      format('SELECT to_jsonb(c) - ''score_group'' FROM %s c', format(call, quote_literal(model || '_2')))) AS d;

-- campaigns: of one group, of all of them, and by group
SELECT model_id > 0 AS model, campaign, run_date, chosen_by, segment, score_group, holdout FROM rfm_campaign JOIN rfm_model USING (model_id) WHERE model = 'told' ORDER BY campaign;
SELECT count(*) > 100 AS some FROM rfm_export('2024-03-31', 'told', holdout => 0.4, campaign => 'all');
SELECT count(*) > 100 AS some FROM rfm_export('2024-03-31', 'told', by => 'group', holdout => 0.4, campaign => 'by shop');
CREATE FUNCTION ga.campaign(name text, label text) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT %2$s, CASE WHEN held THEN ''held out'' ELSE ''mailed'' END, count(*), count(*) FILTER (WHERE o.n > 0), coalesce(sum(o.n), 0)::bigint, coalesce(sum(o.revenue), 0)
  FROM (SELECT score_group AS shop, customer_id, rfm_segment,
               sha256(convert_to(%1$L || '':'' || jsonb_build_array(score_group::text, customer_id::text)::text, ''UTF8'')) < decode(lpad(to_hex(floor(0.4 * (1::int8 << 56))::int8), 14, ''0''), ''hex'') AS held
          FROM ga.told WHERE run_date = ''2024-03-31'') s
       LEFT JOIN (SELECT shop, customer_id, count(*) FILTER (WHERE kind = ''order'') AS n, sum(total) AS revenue FROM ga.orders
                   WHERE created_at >= ''2024-04-01'' AND created_at < ''2024-05-01'' GROUP BY 1, 2) o USING (shop, customer_id)', name, label) $$;
SELECT name, shop, d.rows > 1 AS some, d.differences
  FROM (VALUES ('all', 's.rfm_segment'), ('by shop', 's.shop::text')) AS c(name, label), ga.asked,
       ga.differences(format('SELECT segment, campaign_group, customers, bought_again, orders, revenue FROM rfm_outcome(model => ''told'', campaign => %L, score_group => %L) WHERE customers > 0', name, shop),
                      format('%s WHERE shop = coalesce(%L::int, shop) GROUP BY held UNION ALL %s WHERE shop = coalesce(%L::int, shop) GROUP BY %s, held', ga.campaign(name, 'NULL::text'), shop, ga.campaign(name, label), shop, label)) AS d
 ORDER BY 1, 2;

-- a group is named by one text everywhere
CREATE FUNCTION ga.one_name(expression text, value text) RETURNS TABLE (what text, rows bigint)
LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM rfm_create_model('named', 'ga.orders', 'ga.named', score_within => expression), rfm_refresh('2024-03-31', 'named'), rfm_refresh('2024-04-30', 'named');
    FOREACH what IN ARRAY '{"rfm_cut_points(model => ''named'', score_group => $1)","rfm_segment_summary(model => ''named'', score_group => $1)","rfm_outcome(model => ''named'', score_group => $1)","rfm_ties(model => ''named'', score_group => $1)","rfm_score_now((SELECT min(customer_id) FROM ga.named WHERE score_group::text = $1), ''named'', $1)","rfm_customer((SELECT min(customer_id) FROM ga.named WHERE score_group::text = $1), ''named'', $1)","rfm_internal.orders_between(''named'', NULL, ''2024-03-31'', $1)"}'::text[] LOOP
        EXECUTE 'SELECT count(*) FROM ' || what INTO rows USING value;
        RETURN NEXT;
    END LOOP;
    PERFORM rfm_drop_model('named', true);
END
$$;
SELECT expression, value, count(*) FILTER (WHERE rows > 0) AS told FROM (VALUES ('shop < 3', 'true'), ('shop < 3', 'false'), ('(''shop '' || shop)::char(12)', 'shop 2')) AS v(expression, value), ga.one_name(expression, value) GROUP BY 1, 2 ORDER BY 1, 2;

-- a number is the same customer, and the same group, however it is written; and where there are no groups
CREATE TABLE ga.numbers (shop numeric, who numeric, at date, total numeric);
INSERT INTO ga.numbers SELECT (1 + i % 2)::numeric(5,1), i::numeric(9,2), date '2024-03-31' - i, i FROM generate_series(1, 60) i;
SELECT rfm_create_model(model, 'ga.numbers', 'ga.' || model, customer => 'who', ordered_at => 'at', score_within => within, lookback => lookback) FROM (VALUES ('looks', NULL::interval, 'shop'), ('looks_read', '200 days', 'shop'), ('looks_plain', '200 days', NULL)) AS m(model, lookback, within);
SELECT count(rfm_refresh('2024-03-31', model)) FROM unnest('{looks,looks_read,looks_plain}'::text[]) AS model;
INSERT INTO ga.numbers SELECT 1 + i % 2, i, date '2024-04-15', 5 * i FROM generate_series(1, 20) i;
SELECT count(rfm_refresh('2024-04-30', model)) FROM unnest('{looks,looks_read,looks_plain}'::text[]) AS model;
SELECT count(DISTINCT score_group::text) AS texts_of_groups, count(DISTINCT customer_id::text) AS texts_of_customers FROM ga.looks_read;
SELECT model, (SELECT sum(customers) FILTER (WHERE from_segment IS NULL OR to_segment IS NULL) FROM rfm_migration('2024-03-31', '2024-04-30', model)) AS new_or_gone,
       (SELECT count(*) FROM rfm_movers('2024-03-31', '2024-04-30', model, 'up', NULL)) > 10 AS risen,
       (SELECT count(*) FILTER (WHERE from_segment IS NULL OR to_segment IS NULL) FROM rfm_changes('2024-03-31', '2024-04-30', model)) AS entered_or_left,
       (SELECT sum(bought_again) FROM rfm_outcome('2024-03-31', '2024-04-30', model) WHERE segment IS NOT NULL) AS bought_again,
       (SELECT string_agg(concat_ws('+', new_customers, returning_customers), ' ') FROM rfm_period('2024-03-31', '2024-04-30', model) WHERE period = 'period') AS new_and_returning
  FROM unnest('{looks,looks_read,looks_plain}'::text[]) AS model;

-- what is refused
SELECT query, s.* FROM (VALUES ($$rfm_period(model => 'told_2', score_group => '2')$$), ($$rfm_outcome(model => 'told_2', score_group => '2')$$), ($$rfm_ties(model => 'told_2', score_group => '2')$$),
        ($$rfm_internal.orders_between('told_2', NULL, '2024-03-31', '2')$$), ($$rfm_outcome(model => 'told', campaign => 'past', score_group => '3')$$),
        ($$rfm_export('2024-03-31', 'told', 'Loyal Customers', score_group => '3', holdout => 0.3, campaign => 'past')$$), ($$rfm_period('2024-03-31', '2024-04-30', 'told', score_group => '999')$$), ($$rfm_ties(model => 'told', score_group => 'nowhere')$$)) AS v(query), ga.said('SELECT * FROM ' || query) AS s;
SELECT (SELECT count(*) FROM rfm_period(model => 'read', score_group => '999')) AS periods, (SELECT count(*) FROM rfm_ties(model => 'read', score_group => '999')) AS ties;

-- the key of the target finds the rows of a group
CREATE FUNCTION ga.plan(query text) RETURNS SETOF text LANGUAGE plpgsql SET enable_seqscan = off AS
$$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;
SELECT count(*) > 0 AS by_the_key FROM rfm_internal.snapshot_rows('told', NULL, '2') AS r, ga.plan(format('SELECT s.run_date FROM (%s) AS s WHERE s.run_date = ''2024-04-30''', r.query)) AS line WHERE line LIKE '%Index Cond:%score_group = 2%';

SELECT count(rfm_drop_model(model)) FROM rfm_model WHERE target::text LIKE 'ga.%';
RESET rfm.latest_view;
DROP SCHEMA ga CASCADE;
RESET client_min_messages;

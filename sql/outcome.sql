--
-- Periods, outcomes and campaigns, against plain SQL over the orders themselves.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA out;
CREATE TABLE out.orders (order_id int, customer_id int, created_at timestamp, total numeric(12,2), kind text NOT NULL DEFAULT 'order');
INSERT INTO out.orders
SELECT i, (hashint4extended(i, 1) & 1023)::int, timestamp '2024-04-30 10:00' - (hashint4extended(i, 2) & 255) * interval '1 day',
       (hashint4extended(i, 3) & 16383)::int / 100.0
  FROM generate_series(1, 4000) i;
-- some return and never buy again
INSERT INTO out.orders SELECT 10000 + i, i, timestamp '2024-04-10', -5, 'refund' FROM generate_series(1, 40) i;
DELETE FROM out.orders WHERE customer_id < 20 AND created_at > '2024-02-20' AND kind = 'order';
ANALYZE out.orders;
-- two whose snapshots differ by what was ordered, and those that must ask the orders
SELECT rfm_create_model('all', 'out.orders', 'out.all_scores', order_count => 'kind = ''order''');
SELECT rfm_create_model('bare', 'out.orders', 'out.bare_scores', order_count => 'kind = ''order''',
                        target_columns => '{"rfm_segment": null, "comments": null, "rfm_score": null}');
SELECT rfm_create_model('window', 'out.orders', 'out.window_scores', order_count => 'kind = ''order''', lookback => '45 days');
SELECT rfm_create_model('above', 'out.orders', 'out.above_scores', order_count => 'kind = ''order''', monetary_above => 100);
SELECT rfm_create_model('dated', 'out.orders', 'out.dated_scores', order_count => 'kind = ''order''', filter => 'created_at < rfm_run_date() + 1');
SELECT rfm_create_model('newest', 'out.orders', 'out.newest_scores', order_count => 'kind = ''order''', target_columns => '{"run_date": null}');
SELECT model, additive FROM (VALUES ('all'), ('bare'), ('window'), ('above'), ('dated'), ('newest')) AS m(model), rfm_internal.snapshot_rows(model, NULL);
SELECT count(rfm_refresh(day, model)) FROM unnest('{2024-02-29,2024-03-31,2024-04-30}'::date[]) AS day, (VALUES ('all'), ('bare'), ('window'), ('above'), ('dated')) AS m(model);
SELECT rfm_refresh('2024-04-30', 'newest') > 0 AS refreshed;

\set schema out
\getenv top PG_ABS_SRCDIR
\set shared :top '/sql/shared/compare.sql'
\i :shared

-- a period and the one before
CREATE FUNCTION out.period(first date, last date) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT %1$L::date, %2$L::date, count(DISTINCT customer_id) FILTER (WHERE kind = ''order''),
       count(DISTINCT customer_id) FILTER (WHERE kind = ''order'' AND NOT EXISTS
           (SELECT FROM out.orders e WHERE e.customer_id = o.customer_id AND e.kind = ''order'' AND e.created_at < %1$L::date + 1)),
       count(*) FILTER (WHERE kind = ''order''), sum(total)
  FROM out.orders o WHERE created_at >= %1$L::date + 1 AND created_at < %2$L::date + 1', first, last) $$;
SELECT model, d.*
  FROM (VALUES ('all'), ('bare'), ('window'), ('above'), ('dated'), ('newest')) AS m(model),
       out.differences(format('SELECT after_date, until_date, buyers, new_customers, orders, revenue FROM rfm_period(model => %L) WHERE period = ''period''', model),
                       out.period('2024-03-31', '2024-04-30')) d;
SELECT model, d.*
  FROM (VALUES ('all', '2024-02-29'::date), ('bare', '2024-02-29'), ('window', '2024-03-01'), ('above', '2024-03-01'), ('newest', '2024-03-01')) AS m(model, before),
       out.differences(format('SELECT after_date, until_date, buyers, new_customers, orders, revenue FROM rfm_period(model => %L) WHERE period = ''period before''', model),
                       out.period(before, '2024-03-31')) d;
SELECT bool_and(buyers = new_customers + returning_customers) AS they_add_up, bool_and(average_order_value = round(revenue / orders, 2)) AS per_order,
       bool_and(revenue_per_buyer = round(revenue / buyers, 2)) AS per_buyer, array_agg(period) FROM rfm_period(model => 'all');
SELECT d.* FROM out.differences($$SELECT after_date, until_date, buyers, new_customers, orders, revenue FROM rfm_period('2024-04-10', model => 'newest') WHERE period = 'period'$$,
                                out.period('2024-04-10', '2024-04-30')) d;
-- a period of another length is not shown beside it
SELECT period, after_date, until_date FROM rfm_period('2024-03-31', '2024-04-30', 'all') UNION ALL SELECT period, after_date, until_date FROM rfm_period('2024-02-29', '2024-04-30', 'all');

-- what each segment did
CREATE FUNCTION out.outcome(scores text, label text) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT s.%2$I, count(*), count(*) FILTER (WHERE o.n > 0), round(count(*) FILTER (WHERE o.n > 0)::numeric / count(*), 4),
       coalesce(sum(o.n), 0)::bigint, coalesce(sum(o.revenue), 0), round(coalesce(sum(o.revenue), 0) / count(*), 2)
  FROM (SELECT * FROM out.%1$I WHERE run_date = ''2024-03-31'') s
       FULL JOIN (SELECT customer_id, count(*) FILTER (WHERE kind = ''order'') AS n, sum(total) AS revenue FROM out.orders
                   WHERE created_at >= ''2024-04-01'' AND created_at < ''2024-05-01'' GROUP BY customer_id) o USING (customer_id)
 WHERE s.run_date IS NOT NULL OR o.n > 0 GROUP BY 1', scores, label) $$;
\set outcome_columns 'segment, customers, bought_again, bought_share, orders, revenue, revenue_per_customer'
SELECT model, by, d.*
  FROM (VALUES ('all'), ('window'), ('above'), ('dated')) AS m(model), (VALUES ('segment', 'rfm_segment'), ('comment', 'comments')) AS label(by, name),
       out.differences(format('SELECT %s FROM rfm_outcome(model => %L, by => %L)', :'outcome_columns', model, by), out.outcome(model || '_scores', name)) d;
SELECT d.* FROM out.differences($$SELECT * FROM rfm_outcome(model => 'bare')$$, $$SELECT * FROM rfm_outcome(model => 'all')$$) d;
SELECT segment, customers > 0 AS some, bought_share, campaign_group, conclusion FROM rfm_outcome(model => 'all') WHERE segment IS NULL;
SELECT count(*) FROM rfm_outcome(model => 'newest');

-- a campaign: who is held out
SELECT count(*) AS customers, count(*) FILTER (WHERE held_out) AS held_out FROM rfm_export('2024-03-31', 'all', holdout => 0.3, campaign => 'spring');
SELECT * FROM out.differences($$SELECT customer, held_out FROM rfm_export('2024-03-31', 'all', holdout => 0.3, campaign => 'spring')$$,
    $$SELECT customer_id::text, ('x' || substr(encode(sha256(convert_to('spring:' || customer_id, 'UTF8')), 'hex'), 1, 14))::bit(56)::bigint < floor(0.3 * 72057594037927936) FROM out.all_scores WHERE run_date = '2024-03-31'$$);
SELECT count(*) FILTER (WHERE a.held_out AND b.held_out) AS in_both, count(*) FILTER (WHERE a.held_out) AS in_one
  FROM rfm_export('2024-03-31', 'all', holdout => 0.3, campaign => 'spring') a JOIN rfm_export('2024-03-31', 'all', holdout => 0.3, campaign => 'summer') b USING (customer);
SELECT count(*) FILTER (WHERE held_out) AS held_out FROM rfm_export('2024-03-31', 'all', 'Loyal Customers', campaign => 'everyone');
SELECT campaign, owner = current_user::regrole AS mine, run_date, chosen_by, segment, holdout, customers FROM rfm_campaign ORDER BY campaign;
SELECT count(*) FROM rfm_export('2024-03-31', 'all', 'Champions', 'comment', NULL, 0.5, 'champions');
-- nobody is in it: no campaign
SELECT count(*) FROM rfm_export('2024-03-31', 'all', 'Nobody', campaign => 'nobody');
SELECT given.query, said.*
  FROM (VALUES ($$rfm_export(model => 'all', holdout => 0.1)$$), ($$rfm_export(model => 'all', holdout => 1, campaign => 'x')$$), ($$rfm_export(model => 'all', holdout => -0.1, campaign => 'x')$$),
               ($$rfm_export(model => 'all', holdout => 'NaN', campaign => 'x')$$), ($$rfm_export(model => 'all', campaign => ' ')$$),
               ($$rfm_export('2024-03-31', 'all', holdout => 0.2, campaign => 'spring')$$), ($$rfm_export('2024-03-31', 'all', 'At Risk', holdout => 0.3, campaign => 'spring')$$),
               ($$rfm_outcome(model => 'all', campaign => 'nobody')$$), ($$rfm_outcome(model => 'window', campaign => 'spring')$$), ($$rfm_outcome('2024-03-31', model => 'all', campaign => 'spring')$$),
               ($$rfm_outcome(to_date => '2024-03-31', model => 'all', campaign => 'spring')$$), ($$rfm_drop_campaign('nobody', 'all')$$)) AS given(query),
       out.said('SELECT * FROM ' || given.query) AS said;

-- what came of it: groups, differences and intervals
CREATE FUNCTION out.wilson(b numeric, n numeric, sign int) RETURNS float8 LANGUAGE sql AS
$$ SELECT (b / n + z ^ 2 / (2 * n) + sign * z * sqrt(b * (n - b) / n ^ 3 + z ^ 2 / (4 * n ^ 2))) / (1 + z ^ 2 / n) FROM (SELECT 1.959963984540054::float8 AS z) s $$;
CREATE FUNCTION out.campaign(name text, members text, share numeric) RETURNS text LANGUAGE sql AS
$$ SELECT format('
    WITH member AS (SELECT customer_id, sha256(convert_to(%1$L || '':'' || customer_id, ''UTF8'')) < decode(lpad(to_hex(floor(%3$L * 72057594037927936.0)::bigint), 14, ''0''), ''hex'') AS held
                      FROM out.all_scores WHERE run_date = ''2024-03-31'' AND %2$s),
    did AS (SELECT m.held, count(o.order_id) FILTER (WHERE kind = ''order'') AS n, coalesce(sum(total), 0) AS revenue
              FROM member m LEFT JOIN out.orders o ON o.customer_id = m.customer_id AND created_at >= ''2024-04-01'' AND created_at < ''2024-05-01'' GROUP BY m.customer_id, m.held),
    grp AS (SELECT held, count(*) AS c, count(*) FILTER (WHERE n > 0) AS b, sum(n)::bigint AS o, sum(revenue) AS r, var_samp(revenue)::float8 AS v FROM did GROUP BY held),
    gap AS (SELECT m.b::float8 / m.c - h.b::float8 / h.c AS s, m.r / m.c - h.r / h.c AS d, 1.959963984540054 * sqrt(m.v / m.c + h.v / h.c) AS half,
                   sqrt((m.b::float8 / m.c - out.wilson(m.b, m.c, -1)) ^ 2 + (out.wilson(h.b, h.c, 1) - h.b::float8 / h.c) ^ 2) AS below,
                   sqrt((m.b::float8 / m.c - out.wilson(m.b, m.c, 1)) ^ 2 + (out.wilson(h.b, h.c, -1) - h.b::float8 / h.c) ^ 2) AS above
              FROM grp m, grp h WHERE NOT m.held AND h.held)
    SELECT c, b, o, r, CASE WHEN held THEN ''held out'' ELSE ''mailed'' END, round(s::numeric, 4), round((s - below)::numeric, 4), round((s + above)::numeric, 4),
           round(d, 2), round(d - half::numeric, 2), round(d + half::numeric, 2)
      FROM grp LEFT JOIN gap ON NOT held', name, members, share) $$;
SELECT name, d.*
  FROM (VALUES ('spring', 'true', 0.3), ('champions', 'comments = ''Champions''', 0.5)) AS given(name, members, share),
       out.differences(format('SELECT customers, bought_again, orders, revenue, campaign_group, share_difference, share_low, share_high, revenue_difference, revenue_low, revenue_high
                                 FROM rfm_outcome(model => ''all'', campaign => %L) WHERE segment IS NULL OR segment = ''Champions''', name),
                       out.campaign(name, members, share)) d;
-- all segments, and each
SELECT sum(customers) FILTER (WHERE segment IS NULL) AS customers, sum(customers) FILTER (WHERE segment IS NOT NULL) AS by_segment,
       sum(revenue) FILTER (WHERE segment IS NULL) = sum(revenue) FILTER (WHERE segment IS NOT NULL) AS revenue, count(*) FROM rfm_outcome(model => 'all', campaign => 'spring');
SELECT segment, campaign_group, conclusion FROM rfm_outcome(model => 'all', campaign => 'spring') WHERE campaign_group = 'mailed';
SELECT segment, customers, campaign_group, share_low, conclusion FROM rfm_outcome(model => 'all', campaign => 'everyone');
-- one that worked: everyone mailed buys for 40
INSERT INTO out.orders SELECT 20000 + customer::int, customer::int, '2024-04-15', 40 FROM rfm_export('2024-03-31', 'all', holdout => 0.3, campaign => 'spring') WHERE NOT held_out;
SELECT rfm_refresh('2024-04-30', 'all') > 0 AS refreshed;
SELECT conclusion FROM rfm_outcome(model => 'all', campaign => 'spring') WHERE segment IS NULL AND campaign_group = 'mailed';
SELECT rfm_refresh('2024-04-30', 'window') > 0 AS refreshed;
SELECT count(*) FROM rfm_export('2024-03-31', 'window', 'Loyal Customers', holdout => 0.3, campaign => 'spring');
SELECT campaign_group, customers > 50 AS many, share_low > 0 AS worked, conclusion LIKE 'More of the mailed customers bought%The mailed customers brought more%' AS says_so FROM rfm_outcome(model => 'window', campaign => 'spring');
-- of 200 campaigns without any effect chance finds one in some ten
SELECT count(*) AS campaigns, count(*) FILTER (WHERE share_low > 0 OR share_high < 0) BETWEEN 3 AND 18 AS shares, count(*) FILTER (WHERE revenue_low > 0 OR revenue_high < 0) BETWEEN 3 AND 18 AS revenues
  FROM rfm_internal.snapshot_rows('bare', 'segment') AS r, rfm_internal.period_rows('bare', r, '2024-02-29', '2024-03-31') AS rows_of(q), generate_series(1, 200) AS i,
       (SELECT c FROM rfm_campaign c WHERE segment IS NULL LIMIT 1) AS any_one(c),
       LATERAL rfm_internal.campaign_groups(q, jsonb_populate_record(c, jsonb_build_object('campaign', i::text, 'holdout', 0.4))) AS g,
       rfm_internal.outcome_difference(g.mailed, g.held) AS gap
 WHERE g.segment IS NULL;
-- the snapshot is computed anew
SET client_min_messages = notice;
DELETE FROM out.orders WHERE customer_id = 100;
SELECT rfm_refresh('2024-03-31', 'all') > 0 AS refreshed;
SELECT count(*) FROM rfm_outcome(model => 'all', campaign => 'spring');
SET client_min_messages = warning;

-- rights: who may read the target makes campaigns of their own, and sees no others
CREATE ROLE regress_rfm_mailer;
CREATE ROLE regress_rfm_other;
GRANT USAGE ON SCHEMA out TO regress_rfm_mailer, regress_rfm_other;
GRANT SELECT ON out.all_scores, out.window_scores TO regress_rfm_mailer;
SET ROLE regress_rfm_mailer;
SELECT count(*) FROM rfm_campaign;
SELECT message FROM out.said($$SELECT * FROM rfm_outcome(model => 'all', campaign => 'spring')$$);
SELECT count(*) > 100 AS many FROM rfm_export('2024-03-31', 'all', holdout => 0.1, campaign => 'spring');
SELECT campaign, holdout FROM rfm_campaign;
SELECT count(*) > 1 AS some FROM rfm_outcome(model => 'all', campaign => 'spring');
SELECT count(*) AS periods FROM rfm_period(model => 'all');
SELECT message, detail FROM out.said($$SELECT * FROM rfm_period(model => 'window')$$);
SELECT message FROM out.said($$SELECT * FROM rfm_outcome(model => 'window')$$);
SELECT message FROM out.said($$INSERT INTO rfm_campaign (model_id, owner, campaign, run_date, chosen_by, holdout, customers) VALUES (1, 'regress_rfm_other', 'x', '2024-03-31', 'segment', 0, 1)$$);
SELECT message FROM out.said($$DELETE FROM rfm_campaign$$);
SELECT message FROM out.said($$UPDATE rfm_campaign SET holdout = 0$$);
SET ROLE regress_rfm_other;
SELECT message FROM out.said($$SELECT * FROM rfm_export(model => 'all', campaign => 'x')$$);
SELECT message FROM out.said($$SELECT * FROM rfm_internal.orders_between('all', NULL, '2024-03-31', NULL)$$);
SELECT message FROM out.said($$SELECT rfm_drop_campaign('spring', 'all')$$);
SELECT message FROM out.said($$SELECT rfm_internal.delete_campaign(1, 'regress_rfm_mailer', 'spring')$$);
RESET ROLE;
-- one's own comes first; of others' there must be one
SELECT (rfm_internal.find_campaign('all', model_id, 'spring')).holdout FROM rfm_internal.access('all');
SELECT rfm_drop_campaign('spring', 'all');
SELECT (rfm_internal.find_campaign('all', model_id, 'spring')).holdout FROM rfm_internal.access('all');
GRANT SELECT ON out.all_scores TO regress_rfm_other;
SET ROLE regress_rfm_other;
SELECT count(*) > 100 AS many FROM rfm_export('2024-03-31', 'all', holdout => 0.2, campaign => 'spring');
RESET ROLE;
SELECT message, detail, hint FROM out.said($$SELECT * FROM rfm_outcome(model => 'all', campaign => 'spring')$$);

-- with the model go its campaigns
SELECT count(rfm_drop_model(model)) FROM rfm_model WHERE model IN ('all', 'bare', 'window', 'above', 'dated', 'newest');
SELECT count(*) FROM rfm_campaign;
DROP SCHEMA out CASCADE;
DROP ROLE regress_rfm_mailer, regress_rfm_other;
RESET client_min_messages;

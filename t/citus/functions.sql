--
-- What reads and writes histories, on Citus against a plain table; run by
-- scripts/citus.sh after sources.sql.
--
SET client_min_messages = error;
SET rfm.latest_view = off;
DELETE FROM rfm_model;
SELECT rfm_create_model('plain', 'plain.orders', 'plain.history', filter => 'status <> ''cancelled''', time_zone => 'UTC', retention => '20 days');
SELECT rfm_create_model('citus', 'kinds.distributed', 'kinds.history', filter => 'status <> ''cancelled''', time_zone => 'UTC', retention => '20 days');
CALL rfm_backfill('2024-03-01', '2024-03-20', 'plain');
CALL rfm_backfill('2024-03-01', '2024-03-20', 'citus');
SELECT rfm_refresh('2024-03-25', 'plain');
SELECT rfm_refresh('2024-03-25', 'citus');

-- a query with %L for the model gives the same rows for both
CREATE FUNCTION plain.same(name text, query text) RETURNS text
LANGUAGE plpgsql AS
$$
DECLARE
    plain text;
    citus text;
BEGIN
    EXECUTE format('SELECT string_agg(q::text, E''\n'') FROM (%s) q', format(query, 'plain')) INTO plain;
    EXECUTE format('SELECT string_agg(q::text, E''\n'') FROM (%s) q', format(query, 'citus')) INTO citus;
    IF plain IS NULL THEN
        RETURN plain.verdict(name, 'no rows at all');
    END IF;
    RETURN plain.is(name, md5(replace(citus, 'citus', 'plain')), md5(plain));
EXCEPTION WHEN OTHERS THEN
    RETURN plain.verdict(name, SQLERRM);
END
$$;

SELECT plain.is('a created target lies with its orders', (SELECT count(DISTINCT colocationid)::text FROM pg_dist_partition WHERE logicalrelid IN ('kinds.distributed'::regclass, 'kinds.history'::regclass)), '1');
SELECT plain.is('backfill and retention', (SELECT string_agg(d::text, ' ' ORDER BY d) FROM (SELECT DISTINCT run_date AS d FROM kinds.history) x), (SELECT string_agg(d::text, ' ' ORDER BY d) FROM (SELECT DISTINCT run_date AS d FROM plain.history) x));
SELECT plain.is('every row of the history', (SELECT md5(string_agg((to_jsonb(h) - '{created_at,updated_at}'::text[])::text, ' ' ORDER BY run_date, customer_id)) FROM kinds.history h),
                (SELECT md5(string_agg((to_jsonb(h) - '{created_at,updated_at}'::text[])::text, ' ' ORDER BY run_date, customer_id)) FROM plain.history h));
SELECT plain.same('rfm_preview', 'SELECT * FROM rfm_preview(''2024-03-30'', %L)');
SELECT plain.same('rfm_score_now', 'SELECT to_jsonb(s) - ''{run_date,recency_days,r_score,rfm_score,segment,comment,rfm_segment,comments,rfm_cell,rfm_weighted}''::text[] FROM rfm_score_now(17, %L) s');
SELECT plain.same('rfm_customer', 'SELECT * FROM rfm_customer(17, %L)');
SELECT plain.same('rfm_segment_summary', 'SELECT * FROM rfm_segment_summary(NULL, %L) ORDER BY 1');
SELECT plain.same('rfm_migration', 'SELECT * FROM rfm_migration(''2024-03-10'', ''2024-03-25'', %L) ORDER BY 1, 2');
SELECT plain.same('rfm_movers', 'SELECT * FROM rfm_movers(''2024-03-10'', ''2024-03-25'', %L)');
SELECT plain.same('rfm_grid', 'SELECT * FROM rfm_grid(NULL, %L)');
SELECT plain.same('rfm_cut_points', 'SELECT * FROM rfm_cut_points(NULL, %L)');
SELECT plain.same('rfm_trend', 'SELECT * FROM rfm_trend(%L) ORDER BY 1, 2');
SELECT plain.same('rfm_export', 'SELECT * FROM rfm_export(NULL, %L) ORDER BY 1');
SELECT plain.same('rfm_report', 'SELECT regexp_replace(rfm_report(NULL, %L), ''<dd>(plain|kinds)[.][a-z]+</dd>'', '''', ''g'')');
SELECT plain.same('a date that is not there', 'SELECT rfm_segment_summary(''2024-03-23'', %L)') LIKE 'FAILED: a date that is not there: model "plain" has no customers on 2024-03-23' AS ok \gset
\if :ok
\echo ok: a date that is not there
\else
\echo FAILED: a date that is not there
\endif

SELECT plain.same('rfm_changes', 'SELECT * FROM rfm_changes(''2024-03-10'', ''2024-03-25'', %L) ORDER BY 1, 2, 3');
SELECT plain.same('rfm_period', 'SELECT * FROM rfm_period(''2024-03-10'', ''2024-03-25'', %L)');
SELECT plain.same('rfm_outcome', 'SELECT * FROM rfm_outcome(''2024-03-10'', ''2024-03-25'', %L) ORDER BY 1');
SELECT plain.same('rfm_ties', 'SELECT * FROM rfm_ties(NULL, %L) ORDER BY 1, 2');

-- forecasts, of customers who buy at rates of their own until they stop
CREATE FUNCTION plain.chance(n bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT ((hashint8(n) & 1048575) + 0.5) / 1048576 $$;
CREATE TABLE plain.repeats AS
SELECT customer_id, (date '2023-01-01' + (customer_id % 90)::int + ceil(sum(gap) OVER (PARTITION BY customer_id ORDER BY k))::int)::timestamptz AS created_at, round(10 + gap::numeric % 7, 2) AS total
  FROM (SELECT customer_id, k, CASE k WHEN 0 THEN 0 ELSE -ln(plain.chance(customer_id * 100 + k)) * 30 / -ln(plain.chance(-customer_id)) END AS gap,
               bool_and(k = 0 OR plain.chance(-customer_id * 100 - k) > 1 - sqrt(plain.chance(customer_id * 77777))) OVER (PARTITION BY customer_id ORDER BY k) AS alive
          FROM generate_series(1::bigint, 2000) customer_id, generate_series(0, 60) k) o
 WHERE alive AND gap < 10000;
CREATE TABLE kinds.repeats (LIKE plain.repeats);
SELECT FROM create_distributed_table('kinds.repeats', 'customer_id', shard_count => 4, colocate_with => 'none');
INSERT INTO kinds.repeats TABLE plain.repeats;
SELECT rfm_create_model('plain_repeats', 'plain.repeats', 'plain.repeats_rfm', time_zone => 'UTC', target_columns => '{"p_alive": "p_alive", "expected_orders": "expected_orders", "expected_revenue": "expected_revenue"}');
SELECT rfm_create_model('citus_repeats', 'kinds.repeats', 'kinds.repeats_rfm', time_zone => 'UTC', target_columns => '{"p_alive": "p_alive", "expected_orders": "expected_orders", "expected_revenue": "expected_revenue"}');
SELECT plain.same('rfm_repeat_summary', 'SELECT * FROM rfm_repeat_summary(''2024-03-25'', %L || ''_repeats'') ORDER BY customer');
SELECT plain.same('rfm_forecast_fit', 'SELECT params, log_likelihood, customers FROM rfm_forecast_fit(''2024-03-25'', %L || ''_repeats'')');
SELECT plain.same('rfm_forecast', 'SELECT * FROM rfm_forecast(''2024-03-25'', %L || ''_repeats'') ORDER BY customer');
SELECT rfm_refresh('2024-03-25', 'plain_repeats');
SELECT rfm_refresh('2024-03-25', 'citus_repeats');
SELECT plain.is('a target with forecasts', (SELECT md5(string_agg((to_jsonb(h) - '{created_at,updated_at}'::text[])::text, ' ' ORDER BY customer_id)) FROM kinds.repeats_rfm h WHERE expected_orders > 0),
                (SELECT md5(string_agg((to_jsonb(h) - '{created_at,updated_at}'::text[])::text, ' ' ORDER BY customer_id)) FROM plain.repeats_rfm h WHERE expected_orders > 0));
SELECT plain.is('which has them', (SELECT (count(expected_orders) > 1500)::text FROM kinds.repeats_rfm), 'true');
SELECT plain.same('rfm_forecast_summary', 'SELECT * FROM rfm_forecast_summary(''2024-03-25'', %L || ''_repeats'') ORDER BY 1');
SELECT plain.same('rfm_forecast_backtest', 'SELECT * FROM rfm_forecast_backtest(''2023-12-31'', ''2024-03-25'', %L || ''_repeats'') ORDER BY 1, 2');

-- groups and refunds
SELECT rfm_create_model('plain_groups', 'plain.orders', 'plain.groups', score_within => 'tenant', order_count => 'status <> ''cancelled''', time_zone => 'UTC');
SELECT rfm_create_model('citus_groups', 'kinds.distributed', 'kinds.groups', score_within => 'tenant', order_count => 'status <> ''cancelled''', time_zone => 'UTC');
CALL rfm_backfill('2024-03-10', '2024-03-12', 'plain_groups');
CALL rfm_backfill('2024-03-10', '2024-03-12', 'citus_groups');
SELECT plain.is('groups', (SELECT md5(string_agg((to_jsonb(h) - '{created_at,updated_at}'::text[])::text, ' ' ORDER BY run_date, score_group, customer_id)) FROM kinds.groups h),
                (SELECT md5(string_agg((to_jsonb(h) - '{created_at,updated_at}'::text[])::text, ' ' ORDER BY run_date, score_group, customer_id)) FROM plain.groups h));
SELECT plain.same('rfm_segment_summary by group', 'SELECT * FROM rfm_segment_summary(NULL, %L || ''_groups'', by => ''group'') ORDER BY 1');
SELECT plain.same('rfm_segment_summary of a group', 'SELECT * FROM rfm_segment_summary(NULL, %L || ''_groups'', score_group => ''1'') ORDER BY 1');
SELECT plain.same('rfm_report of a group', 'SELECT regexp_replace(rfm_report(NULL, %L || ''_groups'', score_group => ''1''), ''<dd>(plain|kinds)[.][a-z]+</dd>'', '''', ''g'')');
SELECT plain.same('rfm_repeat_summary of a group', 'SELECT * FROM rfm_repeat_summary(''2024-03-12'', %L || ''_groups'', score_group => ''1'') ORDER BY customer');

-- a view that asks for the date, wherever it runs
CREATE VIEW plain.dated AS SELECT * FROM plain.orders WHERE created_at::date < rfm_run_date() - (order_id % 7)::int;
CREATE VIEW kinds.dated AS SELECT * FROM kinds.distributed WHERE created_at::date < rfm_run_date() - (order_id % 7)::int;
SELECT rfm_create_model('plain_dated', 'plain.dated', 'plain.dated_rfm', time_zone => 'UTC');
SELECT rfm_create_model('citus_dated', 'kinds.dated', 'kinds.dated_rfm', time_zone => 'UTC');
CALL rfm_backfill('2024-03-01', '2024-03-05', 'plain_dated');
CALL rfm_backfill('2024-03-01', '2024-03-05', 'citus_dated');
SELECT plain.is('a backfill of a view that calls rfm_run_date()', (SELECT md5(string_agg((to_jsonb(h) - '{created_at,updated_at}'::text[])::text, ' ' ORDER BY run_date, customer_id)) FROM kinds.dated_rfm h),
                (SELECT md5(string_agg((to_jsonb(h) - '{created_at,updated_at}'::text[])::text, ' ' ORDER BY run_date, customer_id)) FROM plain.dated_rfm h));

CALL rfm_catch_up('citus');
SELECT plain.is('rfm_catch_up', (SELECT (count(DISTINCT run_date) > 3)::text FROM kinds.history WHERE run_date > '2024-03-25'), 'true');

-- partitions of rfm's own
SELECT rfm_create_model('parts', 'kinds.distributed', 'kinds.parts', time_zone => 'UTC', partition_by => 'month', retention => '2 months');
SELECT rfm_refresh('2024-01-31', 'parts');
SELECT rfm_refresh('2024-02-01', 'parts');
SELECT rfm_refresh('2024-03-31', 'parts');
SELECT rfm_refresh('2024-03-31', 'parts');
SELECT plain.is('partitions and retention', (SELECT string_agg(d::text, ' ' ORDER BY d) FROM (SELECT DISTINCT run_date AS d FROM kinds.parts) x), '2024-02-01 2024-03-31');
SELECT plain.is('partitions are distributed', (SELECT (count(*) >= 2)::text FROM pg_inherits i JOIN pg_dist_partition p ON p.logicalrelid = i.inhrelid WHERE inhparent = 'kinds.parts'::regclass), 'true');

-- what cannot be
CREATE FUNCTION plain.refused(name text, statement text, pattern text) RETURNS text
LANGUAGE plpgsql AS
$$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    RETURN plain.verdict(name, 'no error');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN plain.verdict(name, CASE WHEN SQLERRM ~ pattern AND hint <> '' THEN '' ELSE SQLERRM || ' HINT: ' || hint END);
END
$$;
CREATE TABLE kinds.to_columnar (LIKE kinds.history INCLUDING DEFAULTS INCLUDING INDEXES) USING columnar;
SELECT plain.refused('a columnar target', $$SELECT rfm_create_model('columns', 'kinds.distributed', 'kinds.to_columnar')$$, 'columnar');
UPDATE kinds.distributed SET total = 'NaN' WHERE customer_id = 5;
SELECT plain.refused('an amount that is no number', $$SELECT rfm_refresh(NULL, 'citus')$$, 'order of customer "5" has an amount that is not a finite number');
UPDATE kinds.distributed SET total = 1 WHERE customer_id = 5;
UPDATE kinds.distributed SET created_at = '-infinity' WHERE customer_id = 5;
SELECT plain.refused('an order without a date', $$SELECT rfm_refresh(NULL, 'citus')$$, 'customer "5" has an infinite order time');
DELETE FROM kinds.distributed WHERE customer_id = 5;
SELECT plain.is('and the next refresh is right', (SELECT (rfm_refresh(NULL, 'citus') > 0)::text), 'true');

-- what a model's expressions may be and what names in them mean
\set SHOW_CONTEXT never
CREATE EXTENSION citext;
CREATE SCHEMA expr;
CREATE TABLE expr.orders ("orderNo" int, email text, "createdAt" timestamp, total numeric(8,2), status citext, deleted_at date, shop text);
INSERT INTO expr.orders VALUES
    (1, 'Ann@x.org', '2026-01-05 10:00', 30, 'paid', NULL, 'a'),
    (2, 'ann@X.org', '2026-01-06 02:00', 20, 'Paid', NULL, 'a'),
    (3, 'bob@x.org', '2026-01-07 23:59', 40, 'Cancelled', NULL, 'b'),
    (4, 'bob@x.org', '2026-01-08 03:59', 50, 'cancelled', '2026-01-20', 'b'),
    (5, 'cid@x.org', '2026-01-09 12:00', 60, 'paid', '2026-01-20', 'c'),
    (6, 'cid@x.org', '2026-01-09 18:00', 70, 'paid', NULL, 'c');

-- an expression where a column would do: one person by any spelling, days that end at 4, an order a day
SELECT rfm_create_model('expr', 'expr.orders', 'expr.scores', customer => 'lower(email)',
    ordered_at => '"createdAt" - interval ''4 hours''', order_id => '("createdAt" - interval ''4 hours'')::date');
SELECT customer_id, recency_days, frequency_orders, monetary_value FROM rfm_preview('2026-01-31', 'expr');
-- as plain SQL has it
SELECT lower(email) AS customer_id, date '2026-01-31' - max(("createdAt" - interval '4 hours')::date) AS recency_days,
       count(DISTINCT ("createdAt" - interval '4 hours')::date) AS frequency_orders, sum(total) AS monetary_value
  FROM expr.orders GROUP BY 1 ORDER BY 1;
SELECT rfm_refresh('2026-01-31', 'expr');
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'expr.scores'::regclass AND attname = 'customer_id';
SELECT customer_id, frequency_orders FROM rfm_score_now('ann@x.org', 'expr');

-- names: bare and exact, or quoted
UPDATE rfm_model SET customer = '"email"', ordered_at = 'createdAt', order_id = 'orderNo' WHERE model = 'expr';
UPDATE rfm_model SET ordered_at = '"createdAt"', order_id = '"orderNo"' WHERE model = 'expr';
SELECT count(*) FROM rfm_preview('2026-01-31', 'expr');
UPDATE rfm_model SET customer = 'mail' WHERE model = 'expr';
UPDATE rfm_model SET customer = '"mail"' WHERE model = 'expr';
UPDATE rfm_model SET ordered_at = 'createdat' WHERE model = 'expr';
UPDATE rfm_model SET ordered_at = 'lower(email)' WHERE model = 'expr';
UPDATE rfm_model SET customer = 'lower(email' WHERE model = 'expr';
UPDATE rfm_model SET customer = 'email, total' WHERE model = 'expr';
UPDATE rfm_model SET order_id = 'count(*)' WHERE model = 'expr';
UPDATE rfm_model SET customer = 'point(1, 2)' WHERE model = 'expr';

-- operators of a type from another schema: as in the user's own SQL, or refused
UPDATE rfm_model SET filter = 'status <> ''cancelled''' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'status NOT IN (''cancelled'', ''refunded'')' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'status LIKE ''canc%''' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'status IS DISTINCT FROM ''cancelled''' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'replace(status, ''x'', ''y'') = ''z''' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'EXISTS (SELECT FROM (VALUES (status)) AS v(s) WHERE s = ''cancelled'')' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'status::citext <> ''cancelled''' WHERE model = 'expr';
-- without the detail, which PostgreSQL has from 19 on
CREATE EXTENSION hstore;
ALTER TABLE expr.orders ADD attributes hstore DEFAULT 'paid=>yes';
UPDATE expr.orders SET attributes = 'paid=>no' WHERE "orderNo" = (SELECT min("orderNo") FROM expr.orders);
DO $$
DECLARE
    condition text;
    hint      text;
BEGIN
    FOREACH condition IN ARRAY ARRAY['status <=> 1', 'attributes -> ''paid'' = ''yes''', 'attributes ? ''paid'''] LOOP
        BEGIN
            UPDATE rfm_model SET filter = condition WHERE model = 'expr';
            RAISE 'accepted: %', condition;
        EXCEPTION WHEN undefined_function THEN
            GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
            RAISE NOTICE '% HINT: %', SQLERRM, hint;
        END;
    END LOOP;
END $$;
UPDATE rfm_model SET filter = 'attributes OPERATOR(public.->) ''paid'' = ''yes''' WHERE model = 'expr';
SELECT sum(frequency_orders) AS orders, (SELECT count(*) FROM expr.orders WHERE attributes -> 'paid' = 'yes') AS as_in_sql FROM rfm_preview('2026-01-31', 'expr');
-- what it may be instead, with the counts that the user's own SQL has
UPDATE rfm_model SET filter = 'status OPERATOR(public.<>) ''cancelled''' WHERE model = 'expr';
SELECT sum(frequency_orders) AS orders, (SELECT count(*) FROM expr.orders WHERE status <> 'cancelled') AS as_in_sql FROM rfm_preview('2026-01-31', 'expr');
UPDATE rfm_model SET filter = 'status::text <> ''cancelled''' WHERE model = 'expr';
SELECT sum(frequency_orders) AS orders, (SELECT count(*) FROM expr.orders WHERE status::text <> 'cancelled') AS as_in_sql FROM rfm_preview('2026-01-31', 'expr');
-- a function that the type has none of its own of
UPDATE rfm_model SET filter = 'lower(status) <> ''cancelled''' WHERE model = 'expr';
SELECT sum(frequency_orders) AS orders, (SELECT count(*) FROM expr.orders WHERE lower(status) <> 'cancelled') AS as_in_sql FROM rfm_preview('2026-01-31', 'expr');

-- the clock
UPDATE rfm_model SET filter = '"createdAt" > now() - interval ''1 year''' WHERE model = 'expr';
UPDATE rfm_model SET filter = '"createdAt" > current_date - 365' WHERE model = 'expr';
UPDATE rfm_model SET filter = '"createdAt" < localtimestamp' WHERE model = 'expr';
UPDATE rfm_model SET filter = '"createdAt" < ''today''' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'deleted_at < date '' Tomorrow ''' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'deleted_at < $$now$$' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'age("createdAt") < ''1 year''' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'total > (SELECT extract(day FROM statement_timestamp()))' WHERE model = 'expr';
UPDATE rfm_model SET filter = 'clock_timestamp() > "createdAt"' WHERE model = 'expr';
-- words that only look like it
UPDATE rfm_model SET filter = 'shop <> ''today'' AND "createdAt" < ''2062-01-01'' AND deleted_at IS DISTINCT FROM ''infinity''' WHERE model = 'expr';

-- the date that is being computed: what was deleted later was there before
UPDATE rfm_model SET filter = 'deleted_at IS NULL OR deleted_at > rfm_run_date()' WHERE model = 'expr';
SELECT d.day, (SELECT sum(frequency_orders) FROM rfm_preview(d.day, 'expr')) AS orders,
       (SELECT count(*) FROM expr.orders WHERE "createdAt" < d.day + 1 AND (deleted_at IS NULL OR deleted_at > d.day)) AS as_in_sql
  FROM (VALUES (date '2026-01-06'), ('2026-01-19'), ('2026-01-20'), ('2026-01-31')) AS d(day);
DELETE FROM expr.scores;
CALL rfm_backfill('2026-01-18', '2026-01-21', 'expr');
SELECT run_date, count(*) AS customers, sum(frequency_orders) AS orders FROM expr.scores GROUP BY 1 ORDER BY 1;
-- in a view, which is looked at by itself, too; by workers
CREATE VIEW expr.present AS SELECT * FROM expr.orders WHERE deleted_at IS NULL OR deleted_at > public.rfm_run_date();
SELECT count(*) FROM expr.present;
SELECT rfm_create_model('view', 'expr.present', 'expr.view_scores', customer => 'email', ordered_at => 'createdAt');
CALL rfm_backfill('2026-01-18', '2026-01-21', 'view');
SELECT run_date, sum(frequency_orders) AS orders FROM expr.view_scores GROUP BY 1 ORDER BY 1;
ALTER TABLE expr.orders SET (parallel_workers = 2);
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET rfm.max_workers = 2;
SELECT sum(frequency_orders) AS orders FROM rfm_preview('2026-01-19', 'view');
SELECT sum(frequency_orders) AS orders FROM rfm_preview('2026-01-20', 'view');
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET rfm.max_workers;
-- after a query of a model it is over
SELECT rfm_run_date() = current_date AS today;

SELECT rfm_drop_model('expr', true), rfm_drop_model('view', true);
DROP SCHEMA expr CASCADE;
DROP EXTENSION citext, hstore;

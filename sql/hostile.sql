--
-- Text that is made to be run: names, expressions, search paths, settings.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA hst;
CREATE TABLE hst.orders (
    order_id int, customer_id int, created_at timestamptz, total numeric, price numeric, quantity int,
    note text, rate float8, "UnitPrice" numeric, unitprice2 numeric, "select" int, "a ""b"" c" numeric);
INSERT INTO hst.orders
SELECT i, i % 7, timestamptz '2024-01-01 12:00+00' + i * interval '1 day', i, i * 1.5, i % 3,
       CASE WHEN i % 2 = 0 THEN 'paid' ELSE 'a\\b' END, i / 10.0, i, 2 * i, i, i
  FROM generate_series(1, 30) i;
CREATE TABLE hst.precious (a int);
INSERT INTO hst.precious VALUES (1);
CREATE TABLE hst.vip (customer_id int);
INSERT INTO hst.vip VALUES (1), (2);
CREATE SEQUENCE hst.numbers;
RESET client_min_messages;

-- the snapshot of a date in one line
CREATE FUNCTION hst.sums(model text) RETURNS text LANGUAGE sql AS $$
    SELECT concat(count(*), ' customers, ', sum(frequency_orders), ' orders, ', sum(monetary_value),
                  ', scores ', string_agg(concat(r_score, f_score, m_score), ' ' ORDER BY customer_id COLLATE "C"))
      FROM public.rfm_preview('2024-02-01', model)
$$;

--
-- '; DROP TABLE in every parameter
--
\set bad '\'; DROP TABLE hst.precious; --'
SELECT :'bad' AS bad;
SELECT rfm_refresh('2024-02-01', :'bad');
SELECT count(*) FROM rfm_preview('2024-02-01', :'bad');
SELECT count(*) FROM rfm_cut_points('2024-02-01', :'bad');
SELECT rfm_internal.ensure_model(:'bad');
SELECT rfm_drop_model(:'bad');
SELECT rfm_create_model('hst', :'bad', 'hst.t');
SELECT rfm_create_model('hst', 'hst.orders', :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', customer => :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', ordered_at => :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', amount => :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', amount => 'total' || :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', order_id => :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', filter => :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', filter => 'note = ' || :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', method => :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', time_zone => :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', as_of => :'bad');
\set VERBOSITY terse
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', segment_rules => :'bad');
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', comment_rules => :'bad');
\set VERBOSITY default
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', target_columns => jsonb_build_object(:'bad', 'x'));
BEGIN;
SELECT rfm_copy_ruleset('sum5', :'bad');
SELECT count(*) FROM rfm_segment_coverage(:'bad') WHERE status = 'taken';
-- as a name it is one like any other
SELECT rfm_create_model(:'bad', 'hst.orders', format('hst.%I', :'bad'),
                        target_columns => jsonb_build_object('r_score', :'bad', 'logs', 'l"o"gs', 'customer_id', 'select'),
                        segment_rules => :'bad', comment_rules => :'bad');
SELECT rfm_refresh('2024-02-01', :'bad');
UPDATE hst.orders SET total = total + 1 WHERE customer_id = 3;
DELETE FROM hst.orders WHERE customer_id = 4;
SELECT rfm_refresh('2024-02-01', :'bad');
SELECT count(*), inserted, updated, deleted, unchanged FROM rfm_run WHERE model = :'bad' GROUP BY run_id ORDER BY run_id;
SELECT attname FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
 WHERE relname = :'bad' AND attnum > 0 ORDER BY attnum;
SELECT rfm_drop_model(:'bad', true);
ROLLBACK;
-- labels and customers are data
CREATE TABLE hst.texts AS SELECT :'bad' || i AS customer_id, created_at, total FROM hst.orders, generate_series(1, 2) i;
INSERT INTO rfm_ruleset (ruleset) VALUES ('hst');
INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('hst', 1, :'bad');
SELECT rfm_create_model('hst', 'hst.texts', 'hst.t', segment_rules => 'hst', comment_rules => NULL);
SELECT rfm_refresh('2024-02-01', 'hst');
UPDATE hst.texts SET total = 1 WHERE customer_id LIKE '%1';
SELECT rfm_refresh('2024-02-01', 'hst');
SELECT customer_id, rfm_segment FROM hst.t ORDER BY 1;
DELETE FROM hst.texts WHERE customer_id LIKE '%1';
SELECT rfm_refresh('2024-02-01', 'hst');
SELECT rfm_drop_model('hst', true);
SELECT rfm_drop_ruleset('hst');
SELECT * FROM hst.precious;

--
-- Expressions that are more, or less, than one expression
--
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t');
UPDATE rfm_model SET amount = '' WHERE model = 'hst';
UPDATE rfm_model SET amount = ' ' WHERE model = 'hst';
UPDATE rfm_model SET amount = '-- total' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total; DROP TABLE hst.precious' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total; SELECT 1' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total) FROM hst.orders; DROP TABLE hst.precious; --' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total) + (total' WHERE model = 'hst';
UPDATE rfm_model SET amount = '(total' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total /* rest' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total + ''1' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total FROM hst.precious' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total, total' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total AS price' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total price' WHERE model = 'hst';
UPDATE rfm_model SET amount = '*' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'orders.*' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'hst.orders.*' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'orders' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'ROW(total)' WHERE model = 'hst';
UPDATE rfm_model SET amount = '$1' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total + $2' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'DEFAULT' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'NULL' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'VALUES (1)' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'SELECT 1' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'TABLE hst.precious' WHERE model = 'hst';
UPDATE rfm_model SET filter = '' WHERE model = 'hst';
UPDATE rfm_model SET filter = '*' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'orders.*' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true OR (true' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true) OR (true' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true, true' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'DISTINCT true' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true WHERE true' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true GROUP BY total' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true HAVING true' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true ORDER BY 1' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true LIMIT 1' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true OFFSET 1' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true UNION SELECT true' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true INTO hst.made' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true WINDOW w AS ()' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'true FOR UPDATE' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'CURRENT OF c' WHERE model = 'hst';
UPDATE rfm_model SET filter = '$1' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'precious.a > 0' WHERE model = 'hst';

-- what sums, numbers or multiplies rows
UPDATE rfm_model SET amount = 'sum(total)' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'sum(total) OVER ()' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'row_number() OVER ()' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'generate_series(1, 3)' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'rfm_internal.collect(customer_id, created_at, total)' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'count(*) > 0' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'rank() OVER () > 0' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'generate_series(1, 3) > 0' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'GROUPING(total) > 0' WHERE model = 'hst';

-- what differs from run to run, or writes, or locks
UPDATE rfm_model SET amount = 'random()' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'nextval(''hst.numbers'')' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'clock_timestamp() > created_at' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'setval(''hst.numbers'', 5) > 0' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'set_config(''search_path'', ''hst'', false) IS NULL' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'pg_sleep(1) IS NULL' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'pg_advisory_lock(1) IS NULL' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'query_to_xml(''DROP TABLE hst.precious'', true, true, '''') IS NULL' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'public.rfm_refresh(''2024-02-01'', ''hst'') > 0' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'EXISTS (SELECT FROM public.rfm_preview(''2024-02-01'', ''hst''))' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'total > (SELECT random())' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'EXISTS (WITH x AS (DELETE FROM hst.precious RETURNING a) SELECT FROM x)' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'EXISTS (WITH x AS (INSERT INTO hst.precious VALUES (2) RETURNING a) SELECT FROM x)' WHERE model = 'hst';
UPDATE rfm_model SET filter = '(INSERT INTO hst.precious VALUES (2) RETURNING true)' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'EXISTS (SELECT a INTO hst.made FROM hst.precious)' WHERE model = 'hst';
UPDATE rfm_model SET filter = '(SELECT true FROM hst.precious FOR UPDATE)' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'EXISTS (SELECT FROM (SELECT a FROM hst.precious FOR SHARE) x)' WHERE model = 'hst';
UPDATE rfm_model SET filter = 'EXISTS (WITH x AS (SELECT a FROM hst.precious FOR KEY SHARE) SELECT FROM x)' WHERE model = 'hst';
-- none of it was kept
SELECT amount, filter FROM rfm_model WHERE model = 'hst';
SELECT * FROM hst.precious;
SELECT is_called FROM hst.numbers;

-- functions that say they do not write, and do
CREATE FUNCTION hst.writes(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN INSERT INTO hst.precious VALUES (2); RETURN true; END $$;
UPDATE rfm_model SET filter = 'hst.writes(total)' WHERE model = 'hst';
SELECT rfm_refresh('2024-02-01', 'hst');
SELECT count(*) FROM rfm_preview('2024-02-01', 'hst');
-- a function that hides a volatile one behind STABLE does not write either
CREATE FUNCTION hst.writer(total numeric) RETURNS bool LANGUAGE plpgsql VOLATILE AS $$
BEGIN INSERT INTO hst.precious VALUES (666); RETURN true; END $$;
CREATE FUNCTION hst.hides(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN RETURN hst.writer(total); END $$;
UPDATE rfm_model SET filter = 'hst.hides(total)' WHERE model = 'hst';
SELECT rfm_refresh('2024-02-01', 'hst');
SELECT count(*) FROM rfm_preview('2024-02-01', 'hst');
-- and the transaction may write again afterwards
BEGIN;
SAVEPOINT before;
SELECT rfm_refresh('2024-02-01', 'hst');
ROLLBACK TO before;
CREATE TABLE hst.afterwards();
ROLLBACK;

CREATE FUNCTION hst.writes_in_sql(total numeric) RETURNS bool LANGUAGE sql IMMUTABLE AS $$
    INSERT INTO hst.precious VALUES (2); SELECT true $$;
UPDATE rfm_model SET filter = 'hst.writes_in_sql(total)' WHERE model = 'hst';
SELECT rfm_refresh('2024-02-01', 'hst');
CREATE FUNCTION hst.drops(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN EXECUTE 'DROP TABLE hst.precious'; RETURN true; END $$;
UPDATE rfm_model SET filter = 'hst.drops(total)' WHERE model = 'hst';
SELECT rfm_refresh('2024-02-01', 'hst');
CREATE FUNCTION hst.commits(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN COMMIT; RETURN true; END $$;
UPDATE rfm_model SET filter = 'hst.commits(total)' WHERE model = 'hst';
SELECT rfm_refresh('2024-02-01', 'hst');
CREATE FUNCTION hst.sets(total numeric) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM set_config('search_path', 'hst', false), set_config('datestyle', 'German', false); RETURN true; END $$;
UPDATE rfm_model SET filter = 'hst.sets(total)' WHERE model = 'hst';
SELECT rfm_refresh('2024-02-01', 'hst');
SHOW search_path;
SHOW datestyle;
SELECT * FROM hst.precious;
SELECT count(*) FROM hst.t;
UPDATE rfm_model SET filter = NULL WHERE model = 'hst';

--
-- What is allowed
--
UPDATE rfm_model SET amount = 'price * quantity', filter = 'EXISTS (SELECT FROM hst.vip v WHERE v.customer_id = orders.customer_id)' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET filter = 'total > (SELECT avg(o.total) FROM hst.orders o)' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET filter = 'customer_id IN (SELECT customer_id FROM hst.vip) AND orders IS NOT NULL AND orders.total > 0 AND hst.orders.total > 0' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET filter = 'CASE WHEN note = ''paid'' /* as it should */ THEN true END -- else unknown' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET filter = 'true OR false' WHERE model = 'hst';
SELECT rfm_refresh('2024-01-10', 'hst');
UPDATE rfm_model SET filter = 'NULL' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET filter = 'to_char(created_at, ''YYYY'') > ''1''' WHERE model = 'hst';
SELECT hst.sums('hst');
-- the name of a column as it stands, before any expression
UPDATE rfm_model SET filter = NULL, amount = 'UnitPrice' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET amount = '"UnitPrice" * 2' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET amount = 'UnitPrice * 2' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'UNITPRICE2' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET amount = 'select' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET amount = 'a "b" c' WHERE model = 'hst';
SELECT hst.sums('hst');
ALTER TABLE hst.orders RENAME "a ""b"" c" TO "total; DROP TABLE hst.precious";
UPDATE rfm_model SET amount = 'total; DROP TABLE hst.precious' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET amount = 'total' WHERE model = 'hst';
SELECT * FROM hst.precious;

--
-- Names
--
CREATE SCHEMA "hst Sch""ema";
\set long 'ä2345678901234567890123456789012345678901234567890123456789012'
SELECT octet_length(:'long');
CREATE TABLE "hst Sch""ema"."Order 🎉" (
    "User" int, "When?" date, "It's" int, "order" text, :"long" numeric);
INSERT INTO "hst Sch""ema"."Order 🎉" SELECT i % 3, date '2024-01-01' + i, i, i, i FROM generate_series(1, 9) i;
SELECT rfm_create_model('Größe "1" 🎉', '"hst Sch""ema"."Order 🎉"', '"hst Sch""ema"."Tá.ble"', customer => 'User', ordered_at => 'When?',
                        amount => :'long', order_id => 'order', filter => '"Order 🎉"."It''s" > 0',
                        target_columns => jsonb_build_object('run_date', 'when', 'customer_id', 'USER', 'recency_days', 'a b',
                            'frequency_orders', 'x"y', 'monetary_value', :'long', 'comments', null, 'rfm_cell', '🎉', 'updated_at', '1'));
SELECT rfm_refresh('2024-01-10', 'Größe "1" 🎉');
UPDATE "hst Sch""ema"."Order 🎉" SET :"long" = 100 WHERE "User" = 1;
DELETE FROM "hst Sch""ema"."Order 🎉" WHERE "User" = 2;
SELECT rfm_refresh('2024-01-10', 'Größe "1" 🎉');
SELECT concat_ws(' ', to_char("when", 'YYYY-MM-DD'), "USER", "a b", "x""y", :"long", "🎉") AS row FROM "hst Sch""ema"."Tá.ble" ORDER BY "USER";
SELECT rfm_create_model('Größe "1" 🎉', '"hst Sch""ema"."Order 🎉"', '"hst Sch""ema".t');
SELECT rfm_create_model('hst_2', '"hst Sch""ema"."Order 🎉"', '"hst Sch""ema".t', customer => 'user', ordered_at => 'When?', amount => 'It''s');
SELECT rfm_drop_model('Größe "1" 🎉', true);
-- a table whose name is that of one of its columns, and of a function's argument
CREATE TABLE hst.total (customer_id int, created_at date, total numeric);
INSERT INTO hst.total VALUES (1, '2024-01-01', 5);
SELECT rfm_create_model('hst_2', 'hst.total', 'hst.rfm_rows', filter => 'total.total > 0');
SELECT rfm_refresh('2024-01-10', 'hst_2'), rfm_refresh('2024-01-10', 'hst_2');
UPDATE hst.total SET total = 6;
SELECT rfm_refresh('2024-01-10', 'hst_2');
UPDATE hst.total SET customer_id = 2;
SELECT rfm_refresh('2024-01-10', 'hst_2');
SELECT customer_id, monetary_value FROM hst.rfm_rows;
SELECT rfm_drop_model('hst_2', true);

--
-- Other people's functions, operators and tables in front
--
SELECT rfm_refresh('2024-02-01', 'hst');
SELECT md5(string_agg(rfm_preview::text, E'\n')) AS rows FROM rfm_preview('2024-02-01', 'hst') \gset was_
CREATE SCHEMA fake;
CREATE FUNCTION fake.nope() RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'a fake was used'; END $$;
DO $$
DECLARE op text; args text;
BEGIN
    FOREACH op IN ARRAY '{=,<>,<,<=,>,>=}'::text[] LOOP
        FOREACH args IN ARRAY '{"int,int","numeric,numeric","numeric,int","text,text","date,date","timestamptz,timestamptz","bigint,bigint","name,name","name,text","oid,oid","regclass,regclass","jsonb,jsonb"}'::text[] LOOP
            EXECUTE format('CREATE OR REPLACE FUNCTION fake.compare(a %s, b %s) RETURNS bool LANGUAGE sql IMMUTABLE AS %L',
                           split_part(args, ',', 1), split_part(args, ',', 2), 'SELECT fake.nope()');
            EXECUTE format('CREATE OPERATOR fake.%s (FUNCTION = fake.compare, LEFTARG = %s, RIGHTARG = %s)',
                           op, split_part(args, ',', 1), split_part(args, ',', 2));
        END LOOP;
    END LOOP;
    FOREACH op IN ARRAY '{*,+,-}'::text[] LOOP
        FOREACH args IN ARRAY '{"numeric,int","numeric,numeric","int,int","date,int"}'::text[] LOOP
            EXECUTE format('CREATE OR REPLACE FUNCTION fake.calculate(a %s, b %s) RETURNS numeric LANGUAGE sql IMMUTABLE AS %L',
                           split_part(args, ',', 1), split_part(args, ',', 2), 'SELECT fake.nope()::int');
            EXECUTE format('CREATE OPERATOR fake.%s (FUNCTION = fake.calculate, LEFTARG = %s, RIGHTARG = %s)',
                           op, split_part(args, ',', 1), split_part(args, ',', 2));
        END LOOP;
    END LOOP;
    FOREACH op IN ARRAY '{lower(text),length(text),max(timestamptz),isfinite(timestamptz),coalesce_(int),collect(int\,timestamptz\,numeric),check_ruleset(text\,int[]),rfm_unschedule(text),rfm_create_model(text\,regclass\,text),format(text),quote_ident(name),pg_has_role(regrole\,text),current_schema(),now()}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION fake.%s RETURNS bool LANGUAGE sql AS %L', op, 'SELECT fake.nope()');
    END LOOP;
END $$;
CREATE TABLE fake.rfm_model (model text, filter text);
CREATE TABLE fake.rfm_segment_rule (ruleset text);
CREATE TABLE fake.rfm_run (model text);
CREATE TABLE fake.orders (a int);
CREATE TABLE fake.rfm_rows (c1 int);
CREATE DOMAIN fake.numeric AS text;
CREATE DOMAIN fake.date AS text;
CREATE DOMAIN fake.text AS int;
CREATE TEMP TABLE rfm_model (model pg_catalog.text);
CREATE TEMP TABLE rfm_run (model pg_catalog.text);
CREATE TEMP TABLE rfm_segment_rule (ruleset pg_catalog.text);
CREATE TEMP TABLE orders (a int);
CREATE TEMP TABLE vip (customer_id int);
CREATE TEMP TABLE pg_class (oid oid);
UPDATE public.rfm_model SET amount = 'price * quantity', filter = 'total + 0 > 0 AND length(note) > 0 AND lower(note) <> ''x'' AND isfinite(created_at) AND customer_id = customer_id'
 WHERE model = 'hst';
SET search_path = fake, pg_catalog, public;
-- the fakes work
SELECT 1 = 1;
SELECT 1.5 * 2;
-- and are not used
SELECT public.rfm_refresh('2024-02-02'::pg_catalog.date, 'hst');
SELECT public.rfm_refresh('2024-02-02'::pg_catalog.date, 'hst');
UPDATE hst.orders SET total = 99 WHERE order_id OPERATOR(pg_catalog.=) 3;
UPDATE hst.orders SET customer_id = 9 WHERE order_id OPERATOR(pg_catalog.>) 29;
SELECT public.rfm_refresh('2024-02-02'::pg_catalog.date, 'hst');
SELECT pg_catalog.count(*) FROM public.rfm_preview('2024-02-02'::pg_catalog.date, 'hst');
SELECT pg_catalog.count(*) FROM public.rfm_cut_points('2024-02-02'::pg_catalog.date, 'hst');
UPDATE public.rfm_model SET amount = 'total * 2', filter = 'note <> ''x'' AND total < 1000 AND quantity = quantity'
 WHERE model OPERATOR(pg_catalog.=) 'hst';
SELECT public.rfm_create_model('hst_3', 'hst.orders', 'hst.made', amount => 'total * quantity', filter => 'total > 0 AND lower(note) < ''z''',
                               as_of => 'latest_order', lookback => '20 days');
SELECT public.rfm_refresh(model => 'hst_3');
SELECT public.rfm_drop_model('hst_3', true);
SET search_path = pg_temp, fake, pg_catalog, public;
SELECT public.rfm_refresh('2024-02-03'::pg_catalog.date, 'hst');
SELECT public.rfm_create_model('hst_3', 'hst.orders', 'hst.made', filter => 'total > 0');
SELECT public.rfm_drop_model('hst_3', true);
RESET search_path;
-- an unqualified table is looked for in pg_catalog and nowhere in front of it
UPDATE public.rfm_model SET filter = 'EXISTS (SELECT FROM pg_class c WHERE c.relname = ''pg_class'')' WHERE model = 'hst';
UPDATE public.rfm_model SET amount = 'total', filter = NULL WHERE model = 'hst';
DROP TABLE pg_temp.rfm_model, pg_temp.rfm_run, pg_temp.rfm_segment_rule, pg_temp.orders, pg_temp.vip, pg_temp.pg_class;
SET client_min_messages = warning;
DROP SCHEMA fake CASCADE;
RESET client_min_messages;
UPDATE hst.orders SET total = 3 WHERE order_id = 3;
UPDATE hst.orders SET customer_id = 2 WHERE order_id = 30;
SELECT md5(string_agg(rfm_preview::text, E'\n')) = :'was_rows' AS as_before FROM rfm_preview('2024-02-01', 'hst');

-- a cast to what can be summed is not used unasked for
CREATE TYPE hst.coins AS (n int);
CREATE FUNCTION hst.coins_numeric(c hst.coins) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 1000.0';
CREATE CAST (hst.coins AS numeric) WITH FUNCTION hst.coins_numeric(hst.coins) AS IMPLICIT;
UPDATE rfm_model SET amount = 'ROW(1)::hst.coins' WHERE model = 'hst';
UPDATE rfm_model SET amount = '(ROW(1)::hst.coins)::numeric' WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET amount = 'total' WHERE model = 'hst';

--
-- Very long expressions: an error or a result
--
\set VERBOSITY sqlstate
UPDATE rfm_model SET filter = repeat('(', 300000) || 'true' || repeat(')', 300000) WHERE model = 'hst';
UPDATE rfm_model SET filter = repeat('NOT ', 300000) || 'true' WHERE model = 'hst';
UPDATE rfm_model SET amount = 'total' || repeat('+ 1', 300000) WHERE model = 'hst';
UPDATE rfm_model SET filter = repeat('a', 100000) WHERE model = 'hst';
UPDATE rfm_model SET filter = repeat('a.', 100000) || 'a' WHERE model = 'hst';
\set VERBOSITY default
UPDATE rfm_model SET filter = 'total > 5' || repeat(' AND total > 0', 5000), amount = 'total' || repeat('+ 1', 100) WHERE model = 'hst';
SELECT hst.sums('hst');
UPDATE rfm_model SET filter = NULL, amount = 'total' WHERE model = 'hst';

--
-- Settings of the session change nothing
--
SELECT rfm_drop_model('hst', true);
-- literals that such settings would read in another way
\set filter 'length(''a\\\\b'') = 4 AND created_at >= ''24/01/03'' AND created_at > timestamptz ''24/01/02'' - interval ''-1 12:00:00'' AND (rate / 3)::text <> ''0.1'' AND created_at::date::text < ''2024-02-01'''
SELECT :'filter' AS filter;
-- some orders around midnight in Tokyo, which is 3 in the afternoon in UTC
INSERT INTO hst.orders (order_id, customer_id, created_at, total, note, rate)
SELECT 100 + i, i, timestamptz '2024-01-02 15:00+00' + (i - 3) * interval '1 minute', 10, 'night', 0.3 FROM generate_series(1, 6) i;
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', filter => :'filter', time_zone => 'Asia/Tokyo', amount => 'rate');
CREATE TABLE hst.seen (setting text, rows text);
CREATE PROCEDURE hst.look(setting text) LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM hst.t;
    PERFORM public.rfm_refresh(date '2024-02-01', 'hst');
    INSERT INTO hst.seen
    SELECT setting,
           md5(string_agg(concat_ws(',', to_char(run_date, 'YYYY-MM-DD'), customer_id, recency_days, frequency_orders,
                                    round(monetary_value::numeric, 6), r_score, f_score, m_score, rfm_segment, comments), ';' ORDER BY customer_id))
      FROM hst.t;
END $$;
CALL hst.look('none');
SELECT count(*), sum(frequency_orders) FROM hst.t;
-- 29 by day, and of the six at night those that are on the 3rd in Tokyo
SELECT count(*) FROM hst.orders WHERE note = 'night' AND (created_at AT TIME ZONE 'Asia/Tokyo')::date = '2024-01-03';
-- 19 has no other strings than those of the standard
SELECT current_setting('server_version_num')::int < 190000 AS other_strings \gset
\if :other_strings
SET escape_string_warning = off;
SET standard_conforming_strings = off;
\endif
SELECT current_setting('standard_conforming_strings') AS strings \gset
CALL hst.look('standard_conforming_strings');
SET backslash_quote = on;
CALL hst.look('backslash_quote');
SET DateStyle = 'German, DMY';
CALL hst.look('datestyle DMY');
SET DateStyle = 'SQL, MDY';
CALL hst.look('datestyle MDY');
SET IntervalStyle = 'sql_standard';
CALL hst.look('intervalstyle');
SET extra_float_digits = -15;
CALL hst.look('extra_float_digits');
SET extra_float_digits = 3;
CALL hst.look('extra_float_digits 3');
SET TimeZone = 'America/Los_Angeles';
CALL hst.look('timezone');
SET TimeZone = 'Pacific/Kiritimati';
CALL hst.look('timezone 2');
SET quote_all_identifiers = on;
CALL hst.look('quote_all_identifiers');
SET transform_null_equals = on;
SET bytea_output = 'escape';
SET xmloption = document;
SET array_nulls = off;
SET lc_numeric = 'C';
SET default_transaction_deferrable = on;
SET synchronize_seqscans = off;
SET enable_seqscan = off;
SET work_mem = '64kB';
SET jit = on;
SET jit_above_cost = 0;
SET plan_cache_mode = force_generic_plan;
SET default_toast_compression = 'pglz';
SET constraint_exclusion = on;
SET check_function_bodies = off;
CALL hst.look('many more');
-- nor when the model is made under them
UPDATE rfm_model SET method = 'rank' WHERE model = 'hst';
UPDATE rfm_model SET method = 'ntile' WHERE model = 'hst';
CALL hst.look('made: updated');
SELECT rfm_drop_model('hst', true);
SELECT rfm_create_model('hst', 'hst.orders', 'hst.t', filter => :'filter', time_zone => 'Asia/Tokyo', amount => 'rate');
CALL hst.look('made: created');
-- a setting of the user is left as it is
SELECT current_setting('standard_conforming_strings') = :'strings' AS strings, current_setting('datestyle') AS datestyle,
       current_setting('intervalstyle') AS intervalstyle, current_setting('timezone') AS timezone,
       current_setting('extra_float_digits') AS digits, current_setting('transform_null_equals') AS nulls;
SET standard_conforming_strings = on;
RESET ALL;
SET client_min_messages = warning;
CALL hst.look('made: and used without');
SELECT count(*), count(DISTINCT rows) AS different FROM hst.seen;
SELECT setting FROM hst.seen WHERE rows IS DISTINCT FROM (SELECT rows FROM hst.seen WHERE setting = 'none');
SELECT rfm_drop_model('hst', true);

SELECT * FROM hst.precious;
SELECT count(*) AS models_left FROM rfm_model WHERE model LIKE 'hst%';
SELECT relname FROM pg_class WHERE relnamespace = 'hst'::regnamespace AND relkind = 'r' ORDER BY 1;
DELETE FROM rfm_run WHERE model LIKE 'hst%' OR model LIKE 'Größe%';
DROP SCHEMA hst, "hst Sch""ema" CASCADE;

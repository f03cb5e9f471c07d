-- these tests change targets in ways that a view of them would forbid
SET rfm.latest_view = off;
--
-- What goes wrong, and what is said about it: the message, its DETAIL and its
-- HINT.  After a refresh that fails, nothing has changed.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA err;

CREATE TABLE err.orders (
    order_id int, customer_id int, created_at timestamptz, total numeric, paid float8,
    note text, price money, spent interval, place point, doc json);
INSERT INTO err.orders (order_id, customer_id, created_at, total, paid, note)
SELECT i, i % 7, timestamptz '2024-01-01 12:00+00' + i * interval '1 day', i, i, 'n'
  FROM generate_series(1, 30) i;

-- Text of an error with what differs from run to run masked: OIDs, times.
CREATE FUNCTION err.said(statement text) RETURNS TABLE (what text, said text)
LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text;
BEGIN
    EXECUTE statement;
    RETURN QUERY VALUES ('no error'::text, statement);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN QUERY VALUES ('code', SQLSTATE), ('message', message),
                        ('detail', regexp_replace(regexp_replace(detail, 'OID \d+', 'OID N'),
                                                  'row contains .*', 'row contains ...')), ('hint', hint);
END $$;

-- Everything a refresh could have changed, rows and their versions.
CREATE FUNCTION err.state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    target regclass; part text; whole text := '';
BEGIN
    FOR target IN SELECT oid::regclass FROM pg_class
                   WHERE relnamespace = 'err'::regnamespace AND relkind IN ('r', 'p')
                     AND relname NOT IN ('orders', 'before')
                  UNION ALL VALUES ('rfm_run'::regclass), ('rfm_model'::regclass)
                  ORDER BY 1
    LOOP
        EXECUTE format('SELECT %L || coalesce(string_agg(concat(t.ctid, t.xmin, t.*), E''\n'' ORDER BY t.ctid, t::text), '''') FROM %s t',
                       target, target)
           INTO part;
        whole := whole || part;
    END LOOP;
    RETURN md5(whole);
END $$;
CREATE TABLE err.before (state text);
\set remember 'TRUNCATE err.before; INSERT INTO err.before SELECT err.state();'
\set unchanged 'SELECT CASE WHEN err.state() = state THEN \'nothing changed\' ELSE \'CHANGED\' END AS "after the error" FROM err.before;'

-- the check itself can fail
CREATE TABLE err.probe (a int);
:remember
INSERT INTO err.probe VALUES (1);
\t on
:unchanged
:remember
UPDATE err.probe SET a = a;
:unchanged
:remember
:unchanged
DROP TABLE err.probe;

-- Unknown models
SELECT rfm_refresh('2024-02-01', 'err_none');
SELECT count(*) FROM rfm_preview('2024-02-01', 'err_none');
SELECT rfm_internal.ensure_model('err_none');
SELECT rfm_drop_model('err_none');
SELECT rfm_refresh('2024-02-01', NULL);
SELECT count(*) FROM rfm_preview('2024-02-01', NULL);
SELECT rfm_drop_model(NULL);

-- the default model without ecom.orders
BEGIN;
DELETE FROM rfm_model WHERE model = 'default';
DROP SCHEMA IF EXISTS ecom CASCADE;
SELECT rfm_refresh();
ROLLBACK;
BEGIN;
DELETE FROM rfm_model WHERE model = 'default';
DROP SCHEMA IF EXISTS ecom CASCADE;
SELECT count(*) FROM rfm_preview();
ROLLBACK;

-- and over orders of another shape
BEGIN;
DELETE FROM rfm_model WHERE model = 'default';
DROP SCHEMA IF EXISTS ecom CASCADE;
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (id int, buyer int, created_at timestamptz, total numeric);
SELECT rfm_refresh();
ROLLBACK;

-- Names and nulls
:remember
SELECT rfm_create_model(NULL, 'err.orders', 'err.t');
SELECT rfm_create_model('', 'err.orders', 'err.t');
SELECT rfm_create_model(E' \t', 'err.orders', 'err.t');
SELECT rfm_create_model('err_m', NULL, 'err.t');
SELECT rfm_create_model('err_m', 'err.orders', NULL);
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', customer => NULL);
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', ordered_at => NULL);
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', amount => NULL);
SELECT rfm_create_model('err_m', 'err.none', 'err.t');
SELECT rfm_create_model('err_m', 'err.orders', 'none.t');
SELECT rfm_create_model('err_m', 'err.orders', '');
SELECT rfm_create_model('err_m', 'err.orders', 'err t');
SELECT rfm_create_model('err_m', 'err.orders', 'a.b.c.d');

-- Columns of the source
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', customer => 'buyer');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', customer => 'ctid');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', ordered_at => 'ordered');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', order_id => 'id');
\set SHOW_CONTEXT errors
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', amount => 'revenue');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', filter => 'status <> ''cancelled''');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', filter => 'total');
\set SHOW_CONTEXT never
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', ordered_at => 'note');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', customer => 'place');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', customer => 'doc');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', order_id => 'place');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', amount => 'note');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', amount => 'price');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', amount => 'price * 2');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', amount => 'spent');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', amount => 'total > 5');

-- Kinds of relations
CREATE SEQUENCE err.numbers;
SELECT rfm_create_model('err_m', 'err.numbers', 'err.t');
SELECT rfm_create_model('err_m', 'err.orders', 'err.orders');
SELECT rfm_create_model('err_m', 'err.orders', 'err.numbers');

-- Methods, buckets, breaks, weights
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'kmeans');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => NULL);
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => '{1}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => '{11}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => '{5,5,-2147483648}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => '{5,4}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => '{5,5,5,5}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => '{}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => '{NULL}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => NULL);
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'breaks');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'breaks', r_breaks => '{1,2,3,4}', f_breaks => '{1,2,3}', m_breaks => '{1,2,3,4}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'breaks', r_breaks => '{1,2,3,4}', f_breaks => '{1,2,3,4}', m_breaks => '{1,2,3,4,5}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'breaks', r_breaks => '{1,2,3,4}', f_breaks => '{1,3,2,4}', m_breaks => '{1,2,3,4}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'breaks', r_breaks => '{1,2,3,NaN}', f_breaks => '{1,2,3,4}', m_breaks => '{1,2,3,4}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'breaks', r_breaks => '{1,2,3,4}', f_breaks => '{1,2,3,4}', m_breaks => '{-Infinity,2,3,4}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'breaks', r_breaks => '{1,2,3,NULL}', f_breaks => '{1,2,3,4}', m_breaks => '{1,2,3,4}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', r_breaks => '{1,2,3,4}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', method => 'quantile', m_breaks => '{1,2,3,4}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', weights => '{1,2}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', weights => '{1,2,NULL}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', weights => NULL);
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', monetary_above => 'NaN');

-- Time
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', as_of => 'tomorrow');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', as_of => NULL);
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', time_zone => 'Mars/Olympus');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', time_zone => '');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', time_zone => NULL);
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', lookback => '0');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', lookback => '-5 days');

-- Rule sets
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('err_seven', '{7}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', segment_rules => 'err_none');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', comment_rules => 'err_none');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', comment_rules => 'err_seven');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', buckets => '{4}');
SELECT rfm_drop_ruleset('err_seven');

-- Names of the target's columns
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"recency": "R"}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '["Recency"]');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '"Recency"');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => 'null');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"customer_id": null}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"customer_id": 5}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"customer_id": {"a": "b"}}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"r_score": ["a"]}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"customer_id": ""}');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"r_score": "x", "f_score": "x"}');
-- a name that another column has already, in a target yet to be created
SELECT count(*) FILTER (WHERE what = 'code') AS errors
  FROM err.said($$SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"r_score": "f_score"}')$$);
SELECT count(*) FILTER (WHERE what = 'code') AS errors
  FROM err.said($$SELECT rfm_create_model('err_m', 'err.orders', 'err.t', target_columns => '{"customer_id": "run_date"}')$$);

-- none of this made a model or a table
:unchanged
SELECT relname FROM pg_class WHERE relnamespace = 'err'::regnamespace AND relkind = 'r' ORDER BY 1;

-- A model that works
SELECT rfm_create_model('err_m', 'err.orders', 'err.t');
SELECT rfm_refresh('2024-01-20', 'err_m');
SELECT rfm_create_model('err_m', 'err.orders', 'err.t');
UPDATE rfm_model SET model = 'err_renamed' WHERE model = 'err_m';
INSERT INTO rfm_model (model, source, target) VALUES ('err_m', 'err.orders', 'err.t');

-- editing its row is checked as rfm_create_model checks
:remember
UPDATE rfm_model SET buckets = '{11}' WHERE model = 'err_m';
UPDATE rfm_model SET method = 'breaks' WHERE model = 'err_m';
UPDATE rfm_model SET amount = 'note' WHERE model = 'err_m';
UPDATE rfm_model SET customer = 'buyer' WHERE model = 'err_m';
UPDATE rfm_model SET filter = 'total' WHERE model = 'err_m';
UPDATE rfm_model SET lookback = '0' WHERE model = 'err_m';
UPDATE rfm_model SET time_zone = 'Mars/Olympus' WHERE model = 'err_m';
UPDATE rfm_model SET target = source WHERE model = 'err_m';
UPDATE rfm_model SET target_columns = '[]' WHERE model = 'err_m';
UPDATE rfm_model SET model = ' ' WHERE model = 'err_m';
INSERT INTO rfm_model (model, source, target) VALUES ('err_none', 'err.orders', 'err.orders');
SELECT * FROM err.said($$UPDATE rfm_model SET source = 0 WHERE model = 'err_m'$$);
SELECT * FROM err.said($$UPDATE rfm_model SET target = 0 WHERE model = 'err_m'$$);
:unchanged

-- Run dates
SELECT rfm_refresh('infinity', 'err_m');
SELECT rfm_refresh('-infinity', 'err_m');
SELECT rfm_refresh('5874897-12-31', 'err_m');
SELECT count(*) FROM rfm_preview('infinity', 'err_m');
SELECT count(*) FROM rfm_preview('294276-12-31', 'err_m');
:unchanged

-- Read-only transactions
BEGIN READ ONLY;
SELECT rfm_refresh('2024-02-01', 'err_m');
ROLLBACK;
BEGIN READ ONLY;
SELECT rfm_create_model('err_n', 'err.orders', 'err.t');
ROLLBACK;
BEGIN READ ONLY;
SELECT rfm_drop_model('err_m');
ROLLBACK;
BEGIN READ ONLY;
SELECT count(*) FROM rfm_preview('2024-02-01', 'err_m');
ROLLBACK;
:unchanged

-- Amounts that are no numbers; they name the customer
SELECT rfm_create_model('err_float', 'err.orders', 'err.t_float', amount => 'paid');
SELECT rfm_refresh('2024-01-20', 'err_float');
:remember
UPDATE err.orders SET total = 'NaN' WHERE order_id = 3;
SELECT rfm_refresh('2024-02-01', 'err_m');
UPDATE err.orders SET total = 'Infinity' WHERE order_id = 3;
SELECT rfm_refresh('2024-02-01', 'err_m');
UPDATE err.orders SET total = '-Infinity' WHERE order_id = 3;
SELECT rfm_refresh('2024-02-01', 'err_m');
SELECT count(*) FROM rfm_preview('2024-02-01', 'err_m');
UPDATE err.orders SET total = 3 WHERE order_id = 3;
UPDATE err.orders SET paid = 'NaN' WHERE order_id = 5;
SELECT rfm_refresh('2024-02-01', 'err_float');
UPDATE err.orders SET paid = 'Infinity' WHERE order_id = 5;
SELECT rfm_refresh('2024-02-01', 'err_float');
UPDATE err.orders SET paid = '-Infinity' WHERE order_id = 5;
SELECT rfm_refresh('2024-02-01', 'err_float');
UPDATE err.orders SET paid = 1.7e308 WHERE order_id IN (5, 12);
SELECT rfm_refresh('2024-02-01', 'err_float');
UPDATE err.orders SET paid = -1.7e308 WHERE order_id IN (5, 12);
SELECT rfm_refresh('2024-02-01', 'err_float');
:unchanged
-- an order after the run date does not count, whatever it is
UPDATE err.orders SET paid = 'NaN' WHERE order_id = 12;
UPDATE err.orders SET paid = 5 WHERE order_id = 5;
SELECT rfm_refresh('2024-01-12', 'err_float');
UPDATE err.orders SET paid = order_id;

-- Order times that are no dates
:remember
UPDATE err.orders SET created_at = '-infinity' WHERE customer_id = 3;
SELECT rfm_refresh('2024-02-01', 'err_m');
:unchanged
-- later than any run date, so it does not count
UPDATE err.orders SET created_at = 'infinity' WHERE customer_id = 3;
SELECT rfm_refresh('2024-01-20', 'err_m');
UPDATE err.orders SET created_at = timestamptz '2024-01-01 12:00+00' + order_id * interval '1 day' WHERE customer_id = 3;
SELECT rfm_refresh('2024-01-20', 'err_m');

-- Expressions that fail on a row
UPDATE rfm_model SET amount = '100 / (total - 30)' WHERE model = 'err_m';
:remember
SELECT rfm_refresh('2024-02-01', 'err_m');
:unchanged
UPDATE rfm_model SET amount = 'total', filter = 'note::int > 0' WHERE model = 'err_m';
:remember
SELECT rfm_refresh('2024-02-01', 'err_m');
:unchanged
UPDATE rfm_model SET filter = NULL WHERE model = 'err_m';
SELECT rfm_drop_model('err_float', true);

-- Targets
CREATE VIEW err.v AS SELECT * FROM err.t;
CREATE MATERIALIZED VIEW err.mv AS SELECT * FROM err.t;
CREATE TABLE err.bad AS SELECT * FROM err.t;
SELECT rfm_create_model('err_bad', 'err.orders', 'err.v');
SELECT rfm_create_model('err_bad', 'err.orders', 'err.mv');
SELECT rfm_create_model('err_bad', 'err.orders', 'err.t_pkey');
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad', target_columns => '{"run_date": null}');
-- keys that keep nothing apart, or not all that must be
ALTER TABLE err.bad ADD CONSTRAINT late UNIQUE (run_date, customer_id) DEFERRABLE;
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
ALTER TABLE err.bad DROP CONSTRAINT late;
CREATE UNIQUE INDEX partial ON err.bad (run_date, customer_id) WHERE r_score > 1;
CREATE UNIQUE INDEX computed ON err.bad (run_date, (customer_id + 0));
CREATE UNIQUE INDEX more ON err.bad (run_date, customer_id, r_score);
CREATE UNIQUE INDEX other ON err.bad (run_date, monetary_value);
CREATE INDEX plain ON err.bad (run_date, customer_id);
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
DROP INDEX err.partial, err.computed, err.more, err.other, err.plain;
ALTER TABLE err.bad ADD PRIMARY KEY (run_date, customer_id);
-- columns that are not there
ALTER TABLE err.bad RENAME r_score TO "R";
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad', target_columns => '{"r_score": "r"}');
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad', target_columns => '{"r_score": "R", "rfm_cell": "cell"}');
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad', target_columns => '{"r_score": "ctid"}');
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad', target_columns => '{"r_score": "f_score"}');
ALTER TABLE err.bad RENAME "R" TO r_score;
-- columns of a type that cannot hold the values
TRUNCATE err.bad;
ALTER TABLE err.bad ALTER r_score TYPE boolean USING true;
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
ALTER TABLE err.bad ALTER r_score TYPE int USING 1, ALTER customer_id TYPE uuid USING NULL;
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
ALTER TABLE err.bad ALTER customer_id TYPE int USING NULL, ALTER rfm_segment TYPE int USING NULL;
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
ALTER TABLE err.bad ALTER rfm_segment TYPE text, ALTER run_date TYPE int USING NULL;
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
ALTER TABLE err.bad ALTER run_date TYPE date USING NULL, DROP rfm_score,
    ADD rfm_score int GENERATED ALWAYS AS (r_score + f_score + m_score) STORED;
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
ALTER TABLE err.bad DROP rfm_score, ADD rfm_score int GENERATED ALWAYS AS IDENTITY;
SELECT rfm_create_model('err_bad', 'err.orders', 'err.bad');
DROP TABLE err.bad;
-- a constraint or trigger that waits for the end of the transaction
CREATE TABLE err.buyers (id int PRIMARY KEY);
INSERT INTO err.buyers SELECT generate_series(0, 6);
CREATE FUNCTION err.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
SELECT rfm_create_model('err_late', 'err.orders', 'err.late');
ALTER TABLE err.late ADD CONSTRAINT late_buyer FOREIGN KEY (customer_id) REFERENCES err.buyers DEFERRABLE INITIALLY DEFERRED;
:remember
SELECT rfm_refresh('2024-02-01', 'err_late');
:unchanged
ALTER TABLE err.late DROP CONSTRAINT late_buyer;
CREATE CONSTRAINT TRIGGER late_trigger AFTER INSERT ON err.late DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION err.nothing();
SELECT rfm_refresh('2024-02-01', 'err_late');
SELECT rfm_create_model('err_later', 'err.orders', 'err.late');
DROP TRIGGER late_trigger ON err.late;
ALTER TABLE err.late ADD CONSTRAINT late_buyer FOREIGN KEY (customer_id) REFERENCES err.buyers DEFERRABLE INITIALLY IMMEDIATE;
SELECT rfm_refresh('2024-02-01', 'err_late');
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
SELECT rfm_refresh('2024-01-31', 'err_late');
ROLLBACK;
ALTER TABLE err.late DROP CONSTRAINT late_buyer;
DELETE FROM err.buyers WHERE id = 4;
DELETE FROM err.late;
ALTER TABLE err.late ADD CONSTRAINT late_buyer FOREIGN KEY (customer_id) REFERENCES err.buyers;
:remember
SELECT rfm_refresh('2024-02-01', 'err_late');
:unchanged
SELECT rfm_drop_model('err_late', true);

-- Values that do not fit; the target is empty and stays so
\set SHOW_CONTEXT errors
SELECT rfm_create_model('err_small', 'err.orders', 'err.small');
ALTER TABLE err.small ALTER monetary_value TYPE numeric(3,2);
:remember
SELECT rfm_refresh('2024-02-01', 'err_small');
:unchanged
ALTER TABLE err.small ALTER monetary_value TYPE numeric, ALTER rfm_segment TYPE varchar(5);
:remember
SELECT rfm_refresh('2024-02-01', 'err_small');
ALTER TABLE err.small ALTER rfm_segment TYPE text, ALTER recency_days TYPE smallint;
SELECT rfm_refresh('2224-02-01', 'err_small');
ALTER TABLE err.small ALTER recency_days TYPE int, ALTER customer_id TYPE smallint;
INSERT INTO err.orders (customer_id, created_at, total) VALUES (70000, '2024-01-03', 3);
SELECT rfm_refresh('2024-02-01', 'err_small');
ALTER TABLE err.small ALTER customer_id TYPE varchar(4);
SELECT rfm_refresh('2024-02-01', 'err_small');
ALTER TABLE err.small ALTER customer_id TYPE boolean USING NULL;
SELECT rfm_refresh('2024-02-01', 'err_small');
-- and two customers that become one
ALTER TABLE err.small ALTER customer_id TYPE "char" USING NULL;
UPDATE rfm_model SET customer = 'note' WHERE model = 'err_small';
UPDATE err.orders SET note = 'nn' WHERE order_id < 5;
SELECT rfm_refresh('2024-02-01', 'err_small');
UPDATE err.orders SET note = 'n';
UPDATE rfm_model SET customer = 'order_id' WHERE model = 'err_small';
ALTER TABLE err.small ALTER customer_id TYPE text;
UPDATE rfm_model SET customer = 'customer_id' WHERE model = 'err_small';
DELETE FROM err.orders WHERE customer_id = 70000;
\set SHOW_CONTEXT never
-- constraints
ALTER TABLE err.small ADD CONSTRAINT good CHECK (r_score > 1);
SELECT count(*) FROM rfm_preview('2024-02-01', 'err_small') WHERE r_score = 1;
SELECT * FROM err.said($$SELECT rfm_refresh('2024-02-01', 'err_small')$$);
ALTER TABLE err.small DROP CONSTRAINT good, ADD extra int NOT NULL;
SELECT * FROM err.said($$SELECT rfm_refresh('2024-02-01', 'err_small')$$);
-- a domain of a column that the model does not know refuses the null it would get
CREATE DOMAIN err.filled AS int CHECK (VALUE IS NOT NULL);
ALTER TABLE err.small DROP extra, ADD extra err.filled;
SELECT rfm_refresh('2024-02-01', 'err_small');
-- and one that the model knows refuses a score
CREATE DOMAIN err.good_score AS smallint CHECK (VALUE > 1);
ALTER TABLE err.small DROP extra, ALTER r_score TYPE err.good_score;
SELECT rfm_refresh('2024-02-01', 'err_small');
SELECT count(*) FROM err.small;
ALTER TABLE err.small ALTER r_score TYPE smallint;
SELECT rfm_refresh('2024-02-01', 'err_small');
-- the context says which model, and which of its expressions
\set SHOW_CONTEXT errors
UPDATE rfm_model SET filter = 'nonsense > 0' WHERE model = 'err_small';
UPDATE rfm_model SET amount = 'nonsense' WHERE model = 'err_small';
\set SHOW_CONTEXT never
SELECT rfm_drop_model('err_small', true);

-- Relations changed or gone since the model was made
:remember
ALTER TABLE err.orders RENAME total TO value;
SELECT rfm_refresh('2024-02-01', 'err_m');
ALTER TABLE err.orders RENAME value TO total;
ALTER TABLE err.orders RENAME customer_id TO buyer;
SELECT rfm_refresh('2024-02-01', 'err_m');
ALTER TABLE err.orders RENAME buyer TO customer_id;
ALTER TABLE err.orders ALTER created_at TYPE text;
SELECT rfm_refresh('2024-02-01', 'err_m');
ALTER TABLE err.orders ALTER created_at TYPE timestamptz USING created_at::timestamptz;
ALTER TABLE err.orders ALTER total TYPE text;
SELECT rfm_refresh('2024-02-01', 'err_m');
ALTER TABLE err.orders ALTER total TYPE numeric USING total::numeric;
DROP VIEW err.v;
DROP MATERIALIZED VIEW err.mv;
ALTER TABLE err.t DROP CONSTRAINT t_pkey;
SELECT rfm_refresh('2024-02-01', 'err_m');
ALTER TABLE err.t ADD PRIMARY KEY (run_date, customer_id);
ALTER TABLE err.t RENAME m_score TO m;
SELECT rfm_refresh('2024-02-01', 'err_m');
ALTER TABLE err.t RENAME m TO m_score;
:unchanged

SELECT rfm_create_model('err_n', 'err.orders', 'err.gone');
DROP TABLE err.gone;
SELECT * FROM err.said($$SELECT rfm_refresh('2024-02-01', 'err_n')$$);
SELECT * FROM err.said($$UPDATE rfm_model SET method = 'rank' WHERE model = 'err_n'$$);
ALTER TABLE err.orders RENAME TO orders_2;
SELECT rfm_refresh('2024-01-20', 'err_m');
ALTER TABLE err.orders_2 RENAME TO orders;
DROP TABLE err.orders;
SELECT * FROM err.said($$SELECT rfm_refresh('2024-02-01', 'err_m')$$);
SELECT * FROM err.said($$SELECT count(*) FROM rfm_preview('2024-02-01', 'err_m')$$);
SELECT * FROM err.said($$UPDATE rfm_model SET method = 'rank' WHERE model = 'err_m'$$);
SELECT rfm_drop_model('err_m', true);
-- a target that is gone already is no obstacle
SELECT rfm_drop_model('err_n', true);
\t off
SELECT count(*) AS models_left FROM rfm_model WHERE model LIKE 'err%';

DELETE FROM rfm_run WHERE model LIKE 'err%';
DROP SCHEMA err CASCADE;

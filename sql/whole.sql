--
-- A snapshot that is not whole is an error: code that runs for the rows of the
-- target, or of its partition alone, can change and remove them, whatever the
-- statement says that it has written
--
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
CREATE SCHEMA whole;
CREATE TABLE whole.orders (customer_id int, created_at date, total numeric);
INSERT INTO whole.orders SELECT i, date '2024-01-05' + i % 5, i * 10 FROM generate_series(1, 20) i;

-- a model with a target in partitions, by day or by customer
CREATE FUNCTION whole.target(name text, partitioned text DEFAULT 'RANGE (run_date)') RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('CREATE TABLE whole.%I (run_date date, customer_id int, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                        n int DEFAULT 7, PRIMARY KEY (run_date, customer_id)) PARTITION BY %s', name, partitioned);
    FOR i IN 1..2 LOOP
        EXECUTE format('CREATE TABLE whole.%I PARTITION OF whole.%I FOR VALUES %s', name || i, name,
                       CASE WHEN partitioned ~ 'HASH' THEN format('WITH (MODULUS 2, REMAINDER %s)', i - 1)
                            ELSE format('FROM (%L) TO (%L)', date '2024-01-09' + i, date '2024-01-10' + i) END);
    END LOOP;
    PERFORM rfm_create_model(name, 'whole.orders', 'whole.' || name);
END
$$;
-- what a refresh says and leaves behind
CREATE FUNCTION whole.refresh(name text, day date DEFAULT '2024-01-10') RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    said   text;
    detail text;
    rows   text;
BEGIN
    BEGIN
        said := rfm_refresh(day, name);
    EXCEPTION WHEN triggered_data_change_violation OR check_violation OR not_null_violation THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        said := SQLERRM || ': ' || detail;
    END;
    EXECUTE format('SELECT format(''%%s rows, customers %%s to %%s'', count(*), min(customer_id), max(customer_id)) FROM whole.%I WHERE run_date = $1', name) INTO rows USING day;
    RETURN said || '; ' || rows;
END
$$;
CREATE FUNCTION whole.trigger(name text, does text, tab text, fires text) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('CREATE FUNCTION whole.%I() RETURNS trigger LANGUAGE plpgsql AS %L', name, format('BEGIN %s; END', does));
    EXECUTE format('CREATE TRIGGER %I %s EXECUTE FUNCTION whole.%I()', name, format(fires, format('whole.%I', tab)), name);
END
$$;

--
-- Triggers of a partition alone
--
SELECT whole.target('a');
SELECT whole.trigger('shift', 'IF NEW.customer_id < 100 THEN NEW.customer_id := NEW.customer_id + 1000; END IF; RETURN NEW', 'a1', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW');
SELECT whole.refresh('a');
SELECT whole.refresh('a', '2024-01-11');
ALTER TABLE whole.a1 DISABLE TRIGGER shift;
SELECT whole.refresh('a');
UPDATE whole.orders SET total = total + 1;
ALTER TABLE whole.a1 ENABLE TRIGGER shift;
SELECT whole.refresh('a');
DROP TRIGGER shift ON whole.a1;
SELECT whole.trigger('skip', 'RETURN CASE WHEN NEW.customer_id = 5 THEN NULL ELSE NEW END', 'a1', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW');
SELECT whole.refresh('a');
DROP TRIGGER skip ON whole.a1;
-- of one of those that the rows of a date are in
SELECT whole.target('b', 'HASH (customer_id)');
SELECT whole.trigger('lose', 'DELETE FROM whole.b WHERE customer_id = 5; RETURN NULL', 'b1', 'AFTER INSERT ON %s FOR EACH ROW');
CREATE TRIGGER lose AFTER INSERT ON whole.b2 FOR EACH ROW EXECUTE FUNCTION whole.lose();
SELECT whole.refresh('b');
DROP TRIGGER lose ON whole.b1;
DROP TRIGGER lose ON whole.b2;
SELECT whole.refresh('b');
-- a partition that has partitions
CREATE TABLE whole.a3 PARTITION OF whole.a FOR VALUES FROM ('2024-01-12') TO ('2024-01-13') PARTITION BY LIST (run_date);
CREATE TABLE whole.a31 PARTITION OF whole.a3 FOR VALUES IN ('2024-01-12');
CREATE TRIGGER shift BEFORE INSERT ON whole.a31 FOR EACH ROW EXECUTE FUNCTION whole.shift();
SELECT whole.refresh('a', '2024-01-12');
-- and the default one
CREATE TABLE whole.a4 PARTITION OF whole.a DEFAULT;
CREATE TRIGGER shift BEFORE INSERT ON whole.a4 FOR EACH ROW EXECUTE FUNCTION whole.shift();
SELECT whole.refresh('a', '2024-01-13');

--
-- After the rows were written
--
SELECT whole.target('c');
SELECT whole.trigger('lose_row', 'DELETE FROM whole.c WHERE customer_id = 5; RETURN NULL', 'c', 'AFTER INSERT ON %s FOR EACH ROW');
SELECT whole.refresh('c');
DROP TRIGGER lose_row ON whole.c;
SELECT whole.trigger('lose_all', 'DELETE FROM whole.c WHERE customer_id = 5; RETURN NULL', 'c', 'AFTER INSERT ON %s FOR EACH STATEMENT');
SELECT whole.refresh('c');
DROP TRIGGER lose_all ON whole.c;
SELECT whole.refresh('c');
-- a row that is gone comes back
SELECT whole.trigger('again', 'INSERT INTO whole.c SELECT OLD.*; RETURN NULL', 'c1', 'AFTER DELETE ON %s FOR EACH ROW');
DELETE FROM whole.orders WHERE customer_id = 20;
SELECT whole.refresh('c');
-- a model that keeps such rows does not ask for it
UPDATE rfm_model SET keep_stale = true WHERE model = 'c';
SELECT whole.refresh('c');
UPDATE rfm_model SET keep_stale = false WHERE model = 'c';
DROP TRIGGER again ON whole.c1;
-- one that only looks
CREATE TABLE whole.seen (customer_id int);
SELECT whole.trigger('look', 'INSERT INTO whole.seen VALUES (NEW.customer_id); RETURN NULL', 'c1', 'AFTER INSERT OR UPDATE ON %s FOR EACH ROW');
UPDATE whole.orders SET total = total + 1;
SELECT whole.refresh('c');
SELECT count(*) FROM whole.seen;

--
-- Rules
--
SELECT whole.target('d');
CREATE TABLE whole.other (LIKE whole.d);
CREATE RULE away AS ON INSERT TO whole.d DO INSTEAD INSERT INTO whole.other SELECT NEW.*;
SELECT whole.refresh('d');
DROP RULE away ON whole.d;
CREATE RULE lose AS ON INSERT TO whole.d DO ALSO DELETE FROM whole.d WHERE customer_id = 7;
SELECT whole.refresh('d');
DROP RULE lose ON whole.d;
SELECT whole.refresh('d');
CREATE RULE away AS ON UPDATE TO whole.d DO INSTEAD UPDATE whole.other SET n = 1 WHERE customer_id = OLD.customer_id;
INSERT INTO whole.other SELECT * FROM whole.d;
UPDATE whole.orders SET total = total + 1;
SELECT whole.refresh('d');
SELECT rfm_drop_model('d', true);

--
-- Other values are the trigger's business, but not without a word, and the trend
-- reads the rows themselves
--
SELECT whole.target('e');
ALTER TABLE whole.e ADD rfm_segment text;
UPDATE rfm_model SET segment_rules = 'sum5' WHERE model = 'e';
SELECT whole.refresh('e', '2024-01-11');
SELECT whole.trigger('rename', 'NEW.rfm_segment := ''All''; RETURN NEW', 'e1', 'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW');
SELECT whole.refresh('e');
SELECT whole.refresh('e');
SELECT run_date, segment, customers FROM rfm_trend('e') WHERE run_date = '2024-01-10';
SELECT DISTINCT run_date FROM rfm_total t JOIN rfm_model m USING (model_id) WHERE model = 'e';
DROP TRIGGER rename ON whole.e1;
SELECT whole.refresh('e');
SELECT DISTINCT run_date FROM rfm_total t JOIN rfm_model m USING (model_id) WHERE model = 'e' ORDER BY 1;
-- the old values instead of the new ones
SELECT whole.trigger('keep', 'RETURN OLD', 'e1', 'BEFORE UPDATE ON %s FOR EACH ROW');
UPDATE whole.orders SET total = total * 2;
SELECT whole.refresh('e');
DROP TRIGGER keep ON whole.e1;

--
-- What else a partition alone can have: a default of its own, which does not count, a check, row security,
-- which does not apply, no nulls, and before version 16 a generated key
--
ALTER TABLE whole.e1 ALTER n SET DEFAULT 8;
DELETE FROM whole.e;
ALTER TABLE whole.e2 ADD CHECK (customer_id < 10);
SELECT whole.refresh('e');
SELECT DISTINCT n FROM whole.e;
SELECT whole.refresh('e', '2024-01-11');
CREATE ROLE regress_rfm_whole;
GRANT USAGE ON SCHEMA whole TO regress_rfm_whole;
GRANT SELECT ON whole.orders TO regress_rfm_whole;
GRANT SELECT, INSERT, UPDATE, DELETE ON whole.e TO regress_rfm_whole;
ALTER TABLE whole.e1 ENABLE ROW LEVEL SECURITY;
DELETE FROM whole.e;
UPDATE rfm_model SET owner = 'regress_rfm_whole' WHERE model = 'e';
SELECT whole.refresh('e');
ALTER TABLE whole.e1 ALTER n SET NOT NULL;
ALTER TABLE whole.e ALTER n DROP DEFAULT;
DELETE FROM whole.e;
SELECT whole.refresh('e');
CREATE TABLE whole.e3 (customer_id int NOT NULL GENERATED ALWAYS AS (monetary_value::int + 5000) STORED, run_date date NOT NULL, recency_days int, frequency_orders int,
                       monetary_value numeric, r_score int, f_score int, m_score int, n int, rfm_segment text);
DO $$
DECLARE
    said text := 'refused';
BEGIN
    ALTER TABLE whole.e ATTACH PARTITION whole.e3 FOR VALUES FROM ('2024-01-12') TO ('2024-01-13');
    said := whole.refresh('e', '2024-01-12');
    RAISE NOTICE '%', CASE WHEN said ~ 'would not be complete' THEN 'refused' ELSE said END;
EXCEPTION WHEN datatype_mismatch OR invalid_column_definition THEN
    RAISE NOTICE '%', said;
END
$$;

--
-- A customer is erased, or it is an error
--
SELECT whole.trigger('hold', 'RETURN CASE WHEN OLD.customer_id = 3 THEN NULL ELSE OLD END', 'a1', 'BEFORE DELETE ON %s FOR EACH ROW');
SELECT rfm_forget(3, 'a');
SELECT rfm_forget(4, 'a');
SELECT customer_id, count(*) FROM whole.a WHERE customer_id IN (3, 4) GROUP BY 1;
CREATE RULE mark AS ON DELETE TO whole.b DO INSTEAD UPDATE whole.b SET n = 0 WHERE customer_id = OLD.customer_id;
SELECT rfm_forget(3, 'b');
-- nor does such a rule count as deleted what it keeps
SELECT whole.refresh('b');
UPDATE rfm_model SET keep_stale = true, retention = '1 day' WHERE model = 'b';
SELECT whole.refresh('b', '2024-01-11');
SELECT run_date, inserted, expired FROM rfm_run WHERE model = 'b' ORDER BY run_id DESC LIMIT 1;
SELECT run_date, count(*) FROM whole.b GROUP BY 1 ORDER BY 1;

SET client_min_messages = warning;
SELECT count(rfm_drop_model(model)::text) FROM rfm_model WHERE model ~ '^[a-e]$';
DROP SCHEMA whole CASCADE;
DROP ROLE regress_rfm_whole;

--
-- What the key of a target means: customers are told apart as its column does it,
-- whatever the source, its column's type and its index do
--
\set SHOW_CONTEXT never
\pset null -
SET client_min_messages = warning;
SET rfm.latest_view = off;
CREATE SCHEMA keys;
CREATE FUNCTION keys.last_run(model text) RETURNS text LANGUAGE sql AS
$$ SELECT format('+%s ~%s -%s =%s', inserted, updated, deleted, unchanged) FROM rfm_run r WHERE r.model = $1 ORDER BY run_id DESC LIMIT 1 $$;
-- a target with a column of its own, as one has them
CREATE FUNCTION keys.target(name text, customer text, key text DEFAULT 'run_date, customer_id', run_date text DEFAULT 'date') RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('CREATE TABLE keys.%I (run_date %s, customer_id %s, recency_days int, frequency_orders int, monetary_value numeric,
                                          r_score int, f_score int, m_score int, note text)', name, run_date, customer);
    EXECUTE format('CREATE UNIQUE INDEX ON keys.%I (%s)', name, key);
END
$$;

CREATE TABLE keys.orders (customer_id text, created_at date, total numeric);
INSERT INTO keys.orders VALUES ('Ann', '2024-01-01', 10), ('Ann', '2024-01-02', 10), ('Bob', '2024-01-03', 10), ('Carl', '2024-01-04', 10);

--
-- Composite customers: one with a null part is a customer, one without any part is none
--
CREATE TYPE keys.pair AS (shop numeric, no int);
CREATE TABLE keys.pairs (customer_id keys.pair, created_at date, total numeric);
INSERT INTO keys.pairs VALUES ((1, 1), '2024-01-01', 10), ((1.0, 1), '2024-01-02', 10), ((1, NULL), '2024-01-03', 10), ((NULL, 2), '2024-01-04', 10),
    ((NULL, NULL), '2024-01-05', 10), (NULL, '2024-01-06', 10);
SELECT rfm_create_model('pairs', 'keys.pairs', 'keys.pairs_daily');
SELECT rfm_refresh('2024-01-10', 'pairs'), keys.last_run('pairs');
SELECT customer_id, frequency_orders FROM keys.pairs_daily ORDER BY 1;
SELECT rfm_refresh('2024-01-10', 'pairs'), keys.last_run('pairs');
SELECT customer_id, frequency_orders FROM rfm_preview('2024-01-10', 'pairs') ORDER BY 1;

-- an operator class with another equality: records by their bytes
SELECT keys.target('image', 'keys.pair', 'run_date, customer_id record_image_ops');
SELECT rfm_create_model('image', 'keys.pairs', 'keys.image');

--
-- A narrower column of the same type: rows stay, and with them what others wrote
--
CREATE TABLE keys.wide (id int, customer_id numeric, code varchar, at timestamptz, created_at date, total numeric);
INSERT INTO keys.wide SELECT i, i + 0.25, 'c' || i || repeat(' ', i), timestamptz '2024-01-01 00:00:00.3+00' + i * interval '1 hour', date '2024-01-01' + i, i FROM generate_series(1, 6) i;
CREATE FUNCTION keys.narrow(kind text, customer text, type text) RETURNS TABLE (first text, again text, noted bigint) LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM keys.target(kind, type);
    PERFORM rfm_create_model(kind, 'keys.wide', 'keys.' || kind, customer => customer);
    PERFORM rfm_refresh('2024-01-10', kind);
    first := keys.last_run(kind);
    EXECUTE format('UPDATE keys.%I SET note = ''kept''', kind);
    PERFORM rfm_refresh('2024-01-10', kind);
    again := keys.last_run(kind);
    EXECUTE format('SELECT count(note) FROM keys.%I', kind) INTO noted;
    RETURN NEXT;
END
$$;
CREATE DOMAIN keys.short AS varchar(3);
SELECT kind, n.* FROM (VALUES ('numeric', 'customer_id', 'numeric(10,0)'), ('varchar', 'code', 'varchar(3)'), ('seconds', 'at', 'timestamptz(0)'), ('domain', 'code', 'keys.short')) AS v(kind, customer, type),
    keys.narrow(kind, customer, type) n;
SELECT customer_id FROM keys.numeric ORDER BY 1;
-- two customers that one value would stand for
INSERT INTO keys.wide VALUES (7, 1.4, 'c1x', NULL, '2024-01-01', 1);
SELECT rfm_refresh('2024-01-10', 'numeric');
SELECT keys.last_run('numeric'), count(note) FROM keys.numeric;

--
-- A key that depends on the settings of whoever refreshes
--
SELECT keys.target('stamped', 'text', run_date => 'timestamptz');
SELECT rfm_create_model('stamped', 'keys.orders', 'keys.stamped');
-- a model made before its column became one
SELECT keys.target('later', 'text');
SELECT rfm_create_model('later', 'keys.orders', 'keys.later');
SELECT rfm_refresh('2024-01-10', 'later');
ALTER TABLE keys.later ALTER run_date TYPE timestamptz;
SELECT rfm_refresh('2024-01-10', 'later');
SELECT count(*) FROM keys.later;
-- a timestamp without time zone is the same moment everywhere
SELECT keys.target('midnight', 'text', run_date => 'timestamp');
SELECT rfm_create_model('midnight', 'keys.orders', 'keys.midnight');
SET timezone = 'Asia/Tokyo';
SELECT rfm_refresh('2024-01-10', 'midnight'), keys.last_run('midnight');
SET timezone = 'America/New_York';
SELECT rfm_refresh('2024-01-10', 'midnight'), keys.last_run('midnight');
RESET timezone;

-- and moments as text are written in the model's time zone, whoever refreshes
SELECT keys.target('moments', 'text');
SELECT rfm_create_model('moments', 'keys.wide', 'keys.moments', customer => 'at', time_zone => 'Europe/Berlin');
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SELECT rfm_refresh('2024-01-10', 'moments'), keys.last_run('moments');
RESET timezone;
RESET datestyle;
SELECT rfm_refresh('2024-01-10', 'moments'), keys.last_run('moments');
SELECT min(customer_id) FROM keys.moments;

--
-- Rows without a customer are no row of the snapshot
--
SELECT keys.target('nobody', 'text');
SELECT rfm_create_model('nobody', 'keys.orders', 'keys.nobody');
SELECT rfm_refresh('2024-01-10', 'nobody');
INSERT INTO keys.nobody SELECT run_date, NULL, 1, 1, 1, 1, 1, 1 FROM (VALUES (date '2024-01-10'), ('2024-01-10'), ('2024-01-09')) v(run_date);
SELECT rfm_refresh('2024-01-10', 'nobody'), keys.last_run('nobody');
SELECT run_date, count(*), count(customer_id) FROM keys.nobody GROUP BY 1 ORDER BY 1;
CREATE TABLE keys.newest (LIKE keys.nobody, UNIQUE (customer_id));
ALTER TABLE keys.newest DROP run_date;
INSERT INTO keys.newest (customer_id, m_score) VALUES (NULL, 1), ('Bob', 1), ('bob', 1);
SELECT rfm_create_model('newest', 'keys.orders', 'keys.newest', target_columns => '{"run_date": null}');
SELECT rfm_refresh('2024-01-10', 'newest'), keys.last_run('newest');
SELECT count(*), count(customer_id) FROM keys.newest;

--
-- A snapshot that is not whole is an error, and nothing has changed
--
CREATE FUNCTION keys.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF coalesce(NEW.customer_id, OLD.customer_id) = 'Bob' THEN RETURN NULL; END IF; RETURN coalesce(NEW, OLD); END $$;
SELECT keys.target('partly', 'text');
SELECT rfm_create_model('partly', 'keys.orders', 'keys.partly');
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON keys.partly FOR EACH ROW EXECUTE FUNCTION keys.refuse();
SELECT rfm_refresh('2024-01-10', 'partly');
SELECT count(*), keys.last_run('partly') FROM keys.partly;
ALTER TABLE keys.partly DISABLE TRIGGER refuse;
SELECT rfm_refresh('2024-01-10', 'partly'), keys.last_run('partly');
ALTER TABLE keys.partly ENABLE TRIGGER refuse;
UPDATE keys.orders SET total = 99 WHERE customer_id = 'Bob';
SELECT rfm_refresh('2024-01-10', 'partly');
DELETE FROM keys.orders WHERE customer_id = 'Bob';
SELECT rfm_refresh('2024-01-10', 'partly');
SELECT count(*), keys.last_run('partly') FROM keys.partly;
DROP TRIGGER refuse ON keys.partly;
SELECT rfm_refresh('2024-01-10', 'partly'), keys.last_run('partly');
-- a rule, too
CREATE RULE elsewhere AS ON INSERT TO keys.partly WHERE NEW.customer_id = 'Dora' DO INSTEAD NOTHING;
INSERT INTO keys.orders VALUES ('Dora', '2024-01-05', 10), ('Egon', '2024-01-06', 10);
SELECT rfm_refresh('2024-01-10', 'partly');
DROP RULE elsewhere ON keys.partly;
SELECT rfm_refresh('2024-01-10', 'partly'), keys.last_run('partly');

-- what follows needs collations that take several spellings for one
SELECT NOT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AS without_icu \gset
\if :without_icu
DELETE FROM rfm_model WHERE source::text LIKE 'keys.%';
DROP SCHEMA keys CASCADE;
\quit
\endif
CREATE COLLATION keys.no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

--
-- A source that takes ann, Ann and ANN for one customer
--
CREATE TABLE keys.folded (customer_id text COLLATE keys.no_case, created_at date, total numeric);
INSERT INTO keys.folded VALUES ('Ann', '2024-01-01', 10), ('ann', '2024-01-02', 10), ('Bob', '2024-01-03', 10), ('Carl', '2024-01-04', 10);
SELECT keys.target('plain', 'text');
INSERT INTO keys.plain SELECT '2024-01-10', unnest('{ann,Ann,ANN}'::text[]), 1, 1, 1, 1, 1, 1;
SELECT rfm_create_model('plain', 'keys.folded', 'keys.plain');
SELECT rfm_refresh('2024-01-10', 'plain'), keys.last_run('plain');
SELECT customer_id, recency_days, frequency_orders, monetary_value FROM keys.plain ORDER BY lower(customer_id);
SELECT rfm_refresh('2024-01-10', 'plain'), keys.last_run('plain');

--
-- A unique index under another collation than its column: it lets in what the column takes for one
--
SELECT keys.target('indexed', 'text COLLATE keys.no_case', 'run_date, customer_id COLLATE "C"');
SELECT rfm_create_model('indexed', 'keys.folded', 'keys.indexed');
CREATE UNIQUE INDEX indexed_key ON keys.indexed (customer_id, run_date);
SELECT rfm_create_model('indexed', 'keys.folded', 'keys.indexed');
SELECT rfm_refresh('2024-01-10', 'indexed'), keys.last_run('indexed');
-- the right one goes
DROP INDEX keys.indexed_key;
SELECT rfm_refresh('2024-01-10', 'indexed');
-- collations that tell apart by bytes are one to a unique index
SELECT keys.target('bytes', 'text COLLATE "C"', 'run_date, customer_id COLLATE "POSIX" text_pattern_ops');
SELECT rfm_create_model('bytes', 'keys.folded', 'keys.bytes');
SELECT rfm_refresh('2024-01-10', 'bytes'), keys.last_run('bytes');
-- an index that takes more for one keeps a row of the source out, and the refresh fails
CREATE TABLE keys.spelled AS SELECT customer_id COLLATE "C" AS customer_id, created_at, total FROM keys.folded;
SELECT keys.target('coarse', 'text COLLATE "C"', 'run_date, customer_id COLLATE keys.no_case');
SELECT rfm_create_model('coarse', 'keys.spelled', 'keys.coarse');
SELECT rfm_refresh('2024-01-10', 'coarse');

DELETE FROM rfm_model WHERE source::text LIKE 'keys.%';
DROP SCHEMA keys CASCADE;
RESET rfm.latest_view;
RESET client_min_messages;

-- these tests change targets in ways that a view of them would forbid
SET rfm.latest_view = off;
--
-- Targets: tables as people have them, and what a refresh leaves alone
--
\set SHOW_CONTEXT never
\pset null -
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
CREATE SCHEMA target;
CREATE TABLE target.orders (customer_id bigint, created_at date, total numeric(10,2));
INSERT INTO target.orders
SELECT i % 12 + 1, date '2024-01-01' + i % 17, (i * 37 % 101) / 4.0 FROM generate_series(1, 100) i;

-- The same model into any target: what stands in it must be the preview.
-- columns and preview_columns say how the target's columns compare with it.
CREATE FUNCTION target.wrong(model text, target text, columns text, preview_columns text, run_date date DEFAULT '2024-01-10')
RETURNS bigint LANGUAGE plpgsql AS
$$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('WITH a AS MATERIALIZED (SELECT %s FROM %s), b AS MATERIALIZED (SELECT %s FROM rfm_preview(%L, %L))
                    SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) d',
                   columns, target, preview_columns, run_date, model) INTO n;
    RETURN n;
END
$$;
-- inserted, updated, deleted, unchanged in the last run
CREATE FUNCTION target.last_run(model text) RETURNS text LANGUAGE sql AS
$$ SELECT format('+%s ~%s -%s =%s', inserted, updated, deleted, unchanged) FROM rfm_run r WHERE r.model = $1 ORDER BY run_id DESC LIMIT 1 $$;

--
-- Other types: wider and narrower integers, text for numbers, short varchars,
-- money with two decimals, domains; rows of other days and of this one
--
CREATE DOMAIN target.score AS smallint CHECK (VALUE BETWEEN 1 AND 5);
CREATE DOMAIN target.label AS varchar(30) NOT NULL;
CREATE TABLE target.typed (
    updated_at timestamp, comments varchar(40), rfm_segment target.label, rfm_score text, m_score target.score, f_score bigint, r_score numeric(3,1),
    monetary_value numeric(10,1), frequency_orders smallint, recency_days real, customer_id text COLLATE "C", run_date timestamp,
    UNIQUE (customer_id, run_date));
INSERT INTO target.typed VALUES ('2020-01-01', 'old', 'old', '3', 1, 1, 1, 1, 1, 1, '5', '2024-01-09'), ('2020-01-01', 'old', 'old', '3', 1, 1, 1, 1, 1, 1, '5', '2024-01-10'),
    ('2020-01-01', 'old', 'old', '3', 1, 1, 1, 1, 1, 1, 'nobody', '2024-01-10');
SELECT rfm_create_model('typed', 'target.orders', 'target.typed');
SELECT rfm_refresh('2024-01-10', 'typed'), target.last_run('typed');
\set typed 'customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment, comments'
\set typed_preview 'customer_id COLLATE "C", recency_days, frequency_orders, round(monetary_value, 1), r_score, f_score, m_score, rfm_score::text, rfm_segment, comments'
SELECT target.wrong('typed', $$(SELECT * FROM target.typed WHERE run_date = '2024-01-10') t$$, :'typed', :'typed_preview');
-- the other day, and the columns by the assignment's rounding
SELECT * FROM target.typed WHERE run_date <> '2024-01-10';
SELECT customer_id, monetary_value, r_score, rfm_score FROM target.typed WHERE run_date = '2024-01-10' ORDER BY customer_id LIMIT 3;
CREATE TABLE target.before AS SELECT ctid AS old_ctid, xmin AS old_xmin, customer_id FROM target.typed WHERE run_date = '2024-01-10';
SELECT rfm_refresh('2024-01-10', 'typed'), target.last_run('typed');
SELECT count(*) FILTER (WHERE t.ctid = old_ctid AND t.xmin = old_xmin) AS untouched FROM target.typed t JOIN target.before USING (customer_id) WHERE run_date = '2024-01-10';
DROP TABLE target.before;
SELECT rfm_drop_model('typed');

-- int8 customers in an int4 column, and the other way round
CREATE TABLE target.narrow (run_date date, customer_id int, recency_days int, frequency_orders int, monetary_value float8, r_score int, f_score int, m_score int,
                            PRIMARY KEY (run_date, customer_id));
SELECT rfm_create_model('narrow', 'target.orders', 'target.narrow');
SELECT rfm_refresh('2024-01-10', 'narrow'), target.last_run('narrow');
SELECT target.wrong('narrow', 'target.narrow', 'customer_id::text, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score',
                    'customer_id, recency_days, frequency_orders, monetary_value::float8, r_score, f_score, m_score');
SELECT rfm_refresh('2024-01-10', 'narrow'), target.last_run('narrow');
CREATE VIEW target.int_orders AS SELECT customer_id::int, created_at, total FROM target.orders;
CREATE TABLE target.wide (run_date date, customer_id bigint, recency_days int, frequency_orders int, monetary_value numeric(30,10), r_score int, f_score int, m_score int,
                          PRIMARY KEY (customer_id, run_date));
SELECT rfm_create_model('wide', 'target.int_orders', 'target.wide');
SELECT rfm_refresh('2024-01-10', 'wide'), target.last_run('wide');
SELECT rfm_refresh('2024-01-10', 'wide'), target.last_run('wide');
SELECT monetary_value FROM target.wide WHERE customer_id = 3;

--
-- Values that do not fit: an error, and nothing has changed
--
CREATE TABLE target.standing AS SELECT xmin AS old_xmin, * FROM target.narrow;
INSERT INTO target.orders VALUES (5000000000, '2024-01-05', 1);
DELETE FROM target.orders WHERE customer_id = 1;
SELECT rfm_refresh('2024-01-10', 'narrow');
SELECT count(*), count(*) FILTER (WHERE n.xmin = old_xmin) AS untouched FROM target.narrow n JOIN target.standing USING (run_date, customer_id);
SELECT target.last_run('narrow');
DROP TABLE target.standing;
DELETE FROM target.orders WHERE customer_id = 5000000000;
ALTER TABLE target.narrow ALTER monetary_value TYPE numeric(4,2);
INSERT INTO target.orders VALUES (2, '2024-01-05', 100);
SELECT rfm_refresh('2024-01-10', 'narrow');
ALTER TABLE target.narrow ALTER monetary_value TYPE numeric(6,2), ADD rfm_segment varchar(8);
SELECT rfm_refresh('2024-01-10', 'narrow');
-- a constraint that an update meets, then an insert
ALTER TABLE target.narrow ALTER rfm_segment TYPE varchar(20), ADD CHECK (monetary_value < 100);
SELECT rfm_refresh('2024-01-10', 'narrow');
DELETE FROM target.narrow;
SELECT rfm_refresh('2024-01-10', 'narrow');
ALTER TABLE target.narrow DROP CONSTRAINT narrow_monetary_value_check;
-- a column that the model does not know must be filled
ALTER TABLE target.narrow ADD must_have int NOT NULL;
SELECT rfm_refresh('2024-01-10', 'narrow');
ALTER TABLE target.narrow ALTER must_have SET DEFAULT 7;
CREATE UNIQUE INDEX one_each ON target.narrow (r_score, f_score);
SELECT rfm_refresh('2024-01-10', 'narrow');
SELECT count(*) FROM target.narrow;
DROP INDEX target.one_each;
SELECT rfm_refresh('2024-01-10', 'narrow'), target.last_run('narrow');
-- defaults of domains, and a domain that is never null
CREATE DOMAIN target.five AS int DEFAULT 5 CHECK (VALUE > 3);
CREATE DOMAIN target.given AS text NOT NULL;
ALTER TABLE target.narrow ADD five target.five;
DELETE FROM target.narrow;
SELECT rfm_refresh('2024-01-10', 'narrow');
SELECT five, count(*) FROM target.narrow GROUP BY 1;
DELETE FROM target.narrow;
ALTER TABLE target.narrow ADD given target.given;
SELECT rfm_refresh('2024-01-10', 'narrow');
SELECT count(*) FROM target.narrow;
ALTER TABLE target.narrow ALTER given SET DEFAULT 'something';
SELECT rfm_refresh('2024-01-10', 'narrow'), target.last_run('narrow');
SELECT given, count(*) FROM target.narrow GROUP BY 1;
SELECT rfm_drop_model(m, true) FROM unnest('{narrow,wide}'::text[]) m;
-- two customers that one value of the target would stand for
CREATE VIEW target.fractions AS SELECT customer_id / 4.0 AS customer_id, created_at, total FROM target.orders;
CREATE TABLE target.rounded (LIKE target.typed INCLUDING INDEXES);
ALTER TABLE target.rounded ALTER customer_id TYPE int USING 0;
SELECT rfm_create_model('fractions', 'target.fractions', 'target.rounded');
SELECT rfm_refresh('2024-01-10', 'fractions');
SELECT count(*) FROM target.rounded;
SELECT rfm_drop_model('fractions', true);

--
-- Columns that the model does not know: defaults on insert, values kept on update
--
CREATE SEQUENCE target.numbers;
CREATE TABLE target.rich (
    id bigint GENERATED ALWAYS AS IDENTITY, run_date date, customer_id bigint, recency_days int, frequency_orders int, monetary_value numeric, r_score int,
    f_score int, dropped text, m_score int, rfm_cell text, rfm_weighted int, number int DEFAULT nextval('target.numbers'), note text DEFAULT 'none',
    at timestamptz DEFAULT clock_timestamp(), plain text, logs jsonb, created_at timestamptz, updated_at timestamptz,
    UNIQUE (run_date, customer_id), UNIQUE (id), UNIQUE (number));
ALTER TABLE target.rich DROP dropped;
CREATE INDEX ON target.rich (run_date, f_score DESC) WHERE r_score > 2;
CREATE INDEX ON target.rich ((monetary_value / frequency_orders));
SELECT rfm_create_model('rich', 'target.orders', 'target.rich');
SELECT rfm_refresh('2024-01-10', 'rich'), target.last_run('rich');
SELECT id, customer_id, number, note, plain, at IS NOT NULL AS at, rfm_cell, rfm_weighted, created_at = updated_at AS times,
       logs - 'refreshed_at' - 'version' AS logs, (logs->>'refreshed_at')::timestamptz = updated_at AS refreshed_at, logs->>'version' = (SELECT extversion FROM pg_extension WHERE extname = 'rfm') AS version
  FROM target.rich ORDER BY customer_id LIMIT 2;
SELECT target.wrong('rich', 'target.rich', 'customer_id::text, rfm_cell, rfm_weighted, monetary_value', 'customer_id, rfm_cell, rfm_weighted, monetary_value');
UPDATE target.rich SET note = 'kept ' || customer_id, plain = 'mine', number = -number;
CREATE TABLE target.before AS SELECT xmin AS old_xmin, * FROM target.rich;
UPDATE target.orders SET total = total + 50 WHERE customer_id IN (3, 7);
INSERT INTO target.orders VALUES (99, '2024-01-02', 5);
SELECT rfm_refresh('2024-01-10', 'rich');
SELECT count(*) FILTER (WHERE b IS NULL) AS new, count(*) FILTER (WHERE r.xmin = old_xmin) AS untouched,
       count(*) FILTER (WHERE r.xmin <> old_xmin) > 0 AS some_changed,
       count(*) FILTER (WHERE (r.id, r.number, r.note, r.plain, r.at, r.created_at) IS DISTINCT FROM (b.id, b.number, b.note, b.plain, b.at, b.created_at) AND b IS NOT NULL) AS not_kept,
       count(*) FILTER (WHERE r.xmin <> old_xmin AND (r.updated_at = b.updated_at OR r.logs = b.logs)) AS not_marked
  FROM (SELECT xmin, * FROM target.rich) r LEFT JOIN target.before b USING (run_date, customer_id) \gx
SELECT target.wrong('rich', 'target.rich', 'customer_id::text, rfm_cell, rfm_weighted, monetary_value', 'customer_id, rfm_cell, rfm_weighted, monetary_value');
-- the indexes know every row
SET enable_seqscan = off;
SELECT count(*) FROM target.rich WHERE run_date = '2024-01-10' AND customer_id > 0;
SELECT count(*) FROM target.rich WHERE monetary_value / frequency_orders > 0;
RESET enable_seqscan;
SELECT count(*) FROM target.rich WHERE monetary_value / frequency_orders > 0;
DROP TABLE target.before;
SELECT rfm_drop_model('rich', true);

--
-- A target that needs the executor: triggers, generated columns, foreign keys
--
CREATE TABLE target.customers (id bigint PRIMARY KEY);
INSERT INTO target.customers SELECT generate_series(1, 12);
CREATE TABLE target.watched (
    run_date date, customer_id bigint REFERENCES target.customers, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
    total int GENERATED ALWAYS AS (r_score + f_score + m_score) STORED, stamp text, PRIMARY KEY (run_date, customer_id));
CREATE TABLE target.seen (what text, customer_id bigint);
CREATE FUNCTION target.stamp() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    NEW.stamp := concat_ws(' ', NEW.stamp, lower(TG_OP));
    RETURN NEW;
END $$;
CREATE FUNCTION target.note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO target.seen VALUES (TG_OP, CASE WHEN TG_OP = 'DELETE' THEN OLD.customer_id ELSE NEW.customer_id END); RETURN NULL; END $$;
CREATE FUNCTION target.note_all() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO target.seen SELECT 'all: ' || TG_OP, count(*) FROM rows; RETURN NULL; END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON target.watched FOR EACH ROW EXECUTE FUNCTION target.stamp();
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON target.watched FOR EACH ROW EXECUTE FUNCTION target.note();
CREATE TRIGGER note_all AFTER INSERT ON target.watched REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION target.note_all();
SELECT rfm_create_model('watched', 'target.orders', 'target.watched');
-- customer 99 is not among the customers
SELECT rfm_refresh('2024-01-10', 'watched');
SELECT count(*) FROM target.watched;
DELETE FROM target.orders WHERE customer_id = 99;
SELECT rfm_refresh('2024-01-10', 'watched'), target.last_run('watched');
SELECT what, count(*), sum(customer_id) FROM target.seen GROUP BY 1 ORDER BY 1;
SELECT target.wrong('watched', 'target.watched', 'customer_id::text, r_score, f_score, m_score, total', 'customer_id, r_score, f_score, m_score, rfm_score');
TRUNCATE target.seen;
UPDATE target.orders SET total = total + 100 WHERE customer_id = 5;
DELETE FROM target.orders WHERE customer_id = 8;
INSERT INTO target.customers VALUES (50);
INSERT INTO target.orders VALUES (50, '2024-01-05', 7);
SELECT rfm_refresh('2024-01-10', 'watched');
SELECT what, count(*) > 0 AS some FROM target.seen GROUP BY 1 ORDER BY 1;
SELECT stamp, count(*) > 0 AS some FROM target.watched GROUP BY 1 ORDER BY 1;
SELECT target.wrong('watched', 'target.watched', 'customer_id::text, r_score, f_score, m_score, total', 'customer_id, r_score, f_score, m_score, rfm_score');
SELECT rfm_drop_model('watched', true);
DELETE FROM target.orders WHERE customer_id = 50;

-- a table that another one refers to: its rows cannot simply go
CREATE TABLE target.parent (run_date date, customer_id bigint, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                            PRIMARY KEY (run_date, customer_id));
CREATE TABLE target.child (run_date date, customer_id bigint, FOREIGN KEY (run_date, customer_id) REFERENCES target.parent);
SELECT rfm_create_model('parent', 'target.orders', 'target.parent');
SELECT rfm_refresh('2024-01-10', 'parent');
INSERT INTO target.child VALUES ('2024-01-10', 4);
DELETE FROM target.orders WHERE customer_id = 4;
SELECT rfm_refresh('2024-01-10', 'parent');
DELETE FROM target.child;
SELECT rfm_refresh('2024-01-10', 'parent'), target.last_run('parent');
DROP TABLE target.child;
SELECT rfm_drop_model('parent', true);

-- a rule
CREATE TABLE target.ruled (run_date date, customer_id bigint, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                           PRIMARY KEY (run_date, customer_id));
CREATE RULE also AS ON INSERT TO target.ruled DO ALSO NOTIFY target_rows;
SELECT rfm_create_model('ruled', 'target.orders', 'target.ruled');
SELECT rfm_refresh('2024-01-10', 'ruled');
SELECT count(*) FROM target.ruled;
SELECT rfm_drop_model('ruled', true);

--
-- Row security: the owner of the model is bound by it where it is not the table's
--
CREATE ROLE regress_rfm_target;
GRANT USAGE ON SCHEMA target TO regress_rfm_target;
GRANT SELECT ON target.orders TO regress_rfm_target;
CREATE TABLE target.secured (run_date date, customer_id bigint, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                             PRIMARY KEY (run_date, customer_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON target.secured TO regress_rfm_target;
ALTER TABLE target.secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON target.secured USING (customer_id < 10) WITH CHECK (customer_id < 10);
INSERT INTO target.secured VALUES ('2024-01-10', 50, 1, 1, 1, 1, 1, 1), ('2024-01-10', -1, 1, 1, 1, 1, 1, 1);
SET ROLE regress_rfm_target;
SELECT rfm_create_model('secured', 'target.orders', 'target.secured');
SELECT rfm_refresh('2024-01-10', 'secured');
RESET ROLE;
SELECT count(*) FROM target.secured;
SET ROLE regress_rfm_target;
UPDATE rfm_model SET filter = 'customer_id < 10' WHERE model = 'secured';
SELECT rfm_refresh('2024-01-10', 'secured'), target.last_run('secured');
RESET ROLE;
-- the row that the policy hides is still there
SELECT count(*), count(*) FILTER (WHERE customer_id = 50) AS hidden FROM target.secured;
SELECT rfm_drop_model('secured');
DROP TABLE target.secured;
REVOKE ALL ON SCHEMA target FROM regress_rfm_target;
REVOKE ALL ON target.orders FROM regress_rfm_target;
DROP ROLE regress_rfm_target;

--
-- Partitioned by run date, one partition with its columns in another order
--
CREATE TABLE target.parts (run_date date, customer_id bigint, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                           n int DEFAULT 3, PRIMARY KEY (run_date, customer_id)) PARTITION BY RANGE (run_date);
CREATE TABLE target.parts_1 PARTITION OF target.parts FOR VALUES FROM ('2024-01-01') TO ('2024-01-10');
CREATE TABLE target.parts_2 (n int, gone int, m_score int, f_score int, r_score int, monetary_value numeric, frequency_orders int, recency_days int, customer_id bigint NOT NULL, run_date date NOT NULL);
ALTER TABLE target.parts_2 DROP gone;
ALTER TABLE target.parts ATTACH PARTITION target.parts_2 FOR VALUES FROM ('2024-01-10') TO ('2024-02-01');
SELECT rfm_create_model('parts', 'target.orders', 'target.parts');
SELECT d, rfm_refresh(d, 'parts'), target.last_run('parts') FROM generate_series(date '2024-01-09', '2024-01-10', '1 day') g, date(g) d;
SELECT tableoid::regclass, run_date, count(*), min(n) FROM target.parts GROUP BY 1, 2 ORDER BY 2;
SELECT target.wrong('parts', $$(SELECT * FROM target.parts WHERE run_date = '2024-01-10') t$$, 'customer_id::text, recency_days, monetary_value, r_score, f_score, m_score',
                    'customer_id, recency_days, monetary_value, r_score, f_score, m_score');
UPDATE target.orders SET total = total + 100 WHERE customer_id = 2;
DELETE FROM target.orders WHERE customer_id = 6;
SELECT rfm_refresh('2024-01-10', 'parts');
SELECT target.wrong('parts', $$(SELECT * FROM target.parts WHERE run_date = '2024-01-10') t$$, 'customer_id::text, recency_days, monetary_value, r_score, f_score, m_score',
                    'customer_id, recency_days, monetary_value, r_score, f_score, m_score');
-- no partition for that day
SELECT rfm_refresh('2024-02-01', 'parts');
-- straight into a partition
UPDATE rfm_model SET target = 'target.parts_2' WHERE model = 'parts';
SELECT rfm_refresh('2024-01-20', 'parts'), target.last_run('parts');
SELECT rfm_refresh('2024-01-09', 'parts');
SELECT run_date, count(*) FROM target.parts GROUP BY 1 ORDER BY 1;
SELECT rfm_drop_model('parts');
DROP TABLE target.parts;

--
-- The rows of tables that inherit from the target are not the model's
--
CREATE TABLE target.base (run_date date, customer_id bigint, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                          PRIMARY KEY (run_date, customer_id));
CREATE TABLE target.heir () INHERITS (target.base);
INSERT INTO target.heir VALUES ('2024-01-10', 1, 1, 1, 1, 1, 1, 1), ('2024-01-10', 3, 1, 1, 1, 1, 1, 1), ('2024-01-10', 77, 1, 1, 1, 1, 1, 1);
SELECT rfm_create_model('base', 'target.orders', 'target.base');
SELECT rfm_refresh('2024-01-10', 'base'), target.last_run('base');
SELECT rfm_refresh('2024-01-10', 'base'), target.last_run('base');
SELECT tableoid::regclass, count(*) FROM target.base GROUP BY 1 ORDER BY 1;
DROP TABLE target.heir;
SELECT rfm_drop_model('base', true);

--
-- Without a run date: the newest snapshot only.  Without times, labels or sum.
--
CREATE TABLE target.newest (customer_id bigint PRIMARY KEY, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int);
SELECT rfm_create_model('newest', 'target.orders', 'target.newest');
SELECT rfm_create_model('newest', 'target.orders', 'target.newest', target_columns => '{"run_date": null}');
INSERT INTO target.newest VALUES (1000, 1, 1, 1, 1, 1, 1), (3, 1, 1, 1, 1, 1, 1);
SELECT d, rfm_refresh(d, 'newest'), target.wrong('newest', 'target.newest', 'customer_id::text, recency_days, monetary_value, r_score, f_score, m_score',
                                                 'customer_id, recency_days, monetary_value, r_score, f_score, m_score', d), target.last_run('newest')
  FROM generate_series(date '2024-01-03', '2024-01-05', '1 day') g, date(g) d;
SELECT rfm_refresh('2024-01-05', 'newest'), target.last_run('newest');
SELECT rfm_drop_model('newest', true);

--
-- Customers that are gone stay where the model says so
--
SELECT rfm_create_model('stale', 'target.orders', 'target.stale', keep_stale => true);
SELECT rfm_refresh('2024-01-10', 'stale'), target.last_run('stale');
DELETE FROM target.orders WHERE customer_id = 10;
SELECT rfm_refresh('2024-01-10', 'stale');
SELECT count(*), count(*) FILTER (WHERE customer_id = 10) AS ten FROM target.stale;
UPDATE rfm_model SET keep_stale = false WHERE model = 'stale';
SELECT rfm_refresh('2024-01-10', 'stale');
SELECT count(*), count(*) FILTER (WHERE customer_id = 10) AS ten FROM target.stale;
SELECT rfm_drop_model('stale', true);

--
-- Names: mapped, quoted, and strange
--
SELECT rfm_create_model('mapped', 'target.orders', 'target.mapped', comment_rules => NULL,
    target_columns => '{"run_date": "Day", "customer_id": "Who", "recency_days": "Recency", "monetary_value": "select", "rfm_segment": "group by",
                        "created_at": null, "rfm_score": null, "rfm_cell": "cell;--", "r_score": "R\"score"}');
SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'target.mapped'::regclass AND attnum > 0 ORDER BY attnum;
SELECT rfm_refresh('2024-01-10', 'mapped'), target.last_run('mapped');
UPDATE target.orders SET total = total + 100 WHERE customer_id = 3;
DELETE FROM target.orders WHERE customer_id = 12;
SELECT rfm_refresh('2024-01-10', 'mapped');
SELECT target.wrong('mapped', 'target.mapped', '"Day", "Who"::text, "Recency", frequency_orders, "select", "R""score", f_score, m_score, "group by", "cell;--"',
                    'run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_segment, rfm_cell');
SELECT rfm_drop_model('mapped', true);
-- what is wrong in a mapping is said
SELECT rfm_create_model('mapped', 'target.orders', 'target.mapped', target_columns => '[1]');
SELECT rfm_create_model('mapped', 'target.orders', 'target.mapped', target_columns => '{"days": "x"}');
SELECT rfm_create_model('mapped', 'target.orders', 'target.mapped', target_columns => '{"r_score": 5}');
SELECT rfm_create_model('mapped', 'target.orders', 'target.mapped', target_columns => '{"customer_id": null}');
SELECT rfm_create_model('mapped', 'target.orders', 'target.mapped', target_columns => '{"r_score": "x", "f_score": "x"}');

-- quotes, spaces, capitals, an emoji, 63 bytes: schema, tables, columns, model
DO $$
DECLARE
    long text := rpad('sixty-three ', 63, 'x');
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'this test needs a database in UTF8';
    END IF;
    EXECUTE format('CREATE SCHEMA %I', $n$Tar"get 's; \ %s $1$n$);
    EXECUTE format('CREATE TABLE %I.%I (%I int, %I timestamptz, %I numeric, %I text, %I int)', $n$Tar"get 's; \ %s $1$n$, $n$Or.der"s 🛒$n$,
                   $n$Cust"omer 'Id$n$, $n$WHEN; drop $n$, $n$5 % of $total$n$, long, $n$Ordner Nr. "ß"$n$);
    EXECUTE format('INSERT INTO %I.%I SELECT i %% 9, timestamptz ''2024-01-01 12:00+00'' + i * interval ''3 hours'', i %% 13, CASE WHEN i %% 10 = 0 THEN ''it''''s "not"'' ELSE ''ok'' END, i / 2
                      FROM generate_series(1, 80) i', $n$Tar"get 's; \ %s $1$n$, $n$Or.der"s 🛒$n$);
    PERFORM rfm_create_model($n$Mod"el 'é'; 🛒$n$, format('%I.%I', $n$Tar"get 's; \ %s $1$n$, $n$Or.der"s 🛒$n$)::regclass,
                             format('%I.%I', $n$Tar"get 's; \ %s $1$n$, long),
                             customer => $n$Cust"omer 'Id$n$, ordered_at => $n$WHEN; drop $n$, amount => $n$5 % of $total$n$, order_id => $n$Ordner Nr. "ß"$n$,
                             filter => format('%I <> ''it''''s "not"''', long),
                             target_columns => jsonb_build_object('run_date', $n$Da"y$n$, 'customer_id', $n$ "who" $n$, 'monetary_value', long, 'rfm_segment', '🏆', 'logs', 'lo gs'));
    PERFORM rfm_refresh('2024-01-10', $n$Mod"el 'é'; 🛒$n$);
    EXECUTE format('UPDATE %I.%I SET %I = %I + 1 WHERE %I = 4', $n$Tar"get 's; \ %s $1$n$, $n$Or.der"s 🛒$n$, $n$5 % of $total$n$, $n$5 % of $total$n$, $n$Cust"omer 'Id$n$);
    EXECUTE format('DELETE FROM %I.%I WHERE %I = 5', $n$Tar"get 's; \ %s $1$n$, $n$Or.der"s 🛒$n$, $n$Cust"omer 'Id$n$);
    PERFORM rfm_refresh('2024-01-10', $n$Mod"el 'é'; 🛒$n$);
END
$$;
SELECT source, target, customer, ordered_at, amount, order_id, filter FROM rfm_model WHERE model LIKE 'Mod%' \gx
SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute, rfm_model
 WHERE attrelid = target::oid AND model LIKE 'Mod%' AND attnum > 0 ORDER BY attnum;
SELECT target.last_run(model) LIKE '+0 ~_ -1 =_' AS changed,
       target.wrong(model, target::text, $$"Da""y", " ""who"" "::text, recency_days, frequency_orders, "sixty-three xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "🏆", comments$$,
                    'run_date, customer_id, recency_days, frequency_orders, monetary_value, rfm_segment, comments')
  FROM rfm_model WHERE model LIKE 'Mod%';
SELECT rfm_drop_model(model, true) FROM rfm_model WHERE model LIKE 'Mod%';
DROP SCHEMA "Tar""get 's; \ %s $1" CASCADE;

DROP SCHEMA target CASCADE;
RESET datestyle;
RESET client_min_messages;

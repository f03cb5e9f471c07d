--
-- One shop in every kind of table that Citus has, against the same shop in a
-- plain one; run by scripts/citus.sh.  Every test is one line of output.
--
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS citus_columnar;
CREATE SCHEMA plain;
CREATE SCHEMA kinds;

CREATE TABLE plain.orders (tenant int, order_id bigint, customer_id bigint, created_at timestamptz, total numeric, price float8, status text);
INSERT INTO plain.orders
SELECT i % 3, i / 2, (i * 7919) % 211, timestamptz '2024-03-31 23:30+00' - (i * 104729 % 87600) * interval '5 minutes', (i * 15485863 % 1000019) / 100.0,
       (i * 15485863 % 1000019) / 300.0, CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END
  FROM generate_series(1::bigint, 3000) i;

-- ok, or FAILED and how
CREATE FUNCTION plain.verdict(name text, difference text) RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN difference = '' THEN 'ok: ' || name ELSE 'FAILED: ' || name || ': ' || difference END $$;

CREATE FUNCTION plain.is(name text, given text, expected text) RETURNS text LANGUAGE sql AS
$$ SELECT plain.verdict(name, CASE WHEN given IS NOT DISTINCT FROM expected THEN '' ELSE coalesce(given, 'null') || ' instead of ' || expected END) $$;

-- Refreshes kinds.NAME and the plain shop alike; the rows and the log must be the same
CREATE FUNCTION plain.compare(name text, expected_reading text, target text DEFAULT NULL, amount text DEFAULT 'total', order_id text DEFAULT NULL,
                              filter text DEFAULT 'status <> ''cancelled''', time_zone text DEFAULT 'America/Los_Angeles') RETURNS text
LANGUAGE plpgsql AS
$$
DECLARE
    way  text;
    n    bigint;
    said text := '';
    log  record;
BEGIN
    EXECUTE 'DROP TABLE IF EXISTS plain.rfm CASCADE';
    DELETE FROM rfm_model WHERE model IN ('plain', name);
    PERFORM set_config('rfm.latest_view', 'off', true);
    PERFORM rfm_create_model('plain', 'plain.orders', 'plain.rfm', amount => amount, order_id => order_id::name, filter => filter, time_zone => time_zone);
    PERFORM rfm_create_model(name, ('kinds.' || name)::regclass, coalesce(target, 'kinds.' || name || '_rfm'), amount => amount, order_id => order_id::name,
                             filter => filter, time_zone => time_zone);
    FOREACH way IN ARRAY '{first,again,changed}'::text[] LOOP
        PERFORM rfm_refresh('2024-03-30', 'plain');
        IF way = 'changed' THEN
            EXECUTE format('UPDATE %s SET m_score = 7 WHERE customer_id < 20', coalesce(target, 'kinds.' || name || '_rfm'));
            EXECUTE format('INSERT INTO %s (run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score)
                            VALUES (''2024-03-30'', -33, 0, 0, 0, 1, 1, 1, 3)', coalesce(target, 'kinds.' || name || '_rfm'));
        END IF;
        PERFORM rfm_refresh('2024-03-30', name);
        EXECUTE format('SELECT count(*) FROM (SELECT to_jsonb(t) - ''{created_at,updated_at}''::text[] FROM plain.rfm t) a FULL JOIN (SELECT to_jsonb(t) - ''{created_at,updated_at}''::text[] FROM %s t) b ON a = b
                         WHERE a IS NULL OR b IS NULL', coalesce(target, 'kinds.' || name || '_rfm')) INTO n;
        SELECT r.*, p.customers AS plain_customers, p.orders AS plain_orders, p.cut_points AS plain_cuts INTO log
          FROM (SELECT * FROM rfm_run WHERE model = name ORDER BY run_id DESC LIMIT 1) r, (SELECT * FROM rfm_run WHERE model = 'plain' ORDER BY run_id DESC LIMIT 1) p;
        said := concat_ws('; ', nullif(said, ''), CASE WHEN n > 0 THEN format('%s: %s rows differ', way, n) END,
                          CASE WHEN (log.customers, log.orders, log.cut_points) IS DISTINCT FROM (log.plain_customers, log.plain_orders, log.plain_cuts) THEN way || ': the log differs' END,
                          CASE WHEN log.reading <> expected_reading THEN format('%s: read as %s', way, log.reading) END,
                          CASE WHEN way = 'again' AND log.inserted + log.updated + log.deleted > 0 THEN 'again: rows were written' END,
                          CASE WHEN way = 'changed' AND (log.inserted > 0 OR log.updated <> 20 OR log.deleted <> 1) THEN format('changed: %s inserted, %s updated, %s deleted', log.inserted, log.updated, log.deleted) END);
    END LOOP;
    RETURN plain.verdict(name || coalesce(', ' || nullif(amount, 'total'), '') || coalesce(', ' || order_id, ''), said);
END
$$;

CREATE TABLE kinds.distributed (LIKE plain.orders);
SELECT FROM create_distributed_table('kinds.distributed', 'customer_id', shard_count => 4);
CREATE TABLE kinds.tenants (LIKE plain.orders);
SELECT FROM create_distributed_table('kinds.tenants', 'tenant', shard_count => 4, colocate_with => 'none');
CREATE TABLE kinds.by_order (LIKE plain.orders);
SELECT FROM create_distributed_table('kinds.by_order', 'order_id', shard_count => 4, colocate_with => 'none');
CREATE TABLE kinds.reference (LIKE plain.orders);
SELECT FROM create_reference_table('kinds.reference');
CREATE TABLE kinds.local (LIKE plain.orders);
SELECT FROM citus_add_local_table_to_metadata('kinds.local');
CREATE TABLE kinds.one_shard (LIKE plain.orders);
SELECT FROM create_distributed_table('kinds.one_shard', NULL, colocate_with => 'none');
CREATE VIEW kinds.view AS SELECT * FROM kinds.distributed WHERE status IS NOT NULL;
CREATE TABLE kinds.partitioned (LIKE plain.orders) PARTITION BY RANGE (created_at);
CREATE TABLE kinds.partitioned_old PARTITION OF kinds.partitioned FOR VALUES FROM ('2000-01-01') TO ('2024-01-01');
CREATE TABLE kinds.partitioned_new PARTITION OF kinds.partitioned FOR VALUES FROM ('2024-01-01') TO ('2030-01-01');
SELECT FROM create_distributed_table('kinds.partitioned', 'customer_id', shard_count => 4, colocate_with => 'none');
CREATE TABLE kinds.columnar (LIKE plain.orders) USING columnar;
SELECT FROM create_distributed_table('kinds.columnar', 'customer_id', shard_count => 4, colocate_with => 'none');
SET citus.enable_schema_based_sharding = on;
CREATE SCHEMA tenant_schema;
CREATE TABLE tenant_schema.orders (LIKE plain.orders);
RESET citus.enable_schema_based_sharding;
CREATE VIEW kinds.of_schema AS SELECT * FROM tenant_schema.orders;
INSERT INTO kinds.distributed SELECT * FROM plain.orders;
INSERT INTO kinds.tenants SELECT * FROM plain.orders;
INSERT INTO kinds.by_order SELECT * FROM plain.orders;
INSERT INTO kinds.reference SELECT * FROM plain.orders;
INSERT INTO kinds.local SELECT * FROM plain.orders;
INSERT INTO kinds.one_shard SELECT * FROM plain.orders;
INSERT INTO kinds.partitioned SELECT * FROM plain.orders;
INSERT INTO kinds.columnar SELECT * FROM plain.orders;
INSERT INTO tenant_schema.orders SELECT * FROM plain.orders;

SELECT plain.compare('distributed', 'grouped');
SELECT plain.compare('distributed', 'grouped', 'kinds.floats', 'price');
SELECT plain.compare('distributed', 'grouped', 'kinds.ids', 'total', 'order_id');
-- settings of the workers must not matter: their zone is another
SELECT plain.compare('distributed', 'grouped', 'kinds.zones', filter => 'created_at::date <> date ''2024-03-15'' AND created_at > timestamp ''2023-10-01''');
SELECT plain.compare('distributed', 'grouped', 'kinds.dates', filter => 'created_at::date < rfm_run_date() - 2');
SELECT plain.compare('tenants', 'grouped', filter => 'tenant = 1');
SELECT plain.compare('by_order', 'orders');
SELECT plain.compare('by_order', 'orders', 'kinds.by_order_floats', 'price');
SET rfm.grouped_reading = on;
SELECT plain.compare('by_order', 'grouped', 'kinds.by_order_grouped', 'price');
RESET rfm.grouped_reading;
SELECT plain.compare('reference', 'grouped');
SELECT plain.compare('local', 'grouped');
SELECT plain.compare('one_shard', 'grouped');
SELECT plain.compare('view', 'grouped');
SELECT plain.compare('partitioned', 'grouped');
SELECT plain.compare('columnar', 'grouped');
SELECT plain.compare('of_schema', 'grouped');

-- targets of every kind
CREATE TABLE kinds.to_reference (LIKE plain.rfm INCLUDING DEFAULTS INCLUDING INDEXES);
SELECT FROM create_reference_table('kinds.to_reference');
SELECT plain.compare('distributed', 'grouped', 'kinds.to_reference');
CREATE TABLE kinds.to_local (LIKE plain.rfm INCLUDING DEFAULTS INCLUDING INDEXES);
SELECT FROM citus_add_local_table_to_metadata('kinds.to_local');
SELECT plain.compare('distributed', 'grouped', 'kinds.to_local');
CREATE TABLE kinds.to_one_shard (LIKE plain.rfm INCLUDING DEFAULTS INCLUDING INDEXES);
SELECT FROM create_distributed_table('kinds.to_one_shard', NULL, colocate_with => 'none');
SELECT plain.compare('distributed', 'grouped', 'kinds.to_one_shard');
CREATE TABLE kinds.to_plain (LIKE plain.rfm INCLUDING DEFAULTS INCLUDING INDEXES);
SELECT plain.compare('distributed', 'grouped', 'kinds.to_plain');
CREATE TABLE tenant_schema.rfm (LIKE plain.rfm INCLUDING DEFAULTS INCLUDING INDEXES);
SELECT plain.compare('of_schema', 'grouped', 'tenant_schema.rfm');

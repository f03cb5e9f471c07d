-- customers of any type that can be hashed and sorted
CREATE SCHEMA kinds;
SET client_min_messages = warning;
CREATE DOMAIN kinds.id AS int CHECK (VALUE > 0);
CREATE TYPE kinds.tier AS ENUM ('zinc', 'aluminium', 'mercury');
CREATE TABLE kinds.orders (
    a_smallint smallint, a_domain kinds.id, an_enum kinds.tier, a_char char(5),
    a_varchar varchar(9) COLLATE "C", a_bytea bytea, a_numeric numeric, a_date date,
    a_timestamptz timestamptz, an_interval interval, an_array int[], an_inet inet,
    a_double double precision,
    created_at timestamp, total numeric);
INSERT INTO kinds.orders
SELECT i % 9, i % 7 + 1, (enum_range(NULL::kinds.tier))[i % 3 + 1], 'c' || i % 4,
       'v' || i % 6, decode('0' || to_hex(1000 + i % 5), 'hex'), round((i % 4 + 1) / 2.0, 1 + i % 3),
       date '2020-01-01' + i % 4, timestamptz '2020-01-01 00:00+00' + i % 50 * interval '1 day',
       i % 5 * interval '1 day', ARRAY[i % 3, NULL], ('10.0.0.' || i % 8)::inet,
       CASE WHEN i % 6 = 0 THEN '-0' ELSE i % 3 END::float8,
       timestamp '2024-01-01' + i * interval '7 hours', i / 3.0
  FROM generate_series(1, 300) i;

-- every type against the same query in SQL, on a first and on a second refresh
CREATE FUNCTION kinds.check(kind name) RETURNS TABLE (customers bigint, wrong bigint, unchanged bigint)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM rfm_create_model(kind, 'kinds.orders', 'kinds.t_' || kind, customer => kind);
    PERFORM rfm_refresh('2024-04-30', kind);
    PERFORM rfm_refresh('2024-04-30', kind);
    RETURN QUERY EXECUTE format($q$
        WITH expected AS (
            SELECT %1$I AS customer, date '2024-04-30' - max(created_at)::date AS recency,
                   count(*) AS frequency, sum(total) AS money
              FROM kinds.orders GROUP BY 1),
        scored AS (
            SELECT *, ntile(5) OVER (ORDER BY recency DESC, customer) AS r,
                   ntile(5) OVER (ORDER BY frequency, customer) AS f,
                   ntile(5) OVER (ORDER BY money, customer) AS m
              FROM expected)
        SELECT (SELECT count(*) FROM kinds.%2$I),
               (SELECT count(*) FROM scored s FULL JOIN kinds.%2$I t ON t.customer_id = s.customer
                 WHERE (t.recency_days, t.frequency_orders, t.monetary_value, t.r_score, t.f_score, t.m_score)
                       IS DISTINCT FROM (s.recency, s.frequency, s.money, s.r, s.f, s.m)),
               (SELECT l.unchanged FROM rfm_run l WHERE model = %1$L ORDER BY run_id DESC LIMIT 1)$q$,
        kind, 't_' || kind);
END $$;

SELECT kind, c.*
  FROM unnest(ARRAY['a_smallint', 'a_domain', 'an_enum', 'a_char', 'a_varchar', 'a_bytea', 'a_numeric', 'a_date',
                    'a_timestamptz', 'an_interval', 'an_array', 'an_inet', 'a_double']) AS kind,
       kinds.check(kind) c;

-- the target's column has the type of the source's, domain and collation included
SELECT attrelid::regclass, format_type(atttypid, atttypmod), collname
  FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = attcollation
 WHERE attname = 'customer_id' AND attrelid IN ('kinds.t_a_domain'::regclass, 'kinds.t_a_varchar'::regclass, 'kinds.t_an_enum'::regclass)
 ORDER BY 1::text;

-- equal but not identical: which of 1.5 and 1.50 is kept does not depend on the order of the rows
CREATE VIEW kinds.forth AS SELECT * FROM kinds.orders ORDER BY created_at;
CREATE VIEW kinds.back AS SELECT * FROM kinds.orders ORDER BY created_at DESC;
SELECT rfm_create_model('forth', 'kinds.forth', 'kinds.t_forth', customer => 'a_numeric');
SELECT rfm_create_model('back', 'kinds.back', 'kinds.t_back', customer => 'a_numeric');
SELECT count(*) FROM rfm_preview('2024-04-30', 'forth') f JOIN rfm_preview('2024-04-30', 'back') b ON f = b;

SELECT count(rfm_drop_model(model, true)) FROM rfm_model WHERE source::text LIKE 'kinds.%';
DROP SCHEMA kinds CASCADE;
RESET client_min_messages;

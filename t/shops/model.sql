--
-- Random shops: the model of a shop, over its orders, and its target
--
CREATE FUNCTION shops.create_model(s shops.shop, name text, source regclass, target text, columns jsonb, partition_by text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    seed     bigint := s.seed;
    -- one for all axes, or one each
    methods  text[] := ARRAY(SELECT shops.pick(seed, 'method' || CASE WHEN shops.rnd(seed, 'methods', 3) = 0 THEN axis::text ELSE '' END,
                                               'ntile', 'rank', 'quantile', 'percentile', 'breaks') FROM generate_series(1, 3) axis);
    k        int[] := ARRAY[2 + shops.rnd(seed, 'k1', 9), 2 + shops.rnd(seed, 'k2', 9), 2 + shops.rnd(seed, 'k3', 9)];
    rules    text[] := ARRAY[NULL, NULL]::text[];
    b        jsonb := '{}';
BEGIN
    IF shops.rnd(seed, 'one k', 3) = 0 THEN
        k := CASE shops.rnd(seed, 'five', 2) WHEN 0 THEN '{5}'::int[] ELSE ARRAY[k[1]] END;
    END IF;
    IF k = '{5}' THEN
        rules := ARRAY[shops.pick(seed, 'segments', 'sum5', 'traits5', 'classic11', NULL), shops.pick(seed, 'comments', 'traits5', 'classic11', 'sum5', NULL)];
    ELSIF shops.rnd(seed, 'own rules', 2) = 0 THEN
        -- rules of any kind, some of which never match
        INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('shop ' || name, k);
        INSERT INTO rfm_segment_rule (ruleset, priority, label, r, f, m, total)
        SELECT 'shop ' || name, p, 'label ' || p % 5,
               CASE WHEN shops.rnd(seed, 'r' || p, 2) = 0 THEN int4range(1 + shops.rnd(seed, 'rl' || p, k[1]), k[1], '[]') END,
               CASE WHEN shops.rnd(seed, 'f' || p, 2) = 0 THEN int4range(NULL, 1 + shops.rnd(seed, 'fu' || p, 2), '[]') END,
               CASE WHEN shops.rnd(seed, 'm' || p, 3) = 0 THEN int4range(1, 1 + shops.rnd(seed, 'mu' || p, 2), '[]') END,
               CASE WHEN shops.rnd(seed, 't' || p, 4) = 0 THEN int4range(3 + shops.rnd(seed, 'tl' || p, 3), NULL, '[]') END
          FROM generate_series(1, 1 + shops.rnd(seed, 'rules', 12)) p;
        rules[1] := 'shop ' || name;
    END IF;
    IF methods && '{breaks,percentile}' THEN
        -- some of them twice, some below or above all values
        SELECT jsonb_object_agg(axis, breaks) INTO b
          FROM (SELECT axis, jsonb_agg(x ORDER BY x) AS breaks
                  FROM (SELECT axis, CASE methods[axis] WHEN 'breaks' THEN shops.rnd(seed, format('break %s %s', axis, j), (ARRAY[s.days * 2, 24, 4 * s.amounts])[axis]) / 2.0
                                    ELSE (1 + shops.rnd(seed, format('break %s %s', axis, j), 999)) * (ARRAY[0.001, 0.000976563])[1 + j % 2] END AS x
                          FROM generate_series(1, 3) axis, generate_series(1, k[least(axis, cardinality(k))] - 1) j WHERE methods[axis] IN ('breaks', 'percentile')) v GROUP BY axis) w;
    END IF;
    PERFORM rfm_create_model(name, source, target,
        customer => CASE WHEN shops.rnd(seed, 'whose', 4) > 0 THEN 'customer_id'
                         WHEN s.key_kind IN ('int2', 'int4', 'int8', 'dense', 'domain') THEN 'abs(customer_id)'
                         WHEN s.key_kind IN ('text', 'utf8', 'long', 'text_c', 'german') THEN 'left(customer_id, 3)' ELSE '"customer_id"' END,
        ordered_at => shops.pick(seed, 'when', 'ordered at', 'ordered at', '"ordered at"', '"ordered at" - interval ''4 hours'''),
        amount => shops.pick(seed, 'amount', 'total', 'total', 'total::numeric * 2', $c$CASE WHEN status = 'paid' THEN total END$c$),
        order_id => CASE WHEN shops.rnd(seed, 'which', 4) = 0 AND s.order_type = 'text' THEN 'upper(order_id)'
                         WHEN shops.rnd(seed, 'which', 4) = 0 AND s.order_type = 'int4' THEN 'order_id % 5'
                         WHEN s.order_type IS NOT NULL THEN 'order_id' END,
        order_count => CASE shops.rnd(seed, 'counted', 6) WHEN 0 THEN $c$status <> 'sent'$c$ WHEN 1 THEN 'total > 0'
                            WHEN 2 THEN CASE WHEN s.order_type IS NULL THEN $c$CASE status WHEN 'paid' THEN 1 WHEN 'sent' THEN 3 ELSE 0 END$c$ END END,
        monetary => shops.pick(seed, 'money', 'sum', 'sum', 'average'),
        filter => shops.pick(seed, 'filter', NULL, NULL, $c$status <> 'cancelled'$c$, $c$total > 0 OR status = 'sent'$c$),
        score_within => shops.within(seed),
        method => CASE WHEN methods[1] = ALL (methods) AND shops.rnd(seed, 'one name', 4) > 0 THEN methods[1] ELSE methods::text END, buckets => k,
        r_breaks => (SELECT array_agg(v::numeric ORDER BY v::numeric) FROM jsonb_array_elements_text(b -> '1') v),
        f_breaks => (SELECT array_agg(v::numeric ORDER BY v::numeric) FROM jsonb_array_elements_text(b -> '2') v),
        m_breaks => (SELECT array_agg(v::numeric ORDER BY v::numeric) FROM jsonb_array_elements_text(b -> '3') v),
        lookback => shops.pick(seed, 'lookback', NULL, NULL, '1 day', '5 days', '1 mon', '1 mon 36:00:00')::interval,
        time_zone => s.zone, as_of => shops.pick(seed, 'as of', 'today', 'yesterday', 'latest_order', 'latest_order'),
        monetary_above => shops.pick(seed, 'above', NULL, NULL, NULL, '0', '5', '-1.005')::numeric,
        segment_rules => rules[1], comment_rules => rules[2], target_columns => columns,
        keep_stale => shops.rnd(seed, 'keep', 4) = 0,
        weights => CASE shops.rnd(seed, 'weights', 3) WHEN 0 THEN ARRAY[shops.rnd(seed, 'weight', 100) - 50, -1000000, 2000000000] ELSE '{100,10,1}' END,
        partition_by => create_model.partition_by, customer_index => shops.rnd(seed, 'customer index', 3) = 0);
END
$$;

-- What customers are scored within, seldom anything; a customer is in many groups, some of them tiny
CREATE FUNCTION shops.within(seed bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS
$$
    SELECT shops.pick(seed, 'within', NULL, NULL, NULL, NULL, 'status', 'length(status)', 'CASE WHEN total > 3 THEN 3 WHEN total > 0 THEN 1 END', $c$nullif(status, 'sent')::varchar$c$,
                      'md5(status || (total > 2)::text)::uuid')
$$;

CREATE FUNCTION shops.pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

-- The customer column of a target that stands already: mostly the source's, else one that holds the same customers
-- otherwise.  None of these takes two customers of the generator for one.
CREATE FUNCTION shops.target_type(s shops.shop) RETURNS text
LANGUAGE sql STABLE AS
$$
    SELECT CASE WHEN shops.rnd(s.seed, 'target type', 2) = 0 THEN k.type
                WHEN k.kind IN ('int2', 'int4') THEN shops.pick(s.seed, 'other', 'int8', 'numeric', 'numeric(10,0)', 'text', 'varchar(20)')
                WHEN k.whole THEN shops.pick(s.seed, 'other', 'numeric', 'numeric(30,2)', 'text COLLATE shops.german', 'shops.customer_text')
                WHEN k.kind = 'no_case' THEN 'varchar(80) COLLATE shops.no_case'
                -- these have no capitals
                WHEN k.kind IN ('text_c', 'german') AND shops.rnd(s.seed, 'folded', 2) = 0 THEN 'text COLLATE shops.no_case'
                WHEN k.kind IN ('text', 'text_c', 'german') THEN shops.pick(s.seed, 'other', 'text COLLATE "C"', 'text COLLATE shops.german', 'varchar(60)', 'shops.customer_text')
                WHEN k.kind IN ('utf8', 'long') THEN shops.pick(s.seed, 'other', 'text COLLATE "C"', 'varchar(2000) COLLATE shops.german')
                WHEN k.kind = 'varchar' THEN shops.pick(s.seed, 'other', 'varchar(12)', 'text', 'char(14)')
                WHEN k.kind = 'char' THEN shops.pick(s.seed, 'other', 'char(8)', 'varchar(12)', 'text')
                WHEN k.kind = 'numeric' THEN shops.pick(s.seed, 'other', 'numeric(12,2)', 'numeric(20,6)')
                WHEN k.kind = 'huge' THEN shops.pick(s.seed, 'other', 'numeric(60,3)', 'text')
                WHEN k.kind = 'float8' THEN shops.pick(s.seed, 'other', 'numeric', 'numeric(12,3)', 'float4')
                WHEN k.kind = 'date' THEN shops.pick(s.seed, 'other', 'timestamp', 'text')
                WHEN k.kind = 'moment' THEN shops.pick(s.seed, 'other', 'timestamptz(0)', 'timestamptz(3)')
                WHEN k.kind = 'uuid' THEN 'text' WHEN k.kind = 'bytea' THEN 'text' WHEN k.kind = 'inet' THEN 'text'
                ELSE k.type END
      FROM shops.key_kind k WHERE kind = s.key_kind
$$;

-- A target that stands already, with or without what the executor must see to
CREATE FUNCTION shops.create_target(s shops.shop, type text) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    by_date CONSTANT bool := s.stands = 'partitioned by date' AND s.dated;
    by_hash CONSTANT bool := s.stands IN ('partitioned', 'partition with a trigger');
BEGIN
    EXECUTE format('CREATE TABLE shops.target (note text DEFAULT %L, score_group text NOT NULL DEFAULT ''all'', %s customer_id %s, recency_days int, frequency_orders bigint,
                        monetary_value %s, r_score int2, f_score int, m_score int8, rfm_score int, rfm_segment varchar, comments text,
                        rfm_cell text, rfm_weighted bigint, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now()) %s',
                   'own', CASE WHEN s.dated THEN 'run_date date NOT NULL,' ELSE '' END, type,
                   CASE WHEN s.amount_kind ~ '^float' THEN 'float8' ELSE 'numeric' END,
                   CASE WHEN by_hash THEN 'PARTITION BY HASH (customer_id)' WHEN by_date THEN 'PARTITION BY RANGE (run_date)' ELSE '' END);
    -- an index may take the bytes of text where its column does
    EXECUTE format('CREATE UNIQUE INDEX ON shops.target (customer_id %s %s %s)',
                   CASE WHEN NOT by_hash AND type ~ '^(text|varchar)' AND type !~ 'no_case' THEN shops.pick(s.seed, 'key', '', 'COLLATE "C"', 'COLLATE "C" text_pattern_ops') END,
                   CASE WHEN shops.within(s.seed) IS NOT NULL THEN ', score_group' END, CASE WHEN s.dated THEN ', run_date' END);
    IF by_hash THEN
        CREATE TABLE shops.target_1 PARTITION OF shops.target FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE shops.target_2 PARTITION OF shops.target FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    ELSIF by_date THEN
        PERFORM shops.create_partitions(s);
    ELSIF s.stands = 'indexed' THEN
        CREATE INDEX ON shops.target (rfm_cell, monetary_value);
    END IF;
    IF s.stands ~ 'trigger' THEN
        EXECUTE format('CREATE TRIGGER pass BEFORE INSERT OR UPDATE ON shops.%I FOR EACH ROW EXECUTE FUNCTION shops.pass()', CASE WHEN by_hash THEN 'target_2' ELSE 'target' END);
    END IF;
    IF s.secured IS NOT NULL THEN
        EXECUTE format('ALTER TABLE shops.target OWNER TO %I', shops.owner(s));
    END IF;
END
$$;

-- Partitions by date: one whose columns stand otherwise, perhaps with a trigger, and the default one
CREATE FUNCTION shops.create_partitions(s shops.shop) RETURNS void
LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE (SELECT format('CREATE TABLE shops.target_1 (gone int, %s)',
                           string_agg(format('%I %s %s', attname, format_type(atttypid, atttypmod), 'COLLATE ' || nullif(attcollation, 0)::regcollation) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END,
                                      ', ' ORDER BY attnum DESC))
               FROM pg_attribute WHERE attrelid = 'shops.target'::regclass AND attnum > 0);
    ALTER TABLE shops.target_1 DROP gone;
    EXECUTE format('ALTER TABLE shops.target ATTACH PARTITION shops.target_1 FOR VALUES FROM (%L) TO (%L)', s.start - 1, s.start + 1);
    CREATE TABLE shops.target_2 PARTITION OF shops.target DEFAULT;
    IF shops.rnd(s.seed, 'trigger', 2) = 0 THEN
        CREATE TRIGGER pass BEFORE INSERT OR UPDATE ON shops.target_1 FOR EACH ROW EXECUTE FUNCTION shops.pass();
    END IF;
END
$$;

-- The same ids as numeric, the same money with thirty decimals: never the fast way
CREATE FUNCTION shops.create_twin(s shops.shop) RETURNS void
LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM set_config('role', shops.owner(s), true);
    EXECUTE format('CREATE VIEW shops.slow_orders AS SELECT %s AS customer_id, "ordered at", %s AS total, order_id, status FROM shops.orders',
                   CASE WHEN (SELECT whole FROM shops.key_kind WHERE kind = s.key_kind) THEN 'customer_id::numeric' ELSE 'customer_id' END,
                   CASE WHEN (SELECT exact FROM shops.amount_kind WHERE kind = s.amount_kind) THEN 'total::numeric + 0.000000000000000000000000000000' ELSE 'total' END);
    PERFORM shops.create_model(s, 'twin', 'shops.slow_orders', 'shops.twin_target', NULL);
    PERFORM set_config('role', 'none', true);
END
$$;

CREATE FUNCTION shops.clear() RETURNS void
LANGUAGE plpgsql AS
$$
BEGIN
    DELETE FROM rfm_model WHERE model IN ('shop', 'twin');
    DELETE FROM rfm_run WHERE model IN ('shop', 'twin');
    DELETE FROM rfm_ruleset WHERE ruleset IN ('shop shop', 'shop twin');
    DROP TABLE IF EXISTS shops.target, shops.twin_target CASCADE;
    DROP VIEW IF EXISTS shops.slow_orders;
    DROP TABLE IF EXISTS shops.orders;
END
$$;

CREATE FUNCTION shops.build(s shops.shop, alike bool DEFAULT false) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    type text := (SELECT k.type FROM shops.key_kind k WHERE kind = s.key_kind);
BEGIN
    PERFORM shops.clear();
    PERFORM shops.hide(s.seed, 'at first');
    EXECUTE format('CREATE TABLE shops.orders (customer_id %s, "ordered at" %s, total %s, order_id %s, status text) %s',
                   type, s.time_type, (SELECT a.type FROM shops.amount_kind a WHERE a.kind = s.amount_kind), coalesce(s.order_type, 'int4'),
                   CASE WHEN s.partitioned THEN 'PARTITION BY LIST (status)' ELSE 'WITH (parallel_workers = 2)' END);
    IF s.partitioned THEN
        CREATE TABLE shops.orders_paid PARTITION OF shops.orders FOR VALUES IN ('paid') WITH (parallel_workers = 2);
        CREATE TABLE shops.orders_else PARTITION OF shops.orders DEFAULT WITH (parallel_workers = 2);
    END IF;
    PERFORM shops.fill(s, 1, s.customers * s.orders);
    ANALYZE shops.orders;
    PERFORM shops.secure(s);
    IF s.stands <> 'new' THEN
        PERFORM shops.create_target(s, CASE WHEN alike THEN type ELSE shops.target_type(s) END);
    END IF;
    PERFORM set_config('role', shops.owner(s), true);
    PERFORM shops.create_model(s, 'shop', 'shops.orders', 'shops.target', CASE WHEN NOT s.dated THEN '{"run_date": null}'::jsonb END,
        CASE WHEN s.stands = 'new' AND s.dated THEN shops.pick(s.seed, 'partition by', NULL, 'month', 'day') END);
    PERFORM set_config('role', 'none', true);
    IF s.stands = 'new' THEN
        ALTER TABLE shops.target ADD IF NOT EXISTS score_group text NOT NULL DEFAULT 'all', ADD rfm_cell text, ADD rfm_weighted bigint, ADD IF NOT EXISTS rfm_segment text, ADD IF NOT EXISTS comments text;
    END IF;
END
$$;

-- What happens between two refreshes: rows of the target go, or are changed by
-- others; orders come and go
CREATE FUNCTION shops.disturb(s shops.shop, alike bool DEFAULT false) RETURNS void
LANGUAGE plpgsql AS
$$
BEGIN
    DELETE FROM shops.target WHERE shops.rnd(s.seed, 'gone ' || customer_id::text, 4) = 0;
    UPDATE shops.target SET m_score = 1 + shops.rnd(s.seed, customer_id::text, 2), comments = nullif(comments, 'Champions')
     WHERE shops.rnd(s.seed, 'changed ' || customer_id::text, 5) = 0;
    -- what has no customer is in no snapshot
    IF NOT alike AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shops.target'::regclass AND attname = 'customer_id' AND attnotnull) THEN
        INSERT INTO shops.target SELECT (jsonb_populate_record(t, '{"customer_id": null}')).* FROM shops.target t, generate_series(1, 2) WHERE shops.rnd(s.seed, 'nobody ' || customer_id::text, 9) = 0;
    END IF;
    DELETE FROM shops.orders WHERE shops.rnd(s.seed, 'dropped ' || customer_id::text, 6) = 0;
    PERFORM shops.fill(s, s.customers * s.orders + 1, s.customers * s.orders + shops.rnd(s.seed, 'more', s.customers / 2 + 2));
END
$$;

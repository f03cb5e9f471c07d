--
-- Random shops: the generator.  Everything follows from the seed and a name.
--
CREATE FUNCTION shops.rnd(seed bigint, what text, n int) RETURNS int
LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashtextextended(what, seed) % n + n) % n)::int $$;
CREATE FUNCTION shops.pick(seed bigint, what text, VARIADIC choices text[]) RETURNS text
LANGUAGE sql IMMUTABLE AS
$$ SELECT choices[1 + shops.rnd(seed, what, cardinality(choices))] $$;

-- Collations that are not there on every server
DO $$
BEGIN
    CREATE COLLATION shops.no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE COLLATION shops.german (provider = icu, locale = 'de-u-kn-true');
EXCEPTION WHEN OTHERS THEN
    CREATE COLLATION shops.no_case FROM "C";
    CREATE COLLATION shops.german FROM "C";
END
$$;
CREATE DOMAIN shops.customer_no AS int8 CHECK (VALUE < 1000000);
CREATE DOMAIN shops.price AS numeric;
CREATE DOMAIN shops.customer_text AS varchar(60) COLLATE "C" CHECK (VALUE <> '');

-- Ids of customers: a column type, and the id of customer c in row i
CREATE TABLE shops.key_kind (kind text PRIMARY KEY, type text, id text, whole bool);
INSERT INTO shops.key_kind VALUES
    ('int2', 'int2', 'c * 5 - 12000', true),
    ('int4', 'int4', '(c - 7) * 400009', true),
    ('int8', 'int8', 'c * 1844674407370955 - 4611686018427387904', true),
    ('dense', 'int8', 'c', true),
    ('domain', 'shops.customer_no', '-c', true),
    ('text', 'text', $$chr(65 + c % 58) || substr(md5(c::text), 1, c % 12) || c$$, false),
    ('utf8', 'text', $$chr(192 + c % 9000) || ' ' || c$$, false),
    ('long', 'text', $$repeat(md5(c::text), 1 + c % 40) || c$$, false),
    ('text_c', 'text COLLATE "C"', $$substr(md5(c::text), 1, 6) || c$$, false),
    ('german', 'text COLLATE shops.german', $$chr(228 + c % 26) || c$$, false),
    ('no_case', 'text COLLATE shops.no_case', $$CASE WHEN i % 3 = 0 THEN upper(md5(c::text)) ELSE md5(c::text) END$$, false),
    ('varchar', 'varchar(40)', $$'K-' || c % 17 || '/' || c$$, false),
    ('char', 'char(12)', $$c % 7 || 'x' || c$$, false),
    ('uuid', 'uuid', $$md5('u' || c)$$, false),
    ('numeric', 'numeric', $$(c * 25)::numeric / 100 + CASE WHEN i % 2 = 0 THEN 0.000 ELSE 0 END$$, false),
    ('huge', 'numeric', $$c * 1e40 - 2e43$$, false),
    ('float8', 'float8', $$(c - 50) / 8.0$$, false),
    ('date', 'date', $$date '1900-01-01' + c * 3$$, false),
    ('moment', 'timestamptz', $$timestamptz '1999-12-31 23:59:59.5+00' + c * interval '11 hours'$$, false),
    ('bytea', 'bytea', $$decode(substr(md5(c::text), 1, 2 * (c % 16)) || lpad(to_hex(c), 6, '0'), 'hex')$$, false),
    ('inet', 'inet', $$('10.' || c / 65536 || '.' || c / 256 % 256 || '.' || c % 256)::inet$$, false);

-- Amounts: a column type, and one of them from the number a below n
CREATE TABLE shops.amount_kind (kind text PRIMARY KEY, type text, amount text, exact bool);
INSERT INTO shops.amount_kind VALUES
    ('int2', 'int2', 'a - n / 4', true),
    ('int4', 'int4', '(a - n / 4) * 99991', true),
    ('int8', 'int8', '(a - n / 4)::int8 * 1000000007', true),
    ('int8_wide', 'int8', '(a - n / 2)::int8 * (9223372036854775807 / n)', true),
    ('cents', 'numeric(12,2)', '(a - n / 4) * 0.01', true),
    ('mixed', 'numeric', '(a - n / 4) * (ARRAY[1, 0.1, 0.010, 0.001, 1.0000])[1 + i % 5]', true),
    ('scales', 'numeric', 'round((a - n / 4)::numeric / 7, (i % 14)::int)', true),
    ('tiny', 'numeric', '(a - n / 4) * 1e-25', true),
    ('vast', 'numeric', '(a - n / 2) * 1e70 + i % 3', true),
    ('leap', 'shops.price', 'CASE WHEN i % 7 = 0 THEN (a - n / 2) * 1e22 ELSE a * 0.5 END', true),
    ('float4', 'float4', '(a - n / 4) / 8.0', false),
    ('float8', 'float8', '(a - n / 4) / 64.0', false);

CREATE TYPE shops.shop AS (
    seed bigint, key_kind text, amount_kind text, time_type text, customers int, days int, orders int, amounts int, nulls int,
    order_type text, start date, zone text, bad bool,
    stands text,        -- the target that stands already, or 'new'
    dated bool,         -- does the target have a run date?
    partitioned bool,   -- the orders
    secured text);      -- row security of the orders

CREATE FUNCTION shops.draw(seed bigint) RETURNS shops.shop
LANGUAGE sql STABLE AS
$$
    SELECT seed,
           (SELECT kind FROM shops.key_kind ORDER BY shops.rnd(seed, kind, 1000000), kind LIMIT 1),
           (SELECT kind FROM shops.amount_kind ORDER BY shops.rnd(seed, kind, 1000000), kind LIMIT 1),
           shops.pick(seed, 'time type', 'date', 'timestamp', 'timestamptz', 'timestamptz'),
           -- many small ones, some of a few customers, some that do not fit into 64 kB
           CASE shops.rnd(seed, 'size', 8) WHEN 0 THEN shops.rnd(seed, 'customers', 4) WHEN 1 THEN 1000 + shops.rnd(seed, 'customers', 4001)
                ELSE shops.rnd(seed, 'customers', 250) END,
           shops.pick(seed, 'days', '1', '2', '6', '40', '400')::int,
           shops.pick(seed, 'orders', '1', '2', '4', '9')::int,
           shops.pick(seed, 'amounts', '1', '2', '5', '60', '5000')::int,
           shops.pick(seed, 'nulls', '7', '60', '1000000')::int,
           shops.pick(seed, 'order type', NULL, NULL, NULL, 'int4', 'text', 'uuid', 'numeric'),
           shops.pick(seed, 'start', '2024-03-31', '2024-10-27', '1999-12-31', '2011-12-31', '0044-03-15 BC', '4712-06-01 BC', '294270-01-01')::date,
           shops.pick(seed, 'zone', 'UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Apia', 'Africa/Monrovia', '+13:30', 'America/St_Johns',
                      '-03', '-0930', '+14', 'Z', 'Etc/GMT+8', 'EST5EDT', 'europe/berlin'),
           shops.rnd(seed, 'bad', 25) = 0,
           shops.pick(seed, 'target', 'new', 'new', 'plain', 'plain', 'trigger', 'partitioned', 'partition with a trigger', 'partitioned by date', 'indexed'),
           shops.rnd(seed, 'dated', 5) > 0,
           shops.rnd(seed, 'partitioned orders', 6) = 0,
           shops.pick(seed, 'secured', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'setting', 'function', 'role', 'forced', 'owner', 'bypass')
$$;

-- Row security: whom the model belongs to, and what it sees.  The policy depends on
-- a setting of the session, in itself or in a function; on the role alone; or it does not
-- apply to the model's owner.
DO $$
BEGIN
    CREATE ROLE shops_owner;
    CREATE ROLE shops_bypass BYPASSRLS;
EXCEPTION WHEN duplicate_object THEN
END
$$;
GRANT ALL ON SCHEMA shops TO shops_owner, shops_bypass;
GRANT SELECT ON ALL TABLES IN SCHEMA shops TO shops_owner, shops_bypass;

CREATE FUNCTION shops.owner(s shops.shop) RETURNS text
LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN s.secured = 'bypass' THEN 'shops_bypass' WHEN s.secured IS NULL THEN 'none' ELSE 'shops_owner' END $$;

CREATE FUNCTION shops.visible(status text) RETURNS bool
LANGUAGE plpgsql STABLE AS
$$ BEGIN RETURN current_setting('shops.hidden') NOT IN (status, 'all'); END $$;

CREATE FUNCTION shops.secure(s shops.shop) RETURNS void
LANGUAGE plpgsql AS
$$
BEGIN
    IF s.secured IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT SELECT ON shops.orders TO %I', shops.owner(s));
    EXECUTE format('CREATE POLICY seen ON shops.orders FOR SELECT TO %I USING (%s)', shops.owner(s),
                   CASE s.secured WHEN 'setting' THEN $c$current_setting('shops.hidden') NOT IN (status, 'all')$c$ WHEN 'function' THEN 'shops.visible(status)'
                                  WHEN 'role' THEN $c$status <> 'sent'$c$ WHEN 'forced' THEN $c$status = 'paid'$c$ ELSE 'false' END);
    ALTER TABLE shops.orders ENABLE ROW LEVEL SECURITY;
    IF s.secured IN ('forced', 'owner') THEN
        ALTER TABLE shops.orders OWNER TO shops_owner;
    END IF;
    IF s.secured = 'forced' THEN
        ALTER TABLE shops.orders FORCE ROW LEVEL SECURITY;
    END IF;
END
$$;

-- What a policy that asks for it hides from now on
CREATE FUNCTION shops.hide(seed bigint, what text) RETURNS void
LANGUAGE sql AS
$$ SELECT set_config('shops.hidden', shops.pick(seed, 'hidden ' || what, 'nothing', 'sent', 'paid', 'cancelled', 'sent', 'all'), false) $$;

-- Rows of orders from some numbers on
CREATE FUNCTION shops.fill(s shops.shop, first int, until int) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    k shops.key_kind;
    a shops.amount_kind;
BEGIN
    SELECT * INTO STRICT k FROM shops.key_kind WHERE kind = s.key_kind;
    SELECT * INTO STRICT a FROM shops.amount_kind WHERE kind = s.amount_kind;
    EXECUTE format($sql$
        INSERT INTO shops.orders
        SELECT CASE WHEN shops.rnd(%1$s, 'no customer ' || i, %2$s) > 0 THEN CAST(%3$s AS %4$s) END,
               CASE WHEN shops.rnd(%1$s, 'no time ' || i, %2$s) > 0
                    -- a date mistyped by decades, now and then
                    THEN CASE shops.rnd(%1$s, 'stray ' || i, 300) WHEN 0 THEN date '2062-05-17' ELSE %5$L::date - d END::timestamp + (shops.rnd(%1$s, 'second ' || i, 86400) || 's')::interval END::%6$s,
               CASE WHEN shops.rnd(%1$s, 'no amount ' || i, %2$s) > 0 THEN CAST(%7$s AS %8$s) END,
               CASE WHEN shops.rnd(%1$s, 'no order ' || i, %2$s) > 0 THEN %9$s END,
               shops.pick(%1$s, 'status ' || i, 'paid', 'paid', 'sent', 'cancelled')
          FROM (SELECT i, 1 + i %% %10$s AS c, shops.rnd(%1$s, 'amount ' || i, %11$s) AS a, %11$s AS n, shops.rnd(%1$s, 'day ' || i, %12$s + 2) - 2 AS d
                  FROM generate_series(%13$s, %14$s) i) x
    $sql$, s.seed, s.nulls, k.id, regexp_replace(k.type, ' COLLATE.*', ''), s.start, s.time_type, a.amount, a.type,
        format(CASE s.order_type WHEN 'text' THEN $c$'O' || %s$c$ WHEN 'uuid' THEN 'md5(%s::text)::uuid' ELSE '%s' END,
               format($c$shops.rnd(%s, 'order ' || i, %s)$c$, s.seed, 3 * s.orders)), GREATEST(s.customers, 1), s.amounts, s.days, first, until);
END
$$;

--
-- Random shops on Citus: the orders of a local table, against the same orders
-- in a distributed one, grouped where they lie and read one by one.
--
-- Takes the other files of t/shops, on a coordinator.  CALL
-- shops.run_distributed(first, n) fills shops.distributed, and shops.failure.
--
CREATE TABLE shops.distributed (seed bigint PRIMARY KEY, customers bigint, outcome text);

-- Both tables again, and again the same as native
CREATE FUNCTION shops.compare_distributed(s shops.shop, what text, day date) RETURNS bigint
LANGUAGE plpgsql AS
$$
DECLARE
    wide  bool := s.amount_kind IN ('tiny', 'vast', 'leap', 'scales');
    name  text;
    said  bigint;
    other bigint;
BEGIN
    said := rfm_refresh(day, 'shop');
    PERFORM set_config('rfm.grouped_reading', shops.pick(s.seed, what || ' grouped', 'auto', 'on', 'off'), true);
    other := rfm_refresh(day, 'distributed');
    DROP TABLE IF EXISTS written, logged;
    CREATE TEMP TABLE written (model text, line text);
    FOREACH name IN ARRAY '{target,target_d}'::text[] LOOP
        EXECUTE format('INSERT INTO written SELECT %L, (to_jsonb(t) - ''{created_at,updated_at}''::text[]
                            || CASE WHEN %L THEN jsonb_build_object(''monetary_value'', trim_scale(t.monetary_value::numeric)) ELSE ''{}'' END)::text
                          FROM shops.%I t', name, wide, name);
    END LOOP;
    CREATE TEMP TABLE logged AS
        SELECT DISTINCT ON (model) model, concat_ws(' ', customers, orders, inserted, updated, deleted, unchanged, CASE WHEN NOT wide THEN cut_points END) AS line
          FROM rfm_run WHERE model IN ('shop', 'distributed') ORDER BY model, run_id DESC;
    PERFORM shops.must_equal(what || ': rows', $q$SELECT line FROM written WHERE model = 'target_d'$q$, $q$SELECT line FROM written WHERE model = 'target'$q$);
    PERFORM shops.must_equal(what || ': log', $q$SELECT line FROM logged WHERE model = 'distributed'$q$, $q$SELECT line FROM logged WHERE model = 'shop'$q$);
    IF said <> other THEN
        RAISE EXCEPTION '%: % customers instead of %', what, other, said;
    END IF;
    RETURN said;
END
$$;

-- Columns that Citus does not distribute by are no fault of ours
CREATE FUNCTION shops.distribute(s shops.shop) RETURNS text
LANGUAGE plpgsql AS
$$
BEGIN
    CREATE TABLE shops.orders_d (LIKE shops.orders);
    CREATE TABLE shops.target_d (LIKE shops.target INCLUDING DEFAULTS INCLUDING INDEXES);
    BEGIN
        PERFORM create_distributed_table('shops.orders_d', 'customer_id', shard_count => 4);
        PERFORM create_distributed_table('shops.target_d', 'customer_id', colocate_with => 'shops.orders_d');
    EXCEPTION WHEN undefined_function OR feature_not_supported OR invalid_parameter_value OR undefined_object THEN
        RETURN SQLERRM;
    END;
    INSERT INTO shops.orders_d SELECT * FROM shops.orders WHERE customer_id IS NOT NULL;
    DELETE FROM shops.orders WHERE customer_id IS NULL;
    INSERT INTO rfm_model OVERRIDING USER VALUE
    SELECT (jsonb_populate_record(m, jsonb_build_object('model', 'distributed', 'source', 'shops.orders_d', 'target', 'shops.target_d'))).*
      FROM rfm_model m WHERE model = 'shop';
    RETURN NULL;
END
$$;

CREATE FUNCTION shops.run_one_distributed(seed bigint) RETURNS void
LANGUAGE plpgsql
SET client_min_messages = error
SET timezone = 'America/Sao_Paulo'
AS
$$
DECLARE
    s       shops.shop := shops.draw(seed);
    day     date := s.start - shops.rnd(seed, 'back', 3);
    outcome text;
    size    bigint;
BEGIN
    -- Citus distributes no policies with a table
    s.secured := NULL;
    PERFORM shops.build(s, alike => true);
    outcome := shops.distribute(s);
    IF outcome IS NULL THEN
        size := shops.compare_distributed(s, 'first refresh', day);
        PERFORM shops.compare_distributed(s, 'the same again', day);
        -- customers go, others change
        DELETE FROM shops.orders WHERE shops.rnd(seed, 'dropped ' || customer_id::text, 6) = 0 OR total::text LIKE '%1%';
        TRUNCATE shops.orders_d;
        INSERT INTO shops.orders_d SELECT * FROM shops.orders;
        PERFORM shops.compare_distributed(s, 'after changes', day);
    END IF;
    INSERT INTO shops.distributed VALUES (seed, size, coalesce(outcome, 'compared'));
END
$$;

CREATE PROCEDURE shops.run_distributed(first bigint, n int)
LANGUAGE plpgsql AS
$$
DECLARE
    message text;
    detail  text;
    context text;
BEGIN
    FOR seed IN first .. first + n - 1 LOOP
        BEGIN
            PERFORM shops.run_one_distributed(seed);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
            INSERT INTO shops.failure VALUES (seed, message, detail, context);
        END;
        COMMIT;
        DELETE FROM rfm_model WHERE model = 'distributed';
        DROP TABLE IF EXISTS shops.orders_d, shops.target_d CASCADE;
        COMMIT;
    END LOOP;
END
$$;

--
-- Random shops: rfm against the reference, every way it can take
--
CREATE FUNCTION shops.use_settings(work_mem text, workers int, leader text, grouped text DEFAULT 'off') RETURNS void
LANGUAGE sql AS
$$
    SELECT set_config(name, value, true)
      FROM (VALUES ('rfm.grouped_reading', grouped), ('rfm.work_mem', work_mem), ('max_parallel_workers_per_gather', workers::text), ('rfm.max_workers', '8'), ('parallel_leader_participation', leader),
                   ('min_parallel_table_scan_size', '0'), ('parallel_setup_cost', '0'), ('parallel_tuple_cost', '0')) v(name, value)
$$;

-- Two queries must give the same rows; the error shows the first that differ
CREATE FUNCTION shops.must_equal(what text, given text, expected text) RETURNS void
LANGUAGE plpgsql
SET max_parallel_workers_per_gather = 0
AS
$$
DECLARE
    n     bigint;
    found text;
BEGIN
    EXECUTE format('SELECT count(*), string_agg(d::text, E''\n'') FILTER (WHERE nr <= 8)
                      FROM (SELECT *, row_number() OVER (ORDER BY d::text) AS nr
                              FROM ((SELECT ''given'' AS side, * FROM (%1$s EXCEPT ALL %2$s) g) UNION ALL (SELECT ''expected'', * FROM (%2$s EXCEPT ALL %1$s) e)) d) d',
                   given, expected) INTO n, found;
    IF n > 0 THEN
        RAISE EXCEPTION '%: % rows differ', what, n USING DETAIL = found;
    END IF;
END
$$;

CREATE FUNCTION shops.compare_previews(s shops.shop, models text[], day date, asked date) RETURNS int
LANGUAGE plpgsql AS
$$
DECLARE
    common CONSTANT text := 'recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment, comments, rfm_cell, rfm_weighted';
    v      record;
    done   int := 0;
BEGIN
    -- starting workers takes longer than most shops: those ways are drawn less often
    FOR v IN SELECT * FROM unnest(models) model,
                           (VALUES ('1GB', 0, 'on', 'off', 2), ('64kB', 0, 'on', 'off', 2), ('1GB', 2, 'off', 'off', 9), ('1GB', 2, 'on', 'off', 13), ('64kB', 2, 'off', 'off', 9), ('64kB', 2, 'on', 'off', 13),
                                   ('1GB', 0, 'on', 'on', 2), ('64kB', 0, 'on', 'on', 5), ('1GB', 2, 'on', 'on', 13)) w(work_mem, workers, leader, grouped, seldom)
              WHERE shops.rnd(s.seed, format('way %s %s %s %s %s', model, work_mem, workers, leader, grouped), seldom) = 0 LOOP
        PERFORM shops.use_settings(v.work_mem, v.workers, v.leader, v.grouped);
        DROP TABLE IF EXISTS given;
        CREATE TEMP TABLE given AS SELECT * FROM rfm_preview(asked, v.model);
        PERFORM shops.must_equal(format('preview of %s with rfm.work_mem %s, %s workers, leader %s, grouped_reading %s', v.model, v.work_mem, v.workers, v.leader, v.grouped),
            format('SELECT run_date, coalesce(score_group, ''all''), CAST(customer_id AS %s), %s FROM given', (SELECT regexp_replace(type, ' COLLATE.*', '') FROM shops.key_kind WHERE kind = s.key_kind), common),
            'SELECT run_date, score_group, customer_id, ' || common || ' FROM expected');
        done := done + 1;
    END LOOP;
    RETURN done;
END
$$;

-- Fills table "wanted": what is expected, customers as an INSERT makes them of the target's type
CREATE FUNCTION shops.convert_expected() RETURNS void
LANGUAGE plpgsql
SET datestyle = 'ISO, YMD'
SET bytea_output = 'hex'
SET extra_float_digits = 1
AS
$$
BEGIN
    DROP TABLE IF EXISTS wanted;
    EXECUTE (SELECT format('CREATE TEMP TABLE wanted AS SELECT CAST(customer_id AS %s) %s AS who, * FROM expected',
                           format_type(a.atttypid, a.atttypmod), 'COLLATE ' || nullif(a.attcollation, 0)::regcollation)
               FROM pg_attribute a WHERE attrelid = 'shops.target'::regclass AND attname = 'customer_id');
    ALTER TABLE wanted DROP customer_id;
    ALTER TABLE wanted RENAME who TO customer_id;
END
$$;

-- A refresh: the rows of the date are those expected, all else is as it was,
-- the log counts what was done, and what stood right was not touched
CREATE FUNCTION shops.check_refresh(what text, dated bool, day date, asked date) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    metrics CONSTANT text := '%1$s.recency_days, %1$s.frequency_orders, shops.exact(%1$s.monetary_value), %1$s.r_score, %1$s.f_score, %1$s.m_score,'
                             ' %1$s.rfm_score, CAST(%1$s.rfm_segment AS text), %1$s.comments, %1$s.rfm_cell, %1$s.rfm_weighted';
    here    CONSTANT text := CASE WHEN dated THEN format('run_date = %L', day) ELSE 'true' END;
    keep    CONSTANT bool := (SELECT keep_stale FROM rfm_model WHERE model = 'shop');
    said    bigint;
    stayed  bigint;
    run     rfm_run;
    done    record;
BEGIN
    DROP TABLE IF EXISTS before;
    PERFORM shops.convert_expected();
    EXECUTE format('CREATE TEMP TABLE before AS SELECT t.tableoid AS tab, t.ctid AS tid, t.*, t::text AS line, %s AS here FROM shops.target t', here);
    said := rfm_refresh(asked, 'shop');
    EXECUTE format('SELECT count(*) FILTER (WHERE stood IS NULL) AS inserted, count(*) FILTER (WHERE wanted IS NULL) AS gone,
                           count(*) FILTER (WHERE stood AND wanted AND same) AS unchanged,
                           count(*) FILTER (WHERE stood AND wanted AND NOT same) AS updated
                      FROM (SELECT true AS stood, * FROM before WHERE here) b FULL JOIN (SELECT true AS wanted, * FROM wanted) e ON e.customer_id = b.customer_id AND e.score_group = b.score_group::text,
                           LATERAL (SELECT (%s) IS NOT DISTINCT FROM (%s) AS same) x', format(metrics, 'b'), format(metrics, 'e')) INTO done;
    PERFORM shops.must_equal(what || ': the snapshot', format('SELECT score_group::text, customer_id, %s FROM shops.target t WHERE %s', format(metrics, 't'), here),
        format('(SELECT score_group, customer_id, %s FROM wanted e UNION ALL
                 SELECT score_group::text, customer_id, %s FROM before b WHERE here AND %L AND NOT EXISTS (SELECT FROM wanted e WHERE e.customer_id = b.customer_id AND e.score_group = b.score_group::text))',
               format(metrics, 'e'), format(metrics, 'b'), keep));
    PERFORM shops.must_equal(what || ': other dates', format('SELECT tableoid, ctid::text, t::text FROM shops.target t WHERE NOT (%s)', here),
        'SELECT tab, tid::text, line FROM before WHERE NOT here');
    SELECT * INTO run FROM rfm_run ORDER BY run_id DESC LIMIT 1;
    IF (said, run.run_date, run.customers, run.orders, run.inserted, run.updated, run.deleted, run.unchanged)
       IS DISTINCT FROM ((SELECT count(*) FROM expected), day, (SELECT count(*) FROM expected), (SELECT count(*) FROM counted),
                         done.inserted, done.updated, CASE WHEN keep THEN 0 ELSE done.gone END, done.unchanged) THEN
        RAISE EXCEPTION '%: the log is wrong', what
            USING DETAIL = format('%s customers; %s; expected %s of %s customers and %s orders', said, run, done,
                                  (SELECT count(*) FROM expected), (SELECT count(*) FROM counted));
    END IF;
    SELECT count(*) INTO stayed FROM shops.target t JOIN before b ON (b.tab, b.tid, b.line) = (t.tableoid, t.ctid, t::text) JOIN wanted e ON e.customer_id = t.customer_id AND e.score_group = t.score_group::text AND b.here;
    IF stayed <> done.unchanged THEN
        RAISE EXCEPTION '%: % rows stayed as they were instead of %', what, stayed, done.unchanged;
    END IF;
END
$$;

-- An order that no sum can hold: the error names its customer
CREATE FUNCTION shops.check_rejected(s shops.shop, day date) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    customer text;
BEGIN
    EXECUTE format('UPDATE shops.orders SET total = %L, status = %L
                     WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM shops.orders o ORDER BY customer_id LIMIT 1) RETURNING format(%L, %s)', 'NaN', 'paid', '%s',
                   (SELECT shops.term(source, m.customer) FROM rfm_model m WHERE model = 'shop')) INTO customer;
    PERFORM shops.expect('shop', day);
    BEGIN
        PERFORM rfm_refresh(day, 'shop');
    EXCEPTION WHEN numeric_value_out_of_range OR invalid_parameter_value THEN
        -- in the model's time zone, which is not ours
        IF s.key_kind <> 'moment' AND position(format('"%s"', customer) in SQLERRM) = 0 THEN
            RAISE EXCEPTION 'an error without customer %: %', customer, SQLERRM;
        END IF;
        RETURN;
    END;
    IF EXISTS (SELECT FROM counted WHERE amount = 'NaN') THEN
        RAISE EXCEPTION 'NaN passed for an amount of customer %', customer;
    END IF;
END
$$;

-- Was the source of the shop read by parallel workers, as far as the planner is concerned?
CREATE FUNCTION shops.is_parallel() RETURNS bool
LANGUAGE plpgsql AS
$$
DECLARE
    plan  text;
    found bool := false;
BEGIN
    FOR plan IN EXPLAIN SELECT rfm_internal.collect(customer_id, "ordered at", total) FROM shops.orders LOOP
        found := found OR plan ~ 'Parallel Seq Scan';
    END LOOP;
    RETURN found;
END
$$;

-- Settings of a refresh, drawn by a name; workers seldom, as starting them
-- takes longer than most shops
CREATE FUNCTION shops.draw_settings(seed bigint, what text) RETURNS void
LANGUAGE sql AS
$$
    SELECT shops.use_settings(shops.pick(seed, what || ' memory', '64kB', '1GB'), CASE shops.rnd(seed, what || ' workers', 7) WHEN 0 THEN 1 WHEN 1 THEN 2 ELSE 0 END,
                              shops.pick(seed, what || ' leader', 'on', 'off'), shops.pick(seed, what || ' grouped', 'on', 'off'));
    -- what runs in another process must not need this one
    SELECT set_config(name, CASE shops.rnd(seed, what || ' elsewhere', 15) WHEN 0 THEN 'on' ELSE 'off' END, true)
      FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
    -- nor may plans and formats change what comes of it
    SELECT set_config(name, CASE shops.rnd(seed, what || ' plan ' || name, 6) WHEN 0 THEN CASE boot_val WHEN 'on' THEN 'off' ELSE 'on' END ELSE boot_val END, true)
      FROM pg_settings WHERE name IN ('enable_hashagg', 'enable_seqscan', 'enable_indexscan', 'enable_bitmapscan', 'enable_sort', 'enable_material', 'enable_memoize',
                                      'enable_gathermerge', 'enable_parallel_append', 'enable_partitionwise_aggregate', 'enable_partitionwise_join',
                                      'transform_null_equals', 'quote_all_identifiers', 'array_nulls', 'synchronize_seqscans');
    SELECT set_config('datestyle', shops.pick(seed, what || ' datestyle', 'ISO, YMD', 'SQL, DMY', 'German', 'Postgres, MDY'), true),
           set_config('intervalstyle', shops.pick(seed, what || ' intervalstyle', 'postgres', 'iso_8601', 'sql_standard'), true),
           set_config('bytea_output', shops.pick(seed, what || ' bytea', 'hex', 'escape'), true),
           set_config('extra_float_digits', shops.pick(seed, what || ' digits', '-15', '0', '1', '3'), true);
$$;

CREATE FUNCTION shops.run(seed bigint) RETURNS void
LANGUAGE plpgsql
SET client_min_messages = error
SET timezone = 'America/Sao_Paulo'
SET jit = off
AS
$$
DECLARE
    s        shops.shop := shops.draw(seed);
    models   text[] := '{shop}';
    day      date := s.start - shops.rnd(seed, 'back', 3);
    own      date;
    dated    bool := shops.rnd(seed, 'dated', 5) > 0;
    previews int := 0;
    size     bigint;
BEGIN
    PERFORM shops.build(s);
    IF shops.rnd(seed, 'twin', 2) = 0 AND (SELECT monetary FROM rfm_model WHERE model = 'shop') = 'sum' THEN
        PERFORM shops.create_twin(s);
        models := '{shop,twin}';
    END IF;
    PERFORM shops.expect('shop', day);
    SELECT count(*) INTO size FROM expected;
    PERFORM shops.draw_settings(seed, 'first');
    PERFORM shops.check_refresh('first refresh', dated, day, day);
    PERFORM shops.draw_settings(seed, 'same');
    PERFORM shops.check_refresh('the same again', dated, day, day);
    PERFORM shops.disturb(s);
    -- the model's own date
    own := shops.expect('shop', NULL);
    previews := shops.compare_previews(s, models[:1], own, NULL);
    PERFORM shops.draw_settings(seed, 'own');
    PERFORM shops.check_refresh('refresh of the model''s own date', dated, own, NULL);
    PERFORM shops.expect('shop', day);
    previews := previews + shops.compare_previews(s, models, day, day);
    PERFORM shops.draw_settings(seed, 'disturbed');
    PERFORM shops.check_refresh('refresh of a disturbed target', dated, day, day);
    PERFORM shops.draw_settings(seed, 'rejected');
    PERFORM shops.use_settings('1GB', 2, 'off');
    INSERT INTO shops.tally VALUES (s.seed, size, 4, previews, shops.is_parallel(), s.bad);
    IF s.bad AND s.amount_kind IN ('mixed', 'scales', 'vast', 'tiny', 'leap', 'float4', 'float8') THEN
        PERFORM shops.check_rejected(s, day);
    END IF;
    PERFORM shops.clear();
END
$$;

CREATE PROCEDURE shops.run_all(first bigint, n int, seconds float8 DEFAULT 'infinity')
LANGUAGE plpgsql AS
$$
DECLARE
    begun   CONSTANT timestamptz := clock_timestamp();
    seed    bigint;
    message text;
    detail  text;
    context text;
BEGIN
    FOR seed IN SELECT first + i FROM generate_series(0, n - 1) i LOOP
        EXIT WHEN extract(epoch FROM clock_timestamp() - begun) > seconds;
        BEGIN
            PERFORM shops.run(seed);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
            INSERT INTO shops.failure VALUES (seed, message, detail, context);
        END;
        COMMIT;
        IF shops.rnd(seed, 'history', 3) = 0 THEN
            CALL shops.run_history(seed);
        END IF;
    END LOOP;
END
$$;

--
-- Random shops: rfm against the reference, every way it can take
--
CREATE FUNCTION shops.use_settings(VARIADIC named text[]) RETURNS void
LANGUAGE sql AS
$$ SELECT set_config(named[2 * i - 1], named[2 * i], true) FROM generate_series(1, cardinality(named) / 2) i $$;
CREATE FUNCTION shops.draw_settings(seed bigint, what text) RETURNS void
LANGUAGE sql AS
$$ SELECT set_config(name, value, true) FROM shops.settings(seed, what) $$;
-- Between two refreshes nothing that is drawn may change what is expected
CREATE FUNCTION shops.reset_settings() RETURNS void
LANGUAGE sql AS
$$ SELECT set_config(name, usual, true) FROM shops.setting $$;

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
        PERFORM shops.use_settings('rfm.work_mem', v.work_mem, 'max_parallel_workers_per_gather', v.workers::text, 'parallel_leader_participation', v.leader, 'rfm.grouped_reading', v.grouped);
        DROP TABLE IF EXISTS given;
        CREATE TEMP TABLE given AS SELECT * FROM rfm_preview(asked, v.model);
        PERFORM shops.reset_settings();
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

-- A refresh with the settings of that name: the rows of the date are those expected, all
-- else is as it was, the log counts what was done, and what stood right was not touched.
-- One that sees no orders, and whose policies may be the reason, deletes no snapshot.
CREATE FUNCTION shops.check_refresh(s shops.shop, what text, day date, asked date) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    metrics CONSTANT text := '%1$s.recency_days, %1$s.frequency_orders, shops.exact(%1$s.monetary_value), %1$s.r_score, %1$s.f_score, %1$s.m_score,'
                             ' %1$s.rfm_score, CAST(%1$s.rfm_segment AS text), %1$s.comments, %1$s.rfm_cell, %1$s.rfm_weighted';
    here    CONSTANT text := CASE WHEN s.dated THEN format('run_date = %L', day) ELSE 'true' END;
    keep    CONSTANT bool := (SELECT keep_stale FROM rfm_model WHERE model = 'shop');
    refused bool;
    said    bigint;
    stayed  bigint;
    run     rfm_run;
    done    record;
BEGIN
    DROP TABLE IF EXISTS before;
    PERFORM shops.convert_expected();
    EXECUTE format('CREATE TEMP TABLE before AS SELECT t.tableoid AS tab, t.ctid AS tid, t.*, t::text AS line, %s AS here FROM shops.target t', here);
    refused := coalesce(s.secured IN ('setting', 'function', 'role', 'forced'), false) AND NOT keep
        AND NOT EXISTS (SELECT FROM counted) AND EXISTS (SELECT FROM before b WHERE b.here);
    BEGIN
        PERFORM shops.draw_settings(s.seed, what);
        said := rfm_refresh(asked, 'shop');
        IF refused THEN
            RAISE EXCEPTION '%: without orders a snapshot was deleted', what;
        END IF;
    EXCEPTION WHEN object_not_in_prerequisite_state THEN
        IF NOT refused THEN
            RAISE;
        END IF;
        PERFORM shops.note(s.seed, 'shop: refused', 'true');
        RETURN;
    END;
    PERFORM shops.reset_settings();
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
                     WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM shops.orders o ORDER BY customer_id LIMIT 1) RETURNING rtrim(format(%L, %s))', 'NaN', 'paid', '%s',
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
    WHEN object_not_in_prerequisite_state THEN
        -- no order counts, and policies may be the reason
        IF EXISTS (SELECT FROM counted) THEN
            RAISE;
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
    PERFORM shops.use_settings('max_parallel_workers_per_gather', '2');
    FOR plan IN EXPLAIN SELECT rfm_internal.collect(customer_id, "ordered at", total) FROM shops.orders LOOP
        found := found OR plan ~ 'Parallel Seq Scan';
    END LOOP;
    PERFORM shops.reset_settings();
    RETURN found;
END
$$;

-- A shop, its models, and what it drew
CREATE FUNCTION shops.prepare(seed bigint) RETURNS void
LANGUAGE plpgsql
SET client_min_messages = error
AS
$$
DECLARE
    s shops.shop := shops.draw(seed);
BEGIN
    PERFORM shops.reset_settings();
    PERFORM shops.build(s);
    IF shops.rnd(seed, 'twin', 2) = 0 AND (SELECT monetary FROM rfm_model WHERE model = 'shop') = 'sum' THEN
        PERFORM shops.create_twin(s);
    END IF;
    PERFORM shops.note(s);
END
$$;

CREATE FUNCTION shops.run(seed bigint) RETURNS void
LANGUAGE plpgsql
SET client_min_messages = error
AS
$$
DECLARE
    s        shops.shop := shops.draw(seed);
    models   text[] := ARRAY(SELECT model FROM rfm_model WHERE model IN ('shop', 'twin'));
    day      date := s.start - shops.rnd(seed, 'back', 3);
    own      date;
    previews int := 0;
    size     bigint;
BEGIN
    PERFORM shops.expect('shop', day);
    SELECT count(*) INTO size FROM expected;
    PERFORM shops.check_refresh(s, 'first', day, day);
    PERFORM shops.check_refresh(s, 'same', day, day);
    PERFORM shops.disturb(s);
    -- the model's own date
    PERFORM shops.hide(seed, 'later');
    own := shops.expect('shop', NULL);
    previews := shops.compare_previews(s, '{shop}', own, NULL);
    PERFORM shops.check_refresh(s, 'own', own, NULL);
    PERFORM shops.expect('shop', day);
    previews := previews + shops.compare_previews(s, models, day, day);
    PERFORM shops.check_refresh(s, 'disturbed', day, day);
    INSERT INTO shops.tally VALUES (seed, size, cardinality(shops.refreshes()), previews);
    PERFORM shops.note(seed, 'shop: may be read by workers', shops.is_parallel()::text);
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
    part    text;
    message text;
    detail  text;
    context text;
BEGIN
    FOR seed IN SELECT first + i FROM generate_series(0, n - 1) i LOOP
        EXIT WHEN extract(epoch FROM clock_timestamp() - begun) > seconds;
        PERFORM set_config('default_transaction_isolation', shops.isolation(seed), false);
        COMMIT;
        -- what a shop drew is noted also where the comparison fails
        FOREACH part IN ARRAY '{prepare,run}'::text[] LOOP
            BEGIN
                EXECUTE format('SELECT shops.%I($1)', part) USING seed;
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
                INSERT INTO shops.failure VALUES (seed, message, detail, context);
                EXIT;
            END;
        END LOOP;
        COMMIT;
        IF shops.rnd(seed, 'history', 3) = 0 THEN
            CALL shops.run_history(seed);
        END IF;
    END LOOP;
END
$$;

--
-- Random shops: many dates of one shop, by the calls that commit each of them
-- (rfm_backfill, rfm_catch_up), how long they are kept, and single customers
-- in between.
--

CREATE FUNCTION shops.days(first date, last date) RETURNS date[]
LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(first + i ORDER BY i) FROM generate_series(0, last - first) i $$;

-- Tables "expected_days" and "due": what the reference has for each of some dates, and the dates
CREATE FUNCTION shops.expect_days(days date[]) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    day date;
BEGIN
    DROP TABLE IF EXISTS expected_days, due;
    CREATE TEMP TABLE due (run_date date, customers bigint);
    FOREACH day IN ARRAY days LOOP
        PERFORM shops.expect('shop', day);
        IF day = days[1] THEN
            CREATE TEMP TABLE expected_days AS TABLE expected;
        ELSE
            INSERT INTO expected_days TABLE expected;
        END IF;
        INSERT INTO due SELECT day, count(*) FROM expected;
    END LOOP;
END
$$;

-- What is not of those dates, and the newest row of the log, as they are before
CREATE FUNCTION shops.note_others(days date[]) RETURNS bigint
LANGUAGE plpgsql AS
$$
BEGIN
    DROP TABLE IF EXISTS others;
    CREATE TEMP TABLE others AS SELECT t::text AS line FROM shops.target t WHERE run_date <> ALL (days);
    RETURN (SELECT coalesce(max(run_id), 0) FROM rfm_run);
END
$$;

CREATE FUNCTION shops.check_days(what text, days date[], after bigint) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    columns CONSTANT text := 'run_date, score_group::text, customer_id, recency_days, frequency_orders, shops.exact(monetary_value), r_score, f_score, m_score,'
                             ' rfm_score, rfm_segment::text, comments, rfm_cell, rfm_weighted';
BEGIN
    PERFORM shops.must_equal(what || ': the snapshots', format('SELECT %s FROM shops.target WHERE run_date = ANY (%L)', columns, days),
        format('SELECT %s FROM expected_days', columns));
    PERFORM shops.must_equal(what || ': other dates', format('SELECT t::text AS line FROM shops.target t WHERE run_date <> ALL (%L)', days), 'TABLE others');
    PERFORM shops.must_equal(what || ': the log', format('SELECT run_date, customers FROM rfm_run WHERE run_id > %s', after), 'TABLE due');
    IF EXISTS (SELECT FROM (SELECT run_date, lag(run_date) OVER (ORDER BY run_id) AS before FROM rfm_run WHERE run_id > after) r WHERE run_date <= before) THEN
        RAISE EXCEPTION '%: not the oldest first', what;
    END IF;
END
$$;

-- After a refresh of the newest date: what is too old is gone, all else stays
CREATE FUNCTION shops.check_retention(retention interval) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    newest date;
    counts date;
    gone   int;
BEGIN
    -- orders of the newest date may have gone since
    LOOP
        newest := (SELECT max(run_date) FROM shops.target);
        IF newest IS NULL THEN
            RETURN;
        END IF;
        PERFORM rfm_refresh(newest, 'shop');
        EXIT WHEN newest = (SELECT max(run_date) FROM shops.target);
    END LOOP;
    counts := (SELECT max(run_date) FROM shops.target WHERE run_date <= now() + interval '1 day');
    DROP TABLE IF EXISTS stood;
    CREATE TEMP TABLE stood AS SELECT run_date, counts IS NULL OR run_date > counts - retention AS stays, t::text AS line FROM shops.target t;
    UPDATE rfm_model m SET retention = check_retention.retention WHERE model = 'shop';
    PERFORM rfm_refresh(newest, 'shop');
    PERFORM shops.must_equal('what is kept', 'SELECT t::text AS line FROM shops.target t', 'SELECT line FROM stood WHERE stays');
    SELECT count(DISTINCT run_date) INTO gone FROM stood WHERE NOT stays;
    IF gone IS DISTINCT FROM (SELECT expired FROM rfm_run ORDER BY run_id DESC LIMIT 1) THEN
        RAISE EXCEPTION '% dates are gone, the log counts %', gone, (SELECT expired FROM rfm_run ORDER BY run_id DESC LIMIT 1);
    END IF;
END
$$;

-- Some customers, each by themselves, on the date of the newest snapshot: as in it, and who is not in it has no row
CREATE FUNCTION shops.check_score_now(seed bigint, day date) RETURNS void
LANGUAGE plpgsql AS
$$
DECLARE
    columns CONSTANT text := '%1$s.recency_days, %1$s.frequency_orders, %1$s.monetary_value, %1$s.r_score, %1$s.f_score, %1$s.m_score, %1$s.rfm_score,'
                             ' %1$s.rfm_segment, %1$s.comments, %1$s.rfm_cell, %1$s.rfm_weighted';
BEGIN
    PERFORM shops.expect('shop', day);
    DROP TABLE IF EXISTS asked;
    CREATE TEMP TABLE asked AS
    SELECT customer_id, format('%s', customer_id) AS name FROM (SELECT DISTINCT customer_id FROM shops.orders) o
     WHERE customer_id IS NOT NULL ORDER BY shops.rnd(seed, 'asked ' || customer_id::text, 1000000), customer_id LIMIT 9;
    PERFORM shops.must_equal('single customers',
        format('SELECT name, n.run_date, coalesce(n.score_group, ''all''), %s FROM asked, rfm_score_now(name, ''shop'') n', format(columns, 'n')),
        format('SELECT name, e.run_date, e.score_group, %s FROM asked JOIN expected e USING (customer_id)', format(columns, 'e')));
END
$$;

-- The dates that the job owes when the run date is latest: the log's rows that
-- started in the year of their date, long ago, were computed before their day was over
-- (a month before the last of one is the last of another)
CREATE FUNCTION shops.owed(latest date, restate interval, cadence text) RETURNS date[]
LANGUAGE sql AS
$$
    WITH snapshot AS (SELECT DISTINCT ON (run_date) run_date, started_at FROM rfm_run WHERE model = 'shop' ORDER BY run_date, run_id DESC)
    SELECT array_agg(day ORDER BY day)
      FROM (SELECT run_date FROM snapshot WHERE started_at < '2026-01-01' AND run_date < '2026-01-01'
            UNION SELECT run_date FROM snapshot WHERE run_date < latest AND run_date >= latest - restate
            UNION SELECT due.day
                    FROM generate_series(1, 90) i, CAST(extract(day FROM latest + 1) = 1 AS int) ends,
                         CAST(CASE cadence WHEN 'day' THEN latest - i WHEN 'week' THEN latest - 7 * i ELSE (latest + ends - i * interval '1 month')::date - ends END AS date) due(day),
                         (SELECT max(run_date) FROM snapshot WHERE run_date <= latest) newest(day)
                   WHERE date_trunc(cadence, due.day::timestamp) > date_trunc(cadence, newest.day::timestamp)
            UNION SELECT latest) d(day)
$$;

-- Ends with an error where a call does, or where rfm differs; shops.failure then has the seed
CREATE PROCEDURE shops.run_history(seed bigint)
LANGUAGE plpgsql AS
$$
DECLARE
    s      CONSTANT shops.shop := shops.draw(seed);
    first  date := s.start - shops.rnd(seed, 'first', 6);
    last   date := first + shops.rnd(seed, 'span', 7);
    behind CONSTANT int := shops.rnd(seed, 'behind', 4);
    most   CONSTANT int := 1 + shops.rnd(seed, 'most', 4);
    latest date;
    owed   date[];
    again  interval;
    often  text;
    after  bigint;
BEGIN
    -- nor where policies may leave a date that has a snapshot without orders
    IF NOT s.dated OR s.secured IN ('setting', 'function', 'role', 'forced') AND (s.customers < 20 OR s.days < 40 OR shops.rnd(seed, 'hidden history', 2) = 0) THEN
        RETURN;
    END IF;
    PERFORM set_config('client_min_messages', 'error', false), set_config('timezone', 'Asia/Tokyo', false), set_config('jit', 'off', false),
            set_config('max_parallel_workers_per_gather', '0', false), set_config('rfm.catch_up_limit', most::text, false),
            set_config('rfm.work_mem', shops.pick(seed, 'backfill memory', '64kB', '300kB', '1GB'), false);
    INSERT INTO shops.failure VALUES (seed, 'a history came to no end') ON CONFLICT DO NOTHING;
    PERFORM shops.build(s, alike => true);
    PERFORM set_config('shops.hidden', shops.pick(seed, 'hidden in history', 'nothing', 'sent'), false);
    UPDATE rfm_model SET keep_stale = false, as_of = 'latest_order', lookback = CASE WHEN s.secured IS NULL THEN lookback END WHERE model = 'shop';
    -- a date that stands already, and is no longer right
    IF shops.rnd(seed, 'stands', 2) = 0 THEN
        PERFORM rfm_refresh(first + 1, 'shop');
        PERFORM shops.disturb(s, alike => true);
    END IF;
    COMMIT;

    PERFORM shops.expect_days(shops.days(first, last));
    after := shops.note_others(shops.days(first, last));
    COMMIT;
    CALL rfm_backfill(first, last, 'shop');
    PERFORM shops.check_days('backfill', shops.days(first, last), after);

    latest := shops.expect('shop', NULL);
    DELETE FROM shops.target WHERE run_date > latest - behind;
    DELETE FROM rfm_run WHERE model = 'shop' AND (run_date > latest - behind OR shops.rnd(seed, 'no log', 3) = 0);
    first := coalesce((SELECT max(run_date) FROM rfm_run WHERE model = 'shop'), (SELECT max(run_date) FROM shops.target), latest - 1);
    first := CASE WHEN first < latest THEN first + 1 ELSE latest END;
    last := LEAST(latest, first + most - 1);
    PERFORM shops.expect_days(shops.days(first, last));
    after := shops.note_others(shops.days(first, last));
    COMMIT;
    CALL rfm_catch_up('shop');
    PERFORM shops.check_days('catch-up', shops.days(first, last), after);
    IF last = latest THEN
        PERFORM shops.check_score_now(seed, latest);
    END IF;

    -- the next job: orders were corrected, some days were not over, some dates are restated
    IF latest - last < 20 THEN
        UPDATE rfm_model SET restate = shops.pick(seed, 'restate', NULL, '1 day', '3 days', '1 mon')::interval,
                             -- weeks and months that begin before the first timestamp are left alone
                             cadence = CASE WHEN latest > '1000-01-01' THEN shops.pick(seed, 'cadence', 'day', 'day', 'week', 'month') ELSE 'day' END
         WHERE model = 'shop' RETURNING restate, cadence INTO again, often;
        PERFORM shops.note(s);
        -- a gap of weeks or months
        IF often <> 'day' THEN
            DELETE FROM shops.target WHERE run_date > latest - shops.rnd(seed, 'gap', 80);
            DELETE FROM rfm_run WHERE model = 'shop' AND run_date > latest - shops.rnd(seed, 'gap', 80);
        END IF;
        UPDATE rfm_run SET started_at = run_date::timestamp + interval '12 hours' WHERE model = 'shop' AND shops.rnd(seed, 'unfinished ' || run_date, 3) = 0;
        PERFORM shops.disturb(s, alike => true);
        latest := shops.expect('shop', NULL);
        owed := shops.owed(latest, again, often);
        -- not where the latest order has become one of long after
        IF cardinality(owed) < 90 THEN
            PERFORM shops.expect_days(owed);
            after := shops.note_others(owed);
            PERFORM set_config('rfm.catch_up_limit', '100', false);
            COMMIT;
            CALL rfm_catch_up('shop');
            PERFORM shops.check_days('the next job', owed, after);
        END IF;
    END IF;
    IF EXISTS (SELECT FROM shops.target) THEN
        PERFORM shops.check_retention(shops.pick(seed, 'retention', '1 day', '36:00:00', '2 days', '3 days 01:00', '1 mon')::interval);
        PERFORM shops.note(s);
    END IF;
    PERFORM shops.clear();
    DELETE FROM shops.failure f WHERE f.seed = run_history.seed AND message = 'a history came to no end';
    PERFORM shops.note(seed, 'shop: history', 'true');
    COMMIT;
END
$$;

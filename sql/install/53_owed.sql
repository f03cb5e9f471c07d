-- Dates that are due ----------------------------------------------------------
--
-- The only place that determines which snapshots a model's job computes, and which
-- ones rfm_jobs reports as missing.

CREATE FUNCTION rfm_internal.local_date(moment timestamptz, zone text)
RETURNS date
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_local_date';
COMMENT ON FUNCTION rfm_internal.local_date(timestamptz, text) IS
    'internal: the date of a time in a model''s time zone';

-- A snapshot that was begun before its day was over misses the last orders.
CREATE FUNCTION rfm_internal.is_unfinished(run_date date, started_at timestamptz, zone text)
RETURNS bool
LANGUAGE sql STABLE PARALLEL SAFE
RETURN run_date < rfm_internal.local_date(now(), zone) AND run_date >= rfm_internal.local_date(started_at, zone);
COMMENT ON FUNCTION rfm_internal.is_unfinished(date, timestamptz, text) IS
    'internal: whether the day of a snapshot is over, but was not when the snapshot was computed';

-- One date per week or month: whole weeks or months before the requested run date,
-- that is, the same day of the week, the same day of the month, or the last of each
-- month.
CREATE FUNCTION rfm_internal.missed_dates(cadence text, last date, until date)
RETURNS SETOF date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT last + n FROM generate_series(1, until - last - 1) AS n WHERE cadence = 'day'
    UNION ALL
    SELECT until - 7 * n
      FROM generate_series(1, (until - last) / 7) AS n
     WHERE cadence = 'week'
       AND date_trunc('week', (until - 7 * n)::timestamp) > date_trunc('week', last::timestamp)
    UNION ALL
    SELECT CASE WHEN until + 1 = (this.month + interval '1 month')::date THEN ends.day
                ELSE least(ends.day, m.month::date + (until - this.month::date)) END
      FROM (SELECT date_trunc('month', until::timestamp)) AS this(month)
           CROSS JOIN LATERAL generate_series(date_trunc('month', last::timestamp) + interval '1 month', this.month - interval '1 month', interval '1 month') AS m(month)
           CROSS JOIN LATERAL (SELECT (m.month + interval '1 month')::date - 1) AS ends(day)
     WHERE cadence = 'month'
$body$;
COMMENT ON FUNCTION rfm_internal.missed_dates(text, date, date) IS
    'internal: the dates between two dates that are due by a cadence: every day, or one date per week (from Monday) or month';

-- last: the newest date that has a snapshot, no later than until, the model's own
-- run date.  Only dates after "after", and that retention keeps (from kept on).
CREATE FUNCTION rfm_internal.owed_dates(model_id int8, cadence text, last date, until date, restated_from date, kept date, begun timestamptz, after date)
RETURNS TABLE (run_date date, reason text)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH snapshot AS (
        SELECT DISTINCT ON (r.run_date) r.run_date, r.started_at
          FROM @extschema@.rfm_run r
         WHERE r.model_id = $1 AND r.run_date > after
         ORDER BY r.run_date DESC, r.run_id DESC)
    SELECT DISTINCT ON (d.run_date) d.run_date, d.reason
      FROM (SELECT s.run_date, 'restated', 1
              FROM snapshot s
             -- not what another call has computed in the meantime
             WHERE s.run_date >= restated_from AND s.run_date < until AND s.started_at < begun
            UNION ALL
            SELECT s.run_date, 'unfinished', 2
              FROM snapshot s, @extschema@.rfm_model m
             WHERE m.model_id = $1 AND rfm_internal.is_unfinished(s.run_date, s.started_at, m.time_zone)
            UNION ALL
            SELECT m.run_date, 'missed', 3
              FROM rfm_internal.missed_dates(cadence, last, until) AS m(run_date)
            UNION ALL
            SELECT until, 'due', 4) AS d(run_date, reason, priority)
     WHERE d.run_date > after AND d.run_date >= kept
     ORDER BY d.run_date, d.priority
$body$;
COMMENT ON FUNCTION rfm_internal.owed_dates(int8, text, date, date, date, date, timestamptz, date) IS
    'internal: the dates that a model''s job computes, and why: restated (covered by restate), unfinished (computed before the day was over), missed, due (its own run date)';

-- The date by which the snapshot after that of a date is due, by day, week or
-- month.
CREATE FUNCTION rfm_internal.next_due(cadence text, last date)
RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    -- the last of a month is followed by the last of the next one
    SELECT CASE cadence
               WHEN 'day' THEN last + 1
               WHEN 'week' THEN last + 7
               WHEN 'month' THEN greatest((last::timestamp + interval '1 month')::date,
                                          ((last + 1)::timestamp + interval '1 month')::date - 1)
           END
$body$;
COMMENT ON FUNCTION rfm_internal.next_due(text, date) IS
    'internal: the date by which the next snapshot is due by a cadence';

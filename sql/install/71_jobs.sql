-- Watching ----------------------------------------------------------------

CREATE TYPE rfm_internal.cron_job AS (
    model         text,
    job_id        int8,
    runs_as       text,
    schedule      text,
    active        bool,
    zone          text,
    scheduled_at  timestamptz,
    has_role      bool,
    status        text,
    message       text,
    started_at    timestamptz,
    duration      interval,
    failures      int8,
    failing_since timestamptz,
    waiting_since timestamptz
);
COMMENT ON TYPE rfm_internal.cron_job IS
    'internal: a job of pg_cron that refreshes a model';

CREATE FUNCTION rfm_internal.cron_jobs()
RETURNS SETOF rfm_internal.cron_job
LANGUAGE c STABLE ROWS 50
AS 'MODULE_PATHNAME', 'rfm_cron_jobs';
COMMENT ON FUNCTION rfm_internal.cron_jobs() IS
    'internal: the jobs of the models that the caller may use or monitor; none if pg_cron is not in this database';

CREATE TYPE rfm_internal.cron_trouble AS (
    finding text,
    detail  text,
    since   timestamptz,
    to_do   text
);
COMMENT ON TYPE rfm_internal.cron_trouble IS
    'internal: a problem of pg_cron as a whole';

CREATE FUNCTION rfm_internal.cron_troubles()
RETURNS SETOF rfm_internal.cron_trouble
LANGUAGE c STABLE ROWS 1
AS 'MODULE_PATHNAME', 'rfm_cron_troubles';
COMMENT ON FUNCTION rfm_internal.cron_troubles() IS
    'internal: the reasons why jobs of pg_cron do not run, and whether its log has grown large';

-- The models that the caller may use or, as a member of pg_read_all_stats, watch,
-- with all that tells how they fare.  The view reads its tables as its owner, past
-- their row security: the rows are the caller's by its own condition.
--
-- due_at: the last time that the job should have begun, a quarter of an hour ago
-- or more, by the schedule that it had then.  owed: the newest date that there
-- should be a snapshot of by now: where that is known, of the day when the job was
-- due, else of yesterday.
CREATE VIEW rfm_internal.model_state WITH (security_barrier) AS
WITH job AS MATERIALIZED (
    SELECT * FROM rfm_internal.cron_jobs()
), plan AS MATERIALIZED (
    SELECT s.schedule, s.zone,
           rfm_internal.cron_run(s.schedule, s.zone, now(), true) AS next_run_at,
           rfm_internal.cron_run(s.schedule, s.zone, now() - interval '15 minutes', false) AS due_at
      FROM (SELECT DISTINCT j.schedule, j.zone FROM job AS j) AS s
)
SELECT m.model, m.source, m.target, m.owner, m.as_of, m.cadence, j.job_id, j.runs_as, j.schedule, j.active, j.has_role,
       j.status, coalesce(j.status IN ('starting', 'connecting', 'sending', 'running'), false) AS running, j.message, j.started_at, j.duration, j.failures, j.failing_since, j.waiting_since, p.next_run_at,
       CASE WHEN p.due_at > greatest(coalesce(j.started_at, last.started_at), j.scheduled_at) THEN p.due_at END AS overdue_since,
       last.run_date AS last_snapshot, last.finished_at AS last_finished_at, d.today, d.today - last.run_date AS days_behind,
       CASE WHEN last.run_date < d.today AND NOT d.dated THEN d.today
            WHEN d.today IS NOT NULL THEN coalesce(rfm_internal.next_due(m.cadence, last.run_date), d.today)
       END AS next_date,
       CASE WHEN p.due_at IS NULL AND m.cadence = 'day' THEN d.today - 1
            WHEN p.due_at IS NULL THEN nullif(least(rfm_internal.next_due(m.cadence, last.run_date), d.today), d.today)
            WHEN d.today IS NOT NULL AND p.due_at > coalesce(j.scheduled_at, '-infinity')
            THEN rfm_internal.local_date(p.due_at, m.time_zone) - (m.as_of = 'yesterday')::int4
       END AS owed,
       recent.unfinished,
       CASE WHEN p.due_at IS NULL THEN rfm_internal.next_due(m.cadence, recent.unfinished[1]) < rfm_internal.local_date(now(), m.time_zone)
            ELSE p.due_at > coalesce(j.scheduled_at, '-infinity') AND recent.unfinished[1] < rfm_internal.local_date(p.due_at, m.time_zone)
       END AS left_unfinished,
       last.newest_order, last.spilled, broken.failures AS calls_failed, broken.failed_at AS calls_failing_since, broken.message AS call_message
  FROM @extschema@.rfm_model m
       CROSS JOIN LATERAL (
           SELECT CASE m.as_of WHEN 'today' THEN rfm_internal.local_date(now(), m.time_zone)
                              WHEN 'yesterday' THEN rfm_internal.local_date(now(), m.time_zone) - 1
                  END AS today,
                  NOT coalesce(m.target_columns @> '{"run_date": null}', false) AS dated) AS d
       LEFT JOIN LATERAL (
           SELECT r.run_date, r.newest_order, r.spilled, r.started_at, r.finished_at
             FROM @extschema@.rfm_run r
            WHERE r.model_id = m.model_id AND r.run_date <= coalesce(d.today, 'infinity')
            ORDER BY r.run_date DESC, r.run_id DESC LIMIT 1) AS last ON true
       CROSS JOIN LATERAL (
           SELECT array_agg(n.run_date ORDER BY n.run_date) AS unfinished
             FROM (SELECT DISTINCT ON (r.run_date) r.run_date, r.started_at
                     FROM @extschema@.rfm_run r
                    WHERE r.model_id = m.model_id
                    ORDER BY r.run_date DESC, r.run_id DESC LIMIT 8) AS n
            WHERE d.dated AND rfm_internal.is_unfinished(n.run_date, n.started_at, m.time_zone)
              AND (m.retention IS NULL OR n.run_date > last.run_date - m.retention)) AS recent
       LEFT JOIN job AS j ON j.model = m.model
       LEFT JOIN plan AS p ON p.schedule = j.schedule AND p.zone = j.zone
       LEFT JOIN LATERAL (
           SELECT count(*) AS failures, min(f.failed_at) AS failed_at, (array_agg(f.message ORDER BY f.failure_id DESC))[1] AS message
             FROM @extschema@.rfm_failure f
            WHERE f.model_id = m.model_id AND f.failed_at > coalesce(last.finished_at, '-infinity')
           HAVING count(*) > 0) AS broken ON true
 WHERE pg_has_role(m.owner::oid, 'USAGE') OR pg_has_role('pg_read_all_stats', 'USAGE');
COMMENT ON VIEW rfm_internal.model_state IS
    'internal: the state of the models that the caller may use or monitor';
COMMENT ON COLUMN rfm_internal.model_state.model IS 'name of the model';
COMMENT ON COLUMN rfm_internal.model_state.source IS 'of the model';
COMMENT ON COLUMN rfm_internal.model_state.target IS 'of the model';
COMMENT ON COLUMN rfm_internal.model_state.owner IS 'of the model';
COMMENT ON COLUMN rfm_internal.model_state.as_of IS 'of the model';
COMMENT ON COLUMN rfm_internal.model_state.cadence IS 'of the model';
COMMENT ON COLUMN rfm_internal.model_state.job_id IS 'number of its job in pg_cron; null: none is visible';
COMMENT ON COLUMN rfm_internal.model_state.runs_as IS 'role that the job runs as';
COMMENT ON COLUMN rfm_internal.model_state.schedule IS 'of the job';
COMMENT ON COLUMN rfm_internal.model_state.active IS 'whether the job is active';
COMMENT ON COLUMN rfm_internal.model_state.has_role IS 'whether the role that the job runs as exists';
COMMENT ON COLUMN rfm_internal.model_state.status IS 'of the job''s last run';
COMMENT ON COLUMN rfm_internal.model_state.running IS 'whether the job runs now';
COMMENT ON COLUMN rfm_internal.model_state.message IS 'of the job''s last run';
COMMENT ON COLUMN rfm_internal.model_state.started_at IS 'when the job''s last run began';
COMMENT ON COLUMN rfm_internal.model_state.duration IS 'of the job''s last run';
COMMENT ON COLUMN rfm_internal.model_state.failures IS 'runs of the job that failed since the last one that succeeded';
COMMENT ON COLUMN rfm_internal.model_state.failing_since IS 'when the first of those began';
COMMENT ON COLUMN rfm_internal.model_state.waiting_since IS 'since when the running job has waited for a lock';
COMMENT ON COLUMN rfm_internal.model_state.next_run_at IS 'when the job is due next';
COMMENT ON COLUMN rfm_internal.model_state.overdue_since IS 'when the job was due, if it did not begin then';
COMMENT ON COLUMN rfm_internal.model_state.last_snapshot IS 'newest date up to today in the log';
COMMENT ON COLUMN rfm_internal.model_state.last_finished_at IS 'when the newest snapshot was last computed';
COMMENT ON COLUMN rfm_internal.model_state.today IS 'current date in the model''s time zone; null: the model does not use it';
COMMENT ON COLUMN rfm_internal.model_state.days_behind IS 'days from the last snapshot to today';
COMMENT ON COLUMN rfm_internal.model_state.next_date IS 'next date by the model''s cadence';
COMMENT ON COLUMN rfm_internal.model_state.owed IS 'newest date for which a snapshot is due';
COMMENT ON COLUMN rfm_internal.model_state.unfinished IS 'those of its eight newest dates that were computed before their day was over';
COMMENT ON COLUMN rfm_internal.model_state.left_unfinished IS 'whether the first of them remained unfinished after the run that should have computed it again';
COMMENT ON COLUMN rfm_internal.model_state.newest_order IS 'date of the newest order in the newest snapshot';
COMMENT ON COLUMN rfm_internal.model_state.spilled IS 'whether the customers of the newest snapshot were written to temporary files';
COMMENT ON COLUMN rfm_internal.model_state.calls_failed IS 'calls that failed since the newest snapshot';
COMMENT ON COLUMN rfm_internal.model_state.calls_failing_since IS 'when the first of those failed';
COMMENT ON COLUMN rfm_internal.model_state.call_message IS 'message of the last of those';
GRANT SELECT ON rfm_internal.model_state TO PUBLIC;

-- What to do for a model without a visible job.
CREATE FUNCTION rfm_internal.no_job_advice(model text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN a.detail IS NULL THEN format('no job of this database refreshes it: SELECT %s.rfm_schedule(model => %L);', '@extschema@', $1)
                ELSE format('find out why the scheduler that calls rfm_catch_up for it does not run, then: CALL %s.rfm_catch_up(%L); If there is no scheduler: %s %s', '@extschema@', $1, a.detail, a.hint) END
      FROM rfm_internal.cron_absence(rfm_internal.job_elsewhere('0 2 * * *', $1)) AS a
$body$;
COMMENT ON FUNCTION rfm_internal.no_job_advice(text) IS
    'internal: what to do for a model without a visible job';

-- What is wrong with a model, ordered by severity.  The body is parsed at creation,
-- so that the planner can inline it.
CREATE FUNCTION rfm_internal.findings(s rfm_internal.model_state)
RETURNS TABLE (
    place   int4,
    level   text,
    finding text,
    detail  text,
    since   timestamptz,
    to_do   text
)
LANGUAGE sql STABLE ROWS 1
BEGIN ATOMIC
    SELECT f.place, f.level, f.finding,
           CASE f.finding
               WHEN 'owner gone' THEN 'The role that owns the model no longer exists.'
               WHEN 'source gone' THEN 'The table or view that the model reads no longer exists.'
               WHEN 'target gone' THEN 'The table that the model writes no longer exists.'
               WHEN 'job owner gone' THEN format('Role "%s", as which job %s should run, no longer exists. pg_cron stops at such a job and then runs no other jobs.', s.runs_as, s.job_id)
               WHEN 'failing' THEN format('Failed %s times in a row: %s', CASE WHEN s.job_id IS NULL THEN s.calls_failed ELSE s.failures END, coalesce(s.message, s.call_message))
               WHEN 'stuck' THEN CASE WHEN s.waiting_since IS NULL THEN format('Its job has been running since %s, past the next time that it was due.', s.started_at::timestamptz(0))
                                      ELSE format('Its job has been waiting for a lock since %s.', s.waiting_since::timestamptz(0)) END
               WHEN 'overdue' THEN format('Its job was due at %s and has not begun.', s.overdue_since)
               WHEN 'paused' THEN format('Job %s is not active.', s.job_id)
               WHEN 'behind' THEN CASE WHEN s.today IS NULL THEN format('It was last refreshed at %s.', s.last_finished_at::timestamptz(0))
                                       ELSE format('Its newest snapshot is of %s, and that of %s is due.', to_char(s.last_snapshot, 'YYYY-MM-DD'), to_char(s.owed, 'YYYY-MM-DD')) END
               WHEN 'unfinished' THEN format('Its snapshot of %s was computed before that day was over.', to_char(s.unfinished[1], 'YYYY-MM-DD'))
               WHEN 'never refreshed' THEN 'There is no snapshot yet, and no job that would make one.'
               WHEN 'source stale' THEN format('The newest order in its newest snapshot is of %s.', to_char(s.newest_order, 'YYYY-MM-DD'))
               WHEN 'spilled' THEN 'Its customers exceeded rfm.work_mem and were written to temporary files.'
           END AS detail,
           CASE f.finding
               WHEN 'failing' THEN coalesce(s.failing_since, s.calls_failing_since)
               WHEN 'stuck' THEN coalesce(s.waiting_since, s.started_at)
               WHEN 'overdue' THEN s.overdue_since
               WHEN 'behind' THEN s.last_finished_at
               WHEN 'source stale' THEN s.newest_order::timestamptz
               WHEN 'spilled' THEN s.last_finished_at
           END AS since,
           CASE f.finding
               WHEN 'owner gone' THEN format('give it another owner, as a superuser: UPDATE %s.rfm_model SET owner = ''...'' WHERE model = %L;', '@extschema@', s.model)
               WHEN 'source gone' THEN format('set another one: UPDATE %s.rfm_model SET source = ''schema.table'' WHERE model = %L;', '@extschema@', s.model)
               WHEN 'target gone' THEN format('set another one: UPDATE %s.rfm_model SET target = ''schema.table'' WHERE model = %L;', '@extschema@', s.model)
               WHEN 'job owner gone' THEN format('as a superuser: DELETE FROM cron.job WHERE jobid = %s; SELECT %s.rfm_schedule(%L, %L);', s.job_id, '@extschema@', s.schedule, s.model)
               WHEN 'failing' THEN
                   CASE WHEN s.message = 'connection failed'
                        THEN format('the job could not connect: set cron.use_background_workers = on in postgresql.conf, restart the server, then: CALL %s.rfm_catch_up(%L);', '@extschema@', s.model)
                        ELSE format('see last_message and fix the cause, then: CALL %s.rfm_catch_up(%L);', '@extschema@', s.model) END
               WHEN 'stuck' THEN 'see pg_stat_activity for what it does, and pg_blocking_pids() for sessions that block it'
               WHEN 'overdue' THEN format('see whether pg_cron runs (rfm_health(), the server''s log); meanwhile: CALL %s.rfm_catch_up(%L);', '@extschema@', s.model)
               WHEN 'paused' THEN format('the job is paused: SELECT %s.rfm_schedule(%L, %L);', '@extschema@', s.schedule, s.model)
               WHEN 'behind' THEN CASE WHEN s.job_id IS NULL THEN rfm_internal.no_job_advice(s.model)
                                       ELSE format('the next run catches up; sooner: CALL %s.rfm_catch_up(%L);', '@extschema@', s.model) END
               WHEN 'unfinished' THEN format('rfm_catch_up computes it again, rfm_refresh of another date does not: CALL %s.rfm_catch_up(%L);', '@extschema@', s.model)
               WHEN 'never refreshed' THEN rfm_internal.no_job_advice(s.model)
               WHEN 'source stale' THEN 'see whether orders still arrive in the source; rfm.source_stale_days says after how many days that is reported'
               WHEN 'spilled' THEN 'raise rfm.work_mem (or maintenance_work_mem) for the role that refreshes it'
           END AS to_do
      FROM (VALUES
               (1, 'critical', 'owner gone', NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = s.owner)),
               (2, 'critical', 'source gone', NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = s.source)),
               (3, 'critical', 'target gone', NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = s.target)),
               (4, 'critical', 'job owner gone', NOT s.has_role),
               (5, 'critical', 'failing', CASE WHEN s.job_id IS NULL THEN s.calls_failed > 0 ELSE s.failures > 0 END),
               (6, 'critical', 'stuck', s.running AND (s.waiting_since < now() - interval '15 minutes' OR s.overdue_since IS NOT NULL)),
               (7, 'critical', 'overdue', s.active AND NOT s.running AND s.overdue_since IS NOT NULL),
               (8, 'warning', 'paused', NOT s.active),
               (9, 'warning', 'behind', NOT s.running AND CASE WHEN s.today IS NOT NULL THEN s.last_snapshot < s.owed
                                                               ELSE s.job_id IS NULL AND s.last_finished_at < now() - CASE s.cadence WHEN 'day' THEN interval '2 days' WHEN 'week' THEN '8 days' ELSE '32 days' END END),
               (10, 'warning', 'never refreshed', s.job_id IS NULL AND s.last_finished_at IS NULL),
               (11, 'warning', 'source stale', CASE WHEN s.today IS NULL THEN current_date ELSE s.last_snapshot END - s.newest_order
                                                 > coalesce(current_setting('rfm.source_stale_days', true), '14')::int4),
               -- a model that is behind finishes no day, either
               (12, 'warning', 'unfinished', NOT s.running AND s.left_unfinished AND coalesce(s.last_snapshot >= s.owed, true)),
               (13, 'notice', 'spilled', s.spilled)
           ) AS f(place, level, finding, found)
     WHERE f.found;
END;
COMMENT ON FUNCTION rfm_internal.findings(rfm_internal.model_state) IS
    'internal: what is wrong with a model';

CREATE VIEW @extschema@.rfm_jobs WITH (security_invoker, security_barrier) AS
WITH trouble AS MATERIALIZED (
    SELECT t.to_do FROM rfm_internal.cron_troubles() AS t WHERE t.finding <> 'log large' LIMIT 1
)
SELECT s.model, s.schedule, s.active, s.job_id, s.runs_as, s.last_snapshot, s.days_behind, s.next_date, s.unfinished,
       CASE WHEN s.active THEN s.next_run_at END AS next_run_at,
       s.status AS last_status, coalesce(s.message, s.call_message) AS last_message,
       s.started_at AS last_run_at, s.duration AS last_duration,
       coalesce(s.failures, s.calls_failed) AS failures,
       CASE WHEN s.failures IS NULL THEN s.calls_failing_since ELSE s.failing_since END AS failing_since,
       coalesce(CASE WHEN s.active THEN (SELECT t.to_do FROM trouble AS t) END,
                (SELECT f.to_do FROM rfm_internal.findings(s) AS f WHERE f.level <> 'notice' ORDER BY f.place LIMIT 1)) AS to_do
  FROM rfm_internal.model_state AS s;

COMMENT ON VIEW @extschema@.rfm_jobs IS
    'one row per model that you may use or, as a member of pg_monitor, monitor (and per job, if it has several): its last snapshot, its job in pg_cron with its state, and what to do. Columns about the job are null if pg_cron is not in this database';
COMMENT ON COLUMN @extschema@.rfm_jobs.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_jobs.schedule IS 'when its job runs, in pg_cron''s time zone; null: there is no job';
COMMENT ON COLUMN @extschema@.rfm_jobs.active IS 'false if the job is paused';
COMMENT ON COLUMN @extschema@.rfm_jobs.job_id IS 'number of the job in pg_cron';
COMMENT ON COLUMN @extschema@.rfm_jobs.runs_as IS 'role that the job runs as';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_snapshot IS 'newest date up to today with a snapshot in the log';
COMMENT ON COLUMN @extschema@.rfm_jobs.days_behind IS 'days from the last snapshot to today in the model''s time zone, or to yesterday with as_of yesterday; null: no snapshot yet, or as_of latest_order';
COMMENT ON COLUMN @extschema@.rfm_jobs.next_date IS 'next date by the model''s cadence; null with as_of latest_order';
COMMENT ON COLUMN @extschema@.rfm_jobs.unfinished IS 'those of its eight newest dates that were computed before their day was over, and that the next run computes again; null: none. Later corrections of the orders are not detected';
COMMENT ON COLUMN @extschema@.rfm_jobs.next_run_at IS 'when the job runs next; null: the job is paused, or the schedule is not supported here';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_status IS 'status of the job''s last run in pg_cron: succeeded, failed, running, ...';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_message IS 'message of the last run';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_run_at IS 'when the last run started';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_duration IS 'how long the last run took';
COMMENT ON COLUMN @extschema@.rfm_jobs.failures IS 'runs that failed since the last one that succeeded';
COMMENT ON COLUMN @extschema@.rfm_jobs.failing_since IS 'when the first of those started';
COMMENT ON COLUMN @extschema@.rfm_jobs.to_do IS 'what to do; null: nothing';

GRANT SELECT ON @extschema@.rfm_jobs TO PUBLIC;

CREATE FUNCTION @extschema@.rfm_health()
RETURNS TABLE (
    level   text,
    model   text,
    finding text,
    detail  text,
    since   timestamptz,
    to_do   text
)
LANGUAGE sql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT f.level, f.model, f.finding, f.detail, f.since, f.to_do
      FROM (SELECT CASE WHEN t.finding = 'log large' THEN 'notice' ELSE 'critical' END AS level, NULL::text AS model, t.place - 100 AS place,
                   t.finding, t.detail, t.since, t.to_do
              FROM rfm_internal.cron_troubles() WITH ORDINALITY AS t(finding, detail, since, to_do, place)
             UNION ALL
            SELECT m.level, s.model, m.place, m.finding, m.detail, m.since, m.to_do
              FROM rfm_internal.model_state AS s, LATERAL rfm_internal.findings(s) AS m) AS f
     ORDER BY array_position('{critical,warning,notice}'::text[], f.level), f.model NULLS FIRST, f.place
$body$;
COMMENT ON FUNCTION @extschema@.rfm_health() IS
    'what is wrong, one row per finding, the worst first; no row means that all is well. level: critical (snapshots are not computed), warning (they soon will not be computed, or are of little use) or notice; model is null if the finding concerns all models. Includes the models that you may use or, as a member of pg_monitor, monitor';

-- Watching ----------------------------------------------------------------

CREATE TYPE rfm_internal.cron_job AS (
    model         text,
    job_id        int8,
    runs_as       text,
    schedule      text,
    active        bool,
    status        text,
    message       text,
    started_at    timestamptz,
    duration      interval,
    failures      int8,
    failing_since timestamptz,
    zone          text
);
COMMENT ON TYPE rfm_internal.cron_job IS
    'internal: a job of pg_cron that refreshes a model';

CREATE FUNCTION rfm_internal.cron_jobs()
RETURNS SETOF rfm_internal.cron_job
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'rfm_cron_jobs';
COMMENT ON FUNCTION rfm_internal.cron_jobs() IS
    'internal: the jobs of the models that the caller may use; none where there is no pg_cron in this database';

-- The view reads its tables as its owner, past their row security: the rows are
-- the caller's by its own condition.
CREATE VIEW @extschema@.rfm_jobs WITH (security_barrier) AS
SELECT m.model, j.schedule, j.active, j.job_id, j.runs_as,
       s.last_snapshot, s.days_behind, s.next_date,
       CASE WHEN j.active THEN rfm_internal.next_run(j.schedule, j.zone, now()) END AS next_run_at,
       j.status AS last_status, j.message AS last_message,
       j.started_at AS last_run_at, j.duration AS last_duration,
       j.failures, j.failing_since,
       CASE
           WHEN j.failures > 0 AND j.message = 'connection failed'
               THEN format('the job could not connect: set cron.use_background_workers = on in postgresql.conf, restart the server, then: CALL %s.rfm_catch_up(%L);', '@extschema@', m.model)
           WHEN j.failures > 0
               THEN format('see last_message, mend that, then: CALL %s.rfm_catch_up(%L);', '@extschema@', m.model)
           WHEN j.job_id IS NOT NULL AND NOT j.active
               THEN format('the job is paused: SELECT %s.rfm_schedule(%L, %L);', '@extschema@', j.schedule, m.model)
           WHEN j.job_id IS NULL AND COALESCE(s.days_behind, 1) > 0
               THEN format('no job of this database refreshes it: SELECT %s.rfm_schedule(model => %L);', '@extschema@', m.model)
           WHEN s.days_behind > 1
               THEN format('the next run catches up; sooner: CALL %s.rfm_catch_up(%L);', '@extschema@', m.model)
       END AS to_do
  FROM @extschema@.rfm_model m
       CROSS JOIN LATERAL (
           SELECT CASE m.as_of WHEN 'today' THEN rfm_internal.local_date(now(), m.time_zone)
                              WHEN 'yesterday' THEN rfm_internal.local_date(now(), m.time_zone) - 1
                  END AS today,
                  NOT COALESCE(m.target_columns @> '{"run_date": null}', false) AS dated) AS d
       CROSS JOIN LATERAL (
           SELECT last.run_date AS last_snapshot,
                  d.today - last.run_date AS days_behind,
                  CASE WHEN last.run_date < d.today AND NOT d.dated THEN d.today
                       WHEN d.today IS NOT NULL THEN COALESCE(last.run_date + 1, d.today)
                  END AS next_date
             FROM (SELECT max(r.run_date) AS run_date
                     FROM @extschema@.rfm_run r
                    WHERE r.model_id = m.model_id AND (d.today IS NULL OR r.run_date <= d.today)) AS last) AS s
       LEFT JOIN rfm_internal.cron_jobs() AS j ON j.model = m.model
 WHERE pg_has_role(m.owner::oid, 'USAGE');

COMMENT ON VIEW @extschema@.rfm_jobs IS
    'one row a model that you may use (and a job, should it have several): its last snapshot, its job in pg_cron, how that fares and what to do. Columns about the job are null where pg_cron is not in this database';
COMMENT ON COLUMN @extschema@.rfm_jobs.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.rfm_jobs.schedule IS 'when its job runs, in pg_cron''s time zone; null: there is no job';
COMMENT ON COLUMN @extschema@.rfm_jobs.active IS 'false where the job is paused';
COMMENT ON COLUMN @extschema@.rfm_jobs.job_id IS 'number of the job in pg_cron';
COMMENT ON COLUMN @extschema@.rfm_jobs.runs_as IS 'role that the job runs as';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_snapshot IS 'newest date, up to today, that the log has a snapshot of';
COMMENT ON COLUMN @extschema@.rfm_jobs.days_behind IS 'days from the last snapshot to today in the model''s time zone; null: no snapshot yet, or a model as of the latest order';
COMMENT ON COLUMN @extschema@.rfm_jobs.next_date IS 'date that comes next; null for a model as of the latest order';
COMMENT ON COLUMN @extschema@.rfm_jobs.next_run_at IS 'when the job runs next; null: paused, or not known from the schedule';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_status IS 'status of the job''s last run, as pg_cron says it: succeeded, failed, running, ...';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_message IS 'message of the last run';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_run_at IS 'when the last run started';
COMMENT ON COLUMN @extschema@.rfm_jobs.last_duration IS 'how long the last run took';
COMMENT ON COLUMN @extschema@.rfm_jobs.failures IS 'runs that failed since the last one that succeeded';
COMMENT ON COLUMN @extschema@.rfm_jobs.failing_since IS 'when the first of those started';
COMMENT ON COLUMN @extschema@.rfm_jobs.to_do IS 'what to do; null: nothing';

GRANT SELECT ON @extschema@.rfm_jobs TO PUBLIC;

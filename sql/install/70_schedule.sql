-- Scheduling --------------------------------------------------------------
--
-- pg_cron is optional: everything here uses it only by dynamic SQL.

-- The command of a model's daily job.  This is the only place that defines it.
CREATE FUNCTION rfm_internal.job_command(model text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('CALL %s.rfm_catch_up(%L)', '@extschema@', $1)
$body$;
COMMENT ON FUNCTION rfm_internal.job_command(text) IS
    'internal: the command of a model''s job';

-- The suffix of this command in a job made by rfm_schedule: the time since which it
-- has its schedule, which pg_cron does not store.  A job is not overdue for earlier
-- times.
CREATE FUNCTION rfm_internal.job_stamp()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format(' -- scheduled at %s', extract(epoch FROM clock_timestamp())::int8)
$body$;
COMMENT ON FUNCTION rfm_internal.job_stamp() IS
    'internal: the suffix of a job''s command, a comment with the time since which it has its schedule';

-- pg_cron before 1.5 cuts job names to 63 bytes, so long ones end in a digest.
CREATE FUNCTION rfm_internal.job_name(model text)
RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    job text := concat('rfm: ', model);
BEGIN
    IF octet_length(job) <= 63 THEN
        RETURN job;
    END IF;
    WHILE octet_length(job) > 30 LOOP
        job := left(job, -1);
    END LOOP;
    RETURN concat(job, ' ', md5(model));
END
$body$;
COMMENT ON FUNCTION rfm_internal.job_name(text) IS
    'internal: the name of a model''s job';

-- A setting of pg_cron. known: the library is loaded and has that setting; value:
-- null where the caller may not read it.  A name that is only in postgresql.conf is
-- not in pg_settings, and every role may read it.
CREATE FUNCTION rfm_internal.cron_setting(name text, OUT known bool, OUT value text)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    SELECT true, s.setting INTO known, value
    FROM pg_settings s
    WHERE s.name = cron_setting.name;
    IF FOUND THEN
        RETURN;
    END IF;
    known := false;
    BEGIN
        PERFORM current_setting(name, true);
    EXCEPTION WHEN insufficient_privilege THEN
        known := true;
    END;
END
$body$;
COMMENT ON FUNCTION rfm_internal.cron_setting(text) IS
    'internal: a setting of pg_cron, if it is loaded';

-- The reason why pg_cron cannot be called in this database, and what to do; nulls:
-- none. statement: what to run instead in the database where it is installed.
CREATE FUNCTION rfm_internal.cron_absence(statement text, OUT detail text, OUT hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    here    CONSTANT text := current_database();
    created CONSTANT bool := EXISTS (
        SELECT FROM pg_extension e WHERE e.extname = 'pg_cron');
    home    record;
BEGIN
    SELECT s.known, s.value INTO home FROM rfm_internal.cron_setting('cron.database_name') s;

    IF created AND home.known AND COALESCE(home.value = here, true) THEN
        RETURN;
    END IF;

    IF home.known AND home.value <> here THEN
        detail := format('pg_cron runs from database "%s" (setting cron.database_name).', home.value);
        hint := format('As a superuser, run in database "%s": %s', home.value, statement);
    ELSIF home.known AND home.value IS NULL THEN
        detail := 'Extension pg_cron has not been created in this database; it can be in one database of a server only, named by the setting cron.database_name.';
        hint := format('Ask a superuser to run CREATE EXTENSION pg_cron in this database or, if pg_cron is in another database, to run there: %s', statement);
    ELSIF home.known THEN
        detail := 'Extension pg_cron is loaded by the server, but has not been created in this database.';
        hint := 'As a superuser, run CREATE EXTENSION pg_cron, then call this function again.';
    ELSIF created OR EXISTS (SELECT FROM pg_available_extensions x
                             WHERE x.name = 'pg_cron')
    THEN
        detail := 'pg_cron is installed on the server, but not loaded: it is not in shared_preload_libraries.';
        hint := format(
            'Set shared_preload_libraries = ''pg_cron'' (beside what stands there) and cron.database_name = ''%s'', restart the server%s, then call this function again.',
            here, CASE WHEN created THEN '' ELSE ', run CREATE EXTENSION pg_cron' END);
    ELSE
        detail := 'pg_cron is not installed on the server.';
        hint := format(
            'Install it (on Debian and Ubuntu: package postgresql-%s-cron), set shared_preload_libraries = ''pg_cron'' and cron.database_name = ''%s'', restart the server, run CREATE EXTENSION pg_cron, then call this function again. Any other scheduler can run CALL rfm_catch_up() as well.',
            current_setting('server_version_num')::int4 / 10000, here);
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.cron_absence(text) IS
    'internal: the reason why pg_cron cannot be called in this database';

CREATE FUNCTION rfm_internal.require_cron(statement text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    absence record;
BEGIN
    SELECT * INTO absence FROM rfm_internal.cron_absence(statement);
    IF absence.detail IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = 'pg_cron is not available in this database',
            DETAIL = absence.detail,
            HINT = absence.hint;
    ELSIF NOT has_schema_privilege('cron', 'USAGE') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'permission denied for pg_cron',
            DETAIL = format('Role %I may not use schema cron.', CURRENT_USER),
            HINT = format('Ask a superuser to run: GRANT USAGE ON SCHEMA cron TO %I;', CURRENT_USER);
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.require_cron(text) IS
    'internal: error unless pg_cron can be called in this database';

-- Removes the jobs of a model that the caller may remove, except for one.
CREATE FUNCTION rfm_internal.remove_jobs(model text, keep_user name)
RETURNS int8
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    job     int8;
    removed int8 := 0;
BEGIN
    -- A job of this user in another database is left over from before this database
    -- was renamed, and prevents a new one.  A paused job would remain paused.
    FOR job IN EXECUTE
        'SELECT j.jobid FROM cron.job j'
        ' WHERE j.jobname::text = $1'
        ' AND (j.username = CURRENT_USER::text'
        '      OR (SELECT a.rolsuper FROM pg_roles a WHERE a.rolname = CURRENT_USER))'
        ' AND NOT COALESCE(j.username = $2::text'
        '                  AND j.database = current_database()::text'
        '                  AND j.active, false)'
        USING rfm_internal.job_name(model), keep_user
    LOOP
        EXECUTE 'SELECT cron.unschedule($1::int8)' USING job;
        removed := removed + 1;
    END LOOP;
    RETURN removed;
END
$body$;
COMMENT ON FUNCTION rfm_internal.remove_jobs(text, name) IS
    'internal: removes the jobs of a model from pg_cron';

-- The role that the job of a model runs as: the caller; for a superuser the owner
-- of the model, if that role can log in.
CREATE FUNCTION rfm_internal.job_role(model text)
RETURNS name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce(
        (SELECT a.rolname
         FROM @extschema@.rfm_model m
         JOIN pg_roles a ON a.oid = m.owner AND a.rolcanlogin
         WHERE m.model = $1
           AND (SELECT c.rolsuper FROM pg_roles c WHERE c.rolname = CURRENT_USER)),
        CURRENT_USER)
$body$;
COMMENT ON FUNCTION rfm_internal.job_role(text) IS
    'internal: the role that the job of a model runs as';

-- The statement that makes a model's job in the database where pg_cron is
-- installed.
CREATE FUNCTION rfm_internal.job_elsewhere(schedule text, model text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);',
                  rfm_internal.job_name(format('%s (%s)', model, current_database())),
                  schedule, rfm_internal.job_command(model), current_database(), rfm_internal.job_role(model))
$body$;
COMMENT ON FUNCTION rfm_internal.job_elsewhere(text, text) IS
    'internal: the statement that makes a model''s job in another database';

CREATE FUNCTION rfm_internal.cron_field(field text, low int4, high int4)
RETURNS int4[]
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF $1 ~ '^[0-9]{1,2}$' THEN
        RETURN ARRAY[$1::int4];
    ELSIF $1 = '*' THEN
        RETURN ARRAY(SELECT generate_series($2, $3));
    END IF;
    RETURN (
        SELECT CASE WHEN bool_and(m.match IS NOT NULL) THEN array_agg(v.value) FILTER (WHERE v.value IS NOT NULL) END
          FROM string_to_table($1, ',') AS item(text)
               CROSS JOIN LATERAL (
                   SELECT coalesce(regexp_match(item.text, '^([*])(?:/([1-9][0-9]?))?$'),
                                   regexp_match(item.text, '^([0-9]{1,2})$'),
                                   regexp_match(item.text, '^([0-9]{1,2})-([0-9]{1,2})(?:/([1-9][0-9]?))?$'))) AS m(match)
               LEFT JOIN LATERAL (
                   SELECT CASE WHEN m.match[1] = '*' THEN $2 ELSE m.match[1]::int4 END,
                          CASE WHEN m.match[1] = '*' THEN $3 ELSE coalesce(m.match[2], m.match[1])::int4 END,
                          coalesce(CASE WHEN m.match[1] = '*' THEN m.match[2] ELSE m.match[3] END, '1')::int4
                   ) AS span(first, last, step) ON m.match IS NOT NULL
               LEFT JOIN LATERAL generate_series(span.first, span.last, span.step) AS v(value) ON true);
END
$body$;
COMMENT ON FUNCTION rfm_internal.cron_field(text, int4, int4) IS
    'internal: the numbers that a field of a schedule stands for; null for names and other fields that are not supported';

-- When pg_cron runs a job next after a given time or, unless forward, when it was
-- last due.  Null for schedules other than five fields of numbers.
CREATE FUNCTION rfm_internal.cron_run(schedule text, zone text, moment timestamptz, forward bool)
RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $body$
DECLARE
    field    CONSTANT text[] := regexp_split_to_array(btrim(schedule), '\s+');
    minutes  CONSTANT int4[] := rfm_internal.cron_field(field[1], 0, 59);
    hours    CONSTANT int4[] := rfm_internal.cron_field(field[2], 0, 23);
    days     CONSTANT int4[] := rfm_internal.cron_field(field[3], 1, 31);
    months   CONSTANT int4[] := rfm_internal.cron_field(field[4], 1, 12);
    weekdays CONSTANT int4[] := rfm_internal.cron_field(field[5], 0, 7);
    any_day  CONSTANT bool := field[3] LIKE '*%' OR field[5] LIKE '*%';
    step     CONSTANT int4 := CASE WHEN forward THEN 1 ELSE -1 END;
BEGIN
    IF NOT isfinite(moment) OR cardinality(field) <> 5 OR minutes IS NULL OR hours IS NULL OR days IS NULL
       OR months IS NULL OR weekdays IS NULL
    THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('timezone', zone, true);
    -- Where both restrict it, a day need match only one of day of month and day of
    -- week.  The first day may be over, and the second may lack that hour; eight
    -- years always include a 29 February.
    RETURN (
        SELECT CASE WHEN forward THEN min(f.due) FILTER (WHERE f.due > moment)
                    ELSE max(f.due) FILTER (WHERE f.due <= moment) END
          FROM (SELECT (d.day + make_time(h.hour, m.minute, 0))::timestamptz AS due
                  FROM (SELECT c.day
                          FROM (SELECT moment::date + step * generate_series(0, 2922) AS day) AS c,
                               LATERAL (SELECT extract(day FROM c.day) = ANY (days) AS month_day,
                                               extract(dow FROM c.day) = ANY (weekdays)
                                               OR extract(isodow FROM c.day) = ANY (weekdays) AS week_day) AS fits
                         WHERE extract(month FROM c.day) = ANY (months)
                           AND CASE WHEN any_day THEN fits.month_day AND fits.week_day ELSE fits.month_day OR fits.week_day END
                         LIMIT 3) AS d,
                       unnest(hours) AS h(hour), unnest(minutes) AS m(minute)) AS f);
END
$body$;
COMMENT ON FUNCTION rfm_internal.cron_run(text, text, timestamptz, bool) IS
    'internal: when a schedule of pg_cron is due next, or was due last';

CREATE FUNCTION rfm_internal.next_run(schedule text, zone text, after timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.cron_run($1, $2, $3, true)
$body$;
COMMENT ON FUNCTION rfm_internal.next_run(text, text, timestamptz) IS
    'internal: when a schedule of pg_cron is due next';

-- The time zone of pg_cron's schedules; null if it is unknown.
CREATE FUNCTION rfm_internal.cron_zone()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN s.known THEN s.value ELSE 'GMT' END
      FROM rfm_internal.cron_setting('cron.timezone') AS s
$body$;
COMMENT ON FUNCTION rfm_internal.cron_zone() IS
    'internal: the time zone of pg_cron''s schedules';

-- What a job computes, as a sentence for the role that schedules it.
CREATE FUNCTION rfm_internal.job_outlook(model text, schedule text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $body$
DECLARE
    cron_zone CONSTANT text := rfm_internal.cron_zone();
    next_run  CONSTANT timestamptz := rfm_internal.next_run(schedule, cron_zone, clock_timestamp());
    zone      text;
    as_of     text;
BEGIN
    SELECT m.time_zone, m.as_of INTO zone, as_of
      FROM @extschema@.rfm_model m WHERE m.model = job_outlook.model;
    IF as_of = 'latest_order' THEN
        RETURN 'Each run computes the snapshot of the latest order''s date, after those that were missed.';
    ELSIF next_run IS NULL THEN
        RETURN format('Each run computes the snapshot of the current date in the model''s time zone, %s,%s after those that were missed.', zone,
                      CASE as_of WHEN 'yesterday' THEN ' less one day,' ELSE '' END);
    END IF;
    PERFORM set_config('timezone', cron_zone, true);
    RETURN format('It next runs at %s in time zone %s, and then computes the snapshot of %s, the %s in the model''s time zone, %s, after those that were missed.',
                  to_char(next_run, 'YYYY-MM-DD HH24:MI'), cron_zone,
                  to_char(rfm_internal.local_date(next_run, zone) - (as_of = 'yesterday')::int4, 'YYYY-MM-DD'),
                  CASE as_of WHEN 'yesterday' THEN 'day before' ELSE 'date' END, zone);
END
$body$;
COMMENT ON FUNCTION rfm_internal.job_outlook(text, text) IS
    'internal: a text that describes what a model''s job will compute';

-- The reason why jobs of a role cannot connect to this database, as far as it can
-- be known in advance; nulls: none.  It reads settings and pg_hba.conf as their
-- owner, for members of the role.
CREATE FUNCTION rfm_internal.job_trouble(role name, OUT detail text, OUT hint text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH launcher AS (
        SELECT max(s.setting) FILTER (WHERE s.name = 'cron.host') AS host,
               coalesce(bool_or(s.setting = 'on') FILTER (WHERE s.name = 'cron.use_background_workers'), false) AS workers,
               bool_or(s.setting = 'on') FILTER (WHERE s.name = 'ssl') AS ssl,
               bool_or(s.setting = '') FILTER (WHERE s.name = 'listen_addresses') AS deaf
          FROM pg_settings AS s),
    -- pg_cron connects as any client does; localhost has two addresses
    route AS (
        SELECT CASE WHEN l.host = '' OR l.host LIKE '/%' THEN 'local' ELSE 'host' END AS type, a.address, l.ssl, l.deaf
          FROM launcher AS l
               CROSS JOIN LATERAL (
                   SELECT unnest(CASE WHEN l.host = '' OR l.host LIKE '/%' THEN ARRAY[NULL]
                                      WHEN l.host = 'localhost' THEN '{127.0.0.1,::1}'
                                      WHEN l.host IN ('127.0.0.1', '::1') THEN ARRAY[l.host]
                                      ELSE '{}' END::text[])::inet AS address) AS a
         WHERE NOT l.workers),
    -- the first matching line decides; without one the server refuses
    decision AS (
        SELECT DISTINCT ON (r.address) r.type, h.line_number, h.options,
               CASE WHEN r.type = 'host' AND r.deaf THEN 'closed' ELSE coalesce(h.auth_method, 'nothing') END AS auth_method
          FROM route AS r
               LEFT JOIN pg_hba_file_rules() AS h
                 ON (h.type = r.type OR h.type = CASE WHEN r.ssl THEN 'hostssl' ELSE 'hostnossl' END AND r.type = 'host')
                AND (h.database && ARRAY['all', current_database()::text] OR 'sameuser' = ANY (h.database) AND role = current_database())
                AND ('all' = ANY (h.user_name) OR role::text = ANY (h.user_name)
                     OR EXISTS (SELECT FROM pg_roles AS g WHERE '+' || g.rolname = ANY (h.user_name) AND pg_has_role(role, g.oid, 'MEMBER')))
                AND (r.address IS NULL OR h.address IN ('all', 'samehost', 'samenet', 'localhost')
                     OR CASE WHEN h.address ~ '^[0-9a-f.:]+$' AND family(h.address::inet) = family(r.address)
                             THEN (h.address::inet & h.netmask::inet) = (r.address & h.netmask::inet) END)
         ORDER BY r.address, h.line_number),
    refusal AS (
        SELECT d.line_number, d.auth_method, d.type
          FROM decision AS d
         WHERE d.auth_method NOT IN ('trust', 'cert')
           AND NOT (d.auth_method IN ('peer', 'ident') AND (d.options IS NOT NULL OR role = (SELECT a.rolname FROM pg_authid AS a WHERE a.oid = 10)))
         ORDER BY d.line_number
         LIMIT 1)
    SELECT CASE WHEN NOT a.rolcanlogin
                THEN format('Role %I is not permitted to log in.', role)
                ELSE format('pg_cron connects to %s as role %I, and there %s.',
                            CASE f.type WHEN 'local' THEN 'the server''s socket' ELSE 'localhost' END, role,
                            CASE WHEN f.auth_method = 'closed' THEN 'the server does not listen (listen_addresses)'
                                 WHEN f.auth_method = 'nothing' THEN 'no line of pg_hba.conf matches'
                                 WHEN f.auth_method = 'reject' THEN format('line %s of pg_hba.conf refuses it', f.line_number)
                                 WHEN f.auth_method IN ('peer', 'ident')
                                 THEN format('line %s of pg_hba.conf requires the operating system user of that name (%s)', f.line_number, f.auth_method)
                                 ELSE format('line %s of pg_hba.conf requires a password (%s)', f.line_number, f.auth_method) END)
           END,
           CASE WHEN NOT a.rolcanlogin
                THEN format('ALTER ROLE %I LOGIN, or call rfm_schedule() as a role that can log in.', role)
                ELSE 'Set cron.use_background_workers = on in postgresql.conf and restart the server, so that jobs need no connection. Alternatively, add the password to the password file of the server''s operating system user.'
           END
      FROM pg_roles AS a LEFT JOIN refusal AS f ON true
     WHERE a.rolname = role AND pg_has_role(session_user, a.oid, 'MEMBER')
       AND (NOT a.rolcanlogin OR f.auth_method IS NOT NULL);
END;
COMMENT ON FUNCTION rfm_internal.job_trouble(name) IS
    'internal: the reason why the jobs of a role cannot connect';

CREATE FUNCTION @extschema@.rfm_schedule(
    schedule text DEFAULT '0 2 * * *',
    model    text DEFAULT 'default')
RETURNS int8
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    runs_as name;
    job     int8;
    trouble record;
BEGIN
    IF schedule IS NULL OR model IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'null_value_not_allowed',
            MESSAGE = 'schedule and model must not be null',
            HINT = 'Omit a parameter to use its default. rfm_unschedule() removes a job.';
    END IF;

    PERFORM rfm_internal.require_cron(rfm_internal.job_elsewhere(schedule, model));
    PERFORM rfm_internal.ensure_model(model);

    runs_as := rfm_internal.job_role(model);
    PERFORM rfm_internal.remove_jobs(model, runs_as);
    BEGIN
        IF runs_as = CURRENT_USER THEN
            EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job
            USING rfm_internal.job_name(model), schedule, rfm_internal.job_command(model) || rfm_internal.job_stamp();
        ELSE
            EXECUTE 'SELECT cron.schedule_in_database($1, $2, $3, $4, $5)' INTO job
            USING rfm_internal.job_name(model), schedule, rfm_internal.job_command(model) || rfm_internal.job_stamp(),
                  current_database()::text, runs_as::text;
        END IF;
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('invalid schedule: "%s"', schedule),
            DETAIL = format('pg_cron says: %s', SQLERRM),
            HINT = 'Write minute, hour, day of month, month and day of week, as in ''0 2 * * *'' for every day at 2 o''clock.';
    END;

    RAISE NOTICE USING
        MESSAGE = format('job %s will refresh model "%s" at "%s" in time zone %s', job, model, schedule,
                                    COALESCE(rfm_internal.cron_zone(), 'of setting cron.timezone')),
        DETAIL = rfm_internal.job_outlook(model, schedule);
    SELECT * INTO trouble FROM rfm_internal.job_trouble(runs_as);
    IF trouble.detail IS NOT NULL THEN
        RAISE WARNING USING
            MESSAGE = format('job %s will probably not be able to connect', job),
            DETAIL = trouble.detail,
            HINT = trouble.hint;
    END IF;
    RETURN job;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_schedule(text, text) IS
    'schedules a job of pg_cron that calls rfm_catch_up() for a model, and replaces its previous job; returns the job id. The schedule has five cron fields and is in pg_cron''s time zone: GMT before pg_cron 1.5, cron.timezone from 1.5 on. The job runs as the role that calls this function; if a superuser calls it, as the owner of the model if that role can log in. The model''s query always runs as its owner';

CREATE FUNCTION @extschema@.rfm_unschedule(model text DEFAULT 'default')
RETURNS bool
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM rfm_internal.require_cron(format(
        'SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = %L;',
        rfm_internal.job_name(format('%s (%s)', model, current_database()))));
    RETURN rfm_internal.remove_jobs(model, NULL) > 0;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_unschedule(text) IS
    'removes the job that rfm_schedule made for a model: your own, or as a superuser that of any role; false if there was none. The model need not exist';

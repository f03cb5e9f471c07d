--
-- rfm_schedule where pg_cron has not been created in this database.  DETAIL and
-- HINT depend on the server: loaded or not, installed or not.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT rfm_schedule();
SELECT rfm_schedule('* * * * *', 'regress_none');
SELECT rfm_unschedule();
SELECT rfm_schedule(NULL);
DO $$
DECLARE
    detail text;
    hint   text;
BEGIN
    PERFORM rfm_schedule();
EXCEPTION WHEN undefined_object THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE NOTICE '%, detail: %, hint: %', SQLSTATE, detail LIKE '%pg_cron%', hint <> '';
END
$$;

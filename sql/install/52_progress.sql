-- Progress -------------------------------------------------------------------

CREATE FUNCTION rfm_internal.progress_slots()
RETURNS TABLE (
    pid           int4,
    database      oid,
    run_by        oid,
    command       text,
    model         text,
    run_date      date,
    phase         text,
    done          int8,
    total         int8,
    percent       float8,
    started       timestamptz,
    phase_started timestamptz
)
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'rfm_progress_slots';

COMMENT ON FUNCTION rfm_internal.progress_slots() IS
    'internal: the rows of rfm_progress';

CREATE VIEW @extschema@.rfm_progress AS
SELECT s.pid, d.datname, a.rolname AS run_by, s.command, s.model, s.run_date,
       s.phase, s.done, s.total, s.percent, s.started, s.phase_started
  FROM rfm_internal.progress_slots() s
  LEFT JOIN pg_database d ON d.oid = s.database
  LEFT JOIN pg_roles a ON a.oid = s.run_by;

COMMENT ON VIEW @extschema@.rfm_progress IS
    'refreshes and previews that run now, in all databases of the server, and how far they are. Shows those that you or a role you are a member of asked for, and those of models of these roles; members of pg_read_all_stats see all. Needs rfm in shared_preload_libraries';
COMMENT ON COLUMN @extschema@.rfm_progress.pid IS 'process id of the session that runs it, as in pg_stat_activity';
COMMENT ON COLUMN @extschema@.rfm_progress.datname IS 'database of the model';
COMMENT ON COLUMN @extschema@.rfm_progress.run_by IS 'role that asked for it';
COMMENT ON COLUMN @extschema@.rfm_progress.command IS '"refresh" or "preview"';
COMMENT ON COLUMN @extschema@.rfm_progress.model IS 'name of the model, of a long one the beginning';
COMMENT ON COLUMN @extschema@.rfm_progress.run_date IS 'date under way; null until it is known';
COMMENT ON COLUMN @extschema@.rfm_progress.phase IS
    'wait: for another refresh of the model; read: the orders; sort: the customers; score: them; write: compares with the target and writes what differs; done: written, its transaction goes on';
COMMENT ON COLUMN @extschema@.rfm_progress.done IS 'orders read, or customers done with, in this phase';
COMMENT ON COLUMN @extschema@.rfm_progress.total IS
    'orders that the planner expects to count, never fewer than are read; customers in the later phases; null while not known';
COMMENT ON COLUMN @extschema@.rfm_progress.percent IS 'how far the whole refresh is, by the time that phases usually take';
COMMENT ON COLUMN @extschema@.rfm_progress.started IS 'when it was asked for';
COMMENT ON COLUMN @extschema@.rfm_progress.phase_started IS 'when this phase began';

GRANT SELECT ON @extschema@.rfm_progress TO PUBLIC;

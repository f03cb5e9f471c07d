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
    'progress of running refreshes and previews in all databases of the server. A role sees those called by roles of which it is a member, and those of these roles'' models; members of pg_read_all_stats see all. Requires rfm in shared_preload_libraries';
COMMENT ON COLUMN @extschema@.rfm_progress.pid IS 'process id of the session, as in pg_stat_activity';
COMMENT ON COLUMN @extschema@.rfm_progress.datname IS 'database of the model';
COMMENT ON COLUMN @extschema@.rfm_progress.run_by IS 'role that called it';
COMMENT ON COLUMN @extschema@.rfm_progress.command IS '"refresh" or "preview"';
COMMENT ON COLUMN @extschema@.rfm_progress.model IS 'name of the model, possibly truncated';
COMMENT ON COLUMN @extschema@.rfm_progress.run_date IS 'run date; null until it is known';
COMMENT ON COLUMN @extschema@.rfm_progress.phase IS
    'wait: waiting for another refresh of the model; read: reading the orders; sort: sorting the customers; score: scoring them; write: comparing with the target and writing what differs; done: written, the transaction is still open';
COMMENT ON COLUMN @extschema@.rfm_progress.done IS 'orders read, or customers processed, in this phase';
COMMENT ON COLUMN @extschema@.rfm_progress.total IS
    'orders that the planner expects, but at least those already read; customers in the later phases; null if unknown';
COMMENT ON COLUMN @extschema@.rfm_progress.percent IS 'progress of the whole refresh, estimated from the time that phases usually take';
COMMENT ON COLUMN @extschema@.rfm_progress.started IS 'when it was called';
COMMENT ON COLUMN @extschema@.rfm_progress.phase_started IS 'when this phase began';

GRANT SELECT ON @extschema@.rfm_progress TO PUBLIC;

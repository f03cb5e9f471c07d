-- Refreshing -----------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_refresh(
    run_date date DEFAULT NULL,
    model    text DEFAULT 'default'
) RETURNS int8
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_refresh';

COMMENT ON FUNCTION @extschema@.rfm_refresh(date, text) IS
    'computes the snapshot of a date, makes the target''s rows of that date equal to it, and returns the number of customers. The default date is given by the model''s as_of: today or yesterday in the model''s time zone, or the date of the latest order up to today';

CREATE PROCEDURE @extschema@.rfm_catch_up(model text DEFAULT 'default')
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_catch_up';

COMMENT ON PROCEDURE @extschema@.rfm_catch_up(text) IS
    'computes all snapshots that are due for a model, oldest first, each in its own transaction: those computed before their day was over, those covered by restate, those missing since the last one by the model''s cadence, and that of the default date of rfm_refresh(). Computes at most rfm.catch_up_limit snapshots, not counting those of restate. If there is no snapshot yet, or the target holds only the newest one, computes only that of the default date';

CREATE PROCEDURE @extschema@.rfm_backfill(
    from_date date,
    to_date   date,
    model     text DEFAULT 'default'
)
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_backfill';

COMMENT ON PROCEDURE @extschema@.rfm_backfill(date, date, text) IS
    'computes the snapshots of all dates from from_date to to_date, oldest first, each in its own transaction. The results are those of rfm_refresh(), but the orders are read only once if they fit into rfm.work_mem. After an interruption, a repeated call continues where it stopped';

CREATE FUNCTION @extschema@.rfm_run_date()
RETURNS date
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_run_date';

COMMENT ON FUNCTION @extschema@.rfm_run_date() IS
    'the run date of the current refresh, for use in a model''s expressions and in views that it reads: deleted_at IS NULL OR deleted_at > rfm_run_date(). Outside of a refresh, the current date';

CREATE FUNCTION @extschema@.rfm_preview(
    run_date    date DEFAULT NULL,
    model       text DEFAULT 'default',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    run_date         date,
    score_group      text,
    customer_id      text,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric,
    r_score          int4,
    f_score          int4,
    m_score          int4,
    rfm_score        int4,
    rfm_segment      text,
    comments         text,
    rfm_cell         text,
    rfm_weighted     int8
)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100000
AS 'MODULE_PATHNAME', 'rfm_preview';

COMMENT ON FUNCTION @extschema@.rfm_preview(date, text, text) IS
    'returns the snapshot of a date, ordered by group, if the model has groups, and customer, without writing it. With score_group only the orders of that group are read';

CREATE FUNCTION @extschema@.rfm_cut_points(
    run_date    date DEFAULT NULL,
    model       text DEFAULT 'default',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    score_group   text,
    metric        text,
    score         int4,
    customers     int8,
    lowest        numeric,
    highest       numeric,
    cut_point     numeric,
    from_customer text,
    tied          int8
)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
    -- a target without dates contains the last refresh
    WITH newest AS (
        SELECT r.run_id, r.cut_points
          FROM @extschema@.rfm_model m JOIN @extschema@.rfm_run r USING (model_id)
         WHERE m.model = $2 AND r.run_date = coalesce($1, r.run_date)
         ORDER BY CASE WHEN m.target_columns -> 'run_date' IS DISTINCT FROM 'null' THEN r.run_date END DESC, r.run_id DESC
         LIMIT 1),
    cuts AS (
        SELECT NULL::text AS score_group, cut_points FROM newest WHERE $3 IS NULL AND cut_points <> '{}'
        UNION ALL
        SELECT g.score_group, g.cut_points FROM newest JOIN @extschema@.rfm_run_group g USING (run_id) WHERE g.score_group = coalesce($3, g.score_group))
    SELECT cuts.score_group, axis.name, score.score, score.customers, score.lowest, score.highest,
           score.cut_point, score.from_customer, score.tied
      FROM cuts,
           unnest(ARRAY['recency_days', 'frequency_orders', 'monetary_value'])
               WITH ORDINALITY AS axis(name, position),
           jsonb_to_recordset(cuts.cut_points -> axis.name)
               AS score(score int4, customers int8, lowest numeric, highest numeric,
                        cut_point numeric, from_customer text, tied int8)
     ORDER BY cuts.score_group, axis.position, score.score
$function$;

COMMENT ON FUNCTION @extschema@.rfm_cut_points(date, text, text) IS
    'what each score covered in the last refresh of a date, by default of the newest: number of customers, lowest and highest value, the cut point between it and the next lower score, and, if ntile split equal values there, the customer with whom the score begins. With score_group for one group, otherwise for all groups of the model';

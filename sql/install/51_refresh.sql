-- Refreshing -----------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_refresh(
    run_date date DEFAULT NULL,
    model    text DEFAULT 'default'
) RETURNS int8
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_refresh';

COMMENT ON FUNCTION @extschema@.rfm_refresh(date, text) IS
    'computes the snapshot of a date and makes the rows of the target equal to it; returns the number of customers in it. Without a date: today or yesterday in the model''s time zone, or the date of the latest order up to today, as the model''s as_of says';

CREATE PROCEDURE @extschema@.rfm_catch_up(model text DEFAULT 'default')
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_catch_up';

COMMENT ON PROCEDURE @extschema@.rfm_catch_up(text) IS
    'computes every snapshot that a model owes, oldest first, each in a transaction of its own: those computed before their day was over, those that its restate asks for, those missed since its last one by its cadence, and that of the date that rfm_refresh() would take; at most rfm.catch_up_limit of them beside those of restate. Where there is no snapshot yet, or the target holds the newest one only: the last alone';

CREATE PROCEDURE @extschema@.rfm_backfill(
    from_date date,
    to_date   date,
    model     text DEFAULT 'default'
)
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_backfill';

COMMENT ON PROCEDURE @extschema@.rfm_backfill(date, date, text) IS
    'computes the snapshot of every date from from_date to to_date, oldest first, each in a transaction of its own, as rfm_refresh() would one by one; but reads the orders only once for all of them, where they fit into rfm.work_mem. Called again after it was interrupted, it goes on where it stopped';

CREATE FUNCTION @extschema@.rfm_run_date()
RETURNS date
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_run_date';

COMMENT ON FUNCTION @extschema@.rfm_run_date() IS
    'the date that is being computed, for the expressions of a model and for views that it reads: deleted_at IS NULL OR deleted_at > rfm_run_date(). Elsewhere the current date';

CREATE FUNCTION @extschema@.rfm_preview(
    run_date date DEFAULT NULL,
    model    text DEFAULT 'default'
) RETURNS TABLE (
    run_date         date,
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

COMMENT ON FUNCTION @extschema@.rfm_preview(date, text) IS
    'the snapshot of a date as rows, in the order of the customers; nothing is written';

CREATE FUNCTION @extschema@.rfm_cut_points(
    run_date date DEFAULT NULL,
    model    text DEFAULT 'default'
) RETURNS TABLE (
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
    -- a target without dates holds what was refreshed last
    WITH newest AS (
        SELECT cut_points
          FROM @extschema@.rfm_model m JOIN @extschema@.rfm_run r USING (model_id)
         WHERE m.model = $2 AND r.run_date = coalesce($1, r.run_date)
         ORDER BY CASE WHEN m.target_columns -> 'run_date' IS DISTINCT FROM 'null' THEN r.run_date END DESC, r.run_id DESC
         LIMIT 1)
    SELECT axis.name, score.score, score.customers, score.lowest, score.highest,
           score.cut_point, score.from_customer, score.tied
      FROM newest,
           unnest(ARRAY['recency_days', 'frequency_orders', 'monetary_value'])
               WITH ORDINALITY AS axis(name, position),
           jsonb_to_recordset(newest.cut_points -> axis.name)
               AS score(score int4, customers int8, lowest numeric, highest numeric,
                        cut_point numeric, from_customer text, tied int8)
     ORDER BY axis.position, score.score
$function$;

COMMENT ON FUNCTION @extschema@.rfm_cut_points(date, text) IS
    'what each score covered in the last refresh of a date (without one, of the newest date, or of all where the target has no dates): its customers, their lowest and highest value, the cut point between it and the score below, the customer it begins with where the method is ntile, and how many customers have the value that was cut through there, by customer id (tied; null: none). The method rank gives equal values the same score';

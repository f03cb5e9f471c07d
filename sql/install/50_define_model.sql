-- Defining models ------------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_create_model(
    model          text,
    source         regclass,
    target         text,
    customer       text       DEFAULT 'customer_id',
    ordered_at     text       DEFAULT 'created_at',
    amount         text       DEFAULT 'total',
    order_id       text       DEFAULT NULL,
    order_count    text       DEFAULT NULL,
    monetary       text       DEFAULT 'sum',
    filter         text       DEFAULT NULL,
    score_within   text       DEFAULT NULL,
    method         text       DEFAULT 'ntile',
    buckets        int4[]     DEFAULT '{5}',
    r_breaks       numeric[]  DEFAULT NULL,
    f_breaks       numeric[]  DEFAULT NULL,
    m_breaks       numeric[]  DEFAULT NULL,
    lookback       interval   DEFAULT NULL,
    time_zone      text       DEFAULT 'UTC',
    as_of          text       DEFAULT 'today',
    cadence        text       DEFAULT 'day',
    restate        interval   DEFAULT NULL,
    monetary_above numeric    DEFAULT NULL,
    segment_rules  text       DEFAULT 'sum5',
    comment_rules  text       DEFAULT 'traits5',
    target_columns jsonb      DEFAULT NULL,
    keep_stale     bool       DEFAULT false,
    weights        int4[]     DEFAULT '{100,10,1}',
    retention      interval   DEFAULT NULL,
    partition_by   text       DEFAULT NULL,
    customer_index bool       DEFAULT false
) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_create_model';

COMMENT ON FUNCTION @extschema@.rfm_create_model IS
    'defines a model, and creates its target with its key if there is none; the parameters are the columns of rfm_model';

CREATE FUNCTION rfm_internal.ensure_model(model text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_ensure_model';

COMMENT ON FUNCTION rfm_internal.ensure_model(text) IS
    'raises an error unless the caller may use the model; creates the model default when it is first used and ecom.orders exists';

CREATE FUNCTION rfm_internal.delete_model(model text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_delete_model';

COMMENT ON FUNCTION rfm_internal.delete_model(text) IS
    'internal: deletes the row of a model that the caller may use';

CREATE FUNCTION @extschema@.rfm_drop_model(model text, drop_target bool DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    target_name text;
    target_oid  oid;
    may_drop    bool;
    owner_oid   oid;
BEGIN
    IF model IS NULL THEN
        RAISE EXCEPTION 'model must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    -- a target that has already been dropped has no name
    SELECT c.oid::regclass::text, c.oid, pg_has_role(m.owner, c.relowner, 'USAGE'), m.owner
      INTO target_name, target_oid, may_drop, owner_oid
      FROM @extschema@.rfm_model m LEFT JOIN pg_class c ON c.oid = m.target
     WHERE m.model = rfm_drop_model.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model "%" does not exist', model
            USING ERRCODE = 'undefined_object',
                  HINT = 'The models that you may use are the rows of rfm_model.';
    END IF;
    -- the model's owner must be able to drop it, even if another role calls this
    IF drop_target AND NOT may_drop THEN
        RAISE EXCEPTION 'target of model "%" does not belong to the model''s owner', model
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('Table %s and the model were not dropped.', target_name),
                  HINT = 'Drop the model without its target, and drop the table with DROP TABLE.';
    END IF;
    PERFORM rfm_internal.delete_model(model);
    -- a role that may not use pg_cron has no jobs
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron')
       AND has_schema_privilege('cron', 'USAGE')
    THEN
        PERFORM @extschema@.rfm_unschedule(model);
    END IF;
    PERFORM rfm_internal.drop_latest_view(target_oid, owner_oid);
    IF drop_target AND target_name IS NOT NULL THEN
        EXECUTE 'DROP TABLE ' || target_name;
    END IF;
END
$function$;

COMMENT ON FUNCTION @extschema@.rfm_drop_model(text, bool) IS
    'removes a model, its log, its schedule and the view of its newest snapshot; waits for a running refresh. The target is kept unless drop_target is true';

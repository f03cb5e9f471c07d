-- Views of the newest snapshot ------------------------------------------------
--
-- One per target, recognized by its comment and its owner, which is that of the
-- model or of the target: other roles cannot create a view with that owner.  It
-- reads the target with the rights of the querying role (security_invoker), and is
-- granted to PUBLIC, because a role that may not SELECT from the target cannot read
-- the view.

CREATE FUNCTION rfm_internal.latest_view_comment()
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT 'the newest snapshot of its table; made by rfm, which knows it by this comment'::text
$body$;
COMMENT ON FUNCTION rfm_internal.latest_view_comment() IS
    'internal: the comment that identifies a view of the newest snapshot';

CREATE FUNCTION rfm_internal.latest_view_of(target oid, owner oid)
RETURNS regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT c.oid::regclass
      FROM pg_depend d
           JOIN pg_rewrite w ON w.oid = d.objid
           JOIN pg_class c ON c.oid = w.ev_class
           JOIN pg_class t ON t.oid = d.refobjid
     WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
       AND c.relkind = 'v' AND c.relowner IN ($2, t.relowner) AND obj_description(c.oid, 'pg_class') = rfm_internal.latest_view_comment()
     ORDER BY c.oid
     LIMIT 1
$body$;
COMMENT ON FUNCTION rfm_internal.latest_view_of(oid, oid) IS
    'internal: the view of the newest snapshot of a target and owner; null: there is none';

CREATE FUNCTION rfm_internal.latest_view_name(target oid)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    schema text;
    base   text;
BEGIN
    SELECT n.nspname, c.relname INTO schema, base
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = target;
    WHILE octet_length(base) > 63 - length('_latest') LOOP
        base := left(base, -1);
    END LOOP;
    RETURN format('%I.%I', schema, base || '_latest');
END
$body$;
COMMENT ON FUNCTION rfm_internal.latest_view_name(oid) IS
    'internal: the quoted name of the view of the newest snapshot of a target';

CREATE FUNCTION @extschema@.rfm_latest_view(model text DEFAULT 'default')
RETURNS regclass
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    access  record;
    m       record;
    present regclass;
    name    text;
    query   text;
    day     text;
BEGIN
    SELECT * INTO access FROM rfm_internal.access(model);
    SELECT x.target, x.owner INTO m FROM @extschema@.rfm_model x WHERE x.model = rfm_latest_view.model;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'permission denied for model "%"', model
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = 'Only its owner and members of that role may make its view.';
    END IF;
    present := rfm_internal.latest_view_of(m.target, m.owner);
    name := coalesce(present::text, rfm_internal.latest_view_name(m.target));
    day := access.columns ->> 'run_date';
    query := format('VIEW %s WITH (security_invoker = true) AS SELECT * FROM %s AS t', name, access.relation)
             || CASE WHEN day IS NULL THEN ''
                     ELSE format(' WHERE t.%1$s = (SELECT max(n.%1$s) FROM %2$s AS n)', day, access.relation) END;

    IF present IS NOT NULL THEN
        BEGIN
            EXECUTE 'CREATE OR REPLACE ' || query;
            RETURN present;
        EXCEPTION WHEN invalid_table_definition THEN
            -- the columns have changed since it was created
            EXECUTE 'DROP VIEW ' || name;
        END;
    END IF;
    EXECUTE 'CREATE ' || query;
    EXECUTE format('COMMENT ON VIEW %s IS %L', name, rfm_internal.latest_view_comment());
    EXECUTE format('GRANT SELECT ON %s TO PUBLIC', name);
    IF m.owner <> quote_ident(CURRENT_USER)::regrole THEN
        EXECUTE format('ALTER VIEW %s OWNER TO %s', name, m.owner);
    END IF;
    RETURN name::regclass;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_latest_view(text) IS
    'creates the view of a model''s newest snapshot, <target>_latest, or replaces it after the model or its target has changed; returns its name. rfm_create_model() calls it. Roles that may SELECT from the target see the rows of the view';

-- For rfm_create_model(), which must not fail because of the view.
CREATE FUNCTION rfm_internal.add_latest_view(model text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    reason text;
BEGIN
    IF NOT EXISTS (SELECT FROM @extschema@.rfm_model m
                    WHERE m.model = add_latest_view.model AND rfm_internal.latest_view_of(m.target, m.owner) IS NOT NULL) THEN
        PERFORM @extschema@.rfm_latest_view(model);
    END IF;
EXCEPTION WHEN duplicate_table OR insufficient_privilege OR duplicate_column OR wrong_object_type OR feature_not_supported THEN
    GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
    RAISE NOTICE USING
        MESSAGE = format('model "%s" has no view of its newest snapshot', model),
        DETAIL = format('PostgreSQL says: %s.', reason),
        HINT = format('The model works without it. To create the view later, run: SELECT %s.rfm_latest_view(%L);', '@extschema@', model);
END
$body$;
COMMENT ON FUNCTION rfm_internal.add_latest_view(text) IS
    'internal: creates the view of a model''s newest snapshot if possible';

-- For rfm_drop_model(), after the model has been deleted.  The view is kept if
-- another model of that owner has its target, and if the caller may not drop it.
CREATE FUNCTION rfm_internal.drop_latest_view(target oid, owner oid)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    view   CONSTANT regclass := rfm_internal.latest_view_of(target, owner);
    reason text;
BEGIN
    IF view IS NULL OR EXISTS (SELECT FROM @extschema@.rfm_model m WHERE m.target = drop_latest_view.target AND m.owner = drop_latest_view.owner) THEN
        RETURN;
    END IF;
    EXECUTE format('DROP VIEW %s', view);
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
    RAISE NOTICE USING
        MESSAGE = format('view %s stays', view),
        DETAIL = format('PostgreSQL says: %s.', reason);
END
$body$;
COMMENT ON FUNCTION rfm_internal.drop_latest_view(oid, oid) IS
    'internal: drops the view of a target''s newest snapshot if possible';

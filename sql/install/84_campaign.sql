-- Campaigns -----------------------------------------------------------------
--
-- A campaign records how its customers were chosen, but not the customers: the
-- snapshot, the label, and the share that is held out.  A hash of the campaign's
-- name and the customer, which is the same on every machine and in every version of
-- PostgreSQL, determines which customers are held out.  A campaign belongs to the
-- role that made it, which only needs the right to read the target.

CREATE TABLE @extschema@.rfm_campaign (
    model_id    int8        NOT NULL,
    owner       regrole     NOT NULL DEFAULT quote_ident(CURRENT_USER)::regrole,
    campaign    text        NOT NULL CHECK (campaign ~ '[^[:space:]]'),
    run_date    date        NOT NULL,
    chosen_by   text        NOT NULL CHECK (chosen_by IN ('segment', 'comment', 'group')),
    segment     text,
    score_group text,
    holdout     numeric     NOT NULL CHECK (holdout >= 0 AND holdout < 1),
    customers   int8        NOT NULL,
    exported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model_id, owner, campaign)
);

COMMENT ON TABLE @extschema@.rfm_campaign IS
    'campaigns for which rfm_export() has made a list. A role sees those of roles of which it is a member. rfm_drop_campaign() removes one; they are removed with their model';
COMMENT ON COLUMN @extschema@.rfm_campaign.model_id IS 'number of the model, as in rfm_model';
COMMENT ON COLUMN @extschema@.rfm_campaign.owner IS 'role that made the list; other roles may have a campaign of the same name';
COMMENT ON COLUMN @extschema@.rfm_campaign.campaign IS 'name of the campaign, on which it depends which customers are held out';
COMMENT ON COLUMN @extschema@.rfm_campaign.run_date IS 'date of the snapshot that the customers are from';
COMMENT ON COLUMN @extschema@.rfm_campaign.chosen_by IS 'label by which the customers were chosen: segment, comment or group';
COMMENT ON COLUMN @extschema@.rfm_campaign.segment IS 'segment, comment or group of the customers; null: all customers';
COMMENT ON COLUMN @extschema@.rfm_campaign.score_group IS 'group of the customers as text; null: any group, or a model without groups';
COMMENT ON COLUMN @extschema@.rfm_campaign.holdout IS 'share of the customers that is held out';
COMMENT ON COLUMN @extschema@.rfm_campaign.customers IS 'number of customers, including those held out';
COMMENT ON COLUMN @extschema@.rfm_campaign.exported_at IS 'when the list was first made';

SELECT pg_extension_config_dump('@extschema@.rfm_campaign', '');

ALTER TABLE @extschema@.rfm_campaign ENABLE ROW LEVEL SECURITY;

CREATE POLICY rfm_campaign_owner ON @extschema@.rfm_campaign
    USING (pg_has_role(owner, 'USAGE'))
    WITH CHECK (pg_has_role(owner, 'USAGE'));

GRANT SELECT, INSERT ON @extschema@.rfm_campaign TO PUBLIC;

-- A database owner who has created the extension without being a superuser does not
-- own its tables, but must be able to restore the visible rows.
CREATE POLICY rfm_campaign_restore ON @extschema@.rfm_campaign
    FOR INSERT TO pg_database_owner WITH CHECK (model_id IN (SELECT m.model_id FROM @extschema@.rfm_model m));

CREATE FUNCTION rfm_internal.delete_campaign(model_id int8, owner regrole, campaign text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_delete_campaign';
COMMENT ON FUNCTION rfm_internal.delete_campaign(int8, regrole, text) IS
    'internal: deletes a campaign of a role that the caller is a member of';

-- The caller's own campaign, or else that of a role of which the caller is a
-- member.
CREATE FUNCTION rfm_internal.find_campaign(model text, model_id int8, campaign text)
RETURNS @extschema@.rfm_campaign
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    found_one @extschema@.rfm_campaign;
    owners    text;
BEGIN
    SELECT c.* INTO found_one
      FROM @extschema@.rfm_campaign c
     WHERE c.model_id = model_id AND c.campaign = campaign
     ORDER BY c.owner = quote_ident(CURRENT_USER)::regrole DESC;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'undefined_object',
            MESSAGE = format('model "%s" has no campaign "%s"', model, campaign),
            DETAIL = (SELECT coalesce('There are: ' || string_agg(quote_literal(c.campaign), ', ' ORDER BY c.campaign) || '.', 'There is none that you may see.')
                        FROM @extschema@.rfm_campaign c WHERE c.model_id = model_id),
            HINT = format('Export the list of a campaign to create it: SELECT * FROM rfm_export(segment => ..., holdout => 0.1, campaign => %L, model => %L);', campaign, model);
    END IF;
    IF found_one.owner <> quote_ident(CURRENT_USER)::regrole THEN
        SELECT string_agg(c.owner::text, ', ' ORDER BY c.owner::text) INTO owners
          FROM @extschema@.rfm_campaign c WHERE c.model_id = model_id AND c.campaign = campaign HAVING count(*) > 1;
        IF owners IS NOT NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'ambiguous_alias',
                MESSAGE = format('model "%s" has more than one campaign "%s"', model, campaign),
                DETAIL = format('They belong to: %s.', owners),
                HINT = 'Use SET ROLE to select one of them.';
        END IF;
    END IF;
    RETURN found_one;
END
$body$;
COMMENT ON FUNCTION rfm_internal.find_campaign(text, int8, text) IS
    'internal: a campaign that the caller may see, or an error if there is none';

CREATE FUNCTION @extschema@.rfm_drop_campaign(campaign text, model text DEFAULT 'default')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    dropped @extschema@.rfm_campaign;
BEGIN
    dropped := rfm_internal.find_campaign(model, (rfm_internal.access(model)).model_id, campaign);
    PERFORM rfm_internal.delete_campaign(dropped.model_id, dropped.owner, dropped.campaign);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_drop_campaign(text, text) IS
    'removes a campaign; its name can then be used again';

-- Is the customer of a row s held out?  A hash below that share of all hashes.
CREATE FUNCTION rfm_internal.held_out_sql(campaign text, holdout numeric)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('(sha256(convert_to(%L || s.customer::text, ''UTF8'')) < %L::bytea)',
                  $1 || ':', decode(lpad(to_hex(floor(coalesce($2, 0) * (1::int8 << 56))::int8), 14, '0'), 'hex'))
$body$;
COMMENT ON FUNCTION rfm_internal.held_out_sql(text, numeric) IS
    'internal: an SQL expression that says whether the customer of a row is held out';

-- A campaign as it would be stored, checked against one that is; its number of
-- customers is not known yet.
CREATE FUNCTION rfm_internal.check_campaign(
    model       text,
    model_id    int8,
    campaign    text,
    run_date    date,
    by          text,
    segment     text,
    score_group text,
    holdout     numeric)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    stored @extschema@.rfm_campaign;
BEGIN
    IF campaign IS NULL AND holdout IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'holdout needs a campaign',
            HINT = 'Name it: campaign => ''spring''. rfm_outcome(campaign => ''spring'') then compares the customers held out with the others.';
    ELSIF holdout < 0 OR holdout >= 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('holdout must be a share from 0 to less than 1, not %s', holdout),
            HINT = 'holdout => 0.1 holds out a tenth of the customers.';
    ELSIF campaign !~ '[^[:space:]]' THEN
        RAISE EXCEPTION 'the name of a campaign must not be blank' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT c.* INTO stored
      FROM @extschema@.rfm_campaign c
     WHERE c.model_id = model_id AND c.campaign = campaign AND c.owner = quote_ident(CURRENT_USER)::regrole;
    IF FOUND AND (stored.run_date, stored.chosen_by, stored.segment, stored.score_group, stored.holdout)
        IS DISTINCT FROM (run_date, by, segment, score_group, coalesce(holdout, 0)) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'duplicate_object',
            MESSAGE = format('campaign "%s" of model "%s" already exists with other settings', campaign, model),
            DETAIL = format('It is for %s%s in the snapshot of %s, with a holdout of %s.',
                            CASE WHEN stored.segment IS NULL THEN 'all customers' ELSE format('%s %L', stored.chosen_by, stored.segment) END,
                            CASE WHEN stored.score_group IS NOT NULL THEN format(' of group %L', stored.score_group) END, to_char(stored.run_date, 'YYYY-MM-DD'), stored.holdout),
            HINT = 'Use another name, or remove the campaign with rfm_drop_campaign().';
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.check_campaign(text, int8, text, date, text, text, text, numeric) IS
    'internal: raises an error unless a campaign may be made with these arguments';

CREATE FUNCTION @extschema@.rfm_export(
    run_date    date DEFAULT NULL,
    model       text DEFAULT 'default',
    segment     text DEFAULT NULL,
    by          text DEFAULT 'segment',
    score_group text DEFAULT NULL,
    holdout     numeric DEFAULT NULL,
    campaign    text DEFAULT NULL
) RETURNS TABLE (
    customer         text,
    segment_name     text,
    recency_days     int4,
    frequency_orders int8,
    monetary_value   numeric,
    r_score          int4,
    f_score          int4,
    m_score          int4,
    held_out         bool
)
LANGUAGE plpgsql VOLATILE ROWS 100000
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows     record;
    date     date;
    exported int8;
    labels   text;
BEGIN
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, by, score_group);
    date := rfm_internal.snapshot_date(model, rows.query, run_date);
    PERFORM rfm_internal.check_campaign(model, rows.model_id, campaign, date, by, segment, score_group, holdout);
    RETURN QUERY EXECUTE format($query$
        SELECT s.customer::text, s.label, s.recency_days, s.frequency_orders, s.monetary_value, s.r_score, s.f_score, s.m_score, %s
          FROM (%s) AS s
         WHERE s.run_date = %L::date AND %s
         ORDER BY s.monetary_value DESC NULLS LAST, s.customer
        $query$, CASE WHEN holdout > 0 THEN rfm_internal.held_out_sql(campaign, holdout) ELSE 'false' END,
        rows.query, date, CASE WHEN segment IS NULL THEN 'true' ELSE format('s.label = %L', segment) END);
    GET DIAGNOSTICS exported = ROW_COUNT;
    IF exported > 0 AND campaign IS NOT NULL THEN
        INSERT INTO @extschema@.rfm_campaign (model_id, campaign, run_date, chosen_by, segment, score_group, holdout, customers)
        VALUES (rows.model_id, campaign, date, by, segment, rows.score_group, coalesce(holdout, 0), exported)
        ON CONFLICT DO NOTHING;
    END IF;
    IF exported > 0 OR segment IS NULL OR date IS NULL THEN
        RETURN;
    END IF;
    -- a list that is empty because of a typing error would go unnoticed
    EXECUTE format('SELECT string_agg(DISTINCT quote_literal(s.label), %L) FROM (%s) AS s WHERE s.run_date = %L::date',
                   ', ', rows.query, date) INTO labels;
    RAISE NOTICE USING
        MESSAGE = format('no customer is in %s %L on %s', by, segment, to_char(date, 'YYYY-MM-DD')),
        DETAIL = format('There are: %s.', labels);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_export(date, text, text, text, text, numeric, text) IS
    'the customers of a segment (by default all) in a snapshot (by default the newest), in descending order of monetary value, as a list for a campaign: \copy (SELECT * FROM rfm_export(segment => ''At Risk'')) TO ''at_risk.csv'' CSV HEADER. With by => ''comment'', segment is a comment. holdout => 0.1 marks a tenth of the customers, chosen by a hash, as held_out: do not contact these. campaign => ''spring'' records the list for rfm_outcome()';

-- Outcome -------------------------------------------------------------------
--
-- What the customers of one snapshot did until another, by their labels in the
-- first; for a campaign, those who were mailed compared with those who were held
-- out.

CREATE TYPE rfm_internal.outcome_group AS (
    customers int8,
    buyers    int8,
    orders    int8,
    revenue   numeric,
    variance  float8
);

CREATE TYPE rfm_internal.outcome_gap AS (
    share_difference   numeric,
    share_low          numeric,
    share_high         numeric,
    revenue_difference numeric,
    revenue_low        numeric,
    revenue_high       numeric
);

-- Wilson's interval of a share, which is valid even for 0 out of 20.
CREATE FUNCTION rfm_internal.wilson(buyers int8, customers int8, OUT low float8, OUT high float8)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT (p + z * z / (2 * n) - half) / (1 + z * z / n), (p + z * z / (2 * n) + half) / (1 + z * z / n)
      FROM (SELECT $1::float8 / $2, $2::float8, 1.959963984540054::float8) AS s(p, n, z),
           LATERAL (SELECT z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) AS half) AS h
$body$;
COMMENT ON FUNCTION rfm_internal.wilson(int8, int8) IS
    'internal: the 95 % interval of a share';

-- The differences between two groups: for the shares Newcombe's interval from
-- Wilson's bounds, for the means the normal one with unequal variances, unless
-- fewer than five customers bought in a group, when it is unreliable.
CREATE FUNCTION rfm_internal.outcome_difference(
    mailed rfm_internal.outcome_group,
    held   rfm_internal.outcome_group)
RETURNS rfm_internal.outcome_gap
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    m    record;
    h    record;
    p1   float8;
    p2   float8;
    half numeric;
    gap  rfm_internal.outcome_gap;
BEGIN
    IF mailed.customers = 0 OR held.customers = 0 THEN
        RETURN gap;
    END IF;
    m := rfm_internal.wilson(mailed.buyers, mailed.customers);
    h := rfm_internal.wilson(held.buyers, held.customers);
    p1 := mailed.buyers::float8 / mailed.customers;
    p2 := held.buyers::float8 / held.customers;
    gap.share_difference := round((p1 - p2)::numeric, 4);
    gap.share_low := round((p1 - p2 - sqrt((p1 - m.low) ^ 2 + (h.high - p2) ^ 2))::numeric, 4);
    gap.share_high := round((p1 - p2 + sqrt((m.high - p1) ^ 2 + (p2 - h.low) ^ 2))::numeric, 4);
    gap.revenue_difference := round(mailed.revenue / mailed.customers - held.revenue / held.customers, 2);
    IF least(mailed.buyers, held.buyers) < 5 THEN
        RETURN gap;
    END IF;
    half := (1.959963984540054 * sqrt(mailed.variance / mailed.customers + held.variance / held.customers))::numeric;
    gap.revenue_low := round(mailed.revenue / mailed.customers - held.revenue / held.customers - half, 2);
    gap.revenue_high := round(mailed.revenue / mailed.customers - held.revenue / held.customers + half, 2);
    RETURN gap;
END
$body$;
COMMENT ON FUNCTION rfm_internal.outcome_difference(rfm_internal.outcome_group, rfm_internal.outcome_group) IS
    'internal: differences between two groups, with 95 % intervals';

-- The differences in words.
CREATE FUNCTION rfm_internal.outcome_conclusion(
    mailed rfm_internal.outcome_group,
    held   rfm_internal.outcome_group,
    gap    rfm_internal.outcome_gap)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    share    CONSTANT text := format('%s percentage points, 95 %% interval %s to %s', round(100 * gap.share_difference, 2),
                                     round(100 * gap.share_low, 2), round(100 * gap.share_high, 2));
    money    CONSTANT text := format('%s per customer, 95 %% interval %s to %s', gap.revenue_difference, gap.revenue_low, gap.revenue_high);
BEGIN
    IF held.customers = 0 THEN
        RETURN 'Nobody was held out: there is nothing to compare with.';
    ELSIF mailed.customers = 0 THEN
        RETURN 'Everybody was held out: there is nothing to compare.';
    END IF;
    RETURN CASE WHEN gap.share_low > 0 THEN format('More of the mailed customers bought (%s).', share)
                WHEN gap.share_high < 0 THEN format('Fewer of the mailed customers bought (%s).', share)
                ELSE format('The campaign is too small to tell whether it made more customers buy (%s).', share) END
        || ' '
        || CASE WHEN gap.revenue_low IS NULL THEN
                    format('Too few bought to tell what it brought: %s of %s mailed, %s of %s held out.',
                           mailed.buyers, mailed.customers, held.buyers, held.customers)
                WHEN gap.revenue_low > 0 THEN format('The mailed customers brought more (%s).', money)
                WHEN gap.revenue_high < 0 THEN format('The mailed customers brought less (%s).', money)
                ELSE format('It is too small to tell what it brought (%s): less than %s per customer cannot be told from chance.',
                            money, round((gap.revenue_high - gap.revenue_low) / 2, 2)) END;
END
$body$;
COMMENT ON FUNCTION rfm_internal.outcome_conclusion(rfm_internal.outcome_group, rfm_internal.outcome_group, rfm_internal.outcome_gap) IS
    'internal: the conclusion about a campaign, as sentences';

-- The customers of a campaign, all of them together (segment: what they were chosen
-- by) and, where it is for all segments, those of each.
CREATE FUNCTION rfm_internal.campaign_groups(query text, campaign @extschema@.rfm_campaign)
RETURNS TABLE (
    segment text,
    mailed  rfm_internal.outcome_group,
    held    rfm_internal.outcome_group
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    empty CONSTANT rfm_internal.outcome_group := ROW(0, 0, 0, 0, NULL);
    total int8;
BEGIN
    RETURN QUERY EXECUTE format($query$
        WITH counted AS (
            SELECT p.label, p.held,
                   ROW(count(*), count(*) FILTER (WHERE p.orders > 0), sum(p.orders)::int8, sum(p.revenue),
                       var_samp(p.revenue::float8))::rfm_internal.outcome_group AS numbers
              FROM (SELECT s.label, %2$s AS held, s.orders, s.revenue
                      FROM (%1$s) AS s
                     WHERE s.known AND (%3$L::text IS NULL OR s.label = %3$L)) AS p
             GROUP BY GROUPING SETS ((p.held), (p.label, p.held))
            HAVING grouping(p.label) = 1 OR %3$L::text IS NULL)
        SELECT coalesce(c.label, %3$L), coalesce((array_agg(c.numbers) FILTER (WHERE NOT c.held))[1], $1),
               coalesce((array_agg(c.numbers) FILTER (WHERE c.held))[1], $1)
          FROM counted AS c
         GROUP BY c.label
         ORDER BY c.label NULLS FIRST
        $query$, query, rfm_internal.held_out_sql(campaign.campaign, campaign.holdout), campaign.segment)
    USING empty;
END
$body$;
COMMENT ON FUNCTION rfm_internal.campaign_groups(text, @extschema@.rfm_campaign) IS
    'internal: what the customers of a campaign did, mailed and held out';

-- The rows of a snapshot that a campaign is for, or those of one group.  Who is held
-- out follows from the customer as rfm_export() gave it: a campaign of all groups has
-- pairs, of one group of it, too.
CREATE FUNCTION rfm_internal.campaign_rows(model text, campaign @extschema@.rfm_campaign, in_group text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows record;
BEGIN
    IF in_group <> campaign.score_group THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('campaign "%s" of model "%s" was for customers of another group', campaign.campaign, model),
            DETAIL = format('It is for group %L.', campaign.score_group),
            HINT = 'Omit score_group.';
    END IF;
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, campaign.chosen_by, campaign.score_group);
    IF in_group IS NOT NULL AND campaign.score_group IS NULL THEN
        rows.query := format('SELECT * FROM (%s) AS g WHERE g.score_group = %L', rows.query, in_group);
    END IF;
    RETURN rows;
END
$body$;
COMMENT ON FUNCTION rfm_internal.campaign_rows(text, @extschema@.rfm_campaign, text) IS
    'internal: the result of snapshot_rows() for a campaign';

-- Two rows per pair of groups.
CREATE FUNCTION rfm_internal.campaign_outcome(model text, name text, to_date date, in_group text)
RETURNS TABLE (
    segment        text,
    numbers        rfm_internal.outcome_group,
    campaign_group text,
    gap            rfm_internal.outcome_gap,
    conclusion     text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    rows   record;
    stored @extschema@.rfm_campaign;
    ends   record;
    pair   record;
    mailed rfm_internal.outcome_group;
    held   rfm_internal.outcome_group;
    now_in int8;
BEGIN
    stored := rfm_internal.find_campaign(model, (rfm_internal.access(model)).model_id, name);
    rows := rfm_internal.campaign_rows(model, stored, in_group);
    SELECT * INTO ends FROM rfm_internal.snapshot_pair(model, rows.query, stored.run_date, to_date, NULL);
    FOR pair IN
        SELECT g.segment, g.mailed, g.held
          FROM rfm_internal.campaign_groups(rfm_internal.period_rows(model, rows, ends.from_date, ends.to_date), stored) AS g
    LOOP
        segment := pair.segment;
        mailed := pair.mailed;
        held := pair.held;
        now_in := coalesce(now_in, mailed.customers + held.customers);
        numbers := mailed;
        campaign_group := 'mailed';
        gap := rfm_internal.outcome_difference(mailed, held);
        conclusion := rfm_internal.outcome_conclusion(mailed, held, gap);
        RETURN NEXT;
        numbers := held;
        campaign_group := 'held out';
        gap := NULL;
        conclusion := NULL;
        RETURN NEXT;
    END LOOP;
    IF now_in IS DISTINCT FROM stored.customers AND in_group IS NOT DISTINCT FROM stored.score_group THEN
        RAISE NOTICE USING
            MESSAGE = format('campaign "%s" was for %s customers; the snapshot of %s now has %s of them', name, stored.customers,
                             to_char(stored.run_date, 'YYYY-MM-DD'), coalesce(now_in, 0)),
            DETAIL = 'The snapshot has been computed again. Which customers are held out does not depend on it, so the comparison remains fair.';
    END IF;
END
$body$;
COMMENT ON FUNCTION rfm_internal.campaign_outcome(text, text, date, text) IS
    'internal: the rows of rfm_outcome for a campaign';

CREATE FUNCTION rfm_internal.segment_outcome(
    model      text,
    by         text,
    from_date  date,
    to_date    date,
    compare_to text,
    in_group   text
) RETURNS TABLE (
    segment   text,
    customers int8,
    buyers    int8,
    orders    int8,
    revenue   numeric
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET random_page_cost = 1.1
SET parallel_tuple_cost = 0.001
AS $body$
DECLARE
    rows  record;
    dates record;
BEGIN
    SELECT * INTO rows FROM rfm_internal.snapshot_rows(model, by, in_group);
    SELECT * INTO dates FROM rfm_internal.snapshot_pair(model, rows.query, from_date, to_date, compare_to);
    IF dates.from_date IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT s.label, count(*), count(*) FILTER (WHERE s.orders > 0), sum(s.orders)::int8, sum(s.revenue)
          FROM (%s) AS s
         WHERE s.known OR s.orders > 0
         GROUP BY s.known, s.label
         ORDER BY s.known DESC, sum(s.revenue) DESC, s.label
        $query$, rfm_internal.period_rows(model, rows, dates.from_date, dates.to_date));
END
$body$;
COMMENT ON FUNCTION rfm_internal.segment_outcome(text, text, date, date, text, text) IS
    'internal: the rows of rfm_outcome without a campaign';

CREATE FUNCTION @extschema@.rfm_outcome(
    from_date  date DEFAULT NULL,
    to_date    date DEFAULT NULL,
    model      text DEFAULT 'default',
    by         text DEFAULT 'segment',
    campaign   text DEFAULT NULL,
    compare_to text DEFAULT NULL,
    score_group text DEFAULT NULL
) RETURNS TABLE (
    segment              text,
    customers            int8,
    bought_again         int8,
    bought_share         numeric,
    orders               int8,
    revenue              numeric,
    revenue_per_customer numeric,
    campaign_group       text,
    share_difference     numeric,
    share_low            numeric,
    share_high           numeric,
    revenue_difference   numeric,
    revenue_low          numeric,
    revenue_high         numeric,
    conclusion           text
)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
BEGIN
    IF campaign IS NULL THEN
        RETURN QUERY
            SELECT o.segment, o.customers, o.buyers, round(o.buyers::numeric / o.customers, 4), o.orders, o.revenue,
                   round(o.revenue / o.customers, 2), NULL::text, NULL::numeric, NULL::numeric, NULL::numeric,
                   NULL::numeric, NULL::numeric, NULL::numeric, NULL::text
              FROM rfm_internal.segment_outcome(model, by, from_date, to_date, compare_to, score_group) AS o;
        RETURN;
    ELSIF from_date IS NOT NULL OR compare_to IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'the outcome of a campaign begins with its own snapshot',
            HINT = 'Omit from_date and compare_to.';
    END IF;
    RETURN QUERY
        SELECT o.segment, (o.numbers).customers, (o.numbers).buyers, round((o.numbers).buyers::numeric / nullif((o.numbers).customers, 0), 4),
               (o.numbers).orders, (o.numbers).revenue, round((o.numbers).revenue / nullif((o.numbers).customers, 0), 2), o.campaign_group,
               (o.gap).share_difference, (o.gap).share_low, (o.gap).share_high,
               (o.gap).revenue_difference, (o.gap).revenue_low, (o.gap).revenue_high, o.conclusion
          FROM rfm_internal.campaign_outcome(model, campaign, to_date, score_group) AS o;
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_outcome(date, date, text, text, text, text, text) IS
    'what the customers of each segment (by => ''comment'': of each comment) of one snapshot did until another: how many bought again, their share (a fraction of 1), orders and revenue; the last row, with segment null, is for customers who were not in the first snapshot. The snapshots are chosen as by rfm_migration(). campaign => ''spring'' compares the mailed customers of that campaign''s list with those held out, from the list''s date on: differences of the shares and of the revenue per customer with 95 % intervals, and a conclusion. score_group selects one group of a model with score_within';

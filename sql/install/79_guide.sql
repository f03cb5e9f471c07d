-- What to do about each segment -----------------------------------------------
--
-- The texts belong to the rule set; a label of several rules has those of the first
-- rule with texts.

CREATE FUNCTION @extschema@.rfm_segment_guide(
    model       text DEFAULT 'default',
    by          text DEFAULT 'segment',
    score_group text DEFAULT NULL
) RETURNS TABLE (
    segment     text,
    description text,
    action      text,
    query       text
)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_variable
DECLARE
    access  record;
    comment bool;
BEGIN
    -- raises errors for other labels, and for those that the model does not assign
    PERFORM rfm_internal.snapshot_rows(model, coalesce(by, 'segment'), score_group);
    SELECT * INTO access FROM rfm_internal.access(model);
    comment := by = 'comment'
               OR rfm_internal.label_sql(access.segment_rules, 'rfm_segment', access.columns, access.buckets) IS NULL;
    RETURN QUERY
        SELECT s.label,
               (array_agg(s.description ORDER BY s.priority) FILTER (WHERE s.description IS NOT NULL))[1],
               (array_agg(s.action ORDER BY s.priority) FILTER (WHERE s.action IS NOT NULL))[1],
               format('SELECT * FROM %s.rfm_export(segment => %L', '@extschema@', s.label)
               || CASE WHEN model <> 'default' THEN format(', model => %L', model) ELSE '' END
               || CASE WHEN comment THEN ', by => ''comment''' ELSE '' END
               || CASE WHEN score_group IS NOT NULL THEN format(', score_group => %L', score_group) ELSE '' END || ')'
          FROM @extschema@.rfm_segment_rule AS s
         WHERE s.ruleset = CASE WHEN comment THEN access.comment_rules ELSE access.segment_rules END
         GROUP BY s.label
         ORDER BY min(s.priority);
END
$body$;
COMMENT ON FUNCTION @extschema@.rfm_segment_guide(text, text, text) IS
    'the segments of a model (by => ''comment'': the comments) in the order of their rules: description, recommended action, and the query that lists the customers in the newest snapshot. The texts are columns of rfm_segment_rule; copy a shipped rule set with rfm_copy_ruleset() to change them. With score_group the query lists the customers of one group';

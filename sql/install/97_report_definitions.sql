-- Definitions -------------------------------------------------------------

CREATE FUNCTION rfm_internal.report_range(scores int4range)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN $1 IS NULL OR lower_inf($1) AND upper_inf($1) THEN 'any'
                WHEN lower_inf($1) THEN 'up to ' || upper($1) - 1
                WHEN upper_inf($1) THEN lower($1) || ' or more'
                WHEN lower($1) = upper($1) - 1 THEN lower($1)::text
                ELSE lower($1) || '&#8211;' || upper($1) - 1 END
$body$;
COMMENT ON FUNCTION rfm_internal.report_range(int4range) IS
    'internal: a range of scores in words';

CREATE FUNCTION rfm_internal.report_rules(title text, ruleset text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_wide('Rules of the ' || lower($1), format('<table class="numbers"><caption>%s: rule set %s</caption>', $1, rfm_internal.report_text($2))
           || '<thead><tr><th scope="col">Label, first match wins</th><th scope="col">Recency</th><th scope="col">Frequency</th>'
           || '<th scope="col">Monetary value</th><th scope="col">Sum</th></tr></thead><tbody>'
           || string_agg(concat('<tr><th scope="row">', rfm_internal.report_text(s.label), '</th><td>',
                  concat_ws('</td><td>', rfm_internal.report_range(s.r), rfm_internal.report_range(s.f),
                            rfm_internal.report_range(s.m), rfm_internal.report_range(s.total)), '</td></tr>'), E'\n' ORDER BY s.priority)
           || '</tbody></table>')
      FROM @extschema@.rfm_segment_rule AS s
     WHERE s.ruleset = $2
$body$;
COMMENT ON FUNCTION rfm_internal.report_rules(text, text) IS
    'internal: a rule set as a table';

-- The settings are shown to roles that may see the model, by row security.
CREATE FUNCTION rfm_internal.report_of_definitions(model text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_section('definitions', 'Definitions',
               'Recency is the days since the last order, frequency the number of orders, monetary value their ' || m.monetary || '. '
               || 'Each becomes a score; the highest is the best, for recency the most recent.',
               '<dl class="settings">'
               || (SELECT string_agg(format('<div><dt>%s</dt><dd>%s</dd></div>', d.name, rfm_internal.report_text(d.value)), E'\n' ORDER BY d.n)
                     FROM (VALUES (1, 'Model', m.model), (2, 'Orders from', m.source::text), (3, 'Snapshots in', m.target::text),
                                  (4, 'Customer', m.customer::text), (5, 'Time of an order', m.ordered_at::text), (6, 'Amount', m.amount),
                                  (7, 'An order is', coalesce('a value of ' || m.order_id, 'a row') || coalesce(', as ' || m.order_count || ' says', '')), (8, 'Orders that count', coalesce(m.filter, 'all')),
                                  (9, 'Orders of the last', coalesce(m.lookback::text, 'any time')), (10, 'Time zone', m.time_zone),
                                  (11, 'Customers with more than', m.monetary_above::text),
                                  (12, 'Method', CASE WHEN m.method LIKE '{%' THEN format('%s for recency, %s for frequency, %s for monetary value',
                                      VARIADIC m.method::text[]) ELSE m.method END || CASE m.method WHEN 'ntile' THEN ': equal numbers of customers in each score'
                                      WHEN 'rank' THEN ': equal values share a score' WHEN 'quantile' THEN ': cut at quantiles of the values'
                                      WHEN 'breaks' THEN ': fixed cut points' WHEN 'percentile' THEN ': cut at percentiles of the values' ELSE '' END),
                                  (13, 'Scores', 'up to ' || array_to_string(m.buckets, ', ')), (14, 'Scored within each', m.score_within),
                                  (15, 'Forecast', rfm_internal.report_forecast_state(m))) AS d(n, name, value)
                    WHERE d.value IS NOT NULL)
               || '</dl><div class="pair">' || coalesce(rfm_internal.report_rules('Segments', m.segment_rules), '')
               || coalesce(rfm_internal.report_rules('Comments', m.comment_rules), '') || '</div>')
      FROM @extschema@.rfm_model AS m
     WHERE m.model = $1
$body$;
COMMENT ON FUNCTION rfm_internal.report_of_definitions(text) IS
    'internal: the section about the settings and rules of a model; null for roles that may not see the model';

-- Forecast ----------------------------------------------------------------
--
-- Of targets that keep forecasts: they come with the reading of the snapshot.  To
-- forecast anew takes longer than all the rest of the page, and is for roles that
-- may use the model: the page says how.

CREATE FUNCTION rfm_internal.report_of_forecast(cells rfm_internal.report_cell[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_section('forecast', 'What to expect in the year after the snapshot',
               'Still customers: how many are likely to order again some day. Days with orders and revenue: what the customers of each segment are expected to bring.',
               rfm_internal.report_wide('Forecast by segment', '<table class="numbers" id="forecasts"><thead><tr><th scope="col">Segment</th><th scope="col">Customers</th>'
               || '<th scope="col">Still customers</th><th scope="col">Share</th><th scope="col">Days with orders</th>'
               || E'<th scope="col">Revenue\x03</th><th scope="col">Share</th><th scope="col">Revenue per customer\x03</th></tr></thead><tbody>'
               || string_agg(concat('<tr><th scope="row">', rfm_internal.report_text(f.label), '</th><td>', concat_ws('</td><td>',
                      rfm_internal.report_data(f.customers), rfm_internal.report_data(f.alive), rfm_internal.report_share(f.alive, f.customers),
                      rfm_internal.report_data(f.coming), rfm_internal.report_data(f.worth),
                      coalesce(rfm_internal.report_share(f.worth, f.all_worth), '&#8211;'), rfm_internal.report_number(f.worth / f.customers, 2)), '</td></tr>'), E'\n' ORDER BY f.rank)
               || '</tbody></table>'))
      FROM (SELECT s.rank, s.label, s.customers, round(sum(c.alive)::numeric, 1) AS alive, round(sum(c.coming)::numeric, 1) AS coming,
                   round(sum(c.worth)::numeric, 2) AS worth, sum(sum(c.worth)) OVER ()::numeric AS all_worth
              FROM rfm_internal.report_segments($1) AS s JOIN unnest($1) AS c ON c.segment = s.label
             GROUP BY s.rank, s.label, s.customers) AS f
    HAVING count(f.alive) + count(f.coming) + count(f.worth) > 0
$body$;
COMMENT ON FUNCTION rfm_internal.report_of_forecast(rfm_internal.report_cell[]) IS
    'internal: the section about the forecast that a target keeps; null where it keeps none';

CREATE FUNCTION rfm_internal.report_forecast_state(model @extschema@.rfm_model)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce((SELECT format('fitted to the orders up to %s. rfm_forecast_summary() shows what to expect of each segment', to_char(max(p.run_date), 'YYYY-MM-DD'))
                       FROM @extschema@.rfm_forecast_parameters AS p
                      WHERE p.model_id = ($1).model_id AND p.score_group IS NULL
                     HAVING count(*) > 0),
                    'none. rfm_forecast_fit() makes one; then rfm_forecast_summary() shows what to expect of each segment')
           || ', and so does this page if the target has the columns p_alive, expected_orders and expected_revenue.'
$body$;
COMMENT ON FUNCTION rfm_internal.report_forecast_state(@extschema@.rfm_model) IS
    'internal: whether a model has a forecast, and how to get it';

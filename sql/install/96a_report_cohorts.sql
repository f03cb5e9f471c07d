-- Cohorts -------------------------------------------------------------------
--
-- A cohort consists of the customers who first appear between two month ends.  The
-- snapshots show when they first appear and in which months they bought.  Customers
-- of the oldest snapshot belong to no cohort.

-- The last date of each month, at most thirteen.
CREATE FUNCTION rfm_internal.report_months(dates date[])
RETURNS date[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT array_agg(m.day ORDER BY m.day)
      FROM (SELECT max(d) AS day FROM unnest($1) AS d
             GROUP BY date_trunc('month', d) ORDER BY 1 DESC LIMIT 13) AS m
$body$;
COMMENT ON FUNCTION rfm_internal.report_months(date[]) IS
    'internal: the last date of each month';

-- first: the place among the dates of the first snapshot with them; bought: one
-- bit a date, set where they bought since the date before.
CREATE FUNCTION rfm_internal.report_cohorts(query text, dates date[])
RETURNS TABLE (first int4, place int4, customers numeric, buyers numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    found jsonb;
BEGIN
    EXECUTE format($query$
        SELECT jsonb_agg(to_jsonb(g)) FROM (
            SELECT c.first, c.bought, count(*) AS n
              FROM (SELECT min(d.place) AS first, bit_or(CASE WHEN s.recency_days < d.gap THEN 1 << d.place ELSE 0 END) AS bought
                      FROM (%s) AS s JOIN (SELECT u.day, u.place::int4, u.day - lag(u.day) OVER (ORDER BY u.place) AS gap
                                             FROM unnest($1) WITH ORDINALITY AS u(day, place)) AS d ON d.day = s.run_date
                     WHERE s.run_date = ANY ($1)
                     GROUP BY s.customer) AS c
             GROUP BY c.first, c.bought) AS g
        $query$, query)
       INTO found USING dates;
    RETURN QUERY
        SELECT g.first, p.place, sum(g.n), coalesce(sum(g.n) FILTER (WHERE g.bought & (1 << p.place) <> 0), 0)
          FROM jsonb_to_recordset(found) AS g(first int4, bought int4, n int8), generate_series(g.first, cardinality(dates)) AS p(place)
         WHERE g.first > 1
         GROUP BY g.first, p.place;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_cohorts(text, date[]) IS
    'internal: the number of new customers of each month, and of those who bought in each later month';

CREATE FUNCTION rfm_internal.report_of_cohorts(query text, dates date[], customers numeric)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH month AS (
        -- as many as can be read in a second
        SELECT m.days[greatest(1, cardinality(m.days) + 1 - floor(2000000 / $3)::int4):] AS days
          FROM (SELECT rfm_internal.report_months($2) AS days) AS m
    ), cell AS (
        SELECT c.first, month.days, c.place - c.first AS later, c.customers, c.buyers
          FROM month, LATERAL rfm_internal.report_cohorts($1, month.days) AS c
         WHERE cardinality(month.days) > 2
    ), line AS (
        SELECT first, format('<tr><th scope="row">%s</th><td>%s</td>', to_char(days[first], 'YYYY-MM-DD'), rfm_internal.report_data(max(customers)))
               || string_agg(format('<td class="%s" title="%s of %s customers">%s</td>', rfm_internal.report_tone(buyers, customers),
                      rfm_internal.report_number(buyers), rfm_internal.report_number(customers), rfm_internal.report_share(buyers, customers)), '' ORDER BY later)
                    FILTER (WHERE later > 0) || '</tr>' AS html
          FROM cell
         GROUP BY first, days
    )
    SELECT rfm_internal.report_section('cohorts', 'Cohorts',
               'Customers by when they first ordered: those who came in the month up to the date, and how many of them bought in the first, second and each later month after that.',
               rfm_internal.report_wide('Cohorts by month', '<table class="matrix" id="cohort"><caption>Share who bought again, by months since</caption><thead><tr><th scope="col">Came up to</th><th scope="col">Customers</th>'
                   || (SELECT string_agg(format('<th scope="col">%s</th>', n), '' ORDER BY n) FROM generate_series(1, (SELECT max(later) FROM cell)) AS n)
                   || '</tr></thead><tbody>' || string_agg(html, E'\n' ORDER BY first) || '</tbody></table>'))
      FROM line
    HAVING count(html) > 0
$body$;
COMMENT ON FUNCTION rfm_internal.report_of_cohorts(text, date[], numeric) IS
    'internal: the section about cohorts; null if the history is too short, or the shop too large';

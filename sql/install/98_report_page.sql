-- The page ----------------------------------------------------------------

CREATE FUNCTION rfm_internal.report_style()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT $style$
@report.css@
$style$
$body$;
COMMENT ON FUNCTION rfm_internal.report_style() IS
    'internal: the style sheet of the report';

CREATE FUNCTION rfm_internal.report_page(model text, subtitle text, content text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT concat(E'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n',
                  E'<meta name="viewport" content="width=device-width, initial-scale=1"/>\n',
                  '<title>', t.title, E'</title>\n<style>', rfm_internal.report_style(),
                  E'</style>\n</head>\n<body>\n<main>\n<header><h1>', t.title, '</h1><p>', $2, E'</p></header>\n',
                  $3, '<footer>Made ', to_char(now(), 'YYYY-MM-DD HH24:MI OF'), ' by rfm ',
                  rfm_internal.report_text((SELECT extversion FROM pg_extension WHERE extname = 'rfm')), E'.</footer>\n</main>\n</body>\n</html>')
      FROM (SELECT 'Customers by recency, frequency and monetary value: model ' || rfm_internal.report_text($1) AS title) AS t
$body$;
COMMENT ON FUNCTION rfm_internal.report_page(text, text, text) IS
    'internal: the whole page around its sections';

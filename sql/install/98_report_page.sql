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

-- The format of numbers: a sample, 1234.5 in the desired format; without one the
-- separators of lc_numeric.
CREATE FUNCTION rfm_internal.report_separators(sample text)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    found_signs CONSTANT text[] := regexp_match(coalesce(sample, to_char(1234.5, 'FM9G999D9')), '^1([^[:alnum:]]?)234([^[:alnum:]])5$');
BEGIN
    IF found_signs IS NULL OR found_signs[1] = found_signs[2] THEN
        RAISE EXCEPTION USING
            ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('invalid number format: %s', quote_literal(sample)),
            HINT = 'Write the number 1234.5 as it shall look: ''1,234.5'', ''1.234,5'', ''1 234,5'' or ''1234.5''.';
    END IF;
    RETURN found_signs;
END
$body$;
COMMENT ON FUNCTION rfm_internal.report_separators(text) IS
    'internal: the separators of thousands and of decimals in a sample';

CREATE FUNCTION rfm_internal.report_page(
    title text, subtitle text, content text, currency text, numbers text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT concat(E'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n',
                  E'<meta name="viewport" content="width=device-width, initial-scale=1"/>\n',
                  '<title>', t.title, E'</title>\n<style>', rfm_internal.report_style(),
                  E'</style>\n</head>\n<body>\n<main>\n<header><h1>', t.title, '</h1><p>', $2, E'</p></header>\n',
                  replace(replace(replace($3, E'\x01', rfm_internal.report_text(s.signs[1])), E'\x02', rfm_internal.report_text(s.signs[2])),
                          E'\x03', coalesce(' (' || rfm_internal.report_text($4) || ')', '')),
                  '<footer>Made ', to_char(now(), 'YYYY-MM-DD HH24:MI OF'), ' by rfm ',
                  rfm_internal.report_text((SELECT extversion FROM pg_extension WHERE extname = 'rfm')), E'.</footer>\n</main>\n</body>\n</html>')
      FROM (SELECT rfm_internal.report_text($1) AS title) AS t, (SELECT rfm_internal.report_separators($5) AS signs) AS s
$body$;
COMMENT ON FUNCTION rfm_internal.report_page(text, text, text, text, text) IS
    'internal: the whole page with its sections; replaces the placeholders of numbers and currency';

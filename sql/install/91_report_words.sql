-- Words and numbers -------------------------------------------------------

-- All text in the page passes through this function.  XML does not allow control
-- characters, escaped or not.
CREATE FUNCTION rfm_internal.report_text(value text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT replace(replace(replace(replace(replace(
               regexp_replace($1, '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]', '?', 'g'),
               '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
$body$;
COMMENT ON FUNCTION rfm_internal.report_text(text) IS
    'internal: a text, escaped for an element or an attribute of the report';

CREATE FUNCTION rfm_internal.report_number(value numeric, decimals int4 DEFAULT 0)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce(translate(
               to_char(round($1, $2), 'FM' || repeat('999,', 9) || '990' || CASE WHEN $2 > 0 THEN '.' || repeat('0', $2) ELSE '' END),
               ',.', E'\x01\x02'), '&#8211;')
$body$;
COMMENT ON FUNCTION rfm_internal.report_number(numeric, int4) IS
    'internal: a number with placeholders for its separators; a dash for null';

CREATE FUNCTION rfm_internal.report_share(part numeric, whole numeric)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_number(100 * $1 / nullif(greatest($2, 0), 0), 1) || CASE WHEN $2 > 0 THEN '%' ELSE '' END
$body$;
COMMENT ON FUNCTION rfm_internal.report_share(numeric, numeric) IS
    'internal: a share in percent with one decimal; a dash if the whole is zero or null';

-- For places with room for about four characters.
CREATE FUNCTION rfm_internal.report_short(value numeric)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT rfm_internal.report_number($1 / unit.size, CASE WHEN unit.size > 1 AND abs($1) < 9.95 * unit.size THEN 1 ELSE 0 END) || unit.name
      FROM (VALUES (1e18, 'e18'), (1e15, 'e15'), (1e12, 'tn'), (1e9, 'bn'), (1e6, 'M'), (1e3, 'k'), (1, '')) AS unit(size, name)
     WHERE abs($1) >= 0.9995 * unit.size OR unit.size = 1
     ORDER BY unit.size DESC
     LIMIT 1
$body$;
COMMENT ON FUNCTION rfm_internal.report_short(numeric) IS
    'internal: a number in about four characters, such as 1.2k';

-- A number for display, with its exact value for programs.
CREATE FUNCTION rfm_internal.report_data(value numeric, decimals int4 DEFAULT 0)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce(format('<data value="%s">', $1), '<data value="">') || rfm_internal.report_number($1, $2) || '</data>'
$body$;
COMMENT ON FUNCTION rfm_internal.report_data(numeric, int4) IS
    'internal: a number as an element with its exact value';

CREATE FUNCTION rfm_internal.report_section(id text, title text, explained text, content text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format(E'<section id="%s" aria-labelledby="%s-title">\n<h2 id="%s-title">%s</h2>\n<p class="lead">%s</p>\n%s\n</section>\n',
                  $1, $1, $1, $2, $3, coalesce($4, ''))
$body$;
COMMENT ON FUNCTION rfm_internal.report_section(text, text, text, text) IS
    'internal: a section of the report';

-- A table that may be wider than the screen: a region that scrolls by itself.
CREATE FUNCTION rfm_internal.report_wide(name text, content text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format('<div class="wide" tabindex="0" role="region" aria-label="%s">%s</div>', $1, $2)
$body$;
COMMENT ON FUNCTION rfm_internal.report_wide(text, text) IS
    'internal: a table in a separately scrolling region';

-- Steps 0 to 5 of a colour, by the square root: large values do not hide the others.
CREATE FUNCTION rfm_internal.report_tone(value numeric, largest numeric)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN $1 > 0 THEN 't' || greatest(ceil(5 * sqrt($1 / greatest($2, 1e-9))), 1) ELSE 't0' END
$body$;
COMMENT ON FUNCTION rfm_internal.report_tone(numeric, numeric) IS
    'internal: the class of a cell that is coloured by its value';

-- Segments, best first: by the mean of their scores.
CREATE FUNCTION rfm_internal.report_segments(cells rfm_internal.report_cell[], by_comment bool DEFAULT false)
RETURNS TABLE (
    rank      int8,
    label     text,
    customers numeric,
    orders    numeric,
    revenue   numeric,
    days      numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT row_number() OVER (ORDER BY sum((c.r + c.f + c.m) * c.customers) / sum(c.customers) DESC, l.label COLLATE "C"),
           l.label, sum(c.customers), sum(c.orders), sum(c.revenue), sum(c.days)
      FROM unnest($1) AS c,
           LATERAL (SELECT CASE WHEN $2 THEN c.comment ELSE c.segment END AS label) AS l
     WHERE l.label IS NOT NULL
     GROUP BY l.label
$body$;
COMMENT ON FUNCTION rfm_internal.report_segments(rfm_internal.report_cell[], bool) IS
    'internal: a snapshot by segment, or by comment';

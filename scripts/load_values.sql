-- After a file of orders is copied into rfm_load.raw (load_orders.sh): its amounts and dates are understood. load_orders.sql,
-- load_call.sql and load_report.sql follow in the same session and transaction.
-- Settings: dates (dmy, mdy, ymd or empty), decimal (point, comma or empty).
\set ON_ERROR_STOP on
\pset footer off
\pset null ''
BEGIN;
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET search_path = rfm_load, pg_catalog;

-- A field without blanks around it; null where it says that it has no value
CREATE FUNCTION clean(value text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT nullif(nullif(nullif(nullif(nullif(btrim(value, E' \t\r\n\u00a0'), ''), 'NULL'), '\N'), 'NaN'), '#N/A')
$$;

-- "orders.csv, line 3": a row's line in the file, whose quoted fields may have lines of their own
CREATE TABLE breaks AS SELECT row, length(r::text) - length(replace(r::text, E'\n', '')) AS lines FROM raw AS r WHERE strpos(r::text, E'\n') > 0;
CREATE FUNCTION place(at bigint) RETURNS text STABLE LANGUAGE sql AS $$
    SELECT format('%s, line %s', name, header_line + length(record) - length(replace(record, E'\n', ''))
                                       + at + (SELECT coalesce(sum(lines), 0) FROM breaks WHERE row < at))
    FROM file
$$;
CREATE FUNCTION line_of(at bigint) RETURNS text STABLE LANGUAGE sql AS $$ SELECT substr(place(at), length(file.name) + 3) FROM file $$;
CREATE FUNCTION column_of(role text) RETURNS text STABLE LANGUAGE sql AS $$ SELECT shown(name) FROM taken WHERE what = role $$;

-- the fields that matter; a row without any of them is an empty line
SELECT format('CREATE UNLOGGED TABLE line AS SELECT row, %s FROM raw WHERE coalesce(%s) IS NOT NULL',
              string_agg(format('%s AS %I', field, what), ', '), string_agg(field, ', '))
FROM (SELECT what, coalesce((SELECT format('clean(c%s)', no) FROM taken AS t WHERE t.what = w.what), 'NULL::text') AS field
      FROM unnest(ARRAY['order_id', 'customer_id', 'created_at', 'total', 'quantity', 'unit_price', 'refunded', 'status', 'cancelled_at']) AS w(what)) AS f \gexec

SELECT stop(name || ' has a header, but no orders', 'Every line after the header is to be an order, or a line of one.')
FROM file WHERE NOT EXISTS (SELECT FROM line) \g /dev/null

-- a column of cancellations may hold times, or true and false
CREATE TABLE flag AS SELECT coalesce(bool_or(lower(cancelled_at) IN ('false', 'f', 'no', 'n', '0')), false) AS boolean FROM line;
UPDATE line SET cancelled_at = NULL WHERE lower(cancelled_at) IN ('false', 'f', 'no', 'n', '0', '0000-00-00', '0000-00-00 00:00:00');
UPDATE line SET created_at = NULL WHERE created_at IN ('0000-00-00', '0000-00-00 00:00:00');

-- ids that became numbers with a fraction on their way through another program: 17850.0
UPDATE line SET customer_id = left(customer_id, -2) WHERE (SELECT bool_and(customer_id ~ '^\d+\.0$') FROM line);
UPDATE line SET order_id = left(order_id, -2) WHERE (SELECT bool_and(order_id ~ '^\d+\.0$') FROM line);

ANALYZE line;

-- where customers are e-mail addresses, which are compared without their case
CREATE TABLE mail AS
SELECT count(*) AS addresses, count(DISTINCT lower(customer_id)) AS customers
FROM (SELECT DISTINCT customer_id FROM line WHERE customer_id IS NOT NULL) AS c HAVING bool_and(customer_id ~ '@');

---- amounts: each text once

CREATE TABLE amount AS
SELECT what, text, min(row) AS row, NULL::text AS digits, NULL::int AS sign, NULL::numeric AS value
FROM line, LATERAL (VALUES ('total', total), ('quantity', quantity), ('unit_price', unit_price), ('refunded', refunded)) AS v(what, text)
WHERE text IS NOT NULL
GROUP BY what, text;

-- the digits with their separators, without blanks and apostrophes between thousands; a sign or parentheses, and a currency
-- before or behind, are understood
UPDATE amount SET digits = CASE WHEN m[3] ~ '^\d{1,3}([ ''’]\d{3})+([.,]|$)' THEN regexp_replace(m[3], '[ ''’]', '', 'g') ELSE m[3] END,
                  sign = CASE WHEN '-' IN (m[1], m[2], m[4]) OR m[1] = '(' AND m[4] = ')' THEN -1 ELSE 1 END
FROM (SELECT what, text,
             regexp_match(translate(text, U&'\00A0\202F\2009\2212', '   -'),
                          '^([-+(]?) *' || currency || '? *([-+]?) *(\d[\d.,''’ ]*\d|\d[.,]?|[.,]\d+) *' || currency || '? *([-)]?)$') AS m
      FROM amount, (SELECT '(?:[A-Z]{0,3}[$€£¥₹₽₩₺₪₫₴₦₱฿¢]|[A-Z]{2,3}|(?:[Kk]r|zł|Kč|Ft|[Ll]ei|lv|kn|din|Fr|R|Rs|Rp|руб|р)\.?)' AS currency) AS c) AS read
WHERE read.what = amount.what AND read.text = amount.text AND (m[1] = '(') = (m[4] = ')');

-- which sign is the decimal one: the last of two, one that does not separate thousands
CREATE TABLE mark AS
SELECT CASE WHEN digits ~ ',.*\.' OR digits ~ ',.*,' THEN 'point'
            WHEN digits ~ '\..*,' OR digits ~ '\..*\.' THEN 'comma'
            WHEN digits ~ '^[1-9]\d{0,2}[.,]\d{3}$' THEN 'either'
            WHEN digits ~ '\.' THEN 'point' ELSE 'comma' END AS mark,
       min(row) AS row, (array_agg(text ORDER BY row))[1] AS text, (array_agg(what ORDER BY row))[1] AS what
FROM amount WHERE digits ~ '[.,]'
GROUP BY 1;

SELECT stop(format('%s, column %s: %s has a decimal comma, but %s (%s) has a decimal point', place(c.row), column_of(c.what), shown(c.text), shown(p.text), line_of(p.row)),
            'Make the amounts alike, or say which it is: --decimal comma, or --decimal point; the others must then be thousands separators.')
FROM mark AS c, mark AS p WHERE c.mark = 'comma' AND p.mark = 'point' AND :'decimal' = '' \g /dev/null

SELECT stop(format('%s, column %s: %s can be read with a decimal sign and with a thousands separator, and no other amount tells which', place(row), column_of(what), shown(text)),
            'Say what , and . are: --decimal point (1,234.50) or --decimal comma (1.234,50).')
FROM mark WHERE mark = 'either' AND :'decimal' = '' AND NOT EXISTS (SELECT FROM mark WHERE mark <> 'either') \g /dev/null

CREATE TABLE chosen AS
SELECT coalesce(nullif(:'decimal', ''), (SELECT mark FROM mark WHERE mark <> 'either' LIMIT 1), 'point') AS mark;

UPDATE amount SET value = sign * CASE
    WHEN mark = 'point' AND digits ~ '^(\d+|\d{1,3}(,\d{2,3})*,\d{3})?(\.\d*)?$' THEN replace(digits, ',', '')::numeric
    WHEN mark = 'comma' AND digits ~ '^(\d+|\d{1,3}(\.\d{2,3})*\.\d{3})?(,\d*)?$' THEN replace(replace(digits, '.', ''), ',', '.')::numeric END
FROM chosen;
UPDATE amount SET value = text::numeric WHERE text ~ '^[-+]?\d{1,30}(\.\d{0,30})?[eE][-+]?\d{1,2}$';

SELECT stop(format('%s, column %s: %s is not an amount%s', place(row), column_of(what), shown(text),
                   CASE WHEN others > 0 THEN format(' (%s more in the file %s not)', others, CASE others WHEN 1 THEN 'is' ELSE 'are' END) ELSE '' END),
            format('Mend or empty the field, or take another column: --column %s=NAME.', what))
FROM (SELECT *, count(*) OVER () - 1 AS others FROM amount WHERE value IS NULL ORDER BY row LIMIT 1) AS bad \g /dev/null

---- dates: each text once, in every format that it has

-- The date of a year of two or four digits, a month and a day; null where there is none
CREATE FUNCTION day_of(y text, m int, d int) RETURNS date IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
    year int := y;
BEGIN
    IF length(y) = 2 THEN
        year := year + CASE WHEN year < 70 THEN 2000 ELSE 1900 END;
    END IF;
    IF length(y) NOT IN (2, 4) OR year NOT BETWEEN 1900 AND 2199 OR m NOT BETWEEN 1 AND 12 OR d < 1
       OR d > extract(day FROM make_date(year, m, 1) + interval '1 month - 1 day') THEN
        RETURN NULL;
    END IF;
    RETURN make_date(year, m, d);
END $$;

-- A time of day and its zone as the interval to add to a date in UTC; null where the text is none
CREATE FUNCTION time_of(value text) RETURNS interval IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
    m text[] := regexp_match(value, '^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)? ?([AaPp])?(?:\.?[Mm]\.?)? ?(?:UTC|GMT|Z)?(?:([-+])(\d{1,2}):?(\d{2})?)?$');
    hour int := m[1];
BEGIN
    IF value = '' THEN
        RETURN interval '0';
    END IF;
    IF m[5] IS NOT NULL AND hour BETWEEN 1 AND 12 THEN
        hour := hour % 12 + CASE lower(m[5]) WHEN 'p' THEN 12 ELSE 0 END;
    ELSIF m[5] IS NOT NULL THEN
        RETURN NULL;
    END IF;
    IF m IS NULL OR hour > 23 OR m[2]::int > 59 OR m[3]::int > 60 OR m[7]::int > 15 THEN
        RETURN NULL;
    END IF;
    RETURN make_interval(hours => hour, mins => m[2]::int, secs => coalesce(m[3], '0')::float8) + coalesce(('0.' || m[4] || ' s')::interval, '0')
           - coalesce((m[6] || '1')::int * make_interval(hours => m[7]::int, mins => coalesce(m[8], '0')::int), '0');
END $$;

-- A date with its month's name, as PostgreSQL reads it
CREATE FUNCTION named(value text) RETURNS timestamptz STABLE LANGUAGE plpgsql AS $$
BEGIN
    IF value !~* '(^|[^[:alpha:]])(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*' OR value !~ '\d' OR length(value) > 80 THEN
        RETURN NULL;
    END IF;
    RETURN regexp_replace(regexp_replace(value, '\(.*\)| at ', ' '), '(GMT|UTC)(?=[-+])', '')::timestamptz;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;

-- (OFFSET 0: each regular expression is run once a text)
CREATE TABLE moment AS
SELECT text, row, dots, NULL::timestamptz AS value,
       (CASE length(p[1]) WHEN 4 THEN day_of(p[1], b, c) WHEN 2 THEN CASE WHEN length(p[4]) <= 2 THEN day_of(p[1], b, c) END END + t) AT TIME ZONE 'UTC' AS ymd,
       (CASE WHEN length(p[1]) <= 2 THEN day_of(p[4], b, a) END + t) AT TIME ZONE 'UTC' AS dmy,
       (CASE WHEN length(p[1]) <= 2 THEN day_of(p[4], a, b) END + t) AT TIME ZONE 'UTC' AS mdy,
       (CASE WHEN k IS NOT NULL THEN day_of(k[1], k[2]::int, k[3]::int) END + time_of(coalesce(k[4] || ':' || k[5] || ':' || k[6], '') || coalesce(k[7], ''))) AT TIME ZONE 'UTC' AS digits,
       CASE WHEN text ~ '^\d{9,10}(\.\d{0,6})?$' THEN to_timestamp(text::float8) END AS seconds,
       CASE WHEN text ~ '^\d{12,13}(\.0*)?$' THEN to_timestamp(text::numeric / 1000) END AS milliseconds,
       CASE WHEN text ~ '^\d{15,16}$' THEN to_timestamp(text::numeric / 1000000) END AS microseconds,
       CASE WHEN p IS NULL AND text ~ '[[:alpha:]]' THEN named(text) END AS named
FROM (SELECT created_at AS text, min(row) AS row FROM line WHERE created_at IS NOT NULL GROUP BY created_at) AS l,
     LATERAL (SELECT regexp_match(text, '^(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:(?:,? +|[Tt])(.*))?$') AS p,
                     regexp_match(text, '^(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d))?(Z|[-+]\d{2}:?\d{2})?$') AS k OFFSET 0) AS matched,
     LATERAL (SELECT p[1]::int AS a, p[3]::int AS b, p[4]::int AS c, p[2] = '.' AS dots, time_of(coalesce(p[5], '')) AS t OFFSET 0) AS part;

SELECT stop(format('%s, column %s: no row has a date', file.name, column_of('created_at')), 'Take another column: --column created_at=NAME.')
FROM file WHERE NOT EXISTS (SELECT FROM moment) \g /dev/null

-- the formats that rows agree on, and how many rows have each
CREATE TABLE format AS
SELECT f.name, f.words, f.rank, count(v) AS fits, count(*) AS texts, (array_agg(text ORDER BY row) FILTER (WHERE v IS NOT NULL))[1] AS example,
       min(row) FILTER (WHERE v IS NOT NULL) AS example_row, min(row) FILTER (WHERE v IS NULL) AS misfit_row, bool_and(dots) AS dots,
       array_agg(v ORDER BY text) AS value
FROM moment AS m,
     LATERAL (VALUES (1, 'ymd', 'YYYY-MM-DD', ymd), (2, 'dmy', 'DD/MM/YYYY', dmy), (3, 'mdy', 'MM/DD/YYYY', mdy), (4, 'digits', 'YYYYMMDD', digits),
                     (5, 'seconds', 'seconds since 1970', seconds), (6, 'milliseconds', 'milliseconds since 1970', milliseconds),
                     (7, 'microseconds', 'microseconds since 1970', microseconds), (8, 'named', 'the month by its name', named)) AS f(rank, name, words, v)
GROUP BY 1, 2, 3;
UPDATE format SET words = translate(words, '/', '.') WHERE dots AND name IN ('dmy', 'mdy');
-- where --dates tells one of the first three, the others of them are out; so is month first between dots, which nobody writes
DELETE FROM format WHERE :'dates' <> '' AND name IN ('ymd', 'dmy', 'mdy') AND name <> :'dates';
DELETE FROM format WHERE dots AND :'dates' = '' AND name IN ('mdy', 'ymd') AND fits = texts
    AND EXISTS (SELECT FROM format AS f WHERE f.name = 'dmy' AND f.fits = f.texts);

SELECT stop(format('%s, column %s: the dates can be read as %s, and no row decides; %s is %s', place(min(example_row)), column_of('created_at'),
                   string_agg(words, ' and as ' ORDER BY rank), shown(min(example)),
                   string_agg((SELECT to_char(x, 'FMDD FMMonth YYYY') FROM moment AS m, LATERAL (VALUES ('ymd', ymd), ('dmy', dmy), ('mdy', mdy)) AS v(n, x) WHERE v.n = f.name AND m.text = f.example), ' or ' ORDER BY rank)),
            'Say which: ' || string_agg('--dates ' || name, ' or ' ORDER BY rank) || '.')
FROM format AS f WHERE fits = texts HAVING count(DISTINCT value) > 1 \g /dev/null

-- none fits all: the first row without a date, or the first that the commonest format does not fit
SELECT stop(CASE WHEN bad IS NOT NULL THEN format('%s, column %s: %s is not a date%s', place(bad), column_of('created_at'), shown((SELECT text FROM moment WHERE row = bad)), reads)
                 ELSE format('%s, column %s: %s does not have the format of the other dates, %s, as %s (%s)', place(misfit_row), column_of('created_at'),
                             shown((SELECT text FROM moment WHERE row = misfit_row)), words, shown(example), line_of(example_row)) END,
            'Mend or empty the field, or take another column: --column created_at=NAME.')
FROM (SELECT * FROM format ORDER BY fits DESC, rank LIMIT 1) AS f,
     LATERAL (SELECT min(row) AS bad FROM moment
              WHERE CASE WHEN :'dates' = '' THEN coalesce(ymd, dmy, mdy, digits, seconds, milliseconds, microseconds, named)
                         ELSE CASE :'dates' WHEN 'ymd' THEN ymd WHEN 'dmy' THEN dmy ELSE mdy END END IS NULL) AS b,
     LATERAL (SELECT CASE WHEN fits > 0 THEN format('; the others are %s, as %s (%s)', words, shown(example), line_of(example_row)) ELSE '' END AS reads) AS r
WHERE fits < texts \g /dev/null

DELETE FROM format WHERE name <> (SELECT name FROM format WHERE fits = texts ORDER BY rank LIMIT 1);
SELECT format('UPDATE moment SET value = %I', name) FROM format \gexec
ANALYZE amount, moment;

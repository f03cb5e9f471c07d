-- Before a file of orders is copied (load_orders.sh): which column is what; and a table for its fields, all of them text.
-- Settings: file (its name), line (the header's), head (the file from its header on), separator (or empty), columns (lines WHAT=NAME).
\set ON_ERROR_STOP on
\pset footer off
\pset null ''
BEGIN;
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS rfm_load CASCADE;
CREATE SCHEMA rfm_load;
SET search_path = rfm_load, pg_catalog;

-- A value from the file, to be shown in a message
CREATE FUNCTION shown(value text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT '"' || left(regexp_replace(value, '[[:cntrl:]\u0080-\u009f]+', ' ', 'g'), 60) || CASE WHEN length(value) > 60 THEN '...' ELSE '' END || '"'
$$;

CREATE FUNCTION stop(message text, way_out text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = message, HINT = way_out;
END $$;

-- The first record of CSV, and the fields of a record
CREATE FUNCTION record(csv text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT (regexp_match(csv, '^((?:"[^"]*"|[^"\n])*)(?:\n|$)'))[1]
$$;

CREATE FUNCTION fields(record text, separator text) RETURNS TABLE (no bigint, value text) IMMUTABLE LANGUAGE sql AS $$
    SELECT n, btrim(replace(replace(replace(m[1], '""', E'\x01'), '"', ''), E'\x01', '"'), E' \t\n\u00a0')
    FROM regexp_matches(record || separator, '((?:"[^"]*"|[^"\' || separator || '])*)\' || separator, 'g') WITH ORDINALITY AS f(m, n)
$$;

-- A column's name without its case, blanks, underscores and signs; without a part in parentheses, such as a currency
CREATE FUNCTION plain(name text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT regexp_replace(lower(name), '[^[:alnum:]]', '', 'g') $$;
CREATE FUNCTION bare(name text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT plain(regexp_replace(name, '\(.*\)', '')) $$;

CREATE TABLE file AS
SELECT :'file' AS name, :line AS header_line, head, record(head) AS record, nullif(:'separator', '') AS separator, ''::text AS copy, ''::text AS call
FROM (SELECT :'head' AS head) AS given;

SELECT stop(format('%s, line %s: the header is longer than 64 kB, or a double quote in it is never closed', name, header_line),
            'The first line must name the columns.')
FROM file WHERE record IS NULL \g /dev/null

-- the separator that stands most often in the header, outside of quotes
UPDATE file SET separator = (
    SELECT s FROM unnest(ARRAY[',', ';', '|', E'\t']) WITH ORDINALITY AS candidate(s, n),
                  LATERAL (SELECT length(regexp_replace(record, '"[^"]*"|[^"\' || s || ']', '', 'g')) AS times) AS counted
    WHERE times > 0 ORDER BY times DESC, n LIMIT 1)
WHERE separator IS NULL;

SELECT stop(format('%s, line %s: no comma, semicolon, | or tab separates columns in the header %s', name, header_line, shown(record)),
            'The first line must name the columns. Another separator can be told by a line before it, such as sep=:')
FROM file WHERE separator IS NULL \g /dev/null

CREATE TABLE header AS SELECT no::int, value AS name FROM file, fields(record, separator);

-- What columns are called, the best names first. A name that is preferred only beside another has that one in "beside"
CREATE TABLE synonym (what text, names text, beside text);
INSERT INTO synonym VALUES
    ('order_id', 'name', 'financialstatus'),            -- Shopify, whose Id stands on an order's first line only
    ('order_id', 'orderid ordernumber orderno ordernum ordernr orderref orderreference ordercode orderkey orderincrementid incrementid order
                  invoiceno invoiceid invoicenumber invoice transactionid transactionnumber receiptid receiptnumber receiptno saleid
                  purchaseid id number', NULL),
    ('customer_id', 'billingemail emailbilling', 'ordertotal'),             -- WooCommerce, whose customer id is 0 for every guest
    ('customer_id', 'billingemail emailbilling', 'ordertotalamount'),
    ('customer_id', 'customerid customerno customernumber customernr customercode customerkey custid clientid clientno clientnumber
                     buyerid userid memberid accountid shopperid customeruser customeruserid customeremail customeremailaddress email
                     emailaddress billingemail emailbilling buyeremail useremail clientemail customer client buyer shopper user
                     customername', NULL),
    ('created_at', 'createdat orderdate orderdatetime ordertime orderedat orderedon ordercreatedat ordercreated ordertimestamp orderplacedat
                    placedat datecreated datecreatedgmt createddate creationdate createdon created dateoforder datetimeoforder purchasedate
                    purchasedat purchasetimestamp purchasetime invoicedate invoicedatetime transactiondate transactiontime saledate
                    salesdate datetime date timestamp time day paidat paiddate processedat', NULL),
    ('total', 'ordertotal ordertotalamount ordertotalprice grandtotal totalprice totalamount amounttotal total orderamount ordervalue
               orderprice totalvalue totalpaid amountpaid totalsales amount netsales grosssales nrevenue netrevenue revenue sales value sum
               linetotal lineamount itemtotal subtotal spend spent', NULL),
    ('status', 'status orderstatus financialstatus paymentstatus state orderstate statusname', NULL),
    ('cancelled_at', 'cancelledat canceledat cancelledon canceledon cancelleddate canceleddate datecancelled datecanceled
                      cancellationdate iscancelled iscanceled cancelled canceled', NULL),
    ('refunded', 'refundedamount amountrefunded refundedtotal totalrefunded refundtotal refundamount orderrefundamount', NULL),
    ('quantity', 'quantity qty units itemquantity itemqty', NULL),
    ('unit_price', 'unitprice priceperunit priceeach itemprice itemcost productprice price', NULL);

CREATE TABLE known AS
SELECT row_number() OVER (ORDER BY s.place, n) AS rank, s.what, name
FROM (SELECT row_number() OVER () AS place, * FROM synonym) AS s, LATERAL regexp_split_to_table(s.names, '\s+') WITH ORDINALITY AS split(name, n)
WHERE s.beside IS NULL OR s.beside IN (SELECT plain(name) FROM header);

-- What --column says: a name as in the header, or like it, or #number; no name: none
CREATE TABLE told AS
SELECT what, name, coalesce((SELECT no FROM header AS h WHERE h.name = t.name ORDER BY no LIMIT 1),
                            (SELECT no FROM header AS h WHERE plain(h.name) = plain(t.name) AND plain(t.name) <> '' ORDER BY no LIMIT 1),
                            (SELECT no FROM header AS h WHERE '#' || h.no = t.name)) AS no
FROM (SELECT split_part(line, '=', 1) AS what, btrim(substr(line, strpos(line, '=') + 1)) AS name
      FROM regexp_split_to_table(:'columns', '\n') AS line WHERE line <> '') AS t;

CREATE FUNCTION columns() RETURNS text STABLE LANGUAGE sql AS $$
    SELECT left(string_agg(shown(name), ', ' ORDER BY no), 2000) FROM rfm_load.header
$$;

SELECT stop(format('%s, line %s: there is no column %s', file.name, header_line, shown(told.name)), 'The columns are ' || columns() || '.')
FROM told, file WHERE told.name <> '' AND told.no IS NULL LIMIT 1 \g /dev/null

-- what --column says; else the column with the best of the known names
CREATE TABLE taken AS
WITH candidate AS (
    SELECT k.what, h.no, h.name, min(2 * k.rank + (k.name <> plain(h.name))::int) AS rank
    FROM header AS h JOIN known AS k ON k.name IN (plain(h.name), CASE WHEN k.what IN ('total', 'created_at', 'unit_price') THEN bare(h.name) END)
    WHERE k.what NOT IN (SELECT what FROM told) AND h.no NOT IN (SELECT no FROM told WHERE no IS NOT NULL)
    GROUP BY k.what, h.no, h.name
), best AS (
    SELECT *, rank() OVER (PARTITION BY what ORDER BY rank) AS place FROM candidate
)
SELECT what, no, name, false AS told FROM best WHERE place = 1
UNION ALL
SELECT what, no, (SELECT h.name FROM header AS h WHERE h.no = t.no), true FROM told AS t WHERE no IS NOT NULL;

-- an amount is the total, or quantity times price; a price alone is a total
DELETE FROM taken WHERE what IN ('quantity', 'unit_price') AND NOT told AND EXISTS (SELECT FROM taken WHERE what = 'total')
    AND NOT EXISTS (SELECT FROM taken WHERE what IN ('quantity', 'unit_price') AND told);
DELETE FROM taken WHERE what = 'quantity' AND NOT EXISTS (SELECT FROM taken WHERE what = 'unit_price');
DELETE FROM taken WHERE what = 'total' AND NOT told
    AND EXISTS (SELECT FROM taken WHERE what = 'unit_price') AND EXISTS (SELECT FROM taken WHERE what = 'quantity');
UPDATE taken SET what = 'total' WHERE what = 'unit_price' AND NOT EXISTS (SELECT FROM taken WHERE what IN ('quantity', 'total'));

SELECT stop(format('%s, line %s: %s and %s (columns %s and %s) could both be the %s', file.name, header_line, shown(min(t.name)), shown(max(t.name)), min(no), max(no), what),
            format('Say which: --column ''%s=#%s''. Without a name after the =, none is taken.', what, min(no)))
FROM taken AS t, file GROUP BY what, file.name, header_line HAVING count(*) > 1 ORDER BY what LIMIT 1 \g /dev/null

SELECT stop(format('%s, line %s: no column is recognized as %s (%s)', file.name, header_line, what, meaning),
            format('Name it: --column ''%s=NAME''. The columns are %s.', what, columns()))
FROM (VALUES (1, 'customer_id', 'who has bought: a number, a name or an e-mail address'), (2, 'created_at', 'when the order was made'),
             (3, 'total', 'the amount; quantity and unit_price will do as well')) AS wanted(n, what, meaning), file
WHERE NOT EXISTS (SELECT FROM taken AS t WHERE t.what = wanted.what OR wanted.what = 'total' AND t.what = 'unit_price')
ORDER BY n LIMIT 1 \g /dev/null

-- a place for every field
SELECT format('CREATE UNLOGGED TABLE raw (row bigint GENERATED ALWAYS AS IDENTITY, %s)', string_agg(format('c%s text', no), ', ' ORDER BY no)) FROM header \gexec
UPDATE file SET copy = format('COPY rfm_load.raw (%s) FROM STDIN WITH (FORMAT csv, HEADER, DELIMITER %L)',
                              (SELECT string_agg('c' || no, ', ' ORDER BY no) FROM header), separator);

-- what is said before the file is loaded
\t on
\a
SELECT format('%s: %s columns, separated by %s. Taken are', name, (SELECT count(*) FROM header),
              CASE separator WHEN ',' THEN 'commas' WHEN ';' THEN 'semicolons' WHEN E'\t' THEN 'tabs' ELSE separator END)
FROM file;
\a
\t off
SELECT t.what AS "as", t.name AS "column", left(first.value, 40) AS "first value"
FROM taken AS t
JOIN unnest(ARRAY['order_id', 'customer_id', 'created_at', 'total', 'quantity', 'unit_price', 'refunded', 'status', 'cancelled_at'])
     WITH ORDINALITY AS all_of_them(what, place) USING (what)
LEFT JOIN (SELECT f.no, f.value FROM file, fields(record(substr(head, length(record) + 2)), separator) AS f) AS first USING (no)
ORDER BY place;
COMMIT;

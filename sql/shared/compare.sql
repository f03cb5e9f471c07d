\set ECHO none
-- Functions of several tests, which are made in the schema :schema.

-- how many rows a query has, and how many of them another one does not have, or more often or less often
CREATE FUNCTION :schema.differences(query text, other text, OUT rows bigint, OUT differences bigint)
LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('WITH a AS MATERIALIZED (%s), b AS MATERIALIZED (%s)
                    SELECT (SELECT count(*) FROM a),
                           (SELECT count(*) FROM ((TABLE a EXCEPT ALL TABLE b) UNION ALL (TABLE b EXCEPT ALL TABLE a)) d)', query, other)
       INTO rows, differences;
END
$$;

-- the error that a query raises
CREATE FUNCTION :schema.said(query text, OUT code text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE query;
    message := 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;
\set ECHO all

-- Erasing one customer --------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_forget(
    customer text,
    model    text DEFAULT 'default'
) RETURNS int8
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_forget';
COMMENT ON FUNCTION @extschema@.rfm_forget(text, text) IS
    'erases a customer from every snapshot of a model, and from its logs; returns the number of rows of the target that have gone. Erase their orders first: the next refresh reads what is there. Totals by segment stay. For who may refresh the model';

CREATE FUNCTION @extschema@.rfm_forget(
    customer anyelement,
    model    text DEFAULT 'default'
) RETURNS int8
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT @extschema@.rfm_forget($1::text, $2)
$body$;
COMMENT ON FUNCTION @extschema@.rfm_forget(anyelement, text) IS
    'the same for a customer that is not text, such as a number or a uuid';

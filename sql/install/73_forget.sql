-- Erasing one customer --------------------------------------------------------

CREATE FUNCTION @extschema@.rfm_forget(
    customer text,
    model    text DEFAULT 'default'
) RETURNS int8
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_forget';
COMMENT ON FUNCTION @extschema@.rfm_forget(text, text) IS
    'erases a customer from all snapshots of a model and from its logs; returns the number of rows deleted from the target. Delete the customer''s orders first, or the next refresh will read them again. Totals by segment are kept. For roles that may refresh the model';

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
    'the same for a customer of another type than text, such as a number or a uuid';

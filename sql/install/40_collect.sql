-- Collecting -------------------------------------------------------------
--
-- The aggregate of every refresh.  Its result is a ticket that only this refresh
-- can use.

CREATE FUNCTION rfm_internal.collect_trans(internal, "any", "any", "any")
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_trans';

CREATE FUNCTION rfm_internal.collect_trans(internal, "any", "any", "any", "any")
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_trans';

CREATE FUNCTION rfm_internal.collect_counted_trans(internal, "any", "any", "any", int8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_counted_trans';

CREATE FUNCTION rfm_internal.collect_counted_trans(internal, "any", "any", "any", int8, "any")
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_counted_trans';

CREATE FUNCTION rfm_internal.collect_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_combine';

CREATE FUNCTION rfm_internal.collect_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_serialize';

CREATE FUNCTION rfm_internal.collect_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_deserialize';

CREATE FUNCTION rfm_internal.collect_final(internal)
RETURNS int8
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_final';

CREATE AGGREGATE rfm_internal.collect("any", "any", "any") (
    SFUNC = rfm_internal.collect_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

CREATE AGGREGATE rfm_internal.collect("any", "any", "any", "any") (
    SFUNC = rfm_internal.collect_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

CREATE AGGREGATE rfm_internal.collect_counted("any", "any", "any", int8) (
    SFUNC = rfm_internal.collect_counted_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

CREATE AGGREGATE rfm_internal.collect_counted("any", "any", "any", int8, "any") (
    SFUNC = rfm_internal.collect_counted_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE rfm_internal.collect("any", "any", "any") IS
    'internal: collects (customer, order time, amount) for a refresh; of no use in other queries';
COMMENT ON AGGREGATE rfm_internal.collect("any", "any", "any", "any") IS
    'internal: collects (customer, order time, amount, order id) for a refresh; of no use in other queries';

COMMENT ON AGGREGATE rfm_internal.collect_counted("any", "any", "any", int8) IS
    'internal: as rfm_internal.collect, for (customer, order time, amount, number of orders)';
COMMENT ON AGGREGATE rfm_internal.collect_counted("any", "any", "any", int8, "any") IS
    'internal: as rfm_internal.collect, for (customer, order time, amount, number of orders, order id)';

-- The same for customers in groups.

CREATE FUNCTION rfm_internal.collect_within_trans(internal, "any", "any", "any", "any")
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_within_trans';

CREATE FUNCTION rfm_internal.collect_within_trans(internal, "any", "any", "any", "any", "any")
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_within_trans';

CREATE FUNCTION rfm_internal.collect_counted_within_trans(internal, "any", "any", "any", "any", int8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_counted_within_trans';

CREATE FUNCTION rfm_internal.collect_counted_within_trans(internal, "any", "any", "any", "any", int8, "any")
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_counted_within_trans';

CREATE AGGREGATE rfm_internal.collect_within("any", "any", "any", "any") (
    SFUNC = rfm_internal.collect_within_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

CREATE AGGREGATE rfm_internal.collect_within("any", "any", "any", "any", "any") (
    SFUNC = rfm_internal.collect_within_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

CREATE AGGREGATE rfm_internal.collect_counted_within("any", "any", "any", "any", int8) (
    SFUNC = rfm_internal.collect_counted_within_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

CREATE AGGREGATE rfm_internal.collect_counted_within("any", "any", "any", "any", int8, "any") (
    SFUNC = rfm_internal.collect_counted_within_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE rfm_internal.collect_within("any", "any", "any", "any") IS
    'internal: as rfm_internal.collect, for (group, customer, order time, amount)';
COMMENT ON AGGREGATE rfm_internal.collect_within("any", "any", "any", "any", "any") IS
    'internal: as rfm_internal.collect, for (group, customer, order time, amount, order id)';
COMMENT ON AGGREGATE rfm_internal.collect_counted_within("any", "any", "any", "any", int8) IS
    'internal: as rfm_internal.collect, for (group, customer, order time, amount, number of orders)';
COMMENT ON AGGREGATE rfm_internal.collect_counted_within("any", "any", "any", "any", int8, "any") IS
    'internal: as rfm_internal.collect, for (group, customer, order time, amount, number of orders, order id)';

-- Every row of every customer, for forecasts.

CREATE FUNCTION rfm_internal.collect_visits_trans(internal, "any", "any", "any", int8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_visits_trans';

CREATE FUNCTION rfm_internal.collect_visits_within_trans(internal, "any", "any", "any", "any", int8)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_collect_visits_within_trans';

CREATE AGGREGATE rfm_internal.collect_visits("any", "any", "any", int8) (
    SFUNC = rfm_internal.collect_visits_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

CREATE AGGREGATE rfm_internal.collect_visits_within("any", "any", "any", "any", int8) (
    SFUNC = rfm_internal.collect_visits_within_trans,
    STYPE = internal,
    SSPACE = 1048576,
    FINALFUNC = rfm_internal.collect_final,
    FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = rfm_internal.collect_combine,
    SERIALFUNC = rfm_internal.collect_serialize,
    DESERIALFUNC = rfm_internal.collect_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE rfm_internal.collect_visits("any", "any", "any", int8) IS
    'internal: collects (customer, order time, amount, number of orders) of each row for a forecast; of no use in other queries';
COMMENT ON AGGREGATE rfm_internal.collect_visits_within("any", "any", "any", "any", int8) IS
    'internal: as rfm_internal.collect_visits, for (group, customer, order time, amount, number of orders)';

-- Summing ----------------------------------------------------------------
--
-- Sums of floating-point amounts where a source is read grouped: doubles that add
-- up to the sum without error.  The state is an array, so that it can be sent
-- between servers as a value.

CREATE FUNCTION rfm_internal.exact_sum_add(float8[], float8)
RETURNS float8[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_exact_sum_add';

CREATE FUNCTION rfm_internal.exact_sum_combine(float8[], float8[])
RETURNS float8[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'rfm_exact_sum_combine';

CREATE AGGREGATE rfm_internal.exact_sum(float8) (
    SFUNC = rfm_internal.exact_sum_add,
    STYPE = float8[],
    COMBINEFUNC = rfm_internal.exact_sum_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE rfm_internal.exact_sum(float8) IS
    'internal: doubles that add up to the sum without rounding; {NaN}: some value is not finite; {Infinity}: the sum is too large';
COMMENT ON FUNCTION rfm_internal.exact_sum_add(float8[], float8) IS
    'internal: transition function of rfm_internal.exact_sum()';
COMMENT ON FUNCTION rfm_internal.exact_sum_combine(float8[], float8[]) IS
    'internal: combine function of rfm_internal.exact_sum()';

-- Writing through Citus ----------------------------------------------------

CREATE FUNCTION rfm_internal.staged_rows()
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rfm_staged_rows';

COMMENT ON FUNCTION rfm_internal.staged_rows() IS
    'internal: the rows that the running refresh of this session writes to a target whose rows Citus routes';

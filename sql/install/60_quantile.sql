-- Quantile aggregates -----------------------------------------------------
--
-- Exact cut points (linear interpolation between neighbours, as percentile_cont
-- gives them), for use in any query.

CREATE FUNCTION rfm_internal.float8_quantile_trans(internal, float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_float8_quantile_trans' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.float8_quantile_trans(internal, float8) IS
    'internal: transition function of rfm_quintiles(double precision)';

CREATE FUNCTION rfm_internal.float8_quantile_trans(internal, float8, int4)
RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_float8_quantile_trans' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.float8_quantile_trans(internal, float8, int4) IS
    'internal: transition function of rfm_quantiles(double precision, integer)';

CREATE FUNCTION rfm_internal.numeric_quantile_trans(internal, numeric)
RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_numeric_quantile_trans' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.numeric_quantile_trans(internal, numeric) IS
    'internal: transition function of rfm_quintiles(numeric)';

CREATE FUNCTION rfm_internal.numeric_quantile_trans(internal, numeric, int4)
RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_numeric_quantile_trans' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.numeric_quantile_trans(internal, numeric, int4) IS
    'internal: transition function of rfm_quantiles(numeric, integer)';

CREATE FUNCTION rfm_internal.quantile_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_quantile_combine' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.quantile_combine(internal, internal) IS
    'internal: combine function of rfm_quintiles and rfm_quantiles';

CREATE FUNCTION rfm_internal.quantile_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'rfm_quantile_serialize' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.quantile_serialize(internal) IS
    'internal: serialization function of rfm_quintiles and rfm_quantiles';

CREATE FUNCTION rfm_internal.quantile_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'rfm_quantile_deserialize' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.quantile_deserialize(bytea, internal) IS
    'internal: deserialization function of rfm_quintiles and rfm_quantiles';

CREATE FUNCTION rfm_internal.float8_quantile_final(internal)
RETURNS float8[]
AS 'MODULE_PATHNAME', 'rfm_float8_quantile_final' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.float8_quantile_final(internal) IS
    'internal: final function of rfm_quintiles and rfm_quantiles for double precision';

CREATE FUNCTION rfm_internal.numeric_quantile_final(internal)
RETURNS numeric[]
AS 'MODULE_PATHNAME', 'rfm_numeric_quantile_final' LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rfm_internal.numeric_quantile_final(internal) IS
    'internal: final function of rfm_quintiles and rfm_quantiles for numeric';

CREATE AGGREGATE @extschema@.rfm_quintiles(value float8) (
    SFUNC = rfm_internal.float8_quantile_trans,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = rfm_internal.float8_quantile_final,
    FINALFUNC_MODIFY = read_only,
    COMBINEFUNC = rfm_internal.quantile_combine,
    SERIALFUNC = rfm_internal.quantile_serialize,
    DESERIALFUNC = rfm_internal.quantile_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.rfm_quintiles(float8) IS
    'the four cut points between fifths of the values, as percentile_cont gives them; nulls are ignored, no values: null';

CREATE AGGREGATE @extschema@.rfm_quintiles(value numeric) (
    SFUNC = rfm_internal.numeric_quantile_trans,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = rfm_internal.numeric_quantile_final,
    FINALFUNC_MODIFY = read_only,
    COMBINEFUNC = rfm_internal.quantile_combine,
    SERIALFUNC = rfm_internal.quantile_serialize,
    DESERIALFUNC = rfm_internal.quantile_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.rfm_quintiles(numeric) IS
    'the four cut points between fifths of the values, in exact arithmetic; nulls are ignored, no values: null';

CREATE AGGREGATE @extschema@.rfm_quantiles(value float8, buckets int4) (
    SFUNC = rfm_internal.float8_quantile_trans,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = rfm_internal.float8_quantile_final,
    FINALFUNC_MODIFY = read_only,
    COMBINEFUNC = rfm_internal.quantile_combine,
    SERIALFUNC = rfm_internal.quantile_serialize,
    DESERIALFUNC = rfm_internal.quantile_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.rfm_quantiles(float8, int4) IS
    'the buckets - 1 cut points between equal parts of the values, as percentile_cont gives them; buckets: 2 to 1000; nulls are ignored, no values: null';

CREATE AGGREGATE @extschema@.rfm_quantiles(value numeric, buckets int4) (
    SFUNC = rfm_internal.numeric_quantile_trans,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = rfm_internal.numeric_quantile_final,
    FINALFUNC_MODIFY = read_only,
    COMBINEFUNC = rfm_internal.quantile_combine,
    SERIALFUNC = rfm_internal.quantile_serialize,
    DESERIALFUNC = rfm_internal.quantile_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE @extschema@.rfm_quantiles(numeric, int4) IS
    'the buckets - 1 cut points between equal parts of the values, in exact arithmetic; buckets: 2 to 1000; nulls are ignored, no values: null';

CREATE FUNCTION @extschema@.rfm_bucket(value float8, cuts float8[])
RETURNS int4
AS 'MODULE_PATHNAME', 'rfm_float8_bucket' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_bucket(float8, float8[]) IS
    'one more than the number of cut points below the value; the cut points may be in any order';

CREATE FUNCTION @extschema@.rfm_bucket(value numeric, cuts numeric[])
RETURNS int4
AS 'MODULE_PATHNAME', 'rfm_numeric_bucket' LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rfm_bucket(numeric, numeric[]) IS
    'one more than the number of cut points below the value; the cut points may be in any order';

--
-- Mutants of states of every kind of key, amount and aggregate.
--
-- Variables of psql: module (the fuzz module's file, without .so), seed,
-- mutants (of each kind of state).
--
\set ON_ERROR_STOP 1
\pset footer off
CREATE FUNCTION fuzz_collect_state(internal) RETURNS bytea LANGUAGE c AS :'module';
CREATE FUNCTION fuzz_quantile_state(internal) RETURNS bytea LANGUAGE c AS :'module';
CREATE FUNCTION fuzz_states(serialize regproc, deserialize regproc, combine regproc, final regproc, has_types bool,
                            states bytea[], seed bigint, mutants bigint, OUT taken bigint, OUT refused bigint)
LANGUAGE c AS :'module';

CREATE AGGREGATE collect_state("any", "any", "any") (SFUNC = rfm_collect_trans, STYPE = internal, FINALFUNC = fuzz_collect_state);
CREATE AGGREGATE collect_state("any", "any", "any", "any") (SFUNC = rfm_collect_trans, STYPE = internal, FINALFUNC = fuzz_collect_state);
CREATE AGGREGATE float8_state(float8, int4) (SFUNC = rfm_float8_quantile_trans, STYPE = internal, FINALFUNC = fuzz_quantile_state);
CREATE AGGREGATE numeric_state(numeric, int4) (SFUNC = rfm_numeric_quantile_trans, STYPE = internal, FINALFUNC = fuzz_quantile_state);

-- Orders of customers whose ids and amounts have every form
CREATE TABLE o AS
SELECT i, i % customers AS c, date '2024-01-01' + i % 40 AS day, timestamptz '2024-01-01 00:00+00' + i * interval '7 hours' AS moment,
       (i * 7919) % 1000 AS amount, customers
  FROM unnest(ARRAY[0, 1, 3, 40]) customers, generate_series(1, customers * 4) i WHERE customers > 0;
CREATE TABLE states (kind text, what text, states bytea[]);
INSERT INTO states
SELECT 'collect', 'int8 ids', array_agg(s) FROM (SELECT collect_state(c::int8, moment, amount) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'int4 ids, far apart, dates', array_agg(s) FROM (SELECT collect_state(c * 50000007, day, amount * 0.01) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'text ids', array_agg(s) FROM (SELECT collect_state(repeat('x', c * 5) || c, moment, amount * 0.01) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'uuid ids', array_agg(s) FROM (SELECT collect_state(md5(c::text)::uuid, moment, amount) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'bytea ids', array_agg(s) FROM (SELECT collect_state(decode(md5(c::text), 'hex'), day, amount) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'numeric ids', array_agg(s) FROM (SELECT collect_state(c * 1.5, day, amount) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'name ids', array_agg(s) FROM (SELECT collect_state(('c' || c)::name, day, amount) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'char ids', array_agg(s) FROM (SELECT collect_state(('c' || c)::char(9), day, amount) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'float8 ids', array_agg(s) FROM (SELECT collect_state(c / 8.0::float8, day, amount) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'wide sums', array_agg(s) FROM (SELECT collect_state(c, moment, amount * 1e30 + 1e-9) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'float8 amounts', array_agg(s) FROM (SELECT collect_state(c, moment, amount::float8 / 3) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'float8 amounts of all magnitudes', array_agg(s) FROM (SELECT collect_state(c, moment, amount::float8 * 10::float8 ^ (i % 60 * 5 - 150)) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'int8 order ids', array_agg(s) FROM (SELECT collect_state(c, moment, amount, i::int8 / 2) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'text order ids', array_agg(s) FROM (SELECT collect_state('c' || c, moment, amount * 0.5, 'order ' || i / 2) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'uuid order ids', array_agg(s) FROM (SELECT collect_state(c, moment, amount::float8, md5((i / 2)::text)::uuid) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'numeric order ids', array_agg(s) FROM (SELECT collect_state(c, moment, amount, i / 2 * 0.5) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'int2 ids, timestamps, float4 amounts', array_agg(s) FROM (SELECT collect_state(c::int2, moment AT TIME ZONE 'UTC', amount::float4 / 3) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'inet ids, sums past bigint', array_agg(s) FROM (SELECT collect_state('10.0.0.0'::inet + c, day, amount * 9e15::numeric) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'collect', 'many customers', array_agg(s) FROM (SELECT collect_state(c * i, moment, amount, i) AS s FROM o, generate_series(1, 20) GROUP BY customers) x
UNION ALL SELECT 'float8', 'float8 values', array_agg(s) FROM (SELECT float8_state(amount / 3.0::float8, 5) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'float8', 'infinities and NaN', array_agg(s) FROM (SELECT float8_state((ARRAY[amount::text, 'NaN', 'inf', '-inf'])[1 + i % 4]::float8, 10) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'numeric', 'numeric values', array_agg(s) FROM (SELECT numeric_state(amount / 3.0, 4) AS s FROM o GROUP BY customers) x
UNION ALL SELECT 'numeric', 'numeric of all forms', array_agg(s) FROM (SELECT numeric_state((ARRAY[amount::text, 'NaN', 'Infinity', '-Infinity', '1e1000', '-1e-200', '0.000'])[1 + i % 7]::numeric, 1000) AS s FROM o GROUP BY customers) x;

SELECT what, cardinality(states) AS states, taken, refused
  FROM states, LATERAL fuzz_states(
           CASE kind WHEN 'collect' THEN 'rfm_collect_serialize' ELSE 'rfm_quantile_serialize' END::regproc,
           CASE kind WHEN 'collect' THEN 'rfm_collect_deserialize' ELSE 'rfm_quantile_deserialize' END::regproc,
           CASE kind WHEN 'collect' THEN 'rfm_collect_combine' ELSE 'rfm_quantile_combine' END::regproc,
           CASE kind WHEN 'collect' THEN 'rfm_collect_final' ELSE format('rfm_%s_quantile_final', kind) END::regproc,
           kind = 'collect', states, :seed, :mutants) f;

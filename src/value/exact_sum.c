/*-------------------------------------------------------------------------
 *
 * exact_sum.c
 *		The aggregate that sums doubles without error, wherever they lie.
 *
 * Its state, and its result, is an array of doubles of increasing magnitude
 * that do not overlap (see money.c): their sum is that of all values.  An
 * array travels between servers as any array does.  {NaN} stands for a value
 * that is no finite number, {Infinity} for a sum that double precision cannot
 * hold.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/version.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
#include "value/money.h"

PG_FUNCTION_INFO_V1(rfm_exact_sum_add);
PG_FUNCTION_INFO_V1(rfm_exact_sum_combine);

/* Doubles that do not overlap have 53 of double precision's 2,098 bits each. */
#define MAX_PARTS	48

typedef struct Parts
{
	int			n;
	double		part[MAX_PARTS + 1];
} Parts;

static ArrayType *
array_from_parts(const double *part, int n)
{
	Datum		values[MAX_PARTS + 1];

	for (int i = 0; i < n; i++)
		values[i] = Float8GetDatum(part[i]);
	return construct_array(values, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

pg_noreturn static void
invalid_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid state of rfm_internal.exact_sum()")));
}

static void
read_parts(ArrayType *state, Parts *parts)
{
	parts->n = ArrayGetNItems(ARR_NDIM(state), ARR_DIMS(state));
	if (ARR_NDIM(state) != 1 || ARR_HASNULL(state) ||
		ARR_ELEMTYPE(state) != FLOAT8OID || parts->n > MAX_PARTS)
		invalid_state();
	memcpy(parts->part, rfm_array_data(state), parts->n * sizeof(double));
}

/* Adds a value to the parts; what stands for no sum stays, NaN above Infinity. */
static void
add_value(Parts *parts, double value)
{
	double		last = parts->n > 0 ? parts->part[parts->n - 1] : 0;

	if (isfinite(last) && isfinite(value))
	{
		parts->n = rfm_expansion_add(parts->part, parts->n, value);
		if (parts->n > MAX_PARTS)
			invalid_state();		/* they overlap */
		if (isfinite(parts->part[parts->n - 1]))
			return;
	}
	parts->part[0] = isnan(last) || isnan(value) ? get_float8_nan() : get_float8_infinity();
	parts->n = 1;
}

/* The parts as an array: the old one where it has room, zeros in front. */
static ArrayType *
write_parts(ArrayType *state, const Parts *parts)
{
	int			room = ArrayGetNItems(ARR_NDIM(state), ARR_DIMS(state));
	double	   *into = (double *) rfm_array_data(state);

	if (parts->n > room)
		return array_from_parts(parts->part, parts->n);
	memset(into, 0, (room - parts->n) * sizeof(double));
	memcpy(into + room - parts->n, parts->part, parts->n * sizeof(double));
	return state;
}

/* The state, which is ours to write to within an aggregate only. */
static ArrayType *
own_state(FunctionCallInfo fcinfo)
{
	if (AggCheckCallContext(fcinfo, NULL))
		return PG_GETARG_ARRAYTYPE_P(0);
	return PG_GETARG_ARRAYTYPE_P_COPY(0);
}

/* exact_sum_add(float8[], float8) RETURNS float8[]: the transition function */
Datum
rfm_exact_sum_add(PG_FUNCTION_ARGS)
{
	ArrayType  *state;
	Parts		parts = {0};
	double		value;

	rfm_version_check();
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	value = PG_GETARG_FLOAT8(1);
	if (!isfinite(value))
		value = get_float8_nan();
	if (PG_ARGISNULL(0))
	{
		add_value(&parts, value);
		PG_RETURN_ARRAYTYPE_P(array_from_parts(parts.part, parts.n));
	}
	state = own_state(fcinfo);
	read_parts(state, &parts);
	add_value(&parts, value);
	PG_RETURN_ARRAYTYPE_P(write_parts(state, &parts));
}

/* exact_sum_combine(float8[], float8[]) RETURNS float8[] */
Datum
rfm_exact_sum_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state;
	Parts		parts;
	Parts		other;

	rfm_version_check();
	state = own_state(fcinfo);
	read_parts(state, &parts);
	read_parts(PG_GETARG_ARRAYTYPE_P(1), &other);
	for (int i = 0; i < other.n; i++)
		add_value(&parts, other.part[i]);
	PG_RETURN_ARRAYTYPE_P(write_parts(state, &parts));
}

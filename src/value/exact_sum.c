/*-------------------------------------------------------------------------
 *
 * exact_sum.c
 *		The aggregate that sums doubles without error, wherever they lie.
 *
 * Its state, and its result, is an array that holds an expansion (see money.h).
 * An array travels between servers as any array does.  Its count is NaN where a
 * value is no finite number.
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

/*
 * Doubles that do not overlap have 53 of double precision's 2,098 bits each;
 * the count comes before them.
 */
#define MAX_PARTS	48

typedef struct Parts
{
	int			n;
	double		part[MAX_PARTS + 2];	/* with room to add one */
} Parts;

static ArrayType *
array_from_parts(const double *part, int n)
{
	Datum		values[MAX_PARTS];

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
		ARR_ELEMTYPE(state) != FLOAT8OID || parts->n < 1 || parts->n > MAX_PARTS)
		invalid_state();
	memcpy(parts->part, rfm_array_data(state), parts->n * sizeof(double));
}

/* Add a value to the parts. */
static void
add_value(Parts *parts, double value)
{
	if (!isfinite(value))
	{
		parts->part[0] = get_float8_nan();
		return;
	}
	parts->n = rfm_expansion_add(parts->part, parts->n, value);
	if (parts->n > MAX_PARTS)
		invalid_state();		/* they overlap */
}

/* The parts as an array: the old one where it has room, with zeros between count and parts. */
static ArrayType *
write_parts(ArrayType *state, const Parts *parts)
{
	int			room = ArrayGetNItems(ARR_NDIM(state), ARR_DIMS(state));
	double	   *into = (double *) rfm_array_data(state);

	if (parts->n > room)
		return array_from_parts(parts->part, parts->n);
	into[0] = parts->part[0];
	memset(into + 1, 0, (room - parts->n) * sizeof(double));
	memcpy(into + 1 + room - parts->n, parts->part + 1, (parts->n - 1) * sizeof(double));
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
	Parts		parts = {.n = 1};

	rfm_version_check();
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (PG_ARGISNULL(0))
	{
		add_value(&parts, PG_GETARG_FLOAT8(1));
		PG_RETURN_ARRAYTYPE_P(array_from_parts(parts.part, parts.n));
	}
	state = own_state(fcinfo);
	read_parts(state, &parts);
	add_value(&parts, PG_GETARG_FLOAT8(1));
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
	for (int i = 1; i < other.n; i++)
		add_value(&parts, other.part[i]);
	parts.part[0] += other.part[0];
	PG_RETURN_ARRAYTYPE_P(write_parts(state, &parts));
}

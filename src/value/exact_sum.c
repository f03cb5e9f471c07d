/*-------------------------------------------------------------------------
 *
 * exact_sum.c
 *		The aggregate that sums doubles without error, also on other servers.
 *
 * The state of the aggregate, which is also its result, is an expansion (see
 * expansion.h) in an array of double precision, because servers can exchange arrays.
 * The first element, the count of multiples of 2^1023, becomes NaN if a value is
 * not finite.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/version.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
#include "value/expansion.h"

PG_FUNCTION_INFO_V1(rfm_exact_sum_add);
PG_FUNCTION_INFO_V1(rfm_exact_sum_combine);

/*
 * The maximum number of elements: the count, and as many doubles of 53 bits as
 * there can be among the 2,098 bits of double precision without overlapping.
 */
#define MAX_PARTS	48

typedef struct Parts
{
	int			n;
	double		part[MAX_PARTS + 2];	/* rfm_expansion_add() may add two */
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

/* Add a value to an expansion. */
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
		invalid_state();		/* parts of a valid state do not overlap */
}

/*
 * Return the parts as an array.  The old array is used if it is large enough: the
 * elements between the count and the parts are then zero.
 */
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

/* Return the first argument, the state.  Only within an aggregate may it be modified. */
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

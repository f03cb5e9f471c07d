/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *		The helper aggregates rfm_quintiles and rfm_quantiles: their transitions.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/memory.h"
#include "base/version.h"
#include "quantile/state.h"
#include "utils/float.h"
#include "value/money.h"
#include "value/numeric.h"

#define QUINTILES		5

PG_FUNCTION_INFO_V1(rfm_float8_quantile_trans);
PG_FUNCTION_INFO_V1(rfm_numeric_quantile_trans);
PG_FUNCTION_INFO_V1(rfm_quantile_combine);

static void
check_same_buckets(int a, int b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must be the same for every row"),
				 errdetail("One row asks for %d, another for %d.", a, b),
				 errhint("Group the rows by the number of buckets, or use a constant.")));
}

/* Determine the number of buckets that a row asks for. */
static int
buckets_arg(FunctionCallInfo fcinfo)
{
	int			buckets;

	if (PG_NARGS() < 3)
		return QUINTILES;
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must not be null"),
				 errhint("Use a number between %d and %d.",
						 RFM_MIN_QUANTILES, RFM_MAX_QUANTILES)));
	buckets = PG_GETARG_INT32(2);
	if (buckets < RFM_MIN_QUANTILES || buckets > RFM_MAX_QUANTILES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets is out of range: %d", buckets),
				 errhint("Use a number between %d and %d.",
						 RFM_MIN_QUANTILES, RFM_MAX_QUANTILES)));
	return buckets;
}

/*
 * Return the state of a transition.  The first row makes it, even one whose
 * value is null.
 */
static RfmQuantileState *
transition_state(FunctionCallInfo fcinfo, MemoryContext mcxt, RfmQuantileKind kind)
{
	RfmQuantileState *state = rfm_quantile_state_arg(fcinfo, 0);
	int			buckets = buckets_arg(fcinfo);

	if (state == NULL)
		return rfm_quantile_create(mcxt, kind, buckets);
	check_same_buckets(state->buckets, buckets);
	return state;
}

/*
 * rfm_float8_quantile_trans(internal, float8 [, buckets])
 */
Datum
rfm_float8_quantile_trans(PG_FUNCTION_ARGS)
{
	MemoryContext mcxt;
	RfmQuantileState *state;

	rfm_version_check();
	mcxt = rfm_aggregate_context(fcinfo);
	state = transition_state(fcinfo, mcxt, RFM_QUANTILE_FLOAT8);

	if (!PG_ARGISNULL(1))
	{
		double		value = PG_GETARG_FLOAT8(1);

		/* a NaN may have either sign; all are equal, and above the rest */
		if (isnan(value))
			value = get_float8_nan();
		rfm_quantile_reserve(mcxt, state, 1);
		state->code[state->n++] = rfm_double_to_code(value);
	}
	PG_RETURN_POINTER(state);
}

/*
 * rfm_numeric_quantile_trans(internal, numeric [, buckets])
 */
Datum
rfm_numeric_quantile_trans(PG_FUNCTION_ARGS)
{
	MemoryContext mcxt;
	RfmQuantileState *state;

	rfm_version_check();
	mcxt = rfm_aggregate_context(fcinfo);
	state = transition_state(fcinfo, mcxt, RFM_QUANTILE_NUMERIC);

	if (!PG_ARGISNULL(1))
	{
		/* most numerics have a short header, and need not be copied for that */
		struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(1));
		char	   *payload = VARDATA_ANY(value);
		int64		size = VARSIZE_ANY_EXHDR(value);

		rfm_quantile_add_numeric(mcxt, state, rfm_numeric_code(payload, size), payload, size);
		if ((Pointer) value != DatumGetPointer(PG_GETARG_DATUM(1)))
			pfree(value);
	}
	PG_RETURN_POINTER(state);
}

/*
 * rfm_quantile_combine(internal, internal)
 */
Datum
rfm_quantile_combine(PG_FUNCTION_ARGS)
{
	MemoryContext mcxt;
	RfmQuantileState *state;
	RfmQuantileState *other;

	rfm_version_check();
	mcxt = rfm_aggregate_context(fcinfo);
	state = rfm_quantile_state_arg(fcinfo, 0);
	other = rfm_quantile_state_arg(fcinfo, 1);
	if (other != NULL)
	{
		if (state == NULL)
			state = rfm_quantile_create(mcxt, other->kind, other->buckets);
		check_same_buckets(state->buckets, other->buckets);
		rfm_quantile_add_state(mcxt, state, other);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/*-------------------------------------------------------------------------
 *
 * final.c
 *		The final functions of rfm_quintiles and rfm_quantiles: cut points.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/memory.h"
#include "base/version.h"
#include "catalog/pg_type.h"
#include "quantile/state.h"
#include "utils/array.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "value/cut.h"
#include "value/money.h"
#include "value/numeric.h"

PG_FUNCTION_INFO_V1(rfm_float8_quantile_final);
PG_FUNCTION_INFO_V1(rfm_numeric_quantile_final);

/*
 * Cut points between values.
 */

/* Between two values; fraction is numerator / denominator, below one. */
static double
interpolate_float8(double lower, double upper, int64 numerator,
				   int64 denominator)
{
	double		fraction = (double) numerator / (double) denominator;
	double		difference = upper - lower;

	/* infinities and NaN are equal to themselves, too */
	if (numerator == 0 || float8_eq(lower, upper))
		return lower;
	if (isinf(difference) && !isinf(lower) && !isinf(upper))
		return lower * (1 - fraction) + upper * fraction;
	return lower + difference * fraction;
}

static Numeric
interpolate_numeric(Numeric lower, Numeric upper, int64 numerator,
					int64 denominator)
{
	Numeric		part;

	if (numerator == 0 || rfm_numeric_cmp(lower, upper) == 0)
		return lower;
	part = rfm_numeric_call(numeric_sub, upper, lower);
	part = rfm_numeric_call(numeric_mul, part, int64_to_numeric(numerator));
	part = rfm_numeric_call(numeric_div, part, int64_to_numeric(denominator));
	/* if the quotient is exact, remove zeros that the division added */
	part = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(part)));
	return rfm_numeric_call(numeric_add, lower, part);
}

/*
 * Numerics by rank.
 */

/* Compare by value; equal ones by display scale, to leave nothing to chance. */
static int
compare_numerics(Numeric a, Numeric b)
{
	int			order = rfm_numeric_cmp(a, b);

	if (order == 0)
	{
		RfmNumericParts aparts;
		RfmNumericParts bparts;

		rfm_numeric_read(VARDATA(a), VARSIZE(a) - VARHDRSZ, &aparts);
		rfm_numeric_read(VARDATA(b), VARSIZE(b) - VARHDRSZ, &bparts);
		order = aparts.scale - bparts.scale;
	}
	return order;
}

#define ST_SORT sort_numerics
#define ST_ELEMENT_TYPE Numeric
#define ST_COMPARE(a, b) compare_numerics(*(a), *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* The values that share one code. */
typedef struct CodeGroup
{
	int64		code;
	int64		n;
	Numeric    *value;			/* ascending */
} CodeGroup;

static int
compare_groups(const void *a, const void *b)
{
	int64		acode = ((const CodeGroup *) a)->code;
	int64		bcode = ((const CodeGroup *) b)->code;

	return acode < bcode ? -1 : acode > bcode;
}

/* The group of a code, among ascending ones; NULL if there is none. */
static CodeGroup *
find_group(CodeGroup *groups, int ngroups, int64 code)
{
	int			low = 0;
	int			high = ngroups;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (groups[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ngroups && groups[low].code == code ? &groups[low] : NULL;
}

/* Sort the groups by code and drop those with the code of another. */
static int
unique_groups(CodeGroup *groups, int ngroups)
{
	int			nkept = 0;

	qsort(groups, ngroups, sizeof(CodeGroup), compare_groups);
	for (int i = 0; i < ngroups; i++)
	{
		if (nkept == 0 || groups[nkept - 1].code != groups[i].code)
			groups[nkept++] = groups[i];
	}
	return nkept;
}

/* Collect the values of each group, in ascending order. */
static void
fill_groups(const RfmQuantileState *state, CodeGroup *groups, int ngroups)
{
	CodeGroup  *group;

	for (int64 i = 0; i < state->n; i++)
	{
		rfm_check_interrupts(i);
		group = find_group(groups, ngroups, state->code[i]);
		if (group != NULL)
			group->n++;
	}
	for (int i = 0; i < ngroups; i++)
	{
		groups[i].value = MemoryContextAllocHuge(CurrentMemoryContext,
												 groups[i].n * sizeof(Numeric));
		groups[i].n = 0;
	}
	for (int64 i = 0; i < state->n; i++)
	{
		rfm_check_interrupts(i);
		group = find_group(groups, ngroups, state->code[i]);
		if (group != NULL)
			group->value[group->n++] = state->value[i];
	}
	for (int i = 0; i < ngroups; i++)
		sort_numerics(groups[i].value, groups[i].n);
}

/* The numerics at some ranks. */
static void
numerics_at(const RfmQuantileState *state, const int64 *ranks, int nranks,
			Numeric *results)
{
	RfmOrderStat *stats = palloc(nranks * sizeof(RfmOrderStat));
	CodeGroup  *groups = palloc0(nranks * sizeof(CodeGroup));
	int			ngroups;

	rfm_order_stats(state->code, state->n, ranks, nranks, stats);
	for (int i = 0; i < nranks; i++)
		groups[i].code = stats[i].value;
	ngroups = unique_groups(groups, nranks);
	fill_groups(state, groups, ngroups);

	for (int i = 0; i < nranks; i++)
		results[i] = find_group(groups, ngroups, stats[i].value)
			->value[stats[i].ties_before];

	for (int i = 0; i < ngroups; i++)
		pfree(groups[i].value);
	pfree(groups);
	pfree(stats);
}

/*
 * The final functions.
 */

/* Return the state that a final function gets; NULL if it has no values. */
static RfmQuantileState *
final_state(FunctionCallInfo fcinfo)
{
	RfmQuantileState *state;

	rfm_version_check();
	rfm_aggregate_context(fcinfo);
	state = rfm_quantile_state_arg(fcinfo, 0);
	return state != NULL && state->n > 0 ? state : NULL;
}

/*
 * rfm_float8_quantile_final(internal)
 */
Datum
rfm_float8_quantile_final(PG_FUNCTION_ARGS)
{
	RfmQuantileState *state = final_state(fcinfo);
	RfmFraction *fraction;
	RfmQuantile *quantiles;
	Datum	   *cuts;
	int			ncuts;

	if (state == NULL)
		PG_RETURN_NULL();
	ncuts = state->buckets - 1;
	fraction = palloc(ncuts * sizeof(RfmFraction));
	quantiles = palloc(ncuts * sizeof(RfmQuantile));
	cuts = palloc(ncuts * sizeof(Datum));
	rfm_equal_fractions(state->buckets, fraction);
	rfm_quantiles_of(state->code, state->n, fraction, ncuts, quantiles);
	for (int i = 0; i < ncuts; i++)
		cuts[i] = Float8GetDatum(interpolate_float8(rfm_code_to_double(quantiles[i].lower),
													rfm_code_to_double(quantiles[i].upper),
													quantiles[i].numerator,
													quantiles[i].denominator));
	PG_RETURN_ARRAYTYPE_P(construct_array(cuts, ncuts, FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * rfm_numeric_quantile_final(internal)
 */
Datum
rfm_numeric_quantile_final(PG_FUNCTION_ARGS)
{
	RfmQuantileState *state = final_state(fcinfo);
	int			ncuts;
	int64	   *ranks;
	int64	   *numerators;
	Numeric    *neighbours;
	Datum	   *cuts;

	if (state == NULL)
		PG_RETURN_NULL();
	ncuts = state->buckets - 1;
	ranks = palloc(2 * ncuts * sizeof(int64));
	numerators = palloc(ncuts * sizeof(int64));
	neighbours = palloc(2 * ncuts * sizeof(Numeric));
	cuts = palloc(ncuts * sizeof(Datum));

	for (int i = 0; i < ncuts; i++)
	{
		rfm_quantile_position(state->n, (RfmFraction) {i + 1, state->buckets},
							  &ranks[2 * i], &numerators[i]);
		ranks[2 * i + 1] = ranks[2 * i] + (numerators[i] > 0 ? 1 : 0);
	}
	numerics_at(state, ranks, 2 * ncuts, neighbours);
	for (int i = 0; i < ncuts; i++)
		cuts[i] = NumericGetDatum(interpolate_numeric(neighbours[2 * i],
													  neighbours[2 * i + 1],
													  numerators[i],
													  state->buckets));
	PG_RETURN_ARRAYTYPE_P(construct_array(cuts, ncuts, NUMERICOID, -1, false,
										  TYPALIGN_INT));
}

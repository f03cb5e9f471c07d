/*-------------------------------------------------------------------------
 *
 * average.c
 *		The average of a customer's orders, from the exact sum.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "utils/fmgrprotos.h"
#include "value/average.h"
#include "value/numeric.h"

/* Digits after the point that an average has more than its sum, and 10^that. */
#define MORE_DIGITS 2
#define MORE_TIMES 100

/* No numeric has more digits after the point. */
#define NUMERIC_DIGITS 16383

bool
rfm_average_scaled(const RfmSum *sum, uint32 n, int64 *average, uint8 *scale)
{
	int64		value = sum->v.scaled;
	uint64		size = value < 0 ? 0 - (uint64) value : (uint64) value;
	uint64		rest = size % n * MORE_TIMES;	/* below 2^39 */
	uint64		result = size / n;

	*scale = sum->scale + MORE_DIGITS;
	if (*scale > RFM_MAX_SCALE || result > (PG_INT64_MAX - MORE_TIMES) / MORE_TIMES)
		return false;
	result = result * MORE_TIMES + rest / n;
	if (rest % n >= n - rest % n)
		result++;
	*average = value < 0 ? -(int64) result : (int64) result;
	return true;
}

static int
display_scale(Numeric value)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(value)));
}

/*
 * An ordinary division would round to its own number of digits, and rounding
 * the result again could give another value.  So divide into units of the last
 * digit, and check the remainder.
 */
Numeric
rfm_average_numeric(const RfmSum *sum, uint32 n)
{
	Numeric		value = rfm_sum_numeric(sum);
	Numeric		count = int64_to_numeric(n);
	int			scale = Min(display_scale(value) + MORE_DIGITS, NUMERIC_DIGITS);
	Numeric		unit = int64_div_fast_to_numeric(1, scale);
	bool		negative = rfm_numeric_cmp(value, int64_to_numeric(0)) < 0;
	Numeric		size = DatumGetNumeric(DirectFunctionCall1(numeric_abs, NumericGetDatum(value)));
	Numeric		whole;
	Numeric		rest;

	whole = rfm_numeric_call(numeric_div_trunc, size, rfm_numeric_call(numeric_mul, count, unit));
	rest = rfm_numeric_call(numeric_sub, size, rfm_numeric_call(numeric_mul, rfm_numeric_call(numeric_mul, whole, unit), count));
	if (rfm_numeric_cmp(rfm_numeric_call(numeric_add, rest, rest), rfm_numeric_call(numeric_mul, count, unit)) >= 0)
		whole = rfm_numeric_call(numeric_add, whole, int64_to_numeric(1));
	whole = rfm_numeric_call(numeric_mul, whole, unit);
	if (negative)
		whole = DatumGetNumeric(DirectFunctionCall1(numeric_uminus, NumericGetDatum(whole)));
	return whole;
}

/*-------------------------------------------------------------------------
 *
 * money.c
 *		Amounts and their exact sums.
 *
 * Two doubles hold nearly every floating-point sum of prices; longer expansions
 * live out of line.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/memory.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "value/expansion.h"
#include "value/money.h"
#include "value/numeric.h"

bool
rfm_amount_type(Oid typid, bool *real)
{
	switch (getBaseType(typid))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			*real = false;
			return true;
		case FLOAT4OID:
		case FLOAT8OID:
			*real = true;
			return true;
		default:
			return false;
	}
}

void
rfm_amount_error(bool real, const char *customer, bool overflow)
{
	if (overflow)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 real ?
				 errmsg("the amounts of customer \"%s\" sum up to more than double precision can hold",
						customer) :
				 errmsg("the amounts of customer \"%s\" sum up to more than numeric can hold",
						customer)));
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("an order of customer \"%s\" has an amount that is not a finite number",
					customer),
			 errhint("Correct the order, or leave it out with the model's filter.")));
}

void
rfm_amount_decode(Oid typid, Datum value, RfmAmount *amount)
{
	amount->form = RFM_FORM_SCALED;
	amount->scale = 0;
	switch (typid)
	{
		case NUMERICOID:
			if (!rfm_numeric_to_scaled(value, &amount->v.scaled, &amount->scale))
			{
				amount->v.numeric = DatumGetNumeric(value);
				amount->form =
					numeric_is_nan(amount->v.numeric) ||
					numeric_is_inf(amount->v.numeric) ?
					RFM_FORM_NOT_FINITE : RFM_FORM_NUMERIC;
			}
			break;
		case INT8OID:
			amount->v.scaled = DatumGetInt64(value);
			break;
		case INT4OID:
			amount->v.scaled = DatumGetInt32(value);
			break;
		case INT2OID:
			amount->v.scaled = DatumGetInt16(value);
			break;
		case FLOAT4OID:
		case FLOAT8OID:
			amount->v.real = typid == FLOAT8OID ?
				DatumGetFloat8(value) : (double) DatumGetFloat4(value);
			amount->form = isfinite(amount->v.real) ?
				RFM_FORM_REAL : RFM_FORM_NOT_FINITE;
			break;
		default:
			elog(ERROR, "amounts of type %u cannot be summed", typid);
	}
}

/*
 * Exact sums.
 */

/* Add a numeric to an exact sum, which then is a wide one.  Returns false if it overflows. */
static bool
add_numeric(RfmSum *sum, Numeric addend, MemoryContext mcxt)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(mcxt);
	Numeric		old = rfm_sum_numeric(sum);
	bool		overflow;
	Numeric		total = rfm_numeric_add(old, addend, &overflow);

	MemoryContextSwitchTo(oldcxt);
	if (overflow)
		return false;
	pfree(old);
	if (sum->form == RFM_FORM_NUMERIC)
		pfree(sum->v.numeric);
	sum->v.numeric = total;
	sum->form = RFM_FORM_NUMERIC;
	return true;
}

static bool
add_scaled(RfmSum *sum, int64 value, uint8 scale, MemoryContext mcxt)
{
	int64		total = sum->v.scaled;
	int64		addend = value;
	Numeric		wide;
	bool		fits;

	if (sum->form == RFM_FORM_SCALED &&
		rfm_align_scales(&total, sum->scale, &addend, scale) &&
		!pg_add_s64_overflow(total, addend, &total))
	{
		sum->v.scaled = total;
		sum->scale = Max(sum->scale, scale);
		return true;
	}
	wide = int64_div_fast_to_numeric(value, scale);
	fits = add_numeric(sum, wide, mcxt);
	pfree(wide);
	return fits;
}

/*
 * Floating-point sums.
 */

/* Add one double to an expansion. */
static void
grow_partials(RfmPartials **partials, double x, MemoryContext mcxt)
{
	RfmPartials *p = *partials;

	/* rfm_expansion_add() may add two */
	if (p->count + 2 > p->space)
	{
		int			space = p->space * 2;
		RfmPartials *larger = MemoryContextAlloc(mcxt, offsetof(RfmPartials, part) +
												 space * sizeof(double));

		memcpy(larger, p, offsetof(RfmPartials, part) + p->count * sizeof(double));
		larger->space = space;
		pfree(p);
		*partials = p = larger;
	}
	p->count = rfm_expansion_add(p->part, p->count, x);
}

/* Convert a floating-point sum to an expansion, unless it is one. */
static void
widen_real(RfmSum *sum, MemoryContext mcxt)
{
	RfmPartials *p;

	if (sum->form == RFM_FORM_PARTIALS)
		return;
	p = MemoryContextAlloc(mcxt, offsetof(RfmPartials, part) + 8 * sizeof(double));
	p->count = 1;
	p->space = 8;
	p->part[0] = 0;
	grow_partials(&p, sum->low, mcxt);
	grow_partials(&p, sum->v.high, mcxt);
	sum->v.partials = p;
	sum->low = 0;
	sum->form = RFM_FORM_PARTIALS;
}

/* Add a double to a floating-point sum. */
static void
add_real(RfmSum *sum, double x, MemoryContext mcxt)
{
	if (sum->form == RFM_FORM_REAL)
	{
		double		high;
		double		carry;
		double		rest;
		double		lost;

		rfm_two_sum(sum->v.high, x, &high, &carry);
		rfm_two_sum(sum->low, carry, &rest, &lost);
		if (lost == 0 && isfinite(high))
		{
			rfm_two_sum(high, rest, &high, &rest);
			if (isfinite(high))
			{
				sum->v.high = high;
				sum->low = rest;
				return;
			}
		}
	}
	widen_real(sum, mcxt);
	grow_partials(&sum->v.partials, x, mcxt);
}

bool
rfm_sum_add(RfmSum *sum, const RfmAmount *amount, MemoryContext mcxt)
{
	switch ((RfmAmountForm) amount->form)
	{
		case RFM_FORM_SCALED:
			return add_scaled(sum, amount->v.scaled, amount->scale, mcxt);
		case RFM_FORM_NUMERIC:
			return add_numeric(sum, amount->v.numeric, mcxt);
		case RFM_FORM_REAL:
			add_real(sum, amount->v.real, mcxt);
			break;
		default:
			break;
	}
	return true;
}

bool
rfm_sum_merge(RfmSum *sum, const RfmSum *other, MemoryContext mcxt)
{
	const RfmPartials *p = other->v.partials;

	switch ((RfmAmountForm) other->form)
	{
		case RFM_FORM_SCALED:
			return add_scaled(sum, other->v.scaled, other->scale, mcxt);
		case RFM_FORM_NUMERIC:
			return add_numeric(sum, other->v.numeric, mcxt);
		case RFM_FORM_REAL:
			add_real(sum, other->v.high, mcxt);
			add_real(sum, other->low, mcxt);
			return true;
		default:
			break;
	}
	widen_real(sum, mcxt);
	for (int i = 1; i < p->count; i++)
		grow_partials(&sum->v.partials, p->part[i], mcxt);
	sum->v.partials->part[0] += p->part[0];
	return true;
}

/*
 * Images of wide sums: a numeric, or the elements of an expansion.
 */

const void *
rfm_sum_image(const RfmSum *sum, Size *size)
{
	if (sum->form == RFM_FORM_PARTIALS)
	{
		*size = sum->v.partials->count * sizeof(double);
		return sum->v.partials->part;
	}
	*size = VARSIZE(sum->v.numeric);
	return sum->v.numeric;
}

void
rfm_sum_set_image(RfmSum *sum, const void *image, Size size)
{
	if (sum->form == RFM_FORM_PARTIALS)
	{
		RfmPartials *p = palloc(offsetof(RfmPartials, part) + size);

		p->count = p->space = (int) (size / sizeof(double));
		memcpy(p->part, image, size);
		sum->v.partials = p;
	}
	else
	{
		sum->v.numeric = palloc(size);
		memcpy(sum->v.numeric, image, size);
	}
}

/*
 * Values of sums.
 */

Numeric
rfm_sum_numeric(const RfmSum *sum)
{
	if (sum->form == RFM_FORM_SCALED)
		return int64_div_fast_to_numeric(sum->v.scaled, sum->scale);
	return DatumGetNumericCopy(NumericGetDatum(sum->v.numeric));
}

double
rfm_sum_real(const RfmSum *sum)
{
	const RfmPartials *p = sum->v.partials;

	if (sum->form == RFM_FORM_REAL)
		return sum->v.high + sum->low;
	return rfm_expansion_value(p->part, p->count);
}

/*
 * Averages of exact sums.
 */

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

/*
 * Codes.
 */

typedef struct RankItem
{
	Numeric		value;
	int64		row;
} RankItem;

static int
rank_item_cmp(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return rfm_numeric_cmp(((const RankItem *) a)->value,
						   ((const RankItem *) b)->value);
}

void
rfm_money_rank(RfmMoney *money, Numeric *values, int64 n)
{
	RankItem   *items = rfm_alloc_array(CurrentMemoryContext, n, sizeof(RankItem), false);
	int64		code = -1;

	for (int64 i = 0; i < n; i++)
	{
		items[i].value = values[i];
		items[i].row = i;
	}
	qsort(items, n, sizeof(RankItem), rank_item_cmp);

	money->form = RFM_FORM_NUMERIC;
	money->distinct = rfm_alloc_array(CurrentMemoryContext, n, sizeof(Numeric), false);
	for (int64 i = 0; i < n; i++)
	{
		if (i == 0 || rfm_numeric_cmp(items[i - 1].value, items[i].value) != 0)
			money->distinct[++code] = items[i].value;
		money->code[items[i].row] = code;
	}
	money->ndistinct = code + 1;
	pfree(items);
}

/*
 * Convert a double by way of the shortest text that is read as the same double.  The
 * cast of SQL would keep only 15 digits.
 */
static Numeric
numeric_from_double(double value)
{
	char	   *digits = double_to_shortest_decimal(value);
	Numeric		result;

	result = DatumGetNumeric(DirectFunctionCall3(numeric_in,
												 CStringGetDatum(digits),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
	pfree(digits);
	return result;
}

Numeric
rfm_money_numeric(const RfmMoney *money, int64 code)
{
	switch (money->form)
	{
		case RFM_FORM_SCALED:
			return int64_div_fast_to_numeric(code, money->scale);
		case RFM_FORM_REAL:
			return numeric_from_double(rfm_code_to_double(code));
		default:
			return money->distinct[code];
	}
}

/*
 * Find the smallest int64 that is at least bound or, if strict, greater than bound.
 * Returns false if there is none.
 */
static bool
numeric_first_int64(Numeric bound, bool strict, int64 *result)
{
	Numeric		whole = DatumGetNumeric(DirectFunctionCall1(strict ? numeric_floor : numeric_ceil,
															NumericGetDatum(bound)));

	if (strict)
		whole = rfm_numeric_call(numeric_add, whole, int64_to_numeric(1));
	if (rfm_numeric_cmp(whole, int64_to_numeric(PG_INT64_MAX)) > 0)
		return false;
	if (rfm_numeric_cmp(whole, int64_to_numeric(PG_INT64_MIN)) < 0)
		*result = PG_INT64_MIN;
	else
		*result = DatumGetInt64(DirectFunctionCall1(numeric_int8,
													NumericGetDatum(whole)));
	return true;
}

bool
rfm_money_first_code(const RfmMoney *money, Numeric bound, bool strict,
					 int64 *code)
{
	if (money->form == RFM_FORM_SCALED)
	{
		bound = rfm_numeric_call(numeric_mul, bound, int64_to_numeric(rfm_power_of_ten[money->scale]));
		return numeric_first_int64(bound, strict, code);
	}

	if (money->form == RFM_FORM_REAL)
	{
		/* as SQL compares double precision with numeric: in double precision */
		double		real = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
															  NumericGetDatum(bound)));

		*code = rfm_double_to_code(real);
		if (strict)
			(*code)++;
		return true;
	}

	{
		int64		low = 0;
		int64		high = money->ndistinct;

		while (low < high)
		{
			int64		mid = low + (high - low) / 2;
			int			cmp = rfm_numeric_cmp(money->distinct[mid], bound);

			if (cmp < 0 || (strict && cmp == 0))
				low = mid + 1;
			else
				high = mid;
		}
		*code = low;
		return low < money->ndistinct;
	}
}


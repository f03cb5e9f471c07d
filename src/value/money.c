/*-------------------------------------------------------------------------
 *
 * money.c
 *		Amounts and their exact sums.
 *
 * Floating-point sums follow J. R. Shewchuk, "Adaptive Precision
 * Floating-Point Arithmetic and Fast Robust Geometric Predicates" (1997):
 * a sum is kept as an expansion of doubles that do not overlap.  Two doubles
 * hold nearly every sum of prices; longer expansions live out of line.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/memory.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "value/money.h"
#include "value/numeric.h"

bool
rfm_amount_kind(Oid typid, RfmAmountKind *kind)
{
	switch (getBaseType(typid))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			*kind = RFM_AMOUNT_INT;
			return true;
		case NUMERICOID:
			*kind = RFM_AMOUNT_NUMERIC;
			return true;
		case FLOAT4OID:
		case FLOAT8OID:
			*kind = RFM_AMOUNT_FLOAT;
			return true;
		default:
			return false;
	}
}

void
rfm_amount_error(RfmAmountKind kind, const char *customer, bool overflow)
{
	if (overflow)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 kind == RFM_AMOUNT_FLOAT ?
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
				RFM_FORM_FLOAT : RFM_FORM_NOT_FINITE;
			break;
		default:
			elog(ERROR, "amounts of type %u cannot be summed", typid);
	}
}

/*
 * Exact sums.
 */

/* Adds a numeric to a sum of any exact form, which becomes a wide one; false: overflow. */
static bool
add_wide(RfmSum *sum, uint8 *form, uint8 *scale, Numeric addend,
		 MemoryContext mcxt)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(mcxt);
	Numeric		old = rfm_sum_numeric(sum, *form, *scale);
	bool		overflow = false;
	Numeric		total = numeric_add_opt_error(old, addend, &overflow);

	MemoryContextSwitchTo(oldcxt);
	if (overflow)
		return false;
	pfree(old);
	if (*form == RFM_FORM_WIDE)
		pfree(sum->numeric);
	sum->numeric = total;
	*form = RFM_FORM_WIDE;
	return true;
}

/* Brings two scaled integers to the larger of their scales; false: overflow. */
static inline bool
align_scales(int64 *a, int ascale, int64 *b, int bscale)
{
	if (ascale < bscale)
		return !pg_mul_s64_overflow(*a, rfm_power_of_ten[bscale - ascale], a);
	if (ascale > bscale)
		return !pg_mul_s64_overflow(*b, rfm_power_of_ten[ascale - bscale], b);
	return true;
}

static bool
add_scaled(RfmSum *sum, uint8 *form, uint8 *scale, int64 value,
		   uint8 value_scale, MemoryContext mcxt)
{
	if (*form == RFM_FORM_SCALED)
	{
		int64		total = sum->scaled;
		int64		addend = value;

		if (align_scales(&total, *scale, &addend, value_scale) &&
			!pg_add_s64_overflow(total, addend, &total))
		{
			sum->scaled = total;
			*scale = Max(*scale, value_scale);
			return true;
		}
	}
	{
		Numeric		wide = int64_div_fast_to_numeric(value, value_scale);
		bool		fits = add_wide(sum, form, scale, wide, mcxt);

		pfree(wide);
		return fits;
	}
}

/*
 * Floating-point sums.
 */

/* a + b = *high + *low, exactly, with *high the rounded sum. */
static inline void
two_sum(double a, double b, double *high, double *low)
{
	double		sum = a + b;
	double		bb = sum - a;

	*low = (a - (sum - bb)) + (b - bb);
	*high = sum;
}

int
rfm_expansion_add(double *part, int n, double x)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		double		low;

		two_sum(part[i], x, &x, &low);
		if (low != 0)
			part[kept++] = low;
	}
	part[kept++] = x;
	return kept;
}

/* Adds one double to an expansion; false where it overflows. */
static bool
grow_partials(RfmPartials **partials, double x, MemoryContext mcxt)
{
	RfmPartials *p = *partials;

	if (p->count == p->space)
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
	return isfinite(p->part[p->count - 1]);
}

static bool
add_real(RfmSum *sum, uint8 *form, double *low, double x, MemoryContext mcxt)
{
	if (*form == RFM_FORM_FLOAT)
	{
		double		high;
		double		carry;
		double		rest;
		double		lost;

		two_sum(sum->high, x, &high, &carry);
		two_sum(*low, carry, &rest, &lost);
		if (lost == 0)
		{
			two_sum(high, rest, &sum->high, low);
			return isfinite(sum->high);
		}
		else
		{
			RfmPartials *p = MemoryContextAlloc(mcxt, offsetof(RfmPartials, part) +
												4 * sizeof(double));

			p->count = 0;
			p->space = 4;
			if (!grow_partials(&p, *low, mcxt) ||
				!grow_partials(&p, sum->high, mcxt))
				return false;
			sum->partials = p;
			*low = 0;
			*form = RFM_FORM_WIDE;
		}
	}
	return grow_partials(&sum->partials, x, mcxt);
}

bool
rfm_sum_add(RfmSum *sum, uint8 *form, uint8 *scale, double *low,
			const RfmAmount *amount, MemoryContext mcxt)
{
	switch ((RfmAmountForm) amount->form)
	{
		case RFM_FORM_SCALED:
			return add_scaled(sum, form, scale, amount->v.scaled, amount->scale, mcxt);
		case RFM_FORM_FLOAT:
			return add_real(sum, form, low, amount->v.real, mcxt);
		case RFM_FORM_NUMERIC:
			return add_wide(sum, form, scale, amount->v.numeric, mcxt);
		default:
			break;
	}
	return true;
}

bool
rfm_sum_merge(RfmSum *sum, uint8 *form, uint8 *scale, double *low,
			  const RfmSum *other, uint8 other_form, uint8 other_scale,
			  double other_low, RfmAmountKind kind, MemoryContext mcxt)
{
	if (kind != RFM_AMOUNT_FLOAT)
	{
		if (other_form == RFM_FORM_SCALED)
			return add_scaled(sum, form, scale, other->scaled, other_scale, mcxt);
		return add_wide(sum, form, scale, other->numeric, mcxt);
	}

	if (other_form == RFM_FORM_FLOAT)
		return add_real(sum, form, low, other->high, mcxt) &&
			add_real(sum, form, low, other_low, mcxt);
	for (int i = 0; i < other->partials->count; i++)
		if (!add_real(sum, form, low, other->partials->part[i], mcxt))
			return false;
	return true;
}

bool
rfm_sum_scaled(const RfmSum *sum, uint8 form, uint8 scale, int to_scale,
			   int64 *scaled)
{
	return form == RFM_FORM_SCALED && to_scale >= scale &&
		!pg_mul_s64_overflow(sum->scaled, rfm_power_of_ten[to_scale - scale], scaled);
}

Numeric
rfm_sum_numeric(const RfmSum *sum, uint8 form, uint8 scale)
{
	if (form == RFM_FORM_SCALED)
		return int64_div_fast_to_numeric(sum->scaled, scale);
	return DatumGetNumericCopy(NumericGetDatum(sum->numeric));
}

/*
 * The double nearest to an expansion, ties to even: add from the largest part
 * down to the first rounding error; what lies below that error decides when
 * the error is exactly half a unit in the last place.
 */
double
rfm_sum_real(const RfmSum *sum, uint8 form, double low)
{
	const RfmPartials *p = sum->partials;
	double		high;
	double		rest = 0;
	int			i;

	if (form == RFM_FORM_FLOAT)
		return sum->high + low;

	i = p->count - 1;
	high = p->part[i];
	while (i > 0 && rest == 0)
		two_sum(high, p->part[--i], &high, &rest);
	if (i > 0 && rest != 0 && (rest < 0) == (p->part[i - 1] < 0))
	{
		double		doubled = rest * 2;
		double		next = high + doubled;

		if (next - high == doubled)
			high = next;
	}
	return high;
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

	money->kind = RFM_MONEY_WIDE;
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
 * Through the shortest text that reads back as the same double: the direct
 * cast would keep only 15 digits.
 */
static Numeric
numeric_from_double(double value)
{
	char	   *text = float8out_internal(value);
	Numeric		result;

	result = DatumGetNumeric(DirectFunctionCall3(numeric_in,
												 CStringGetDatum(text),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
	pfree(text);
	return result;
}

Numeric
rfm_money_numeric(const RfmMoney *money, int64 code)
{
	switch (money->kind)
	{
		case RFM_MONEY_SCALED:
			return int64_div_fast_to_numeric(code, money->scale);
		case RFM_MONEY_REAL:
			return numeric_from_double(rfm_code_to_double(code));
		case RFM_MONEY_WIDE:
			break;
	}
	return money->distinct[code];
}

/* The smallest integer at least (strict: above) a numeric, if it fits. */
static bool
numeric_first_int64(Numeric bound, bool strict, int64 *result)
{
	Numeric		whole;

	if (strict)
		whole = numeric_add_opt_error(DatumGetNumeric(DirectFunctionCall1(numeric_floor,
																		  NumericGetDatum(bound))),
									  int64_to_numeric(1), NULL);
	else
		whole = DatumGetNumeric(DirectFunctionCall1(numeric_ceil,
													NumericGetDatum(bound)));

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
	if (money->kind == RFM_MONEY_SCALED)
	{
		Numeric		unit = int64_to_numeric(rfm_power_of_ten[money->scale]);

		bound = DatumGetNumeric(DirectFunctionCall2(numeric_mul,
													NumericGetDatum(bound),
													NumericGetDatum(unit)));
		return numeric_first_int64(bound, strict, code);
	}

	if (money->kind == RFM_MONEY_REAL)
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


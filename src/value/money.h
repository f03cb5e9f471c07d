/*-------------------------------------------------------------------------
 *
 * money.h
 *		Amounts and their exact sums.
 *
 * Integer and numeric amounts are summed as int64 scaled by a power of ten,
 * and as numeric from the moment a sum does not fit: never through floating
 * point.  Floating-point amounts are summed without error and rounded once,
 * so that their sum, too, does not depend on the order of the rows, and may
 * leave the range of double precision on the way.
 *
 * Once summed, the monetary values of all customers become int64 codes with
 * the same order, which is all that cut points and scores need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_MONEY_H
#define RFM_VALUE_MONEY_H

#include "utils/numeric.h"

/*
 * The forms of amounts, of their sums, and of the monetary values of all
 * customers.
 */
typedef enum RfmAmountForm
{
	RFM_FORM_NONE,				/* a null amount */
	RFM_FORM_SCALED,			/* an int64: value * 10^scale */
	RFM_FORM_NUMERIC,			/* exact, but no int64 */
	RFM_FORM_REAL,				/* a double; of a sum, two that make it up */
	RFM_FORM_PARTIALS,			/* sums only: more doubles than two */
	RFM_FORM_NOT_FINITE			/* amounts only: NaN or infinity */
} RfmAmountForm;

/* One amount, decoded. */
typedef struct RfmAmount
{
	union
	{
		int64		scaled;
		Numeric		numeric;
		double		real;
	}			v;
	uint8		scale;
	uint8		form;			/* RfmAmountForm */
} RfmAmount;

/*
 * An expansion: doubles of increasing magnitude that do not overlap, so that
 * their sum is exact, behind one that counts multiples of 2^1023 to be added.
 */
typedef struct RfmPartials
{
	int			count;
	int			space;
	double		part[FLEXIBLE_ARRAY_MEMBER];
} RfmPartials;

/*
 * The sum of a customer's amounts.  It is wide where a part of it lies
 * elsewhere: RFM_FORM_NUMERIC and RFM_FORM_PARTIALS.
 *
 * The number of orders stands in it to fill a gap: so a customer's entry is
 * half a cache line.  No function here looks at it.
 */
typedef struct RfmSum
{
	union
	{
		int64		scaled;
		Numeric		numeric;
		double		high;		/* the larger part of RFM_FORM_REAL */
		RfmPartials *partials;
	}			v;
	uint32		orders;			/* rows, or distinct order ids */
	uint8		scale;			/* RFM_FORM_SCALED */
	uint8		form;			/* RfmAmountForm */
	double		low;			/* last, as only floating-point sums have it */
} RfmSum;

static inline bool
rfm_sum_is_wide(const RfmSum *sum)
{
	return sum->form == RFM_FORM_NUMERIC || sum->form == RFM_FORM_PARTIALS;
}

/*
 * rfm_amount_type: Determine whether amounts of a type, or of a domain's base
 * type, can be summed; *real says whether they are floating-point numbers.
 */
extern bool rfm_amount_type(Oid typid, bool *real);

/*
 * rfm_amount_error: Raise NUMERIC_VALUE_OUT_OF_RANGE for a customer, given as
 * text, whose amounts sum up to too much, or one of whose amounts is not finite.
 */
pg_noreturn extern void rfm_amount_error(bool real, const char *customer, bool overflow);

/*
 * rfm_amount_decode: Decode an amount as the executor gives it.  typid is its
 * base type.  A result of RFM_FORM_NUMERIC points into value.
 */
extern void rfm_amount_decode(Oid typid, Datum value, RfmAmount *amount);

/*
 * rfm_sum_add: Add a finite amount to a sum.  What the sum has elsewhere is
 * allocated in mcxt.  Returns false where the sum leaves the range of numeric.
 */
extern bool rfm_sum_add(RfmSum *sum, const RfmAmount *amount, MemoryContext mcxt);

/*
 * rfm_expansion_add: Add x to an expansion of n doubles, the count included, in
 * place; part has room for two more.  Returns how many there are now.
 */
extern int	rfm_expansion_add(double *part, int n, double x);

/* rfm_sum_merge: Add another sum, which stays as it is; the rest as above. */
extern bool rfm_sum_merge(RfmSum *sum, const RfmSum *other, MemoryContext mcxt);

/*
 * rfm_sum_image: Return what a wide sum has elsewhere, which need not be
 * aligned where it is copied to, and its size in bytes.
 */
extern const void *rfm_sum_image(const RfmSum *sum, Size *size);

/* rfm_sum_set_image: Give a wide sum a copy of an image, in the current context. */
extern void rfm_sum_set_image(RfmSum *sum, const void *image, Size size);

/* rfm_sum_numeric: Return an exact sum as numeric, in the current context. */
extern Numeric rfm_sum_numeric(const RfmSum *sum);

/*
 * rfm_sum_real: Return a floating-point sum, rounded once; infinity where double
 * precision cannot hold it.
 */
extern double rfm_sum_real(const RfmSum *sum);

/*
 * The monetary values of n customers: as int64 codes in the same order.
 */
typedef struct RfmMoney
{
	RfmAmountForm form;			/* see rfm_money_numeric */
	int			scale;			/* RFM_FORM_SCALED */
	int64	   *code;			/* one per customer */
	Numeric    *distinct;		/* RFM_FORM_NUMERIC: ascending, by code */
	int64		ndistinct;
} RfmMoney;

/* rfm_money_rank: Turn n numerics into RFM_FORM_NUMERIC codes (money->code). */
extern void rfm_money_rank(RfmMoney *money, Numeric *values, int64 n);

/*
 * rfm_money_numeric: Return the value behind a code, exact, in the current
 * context.  RFM_FORM_SCALED: code / 10^scale; RFM_FORM_REAL: the double of
 * which the code is the image; RFM_FORM_NUMERIC: number code of the distinct
 * values.
 */
extern Numeric rfm_money_numeric(const RfmMoney *money, int64 code);

/*
 * rfm_money_first_code: Find the smallest code whose value is at least bound, or,
 * when strict, above it.  Returns false where no
 * code can be that large.
 */
extern bool rfm_money_first_code(const RfmMoney *money, Numeric bound,
								 bool strict, int64 *code);

/* rfm_double_to_code, rfm_code_to_double: Map doubles to int64 in the same order. */
static inline int64
rfm_double_to_code(double value)
{
	int64		bits;

	if (value == 0)
		value = 0;				/* -0.0 equals 0.0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits < 0 ? bits ^ PG_INT64_MAX : bits;
}

static inline double
rfm_code_to_double(int64 code)
{
	int64		bits;
	double		value;

	bits = code < 0 ? code ^ PG_INT64_MAX : code;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

#endif							/* RFM_VALUE_MONEY_H */

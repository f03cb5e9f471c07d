/*-------------------------------------------------------------------------
 *
 * money.h
 *		Amounts and their exact sums.
 *
 * Integer and numeric amounts are summed as int64 scaled by a power of ten,
 * and as numeric from the moment a sum does not fit: never through floating
 * point.  Floating-point amounts are summed without error and rounded once,
 * so that their sum, too, does not depend on the order of the rows.  But a sum
 * that leaves the range of its type, numeric or double precision, on the way is
 * an error.
 *
 * Once summed, the monetary values of all customers become int64 codes with
 * the same order, which is all that cut points and scores need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_MONEY_H
#define RFM_MONEY_H

#include "lib/stringinfo.h"
#include "utils/numeric.h"

typedef enum RfmAmountKind
{
	RFM_AMOUNT_INT,				/* int2, int4, int8 */
	RFM_AMOUNT_NUMERIC,
	RFM_AMOUNT_FLOAT			/* float4, float8 */
} RfmAmountKind;

/* The forms an amount, or a sum, can have. */
typedef enum RfmAmountForm
{
	RFM_FORM_NONE,				/* a null amount */
	RFM_FORM_SCALED,			/* value / 10^scale */
	RFM_FORM_FLOAT,				/* a double (sums: plus a low part) */
	RFM_FORM_WIDE,				/* sums only: numeric, or a list of doubles */
	RFM_FORM_NUMERIC,			/* amounts only: a numeric that does not fit */
	RFM_FORM_NOT_FINITE			/* amounts only: NaN or infinity */
} RfmAmountForm;

/* One amount, decoded. */
typedef struct RfmAmount
{
	union
	{
		int64		scaled;
		double		real;
		Numeric		numeric;
	}			v;
	uint8		scale;
	uint8		form;			/* RfmAmountForm */
} RfmAmount;

/* Doubles of increasing magnitude that do not overlap: their sum is exact. */
typedef struct RfmPartials
{
	int			count;
	int			space;
	double		part[FLEXIBLE_ARRAY_MEMBER];
} RfmPartials;

/* A sum as a customer's entry holds it. */
typedef union RfmSum
{
	int64		scaled;			/* RFM_FORM_SCALED */
	double		high;			/* RFM_FORM_FLOAT: the low part lies elsewhere */
	Numeric		numeric;		/* RFM_FORM_WIDE of exact amounts */
	RfmPartials *partials;		/* RFM_FORM_WIDE of floating-point amounts */
} RfmSum;

/*
 * rfm_amount_kind: how amounts of a type (a domain's base type is looked at)
 * are summed.  False where the type cannot be.
 */
extern bool rfm_amount_kind(Oid typid, RfmAmountKind *kind);

/*
 * rfm_amount_error: raises NUMERIC_VALUE_OUT_OF_RANGE for a customer, given as
 * text, whose amounts sum up to too much, or one of whose amounts is not finite.
 */
pg_noreturn extern void rfm_amount_error(RfmAmountKind kind, const char *customer,
										 bool overflow);

/*
 * rfm_amount_decode: an amount as the executor gives it.  typid is its base
 * type.  RFM_FORM_NUMERIC results point into value.
 */
extern void rfm_amount_decode(Oid typid, Datum value, RfmAmount *amount);

/*
 * rfm_sum_add: adds an amount to a sum.  form and scale belong to the sum and
 * change with it; low is the low part of a floating-point sum (NULL for
 * others).  What does not fit moves to memory allocated in mcxt.  Returns
 * false when a sum overflows its type, double precision or numeric.
 */
extern bool rfm_sum_add(RfmSum *sum, uint8 *form, uint8 *scale, double *low,
						const RfmAmount *amount, MemoryContext mcxt);

/*
 * rfm_expansion_add: adds x to n doubles of increasing magnitude that do not
 * overlap, in place: part has room for one more.  Returns how many there are
 * now; the last one is not finite where the sum is too large.
 */
extern int	rfm_expansion_add(double *part, int n, double x);

/* rfm_sum_merge: adds another sum of the same kind, which stays as it is. */
extern bool rfm_sum_merge(RfmSum *sum, uint8 *form, uint8 *scale, double *low,
						  const RfmSum *other, uint8 other_form,
						  uint8 other_scale, double other_low,
						  RfmAmountKind kind, MemoryContext mcxt);

/* rfm_sum_scaled: the sum at a larger or equal scale; false if it overflows. */
extern bool rfm_sum_scaled(const RfmSum *sum, uint8 form, uint8 scale,
						   int to_scale, int64 *scaled);

/* rfm_sum_numeric: an exact sum as numeric, in the current context. */
extern Numeric rfm_sum_numeric(const RfmSum *sum, uint8 form, uint8 scale);

/* rfm_sum_real: a floating-point sum, rounded once. */
extern double rfm_sum_real(const RfmSum *sum, uint8 form, double low);

/*
 * The monetary values of n customers.
 */
typedef enum RfmMoneyKind
{
	RFM_MONEY_SCALED,			/* code = value * 10^scale */
	RFM_MONEY_REAL,				/* code = order-preserving image of a double */
	RFM_MONEY_WIDE				/* code = rank among the distinct values */
} RfmMoneyKind;

typedef struct RfmMoney
{
	RfmMoneyKind kind;
	int			scale;			/* RFM_MONEY_SCALED */
	int64	   *code;			/* one a customer */
	Numeric    *distinct;		/* RFM_MONEY_WIDE: ascending, by code */
	int64		ndistinct;
} RfmMoney;

/* rfm_money_rank: turns n numerics into RFM_MONEY_WIDE codes (money->code). */
extern void rfm_money_rank(RfmMoney *money, Numeric *values, int64 n);

/* rfm_money_numeric: the value behind a code, exact, in the current context. */
extern Numeric rfm_money_numeric(const RfmMoney *money, int64 code);

/*
 * rfm_money_first_code: the smallest code whose value is at least bound, or,
 * when strict, above it.  False where no code can be that large.
 */
extern bool rfm_money_first_code(const RfmMoney *money, Numeric bound,
								 bool strict, int64 *code);

/* rfm_double_to_code, rfm_code_to_double: the order-preserving image. */
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

#endif							/* RFM_MONEY_H */

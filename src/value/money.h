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
	RFM_FORM_SCALED,			/* an int64, which is the value times 10^scale */
	RFM_FORM_NUMERIC,			/* a numeric that does not fit into a scaled int64 */
	RFM_FORM_REAL,				/* a double; for a sum, two doubles whose sum it is */
	RFM_FORM_PARTIALS,			/* sums only: an expansion, of any number of doubles */
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

/* A long floating-point sum: see expansion.h. */
typedef struct RfmPartials
{
	int			count;
	int			space;
	double		part[FLEXIBLE_ARRAY_MEMBER];
} RfmPartials;

/*
 * The sum of a customer's amounts.  A sum of the form RFM_FORM_NUMERIC or
 * RFM_FORM_PARTIALS is called wide: the struct has a pointer to it.
 *
 * The number of orders, which no function here uses, is in this struct because it
 * fills a gap: a customer's entry is then half a cache line.
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
	double		low;			/* last, because only floating-point sums have room for it */
} RfmSum;

static inline bool
rfm_sum_is_wide(const RfmSum *sum)
{
	return sum->form == RFM_FORM_NUMERIC || sum->form == RFM_FORM_PARTIALS;
}

/*
 * rfm_amount_type: determine whether amounts of a type, or of a domain over it, can
 * be summed.  *real is set to whether they are floating-point numbers.
 */
extern bool rfm_amount_type(Oid typid, bool *real);

/*
 * rfm_amount_error: raise NUMERIC_VALUE_OUT_OF_RANGE for a customer, given as
 * text.  overflow says that the sum of the amounts is too large; otherwise an amount
 * is not a finite number.
 */
pg_noreturn extern void rfm_amount_error(bool real, const char *customer, bool overflow);

/*
 * rfm_amount_decode: decode an amount that the executor has returned, of base type
 * typid.  A result of the form RFM_FORM_NUMERIC points into value.
 */
extern void rfm_amount_decode(Oid typid, Datum value, RfmAmount *amount);

/*
 * rfm_sum_add: add a finite amount to a sum.  A wide sum is allocated in mcxt.
 * Returns false if the sum exceeds the range of numeric.
 */
extern bool rfm_sum_add(RfmSum *sum, const RfmAmount *amount, MemoryContext mcxt);

/* rfm_sum_merge: add another sum, which is not changed; otherwise as rfm_sum_add. */
extern bool rfm_sum_merge(RfmSum *sum, const RfmSum *other, MemoryContext mcxt);

/*
 * rfm_sum_image: return the bytes to which a wide sum points, and their number.
 * They may be copied to any address, aligned or not.
 */
extern const void *rfm_sum_image(const RfmSum *sum, Size *size);

/* rfm_sum_set_image: make a wide sum point to a copy of such bytes, in the current context. */
extern void rfm_sum_set_image(RfmSum *sum, const void *image, Size size);

/* rfm_sum_numeric: return a sum of integers or numerics as numeric, in the current context. */
extern Numeric rfm_sum_numeric(const RfmSum *sum);

/*
 * rfm_sum_real: return a floating-point sum, rounded once; infinity if it exceeds
 * the range of double precision.
 */
extern double rfm_sum_real(const RfmSum *sum);

/*
 * rfm_average_scaled: divide a sum of the form RFM_FORM_SCALED by n, at least 1,
 * exactly, and round once, half away from zero, to two digits more than the sum has.
 * Returns false if the result does not fit into an int64 of a scale up to
 * RFM_MAX_SCALE.
 */
extern bool rfm_average_scaled(const RfmSum *sum, uint32 n, int64 *average, uint8 *scale);

/* rfm_average_numeric: do the same for any sum of integers or numerics; the result is palloc'd. */
extern Numeric rfm_average_numeric(const RfmSum *sum, uint32 n);

/*
 * The monetary values of the customers of a snapshot, as int64 codes: a customer
 * with more money has a larger code.
 */
typedef struct RfmMoney
{
	RfmAmountForm form;			/* what a code stands for: see rfm_money_numeric */
	int			scale;			/* RFM_FORM_SCALED */
	int64	   *code;			/* one per customer */
	Numeric    *distinct;		/* RFM_FORM_NUMERIC: the values, in ascending order; a code
								 * is an index into them */
	int64		ndistinct;
} RfmMoney;

/* rfm_money_rank: set the codes of n customers, with these values, for RFM_FORM_NUMERIC. */
extern void rfm_money_rank(RfmMoney *money, Numeric *values, int64 n);

/*
 * rfm_money_numeric: return the value for which a code stands, exactly, in the
 * current context.  RFM_FORM_SCALED: code / 10^scale; RFM_FORM_REAL:
 * rfm_code_to_double(code); RFM_FORM_NUMERIC: distinct[code].
 */
extern Numeric rfm_money_numeric(const RfmMoney *money, int64 code);

/*
 * rfm_money_first_code: find the smallest code whose value is at least bound or, if
 * strict, greater than bound.  Returns false if no code is that large.
 */
extern bool rfm_money_first_code(const RfmMoney *money, Numeric bound,
								 bool strict, int64 *code);

/* rfm_double_to_code, rfm_code_to_double: convert a double to an int64 of the same order, and back. */
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

/*-------------------------------------------------------------------------
 *
 * cut.h
 *		Order statistics, and the cut points of one axis of scores.
 *
 * Takes int64 codes of the customers on one axis (a larger code is a better
 * value) in the order of their keys, and returns the cut points between the
 * scores, as pairs with which every row can be compared.  The meaning of the
 * codes is not known here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_CUT_H
#define RFM_VALUE_CUT_H

#define RFM_MIN_BUCKETS 2
#define RFM_MAX_BUCKETS 10
#define RFM_MAX_CUTS (RFM_MAX_BUCKETS - 1)

typedef enum RfmMethod
{
	RFM_NTILE,
	RFM_RANK,
	RFM_QUANTILE,
	RFM_PERCENTILE,				/* quantiles, at fractions of the user's own */
	RFM_BREAKS
} RfmMethod;

/* Does a method cut at quantiles? */
static inline bool
rfm_cuts_at_quantiles(RfmMethod method)
{
	return method == RFM_QUANTILE || method == RFM_PERCENTILE;
}

/* A number between 0 and 1; the denominator is at most 10^RFM_FRACTION_DIGITS. */
typedef struct RfmFraction
{
	int64		numerator;
	int64		denominator;
} RfmFraction;

/* Of two numbers with so many digits the product is an int64. */
#define RFM_FRACTION_DIGITS 9

/*
 * One order statistic: the value that stands at a 0-based rank of the sorted
 * values, and how many values equal to it stand before that rank.
 */
typedef struct RfmOrderStat
{
	int64		value;
	int64		ties_before;
} RfmOrderStat;

/*
 * The cut points of one axis.  Row i with code v has the score
 * 1 + the number of cuts j with (v, i) >= (value[j], tie[j]), compared as
 * pairs.  A tie of PG_INT64_MAX therefore means "strictly above value[j]",
 * a tie of 0 "value[j] or above".  Cuts ascend; those that no row reaches,
 * which come last, have PG_INT64_MAX for both.
 */
typedef struct RfmCuts
{
	int			buckets;		/* k; there are k - 1 cuts */
	int64		value[RFM_MAX_CUTS];
	int64		tie[RFM_MAX_CUTS];
} RfmCuts;

/*
 * The two neighbouring order statistics that a quantile lies between, and how
 * far: cut = lower + (upper - lower) * numerator / denominator.
 */
typedef struct RfmQuantile
{
	int64		lower;
	int64		upper;
	int64		numerator;
	int64		denominator;
} RfmQuantile;

/*
 * rfm_order_stats: Find the values at nranks 0-based ranks (each below n, in any
 * order, repeated or not), in linear time.
 */
extern void rfm_order_stats(const int64 *values, int64 n,
							const int64 *ranks, int nranks,
							RfmOrderStat *stats);

/* rfm_equal_fractions: Set the buckets - 1 fractions j / buckets. */
extern void rfm_equal_fractions(int buckets, RfmFraction *fraction);

/*
 * rfm_quantile_position: Find where a quantile lies among n sorted values: at
 * the 0-based position (n - 1) * fraction.  *rank is its whole part,
 * *numerator what remains, over the fraction's denominator.
 */
extern void rfm_quantile_position(int64 n, RfmFraction fraction,
								  int64 *rank, int64 *numerator);

/*
 * rfm_quantiles_of: Find the quantiles of n values (at least one) at some
 * fractions, exact, as neighbouring order statistics (type 7, percentile_cont).
 */
extern void rfm_quantiles_of(const int64 *values, int64 n,
							 const RfmFraction *fraction, int nquantiles,
							 RfmQuantile *quantiles);

/*
 * rfm_find_cuts: Find the cut points for any method but breaks.  codes are in
 * customer key order.  fraction has buckets - 1 fractions of the codes, in
 * ascending order, where the method cuts at quantiles; else NULL.  reversed says that the codes are the negated natural
 * values of the axis (recency): quantile intervals are open on the left in
 * terms of the natural value, so they close on the other side in codes.
 * n may be 0.
 */
extern void rfm_find_cuts(const int64 *codes, int64 n, RfmMethod method,
						  int buckets, bool reversed, const RfmFraction *fraction,
						  RfmCuts *cuts);

#endif							/* RFM_VALUE_CUT_H */

/*-------------------------------------------------------------------------
 *
 * expansion.h
 *		Exact sums of doubles.
 *
 * After J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast
 * Robust Geometric Predicates" (1997): a sum is an expansion, an array of n
 * doubles whose value is that of all of them together.  They are in increasing
 * order of magnitude, and no two of them have bits of the same weight.  The first
 * element is not one of them: it is the number of multiples of 2^1023 that are to
 * be added, so that a sum may leave the range of double precision on the way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_EXPANSION_H
#define RFM_VALUE_EXPANSION_H

/*
 * rfm_two_sum: set *high to the rounded sum of a and b, and *low to the rounding
 * error, which is exact.
 */
static inline void
rfm_two_sum(double a, double b, double *high, double *low)
{
	double		sum = a + b;
	double		bb = sum - a;

	*low = (a - (sum - bb)) + (b - bb);
	*high = sum;
}

/*
 * rfm_expansion_add: add x to the expansion in the n elements of part, which has
 * room for two more.  Returns the new number of elements.
 */
extern int	rfm_expansion_add(double *part, int n, double x);

/*
 * rfm_expansion_value: return the sum, rounded once; infinity if double precision
 * cannot hold it.
 */
extern double rfm_expansion_value(const double *part, int n);

#endif							/* RFM_VALUE_EXPANSION_H */

/*-------------------------------------------------------------------------
 *
 * expansion.c
 *		Exact sums of doubles.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "utils/float.h"
#include "value/expansion.h"

/*
 * Doubles of an expansion stay below this unit, so that adding two of them cannot
 * overflow.  A fold is a multiple of it that is counted in the first element instead.
 */
#define FOLD	0x1p1023

/* Add x to the doubles of an expansion; their sum must not overflow. */
static int
grow_expansion(double *part, int n, double x)
{
	int			kept = 1;

	for (int i = 1; i < n; i++)
	{
		double		low;

		rfm_two_sum(part[i], x, &x, &low);
		if (low != 0)
			part[kept++] = low;
	}
	part[kept++] = x;
	return kept;
}

/* Return what is to be added to x to bring it below the unit, and count the fold. */
static inline double
fold(double *folds, double x)
{
	if (fabs(x) < FOLD)
		return 0;
	*folds += x > 0 ? 1 : -1;
	return x > 0 ? -FOLD : FOLD;
}

int
rfm_expansion_add(double *part, int n, double x)
{
	double		excess;

	n = grow_expansion(part, n, x + fold(part, x));
	excess = fold(part, part[n - 1]);
	return excess == 0 ? n : grow_expansion(part, n, excess);
}

/*
 * Return the double that is nearest to an expansion without folds, the even one of
 * two that are equally near.  The doubles are added from the largest one down until
 * there is a rounding error.  If that error is exactly half a unit in the last place,
 * the next smaller double decides in which direction the sum is rounded.
 */
static double
round_expansion(const double *part, int n)
{
	int			i = n - 1;
	double		high = part[i];
	double		rest = 0;

	while (i > 1 && rest == 0)
		rfm_two_sum(high, part[--i], &high, &rest);
	if (i > 1 && rest != 0 && (rest < 0) == (part[i - 1] < 0))
	{
		double		doubled = rest * 2;
		double		next = high + doubled;

		if (next - high == doubled)
			high = next;
	}
	return high;
}

/*
 * Do the same for an expansion with folds: half of it is computed, which is in range,
 * and doubled.  The result is infinity if that overflows.  Doubles that are too small
 * to be halved keep their value: beside so large a sum only their sign matters.
 */
static double
unfold_expansion(const double *part, int n)
{
	double		folds = part[0];
	double	   *halves;
	double		half;

	/* the doubles together are below one unit, and double precision ends at two */
	if (fabs(folds) > 2)
		return get_float8_infinity();
	halves = palloc((n + 2) * sizeof(double));
	for (int i = 1; i < n; i++)
		halves[i] = part[i] / 2 != 0 ? part[i] / 2 : part[i];
	for (int i = 0; i < fabs(folds); i++)
		n = grow_expansion(halves, n, folds > 0 ? FOLD / 2 : -FOLD / 2);
	half = round_expansion(halves, n);
	pfree(halves);
	return half * 2;
}

double
rfm_expansion_value(const double *part, int n)
{
	return part[0] != 0 ? unfold_expansion(part, n) : round_expansion(part, n);
}

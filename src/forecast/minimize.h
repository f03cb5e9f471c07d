/*-------------------------------------------------------------------------
 *
 * minimize.h
 *		The minimum of a smooth function of few variables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_FORECAST_MINIMIZE_H
#define RFM_FORECAST_MINIMIZE_H

#define RFM_MOST_VARIABLES 4

/*
 * A function to minimize: its value at x, and its gradient.  arg is the
 * caller's.  A value that is not finite says that x is too far out.
 */
typedef double (*RfmFunction) (const void *arg, const double *x, double *gradient);

/* Where the search has ended. */
typedef struct RfmMinimum
{
	double		x[RFM_MOST_VARIABLES];
	double		value;
	double		inverse[RFM_MOST_VARIABLES][RFM_MOST_VARIABLES];	/* of the matrix of second derivatives */
	double		excess;			/* of value over the minimum, as the second derivatives estimate it */
	int			iterations;
	bool		found;			/* it is a minimum: they are positive definite, and excess is nothing */
} RfmMinimum;

/*
 * rfm_minimize: search for the minimum of a function of the logarithms of n
 * variables, at most RFM_MOST_VARIABLES, from minimum->x on, and fill in the rest.  If
 * it is the minimum of a similar function (found), it begins with the inverse of that.  The same
 * function gives the same bits.
 */
extern void rfm_minimize(RfmFunction function, const void *arg, int n, RfmMinimum *minimum);

#endif							/* RFM_FORECAST_MINIMIZE_H */

/*-------------------------------------------------------------------------
 *
 * fit.h
 *		Fitting the parameters of a forecast to the histories of customers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_FORECAST_FIT_H
#define RFM_FORECAST_FIT_H

#include "forecast/likelihood.h"

/* What a fit needs to know of all customers. */
typedef struct RfmSample
{
	int64		n;
	int64		space;
	RfmHistory *history;
	int64		nspending;		/* of those who came again and spent something then */
	int64		spending_space;
	RfmSpending *spending;
} RfmSample;

/* Why there are no parameters of spending. */
typedef enum RfmSpendingState
{
	RFM_SPENDING_FITTED,
	RFM_SPENDING_TOO_FEW,		/* customers who spend on repeat days */
	RFM_SPENDING_CORRELATED,	/* those who come often spend more, or less, each time */
	RFM_SPENDING_NOT_FOUND,		/* the search for them has found none */
	RFM_SPENDING_INFINITE		/* their distribution has no mean */
} RfmSpendingState;

typedef struct RfmFit
{
	RfmFamily	family;
	int64		customers;
	int64		repeat_customers;	/* who came on a second day */
	int64		histories;		/* distinct ones */
	double		buying[RFM_BUYING_PARAMS];
	double		buying_error[RFM_BUYING_PARAMS];	/* standard errors */
	double		buying_likelihood;	/* logarithm of it */
	int			buying_iterations;
	RfmSpendingState spending_state;
	double		correlation;	/* of repeat days and mean spending on them; NaN: there is none */
	double		spending[RFM_SPENDING_PARAMS];
	double		spending_error[RFM_SPENDING_PARAMS];
	double		spending_likelihood;
	int			spending_iterations;
} RfmFit;

/* Fewer tell nothing. */
#define RFM_LEAST_CUSTOMERS 100
#define RFM_LEAST_REPEAT_CUSTOMERS 30

/* A model that takes them to be independent is not to be used above this correlation. */
#define RFM_MOST_CORRELATION 0.3

/* rfm_sample_create: return an empty sample in the current context. */
extern RfmSample *rfm_sample_create(void);

/*
 * rfm_sample_add: add a customer, in days; total is what they spent on all
 * repeat days.  What the sample needs is allocated where the sample is.
 */
extern void rfm_sample_add(RfmSample *sample, int32 repeats, int32 recency, int32 age,
						   double total);

/*
 * rfm_fit: determine the parameters that are most likely, and sort the sample.
 * Raises OBJECT_NOT_IN_PREREQUISITE_STATE where there are too few customers, or
 * where the data does not determine the parameters of buying.  Those of spending
 * may be missing.  The same sample, in whatever order, gives the same bits.
 */
extern void rfm_fit(RfmSample *sample, RfmFamily family, RfmFit *fit);

/* rfm_family_name: return the name of a family, as SQL has it. */
extern const char *rfm_family_name(RfmFamily family);

#endif							/* RFM_FORECAST_FIT_H */

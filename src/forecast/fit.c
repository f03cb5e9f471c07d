/*-------------------------------------------------------------------------
 *
 * fit.c
 *		Fitting the parameters of a forecast to the histories of customers.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/memory.h"
#include "forecast/fit.h"
#include "forecast/minimize.h"

/* Beyond twice as many, the search begins with a part of them. */
#define FIRST_PART 20000

/* A standard error of a logarithm above this: the data says nothing of the parameter. */
#define MOST_LOG_ERROR 3.0

RfmSample *
rfm_sample_create(void)
{
	RfmSample  *sample = palloc0(sizeof(RfmSample));

	sample->space = sample->spending_space = 1024;
	sample->history = palloc(sample->space * sizeof(RfmHistory));
	sample->spending = palloc(sample->spending_space * sizeof(RfmSpending));
	return sample;
}

void
rfm_sample_add(RfmSample *sample, int32 repeats, int32 recency, int32 age, double total)
{
	sample->history = rfm_reserve(sample->history, &sample->space, sample->n + 1, sizeof(RfmHistory));
	sample->history[sample->n++] = (RfmHistory) {repeats, recency, age, 1};
	if (repeats == 0 || total <= 0)
		return;
	sample->spending = rfm_reserve(sample->spending, &sample->spending_space, sample->nspending + 1,
								   sizeof(RfmSpending));
	sample->spending[sample->nspending++] = (RfmSpending) {repeats, total, log(total)};
}

static inline int
compare_histories(const RfmHistory *x, const RfmHistory *y)
{
	if (x->repeats != y->repeats)
		return x->repeats < y->repeats ? -1 : 1;
	if (x->recency != y->recency)
		return x->recency < y->recency ? -1 : 1;
	return (x->age > y->age) - (x->age < y->age);
}

static inline int
compare_spending(const RfmSpending *x, const RfmSpending *y)
{
	if (x->repeats != y->repeats)
		return x->repeats < y->repeats ? -1 : 1;
	return (x->total > y->total) - (x->total < y->total);
}

/* PostgreSQL's qsort() with these comparisons inlined. */
#define ST_SORT sort_histories
#define ST_ELEMENT_TYPE RfmHistory
#define ST_COMPARE(a, b) compare_histories(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_spending
#define ST_ELEMENT_TYPE RfmSpending
#define ST_COMPARE(a, b) compare_spending(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Sort the histories and return how many distinct ones there are, which come first. */
static int64
count_histories(RfmSample *sample)
{
	int64		n = 0;

	sort_histories(sample->history, sample->n);
	for (int64 i = 0; i < sample->n; i++)
	{
		if (n > 0 && compare_histories(&sample->history[n - 1], &sample->history[i]) == 0)
			sample->history[n - 1].customers += sample->history[i].customers;
		else
			sample->history[n++] = sample->history[i];
	}
	return n;
}

/* Store the result of the search. Returns false if it is not reliable. */
static bool
take_minimum(const RfmMinimum *minimum, int n, double customers, double *param, double *error)
{
	bool		reliable = minimum->found;

	for (int i = 0; i < n; i++)
	{
		double		log_error = reliable ? sqrt(minimum->inverse[i][i] / customers) : INFINITY;

		param[i] = exp(minimum->x[i]);
		error[i] = param[i] * log_error;
		reliable = reliable && log_error <= MOST_LOG_ERROR;
	}
	return reliable;
}

static void
check_sample(const RfmFit *fit)
{
	if (fit->customers >= RFM_LEAST_CUSTOMERS &&
		fit->repeat_customers >= RFM_LEAST_REPEAT_CUSTOMERS)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("too few customers for a forecast"),
			 errdetail("There are " INT64_FORMAT " customers, " INT64_FORMAT " of whom have ordered on more than one day; it takes %d and %d.",
					   fit->customers, fit->repeat_customers,
					   RFM_LEAST_CUSTOMERS, RFM_LEAST_REPEAT_CUSTOMERS),
			 errhint("Use a later date, or a model with more customers.")));
}

/*
 * Search for the minimum of a loss over n elements of data.  The search begins where
 * it is for a part of them, every so many, so that few steps are left that go over
 * all.
 */
static void
minimize_loss(RfmFunction loss, const void *data, int64 n, int64 *stride, int params, RfmMinimum *minimum)
{
	*stride = n / FIRST_PART;
	if (*stride >= 2)
		rfm_minimize(loss, data, params, minimum);
	*stride = 1;
	rfm_minimize(loss, data, params, minimum);
}

static void
fit_buying(const RfmSample *sample, double days, double repeats, RfmFit *fit)
{
	RfmBuyingData data = {fit->family, fit->histories, sample->history};
	RfmMinimum	minimum = {0};

	/*
	 * identical customers who order as often as the average, and of whom one
	 * in three is lost after a visit
	 */
	minimum.x[RFM_PARAM_ALPHA] = log(Max(days, 1) / repeats);
	minimum.x[RFM_PARAM_B] = log(2);
	minimize_loss(rfm_buying_loss, &data, data.n, &data.stride, RFM_BUYING_PARAMS, &minimum);
	fit->buying_likelihood = -minimum.value * (double) fit->customers;
	fit->buying_iterations = minimum.iterations;
	if (take_minimum(&minimum, RFM_BUYING_PARAMS, (double) fit->customers,
					 fit->buying, fit->buying_error))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the orders do not determine the parameters of family \"%s\"",
					rfm_family_name(fit->family)),
			 errdetail("After %d steps the likelihood still grows, or hardly changes, at r = %g, alpha = %g, a = %g, b = %g.",
					   fit->buying_iterations, fit->buying[RFM_PARAM_R], fit->buying[RFM_PARAM_ALPHA],
					   fit->buying[RFM_PARAM_A], fit->buying[RFM_PARAM_B]),
			 errhint("This happens if all customers are alike, or if no customer ever leaves. Try the other family, or a later date.")));
}

/* The correlation between number of visits and spending per visit. */
static double
spending_correlation(const RfmSample *sample)
{
	double		n = (double) sample->nspending;
	double		x = 0,
				z = 0,
				xx = 0,
				zz = 0,
				xz = 0;

	for (int64 i = 0; i < sample->nspending; i++)
	{
		x += sample->spending[i].repeats / n;
		z += sample->spending[i].total / sample->spending[i].repeats / n;
	}
	for (int64 i = 0; i < sample->nspending; i++)
	{
		double		dx = sample->spending[i].repeats - x;
		double		dz = sample->spending[i].total / sample->spending[i].repeats - z;

		xx += dx * dx;
		zz += dz * dz;
		xz += dx * dz;
	}
	return xz / sqrt(xx) / sqrt(zz);
}

static RfmSpendingState
fit_spending(RfmSample *sample, RfmFit *fit)
{
	RfmSpendingData data = {sample->nspending, sample->spending};
	RfmMinimum	minimum = {0};
	double		mean = 0;

	if (sample->nspending < RFM_LEAST_REPEAT_CUSTOMERS)
		return RFM_SPENDING_TOO_FEW;
	sort_spending(sample->spending, sample->nspending);
	fit->correlation = spending_correlation(sample);
	if (fabs(fit->correlation) > RFM_MOST_CORRELATION)
		return RFM_SPENDING_CORRELATED;

	for (int64 i = 0; i < sample->nspending; i++)
		mean += sample->spending[i].total / sample->spending[i].repeats / (double) sample->nspending;
	minimum.x[RFM_PARAM_Q] = log(3);
	minimum.x[RFM_PARAM_V] = log(2 * mean);
	minimize_loss(rfm_spending_loss, &data, data.n, &data.stride, RFM_SPENDING_PARAMS, &minimum);
	fit->spending_likelihood = -minimum.value * (double) sample->nspending;
	fit->spending_iterations = minimum.iterations;
	if (!take_minimum(&minimum, RFM_SPENDING_PARAMS, (double) sample->nspending,
					  fit->spending, fit->spending_error))
		return RFM_SPENDING_NOT_FOUND;
	return fit->spending[RFM_PARAM_Q] > 1 ? RFM_SPENDING_FITTED : RFM_SPENDING_INFINITE;
}

void
rfm_fit(RfmSample *sample, RfmFamily family, RfmFit *fit)
{
	double		days = 0;
	double		repeats = 0;

	memset(fit, 0, sizeof(*fit));
	fit->family = family;
	fit->customers = sample->n;
	fit->correlation = NAN;
	for (int64 i = 0; i < sample->n; i++)
	{
		fit->repeat_customers += sample->history[i].repeats > 0;
		days += sample->history[i].age;
		repeats += sample->history[i].repeats;
	}
	check_sample(fit);
	fit->histories = count_histories(sample);
	fit_buying(sample, days, repeats, fit);
	fit->spending_state = fit_spending(sample, fit);
}

const char *
rfm_family_name(RfmFamily family)
{
	return family == RFM_BG_NBD ? "bg/nbd" : "mbg/nbd";
}

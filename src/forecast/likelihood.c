/*-------------------------------------------------------------------------
 *
 * likelihood.c
 *		The likelihoods of the models of buying and of spending.
 *
 * What depends on the number of visits alone is computed once for each number:
 * the data is sorted by it.  Sums are made in the order of the data, so that the
 * same data gives the same bits.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "forecast/likelihood.h"

double
rfm_digamma(double x)
{
	double		result = 0;
	double		y;

	/* Abramowitz and Stegun, 6.3.5 up to where 6.3.18 has all digits */
	while (x < 10)
	{
		result -= 1 / x;
		x += 1;
	}
	y = 1 / (x * x);
	return result + log(x) - 0.5 / x -
		y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * 691.0 / 32760)))));
}

/*
 * lgamma() stores the sign, which is always positive here, in a global
 * variable.
 */
static double
log_gamma(double x)
{
	int			sign;

	return lgamma_r(x, &sign);
}

int
rfm_chances_to_go(RfmFamily family, int32 repeats)
{
	return family == RFM_MBG_NBD ? repeats + 1 : repeats;
}

double
rfm_log_odds_lost(RfmFamily family, const double *param, const RfmHistory *history)
{
	double		n = rfm_chances_to_go(family, history->repeats);

	if (n == 0)
		return -INFINITY;
	return log(param[RFM_PARAM_A]) - log(param[RFM_PARAM_B] + n - 1) +
		(param[RFM_PARAM_R] + history->repeats) *
		(log(param[RFM_PARAM_ALPHA] + history->age) -
		 log(param[RFM_PARAM_ALPHA] + history->recency));
}

/* Add a log-likelihood and its gradient, times weight, to a sum of them. */
static void
add_term(double *sum, double *sum_gradient, double term, const double *gradient,
		 int n, double weight)
{
	*sum += weight * term;
	for (int i = 0; i < n; i++)
		sum_gradient[i] += weight * gradient[i];
}

/*
 * What neighbours in the data, which is sorted by visits and then by recency, have
 * in common.
 */
typedef struct Common
{
	double		likelihood;		/* the part that depends on the visits alone */
	double		gradient[RFM_BUYING_PARAMS];
	double		log_lost;		/* of the rest, what does, where one could be lost */
	double		log_last;		/* logarithm of alpha + recency */
} Common;

static void
set_common_of_repeats(RfmFamily family, const double *param, int32 repeats, Common *common)
{
	double		r = param[RFM_PARAM_R];
	double		alpha = param[RFM_PARAM_ALPHA];
	double		a = param[RFM_PARAM_A];
	double		b = param[RFM_PARAM_B];
	double		n = rfm_chances_to_go(family, repeats);
	double		lost = rfm_digamma(a + b) - rfm_digamma(a + b + n);

	common->gradient[RFM_PARAM_R] = rfm_digamma(r + repeats) - rfm_digamma(r) + log(alpha);
	common->gradient[RFM_PARAM_ALPHA] = r / alpha;
	common->gradient[RFM_PARAM_A] = lost;
	common->gradient[RFM_PARAM_B] = lost + rfm_digamma(b + n) - rfm_digamma(b);
	common->likelihood = log_gamma(r + repeats) - log_gamma(r) + r * log(alpha) +
		log_gamma(a + b) - log_gamma(a + b + n) + log_gamma(b + n) - log_gamma(b);
	if (n > 0)
		common->log_lost = log(a) - log(b + n - 1);
}

/*
 * The rest of it: either still there at the run date, or lost right after the
 * last visit.  gradient has that of the common part.
 */
static double
rest_of_history(RfmFamily family, const double *param, const RfmHistory *history,
				const Common *common, double *gradient)
{
	double		shape = param[RFM_PARAM_R] + history->repeats;
	double		until_age = param[RFM_PARAM_ALPHA] + history->age;
	double		until_last = param[RFM_PARAM_ALPHA] + history->recency;
	double		log_age = log(until_age);
	double		n = rfm_chances_to_go(family, history->repeats);
	double		alive = -shape * log_age;
	double		lost;
	double		odds;
	double		weight;

	if (n == 0)
	{
		gradient[RFM_PARAM_R] -= log_age;
		gradient[RFM_PARAM_ALPHA] -= shape / until_age;
		return alive;
	}
	lost = common->log_lost - shape * common->log_last;
	odds = exp(-fabs(lost - alive));
	weight = lost > alive ? 1 / (1 + odds) : odds / (1 + odds);
	gradient[RFM_PARAM_R] -= (1 - weight) * log_age + weight * common->log_last;
	gradient[RFM_PARAM_ALPHA] -= shape * ((1 - weight) / until_age + weight / until_last);
	gradient[RFM_PARAM_A] += weight / param[RFM_PARAM_A];
	gradient[RFM_PARAM_B] -= weight / (param[RFM_PARAM_B] + n - 1);
	return Max(lost, alive) + log1p(odds);
}

/*
 * Convert a log-likelihood to the function that is minimized: per customer, by
 * logarithms of the parameters.
 */
static double
finish_loss(double likelihood, double customers, const double *param, double *gradient, int n)
{
	for (int i = 0; i < n; i++)
		gradient[i] *= -param[i] / customers;
	return -likelihood / customers;
}

double
rfm_buying_loss(const void *arg, const double *log_param, double *gradient)
{
	const RfmBuyingData *data = (const RfmBuyingData *) arg;
	double		param[RFM_BUYING_PARAMS];
	Common		common = {0};
	int64		customers = 0;
	double		sum = 0;

	for (int i = 0; i < RFM_BUYING_PARAMS; i++)
		param[i] = exp(log_param[i]);
	memset(gradient, 0, sizeof(param));
	for (int64 i = 0; i < data->n; i += data->stride)
	{
		const RfmHistory *history = &data->history[i];
		double		g[RFM_BUYING_PARAMS];
		double		term;

		if (i == 0 || history->repeats != history[-data->stride].repeats)
			set_common_of_repeats(data->family, param, history->repeats, &common);
		if (i == 0 || history->recency != history[-data->stride].recency)
			common.log_last = log(param[RFM_PARAM_ALPHA] + history->recency);
		memcpy(g, common.gradient, sizeof(g));
		term = common.likelihood + rest_of_history(data->family, param, history, &common, g);
		add_term(&sum, gradient, term, g, RFM_BUYING_PARAMS, history->customers);
		customers += history->customers;
	}
	return finish_loss(sum, (double) customers, param, gradient, RFM_BUYING_PARAMS);
}

/* The log-likelihood of one customer's spending but for what depends on the total. */
static double
common_spending(const double *param, int32 repeats, double *gradient)
{
	double		p = param[RFM_PARAM_P];
	double		q = param[RFM_PARAM_Q];
	double		v = param[RFM_PARAM_V];
	double		px = p * repeats;
	double		psi = rfm_digamma(px + q);

	gradient[RFM_PARAM_P] = repeats * (psi - rfm_digamma(px));
	gradient[RFM_PARAM_Q] = psi - rfm_digamma(q) + log(v);
	gradient[RFM_PARAM_V] = q / v;
	return log_gamma(px + q) - log_gamma(px) - log_gamma(q) + q * log(v) + log((double) repeats);
}

double
rfm_spending_loss(const void *arg, const double *log_param, double *gradient)
{
	const RfmSpendingData *data = (const RfmSpendingData *) arg;
	double		param[RFM_SPENDING_PARAMS];
	double		common_gradient[RFM_SPENDING_PARAMS] = {0};
	double		common = 0;
	double		sum = 0;
	int64		counted = 0;

	for (int i = 0; i < RFM_SPENDING_PARAMS; i++)
		param[i] = exp(log_param[i]);
	memset(gradient, 0, sizeof(param));
	for (int64 i = 0; i < data->n; i += data->stride)
	{
		const RfmSpending *spending = &data->spending[i];
		double		px = param[RFM_PARAM_P] * spending->repeats;
		double		with_scale = spending->total + param[RFM_PARAM_V];
		double		log_total = spending->log_total;
		double		log_with_scale = log(with_scale);
		double		g[RFM_SPENDING_PARAMS];

		if (i == 0 || spending->repeats != spending[-data->stride].repeats)
			common = common_spending(param, spending->repeats, common_gradient);
		g[RFM_PARAM_P] = common_gradient[RFM_PARAM_P] + spending->repeats * (log_total - log_with_scale);
		g[RFM_PARAM_Q] = common_gradient[RFM_PARAM_Q] - log_with_scale;
		g[RFM_PARAM_V] = common_gradient[RFM_PARAM_V] - (px + param[RFM_PARAM_Q]) / with_scale;
		add_term(&sum, gradient,
				 common + (px - 1) * log_total - (px + param[RFM_PARAM_Q]) * log_with_scale,
				 g, RFM_SPENDING_PARAMS, 1);
		counted++;
	}
	return finish_loss(sum, counted, param, gradient, RFM_SPENDING_PARAMS);
}

/*-------------------------------------------------------------------------
 *
 * predict.c
 *		Computing forecasts from parameters and a customer's history.
 *
 * A customer who is not lost buys at a rate that has a gamma distribution of
 * shape k = r + x and scale s = alpha + T, and is lost after each visit with
 * probability p, which has a beta distribution.  Given p, they can be expected
 * to buy (1 - (1 + p t / s)^-k) / p times in t days.  The mean of that over p
 * is the published formula with the hypergeometric function 2F1; but nothing
 * cancels out here, not even at a = 1, where the formula is 0 / 0.
 *
 * The mean over p is computed by the trapezoidal rule in the logarithm of its odds,
 * y = log(p / (1 - p)): the integrand is analytic and vanishes exponentially at
 * both ends, so that the rule converges exponentially (Trefethen and Weideman, The
 * Exponentially Convergent Trapezoidal Rule, SIAM Review 56, 2014).
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "forecast/predict.h"
#include "miscadmin.h"
#include "utils/hsearch.h"

/* Below exp(-MOST_DECAY), a part of a mean is nothing beside the whole. */
#define MOST_DECAY 38.0

/* A value of p, and its share. */
typedef struct Share
{
	double		p;
	double		weight;
} Share;

typedef struct ShareList
{
	int			n;
	Share	   *node;			/* NULL: not computed yet */
} ShareList;

/* What is expected of all customers with as many visits and the same age. */
typedef struct AlikeKey
{
	int32		repeats;
	int32		age;
} AlikeKey;

typedef struct Alike
{
	AlikeKey	key;
	double		orders;
	double		discounted;
} Alike;

#define TIME_NODES 48

struct RfmPredictor
{
	MemoryContext mcxt;
	RfmFamily	family;
	double		buying[RFM_BUYING_PARAMS];
	double		horizon;
	double		discount;
	int			nodes_space;
	ShareList	   *nodes;			/* by repeat visits */
	HTAB	   *alike;
	double		time_place[TIME_NODES]; /* of Gauss and Legendre, between 0 and 1 */
	double		time_weight[TIME_NODES];
};

/*
 * Find the places and weights of Gauss and Legendre's rule by Newton's method:
 * Abramowitz and Stegun, 25.4.29 and 22.7.10.
 */
static void
init_time_nodes(RfmPredictor *predictor)
{
	const int	n = TIME_NODES;

	for (int i = 0; i < n; i++)
	{
		double		x = cos(M_PI * (i + 0.75) / (n + 0.5));
		double		slope = 1;

		for (int step = 0; step < 20; step++)
		{
			double		last = 1;
			double		value = x;

			for (int j = 2; j <= n; j++)
			{
				double		next = ((2 * j - 1) * x * value - (j - 1) * last) / j;

				last = value;
				value = next;
			}
			slope = n * (x * value - last) / (x * x - 1);
			x -= value / slope;
		}
		predictor->time_place[i] = (1 - x) / 2;
		predictor->time_weight[i] = 1 / ((1 - x * x) * slope * slope);
	}
}

RfmPredictor *
rfm_predictor_create(RfmFamily family, const double *buying, double horizon, double discount)
{
	RfmPredictor *predictor = palloc0(sizeof(RfmPredictor));
	HASHCTL		control;

	predictor->mcxt = CurrentMemoryContext;
	predictor->family = family;
	memcpy(predictor->buying, buying, sizeof(predictor->buying));
	predictor->horizon = horizon;
	predictor->discount = discount;
	predictor->nodes_space = 64;
	predictor->nodes = palloc0(predictor->nodes_space * sizeof(ShareList));
	control.keysize = sizeof(AlikeKey);
	control.entrysize = sizeof(Alike);
	control.hcxt = predictor->mcxt;
	predictor->alike = hash_create("rfm customers alike", 1024, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (discount > 0)
		init_time_nodes(predictor);
	return predictor;
}

/* The logarithm of the density of a beta distribution in y, but for a constant. */
static double
log_density(double a, double b, double y)
{
	double		log_of_sum = y > 0 ? y + log1p(exp(-y)) : log1p(exp(y));

	return a * y - (a + b) * log_of_sum;
}

/* Compute the nodes of a beta distribution. */
static void
init_nodes(RfmPredictor *predictor, double a, double b, ShareList *nodes)
{
	double		step = Min(0.25, 0.5 * sqrt(1 / a + 1 / b));
	double		mode = log(a / b);
	double		peak = log_density(a, b, mode);
	double		sum = 0;
	int			below = 0;
	int			above = 0;

	/* so far out, the number of visits no longer depends on p: the rest is a node at either end */
	while (mode - below * step > -80 && peak - log_density(a, b, mode - below * step) < MOST_DECAY)
		below++;
	while (mode + above * step < 80 && peak - log_density(a, b, mode + above * step) < MOST_DECAY)
		above++;

	nodes->node = MemoryContextAlloc(predictor->mcxt, (below + above + 3) * sizeof(Share));
	for (int i = -below; i <= above; i++)
	{
		double		y = mode + i * step;
		Share	   *node = &nodes->node[nodes->n++];

		node->p = y > 0 ? 1 / (1 + exp(-y)) : exp(y) / (1 + exp(y));
		node->weight = exp(log_density(a, b, y) - peak);
		sum += node->weight;
	}
	nodes->node[nodes->n] = (Share) {1, nodes->node[nodes->n - 1].weight / expm1(b * step)};
	nodes->node[nodes->n + 1] = (Share) {0, nodes->node[0].weight / expm1(a * step)};
	sum += nodes->node[nodes->n].weight + nodes->node[nodes->n + 1].weight;
	nodes->n += 2;
	for (int i = 0; i < nodes->n; i++)
		nodes->node[i].weight /= sum;
}

static const ShareList *
find_nodes(RfmPredictor *predictor, int32 repeats)
{
	ShareList	   *nodes;

	if (repeats >= predictor->nodes_space)
	{
		int			space = predictor->nodes_space;

		while (repeats >= space)
			space *= 2;
		predictor->nodes = repalloc(predictor->nodes, space * sizeof(ShareList));
		memset(predictor->nodes + predictor->nodes_space, 0,
			   (space - predictor->nodes_space) * sizeof(ShareList));
		predictor->nodes_space = space;
	}
	nodes = &predictor->nodes[repeats];
	if (nodes->node == NULL)
		init_nodes(predictor, predictor->buying[RFM_PARAM_A],
				   predictor->buying[RFM_PARAM_B] + rfm_chances_to_go(predictor->family, repeats),
				   nodes);
	return nodes;
}

/*
 * Days with orders until the horizon of a customer who is lost with
 * probability p after each.
 */
static double
orders_given(const RfmPredictor *predictor, double k, double s, double p)
{
	double		reach = predictor->horizon / s;

	if (p * reach * (k + 1) < 1e-17)
		return k * reach;
	return -expm1(-k * log1p(p * reach)) / p;
}

/*
 * The same, discounted: the integral over time of the rate of visits,
 * k / s (1 + p t / s)^-(k + 1), times the discount.  In v = log(1 + p t / s) it
 * decays at least exponentially; where it is next to nothing it ends.
 */
static double
discounted_given(const RfmPredictor *predictor, double k, double s, double p)
{
	double		discount = predictor->discount;
	double		end = log1p(p * predictor->horizon / s);
	double		slope = discount * s / p;
	double		sum = 0;

	if (p * predictor->horizon / s * (k + 1) < 1e-13)
		return k / s * -expm1(-discount * predictor->horizon) / discount;
	end = Min(end, MOST_DECAY / k);
	end = Min(end, log1p(MOST_DECAY / slope));
	for (int i = 0; i < TIME_NODES; i++)
	{
		double		v = end * predictor->time_place[i];

		sum += predictor->time_weight[i] * exp(-k * v - slope * expm1(v));
	}
	return k / p * end * sum;
}

double
rfm_predict_alive(const RfmPredictor *predictor, const RfmHistory *history)
{
	return 1 / (1 + exp(rfm_log_odds_lost(predictor->family, predictor->buying, history)));
}

void
rfm_predict_orders(RfmPredictor *predictor, const RfmHistory *history,
				   double *orders, double *discounted)
{
	AlikeKey	key = {history->repeats, history->age};
	bool		found;
	Alike	   *alike = hash_search(predictor->alike, &key, HASH_ENTER, &found);

	if (!found)
	{
		double		k = predictor->buying[RFM_PARAM_R] + history->repeats;
		double		s = predictor->buying[RFM_PARAM_ALPHA] + history->age;
		const ShareList *nodes = find_nodes(predictor, history->repeats);

		CHECK_FOR_INTERRUPTS();
		alike->orders = alike->discounted = 0;
		for (int i = 0; i < nodes->n; i++)
		{
			const Share *node = &nodes->node[i];

			alike->orders += node->weight * orders_given(predictor, k, s, node->p);
			if (predictor->discount > 0)
				alike->discounted += node->weight * discounted_given(predictor, k, s, node->p);
		}
		if (predictor->discount <= 0)
			alike->discounted = alike->orders;
	}
	*orders = alike->orders;
	*discounted = alike->discounted;
}

double
rfm_predict_spending(const double *spending, int32 repeats, double total)
{
	double		p = spending[RFM_PARAM_P];

	return p * (spending[RFM_PARAM_V] + total) / (p * repeats + spending[RFM_PARAM_Q] - 1);
}

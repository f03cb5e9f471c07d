/*-------------------------------------------------------------------------
 *
 * pushdown_cuts.c
 *		From summaries of all shards to cut points, and to what the log needs.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "miscadmin.h"
#include "pushdown_cuts.h"
#include "utils/fmgrprotos.h"

/* The ranks of one axis: a cut needs one, a quantile's neighbours two more. */
#define MAX_RANKS (3 * RFM_MAX_CUTS)

typedef struct AxisRanks
{
	int			n;
	RfmRankWanted wanted[MAX_RANKS];	/* ascending */
} AxisRanks;

pg_noreturn static void orders_changed(const char *model);

static void
orders_changed(const char *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("orders of model \"%s\" changed while they were read", model),
			 errdetail("A refresh that is pushed down reads them several times."),
			 errhint("Try again, or refresh in a transaction of isolation level REPEATABLE READ.")));
}

/*
 * Which ranks.
 */

static void
want(AxisRanks *ranks, int64 rank)
{
	int			i = 0;

	while (i < ranks->n && ranks->wanted[i].rank < rank)
		i++;
	if (i < ranks->n && ranks->wanted[i].rank == rank)
		return;
	memmove(&ranks->wanted[i + 1], &ranks->wanted[i],
			(ranks->n - i) * sizeof(RfmRankWanted));
	ranks->wanted[i] = (RfmRankWanted) {.rank = rank};
	ranks->n++;
}

static RfmRankKey
found_at(const AxisRanks *ranks, int64 rank)
{
	int			i = 0;

	while (ranks->wanted[i].rank != rank)
		i++;
	return ranks->wanted[i].key;
}

/* The two ranks that quantile number j, from 0, lies between. */
static void
quantile_ranks(int64 n, int j, int buckets, int64 *lower, int64 *upper)
{
	int64		numerator;

	rfm_quantile_position(n, j + 1, buckets, lower, &numerator);
	*upper = numerator > 0 ? *lower + 1 : *lower;
}

static void
want_ranks(const RfmModel *model, RfmAxis axis, int64 n, AxisRanks *ranks)
{
	int			buckets = model->buckets[axis];

	ranks->n = 0;
	if (model->method == RFM_BREAKS || n == 0)
		return;
	for (int j = 0; j < buckets - 1; j++)
	{
		int64		rank = rfm_cut_rank(n, model->method, buckets, axis == RFM_RECENCY, j + 1);
		int64		lower;
		int64		upper;

		if (rank < n)
			want(ranks, rank);
		if (model->method != RFM_QUANTILE)
			continue;
		quantile_ranks(n, j, buckets, &lower, &upper);
		want(ranks, lower);
		want(ranks, upper);
	}
}

/*
 * Asking.
 */

/* The most customers among which a rank is still looked for. */
static int64
largest_kept(const RfmRankSummary *summary)
{
	int64		largest = 0;

	for (int axis = 0; axis < RFM_AXES; axis++)
		for (int s = 0; s <= summary->request->axis[axis].nbounds; s++)
			if (summary->request->axis[axis].keep[s])
				largest = Max(largest, summary->segment[axis][s].count);
	return largest;
}

/* Looks for the ranks in an answer; the next request looks closer.  True: all are found. */
static bool
search_axes(const RfmModel *model, RfmRankSummary *summary, AxisRanks *ranks,
			RfmRankRequest *next)
{
	bool		done = true;

	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		next->axis[axis].nbounds = 0;
		memset(next->axis[axis].keep, 0, sizeof(next->axis[axis].keep));
		if (!rfm_rank_search(summary, (RfmAxis) axis, ranks[axis].wanted,
							 ranks[axis].n, &next->axis[axis]))
			orders_changed(model->name);
		done &= next->axis[axis].nbounds == 0;
	}
	return done;
}

static void
search_ranks(const RfmModel *model, RfmRankRequest *request, AxisRanks *ranks,
			 RfmAskShards ask, void *arg, RfmPushdownCuts *result)
{
	RfmRankSummary *summary = result->first;

	while (!search_axes(model, summary, ranks, request))
	{
		int64		before = largest_kept(summary);

		CHECK_FOR_INTERRUPTS();
		summary = ask(arg, request);
		result->passes++;
		if (summary == NULL || summary->checksum != result->first->checksum)
		{
			orders_changed(model->name);
			return;				/* keep checkers quiet */
		}
		/* few, but large, keys: a summary that says too little becomes larger */
		if (largest_kept(summary) > before / 2)
			request->size *= 2;
	}
}

/*
 * Cut points.
 */

/* As the codes that native cut points are compared with. */
static void
add_break(RfmRankRequest *cuts, RfmAxis axis, Numeric bound, bool strict)
{
	RfmRankAxis *a = &cuts->axis[axis];
	RfmMoney	unit = {.kind = RFM_MONEY_SCALED,.scale = 0};
	RfmRankBound *b = &a->bound[a->nbounds];

	memset(b, 0, sizeof(*b));
	if (rfm_rank_exact(cuts, axis))
		b->key = rfm_rank_money(bound);
	else
	{
		if (axis == RFM_MONETARY)
			unit.kind = RFM_MONEY_REAL;
		if (!rfm_money_first_code(&unit, bound, strict, &b->key.code))
			return;
	}
	a->nbounds++;
}

static void
cuts_from_breaks(const RfmModel *model, RfmAxis axis, RfmRankRequest *cuts)
{
	int			ncuts = model->buckets[axis] - 1;

	for (int j = 0; j < ncuts; j++)
	{
		Numeric		bound = model->breaks[axis][axis == RFM_RECENCY ? ncuts - 1 - j : j];

		if (axis == RFM_RECENCY)
			bound = DatumGetNumeric(DirectFunctionCall1(numeric_uminus, NumericGetDatum(bound)));
		add_break(cuts, axis, bound, axis == RFM_RECENCY);
	}
}

static void
cuts_from_ranks(const RfmModel *model, RfmAxis axis, int64 n, const AxisRanks *ranks,
				RfmPushdownCuts *result)
{
	int			buckets = model->buckets[axis];
	RfmRankAxis *a = &result->cuts.axis[axis];

	for (int j = 0; j < buckets - 1; j++)
	{
		int64		rank = rfm_cut_rank(n, model->method, buckets, axis == RFM_RECENCY, j + 1);
		int64		lower;
		int64		upper;
		RfmRankBound *bound = &a->bound[a->nbounds];

		if (model->method == RFM_QUANTILE)
		{
			quantile_ranks(n, j, buckets, &lower, &upper);
			result->lower[axis][j] = found_at(ranks, lower);
			result->upper[axis][j] = found_at(ranks, upper);
		}
		if (rank >= n)
			continue;
		bound->key = found_at(ranks, rank);
		bound->by_customer = model->method == RFM_NTILE;
		bound->after = model->method == RFM_RANK ||
			(model->method == RFM_QUANTILE && axis != RFM_RECENCY);
		a->nbounds++;
	}
}

void
rfm_pushdown_find_cuts(const RfmModel *model, const RfmSource *source, int64 size,
					   RfmAskShards ask, void *arg, RfmPushdownCuts *result)
{
	bool		real = source->amount_kind == RFM_AMOUNT_FLOAT;
	bool		by_customer = model->method == RFM_NTILE;
	RfmRankRequest *request = palloc(sizeof(RfmRankRequest));
	AxisRanks	ranks[RFM_AXES];
	int64		n;

	memset(result, 0, sizeof(*result));
	rfm_rank_request_init(request, &source->key, real, by_customer, size);
	rfm_rank_request_init(&result->cuts, &source->key, real, by_customer, size);
	for (int axis = 0; axis < RFM_AXES; axis++)
		request->axis[axis].keep[0] = model->method != RFM_BREAKS;

	result->first = ask(arg, request);
	result->passes = 1;
	n = result->first ? result->first->customers : 0;
	for (int axis = 0; axis < RFM_AXES; axis++)
		want_ranks(model, (RfmAxis) axis, n, &ranks[axis]);
	if (n > 0)
		search_ranks(model, request, ranks, ask, arg, result);
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		if (model->method == RFM_BREAKS)
			cuts_from_breaks(model, (RfmAxis) axis, &result->cuts);
		else if (n > 0)
			cuts_from_ranks(model, (RfmAxis) axis, n, &ranks[axis], result);
	}
}

/*
 * What the log needs.  Only the values that it shows get a code, and only the
 * customers that it names a row.
 */

/* Room for a lowest and a highest of each score, and a quantile's neighbours. */
#define MAX_SHOWN (4 * RFM_MAX_BUCKETS)

static int64
shown_code(RfmCustomers *customers, RfmAxis axis, const RfmRankKey *key)
{
	RfmMoney   *money = &customers->money;
	int64		code;
	uint8		scale;

	if (axis != RFM_MONETARY || money->kind == RFM_MONEY_REAL)
		return key->code;
	if (money->kind == RFM_MONEY_SCALED)
	{
		if (!rfm_numeric_to_scaled(NumericGetDatum(key->money), &code, &scale))
			elog(ERROR, "monetary value is no scaled integer");
		return code * rfm_power_of_ten[money->scale - scale];
	}
	for (int64 i = 0; i < money->ndistinct; i++)
		if (rfm_numeric_cmp(money->distinct[i], key->money) == 0)
			return i;
	money->distinct[money->ndistinct] = key->money;
	return money->ndistinct++;
}

static void
describe_score(RfmPushdownCuts *cuts, RfmAxis axis, const RfmRankSegment *segment,
			   RfmCustomers *customers, RfmScoreRange *range)
{
	range->customers = segment->count;
	if (segment->count == 0)
		return;
	range->lowest = shown_code(customers, axis, &segment->lowest);
	range->highest = shown_code(customers, axis, &segment->highest);
	range->first = customers->end;
	customers->key[customers->end++] = segment->lowest.customer;
}

static void
describe_axis(const RfmModel *model, RfmPushdownCuts *cuts, RfmAxis axis,
			  const RfmRankSummary *last, RfmCustomers *customers, RfmScores *scores)
{
	int			buckets = model->buckets[axis];

	for (int s = 0; s <= cuts->cuts.axis[axis].nbounds; s++)
	{
		describe_score(cuts, axis, &last->segment[axis][s], customers, &scores->range[axis][s]);
		/* the buckets of ntile have the sizes that it says: a check of all above */
		if (model->method == RFM_NTILE &&
			last->segment[axis][s].count != customers->n / buckets + (s < customers->n % buckets))
			elog(ERROR, "cut point %d is wrong", s);
	}
	if (model->method != RFM_QUANTILE)
		return;
	for (int j = 0; j < buckets - 1; j++)
	{
		RfmQuantile *q = &scores->quantile[axis][j];
		int64		rank;

		rfm_quantile_position(customers->n, j + 1, buckets, &rank, &q->numerator);
		q->denominator = buckets;
		q->lower = shown_code(customers, axis, &cuts->lower[axis][j]);
		q->upper = shown_code(customers, axis, &cuts->upper[axis][j]);
	}
}

void
rfm_pushdown_describe(const RfmModel *model, RfmPushdownCuts *cuts, RfmRankSummary *last,
					  DateADT run_date, RfmCustomers **result, RfmScores **scores)
{
	RfmCustomers *customers = palloc0(sizeof(RfmCustomers));
	const RfmRankSummary *first = cuts->first;

	if ((first == NULL) != (last == NULL) ||
		(first && (first->checksum != last->checksum || first->orders != last->orders)))
		orders_changed(model->name);

	*result = customers;
	*scores = palloc0(sizeof(RfmScores));
	customers->run_date = run_date;
	customers->key_type = cuts->cuts.customer_type;
	if (first == NULL)
		return;
	customers->n = last->customers;
	customers->orders = last->orders;
	customers->key = palloc(RFM_AXES * RFM_MAX_BUCKETS * sizeof(Datum));
	customers->money.scale = rfm_rank_summary_scale(last);
	customers->money.kind = cuts->cuts.real ? RFM_MONEY_REAL :
		customers->money.scale >= 0 ? RFM_MONEY_SCALED : RFM_MONEY_WIDE;
	customers->money.distinct = palloc(MAX_SHOWN * sizeof(Numeric));
	if (customers->n > 0)
		for (int axis = 0; axis < RFM_AXES; axis++)
			describe_axis(model, cuts, (RfmAxis) axis, last, customers, *scores);
}

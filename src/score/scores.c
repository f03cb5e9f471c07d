/*-------------------------------------------------------------------------
 *
 * scores.c
 *		Scores.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "score/scores.h"
#include "utils/fmgrprotos.h"

/* Customers scored between two checks for interrupts. */
#define SCORE_BLOCK 65536

/*
 * Cut points of the method `breaks`: the user's, as codes.  A value belongs
 * to the bucket 1 + the number of cut points at or below it; recency's score
 * counts from the other end.
 */
static void
cuts_from_breaks(const RfmModel *model, const RfmCustomers *customers,
				 RfmAxis axis, RfmCuts *cuts)
{
	int			ncuts = model->buckets[axis] - 1;
	RfmMoney	whole = {.form = RFM_FORM_SCALED, .scale = 0};
	const RfmMoney *unit = axis == RFM_MONETARY ? &customers->money : &whole;

	cuts->buckets = model->buckets[axis];
	for (int j = 0; j < ncuts; j++)
	{
		bool		recency = axis == RFM_RECENCY;
		Numeric		bound = model->breaks[axis][recency ? ncuts - 1 - j : j];

		if (recency)
			bound = DatumGetNumeric(DirectFunctionCall1(numeric_uminus,
														NumericGetDatum(bound)));
		cuts->tie[j] = 0;
		if (!rfm_money_first_code(unit, bound, recency, &cuts->value[j]))
			cuts->value[j] = cuts->tie[j] = PG_INT64_MAX;
	}
}

/*
 * Determine the fractions of the codes at which a method based on quantiles
 * cuts.  The user's fractions are those of the natural values, so those of
 * recency are mirrored.
 */
static void
axis_fractions(const RfmModel *model, RfmAxis axis, RfmFraction *fraction)
{
	int			ncuts = model->buckets[axis] - 1;

	if (model->method[axis] == RFM_QUANTILE)
	{
		rfm_equal_fractions(model->buckets[axis], fraction);
		return;
	}
	for (int j = 0; j < ncuts; j++)
	{
		fraction[j] = model->fraction[axis][axis == RFM_RECENCY ? ncuts - 1 - j : j];
		if (axis == RFM_RECENCY)
			fraction[j].numerator = fraction[j].denominator - fraction[j].numerator;
	}
}

static void
find_axis_cuts(const RfmModel *model, const RfmCustomers *customers,
			   RfmAxis axis, RfmScores *scores)
{
	int			buckets = model->buckets[axis];
	const int64 *codes = customers->code[axis];
	RfmMethod	method = model->method[axis];
	RfmFraction fraction[RFM_MAX_CUTS] = {0};

	if (method == RFM_BREAKS)
	{
		cuts_from_breaks(model, customers, axis, &scores->cuts[axis]);
		return;
	}
	if (rfm_cuts_at_quantiles(method))
		axis_fractions(model, axis, fraction);
	rfm_find_cuts(codes, customers->n, method, buckets,
				  axis == RFM_RECENCY, fraction, &scores->cuts[axis]);
	if (rfm_cuts_at_quantiles(method) && customers->n > 0)
		rfm_quantiles_of(codes, customers->n, fraction, buckets - 1, scores->quantile[axis]);
}

/* Return the number of cuts that a row with this code has reached. */
static inline int
cuts_reached(const RfmCuts *cuts, int64 code, int64 row)
{
	int			reached = 0;

	for (int j = 0; j < cuts->buckets - 1; j++)
		reached += (code > cuts->value[j]) |
			((code == cuts->value[j]) & (row >= cuts->tie[j]));
	return reached;
}

static inline RfmCell
axis_score(RfmAxis axis, int reached)
{
	return (RfmCell) ((reached + 1) << (axis == RFM_RECENCY ? 8 : axis == RFM_FREQUENCY ? 4 : 0));
}

static inline void
note_code(RfmScoreRange *range, int64 code, int64 row)
{
	if (range->customers++ == 0)
	{
		range->lowest = range->highest = code;
		range->first = row;
	}
	else if (code < range->lowest)
	{
		range->lowest = code;
		range->first = row;
	}
	else if (code > range->highest)
		range->highest = code;
}

/* Score one axis, and record what each score covers. */
static void
score_axis(const RfmCustomers *customers, RfmAxis axis, RfmScores *scores)
{
	RfmCuts		cuts = scores->cuts[axis];
	const int64 *code = customers->code[axis];

	for (int64 start = 0, end; start < customers->n; start = end)
	{
		end = Min(customers->n, start + SCORE_BLOCK);
		for (int64 row = start; row < end; row++)
		{
			int			reached = cuts_reached(&cuts, code[row], row);

			scores->cell[row] |= axis_score(axis, reached);
			note_code(&scores->range[axis][reached], code[row], row);
		}
		rfm_progress_done((end - start) / RFM_AXES);
		CHECK_FOR_INTERRUPTS();
	}
}

RfmScores *
rfm_scores_create(int64 n)
{
	RfmScores  *scores = palloc0(sizeof(RfmScores));

	scores->cell = rfm_alloc_array(CurrentMemoryContext, n, sizeof(RfmCell), true);
	return scores;
}

void
rfm_scores_fill(const RfmModel *model, const RfmCustomers *customers, RfmScores *scores)
{
	memset(scores->range, 0, sizeof(scores->range));
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		find_axis_cuts(model, customers, (RfmAxis) axis, scores);
		score_axis(customers, (RfmAxis) axis, scores);
	}
}

RfmScores *
rfm_scores_build(const RfmModel *model, const RfmCustomers *customers)
{
	RfmScores  *scores = rfm_scores_create(customers->n);

	rfm_scores_fill(model, customers, scores);
	return scores;
}

char *
rfm_cell_text(const RfmModel *model, RfmCell cell)
{
	bool		separate = false;

	for (int axis = 0; axis < RFM_AXES; axis++)
		separate |= model->buckets[axis] > 9;
	return psprintf(separate ? "%d-%d-%d" : "%d%d%d",
					RFM_CELL_R(cell), RFM_CELL_F(cell), RFM_CELL_M(cell));
}

int64
rfm_cell_weighted(const RfmModel *model, RfmCell cell)
{
	return (int64) model->weights[RFM_RECENCY] * RFM_CELL_R(cell) +
		(int64) model->weights[RFM_FREQUENCY] * RFM_CELL_F(cell) +
		(int64) model->weights[RFM_MONETARY] * RFM_CELL_M(cell);
}

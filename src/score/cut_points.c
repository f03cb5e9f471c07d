/*-------------------------------------------------------------------------
 *
 * cut_points.c
 *		What each score covers, as it is logged.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "score/cut_points.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "value/numeric.h"

static const char *const axis_column[RFM_AXES] = {
	"recency_days", "frequency_orders", "monetary_value"
};

/* How far a quantile lies between its neighbours, exact, over a power of ten. */
static Numeric
decimal_part(const RfmQuantile *q)
{
	int			digits = 0;

	while (rfm_power_of_ten[digits] < q->denominator)
		digits++;
	return int64_div_fast_to_numeric(q->numerator, digits);
}

/* A quantile in the axis's natural unit. */
static Numeric
quantile_value(const RfmModel *model, const RfmCustomers *customers, RfmAxis axis,
			   const RfmQuantile *q)
{
	Numeric		lower = rfm_axis_numeric(customers, axis, q->lower);
	Numeric		step;

	if (q->numerator == 0 || q->lower == q->upper)
		return lower;
	step = rfm_numeric_call(numeric_sub, rfm_axis_numeric(customers, axis, q->upper), lower);
	if (model->method[axis] == RFM_PERCENTILE)
		return rfm_numeric_call(numeric_add, lower, rfm_numeric_call(numeric_mul, step, decimal_part(q)));
	step = rfm_numeric_call(numeric_mul, step, int64_to_numeric(q->numerator));
	step = rfm_numeric_call(numeric_div, step, int64_to_numeric(q->denominator));
	return rfm_numeric_call(numeric_add, lower, step);
}

/* The cut point below score (1-based, above 1), or NULL where it is open. */
static Numeric
cut_point(const RfmModel *model, const RfmCustomers *customers,
		  const RfmScores *scores, RfmAxis axis, int score)
{
	int			buckets = model->buckets[axis];

	switch (model->method[axis])
	{
		case RFM_BREAKS:
			return model->breaks[axis][axis == RFM_RECENCY ? buckets - score : score - 2];
		case RFM_QUANTILE:
		case RFM_PERCENTILE:
			if (customers->n == 0)
				return NULL;
			return quantile_value(model, customers, axis, &scores->quantile[axis][score - 2]);
		case RFM_NTILE:
		case RFM_RANK:
			break;
	}
	if (scores->range[axis][score - 1].customers == 0)
		return NULL;
	return rfm_axis_numeric(customers, axis, scores->range[axis][score - 1].lowest);
}

static char *
numeric_text(Numeric value)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
}

/*
 * Count the customers with the value that a score begins with, where some of them
 * have the score below: a cut went through equal values.
 */
static int64
count_tied(const RfmCustomers *customers, const RfmScores *scores, RfmAxis axis, int score)
{
	const RfmScoreRange *range = &scores->range[axis][score - 1];
	const int64 *code = customers->code[axis];
	int64		tied = 0;

	if (score == 1 || range->customers == 0 || range[-1].customers == 0 ||
		range[-1].highest != range->lowest)
		return 0;
	for (int64 i = 0; i < customers->n; i++)
		tied += code[i] == range->lowest;
	return tied;
}

static void
append_score_range(StringInfo json, const RfmModel *model,
				   const RfmCustomers *customers, const RfmScores *scores,
				   RfmAxis axis, int score)
{
	const RfmScoreRange *range = &scores->range[axis][score - 1];
	int64		tied;

	appendStringInfo(json, "%s{\"score\": %d, \"customers\": " INT64_FORMAT,
					 score > 1 ? ", " : "", score, range->customers);
	if (range->customers > 0)
	{
		/* codes of recency are negated */
		bool		recency = axis == RFM_RECENCY;

		appendStringInfo(json, ", \"lowest\": %s, \"highest\": %s",
						 numeric_text(rfm_axis_numeric(customers, axis,
													   recency ? range->highest : range->lowest)),
						 numeric_text(rfm_axis_numeric(customers, axis,
													   recency ? range->lowest : range->highest)));
	}
	if (score > 1)
	{
		Numeric		cut = cut_point(model, customers, scores, axis, score);

		if (cut)
			appendStringInfo(json, ", \"cut_point\": %s", numeric_text(cut));
		if (model->method[axis] == RFM_NTILE && range->customers > 0)
		{
			appendStringInfoString(json, ", \"from_customer\": ");
			escape_json(json, rfm_key_out(&customers->key_type,
										  customers->key[range->first]));
		}
	}
	tied = count_tied(customers, scores, axis, score);
	if (tied > 0)
		appendStringInfo(json, ", \"tied\": " INT64_FORMAT, tied);
	appendStringInfoChar(json, '}');
}

char *
rfm_cut_points_json(const RfmModel *model, const RfmCustomers *customers,
					const RfmScores *scores)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		appendStringInfo(&json, "%s\"%s\": [", axis > 0 ? ", " : "{", axis_column[axis]);
		for (int score = 1; score <= model->buckets[axis]; score++)
			append_score_range(&json, model, customers, scores, (RfmAxis) axis, score);
		appendStringInfoChar(&json, ']');
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}


/*-------------------------------------------------------------------------
 *
 * score.c
 *		Scores and segments.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "executor/spi.h"
#include "memory.h"
#include "miscadmin.h"
#include "owner.h"
#include "progress.h"
#include "score.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#define NO_MATCH_LABEL "Others"

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
	RfmMoney	whole = {.kind = RFM_MONEY_SCALED, .scale = 0};
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

static void
find_axis_cuts(const RfmModel *model, RfmCustomers *customers,
			   RfmAxis axis, RfmScores *scores)
{
	int			buckets = model->buckets[axis];
	RfmValues	codes = rfm_customer_codes(customers, axis);

	if (model->method == RFM_BREAKS)
	{
		cuts_from_breaks(model, customers, axis, &scores->cuts[axis]);
		return;
	}
	rfm_find_cuts(&codes, model->method, buckets,
				  axis == RFM_RECENCY, &scores->cuts[axis]);
	if (model->method == RFM_QUANTILE && customers->n > 0)
		rfm_quantiles_of(&codes, buckets, scores->quantile[axis]);
}

/* How many cuts a row with this code has reached. */
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

RfmCell
rfm_score_cell(const RfmScores *scores, RfmCustomers *customers, int64 row)
{
	int64		at = rfm_customers_at(customers, row);
	RfmCell		cell = 0;

	for (int axis = 0; axis < RFM_AXES; axis++)
		cell |= axis_score((RfmAxis) axis,
						   cuts_reached(&scores->cuts[axis], customers->code[axis][at], row));
	return cell;
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

/* Scores one axis, into cells if they are kept, and notes what each score covers. */
static void
score_axis(RfmCustomers *customers, RfmAxis axis, RfmScores *scores)
{
	RfmCuts		cuts = scores->cuts[axis];

	for (int64 start = 0, end; start < customers->n; start = end)
	{
		const int64 *codes = customers->code[axis] + rfm_customers_at(customers, start);

		end = Min(customers->end, start + 65536);
		for (int64 row = start; row < end; row++)
		{
			int			reached = cuts_reached(&cuts, codes[row - start], row);

			if (scores->cell)
				scores->cell[row] |= axis_score(axis, reached);
			note_code(&scores->range[axis][reached], codes[row - start], row);
		}
		rfm_progress_done((end - start) / RFM_AXES);
		CHECK_FOR_INTERRUPTS();
	}
}

RfmScores *
rfm_scores_build(const RfmModel *model, RfmCustomers *customers)
{
	RfmScores  *scores = palloc0(sizeof(RfmScores));

	if (customers->file == NULL)
		scores->cell = rfm_alloc_array(CurrentMemoryContext, customers->n,
									   sizeof(RfmCell), true);
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		find_axis_cuts(model, customers, (RfmAxis) axis, scores);
		score_axis(customers, (RfmAxis) axis, scores);
	}
	return scores;
}

/*
 * Cut points for the log.
 */

static const char *const axis_column[RFM_AXES] = {
	"recency_days", "frequency_orders", "monetary_value"
};

static Numeric
numeric_call(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

/* A quantile in the axis's natural unit. */
static Numeric
quantile_value(const RfmCustomers *customers, RfmAxis axis, const RfmQuantile *q)
{
	Numeric		lower = rfm_axis_numeric(customers, axis, q->lower);
	Numeric		step;

	if (q->numerator == 0 || q->lower == q->upper)
		return lower;
	step = numeric_call(numeric_sub, rfm_axis_numeric(customers, axis, q->upper), lower);
	step = numeric_call(numeric_mul, step, int64_to_numeric(q->numerator));
	step = numeric_call(numeric_div, step, int64_to_numeric(q->denominator));
	return numeric_call(numeric_add, lower, step);
}

/* The cut point below score (1-based, above 1), or NULL where it is open. */
static Numeric
cut_point(const RfmModel *model, const RfmCustomers *customers,
		  const RfmScores *scores, RfmAxis axis, int score)
{
	int			buckets = model->buckets[axis];

	switch (model->method)
	{
		case RFM_BREAKS:
			return model->breaks[axis][axis == RFM_RECENCY ? buckets - score : score - 2];
		case RFM_QUANTILE:
			if (customers->n == 0)
				return NULL;
			return quantile_value(customers, axis, &scores->quantile[axis][score - 2]);
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

static void
append_score_range(StringInfo json, const RfmModel *model,
				   RfmCustomers *customers, const RfmScores *scores,
				   RfmAxis axis, int score)
{
	const RfmScoreRange *range = &scores->range[axis][score - 1];

	appendStringInfo(json, "%s{\"score\": %d, \"customers\": " INT64_FORMAT,
					 score > 1 ? ", " : "", score, range->customers);
	if (range->customers > 0)
	{
		/* codes of recency run against the natural value */
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
		if (model->method == RFM_NTILE && range->customers > 0)
		{
			appendStringInfoString(json, ", \"from_customer\": ");
			escape_json(json, rfm_key_out(&customers->key_type,
										  rfm_customer_key(customers, range->first)));
		}
	}
	appendStringInfoChar(json, '}');
}

char *
rfm_cut_points_json(const RfmModel *model, RfmCustomers *customers,
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

/*
 * Labels.
 */

/* Bounds of a rule: lower inclusive, upper exclusive. */
typedef struct RuleBounds
{
	int			lower[4];		/* r, f, m, total */
	int			upper[4];
} RuleBounds;

static int
get_int(int row, int column)
{
	bool		isnull;

	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[row],
									   SPI_tuptable->tupdesc, column, &isnull));
}

static bool
rule_matches(const RuleBounds *rule, int r, int f, int m)
{
	int			value[4] = {r, f, m, r + f + m};

	for (int i = 0; i < 4; i++)
		if (value[i] < rule->lower[i] || value[i] >= rule->upper[i])
			return false;
	return true;
}

/* Gives the cells that no earlier rule has taken to this one. */
static void
apply_rule(const RuleBounds *rule, char *label, char **labels)
{
	for (int r = 1; r <= RFM_MAX_BUCKETS; r++)
		for (int f = 1; f <= RFM_MAX_BUCKETS; f++)
			for (int m = 1; m <= RFM_MAX_BUCKETS; m++)
				if (labels[RFM_CELL(r, f, m)] == NULL && rule_matches(rule, r, f, m))
					labels[RFM_CELL(r, f, m)] = label;
}

char **
rfm_labels_load(Oid nsp, const char *ruleset)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmOwner	catalog;
	char	  **labels;
	StringInfoData sql;
	Oid			type = TEXTOID;
	Datum		value;

	if (ruleset == NULL)
		return NULL;
	labels = palloc0(RFM_CELLS * sizeof(char *));
	value = CStringGetTextDatum(ruleset);

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT label");
	for (int i = 0; i < 4; i++)
	{
		static const char *const column[4] = {"r", "f", "m", "total"};

		appendStringInfo(&sql,
						 ", coalesce(pg_catalog.lower(%s), %d), coalesce(pg_catalog.upper(%s), %d)",
						 column[i], PG_INT32_MIN, column[i], PG_INT32_MAX);
	}
	appendStringInfo(&sql,
					 " FROM %s WHERE ruleset OPERATOR(pg_catalog.=) $1 ORDER BY priority",
					 quote_qualified_identifier(get_namespace_name(nsp), "rfm_segment_rule"));

	rfm_catalog_enter(&catalog, nsp);
	SPI_connect();
	if (SPI_execute_with_args(sql.data, 1, &type, &value, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read table rfm_segment_rule");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("rule set \"%s\" does not exist", ruleset),
				 errhint("The rule sets that exist are in rfm_segment_rule.")));
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		RuleBounds	rule;
		char	   *label;

		label = MemoryContextStrdup(mcxt, SPI_getvalue(SPI_tuptable->vals[row],
													   SPI_tuptable->tupdesc, 1));
		for (int i = 0; i < 4; i++)
		{
			rule.lower[i] = get_int(row, 2 + 2 * i);
			rule.upper[i] = get_int(row, 3 + 2 * i);
		}
		apply_rule(&rule, label, labels);
	}
	SPI_finish();
	rfm_catalog_leave(&catalog);

	for (int cell = 0; cell < RFM_CELLS; cell++)
		if (labels[cell] == NULL)
			labels[cell] = NO_MATCH_LABEL;
	return labels;
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

/*-------------------------------------------------------------------------
 *
 * score_one.c
 *		The scores of one customer as of now: rfm_score_now().
 *
 * The customer's orders alone are read, and scored by the cut points that are
 * logged for the newest snapshot.  A value that equals a cut point has the score
 * that it has in that snapshot.  Where the method ntile gives equal values
 * different scores, the customer's key decides, as it does in the snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/query.h"
#include "base/version.h"
#include "read/query.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/preview.h"
#include "run/run_log.h"
#include "score/rules.h"
#include "utils/tuplestore.h"
#include "value/numeric.h"

PG_FUNCTION_INFO_V1(rfm_score_one);

/* The cut point at which a score begins, as it is logged. */
typedef struct LoggedCut
{
	Numeric		value;			/* NULL: no customer had the score */
	char	   *from_customer;	/* NULL: no tie was cut */
} LoggedCut;

typedef struct LoggedCuts
{
	int			buckets[RFM_AXES];
	LoggedCut	cut[RFM_AXES][RFM_MAX_BUCKETS]; /* by score - 1 */
} LoggedCuts;

/*
 * The log.
 */

static void
read_cut(uint64 row, MemoryContext mcxt, LoggedCuts *cuts)
{
	bool		isnull;
	int			axis = DatumGetInt32(rfm_column(row, 1, &isnull)) - 1;
	int			score = DatumGetInt32(rfm_column(row, 2, &isnull));
	LoggedCut  *cut;
	MemoryContext spicxt;

	if (axis < 0 || axis >= RFM_AXES || score < 1 || score > RFM_MAX_BUCKETS)
		return;
	spicxt = MemoryContextSwitchTo(mcxt);
	cut = &cuts->cut[axis][score - 1];
	cuts->buckets[axis] = Max(cuts->buckets[axis], score);
	cut->value = (Numeric) DatumGetPointer(rfm_column_copy(row, 3, mcxt, &isnull));
	cut->from_customer = rfm_column_text(row, 4);
	MemoryContextSwitchTo(spicxt);
}

/*
 * Read the cut points of a run, or of a group in it.  Returns false where that
 * group is not in the run.
 */
static bool
read_cuts(int64 run_id, const char *group, LoggedCuts *cuts)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;
	uint64		n;

	memset(cuts, 0, sizeof(*cuts));
	n = rfm_catalog_query(&catalog, psprintf("SELECT a.axis::int4, s.score, s.cut_point, s.from_customer FROM @%s r,"
											 " unnest('{recency_days,frequency_orders,monetary_value}'::text[]) WITH ORDINALITY a(name, axis),"
											 " jsonb_to_recordset(r.cut_points -> a.name) s(score int4, cut_point numeric, from_customer text)"
											 " WHERE r.run_id = $1%s",
											 group ? "rfm_run_group" : "rfm_run", group ? " AND r.score_group = $2" : ""),
						  RFM_PARAMS(rfm_int8(run_id), rfm_text(group)), true);
	for (uint64 i = 0; i < n; i++)
		read_cut(i, mcxt, cuts);
	rfm_catalog_query_end(&catalog);
	return n > 0;
}

/* Find the newest snapshot of the model, whose cut points are used. */
static int64
find_run(const RfmModel *model, DateADT *date)
{
	bool		dated = rfm_target_column(model, RFM_COL_RUN_DATE, NULL) != NULL;
	int64		run_id;

	if (!rfm_run_newest(model, dated, &run_id, date))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no snapshot yet", model->name),
				 errdetail("A single customer is scored with the cut points of the newest snapshot."),
				 errhint("Make one with rfm_refresh().")));
	return run_id;
}

/*
 * Scores.
 */

/*
 * Determine whether the customer's key is that of the customer with whom a
 * score began, or a later one.
 */
static bool
key_reaches(const RfmSource *source, const char *from_customer)
{
	SortSupportData ssup;

	rfm_key_sort_support(&source->key, &ssup);
	return ApplySortComparator(source->customer_value, false,
							   rfm_source_customer(source, from_customer), false,
							   &ssup) >= 0;
}

/* Determine whether a value of an axis reaches the cut point of a score. */
static bool
cut_reached(const RfmScoredSnapshot *snapshot, RfmAxis axis, Numeric value, const LoggedCut *cut)
{
	int			cmp;

	if (cut->value == NULL)
		return false;
	cmp = rfm_numeric_cmp(value, cut->value);
	if (axis == RFM_RECENCY)
		cmp = -cmp;
	if (cmp != 0)
		return cmp > 0;
	switch (snapshot->model->method[axis])
	{
		case RFM_BREAKS:
			return axis != RFM_RECENCY;
		case RFM_QUANTILE:
		case RFM_PERCENTILE:
			return axis == RFM_RECENCY;
		case RFM_NTILE:
			return cut->from_customer == NULL ||
				key_reaches(&snapshot->source, cut->from_customer);
		case RFM_RANK:
			break;
	}
	return true;
}

static int
axis_score(const RfmScoredSnapshot *snapshot, int64 row, RfmAxis axis, const LoggedCuts *cuts)
{
	Numeric		value = rfm_axis_numeric(snapshot->customers, axis,
										 snapshot->customers->code[axis][row]);
	int			score = cuts->buckets[axis];

	while (score > 1 && !cut_reached(snapshot, axis, value, &cuts->cut[axis][score - 1]))
		score--;
	return score;
}

/*
 * Determine the date to score for: today or, if the model's run date is that
 * of its latest order, the date of the newest snapshot or of the customer's
 * own latest order, whichever is later.  The latest order of all customers is
 * not used, because that would require reading all orders.
 */
static DateADT
current_date(const RfmModel *model, const RfmSource *source, DateADT cut_date)
{
	DateADT		own;

	if (model->as_of != RFM_AS_OF_LATEST_ORDER)
		return rfm_calendar_today(&source->calendar);
	if (rfm_source_latest_date(source, &own) && own > cut_date)
		return own;
	return cut_date;
}

/*
 * Read the cut points of a row.  Returns false where its group was not in the
 * snapshot, and has none.
 */
static bool
find_cuts(const RfmModel *model, int64 run_id, const char *group, LoggedCuts *cuts)
{
	if (!read_cuts(run_id, group, cuts) && group)
		return false;
	for (int axis = 0; axis < RFM_AXES; axis++)
		if (cuts->buckets[axis] != model->buckets[axis])
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the newest snapshot of model \"%s\" has other buckets than the model",
							model->name),
					 errhint("The model has been changed since. Refresh it with rfm_refresh().")));
	return true;
}

/*
 * Read the customer's orders: a row, or one for each group.  Returns the groups
 * as text, NULL where there are none.
 */
static char **
read_customer(const char *customer, DateADT cut_date, RfmScoredSnapshot *snapshot)
{
	const RfmModel *model = snapshot->model;
	RfmSource  *source = &snapshot->source;
	RfmCollector *collector;
	RfmIdentity	owner;
	char	  **group = NULL;

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, source);
	source->customer_value = rfm_source_customer(source, customer);
	source->customer_equals = rfm_equality(source->key.typid);
	snapshot->run_date = current_date(model, source, cut_date);
	collector = rfm_source_read(model, source, snapshot->run_date);
	snapshot->customers = rfm_customers_build(model, source, collector, snapshot->run_date, false);
	if (source->group)
	{
		group = palloc(snapshot->customers->n * sizeof(char *));
		for (int64 row = 0; row < snapshot->customers->n; row++)
			group[row] = rfm_key_group_out(&snapshot->customers->key_type, snapshot->customers->key[row]);
	}
	rfm_owner_leave(&owner);
	return group;
}

/* Score a row, as the model's owner. */
static RfmCell
score_row(const RfmScoredSnapshot *snapshot, int64 row, const LoggedCuts *cuts)
{
	RfmIdentity	owner;
	RfmCell		cell;

	rfm_owner_enter(&owner, snapshot->model->owner, snapshot->model->time_zone);
	cell = RFM_CELL(axis_score(snapshot, row, RFM_RECENCY, cuts),
					axis_score(snapshot, row, RFM_FREQUENCY, cuts),
					axis_score(snapshot, row, RFM_MONETARY, cuts));
	rfm_owner_leave(&owner);
	return cell;
}

/*
 * Score the customer with this key, given as text, in one group, given as text, or
 * in every one (NULL): return a cell for each row of the snapshot, 0 for another
 * group, or one without cut points.  There are no rows where no order of the
 * customer counts, or the model leaves them out.
 */
static RfmCell *
score_customer(const char *customer, const char *score_group, RfmScoredSnapshot *snapshot,
			   DateADT *cut_date)
{
	const RfmModel *model = snapshot->model;
	LoggedCuts	cuts = {0};
	int64		run_id;
	char	  **group;
	RfmCell    *cell;

	rfm_source_forbid_nesting();
	if (score_group && model->score_within == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" scores all customers together", model->name),
				 errhint("Omit score_group, or set the model's \"score_within\".")));
	run_id = find_run(model, cut_date);
	if (model->score_within == NULL)
		(void) find_cuts(model, run_id, NULL, &cuts);
	snapshot->segment = rfm_labels_load(model->segment_rules);
	snapshot->comment = rfm_labels_load(model->comment_rules);

	group = read_customer(customer, *cut_date, snapshot);
	cell = palloc0(snapshot->customers->n * sizeof(RfmCell));
	for (int64 row = 0; row < snapshot->customers->n; row++)
	{
		if (score_group && strcmp(score_group, group[row]) != 0)
			continue;
		if (group == NULL || find_cuts(model, run_id, group[row], &cuts))
			cell[row] = score_row(snapshot, row, &cuts);
	}
	return cell;
}

/*
 * rfm_score_now(customer text, model text, score_group text) RETURNS TABLE (...):
 * the columns of rfm_preview(), and the date of the cut points
 */
Datum
rfm_score_one(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name;
	char	   *customer;
	RfmScoredSnapshot snapshot = {0};
	RfmCell    *cell;
	DateADT		cut_date;
	RfmIdentity owner;

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	name = rfm_text_argument(fcinfo, 1, "model");
	customer = rfm_text_argument(fcinfo, 0, "customer");
	snapshot.model = rfm_model_load(name, false);
	cell = score_customer(customer, rfm_optional_text(fcinfo, 2), &snapshot, &cut_date);
	rfm_owner_enter(&owner, snapshot.model->owner, snapshot.model->time_zone);
	for (int64 i = 0; i < snapshot.customers->n; i++)
	{
		Datum		values[RFM_PREVIEW_COLUMNS + 1];
		bool		nulls[RFM_PREVIEW_COLUMNS + 1];

		if (cell[i] == 0)
			continue;
		rfm_preview_row(&snapshot, i, cell[i], values, nulls);
		values[RFM_PREVIEW_COLUMNS] = DateADTGetDatum(cut_date);
		nulls[RFM_PREVIEW_COLUMNS] = false;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	rfm_owner_leave(&owner);
	return (Datum) 0;
}

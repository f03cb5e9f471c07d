/*-------------------------------------------------------------------------
 *
 * score_one.c
 *		The scores of one customer as of now.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "read/query.h"
#include "run/run_log.h"
#include "run/score_one.h"
#include "score/rules.h"
#include "target/diff.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "value/key_pair.h"
#include "value/numeric.h"

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
read_cut(HeapTuple tuple, TupleDesc tupdesc, MemoryContext mcxt, LoggedCuts *cuts)
{
	MemoryContext spicxt = MemoryContextSwitchTo(mcxt);
	bool		isnull;
	int			axis = DatumGetInt32(SPI_getbinval(tuple, tupdesc, 1, &isnull)) - 1;
	int			score = DatumGetInt32(SPI_getbinval(tuple, tupdesc, 2, &isnull));
	Datum		value = SPI_getbinval(tuple, tupdesc, 3, &isnull);

	if (axis >= 0 && axis < RFM_AXES && score >= 1 && score <= RFM_MAX_BUCKETS)
	{
		LoggedCut  *cut = &cuts->cut[axis][score - 1];

		cuts->buckets[axis] = Max(cuts->buckets[axis], score);
		cut->value = isnull ? NULL : DatumGetNumericCopy(value);
		cut->from_customer = SPI_getvalue(tuple, tupdesc, 4);
	}
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
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[] = {Int64GetDatum(run_id), group ? CStringGetTextDatum(group) : (Datum) 0};
	RfmIdentity	catalog;
	uint64		n;

	memset(cuts, 0, sizeof(*cuts));
	rfm_catalog_enter(&catalog);
	n = rfm_query(psprintf("SELECT a.axis::int4, s.score, s.cut_point, s.from_customer"
						   " FROM %s r,"
						   " unnest('{recency_days,frequency_orders,monetary_value}'::text[]) WITH ORDINALITY a(name, axis),"
						   " jsonb_to_recordset(r.cut_points -> a.name) s(score int4, cut_point numeric, from_customer text)"
						   " WHERE r.run_id = $1%s",
						   rfm_public_name(group ? "rfm_run_group" : "rfm_run"),
						   group ? " AND r.score_group = $2" : ""),
				  group ? 2 : 1, types, values, true);
	for (uint64 i = 0; i < SPI_processed; i++)
		read_cut(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, mcxt, cuts);
	rfm_query_end();
	rfm_catalog_leave(&catalog);
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
	if (rfm_source_latest_date(model, source, &own) && own > cut_date)
		return own;
	return cut_date;
}

/* Return the group of a row as text. */
static char *
group_of(const RfmCustomers *customers, int64 row)
{
	const RfmKeyType *type = rfm_key_part_type(&customers->key_type, RFM_PART_GROUP);

	return rfm_key_out(type, rfm_key_part(&customers->key_type, customers->key[row], RFM_PART_GROUP));
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
	collector = rfm_source_read(model, source, snapshot->run_date, CurrentMemoryContext);
	snapshot->customers = rfm_customers_build(model, source, collector, snapshot->run_date, false);
	if (source->group)
	{
		group = palloc(snapshot->customers->n * sizeof(char *));
		for (int64 row = 0; row < snapshot->customers->n; row++)
			group[row] = group_of(snapshot->customers, row);
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

void
rfm_score_customer(const RfmModel *model, const char *customer, const char *score_group,
				   RfmScoredCustomer *scored)
{
	RfmScoredSnapshot *snapshot = &scored->snapshot;
	LoggedCuts	cuts = {0};
	int64		run_id;
	char	  **group;

	memset(scored, 0, sizeof(*scored));
	snapshot->model = model;
	rfm_source_forbid_nesting();
	if (score_group && model->score_within == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" scores all customers together", model->name),
				 errhint("Omit score_group, or set the model's \"score_within\".")));
	run_id = find_run(model, &scored->cut_date);
	if (model->score_within == NULL)
		(void) find_cuts(model, run_id, NULL, &cuts);
	snapshot->segment = rfm_labels_load(model->segment_rules);
	snapshot->comment = rfm_labels_load(model->comment_rules);

	group = read_customer(customer, scored->cut_date, snapshot);
	scored->cell = palloc0(snapshot->customers->n * sizeof(RfmCell));
	for (int64 row = 0; row < snapshot->customers->n; row++)
	{
		if (score_group && strcmp(score_group, group[row]) != 0)
			continue;
		if (group == NULL || find_cuts(model, run_id, group[row], &cuts))
			scored->cell[row] = score_row(snapshot, row, &cuts);
	}
}

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
#include "value/numeric.h"

/* The cut point at which a score begins, as it is logged. */
typedef struct LoggedCut
{
	Numeric		value;			/* NULL: nobody had the score */
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

static void
read_cuts(int64 run_id, LoggedCuts *cuts)
{
	MemoryContext mcxt = CurrentMemoryContext;
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(run_id);
	RfmIdentity	catalog;

	memset(cuts, 0, sizeof(*cuts));
	rfm_catalog_enter(&catalog);
	rfm_query(psprintf("SELECT a.axis::int4, s.score, s.cut_point, s.from_customer"
					   " FROM %s r,"
					   " unnest('{recency_days,frequency_orders,monetary_value}'::text[]) WITH ORDINALITY a(name, axis),"
					   " jsonb_to_recordset(r.cut_points -> a.name) s(score int4, cut_point numeric, from_customer text)"
					   " WHERE r.run_id = $1",
					   rfm_public_name("rfm_run")),
			  1, &type, &value, true);
	for (uint64 i = 0; i < SPI_processed; i++)
		read_cut(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, mcxt, cuts);
	rfm_query_end();
	rfm_catalog_leave(&catalog);
}

/* Read the newest cut points of the model and return their date. */
static DateADT
find_cuts(const RfmModel *model, LoggedCuts *cuts)
{
	bool		dated = rfm_target_column(model, RFM_COL_RUN_DATE, NULL) != NULL;
	int64		run_id;
	DateADT		date;

	if (!rfm_run_newest(model, dated, &run_id, &date))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no snapshot yet", model->name),
				 errdetail("A single customer is scored by the cut points of the newest snapshot."),
				 errhint("Make one with rfm_refresh().")));
	read_cuts(run_id, cuts);
	for (int axis = 0; axis < RFM_AXES; axis++)
		if (cuts->buckets[axis] != model->buckets[axis])
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the newest snapshot of model \"%s\" has other buckets than the model",
							model->name),
					 errhint("The model was changed since. Refresh it with rfm_refresh().")));
	return date;
}

/*
 * Scores.
 */

/* Is the customer's key that of the customer that a score began with, or a later one? */
static bool
key_reaches(const RfmSource *source, const char *from_customer)
{
	SortSupportData ssup;

	rfm_key_sort_support(&source->key, &ssup);
	return ApplySortComparator(source->customer_value, false,
							   rfm_source_customer(source, from_customer), false,
							   &ssup) >= 0;
}

/* Does a value of an axis reach the cut point of a score? */
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
	switch (snapshot->model->method)
	{
		case RFM_BREAKS:
			return axis != RFM_RECENCY;
		case RFM_QUANTILE:
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
axis_score(const RfmScoredSnapshot *snapshot, RfmAxis axis, const LoggedCuts *cuts)
{
	Numeric		value = rfm_axis_numeric(snapshot->customers, axis,
										 snapshot->customers->code[axis][0]);
	int			score = cuts->buckets[axis];

	while (score > 1 && !cut_reached(snapshot, axis, value, &cuts->cut[axis][score - 1]))
		score--;
	return score;
}

/*
 * Determine the date to score for: today or, if the model's run date is that of
 * its latest order, the date of the newest snapshot or of the customer's own
 * latest order, whichever is later.  The latest order of all customers is not
 * looked for: that would take reading them all.
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

bool
rfm_score_customer(const RfmModel *model, const char *customer,
				   RfmScoredSnapshot *snapshot, RfmCell *cell, DateADT *cut_date)
{
	RfmSource  *source = &snapshot->source;
	RfmCollector *collector;
	LoggedCuts	cuts;
	RfmIdentity	owner;
	bool		found;

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->model = model;
	rfm_source_forbid_nesting();
	*cut_date = find_cuts(model, &cuts);
	snapshot->segment = rfm_labels_load(model->segment_rules);
	snapshot->comment = rfm_labels_load(model->comment_rules);

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, source);
	source->customer_value = rfm_source_customer(source, customer);
	source->customer_equals = rfm_equality(source->key.typid);
	snapshot->run_date = current_date(model, source, *cut_date);
	collector = rfm_source_read(model, source, snapshot->run_date, CurrentMemoryContext);
	snapshot->customers = rfm_customers_build(model, source, collector, snapshot->run_date,
											   false);
	found = snapshot->customers->n > 0;
	if (found)
		*cell = RFM_CELL(axis_score(snapshot, RFM_RECENCY, &cuts),
						 axis_score(snapshot, RFM_FREQUENCY, &cuts),
						 axis_score(snapshot, RFM_MONETARY, &cuts));
	rfm_owner_leave(&owner);
	return found;
}

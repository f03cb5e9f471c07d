/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *		A snapshot in memory: scored and labelled customers of a model.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "read/query.h"
#include "score/rules.h"
#include "score/snapshot.h"

/*
 * The day after must also be a valid timestamp, because orders are compared
 * with it.
 */
void
rfm_snapshot_check_date(DateADT run_date)
{
	if (DATE_NOT_FINITE(run_date))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("run date must be finite")));
	if (run_date >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE - 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("run date is out of range"),
				 errdetail("The end of that day is beyond the range of timestamps with which order times can be compared.")));
}

DateADT
rfm_snapshot_default_date(const RfmModel *model, const RfmSource *source)
{
	DateADT		date;

	if (model->as_of == RFM_AS_OF_LATEST_ORDER && rfm_source_latest_date(source, &date))
		return date;
	return rfm_calendar_today(&source->calendar) - (model->as_of == RFM_AS_OF_YESTERDAY);
}

void
rfm_snapshot_begin(const RfmModel *model, RfmScoredSnapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->model = model;
	rfm_progress_start(&snapshot->progress);

	rfm_source_forbid_nesting();
	snapshot->segment = rfm_labels_load(model->segment_rules);
	snapshot->comment = rfm_labels_load(model->comment_rules);
}

/* Score the customers, among all or within their groups. */
static void
score(RfmScoredSnapshot *snapshot, bool logged)
{
	const RfmModel *model = snapshot->model;
	RfmIdentity	owner;

	if (snapshot->customers->key_type.pair == NULL)
	{
		snapshot->scores = rfm_scores_build(model, snapshot->customers);
		return;
	}
	snapshot->group_log = logged ? rfm_group_log_create() : NULL;
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	snapshot->scores = rfm_groups_build(model, snapshot->customers, snapshot->group_log);
	rfm_owner_leave(&owner);
}

void
rfm_snapshot_finish(RfmScoredSnapshot *snapshot, RfmCollector *collector, bool logged)
{
	const RfmModel *model = snapshot->model;

	rfm_progress_next(&snapshot->progress,
					  psprintf(collector && collector->spill ?
							   INT64_FORMAT " orders, their customers in temporary files" :
							   INT64_FORMAT " orders of " INT64_FORMAT " customers",
							   collector ? collector->rows : (int64) 0,
							   collector ? collector->nentries : (int64) 0));
	/* how many there are in files is not known before they are merged */
	if (collector == NULL || !collector->spill)
		rfm_progress_expect(collector ? collector->nentries : 0);
	snapshot->spilled = collector && collector->spill;
	snapshot->memory = MemoryContextMemAllocated(CurrentMemoryContext, true);

	snapshot->customers = rfm_customers_build(model, &snapshot->source, collector,
											  snapshot->run_date, false);
	rfm_progress_next(&snapshot->progress, psprintf(INT64_FORMAT " customers in key order",
													snapshot->customers->n));
	rfm_progress_expect(snapshot->customers->n);

	score(snapshot, logged);
	snapshot->memory = Max(snapshot->memory, MemoryContextMemAllocated(CurrentMemoryContext, true));
	rfm_progress_next(&snapshot->progress, psprintf(INT64_FORMAT " customers scored",
													snapshot->customers->n));
	rfm_progress_expect(snapshot->customers->n);
}

void
rfm_snapshot_compute(const RfmModel *model, const DateADT *run_date, const char *score_group,
					 bool logged, RfmScoredSnapshot *snapshot)
{
	RfmIdentity	owner;
	RfmCollector *collector;

	if (run_date)
		rfm_snapshot_check_date(*run_date);
	rfm_snapshot_begin(model, snapshot);

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &snapshot->source);
	snapshot->run_date = run_date ? *run_date :
		rfm_snapshot_default_date(model, &snapshot->source);
	(void) rfm_source_only_group(&snapshot->source, score_group);
	rfm_progress_date(snapshot->run_date, model->owner);
	collector = rfm_source_read(model, &snapshot->source,
								snapshot->run_date);
	rfm_owner_leave(&owner);
	rfm_snapshot_finish(snapshot, collector, logged);
}

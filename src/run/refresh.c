/*-------------------------------------------------------------------------
 *
 * refresh.c
 *		One refresh: computing, writing and logging the snapshot of a date.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/version.h"
#include "miscadmin.h"
#include "model/model.h"
#include "progress/progress.h"
#include "read/query.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/dependence.h"
#include "run/forecast_columns.h"
#include "run/notify.h"
#include "run/refresh.h"
#include "run/run_log.h"
#include "run/sole_writer.h"
#include "run/totals.h"
#include "target/resolve.h"
#include "target/retention.h"
#include "target/write.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rfm_refresh);

static void
log_refresh(RfmScoredSnapshot *snapshot, const RfmCounts *counts, TimestampTz started_at)
{
	rfm_progress_next(&snapshot->progress,
					  psprintf(INT64_FORMAT " inserted, " INT64_FORMAT " updated, "
							   INT64_FORMAT " deleted, " INT64_FORMAT " unchanged",
							   counts->inserted, counts->updated, counts->deleted, counts->unchanged));
	rfm_run_log(snapshot, counts, started_at, GetUserId());
	rfm_notify_refresh(snapshot, counts);
}

void
rfm_refresh_write(RfmScoredSnapshot *snapshot, TimestampTz started_at)
{
	const RfmModel *model = snapshot->model;
	RfmTarget	target;
	RfmIdentity	owner;
	RfmCounts	counts = {0};
	bool		totals_hold;

	/*
	 * partitions may have been added to the target since the model was checked
	 */
	rfm_check_sole_writer(model);
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_target_resolve(model, &snapshot->source, &target);
	rfm_retention_check_date(model, &target, &snapshot->source.calendar, snapshot->run_date);
	rfm_dependence_check(snapshot, &target);
	rfm_forecast_columns(snapshot, &target);
	rfm_target_write(model, &target, snapshot->customers, snapshot->scores,
					 snapshot->segment, snapshot->comment, &counts);
	totals_hold = rfm_totals_hold(snapshot, &target, &counts);
	counts.expired = rfm_retention_apply(model, &target, &snapshot->source.calendar);
	rfm_target_close(&target);
	rfm_owner_leave(&owner);
	rfm_totals_write(snapshot, totals_hold);
	log_refresh(snapshot, &counts, started_at);
}

/*
 * rfm_refresh(run_date date, model text) RETURNS bigint: the number of customers in
 * the snapshot.  Everything belongs to the current transaction.
 */
Datum
rfm_refresh(PG_FUNCTION_ARGS)
{
	TimestampTz started_at = GetCurrentTimestamp();
	MemoryContext mcxt;
	MemoryContext oldcxt;
	DateADT    *run_date;
	char	   *name;
	RfmModel   *model;
	RfmScoredSnapshot snapshot;
	int64		customers;

	rfm_version_check();
	run_date = rfm_optional_date(fcinfo, 0);
	name = rfm_text_argument(fcinfo, 1, "model");
	rfm_source_forbid_nesting();
	rfm_prevent_read_only("rfm_refresh()");

	mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm refresh", ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(mcxt);
	rfm_progress_announce(name, run_date, false);
	model = rfm_model_begin(name);
	rfm_snapshot_compute(model, run_date, true, &snapshot);
	rfm_refresh_write(&snapshot, started_at);
	customers = snapshot.customers->n;
	PopActiveSnapshot();
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
	PG_RETURN_INT64(customers);
}

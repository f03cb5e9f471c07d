/*-------------------------------------------------------------------------
 *
 * refresh.c
 *		One refresh: computing, writing and logging the snapshot of a date.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/settings.h"
#include "base/version.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "model/model.h"
#include "progress/progress.h"
#include "read/query.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/dependence.h"
#include "run/forecast_columns.h"
#include "run/refresh.h"
#include "run/run_log.h"
#include "run/totals.h"
#include "target/resolve.h"
#include "target/retention.h"
#include "target/write.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rfm_refresh);

#define CHANNEL "rfm"

/* A payload must be shorter than a page, with every byte escaped; longer names are left out. */
#define LONGEST_NAME 1000

static void
append_count(StringInfo json, const char *name, int64 count)
{
	appendStringInfo(json, ", \"%s\": " INT64_FORMAT, name, count);
}

/*
 * If the setting says so, send what a refresh has done to the channel rfm, as
 * JSON; it arrives when the transaction commits.
 */
static void
send_notify(const RfmScoredSnapshot *snapshot, const RfmCounts *counts)
{
	const RfmModel *model = snapshot->model;
	StringInfoData json;
	char		date[MAXDATELEN + 1];

	if (!rfm_notify_enabled)
		return;
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"model\": ");
	if (strlen(model->name) <= LONGEST_NAME)
		escape_json(&json, model->name);
	else
		appendStringInfoString(&json, "null");
	JsonEncodeDateTime(date, DateADTGetDatum(snapshot->run_date), DATEOID, NULL);
	appendStringInfo(&json, ", \"run_date\": \"%s\"", date);
	append_count(&json, "customers", snapshot->customers->n);
	append_count(&json, "inserted", counts->inserted);
	append_count(&json, "updated", counts->updated);
	append_count(&json, "deleted", counts->deleted);
	append_count(&json, "unchanged", counts->unchanged);
	append_count(&json, "expired", counts->expired);
	appendStringInfoChar(&json, '}');
	Async_Notify(CHANNEL, json.data);
	pfree(json.data);
}

static void
log_refresh(RfmScoredSnapshot *snapshot, const RfmCounts *counts, TimestampTz started_at)
{
	rfm_progress_next(&snapshot->progress,
					  psprintf(INT64_FORMAT " inserted, " INT64_FORMAT " updated, "
							   INT64_FORMAT " deleted, " INT64_FORMAT " unchanged",
							   counts->inserted, counts->updated, counts->deleted, counts->unchanged));
	rfm_run_log(snapshot, counts, started_at, GetUserId());
	send_notify(snapshot, counts);
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
	rfm_snapshot_compute(model, run_date, NULL, true, &snapshot);
	rfm_refresh_write(&snapshot, started_at);
	customers = snapshot.customers->n;
	PopActiveSnapshot();
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
	PG_RETURN_INT64(customers);
}

/*-------------------------------------------------------------------------
 *
 * refresh.c
 *		One refresh: a date's snapshot, from the orders to target and log.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "miscadmin.h"
#include "model.h"
#include "owner.h"
#include "progress.h"
#include "pushdown.h"
#include "refresh.h"
#include "retention.h"
#include "run_log.h"
#include "strategy.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

static void
log_refresh(Oid nsp, RfmSnapshot *snapshot, const RfmCounts *counts, TimestampTz started_at)
{
	rfm_progress_next(&snapshot->progress,
					  INT64_FORMAT " inserted, " INT64_FORMAT " updated, "
					  INT64_FORMAT " deleted, " INT64_FORMAT " unchanged",
					  counts->inserted, counts->updated, counts->deleted,
					  counts->unchanged);
	rfm_run_log(nsp, snapshot, counts, started_at, GetUserId());
}

bool
rfm_refresh_pushed_down(Oid nsp, const RfmModel *model, const DateADT *run_date,
						const char *backfill, TimestampTz started_at, int64 *customers)
{
	RfmSnapshot snapshot;
	RfmCounts	counts = {0};
	bool		distributed;

	if (!rfm_strategy_pushdown(model, &distributed))
	{
		rfm_strategy_check_native(model);
		return false;
	}
	rfm_pushdown_refresh(nsp, model, run_date, distributed, &snapshot, &counts);
	snapshot.backfill = backfill;
	log_refresh(nsp, &snapshot, &counts, started_at);
	*customers = snapshot.customers->n;
	return true;
}

void
rfm_refresh_write(Oid nsp, RfmSnapshot *snapshot, TimestampTz started_at)
{
	const RfmModel *model = snapshot->model;
	RfmTarget	target;
	RfmOwner	owner;
	RfmCounts	counts = {0};

	rfm_owner_enter(&owner, model->owner, NULL);
	rfm_target_resolve(model, &snapshot->source, &target);
	rfm_retention_check_date(model, &target, &snapshot->source.calendar, snapshot->run_date);
	rfm_target_write(model, &target, snapshot->customers, snapshot->scores,
					 snapshot->segment, snapshot->comment, &counts);
	counts.expired = rfm_retention_apply(model, &target, &snapshot->source.calendar);
	rfm_owner_leave(&owner);
	log_refresh(nsp, snapshot, &counts, started_at);
}

int64
rfm_refresh_model(Oid nsp, const char *name, const DateADT *run_date)
{
	TimestampTz started_at = GetCurrentTimestamp();
	MemoryContext mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm refresh",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(mcxt);
	RfmModel   *model;
	RfmSnapshot snapshot;
	int64		customers;

	rfm_progress_announce(name, run_date, false);

	/* a snapshot taken before the wait would miss what was waited for */
	rfm_model_lock(nsp, name);
	PushActiveSnapshot(GetTransactionSnapshot());

	model = rfm_model_load(nsp, name, true);
	if (!rfm_refresh_pushed_down(nsp, model, run_date, NULL, started_at, &customers))
	{
		rfm_snapshot_compute(nsp, model, run_date, &snapshot);
		rfm_refresh_write(nsp, &snapshot, started_at);
		customers = snapshot.customers->n;
		rfm_customers_end(snapshot.customers);
	}
	PopActiveSnapshot();
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
	return customers;
}

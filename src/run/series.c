/*-------------------------------------------------------------------------
 *
 * series.c
 *		Computing the snapshots of several dates, one after the other.
 *
 * Each date is a refresh in its own transaction, which looks up the model
 * again.  Only the orders come from a ledger that outlives the transactions.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "read/ledger_read.h"
#include "read/query.h"
#include "run/define_model.h"
#include "run/refresh.h"
#include "run/series.h"
#include "target/resolve.h"
#include "target/target.h"
#include "utils/snapmgr.h"

static void
series_error_callback(void *arg)
{
	const RfmSeries *series = (const RfmSeries *) arg;

	errcontext("%s model \"%s\", date %s", series->doing, series->attempt.model,
			   rfm_calendar_text(series->attempt.date));
}

/* Read fewer dates at once, and say why. */
static void
read_fewer(RfmSeries *series, int dates, RfmLedgerResult reason)
{
	const char *detail = NULL;

	series->together = reason == RFM_LEDGER_EVENTS ? (dates + 1) / 2 : 1;
	if (reason == RFM_LEDGER_KEYS)
		detail = "Some customers have equal ids with different spellings, and which spelling represents the customer depends on the date.";
	else if (reason == RFM_LEDGER_RUN_DATE)
		detail = "Which orders count depends on rfm_run_date().";
	ereport(NOTICE,
			(series->together == 1 ?
			 errmsg("the orders are read for each date separately") :
			 errmsg("the orders are read for %d dates at a time", series->together),
			 detail ? errdetail_internal("%s", detail) :
			 errdetail("The orders for %d dates from %s on do not fit into rfm.work_mem.",
					   dates, rfm_calendar_text(series->attempt.date)),
			 detail ? 0 : errhint("Raise rfm.work_mem to read them once.")));
}

/*
 * Return the collector for the current date: from the ledger, from a new
 * ledger if that one does not cover the date, or from a query for this date
 * only.
 */
static RfmCollector *
collect_date(RfmSeries *series, const RfmModel *model, RfmSource *source)
{
	if (series->ledger &&
		!rfm_ledger_serves(series->ledger, model, source, series->attempt.date))
	{
		rfm_ledger_end(series->ledger);
		series->ledger = NULL;
	}
	while (series->ledger == NULL)
	{
		int			dates = Min(series->together, series->last - series->attempt.date + 1);
		RfmLedgerResult result;

		if (dates == 1)
			return rfm_source_read(model, source, series->attempt.date);
		result = rfm_ledger_read(model, source, series->attempt.date, series->attempt.date + dates - 1,
								 series->mcxt, &series->ledger);
		if (result != RFM_LEDGER_READ)
			read_fewer(series, dates, result);
	}
	return rfm_ledger_collect(series->ledger, series->attempt.date, CurrentMemoryContext);
}

/* Raise an error for dates that the target cannot keep, as it keeps one snapshot only. */
static void
check_target(const RfmSeries *series, const RfmModel *model, const RfmSource *source)
{
	RfmTarget	target;

	if (!series->needs_history)
		return;
	rfm_target_resolve(model, source, &target);
	if (target.attnum[RFM_COL_RUN_DATE] == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no history that could be filled", model->name),
				 errdetail("Its target %s has no run_date column and holds only the newest snapshot.",
						   target.relation),
				 errhint("Compute one date with rfm_refresh(), or give the model a target with a run_date column.")));
	rfm_target_close(&target);
}

/* Compute and write the current date. */
static void
compute_date(RfmSeries *series)
{
	TimestampTz started_at = GetCurrentTimestamp();
	RfmModel   *model;
	RfmScoredSnapshot snapshot;
	RfmIdentity	owner;
	RfmCollector *collector;

	rfm_progress_announce(series->attempt.model, &series->attempt.date, false);

	model = rfm_model_continue(series->attempt.model, &series->attempt.id);
	series->attempt.target = model->target;

	rfm_snapshot_begin(model, &snapshot);
	snapshot.backfill = series->label;
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &snapshot.source);
	check_target(series, model, &snapshot.source);
	snapshot.run_date = series->attempt.date;
	rfm_progress_date(snapshot.run_date, model->owner);
	collector = collect_date(series, model, &snapshot.source);
	rfm_owner_leave(&owner);

	rfm_snapshot_finish(&snapshot, collector, true);
	rfm_refresh_write(&snapshot, started_at);
	PopActiveSnapshot();
}

void
rfm_series_refresh(RfmSeries *series)
{
	ErrorContextCallback callback;

	callback.callback = series_error_callback;
	callback.arg = series;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	compute_date(series);
	error_context_stack = callback.previous;
}

/*-------------------------------------------------------------------------
 *
 * backfill.c
 *		The snapshots of a range of dates.
 *
 * Each date is a refresh in a transaction of its own, which looks the model up
 * again; only the orders come from a ledger that outlives the transactions.
 *
 * A date's row in the log describes the call that computed it, so that the next
 * call can go on where this one has stopped.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "read/ledger_read.h"
#include "read/query.h"
#include "run/backfill.h"
#include "run/define_model.h"
#include "run/failure.h"
#include "run/refresh.h"
#include "run/run_log.h"
#include "target/resolve.h"
#include "target/target.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

typedef struct Backfill
{
	RfmAttempt	attempt;		/* the model, and the date under way */
	DateADT		first;
	DateADT		last;
	int			together;		/* so many dates are read at once */
	char	   *label;			/* of this call, in the log: JSON */
	MemoryContext mcxt;			/* outlives the transactions */
	RfmLedger  *ledger;
} Backfill;

static void
backfill_error_callback(void *arg)
{
	const Backfill *backfill = (const Backfill *) arg;

	errcontext("backfilling model \"%s\", date %s", backfill->attempt.model,
			   rfm_calendar_text(backfill->attempt.date));
}

/* Read fewer dates at once, and say why. */
static void
read_fewer(Backfill *backfill, int dates, RfmLedgerResult reason)
{
	const char *detail = NULL;

	backfill->together = reason == RFM_LEDGER_EVENTS ? (dates + 1) / 2 : 1;
	if (reason == RFM_LEDGER_KEYS)
		detail = "Some customers have keys that are equal but not written the same, and which of them stands for the customer depends on the date.";
	else if (reason == RFM_LEDGER_RUN_DATE)
		detail = "Which orders count depends on rfm_run_date().";
	ereport(NOTICE,
			(backfill->together == 1 ?
			 errmsg("the orders are read for each date by itself") :
			 errmsg("the orders are read for %d dates at a time", backfill->together),
			 detail ? errdetail_internal("%s", detail) :
			 errdetail("Those for %d dates from %s on do not fit into rfm.work_mem.",
					   dates, rfm_calendar_text(backfill->attempt.date)),
			 detail ? 0 : errhint("Raise rfm.work_mem to read them once.")));
}

/*
 * Return what is collected for the date under way: from the ledger, from a new
 * ledger if that does not serve the date, or from a query for this date alone.
 */
static RfmCollector *
collect_date(Backfill *backfill, const RfmModel *model, RfmSource *source)
{
	if (backfill->ledger &&
		!rfm_ledger_serves(backfill->ledger, model, source, backfill->attempt.date))
	{
		rfm_ledger_end(backfill->ledger);
		backfill->ledger = NULL;
	}
	while (backfill->ledger == NULL)
	{
		int			dates = Min(backfill->together, backfill->last - backfill->attempt.date + 1);
		RfmLedgerResult result;

		if (dates == 1)
			return rfm_source_read(model, source, backfill->attempt.date,
								   CurrentMemoryContext);
		result = rfm_ledger_read(model, source, backfill->attempt.date, backfill->attempt.date + dates - 1,
								 backfill->mcxt, &backfill->ledger);
		if (result != RFM_LEDGER_READ)
			read_fewer(backfill, dates, result);
	}
	return rfm_ledger_collect(backfill->ledger, backfill->attempt.date, CurrentMemoryContext);
}

/* Raise an error for a range of dates whose target keeps one snapshot only. */
static void
check_target(const Backfill *backfill, const RfmModel *model, const RfmSource *source)
{
	RfmTarget	target;

	if (backfill->first == backfill->last)
		return;
	rfm_target_resolve(model, source, &target);
	if (target.attnum[RFM_COL_RUN_DATE] == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" keeps no history that could be filled", model->name),
				 errdetail("Its target %s has no run_date column: it holds the newest snapshot only.",
						   target.relation),
				 errhint("Compute one date with rfm_refresh(), or give the model a target with a run_date column.")));
	rfm_target_close(&target);
}

/* Compute and write the date under way; the caller commits. */
static void
backfill_date(void *arg)
{
	Backfill   *backfill = (Backfill *) arg;
	ErrorContextCallback callback;
	TimestampTz started_at = GetCurrentTimestamp();
	RfmModel   *model;
	RfmScoredSnapshot snapshot;
	RfmIdentity	owner;
	RfmCollector *collector;

	callback.callback = backfill_error_callback;
	callback.arg = backfill;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	rfm_progress_announce(backfill->attempt.model, &backfill->attempt.date, false);

	model = rfm_model_continue(backfill->attempt.model, &backfill->attempt.id);

	rfm_snapshot_begin(model, &snapshot);
	snapshot.backfill = backfill->label;
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &snapshot.source);
	check_target(backfill, model, &snapshot.source);
	snapshot.run_date = backfill->attempt.date;
	rfm_progress_date(snapshot.run_date, model->owner);
	collector = collect_date(backfill, model, &snapshot.source);
	rfm_owner_leave(&owner);

	rfm_snapshot_finish(&snapshot, collector);
	rfm_refresh_write(&snapshot, started_at);
	PopActiveSnapshot();
	error_context_stack = callback.previous;
}

/*
 * Going on where a call stopped.
 */

/* Return the description of this call for the log: its dates and a digest of the model. */
static char *
make_label(const Backfill *backfill)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(backfill->attempt.model);
	Datum		digest;
	bool		isnull;
	RfmIdentity	catalog;

	rfm_catalog_enter(&catalog);
	digest = rfm_query_value(psprintf("SELECT pg_catalog.md5(pg_catalog.concat(m,"
									  " (SELECT pg_catalog.string_agg(ROW(s.ruleset, s.priority, s.label, s.r, s.f, s.m, s.total)::pg_catalog.text,"
									  " ',' ORDER BY s.ruleset, s.priority)"
									  " FROM %s s"
									  " WHERE s.ruleset IN (m.segment_rules, m.comment_rules))))"
									  " FROM %s m WHERE m.model OPERATOR(pg_catalog.=) $1",
									  rfm_public_name("rfm_segment_rule"),
									  rfm_public_name("rfm_model")),
							 1, &type, &value, false, &isnull);
	rfm_catalog_leave(&catalog);
	if (isnull)
		elog(ERROR, "could not read model \"%s\"", backfill->attempt.model);
	return MemoryContextStrdup(backfill->mcxt,
							   psprintf("{\"from_date\": \"%s\", \"to_date\": \"%s\", \"definition\": \"%s\"}",
										rfm_calendar_text(backfill->first),
										rfm_calendar_text(backfill->last),
										TextDatumGetCString(digest)));
}

/* Does the target have rows of that date?  They may have been deleted by hand. */
static bool
target_has_date(const RfmModel *model, DateADT date)
{
	RfmSource	source;
	RfmTarget	target;
	RfmIdentity	owner;
	Oid			type = DATEOID;
	Datum		value = DateADTGetDatum(date);
	bool		found;

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_target_resolve(model, &source, &target);
	found = target.attnum[RFM_COL_RUN_DATE] > 0;
	if (found)
	{
		found = rfm_query(psprintf("SELECT FROM %s WHERE %s = $1 LIMIT 1", target.relation,
								   target.column[RFM_COL_RUN_DATE]),
						  1, &type, &value, false) > 0;
		rfm_query_end();
	}
	rfm_target_close(&target);
	rfm_owner_leave(&owner);
	return found;
}

/* Determine the date to begin with: the first, or the one where a call like this has stopped. */
static void
find_start(void *arg)
{
	Backfill   *backfill = (Backfill *) arg;
	RfmModel   *model;
	DateADT		done;

	backfill->attempt.date = backfill->first;
	rfm_progress_announce(backfill->attempt.model, &backfill->attempt.date, false);
	model = rfm_model_continue(backfill->attempt.model, &backfill->attempt.id);
	backfill->label = make_label(backfill);
	if (rfm_run_last_backfill(model, backfill->label, &done) &&
		done >= backfill->first && done < backfill->last && target_has_date(model, done))
	{
		backfill->attempt.date = done + 1;
		ereport(NOTICE,
				(errmsg("going on with the backfill of model \"%s\" that stopped after %s",
						model->name, rfm_calendar_text(done)),
				 errhint("To compute the dates before again, too, call rfm_backfill() for those alone.")));
	}
	PopActiveSnapshot();
	rfm_progress_end();
}

/* Show the date under way, which the lines about phases do not. */
static void
show_date(const Backfill *backfill)
{
	if (rfm_show_progress)
		ereport(NOTICE,
				(errmsg("date %s, %d of %d", rfm_calendar_text(backfill->attempt.date),
						backfill->attempt.date - backfill->first + 1,
						backfill->last - backfill->first + 1)));
}

void
rfm_backfill_model(const char *model, DateADT first, DateADT last)
{
	MemoryContext mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm backfill",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext datecxt = AllocSetContextCreate(mcxt, "rfm backfill date",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(datecxt);
	Backfill	backfill = {
		.attempt = {.command = "backfill",.model = model,.has_date = true,.date = first},
		.first = first,.last = last,.mcxt = mcxt
	};

	backfill.together = last - first + 1;
	for (rfm_attempt(&backfill.attempt, find_start, &backfill);
		 backfill.attempt.date <= last; backfill.attempt.date++)
	{
		CHECK_FOR_INTERRUPTS();
		show_date(&backfill);
		rfm_attempt(&backfill.attempt, backfill_date, &backfill);
		SPI_commit();
		MemoryContextReset(datecxt);
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
}

/*-------------------------------------------------------------------------
 *
 * backfill.c
 *		The snapshots of a range of dates.
 *
 * A date's row in the log describes the call that computed it, so that the
 * next call can continue where this one stopped.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/query.h"
#include "base/settings.h"
#include "base/version.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/run_log.h"
#include "run/series.h"
#include "target/resolve.h"
#include "target/target.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rfm_backfill);

typedef struct Backfill
{
	RfmSeries	series;
	DateADT		first;
} Backfill;

/* Continuing where a call stopped. */

/* Return the description of this call for the log: its dates and a digest of the model. */
static char *
make_label(const Backfill *backfill)
{
	Datum		digest;
	bool		isnull;

	digest = rfm_catalog_value("SELECT md5(concat(m,"
							   " (SELECT string_agg(ROW(s.ruleset, s.priority, s.label, s.r, s.f, s.m, s.total)::text,"
							   " ',' ORDER BY s.ruleset, s.priority)"
							   " FROM @rfm_segment_rule s WHERE s.ruleset IN (m.segment_rules, m.comment_rules))))"
							   " FROM @rfm_model m WHERE m.model = $1",
							   RFM_PARAMS(rfm_text(backfill->series.attempt.model)), false, &isnull);
	if (isnull)
		elog(ERROR, "could not read model \"%s\"", backfill->series.attempt.model);
	return MemoryContextStrdup(backfill->series.mcxt,
							   psprintf("{\"from_date\": \"%s\", \"to_date\": \"%s\", \"definition\": \"%s\"}",
										rfm_calendar_text(backfill->first),
										rfm_calendar_text(backfill->series.last),
										TextDatumGetCString(digest)));
}

/* Does the target have rows of that date?  They may have been deleted by hand. */
static bool
target_has_date(const RfmModel *model, DateADT date)
{
	RfmSource	source;
	RfmTarget	target;
	RfmIdentity	owner;
	bool		found;

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_target_resolve(model, &source, &target);
	found = target.attnum[RFM_COL_RUN_DATE] > 0 && rfm_target_has_rows(&target, date);
	rfm_target_close(&target);
	rfm_owner_leave(&owner);
	return found;
}

/*
 * Determine the date to begin with: the first, or the one at which a call with
 * the same description stopped.
 */
static void
find_start(void *arg)
{
	Backfill   *backfill = (Backfill *) arg;
	RfmModel   *model;
	DateADT		done;

	backfill->series.attempt.date = backfill->first;
	rfm_progress_announce(backfill->series.attempt.model, &backfill->series.attempt.date, false);
	model = rfm_model_continue(backfill->series.attempt.model, &backfill->series.attempt.id);
	backfill->series.label = make_label(backfill);
	if (rfm_run_last_backfill(model, backfill->series.label, &done) &&
		done >= backfill->first && done < backfill->series.last && target_has_date(model, done))
	{
		backfill->series.attempt.date = done + 1;
		ereport(NOTICE,
				(errmsg("continuing the backfill of model \"%s\" that stopped after %s",
						model->name, rfm_calendar_text(done)),
				 errhint("To compute the earlier dates again, call rfm_backfill() for those dates only.")));
	}
	PopActiveSnapshot();
	rfm_progress_end();
}

static void
refresh_date(void *series)
{
	rfm_series_refresh((RfmSeries *) series);
}

/* Show the current date, which the messages about phases do not contain. */
static void
show_date(const Backfill *backfill)
{
	if (rfm_show_progress)
		ereport(NOTICE,
				(errmsg("date %s, %d of %d", rfm_calendar_text(backfill->series.attempt.date),
						backfill->series.attempt.date - backfill->first + 1,
						backfill->series.last - backfill->first + 1)));
}

/*
 * Do what a refresh does for each date from first to last, and commit each.  The
 * orders are read once for all dates, or for as many as fit into memory.
 * Continues where a call with the same dates and the same definition of the model
 * stopped.
 */
static void
backfill_model(const char *model, DateADT first, DateADT last)
{
	MemoryContext mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm backfill",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext datecxt = AllocSetContextCreate(mcxt, "rfm backfill date",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(datecxt);
	Backfill	backfill = {.first = first};
	RfmSeries  *series = &backfill.series;

	series->attempt.command = "backfill";
	series->attempt.model = model;
	series->attempt.has_date = true;
	series->attempt.date = first;
	series->last = last;
	series->together = last - first + 1;
	series->needs_history = first != last;
	series->doing = "backfilling";
	series->mcxt = mcxt;
	while (!rfm_attempt(&series->attempt, find_start, &backfill))
		;
	while (series->attempt.date <= last)
	{
		CHECK_FOR_INTERRUPTS();
		show_date(&backfill);
		if (rfm_attempt(&series->attempt, refresh_date, series))
		{
			SPI_commit();
			series->attempt.date++;
		}
		else
			series->ledger = NULL;	/* it may no longer have the date: it is read again */
		MemoryContextReset(datecxt);
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
}

/*
 * rfm_backfill(from_date date, to_date date, model text), a procedure
 */
Datum
rfm_backfill(PG_FUNCTION_ARGS)
{
	DateADT		first;
	DateADT		last;

	rfm_version_check();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("from_date and to_date must not be null")));
	first = PG_GETARG_DATEADT(0);
	last = PG_GETARG_DATEADT(1);
	rfm_snapshot_check_date(first);
	rfm_snapshot_check_date(last);
	if (first > last)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("from_date must not be later than to_date")));
	rfm_begin_procedure(fcinfo, "rfm_backfill");
	backfill_model(rfm_text_argument(fcinfo, 2, "model"), first, last);
	SPI_finish();
	PG_RETURN_VOID();
}

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

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "run/backfill.h"
#include "run/define_model.h"
#include "run/run_log.h"
#include "run/series.h"
#include "target/resolve.h"
#include "target/target.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

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
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(backfill->series.attempt.model);
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

void
rfm_backfill_model(const char *model, DateADT first, DateADT last)
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

/*-------------------------------------------------------------------------
 *
 * catch_up.c
 *		Computing the snapshots that are due for a model.
 *
 * This is what the daily job runs.  rfm_internal.owed_dates() determines them from the log.  It is called again
 * in each transaction, under the model's lock, so that two concurrent calls,
 * such as a job's and a manual one, do not compute a date twice.  Only the
 * last date is fixed when the call begins.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/query.h"
#include "base/settings.h"
#include "base/version.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/run_log.h"
#include "run/series.h"
#include "target/resolve.h"
#include "target/retention.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rfm_catch_up);

/* The dates that are due after the current one, ascending. */
typedef struct Owed
{
	int			n;
	DateADT    *date;
	bool	   *restated;		/* its snapshot exists, and is covered by the model's restate */
	int			missed;			/* number of dates without a snapshot, not counting the model's own */
	DateADT		first_missed;
} Owed;

typedef struct CatchUp
{
	RfmSeries	series;
	TimestampTz begun;			/* the call */
	DateADT		until;			/* the model's own run date when the call began */
	int			done;			/* dates that count for the limit */
	bool		first;			/* no date has been done yet */
	Owed		owed;
} CatchUp;

/*
 * Determine the newest date in the target, up to not_after, which counts for
 * snapshots that are not in the log.  As the model's owner.
 */
static bool
target_last_date(const RfmTarget *target, DateADT not_after, DateADT *date)
{
	const char *column = target->column[RFM_COL_RUN_DATE];
	bool		isnull;
	char	   *sql;

	/* uncast, so that an index on it serves */
	if (target->type[RFM_COL_RUN_DATE] != DATEOID)
		column = psprintf("%s::pg_catalog.date", column);
	rfm_target_verify(target);
	sql = psprintf("SELECT pg_catalog.max(%s) FROM %s"
				   " WHERE %s OPERATOR(pg_catalog.<=) $1"
				   " AND %s OPERATOR(pg_catalog.>) '-infinity'::pg_catalog.date",
				   column, target->relation, column, column);

	*date = DatumGetDateADT(rfm_query_value(sql, RFM_PARAMS(rfm_date(not_after)), true, &isnull));
	return !isnull;
}

/*
 * Determine the newest date, up to catch_up->until, that has a snapshot, by
 * the log or, where that has none, by the target.  Returns false if there is
 * none.
 */
static bool
find_last_date(const CatchUp *catch_up, const RfmModel *model, const RfmTarget *target,
			   DateADT *last)
{
	RfmIdentity	owner;
	bool		found;

	if (rfm_run_last_date(model, catch_up->until, last))
		return true;
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	found = target_last_date(target, catch_up->until, last);
	rfm_owner_leave(&owner);
	return found;
}

/*
 * Return the first date that the model's restate covers, infinity if there is
 * none.
 */
static DateADT
restated_from(const RfmModel *model, DateADT until)
{
	DateADT		first;

	if (model->restate == NULL)
		return DATEVAL_NOEND;
	/* a lookback of one day covers only the day itself */
	first = rfm_calendar_first_day(until, model->restate);
	return DATE_NOT_FINITE(first) ? first : first - 1;
}

/* Read the rows of rfm_internal.owed_dates() into the caller's memory. */
static void
read_owed(const CatchUp *catch_up, const RfmModel *model, const DateADT *last, DateADT kept,
		  Owed *owed)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;

	memset(owed, 0, sizeof(*owed));
	owed->n = (int) rfm_catalog_query(&catalog, "SELECT run_date, reason FROM rfm_internal.owed_dates($1, $2, $3, $4, $5, $6, $7, $8)",
									  RFM_PARAMS(rfm_int8(model->id), rfm_text(model->cadence),
												 rfm_date(last ? *last : catch_up->until), rfm_date(catch_up->until),
												 rfm_date(restated_from(model, catch_up->until)), rfm_date(kept),
												 rfm_param(TIMESTAMPTZOID, TimestampTzGetDatum(catch_up->begun)),
												 rfm_date(catch_up->series.attempt.date)), true);
	owed->date = MemoryContextAlloc(mcxt, (owed->n + 1) * sizeof(DateADT));
	owed->restated = MemoryContextAlloc(mcxt, owed->n + 1);
	for (int i = 0; i < owed->n; i++)
	{
		char	   *reason = rfm_column_text(i, 2);
		bool		isnull;

		owed->date[i] = DatumGetDateADT(rfm_column(i, 1, &isnull));
		owed->restated[i] = strcmp(reason, "restated") == 0;
		if (strcmp(reason, "missed") == 0 && owed->missed++ == 0)
			owed->first_missed = owed->date[i];
	}
	rfm_catalog_query_end(&catalog);
}

/*
 * Only the model's own run date is due, once: the target holds only the newest
 * snapshot.
 */
static void
owe_one(const CatchUp *catch_up, Owed *owed)
{
	memset(owed, 0, sizeof(*owed));
	owed->n = catch_up->series.attempt.date < catch_up->until;
	owed->date = palloc(sizeof(DateADT));
	owed->date[0] = catch_up->until;
	owed->restated = palloc0(sizeof(bool));
}

/*
 * Determine the dates that are due after the current one and, the first time,
 * catch_up->until.
 */
static void
find_owed(CatchUp *catch_up)
{
	Owed	   *owed = &catch_up->owed;
	RfmModel   *model;
	RfmSource	source;
	RfmTarget	target;
	RfmIdentity	owner;
	DateADT		kept;
	DateADT		last;
	bool		found = false;

	model = rfm_model_continue(catch_up->series.attempt.model, &catch_up->series.attempt.id);

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_target_resolve(model, &source, &target);
	if (catch_up->first)
		catch_up->until = rfm_snapshot_default_date(model, &source);
	kept = rfm_retention_first(model, &target, &source.calendar, catch_up->until);
	rfm_owner_leave(&owner);

	if (target.attnum[RFM_COL_RUN_DATE] == 0)
		owe_one(catch_up, owed);
	else
	{
		found = find_last_date(catch_up, model, &target, &last);
		read_owed(catch_up, model, found ? &last : NULL, kept, owed);
	}
	rfm_target_close(&target);
	PopActiveSnapshot();
}

/*
 * Return how many of the due dates, from the first one on, this call may
 * compute.
 */
static int
within_limit(const CatchUp *catch_up, const Owed *owed)
{
	int			done = catch_up->done;
	int			n = 0;

	while (n < owed->n && (owed->restated[n] || done++ < rfm_catch_up_limit))
		n++;
	return n;
}

/*
 * Read the orders once for all dates if there are many.  For two, that of the
 * day that is over and the new one, it is faster to read them for each date,
 * with parallel workers.
 */
static void
plan_reading(CatchUp *catch_up, const Owed *owed)
{
	int			n = within_limit(catch_up, owed);

	catch_up->series.last = owed->date[Max(n, 1) - 1];
	catch_up->series.together = n > 2 ? catch_up->series.last - owed->date[0] + 1 : 1;
}

/* Report the dates that were missed. */
static void
report_missed(const CatchUp *catch_up, const Owed *owed)
{
	if (owed->missed > 0)
		ereport(NOTICE,
				(errmsg_plural("model \"%s\" has missed %d date, %s: catching up",
							   "model \"%s\" has missed %d dates from %s on: catching up",
							   owed->missed, catch_up->series.attempt.model, owed->missed,
							   rfm_calendar_text(owed->first_missed))));
}

/* Report the dates that the limit leaves to the next call: those from the n-th on. */
static void
report_left(const CatchUp *catch_up, const Owed *owed, int n)
{
	int			left = 0;

	for (int i = n; i < owed->n; i++)
		left += !owed->restated[i];
	if (left > 0)
		ereport(WARNING,
				(errmsg_plural("model \"%s\" is still %d date behind",
							   "model \"%s\" is still %d dates behind",
							   left, catch_up->series.attempt.model, left),
				 errdetail("The snapshots from %s to %s are missing, because rfm.catch_up_limit lets one call compute %d.",
						   rfm_calendar_text(owed->date[n]),
						   rfm_calendar_text(owed->date[owed->n - 1]), rfm_catch_up_limit),
				 errhint("The next call continues from there. Raise rfm.catch_up_limit to compute more at once. To skip missed dates, refresh today with rfm_refresh().")));
}

/* Compute and write the first of the due dates; the caller commits. */
static void
catch_up_step(void *arg)
{
	CatchUp    *catch_up = (CatchUp *) arg;
	const Owed *owed = &catch_up->owed;

	find_owed(catch_up);
	if (catch_up->first)
	{
		report_missed(catch_up, owed);
		plan_reading(catch_up, owed);
	}
	catch_up->first = false;
	if (owed->n == 0)
		return;
	catch_up->series.attempt.has_date = true;
	catch_up->series.attempt.date = owed->date[0];
	catch_up->done += !owed->restated[0];
	rfm_series_refresh(&catch_up->series);
}

/* Determine whether another one of the due dates may be computed. */
static bool
is_more(const CatchUp *catch_up)
{
	const Owed *owed = &catch_up->owed;

	return owed->n > 1 && (owed->restated[1] || catch_up->done < rfm_catch_up_limit);
}

/*
 * Continue from the present state of the log.  A ledger may no longer have the
 * date, so it is read again.
 */
static void
begin_anew(CatchUp *catch_up, int done)
{
	catch_up->first = true;
	catch_up->done = done;
	catch_up->series.attempt.has_date = false;
	catch_up->series.attempt.date = DATEVAL_NOBEGIN;
	catch_up->series.ledger = NULL;
}

/*
 * Refresh the dates that rfm_internal.owed_dates() names, oldest first, each in
 * its own transaction; only the model's own run date if there is no snapshot yet,
 * or if the target holds only the newest one.  Warns of dates that the limit
 * leaves out.  An error ends it at its date; earlier dates are kept.
 */
static void
catch_up_model(const char *model)
{
	MemoryContext mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm catch up",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext datecxt = AllocSetContextCreate(mcxt, "rfm catch up date",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(datecxt);
	CatchUp		catch_up = {.first = true,.begun = GetCurrentTimestamp()};
	int			done;
	bool		again;

	catch_up.series.attempt.command = "catch_up";
	catch_up.series.attempt.model = model;
	catch_up.series.attempt.date = DATEVAL_NOBEGIN;
	catch_up.series.doing = "catching up";
	catch_up.series.mcxt = mcxt;
	do
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(datecxt);
		done = catch_up.done;
		again = !rfm_attempt(&catch_up.series.attempt, catch_up_step, &catch_up);
		if (again)
			begin_anew(&catch_up, done);
		else
			SPI_commit();
	} while (again || is_more(&catch_up));
	report_left(&catch_up, &catch_up.owed, 1);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
}

/*
 * rfm_catch_up(model text), a procedure
 */
Datum
rfm_catch_up(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	rfm_begin_procedure(fcinfo, "rfm_catch_up");
	catch_up_model(rfm_text_argument(fcinfo, 0, "model"));
	SPI_finish();
	PG_RETURN_VOID();
}

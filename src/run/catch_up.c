/*-------------------------------------------------------------------------
 *
 * catch_up.c
 *		The snapshots that a model has missed.
 *
 * The next date is determined in each transaction, under the model's lock: of
 * two calls at once, a job's and one by hand, none computes a date twice.  Only
 * the last date is fixed when the call begins.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/catch_up.h"
#include "run/define_model.h"
#include "run/failure.h"
#include "run/refresh.h"
#include "run/run_log.h"
#include "target/resolve.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

int			rfm_catch_up_limit = 31;

typedef struct CatchUp
{
	RfmAttempt	attempt;		/* the model, and the date under way */
	bool		first;			/* no date has been done yet */
	DateADT		until;			/* the model's today when the call began */
} CatchUp;

static void
catch_up_error_callback(void *arg)
{
	const CatchUp *catch_up = (const CatchUp *) arg;

	errcontext("catching up model \"%s\", date %s", catch_up->attempt.model,
			   rfm_calendar_text(catch_up->attempt.date));
}

/*
 * Determine the newest date in the target, up to not_after, which counts for
 * snapshots that are not in the log.  As the model's owner.
 */
static bool
target_last_date(const RfmTarget *target, DateADT not_after, DateADT *date)
{
	const char *column = target->column[RFM_COL_RUN_DATE];
	Oid			type = DATEOID;
	Datum		value = DateADTGetDatum(not_after);
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

	*date = DatumGetDateADT(rfm_query_value(sql, 1, &type, &value, true, &isnull));
	return !isnull;
}

/*
 * Set catch_up->attempt.date to the date that comes next and, the first time,
 * catch_up->until to the last one.
 */
static void
find_next_date(CatchUp *catch_up, bool first)
{
	RfmModel   *model;
	RfmSource	source;
	RfmTarget	target;
	RfmIdentity	owner;
	DateADT		last;
	bool		found = false;

	model = rfm_model_continue(catch_up->attempt.model, &catch_up->attempt.id);

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_target_resolve(model, &source, &target);
	if (first)
		catch_up->until = rfm_snapshot_default_date(model, &source);
	rfm_owner_leave(&owner);

	if (target.attnum[RFM_COL_RUN_DATE] > 0)
	{
		found = rfm_run_last_date(model,
								  catch_up->until, &last);
		if (!found)
		{
			rfm_owner_enter(&owner, model->owner, model->time_zone);
			found = target_last_date(&target, catch_up->until, &last);
			rfm_owner_leave(&owner);
		}
	}
	rfm_target_close(&target);
	PopActiveSnapshot();

	catch_up->attempt.has_date = true;
	catch_up->attempt.date = found && last < catch_up->until ? last + 1 : catch_up->until;
}

/* Report the dates that were missed. */
static void
report_missed(const CatchUp *catch_up)
{
	int			missed = catch_up->until - catch_up->attempt.date;

	if (missed > 0)
		ereport(NOTICE,
				(errmsg_plural("model \"%s\" has missed %d date, %s: catching up",
							   "model \"%s\" has missed %d dates from %s on: catching up",
							   missed, catch_up->attempt.model, missed,
							   rfm_calendar_text(catch_up->attempt.date))));
}

/* Report the dates that the limit leaves to the next call. */
static void
report_left(const CatchUp *catch_up)
{
	int			left = catch_up->until - catch_up->attempt.date;

	if (left > 0)
		ereport(WARNING,
				(errmsg_plural("model \"%s\" is still %d date behind",
							   "model \"%s\" is still %d dates behind",
							   left, catch_up->attempt.model, left),
				 errdetail("The snapshots from %s to %s are left: rfm.catch_up_limit lets one call compute %d.",
						   rfm_calendar_text(catch_up->attempt.date + 1),
						   rfm_calendar_text(catch_up->until), rfm_catch_up_limit),
				 errhint("The next call goes on from there. Raise rfm.catch_up_limit to compute more at once; to leave them out, refresh today with rfm_refresh().")));
}

/* Determine the next date, and compute and write it; the caller commits. */
static void
catch_up_step(void *arg)
{
	CatchUp    *catch_up = (CatchUp *) arg;
	ErrorContextCallback callback;

	find_next_date(catch_up, catch_up->first);
	if (catch_up->first)
		report_missed(catch_up);
	catch_up->first = false;

	callback.callback = catch_up_error_callback;
	callback.arg = catch_up;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	(void) rfm_refresh_model(catch_up->attempt.model, &catch_up->attempt.date);
	error_context_stack = callback.previous;
}

void
rfm_catch_up_model(const char *model)
{
	MemoryContext mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm catch up",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(mcxt);
	CatchUp		catch_up = {.attempt = {.command = "catch_up",.model = model},.first = true};

	for (int done = 1;; done++)
	{
		CHECK_FOR_INTERRUPTS();
		rfm_attempt(&catch_up.attempt, catch_up_step, &catch_up);
		SPI_commit();
		MemoryContextReset(mcxt);
		if (catch_up.attempt.date >= catch_up.until || done >= rfm_catch_up_limit)
			break;
	}

	report_left(&catch_up);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
}

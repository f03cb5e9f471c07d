/*-------------------------------------------------------------------------
 *
 * progress.c
 *		The phases of a refresh, their duration and progress.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "base/settings.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "utils/timestamp.h"

/* Orders or customers after which the count that others see is updated. */
#define PUBLISH_EVERY	1024

/* Time between two NOTICE lines of one phase. */
#define NOTICE_MILLISEC	2000

static const char *const phase_name[RFM_PHASES] = {"read", "sort", "score", "write"};

/* The progress that this backend shows; pid is 0 if there is none. */
static RfmSlot mine;
static SubTransactionId mine_subid; /* where it was announced */
static int	nested = 0;			/* refreshes within it, not shown */
static SubTransactionId nested_subid;	/* where the outermost was announced */
static int64 pending = 0;		/* done, but not yet added to the count */
static TimestampTz last_notice;

/*
 * Beginning and end.
 */

void
rfm_progress_end(void)
{
	if (nested > 0)
	{
		nested--;
		return;
	}
	if (mine.pid == 0)
		return;
	mine.pid = 0;
	rfm_slot_clear();
}

static void
forget_all(void)
{
	nested = 0;
	rfm_progress_end();
}

/* The transaction ends, in whatever way. */
static void
transaction_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		forget_all();
}

/* The refresh may have failed in a subtransaction, whose error the caller catches. */
static void
subtransaction_callback(SubXactEvent event, SubTransactionId subid,
						SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	if (mine.pid != 0 && subid <= mine_subid)
		forget_all();
	else if (nested > 0 && subid <= nested_subid)
		nested = 0;
}

void
rfm_progress_announce(const char *model, const DateADT *run_date, bool preview)
{
	static bool registered = false;
	int			length;

	if (mine.pid != 0 && mine.phase != RFM_PHASE_DONE)
	{
		if (nested++ == 0)
			nested_subid = GetCurrentSubTransactionId();
		return;
	}
	if (!registered)
	{
		RegisterXactCallback(transaction_callback, NULL);
		RegisterSubXactCallback(subtransaction_callback, NULL);
		registered = true;
	}

	memset(&mine, 0, sizeof(mine));
	mine.pid = MyProcPid;
	mine.database = MyDatabaseId;
	mine.run_by = GetUserId();
	mine.preview = preview;
	mine.has_date = run_date != NULL;
	if (run_date)
		mine.run_date = *run_date;
	mine.phase = RFM_PHASE_WAIT;
	mine.started = mine.phase_started = GetCurrentTimestamp();
	length = pg_mbcliplen(model, (int) strlen(model), RFM_SLOT_MODEL_SIZE - 1);
	memcpy(mine.model, model, length);
	mine_subid = GetCurrentSubTransactionId();
	rfm_slot_write(&mine);
}

/* Is this the refresh that is shown, rather than one within it? */
static inline bool
is_shown(void)
{
	return mine.pid != 0 && nested == 0;
}

static void
enter_phase(RfmPhase phase)
{
	if (!is_shown())
		return;
	mine.phase = phase;
	mine.phase_started = last_notice = GetCurrentTimestamp();
	if (phase == RFM_PHASE_DONE)
		mine.done = mine.total;
	else
		mine.done = mine.total = 0;
	pending = 0;
	rfm_slot_write(&mine);
}

void
rfm_progress_start(RfmProgress *progress)
{
	memset(progress, 0, sizeof(*progress));
	INSTR_TIME_SET_CURRENT(progress->since);
	enter_phase(RFM_PHASE_READ);
}

void
rfm_progress_date(DateADT run_date, Oid owner)
{
	if (!is_shown())
		return;
	mine.has_date = true;
	mine.run_date = run_date;
	mine.owner = owner;
	rfm_slot_write(&mine);
}

void
rfm_progress_expect(double total)
{
	/* a query that is run again continues counting towards the same total */
	if (!is_shown() || mine.total > 0)
		return;
	mine.total = (int64) Min(Max(total, 1), 1e15);
	rfm_slot_write(&mine);
}

/*
 * Counting.
 */

/* Show a line if enough time has passed since the last. */
static void
notice_count(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		reading = mine.phase == RFM_PHASE_READ;
	const char *what = reading ? "orders" : "customers";

	if (!TimestampDifferenceExceeds(last_notice, now, NOTICE_MILLISEC))
		return;
	last_notice = now;
	if (reading && rfm_slots_count() == 0 && IsInParallelMode())
		ereport(NOTICE,
				(errmsg("%s: " INT64_FORMAT " orders, without those of parallel workers",
						phase_name[mine.phase], mine.done),
				 errhidecontext(true)));
	else if (mine.total == 0)
		ereport(NOTICE,
				(errmsg("%s: " INT64_FORMAT " %s",
						phase_name[mine.phase], mine.done, what),
				 errhidecontext(true)));
	else
	{
		int64		total = reading ? Max(mine.total, mine.done) : mine.total;
		int64		done = Min(mine.done, total);

		ereport(NOTICE,
				(errmsg("%s: %.0f %%, " INT64_FORMAT " of %s" INT64_FORMAT " %s",
						phase_name[mine.phase], floor(100.0 * done / total),
						done, reading ? "about " : "", total, what),
				 errhidecontext(true)));
	}
}

static void
publish(void)
{
	if (rfm_slots_count() > 0)
		mine.done = rfm_slot_add(pending);
	else
		mine.done += pending;
	pending = 0;
	if (rfm_show_progress)
		notice_count();
}

void
rfm_progress_rows(int64 n)
{
	pending += n;
	if (pending < PUBLISH_EVERY)
		return;
	if (IsParallelWorker())
	{
		rfm_slot_add_for_leader(pending);
		pending = 0;
	}
	else if (is_shown() && mine.phase == RFM_PHASE_READ)
		publish();
	else
		pending = 0;
}

void
rfm_progress_done(int64 n)
{
	if (!is_shown() || mine.phase <= RFM_PHASE_READ || mine.phase >= RFM_PHASE_DONE)
		return;
	pending += n;
	if (pending >= PUBLISH_EVERY)
		publish();
}

void
rfm_progress_next(RfmProgress *progress, const char *detail)
{
	instr_time	now;
	instr_time	elapsed;

	Assert(progress->phase < RFM_PHASE_DONE);
	INSTR_TIME_SET_CURRENT(now);
	elapsed = now;
	INSTR_TIME_SUBTRACT(elapsed, progress->since);
	progress->millisec[progress->phase] = INSTR_TIME_GET_MILLISEC(elapsed);
	progress->since = now;
	if (rfm_show_progress)
		ereport(NOTICE,
				(errmsg("%s: %s (%.0f ms)", phase_name[progress->phase], detail,
						progress->millisec[progress->phase])));
	progress->phase++;
	enter_phase(progress->phase);
	if (nested > 0 && progress->phase == RFM_PHASE_DONE)
		nested--;
}

char *
rfm_progress_json(const RfmProgress *progress)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int phase = 0; phase < RFM_PHASES; phase++)
		appendStringInfo(&json, "%s\"%s\": %.3f", phase > 0 ? ", " : "{",
						 phase_name[phase], progress->millisec[phase]);
	appendStringInfoChar(&json, '}');
	return json.data;
}

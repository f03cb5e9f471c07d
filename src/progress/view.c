/*-------------------------------------------------------------------------
 *
 * view.c
 *		The rows of the view rfm_progress.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/version.h"
#include "catalog/pg_authid.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "progress/shmem.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(rfm_progress_slots);

#define SLOT_COLUMNS 12

/*
 * The percentage of a refresh's time after which each phase begins, as
 * measured for the first snapshot of a target, when every customer is written.
 */
static const struct
{
	const char *name;
	double		begins;
}			phase[] = {
	{"wait", 0},
	{"read", 0},
	{"sort", 60},
	{"score", 63},
	{"write", 65},
	{"done", 100}
};

#define PHASE(p) (phase[(p) - RFM_PHASE_WAIT])

/*
 * As for the rows of rfm_run: the role that called it and the model's owner
 * may see it.
 */
static bool
may_see(const RfmSlot *slot)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), slot->run_by) ||
		(OidIsValid(slot->owner) && has_privs_of_role(GetUserId(), slot->owner));
}

static double
percent_done(const RfmSlot *slot)
{
	double		begins;
	double		part;

	if (slot->phase == RFM_PHASE_DONE || slot->total == 0)
		return PHASE(slot->phase).begins;
	begins = PHASE(slot->phase).begins;
	part = (double) slot->done / slot->total;
	return floor(10 * (begins + part * (PHASE(slot->phase + 1).begins - begins))) / 10;
}

static void
slot_row(const RfmSlot *slot, Datum *values, bool *nulls)
{
	memset(nulls, false, SLOT_COLUMNS);
	values[0] = Int32GetDatum(slot->pid);
	values[1] = ObjectIdGetDatum(slot->database);
	values[2] = ObjectIdGetDatum(slot->run_by);
	values[3] = CStringGetTextDatum(slot->preview ? "preview" : "refresh");

	/* a database may have another encoding than the reader's */
	nulls[4] = !pg_verifymbstr(slot->model, (int) strlen(slot->model), true);
	values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(slot->model);
	nulls[5] = !slot->has_date;
	values[5] = DateADTGetDatum(slot->run_date);
	values[6] = CStringGetTextDatum(PHASE(slot->phase).name);
	values[7] = Int64GetDatum(slot->done);
	nulls[8] = slot->total == 0;
	values[8] = Int64GetDatum(slot->total);
	values[9] = Float8GetDatum(percent_done(slot));
	values[10] = TimestampTzGetDatum(slot->started);
	values[11] = TimestampTzGetDatum(slot->phase_started);
}

/*
 * rfm_progress_slots() RETURNS TABLE (...)
 */
Datum
rfm_progress_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	rfm_version_check();
	if (rfm_slots_count() == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rfm_progress needs rfm in \"shared_preload_libraries\""),
				 errdetail("If the library is not loaded at server start, no session can show its progress to others."),
				 errhint("Add rfm to shared_preload_libraries and restart the server. Without it, SET rfm.progress = on shows a session its own progress.")));

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < rfm_slots_count(); i++)
	{
		RfmSlot		slot;
		Datum		values[SLOT_COLUMNS];
		bool		nulls[SLOT_COLUMNS];

		if (!rfm_slot_read(i, &slot) || !may_see(&slot))
			continue;

		/* the orders were estimated; the customers are counted in blocks */
		if (slot.phase == RFM_PHASE_READ && slot.total > 0)
			slot.total = Max(slot.total, slot.done);
		else if (slot.phase > RFM_PHASE_READ)
			slot.done = Min(slot.done, slot.total);
		slot_row(&slot, values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*-------------------------------------------------------------------------
 *
 * run_date.c
 *		The run date of the current refresh, for the SQL of sources.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/xact.h"
#include "base/settings.h"
#include "base/version.h"
#include "model/run_date.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

static bool was_asked = false;
static bool set_here = false;	/* the setting was made by this process */

PG_FUNCTION_INFO_V1(rfm_run_date);

void
rfm_run_date_set(DateADT date)
{
	was_asked = false;
	set_here = true;
	rfm_set_local(RFM_RUN_DATE_SETTING, psprintf("%d", date));
}

bool
rfm_run_date_was_asked(void)
{
	return was_asked;
}

/*
 * rfm_run_date() RETURNS date: outside the query of a model the session's
 * current date, so that views that call it can be queried.
 */
Datum
rfm_run_date(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	if (rfm_run_date_shown == RFM_NO_RUN_DATE)
		PG_RETURN_DATEADT(DatumGetDateADT(DirectFunctionCall1(timestamptz_date,
															  TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()))));
	if (rfm_run_date_shown == RFM_MANY_DATES)
	{
		/* the session that reads could not be told */
		if (!set_here)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("rfm_run_date() was called by another process while the orders of many dates are read"),
					 errhint("Compute the dates one by one with rfm_refresh(), or call rfm_run_date() in the model's expressions, where it is detected beforehand.")));
		was_asked = true;
		PG_RETURN_NULL();
	}
	PG_RETURN_DATEADT(rfm_run_date_shown);
}

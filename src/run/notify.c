/*-------------------------------------------------------------------------
 *
 * notify.c
 *		Notifying applications of a new snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/settings.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "run/notify.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#define CHANNEL "rfm"

/* A payload must be shorter than a page, with every byte escaped; longer names are left out. */
#define LONGEST_NAME 1000

static void
append_count(StringInfo json, const char *name, int64 count)
{
	appendStringInfo(json, ", \"%s\": " INT64_FORMAT, name, count);
}

void
rfm_notify_refresh(const RfmScoredSnapshot *snapshot, const RfmCounts *counts)
{
	const RfmModel *model = snapshot->model;
	StringInfoData json;
	char		date[MAXDATELEN + 1];

	if (!rfm_notify_enabled)
		return;
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"model\": ");
	if (strlen(model->name) <= LONGEST_NAME)
		escape_json(&json, model->name);
	else
		appendStringInfoString(&json, "null");
	JsonEncodeDateTime(date, DateADTGetDatum(snapshot->run_date), DATEOID, NULL);
	appendStringInfo(&json, ", \"run_date\": \"%s\"", date);
	append_count(&json, "customers", snapshot->customers->n);
	append_count(&json, "inserted", counts->inserted);
	append_count(&json, "updated", counts->updated);
	append_count(&json, "deleted", counts->deleted);
	append_count(&json, "unchanged", counts->unchanged);
	append_count(&json, "expired", counts->expired);
	appendStringInfoChar(&json, '}');
	Async_Notify(CHANNEL, json.data);
	pfree(json.data);
}

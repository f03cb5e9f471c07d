/*-------------------------------------------------------------------------
 *
 * run_log.c
 *		The log of snapshots, rfm_run.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/run_group.h"
#include "run/run_log.h"
#include "score/cut_points.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

/* The cut points for rfm_run: those of groups are in rfm_run_group. */
static char *
cut_points_of(const RfmScoredSnapshot *snapshot)
{
	RfmIdentity owner;
	char	   *json;

	if (snapshot->source.group)
		return "{}";
	/* customers in them are text that the source's type reads again */
	rfm_owner_enter(&owner, snapshot->model->owner, snapshot->model->time_zone);
	json = rfm_cut_points_json(snapshot->model, snapshot->customers, snapshot->scores);
	rfm_owner_leave(&owner);
	return json;
}

/* Determine the date of the newest order; the run date where there is no customer. */
static DateADT
newest_order(const RfmCustomers *customers)
{
	int64		recency = customers->n > 0 ? PG_INT64_MIN : 0;

	for (int64 i = 0; i < customers->n; i++)
		recency = Max(recency, customers->code[RFM_RECENCY][i]);
	return (DateADT) (customers->run_date + recency);
}

/*
 * Delete the model's rows that are older than the setting, except those of its
 * newest date.
 */
static void
expire_log(const RfmModel *model)
{
	if (rfm_log_retention_days == 0)
		return;
	rfm_catalog_execute("DELETE FROM @rfm_run WHERE model_id = $1 AND finished_at < now() - make_interval(days => $2)"
						" AND run_date < (SELECT max(r.run_date) FROM @rfm_run r WHERE r.model_id = $1)",
						SPI_OK_DELETE, RFM_PARAMS(rfm_int8(model->id), rfm_int4(rfm_log_retention_days)));
	rfm_catalog_execute("DELETE FROM @rfm_run_group g WHERE model_id = $1"
						" AND NOT EXISTS (SELECT FROM @rfm_run r WHERE r.run_id = g.run_id)",
						SPI_OK_DELETE, RFM_PARAMS(rfm_int8(model->id)));
}

static RfmParam
json_param(const char *json)
{
	return rfm_param(JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

void
rfm_run_log(RfmScoredSnapshot *snapshot, const RfmCounts *counts,
			TimestampTz started_at, Oid run_by)
{
	const RfmNewColumn column[] = {
		{"model_id", rfm_int8(snapshot->model->id)},
		{"model", rfm_text(snapshot->model->name)},
		{"owner", rfm_oid(snapshot->model->owner)},
		{"run_date", rfm_date(snapshot->run_date)},
		{"customers", rfm_int8(snapshot->customers->n)},
		{"orders", rfm_int8(snapshot->customers->orders)},
		{"inserted", rfm_int8(counts->inserted)},
		{"updated", rfm_int8(counts->updated)},
		{"deleted", rfm_int8(counts->deleted)},
		{"unchanged", rfm_int8(counts->unchanged)},
		{"expired", rfm_int8(counts->expired)},
		{"newest_order", {DATEOID, DateADTGetDatum(newest_order(snapshot->customers)), snapshot->customers->n == 0}},
		{"cut_points", json_param(cut_points_of(snapshot))},
		{"reading", rfm_text(snapshot->source.grouped ? "grouped" : "orders")},
		{"spilled", rfm_param(BOOLOID, BoolGetDatum(snapshot->spilled))},
		{"memory", rfm_int8((int64) snapshot->memory)},
		{"phases", json_param(rfm_progress_json(&snapshot->progress))},
		{"started_at", rfm_param(TIMESTAMPTZOID, TimestampTzGetDatum(started_at))},
		{"finished_at", rfm_param(TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()))},
		{"run_by", rfm_text(GetUserNameFromId(run_by, false))},
		{"version", rfm_text(RFM_VERSION)},
		{"backfill", snapshot->backfill ? json_param(snapshot->backfill) : (RfmParam) {JSONBOID, (Datum) 0, true}}
	};
	RfmIdentity	catalog;

	rfm_catalog_enter(&catalog);
	rfm_insert("rfm_run", column, lengthof(column));
	if (snapshot->group_log)
		rfm_log_groups(snapshot);
	rfm_owner_leave(&catalog);
	expire_log(snapshot->model);
}

bool
rfm_run_newest(const RfmModel *model, bool by_date, int64 *run_id, DateADT *date)
{
	RfmIdentity	catalog;
	bool		found;
	bool		isnull;

	found = rfm_catalog_query(&catalog, by_date ?
							  "SELECT run_id, run_date FROM @rfm_run WHERE model_id = $1 ORDER BY run_date DESC, run_id DESC LIMIT 1" :
							  "SELECT run_id, run_date FROM @rfm_run WHERE model_id = $1 ORDER BY run_id DESC LIMIT 1",
							  RFM_PARAMS(rfm_int8(model->id)), true) > 0;
	if (found)
	{
		if (run_id)
			*run_id = DatumGetInt64(rfm_column(0, 1, &isnull));
		*date = DatumGetDateADT(rfm_column(0, 2, &isnull));
	}
	rfm_catalog_query_end(&catalog);
	return found;
}

bool
rfm_run_last_date(const RfmModel *model, DateADT not_after, DateADT *date)
{
	bool		isnull;

	*date = DatumGetDateADT(rfm_catalog_value("SELECT max(run_date) FROM @rfm_run WHERE model_id = $1 AND run_date <= $2",
											  RFM_PARAMS(rfm_int8(model->id), rfm_date(not_after)), true, &isnull));
	return !isnull;
}

bool
rfm_run_last_backfill(const RfmModel *model, const char *backfill, DateADT *date)
{
	bool		isnull;

	*date = DatumGetDateADT(rfm_catalog_value("SELECT CASE WHEN backfill = $2 THEN run_date END FROM @rfm_run"
											  " WHERE model_id = $1 AND backfill IS NOT NULL ORDER BY run_id DESC LIMIT 1",
											  RFM_PARAMS(rfm_int8(model->id), json_param(backfill)), true, &isnull));
	return !isnull;
}

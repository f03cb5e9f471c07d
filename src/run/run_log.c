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
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/run_group.h"
#include "run/run_log.h"
#include "score/cut_points.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

int			rfm_log_retention_days = 0;

typedef struct LogColumn
{
	const char *name;
	Oid			type;
	Datum		value;
	bool		isnull;
} LogColumn;

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
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(model->id), Int32GetDatum(rfm_log_retention_days)};
	const char *table = rfm_public_name("rfm_run");

	if (rfm_log_retention_days == 0)
		return;
	rfm_execute(psprintf("DELETE FROM %s WHERE model_id = $1 AND finished_at < now() - make_interval(days => $2)"
						 " AND run_date < (SELECT max(r.run_date) FROM %s r WHERE r.model_id = $1)",
						 table, table),
				lengthof(values), types, values, NULL, SPI_OK_DELETE);
	rfm_execute(psprintf("DELETE FROM %s g WHERE model_id = $1"
						 " AND NOT EXISTS (SELECT FROM %s r WHERE r.run_id = g.run_id)",
						 rfm_public_name("rfm_run_group"), table),
				1, types, values, NULL, SPI_OK_DELETE);
}

void
rfm_run_log(RfmScoredSnapshot *snapshot, const RfmCounts *counts,
			TimestampTz started_at, Oid run_by)
{
	char	   *cut_points = cut_points_of(snapshot);
	LogColumn	column[] = {
		{"model_id", INT8OID, Int64GetDatum(snapshot->model->id)},
		{"model", TEXTOID, CStringGetTextDatum(snapshot->model->name)},
		{"owner", OIDOID, ObjectIdGetDatum(snapshot->model->owner)},
		{"run_date", DATEOID, DateADTGetDatum(snapshot->run_date)},
		{"customers", INT8OID, Int64GetDatum(snapshot->customers->n)},
		{"orders", INT8OID, Int64GetDatum(snapshot->customers->orders)},
		{"inserted", INT8OID, Int64GetDatum(counts->inserted)},
		{"updated", INT8OID, Int64GetDatum(counts->updated)},
		{"deleted", INT8OID, Int64GetDatum(counts->deleted)},
		{"unchanged", INT8OID, Int64GetDatum(counts->unchanged)},
		{"expired", INT8OID, Int64GetDatum(counts->expired)},
		{"newest_order", DATEOID, DateADTGetDatum(newest_order(snapshot->customers)),
		snapshot->customers->n == 0},
		{"cut_points", JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum(cut_points))},
		{"reading", TEXTOID, CStringGetTextDatum(snapshot->source.grouped ? "grouped" : "orders")},
		{"spilled", BOOLOID, BoolGetDatum(snapshot->spilled)},
		{"memory", INT8OID, Int64GetDatum((int64) snapshot->memory)},
		{"phases", JSONBOID, DirectFunctionCall1(jsonb_in,
												 CStringGetDatum(rfm_progress_json(&snapshot->progress)))},
		{"started_at", TIMESTAMPTZOID, TimestampTzGetDatum(started_at)},
		{"finished_at", TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp())},
		{"run_by", TEXTOID, CStringGetTextDatum(GetUserNameFromId(run_by, false))},
		{"version", TEXTOID, CStringGetTextDatum(RFM_VERSION)},
		{"backfill", JSONBOID, snapshot->backfill ?
			DirectFunctionCall1(jsonb_in, CStringGetDatum(snapshot->backfill)) : (Datum) 0,
		snapshot->backfill == NULL}
	};
	char		nulls[lengthof(column)];
	Oid			types[lengthof(column)];
	Datum		values[lengthof(column)];
	StringInfoData sql;
	RfmIdentity	catalog;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (",
					 rfm_public_name("rfm_run"));
	for (int i = 0; i < (int) lengthof(column); i++)
	{
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", column[i].name);
		types[i] = column[i].type;
		values[i] = column[i].value;
		nulls[i] = column[i].isnull ? 'n' : ' ';
	}
	appendStringInfoString(&sql, ") VALUES (");
	for (int i = 0; i < (int) lengthof(column); i++)
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoChar(&sql, ')');

	rfm_catalog_enter(&catalog);
	rfm_execute(sql.data, lengthof(column), types, values, nulls, SPI_OK_INSERT);
	if (snapshot->group_log)
		rfm_log_groups(snapshot);
	expire_log(snapshot->model);
	rfm_catalog_leave(&catalog);
}

/*
 * Return the query for columns of a model's rows, $1 being its number; rest is
 * what follows that condition.
 */
static char *
log_query(const char *columns, const char *rest)
{
	return psprintf("SELECT %s FROM %s WHERE model_id OPERATOR(pg_catalog.=) $1 %s",
					columns, rfm_public_name("rfm_run"), rest);
}

/* Return the date that a query over the log gives; false: none. */
static bool
read_date(const char *sql, int nargs, Oid *types, Datum *values, DateADT *date)
{
	RfmIdentity	catalog;
	bool		isnull;

	rfm_catalog_enter(&catalog);
	*date = DatumGetDateADT(rfm_query_value(sql, nargs, types, values, true, &isnull));
	rfm_catalog_leave(&catalog);
	return !isnull;
}

bool
rfm_run_newest(const RfmModel *model, bool by_date, int64 *run_id, DateADT *date)
{
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(model->id);
	RfmIdentity	catalog;
	bool		found;
	bool		isnull;

	rfm_catalog_enter(&catalog);
	found = rfm_query(log_query("run_id, run_date",
								by_date ? "ORDER BY run_date DESC, run_id DESC LIMIT 1" :
								"ORDER BY run_id DESC LIMIT 1"),
					  1, &type, &value, true) > 0;
	if (found)
	{
		HeapTuple	tuple = SPI_tuptable->vals[0];
		TupleDesc	tupdesc = SPI_tuptable->tupdesc;

		if (run_id)
			*run_id = DatumGetInt64(SPI_getbinval(tuple, tupdesc, 1, &isnull));
		*date = DatumGetDateADT(SPI_getbinval(tuple, tupdesc, 2, &isnull));
	}
	rfm_query_end();
	rfm_catalog_leave(&catalog);
	return found;
}

bool
rfm_run_last_date(const RfmModel *model, DateADT not_after, DateADT *date)
{
	Oid			types[] = {INT8OID, DATEOID};
	Datum		values[] = {Int64GetDatum(model->id), DateADTGetDatum(not_after)};

	return read_date(log_query("pg_catalog.max(run_date)",
							   "AND run_date OPERATOR(pg_catalog.<=) $2"),
					 lengthof(types), types, values, date);
}

bool
rfm_run_last_backfill(const RfmModel *model, const char *backfill, DateADT *date)
{
	Oid			types[] = {INT8OID, JSONBOID};
	Datum		values[] = {Int64GetDatum(model->id),
	DirectFunctionCall1(jsonb_in, CStringGetDatum(backfill))};

	return read_date(log_query("CASE WHEN backfill OPERATOR(pg_catalog.=) $2 THEN run_date END",
							   "AND backfill IS NOT NULL ORDER BY run_id DESC LIMIT 1"),
					 lengthof(types), types, values, date);
}

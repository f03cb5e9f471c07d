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
#include "executor/spi.h"
#include "miscadmin.h"
#include "run/run_log.h"
#include "score/cut_points.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "value/key_pair.h"

typedef struct LogColumn
{
	const char *name;
	Oid			type;
	Datum		value;
} LogColumn;

/*
 * The groups of a snapshot.
 */

/* So many rows of groups are written by one statement. */
#define GROUP_BATCH 1000

#define GROUP_COLUMNS 4

/* The columns of rows of rfm_run_group, as arrays of text. */
typedef struct GroupRows
{
	int			n;
	Datum	   *column[GROUP_COLUMNS];	/* group, customers, orders, cut points */
} GroupRows;

static void
add_group_row(const RfmScoredSnapshot *snapshot, const RfmGroup *group, GroupRows *rows)
{
	const RfmKeyType *type = &group->customers.key_type;
	const RfmKeyType *group_type = rfm_key_part_type(type, RFM_PART_GROUP);
	int64		orders = 0;
	int			at = rows->n++;

	for (int64 i = 0; i < group->customers.n; i++)
		orders += group->customers.code[RFM_FREQUENCY][i];
	rows->column[0][at] = CStringGetTextDatum(rfm_key_out(group_type, rfm_key_part(type, group->customers.key[0],
																				   RFM_PART_GROUP)));
	rows->column[1][at] = CStringGetTextDatum(psprintf(INT64_FORMAT, group->customers.n));
	rows->column[2][at] = CStringGetTextDatum(psprintf(INT64_FORMAT, orders));
	rows->column[3][at] = CStringGetTextDatum(rfm_cut_points_json(snapshot->model, &group->customers,
																  &group->scores));
}

/* Add rows to the last run of this session. */
static void
write_group_rows(const RfmScoredSnapshot *snapshot, const GroupRows *rows)
{
	Oid			types[GROUP_COLUMNS + 2] = {INT8OID, DATEOID};
	Datum		values[GROUP_COLUMNS + 2];

	values[0] = Int64GetDatum(snapshot->model->id);
	values[1] = DateADTGetDatum(snapshot->run_date);
	for (int i = 0; i < GROUP_COLUMNS; i++)
	{
		types[i + 2] = TEXTARRAYOID;
		values[i + 2] = PointerGetDatum(construct_array(rows->column[i], rows->n, TEXTOID, -1, false,
														TYPALIGN_INT));
	}
	rfm_execute(psprintf("INSERT INTO %s (run_id, model_id, run_date, score_group, customers, orders, cut_points)"
						 " SELECT pg_catalog.currval(%s::pg_catalog.regclass), $1, $2, g.score_group,"
						 " g.customers::pg_catalog.int8, g.orders::pg_catalog.int8, g.cut_points::pg_catalog.jsonb"
						 " FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5),"
						 " pg_catalog.unnest($6)) AS g(score_group, customers, orders, cut_points)",
						 rfm_public_name("rfm_run_group"),
						 quote_literal_cstr(rfm_public_name("rfm_run_run_id_seq"))),
				lengthof(types), types, values, NULL, SPI_OK_INSERT);
}

/*
 * Remove what earlier runs logged of groups, where this run takes its place: of
 * the same date, of dates that have left the target, or of all dates, where the
 * target has no dates.
 */
static void
remove_old_groups(const RfmScoredSnapshot *snapshot)
{
	const RfmModel *model = snapshot->model;
	Oid			types[] = {INT8OID, DATEOID, INTERVALOID, BOOLOID};
	Datum		values[] = {
		Int64GetDatum(model->id), DateADTGetDatum(snapshot->run_date),
		model->retention ? IntervalPGetDatum(model->retention) : (Datum) 0,
		BoolGetDatum(rfm_target_column(model, RFM_COL_RUN_DATE, NULL) == NULL)
	};
	char		nulls[] = {' ', ' ', model->retention ? ' ' : 'n', ' '};

	rfm_execute(psprintf("DELETE FROM %s WHERE model_id OPERATOR(pg_catalog.=) $1"
						 " AND run_id OPERATOR(pg_catalog.<>) pg_catalog.currval(%s::pg_catalog.regclass)"
						 " AND ($4 OR run_date OPERATOR(pg_catalog.=) $2"
						 " OR run_date OPERATOR(pg_catalog.<=) ($2 OPERATOR(pg_catalog.-) $3))",
						 rfm_public_name("rfm_run_group"),
						 quote_literal_cstr(rfm_public_name("rfm_run_run_id_seq"))),
				lengthof(types), types, values, nulls, SPI_OK_DELETE);
}

/* Log the groups of the run that has been logged last. */
static void
log_groups(const RfmScoredSnapshot *snapshot)
{
	MemoryContext batchcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm groups for the log",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = CurrentMemoryContext;
	RfmGroup   *group = palloc0(sizeof(RfmGroup));
	GroupRows	rows = {0};

	remove_old_groups(snapshot);
	for (int i = 0; i < GROUP_COLUMNS; i++)
		rows.column[i] = palloc(GROUP_BATCH * sizeof(Datum));
	MemoryContextSwitchTo(batchcxt);
	while (rfm_next_group(snapshot->model, snapshot->customers, snapshot->scores->cell, group))
	{
		add_group_row(snapshot, group, &rows);
		if (rows.n < GROUP_BATCH && group->end < snapshot->customers->n)
			continue;
		write_group_rows(snapshot, &rows);
		rows.n = 0;
		MemoryContextReset(batchcxt);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(batchcxt);
}

/* What rfm_run says of the cut points: those of groups are in rfm_run_group. */
static char *
cut_points_of(const RfmScoredSnapshot *snapshot)
{
	if (snapshot->source.group)
		return "{}";
	return rfm_cut_points_json(snapshot->model, snapshot->customers, snapshot->scores);
}

void
rfm_run_log(const RfmScoredSnapshot *snapshot, const RfmCounts *counts,
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
		{"cut_points", JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum(cut_points))},
		{"reading", TEXTOID, CStringGetTextDatum(snapshot->source.grouped ? "grouped" : "orders")},
		{"phases", JSONBOID, DirectFunctionCall1(jsonb_in,
												 CStringGetDatum(rfm_progress_json(&snapshot->progress)))},
		{"started_at", TIMESTAMPTZOID, TimestampTzGetDatum(started_at)},
		{"finished_at", TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp())},
		{"run_by", TEXTOID, CStringGetTextDatum(GetUserNameFromId(run_by, false))},
		{"version", TEXTOID, CStringGetTextDatum(RFM_VERSION)},
		{"backfill", JSONBOID, (Datum) 0}
	};
	char		nulls[lengthof(column)];
	Oid			types[lengthof(column)];
	Datum		values[lengthof(column)];
	StringInfoData sql;
	RfmIdentity	catalog;

	memset(nulls, ' ', sizeof(nulls));
	if (snapshot->backfill)
		column[lengthof(column) - 1].value =
			DirectFunctionCall1(jsonb_in, CStringGetDatum(snapshot->backfill));
	else
		nulls[lengthof(column) - 1] = 'n';

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (",
					 rfm_public_name("rfm_run"));
	for (int i = 0; i < (int) lengthof(column); i++)
	{
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", column[i].name);
		types[i] = column[i].type;
		values[i] = column[i].value;
	}
	appendStringInfoString(&sql, ") VALUES (");
	for (int i = 0; i < (int) lengthof(column); i++)
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoChar(&sql, ')');

	rfm_catalog_enter(&catalog);
	rfm_execute(sql.data, lengthof(column), types, values, nulls, SPI_OK_INSERT);
	if (snapshot->source.group)
		log_groups(snapshot);
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

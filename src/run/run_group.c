/*-------------------------------------------------------------------------
 *
 * run_group.c
 *		The log of the groups of a snapshot, rfm_run_group.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/run_group.h"
#include "score/cut_points.h"
#include "target/target.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "value/key_pair.h"

/* Number of rows of groups that one statement writes. */
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
 * Delete rows of groups that this run replaces: those of the same date, of
 * dates that the target no longer has, or of all dates if the target has no
 * dates.
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

void
rfm_log_groups(const RfmScoredSnapshot *snapshot)
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

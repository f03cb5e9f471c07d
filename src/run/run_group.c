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
#include "run/run_group.h"
#include "target/target.h"
#include "utils/builtins.h"

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
rfm_log_groups(RfmScoredSnapshot *snapshot)
{
	const RfmGroupLog *log = snapshot->group_log;
	Oid			types[] = {INT8OID, DATEOID};
	Datum		values[] = {Int64GetDatum(snapshot->model->id), DateADTGetDatum(snapshot->run_date)};

	remove_old_groups(snapshot);
	rfm_execute_over("scored_group", log->rows, log->desc,
					 psprintf("INSERT INTO %s (run_id, model_id, run_date, score_group, customers, orders, cut_points)"
							  " SELECT pg_catalog.currval(%s::pg_catalog.regclass), $1, $2, g.score_group,"
							  " g.customers, g.orders, g.cut_points FROM scored_group AS g",
							  rfm_public_name("rfm_run_group"),
							  quote_literal_cstr(rfm_public_name("rfm_run_run_id_seq"))),
					 lengthof(types), types, values, SPI_OK_INSERT);
	rfm_group_log_end(snapshot->group_log);
	snapshot->group_log = NULL;
}

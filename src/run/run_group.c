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
#include "run/run_group.h"
#include "target/target.h"

/*
 * Delete rows of groups that this run replaces: those of the same date, of
 * dates that the target no longer has, or of all dates if the target has no
 * dates.
 */
static void
remove_old_groups(const RfmScoredSnapshot *snapshot)
{
	const RfmModel *model = snapshot->model;

	rfm_catalog_execute("DELETE FROM @rfm_run_group WHERE model_id = $1 AND run_id <> currval($5::regclass)"
						" AND ($4 OR run_date = $2 OR run_date <= ($2 - $3))",
						SPI_OK_DELETE,
						RFM_PARAMS(rfm_int8(model->id), rfm_date(snapshot->run_date),
								   (RfmParam) {INTERVALOID, IntervalPGetDatum(model->retention), model->retention == NULL},
								   rfm_param(BOOLOID, BoolGetDatum(rfm_target_column(model, RFM_COL_RUN_DATE, NULL) == NULL)),
								   rfm_text(rfm_public_name("rfm_run_run_id_seq"))));
}

void
rfm_log_groups(RfmScoredSnapshot *snapshot)
{
	const RfmGroupLog *log = snapshot->group_log;

	remove_old_groups(snapshot);
	rfm_execute_over("scored_group", log->rows, log->desc,
					 psprintf("INSERT INTO %s (run_id, model_id, run_date, score_group, customers, orders, cut_points)"
							  " SELECT currval($3::regclass), $1, $2, g.score_group, g.customers, g.orders, g.cut_points"
							  " FROM scored_group AS g", rfm_public_name("rfm_run_group")),
					 SPI_OK_INSERT,
					 RFM_PARAMS(rfm_int8(snapshot->model->id), rfm_date(snapshot->run_date),
								rfm_text(rfm_public_name("rfm_run_run_id_seq"))));
	rfm_group_log_end(snapshot->group_log);
	snapshot->group_log = NULL;
}

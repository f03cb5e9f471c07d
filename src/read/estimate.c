/*-------------------------------------------------------------------------
 *
 * estimate.c
 *		How many rows a query, or the aggregate at its top, is expected to take in.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "executor/spi.h"
#include "nodes/plannodes.h"
#include "read/estimate.h"
#include "utils/plancache.h"

/*
 * The query is planned for this alone, and without workers: below a Gather the
 * planner's numbers are those of one participant.
 */
double
rfm_estimate_rows(const char *sql, ParamListInfo params)
{
	int			nparams = params ? params->numParams : 0;
	Oid		   *types = palloc(nparams * sizeof(Oid));
	SPIPlanPtr	plan;
	CachedPlan *cached;
	Plan	   *top;
	double		rows = 0;

	for (int i = 0; i < nparams; i++)
		types[i] = params->params[i].ptype;
	plan = SPI_prepare(sql, nparams, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query over the source");
	cached = GetCachedPlan(linitial(SPI_plan_get_plan_sources(plan)), params,
						   NULL, NULL);
	top = linitial_node(PlannedStmt, cached->stmt_list)->planTree;
	if (IsA(top, Agg))
		top = outerPlan(top);
	if (top)
		rows = Max(top->plan_rows, 1);
	ReleaseCachedPlan(cached, NULL);
	SPI_freeplan(plan);
	pfree(types);
	return rows;
}

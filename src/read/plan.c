/*-------------------------------------------------------------------------
 *
 * plan.c
 *		What the planner makes of a query over the source, before it runs.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "nodes/extensible.h"
#include "nodes/plannodes.h"
#include "read/plan.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"

/* The plans directly below one. */
static List *
children(Plan *plan)
{
	List	   *list = NIL;

	if (outerPlan(plan))
		list = lappend(list, outerPlan(plan));
	if (innerPlan(plan))
		list = lappend(list, innerPlan(plan));
	switch (nodeTag(plan))
	{
		case T_Append:
			return list_concat_copy(list, ((Append *) plan)->appendplans);
		case T_MergeAppend:
			return list_concat_copy(list, ((MergeAppend *) plan)->mergeplans);
		case T_SubqueryScan:
			return lappend(list, ((SubqueryScan *) plan)->subplan);
		case T_CustomScan:
			return list_concat_copy(list, ((CustomScan *) plan)->custom_plans);
		default:
			return list;
	}
}

static bool
is_elsewhere(Plan *plan)
{
	ListCell   *lc;

	if (IsA(plan, ForeignScan) || IsA(plan, CustomScan))
		return true;
	foreach(lc, children(plan))
		if (is_elsewhere(lfirst(lc)))
			return true;
	return false;
}

/*
 * Do other servers group?  A foreign scan of no single relation is of what its
 * wrapper joined or grouped there, and Citus plans a query it can send away
 * whole as one node.
 */
static bool
is_pushed(Plan *plan)
{
	List	   *below;
	ListCell   *lc;

	if (IsA(plan, ForeignScan))
		return ((ForeignScan *) plan)->scan.scanrelid == 0;
	if (IsA(plan, CustomScan))
		return strcmp(((CustomScan *) plan)->methods->CustomName, "Citus Adaptive") == 0;
	if (!IsA(plan, Append) && !IsA(plan, SubqueryScan) && !IsA(plan, Result))
		return false;
	below = children(plan);
	foreach(lc, below)
		if (!is_pushed(lfirst(lc)))
			return false;
	return below != NIL;
}

/* Does one of the plans of a statement, subqueries included, reach elsewhere? */
static bool
statement_is_elsewhere(PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->subplans)
		if (lfirst(lc) && is_elsewhere(lfirst(lc)))
			return true;
	return is_elsewhere(stmt->planTree);
}

void
rfm_plan_look(const char *sql, ParamListInfo params, RfmPlanLook *look)
{
	int			nparams = params ? params->numParams : 0;
	Oid		   *types = palloc(nparams * sizeof(Oid));
	SPIPlanPtr	plan;
	CachedPlan *cached;
	PlannedStmt *stmt;
	Plan	   *top;

	for (int i = 0; i < nparams; i++)
		types[i] = params->params[i].ptype;
	plan = SPI_prepare(sql, nparams, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query over the source");
	cached = GetCachedPlan(linitial(SPI_plan_get_plan_sources(plan)), params,
						   NULL, NULL);
	stmt = linitial_node(PlannedStmt, cached->stmt_list);
	top = stmt->planTree;
	look->aggregates = IsA(top, Agg);
	look->elsewhere = statement_is_elsewhere(stmt);
	look->pushed = is_pushed(top);
	if (look->aggregates && outerPlan(top))
		top = outerPlan(top);
	look->rows = Max(top->plan_rows, 1);
	ReleaseCachedPlan(cached, NULL);
	SPI_freeplan(plan);
	pfree(types);
}

bool
rfm_plan_try(const char *sql, ParamListInfo params, RfmPlanLook *look)
{
	MemoryContext oldcxt = CurrentMemoryContext;
	ResourceOwner oldowner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(oldcxt);
	PG_TRY();
	{
		rfm_plan_look(sql, params, look);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(oldcxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(oldcxt);
		CurrentResourceOwner = oldowner;
		if (error->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED)
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(oldcxt);
	CurrentResourceOwner = oldowner;
	return done;
}

/*-------------------------------------------------------------------------
 *
 * plan.c
 *		The plan of a query over the source, before it runs.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "catalog/dependency.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "read/plan.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

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
 * Determine whether other servers group.  A foreign scan without a relation is
 * one that its wrapper joined or grouped there, and Citus plans a query that
 * it can send as a whole as one node.
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

/*
 * Determine whether one of the plans of a statement, including subqueries,
 * uses another server.
 */
static bool
statement_is_elsewhere(PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->subplans)
		if (lfirst(lc) && is_elsewhere(lfirst(lc)))
			return true;
	return is_elsewhere(stmt->planTree);
}

/* Parse and rewrite a query. */
static SPIPlanPtr
prepare(const char *sql, ParamListInfo params)
{
	int			nparams = params ? params->numParams : 0;
	Oid		   *types = palloc(nparams * sizeof(Oid));
	SPIPlanPtr	plan;

	for (int i = 0; i < nparams; i++)
		types[i] = params->params[i].ptype;
	plan = SPI_prepare(sql, nparams, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query over the source");
	pfree(types);
	return plan;
}

/*
 * What the rows depend on.
 */

/* Note what a function that the query calls may depend on. */
static bool
note_function(Oid funcid, void *context)
{
	RfmDependence *depends = (RfmDependence *) context;

	if (funcid == F_CURRENT_SETTING_TEXT || funcid == F_CURRENT_SETTING_TEXT_BOOL ||
		funcid == F_SESSION_USER)
		depends->settings = true;
	else if (get_func_namespace(funcid) != PG_CATALOG_NAMESPACE &&
			 func_volatile(funcid) != PROVOLATILE_IMMUTABLE &&
			 getExtensionOfObject(ProcedureRelationId, funcid) != get_extension_oid("rfm", true))
		depends->function = funcid;
	return false;
}

/* Walk a rewritten query: the views in it are replaced, and policies applied. */
static bool
find_dependence(Node *node, void *context)
{
	RfmDependence *depends = (RfmDependence *) context;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		foreach(lc, ((Query *) node)->rtable)
			depends->row_security |= lfirst_node(RangeTblEntry, lc)->securityQuals != NIL;
		return query_tree_walker((Query *) node, find_dependence, context, 0);
	}
	if (IsA(node, SQLValueFunction) && ((SQLValueFunction *) node)->op == SVFOP_SESSION_USER)
		depends->settings = true;
	(void) check_functions_in_node(node, note_function, context);
	return expression_tree_walker(node, find_dependence, context);
}

void
rfm_plan_depends(const char *sql, ParamListInfo params, RfmDependence *depends)
{
	SPIPlanPtr	plan = prepare(sql, params);
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));

	memset(depends, 0, sizeof(*depends));
	(void) find_dependence((Node *) source->query_list, depends);
	SPI_freeplan(plan);
}

void
rfm_plan_look(const char *sql, ParamListInfo params, RfmPlanLook *look)
{
	SPIPlanPtr	plan = prepare(sql, params);
	CachedPlan *cached;
	PlannedStmt *stmt;
	Plan	   *top;

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
}

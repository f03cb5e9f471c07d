/*-------------------------------------------------------------------------
 *
 * expression.c
 *		Parses and checks a model's amount and filter expressions.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "model/expression.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "rewrite/rewriteManip.h"
#include "utils/ruleutils.h"

typedef struct ExpressionContext
{
	const char *what;
	const char *model;
	const char *text;
} ExpressionContext;

static void
expression_error_callback(void *arg)
{
	ExpressionContext *context = (ExpressionContext *) arg;
	int			position = geterrposition();

	/* the position is one in the model's text, not in the user's statement */
	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(context->text);
	}
	errcontext("%s of model \"%s\": %s", context->what, context->model, context->text);
}

/* A bare "*", which only a target list may hold. */
static bool
is_star(Node *node)
{
	return IsA(node, ColumnRef) && IsA(llast(((ColumnRef *) node)->fields), A_Star);
}

/* The expression out of "SELECT expression", if there is nothing else. */
static Node *
single_expression(List *parsetree, const char *what)
{
	SelectStmt *select = NULL;
	ResTarget  *target = NULL;

	if (list_length(parsetree) == 1)
	{
		Node	   *stmt = linitial_node(RawStmt, parsetree)->stmt;

		if (IsA(stmt, SelectStmt))
			select = (SelectStmt *) stmt;
	}
	if (select != NULL && list_length(select->targetList) == 1)
		target = linitial_node(ResTarget, select->targetList);

	if (target == NULL || is_star(target->val) ||
		target->name != NULL || target->indirection != NIL ||
		select->op != SETOP_NONE || select->valuesLists != NIL ||
		select->distinctClause != NIL || select->intoClause != NULL ||
		select->fromClause != NIL || select->whereClause != NULL ||
		select->groupClause != NIL || select->havingClause != NULL ||
		select->windowClause != NIL || select->sortClause != NIL ||
		select->limitOffset != NULL || select->limitCount != NULL ||
		select->lockingClause != NIL || select->withClause != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s must be a single SQL expression", what)));
	return target->val;
}

/* The expression has one value for one row, and looks at no other row. */
static void
check_one_row(ParseState *pstate, Node *expr, const char *what)
{
	if (pstate->p_hasAggs)
		ereport(ERROR,
				(errcode(ERRCODE_GROUPING_ERROR),
				 errmsg("aggregate functions are not allowed in %s", what),
				 parser_errposition(pstate, locate_agg_of_level(expr, 0))));
	if (pstate->p_hasWindowFuncs)
		ereport(ERROR,
				(errcode(ERRCODE_WINDOWING_ERROR),
				 errmsg("window functions are not allowed in %s", what),
				 parser_errposition(pstate, locate_windowfunc(expr))));
	if (expression_returns_set(expr))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-returning functions are not allowed in %s", what)));
}

static bool
has_row_locks(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		if (((Query *) node)->rowMarks != NIL)
			return true;
		return query_tree_walker((Query *) node, has_row_locks, context, 0);
	}
	return expression_tree_walker(node, has_row_locks, context);
}

void
rfm_expression_parse(const char *text, Relation source, const char *what,
					 const char *model, bool boolean, RfmExpression *result)
{
	ExpressionContext context;
	ErrorContextCallback callback;
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item;
	Node	   *expr;

	context.what = what;
	context.model = model;
	context.text = text;
	callback.callback = expression_error_callback;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	pstate->p_sourcetext = text;
	item = addRangeTableEntryForRelation(pstate, source, AccessShareLock,
										 NULL, false, true);
	addNSItemToQuery(pstate, item, true, true, true);

	expr = single_expression(raw_parser(text, RAW_PARSE_PLPGSQL_EXPR), what);

	/* what an expression may hold is checked here, in the model's own terms */
	expr = transformExpr(pstate, expr, EXPR_KIND_OTHER);
	check_one_row(pstate, expr, what);
	if (boolean)
		expr = coerce_to_boolean(pstate, expr, what);
	assign_expr_collations(pstate, expr);

	if (contain_volatile_functions(expr))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s must not use volatile functions", what),
				 errdetail("The same orders would give another snapshot at every refresh."),
				 errhint("Use functions that are marked IMMUTABLE or STABLE.")));
	if (has_row_locks(expr, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s must not lock rows", what)));

	result->type = exprType(expr);
	result->mutable = contain_mutable_functions(expr) || checkExprHasSubLink(expr);
	result->sql = deparse_expression(expr,
									 deparse_context_for(RelationGetRelationName(source),
														 RelationGetRelid(source)),
									 true, false);
	free_parsestate(pstate);
	error_context_stack = callback.previous;
}

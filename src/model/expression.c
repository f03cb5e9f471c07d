/*-------------------------------------------------------------------------
 *
 * expression.c
 *		Parsing and checking of a model's expressions.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "base/catalog.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "model/expression.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

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
	int			code = geterrcode();

	/* the position is one in the model's text, not in the user's statement */
	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(context->text);
	}
	if (code == ERRCODE_UNDEFINED_FUNCTION || code == ERRCODE_UNDEFINED_OBJECT)
		errhint("Names in a model are looked up only in pg_catalog. Qualify those of other schemas: schema.function(...), OPERATOR(schema.->), value::schema.type.");
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

/* Check that the expression has one value per row, and reads no other row. */
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

/*
 * The run date.
 */

#define RUN_DATE_FUNCTION "rfm_run_date"

/* Qualify calls of rfm_run_date(), which users write without its schema. */
static bool
qualify_run_date(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall))
	{
		FuncCall   *call = (FuncCall *) node;

		if (list_length(call->funcname) == 1 && call->args == NIL &&
			strcmp(strVal(linitial(call->funcname)), RUN_DATE_FUNCTION) == 0)
			call->funcname = list_make2(makeString(get_namespace_name(rfm_extension_schema())),
										makeString(RUN_DATE_FUNCTION));
	}
	return raw_expression_tree_walker(node, qualify_run_date, context);
}

static bool
is_run_date_function(Oid funcid, void *context)
{
	return get_func_namespace(funcid) == *(Oid *) context &&
		get_func_nargs(funcid) == 0 &&
		strcmp(get_func_name(funcid), RUN_DATE_FUNCTION) == 0;
}

static bool
uses_run_date(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, uses_run_date, context, 0);
	return check_functions_in_node(node, is_run_date_function, context) ||
		expression_tree_walker(node, uses_run_date, context);
}

/* Replace calls of rfm_run_date() by the parameter that queries have for it. */
static Node *
replace_run_date(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr) && is_run_date_function(((FuncExpr *) node)->funcid, context))
	{
		Param	   *param = makeNode(Param);

		param->paramkind = PARAM_EXTERN;
		param->paramid = RFM_RUN_DATE_PARAM;
		param->paramtype = DATEOID;
		param->paramtypmod = -1;
		param->paramcollid = InvalidOid;
		param->location = -1;
		return (Node *) param;
	}
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, replace_run_date, context, 0);
	return expression_tree_mutator(node, replace_run_date, context);
}

/*
 * The clock.
 */

static bool
is_clock_function(Oid funcid, void *context)
{
	switch (funcid)
	{
		case F_NOW:
		case F_TRANSACTION_TIMESTAMP:
		case F_STATEMENT_TIMESTAMP:
		case F_AGE_TIMESTAMP:
		case F_AGE_TIMESTAMPTZ:
			return true;
		default:
			return false;
	}
}

/*
 * Determine whether a date or time in the text is 'now', 'today' or the like.
 */
static bool
is_clock_literal(const Const *value, const char *source_text)
{
	static const char *const word[] = {"now", "today", "tomorrow", "yesterday"};
	const char *at;

	if (value->location < 0 || value->location >= (int) strlen(source_text) ||
		(value->consttype != DATEOID && value->consttype != TIMESTAMPOID &&
		 value->consttype != TIMESTAMPTZOID && value->consttype != TIMEOID &&
		 value->consttype != TIMETZOID))
		return false;
	at = strpbrk(source_text + value->location, "'$");
	if (at == NULL)
		return false;
	at = *at == '$' ? strchr(at + 1, '$') : at;
	if (at == NULL)
		return false;
	at++;
	at += strspn(at, " \t\r\n");
	for (int i = 0; i < (int) lengthof(word); i++)
		if (pg_strncasecmp(at, word[i], strlen(word[i])) == 0 &&
			!isalnum((unsigned char) at[strlen(word[i])]))
			return true;
	return false;
}

static bool
uses_clock(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, uses_clock, context, 0);
	if (IsA(node, SQLValueFunction) &&
		((SQLValueFunction *) node)->op <= SVFOP_LOCALTIMESTAMP_N)
		return true;
	if (IsA(node, Const) && is_clock_literal((Const *) node, (const char *) context))
		return true;
	return check_functions_in_node(node, is_clock_function, NULL) ||
		expression_tree_walker(node, uses_clock, context);
}

/*
 * Operators of other schemas.
 */

/*
 * Return the type from which an argument is implicitly converted, or
 * InvalidOid.
 */
static Oid
converted_from(Node *arg)
{
	Node	   *from = NULL;

	if (IsA(arg, RelabelType) && ((RelabelType *) arg)->relabelformat == COERCE_IMPLICIT_CAST)
		from = (Node *) ((RelabelType *) arg)->arg;
	else if (IsA(arg, FuncExpr) && ((FuncExpr *) arg)->funcformat == COERCE_IMPLICIT_CAST)
		from = linitial(((FuncExpr *) arg)->args);
	else if (IsA(arg, CoerceViaIO) && ((CoerceViaIO *) arg)->coerceformat == COERCE_IMPLICIT_CAST)
		from = (Node *) ((CoerceViaIO *) arg)->arg;
	return from ? getBaseType(exprType(from)) : InvalidOid;
}

/*
 * Determine whether the schema of a type has an operator of this name for it.
 */
static bool
has_own_operator(const char *name, Oid type, Oid schema)
{
	CatCList   *list = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
	{
		Form_pg_operator form = (Form_pg_operator) GETSTRUCT(&list->members[i]->tuple);

		found = form->oprnamespace == schema &&
			(form->oprleft == type || form->oprright == type);
	}
	ReleaseSysCacheList(list);
	return found;
}

/* The same for a function. */
static bool
has_own_function(const char *name, Oid type, Oid schema)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		for (int arg = 0; arg < form->pronargs && form->pronamespace == schema; arg++)
			found |= form->proargtypes.values[arg] == type;
	}
	ReleaseSysCacheList(list);
	return found;
}

/*
 * Refuse an operator or a function of another type that was found only because
 * the one of the argument's own type is not in the search_path, such as citext
 * compared as text.
 */
static void
check_meaning(const char *name, bool is_operator, List *args, ExpressionContext *context)
{
	ListCell   *lc;

	foreach(lc, args)
	{
		Oid			type = converted_from(lfirst(lc));
		Oid			schema = !OidIsValid(type) ? PG_CATALOG_NAMESPACE :
			GetSysCacheOid1(TYPEOID, Anum_pg_type_typnamespace, ObjectIdGetDatum(type));
		const char *schema_name;

		if (schema == PG_CATALOG_NAMESPACE ||
			!(is_operator ? has_own_operator(name, type, schema) :
			  has_own_function(name, type, schema)))
			continue;
		schema_name = quote_identifier(get_namespace_name(schema));
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
				 errmsg("%s %s in %s has another meaning for type %s",
						is_operator ? "operator" : "function", name, context->what,
						format_type_be(type)),
				 errdetail("Schema %s has another one for that type, but names in a model are looked up only in pg_catalog.",
						   schema_name),
				 is_operator ?
				 errhint("Write OPERATOR(%s.%s) for that, or cast the value, for example to text.",
						 schema_name, name) :
				 errhint("Write %s.%s(...) for that, or cast the value, for example to text.",
						 schema_name, name)));
	}
}

static bool
check_meanings(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, check_meanings, context, 0);
	if (IsA(node, OpExpr) || IsA(node, DistinctExpr) || IsA(node, NullIfExpr))
		check_meaning(get_opname(((OpExpr *) node)->opno), true, ((OpExpr *) node)->args, context);
	else if (IsA(node, ScalarArrayOpExpr))
		check_meaning(get_opname(((ScalarArrayOpExpr *) node)->opno), true,
					  ((ScalarArrayOpExpr *) node)->args, context);
	else if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat != COERCE_IMPLICIT_CAST)
		check_meaning(get_func_name(((FuncExpr *) node)->funcid), false,
					  ((FuncExpr *) node)->args, context);
	return expression_tree_walker(node, check_meanings, context);
}

/* Check everything about a parsed expression except its syntax. */
static void
check_expression(Node *expr, ExpressionContext *context)
{
	if (contain_volatile_functions(expr))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s must not use volatile functions", context->what),
				 errdetail("The same orders would give a different snapshot at every refresh."),
				 errhint("Use functions that are marked IMMUTABLE or STABLE.")));
	if (uses_clock(expr, unconstify(char *, context->text)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s must not use the clock", context->what),
				 errdetail("The snapshot of a past date would be different every day."),
				 errhint("Use rfm_run_date(), which returns the run date.")));
	if (has_row_locks(expr, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s must not lock rows", context->what)));
	(void) check_meanings(expr, context);
}

void
rfm_expression_parse(const char *expression, Relation source, const char *what,
					 const char *model, bool boolean, RfmExpression *result)
{
	ExpressionContext context;
	ErrorContextCallback callback;
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item;
	Node	   *expr;
	Oid			schema;

	context.what = what;
	context.model = model;
	context.text = expression;
	callback.callback = expression_error_callback;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	pstate->p_sourcetext = expression;
	item = addRangeTableEntryForRelation(pstate, source, AccessShareLock,
										 NULL, false, true);
	addNSItemToQuery(pstate, item, true, true, true);

	expr = single_expression(raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR), what);
	(void) qualify_run_date(expr, NULL);

	/* what an expression may hold is checked here, in the model's own terms */
	expr = transformExpr(pstate, expr, EXPR_KIND_OTHER);
	check_one_row(pstate, expr, what);
	if (boolean)
		expr = coerce_to_boolean(pstate, expr, what);
	assign_expr_collations(pstate, expr);

	check_expression(expr, &context);
	result->type = exprType(expr);
	result->typmod = exprTypmod(expr);
	result->collation = exprCollation(expr);
	schema = rfm_extension_schema();
	result->uses_run_date = uses_run_date(expr, &schema);
	expr = replace_run_date(expr, &schema);
	result->sql = deparse_expression(expr,
									 deparse_context_for(RelationGetRelationName(source),
														 RelationGetRelid(source)),
									 true, false);
	free_parsestate(pstate);
	error_context_stack = callback.previous;
}

/*
 * A column, or an expression.
 */

/* Is the text one word, as a column's name usually is? */
static bool
is_single_word(const char *string)
{
	for (const char *at = string; *at; at++)
		if (!isalnum((unsigned char) *at) && *at != '_' && *at != '$' && !IS_HIGHBIT_SET(*at))
			return false;
	return string[0] != '\0' && !isdigit((unsigned char) string[0]);
}

/* The names of the columns, as they are written in a model. */
static char *
column_names(Relation rel)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < tupdesc->natts && names.len < 1000; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 quote_identifier(NameStr(att->attname)));
	}
	return names.data;
}

void
rfm_expression_resolve(const char *expression, Relation source, const char *what,
					   const char *model, RfmExpression *result)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(source), expression);
	Form_pg_attribute att;

	if (attnum <= 0 && is_single_word(expression) &&
		get_attnum(RelationGetRelid(source), downcase_identifier(expression, strlen(expression), false, false)) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("source \"%s\" has no column \"%s\"",
						RelationGetRelationName(source), expression),
				 errdetail("Its columns are: %s.", column_names(source)),
				 errhint("Set the model's \"%s\" to one of them, or to an expression over them.", what)));
	if (attnum <= 0)
	{
		rfm_expression_parse(expression, source, what, model, false, result);
		return;
	}
	att = TupleDescAttr(RelationGetDescr(source), attnum - 1);
	result->sql = psprintf("%s.%s", quote_identifier(RelationGetRelationName(source)),
						   quote_identifier(expression));
	result->type = att->atttypid;
	result->typmod = att->atttypmod;
	result->collation = att->attcollation;
	result->uses_run_date = false;
}

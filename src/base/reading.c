/*-------------------------------------------------------------------------
 *
 * reading.c
 *		A check that queries over another role's table run trusted code only.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "base/catalog.h"
#include "base/reading.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

static post_parse_analyze_hook_type prev_analyze_hook = NULL;

/* Determine whether the current user trusts objects of a role. */
static bool
is_trusted(Oid role)
{
	return role == GetUserId() || superuser_arg(role);
}

pg_noreturn static void
refuse(const char *what, Oid role)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s of role \"%s\" would run with the rights of \"%s\"", what,
					GetUserNameFromId(role, false), GetUserNameFromId(GetUserId(), false)),
			 errdetail("The function converts the type of a column of the model's target."),
			 errhint("The owner of the table can change the columns to built-in types, such as text, integer and numeric.")));
}

static bool
check_function(Oid funcid, void *context)
{
	Oid			owner;

	if (get_func_namespace(funcid) == PG_CATALOG_NAMESPACE)
		return false;
	owner = GetSysCacheOid1(PROCOID, Anum_pg_proc_proowner, ObjectIdGetDatum(funcid));
	if (!is_trusted(owner))
		refuse(psprintf("function %s", format_procedure(funcid)), owner);
	return false;
}

/*
 * The query converts a value to a type.  Only superusers create base types,
 * and enums have no checks, but a domain, or a type that may contain one, runs
 * the checks of its owner.
 */
static void
check_type(Oid type)
{
	HeapTuple	tuple;
	Form_pg_type form;
	Oid			element;
	Oid			owner;
	bool		plain;

	element = get_element_type(type);
	if (OidIsValid(element))
		type = element;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	owner = form->typowner;
	plain = form->typnamespace == PG_CATALOG_NAMESPACE ||
		form->typtype == TYPTYPE_BASE || form->typtype == TYPTYPE_ENUM;
	ReleaseSysCache(tuple);
	if (!plain && !is_trusted(owner))
		refuse(psprintf("type %s", format_type_be(type)), owner);
}

/*
 * The target may have been replaced by a view, which is code of its owner,
 * too.
 */
static void
check_relation(const RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_RELATION ||
		rte->relkind == RELKIND_PARTITIONED_TABLE ||
		get_rel_namespace(rte->relid) == PG_CATALOG_NAMESPACE ||
		is_trusted(rfm_relation_owner(rte->relid)))
		return;
	refuse(psprintf("view %s", quote_identifier(get_rel_name(rte->relid))),
		   rfm_relation_owner(rte->relid));
}

static bool
check_node(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Query:
			{
				ListCell   *lc;

				foreach(lc, ((Query *) node)->rtable)
					check_relation(lfirst_node(RangeTblEntry, lc));
				return query_tree_walker((Query *) node, check_node, context, 0);
			}
		case T_CoerceViaIO:
			check_type(((CoerceViaIO *) node)->resulttype);
			break;
		case T_CoerceToDomain:
			check_type(((CoerceToDomain *) node)->resulttype);
			break;
		default:
			break;
	}
	(void) check_functions_in_node(node, check_function, context);
	return expression_tree_walker(node, check_node, context);
}

static void
look_at_query(ParseState *pstate, Query *query, RfmJumbleState *jstate)
{
	if (prev_analyze_hook)
		prev_analyze_hook(pstate, query, jstate);
	if (pstate->p_sourcetext != NULL && strstr(pstate->p_sourcetext, RFM_READING_MARK) != NULL)
		(void) check_node((Node *) query, NULL);
}

void
rfm_reading_init(void)
{
	prev_analyze_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = look_at_query;
}

/*-------------------------------------------------------------------------
 *
 * guard.c
 *		Checks of what the names in queries have come to mean.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "base/guard.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

static RfmGuard guard = RFM_GUARD_NONE;
static int	guard_level;		/* of the transaction that set it */
static post_parse_analyze_hook_type prev_analyze_hook = NULL;

static bool
is_member(Oid class, Oid object, const char *extension)
{
	Oid			oid = get_extension_oid(extension, true);

	return OidIsValid(oid) && getExtensionOfObject(class, object) == oid;
}

static bool
is_own_function(HeapTuple tuple)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(tuple);

	return proc->proowner == rfm_extension_role() && is_member(ProcedureRelationId, proc->oid, "rfm");
}

/* Determine whether the extension has a function of this name. */
static bool
is_own_name(const char *name)
{
	CatCList   *list;
	bool		found = false;

	if (strncmp(name, "rfm_", 4) != 0)
		return false;
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (int i = 0; i < list->n_members && !found; i++)
		found = is_own_function(&list->members[i]->tuple);
	ReleaseSysCacheList(list);
	return found;
}

/* Is a function, called in a query, one that the guard does not allow? */
static bool
is_strange_function(Oid funcid, void *context)
{
	HeapTuple	tuple;
	Form_pg_proc proc;
	bool		strange;

	if (get_func_namespace(funcid) == PG_CATALOG_NAMESPACE)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	strange = (guard == RFM_GUARD_OWN_TABLES || is_own_name(NameStr(proc->proname))) &&
		!is_own_function(tuple);
	ReleaseSysCache(tuple);
	return strange;
}

/* Is it a table of the extension, or of pg_cron as a superuser has made it? */
static bool
is_own_table(Oid relid)
{
	Oid			owner = rfm_relation_owner(relid);

	if (is_member(RelationRelationId, relid, "rfm"))
		return owner == rfm_extension_role();
	return superuser_arg(owner) && is_member(RelationRelationId, relid, "pg_cron");
}

static bool
is_strange_relation(const RangeTblEntry *rte)
{
	return guard == RFM_GUARD_OWN_TABLES && rte->rtekind == RTE_RELATION &&
		get_rel_namespace(rte->relid) != PG_CATALOG_NAMESPACE &&
		!is_own_table(rte->relid);
}

/* Does a query use anything that the guard does not allow? */
static bool
has_strangers(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		ListCell   *lc;

		foreach(lc, ((Query *) node)->rtable)
			if (is_strange_relation(lfirst_node(RangeTblEntry, lc)))
				return true;
		return query_tree_walker((Query *) node, has_strangers, context, 0);
	}
	return check_functions_in_node(node, is_strange_function, context) ||
		expression_tree_walker(node, has_strangers, context);
}

/*
 * Reading another role's table.
 */

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

/*
 * The hook.
 */

/* Names have been resolved, and nothing has been executed. */
static void
look_at_query(ParseState *pstate, Query *query, RfmJumbleState *jstate)
{
	if (prev_analyze_hook)
		prev_analyze_hook(pstate, query, jstate);
	if (guard != RFM_GUARD_NONE && has_strangers((Node *) query, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("objects that do not belong to the extension rfm have the names of its own"),
				 errdetail("The extension's schema has been renamed, or another role has created a function with the name of one of its functions there."),
				 errhint("Drop functions rfm_... that do not belong to the extension, and do not let other roles create objects in its schema.")));
	if (pstate->p_sourcetext != NULL && strstr(pstate->p_sourcetext, RFM_READING_MARK) != NULL)
		(void) check_node((Node *) query, NULL);
}

RfmGuard
rfm_guard_enter(RfmGuard new_guard)
{
	RfmGuard	before = guard;

	if (before == RFM_GUARD_NONE)
		guard_level = GetCurrentTransactionNestLevel();
	guard = Max(before, new_guard);
	return before;
}

void
rfm_guard_leave(RfmGuard before)
{
	guard = before;
}

static void
at_abort(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		guard = RFM_GUARD_NONE;
}

static void
at_subabort(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && guard_level >= GetCurrentTransactionNestLevel())
		guard = RFM_GUARD_NONE;
}

void
rfm_guard_init(void)
{
	prev_analyze_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = look_at_query;
	RegisterXactCallback(at_abort, NULL);
	RegisterSubXactCallback(at_subabort, NULL);
}

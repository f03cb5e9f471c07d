/*-------------------------------------------------------------------------
 *
 * owner.c
 *		What DROP OWNED does to the models of a role.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "base/version.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "run/create_model.h"
#include "run/owner.h"
#include "utils/acl.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rfm_owner_trigger);

/*
 * Return the names (char *) of the roles' models whose targets exist, or do not.
 * As the owner of the extension's tables: who gives the command need not even have
 * USAGE on its schema.
 */
static List *
models_of(ArrayType *roles, bool with_target)
{
	MemoryContext mcxt = CurrentMemoryContext;
	Oid			types[] = {OIDARRAYOID, BOOLOID};
	Datum		values[] = {PointerGetDatum(roles), BoolGetDatum(with_target)};
	List	   *names = NIL;
	RfmIdentity catalog;

	rfm_catalog_enter(&catalog);
	rfm_query(psprintf("SELECT m.model FROM %s m WHERE m.owner = ANY ($1)"
					   " AND $2 = EXISTS (SELECT FROM pg_class c WHERE c.oid = m.target) ORDER BY m.model",
					   rfm_public_name("rfm_model")), lengthof(types), types, values, false);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext spicxt = MemoryContextSwitchTo(mcxt);

		names = lappend(names, pstrdup(name));
		MemoryContextSwitchTo(spicxt);
	}
	rfm_query_end();
	rfm_catalog_leave(&catalog);
	return names;
}

/* Remove the jobs that rfm_schedule() made for the roles, in this database. */
static void
drop_jobs(ArrayType *roles)
{
	Oid			type = OIDARRAYOID;
	Datum		value = PointerGetDatum(roles);
	int			level = rfm_lock_search_path();
	RfmGuard	save_guard = rfm_guard_enter(RFM_GUARD_OWN_FUNCTIONS);

	rfm_execute("SELECT cron.unschedule(j.jobid) FROM cron.job j JOIN pg_roles a ON a.rolname = j.username::text"
				" WHERE a.oid = ANY ($1) AND j.jobname::text LIKE 'rfm: %' AND j.database::text = current_database()",
				1, &type, &value, NULL, SPI_OK_SELECT);
	rfm_guard_leave(save_guard);
	rfm_unlock_search_path(level);
}

static void
report_kept(const List *models)
{
	StringInfoData names;
	StringInfoData statements;
	const char *table = rfm_public_name("rfm_model");
	ListCell   *lc;

	initStringInfo(&names);
	initStringInfo(&statements);
	foreach(lc, models)
	{
		appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "", (char *) lfirst(lc));
		appendStringInfo(&statements, " UPDATE %s SET owner = 'role' WHERE model = %s;", table,
						 quote_literal_cstr(lfirst(lc)));
	}
	ereport(WARNING,
			(errmsg("models are kept, because their targets belong to other roles"),
			 errdetail("They are: %s.", names.data),
			 errhint("Give them to another role before this one is dropped:%s", statements.data)));
}

void
rfm_owner_drop(ArrayType *roles)
{
	List	   *kept;
	ListCell   *lc;

	foreach(lc, models_of(roles, false))
		rfm_model_delete(lfirst(lc));
	if (superuser() && OidIsValid(get_extension_oid("pg_cron", true)))
		drop_jobs(roles);
	kept = models_of(roles, true);
	if (kept != NIL)
		report_kept(kept);
}

/* Return the OIDs of roles as an array. */
static ArrayType *
role_array(List *roles)
{
	int			n = 0;
	Datum	   *values = palloc(Max(list_length(roles), 1) * sizeof(Datum));
	ListCell   *lc;

	foreach(lc, roles)
		values[n++] = ObjectIdGetDatum(get_rolespec_oid(lfirst(lc), false));
	return construct_array(values, n, OIDOID, sizeof(Oid), true, TYPALIGN_INT);
}

/* Event trigger ON ddl_command_end WHEN TAG IN ('DROP OWNED'). */
Datum
rfm_owner_trigger(PG_FUNCTION_ARGS)
{
	Node	   *statement;

	rfm_version_check();
	statement = CALLED_AS_EVENT_TRIGGER(fcinfo) ? ((EventTriggerData *) fcinfo->context)->parsetree : NULL;
	if (statement == NULL || !IsA(statement, DropOwnedStmt))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function owner_trigger() of the extension rfm can only be called as the event trigger of DROP OWNED")));
	rfm_owner_drop(role_array(((DropOwnedStmt *) statement)->roles));
	PG_RETURN_NULL();
}

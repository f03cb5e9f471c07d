/*-------------------------------------------------------------------------
 *
 * owner.c
 *		What DROP OWNED does to the models of a role.
 *
 * PostgreSQL does not know that models have owners.  An event trigger is told of
 * DROP OWNED after PostgreSQL has done its part, rights included.  It has no event
 * for REASSIGN OWNED and DROP ROLE.
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
#include "utils/acl.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rfm_owner_trigger);

/*
 * Return the names (char *) of the roles' models whose targets exist, or do not.
 * As the owner of the extension's tables: who gives the command need not even have
 * USAGE on its schema.
 */
static List *
models_of(RfmParam roles, bool with_target)
{
	MemoryContext mcxt = CurrentMemoryContext;
	List	   *names = NIL;
	RfmIdentity	catalog;

	rfm_catalog_query(&catalog, "SELECT m.model FROM @rfm_model m WHERE m.owner = ANY ($1)"
					  " AND $2 = EXISTS (SELECT FROM pg_class c WHERE c.oid = m.target) ORDER BY m.model",
					  RFM_PARAMS(roles,
								 rfm_param(BOOLOID, BoolGetDatum(with_target))), false);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *name = MemoryContextStrdup(mcxt, rfm_column_text(i, 1));
		MemoryContext spicxt = MemoryContextSwitchTo(mcxt);

		names = lappend(names, name);
		MemoryContextSwitchTo(spicxt);
	}
	rfm_catalog_query_end(&catalog);
	return names;
}

/* Remove the jobs that rfm_schedule() made for the roles, in this database. */
static void
drop_jobs(RfmParam roles)
{
	RfmIdentity	caller;

	rfm_caller_enter(&caller);
	rfm_execute("SELECT cron.unschedule(j.jobid) FROM cron.job j JOIN pg_roles a ON a.rolname = j.username::text"
				" WHERE a.oid = ANY ($1) AND j.jobname::text LIKE 'rfm: %' AND j.database::text = current_database()",
				SPI_OK_SELECT, RFM_PARAMS(roles));
	rfm_owner_leave(&caller);
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

/*
 * Drop the models of roles whose targets are gone, with their logs, as the
 * current user, who is a superuser or a member of the roles.  A model whose target
 * belongs to another role stays, with a WARNING that has the statements for it.
 * As a superuser, remove the jobs that run as those roles, too: pg_cron stops at a
 * job whose role is gone.
 */
static void
drop_models(RfmParam roles)
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
static RfmParam
role_array(List *roles)
{
	int			n = 0;
	Datum	   *values = palloc(Max(list_length(roles), 1) * sizeof(Datum));
	ListCell   *lc;

	foreach(lc, roles)
		values[n++] = ObjectIdGetDatum(get_rolespec_oid(lfirst(lc), false));
	return rfm_array(OIDARRAYOID, values, n);
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
	drop_models(role_array(((DropOwnedStmt *) statement)->roles));
	PG_RETURN_NULL();
}

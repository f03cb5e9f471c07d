/*-------------------------------------------------------------------------
 *
 * citus.c
 *		Information of Citus, if the database has it, about tables and servers.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/citus.h"
#include "base/identity.h"
#include "base/query.h"
#include "base/settings.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Its catalogs are in pg_catalog, and are dropped with it. */
static bool
has_citus(void)
{
	return OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)) &&
		OidIsValid(get_extension_oid("citus", true));
}

/* Return the result of one function call about one table. */
static Datum
ask(const char *sql, Oid relid, bool *isnull)
{
	*isnull = true;
	if (!has_citus())
		return (Datum) 0;
	return rfm_query_value(sql, RFM_PARAMS(rfm_oid(relid)), true, isnull);
}

bool
rfm_citus_manages(Oid relid)
{
	bool		isnull;

	(void) ask("SELECT true FROM pg_catalog.pg_dist_partition"
			   " WHERE logicalrelid OPERATOR(pg_catalog.=) $1", relid, &isnull);
	return !isnull;
}

char *
rfm_citus_distribution(Oid relid)
{
	bool		isnull;
	Datum		name = ask("SELECT pg_catalog.column_to_column_name(logicalrelid, partkey::pg_catalog.text)"
						   " FROM pg_catalog.pg_dist_partition"
						   " WHERE logicalrelid OPERATOR(pg_catalog.=) $1"
						   " AND partmethod OPERATOR(pg_catalog.=) 'h'", relid, &isnull);

	return isnull ? NULL : TextDatumGetCString(name);
}

void
rfm_citus_refuse_worker(void)
{
	bool		isnull;
	Datum		group;

	if (!has_citus())
		return;
	group = rfm_query_value("SELECT groupid FROM pg_catalog.pg_dist_local_group", NULL, true, &isnull);
	if (!isnull && DatumGetInt32(group) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this server is a worker of Citus and has no models"),
				 errdetail("Models and their log are kept on the coordinator."),
				 errhint("Connect to the coordinator and call the function there.")));
}

static void
append_set(StringInfo body, const char *name, bool reset)
{
	appendStringInfo(body, " SET LOCAL %s TO %s;", name, reset ? "DEFAULT" :
					 quote_literal_cstr(GetConfigOption(name, false, false)));
}

/*
 * Citus repeats a SET LOCAL on its workers if citus.propagate_set_commands
 * says so, and if the statement is part of a transaction block, a procedure or
 * a DO block.
 */
void
rfm_citus_settings(bool reset)
{
	StringInfoData body;
	const char *name;

	if (!has_citus())
		return;
	rfm_set_local("citus.propagate_set_commands", "local");
	initStringInfo(&body);
	appendStringInfoString(&body, "BEGIN");
	for (int i = 0; (name = rfm_locked_setting(i)) != NULL; i++)
		append_set(&body, name, reset);
	append_set(&body, "timezone", reset);
	append_set(&body, RFM_RUN_DATE_SETTING, reset);
	appendStringInfoString(&body, " END");
	(void) rfm_execute(psprintf("DO LANGUAGE plpgsql %s", quote_literal_cstr(body.data)),
					   SPI_OK_UTILITY, NULL);
}

/*-------------------------------------------------------------------------
 *
 * jobs.c
 *		The jobs of pg_cron that refresh a role's models.
 *
 * pg_cron shows a job to the role that it runs as, and only where that role
 * has been let into its schema.  Who may use a model is to see how its job
 * fares all the same, so pg_cron is asked by the owner of the extension's
 * tables, in a function of SQL that nobody else may call.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "jobs.h"
#include "owner.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

void
rfm_jobs_fetch(Oid nsp, Oid role, ReturnSetInfo *rsinfo)
{
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(role);
	RfmOwner	catalog;

	rfm_catalog_enter(&catalog, nsp);
	SPI_connect();
	if (SPI_execute_with_args(psprintf("SELECT * FROM %s($1)",
									   quote_qualified_identifier(get_namespace_name(nsp),
																  "rfm_cron_jobs_of")),
							  1, &type, &value, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the jobs of pg_cron");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	rfm_catalog_leave(&catalog);
}

/*-------------------------------------------------------------------------
 *
 * jobs.c
 *		The jobs of pg_cron that refresh a role's models.
 *
 * pg_cron shows a job only to the role that it runs as, and only if that role
 * has USAGE on its schema.  But a role that may use a model must see whether its
 * job succeeds.  So pg_cron's tables are read as the owner of the extension's
 * tables, for the models that the asking role may use.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "run/jobs.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

/*
 * The jobs of the models $1, which have the names $2 and the owners $3.  Anyone
 * who may use pg_cron can give a job such a name: it is the model's only if the
 * role that it runs as may use the model.
 */
static const char jobs_query[] =
"SELECT m.model, j.jobid, j.username::text, j.schedule::text, j.active,"
" last.status::text, last.return_message::text, last.start_time, last.end_time - last.start_time,"
" failed.runs, failed.since,"
" CASE WHEN zone.known THEN zone.name ELSE 'GMT' END"
" FROM unnest($1, $2, $3) AS m(model, job, owner)"
" JOIN cron.job j ON j.jobname::text = m.job AND j.database::text = current_database()"
" JOIN pg_roles a ON a.rolname = j.username::text AND pg_has_role(a.oid, m.owner, 'USAGE')"
" CROSS JOIN (SELECT count(*) > 0 AS known, max(s.setting) AS name"
" FROM pg_settings s WHERE s.name = 'cron.timezone') AS zone"
" LEFT JOIN LATERAL (SELECT d.status, d.return_message, d.start_time, d.end_time"
" FROM cron.job_run_details d WHERE d.jobid = j.jobid ORDER BY d.runid DESC LIMIT 1) AS last ON true"
" CROSS JOIN LATERAL (SELECT count(*) AS runs, min(coalesce(d.start_time, d.end_time)) AS since"
" FROM cron.job_run_details d WHERE d.jobid = j.jobid AND d.status = 'failed'"
" AND d.runid > coalesce((SELECT max(s.runid) FROM cron.job_run_details s"
" WHERE s.jobid = j.jobid AND s.status = 'succeeded'), 0)) AS failed";

/* Return the name of a model's job, as rfm_internal.job_name() makes it. */
static Datum
job_name(Datum model)
{
	Oid			type = TEXTOID;
	Oid			function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										   CStringGetDatum("job_name"),
										   PointerGetDatum(buildoidvector(&type, 1)),
										   ObjectIdGetDatum(get_namespace_oid(RFM_INTERNAL_SCHEMA, false)));

	if (!OidIsValid(function))
		elog(ERROR, "function job_name(text) is missing");
	return OidFunctionCall1Coll(function, DEFAULT_COLLATION_OID, model);
}

/*
 * Return how many models the role may use, with their names and owners in the
 * caller's memory.
 */
static int
find_models(Oid role, Datum **models, Datum **owners)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;
	int			n = 0;

	rfm_catalog_enter(&catalog);
	rfm_query(psprintf("SELECT model, owner FROM %s", rfm_public_name("rfm_model")),
			  0, NULL, NULL, true);
	*models = MemoryContextAlloc(mcxt, Max(SPI_processed, 1) * sizeof(Datum));
	*owners = MemoryContextAlloc(mcxt, Max(SPI_processed, 1) * sizeof(Datum));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	tupdesc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		owner = SPI_getbinval(tuple, tupdesc, 2, &isnull);
		MemoryContext spicxt;

		if (!has_privs_of_role(role, DatumGetObjectId(owner)))
			continue;
		(*owners)[n] = owner;
		spicxt = MemoryContextSwitchTo(mcxt);
		(*models)[n++] = PointerGetDatum(DatumGetTextPCopy(SPI_getbinval(tuple, tupdesc, 1, &isnull)));
		MemoryContextSwitchTo(spicxt);
	}
	rfm_query_end();
	rfm_catalog_leave(&catalog);
	return n;
}

void
rfm_jobs_fetch(Oid role, ReturnSetInfo *rsinfo)
{
	Oid			cron = get_namespace_oid("cron", true);
	Oid			types[] = {TEXTARRAYOID, TEXTARRAYOID, OIDARRAYOID};
	Datum		values[3];
	Datum	   *models;
	Datum	   *owners;
	Datum	   *jobs;
	int			n;
	RfmIdentity	catalog;

	if (!OidIsValid(get_extension_oid("pg_cron", true)) || !OidIsValid(cron))
		return;
	n = find_models(role, &models, &owners);
	if (n == 0)
		return;
	jobs = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
		jobs[i] = job_name(models[i]);
	values[0] = PointerGetDatum(construct_array(models, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(jobs, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(owners, n, OIDOID, sizeof(Oid), true, TYPALIGN_INT));

	rfm_catalog_enter(&catalog);
	if (rfm_schema_aclcheck(cron, GetUserId(), ACL_USAGE) == ACLCHECK_OK)
	{
		rfm_query(jobs_query, lengthof(values), types, values, true);
		for (uint64 i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
		rfm_query_end();
	}
	rfm_catalog_leave(&catalog);
}

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
#include "base/version.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(rfm_cron_jobs);
PG_FUNCTION_INFO_V1(rfm_cron_troubles);

/* The columns of rfm_internal.cron_job, in their order. */
typedef enum JobColumn
{
	JOB_MODEL,
	JOB_ID,
	JOB_RUNS_AS,
	JOB_SCHEDULE,
	JOB_ACTIVE,
	JOB_ZONE,
	JOB_SCHEDULED_AT,
	JOB_HAS_ROLE,
	JOB_STATUS,					/* from here on from the log */
	JOB_MESSAGE,
	JOB_STARTED_AT,
	JOB_DURATION,
	JOB_FAILURES,
	JOB_FAILING_SINCE,
	JOB_WAITING_SINCE,
	JOB_COLUMNS
} JobColumn;

#define JOB_LOG_COLUMNS JOB_STATUS

typedef struct Job
{
	int64		id;				/* hash key: must be first */
	bool		ran;			/* its last run has been seen in the log */
	bool		settled;		/* and one that succeeded: older ones say nothing */
	int64		failures;
	Datum		value[JOB_COLUMNS];
	bool		null[JOB_COLUMNS];
} Job;

/* The columns of log_query. */
enum
{
	LOG_JOB = 1,
	LOG_STATUS,
	LOG_MESSAGE,
	LOG_STARTED_AT,
	LOG_DURATION,
	LOG_BEGAN_AT,
	LOG_PROCESS
};

/* Models m that the role $1 may use or monitor. */
#define MAY_SEE "(pg_has_role($1, m.owner, 'USAGE') OR pg_has_role($1, 'pg_read_all_stats'::name, 'USAGE'))"

/*
 * The jobs of such models.  Anyone who may use pg_cron can give a job such a name:
 * it is the model's only if the role that it runs as may use the model, or is
 * gone.
 */
static const char jobs_query[] =
"SELECT m.model, j.jobid, j.username::text, j.schedule::text, j.active,"
" CASE WHEN zone.known THEN zone.name ELSE 'GMT' END,"
" to_timestamp(substring(j.command FROM ' -- scheduled at ([0-9]{1,11})$')::float8), a.oid IS NOT NULL"
" FROM (SELECT m.model, rfm_internal.job_name(m.model) AS job, m.owner FROM @rfm_model m WHERE " MAY_SEE " OFFSET 0) AS m"
" JOIN cron.job j ON j.jobname::text = m.job AND j.database::text = current_database()"
" LEFT JOIN pg_roles a ON a.rolname = j.username::text"
" CROSS JOIN (SELECT count(*) > 0 AS known, max(s.setting) AS name"
" FROM pg_settings s WHERE s.name = 'cron.timezone') AS zone"
" WHERE a.oid IS NULL OR pg_has_role(a.oid, m.owner, 'USAGE')";

/* The numbers of the oldest and the newest run in the log; 1 and 0 if it is empty. */
static const char log_span_query[] =
"SELECT coalesce(min(d.runid), 1), coalesce(max(d.runid), 0) FROM cron.job_run_details d";

/*
 * Runs $1 to $2 of the jobs $3, the newest first.  The log has no index but that
 * on its number, and is read from its end, a range of numbers at a time, for as
 * long as there are jobs whose last success has not been seen.
 */
static const char log_query[] =
"SELECT d.jobid, d.status::text, d.return_message::text, d.start_time, d.end_time - d.start_time,"
" coalesce(d.start_time, d.end_time), d.job_pid"
" FROM cron.job_run_details d WHERE d.runid BETWEEN $1 AND $2 AND d.jobid = ANY ($3) ORDER BY d.runid DESC";

#define LOG_FIRST_RUNS 500
#define LOG_MOST_RUNS 20000

/*
 * Problems of pg_cron as a whole, if there is such a model. $2: size in bytes from
 * which on its log is large.
 */
static const char troubles_query[] =
"WITH launcher AS (SELECT count(*) AS n FROM pg_stat_activity a WHERE a.backend_type = 'pg_cron launcher'),"
" setting AS MATERIALIZED (SELECT s.name, s.setting FROM pg_settings s WHERE s.name IN ('cron.database_name', 'cron.launch_active_jobs'))"
" SELECT t.finding, t.detail, NULL::timestamptz, t.to_do FROM (VALUES"
" (1, 'scheduler not loaded', NOT EXISTS (SELECT FROM setting s WHERE s.name = 'cron.database_name'),"
"  'pg_cron is not in shared_preload_libraries: no job runs.',"
"  'set shared_preload_libraries = ''pg_cron'' in postgresql.conf, beside what stands there, and restart the server'),"
" (2, 'job owner gone', EXISTS (SELECT FROM cron.job j WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = j.username::text)),"
"  'Jobs belong to roles that do not exist any more. pg_cron stops at such a job, and with it all others.',"
"  'as a superuser: DELETE FROM cron.job j WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = j.username::text);'),"
" (3, 'scheduler down', EXISTS (SELECT FROM setting s WHERE s.name = 'cron.database_name')"
"  AND (SELECT n = 0 FROM launcher) AND pg_has_role('pg_read_all_stats', 'USAGE'),"
"  'The launcher of pg_cron does not run: no job does.', 'see the server''s log; pg_cron starts with the server'),"
" (4, 'scheduler paused', EXISTS (SELECT FROM setting s WHERE s.name = 'cron.launch_active_jobs' AND s.setting = 'off'),"
"  'cron.launch_active_jobs is off: no job runs.', 'set cron.launch_active_jobs = on in postgresql.conf and reload it'),"
" (5, 'log large', pg_table_size('cron.job_run_details') > $2,"
"  format('cron.job_run_details takes %s; pg_cron keeps it forever.', pg_size_pretty(pg_table_size('cron.job_run_details'))),"
"  'delete old rows: DELETE FROM cron.job_run_details WHERE end_time < now() - interval ''30 days''; VACUUM cron.job_run_details;')"
") AS t(place, finding, found, detail, to_do)"
" WHERE t.found AND EXISTS (SELECT FROM @rfm_model m WHERE " MAY_SEE ") ORDER BY t.place";

#define LARGE_LOG_BYTES (INT64CONST(256) * 1024 * 1024)

/* Put the jobs of the models that a role may see into a hash table by their numbers. */
static HTAB *
read_jobs(Oid role)
{
	MemoryContext mcxt = CurrentMemoryContext;
	HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(Job),.hcxt = mcxt};
	HTAB	   *jobs = hash_create("rfm jobs", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	RfmIdentity	catalog;

	rfm_catalog_query(&catalog, jobs_query, RFM_PARAMS(rfm_oid(role)), true);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int64		id = DatumGetInt64(rfm_column(i, JOB_ID + 1, &isnull));
		bool		found;
		Job		   *job = hash_search(jobs, &id, HASH_ENTER, &found);

		if (found)
			continue;
		job->ran = job->settled = false;
		job->failures = 0;
		for (int c = 0; c < JOB_COLUMNS; c++)
		{
			job->value[c] = (Datum) 0;
			job->null[c] = true;
			if (c < JOB_LOG_COLUMNS)
				job->value[c] = rfm_column_copy(i, c + 1, mcxt, &job->null[c]);
		}
	}
	rfm_catalog_query_end(&catalog);
	return jobs;
}

/* Process one run of a job from the log, after newer ones. */
static void
take_run(Job *job, uint64 row, MemoryContext mcxt)
{
	bool		isnull;
	char	   *status = rfm_column_text(row, LOG_STATUS);

	if (!job->ran)
	{
		job->ran = true;
		job->value[JOB_STATUS] = rfm_column_copy(row, LOG_STATUS, mcxt, &job->null[JOB_STATUS]);
		job->value[JOB_MESSAGE] = rfm_column_copy(row, LOG_MESSAGE, mcxt, &job->null[JOB_MESSAGE]);
		job->value[JOB_STARTED_AT] = rfm_column_copy(row, LOG_BEGAN_AT, mcxt, &job->null[JOB_STARTED_AT]);
		job->value[JOB_DURATION] = rfm_column_copy(row, LOG_DURATION, mcxt, &job->null[JOB_DURATION]);
		/* the process, until it is known what it waits for */
		if (status && strcmp(status, "running") == 0)
			job->value[JOB_WAITING_SINCE] = rfm_column_copy(row, LOG_PROCESS, mcxt, &isnull);
	}
	if (status && strcmp(status, "succeeded") == 0)
		job->settled = true;
	else if (status && strcmp(status, "failed") == 0)
	{
		job->failures++;
		job->value[JOB_FAILING_SINCE] = rfm_column_copy(row, LOG_BEGAN_AT, mcxt,
											 &job->null[JOB_FAILING_SINCE]);
	}
}

/* Return the numbers of the jobs whose last success has not been seen; *n: how many. */
static Datum *
unsettled_jobs(HTAB *jobs, int *n)
{
	Datum	   *ids = palloc(Max(hash_get_num_entries(jobs), 1) * sizeof(Datum));
	HASH_SEQ_STATUS scan;
	Job		   *job;

	*n = 0;
	hash_seq_init(&scan, jobs);
	while ((job = hash_seq_search(&scan)) != NULL)
		if (!job->settled)
			ids[(*n)++] = Int64GetDatum(job->id);
	return ids;
}

/* Read the log from its end until every job's last success has been seen. */
static void
read_log(HTAB *jobs)
{
	MemoryContext mcxt = CurrentMemoryContext;
	int64		runs = LOG_FIRST_RUNS;
	int64		oldest;
	int64		newest;
	bool		isnull;

	rfm_query(log_span_query, NULL, true);
	oldest = DatumGetInt64(rfm_column(0, 1, &isnull));
	newest = DatumGetInt64(rfm_column(0, 2, &isnull));
	SPI_finish();
	for (; newest >= oldest; newest -= runs, runs = Min(4 * runs, LOG_MOST_RUNS))
	{
		int			unsettled;
		Datum	   *ids = unsettled_jobs(jobs, &unsettled);

		if (unsettled == 0)
			break;
		rfm_query(log_query, RFM_PARAMS(rfm_int8(newest - runs + 1), rfm_int8(newest),
										rfm_array(INT8ARRAYOID, ids, unsettled)), true);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			int64		id = DatumGetInt64(rfm_column(i, LOG_JOB, &isnull));
			Job		   *job = hash_search(jobs, &id, HASH_FIND, NULL);

			if (!job->settled)
				take_run(job, i, mcxt);
		}
		SPI_finish();
	}
}

/* Determine since when the process of a running job has waited for a lock. */
static void
find_waiting(Job *job)
{
	int32		process = DatumGetInt32(job->value[JOB_WAITING_SINCE]);

	job->value[JOB_WAITING_SINCE] = (Datum) 0;
	if (process > 0)
		job->value[JOB_WAITING_SINCE] =
			rfm_query_value("SELECT min(l.waitstart) FROM pg_locks l WHERE l.pid = $1 AND NOT l.granted",
							RFM_PARAMS(rfm_int4(process)), true, &job->null[JOB_WAITING_SINCE]);
}

/*
 * Determine whether pg_cron is in this database and the extension's role may read
 * its tables.
 */
static bool
may_read_cron(void)
{
	Oid			cron = get_namespace_oid("cron", true);

	return OidIsValid(get_extension_oid("pg_cron", true)) && OidIsValid(cron) &&
		rfm_schema_aclcheck(cron, rfm_relation_owner(rfm_extension_table("rfm_model")), ACL_USAGE) == ACLCHECK_OK;
}

/*
 * rfm_internal.cron_jobs() RETURNS SETOF cron_job: those of the models that the
 * caller may use, or monitor as a member of pg_read_all_stats; none if pg_cron is
 * not in this database.
 */
Datum
rfm_cron_jobs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			role = GetUserId();
	RfmIdentity	catalog;
	HASH_SEQ_STATUS scan;
	HTAB	   *jobs;
	Job		   *job;

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	if (!may_read_cron())
		return (Datum) 0;
	jobs = read_jobs(role);
	rfm_catalog_enter(&catalog);
	read_log(jobs);
	hash_seq_init(&scan, jobs);
	while ((job = hash_seq_search(&scan)) != NULL)
	{
		find_waiting(job);
		job->value[JOB_FAILURES] = Int64GetDatum(job->failures);
		job->null[JOB_FAILURES] = false;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, job->value, job->null);
	}
	rfm_owner_leave(&catalog);
	return (Datum) 0;
}

/*
 * rfm_internal.cron_troubles() RETURNS SETOF cron_trouble: the problems of pg_cron
 * as a whole, the worst first, for roles that may use or monitor a model.
 */
Datum
rfm_cron_troubles(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RfmIdentity	catalog;

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	if (!may_read_cron())
		return (Datum) 0;
	rfm_catalog_query(&catalog, troubles_query, RFM_PARAMS(rfm_oid(GetUserId()), rfm_int8(LARGE_LOG_BYTES)), true);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	rfm_catalog_query_end(&catalog);
	return (Datum) 0;
}

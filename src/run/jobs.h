/*-------------------------------------------------------------------------
 *
 * jobs.h
 *		The jobs of pg_cron that refresh a role's models.
 *
 * Takes a role; gives what the view rfm_jobs and rfm_health() know of pg_cron.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_JOBS_H
#define RFM_RUN_JOBS_H

#include "nodes/execnodes.h"

/* Setting rfm.source_stale_days: from how many days on a newest order is reported. */
extern int	rfm_source_stale_days;

/*
 * rfm_jobs_fetch: put the jobs of the models that role may use, or as a member of
 * pg_read_all_stats watch, into rsinfo->setResult, as rows of
 * rfm_internal.cron_job; none where there is no pg_cron in this database.
 */
extern void rfm_jobs_fetch(Oid role, ReturnSetInfo *rsinfo);

/*
 * rfm_cron_troubles_fetch: put what is wrong with pg_cron as a whole into
 * rsinfo->setResult, as rows of rfm_internal.cron_trouble, the worst first; none
 * where role has no model to use or watch, or there is no pg_cron in this
 * database.
 */
extern void rfm_cron_troubles_fetch(Oid role, ReturnSetInfo *rsinfo);

#endif							/* RFM_RUN_JOBS_H */

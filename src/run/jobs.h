/*-------------------------------------------------------------------------
 *
 * jobs.h
 *		The jobs of pg_cron that refresh a role's models.
 *
 * Takes a role; returns the information about pg_cron for the view rfm_jobs
 * and for rfm_health().
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_JOBS_H
#define RFM_RUN_JOBS_H

#include "nodes/execnodes.h"

/*
 * Setting rfm.source_stale_days: the age of the newest order, in days, from
 * which on it is reported.
 */
extern int	rfm_source_stale_days;

/*
 * rfm_jobs_fetch: put the jobs of the models that role may use, or monitor as
 * a member of pg_read_all_stats, into rsinfo->setResult, as rows of
 * rfm_internal.cron_job; none if pg_cron is not in this database.
 */
extern void rfm_jobs_fetch(Oid role, ReturnSetInfo *rsinfo);

/*
 * rfm_cron_troubles_fetch: put the problems of pg_cron as a whole into
 * rsinfo->setResult, as rows of rfm_internal.cron_trouble, the worst first;
 * none if role may not use or monitor any model, or if pg_cron is not in this
 * database.
 */
extern void rfm_cron_troubles_fetch(Oid role, ReturnSetInfo *rsinfo);

#endif							/* RFM_RUN_JOBS_H */

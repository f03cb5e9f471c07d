/*-------------------------------------------------------------------------
 *
 * jobs.h
 *		The jobs of pg_cron that refresh a role's models.
 *
 * Takes a role; gives the rows of the view rfm_jobs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_JOBS_H
#define RFM_RUN_JOBS_H

#include "nodes/execnodes.h"

/*
 * rfm_jobs_fetch: put the jobs of the models that role may use into
 * rsinfo->setResult, as rows of rfm_cron_job; none where there is no pg_cron.
 */
extern void rfm_jobs_fetch(Oid role, ReturnSetInfo *rsinfo);

#endif							/* RFM_RUN_JOBS_H */

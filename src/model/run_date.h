/*-------------------------------------------------------------------------
 *
 * run_date.h
 *		The run date of the current refresh, for the SQL of sources.
 *
 * rfm_run_date() gives it to expressions of a model and to views that a model
 * reads.  It is a setting while a model's query runs, so that parallel workers
 * have it, too.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_MODEL_RUN_DATE_H
#define RFM_MODEL_RUN_DATE_H

#include "utils/date.h"

/* The value of the date while one query reads the orders of many dates. */
#define RFM_MANY_DATES PG_INT32_MIN

/*
 * rfm_run_date_set: set the date, or RFM_MANY_DATES, until the end of the
 * surrounding nesting level of settings (rfm_owner_enter), or of the
 * subtransaction.
 */
extern void rfm_run_date_set(DateADT date);

/*
 * rfm_run_date_was_asked: determine whether rfm_run_date() has been called
 * with RFM_MANY_DATES since the date was last set.  It returned null then, and
 * the rows that were read are of no use.
 */
extern bool rfm_run_date_was_asked(void);

#endif							/* RFM_MODEL_RUN_DATE_H */

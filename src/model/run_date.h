/*-------------------------------------------------------------------------
 *
 * run_date.h
 *		The date that is being computed, for the SQL of sources.
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

/* The setting that holds it, for servers that have a part in a query. */
#define RFM_RUN_DATE_SETTING "rfm.run_date"

/* What the date is while one query reads the orders of many. */
#define RFM_MANY_DATES PG_INT32_MIN

/* rfm_run_date_init: defines the setting; to be called when the library is loaded. */
extern void rfm_run_date_init(void);

/*
 * rfm_run_date_set: the date, or RFM_MANY_DATES, until the end of the
 * surrounding nesting level of settings (rfm_owner_enter), or subtransaction.
 */
extern void rfm_run_date_set(DateADT date);

/*
 * rfm_run_date_was_asked: has rfm_run_date() been called with RFM_MANY_DATES
 * since the date was last set?  It gives null then, and what was read is of no
 * use.
 */
extern bool rfm_run_date_was_asked(void);

#endif							/* RFM_MODEL_RUN_DATE_H */

/*-------------------------------------------------------------------------
 *
 * run_merge.h
 *		The customers of all runs, in key order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_RUN_MERGE_H
#define RFM_COLLECT_RUN_MERGE_H

#include "collect/types.h"

/*
 * rfm_run_merge_begin: Write what is left in the table to a last run, free the
 * table, and open all runs.  To be called once, when everything has been added.
 */
extern void rfm_run_merge_begin(RfmCollector *c);

/*
 * rfm_run_merge_next: Get the next customer in key order; false where there is
 * none.  What the entry points to lives until the next call.  Raises the errors
 * of entry.h.
 */
extern bool rfm_run_merge_next(RfmCollector *c, RfmEntry *entry);

/*
 * rfm_run_merge_orders: Return what is kept of the visits of that customer, *n in
 * all.  It lives as long as the entry.
 */
extern const Datum *rfm_run_merge_orders(const RfmCollector *c, int64 *n);

/* rfm_run_merge_end: Close the runs, and delete their files. */
extern void rfm_run_merge_end(RfmCollector *c);

#endif							/* RFM_COLLECT_RUN_MERGE_H */

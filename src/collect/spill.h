/*-------------------------------------------------------------------------
 *
 * spill.h
 *		Writing the collector's table to runs when it reaches its memory limit.
 *
 * A table that is full is written to a temporary file, a run: its customers in
 * the order of their keys, each with its distinct orders.  Every process of a
 * query writes runs of its own.  Finally the leader reads all of them in
 * parallel, and returns the customers in key order, each merged from its runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_SPILL_H
#define RFM_COLLECT_SPILL_H

#include "collect/types.h"

/* rfm_spill_table: Write the table to a run, after which it is empty. */
extern void rfm_spill_table(RfmCollector *c);

/* rfm_spill_if_full: Do so if the table exceeds its bound of memory. */
static inline void
rfm_spill_if_full(RfmCollector *c)
{
	if (unlikely(c->used > c->bound))
		rfm_spill_table(c);
}

/* rfm_spill_add_runs: Add the runs that another process wrote to those of a table. */
extern void rfm_spill_add_runs(RfmCollector *c, const RfmRun *run, int64 nruns);

#endif							/* RFM_COLLECT_SPILL_H */

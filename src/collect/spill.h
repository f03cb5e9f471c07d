/*-------------------------------------------------------------------------
 *
 * spill.h
 *		The collector's table past its bound of memory.
 *
 * A table that is full is emptied into two sorts by PostgreSQL's tuplesort, of
 * customers and of distinct orders, which use temporary files.  In the end the
 * customers come back in key order, each merged from all the times that it was
 * in the table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_SPILL_H
#define RFM_COLLECT_SPILL_H

#include "collect/types.h"
#include "utils/resowner.h"

/*
 * The resource owner of the temporary files; NULL: the current one.  To be set
 * while a query runs in a subtransaction that ends before the files are read.
 */
extern ResourceOwner rfm_spill_owner;

/*
 * rfm_spill_table: Move all customers and orders to the sorts, after which the
 * table is empty.  Raises PROGRAM_LIMIT_EXCEEDED in a parallel plan, where a
 * state must stay in memory.
 */
extern void rfm_spill_table(RfmCollector *c);

/* rfm_spill_if_full: Do so if the table exceeds its bound of memory. */
static inline void
rfm_spill_if_full(RfmCollector *c)
{
	if (unlikely(c->used > c->bound))
		rfm_spill_table(c);
}

/*
 * rfm_spill_finish: Spill what is left in the table, free the table, and sort.
 * To be called once, when everything has been added.
 */
extern void rfm_spill_finish(RfmCollector *c);

/*
 * rfm_spill_next: Get the next customer in key order; false where there is
 * none.  What the entry points to lives until the next call.
 */
extern bool rfm_spill_next(RfmCollector *c, RfmEntry *entry);

/* rfm_spill_end: Free memory and files of the sorts. */
extern void rfm_spill_end(RfmCollector *c);

#endif							/* RFM_COLLECT_SPILL_H */

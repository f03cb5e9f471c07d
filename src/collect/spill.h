/*-------------------------------------------------------------------------
 *
 * spill.h
 *		The collector's table past its bound of memory.
 *
 * Takes the customers, and the distinct orders, of a table that is full and
 * puts them into sorts by PostgreSQL's tuplesort, which go to temporary files.
 * In the end gives the customers back in key order, each merged from all the
 * times that it was in the table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_SPILL_H
#define RFM_COLLECT_SPILL_H

#include "collect/types.h"
#include "utils/resowner.h"

/*
 * Whom temporary files belong to while a query runs in a subtransaction that
 * ends before they do; NULL: the current resource owner.
 */
extern ResourceOwner rfm_spill_owner;

/*
 * rfm_spill_table: moves all customers and orders to the sorts, after which
 * the table is empty.
 */
extern void rfm_spill_table(RfmCollector *c);

/*
 * rfm_spill_finish: nothing more will come: spills what is left in the table,
 * and frees it.  The reading can begin.
 */
extern void rfm_spill_finish(RfmCollector *c);

/*
 * rfm_spill_next: the next customer in key order; false where there is none.
 * The images it points to live until the next call.
 */
extern bool rfm_spill_next(RfmCollector *c, RfmEntry *entry, double *low);

/* rfm_spill_end: frees memory and files. */
extern void rfm_spill_end(RfmCollector *c);

#endif							/* RFM_COLLECT_SPILL_H */

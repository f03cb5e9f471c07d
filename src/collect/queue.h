/*-------------------------------------------------------------------------
 *
 * queue.h
 *		The queue of rows that are to be added to the collector's table.
 *
 * Most of the time that a row takes is spent waiting for memory: the place in
 * the index, the customer, the customer's key.  So rows wait in a queue while
 * each of these is prefetched.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_QUEUE_H
#define RFM_COLLECT_QUEUE_H

#include "collect/types.h"

/*
 * rfm_queue_add: Add a row.  Of *row, the hashes need not be set; keys and
 * amount are copied where the row waits.  Raises the errors of entry.h and
 * spill.h, perhaps only for a later row.
 */
extern void rfm_queue_add(RfmCollector *c, const RfmWaitingRow *row);

/* rfm_queue_drain: Put all rows that wait into the table. */
extern void rfm_queue_drain(RfmCollector *c);

#endif							/* RFM_COLLECT_QUEUE_H */

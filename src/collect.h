/*-------------------------------------------------------------------------
 *
 * collect.h
 *		The per-customer table: last order, number of orders, sum of amounts.
 *
 * The aggregate rfm_collect(customer, ordered_at, amount [, order_id]) runs
 * over the whole source as one group.  Its state is the table itself, so the
 * planner parallelizes it like any aggregate: each worker fills a table of
 * its own, which travels to the leader serialized and is merged there.  Its
 * result is not a value but a claim ticket: whoever ran the query takes the
 * table with rfm_collector_claim().
 *
 * Customers are kept densely, in the order of their first appearance; an
 * open-addressed index of (hash, number) pairs finds them.  Rows are handled
 * in batches, so that the cache misses of one batch overlap.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_H
#define RFM_COLLECT_H

#include "key.h"
#include "money.h"

/* One customer. */
typedef struct RfmEntry
{
	Datum		key;
	int64		last;			/* latest order time, in the column's own type */
	RfmSum		sum;
	uint32		orders;			/* rows, or distinct order ids */
	uint8		scale;			/* of sum */
	uint8		form;			/* of sum: RfmAmountForm */
} RfmEntry;

/* One distinct order id of one customer. */
typedef struct RfmOrderSlot
{
	Datum		order;
	uint32		customer;		/* number of the entry, plus one; 0: empty */
	uint32		hash;
} RfmOrderSlot;

#define RFM_BATCH_ROWS 64

typedef struct RfmBatchRow
{
	Datum		key;
	Datum		order;
	int64		last;
	RfmAmount	amount;
	uint32		hash;
	uint32		order_hash;
	uint32		customer;
	bool		has_order;
} RfmBatchRow;

typedef struct RfmCollector
{
	MemoryContext mcxt;			/* everything below lives here */

	RfmKeyType	customer_type;
	RfmKeyType	order_type;
	bool		distinct_orders;	/* count distinct order ids, not rows */
	Oid			time_type;		/* date, timestamp or timestamptz */
	Oid			amount_type;	/* base type of the amounts */
	RfmAmountKind amount_kind;

	RfmEntry   *entry;
	double	   *low;			/* low parts of floating-point sums, else NULL */
	int64		nentries;
	int64		entry_space;
	uint64	   *slot;			/* hash in the upper half, number + 1 below */
	uint64		slot_mask;

	RfmOrderSlot *order_slot;
	uint64		order_mask;
	int64		norders;		/* occupied order slots */

	int64		rows;			/* rows taken */

	char	   *arena;			/* images of by-reference keys */
	Size		arena_left;

	int			nbatch;
	RfmBatchRow batch[RFM_BATCH_ROWS];
	char	   *batch_arena;	/* images of the keys of one batch */
	Size		batch_arena_size;
	Size		batch_arena_used;
} RfmCollector;

/*
 * rfm_collector_claim: the collector behind the ticket that rfm_collect()
 * returned, moved into mcxt.  Each ticket can be claimed once, in the backend
 * that made it and before the query that made it ends; raises an error for
 * any other.
 */
extern RfmCollector *rfm_collector_claim(int64 ticket, MemoryContext mcxt);

/*
 * rfm_collector_close: frees what only adding customers needs.
 */
extern void rfm_collector_close(RfmCollector *c);

#endif							/* RFM_COLLECT_H */

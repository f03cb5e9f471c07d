/*-------------------------------------------------------------------------
 *
 * types.h
 *		The per-customer table: last order, number of orders, sum of amounts.
 *
 * The aggregate rfm_collect(customer, ordered_at, amount [, order_id]) runs
 * over the whole source as one group.  Its state is the table itself, so the
 * planner parallelizes it like any aggregate: each worker fills a table of
 * its own, which travels to the leader serialized and is merged there.  Its
 * result is not a value but a claim ticket: whoever ran the query takes the
 * table with rfm_collector_claim().
 *
 * Customers are numbered in the order of their first appearance and stand in
 * segments that never move; an open-addressed index of (hash, number) pairs
 * finds them.  A hash's leading bits say where in the index it belongs, so
 * that tables of any sizes have their customers in the same order there, and
 * one is merged into another from front to back.  Rows wait in a queue while
 * what they need comes from memory, so that nothing waits for memory.
 *
 * Past a bound of memory the table empties itself into sorted temporary files
 * (collect_spill.h) and goes on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_TYPES_H
#define RFM_COLLECT_TYPES_H

#include "base/memory.h"
#include "value/key.h"
#include "value/money.h"

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

/*
 * What a customer and a distinct order count for, images of keys apart: their
 * share of the table, or of the arrays that a snapshot is made of, whichever
 * is more.
 */
#define RFM_CUSTOMER_BYTES 96
#define RFM_ORDER_BYTES 48

/* So many customers stand together: 2 MB of them. */
#define RFM_SEGMENT_BITS 16
#define RFM_SEGMENT_ENTRIES (1 << RFM_SEGMENT_BITS)

/* One distinct order id of one customer. */
typedef struct RfmOrderSlot
{
	Datum		order;
	uint32		customer;		/* number of the customer, plus one; 0: empty */
	uint32		hash;
} RfmOrderSlot;

/* Rows of one customer, and one order, that came one after another. */
typedef struct RfmWaitingRow
{
	Datum		key;
	Datum		order;
	int64		last;
	RfmAmount	amount;			/* of all of them */
	uint32		rows;
	uint32		hash;			/* of key */
	uint32		order_hash;		/* of order and key */
	bool		has_order;
} RfmWaitingRow;

/*
 * Rows wait for their turn while the memory that they need is on its way: the
 * place in the index first, then the customer it points to.
 */
#define RFM_WAITING_ROWS 64

typedef struct RfmQueue
{
	uint64		arrived;		/* rows that ever came */
	uint64		taken;			/* rows that are in the table */
	RfmWaitingRow row[2 * RFM_WAITING_ROWS];	/* by number, in a circle */

	/* images of the keys of each half of the circle */
	char	   *image[2];
	Size		image_size;
	Size		image_used;		/* in the half that fills */
} RfmQueue;

typedef struct RfmCollector
{
	MemoryContext mcxt;			/* everything below lives here */

	RfmKeyType	customer_type;
	RfmKeyType	order_type;
	bool		distinct_orders;	/* count distinct order ids, not rows */
	Oid			time_type;		/* date, timestamp or timestamptz */
	Oid			amount_type;	/* base type of the amounts */
	RfmAmountKind amount_kind;

	RfmEntry  **segment;
	double	  **low_segment;	/* low parts of floating-point sums, else NULL */
	int			nsegments;
	int			segment_space;
	int64		nentries;

	/* the index, in one of two forms: see collect_index.h */
	uint64	   *slot;			/* hash in the upper half, number + 1 below */
	int			slot_bits;		/* there are 2 ^ slot_bits */
	uint32	   *direct;			/* number + 1, by key; else NULL */
	int64		direct_low;		/* the first key in it */
	uint64		direct_span;	/* how many keys it has room for */

	RfmOrderSlot *order_slot;
	int			order_bits;
	int64		norders;		/* occupied order slots */

	int64		rows;			/* rows taken */
	int64		rows_shown;		/* of them, to whoever watches */

	RfmPool		entries;		/* memory of the segments, in its own context */
	RfmPool		images;			/* memory of by-reference keys, in its own context */
	MemoryContext sums;			/* of wide sums */

	Size		used;			/* bytes that the customers count for */
	Size		bound;			/* how many they may */
	bool		partial;		/* of a parallel plan: cannot spill */
	bool		images_differ;	/* some keys are equal, but not the same */
	bool		in_key_order;	/* customers are numbered in the order of their keys */
	struct RfmSpill *spill;		/* NULL: all is in the table */

	RfmQueue	queue;
} RfmCollector;

/* rfm_entry: the customer with a number. */
static inline RfmEntry *
rfm_entry(const RfmCollector *c, int64 number)
{
	return &c->segment[number >> RFM_SEGMENT_BITS][number & (RFM_SEGMENT_ENTRIES - 1)];
}

/* rfm_entry_low: the low part of its sum; NULL where sums have none. */
static inline double *
rfm_entry_low(const RfmCollector *c, int64 number)
{
	if (c->low_segment == NULL)
		return NULL;
	return &c->low_segment[number >> RFM_SEGMENT_BITS][number & (RFM_SEGMENT_ENTRIES - 1)];
}

/*
 * rfm_collector_ticket: a number under which a collector can be claimed, once,
 * in this backend and while its memory lasts.
 */
extern int64 rfm_collector_ticket(RfmCollector *c);

/*
 * rfm_collector_claim: the collector behind a ticket, moved into mcxt.  Raises
 * an error for a ticket that was claimed, or never made in this backend.
 */
extern RfmCollector *rfm_collector_claim(int64 ticket, MemoryContext mcxt);

/* rfm_collector_close: frees what only adding customers needs. */
extern void rfm_collector_close(RfmCollector *c);

/* rfm_collector_free_entries: frees the customers, but not what they point to. */
extern void rfm_collector_free_entries(RfmCollector *c);

/*
 * rfm_collector_end: frees the collector, but not the images of keys, which
 * from now on belong to the context around it.
 */
extern void rfm_collector_end(RfmCollector *c);

#endif							/* RFM_COLLECT_TYPES_H */

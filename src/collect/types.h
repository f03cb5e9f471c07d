/*-------------------------------------------------------------------------
 *
 * types.h
 *		The per-customer table: last order, number of orders, sum of amounts.
 *
 * The aggregate rfm_internal.collect(customer, ordered_at, amount [, order_id]),
 * or collect_counted(customer, ordered_at, amount, orders [, order_id]),
 * each also as ..._within(group, ...) for customers who are told apart by a group,
 * or collect_visits(customer, ordered_at, amount, orders) for days instead of
 * orders (visit.h), runs over the whole source as one group.  Its state is the table itself, so
 * the planner parallelizes it like any aggregate: each worker fills a table of
 * its own, which travels to the leader serialized and is merged there.  Its
 * result is not a value but a ticket (ticket.h), by which whoever ran the query
 * takes the table.
 *
 * Customers are numbered in the order of their first appearance and stand in
 * segments that never move; an index of (hash, number) pairs finds them.  A
 * hash's leading bits say where in the index it belongs, so that tables of any
 * sizes have their customers in the same order there, and one is merged into
 * another from front to back.  Rows wait in a queue (queue.h) until the memory
 * that they need has been prefetched.
 *
 * When the table exceeds its bound of memory, it is written to a temporary file
 * in the order of its keys (spill.h) and filled again.
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
	int64		last;			/* latest order time, in the column's own type; of
								 * visits, the first day times -1 */
	RfmSum		sum;			/* last: see rfm_entry */
} RfmEntry;

/*
 * What a customer and a distinct order count for, images of keys apart: their
 * share of the table, or of the arrays that a snapshot is made of, whichever
 * is more.
 */
#define RFM_CUSTOMER_BYTES 96
#define RFM_ORDER_BYTES 48

/* The same of what is kept of a visit: its place in the list, and later among its customer's. */
#define RFM_VISIT_BYTES 24

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
	uint32		orders;			/* that they stand for */
	uint32		hash;			/* of key */
	uint32		order_hash;		/* of order and key */
	bool		has_order;
} RfmWaitingRow;

/*
 * While a row waits, first the place in the index that it needs is prefetched,
 * then the customer found there.
 */
#define RFM_WAITING_ROWS 64

typedef struct RfmQueue
{
	uint64		arrived;		/* rows that ever came */
	uint64		taken;			/* rows that are in the table */
	RfmWaitingRow row[2 * RFM_WAITING_ROWS];	/* a ring, by number of arrival */

	/* images of the keys in each half of the ring */
	char	   *image[2];
	Size		image_size;
	Size		image_used;		/* in the half that is being filled */
} RfmQueue;

/* A temporary file of customers: see files.h. */
typedef struct RfmRun
{
	int			process;		/* which wrote it */
	uint32		number;
} RfmRun;

typedef struct RfmSpill
{
	int			nruns;
	int64		space;
	RfmRun	   *run;
	struct RfmRunMerge *merge;	/* once they are read: run_merge.h */
} RfmSpill;

/* The types of what is collected, domains or base types, and their collations. */
typedef struct RfmCollected
{
	Oid			group_type;		/* InvalidOid: customers have no group */
	Oid			group_collation;
	Oid			customer_type;
	Oid			customer_collation;
	Oid			time_type;
	Oid			amount_type;
	Oid			order_type;		/* InvalidOid: rows are counted */
	Oid			order_collation;
	bool		visits;			/* days take the place of order ids: visit.h */
} RfmCollected;

typedef struct RfmCollector
{
	MemoryContext mcxt;			/* everything below lives here */

	RfmCollected types;
	RfmKeyType	customer_type;	/* with groups: of a group and a customer */
	RfmKeyType	order_type;
	bool		distinct_orders;	/* count distinct order ids, not rows */
	Oid			time_type;		/* date, timestamp or timestamptz */
	Oid			amount_type;	/* base type of the amounts */
	bool		real_amounts;	/* which are floating-point numbers */

	char	  **segment;
	Size		entry_size;		/* bytes of an entry: see rfm_entry */
	int			nsegments;
	int			segment_space;
	int64		nentries;

	/* the index, in one of two forms: see index.h */
	uint64	   *slot;			/* hash in the upper half, number + 1 below */
	int			slot_bits;		/* there are 2 ^ slot_bits */
	uint32	   *direct;			/* number + 1, by key; else NULL */
	int64		direct_low;		/* the first key in it */
	uint64		direct_span;	/* how many keys it has room for */

	RfmOrderSlot *order_slot;	/* a set; of visits a list, filled from the front */
	int			order_bits;
	struct RfmVisitClock *clock;	/* of visits, once a row has come: visit.c */
	int64		norders;		/* occupied order slots */

	int64		rows;			/* rows taken */
	int64		rows_shown;		/* of them, to whoever watches */

	RfmPool		entries;		/* memory of the segments, in its own context */
	RfmPool		images;			/* memory of by-reference keys, in its own context */
	MemoryContext sums;			/* of wide sums */

	Size		used;			/* bytes that the customers count for */
	Size		bound;			/* how many they may */
	bool		images_differ;	/* some keys are equal, but not the same */
	bool		in_key_order;	/* customers are numbered in the order of their keys */
	RfmSpill   *spill;			/* NULL: all is in the table */

	RfmQueue	queue;
} RfmCollector;

/* rfm_is_day: Is this, of a collector of visits, a day itself, and no image? */
static inline bool
rfm_is_day(Datum visit)
{
	return (visit & 1) != 0;
}

/*
 * rfm_entry: Return the customer with a number.
 *
 * Only entries of floating-point sums have room for sum.low: others must not be
 * copied by assignment.
 */
static inline RfmEntry *
rfm_entry(const RfmCollector *c, int64 number)
{
	return (RfmEntry *) (c->segment[number >> RFM_SEGMENT_BITS] +
						 (number & (RFM_SEGMENT_ENTRIES - 1)) * c->entry_size);
}

#endif							/* RFM_COLLECT_TYPES_H */

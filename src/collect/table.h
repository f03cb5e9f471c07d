/*-------------------------------------------------------------------------
 *
 * table.h
 *		The collector's table from the inside: finding, adding, growing.
 *
 * Only for the files that fill it: collect.c from rows, collect_serial.c from
 * the tables of parallel workers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_TABLE_H
#define RFM_COLLECT_TABLE_H

#include "collect/index.h"

/*
 * rfm_collector_create: an empty table in a context of its own below parent,
 * with room for an expected number of customers.  Raises the errors of types
 * that cannot be collected.
 */
extern RfmCollector *rfm_collector_create(MemoryContext parent, Oid customer_type,
										  Oid customer_collation, Oid time_type,
										  Oid amount_type, bool distinct_orders,
										  Oid order_type, Oid order_collation,
										  int64 expected);

/*
 * rfm_queue_room: makes room for the images of a row's keys, size bytes in all.
 * To be called before the images are copied with rfm_queue_key.
 */
extern void rfm_queue_room(RfmCollector *c, Size size);

/* rfm_queue_row: the row in the place given by rfm_queue_next has come. */
extern void rfm_queue_row(RfmCollector *c);

/* rfm_queue_drain: takes all rows that wait. */
extern void rfm_queue_drain(RfmCollector *c);

/*
 * rfm_collector_add: adds what a row stands for, which may be several orders
 * of its customer at once.  The hashes need not be set.  What the row points
 * to is not needed any more afterwards.
 */
extern void rfm_collector_add(RfmCollector *c, const RfmWaitingRow *row);

/* rfm_keep_key: a copy of a by-reference key that lives as long as the table. */
extern Datum rfm_keep_key(RfmCollector *c, const RfmKeyType *kt, Datum key);

/* rfm_expect_orders: makes the set of distinct orders large enough for so many. */
extern void rfm_expect_orders(RfmCollector *c, int64 expected);

/*
 * rfm_append_entry: a new customer without key, order or amount, which nobody
 * looks for in the index.
 */
extern RfmEntry *rfm_append_entry(RfmCollector *c);

/* rfm_add_customer: a new customer; returns its number. */
extern uint32 rfm_add_customer(RfmCollector *c, Datum key, uint32 hash);

/*
 * rfm_count_order: counts an order id for a customer unless it has been
 * counted; hash is rfm_order_hash of the id's own.
 */
extern void rfm_count_order(RfmCollector *c, uint32 customer, Datum order,
							uint32 hash);

/* rfm_order_counted: has this order id been counted for the customer? */
extern bool rfm_order_counted(RfmCollector *c, uint32 customer, Datum order,
							  uint32 hash);

/*
 * rfm_money_error: raises NUMERIC_VALUE_OUT_OF_RANGE for a customer whose
 * amounts overflow, or one of whose amounts is not finite.
 */
pg_noreturn extern void rfm_money_error(RfmCollector *c, Datum key, bool overflow);

/* rfm_too_many_orders: raises PROGRAM_LIMIT_EXCEEDED. */
pg_noreturn extern void rfm_too_many_orders(RfmCollector *c, Datum key);

/* rfm_queue_at: the place of a row in the circle. */
static inline RfmWaitingRow *
rfm_queue_at(RfmCollector *c, uint64 number)
{
	return &c->queue.row[number % (2 * RFM_WAITING_ROWS)];
}

/* rfm_queue_key: a by-reference key, copied where it lives while the row waits. */
static inline Datum
rfm_queue_key(RfmCollector *c, const RfmKeyType *kt, Datum key)
{
	RfmQueue   *q = &c->queue;
	Size		size = rfm_key_size(kt, key);
	char	   *copy;

	if (size == 0)
		return key;
	copy = q->image[q->arrived / RFM_WAITING_ROWS % 2] + q->image_used;
	memcpy(copy, DatumGetPointer(key), size);
	q->image_used += MAXALIGN(size);
	return PointerGetDatum(copy);
}

/* rfm_collector_clear: forgets all customers and orders, but not the rows taken. */
extern void rfm_collector_clear(RfmCollector *c);

/*
 * rfm_collector_overflow: the bound is passed: spills the table.  Raises
 * PROGRAM_LIMIT_EXCEEDED where that cannot be, in a parallel worker.
 */
extern void rfm_collector_overflow(RfmCollector *c);

/* rfm_order_hash: of an order id and the key of the customer it belongs to. */
static inline uint32
rfm_order_hash(uint32 order_hash, uint32 key_hash)
{
	return rfm_hash_int64((int64) ((uint64) key_hash << 32 | order_hash));
}

/* rfm_prefetch_order: the set of orders is soon asked for this one. */
static pg_attribute_always_inline void
rfm_prefetch_order(const RfmCollector *c, uint32 order_hash)
{
	rfm_prefetch_write(&c->order_slot[rfm_home(order_hash, c->order_bits)]);
}

/* rfm_find_customer: the number of the customer with this key, added if new. */
static inline uint32
rfm_find_customer(RfmCollector *c, Datum key, uint32 hash)
{
	uint32		number = rfm_index_find(c, key, hash);
	RfmEntry   *e;

	if (number == 0)
		return rfm_add_customer(c, key, hash);
	number--;
	if (c->customer_type.kind == RFM_KEY_GENERIC)
	{
		int			cmp;

		e = rfm_entry(c, number);
		cmp = rfm_key_image_cmp(&c->customer_type, key, e->key);
		if (cmp != 0)
			c->images_differ = true;
		if (cmp < 0)
			e->key = rfm_keep_key(c, &c->customer_type, key);
	}
	return number;
}

#endif							/* RFM_COLLECT_TABLE_H */

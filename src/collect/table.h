/*-------------------------------------------------------------------------
 *
 * table.h
 *		The internals of the collector's table: finding, adding, growing.
 *
 * For the files that fill it, from rows (queue.c, the ledger) or from the
 * tables of parallel workers (merge.c), and for those that free it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_TABLE_H
#define RFM_COLLECT_TABLE_H

#include "collect/index.h"
#include "value/key_pair.h"

/*
 * rfm_collector_create: Make an empty table in a context of its own below parent,
 * with room for an expected number of customers.  Raises the errors of types
 * that cannot be collected.
 */
extern RfmCollector *rfm_collector_create(MemoryContext parent, const RfmCollected *types,
										  int64 expected);

/*
 * rfm_row_key: Return the key of a row for its values; group is not looked at
 * where customers have none.  It may point into them, or into place (see
 * rfm_key_pair), or is palloc'd.
 */
static inline Datum
rfm_row_key(const RfmCollector *c, Datum group, Datum customer, char *place)
{
	if (c->customer_type.pair)
		return rfm_key_pair(&c->customer_type, group, customer, place);
	return rfm_key_from_datum(&c->customer_type, customer);
}

/* rfm_keep_key: Return a copy of a by-reference key that lives as long as the table. */
extern Datum rfm_keep_key(RfmCollector *c, const RfmKeyType *kt, Datum key);

/*
 * rfm_expect_orders: Make the set of distinct orders large enough for so many, or the
 * list of visits for so many more.
 */
extern void rfm_expect_orders(RfmCollector *c, int64 expected);

/*
 * rfm_append_entry: Add a customer without key, order or amount, which nobody
 * looks for in the index.
 */
extern RfmEntry *rfm_append_entry(RfmCollector *c);

/* rfm_add_customer: Add a customer; returns its number. */
extern uint32 rfm_add_customer(RfmCollector *c, Datum key, uint32 hash);

/*
 * rfm_count_order: Count an order id for a customer unless it has been
 * counted; hash is rfm_order_hash of the id's own.  Visits are all counted,
 * and need no hash.
 */
extern void rfm_count_order(RfmCollector *c, uint32 customer, Datum order,
							uint32 hash);

/* rfm_order_counted: Has this order id been counted for the customer? */
extern bool rfm_order_counted(RfmCollector *c, uint32 customer, Datum order,
							  uint32 hash);

/*
 * rfm_group_orders: Return the order ids, or visits, of one customer after another,
 * in the sequence of their numbers in customer (NULL: 0, 1, ...), palloc'd.
 * Their numbers are small and dense, so that they are counted instead of compared.
 */
extern Datum *rfm_group_orders(const RfmCollector *c, const uint32 *customer);

/* rfm_collector_clear: Forget all customers and orders, but not the rows taken. */
extern void rfm_collector_clear(RfmCollector *c);

/* rfm_collector_close: Free what only adding customers needs. */
extern void rfm_collector_close(RfmCollector *c);

/* rfm_collector_free_entries: Free the customers, but not what they point to. */
extern void rfm_collector_free_entries(RfmCollector *c);

/*
 * rfm_collector_end: Free the collector, but not the images of keys, which
 * from now on belong to the context around it.
 */
extern void rfm_collector_end(RfmCollector *c);

/* rfm_order_hash: Hash an order id together with its customer's key. */
static inline uint32
rfm_order_hash(uint32 order_hash, uint32 key_hash)
{
	return (uint32) rfm_mix((uint64) key_hash << 32 | order_hash);
}

/* rfm_order_slots: Return how many places of the set have to be looked at to find all. */
static inline uint64
rfm_order_slots(const RfmCollector *c)
{
	return c->types.visits ? (uint64) c->norders : UINT64CONST(1) << c->order_bits;
}

/* rfm_prefetch_order: Prefetch an order's place in the set of orders. */
static pg_attribute_always_inline void
rfm_prefetch_order(const RfmCollector *c, uint32 order_hash)
{
	rfm_prefetch_write(&c->order_slot[rfm_home(order_hash, c->order_bits)]);
}

/* rfm_find_customer: Return the number of the customer with this key, added if new. */
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

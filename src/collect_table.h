/*-------------------------------------------------------------------------
 *
 * collect_table.h
 *		The collector's table from the inside: finding, adding, growing.
 *
 * Only for the files that fill it: collect.c from rows, collect_serial.c from
 * the tables of parallel workers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_TABLE_H
#define RFM_COLLECT_TABLE_H

#include "collect.h"
#include "memory.h"

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

/* rfm_take_batch: takes the rows that wait in the batch. */
extern void rfm_take_batch(RfmCollector *c);

/* rfm_keep_key: a copy of a by-reference key that lives as long as the table. */
extern Datum rfm_keep_key(RfmCollector *c, const RfmKeyType *kt, Datum key);

/*
 * rfm_add_customer: a new customer, whose hash belongs into the empty slot at
 * position at.  Returns the customer's number.
 */
extern uint32 rfm_add_customer(RfmCollector *c, Datum key, uint32 hash, uint64 at);

/*
 * rfm_count_order: counts an order id for a customer unless it has been
 * counted; hash is rfm_order_hash of the id's own.
 */
extern void rfm_count_order(RfmCollector *c, uint32 customer, Datum order,
							uint32 hash);

/*
 * rfm_money_error: raises NUMERIC_VALUE_OUT_OF_RANGE for a customer whose
 * amounts overflow, or one of whose amounts is not finite.
 */
pg_noreturn extern void rfm_money_error(RfmCollector *c, Datum key, bool overflow);

/* rfm_too_many_orders: raises PROGRAM_LIMIT_EXCEEDED. */
pg_noreturn extern void rfm_too_many_orders(RfmCollector *c, Datum key);

/* rfm_order_hash: of an order id and the customer it belongs to. */
static inline uint32
rfm_order_hash(uint32 order_hash, uint32 customer)
{
	return order_hash ^ rfm_hash_int64(customer);
}

/* rfm_find_customer: the number of the customer with this key, added if new. */
static inline uint32
rfm_find_customer(RfmCollector *c, Datum key, uint32 hash)
{
	uint64		at = hash & c->slot_mask;

	for (;;)
	{
		uint64		s = c->slot[at];

		if (s == 0)
			return rfm_add_customer(c, key, hash, at);
		if ((uint32) (s >> 32) == hash)
		{
			uint32		number = (uint32) s - 1;
			RfmEntry   *e = &c->entry[number];

			if (rfm_key_equal(&c->customer_type, e->key, key))
			{
				if (c->customer_type.kind == RFM_KEY_GENERIC &&
					rfm_key_image_cmp(&c->customer_type, key, e->key) < 0)
					e->key = rfm_keep_key(c, &c->customer_type, key);
				return number;
			}
		}
		at = (at + 1) & c->slot_mask;
	}
}

#endif							/* RFM_COLLECT_TABLE_H */

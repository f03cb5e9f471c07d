/*-------------------------------------------------------------------------
 *
 * index.h
 *		The collector's index: from a customer's key to its number.
 *
 * It has one of two forms.  Hashed, for keys of every type: slots with a hash
 * and a number, at most half of them taken.  Direct, for integers that lie so
 * close together that it is no larger: a number for each of them.  For ids
 * without gaps a direct index needs a quarter of the memory, so that it fits
 * into the processor's caches, and it has the order of the keys.  The form is
 * chosen again whenever the index grows.
 *
 * Only for the files that fill or walk the table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_INDEX_H
#define RFM_COLLECT_INDEX_H

#include "base/memory.h"
#include "collect/types.h"
#include "port/pg_bitutils.h"

/* Initial size of the sets of customers and orders, as a power of two. */
#define RFM_INITIAL_BITS	10

/* Return the bits of a set that is at most half full with n members. */
#define RFM_BITS_FOR(n)		((int) pg_ceil_log2_64(Max(n, 1)) + 1)

/* rfm_index_init: Make an empty, hashed index with room for so many customers. */
extern void rfm_index_init(RfmCollector *c, int64 expected);

/* rfm_index_clear: Forget all customers. */
extern void rfm_index_clear(RfmCollector *c);

/*
 * rfm_index_close: Free a hashed index, when nothing will be looked up or added
 * any more.  A direct one stays: it has the order of the keys.
 */
extern void rfm_index_close(RfmCollector *c);

/*
 * rfm_index_expect: Make a hashed index large enough for so many customers.
 * Before two tables are merged from front to back it must be large enough for
 * the larger one, or all customers would collide at the front of the index
 * until it grows.
 */
extern void rfm_index_expect(RfmCollector *c, int64 expected);

/*
 * rfm_index_add: Enter the newest customer, whose key is not in the index.
 * This may give the index another form or size.
 */
extern void rfm_index_add(RfmCollector *c, uint32 hash);

/*
 * rfm_index_size, rfm_index_number: Return how many places the index has, and
 * the number of the customer at a place, plus one (0: none), to walk through it
 * from front to back.  A direct index is in key order.
 */
static inline uint64
rfm_index_size(const RfmCollector *c)
{
	return c->direct ? c->direct_span : UINT64CONST(1) << c->slot_bits;
}

static inline uint32
rfm_index_number(const RfmCollector *c, uint64 at)
{
	return c->direct ? c->direct[at] : (uint32) c->slot[at];
}

/*
 * rfm_index_order: Return the customers' numbers in the order of the index, which
 * of a direct one is that of the keys, in the current context.
 */
extern uint32 *rfm_index_order(const RfmCollector *c);

/* rfm_home: Return where in an index of 2 ^ bits slots a hash belongs. */
static inline uint64
rfm_home(uint32 hash, int bits)
{
	return ((uint64) hash << 32) >> (64 - bits);
}

/* rfm_direct_at: Return the place of an integer key; from direct_span on: it has none. */
static inline uint64
rfm_direct_at(const RfmCollector *c, Datum key)
{
	return (uint64) key - (uint64) c->direct_low;
}

/* rfm_prefetch_place: Prefetch the place of a customer in the index. */
static pg_attribute_always_inline void
rfm_prefetch_place(const RfmCollector *c, Datum key, uint32 hash)
{
	if (c->direct == NULL)
		rfm_prefetch_write(&c->slot[rfm_home(hash, c->slot_bits)]);
	else if (rfm_direct_at(c, key) < c->direct_span)
		rfm_prefetch_read(&c->direct[rfm_direct_at(c, key)]);
}

/*
 * rfm_index_guess: Return the number, plus one, of the first customer with this
 * hash, which likely has the key; 0: no customer has.
 */
static inline uint32
rfm_index_guess(const RfmCollector *c, Datum key, uint32 hash)
{
	uint64		mask = (UINT64CONST(1) << c->slot_bits) - 1;
	uint64		at = rfm_home(hash, c->slot_bits);

	if (c->direct)
		return rfm_direct_at(c, key) < c->direct_span ? c->direct[rfm_direct_at(c, key)] : 0;
	while (c->slot[at] != 0 && (uint32) (c->slot[at] >> 32) != hash)
		at = (at + 1) & mask;
	return (uint32) c->slot[at];
}

/* rfm_prefetch_entry: Prefetch the customer found there: the second step. */
static pg_attribute_always_inline void
rfm_prefetch_entry(const RfmCollector *c, Datum key, uint32 hash)
{
	uint32		number = rfm_index_guess(c, key, hash);

	if (number != 0)
		rfm_prefetch_write(rfm_entry(c, number - 1));
}

/* rfm_prefetch_key: Prefetch the customer's key: the third, for by-reference keys. */
static pg_attribute_always_inline void
rfm_prefetch_key(const RfmCollector *c, Datum key, uint32 hash)
{
	uint32		number = rfm_index_guess(c, key, hash);

	if (number != 0)
		rfm_prefetch_read(DatumGetPointer(rfm_entry(c, number - 1)->key));
}

/* rfm_index_find: Return the number, plus one, of the customer with this key; 0: none. */
static inline uint32
rfm_index_find(RfmCollector *c, Datum key, uint32 hash)
{
	uint64		mask;

	if (c->direct)
		return rfm_index_guess(c, key, hash);
	mask = (UINT64CONST(1) << c->slot_bits) - 1;
	for (uint64 at = rfm_home(hash, c->slot_bits); c->slot[at] != 0; at = (at + 1) & mask)
	{
		if ((uint32) (c->slot[at] >> 32) == hash &&
			rfm_key_equal(&c->customer_type,
						  rfm_entry(c, (uint32) c->slot[at] - 1)->key, key))
			return (uint32) c->slot[at];
	}
	return 0;
}

#endif							/* RFM_COLLECT_INDEX_H */

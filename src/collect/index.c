/*-------------------------------------------------------------------------
 *
 * index.c
 *		The collector's index: from a customer's key to its number.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "collect/index.h"

/*
 * The hashed form.
 */

static inline void
enter_hash(RfmCollector *c, uint32 hash, uint32 number)
{
	uint64		mask = (UINT64CONST(1) << c->slot_bits) - 1;
	uint64		at = rfm_home(hash, c->slot_bits);

	while (c->slot[at] != 0)
		at = (at + 1) & mask;
	c->slot[at] = (uint64) hash << 32 | number;
}

/* Enlarge a hashed index.  As it holds the hashes, no customer is read. */
static void
grow_slots(RfmCollector *c, int bits)
{
	uint64		old_slots = UINT64CONST(1) << c->slot_bits;
	uint64	   *old = c->slot;

	c->slot = rfm_alloc_array(c->mcxt, INT64CONST(1) << bits, sizeof(uint64), true);
	c->slot_bits = bits;
	for (uint64 i = 0; i < old_slots; i++)
	{
		if (old[i] != 0)
			enter_hash(c, (uint32) (old[i] >> 32), (uint32) old[i]);
		rfm_check_interrupts(i);
	}
	pfree(old);
}

/* Make a hashed index of all customers. */
static void
build_hashed(RfmCollector *c)
{
	if (c->slot)
		pfree(c->slot);
	c->slot_bits = Max(RFM_BITS_FOR(c->nentries), RFM_INITIAL_BITS);
	c->slot = rfm_alloc_array(c->mcxt, INT64CONST(1) << c->slot_bits, sizeof(uint64), true);
	for (int64 i = 0; i < c->nentries; i++)
	{
		enter_hash(c, rfm_key_hash(&c->customer_type, rfm_entry(c, i)->key), (uint32) i + 1);
		rfm_check_interrupts(i);
	}
}

/*
 * The direct form.
 */

/* The keys that a direct index has places for. */
typedef struct DirectRange
{
	int64		low;
	uint64		span;
} DirectRange;

/*
 * Determine the range of all customers' keys, and a quarter more on either side,
 * as new customers often have the next ids.  Returns false where a direct index
 * for it is not smaller than a hashed one.
 */
static bool
find_range(const RfmCollector *c, DirectRange *range)
{
	int64		low = PG_INT64_MAX;
	int64		high = PG_INT64_MIN;
	uint64		most = (sizeof(uint64) << RFM_BITS_FOR(c->nentries)) / sizeof(uint32);
	uint64		slack;

	for (int64 i = 0; i < c->nentries; i++)
	{
		int64		key = (int64) rfm_entry(c, i)->key;

		low = Min(low, key);
		high = Max(high, key);
		rfm_check_interrupts(i);
	}
	if (low > high || (uint64) high - (uint64) low >= most)
		return false;

	slack = ((uint64) high - (uint64) low) / 4;
	range->low = low - (int64) Min(slack, (uint64) low - (uint64) PG_INT64_MIN);
	range->span = (uint64) high - (uint64) range->low + 1 +
		Min(slack, (uint64) PG_INT64_MAX - (uint64) high);
	return range->span < most;
}

static void
build_direct(RfmCollector *c, const DirectRange *range)
{
	if (c->slot)
		pfree(c->slot);
	c->slot = NULL;
	if (c->direct)
		pfree(c->direct);
	c->direct_low = range->low;
	c->direct_span = range->span;
	c->direct = rfm_alloc_array(c->mcxt, range->span, sizeof(uint32), true);
	for (int64 i = 0; i < c->nentries; i++)
	{
		c->direct[rfm_direct_at(c, rfm_entry(c, i)->key)] = (uint32) i + 1;
		rfm_check_interrupts(i);
	}
}

/*
 * Either form.
 */

void
rfm_index_init(RfmCollector *c, int64 expected)
{
	c->direct = NULL;
	c->slot_bits = Max(RFM_BITS_FOR(expected), RFM_INITIAL_BITS);
	c->slot = rfm_alloc_array(c->mcxt, INT64CONST(1) << c->slot_bits, sizeof(uint64), true);
}

void
rfm_index_clear(RfmCollector *c)
{
	if (c->direct)
		memset(c->direct, 0, c->direct_span * sizeof(uint32));
	else
		memset(c->slot, 0, sizeof(uint64) << c->slot_bits);
}

void
rfm_index_close(RfmCollector *c)
{
	if (c->slot)
		pfree(c->slot);
	c->slot = NULL;
}

uint32 *
rfm_index_order(const RfmCollector *c)
{
	uint32	   *order = rfm_alloc_array(CurrentMemoryContext, c->nentries, sizeof(uint32), false);
	uint64		places = rfm_index_size(c);
	int64		n = 0;

	for (uint64 at = 0; at < places; at++)
	{
		uint32		number = rfm_index_number(c, at);

		if (number != 0)
			order[n++] = number - 1;
		rfm_check_interrupts(at);
	}
	Assert(n == c->nentries);
	return order;
}

void
rfm_index_expect(RfmCollector *c, int64 expected)
{
	if (c->direct == NULL && RFM_BITS_FOR(expected) > c->slot_bits)
		grow_slots(c, RFM_BITS_FOR(expected));
}

void
rfm_index_add(RfmCollector *c, uint32 hash)
{
	uint32		number = (uint32) c->nentries;
	DirectRange range;

	if (c->direct)
	{
		uint64		at = rfm_direct_at(c, rfm_entry(c, number - 1)->key);

		if (at < c->direct_span)
		{
			c->direct[at] = number;
			return;
		}
	}
	else if (number <= UINT64CONST(1) << (c->slot_bits - 1))
	{
		enter_hash(c, hash, number);
		return;
	}

	/* no room */
	if (c->customer_type.kind == RFM_KEY_INT && find_range(c, &range))
		build_direct(c, &range);
	else if (c->direct)
	{
		pfree(c->direct);
		c->direct = NULL;
		build_hashed(c);
	}
	else
	{
		enter_hash(c, hash, number);
		grow_slots(c, c->slot_bits + 1);
	}
}

/*-------------------------------------------------------------------------
 *
 * table.c
 *		The collector's table: finding, adding, growing.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "catalog/pg_type.h"
#include "collect/entry.h"
#include "collect/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* How many visits ahead of its use the end of their list is prefetched. */
#define VISITS_AHEAD 32

/* While orders are grouped, the place of one is found, then prefetched, so many before its turn. */
#define GROUP_AHEAD 16

/* Room for the images of keys in each half of the queue; it grows for longer ones. */
#define QUEUE_IMAGE_SIZE (16 * 1024)

/*
 * Making and growing.
 */

/* Determine how the keys of customers are handled. */
static void
init_customer_type(RfmCollector *c)
{
	const RfmCollected *types = &c->types;
	RfmKeyType	group;
	RfmKeyType	customer;

	rfm_key_type_init(&c->customer_type, types->customer_type, types->customer_collation,
					  "the customer", c->mcxt);
	if (!OidIsValid(types->group_type))
		return;
	customer = c->customer_type;
	rfm_key_type_init(&group, types->group_type, types->group_collation, "the group", c->mcxt);
	rfm_key_pair_init(&c->customer_type, &group, &customer, c->mcxt);
}

/* Determine the types of times and amounts, and how order ids are handled. */
static void
init_other_types(RfmCollector *c)
{
	const RfmCollected *types = &c->types;

	c->time_type = getBaseType(types->time_type);
	if (c->time_type != DATEOID && c->time_type != TIMESTAMPOID &&
		c->time_type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("order time must be of type date, timestamp or timestamp with time zone, not %s",
						format_type_be(types->time_type))));
	c->amount_type = getBaseType(types->amount_type);
	if (!rfm_amount_type(c->amount_type, &c->real_amounts))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("amounts of type %s cannot be summed",
						format_type_be(types->amount_type))));
	c->distinct_orders = OidIsValid(types->order_type);
	if (c->distinct_orders)
		rfm_key_type_init(&c->order_type, types->order_type, types->order_collation,
						  "the order id", c->mcxt);
}

RfmCollector *
rfm_collector_create(MemoryContext parent, const RfmCollected *types, int64 expected)
{
	MemoryContext mcxt = AllocSetContextCreate(parent, "rfm collector",
											   ALLOCSET_DEFAULT_SIZES);
	RfmCollector *c = MemoryContextAllocZero(mcxt, sizeof(RfmCollector));

	c->mcxt = mcxt;
	c->types = *types;
	if (types->visits)
		c->types.order_type = BYTEAOID;
	init_customer_type(c);
	init_other_types(c);
	if (c->distinct_orders)
	{
		c->order_bits = RFM_INITIAL_BITS;
		c->order_slot = rfm_alloc_array(mcxt, 1 << RFM_INITIAL_BITS, sizeof(RfmOrderSlot), true);
	}

	rfm_index_init(c, expected);
	c->segment_space = 16;
	c->segment = MemoryContextAlloc(mcxt, c->segment_space * sizeof(char *));
	c->entry_size = c->real_amounts ? sizeof(RfmEntry) : offsetof(RfmEntry, sum.low);
	c->entries.mcxt = AllocSetContextCreate(mcxt, "rfm customers", ALLOCSET_DEFAULT_SIZES);
	c->images.mcxt = AllocSetContextCreate(mcxt, "rfm keys", ALLOCSET_DEFAULT_SIZES);
	c->sums = AllocSetContextCreate(mcxt, "rfm wide sums", ALLOCSET_DEFAULT_SIZES);
	c->bound = rfm_memory_bound();

	c->queue.image_size = QUEUE_IMAGE_SIZE;
	for (int half = 0; half < 2; half++)
		c->queue.image[half] = MemoryContextAlloc(mcxt, QUEUE_IMAGE_SIZE);
	return c;
}

static void
grow_order_slots(RfmCollector *c, int bits)
{
	uint64		old_slots = UINT64CONST(1) << c->order_bits;
	uint64		mask = (UINT64CONST(1) << bits) - 1;
	RfmOrderSlot *slot = rfm_alloc_array(c->mcxt, mask + 1, sizeof(RfmOrderSlot), true);

	for (uint64 i = 0; i < old_slots; i++)
	{
		RfmOrderSlot *s = &c->order_slot[i];
		uint64		at = rfm_home(s->hash, bits);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (s->customer == 0)
			continue;
		while (slot[at].customer != 0)
			at = (at + 1) & mask;
		slot[at] = *s;
	}
	pfree(c->order_slot);
	c->order_slot = slot;
	c->order_bits = bits;
}

/* Make the list of visits long enough for so many. */
static void
grow_visits(RfmCollector *c, int64 n)
{
	while ((UINT64CONST(1) << c->order_bits) < (uint64) n)
		c->order_bits++;
	c->order_slot = rfm_enlarge_array(c->order_slot, INT64CONST(1) << c->order_bits, sizeof(RfmOrderSlot));
}

void
rfm_expect_orders(RfmCollector *c, int64 expected)
{
	if (c->types.visits)
		grow_visits(c, c->norders + expected);
	else if (RFM_BITS_FOR(expected) > c->order_bits)
		grow_order_slots(c, RFM_BITS_FOR(expected));
}

static void
add_segment(RfmCollector *c)
{
	if (c->nsegments == c->segment_space)
	{
		c->segment_space *= 2;
		c->segment = repalloc_huge(c->segment, c->segment_space * sizeof(char *));
	}
	c->segment[c->nsegments++] = rfm_pool_alloc(&c->entries, RFM_SEGMENT_ENTRIES * c->entry_size);
}

/* Varlena images with a long header stay aligned, those with a short one need not be. */
Datum
rfm_keep_key(RfmCollector *c, const RfmKeyType *kt, Datum key)
{
	Size		size = rfm_key_size(kt, key);
	bool		packed = kt->typlen == -1 && size > 0 && VARATT_IS_SHORT(DatumGetPointer(key));
	char	   *copy;

	if (size == 0)
		return key;
	copy = rfm_pool_bytes(&c->images, size, packed);
	memcpy(copy, DatumGetPointer(key), size);
	c->used += size;
	return PointerGetDatum(copy);
}

void
rfm_collector_clear(RfmCollector *c)
{
	rfm_index_clear(c);
	if (c->distinct_orders && !c->types.visits)
		memset(c->order_slot, 0, sizeof(RfmOrderSlot) << c->order_bits);
	c->nentries = c->norders = 0;
	MemoryContextReset(c->images.mcxt);
	c->images.at = NULL;
	c->images.left = c->images.block = 0;
	MemoryContextReset(c->sums);
	c->used = 0;
}

void
rfm_collector_close(RfmCollector *c)
{
	rfm_index_close(c);
	if (c->order_slot)
		pfree(c->order_slot);
	c->order_slot = NULL;
}

void
rfm_collector_free_entries(RfmCollector *c)
{
	MemoryContextDelete(c->entries.mcxt);
	c->entries.mcxt = NULL;
	c->nentries = c->nsegments = 0;
}

void
rfm_collector_end(RfmCollector *c)
{
	MemoryContextSetParent(c->images.mcxt, MemoryContextGetParent(c->mcxt));
	MemoryContextDelete(c->mcxt);
}

/*
 * Adding.
 */

RfmEntry *
rfm_append_entry(RfmCollector *c)
{
	int64		number = c->nentries;
	RfmEntry   *e;

	if (number >= PG_UINT32_MAX - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many customers for one snapshot"),
				 errdetail("A snapshot holds at most %u customers.",
						   PG_UINT32_MAX - 1)));
	if (number >> RFM_SEGMENT_BITS == c->nsegments)
		add_segment(c);
	e = rfm_entry(c, number);
	memset(e, 0, c->entry_size);
	e->last = PG_INT64_MIN;
	e->sum.form = c->real_amounts ? RFM_FORM_REAL : RFM_FORM_SCALED;
	c->nentries++;
	return e;
}

uint32
rfm_add_customer(RfmCollector *c, Datum key, uint32 hash)
{
	int64		number = c->nentries;

	rfm_append_entry(c)->key = rfm_keep_key(c, &c->customer_type, key);
	c->used += RFM_CUSTOMER_BYTES;
	rfm_index_add(c, hash);
	return (uint32) number;
}

/* The slot of an order, or the empty one where it belongs. */
static inline RfmOrderSlot *
find_order(RfmCollector *c, uint32 customer, Datum order, uint32 hash)
{
	uint64		mask = (UINT64CONST(1) << c->order_bits) - 1;
	uint64		at = rfm_home(hash, c->order_bits);

	for (;;)
	{
		RfmOrderSlot *s = &c->order_slot[at];

		if (s->customer == 0 ||
			(s->hash == hash && s->customer == customer + 1 &&
			 rfm_key_equal(&c->order_type, s->order, order)))
			return s;
		at = (at + 1) & mask;
	}
}

bool
rfm_order_counted(RfmCollector *c, uint32 customer, Datum order, uint32 hash)
{
	return find_order(c, customer, order, hash)->customer != 0;
}

/* Put a day, or an image, at the end of the list. */
static void
keep_visit(RfmCollector *c, uint32 customer, Datum visit)
{
	RfmOrderSlot *s;

	if ((uint64) c->norders >= UINT64CONST(1) << c->order_bits)
		grow_visits(c, c->norders + 1);
	s = &c->order_slot[c->norders++];
	/* a line that is not there yet when it is written holds up what the executor does next */
	rfm_prefetch_write(s + VISITS_AHEAD);
	s->order = rfm_is_day(visit) ? visit : rfm_keep_key(c, &c->order_type, visit);
	s->customer = customer + 1;
	c->used += RFM_VISIT_BYTES;
	rfm_entry_add_orders(c, rfm_entry(c, customer), 1);
}

void
rfm_count_order(RfmCollector *c, uint32 customer, Datum order, uint32 hash)
{
	RfmOrderSlot *s;

	if (c->types.visits)
	{
		keep_visit(c, customer, order);
		return;
	}
	s = find_order(c, customer, order, hash);
	if (s->customer != 0)
		return;
	s->order = rfm_keep_key(c, &c->order_type, order);
	s->customer = customer + 1;
	s->hash = hash;
	c->norders++;
	c->used += RFM_ORDER_BYTES;
	rfm_entry(c, customer)->sum.orders++;

	if ((uint64) c->norders > (UINT64CONST(1) << c->order_bits) / 3 * 2)
		grow_order_slots(c, c->order_bits + 1);
}

Datum *
rfm_group_orders(const RfmCollector *c, const uint32 *customer)
{
	int64	   *end = rfm_alloc_array(CurrentMemoryContext, c->nentries, sizeof(int64), false);
	Datum	   *order = rfm_alloc_array(CurrentMemoryContext, c->norders, sizeof(Datum), false);
	int64		sum = 0;

	for (int64 i = 0; i < c->nentries; i++)
	{
		int64		number = customer ? customer[i] : i;

		end[number] = sum += rfm_entry(c, number)->sum.orders;
	}
	/* where each customer ends is known: fill from there to where it begins */
	for (int64 at = (int64) rfm_order_slots(c) - 1; at >= 0; at--)
	{
		const RfmOrderSlot *slot = &c->order_slot[at];

		if (at >= 2 * GROUP_AHEAD)
		{
			const RfmOrderSlot *soon = slot - GROUP_AHEAD;
			const RfmOrderSlot *later = soon - GROUP_AHEAD;

			if (later->customer != 0)
				rfm_prefetch_write(&end[later->customer - 1]);
			if (soon->customer != 0)
				rfm_prefetch_write(&order[end[soon->customer - 1] - 1]);
		}
		rfm_check_interrupts(at);
		if (slot->customer != 0)
			order[--end[slot->customer - 1]] = slot->order;
	}
	pfree(end);
	return order;
}

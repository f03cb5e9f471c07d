/*-------------------------------------------------------------------------
 *
 * collect_table.c
 *		The collector's table: finding, adding, growing.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "collect_table.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "progress.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define INITIAL_SLOTS	1024
#define ARENA_BLOCK		(1024 * 1024)

/*
 * A batch holds key images of at most this many bytes; a longer one is
 * handled by itself.
 */
#define BATCH_ARENA_SIZE (16 * 1024)

/*
 * Making and growing.
 */

RfmCollector *
rfm_collector_create(MemoryContext parent, Oid customer_type, Oid customer_collation,
					 Oid time_type, Oid amount_type, bool distinct_orders,
					 Oid order_type, Oid order_collation, int64 expected)
{
	MemoryContext mcxt = AllocSetContextCreate(parent, "rfm collector",
											   ALLOCSET_DEFAULT_SIZES);
	RfmCollector *c = MemoryContextAllocZero(mcxt, sizeof(RfmCollector));

	c->mcxt = mcxt;
	rfm_key_type_init(&c->customer_type, customer_type, customer_collation,
					  "the customer", mcxt);
	c->time_type = getBaseType(time_type);
	if (c->time_type != DATEOID && c->time_type != TIMESTAMPOID &&
		c->time_type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("order time must be of type date, timestamp or timestamp with time zone, not %s",
						format_type_be(time_type))));
	c->amount_type = getBaseType(amount_type);
	if (!rfm_amount_kind(c->amount_type, &c->amount_kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("amounts of type %s cannot be summed",
						format_type_be(amount_type))));
	c->distinct_orders = distinct_orders;
	if (distinct_orders)
	{
		rfm_key_type_init(&c->order_type, order_type, order_collation,
						  "the order id", mcxt);
		c->order_mask = INITIAL_SLOTS - 1;
		c->order_slot = MemoryContextAllocZero(mcxt, INITIAL_SLOTS * sizeof(RfmOrderSlot));
	}

	c->slot_mask = pg_nextpower2_64(Max(expected, INITIAL_SLOTS / 2)) * 2 - 1;
	c->slot = rfm_alloc_array(mcxt, c->slot_mask + 1, sizeof(uint64), true);
	c->entry_space = Max(expected, INITIAL_SLOTS / 2);
	c->entry = rfm_alloc_array(mcxt, c->entry_space, sizeof(RfmEntry), false);
	if (c->amount_kind == RFM_AMOUNT_FLOAT)
		c->low = rfm_alloc_array(mcxt, c->entry_space, sizeof(double), false);

	c->batch_arena = MemoryContextAlloc(mcxt, BATCH_ARENA_SIZE);
	c->batch_arena_size = BATCH_ARENA_SIZE;
	return c;
}

/* Doubles the index; the hashes stand in it, so that no entry is read. */
static void
grow_slots(RfmCollector *c)
{
	uint64		old_slots = c->slot_mask + 1;
	uint64		mask = old_slots * 2 - 1;
	uint64	   *slot = rfm_alloc_array(c->mcxt, mask + 1, sizeof(uint64), true);

	for (uint64 i = 0; i < old_slots; i++)
	{
		uint64		s = c->slot[i];
		uint64		at = (s >> 32) & mask;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (s == 0)
			continue;
		while (slot[at] != 0)
			at = (at + 1) & mask;
		slot[at] = s;
	}
	pfree(c->slot);
	c->slot = slot;
	c->slot_mask = mask;
}

static void
grow_order_slots(RfmCollector *c)
{
	uint64		old_slots = c->order_mask + 1;
	uint64		mask = old_slots * 2 - 1;
	RfmOrderSlot *slot = rfm_alloc_array(c->mcxt, mask + 1, sizeof(RfmOrderSlot), true);

	for (uint64 i = 0; i < old_slots; i++)
	{
		RfmOrderSlot *s = &c->order_slot[i];
		uint64		at = s->hash & mask;

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
	c->order_mask = mask;
}

static void
grow_entries(RfmCollector *c)
{
	c->entry_space += c->entry_space / 2;
	c->entry = rfm_grow_array(c->entry, c->entry_space, sizeof(RfmEntry));
	if (c->low)
		c->low = rfm_grow_array(c->low, c->entry_space, sizeof(double));
}

/*
 * A permanent copy of a by-reference key.  Images are packed into blocks:
 * varlena ones with a long header stay aligned, short ones need not be.
 */
Datum
rfm_keep_key(RfmCollector *c, const RfmKeyType *kt, Datum key)
{
	Size		size = rfm_key_size(kt, key);
	Size		pad;
	char	   *copy;

	if (size == 0)
		return key;
	if (size > ARENA_BLOCK / 8)
	{
		copy = MemoryContextAllocHuge(c->mcxt, size);
		memcpy(copy, DatumGetPointer(key), size);
		return PointerGetDatum(copy);
	}

	pad = 0;
	if (kt->typlen != -1 || !VARATT_IS_SHORT(DatumGetPointer(key)))
		pad = MAXALIGN(c->arena) - (uintptr_t) c->arena;
	if (c->arena == NULL || pad + size > c->arena_left)
	{
		c->arena = MemoryContextAlloc(c->mcxt, ARENA_BLOCK);
		c->arena_left = ARENA_BLOCK;
		pad = 0;
	}
	copy = c->arena + pad;
	memcpy(copy, DatumGetPointer(key), size);
	c->arena += pad + size;
	c->arena_left -= pad + size;
	return PointerGetDatum(copy);
}

void
rfm_collector_close(RfmCollector *c)
{
	pfree(c->slot);
	c->slot = NULL;
	if (c->order_slot)
		pfree(c->order_slot);
	c->order_slot = NULL;
}

/*
 * Adding.
 */

uint32
rfm_add_customer(RfmCollector *c, Datum key, uint32 hash, uint64 at)
{
	RfmEntry   *e;

	if (c->nentries >= PG_UINT32_MAX - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many customers for one snapshot"),
				 errdetail("A snapshot holds at most %u customers.",
						   PG_UINT32_MAX - 1)));
	if (c->nentries == c->entry_space)
		grow_entries(c);
	e = &c->entry[c->nentries];
	e->key = rfm_keep_key(c, &c->customer_type, key);
	e->last = PG_INT64_MIN;
	e->sum.scaled = 0;
	e->orders = 0;
	e->scale = 0;
	if (c->amount_kind == RFM_AMOUNT_FLOAT)
	{
		e->form = RFM_FORM_FLOAT;
		e->sum.high = 0;
		c->low[c->nentries] = 0;
	}
	else
		e->form = RFM_FORM_SCALED;
	c->nentries++;
	c->slot[at] = ((uint64) hash << 32) | (uint64) c->nentries;

	/* at most half full */
	if ((uint64) c->nentries > c->slot_mask / 2)
		grow_slots(c);
	return (uint32) (c->nentries - 1);
}

void
rfm_count_order(RfmCollector *c, uint32 customer, Datum order, uint32 hash)
{
	uint64		at = hash & c->order_mask;
	RfmOrderSlot *s;

	for (;;)
	{
		s = &c->order_slot[at];
		if (s->customer == 0)
			break;
		if (s->hash == hash && s->customer == customer + 1 &&
			rfm_key_equal(&c->order_type, s->order, order))
			return;
		at = (at + 1) & c->order_mask;
	}
	s->order = rfm_keep_key(c, &c->order_type, order);
	s->customer = customer + 1;
	s->hash = hash;
	c->norders++;
	c->entry[customer].orders++;

	if ((uint64) c->norders > c->order_mask / 3 * 2)
		grow_order_slots(c);
}

void
rfm_money_error(RfmCollector *c, Datum key, bool overflow)
{
	char	   *customer = rfm_key_out(&c->customer_type, key);

	if (overflow)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the amounts of customer \"%s\" sum up to more than double precision can hold",
						customer)));
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("an order of customer \"%s\" has an amount that is not a finite number",
					customer),
			 errhint("Correct the order, or leave it out with the model's filter.")));
}

void
rfm_too_many_orders(RfmCollector *c, Datum key)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("too many orders of customer \"%s\"",
					rfm_key_out(&c->customer_type, key))));
}

/*
 * Takes the rows of the batch.  Each loop touches, for all rows, the memory
 * that the loop before has asked for.
 */
void
rfm_take_batch(RfmCollector *c)
{
	int			n = c->nbatch;

	for (int i = 0; i < n; i++)
	{
		uint64		s = c->slot[c->batch[i].hash & c->slot_mask];

		if (s != 0)
			rfm_prefetch_write(&c->entry[(uint32) s - 1]);
	}

	for (int i = 0; i < n; i++)
	{
		RfmBatchRow *row = &c->batch[i];
		RfmEntry   *e;

		row->customer = rfm_find_customer(c, row->key, row->hash);
		e = &c->entry[row->customer];
		if (row->last > e->last)
			e->last = row->last;
		if (!rfm_sum_add(&e->sum, &e->form, &e->scale,
						 c->low ? &c->low[row->customer] : NULL,
						 &row->amount, c->mcxt))
			rfm_money_error(c, row->key, true);

		if (!c->distinct_orders)
		{
			if (++e->orders == 0)
				rfm_too_many_orders(c, row->key);
		}
		else if (row->has_order)
		{
			row->order_hash = rfm_order_hash(row->order_hash, row->customer);
			rfm_prefetch_write(&c->order_slot[row->order_hash & c->order_mask]);
		}
	}

	if (c->distinct_orders)
	{
		for (int i = 0; i < n; i++)
			if (c->batch[i].has_order)
				rfm_count_order(c, c->batch[i].customer, c->batch[i].order,
								c->batch[i].order_hash);
	}

	c->rows += n;
	rfm_progress_rows(n);
	c->nbatch = 0;
	c->batch_arena_used = 0;
}

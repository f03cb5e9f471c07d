/*-------------------------------------------------------------------------
 *
 * spill.c
 *		The collector's table past its bound of memory.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "catalog/pg_type.h"
#include "collect/entry.h"
#include "collect/spill.h"
#include "collect/table.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

ResourceOwner rfm_spill_owner = NULL;

/* Columns of a spilled customer. */
enum
{
	SPILL_KEY,
	SPILL_LAST,
	SPILL_ORDERS,
	SPILL_FORM,
	SPILL_SUM,
	SPILL_LOW,					/* floating-point sums only */
	SPILL_WIDE,					/* wide sums only: the image */
	SPILL_COLUMNS
};

/* One sort, and the tuples at the front of it when it is read. */
typedef struct SpillSort
{
	Tuplesortstate *sort;
	TupleDesc	desc;
	TupleTableSlot *slot;		/* what is written; later the tuple at hand */
	TupleTableSlot *ahead;		/* the one after it; empty at the end */
} SpillSort;

typedef struct RfmSpill
{
	ResourceOwner owner;
	SpillSort	customers;
	SpillSort	orders;			/* (customer key, order id) */
	MemoryContext sumcxt;		/* what the customer at hand points to */
} RfmSpill;

/*
 * Making.
 */

static void
add_column(TupleDesc desc, int column, const char *name, const RfmKeyType *kt, Oid type)
{
	TupleDescInitEntry(desc, (AttrNumber) (column + 1), name, kt ? kt->typid : type, -1, 0);
	if (kt)
		TupleDescInitEntryCollation(desc, (AttrNumber) (column + 1), kt->collation);
}

static void
begin_sort(SpillSort *s, TupleDesc desc, const RfmKeyType *const *kt, int nkeys, int kilobytes)
{
	AttrNumber	attnum[2] = {1, 2};
	Oid			operator[2];
	Oid			collation[2];
	bool		nulls_first[2] = {false, false};

	for (int i = 0; i < nkeys; i++)
	{
		operator[i] = rfm_key_less_operator(kt[i]);
		collation[i] = kt[i]->collation;
	}
	TupleDescFinalize(desc);
	s->desc = desc;
	s->sort = tuplesort_begin_heap(desc, nkeys, attnum, operator, collation, nulls_first,
								   Max(kilobytes, 64), NULL, 0);
	s->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	s->ahead = NULL;
}

static RfmSpill *
begin_spill(RfmCollector *c)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(c->mcxt);
	RfmSpill   *spill = palloc0(sizeof(RfmSpill));
	const RfmKeyType *kt[2] = {&c->customer_type, &c->order_type};
	int			kilobytes = (int) (c->bound / 2 / 1024);
	TupleDesc	desc = CreateTemplateTupleDesc(SPILL_COLUMNS);

	spill->owner = rfm_spill_owner ? rfm_spill_owner : CurrentResourceOwner;
	spill->sumcxt = AllocSetContextCreate(c->mcxt, "rfm spilled sum", ALLOCSET_SMALL_SIZES);

	add_column(desc, SPILL_KEY, "key", kt[0], InvalidOid);
	add_column(desc, SPILL_LAST, "last", NULL, INT8OID);
	add_column(desc, SPILL_ORDERS, "orders", NULL, INT8OID);
	add_column(desc, SPILL_FORM, "form", NULL, INT4OID);
	add_column(desc, SPILL_SUM, "sum", NULL, INT8OID);
	add_column(desc, SPILL_LOW, "low", NULL, FLOAT8OID);
	add_column(desc, SPILL_WIDE, "wide", NULL, BYTEAOID);
	begin_sort(&spill->customers, desc, kt, 1, c->distinct_orders ? kilobytes / 2 : kilobytes);

	if (c->distinct_orders)
	{
		desc = CreateTemplateTupleDesc(2);
		add_column(desc, 0, "key", kt[0], InvalidOid);
		add_column(desc, 1, "order", kt[1], InvalidOid);
		begin_sort(&spill->orders, desc, kt, 2, kilobytes / 2);
	}
	/* what is left is the table's */
	c->bound -= c->bound / 2;
	MemoryContextSwitchTo(oldcxt);
	return spill;
}

/*
 * Writing.
 */

/* The image of a wide sum as a bytea. */
static bytea *
wide_image(const RfmSum *sum)
{
	Size		size;
	const void *image = rfm_sum_image(sum, &size);
	bytea	   *result = palloc(VARHDRSZ + size);

	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), image, size);
	return result;
}

static void
put_customer(RfmCollector *c, int64 number)
{
	TupleTableSlot *slot = c->spill->customers.slot;
	const RfmEntry *e = rfm_entry(c, number);
	bytea	   *wide = rfm_sum_is_wide(&e->sum) ? wide_image(&e->sum) : NULL;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, SPILL_COLUMNS);
	slot->tts_values[SPILL_KEY] = rfm_key_to_datum(&c->customer_type, e->key);
	slot->tts_values[SPILL_LAST] = Int64GetDatum(e->last);
	slot->tts_values[SPILL_ORDERS] = Int64GetDatum(e->sum.orders);
	slot->tts_values[SPILL_FORM] = Int32GetDatum(e->sum.form << 8 | e->sum.scale);
	slot->tts_values[SPILL_SUM] = Int64GetDatum(wide ? 0 : e->sum.v.scaled);
	slot->tts_isnull[SPILL_LOW] = !c->real_amounts;
	if (c->real_amounts)
		slot->tts_values[SPILL_LOW] = Float8GetDatum(e->sum.low);
	slot->tts_isnull[SPILL_WIDE] = wide == NULL;
	slot->tts_values[SPILL_WIDE] = PointerGetDatum(wide);
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(c->spill->customers.sort, slot);
	if (wide)
		pfree(wide);
}

static void
put_order(RfmCollector *c, const RfmOrderSlot *order)
{
	TupleTableSlot *slot = c->spill->orders.slot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, 2);
	slot->tts_values[0] = rfm_key_to_datum(&c->customer_type,
										   rfm_entry(c, order->customer - 1)->key);
	slot->tts_values[1] = rfm_key_to_datum(&c->order_type, order->order);
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(c->spill->orders.sort, slot);
}

void
rfm_spill_table(RfmCollector *c)
{
	ResourceOwner oldowner = CurrentResourceOwner;

	if (c->partial)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the customers seen by one parallel process exceed rfm.work_mem")));
	if (c->spill == NULL)
		c->spill = begin_spill(c);

	/* files are made as they are needed, and belong to the owner of that moment */
	CurrentResourceOwner = c->spill->owner;
	for (int64 i = 0; i < c->nentries; i++)
	{
		put_customer(c, i);
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (c->distinct_orders)
	{
		uint64		slots = UINT64CONST(1) << c->order_bits;

		for (uint64 i = 0; i < slots; i++)
		{
			if (c->order_slot[i].customer != 0)
				put_order(c, &c->order_slot[i]);
			if (i % 1024 == 0)
				CHECK_FOR_INTERRUPTS();
		}
	}
	CurrentResourceOwner = oldowner;
	rfm_collector_clear(c);
}

/*
 * Reading.
 */

/* Make the tuple ahead the one at hand, and read the next. */
static void
advance(SpillSort *s)
{
	TupleTableSlot *slot = s->slot;
	MemoryContext oldcxt;

	s->slot = s->ahead;
	s->ahead = slot;
	/* the copy that the slot gets lives as long as the slot */
	oldcxt = MemoryContextSwitchTo(slot->tts_mcxt);
	if (tuplesort_gettupleslot(s->sort, true, true, slot, NULL))
		slot_getallattrs(slot);
	MemoryContextSwitchTo(oldcxt);
}

static void
finish_sort(SpillSort *s)
{
	tuplesort_performsort(s->sort);
	ExecDropSingleTupleTableSlot(s->slot);
	s->slot = MakeSingleTupleTableSlot(s->desc, &TTSOpsMinimalTuple);
	s->ahead = MakeSingleTupleTableSlot(s->desc, &TTSOpsMinimalTuple);
	advance(s);
}

void
rfm_spill_finish(RfmCollector *c)
{
	ResourceOwner oldowner = CurrentResourceOwner;
	MemoryContext oldcxt;

	rfm_spill_table(c);
	rfm_collector_close(c);
	rfm_collector_free_entries(c);

	oldcxt = MemoryContextSwitchTo(c->mcxt);
	CurrentResourceOwner = c->spill->owner;
	finish_sort(&c->spill->customers);
	if (c->distinct_orders)
		finish_sort(&c->spill->orders);
	CurrentResourceOwner = oldowner;
	MemoryContextSwitchTo(oldcxt);
}

static inline Datum
slot_key(const RfmKeyType *kt, TupleTableSlot *slot, int column)
{
	return rfm_key_from_datum(kt, slot->tts_values[column]);
}

/* Read a customer from a tuple; a wide sum is copied to the current context. */
static void
get_customer(const RfmCollector *c, TupleTableSlot *slot, RfmEntry *e)
{
	int32		form = DatumGetInt32(slot->tts_values[SPILL_FORM]);

	e->key = slot_key(&c->customer_type, slot, SPILL_KEY);
	e->last = DatumGetInt64(slot->tts_values[SPILL_LAST]);
	e->sum.orders = (uint32) DatumGetInt64(slot->tts_values[SPILL_ORDERS]);
	e->sum.form = (uint8) (form >> 8);
	e->sum.scale = (uint8) form;
	e->sum.v.scaled = DatumGetInt64(slot->tts_values[SPILL_SUM]);
	e->sum.low = slot->tts_isnull[SPILL_LOW] ? 0 : DatumGetFloat8(slot->tts_values[SPILL_LOW]);
	if (!slot->tts_isnull[SPILL_WIDE])
	{
		struct varlena *image = (struct varlena *) DatumGetPointer(slot->tts_values[SPILL_WIDE]);

		rfm_sum_set_image(&e->sum, VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image));
	}
}

/* Count the distinct orders of a customer; they come in the order of the customers. */
static uint32
count_orders(RfmCollector *c, Datum key)
{
	SpillSort  *s = &c->spill->orders;
	uint32		count = 0;

	while (!TupIsNull(s->ahead) &&
		   rfm_key_equal(&c->customer_type, slot_key(&c->customer_type, s->ahead, 0), key))
	{
		advance(s);
		while (!TupIsNull(s->ahead) &&
			   rfm_key_equal(&c->customer_type, slot_key(&c->customer_type, s->ahead, 0), key) &&
			   rfm_key_equal(&c->order_type, slot_key(&c->order_type, s->ahead, 1),
							 slot_key(&c->order_type, s->slot, 1)))
			advance(s);
		if (++count == 0)
			rfm_too_many_orders(c, key);
	}
	return count;
}

bool
rfm_spill_next(RfmCollector *c, RfmEntry *e)
{
	RfmSpill   *spill = c->spill;
	SpillSort  *s = &spill->customers;
	MemoryContext oldcxt;

	if (TupIsNull(s->ahead))
		return false;
	MemoryContextReset(spill->sumcxt);
	oldcxt = MemoryContextSwitchTo(spill->sumcxt);

	advance(s);
	get_customer(c, s->slot, e);
	/* e->key points into the tuple at hand, which is freed when the next is read */
	if (rfm_key_by_reference(&c->customer_type))
		e->key = rfm_key_copy(&c->customer_type, e->key);
	while (!TupIsNull(s->ahead) &&
		   rfm_key_equal(&c->customer_type, slot_key(&c->customer_type, s->ahead, SPILL_KEY), e->key))
	{
		RfmEntry	other;

		advance(s);
		get_customer(c, s->slot, &other);
		if (rfm_key_by_reference(&c->customer_type) &&
			rfm_key_image_cmp(&c->customer_type, other.key, e->key) < 0)
			e->key = rfm_key_copy(&c->customer_type, other.key);
		rfm_entry_merge(c, e, &other, spill->sumcxt);
	}
	if (c->distinct_orders)
		e->sum.orders = count_orders(c, e->key);
	MemoryContextSwitchTo(oldcxt);
	return true;
}

static void
end_sort(SpillSort *s)
{
	ExecDropSingleTupleTableSlot(s->slot);
	ExecDropSingleTupleTableSlot(s->ahead);
	tuplesort_end(s->sort);
}

void
rfm_spill_end(RfmCollector *c)
{
	end_sort(&c->spill->customers);
	if (c->distinct_orders)
		end_sort(&c->spill->orders);
	c->spill = NULL;
}

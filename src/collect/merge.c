/*-------------------------------------------------------------------------
 *
 * merge.c
 *		The collector's table on its way from a parallel worker to the leader.
 *
 * A worker's table is sent as bytes and merged customer by customer.  For the
 * leader's own table only a ticket is passed.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/parallel.h"
#include "base/version.h"
#include "collect/entry.h"
#include "collect/queue.h"
#include "collect/serial.h"
#include "collect/spill.h"
#include "collect/table.h"
#include "collect/ticket.h"
#include "miscadmin.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(rfm_collect_combine);
PG_FUNCTION_INFO_V1(rfm_collect_serialize);
PG_FUNCTION_INFO_V1(rfm_collect_deserialize);

/*
 * Write a table as bytea.  If it does not fit into one, or if a part of it has
 * been written to runs already, it is written to a run.
 */
static bytea *
write_table(RfmCollector *c)
{
	bytea	   *result = c->spill ? NULL : rfm_serial_write(c);

	if (result)
		return result;
	rfm_spill_table(c);
	return rfm_serial_write(c);
}

Datum
rfm_collect_serialize(PG_FUNCTION_ARGS)
{
	RfmCollector *c;

	rfm_version_check();
	(void) rfm_aggregate_context(fcinfo);
	c = (RfmCollector *) PG_GETARG_POINTER(0);
	rfm_queue_drain(c);
	if (IsParallelWorker())
		PG_RETURN_BYTEA_P(write_table(c));
	PG_RETURN_BYTEA_P(rfm_serial_hand_over(c));
}

Datum
rfm_collect_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serialized;
	RfmSerial  *s;

	rfm_version_check();
	(void) rfm_aggregate_context(fcinfo);

	/*
	 * combine reads the state in place: it is called before this row is freed
	 */
	serialized = PG_GETARG_BYTEA_PP(0);
	s = palloc(sizeof(RfmSerial));
	rfm_serial_open(s, VARDATA_ANY(serialized), VARSIZE_ANY_EXHDR(serialized));
	PG_RETURN_POINTER(s);
}

/* A customer of another table that is being merged into this one. */
typedef struct MergeEntry
{
	RfmEntry	entry;
	uint32		hash;
} MergeEntry;

/* The number in this table of a customer of the other one. */
typedef struct MergedCustomer
{
	uint32		number;
	uint32		hash;
	uint32		orders;			/* distinct ones, or visits, of the other table */
} MergedCustomer;

/* Add a customer of another table; returns its number here. */
static uint32
merge_entry(RfmCollector *c, const MergeEntry *m)
{
	uint32		number = rfm_find_customer(c, m->entry.key, m->hash);

	rfm_entry_merge(c, rfm_entry(c, number), &m->entry, c->sums);
	return number;
}

/*
 * Customers, or orders, read before their copies are freed; and the number of
 * steps before merging at which the memory of each is prefetched.
 */
#define MERGE_BATCH		1024
#define AHEAD_OF_ENTRY	48
#define AHEAD_OF_KEY	32
#define AHEAD_OF_MERGE	16

/* Read and merge n customers. */
static void
merge_some_entries(RfmCollector *c, RfmSerial *s, MergeEntry *batch, int n,
				   MergedCustomer *merged)
{
	bool		by_reference = rfm_key_by_reference(&c->customer_type);

	for (int i = 0; i < n + AHEAD_OF_ENTRY; i++)
	{
		int			entry = i - (AHEAD_OF_ENTRY - AHEAD_OF_KEY);
		int			key = i - (AHEAD_OF_ENTRY - AHEAD_OF_MERGE);
		int			merge = i - AHEAD_OF_ENTRY;

		if (i < n)
		{
			rfm_serial_entry(s, c, &batch[i].entry);
			batch[i].hash = rfm_key_hash(&c->customer_type, batch[i].entry.key);
			rfm_prefetch_place(c, batch[i].entry.key, batch[i].hash);
		}
		if (entry >= 0 && entry < n)
			rfm_prefetch_entry(c, batch[entry].entry.key, batch[entry].hash);
		if (by_reference && key >= 0 && key < n)
			rfm_prefetch_key(c, batch[key].entry.key, batch[key].hash);
		if (merge >= 0)
		{
			uint32		number = merge_entry(c, &batch[merge]);

			if (merged)
			{
				merged[merge].number = number;
				merged[merge].hash = batch[merge].hash;
				merged[merge].orders = batch[merge].entry.sum.orders;
			}
		}
	}
}

/* Merge all customers; merged, unless NULL, gets their numbers here. */
static void
merge_entries(RfmCollector *c, RfmSerial *s, MemoryContext batchcxt, MergedCustomer *merged)
{
	MergeEntry *batch = palloc(MERGE_BATCH * sizeof(MergeEntry));
	MemoryContext oldcxt = MemoryContextSwitchTo(batchcxt);

	for (int64 done = 0; done < s->header.nentries; done += MERGE_BATCH)
	{
		merge_some_entries(c, s, batch, (int) Min(s->header.nentries - done, MERGE_BATCH),
						   merged ? merged + done : NULL);
		MemoryContextReset(batchcxt);
		/* orders yet to come name customers by numbers, which spilling ends */
		if (merged == NULL)
			rfm_spill_if_full(c);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(oldcxt);
	pfree(batch);
}

static void
merge_orders(RfmCollector *c, RfmSerial *s, MemoryContext batchcxt, const MergedCustomer *merged)
{
	RfmOrderSlot *batch = palloc(MERGE_BATCH * sizeof(RfmOrderSlot));
	MemoryContext oldcxt = MemoryContextSwitchTo(batchcxt);

	for (int64 done = 0; done < s->header.norders; done += MERGE_BATCH)
	{
		int			n = (int) Min(s->header.norders - done, MERGE_BATCH);

		for (int i = 0; i < n + AHEAD_OF_MERGE; i++)
		{
			int			merge = i - AHEAD_OF_MERGE;
			int64		customer;

			if (i < n)
			{
				rfm_serial_order(s, c, &batch[i].order, &customer);
				batch[i].customer = merged[customer].number;
				batch[i].hash = rfm_order_hash(rfm_key_hash(&c->order_type, batch[i].order),
											   merged[customer].hash);
				rfm_prefetch_order(c, batch[i].hash);
			}
			if (merge >= 0)
				rfm_count_order(c, batch[merge].customer, batch[merge].order, batch[merge].hash);
		}
		MemoryContextReset(batchcxt);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(oldcxt);
	pfree(batch);
}

/* Add the visits, which come customer by customer. */
static void
merge_visits(RfmCollector *c, RfmSerial *s, MemoryContext batchcxt, const MergedCustomer *merged)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(batchcxt);

	for (int64 i = 0; i < s->header.nentries; i++)
	{
		Datum		visit;
		int64		customer;

		if (i + AHEAD_OF_MERGE < s->header.nentries)
			rfm_prefetch_write(rfm_entry(c, merged[i + AHEAD_OF_MERGE].number));
		for (uint32 n = 0; n < merged[i].orders; n++)
		{
			rfm_serial_order(s, c, &visit, &customer);
			rfm_count_order(c, merged[i].number, visit, 0);
		}
		if (i % MERGE_BATCH == 0)
		{
			MemoryContextReset(batchcxt);
			CHECK_FOR_INTERRUPTS();
		}
	}
	MemoryContextSwitchTo(oldcxt);
}

static void
merge_serialized(RfmCollector *c, RfmSerial *s)
{
	MemoryContext batchcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm merge",
												   ALLOCSET_DEFAULT_SIZES);
	MergedCustomer *merged = NULL;

	/* in key order they do not collide, and a direct index may be possible */
	if (!s->header.in_key_order)
		rfm_index_expect(c, s->header.nentries);
	if (c->distinct_orders)
	{
		rfm_expect_orders(c, s->header.norders);
		merged = rfm_alloc_array(CurrentMemoryContext, s->header.nentries,
								 sizeof(MergedCustomer), false);
	}

	merge_entries(c, s, batchcxt, merged);
	if (c->types.visits)
		merge_visits(c, s, batchcxt, merged);
	else if (merged)
		merge_orders(c, s, batchcxt, merged);
	MemoryContextDelete(batchcxt);
	Assert(s->at == s->end);
	rfm_spill_if_full(c);
	rfm_spill_add_runs(c, s->run, s->header.nruns);
	c->rows += s->header.rows;
	/* they have been shown by the process that read them */
	c->rows_shown += s->header.rows;
	if (merged)
		pfree(merged);
}

/* Merge a table of this backend in the same way; this is rare. */
static void
merge_own(RfmCollector *c, RfmCollector *other)
{
	bytea	   *serialized = write_table(other);
	RfmSerial	s;

	rfm_serial_open(&s, VARDATA(serialized), VARSIZE(serialized) - VARHDRSZ);
	merge_serialized(c, &s);
	pfree(serialized);
	MemoryContextDelete(other->mcxt);
}

Datum
rfm_collect_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	RfmCollector *c;
	RfmSerial  *s;
	RfmSerialHeader *h;

	rfm_version_check();
	aggcontext = rfm_aggregate_context(fcinfo);

	c = PG_ARGISNULL(0) ? NULL : (RfmCollector *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1))
	{
		if (c == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(c);
	}
	s = (RfmSerial *) PG_GETARG_POINTER(1);
	h = &s->header;

	if (c == NULL && h->ticket > 0)
	{
		c = rfm_ticket_claim(h->ticket, aggcontext);
		PG_RETURN_POINTER(c);
	}
	if (c == NULL)
		c = rfm_collector_create(aggcontext, &h->types, h->in_key_order ? 0 : h->nentries);
	if (h->ticket > 0)
		merge_own(c, rfm_ticket_claim(h->ticket, CurrentMemoryContext));
	else
		merge_serialized(c, s);
	PG_RETURN_POINTER(c);
}

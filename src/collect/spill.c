/*-------------------------------------------------------------------------
 *
 * spill.c
 *		The collector's table past its bound of memory: runs of customers.
 *
 * A run is a sequence of blocks, each a size and so many bytes of serial.h.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "collect/files.h"
#include "collect/key_order.h"
#include "collect/serial.h"
#include "collect/spill.h"
#include "collect/table.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * Customers of a block.  The leader keeps a block of every run in memory; of
 * fewer customers, what a block has beside them would tell.
 */
#define BLOCK_CUSTOMERS	256

/* Distinct orders by customer: those of the customer n begin at first[n]. */
typedef struct GroupedOrders
{
	int64	   *first;			/* by number; one more at the end */
	const RfmOrderSlot **slot;
} GroupedOrders;

static void
group_orders(const RfmCollector *c, GroupedOrders *g)
{
	uint64		slots = UINT64CONST(1) << c->order_bits;

	g->first = rfm_alloc_array(CurrentMemoryContext, c->nentries + 1, sizeof(int64), true);
	g->slot = rfm_alloc_array(CurrentMemoryContext, c->norders, sizeof(RfmOrderSlot *), false);
	for (int64 i = 0; i < c->nentries; i++)
		g->first[i] = rfm_entry(c, i)->sum.orders + (i > 0 ? g->first[i - 1] : 0);
	g->first[c->nentries] = c->norders;

	/* now that each customer's end is known, fill from there to where it begins */
	for (uint64 at = 0; at < slots; at++)
	{
		const RfmOrderSlot *s = &c->order_slot[at];

		if (at % RFM_SEGMENT_ENTRIES == 0)
			CHECK_FOR_INTERRUPTS();
		if (s->customer != 0)
			g->slot[--g->first[s->customer - 1]] = s;
	}
}

/* Collect the orders of the customers of a block, one customer after another. */
static void
add_block_orders(RfmSerialPart *part, const GroupedOrders *g, const RfmOrderSlot ***list, int64 *space)
{
	part->norders = 0;
	for (int64 i = 0; i < part->ncustomers; i++)
	{
		uint32		number = part->customer[i];
		int64		n = g->first[number + 1] - g->first[number];

		if (part->norders + n > *space)
		{
			*space = Max(*space * 2, part->norders + n);
			*list = repalloc_huge(*list, *space * sizeof(RfmOrderSlot *));
		}
		memcpy(*list + part->norders, g->slot + g->first[number], n * sizeof(RfmOrderSlot *));
		part->norders += n;
	}
	part->order = *list;
}

static void
write_blocks(const RfmCollector *c, BufFile *file)
{
	uint32	   *order = rfm_key_order(c);
	GroupedOrders orders = {0};
	int64		order_space = BLOCK_CUSTOMERS;
	const RfmOrderSlot **list = palloc(order_space * sizeof(RfmOrderSlot *));
	Size		space = 0;
	char	   *block = NULL;

	if (c->distinct_orders)
		group_orders(c, &orders);
	for (int64 i = 0; i < c->nentries; i += BLOCK_CUSTOMERS)
	{
		RfmSerialPart part = {.customer = order + i,.ncustomers = Min(c->nentries - i, BLOCK_CUSTOMERS)};
		RfmSerialHeader header;
		Size		size;

		if (c->distinct_orders)
			add_block_orders(&part, &orders, &list, &order_space);
		size = rfm_serial_measure(c, &part, &header);
		if (size > space)
		{
			if (block)
				pfree(block);
			space = Max(size, 2 * space);
			block = MemoryContextAllocHuge(CurrentMemoryContext, space);
		}
		rfm_serial_fill(c, &part, &header, block);
		BufFileWrite(file, &size, sizeof(size));
		BufFileWrite(file, block, size);
		CHECK_FOR_INTERRUPTS();
	}
	if (block)
		pfree(block);
	if (orders.first)
	{
		pfree(orders.first);
		pfree(orders.slot);
	}
	pfree(list);
	pfree(order);
}

static RfmRun *
add_run(RfmCollector *c)
{
	RfmSpill   *spill = c->spill;

	if (spill == NULL)
	{
		spill = c->spill = MemoryContextAllocZero(c->mcxt, sizeof(RfmSpill));
		spill->space = 16;
		spill->run = MemoryContextAlloc(c->mcxt, spill->space * sizeof(RfmRun));
		rfm_files_hold(c->mcxt);
	}
	if (spill->nruns == spill->space)
	{
		spill->space *= 2;
		spill->run = repalloc_huge(spill->run, spill->space * sizeof(RfmRun));
	}
	return &spill->run[spill->nruns++];
}

void
rfm_spill_table(RfmCollector *c)
{
	RfmRun	   *run;
	BufFile    *file;

	if (c->nentries == 0)
		return;
	run = add_run(c);
	file = rfm_file_create(run);
	write_blocks(c, file);
	BufFileExportFileSet(file);
	BufFileClose(file);
	rfm_collector_clear(c);
}

void
rfm_spill_add_runs(RfmCollector *c, const RfmRun *run, int64 nruns)
{
	for (int64 i = 0; i < nruns; i++)
		*add_run(c) = run[i];
}

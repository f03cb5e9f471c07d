/*-------------------------------------------------------------------------
 *
 * spill.c
 *		Writing the collector's table to runs when it reaches its memory limit.
 *
 * A run is a sequence of blocks.  Each is a size, followed by that many bytes
 * in the format of serial.h.
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

/*
 * Customers per block.  The leader keeps one block of every run in memory;
 * with fewer customers, the overhead of a block would matter.
 */
#define BLOCK_CUSTOMERS	256

static void
write_blocks(const RfmCollector *c, BufFile *file)
{
	uint32	   *customer = rfm_key_order(c);
	Datum	   *order = c->distinct_orders ? rfm_group_orders(c, customer) : NULL;
	int64		norders = 0;
	Size		space = 0;
	char	   *block = NULL;

	for (int64 i = 0; i < c->nentries; i += BLOCK_CUSTOMERS)
	{
		RfmSerialPart part = {.customer = customer + i,.ncustomers = Min(c->nentries - i, BLOCK_CUSTOMERS)};
		RfmSerialHeader header;
		Size		size;

		if (order)
		{
			part.order = order + norders;
			for (int64 n = 0; n < part.ncustomers; n++)
				part.norders += rfm_entry(c, part.customer[n])->sum.orders;
			norders += part.norders;
		}
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
	if (order)
		pfree(order);
	pfree(customer);
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
	spill->run = rfm_reserve(spill->run, &spill->space, spill->nruns + 1, sizeof(RfmRun));
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

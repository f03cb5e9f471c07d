/*-------------------------------------------------------------------------
 *
 * run_merge.c
 *		The customers of all runs, in key order.
 *
 * The runs are in a heap, ordered by the key of the current customer of each.
 * A customer who is in several runs is the current one of each at the same
 * time.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "collect/entry.h"
#include "collect/files.h"
#include "collect/run_merge.h"
#include "collect/serial.h"
#include "collect/spill.h"
#include "collect/table.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"

/* A block of a run in memory; entries and ids may point into it. */
typedef struct Block
{
	MemoryContext mcxt;			/* reset when the block is read anew */
	RfmEntry   *entry;
	int64		nentries;
	RfmSerial	serial;			/* at the orders of the next customer */
} Block;

/*
 * A run being read.  Its last customer stays in place until two more have been
 * read, because the blocks alternate.
 */
typedef struct Reader
{
	BufFile    *file;
	Block		block[2];
	int			current;
	int64		at;				/* the next customer of the current block */
} Reader;

typedef struct RfmRunMerge
{
	Reader	   *reader;			/* one a run */
	binaryheap *heap;			/* of those that are not at their end */
	SortSupportData ssup;		/* of customers */
	SortSupportData order_ssup;	/* of order ids */
	MemoryContext sums;			/* of the customer at hand */
	Datum	   *id;				/* its orders */
	int64		nids;
	int64		id_space;
} RfmRunMerge;

static void
read_exactly(BufFile *file, void *to, Size size)
{
	if (BufFileRead(file, to, size) != size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read a temporary file: it ends too early")));
}

/* Read the next block; false at the end of the run. */
static bool
read_block(const RfmCollector *c, Reader *r)
{
	Block	   *block;
	MemoryContext oldcxt;
	Size		size;
	Size		got;
	char	   *bytes;

	got = BufFileRead(r->file, &size, sizeof(size));
	if (got == 0)
		return false;
	if (got != sizeof(size))
		elog(ERROR, "run of customers ends within a size");
	r->current = 1 - r->current;
	r->at = 0;
	block = &r->block[r->current];
	MemoryContextReset(block->mcxt);
	oldcxt = MemoryContextSwitchTo(block->mcxt);
	bytes = MemoryContextAllocHuge(block->mcxt, size);
	read_exactly(r->file, bytes, size);
	rfm_serial_open(&block->serial, bytes, size);
	block->nentries = block->serial.header.nentries;
	block->entry = rfm_alloc_array(block->mcxt, block->nentries, sizeof(RfmEntry), false);
	for (int64 i = 0; i < block->nentries; i++)
		rfm_serial_entry(&block->serial, c, &block->entry[i]);
	MemoryContextSwitchTo(oldcxt);
	return true;
}

static inline RfmEntry *
current_entry(const Reader *r)
{
	return &r->block[r->current].entry[r->at];
}

/* PostgreSQL's heap has the largest at its top. */
static int
reader_cmp(Datum a, Datum b, void *arg)
{
	return -ApplySortComparator(current_entry((const Reader *) DatumGetPointer(a))->key, false,
								current_entry((const Reader *) DatumGetPointer(b))->key, false,
								(SortSupport) arg);
}

static void
open_run(const RfmCollector *c, Reader *r, const RfmRun *run)
{
	r->file = rfm_file_open(run);
	for (int i = 0; i < 2; i++)
		r->block[i].mcxt = AllocSetContextCreate(c->mcxt, "rfm block of a run",
												 ALLOCSET_DEFAULT_SIZES);
	if (read_block(c, r))
		binaryheap_add_unordered(c->spill->merge->heap, PointerGetDatum(r));
}

void
rfm_run_merge_begin(RfmCollector *c)
{
	MemoryContext oldcxt;
	RfmRunMerge *merge;

	rfm_spill_table(c);
	rfm_collector_close(c);
	rfm_collector_free_entries(c);

	oldcxt = MemoryContextSwitchTo(c->mcxt);
	merge = c->spill->merge = palloc0(sizeof(RfmRunMerge));
	merge->sums = AllocSetContextCreate(c->mcxt, "rfm merged sum", ALLOCSET_SMALL_SIZES);
	merge->id_space = 64;
	merge->id = palloc(merge->id_space * sizeof(Datum));
	rfm_key_sort_support(&c->customer_type, &merge->ssup);
	if (c->distinct_orders)
		rfm_key_sort_support(&c->order_type, &merge->order_ssup);
	merge->heap = binaryheap_allocate(c->spill->nruns, reader_cmp, &merge->ssup);
	merge->reader = palloc0(c->spill->nruns * sizeof(Reader));
	for (int i = 0; i < c->spill->nruns; i++)
		open_run(c, &merge->reader[i], &c->spill->run[i]);
	binaryheap_build(merge->heap);
	MemoryContextSwitchTo(oldcxt);
}

/* Read the ids of the n orders of a reader's customer. */
static void
read_ids(RfmCollector *c, Reader *r, uint32 n)
{
	RfmRunMerge *merge = c->spill->merge;
	Block	   *block = &r->block[r->current];
	MemoryContext oldcxt = MemoryContextSwitchTo(block->mcxt);
	int64		customer;

	merge->id = rfm_reserve(merge->id, &merge->id_space, merge->nids + n, sizeof(Datum));
	for (uint32 i = 0; i < n; i++)
		rfm_serial_order(&block->serial, c, &merge->id[merge->nids++], &customer);
	MemoryContextSwitchTo(oldcxt);
}

static int
id_cmp(const void *a, const void *b, void *arg)
{
	CHECK_FOR_INTERRUPTS();
	return ApplySortComparator(*(const Datum *) a, false, *(const Datum *) b, false,
							   (SortSupport) arg);
}

/* Count the ids that differ. */
static uint32
count_ids(RfmCollector *c, const RfmEntry *e)
{
	RfmRunMerge *merge = c->spill->merge;
	int64		count = 0;

	qsort_arg(merge->id, merge->nids, sizeof(Datum), id_cmp, &merge->order_ssup);
	for (int64 i = 0; i < merge->nids; i++)
		if (i == 0 || !rfm_key_equal(&c->order_type, merge->id[i - 1], merge->id[i]))
			count++;
	if (count > PG_UINT32_MAX)
		rfm_too_many_orders(c, e->key);
	return (uint32) count;
}

/* Take the current customer of the first run, and advance. */
static void
take_first(RfmCollector *c, RfmEntry *e)
{
	RfmRunMerge *merge = c->spill->merge;
	Reader	   *r = (Reader *) DatumGetPointer(binaryheap_first(merge->heap));

	*e = *current_entry(r);
	if (c->distinct_orders)
		read_ids(c, r, e->sum.orders);
	if (++r->at < r->block[r->current].nentries || read_block(c, r))
		binaryheap_replace_first(merge->heap, PointerGetDatum(r));
	else
		(void) binaryheap_remove_first(merge->heap);
}

/* Determine whether the current customer of the first run is this one. */
static bool
first_has_key(RfmCollector *c, Datum key)
{
	binaryheap *heap = c->spill->merge->heap;
	const Reader *r;

	if (binaryheap_empty(heap))
		return false;
	r = (const Reader *) DatumGetPointer(binaryheap_first(heap));
	return rfm_key_equal(&c->customer_type, current_entry(r)->key, key);
}

bool
rfm_run_merge_next(RfmCollector *c, RfmEntry *e)
{
	RfmRunMerge *merge = c->spill->merge;
	RfmEntry	other;
	bool		merged = false;

	if (binaryheap_empty(merge->heap))
		return false;
	MemoryContextReset(merge->sums);
	merge->nids = 0;
	take_first(c, e);
	while (first_has_key(c, e->key))
	{
		take_first(c, &other);
		if (rfm_key_by_reference(&c->customer_type) &&
			rfm_key_image_cmp(&c->customer_type, other.key, e->key) < 0)
			e->key = other.key;
		rfm_entry_merge(c, e, &other, merge->sums);
		merged = true;
	}
	if (merged && c->distinct_orders && !c->types.visits)
		e->sum.orders = count_ids(c, e);
	return true;
}

const Datum *
rfm_run_merge_orders(const RfmCollector *c, int64 *n)
{
	*n = c->spill->merge->nids;
	return c->spill->merge->id;
}

void
rfm_run_merge_end(RfmCollector *c)
{
	for (int i = 0; i < c->spill->nruns; i++)
	{
		BufFileClose(c->spill->merge->reader[i].file);
		rfm_file_delete(&c->spill->run[i]);
	}
	c->spill = NULL;
}

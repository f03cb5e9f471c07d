/*-------------------------------------------------------------------------
 *
 * memory.h
 *		Memory for large arrays, its bound, and loops over them.
 *
 * The arrays of a refresh are large and visited in random order, so most of
 * the cost of a visit is the page walk.  Where the system offers huge pages on
 * request, arrays are allocated on them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_MEMORY_H
#define RFM_BASE_MEMORY_H

#include "fmgr.h"
#include "miscadmin.h"

/* rfm_memory_bound: return how many bytes the customers of one process may take. */
extern Size rfm_memory_bound(void);

/*
 * rfm_aggregate_context: return the memory context for the state of the calling
 * aggregate.  Raises an internal error where no aggregate calls.
 */
static inline MemoryContext
rfm_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext mcxt;

	if (!AggCheckCallContext(fcinfo, &mcxt))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return mcxt;
}

/*
 * rfm_alloc_array: allocate count elements (at least one) of size bytes in mcxt,
 * which together may exceed 1 GB; zero says that they are to be zeroed.
 */
extern void *rfm_alloc_array(MemoryContext mcxt, int64 count, Size size, bool zero);

/*
 * rfm_enlarge_array: Give such an array, at its place or another, more elements.
 * Large ones move without being copied, and take no memory before it is used.
 */
extern void *rfm_enlarge_array(void *array, int64 count, Size size);

/*
 * rfm_reserve: return a palloc'd array, moved to where there is room for count
 * elements unless *space is enough; it grows at least twofold.
 */
extern void *rfm_reserve(void *array, int64 *space, int64 count, Size size);

/*
 * Memory that only grows, cut from large blocks.  Nothing in it ever moves, so
 * that it stays on the huge pages that it was given.
 */
typedef struct RfmPool
{
	MemoryContext mcxt;			/* where the blocks come from */
	char	   *at;
	Size		left;
	Size		block;			/* size of the last block */
	Size		used;			/* bytes handed out */
} RfmPool;

/*
 * rfm_pool_alloc: allocate size bytes, not zeroed, at an address that is a multiple of
 * size where that is a power of two up to 2 MB, else of MAXIMUM_ALIGNOF.
 */
extern void *rfm_pool_alloc(RfmPool *pool, Size size);

/* rfm_pool_bytes: allocate size bytes, at a multiple of MAXIMUM_ALIGNOF unless packed. */
extern void *rfm_pool_bytes(RfmPool *pool, Size size, bool packed);

/* rfm_check_interrupts: check for interrupts now and then in a loop whose rounds i counts. */
static inline void
rfm_check_interrupts(int64 i)
{
	if (i % 65536 == 0)
		CHECK_FOR_INTERRUPTS();
}

/*
 * rfm_prefetch_read, rfm_prefetch_write: load memory that will be used soon
 * into the cache.  Functions that only prefetch must always be inlined: GCC
 * takes a call of such a function for one without effect, and drops it.
 */
static pg_attribute_always_inline void
rfm_prefetch_read(const void *address)
{
#ifdef __GNUC__
	__builtin_prefetch(address, 0);
#endif
}

static pg_attribute_always_inline void
rfm_prefetch_write(const void *address)
{
#ifdef __GNUC__
	__builtin_prefetch(address, 1);
#endif
}

#endif							/* RFM_BASE_MEMORY_H */

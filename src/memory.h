/*-------------------------------------------------------------------------
 *
 * memory.h
 *		Large arrays.
 *
 * The arrays of a refresh are large and visited in random order, so most of
 * the cost of a visit is the page walk.  Where the system offers huge pages on
 * request, arrays are allocated on them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_MEMORY_H
#define RFM_MEMORY_H

/*
 * rfm_alloc_array: memory for count elements of size bytes (at least one) in
 * mcxt, which may exceed 1 GB; zeroed where asked for.
 */
extern void *rfm_alloc_array(MemoryContext mcxt, int64 count, Size size, bool zero);

/* rfm_grow_array: like repalloc, to count elements of size bytes. */
extern void *rfm_grow_array(void *array, int64 count, Size size);

/* rfm_prefetch_read, rfm_prefetch_write: memory that is used soon. */
static inline void
rfm_prefetch_read(const void *address)
{
#ifdef __GNUC__
	__builtin_prefetch(address, 0);
#endif
}

static inline void
rfm_prefetch_write(const void *address)
{
#ifdef __GNUC__
	__builtin_prefetch(address, 1);
#endif
}

#endif							/* RFM_MEMORY_H */

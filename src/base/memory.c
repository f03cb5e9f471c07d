/*-------------------------------------------------------------------------
 *
 * memory.c
 *		Memory for large arrays, its bound, and loops over them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <sys/mman.h>

#include "base/memory.h"
#include "base/settings.h"
#include "miscadmin.h"

Size
rfm_memory_bound(void)
{
	return (Size) (rfm_work_mem < 0 ? maintenance_work_mem : rfm_work_mem) * 1024;
}

#define HUGE_PAGE ((Size) 2 * 1024 * 1024)

/*
 * Ask for huge pages for an array before it is first touched.  This is only a
 * hint.
 */
static void
advise_huge_pages(void *array, Size bytes)
{
#ifdef MADV_HUGEPAGE
	uintptr_t	start = TYPEALIGN(HUGE_PAGE, (uintptr_t) array);
	uintptr_t	end = TYPEALIGN_DOWN(HUGE_PAGE, (uintptr_t) array + bytes);

	if (end > start)
		(void) madvise((void *) start, end - start, MADV_HUGEPAGE);
#endif
}

void *
rfm_alloc_array(MemoryContext mcxt, int64 count, Size size, bool zero)
{
	Size		bytes = (Size) Max(count, 1) * size;
	void	   *array = MemoryContextAllocHuge(mcxt, bytes);

	advise_huge_pages(array, bytes);
	if (zero)
		memset(array, 0, bytes);
	return array;
}

void *
rfm_enlarge_array(void *array, int64 count, Size size)
{
	array = repalloc_huge(array, (Size) count * size);
	advise_huge_pages(array, (Size) count * size);
	return array;
}

void *
rfm_reserve(void *array, int64 *space, int64 count, Size size)
{
	if (count <= *space)
		return array;
	*space = Max(count, 2 * *space);
	return repalloc_huge(array, (Size) *space * size);
}

#define FIRST_BLOCK (8 * HUGE_PAGE)
#define LAST_BLOCK (64 * HUGE_PAGE)

/* A new block; parts that are never touched only take address space. */
static void
add_block(RfmPool *pool, Size size)
{
	char	   *block;
	Size		bytes;

	pool->block = Min(Max(pool->block * 2, FIRST_BLOCK), LAST_BLOCK);
	bytes = Max(pool->block, TYPEALIGN(HUGE_PAGE, size));
	block = MemoryContextAllocHuge(pool->mcxt, bytes + HUGE_PAGE);
	pool->at = (char *) TYPEALIGN(HUGE_PAGE, (uintptr_t) block);
	pool->left = bytes;
	advise_huge_pages(pool->at, bytes);
}

static void *
take_from_pool(RfmPool *pool, Size size, Size align)
{
	Size		skip = TYPEALIGN(align, (uintptr_t) pool->at) - (uintptr_t) pool->at;
	char	   *piece;

	if (skip + size > pool->left)
	{
		add_block(pool, size);
		skip = 0;
	}
	piece = pool->at + skip;
	pool->at += skip + size;
	pool->left -= skip + size;
	pool->used += skip + size;
	return piece;
}

void *
rfm_pool_alloc(RfmPool *pool, Size size)
{
	bool		power = size <= HUGE_PAGE && (size & (size - 1)) == 0;

	return take_from_pool(pool, size, power ? Max(size, MAXIMUM_ALIGNOF) : MAXIMUM_ALIGNOF);
}

void *
rfm_pool_bytes(RfmPool *pool, Size size, bool packed)
{
	return take_from_pool(pool, size, packed ? 1 : MAXIMUM_ALIGNOF);
}

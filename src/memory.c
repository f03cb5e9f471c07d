/*-------------------------------------------------------------------------
 *
 * memory.c
 *		Large arrays.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <sys/mman.h>

#include "memory.h"
#include "utils/memutils.h"

#define HUGE_PAGE ((Size) 2 * 1024 * 1024)

/*
 * Asks for huge pages under an array before it is first touched.  Only a
 * hint: nothing depends on its success.
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
rfm_grow_array(void *array, int64 count, Size size)
{
	Size		bytes = (Size) Max(count, 1) * size;

	array = repalloc_huge(array, bytes);
	advise_huge_pages(array, bytes);
	return array;
}

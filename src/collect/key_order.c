/*-------------------------------------------------------------------------
 *
 * key_order.c
 *		The order of the collected customers by key.
 *
 * Integers are sorted digit by digit.  So are keys whose order is that of their
 * bytes, by the eight bytes after the prefix that all of them share (cus_,
 * order-); the few that agree in those are compared.  All others are compared by
 * their type's own function.
 *
 * The collation of text mostly puts the ids of a shop in the order of their
 * bytes.  So text is sorted by bytes first, and then each key is compared with
 * the one before it by the collation: only where that finds two in the wrong
 * order are all compared.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "collect/index.h"
#include "collect/key_order.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"

/* How many customers ahead of its use a key is prefetched. */
#define LOOK_AHEAD	32

typedef struct KeyedEntry
{
	uint64		key;			/* or eight bytes of it */
	uint32		entry;			/* number of the customer */
} KeyedEntry;

#define RADIX_BITS	11
#define RADIX_SIZE	(1 << RADIX_BITS)

/*
 * Sort by key, least significant digit first, over the bits that the keys
 * differ in.  The sort is stable, and linear in n.
 */
static KeyedEntry *
radix_sort(KeyedEntry *items, int64 n)
{
	KeyedEntry *from = items;
	KeyedEntry *to = rfm_alloc_array(CurrentMemoryContext, n, sizeof(KeyedEntry), false);
	uint64		lowest = PG_UINT64_MAX;
	uint64		highest = 0;

	for (int64 i = 0; i < n; i++)
	{
		lowest = Min(lowest, items[i].key);
		highest = Max(highest, items[i].key);
		rfm_check_interrupts(i);
	}

	for (int shift = 0; shift < 64 && n > 0 && ((highest - lowest) >> shift) > 0; shift += RADIX_BITS)
	{
		int64		position[RADIX_SIZE] = {0};
		int64		sum = 0;
		KeyedEntry *swap;

		for (int64 i = 0; i < n; i++)
		{
			position[((from[i].key - lowest) >> shift) & (RADIX_SIZE - 1)]++;
			rfm_check_interrupts(i);
		}
		for (int d = 0; d < RADIX_SIZE; d++)
		{
			int64		count = position[d];

			position[d] = sum;
			sum += count;
		}
		for (int64 i = 0; i < n; i++)
		{
			to[position[((from[i].key - lowest) >> shift) & (RADIX_SIZE - 1)]++] = from[i];
			rfm_check_interrupts(i);
		}
		swap = from;
		from = to;
		to = swap;
		CHECK_FOR_INTERRUPTS();
	}
	pfree(to);
	return from;
}

static int
keyed_entry_cmp(const void *a, const void *b, void *arg)
{
	SortSupport ssup = (SortSupport) arg;

	CHECK_FOR_INTERRUPTS();
	return ApplySortComparator(((const KeyedEntry *) a)->key, false,
							   ((const KeyedEntry *) b)->key, false, ssup);
}

static void
sort_by_comparing(const RfmCollector *c, KeyedEntry *items, int64 n, SortSupport ssup)
{
	for (int64 i = 0; i < n; i++)
		items[i].key = (uint64) rfm_entry(c, items[i].entry)->key;
	qsort_arg(items, n, sizeof(KeyedEntry), keyed_entry_cmp, ssup);
}

/* Determine how many bytes all keys have in common at their beginning. */
static Size
common_prefix(const RfmCollector *c)
{
	Size		common = 0;
	const char *first = c->nentries > 0 ?
		rfm_key_bytes(&c->customer_type, rfm_entry(c, 0)->key, &common) : NULL;

	for (int64 i = 1; i < c->nentries && common > 0; i++)
	{
		Size		len;
		const char *bytes = rfm_key_bytes(&c->customer_type, rfm_entry(c, i)->key, &len);
		Size		same = 0;

		common = Min(common, len);
		while (same < common && bytes[same] == first[same])
			same++;
		common = same;
		rfm_check_interrupts(i);
	}
	return common;
}

/* Return eight bytes of a key, most significant first; zeros after its end. */
static uint64
word_of_bytes(const RfmKeyType *kt, Datum key, Size skip)
{
	Size		len;
	const char *bytes = rfm_key_bytes(kt, key, &len);
	uint64		image = 0;

	memcpy(&image, bytes + skip, Min(len - skip, sizeof(image)));
	return pg_ntoh64(image);
}

/* Prefetch the key of a customer who comes soon, by way of the entry. */
static pg_attribute_always_inline void
prefetch_key(const RfmCollector *c, const KeyedEntry *items, int64 i)
{
	if (i + LOOK_AHEAD < c->nentries)
		rfm_prefetch_read(rfm_entry(c, items[i + LOOK_AHEAD].entry));
	if (i + LOOK_AHEAD / 2 < c->nentries)
		rfm_prefetch_read(DatumGetPointer(rfm_entry(c, items[i + LOOK_AHEAD / 2].entry)->key));
}

/* Sort keys of a few words, one word after another, the least significant one first. */
static KeyedEntry *
sort_by_words(const RfmCollector *c, KeyedEntry *items)
{
	for (int at = c->customer_type.typlen - sizeof(uint64); at >= 0; at -= sizeof(uint64))
	{
		for (int64 i = 0; i < c->nentries; i++)
		{
			prefetch_key(c, items, i);
			items[i].key = word_of_bytes(&c->customer_type, rfm_entry(c, items[i].entry)->key, at);
			rfm_check_interrupts(i);
		}
		items = radix_sort(items, c->nentries);
	}
	return items;
}

static KeyedEntry *
sort_by_bytes(const RfmCollector *c, KeyedEntry *items, SortSupport ssup)
{
	Size		skip = common_prefix(c);

	for (int64 i = 0; i < c->nentries; i++)
		items[i].key = word_of_bytes(&c->customer_type, rfm_entry(c, i)->key, skip);
	items = radix_sort(items, c->nentries);
	for (int64 start = 0, end; start < c->nentries; start = end)
	{
		end = start + 1;
		while (end < c->nentries && items[end].key == items[start].key)
			end++;
		if (end - start > 1)
			sort_by_comparing(c, &items[start], end - start, ssup);
	}
	return items;
}

/* Is each customer above the one before it, by the type's own comparison? */
static bool
is_ascending(const RfmCollector *c, const KeyedEntry *items, SortSupport ssup)
{
	for (int64 i = 1; i < c->nentries; i++)
	{
		prefetch_key(c, items, i);
		if (ApplySortComparator(rfm_entry(c, items[i - 1].entry)->key, false,
								rfm_entry(c, items[i].entry)->key, false, ssup) >= 0)
			return false;
		rfm_check_interrupts(i);
	}
	return true;
}

/* Sort in the way that fits the type. */
static KeyedEntry *
sort_entries(const RfmCollector *c)
{
	const RfmKeyType *kt = &c->customer_type;
	KeyedEntry *items = rfm_alloc_array(CurrentMemoryContext, c->nentries,
										sizeof(KeyedEntry), false);
	SortSupportData ssup;

	for (int64 i = 0; i < c->nentries; i++)
	{
		items[i].entry = (uint32) i;
		/* unsigned, in the order of the signed ones */
		items[i].key = (uint64) rfm_entry(c, i)->key ^ UINT64CONST(1) << 63;
	}
	if (kt->kind == RFM_KEY_INT)
		return radix_sort(items, c->nentries);

	/* the first word of a pair is the group, which many customers share */
	if (kt->pair && kt->pair->flat)
		return sort_by_words(c, items);

	rfm_key_sort_support(kt, &ssup);
	if (kt->kind == RFM_KEY_BYTES)
	{
		items = sort_by_bytes(c, items, &ssup);
		if (rfm_key_order_is_bytes(kt) || is_ascending(c, items, &ssup))
			return items;
	}
	sort_by_comparing(c, items, c->nentries, &ssup);
	return items;
}

uint32 *
rfm_key_order(const RfmCollector *c)
{
	uint32	   *order;
	KeyedEntry *items;

	if (c->direct && !c->in_key_order)
		return rfm_index_order(c);
	order = rfm_alloc_array(CurrentMemoryContext, c->nentries, sizeof(uint32), false);
	if (c->in_key_order)
	{
		for (int64 i = 0; i < c->nentries; i++)
			order[i] = (uint32) i;
		return order;
	}
	items = sort_entries(c);
	for (int64 i = 0; i < c->nentries; i++)
		order[i] = items[i].entry;
	pfree(items);
	return order;
}

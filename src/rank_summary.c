/*-------------------------------------------------------------------------
 *
 * rank_summary.c
 *		What a shard answers: how its customers lie on the three axes.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "common/int.h"
#include "miscadmin.h"
#include "rank_summary.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* A merged summary may be so many times as large as that of a shard. */
#define MERGED_SIZE 32

/* Fewer items than this say too little of a segment. */
#define MIN_ITEMS 8

#define FIRST_ITEMS 64

static Size summary_flat_size(ExpandedObjectHeader *eohptr);
static void summary_flatten(ExpandedObjectHeader *eohptr, void *result, Size size);

static const ExpandedObjectMethods summary_methods = {
	summary_flat_size,
	summary_flatten
};

/*
 * Keys of a summary are copies in its own context.
 */

static RfmRankKey
copy_key(const RfmRankSummary *summary, const RfmRankKey *key)
{
	RfmRankKey	copy = *key;

	if (key->money)
		copy.money = DatumGetNumericCopy(NumericGetDatum(key->money));
	if (summary->request->by_customer &&
		rfm_key_by_reference(&summary->request->customer_type))
		copy.customer = rfm_key_copy(&summary->request->customer_type, key->customer);
	return copy;
}

static void
free_key(const RfmRankSummary *summary, RfmRankKey *key)
{
	if (key->money)
		pfree(key->money);
	if (summary->request->by_customer &&
		rfm_key_by_reference(&summary->request->customer_type))
		pfree(DatumGetPointer(key->customer));
}

/* About what a key takes as text. */
static int64
key_bytes(const RfmRankSummary *summary, const RfmRankKey *key)
{
	int64		bytes = key->money ? 8 + 2 * VARSIZE_ANY_EXHDR(key->money) : 10;

	if (summary->request->by_customer)
		bytes += 6 + (rfm_key_by_reference(&summary->request->customer_type) ?
					  rfm_key_size(&summary->request->customer_type, key->customer) : 12);
	return bytes;
}

static int64
item_bytes(const RfmRankSummary *summary, const RfmRankItem *item)
{
	return 4 + key_bytes(summary, &item->low) +
		(item->point ? 0 : key_bytes(summary, &item->high));
}

static inline const RfmRankKey *
item_high(const RfmRankItem *item)
{
	return item->point ? &item->low : &item->high;
}

static inline int
key_cmp(const RfmRankSummary *summary, const RfmRankKey *a, const RfmRankKey *b)
{
	return rfm_rank_cmp(summary->request, a, b, summary->request->by_customer);
}

/*
 * Keeping items few.
 */

static int
item_low_cmp(const void *a, const void *b, void *arg)
{
	CHECK_FOR_INTERRUPTS();
	return key_cmp((RfmRankSummary *) arg, &((const RfmRankItem *) a)->low,
				   &((const RfmRankItem *) b)->low);
}

static int
item_high_cmp(const void *a, const void *b, void *arg)
{
	CHECK_FOR_INTERRUPTS();
	return key_cmp((RfmRankSummary *) arg, item_high(*(RfmRankItem *const *) a),
				   item_high(*(RfmRankItem *const *) b));
}

/* The second item goes into the first, which begins no later. */
static void
join_items(RfmRankSummary *summary, RfmRankItem *into, RfmRankItem *item)
{
	into->count += item->count;
	if (key_cmp(summary, item_high(item), item_high(into)) <= 0)
	{
		free_key(summary, &item->low);
		if (!item->point)
			free_key(summary, &item->high);
		return;
	}
	if (into->point)
		into->high = copy_key(summary, item_high(item));
	else
	{
		free_key(summary, &into->high);
		into->high = copy_key(summary, item_high(item));
	}
	into->point = false;
	free_key(summary, &item->low);
	if (!item->point)
		free_key(summary, &item->high);
}

/* Joins neighbours as long as they have at most so many customers together. */
static void
join_neighbours(RfmRankSummary *summary, RfmRankSegment *segment, int64 most)
{
	int64		kept = 0;

	segment->bytes = 0;
	for (int64 i = 0; i < segment->nitems; i++)
	{
		RfmRankItem *item = &segment->item[i];
		RfmRankItem *last = kept > 0 ? &segment->item[kept - 1] : NULL;
		bool		same = last && last->point && item->point &&
			key_cmp(summary, &last->low, &item->low) == 0;

		if (last && (same || last->count + item->count <= most))
		{
			segment->bytes -= item_bytes(summary, last);
			join_items(summary, last, item);
			segment->bytes += item_bytes(summary, last);
		}
		else
		{
			segment->bytes += item_bytes(summary, item);
			segment->item[kept++] = *item;
		}
	}
	segment->nitems = kept;
}

/* What the items of a kept segment may take. */
static int64
segment_limit(const RfmRankSummary *summary, RfmAxis axis)
{
	const RfmRankAxis *a = &summary->request->axis[axis];
	int			kept = 0;

	for (int s = 0; s <= a->nbounds; s++)
		kept += a->keep[s];
	return summary->request->size * (summary->combined ? MERGED_SIZE : 1) / Max(kept, 1);
}

/* Sorts the items; leaves no more than fit. */
static void
compress_segment(RfmRankSummary *summary, RfmRankSegment *segment, int64 limit)
{
	qsort_arg(segment->item, segment->nitems, sizeof(RfmRankItem), item_low_cmp, summary);
	join_neighbours(summary, segment, 0);
	while (segment->bytes > limit && segment->nitems > MIN_ITEMS)
	{
		int64		bytes = segment->bytes / segment->nitems;
		int64		before = segment->nitems;
		int64		items = Max(MIN_ITEMS, Min(limit / (2 * bytes), before / 2));

		/* two neighbours that stay apart have more than this together */
		join_neighbours(summary, segment, 2 * (segment->count / items) + 1);
		if (segment->nitems == before)
			break;
	}
}

static void
append_item(RfmRankSummary *summary, RfmRankSegment *segment, const RfmRankItem *item,
			int64 limit)
{
	/* above it, at least half of the room is free again after compressing */
	if (segment->bytes > 2 * limit && segment->nitems > 4 * MIN_ITEMS)
		compress_segment(summary, segment, limit);
	if (segment->nitems == segment->space)
	{
		segment->space = Max(FIRST_ITEMS, segment->space * 2);
		if (segment->item == NULL)
			segment->item = palloc(segment->space * sizeof(RfmRankItem));
		else
			segment->item = repalloc_huge(segment->item, segment->space * sizeof(RfmRankItem));
	}
	segment->item[segment->nitems++] = *item;
	segment->bytes += item_bytes(summary, item);
}

/*
 * Making.
 */

static RfmRankSummary *
new_summary(MemoryContext parent)
{
	MemoryContext mcxt = AllocSetContextCreate(parent, "rfm rank summary",
											   ALLOCSET_START_SMALL_SIZES);
	RfmRankSummary *summary = MemoryContextAllocZero(mcxt, sizeof(RfmRankSummary));

	EOH_init_header(&summary->eoh, &summary_methods, mcxt);
	return summary;
}

/* In the summary's context. */
static void
set_request(RfmRankSummary *summary, const char *request)
{
	summary->request_text = pstrdup(request);
	summary->request = rfm_rank_request_parse(request);
	for (int axis = 0; axis < RFM_AXES; axis++)
		summary->segment[axis] = palloc0((summary->request->axis[axis].nbounds + 1) *
										 sizeof(RfmRankSegment));
}

RfmRankSummary *
rfm_rank_summary_new(const char *request, MemoryContext parent)
{
	RfmRankSummary *summary = new_summary(parent);
	MemoryContext oldcxt = MemoryContextSwitchTo(summary->eoh.eoh_context);

	set_request(summary, request);
	MemoryContextSwitchTo(oldcxt);
	return summary;
}

static void
note_extremes(RfmRankSummary *summary, RfmRankSegment *segment, bool first,
			  const RfmRankKey *low, const RfmRankKey *high)
{
	if (first || key_cmp(summary, low, &segment->lowest) < 0)
	{
		if (!first)
			free_key(summary, &segment->lowest);
		segment->lowest = copy_key(summary, low);
	}
	if (first || key_cmp(summary, high, &segment->highest) > 0)
	{
		if (!first)
			free_key(summary, &segment->highest);
		segment->highest = copy_key(summary, high);
	}
}

static void
add_to_axis(RfmRankSummary *summary, RfmAxis axis, const RfmRankKey *key)
{
	int			s = rfm_rank_segment(summary->request, axis, key);
	RfmRankSegment *segment = &summary->segment[axis][s];

	note_extremes(summary, segment, segment->count == 0, key, key);
	segment->count++;
	if (summary->request->axis[axis].keep[s])
	{
		RfmRankItem item = {.low = copy_key(summary, key),.count = 1,.point = true};

		append_item(summary, segment, &item, segment_limit(summary, axis));
	}
}

static uint64
mix(uint64 h, uint64 value)
{
	h = (h ^ value) * UINT64CONST(0x9e3779b97f4a7c15);
	return h ^ (h >> 29);
}

static uint64
row_hash(RfmRankRequest *request, const RfmRankRow *row, uint64 money)
{
	uint64		h = mix(1, rfm_key_hash(&request->customer_type, row->customer));

	h = mix(h, (uint64) row->recency_days);
	h = mix(h, (uint64) row->frequency);
	h = mix(h, (uint64) row->orders);
	return mix(h, money);
}

static void
note_scale(RfmRankSummary *summary, Numeric money)
{
	int64		scaled;
	uint8		scale;

	if (!rfm_numeric_to_scaled(NumericGetDatum(money), &scaled, &scale) ||
		scaled == PG_INT64_MIN)
	{
		summary->wide = true;
		return;
	}
	summary->scale = Max(summary->scale, scale);
	summary->reach[scale] = Max(summary->reach[scale], scaled < 0 ? -scaled : scaled);
}

void
rfm_rank_summary_add(RfmRankSummary *summary, const RfmRankRow *row)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(summary->eoh.eoh_context);
	RfmRankRequest *request = summary->request;
	RfmRankKey	key[RFM_AXES] = {{0}};
	uint64		money;

	key[RFM_RECENCY].code = -row->recency_days;
	key[RFM_FREQUENCY].code = row->frequency;
	if (request->real)
	{
		key[RFM_MONETARY].code = rfm_double_to_code(row->real);
		money = (uint64) key[RFM_MONETARY].code;
	}
	else
	{
		key[RFM_MONETARY] = rfm_rank_money(row->money);
		note_scale(summary, row->money);
		money = (uint64) DatumGetUInt32(DirectFunctionCall1(hash_numeric,
															NumericGetDatum(row->money)));
	}
	summary->orders += row->orders;
	summary->checksum += row_hash(request, row, money);
	if (row->included)
	{
		summary->customers++;
		for (int axis = 0; axis < RFM_AXES; axis++)
		{
			key[axis].customer = row->customer;
			add_to_axis(summary, (RfmAxis) axis, &key[axis]);
		}
	}
	MemoryContextSwitchTo(oldcxt);
}

static void
merge_segment(RfmRankSummary *summary, RfmRankSegment *segment,
			  const RfmRankSegment *other, int64 limit)
{
	if (other->count == 0)
		return;
	note_extremes(summary, segment, segment->count == 0, &other->lowest, &other->highest);
	segment->count += other->count;
	for (int64 i = 0; i < other->nitems; i++)
	{
		RfmRankItem item = other->item[i];

		item.low = copy_key(summary, &item.low);
		if (!item.point)
			item.high = copy_key(summary, &item.high);
		append_item(summary, segment, &item, limit);
	}
}

void
rfm_rank_summary_merge(RfmRankSummary *summary, const RfmRankSummary *other)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(summary->eoh.eoh_context);

	if (strcmp(summary->request_text, other->request_text) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rank summaries of different requests cannot be merged")));
	summary->combined = true;
	summary->customers += other->customers;
	summary->orders += other->orders;
	summary->checksum += other->checksum;
	summary->wide |= other->wide;
	summary->scale = Max(summary->scale, other->scale);
	for (int i = 0; i <= RFM_MAX_SCALE; i++)
		summary->reach[i] = Max(summary->reach[i], other->reach[i]);
	for (int axis = 0; axis < RFM_AXES; axis++)
		for (int s = 0; s <= summary->request->axis[axis].nbounds; s++)
			merge_segment(summary, &summary->segment[axis][s], &other->segment[axis][s],
						  segment_limit(summary, (RfmAxis) axis));
	MemoryContextSwitchTo(oldcxt);
}

int
rfm_rank_summary_scale(const RfmRankSummary *summary)
{
	int64		scaled;

	if (summary->wide)
		return -1;
	for (int i = 0; i <= summary->scale; i++)
		if (pg_mul_s64_overflow(summary->reach[i],
								rfm_power_of_ten[summary->scale - i], &scaled))
			return -1;
	return summary->scale;
}

/*
 * The stored form.
 */

static void
put_segment(StringInfo text, const RfmRankSummary *summary, bool exact,
			const RfmRankSegment *segment)
{
	RfmRankRequest *request = summary->request;

	appendStringInfo(text, INT64_FORMAT " ", segment->count);
	if (segment->count == 0)
		return;
	rfm_rank_put_key(text, request, exact, request->by_customer, &segment->lowest);
	rfm_rank_put_key(text, request, exact, request->by_customer, &segment->highest);
	appendStringInfo(text, INT64_FORMAT " ", segment->nitems);
	for (int64 i = 0; i < segment->nitems; i++)
	{
		const RfmRankItem *item = &segment->item[i];

		appendStringInfo(text, INT64_FORMAT " %d ", item->count, item->point);
		rfm_rank_put_key(text, request, exact, request->by_customer, &item->low);
		if (!item->point)
			rfm_rank_put_key(text, request, exact, request->by_customer, &item->high);
		CHECK_FOR_INTERRUPTS();
	}
}

static Size
summary_flat_size(ExpandedObjectHeader *eohptr)
{
	RfmRankSummary *summary = (RfmRankSummary *) eohptr;
	MemoryContext oldcxt = MemoryContextSwitchTo(eohptr->eoh_context);
	StringInfoData text;

	if (summary->flat)
		pfree(summary->flat);
	initStringInfo(&text);
	rfm_rank_put_string(&text, summary->request_text);
	appendStringInfo(&text, "%d " INT64_FORMAT " " INT64_FORMAT " %u %u %d %d ",
					 summary->combined, summary->customers, summary->orders,
					 (uint32) (summary->checksum >> 32), (uint32) summary->checksum,
					 summary->wide, summary->scale);
	for (int i = 0; i <= summary->scale; i++)
		appendStringInfo(&text, INT64_FORMAT " ", summary->reach[i]);
	for (int axis = 0; axis < RFM_AXES; axis++)
		for (int s = 0; s <= summary->request->axis[axis].nbounds; s++)
		{
			RfmRankSegment *segment = &summary->segment[axis][s];

			if (segment->nitems > 0)
				compress_segment(summary, segment, segment_limit(summary, (RfmAxis) axis));
			put_segment(&text, summary, rfm_rank_exact(summary->request, (RfmAxis) axis),
						segment);
		}
	summary->flat = text.data;
	summary->flat_size = text.len;
	MemoryContextSwitchTo(oldcxt);
	return VARHDRSZ + summary->flat_size;
}

static void
summary_flatten(ExpandedObjectHeader *eohptr, void *result, Size size)
{
	RfmRankSummary *summary = (RfmRankSummary *) eohptr;

	Assert(size == VARHDRSZ + summary->flat_size);
	SET_VARSIZE(result, size);
	memcpy(VARDATA(result), summary->flat, summary->flat_size);
	pfree(summary->flat);
	summary->flat = NULL;
}

static void
get_item(RfmRankText *text, RfmRankRequest *request, bool exact, RfmRankItem *item)
{
	item->count = rfm_rank_get_int(text, 1, PG_INT64_MAX);
	item->point = rfm_rank_get_int(text, 0, 1);
	rfm_rank_get_key(text, request, exact, request->by_customer, &item->low);
	if (!item->point)
		rfm_rank_get_key(text, request, exact, request->by_customer, &item->high);
	CHECK_FOR_INTERRUPTS();
}

static void
get_segment(RfmRankText *text, RfmRankSummary *summary, bool exact,
			bool keep, RfmRankSegment *segment)
{
	RfmRankRequest *request = summary->request;
	int64		nitems;
	int64		left;

	segment->count = rfm_rank_get_int(text, 0, PG_INT64_MAX);
	if (segment->count == 0)
		return;
	rfm_rank_get_key(text, request, exact, request->by_customer, &segment->lowest);
	rfm_rank_get_key(text, request, exact, request->by_customer, &segment->highest);
	nitems = rfm_rank_get_int(text, 0, keep ? PG_INT64_MAX : 0);
	left = segment->count;
	for (int64 i = 0; i < nitems; i++)
	{
		RfmRankItem item = {0};

		get_item(text, request, exact, &item);
		if (item.count > left)
			rfm_rank_malformed();
		left -= item.count;
		append_item(summary, segment, &item, PG_INT64_MAX / 4);
	}
	if (keep && left != 0)
		rfm_rank_malformed();
}

RfmRankSummary *
rfm_rank_summary_parse(const char *string, int64 length, MemoryContext parent)
{
	RfmRankText text = {string, string + length};
	RfmRankSummary *summary = new_summary(parent);
	MemoryContext oldcxt = MemoryContextSwitchTo(summary->eoh.eoh_context);

	set_request(summary, rfm_rank_get_string(&text));
	summary->combined = rfm_rank_get_int(&text, 0, 1);
	summary->customers = rfm_rank_get_int(&text, 0, PG_INT64_MAX);
	summary->orders = rfm_rank_get_int(&text, 0, PG_INT64_MAX);
	summary->checksum = (uint64) rfm_rank_get_int(&text, 0, PG_UINT32_MAX) << 32;
	summary->checksum |= (uint64) rfm_rank_get_int(&text, 0, PG_UINT32_MAX);
	summary->wide = rfm_rank_get_int(&text, 0, 1);
	summary->scale = rfm_rank_get_int(&text, 0, RFM_MAX_SCALE);
	for (int i = 0; i <= summary->scale; i++)
		summary->reach[i] = rfm_rank_get_int(&text, 0, PG_INT64_MAX);
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		const RfmRankAxis *a = &summary->request->axis[axis];

		for (int s = 0; s <= a->nbounds; s++)
			get_segment(&text, summary, rfm_rank_exact(summary->request, (RfmAxis) axis),
						a->keep[s], &summary->segment[axis][s]);
	}
	if (text.at != text.end)
		rfm_rank_malformed();
	MemoryContextSwitchTo(oldcxt);
	return summary;
}

RfmRankSummary *
rfm_rank_summary_get(Datum value, MemoryContext parent)
{
	struct varlena *flat;

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		return (RfmRankSummary *) DatumGetEOHP(value);
	flat = PG_DETOAST_DATUM_PACKED(value);
	return rfm_rank_summary_parse(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat), parent);
}

/*
 * Searching.
 */

/* Brings the items into the order of their low keys, and lists them by the high ones. */
static void
sort_items(RfmRankSummary *summary, RfmRankSegment *segment)
{
	if (segment->by_high)
		return;
	qsort_arg(segment->item, segment->nitems, sizeof(RfmRankItem), item_low_cmp, summary);
	segment->by_high = MemoryContextAllocHuge(summary->eoh.eoh_context,
											  segment->nitems * sizeof(RfmRankItem *));
	for (int64 i = 0; i < segment->nitems; i++)
		segment->by_high[i] = &segment->item[i];
	qsort_arg(segment->by_high, segment->nitems, sizeof(RfmRankItem *), item_high_cmp, summary);
}

/*
 * Between which two keys of a segment a rank lies.  Items may overlap: so many
 * customers as have an end at or below a key are certainly not above it, so
 * many as have a beginning at or below it may not be.
 */
static void
find_bracket(RfmRankSummary *summary, RfmRankSegment *segment, int64 rank,
			 RfmRankKey *low, RfmRankKey *high)
{
	int64		count = 0;
	int64		i;

	sort_items(summary, segment);
	for (i = 0; (count += segment->item[i].count) <= rank; i++)
		;
	*low = segment->item[i].low;

	count = 0;
	for (i = 0; (count += segment->by_high[i]->count) <= rank; i++)
		;
	*high = *item_high(segment->by_high[i]);
}

/* Adds the bracket to a request; brackets come in ascending order. */
static void
add_bracket(RfmRankSummary *summary, RfmRankAxis *axis,
			const RfmRankKey *low, const RfmRankKey *high)
{
	RfmRankBound *last = axis->nbounds > 0 ? &axis->bound[axis->nbounds - 1] : NULL;
	bool		by_customer = summary->request->by_customer;

	if (last && key_cmp(summary, low, &last->key) <= 0)
	{
		if (key_cmp(summary, high, &last->key) > 0)
			last->key = *high;
		return;
	}
	Assert(axis->nbounds + 2 <= RFM_MAX_BOUNDS);
	axis->bound[axis->nbounds++] = (RfmRankBound) {*low, by_customer, false};
	axis->keep[axis->nbounds] = true;
	axis->bound[axis->nbounds++] = (RfmRankBound) {*high, by_customer, true};
}

bool
rfm_rank_search(RfmRankSummary *summary, RfmAxis axis, RfmRankWanted *wanted,
				int nwanted, RfmRankAxis *next)
{
	int64		before = 0;
	int			s = 0;

	for (int i = 0; i < nwanted; i++)
	{
		RfmRankSegment *segment;
		RfmRankKey	low;
		RfmRankKey	high;

		if (wanted[i].found)
			continue;
		while (s <= summary->request->axis[axis].nbounds &&
			   wanted[i].rank >= before + summary->segment[axis][s].count)
			before += summary->segment[axis][s++].count;
		if (s > summary->request->axis[axis].nbounds)
			return false;
		segment = &summary->segment[axis][s];
		low = segment->lowest;
		high = segment->highest;
		if (key_cmp(summary, &low, &high) != 0)
		{
			if (segment->nitems == 0)
				return false;
			find_bracket(summary, segment, wanted[i].rank - before, &low, &high);
		}
		wanted[i].found = key_cmp(summary, &low, &high) == 0;
		if (wanted[i].found)
			wanted[i].key = low;
		else
			add_bracket(summary, next, &low, &high);
	}
	return true;
}

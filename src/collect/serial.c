/*-------------------------------------------------------------------------
 *
 * serial.c
 *		The collector's table as a string of bytes, and back.
 *
 * A header; the customers, in the order of the index; the orders, in the
 * order of theirs.  A customer is its numbers, then what has no fixed size:
 * the low part of a floating-point sum, the image of a by-reference key, that
 * of a wide sum.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "collect/serial.h"
#include "collect/table.h"
#include "collect/ticket.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

/* Numbers are moved eight bytes at a time, whatever their width. */
#define SERIAL_SLACK	sizeof(uint64)

/* How many customers ahead of its use an entry is prefetched. */
#define ENTRIES_AHEAD	32

#define FORM_FIELD(sum)		((int64) (sum)->form << 8 | (sum)->scale)

static void
ends_too_early(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg_internal("serialized state of rfm_internal.collect ends too early")));
}

/*
 * Numbers in frames.
 */

static inline void
widen_frame(int64 *min, int64 *max, int64 value)
{
	*min = Min(*min, value);
	*max = Max(*max, value);
}

static RfmFrame
frame_for(int64 min, int64 max)
{
	RfmFrame	frame = {.base = 0, .width = 0};
	uint64		range = (uint64) max - (uint64) min;

	if (min > max)
		return frame;			/* no numbers */
	frame.base = min;
	if (range > 0)
		frame.width = pg_leftmost_one_pos64(range) / BITS_PER_BYTE + 1;
	return frame;
}

/* The bytes of a number that a frame keeps, moved to where memory has them first. */
static inline uint64
leading_bytes(uint64 value, int64 width)
{
#ifdef WORDS_BIGENDIAN
	return width == 0 ? 0 : value << (64 - 8 * width);
#else
	return value;
#endif
}

static inline void
put_number(char **at, const RfmFrame *frame, int64 value)
{
	uint64		bytes = leading_bytes((uint64) value - (uint64) frame->base, frame->width);

	memcpy(*at, &bytes, sizeof(bytes));
	*at += frame->width;
}

/* The caller has checked that the numbers, and the slack after them, are there. */
static inline int64
get_number(const char **at, const RfmFrame *frame)
{
	uint64		bytes;

	memcpy(&bytes, *at, sizeof(bytes));
	*at += frame->width;
	if (frame->width == 0)
		return frame->base;
#ifdef WORDS_BIGENDIAN
	bytes >>= 64 - 8 * frame->width;
#else
	if (frame->width < 8)
		bytes &= (UINT64CONST(1) << (8 * frame->width)) - 1;
#endif
	return (int64) (bytes + (uint64) frame->base);
}

static inline void
put_bytes(char **at, const void *data, Size size)
{
	memcpy(*at, data, size);
	*at += size;
}

/*
 * Writing.
 */

static inline int64
key_field(const RfmKeyType *kt, Datum key)
{
	return rfm_key_by_reference(kt) ? (int64) rfm_key_size(kt, key) : (int64) key;
}

/* The same of an order id; of visits an odd number is a day, an even one twice that size. */
static inline int64
order_field(const RfmCollector *c, Datum order)
{
	if (!c->types.visits)
		return key_field(&c->order_type, order);
	return rfm_is_day(order) ? (int64) order : (int64) rfm_key_size(&c->order_type, order) * 2;
}

/* The bytes of the image of an order id. */
static inline Size
order_size(const RfmCollector *c, Datum order)
{
	if (c->types.visits && rfm_is_day(order))
		return 0;
	return rfm_key_size(&c->order_type, order);
}

/* The sum itself, or the size of the image of a wide one. */
static inline int64
sum_field(const RfmSum *sum)
{
	Size		size;

	if (!rfm_sum_is_wide(sum))
		return sum->v.scaled;
	(void) rfm_sum_image(sum, &size);
	return (int64) size;
}

static pg_attribute_always_inline void
prefetch_entry(const RfmCollector *c, const RfmSerialPart *part, int64 i)
{
	if (i + ENTRIES_AHEAD < part->ncustomers)
		rfm_prefetch_read(rfm_entry(c, part->customer[i + ENTRIES_AHEAD]));
}

/* Frames for the customers; returns the bytes of what has no fixed size. */
static Size
frame_entries(const RfmCollector *c, const RfmSerialPart *part, RfmFrame *frame)
{
	int64		min[RFM_ENTRY_FIELDS];
	int64		max[RFM_ENTRY_FIELDS];
	bool		by_reference = rfm_key_by_reference(&c->customer_type);
	Size		loose = c->real_amounts ? part->ncustomers * sizeof(double) : 0;

	for (int f = 0; f < RFM_ENTRY_FIELDS; f++)
	{
		min[f] = PG_INT64_MAX;
		max[f] = PG_INT64_MIN;
	}
	for (int64 i = 0; i < part->ncustomers; i++)
	{
		const RfmEntry *e = rfm_entry(c, part->customer[i]);
		int64		key = key_field(&c->customer_type, e->key);
		int64		sum = sum_field(&e->sum);

		prefetch_entry(c, part, i);
		widen_frame(&min[RFM_FIELD_KEY], &max[RFM_FIELD_KEY], key);
		widen_frame(&min[RFM_FIELD_LAST], &max[RFM_FIELD_LAST], e->last);
		widen_frame(&min[RFM_FIELD_SUM], &max[RFM_FIELD_SUM], sum);
		widen_frame(&min[RFM_FIELD_ORDERS], &max[RFM_FIELD_ORDERS], e->sum.orders);
		widen_frame(&min[RFM_FIELD_FORM], &max[RFM_FIELD_FORM], FORM_FIELD(&e->sum));
		if (by_reference)
			loose += key;
		if (rfm_sum_is_wide(&e->sum))
			loose += sum;
		rfm_check_interrupts(i);
	}
	for (int f = 0; f < RFM_ENTRY_FIELDS; f++)
		frame[f] = frame_for(min[f], max[f]);
	return loose;
}

static Size
frame_orders(const RfmCollector *c, const RfmSerialPart *part, RfmFrame *frame)
{
	int64		min = PG_INT64_MAX;
	int64		max = PG_INT64_MIN;
	Size		loose = 0;

	for (int64 i = 0; i < part->norders; i++)
	{
		widen_frame(&min, &max, order_field(c, part->order[i]));
		loose += order_size(c, part->order[i]);
		rfm_check_interrupts(i);
	}
	frame[RFM_FIELD_ORDER] = frame_for(min, max);
	frame[RFM_FIELD_CUSTOMER] = frame_for(0, part->position ? part->ncustomers - 1 : 0);
	return loose;
}

static void
put_entry(char **at, const RfmCollector *c, const RfmFrame *frame, const RfmEntry *e)
{
	Size		size;

	put_number(at, &frame[RFM_FIELD_KEY], key_field(&c->customer_type, e->key));
	put_number(at, &frame[RFM_FIELD_LAST], e->last);
	put_number(at, &frame[RFM_FIELD_SUM], sum_field(&e->sum));
	put_number(at, &frame[RFM_FIELD_ORDERS], e->sum.orders);
	put_number(at, &frame[RFM_FIELD_FORM], FORM_FIELD(&e->sum));
	if (c->real_amounts)
		put_bytes(at, &e->sum.low, sizeof(double));
	if (rfm_key_by_reference(&c->customer_type))
		put_bytes(at, DatumGetPointer(e->key), rfm_key_size(&c->customer_type, e->key));
	if (rfm_sum_is_wide(&e->sum))
	{
		const void *image = rfm_sum_image(&e->sum, &size);

		put_bytes(at, image, size);
	}
}

static void
put_order(char **at, const RfmCollector *c, const RfmFrame *frame, Datum order, uint32 position)
{
	Size		size = order_size(c, order);

	put_number(at, &frame[RFM_FIELD_ORDER], order_field(c, order));
	put_number(at, &frame[RFM_FIELD_CUSTOMER], position);
	if (size > 0)
		put_bytes(at, DatumGetPointer(order), size);
}

/* The bytes of the numbers from field first to before field end. */
static int64
fixed_size(const RfmFrame *frame, int first, int end)
{
	int64		size = 0;

	for (int f = first; f < end; f++)
		size += frame[f].width;
	return size;
}

static void
fill_header(const RfmCollector *c, RfmSerialHeader *header)
{
	memset(header, 0, sizeof(*header));
	header->types = c->types;
	header->in_key_order = c->direct != NULL;
	header->rows = c->rows;
}

Size
rfm_serial_measure(const RfmCollector *c, const RfmSerialPart *part, RfmSerialHeader *header)
{
	Size		size = sizeof(*header) + SERIAL_SLACK;

	fill_header(c, header);
	header->nentries = part->ncustomers;
	header->norders = part->norders;
	size += frame_entries(c, part, header->frame);
	size += part->ncustomers * fixed_size(header->frame, 0, RFM_ENTRY_FIELDS);
	if (c->distinct_orders)
	{
		size += frame_orders(c, part, header->frame);
		size += part->norders * fixed_size(header->frame, RFM_ENTRY_FIELDS, RFM_FIELDS);
	}
	return size;
}

/* Write customers and orders; returns where they end. */
static char *
put_part(const RfmCollector *c, const RfmSerialPart *part, const RfmFrame *frame, char *at)
{
	for (int64 i = 0; i < part->ncustomers; i++)
	{
		prefetch_entry(c, part, i);
		put_entry(&at, c, frame, rfm_entry(c, part->customer[i]));
		rfm_check_interrupts(i);
	}
	for (int64 i = 0; i < part->norders; i++)
	{
		put_order(&at, c, frame, part->order[i], part->position ? part->position[i] : 0);
		rfm_check_interrupts(i);
	}
	memset(at, 0, SERIAL_SLACK);
	return at + SERIAL_SLACK;
}

void
rfm_serial_fill(const RfmCollector *c, const RfmSerialPart *part,
				const RfmSerialHeader *header, char *to)
{
	put_bytes(&to, header, sizeof(*header));
	(void) put_part(c, part, header->frame, to);
}

/* The distinct orders in the order of their set, so that they are merged from front to back. */
static void
whole_set(const RfmCollector *c, RfmSerialPart *part)
{
	uint32	   *place = rfm_alloc_array(CurrentMemoryContext, c->nentries, sizeof(uint32), false);
	Datum	   *order = rfm_alloc_array(CurrentMemoryContext, c->norders, sizeof(Datum), false);
	uint32	   *position = rfm_alloc_array(CurrentMemoryContext, c->norders, sizeof(uint32), false);

	for (int64 i = 0; i < c->nentries; i++)
		place[part->customer[i]] = (uint32) i;
	for (uint64 at = 0; at < rfm_order_slots(c); at++)
	{
		const RfmOrderSlot *slot = &c->order_slot[at];

		rfm_check_interrupts(at);
		if (slot->customer == 0)
			continue;
		position[part->norders] = place[slot->customer - 1];
		order[part->norders++] = slot->order;
	}
	pfree(place);
	part->order = order;
	part->position = position;
}

/* The whole table, in the order of its index. */
static void
whole_table(const RfmCollector *c, RfmSerialPart *part)
{
	memset(part, 0, sizeof(*part));
	part->customer = rfm_index_order(c);
	part->ncustomers = c->nentries;
	if (c->types.visits)
	{
		part->order = rfm_group_orders(c, part->customer);
		part->norders = c->norders;
	}
	else if (c->distinct_orders)
		whole_set(c, part);
}

static void
free_part(RfmSerialPart *part)
{
	pfree(unconstify(uint32 *, part->customer));
	if (part->order)
		pfree(unconstify(Datum *, part->order));
	if (part->position)
		pfree(unconstify(uint32 *, part->position));
}

bytea *
rfm_serial_write(const RfmCollector *c)
{
	RfmSerialPart part;
	RfmSerialHeader header;
	int64		nruns = c->spill ? c->spill->nruns : 0;
	Size		size;
	bytea	   *result = NULL;
	char	   *at;

	whole_table(c, &part);
	size = VARHDRSZ + rfm_serial_measure(c, &part, &header) + nruns * sizeof(RfmRun);
	header.nruns = nruns;
	if (size <= MaxAllocSize)
	{
		result = palloc(size);
		SET_VARSIZE(result, size);
		at = VARDATA(result);
		put_bytes(&at, &header, sizeof(header));
		if (nruns > 0)
			put_bytes(&at, c->spill->run, nruns * sizeof(RfmRun));
		at = put_part(c, &part, header.frame, at);
		Assert(at == (char *) result + size);
	}
	free_part(&part);
	return result;
}

bytea *
rfm_serial_hand_over(RfmCollector *c)
{
	Size		size = VARHDRSZ + sizeof(RfmSerialHeader) + SERIAL_SLACK;
	bytea	   *result = palloc0(size);
	RfmSerialHeader header;

	fill_header(c, &header);
	header.rows = 0;
	header.ticket = rfm_ticket_issue(c);
	SET_VARSIZE(result, size);
	memcpy(VARDATA(result), &header, sizeof(header));
	return result;
}

/*
 * Reading.
 */

void
rfm_serial_open(RfmSerial *s, const char *data, Size size)
{
	if (size < sizeof(RfmSerialHeader) + SERIAL_SLACK)
		ends_too_early();
	memcpy(&s->header, data, sizeof(RfmSerialHeader));
	s->run = (const RfmRun *) (data + sizeof(RfmSerialHeader));
	s->at = (const char *) (s->run + s->header.nruns);
	s->end = data + size - SERIAL_SLACK;
	if (s->at > s->end)
		ends_too_early();
}

/* Return where the next bytes are, whose size has been read before. */
static const char *
get_image(RfmSerial *s, int64 size)
{
	const char *image = s->at;

	if (size < 0 || size > s->end - s->at)
		ends_too_early();
	s->at += size;
	return image;
}

/* Read a key: where its image lies, or an aligned copy in the current context. */
static Datum
get_key(RfmSerial *s, const RfmKeyType *kt, int64 field)
{
	const char *image;
	char	   *copy;

	if (!rfm_key_by_reference(kt))
		return (Datum) field;
	image = get_image(s, field);
	/* these need not be aligned */
	if (kt->kind == RFM_KEY_BYTES && (kt->typlen > 0 || VARATT_IS_SHORT(image)))
		return PointerGetDatum(image);
	copy = palloc(field);
	memcpy(copy, image, field);
	return PointerGetDatum(copy);
}

void
rfm_serial_entry(RfmSerial *s, const RfmCollector *c, RfmEntry *e)
{
	const RfmFrame *frame = s->header.frame;
	int64		key;
	int64		form;

	if (s->end - s->at < fixed_size(frame, 0, RFM_ENTRY_FIELDS))
		ends_too_early();
	key = get_number(&s->at, &frame[RFM_FIELD_KEY]);
	e->last = get_number(&s->at, &frame[RFM_FIELD_LAST]);
	e->sum.v.scaled = get_number(&s->at, &frame[RFM_FIELD_SUM]);
	e->sum.orders = (uint32) get_number(&s->at, &frame[RFM_FIELD_ORDERS]);
	form = get_number(&s->at, &frame[RFM_FIELD_FORM]);
	e->sum.form = (uint8) (form >> 8);
	e->sum.scale = (uint8) form;

	if (c->real_amounts)
		memcpy(&e->sum.low, get_image(s, sizeof(double)), sizeof(double));
	e->key = get_key(s, &c->customer_type, key);
	if (rfm_sum_is_wide(&e->sum))
	{
		int64		size = e->sum.v.scaled;

		rfm_sum_set_image(&e->sum, get_image(s, size), size);
	}
}

void
rfm_serial_order(RfmSerial *s, const RfmCollector *c, Datum *order, int64 *customer)
{
	const RfmFrame *frame = s->header.frame;
	int64		key;

	if (s->end - s->at < fixed_size(frame, RFM_ENTRY_FIELDS, RFM_FIELDS))
		ends_too_early();
	key = get_number(&s->at, &frame[RFM_FIELD_ORDER]);
	*customer = get_number(&s->at, &frame[RFM_FIELD_CUSTOMER]);
	if (!c->types.visits)
		*order = get_key(s, &c->order_type, key);
	else if (rfm_is_day((Datum) key))
		*order = (Datum) key;
	else
		*order = get_key(s, &c->order_type, key / 2);
}

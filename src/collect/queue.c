/*-------------------------------------------------------------------------
 *
 * queue.c
 *		The queue of rows that are to be added to the collector's table.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "collect/entry.h"
#include "collect/queue.h"
#include "collect/spill.h"
#include "collect/table.h"
#include "collect/visit.h"
#include "progress/progress.h"
#include "utils/memutils.h"

/*
 * Number of rows after its arrival at which a row's customer is prefetched,
 * and that customer's key; a row is taken after RFM_WAITING_ROWS. The executor
 * needs about 100 ns per row, and a memory access takes about 100 ns.  If
 * memory is prefetched too early, it is evicted from the cache again.
 */
#define ROWS_TO_ENTRY	24
#define ROWS_TO_KEY		44

static inline RfmWaitingRow *
row_at(RfmQueue *q, uint64 number)
{
	return &q->row[number % (2 * RFM_WAITING_ROWS)];
}

/* Add a waiting row to its customer. */
static inline void
take_row(RfmCollector *c)
{
	const RfmWaitingRow *row = row_at(&c->queue, c->queue.taken++);
	uint32		customer = rfm_find_customer(c, row->key, row->hash);
	RfmEntry   *e = rfm_entry(c, customer);

	c->rows += row->rows;
	if (c->types.visits)
		rfm_visit_take(c, customer, row);
	else
	{
		if (row->last > e->last)
			e->last = row->last;
		rfm_entry_add_amount(c, e, &row->amount);
		if (row->has_order)
			rfm_count_order(c, customer, row->order, row->order_hash);
		else if (!c->distinct_orders)
			rfm_entry_add_orders(c, e, row->orders);
	}
	rfm_spill_if_full(c);
}

static void
show_rows(RfmCollector *c)
{
	rfm_progress_rows(c->rows - c->rows_shown);
	c->rows_shown = c->rows;
}

void
rfm_queue_drain(RfmCollector *c)
{
	while (c->queue.taken < c->queue.arrived)
		take_row(c);
	c->queue.image_used = 0;
	show_rows(c);
}

/*
 * Add a row to the previous one if both have the same customer and order, as
 * is often the case.  Returns false if they differ in more than time and
 * amount.
 */
static inline bool
extend_row(RfmCollector *c, RfmWaitingRow *before, const RfmWaitingRow *row)
{
	int64		total;

	if (c->customer_type.kind == RFM_KEY_GENERIC ||
		before->rows > PG_UINT32_MAX - row->rows ||
		before->orders > PG_UINT32_MAX - row->orders ||
		!rfm_key_equal(&c->customer_type, before->key, row->key) ||
		before->has_order != row->has_order ||
		(c->types.visits && !rfm_visit_alike(before, row)))
		return false;
	if (row->has_order &&
		(c->order_type.kind == RFM_KEY_GENERIC ||
		 !rfm_key_equal(&c->order_type, before->order, row->order)))
		return false;

	if (row->amount.form != RFM_FORM_NONE)
	{
		if (row->amount.form != RFM_FORM_SCALED || before->amount.form != RFM_FORM_SCALED ||
			row->amount.scale != before->amount.scale ||
			pg_add_s64_overflow(before->amount.v.scaled, row->amount.v.scaled, &total))
			return false;
		before->amount.v.scaled = total;
	}
	before->last = Max(before->last, row->last);
	before->rows += row->rows;
	before->orders += row->orders;
	return true;
}

/* Make room for the images of a row's keys, size bytes in all. */
static inline void
reserve_images(RfmCollector *c, Size size)
{
	RfmQueue   *q = &c->queue;

	if (q->arrived % RFM_WAITING_ROWS == 0)
		q->image_used = 0;		/* the rows that used this half have been taken */
	if (q->image_used + size <= q->image_size)
		return;
	rfm_queue_drain(c);
	if (size <= q->image_size)
		return;
	q->image_size = size;
	for (int half = 0; half < 2; half++)
	{
		pfree(q->image[half]);
		q->image[half] = MemoryContextAllocHuge(c->mcxt, size);
	}
}

/* Copy a by-reference key to where it stays while the row waits. */
static inline Datum
copy_key(RfmQueue *q, const RfmKeyType *kt, Datum key)
{
	Size		size = rfm_key_size(kt, key);
	char	   *copy;

	if (size == 0)
		return key;
	copy = q->image[q->arrived / RFM_WAITING_ROWS % 2] + q->image_used;
	memcpy(copy, DatumGetPointer(key), size);
	q->image_used += MAXALIGN(size);
	return PointerGetDatum(copy);
}

/* A row has arrived: prefetch memory for earlier ones, and take the oldest. */
static inline void
advance(RfmCollector *c)
{
	RfmQueue   *q = &c->queue;
	uint64		arrived = ++q->arrived;
	const RfmWaitingRow *row;

	/* rows before the first have the hash 0: prefetching for them does no harm */
	row = row_at(q, arrived - ROWS_TO_ENTRY);
	rfm_prefetch_entry(c, row->key, row->hash);
	if (rfm_key_by_reference(&c->customer_type))
	{
		row = row_at(q, arrived - ROWS_TO_KEY);
		rfm_prefetch_key(c, row->key, row->hash);
	}
	if (arrived - q->taken > RFM_WAITING_ROWS)
		take_row(c);
	if (arrived % RFM_WAITING_ROWS == 0)
		show_rows(c);
}

void
rfm_queue_add(RfmCollector *c, const RfmWaitingRow *row)
{
	RfmQueue   *q = &c->queue;
	RfmWaitingRow *queued;

	/* immediately, because waiting rows may raise another error */
	if (unlikely(row->amount.form == RFM_FORM_NOT_FINITE))
		rfm_money_error(c, row->key, false);
	if (q->arrived > q->taken && extend_row(c, row_at(q, q->arrived - 1), row))
		return;

	reserve_images(c, MAXALIGN(rfm_key_size(&c->customer_type, row->key)) +
				   (row->has_order ? MAXALIGN(rfm_key_size(&c->order_type, row->order)) : 0));
	queued = row_at(q, q->arrived);
	*queued = *row;
	queued->key = copy_key(q, &c->customer_type, row->key);
	queued->hash = rfm_key_hash(&c->customer_type, queued->key);
	rfm_prefetch_place(c, queued->key, queued->hash);
	if (row->has_order)
	{
		queued->order = copy_key(q, &c->order_type, row->order);
		queued->order_hash = rfm_order_hash(rfm_key_hash(&c->order_type, queued->order),
											queued->hash);
		rfm_prefetch_order(c, queued->order_hash);
	}
	advance(c);

	/* a numeric that was not decoded still points into the executor's row */
	if (row->amount.form == RFM_FORM_NUMERIC)
		rfm_queue_drain(c);
}

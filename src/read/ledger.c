/*-------------------------------------------------------------------------
 *
 * ledger.c
 *		Filling the collector of a date from the ledger.
 *
 * Once read, customers and events are in key order, with the events of each
 * customer together.  For a date, both are read from front to back.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "collect/entry.h"
#include "collect/key_order.h"
#include "collect/table.h"
#include "miscadmin.h"
#include "read/ledger.h"
#include "utils/memutils.h"

/*
 * Sorting.
 */

static int
compare_events(const void *a, const void *b, void *arg)
{
	const RfmEvent *x = (const RfmEvent *) a;
	const RfmEvent *y = (const RfmEvent *) b;

	if (x->has_order != y->has_order)
		return x->has_order ? 1 : -1;
	if (!x->has_order)
		return 0;
	CHECK_FOR_INTERRUPTS();
	return ApplySortComparator(x->order, false, y->order, false, (SortSupport) arg);
}

/*
 * Put a customer's events of one order together, and a number in place of its
 * id.  An order that is counted on every date is not counted again.
 */
static void
number_orders(RfmLedger *ledger, int64 row, uint32 customer, SortSupport ssup)
{
	RfmCollector *c = ledger->table;
	RfmEvent   *event = &ledger->event[ledger->start[row]];
	int64		n = ledger->start[row + 1] - ledger->start[row];
	uint32		key_hash = rfm_key_hash(&c->customer_type, ledger->entry[row].key);
	int64		number = 0;

	if (n > 1)
		qsort_arg(event, n, sizeof(RfmEvent), compare_events, ssup);
	for (int64 i = 0, end; i < n; i = end)
	{
		Datum		order = event[i].order;
		uint32		hash;
		bool		counted;

		end = i + 1;
		if (!event[i].has_order)
			continue;
		while (end < n && rfm_key_equal(&c->order_type, order, event[end].order))
			end++;
		hash = rfm_order_hash(rfm_key_hash(&c->order_type, order), key_hash);
		counted = rfm_order_counted(c, customer, order, hash);
		number++;
		for (int64 e = i; e < end; e++)
			event[e].order = counted ? (Datum) 0 : Int64GetDatum(number);
	}
}

/* The customers, in key order. */
static uint32 *
sort_customers(RfmLedger *ledger)
{
	RfmCollector *c = ledger->table;
	uint32	   *order = rfm_key_order(c);

	ledger->n = c->nentries;
	ledger->entry = rfm_alloc_array(ledger->mcxt, ledger->n, sizeof(RfmEntry), false);
	for (int64 i = 0; i < ledger->n; i++)
	{
		memcpy(&ledger->entry[i], rfm_entry(c, order[i]), c->entry_size);
		rfm_check_interrupts(i);
	}
	return order;
}

/* The events, in the order of their customers. */
static void
sort_events(RfmLedger *ledger, const uint32 *order)
{
	int64		n = ledger->n;
	int64	   *place = rfm_alloc_array(CurrentMemoryContext, n, sizeof(int64), true);
	int64		sum = 0;

	for (int64 i = 0; i < ledger->nevents; i++)
	{
		place[ledger->chunk[i / RFM_CHUNK_EVENTS][i % RFM_CHUNK_EVENTS].customer]++;
		rfm_check_interrupts(i);
	}
	ledger->start = rfm_alloc_array(ledger->mcxt, n + 1, sizeof(int64), false);
	for (int64 i = 0; i < n; i++)
	{
		int64		count = place[order[i]];

		ledger->start[i] = place[order[i]] = sum;
		sum += count;
		rfm_check_interrupts(i);
	}
	ledger->start[n] = sum;

	ledger->event = rfm_alloc_array(ledger->mcxt, ledger->nevents, sizeof(RfmEvent), false);
	for (int64 i = 0; i < ledger->nevents; i++)
	{
		const RfmEvent *event = &ledger->chunk[i / RFM_CHUNK_EVENTS][i % RFM_CHUNK_EVENTS];

		ledger->event[place[event->customer]++] = *event;
		rfm_check_interrupts(i);
	}
	pfree(place);
}

void
rfm_ledger_sort(RfmLedger *ledger)
{
	RfmCollector *c = ledger->table;
	uint32	   *order = sort_customers(ledger);

	sort_events(ledger, order);
	if (c->distinct_orders)
	{
		SortSupportData ssup;

		rfm_key_sort_support(&c->order_type, &ssup);
		for (int64 i = 0; i < ledger->n; i++)
		{
			number_orders(ledger, i, order[i], &ssup);
			rfm_check_interrupts(i);
		}
	}
	pfree(order);
	rfm_collector_close(c);
	rfm_collector_free_entries(c);
	MemoryContextDelete(ledger->pool.mcxt);
}

/*
 * A date.
 */

/* Add a row's amount to a customer of the date. */
static void
add_amount(RfmCollector *c, RfmEntry *e, const RfmEvent *event)
{
	RfmAmount	amount = {.scale = event->scale,.form = event->form};

	amount.v.scaled = event->v.scaled;
	rfm_entry_add_amount(c, e, &amount);
}

/* Add a customer to the date, with the sums that count on every date. */
static RfmEntry *
add_base(RfmCollector *c, const RfmEntry *base)
{
	RfmEntry   *e = rfm_append_entry(c);

	memcpy(e, base, c->entry_size);
	if (rfm_sum_is_wide(&base->sum))
	{
		/* a copy, or adding to it would change the ledger's */
		MemoryContext oldcxt = MemoryContextSwitchTo(c->sums);
		Size		size;
		const void *image = rfm_sum_image(&base->sum, &size);

		rfm_sum_set_image(&e->sum, image, size);
		MemoryContextSwitchTo(oldcxt);
	}
	return e;
}

/* Add a customer to the date, unless it has no order then. */
static void
collect_customer(RfmCollector *c, const RfmLedger *ledger, int64 row,
				 DateADT first_day, DateADT date)
{
	RfmEntry   *e = NULL;
	Datum		counted = 0;	/* the last order that was */

	/*
	 * the sums may contain rows that are no orders, even if they contain no
	 * order
	 */
	if (ledger->entry[row].last != PG_INT64_MIN || ledger->counted)
		e = add_base(c, &ledger->entry[row]);
	for (int64 i = ledger->start[row]; i < ledger->start[row + 1]; i++)
	{
		const RfmEvent *event = &ledger->event[i];

		if (event->day < first_day || event->day > date)
			continue;
		if (e == NULL)
			e = add_base(c, &ledger->entry[row]);
		e->last = Max(e->last, event->last);
		add_amount(c, e, event);
		c->rows++;
		if (c->distinct_orders && (event->order == 0 || event->order == counted))
			continue;
		counted = event->order;
		rfm_entry_add_orders(c, e, c->distinct_orders ? 1 : event->orders);
	}
}

RfmCollector *
rfm_ledger_collect(const RfmLedger *ledger, DateADT date, MemoryContext mcxt)
{
	const RfmCollector *table = ledger->table;
	DateADT		first_day = ledger->lookback ?
		rfm_calendar_first_day(date, ledger->lookback) : DATEVAL_NOBEGIN;
	RfmCollector *c;

	if (ledger->n == 0)
		return NULL;
	c = rfm_collector_create(mcxt, &table->types, 0);
	c->in_key_order = true;
	c->rows = ledger->base_rows;
	for (int64 i = 0; i < ledger->n; i++)
	{
		collect_customer(c, ledger, i, first_day, date);
		rfm_check_interrupts(i);
	}
	return c->nentries > 0 ? c : NULL;
}

void
rfm_ledger_end(RfmLedger *ledger)
{
	MemoryContextDelete(ledger->mcxt);
}

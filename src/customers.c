/*-------------------------------------------------------------------------
 *
 * customers.c
 *		From the collector's table to flat arrays in key order.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "customers.h"
#include "memory.h"
#include "miscadmin.h"
#include "progress.h"

/*
 * Key order.
 */

typedef struct KeyedEntry
{
	uint64		key;			/* unsigned image of an integer, or a Datum */
	uint32		entry;
} KeyedEntry;

/* How many customers ahead of its use an entry is asked for. */
#define GATHER_AHEAD 16

#define RADIX_BITS	11
#define RADIX_SIZE	(1 << RADIX_BITS)

/*
 * Sorts by key, least significant digit first, over the bits that the keys
 * differ in.  Stable; linear in n.
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
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
	}

	for (int shift = 0; shift < 64 && n > 0 && ((highest - lowest) >> shift) > 0; shift += RADIX_BITS)
	{
		int64		position[RADIX_SIZE] = {0};
		int64		sum = 0;
		KeyedEntry *swap;

		for (int64 i = 0; i < n; i++)
		{
			position[((from[i].key - lowest) >> shift) & (RADIX_SIZE - 1)]++;
			if (i % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
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
			if (i % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
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

static KeyedEntry *
sort_entries(const RfmCollector *c)
{
	KeyedEntry *items = rfm_alloc_array(CurrentMemoryContext, c->nentries,
										sizeof(KeyedEntry), false);
	bool		is_int = c->customer_type.kind == RFM_KEY_INT;

	for (int64 i = 0; i < c->nentries; i++)
	{
		items[i].entry = (uint32) i;
		items[i].key = (uint64) c->entry[i].key;
		if (is_int)
			items[i].key ^= UINT64CONST(1) << 63;
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (is_int)
		items = radix_sort(items, c->nentries);
	else
	{
		SortSupportData ssup;

		rfm_key_sort_support(&c->customer_type, &ssup);
		qsort_arg(items, c->nentries, sizeof(KeyedEntry), keyed_entry_cmp, &ssup);
	}
	return items;
}

/*
 * Values.
 */

static int64
recency_code(const RfmCollector *c, const RfmEntry *e, const RfmSource *source,
			 DateADT run_date)
{
	DateADT		date = rfm_calendar_date(&source->calendar, e->last);

	if (DATE_NOT_FINITE(date))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the last order of customer \"%s\" has an infinite order time",
						rfm_key_out(&c->customer_type, e->key)),
				 errhint("Correct the order, or leave it out with the model's filter.")));
	return (int64) date - run_date;
}

/* The scale at which every exact sum is an int64, or -1 where there is none. */
static int
common_scale(const RfmCollector *c)
{
	int			scale = 0;
	int64		scaled;

	for (int64 i = 0; i < c->nentries; i++)
	{
		if (c->entry[i].form != RFM_FORM_SCALED)
			return -1;
		scale = Max(scale, c->entry[i].scale);
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (int64 i = 0; i < c->nentries; i++)
	{
		const RfmEntry *e = &c->entry[i];

		if (e->scale != scale &&
			!rfm_sum_scaled(&e->sum, e->form, e->scale, scale, &scaled))
			return -1;
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return scale;
}

static void
fill_money(const RfmCollector *c, const KeyedEntry *order, RfmMoney *money)
{
	Numeric    *values;

	if (c->amount_kind == RFM_AMOUNT_FLOAT)
	{
		money->kind = RFM_MONEY_REAL;
		for (int64 i = 0; i < c->nentries; i++)
		{
			const RfmEntry *e = &c->entry[order[i].entry];

			money->code[i] = rfm_double_to_code(rfm_sum_real(&e->sum, e->form,
															 c->low[order[i].entry]));
			if (i % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
		}
		return;
	}

	money->scale = common_scale(c);
	if (money->scale >= 0)
	{
		money->kind = RFM_MONEY_SCALED;
		for (int64 i = 0; i < c->nentries; i++)
		{
			const RfmEntry *e = &c->entry[order[i].entry];

			if (i + GATHER_AHEAD < c->nentries)
				rfm_prefetch_read(&c->entry[order[i + GATHER_AHEAD].entry]);
			(void) rfm_sum_scaled(&e->sum, e->form, e->scale, money->scale,
								  &money->code[i]);
			if (i % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
		}
		return;
	}

	values = rfm_alloc_array(CurrentMemoryContext, c->nentries, sizeof(Numeric), false);
	for (int64 i = 0; i < c->nentries; i++)
	{
		const RfmEntry *e = &c->entry[order[i].entry];

		values[i] = rfm_sum_numeric(&e->sum, e->form, e->scale);
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	rfm_money_rank(money, values, c->nentries);
	pfree(values);
}

/* Leaves out the customers whose money is at or below the limit. */
static void
apply_monetary_above(RfmCustomers *customers, Numeric limit)
{
	int64		first;
	int64		kept = 0;
	bool		reachable = rfm_money_first_code(&customers->money, limit, true, &first);

	for (int64 i = 0; i < customers->n; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!reachable || customers->code[RFM_MONETARY][i] < first)
			continue;
		customers->key[kept] = customers->key[i];
		for (int axis = 0; axis < RFM_AXES; axis++)
			customers->code[axis][kept] = customers->code[axis][i];
		kept++;
	}
	customers->n = kept;
}

RfmCustomers *
rfm_customers_build(const RfmModel *model, const RfmSource *source,
					RfmCollector *c, DateADT run_date)
{
	RfmCustomers *customers = palloc0(sizeof(RfmCustomers));
	KeyedEntry *order;

	customers->run_date = run_date;
	customers->key_type = source->key;
	if (c == NULL)
		return customers;

	customers->n = c->nentries;
	customers->orders = c->rows;
	rfm_collector_close(c);
	order = sort_entries(c);
	customers->key = rfm_alloc_array(CurrentMemoryContext, c->nentries, sizeof(Datum), false);
	for (int axis = 0; axis < RFM_AXES; axis++)
		customers->code[axis] = rfm_alloc_array(CurrentMemoryContext, c->nentries,
												sizeof(int64), false);
	customers->money.code = customers->code[RFM_MONETARY];

	for (int64 i = 0; i < c->nentries; i++)
	{
		const RfmEntry *e = &c->entry[order[i].entry];

		if (i + GATHER_AHEAD < c->nentries)
			rfm_prefetch_read(&c->entry[order[i + GATHER_AHEAD].entry]);
		customers->key[i] = e->key;
		customers->code[RFM_RECENCY][i] = recency_code(c, e, source, run_date);
		customers->code[RFM_FREQUENCY][i] = e->orders;
		rfm_progress_done(1);
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	fill_money(c, order, &customers->money);
	pfree(order);
	if (customers->key_type.typbyval || customers->key_type.kind == RFM_KEY_INT)
		MemoryContextDelete(c->mcxt);

	if (model->monetary_above)
		apply_monetary_above(customers, model->monetary_above);
	return customers;
}

Numeric
rfm_axis_numeric(const RfmCustomers *customers, RfmAxis axis, int64 code)
{
	if (axis == RFM_MONETARY)
		return rfm_money_numeric(&customers->money, code);
	return int64_to_numeric(axis == RFM_RECENCY ? -code : code);
}

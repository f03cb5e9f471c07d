/*-------------------------------------------------------------------------
 *
 * customers.c
 *		Putting the collected customers into flat arrays in key order.
 *
 * The sums of all customers must have one scale to be comparable as integers, but
 * that scale is known only after the last customer.  So each sum is first stored
 * with its own scale.  At the end all are converted to the largest scale or, if
 * some do not fit into an int64 then, replaced by their ranks.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "collect/entry.h"
#include "collect/key_order.h"
#include "collect/run_merge.h"
#include "collect/table.h"
#include "progress/progress.h"
#include "score/customers.h"
#include "value/numeric.h"

/* How many customers ahead of its use an entry is prefetched. */
#define GATHER_AHEAD 16

/* The initial size of the arrays if the number of customers is not known. */
#define FIRST_CUSTOMERS 65536

/* A scale that says that the code is a pointer to a numeric. */
#define WIDE_SCALE PG_UINT8_MAX

/* The state of gathering the customers. */
typedef struct Gathering
{
	RfmCustomers *customers;
	const RfmCollector *collector;
	const RfmCalendar *calendar;
	int64		space;			/* of the arrays */
	uint8	   *scale;			/* of each customer's sum; NULL: amounts are floating-point numbers */
	int			lowest_scale;
	int			highest_scale;
	bool		any_wide;
	bool		counted;		/* customers may have rows but no order */
	bool		all;			/* such customers are included */
	bool		average;		/* the monetary value is the average of the orders */
} Gathering;

static void
begin_gathering(Gathering *g, int64 space)
{
	RfmCustomers *customers = g->customers;

	g->space = space;
	customers->key = rfm_alloc_array(CurrentMemoryContext, space, sizeof(Datum), false);
	for (int axis = 0; axis < RFM_AXES; axis++)
		customers->code[axis] = rfm_alloc_array(CurrentMemoryContext, space,
												sizeof(int64), false);
	if (!g->collector->real_amounts)
		g->scale = rfm_alloc_array(CurrentMemoryContext, space, sizeof(uint8), false);
	g->lowest_scale = RFM_MAX_SCALE;
}

/* Make the arrays twice as large. */
static void
enlarge(Gathering *g)
{
	RfmCustomers *customers = g->customers;

	g->space *= 2;
	customers->key = rfm_enlarge_array(customers->key, g->space, sizeof(Datum));
	for (int axis = 0; axis < RFM_AXES; axis++)
		customers->code[axis] = rfm_enlarge_array(customers->code[axis], g->space, sizeof(int64));
	if (g->scale)
		g->scale = rfm_enlarge_array(g->scale, g->space, sizeof(uint8));
}

static int64
recency_code(const Gathering *g, const RfmEntry *e)
{
	DateADT		date = rfm_calendar_date(g->calendar, e->last);

	if (DATE_NOT_FINITE(date))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the last order of customer \"%s\" has an infinite order time",
						rfm_key_out(&g->collector->customer_type, e->key)),
				 errhint("Correct the order, or leave it out with the model's filter.")));
	return (int64) date - g->customers->run_date;
}

/* Store the exact sum of a customer with its own scale. */
static void
keep_sum(Gathering *g, int64 row, const RfmSum *sum)
{
	int64	   *code = &g->customers->code[RFM_MONETARY][row];

	if (sum->form == RFM_FORM_NUMERIC)
	{
		*code = (int64) (intptr_t) rfm_sum_numeric(sum);
		g->scale[row] = WIDE_SCALE;
		g->any_wide = true;
	}
	else
	{
		*code = sum->v.scaled;
		g->scale[row] = sum->scale;
		g->lowest_scale = Min(g->lowest_scale, sum->scale);
		g->highest_scale = Max(g->highest_scale, sum->scale);
	}
}

/* Store the average of n orders instead. */
static void
keep_average(Gathering *g, int64 row, const RfmSum *sum, uint32 n)
{
	RfmSum		average = {.form = RFM_FORM_SCALED};

	if (sum->form != RFM_FORM_SCALED ||
		!rfm_average_scaled(sum, n, &average.v.scaled, &average.scale))
	{
		average.form = RFM_FORM_NUMERIC;
		average.v.numeric = rfm_average_numeric(sum, n);
	}
	keep_sum(g, row, &average);
}

static inline void
add_customer(Gathering *g, const RfmEntry *e)
{
	RfmCustomers *customers = g->customers;
	int64		row = customers->n;
	uint32		n = 1;
	bool		none;

	rfm_progress_done(1);
	rfm_check_interrupts(row);
	none = g->counted && e->last == PG_INT64_MIN && e->sum.orders == 0;
	if (none && !g->all)
		return;
	customers->n++;
	customers->key[row] = e->key;
	customers->code[RFM_RECENCY][row] = none ? 0 : recency_code(g, e);
	customers->code[RFM_FREQUENCY][row] = e->sum.orders;
	/* a customer whose rows have no order id: the sum counts as the average */
	if (g->average)
		n = Max(e->sum.orders, 1);
	if (g->scale == NULL)
		customers->code[RFM_MONETARY][row] = rfm_double_to_code(rfm_entry_real_sum(g->collector, e->key, &e->sum) / n);
	else if (g->average)
		keep_average(g, row, &e->sum, n);
	else
		keep_sum(g, row, &e->sum);
}

/*
 * Images that are longer on average are not moved: for a while there are two
 * copies, which with the entries and the arrays must fit into RFM_CUSTOMER_BYTES.
 */
#define SHORT_IMAGE 24

/*
 * Move the images of keys to where they stand in key order, in which they are
 * read several times from now on.
 */
static void
order_images(Gathering *g, RfmCollector *c)
{
	RfmCustomers *customers = g->customers;
	MemoryContext old = c->images.mcxt;

	c->images = (RfmPool) {.mcxt = AllocSetContextCreate(c->mcxt, "rfm ordered keys", ALLOCSET_DEFAULT_SIZES)};
	for (int64 row = 0; row < customers->n; row++)
	{
		if (row + GATHER_AHEAD < customers->n)
			rfm_prefetch_read(DatumGetPointer(customers->key[row + GATHER_AHEAD]));
		customers->key[row] = rfm_keep_key(c, &c->customer_type, customers->key[row]);
		rfm_check_interrupts(row);
	}
	MemoryContextDelete(old);
}

/* Gather the customers of a table, which are at random places in memory. */
static void
gather_table(Gathering *g, RfmCollector *c)
{
	uint32	   *order;

	rfm_collector_close(c);
	order = rfm_key_order(c);
	begin_gathering(g, c->nentries);
	for (int64 i = 0; i < c->nentries; i++)
	{
		if (i + GATHER_AHEAD < c->nentries)
			rfm_prefetch_read(rfm_entry(c, order[i + GATHER_AHEAD]));
		add_customer(g, rfm_entry(c, order[i]));
	}
	pfree(order);
	if (rfm_key_by_reference(&c->customer_type) && c->images.used <= (Size) c->nentries * SHORT_IMAGE)
		order_images(g, c);
}

/* Gather the customers from temporary files, which are read in key order. */
static void
gather_spilled(Gathering *g, RfmCollector *c)
{
	RfmEntry	e;

	rfm_run_merge_begin(c);
	begin_gathering(g, FIRST_CUSTOMERS);
	while (rfm_run_merge_next(c, &e))
	{
		if (g->customers->n == g->space)
			enlarge(g);
		e.key = rfm_keep_key(c, &c->customer_type, e.key);
		add_customer(g, &e);
	}
	rfm_run_merge_end(c);
}

/*
 * Convert all sums to the largest scale.  Returns false, without changing any, if
 * one of them does not fit into an int64 then.
 */
static bool
align_sums(const Gathering *g)
{
	int64	   *code = g->customers->code[RFM_MONETARY];
	int64		n = g->customers->n;

	if (g->any_wide)
		return false;
	if (g->lowest_scale >= g->highest_scale)
		return true;
	for (int64 i = 0; i < n; i++)
	{
		int64		sum = code[i];

		if (!rfm_rescale(&sum, g->scale[i], g->highest_scale))
			return false;
		rfm_check_interrupts(i);
	}
	for (int64 i = 0; i < n; i++)
	{
		(void) rfm_rescale(&code[i], g->scale[i], g->highest_scale);
		rfm_check_interrupts(i);
	}
	return true;
}

/* Replace all sums by their ranks. */
static void
rank_sums(const Gathering *g, RfmMoney *money)
{
	int64		n = g->customers->n;
	Numeric    *values = rfm_alloc_array(CurrentMemoryContext, n, sizeof(Numeric), false);

	for (int64 i = 0; i < n; i++)
	{
		if (g->scale[i] == WIDE_SCALE)
			values[i] = (Numeric) (intptr_t) money->code[i];
		else
			values[i] = int64_div_fast_to_numeric(money->code[i], g->scale[i]);
		rfm_check_interrupts(i);
	}
	rfm_money_rank(money, values, n);
	pfree(values);
}

/* Convert the sums of all customers to codes. */
static void
settle_money(Gathering *g, RfmMoney *money)
{
	money->code = g->customers->code[RFM_MONETARY];
	if (g->scale == NULL)
		money->form = RFM_FORM_REAL;
	else if (align_sums(g))
		money->scale = g->highest_scale;
	else
		rank_sums(g, money);
	if (g->scale)
		pfree(g->scale);
}

/* Leave out the customers whose money is at or below the limit. */
static void
apply_monetary_above(RfmCustomers *customers, Numeric limit)
{
	int64		first;
	int64		kept = 0;
	bool		reachable = rfm_money_first_code(&customers->money, limit, true, &first);

	for (int64 i = 0; i < customers->n; i++)
	{
		rfm_check_interrupts(i);
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
					RfmCollector *c, DateADT run_date, bool all)
{
	RfmCustomers *customers = palloc0(sizeof(RfmCustomers));
	Gathering	gathering = {.customers = customers, .collector = c, .calendar = &source->calendar,
	.counted = source->orders != NULL,.all = all,.average = model->average};

	customers->run_date = run_date;
	customers->key_type = source->row_key;
	customers->money.form = RFM_FORM_SCALED;
	if (c == NULL)
		return customers;

	customers->orders = c->rows;
	if (c->spill)
		gather_spilled(&gathering, c);
	else
		gather_table(&gathering, c);
	settle_money(&gathering, &customers->money);
	rfm_collector_end(c);
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

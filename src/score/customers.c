/*-------------------------------------------------------------------------
 *
 * customers.c
 *		From the collector's table to flat arrays in key order.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "collect/key_order.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "score/customers_file.h"

/* How many customers ahead of its use an entry is asked for. */
#define GATHER_AHEAD 16

/*
 * Values.
 */

int64
rfm_recency_code(const RfmCollector *c, const RfmEntry *e, const RfmSource *source,
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
	bool		all_have_it = true;
	int64		scaled;

	for (int64 i = 0; i < c->nentries; i++)
	{
		const RfmEntry *e = rfm_entry(c, i);

		if (e->form != RFM_FORM_SCALED)
			return -1;
		all_have_it = all_have_it && (i == 0 || e->scale == scale);
		scale = Max(scale, e->scale);
		if (i % RFM_SEGMENT_ENTRIES == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (int64 i = 0; i < c->nentries && !all_have_it; i++)
	{
		const RfmEntry *e = rfm_entry(c, i);

		if (e->scale != scale &&
			!rfm_sum_scaled(&e->sum, e->form, e->scale, scale, &scaled))
			return -1;
		if (i % RFM_SEGMENT_ENTRIES == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return scale;
}

/* How the money of these customers is to be coded. */
static void
choose_money(const RfmCollector *c, RfmMoney *money)
{
	if (c->amount_kind == RFM_AMOUNT_FLOAT)
	{
		money->kind = RFM_MONEY_REAL;
		return;
	}
	money->scale = common_scale(c);
	money->kind = money->scale >= 0 ? RFM_MONEY_SCALED : RFM_MONEY_WIDE;
}

/* Sums of which not all are int64 at one scale: their ranks. */
static void
rank_money(const RfmCollector *c, const uint32 *order, RfmMoney *money)
{
	Numeric    *values = rfm_alloc_array(CurrentMemoryContext, c->nentries,
										 sizeof(Numeric), false);

	for (int64 i = 0; i < c->nentries; i++)
	{
		const RfmEntry *e = rfm_entry(c, order[i]);

		values[i] = rfm_sum_numeric(&e->sum, e->form, e->scale);
		if (i % RFM_SEGMENT_ENTRIES == 0)
			CHECK_FOR_INTERRUPTS();
	}
	rfm_money_rank(money, values, c->nentries);
	pfree(values);
}

/*
 * The customers' keys and codes, in this order.  Each customer is visited once,
 * as they stand anywhere in memory.
 */
static void
gather(RfmCustomers *customers, const RfmCollector *c, const uint32 *order,
	   const RfmSource *source)
{
	RfmMoney   *money = &customers->money;

	choose_money(c, money);
	for (int64 i = 0; i < c->nentries; i++)
	{
		const RfmEntry *e = rfm_entry(c, order[i]);

		if (i + GATHER_AHEAD < c->nentries)
			rfm_prefetch_read(rfm_entry(c, order[i + GATHER_AHEAD]));
		customers->key[i] = e->key;
		customers->code[RFM_RECENCY][i] = rfm_recency_code(c, e, source, customers->run_date);
		customers->code[RFM_FREQUENCY][i] = e->orders;
		if (money->kind == RFM_MONEY_SCALED)
			(void) rfm_sum_scaled(&e->sum, e->form, e->scale, money->scale, &money->code[i]);
		else if (money->kind == RFM_MONEY_REAL)
			money->code[i] = rfm_double_to_code(rfm_sum_real(&e->sum, e->form,
															 *rfm_entry_low(c, order[i])));
		rfm_progress_done(1);
		if (i % RFM_SEGMENT_ENTRIES == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (money->kind == RFM_MONEY_WIDE)
		rank_money(c, order, money);
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
		if (i % RFM_SEGMENT_ENTRIES == 0)
			CHECK_FOR_INTERRUPTS();
		if (!reachable || customers->code[RFM_MONETARY][i] < first)
			continue;
		customers->key[kept] = customers->key[i];
		for (int axis = 0; axis < RFM_AXES; axis++)
			customers->code[axis][kept] = customers->code[axis][i];
		kept++;
	}
	customers->n = customers->end = kept;
}

RfmCustomers *
rfm_customers_build(const RfmModel *model, const RfmSource *source,
					RfmCollector *c, DateADT run_date)
{
	RfmCustomers *customers = palloc0(sizeof(RfmCustomers));
	uint32	   *order;

	customers->run_date = run_date;
	customers->key_type = source->key;
	if (c == NULL)
		return customers;

	customers->orders = c->rows;
	if (c->spill)
	{
		rfm_customers_from_spill(customers, model, source, c);
		return customers;
	}

	customers->n = customers->end = c->nentries;
	rfm_collector_close(c);
	order = rfm_key_order(c);
	customers->key = rfm_alloc_array(CurrentMemoryContext, c->nentries, sizeof(Datum), false);
	for (int axis = 0; axis < RFM_AXES; axis++)
		customers->code[axis] = rfm_alloc_array(CurrentMemoryContext, c->nentries,
												sizeof(int64), false);
	customers->money.code = customers->code[RFM_MONETARY];
	gather(customers, c, order, source);
	pfree(order);
	if (customers->key_type.typbyval || customers->key_type.kind == RFM_KEY_INT)
		MemoryContextDelete(c->mcxt);

	if (model->monetary_above)
		apply_monetary_above(customers, model->monetary_above);
	return customers;
}

void
rfm_customers_end(RfmCustomers *customers)
{
	if (customers->file)
		rfm_customers_file_close(customers->file);
	customers->file = NULL;
}

void
rfm_customers_move(RfmCustomers *customers, int64 row)
{
	if (customers->file == NULL || row < 0 || row >= customers->n)
		elog(ERROR, "snapshot has no row " INT64_FORMAT, row);
	rfm_customers_file_read(customers, row);
}

/* A block of codes for whoever looks for cut points. */
typedef struct AxisCodes
{
	RfmCustomers *customers;
	RfmAxis		axis;
} AxisCodes;

static const int64 *
axis_block(void *arg, int64 start, int64 *count)
{
	AxisCodes  *codes = (AxisCodes *) arg;
	int64		at = rfm_customers_at(codes->customers, start);

	*count = codes->customers->end - start;
	return codes->customers->code[codes->axis] + at;
}

RfmValues
rfm_customer_codes(RfmCustomers *customers, RfmAxis axis)
{
	AxisCodes  *codes = palloc(sizeof(AxisCodes));
	RfmValues	values = {.n = customers->n, .block = axis_block, .source = codes};

	codes->customers = customers;
	codes->axis = axis;
	/* so many may be looked at together as a window of arrays has bytes for */
	values.gather = customers->file ? rfm_customers_file_rows(customers->file) : customers->n;
	return values;
}

Numeric
rfm_axis_numeric(const RfmCustomers *customers, RfmAxis axis, int64 code)
{
	if (axis == RFM_MONETARY)
		return rfm_money_numeric(&customers->money, code);
	return int64_to_numeric(axis == RFM_RECENCY ? -code : code);
}

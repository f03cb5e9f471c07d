/*-------------------------------------------------------------------------
 *
 * entry.c
 *		Adding orders, and other entries of the same customer, to an entry.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "collect/entry.h"

void
rfm_money_error(const RfmCollector *c, Datum key, bool overflow)
{
	rfm_amount_error(c->real_amounts, rfm_key_out(&c->customer_type, key), overflow);
}

double
rfm_entry_real_sum(const RfmCollector *c, Datum key, const RfmSum *sum)
{
	double		value = rfm_sum_real(sum);

	if (isinf(value))
		rfm_money_error(c, key, true);
	return value;
}

void
rfm_too_many_orders(RfmCollector *c, Datum key)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("too many orders of customer \"%s\"",
					rfm_key_out(&c->customer_type, key))));
}

uint32
rfm_order_count(RfmCollector *c, Datum key, int64 orders)
{
	if (orders < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a row of customer \"%s\" stands for a negative number of orders",
						rfm_key_out(&c->customer_type, key)),
				 errhint("Correct the model's \"order_count\", or leave the row out with its filter.")));
	if (orders > PG_UINT32_MAX)
		rfm_too_many_orders(c, key);
	return (uint32) orders;
}

void
rfm_row_set_orders(RfmCollector *c, RfmWaitingRow *row, int64 orders)
{
	row->orders = rfm_order_count(c, row->key, orders);
	if (orders > 0)
		return;
	row->last = PG_INT64_MIN;
	row->has_order = false;
}

void
rfm_entry_add_slowly(RfmCollector *c, RfmEntry *e, const RfmAmount *amount)
{
	if (amount->form == RFM_FORM_NOT_FINITE)
		rfm_money_error(c, e->key, false);
	if (!rfm_sum_add(&e->sum, amount, c->sums))
		rfm_money_error(c, e->key, true);
}

void
rfm_entry_merge(RfmCollector *c, RfmEntry *e, const RfmEntry *other, MemoryContext mcxt)
{
	e->last = Max(e->last, other->last);
	if (!rfm_sum_merge(&e->sum, &other->sum, mcxt))
		rfm_money_error(c, e->key, true);
	/* distinct order ids are merged, and counted, by themselves */
	if (!c->distinct_orders)
		rfm_entry_add_orders(c, e, other->sum.orders);
}

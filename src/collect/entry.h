/*-------------------------------------------------------------------------
 *
 * entry.h
 *		Adding orders, and other entries of the same customer, to an entry.
 *
 * All functions raise errors that name the customer:
 * NUMERIC_VALUE_OUT_OF_RANGE for amounts that overflow or are not finite,
 * PROGRAM_LIMIT_EXCEEDED for more orders than can be counted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_ENTRY_H
#define RFM_COLLECT_ENTRY_H

#include "collect/types.h"
#include "common/int.h"

/*
 * rfm_entry_merge: add another entry of the same customer.  A sum that becomes wide
 * is allocated in mcxt.
 */
extern void rfm_entry_merge(RfmCollector *c, RfmEntry *e, const RfmEntry *other,
							MemoryContext mcxt);

/* rfm_entry_add_slowly: do what rfm_entry_add_amount does, for an amount of any form. */
extern void rfm_entry_add_slowly(RfmCollector *c, RfmEntry *e, const RfmAmount *amount);

/*
 * rfm_order_count: check the number of orders that a row, or a group of rows, of
 * the customer with this key stands for, and return it.  Raises
 * NUMERIC_VALUE_OUT_OF_RANGE for a negative number.
 */
extern uint32 rfm_order_count(RfmCollector *c, Datum key, int64 orders);

/*
 * rfm_row_set_orders: set the number of orders that a row stands for.  A row that
 * stands for none, such as a refund, adds its amount and nothing else: its time is
 * not that of a visit.
 */
extern void rfm_row_set_orders(RfmCollector *c, RfmWaitingRow *row, int64 orders);

/*
 * rfm_money_error, rfm_too_many_orders: raise the error for the customer with this
 * key.  overflow says that the sum of the amounts is too large; otherwise an amount
 * is not a finite number.
 */
pg_noreturn extern void rfm_money_error(const RfmCollector *c, Datum key, bool overflow);
pg_noreturn extern void rfm_too_many_orders(RfmCollector *c, Datum key);

/*
 * rfm_entry_real_sum: return a floating-point sum of the customer with this key,
 * rounded once.
 */
extern double rfm_entry_real_sum(const RfmCollector *c, Datum key, const RfmSum *sum);

/* rfm_entry_add_amount: add an amount to a customer's sum. */
static inline void
rfm_entry_add_amount(RfmCollector *c, RfmEntry *e, const RfmAmount *amount)
{
	int64		total;

	/* nearly always both have the scale of the column */
	if (e->sum.form == RFM_FORM_SCALED && amount->form == RFM_FORM_SCALED &&
		e->sum.scale == amount->scale &&
		!pg_add_s64_overflow(e->sum.v.scaled, amount->v.scaled, &total))
		e->sum.v.scaled = total;
	else
		rfm_entry_add_slowly(c, e, amount);
}

/* rfm_entry_add_orders: add a number of orders to that of a customer. */
static inline void
rfm_entry_add_orders(RfmCollector *c, RfmEntry *e, uint32 orders)
{
	if (pg_add_u32_overflow(e->sum.orders, orders, &e->sum.orders))
		rfm_too_many_orders(c, e->key);
}

#endif							/* RFM_COLLECT_ENTRY_H */

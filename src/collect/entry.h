/*-------------------------------------------------------------------------
 *
 * entry.h
 *		What an order, or another entry, adds to a customer's entry.
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

/* rfm_entry_merge: Add another entry of the same customer; wide sums in mcxt. */
extern void rfm_entry_merge(RfmCollector *c, RfmEntry *e, const RfmEntry *other,
							MemoryContext mcxt);

/* rfm_entry_add_slowly: Do the same as rfm_entry_add_amount, for any amount. */
extern void rfm_entry_add_slowly(RfmCollector *c, RfmEntry *e, const RfmAmount *amount);

/*
 * rfm_order_count: Return how many orders a row, or a group of them, of the
 * customer with a key stands for.  Raises NUMERIC_VALUE_OUT_OF_RANGE for a
 * negative number.
 */
extern uint32 rfm_order_count(RfmCollector *c, Datum key, int64 orders);

/*
 * rfm_row_set_orders: Set how many orders a row stands for.  One that stands for
 * none adds its amount and nothing else: it is no visit.
 */
extern void rfm_row_set_orders(RfmCollector *c, RfmWaitingRow *row, int64 orders);

/*
 * rfm_money_error, rfm_too_many_orders: Raise those errors for the customer
 * with a key; overflow: the amounts overflow, else one is not finite.
 */
pg_noreturn extern void rfm_money_error(const RfmCollector *c, Datum key, bool overflow);
pg_noreturn extern void rfm_too_many_orders(RfmCollector *c, Datum key);

/*
 * rfm_entry_real_sum: Return a floating-point sum of the customer with a key, rounded
 * once.
 */
extern double rfm_entry_real_sum(const RfmCollector *c, Datum key, const RfmSum *sum);

/* rfm_entry_add_amount: Add an amount to a customer's sum. */
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

/* rfm_entry_add_orders: Count more orders of a customer. */
static inline void
rfm_entry_add_orders(RfmCollector *c, RfmEntry *e, uint32 orders)
{
	if (pg_add_u32_overflow(e->sum.orders, orders, &e->sum.orders))
		rfm_too_many_orders(c, e->key);
}

#endif							/* RFM_COLLECT_ENTRY_H */

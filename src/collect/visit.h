/*-------------------------------------------------------------------------
 *
 * visit.h
 *		The days on which customers ordered, and what they spent after the first.
 *
 * A collector of visits (types.visits) has a list of days in place of the set of
 * distinct orders, one for each row or few that came together; they travel and
 * spill as order ids do, and are counted in the end.
 *
 * An entry's sum is of the rows that came after the customer's first day, as far
 * as that was known when they came: what is later than one order is later than the
 * first.  Of any other row the amount has to wait: so in the list stands an
 * image of the row, a bytea, in place of its day.  That is one row a customer and
 * process, where rows come in the order of time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_VISIT_H
#define RFM_COLLECT_VISIT_H

#include "collect/types.h"
#include "utils/date.h"

/* A customer with all days. */
typedef struct RfmVisitor
{
	Datum		key;
	int32		visits;			/* days with orders */
	DateADT		first;			/* if there are any */
	DateADT		last;
	RfmSum		spent;			/* on all days, also those without orders */
	RfmSum		spent_later;	/* after the first day */
} RfmVisitor;

/* Takes a customer; what visitor has elsewhere is gone afterwards. */
typedef void (*RfmVisitorSink) (void *arg, const RfmVisitor *visitor);

/*
 * rfm_visit_set: Prepare a row that has key, time, amount and number of rows for
 * rfm_queue_add(): its time becomes a day, in the session's time zone; orders: how
 * many it stands for.  Raises DATETIME_VALUE_OUT_OF_RANGE for an infinite time, and
 * the errors of entry.h.
 */
extern void rfm_visit_set(RfmCollector *c, RfmWaitingRow *row, int64 orders);

/* rfm_visit_alike: Can two such rows of a customer be taken as one? */
static inline bool
rfm_visit_alike(const RfmWaitingRow *a, const RfmWaitingRow *b)
{
	return a->last == b->last && (a->orders > 0) == (b->orders > 0);
}

/* rfm_visit_take: Add such a row to the customer with a number. */
extern void rfm_visit_take(RfmCollector *c, uint32 customer, const RfmWaitingRow *row);

/*
 * rfm_visit_walk: Give all customers to sink, also those without a visit; each
 * once, in the order of their keys or in one that means nothing.  All rows have come, and been drained.
 * Afterwards the collector can only be deleted with its context.  Raises the errors
 * of entry.h.
 */
extern void rfm_visit_walk(RfmCollector *c, bool in_key_order, RfmVisitorSink sink, void *arg);

#endif							/* RFM_COLLECT_VISIT_H */

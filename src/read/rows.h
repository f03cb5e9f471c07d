/*-------------------------------------------------------------------------
 *
 * rows.h
 *		Filling the collector from the rows of a query over the source.
 *
 * Takes the rows of one query, and returns the collector.  There are three
 * kinds of queries: one whose aggregate has filled a collector in this
 * process, one that returns the orders, and one that returns them grouped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_ROWS_H
#define RFM_READ_ROWS_H

#include "collect/types.h"
#include "tcop/dest.h"

/* What the query gives; where customers have groups, the group comes last. */
typedef enum RfmReading
{
	RFM_READ_TICKET,			/* one row, one column: the ticket of a collector */
	RFM_READ_ORDERS,			/* customer, time, amount [, orders] [, order id] of each row;
								 * orders may be null for visits */
	RFM_READ_GROUPED			/* customer, last time, rows, sum [, orders] of each customer */
} RfmReading;

typedef struct RfmRowsReceiver
{
	DestReceiver pub;
	RfmReading	reading;
	bool		counted;		/* rows say how many orders they stand for */
	bool		groups;			/* customers have groups */
	bool		visits;			/* days are collected: collect/visit.h */
	int			group;			/* the columns of group and order id, or of the number */
	int			order;			/* of orders of a customer; -1: there is none */
	MemoryContext mcxt;			/* where the collector shall live */
	MemoryContext rowcxt;		/* of what one row takes */
	TupleDesc	desc;
	Oid			amount_type;	/* of the amounts, or sums, that come */
	RfmCollector *collector;	/* NULL: there was no row */
} RfmRowsReceiver;

/*
 * rfm_rows_receiver_init: a receiver for one run of a query; groups: customers
 * have groups.  Whoever wants visits says so in the receiver.  The collector that it fills lives in mcxt, which outlives the query.
 */
extern void rfm_rows_receiver_init(RfmRowsReceiver *receiver, RfmReading reading,
								   bool counted, bool groups, MemoryContext mcxt);

/*
 * rfm_rows_finish: return the collector when all rows have arrived; NULL if no
 * order counts.
 */
extern RfmCollector *rfm_rows_finish(RfmRowsReceiver *receiver);

#endif							/* RFM_READ_ROWS_H */

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

#include "access/tupdesc.h"
#include "collect/types.h"
#include "executor/tuptable.h"
#include "tcop/dest.h"

/* What a query returns; where customers have groups, the group is the last column. */
typedef enum RfmReading
{
	RFM_READ_TICKET,			/* one row, one column: the ticket of a collector */
	RFM_READ_ORDERS,			/* customer, time, amount [, orders] [, order id] of each row;
								 * orders may be null for visits */
	RFM_READ_GROUPED			/* customer, last time, rows, sum [, orders] of each customer */
} RfmReading;

/* The columns of such a query, counted from 0. */
typedef struct RfmRowColumns
{
	TupleDesc	desc;
	int			amount;
	int			order;			/* the order id or, of RFM_READ_GROUPED, the number of orders;
								 * -1: there is none */
	int			group;			/* -1: customers have no groups */
	bool		grouped;		/* RFM_READ_GROUPED */
	Oid			amount_type;	/* base type of the amounts, or sums */
} RfmRowColumns;

/*
 * rfm_row_columns: determine the columns of a query other than RFM_READ_TICKET;
 * counted: each row has the number of orders that it stands for.
 */
extern RfmRowColumns rfm_row_columns(RfmReading reading, bool counted, bool groups, TupleDesc desc);

/* rfm_row_types: return the types of what is collected. */
extern RfmCollected rfm_row_types(const RfmRowColumns *columns);

/*
 * rfm_row_read: read the key, the time and the amount of a row, all of whose columns
 * have been fetched.  Key and amount may point into the slot.  The time is
 * PG_INT64_MIN, and the amount RFM_FORM_NONE, where it is null; sums that are arrays
 * are not read.
 */
extern void rfm_row_read(const RfmRowColumns *columns, const RfmCollector *c, TupleTableSlot *slot,
						 RfmWaitingRow *row);

/* Puts the rows of one run of a query into a collector. */
typedef struct RfmRowsReceiver
{
	DestReceiver pub;
	RfmReading	reading;
	bool		counted;		/* each row has the number of orders that it stands for */
	bool		groups;			/* customers have groups */
	bool		visits;			/* days are collected instead of orders: collect/visit.h */
	MemoryContext mcxt;			/* in which the collector lives */
	MemoryContext rowcxt;		/* of what is allocated for one row */
	RfmRowColumns columns;		/* once the query has started */
	RfmCollector *collector;	/* NULL: no row has come */
} RfmRowsReceiver;

/*
 * rfm_rows_receiver_init: initialize a receiver for one run of a query.  The
 * collector that it will fill lives in mcxt, which must outlive the query.
 */
extern void rfm_rows_receiver_init(RfmRowsReceiver *receiver, RfmReading reading,
								   bool counted, bool groups, bool visits, MemoryContext mcxt);

/*
 * rfm_rows_finish: return the collector after the last row; NULL if no order
 * counts.
 */
extern RfmCollector *rfm_rows_finish(RfmRowsReceiver *receiver);

#endif							/* RFM_READ_ROWS_H */

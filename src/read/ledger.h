/*-------------------------------------------------------------------------
 *
 * ledger.h
 *		The orders in reach of a range of dates, read once.
 *
 * A ledger is read by one query (ledger_read.h), and then gives for each date of
 * the range what the query of that date alone would have collected.
 *
 * Rows that count on every date of the range are summed up as they come.  These
 * are most: without a lookback, all up to the first date.  The others are kept
 * one by one, as events.  To collect a date, its events are added to copies of
 * those sums.  Nothing is ever subtracted, so that the sums are exactly those of
 * a refresh of that date.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_LEDGER_H
#define RFM_READ_LEDGER_H

#include "read/source.h"

/* A row that counts on some dates of the range only. */
typedef struct RfmEvent
{
	int64		last;			/* order time, in the column's own type; PG_INT64_MIN: no order */
	union
	{
		int64		scaled;
		double		real;
		Numeric		numeric;
	}			v;				/* of the amount */
	Datum		order;			/* while read: its id; then its number, 0: none to count */
	uint32		customer;		/* while read: its number in the table */
	DateADT		day;			/* local date */
	uint8		form;			/* of the amount: RfmAmountForm */
	uint8		scale;
	bool		has_order;
	uint32		orders;			/* that the row stands for */
} RfmEvent;

typedef struct RfmLedger
{
	MemoryContext mcxt;			/* everything below lives here */
	char	   *definition;		/* of the model, as far as it decides what is read */
	DateADT		read_on;		/* the date of its calendar when it was read */
	DateADT		first;			/* the dates that it is for */
	DateADT		last;
	RfmCalendar calendar;
	Interval   *lookback;		/* NULL: all orders */

	/* rows of these days, if any, count on every date */
	DateADT		base_first;
	DateADT		base_last;
	int64		base_from;		/* order times from here to before base_until are */
	int64		base_until;		/* of these days, whatever the time zone */

	bool		counted;		/* rows say how many orders they stand for */
	RfmCollector *table;		/* while read: all customers, and the sums */
	int64		base_rows;
	int64		nevents;
	RfmPool		pool;			/* of events, while read */
	RfmEvent  **chunk;
	int			nchunks;
	int64		chunk_space;

	/* in key order */
	int64		n;
	RfmEntry   *entry;			/* last is PG_INT64_MIN where no order is in the sums */
	int64	   *start;			/* n + 1: where the events of each begin */
	RfmEvent   *event;
} RfmLedger;

/*
 * rfm_ledger_collect: Collect what counts for a date, as rfm_source_read() does,
 * with the customers in key order.  The collector lives below mcxt and points
 * into the ledger; NULL where no order counts.
 */
extern RfmCollector *rfm_ledger_collect(const RfmLedger *ledger, DateADT date,
										MemoryContext mcxt);

/* rfm_ledger_end: Free a ledger. */
extern void rfm_ledger_end(RfmLedger *ledger);

/*
 * rfm_ledger_sort: Put customers and events in key order, when all rows have
 * been read.
 */
extern void rfm_ledger_sort(RfmLedger *ledger);

/* Events in a chunk while they are read. */
#define RFM_CHUNK_EVENTS 65536

#endif							/* RFM_READ_LEDGER_H */

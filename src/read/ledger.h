/*-------------------------------------------------------------------------
 *
 * ledger.h
 *		The orders in reach of a range of dates, read once.
 *
 * Takes the rows of one query, gives for each date of the range what the query
 * of that date alone would have collected.
 *
 * Rows that count on every date of the range are summed up as they come: they
 * are most, without a lookback all up to the first date.  The others are kept
 * one by one, as events.  A date's customers are those sums plus the events
 * that count on it, added up anew for each date: nothing is ever taken away
 * from a sum, so that each is the very one of a single refresh.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_LEDGER_H
#define RFM_READ_LEDGER_H

#include "read/source.h"

/* A row that counts on some dates of the range only. */
typedef struct RfmEvent
{
	int64		last;			/* order time, in the column's own type */
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
} RfmEvent;

typedef struct RfmLedger
{
	MemoryContext mcxt;			/* everything below lives here */
	char	   *definition;		/* of the model, as far as it decides what is read */
	DateADT		first;			/* the dates that it is for */
	DateADT		last;
	RfmCalendar calendar;
	Interval   *lookback;		/* NULL: all orders */

	/* rows of these days, if any, count on every date */
	DateADT		base_first;
	DateADT		base_last;
	int64		base_from;		/* and order times from here to before base_until */
	int64		base_until;		/* are of those days without a look at the calendar */

	RfmCollector *table;		/* while read: all customers, and the sums */
	int64		base_rows;
	int64		nevents;
	RfmPool		pool;			/* of events, while read */
	RfmEvent  **chunk;
	int			nchunks;
	int			chunk_space;

	/* in key order */
	int64		n;
	RfmEntry   *entry;			/* last is PG_INT64_MIN where nothing is in the sums */
	int64	   *start;			/* n + 1: where the events of each begin */
	RfmEvent   *event;
} RfmLedger;

/* Why there is no ledger. */
typedef enum RfmLedgerResult
{
	RFM_LEDGER_READ,			/* there is one */
	RFM_LEDGER_EVENTS,			/* too many events for the bound of memory */
	RFM_LEDGER_CUSTOMERS,		/* the customers are too many already */
	RFM_LEDGER_KEYS,			/* equal keys are not the same: 1.0 and 1.00 */
	RFM_LEDGER_RUN_DATE			/* what counts depends on rfm_run_date() */
} RfmLedgerResult;

/*
 * rfm_ledger_read: reads the orders for the dates first to last.  The ledger
 * lives below mcxt.  As the model's owner, between rfm_owner_enter and
 * rfm_owner_leave.
 */
extern RfmLedgerResult rfm_ledger_read(const RfmModel *model, const RfmSource *source,
									   DateADT first, DateADT last,
									   MemoryContext mcxt, RfmLedger **ledger);

/*
 * rfm_ledger_serves: has the ledger what the model, as it is now, needs for a
 * date?
 */
extern bool rfm_ledger_serves(const RfmLedger *ledger, const RfmModel *model,
							  const RfmSource *source, DateADT date);

/*
 * rfm_ledger_collect: what counts for a date, as rfm_source_read() gives it,
 * with the customers in key order.  The collector lives below mcxt and needs
 * the ledger; NULL where no order counts.
 */
extern RfmCollector *rfm_ledger_collect(const RfmLedger *ledger, DateADT date,
										MemoryContext mcxt);

/* rfm_ledger_end: frees it. */
extern void rfm_ledger_end(RfmLedger *ledger);

/* rfm_ledger_sort: all rows are read; for ledger_read.c. */
extern void rfm_ledger_sort(RfmLedger *ledger);

/* So many events stand together while they are read. */
#define RFM_CHUNK_EVENTS 65536

#endif							/* RFM_READ_LEDGER_H */

/*-------------------------------------------------------------------------
 *
 * series.h
 *		Computing the snapshots of several dates, one after the other.
 *
 * Takes a model's name and ascending dates, one at a time; refreshes each,
 * with as few readings of the orders as memory allows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_SERIES_H
#define RFM_RUN_SERIES_H

#include "read/ledger.h"
#include "run/failure.h"
#include "utils/date.h"

typedef struct RfmSeries
{
	RfmAttempt	attempt;		/* the model, and the current date */
	DateADT		last;			/* no date after it will come */
	int			together;		/* number of days that are read at once */
	bool		needs_history;	/* a target without run dates is an error */
	const char *doing;			/* what the call does with the model, for errors: "backfilling" */
	const char *label;			/* of the call, for the log: JSON; NULL: none */
	MemoryContext mcxt;			/* outlives the transactions */
	RfmLedger  *ledger;			/* NULL at first */
} RfmSeries;

/*
 * rfm_series_refresh: do what rfm_refresh_model does for the current date.
 * The orders are read once for series->together days from there on, or for as
 * many as fit into memory.  To be called by rfm_attempt, with no snapshot
 * pushed by the caller, in a memory context that may be reset afterwards; the
 * caller commits.
 */
extern void rfm_series_refresh(RfmSeries *series);

#endif							/* RFM_RUN_SERIES_H */

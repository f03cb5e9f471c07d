/*-------------------------------------------------------------------------
 *
 * ledger_read.h
 *		Reading the rows of one query into a ledger.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_LEDGER_READ_H
#define RFM_READ_LEDGER_READ_H

#include "read/ledger.h"

/* Whether there is a ledger, or why not. */
typedef enum RfmLedgerResult
{
	RFM_LEDGER_READ,			/* there is one */
	RFM_LEDGER_EVENTS,			/* too many events for the bound of memory */
	RFM_LEDGER_CUSTOMERS,		/* the customers are too many already */
	RFM_LEDGER_KEYS,			/* equal keys are not the same: 1.0 and 1.00 */
	RFM_LEDGER_RUN_DATE			/* what counts depends on rfm_run_date() */
} RfmLedgerResult;

/*
 * rfm_ledger_read: Read the orders for the dates first to last into *ledger,
 * which lives below mcxt; NULL unless the result is RFM_LEDGER_READ.  As the
 * model's owner, between rfm_owner_enter and rfm_owner_leave.
 */
extern RfmLedgerResult rfm_ledger_read(const RfmModel *model, const RfmSource *source,
									   DateADT first, DateADT last,
									   MemoryContext mcxt, RfmLedger **ledger);

/*
 * rfm_ledger_serves: Does a ledger have what the model, as it is now, needs for
 * a date?
 */
extern bool rfm_ledger_serves(const RfmLedger *ledger, const RfmModel *model,
							  const RfmSource *source, DateADT date);

#endif							/* RFM_READ_LEDGER_READ_H */

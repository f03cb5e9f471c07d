/*-------------------------------------------------------------------------
 *
 * failure.h
 *		The log of failed calls of catch-up and backfill: rfm_failure.
 *
 * Runs a function for a procedure that commits; raises its errors again, and
 * stores a row about them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_FAILURE_H
#define RFM_RUN_FAILURE_H

#include "utils/date.h"

/* The current work; the function that does it fills in the fields. */
typedef struct RfmAttempt
{
	const char *command;		/* catch_up or backfill */
	const char *model;
	int64		id;				/* of the model; 0: not known yet, or none that the
								 * caller may use */
	bool		has_date;
	DateADT		date;			/* under way */
	Oid			target;			/* of the model; InvalidOid: not known yet */
	bool		repeated;		/* the call has started again after a deadlock */
} RfmAttempt;

/*
 * rfm_attempt: do work(arg) in a subtransaction.  If it raises an error, undo it,
 * commit a row of rfm_failure where the model is known, and raise the error
 * again.  For procedures, in a connection of SPI that may commit; the caller
 * commits what succeeded.
 *
 * The first deadlock of a call raises no error: it is undone, what has changed
 * is committed, the call waits for indexes that are being built on the target,
 * and false is returned, for the caller to do the work again from what is
 * committed.
 */
extern bool rfm_attempt(RfmAttempt *attempt, void (*work) (void *arg), void *arg);

#endif							/* RFM_RUN_FAILURE_H */

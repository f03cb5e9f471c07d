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
} RfmAttempt;

/*
 * rfm_attempt: do work(arg) in a subtransaction.  If it raises an error, undo it,
 * commit a row of rfm_failure where the model is known, and raise the error
 * again.  For procedures, in a connection of SPI that may commit; the caller
 * commits what succeeded.
 */
extern void rfm_attempt(RfmAttempt *attempt, void (*work) (void *arg), void *arg);

#endif							/* RFM_RUN_FAILURE_H */

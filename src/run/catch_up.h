/*-------------------------------------------------------------------------
 *
 * catch_up.h
 *		The snapshots that a model owes.
 *
 * What the daily job runs.  Takes a model's name; gives it the snapshots that
 * it has missed since its last one, those that were computed before their day
 * was over, those that its restate asks for, and that of its own run date.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_CATCH_UP_H
#define RFM_RUN_CATCH_UP_H

/* The setting rfm.catch_up_limit: the most dates that one call computes. */
extern int	rfm_catch_up_limit;

/*
 * rfm_catch_up_model: refresh the dates that rfm_internal.owed_dates() names,
 * oldest first, each in a transaction of its own; only the model's own run date
 * where there is no snapshot yet, or where the target holds the newest one
 * only.  Warns of dates that the limit leaves out.  An error ends it at its date;
 * those before stay.
 *
 * To be called within a non-atomic SPI connection, with no snapshot pushed by
 * the caller.
 */
extern void rfm_catch_up_model(const char *model);

#endif							/* RFM_RUN_CATCH_UP_H */

/*-------------------------------------------------------------------------
 *
 * catch_up.h
 *		The snapshots that a model has missed.
 *
 * What the daily job runs.  Takes a model's name; gives it a snapshot of
 * every date since its last one, oldest first, up to today.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_CATCH_UP_H
#define RFM_RUN_CATCH_UP_H

/* The setting rfm.catch_up_limit: the most dates that one call computes. */
extern int	rfm_catch_up_limit;

/*
 * rfm_catch_up_model: refresh every date after the model's last snapshot up to
 * its today, each in a transaction of its own; today alone where there is no
 * snapshot yet, or where the target holds the newest one only.  Warns of dates
 * that the limit leaves out.  An error ends it at its date; those before stay.
 *
 * To be called within a non-atomic SPI connection, with no snapshot pushed by
 * the caller.
 */
extern void rfm_catch_up_model(const char *model);

#endif							/* RFM_RUN_CATCH_UP_H */

/*-------------------------------------------------------------------------
 *
 * catch_up.h
 *		Computing the snapshots that are due for a model.
 *
 * This is what the daily job runs.  Takes a model's name; computes the
 * snapshots that are missing since the last one, those that were computed
 * before their day was over, those that restate covers, and that of the
 * model's own run date.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_CATCH_UP_H
#define RFM_RUN_CATCH_UP_H

/*
 * The setting rfm.catch_up_limit: the maximum number of dates that one call
 * computes.
 */
extern int	rfm_catch_up_limit;

/*
 * rfm_catch_up_model: refresh the dates that rfm_internal.owed_dates() names,
 * oldest first, each in its own transaction; only the model's own run date if
 * there is no snapshot yet, or if the target holds only the newest one.  Warns
 * of dates that the limit leaves out.  An error ends it at its date; earlier
 * dates are kept.
 *
 * To be called within a non-atomic SPI connection, with no snapshot pushed by
 * the caller.
 */
extern void rfm_catch_up_model(const char *model);

#endif							/* RFM_RUN_CATCH_UP_H */

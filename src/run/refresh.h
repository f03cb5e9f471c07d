/*-------------------------------------------------------------------------
 *
 * refresh.h
 *		One refresh: a date's snapshot, from the orders to target and log.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_REFRESH_H
#define RFM_RUN_REFRESH_H

#include "score/snapshot.h"

/*
 * rfm_refresh_model: computes the snapshot of run_date (NULL: the model's own
 * date), makes the target's rows equal to it and logs that; returns the
 * number of customers in it.  Waits for other refreshes of the model.  For
 * the current user, who must be a member of the model's owner.  All of it belongs to the transaction under way, which
 * the caller has made sure may write; no snapshot need be active.
 */
extern int64 rfm_refresh_model(const char *model,
							   const DateADT *run_date);

/*
 * rfm_refresh_write: makes the target's rows equal to a snapshot, and logs
 * that.  The second half of a refresh: what it has read began at started_at.
 */
extern void rfm_refresh_write(RfmSnapshot *snapshot, TimestampTz started_at);

#endif							/* RFM_RUN_REFRESH_H */

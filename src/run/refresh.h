/*-------------------------------------------------------------------------
 *
 * refresh.h
 *		One refresh: computing, writing and logging the snapshot of a date.
 *
 * Takes a model's name and a date; writes the target's rows and a row of the
 * log.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_REFRESH_H
#define RFM_RUN_REFRESH_H

#include "score/snapshot.h"

/*
 * rfm_refresh_model: compute the snapshot of run_date (NULL: the model's own
 * date), make the target's rows equal to it, log that, and return the number
 * of customers in it.  Waits for other refreshes of the model.  For the
 * current user, who must be a member of the model's owner.  Everything belongs
 * to the current transaction, which must not be read-only; no database
 * snapshot need be active.
 */
extern int64 rfm_refresh_model(const char *model,
							   const DateADT *run_date);

/*
 * rfm_refresh_write: make the target's rows equal to a snapshot and log that:
 * the second half of a refresh, whose first began at started_at.
 */
extern void rfm_refresh_write(RfmScoredSnapshot *snapshot, TimestampTz started_at);

#endif							/* RFM_RUN_REFRESH_H */

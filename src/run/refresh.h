/*-------------------------------------------------------------------------
 *
 * refresh.h
 *		One refresh: computing, writing and logging the snapshot of a date.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_REFRESH_H
#define RFM_RUN_REFRESH_H

#include "score/snapshot.h"

/*
 * rfm_refresh_write: make the target's rows equal to a snapshot and log that:
 * the second half of a refresh, whose first began at started_at.
 */
extern void rfm_refresh_write(RfmScoredSnapshot *snapshot, TimestampTz started_at);

#endif							/* RFM_RUN_REFRESH_H */

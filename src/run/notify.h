/*-------------------------------------------------------------------------
 *
 * notify.h
 *		Notifying applications of a new snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_NOTIFY_H
#define RFM_RUN_NOTIFY_H

#include "score/snapshot.h"
#include "target/target.h"

/*
 * rfm_notify_refresh: if the setting says so, send what a refresh has done to
 * the channel rfm, as JSON; it arrives when the transaction commits.
 */
extern void rfm_notify_refresh(const RfmScoredSnapshot *snapshot, const RfmCounts *counts);

#endif							/* RFM_RUN_NOTIFY_H */

/*-------------------------------------------------------------------------
 *
 * run_group.h
 *		The log of the groups of a snapshot, rfm_run_group.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_RUN_GROUP_H
#define RFM_RUN_RUN_GROUP_H

#include "score/snapshot.h"

/*
 * rfm_log_groups: Log the groups of a snapshot, whose run this session has logged
 * last, with their cut points.  What earlier runs logged of groups goes where this
 * run takes its place, or where the target no longer keeps the date.  As the
 * extension's role.
 */
extern void rfm_log_groups(const RfmScoredSnapshot *snapshot);

#endif							/* RFM_RUN_RUN_GROUP_H */

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
 * rfm_log_groups: Write the log of the groups of a snapshot, whose run this
 * session has logged last, and end it.  Rows of groups of earlier runs are
 * deleted if this run replaces them, or if the target no longer has the date.
 * As the extension's role.
 */
extern void rfm_log_groups(RfmScoredSnapshot *snapshot);

#endif							/* RFM_RUN_RUN_GROUP_H */

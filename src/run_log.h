/*-------------------------------------------------------------------------
 *
 * run_log.h
 *		The log of snapshots, rfm_run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_LOG_H
#define RFM_RUN_LOG_H

#include "snapshot.h"
#include "target.h"

/*
 * rfm_run_log: adds the row of a refresh that has been written.  nsp is the
 * extension's schema; run_by the role that asked for the refresh.
 */
extern void rfm_run_log(Oid nsp, const RfmSnapshot *snapshot,
						const RfmCounts *counts, TimestampTz started_at,
						Oid run_by);

#endif							/* RFM_RUN_LOG_H */

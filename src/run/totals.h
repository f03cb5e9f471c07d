/*-------------------------------------------------------------------------
 *
 * totals.h
 *		The totals of snapshots by label: rfm_total.
 *
 * Takes a snapshot that has been written; stores customers, orders and revenue
 * of each segment and comment, and returns them to roles that may read the
 * target.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_TOTALS_H
#define RFM_RUN_TOTALS_H

#include "score/snapshot.h"
#include "target/target.h"

/*
 * rfm_totals_hold: Determine whether the rows of the target will add up to the
 * totals of the snapshot.  They do not if the target keeps other customers,
 * rounds the amounts or has a trigger that changed a row, or if the amounts
 * are floating-point numbers.  counts is what was written.
 */
extern bool rfm_totals_hold(const RfmScoredSnapshot *snapshot, const RfmTarget *target,
							const RfmCounts *counts);

/*
 * rfm_totals_write: Replace the totals of the snapshot's date by those of the
 * snapshot, or delete them unless rfm_totals_hold.
 */
extern void rfm_totals_write(const RfmScoredSnapshot *snapshot, bool hold);

#endif							/* RFM_RUN_TOTALS_H */

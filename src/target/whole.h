/*-------------------------------------------------------------------------
 *
 * whole.h
 *		Whether what was written is the snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_WHOLE_H
#define RFM_TARGET_WHOLE_H

#include "target/diff.h"
#include "target/place.h"

/*
 * rfm_whole_check: check that the differing rows, and no others, were written.
 * diff is what was to be written, and counts what the statements reported.
 * Where code of the target's owner runs for the rows, they are read again:
 * counts->altered are those that hold other values than were written.  That
 * is permitted, with a WARNING.  Raises TRIGGERED_DATA_CHANGE_VIOLATION if rows
 * are missing, or others are there.
 */
extern void rfm_whole_check(RfmRowMaker *maker, const RfmPlace *place,
							const RfmDiff *diff, RfmCounts *counts);

/*
 * rfm_whole_runs_code: determine whether the target or one of its partitions has
 * triggers or rules, which can suppress what a statement writes.
 */
extern bool rfm_whole_runs_code(const RfmTarget *target);

#endif							/* RFM_TARGET_WHOLE_H */

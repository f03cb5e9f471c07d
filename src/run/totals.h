/*-------------------------------------------------------------------------
 *
 * totals.h
 *		The totals of snapshots by label: rfm_total.
 *
 * Takes a snapshot that has been written; keeps customers, orders and money of
 * each segment and comment, and gives them to who may read the target.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_TOTALS_H
#define RFM_RUN_TOTALS_H

#include "nodes/execnodes.h"
#include "score/snapshot.h"
#include "target/target.h"

/*
 * rfm_totals_hold: Tell whether the rows of the target will add up to the totals
 * of the snapshot: not where it keeps other customers, rounds the money or has a
 * trigger that can change a row, or the money is in floating point.  The target
 * must be open.
 */
extern bool rfm_totals_hold(const RfmScoredSnapshot *snapshot, const RfmTarget *target);

/*
 * rfm_totals_write: Replace the totals of the snapshot's date by those of the
 * snapshot; by none, unless they hold.
 */
extern void rfm_totals_write(const RfmScoredSnapshot *snapshot, bool hold);

/* rfm_totals_delete: Delete the totals of a model: its target is another one. */
extern void rfm_totals_delete(int64 model_id);

/*
 * rfm_totals_fetch: Put the totals of the model of that name into
 * rsinfo->setResult, as rows of rfm_internal.snapshot_total.  None where the
 * current user may not SELECT from the whole target, or row security lets them
 * see a part of its rows.  Raises what rfm_access_open raises.
 */
extern void rfm_totals_fetch(const char *model, ReturnSetInfo *rsinfo);

#endif							/* RFM_RUN_TOTALS_H */

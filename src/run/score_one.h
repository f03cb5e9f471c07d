/*-------------------------------------------------------------------------
 *
 * score_one.h
 *		Where one customer stands now: their orders, the last cut points.
 *
 * Takes a model and a customer, reads that customer's orders alone, and gives
 * a snapshot of one, scored by the cut points that the log has of the newest
 * one.
 *
 * A customer whose value equals a cut point is on the side on which the
 * snapshot has those of that value.  Where the method ntile cuts through
 * equal values, those whose key does not come before the customer that the
 * score began with have it: as in the snapshot, for who is in it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_SCORE_ONE_H
#define RFM_RUN_SCORE_ONE_H

#include "score/snapshot.h"

/*
 * rfm_score_now: false where no order of the customer counts, or the model
 * leaves them out.  customer is the key as text.
 * The snapshot has no scores: the customer's cell is *cell, and *cut_date the
 * date of the snapshot that the cut points are from.  Works as the model's
 * owner; results in the current context.  Raises
 * OBJECT_NOT_IN_PREREQUISITE_STATE where there is no snapshot yet, or only
 * one with other buckets.
 */
extern bool rfm_score_now(const RfmModel *model, const char *customer,
						  RfmSnapshot *snapshot, RfmCell *cell, DateADT *cut_date);

#endif							/* RFM_RUN_SCORE_ONE_H */

/*-------------------------------------------------------------------------
 *
 * score_one.h
 *		The scores of one customer as of now.
 *
 * Takes a model and a customer, reads that customer's orders alone, and gives
 * a snapshot of one customer, scored by the cut points that are logged for the
 * newest snapshot.
 *
 * A value that equals a cut point has the score that it has in the newest
 * snapshot.  Where the method ntile gives equal values different scores, the
 * customer's key decides, as it does in the snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_SCORE_ONE_H
#define RFM_RUN_SCORE_ONE_H

#include "score/snapshot.h"

/*
 * rfm_score_customer: score the customer with this key, given as text.  The
 * snapshot has no scores: the customer's cell is *cell, and *cut_date the date
 * of the snapshot that the cut points are from.  Returns false where no order of
 * the customer counts, or the model leaves them out.  Works as the model's
 * owner; results in the current context.  Raises
 * OBJECT_NOT_IN_PREREQUISITE_STATE where there is no snapshot yet, or only one
 * with other buckets.
 */
extern bool rfm_score_customer(const RfmModel *model, const char *customer,
							   RfmScoredSnapshot *snapshot, RfmCell *cell, DateADT *cut_date);

#endif							/* RFM_RUN_SCORE_ONE_H */

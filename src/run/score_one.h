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

typedef struct RfmScoredCustomer
{
	RfmScoredSnapshot snapshot; /* one customer, in each group that they are in; no scores */
	RfmCell    *cell;			/* one per row; 0: another group, or one without cut points */
	DateADT		cut_date;		/* of the snapshot that the cut points are from */
} RfmScoredCustomer;

/*
 * rfm_score_customer: score the customer with this key, given as text, in one
 * group, given as text, or in every one (NULL).  There are no rows where no order
 * of the customer counts, or the model leaves them out.  Works as the model's
 * owner; results in the current context.  Raises
 * OBJECT_NOT_IN_PREREQUISITE_STATE where there is no snapshot yet, or only one
 * with other buckets, and INVALID_PARAMETER_VALUE for a group of a model that has
 * none.
 */
extern void rfm_score_customer(const RfmModel *model, const char *customer,
							   const char *score_group, RfmScoredCustomer *scored);

#endif							/* RFM_RUN_SCORE_ONE_H */

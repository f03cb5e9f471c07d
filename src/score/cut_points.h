/*-------------------------------------------------------------------------
 *
 * cut_points.h
 *		What each score covers, as it is logged.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_CUT_POINTS_H
#define RFM_SCORE_CUT_POINTS_H

#include "score/scores.h"

/*
 * rfm_cut_points_json: Return the cut points of a snapshot and what each score
 * covers, as the JSON text that rfm_run keeps, palloc'd.
 */
extern char *rfm_cut_points_json(const RfmModel *model,
								 const RfmCustomers *customers,
								 const RfmScores *scores);

#endif							/* RFM_SCORE_CUT_POINTS_H */

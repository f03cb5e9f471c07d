/*-------------------------------------------------------------------------
 *
 * groups.h
 *		Scores within groups, and what is logged of each group.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_GROUPS_H
#define RFM_SCORE_GROUPS_H

#include "score/scores.h"
#include "utils/tuplestore.h"

/*
 * The log of groups: a row for each, with the columns score_group, customers,
 * orders and cut_points.  A million groups have more cut points than fit into
 * memory; beyond work_mem they go to a temporary file.
 */
typedef struct RfmGroupLog
{
	Tuplestorestate *rows;
	TupleDesc	desc;
} RfmGroupLog;

/* rfm_group_log_create: Make an empty log in the current context. */
extern RfmGroupLog *rfm_group_log_create(void);

/* rfm_group_log_end: Free it, and its file. */
extern void rfm_group_log_end(RfmGroupLog *log);

/*
 * rfm_groups_build: Score every customer within their group, as rfm_scores_build
 * does among all.  log may be NULL.  What it takes is text of the types of group
 * and customer: as the model's owner, between rfm_owner_enter and rfm_owner_leave.
 */
extern RfmScores *rfm_groups_build(const RfmModel *model, const RfmCustomers *customers,
								   RfmGroupLog *log);

#endif							/* RFM_SCORE_GROUPS_H */

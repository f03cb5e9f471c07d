/*-------------------------------------------------------------------------
 *
 * pushdown_cuts.h
 *		From summaries of all shards to cut points, and to what the log needs.
 *
 * Takes a function that asks all shards, and gives the cut points as bounds
 * of a request, exact for every method.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_PUSHDOWN_CUTS_H
#define RFM_PUSHDOWN_CUTS_H

#include "rank_summary.h"
#include "score.h"

/* Asks all shards; NULL where there is no customer at all. */
typedef RfmRankSummary *(*RfmAskShards) (void *arg, RfmRankRequest *request);

typedef struct RfmPushdownCuts
{
	RfmRankSummary *first;		/* the first answer; NULL: no order counts */
	int			passes;			/* how often the shards were asked */
	RfmRankRequest cuts;		/* the cut points are its bounds */
	RfmRankKey	lower[RFM_AXES][RFM_MAX_CUTS];	/* RFM_QUANTILE: neighbours */
	RfmRankKey	upper[RFM_AXES][RFM_MAX_CUTS];
} RfmPushdownCuts;

/*
 * rfm_pushdown_find_cuts: asks until the cut points are exact.  size is the
 * number of bytes that the answer of a shard may take for an axis.  Raises
 * SERIALIZATION_FAILURE.
 */
extern void rfm_pushdown_find_cuts(const RfmModel *model, const RfmSource *source,
								   int64 size, RfmAskShards ask, void *arg,
								   RfmPushdownCuts *result);

/*
 * rfm_pushdown_describe: customers and scores of a snapshot as far as the log
 * needs them, from what all shards answer to the cuts at the end.  Raises
 * SERIALIZATION_FAILURE where that is of other orders than the cuts are.
 */
extern void rfm_pushdown_describe(const RfmModel *model, RfmPushdownCuts *cuts,
								  RfmRankSummary *last, DateADT run_date,
								  RfmCustomers **customers, RfmScores **scores);

#endif							/* RFM_PUSHDOWN_CUTS_H */

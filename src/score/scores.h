/*-------------------------------------------------------------------------
 *
 * scores.h
 *		Scores and segments.
 *
 * Takes the customers of a snapshot and gives each a cell of the score cube;
 * everything else about a customer's scores (the three scores, their sum, the
 * labels) follows from the cell, and is looked up by it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_SCORES_H
#define RFM_SCORE_SCORES_H

#include "score/customers.h"

/* A cell: the three scores, four bits each. */
typedef uint16 RfmCell;

#define RFM_CELLS (1 << 12)
#define RFM_CELL(r, f, m) ((RfmCell) ((r) << 8 | (f) << 4 | (m)))
#define RFM_CELL_R(cell) ((cell) >> 8)
#define RFM_CELL_F(cell) (((cell) >> 4) & 15)
#define RFM_CELL_M(cell) ((cell) & 15)

/* What one score of one axis covers in a snapshot. */
typedef struct RfmScoreRange
{
	int64		customers;
	int64		lowest;			/* codes; meaningless without customers */
	int64		highest;
	int64		first;			/* the first customer, by (code, key): ntile */
} RfmScoreRange;

typedef struct RfmScores
{
	RfmCell    *cell;			/* one per customer */

	/* of all of them, or of the last group that was scored */
	RfmCuts		cuts[RFM_AXES];
	RfmQuantile quantile[RFM_AXES][RFM_MAX_CUTS];	/* RFM_QUANTILE, RFM_PERCENTILE */
	RfmScoreRange range[RFM_AXES][RFM_MAX_BUCKETS];
} RfmScores;

/*
 * rfm_scores_build: Find the cut points and score every customer, among all or,
 * where they have groups, in each group by itself.  The result is allocated in
 * the current context.
 */
extern RfmScores *rfm_scores_build(const RfmModel *model,
								   const RfmCustomers *customers);

/* A group of a snapshot, as a snapshot of its own. */
typedef struct RfmGroup
{
	RfmCustomers customers;		/* whose arrays are parts of the snapshot's */
	RfmScores	scores;			/* and so are the cells */
	int64		end;			/* where the group ends in the snapshot */
} RfmGroup;

/*
 * rfm_next_group: Score the group after the one in group, the first one if
 * that is all zeros; cell are the cells of the snapshot.  Returns false after
 * the last.  Scoring a group again, to get its cut points, gives the same
 * cells.
 */
extern bool rfm_next_group(const RfmModel *model, const RfmCustomers *customers,
						   RfmCell *cell, RfmGroup *group);

/*
 * rfm_cell_text: Return the three scores as text, palloc'd: 555, or 10-9-10 where a
 * score can have two digits.
 */
extern char *rfm_cell_text(const RfmModel *model, RfmCell cell);

/* rfm_cell_weighted: Return the sum of the scores, weighted as the model says. */
extern int64 rfm_cell_weighted(const RfmModel *model, RfmCell cell);

#endif							/* RFM_SCORE_SCORES_H */

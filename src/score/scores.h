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

	/* of those that were scored among themselves; within groups, unused here */
	RfmCuts		cuts[RFM_AXES];
	RfmQuantile quantile[RFM_AXES][RFM_MAX_CUTS];	/* RFM_QUANTILE, RFM_PERCENTILE */
	RfmScoreRange range[RFM_AXES][RFM_MAX_BUCKETS];
} RfmScores;

/*
 * rfm_scores_create: Make scores of n customers, all of them 0, in the current
 * context.
 */
extern RfmScores *rfm_scores_create(int64 n);

/*
 * rfm_scores_fill: Find the cut points of customers and score them among
 * themselves.  Their cells must be 0.
 */
extern void rfm_scores_fill(const RfmModel *model, const RfmCustomers *customers,
							RfmScores *scores);

/* rfm_scores_build: Make the scores of all customers, among all of them. */
extern RfmScores *rfm_scores_build(const RfmModel *model,
								   const RfmCustomers *customers);

/*
 * rfm_cell_text: Return the three scores as text, palloc'd: 555, or 10-9-10 where a
 * score can have two digits.
 */
extern char *rfm_cell_text(const RfmModel *model, RfmCell cell);

/* rfm_cell_weighted: Return the sum of the scores, weighted as the model says. */
extern int64 rfm_cell_weighted(const RfmModel *model, RfmCell cell);

#endif							/* RFM_SCORE_SCORES_H */

/*-------------------------------------------------------------------------
 *
 * diff.h
 *		The difference between a snapshot and the rows of its target.
 *
 * Takes a snapshot's customers; determines what must be written for each of
 * them, and which customers only the target has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_DIFF_H
#define RFM_TARGET_DIFF_H

#include "target/row.h"
#include "utils/tuplestore.h"

/* What must be done for a row of the snapshot. */
typedef enum RfmRowState
{
	RFM_ROW_NEW,
	RFM_ROW_SAME,
	RFM_ROW_CHANGED
} RfmRowState;

/* The position in the target of a changed row. */
typedef struct RfmChangedRow
{
	int64		row;
	ItemPointerData tid;
} RfmChangedRow;

typedef struct RfmDiff
{
	uint8	   *state;			/* RfmRowState, one per customer */
	int64		nsame;
	int64		nchanged;
	RfmChangedRow *changed;		/* nchanged of them; NULL: none, or too many to list */
	int64		nnull;			/* rows of the target without a customer */
	int64		ngone;
	Tuplestorestate *gone;		/* target keys of customers not in the snapshot */
	TupleDesc	gone_desc;		/* c1, and c2 with groups, as in write.c */
} RfmDiff;

/*
 * rfm_diff_build: read the target's rows of the snapshot's run date (all rows
 * where it has no such column) and compare them.  With active_snapshot uses the
 * active database snapshot, to check on a comparison; else one taken now, and what
 * is the same counts as progress.  Results in the current context.  Raises
 * UNIQUE_VIOLATION where two customers would have one row, or one has two.
 */
extern void rfm_diff_build(RfmRowMaker *maker, bool active_snapshot,
						   RfmDiff *diff);

/*
 * rfm_diff_again: compare once more, with what the target holds by now.  Of
 * *now the states, which the caller frees, and the counts remain.
 */
extern void rfm_diff_again(RfmRowMaker *maker, RfmDiff *now);

#endif							/* RFM_TARGET_DIFF_H */

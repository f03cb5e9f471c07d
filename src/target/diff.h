/*-------------------------------------------------------------------------
 *
 * diff.h
 *		The difference between a snapshot and the rows of its target.
 *
 * Takes a snapshot's customers; gives what each of them needs to have written,
 * and the customers that only the target has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_DIFF_H
#define RFM_TARGET_DIFF_H

#include "target/row.h"
#include "utils/tuplestore.h"

/* What a row of the snapshot needs. */
typedef enum RfmRowState
{
	RFM_ROW_NEW,
	RFM_ROW_SAME,
	RFM_ROW_CHANGED
} RfmRowState;

/* Where the target has a row that changed. */
typedef struct RfmChangedRow
{
	int64		row;
	ItemPointerData tid;
} RfmChangedRow;

typedef struct RfmDiff
{
	uint8	   *state;			/* RfmRowState, one a customer */
	int64		nsame;
	int64		nchanged;
	RfmChangedRow *changed;		/* nchanged of them; NULL: none, or too many to list */
	int64		nnull;			/* rows of the target without a customer */
	int64		ngone;
	Tuplestorestate *gone;		/* target keys of customers not in the snapshot */
	TupleDesc	gone_desc;		/* one column, c1, as in write.c */
} RfmDiff;

/*
 * rfm_diff_build: read the target's rows of the snapshot's run date (all rows
 * where it has no such column) and compare them.  Uses the active database
 * snapshot or, unless active_snapshot, one taken now.  Results in the current
 * context.
 */
extern void rfm_diff_build(RfmRowMaker *maker, bool active_snapshot,
						   RfmDiff *diff);

#endif							/* RFM_TARGET_DIFF_H */

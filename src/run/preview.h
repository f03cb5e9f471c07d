/*-------------------------------------------------------------------------
 *
 * preview.h
 *		A snapshot as rows of SQL, without a target: rfm_preview().
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_PREVIEW_H
#define RFM_RUN_PREVIEW_H

#include "score/snapshot.h"

#define RFM_PREVIEW_COLUMNS 14

/*
 * rfm_preview_row: fill in a row of rfm_preview(): customer i of a snapshot, with
 * the scores of a cell, in the current context.
 */
extern void rfm_preview_row(const RfmScoredSnapshot *snapshot, int64 i, RfmCell cell,
							Datum *values, bool *nulls);

#endif							/* RFM_RUN_PREVIEW_H */

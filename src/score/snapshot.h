/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *		A snapshot in memory: from a model to scored, labelled customers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_SNAPSHOT_H
#define RFM_SCORE_SNAPSHOT_H

#include "progress/progress.h"
#include "score/scores.h"

typedef struct RfmSnapshot
{
	const RfmModel *model;
	RfmSource	source;
	DateADT		run_date;
	RfmCustomers *customers;
	RfmScores  *scores;
	char	  **segment;		/* labels by cell; NULL: no rule set */
	char	  **comment;
	RfmProgress progress;
	const char *backfill;		/* the call it belongs to, as JSON; NULL: none */
} RfmSnapshot;

/*
 * rfm_snapshot_compute: reads, sorts and scores.  run_date NULL means the
 * model's own: today, or the date of the latest order.  Works as the model's owner with the active snapshot;
 * results in the current context.
 */
extern void rfm_snapshot_compute(const RfmModel *model,
								 const DateADT *run_date,
								 RfmSnapshot *snapshot);

/*
 * rfm_snapshot_begin, rfm_snapshot_finish: the same in two parts, for orders
 * that come otherwise.  Between them source and run_date are to be filled in,
 * and the date shown; collector may be NULL (no orders), and goes.
 */
extern void rfm_snapshot_begin(const RfmModel *model,
							   RfmSnapshot *snapshot);
extern void rfm_snapshot_finish(RfmSnapshot *snapshot, RfmCollector *collector);

/* rfm_snapshot_check_date: raises DATETIME_VALUE_OUT_OF_RANGE. */
extern void rfm_snapshot_check_date(DateADT run_date);

/*
 * rfm_snapshot_default_date: the date that a refresh without one is for.  As
 * the model's owner.
 */
extern DateADT rfm_snapshot_default_date(const RfmModel *model,
										 const RfmSource *source);

#endif							/* RFM_SCORE_SNAPSHOT_H */

/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *		A snapshot in memory: scored and labelled customers of a model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_SNAPSHOT_H
#define RFM_SCORE_SNAPSHOT_H

#include "progress/progress.h"
#include "score/groups.h"

typedef struct RfmScoredSnapshot
{
	const RfmModel *model;
	RfmSource	source;
	DateADT		run_date;
	RfmCustomers *customers;
	RfmScores  *scores;
	RfmGroupLog *group_log;		/* NULL: no groups, or they are not logged */
	char	  **segment;		/* labels by cell; NULL: no rule set */
	char	  **comment;
	bool		spilled;		/* customers went to temporary files */
	Size		memory;			/* bytes that the customers took at most */
	RfmProgress progress;
	const char *backfill;		/* the call it belongs to, as JSON; NULL: none */
} RfmScoredSnapshot;

/*
 * rfm_snapshot_compute: Read, sort and score the orders for run_date; NULL: for
 * rfm_snapshot_default_date().  Works as the model's owner, with the active
 * database snapshot.  The results are allocated in the current context.
 *
 * score_group: only its orders are read; NULL: those of all.  logged: what is
 * to be logged of groups is kept.  Raises the errors of rfm_source_only_group.
 */
extern void rfm_snapshot_compute(const RfmModel *model, const DateADT *run_date,
								 const char *score_group, bool logged,
								 RfmScoredSnapshot *snapshot);

/*
 * rfm_snapshot_begin, rfm_snapshot_finish: Do the same in two parts, for orders
 * that are collected otherwise.  In between the caller fills in source and
 * run_date, and shows the date (rfm_progress_date).  collector may be NULL (no
 * orders), and is freed.
 */
extern void rfm_snapshot_begin(const RfmModel *model,
							   RfmScoredSnapshot *snapshot);
extern void rfm_snapshot_finish(RfmScoredSnapshot *snapshot, RfmCollector *collector,
								bool logged);

/*
 * rfm_snapshot_check_date: Raise DATETIME_VALUE_OUT_OF_RANGE for a run date that
 * is infinite, or too late for order times to be compared with its end.
 */
extern void rfm_snapshot_check_date(DateADT run_date);

/*
 * rfm_snapshot_default_date: Return the run date of a refresh that is given
 * none, as the model's as_of says.  As the model's owner.
 */
extern DateADT rfm_snapshot_default_date(const RfmModel *model,
										 const RfmSource *source);

#endif							/* RFM_SCORE_SNAPSHOT_H */

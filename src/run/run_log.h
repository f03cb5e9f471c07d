/*-------------------------------------------------------------------------
 *
 * run_log.h
 *		The log of snapshots, rfm_run.
 *
 * Stores the results of a refresh as a row, and returns dates of a model's
 * rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_RUN_LOG_H
#define RFM_RUN_RUN_LOG_H

#include "score/snapshot.h"
#include "target/target.h"

/*
 * rfm_run_log: add the row of a refresh that has been written, with the counts
 * of its rows. run_by is the role that called the refresh.  Deletes older rows
 * of the model as rfm.log_retention_days says.  Ends the log of groups.
 */
extern void rfm_run_log(RfmScoredSnapshot *snapshot,
						const RfmCounts *counts, TimestampTz started_at,
						Oid run_by);

/*
 * rfm_run_newest: find the model's last run or, by_date, the last one of its
 * newest date.  Returns false where the log has none.  run_id may be NULL.  Uses
 * the active database snapshot.
 */
extern bool rfm_run_newest(const RfmModel *model, bool by_date,
						   int64 *run_id, DateADT *date);

/*
 * rfm_run_last_date: find the newest date, up to not_after, that a refresh of
 * the model is logged for.  Returns false if there is none.  Uses the active
 * database snapshot.
 */
extern bool rfm_run_last_date(const RfmModel *model, DateADT not_after,
							  DateADT *date);

/*
 * rfm_run_last_backfill: find the run date of the newest row of the model's
 * last backfill.  Returns false unless that was the one described by this JSON
 * text.  Uses the active database snapshot.
 */
extern bool rfm_run_last_backfill(const RfmModel *model, const char *backfill,
								  DateADT *date);

#endif							/* RFM_RUN_RUN_LOG_H */

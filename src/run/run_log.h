/*-------------------------------------------------------------------------
 *
 * run_log.h
 *		The log of snapshots, rfm_run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_LOG_H
#define RFM_RUN_LOG_H

#include "score/snapshot.h"
#include "target/target.h"

/*
 * rfm_run_log: adds the row of a refresh that has been written.  run_by is
 * the role that asked for the refresh.
 */
extern void rfm_run_log(const RfmSnapshot *snapshot,
						const RfmCounts *counts, TimestampTz started_at,
						Oid run_by);

/*
 * rfm_run_newest: the model's last run or, by_date, the last one of its newest
 * date; false where the log has none.  run_id may be NULL.  By the active
 * snapshot.
 */
extern bool rfm_run_newest(const RfmModel *model, bool by_date,
						   int64 *run_id, DateADT *date);

/*
 * rfm_run_last_date: the newest date, up to not_after, that a refresh of the
 * model is logged for; false where there is none.  By the active snapshot.
 */
extern bool rfm_run_last_date(const RfmModel *model, DateADT not_after,
							  DateADT *date);

/*
 * rfm_run_last_backfill: the run date of the newest row of the model's last
 * backfill, if that was the one described by this JSON text.
 */
extern bool rfm_run_last_backfill(const RfmModel *model, const char *backfill,
								  DateADT *date);

#endif							/* RFM_RUN_LOG_H */

/*-------------------------------------------------------------------------
 *
 * retention.h
 *		Removal of snapshots that are older than a model's retention.
 *
 * A model's retention counts back from the newest run date in its target.
 * Snapshots that are that old, or older, are removed at the end of a refresh, in
 * its transaction: whole partitions by DROP, the rest by DELETE.  Dates in the
 * future do not count as the newest: a mistyped year must not cost the history.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_RETENTION_H
#define RFM_TARGET_RETENTION_H

#include "target/target.h"

/*
 * rfm_retention_check: check that the model may have its retention with this
 * target.  Raises INVALID_PARAMETER_VALUE for a target without run dates, and
 * DATATYPE_MISMATCH for one whose run date is not of type date.
 */
extern void rfm_retention_check(const RfmModel *model, const RfmTarget *target);

/*
 * rfm_retention_first: return the first date whose snapshot the target would
 * keep if it had one of run_date; minus infinity where it keeps all.  As the
 * model's owner; calendar is that of the source.
 */
extern DateADT rfm_retention_first(const RfmModel *model, const RfmTarget *target,
								   const RfmCalendar *calendar, DateADT run_date);

/*
 * rfm_retention_check_date: raise INVALID_PARAMETER_VALUE for a run date whose
 * snapshot would be removed as soon as it is written.  As the model's owner;
 * calendar is that of the source.
 */
extern void rfm_retention_check_date(const RfmModel *model, const RfmTarget *target,
									 const RfmCalendar *calendar, DateADT run_date);

/*
 * rfm_retention_apply: remove what is older than the model's retention, and
 * return the number of run dates removed.  As the model's owner, with the target
 * locked; calendar is that of the source.
 */
extern int64 rfm_retention_apply(const RfmModel *model, const RfmTarget *target,
								 const RfmCalendar *calendar);

#endif							/* RFM_TARGET_RETENTION_H */

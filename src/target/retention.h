/*-------------------------------------------------------------------------
 *
 * retention.h
 *		How long a target keeps its snapshots.
 *
 * A model's retention counts back from the newest run date of its target;
 * what is that old or older goes at the end of a refresh, in its transaction:
 * whole partitions by DROP, the rest by DELETE.  The days that have not come
 * yet do not count as the newest: a mistyped year must not cost the history.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_RETENTION_H
#define RFM_TARGET_RETENTION_H

#include "target/target.h"

/*
 * rfm_retention_check: does the target suit the model's retention?  Raises
 * INVALID_PARAMETER_VALUE and DATATYPE_MISMATCH.
 */
extern void rfm_retention_check(const RfmModel *model, const RfmTarget *target);

/*
 * rfm_retention_check_date: a snapshot that would have to go at once is not
 * written: raises INVALID_PARAMETER_VALUE.  As the model's owner; calendar is
 * that of the source.
 */
extern void rfm_retention_check_date(const RfmModel *model, const RfmTarget *target,
									 const RfmCalendar *calendar, DateADT run_date);

/*
 * rfm_retention_apply: removes what is older than the model's retention, with
 * the target locked, as the model's owner.  Returns how many run dates went.
 */
extern int64 rfm_retention_apply(const RfmModel *model, const RfmTarget *target,
								 const RfmCalendar *calendar);

#endif							/* RFM_TARGET_RETENTION_H */

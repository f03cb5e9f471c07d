/*-------------------------------------------------------------------------
 *
 * dependence.h
 *		Models whose orders depend on who refreshes.
 *
 * Row security, and settings that a view reads, can make the same query see other
 * orders in another session.  Takes a model with its source; says so, or keeps
 * a refresh from taking orders that it cannot see for gone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_DEPENDENCE_H
#define RFM_RUN_DEPENDENCE_H

#include "score/snapshot.h"
#include "target/target.h"

/*
 * rfm_dependence_report: say it with a NOTICE where which orders of a model count
 * depends on row security, or on settings of the session.  As the model's owner.
 */
extern void rfm_dependence_report(const RfmModel *model, const RfmSource *source);

/*
 * rfm_dependence_check: raise OBJECT_NOT_IN_PREREQUISITE_STATE where a snapshot
 * without any order would take all rows of its date from the target, and which
 * orders count may depend on the session.  As the model's owner.
 */
extern void rfm_dependence_check(const RfmScoredSnapshot *snapshot, const RfmTarget *target);

#endif							/* RFM_RUN_DEPENDENCE_H */

/*-------------------------------------------------------------------------
 *
 * dependence.h
 *		Models whose orders depend on the session that refreshes.
 *
 * Row security, and settings that a view reads, can make the same query see
 * other orders in another session.  Takes a model with its source; reports
 * this, or prevents a refresh from treating orders that it cannot see as
 * deleted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_DEPENDENCE_H
#define RFM_RUN_DEPENDENCE_H

#include "score/snapshot.h"
#include "target/target.h"

/*
 * rfm_dependence_report: raise a NOTICE if row security or settings of the
 * session determine which orders of a model count.  As the model's owner.
 */
extern void rfm_dependence_report(const RfmModel *model, const RfmSource *source);

/*
 * rfm_dependence_check: raise OBJECT_NOT_IN_PREREQUISITE_STATE where a snapshot
 * without any order would take all rows of its date from the target, and which
 * orders count may depend on the session.  As the model's owner.
 */
extern void rfm_dependence_check(const RfmScoredSnapshot *snapshot, const RfmTarget *target);

#endif							/* RFM_RUN_DEPENDENCE_H */

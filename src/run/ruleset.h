/*-------------------------------------------------------------------------
 *
 * ruleset.h
 *		Rule sets: rights to change and use them, and their removal.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_RULESET_H
#define RFM_RUN_RULESET_H

#include "model/model.h"

/*
 * rfm_ruleset_buckets: determine the bucket counts of a rule set, indexed as
 * axes are.  Raises UNDEFINED_OBJECT.
 */
extern void rfm_ruleset_buckets(const char *ruleset, int *buckets);

/*
 * rfm_ruleset_check_model: raise an error unless ruleset, NULL for none, exists
 * and is made for the buckets of the model; keep it from being dropped until the
 * end of the transaction.  Raises UNDEFINED_OBJECT and INVALID_PARAMETER_VALUE.
 */
extern void rfm_ruleset_check_model(const char *ruleset, const RfmModel *model);

/*
 * rfm_ruleset_expect: while pg_restore loads several tables at once, make sure
 * that a row of ruleset, NULL for none, can be referred to: make one where there
 * is none yet, which the trigger of rfm_ruleset replaces when it comes.
 */
extern void rfm_ruleset_expect(const char *ruleset);

#endif							/* RFM_RUN_RULESET_H */

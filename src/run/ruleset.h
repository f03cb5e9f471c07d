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
 * rfm_ruleset_own: find a rule set that the current user may change, and lock
 * its row until the end of the transaction, so that it keeps its owner.  Return
 * its buckets, an int4[] of three, palloc'd.  Raises UNDEFINED_OBJECT, and
 * INSUFFICIENT_PRIVILEGE for a shipped rule set or one of another role.
 */
extern Datum rfm_ruleset_own(const char *ruleset);

/*
 * rfm_ruleset_buckets: determine the bucket counts of a rule set, indexed as
 * axes are.  Raises UNDEFINED_OBJECT.
 */
extern void rfm_ruleset_buckets(const char *ruleset, int *buckets);

/*
 * rfm_ruleset_drop: remove a rule set and its rules.  Raises what
 * rfm_ruleset_own raises, and DEPENDENT_OBJECTS_STILL_EXIST while a model uses
 * it.
 */
extern void rfm_ruleset_drop(const char *ruleset);

/*
 * rfm_rule_drop: remove the rule of that priority.  Raises what
 * rfm_ruleset_own raises, and UNDEFINED_OBJECT where there is no such rule.
 */
extern void rfm_rule_drop(const char *ruleset, int32 priority);

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

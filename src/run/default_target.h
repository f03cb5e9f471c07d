/*-------------------------------------------------------------------------
 *
 * default_target.h
 *		Checking whether another model has written the target of the default model.
 *
 * The default model is created automatically, and uses an existing table as it
 * is.  A backup of the shop's schema has that table, but neither the model nor
 * its rule sets, so that a different model might be created.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_DEFAULT_TARGET_H
#define RFM_RUN_DEFAULT_TARGET_H

/*
 * rfm_default_target_check: called before the model default is made for a role,
 * with the statement that would make it.  Two things tell that the target is
 * another model's: the view of the newest snapshot that comes with a model, and
 * segments in the newest snapshot that the rule set does not know.  For both
 * raises OBJECT_NOT_IN_PREREQUISITE_STATE, for the view a NOTICE, for the segments
 * a WARNING.
 */
extern void rfm_default_target_check(Oid owner, const char *statement);

#endif							/* RFM_RUN_DEFAULT_TARGET_H */

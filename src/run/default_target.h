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
 * rfm_default_target_check: check the target before the model default is
 * created for a role; the statement that would create the model is for the
 * hint.  Raises OBJECT_NOT_IN_PREREQUISITE_STATE if the target has a view of
 * the newest snapshot, which belongs to a model.  Raises a WARNING if the
 * newest snapshot has segments that the model's rule set does not know.
 */
extern void rfm_default_target_check(Oid owner, const char *statement);

#endif							/* RFM_RUN_DEFAULT_TARGET_H */

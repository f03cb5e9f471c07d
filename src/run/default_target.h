/*-------------------------------------------------------------------------
 *
 * default_target.h
 *		Has the target of the default model been written by another model?
 *
 * The default model is made by itself, and takes a table that exists as it is.  A
 * backup of the shop's schema has that table, but neither the model nor its rule
 * sets: what would be made is another model than the one that was.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_DEFAULT_TARGET_H
#define RFM_RUN_DEFAULT_TARGET_H

/*
 * rfm_default_target_check: called before the model default is made for a role,
 * with the statement that would make it.  Raises OBJECT_NOT_IN_PREREQUISITE_STATE
 * where the view of the newest snapshot that comes with a model lies beside the
 * target.  Raises a WARNING where the newest snapshot has segments that the
 * model's rule set does not know.
 */
extern void rfm_default_target_check(Oid owner, const char *statement);

#endif							/* RFM_RUN_DEFAULT_TARGET_H */

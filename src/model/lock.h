/*-------------------------------------------------------------------------
 *
 * lock.h
 *		Who may use a model, and one refresh of it at a time.
 *
 * A model is told apart by its number, which nobody chooses, never by its
 * name or a hash of it: whoever has another model, or had one of the same
 * name, is in nobody's way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_LOCK_H
#define RFM_LOCK_H

/*
 * rfm_model_peek: what the lock of a model needs to know, as committed now,
 * without a snapshot of the transaction; false where there is no such model.
 */
extern bool rfm_model_peek(const char *name, int64 *id, Oid *owner);

/*
 * rfm_model_check_user: an error unless the current user may use a model of
 * that owner.  Raises UNDEFINED_OBJECT where the owner has been dropped, and
 * INSUFFICIENT_PRIVILEGE.
 */
extern void rfm_model_check_user(const char *name, Oid owner);

/*
 * rfm_model_lock: one refresh of a model at a time; waits as lock_timeout
 * allows, until the end of the transaction.  Keeps the model's row from being
 * deleted, too.  For who may use the model.  Id 0 stands for the default model
 * while there is none.
 */
extern void rfm_model_lock(int64 id);

#endif							/* RFM_LOCK_H */

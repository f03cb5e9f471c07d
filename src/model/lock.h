/*-------------------------------------------------------------------------
 *
 * lock.h
 *		The right to use a model, and the lock of its refreshes.
 *
 * Takes a model's name or number.  The lock uses the number, which no role can
 * choose, rather than the name or a hash of it, so that it never conflicts
 * with that of another model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_MODEL_LOCK_H
#define RFM_MODEL_LOCK_H

/*
 * rfm_model_peek: look up the number and owner of a model, as committed now,
 * without taking the transaction's snapshot.  Returns false where there is no
 * such model.
 */
extern bool rfm_model_peek(const char *name, int64 *id, Oid *owner);

/*
 * rfm_model_check_user: raise INSUFFICIENT_PRIVILEGE unless the current user may
 * use a model of that owner, and UNDEFINED_OBJECT where the owner has been
 * dropped.
 */
extern void rfm_model_check_user(const char *name, Oid owner);

/*
 * rfm_model_lock: lock a model until the end of the transaction, so that it is
 * refreshed once at a time and its row not deleted.  Waits as lock_timeout
 * allows.  For users that may use the model: that is not checked here.  Id 0
 * stands for the default model while there is none.
 */
extern void rfm_model_lock(int64 id);

#endif							/* RFM_MODEL_LOCK_H */

/*-------------------------------------------------------------------------
 *
 * define_model.h
 *		Models by name: who may use them, checking them, the default one by itself.
 *
 * Takes a model's name, or the columns of rfm_model as a user gives them; finds
 * what they name and checks that it fits together.  The model `default` is
 * created here when it is first asked for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_DEFINE_MODEL_H
#define RFM_RUN_DEFINE_MODEL_H

#include "model/model.h"

/*
 * rfm_model_load: return the model of that name, for the current user.  The
 * model `default` is created from ecom.orders where it does not exist; unless
 * store, it is only put together, not stored, and has no target.  Raises
 * UNDEFINED_OBJECT for an unknown model or owner, INSUFFICIENT_PRIVILEGE for a
 * model whose owner the current user is no member of.
 */
extern RfmModel *rfm_model_load(const char *name, bool store);

/*
 * rfm_model_begin: the same for who is about to write its snapshots: waits for
 * the model's other refreshes, as lock_timeout allows, and holds them off
 * until the end of the transaction.  Pushes the snapshot to go on with, taken
 * after the wait: one from before would miss what was waited for.
 */
extern RfmModel *rfm_model_begin(const char *name);

/*
 * rfm_model_continue: rfm_model_begin for the next of several transactions that
 * belong together.  *id is the model's number, 0 before the first of them.
 * Raises OBJECT_NOT_IN_PREREQUISITE_STATE where the name has come to be that
 * of another model.
 */
extern RfmModel *rfm_model_continue(const char *name, int64 *id);

/*
 * rfm_model_check: check all of a model that can be checked without reading
 * orders: source, rights, rule sets, target.  Works as its owner.
 */
extern void rfm_model_check(const RfmModel *model);

#endif							/* RFM_RUN_DEFINE_MODEL_H */

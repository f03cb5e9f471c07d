/*-------------------------------------------------------------------------
 *
 * define_model.h
 *		Models by name: rights and checks.
 *
 * Takes a model's name, or the columns of rfm_model as a user writes them;
 * looks up the objects that they name and checks that they fit together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_DEFINE_MODEL_H
#define RFM_RUN_DEFINE_MODEL_H

#include "model/model.h"

/*
 * rfm_model_load: return the model of that name, for the current user.  The
 * model `default` is created from ecom.orders where it does not exist; unless
 * store, it is not stored, and has no target.  Raises UNDEFINED_OBJECT for an
 * unknown model or owner, INSUFFICIENT_PRIVILEGE for a model of a role of
 * which the current user is not a member.
 */
extern RfmModel *rfm_model_load(const char *name, bool store);

/*
 * rfm_model_begin: the same for a refresh: wait for the model's other
 * refreshes, as lock_timeout allows, and block them until the end of the
 * transaction.  Pushes a database snapshot that is taken after the wait, so
 * that it includes their changes.
 */
extern RfmModel *rfm_model_begin(const char *name);

/*
 * rfm_model_continue: rfm_model_begin for the next of several transactions
 * that belong together. *id is the model's number, 0 before the first of
 * them.  Raises OBJECT_NOT_IN_PREREQUISITE_STATE if another model has the name
 * by now.
 */
extern RfmModel *rfm_model_continue(const char *name, int64 *id);

/*
 * rfm_model_check: check all of a model that can be checked without reading
 * orders: source, rights, rule sets, target.  Works as its owner.
 */
extern void rfm_model_check(const RfmModel *model);

/*
 * rfm_check_sole_writer: Raise OBJECT_NOT_IN_PREREQUISITE_STATE if another
 * model has the same target, a partition of it, or a table of which it is a
 * partition.  The message names the other model if the current user may use
 * it.  Two models that write the same rows would delete each other's customers.
 */
extern void rfm_check_sole_writer(const RfmModel *model);

#endif							/* RFM_RUN_DEFINE_MODEL_H */

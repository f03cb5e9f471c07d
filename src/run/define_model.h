/*-------------------------------------------------------------------------
 *
 * define_model.h
 *		Definition of models: loading, checking and creating them.
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

/* The setting rfm.latest_view: a view comes with a new model. */
extern bool rfm_make_latest_view;

/*
 * rfm_model_load: return the model of that name, for the current user.  The
 * model `default` is created from ecom.orders where it does not exist; unless
 * store, it is only put together, not stored, and has no target.  Raises
 * UNDEFINED_OBJECT for an unknown model or owner, INSUFFICIENT_PRIVILEGE for a
 * model whose owner the current user is no member of.
 */
extern RfmModel *rfm_model_load(const char *name, bool store);

/*
 * rfm_model_create: create the model from the arguments of rfm_create_model(),
 * owned by the current user, its target where there is none, and the view of
 * its newest snapshot.  Raises DUPLICATE_OBJECT for a name that is taken, and
 * everything that rfm_model_check raises.
 */
extern void rfm_model_create(const char *name, FunctionCallInfo fcinfo);

/*
 * rfm_model_check: check all of a model that can be checked without reading
 * orders: source, rights, rule sets, target.  Works as its owner.
 */
extern void rfm_model_check(const RfmModel *model);

#endif							/* RFM_RUN_DEFINE_MODEL_H */

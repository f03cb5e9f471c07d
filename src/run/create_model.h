/*-------------------------------------------------------------------------
 *
 * create_model.h
 *		Creation and deletion of models.
 *
 * Takes the arguments of rfm_create_model() or a name; creates a row of
 * rfm_model with its target and view, or deletes the row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_CREATE_MODEL_H
#define RFM_RUN_CREATE_MODEL_H

#include "fmgr.h"

/* The setting rfm.latest_view: whether a view is created with a new model. */
extern bool rfm_make_latest_view;

/*
 * rfm_model_create: create the model from the arguments of rfm_create_model(),
 * owned by the current user, its target where there is none, and the view of
 * its newest snapshot.  Raises DUPLICATE_OBJECT for a name that is taken, and
 * everything that rfm_model_check raises.
 */
extern void rfm_model_create(const char *name, FunctionCallInfo fcinfo);

/*
 * rfm_model_delete: delete the model's row and its log, after waiting for its
 * refreshes.  Raises UNDEFINED_OBJECT for an unknown model and
 * INSUFFICIENT_PRIVILEGE for a user who may not use it.
 */
extern void rfm_model_delete(const char *name);

#endif							/* RFM_RUN_CREATE_MODEL_H */

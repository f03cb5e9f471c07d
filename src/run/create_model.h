/*-------------------------------------------------------------------------
 *
 * create_model.h
 *		Making a model, checking it when its row changes, and deleting it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_CREATE_MODEL_H
#define RFM_CREATE_MODEL_H

#include "fmgr.h"

/* The setting rfm.latest_view: a view comes with a new model. */
extern bool rfm_make_latest_view;

/*
 * rfm_model_create: makes the model from the arguments of rfm_create_model(),
 * owned by the current user, and its target where there is none,
 * and the view of its newest snapshot.  Raises
 * DUPLICATE_OBJECT for a name that is taken, and everything that
 * rfm_model_check raises.
 */
extern void rfm_model_create(const char *name, FunctionCallInfo fcinfo);

/*
 * rfm_model_delete: deletes the model's row, and with it its log, for who may
 * use the model; waits for its refreshes as they wait for each other.  Raises
 * UNDEFINED_OBJECT and INSUFFICIENT_PRIVILEGE.
 */
extern void rfm_model_delete(const char *name);

#endif							/* RFM_CREATE_MODEL_H */

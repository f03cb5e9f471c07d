/*-------------------------------------------------------------------------
 *
 * create_model.h
 *		Creation and deletion of models.
 *
 * A model is created by rfm_create_model(): a row of rfm_model with its target
 * and view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_CREATE_MODEL_H
#define RFM_RUN_CREATE_MODEL_H

/*
 * rfm_model_delete: delete the model's row and its log, after waiting for its
 * refreshes.  Raises UNDEFINED_OBJECT for an unknown model and
 * INSUFFICIENT_PRIVILEGE for a user who may not use it.
 */
extern void rfm_model_delete(const char *name);

#endif							/* RFM_RUN_CREATE_MODEL_H */

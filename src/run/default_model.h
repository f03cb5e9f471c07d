/*-------------------------------------------------------------------------
 *
 * default_model.h
 *		The model "default", which is created on first use.
 *
 * Takes the table ecom.orders; gives a model over it that needs no configuration.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_DEFAULT_MODEL_H
#define RFM_RUN_DEFAULT_MODEL_H

#include "model/model.h"

/* rfm_default_source: return the table from which it is created, InvalidOid if there is none. */
extern Oid	rfm_default_source(void);

/*
 * rfm_default_model: return the model as rfm_default_create would create it,
 * without a target, in the current context.
 */
extern RfmModel *rfm_default_model(Oid source);

/*
 * rfm_default_create: create it over that table, for the current user, or for the
 * owner of the orders if that is a superuser.  Raises
 * OBJECT_NOT_IN_PREREQUISITE_STATE if another model has written its target, and what
 * rfm_create_model() raises.
 */
extern void rfm_default_create(Oid source);

#endif							/* RFM_RUN_DEFAULT_MODEL_H */

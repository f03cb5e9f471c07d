/*-------------------------------------------------------------------------
 *
 * access.h
 *		Access to a model's snapshots for the roles that may read them.
 *
 * The name and columns of a model's target are given to the owner of the model
 * and to every role that may SELECT from the target.  Nothing is revealed about
 * the model's source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_ACCESS_H
#define RFM_RUN_ACCESS_H

#include "model/model.h"

/*
 * rfm_access_model: return the model of that name, in the current context, if
 * the current user may read its snapshots.  Raises UNDEFINED_OBJECT for an
 * unknown model, UNDEFINED_TABLE where its target has been dropped, and
 * INSUFFICIENT_PRIVILEGE for a user who may neither use the model nor SELECT from
 * any column of its target.
 */
extern RfmModel *rfm_access_model(const char *name);

#endif							/* RFM_RUN_ACCESS_H */

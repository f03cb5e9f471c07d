/*-------------------------------------------------------------------------
 *
 * resolve.h
 *		Finding and checking a model's target.
 *
 * Takes a model and its resolved source; returns the target's columns, types
 * and conversions, as they are now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_RESOLVE_H
#define RFM_TARGET_RESOLVE_H

#include "target/target.h"

/*
 * rfm_target_resolve: look up the target's columns, their types and conversions,
 * and check them, its key, and the rights of the current user, who is the
 * model's owner; results in the current context.  The target is left open until
 * rfm_target_close.  Raises UNDEFINED_TABLE,
 * WRONG_OBJECT_TYPE, UNDEFINED_COLUMN, DATATYPE_MISMATCH,
 * INVALID_TABLE_DEFINITION (no key) and INSUFFICIENT_PRIVILEGE.
 */
extern void rfm_target_resolve(const RfmModel *model, const RfmSource *source,
							   RfmTarget *target);

#endif							/* RFM_TARGET_RESOLVE_H */

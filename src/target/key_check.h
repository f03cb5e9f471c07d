/*-------------------------------------------------------------------------
 *
 * key_check.h
 *		Checking that a target's key distinguishes customers and dates as a refresh does.
 *
 * Takes a resolved target; checks the types of its key, and its indexes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_KEY_CHECK_H
#define RFM_TARGET_KEY_CHECK_H

#include "target/target.h"

/*
 * rfm_target_key_check: check that the target has a unique index on exactly
 * the snapshot's key that treats the same values as equal as its columns do,
 * and that its run date is the same in every session.  The target's columns
 * have been found.  Raises INVALID_TABLE_DEFINITION, DATATYPE_MISMATCH.
 */
extern void rfm_target_key_check(const RfmTarget *target);

#endif							/* RFM_TARGET_KEY_CHECK_H */

/*-------------------------------------------------------------------------
 *
 * write.h
 *		Writing of a snapshot to its target.
 *
 * Takes the scored customers of a snapshot, and makes the target's rows of
 * that date equal to them.  Only rows that differ are written.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_WRITE_H
#define RFM_TARGET_WRITE_H

#include "target/target.h"

/*
 * rfm_target_write: make the target's rows of the customers' run date equal to
 * the snapshot, and count them in counts. segment and comment are labels by
 * cell, or NULL. Locks the target against other writers until the transaction
 * ends, and waits for those that hold it.  As the model's owner; results in
 * the current context.  Raises SERIALIZATION_FAILURE where the target has
 * changed since the transaction's snapshot, and the errors of constraints.
 */
extern void rfm_target_write(const RfmModel *model, RfmTarget *target,
							 const RfmCustomers *customers,
							 const RfmScores *scores,
							 char **segment, char **comment,
							 RfmCounts *counts);

#endif							/* RFM_TARGET_WRITE_H */

/*-------------------------------------------------------------------------
 *
 * write.h
 *		Makes the target's rows equal to a snapshot.
 *
 * Takes the scored customers of a snapshot, and makes the target's rows of
 * that date equal to them, writing only what differs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_WRITE_H
#define RFM_TARGET_WRITE_H

#include "target/target.h"

/*
 * rfm_target_write: makes the target's rows of the snapshot's run date the
 * snapshot.  segment and comment are labels by cell, or NULL.  Waits until
 * other writers of the target are done and holds them off until the end of
 * the transaction.  As the model's owner; memory of the current context.
 */
extern void rfm_target_write(const RfmModel *model, RfmTarget *target,
							 const RfmCustomers *customers,
							 const RfmScores *scores,
							 char **segment, char **comment,
							 RfmCounts *counts);

#endif							/* RFM_TARGET_WRITE_H */

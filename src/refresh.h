/*-------------------------------------------------------------------------
 *
 * refresh.h
 *		One refresh: a date's snapshot, from the orders to target and log.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_REFRESH_H
#define RFM_REFRESH_H

#include "snapshot.h"

/*
 * rfm_refresh_model: computes the snapshot of run_date (NULL: the model's own
 * date), makes the target's rows equal to it and logs that; returns the
 * number of customers in it.  Waits for other refreshes of the model.  For
 * the current user, who must be a member of the model's owner; nsp is the
 * extension's schema.  All of it belongs to the transaction under way, which
 * the caller has made sure may write; no snapshot need be active.
 */
extern int64 rfm_refresh_model(Oid nsp, const char *model,
							   const DateADT *run_date);

/*
 * rfm_refresh_pushed_down: the same for a model that is loaded and locked, if
 * its refresh is to be pushed down; else false.  backfill is the call it
 * belongs to, as JSON; NULL: none.
 */
extern bool rfm_refresh_pushed_down(Oid nsp, const RfmModel *model,
									const DateADT *run_date, const char *backfill,
									TimestampTz started_at, int64 *customers);

/*
 * rfm_refresh_write: makes the target's rows equal to a snapshot, and logs
 * that.  The second half of a refresh: what it has read began at started_at.
 */
extern void rfm_refresh_write(Oid nsp, RfmSnapshot *snapshot, TimestampTz started_at);

#endif							/* RFM_REFRESH_H */

/*-------------------------------------------------------------------------
 *
 * backfill.h
 *		The snapshots of a range of dates.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_BACKFILL_H
#define RFM_RUN_BACKFILL_H

#include "utils/date.h"

/*
 * rfm_backfill_model: what rfm_refresh_model does, for each date from first to
 * last, committing each, with one reading of the orders for all of them, or
 * for as many as fit into memory.  To be called from a procedure outside of a
 * transaction block, connected to SPI as one that may commit.
 */
extern void rfm_backfill_model(const char *model, DateADT first, DateADT last);

#endif							/* RFM_RUN_BACKFILL_H */

/*-------------------------------------------------------------------------
 *
 * backfill.h
 *		The snapshots of a range of dates.
 *
 * Takes a model's name and two dates; gives a refresh of each date between
 * them, from one reading of the orders.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_BACKFILL_H
#define RFM_RUN_BACKFILL_H

#include "utils/date.h"

/*
 * rfm_backfill_model: do what rfm_refresh_model does for each date from first
 * to last, and commit each.  The orders are read once for all dates, or for as
 * many as fit into memory.  Continues where a call with the same dates and the
 * same definition of the model stopped.  To be called within a non-atomic SPI
 * connection, with no snapshot pushed by the caller.
 */
extern void rfm_backfill_model(const char *model, DateADT first, DateADT last);

#endif							/* RFM_RUN_BACKFILL_H */

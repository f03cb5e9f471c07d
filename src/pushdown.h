/*-------------------------------------------------------------------------
 *
 * pushdown.h
 *		A refresh in which the orders, and the rows, stay where they lie.
 *
 * Takes a model, and gives the same rows in the target as the refresh that
 * reads all orders itself.  It asks for a summary of how the customers lie on
 * each axis, asks again, closer, where a cut point is not exact yet, and then
 * has every customer scored and written in place, by statements with the cut
 * points as constants.  What comes here is the summaries: their size does not
 * depend on the number of customers.
 *
 * On one server all of that sees one snapshot of the database.  Over shards,
 * which have none in common, the first and the last query give a checksum of
 * all customers' numbers; where they differ the refresh fails.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_PUSHDOWN_H
#define RFM_PUSHDOWN_H

#include "snapshot.h"
#include "target.h"

/* The setting rfm.summary_size: kilobytes that the summary of an axis may take. */
extern int	rfm_summary_size;

/*
 * rfm_pushdown_refresh: reads, scores and writes.  run_date NULL means the
 * model's own date.  distributed says that source and target are tables of
 * Citus with the customers' rows in the same places.  The snapshot that is
 * filled in has no customers one by one, but all that the log needs.  Works as
 * the model's owner.  Raises SERIALIZATION_FAILURE where orders have changed
 * between its queries.
 */
extern void rfm_pushdown_refresh(Oid nsp, const RfmModel *model,
								 const DateADT *run_date, bool distributed,
								 RfmSnapshot *snapshot, RfmCounts *counts);

#endif							/* RFM_PUSHDOWN_H */

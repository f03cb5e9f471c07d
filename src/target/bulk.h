/*-------------------------------------------------------------------------
 *
 * bulk.h
 *		Writing of rows straight to a table and its indexes.
 *
 * Takes rows of the snapshot and writes them without the executor: new ones a
 * thousand at a time, in key order, so that index entries go to the right
 * edge; changed ones by their tid, which the comparison has found.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_BULK_H
#define RFM_TARGET_BULK_H

#include "target/diff.h"
#include "utils/relcache.h"

/*
 * rfm_bulk_allowed: may rows be written to the table in this way?  Not where
 * anything but indexes, NOT NULL and CHECK constraints depends on them.
 */
extern bool rfm_bulk_allowed(const RfmRowMaker *maker, Relation rel);

/*
 * rfm_bulk_insert: insert the rows whose state (one per customer) is
 * RFM_ROW_NEW.  Raises the errors of constraints.
 */
extern void rfm_bulk_insert(RfmRowMaker *maker, Relation rel, const uint8 *state);

/*
 * rfm_bulk_update: update n changed rows.  Raises the errors of constraints,
 * and SERIALIZATION_FAILURE where someone else has written to one.
 */
extern void rfm_bulk_update(RfmRowMaker *maker, Relation rel,
							RfmChangedRow *changed, int64 n);

#endif							/* RFM_TARGET_BULK_H */

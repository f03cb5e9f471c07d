/*-------------------------------------------------------------------------
 *
 * routed.h
 *		Writing to a target whose rows Citus routes to other servers.
 *
 * Takes the rows of the difference, writes them through Citus in the current
 * transaction: new and changed ones as one INSERT each, from a function on
 * this server that returns them, which Citus turns into a COPY to the shards.
 * No statement contains a join, so that none depends on statistics of other
 * servers about the date.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_ROUTED_H
#define RFM_TARGET_ROUTED_H

#include "target/row.h"
#include "utils/tuplestore.h"

/*
 * rfm_routed_insert: write the rows of a tuplestore, which is ended, in the
 * columns that are named; with change, rows whose key the target has become
 * what these say, all columns but the key and created_at.  Returns how many.
 */
extern int64 rfm_routed_insert(const RfmTarget *target, Tuplestorestate *rows, TupleDesc desc,
							   const RfmColumn *column, bool change);

/*
 * rfm_routed_delete: delete the rows of the run date whose customers are in a
 * tuplestore of one column, which is ended.  Returns how many there were.
 */
extern int64 rfm_routed_delete(RfmRowMaker *maker, Tuplestorestate *gone, TupleDesc desc);

#endif							/* RFM_TARGET_ROUTED_H */

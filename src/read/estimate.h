/*-------------------------------------------------------------------------
 *
 * estimate.h
 *		How many rows a query, or the aggregate at its top, is expected to take in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_ESTIMATE_H
#define RFM_READ_ESTIMATE_H

#include "nodes/params.h"

/*
 * rfm_estimate_rows: the rows that the planner expects a query to give; of a
 * query "SELECT aggregate(...) FROM ...", those below the aggregate.  0 where
 * its plan does not tell.  params are constants.  Within SPI.
 */
extern double rfm_estimate_rows(const char *sql, ParamListInfo params);

#endif							/* RFM_READ_ESTIMATE_H */

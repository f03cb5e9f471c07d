/*-------------------------------------------------------------------------
 *
 * query.h
 *		Statements that are run through SPI.
 *
 * Each runs in a connection of its own, as the current user.  In all of them
 * $1, $2, ... stand for nargs values of these types, none of them null unless
 * nulls says so.  A statement that turns out to be of another kind than
 * expected is an internal error; errors of the statement itself pass through.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_QUERY_H
#define RFM_BASE_QUERY_H

#include "executor/spi.h"
#include "utils/tuplestore.h"

/*
 * rfm_query: run a SELECT and return the number of its rows, which are in
 * SPI_tuptable until rfm_query_end; the current memory context is SPI's until
 * then.  read_only: it sees what the active snapshot sees; otherwise, what has
 * been committed or done by now.
 */
extern uint64 rfm_query(const char *sql, int nargs, Oid *types, Datum *values,
						bool read_only);

/* rfm_query_end: free the rows of rfm_query and end its connection. */
extern void rfm_query_end(void);

/*
 * rfm_query_value: run a SELECT as rfm_query does and return the first column
 * of its first row, copied into the current memory context.  *isnull is true
 * for a null, and where there is no row.
 */
extern Datum rfm_query_value(const char *sql, int nargs, Oid *types, Datum *values,
							 bool read_only, bool *isnull);

/*
 * rfm_execute: run a statement for what it does, and return the number of rows
 * that it processed.  nulls is as in SPI_execute_with_args(), NULL: none is
 * null; expected is the kind of statement, such as SPI_OK_INSERT.
 */
extern uint64 rfm_execute(const char *sql, int nargs, Oid *types, Datum *values,
						  const char *nulls, int expected);

/*
 * rfm_execute_over: do the same with a statement that may read these rows, with
 * columns as desc says, as a relation of this name, which hides any other.
 */
extern uint64 rfm_execute_over(const char *name, Tuplestorestate *rows, TupleDesc desc,
							   const char *sql, int nargs, Oid *types, Datum *values,
							   int expected);

#endif							/* RFM_BASE_QUERY_H */

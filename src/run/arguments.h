/*-------------------------------------------------------------------------
 *
 * arguments.h
 *		Arguments of SQL functions, and where these may be called.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_ARGUMENTS_H
#define RFM_RUN_ARGUMENTS_H

#include "fmgr.h"
#include "utils/date.h"

/*
 * rfm_text_argument: return an argument of type text.  Raises
 * NULL_VALUE_NOT_ALLOWED, with its name, where it is null.
 */
extern char *rfm_text_argument(FunctionCallInfo fcinfo, int arg, const char *name);

/* rfm_optional_text: return an argument of type text, NULL where it is null. */
extern char *rfm_optional_text(FunctionCallInfo fcinfo, int arg);

/* rfm_optional_date: return an argument of type date, palloc'd, NULL where it is null. */
extern DateADT *rfm_optional_date(FunctionCallInfo fcinfo, int arg);

/*
 * rfm_prevent_read_only: raise READ_ONLY_SQL_TRANSACTION for a function, named
 * with its parentheses, that refreshes, on a standby and in a read-only
 * transaction.
 */
extern void rfm_prevent_read_only(const char *function);

/*
 * rfm_begin_procedure: do the same for a procedure that commits, and raise
 * ACTIVE_SQL_TRANSACTION where it may not; open the connection of SPI that it
 * commits in, to be ended with SPI_finish().
 */
extern void rfm_begin_procedure(FunctionCallInfo fcinfo, const char *procedure);

#endif							/* RFM_RUN_ARGUMENTS_H */

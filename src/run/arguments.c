/*-------------------------------------------------------------------------
 *
 * arguments.c
 *		Arguments of SQL functions, and where these may be called.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "run/arguments.h"
#include "utils/builtins.h"

char *
rfm_text_argument(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

char *
rfm_optional_text(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

DateADT *
rfm_optional_date(FunctionCallInfo fcinfo, int arg)
{
	DateADT    *date;

	if (PG_ARGISNULL(arg))
		return NULL;
	date = palloc(sizeof(DateADT));
	*date = PG_GETARG_DATEADT(arg);
	return date;
}

void
rfm_prevent_read_only(const char *function)
{
	/* the error for a read-only transaction would not help on a standby */
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s during recovery", function),
				 errdetail("This server is a standby of a primary server."),
				 errhint("Refresh on the primary server, which replicates its snapshots. rfm_preview() computes a snapshot on this server without writing.")));
	PreventCommandIfReadOnly(function);
}

void
rfm_begin_procedure(FunctionCallInfo fcinfo, const char *procedure)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s() cannot run inside a transaction block", procedure),
				 errdetail("It commits each date separately, so it cannot be part of a transaction, a function or a block that catches exceptions."),
				 errhint("Call it by itself: CALL %s(...). rfm_refresh() can compute one date inside a transaction block.",
						 procedure)));
	rfm_prevent_read_only(psprintf("%s()", procedure));
	SPI_connect_ext(SPI_OPT_NONATOMIC);
}

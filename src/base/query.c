/*-------------------------------------------------------------------------
 *
 * query.c
 *		Statements that are run through SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/query.h"
#include "utils/datum.h"

/* Open a connection and run a statement in it. */
static uint64
start(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls,
	  bool read_only, int expected)
{
	int			result;

	SPI_connect();
	result = SPI_execute_with_args(sql, nargs, types, values, nulls, read_only, 0);
	if (result != expected)
		elog(ERROR, "unexpected %s for statement \"%s\"",
			 SPI_result_code_string(result), sql);
	return SPI_processed;
}

uint64
rfm_query(const char *sql, int nargs, Oid *types, Datum *values, bool read_only)
{
	return start(sql, nargs, types, values, NULL, read_only, SPI_OK_SELECT);
}

void
rfm_query_end(void)
{
	SPI_finish();
}

Datum
rfm_query_value(const char *sql, int nargs, Oid *types, Datum *values,
				bool read_only, bool *isnull)
{
	MemoryContext mcxt = CurrentMemoryContext;
	Datum		value = (Datum) 0;

	*isnull = true;
	if (rfm_query(sql, nargs, types, values, read_only) > 0)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	if (!*isnull)
	{
		Form_pg_attribute column = TupleDescAttr(SPI_tuptable->tupdesc, 0);
		MemoryContext spicxt = MemoryContextSwitchTo(mcxt);

		value = datumCopy(value, column->attbyval, column->attlen);
		MemoryContextSwitchTo(spicxt);
	}
	rfm_query_end();
	return value;
}

uint64
rfm_execute(const char *sql, int nargs, Oid *types, Datum *values,
			const char *nulls, int expected)
{
	uint64		processed = start(sql, nargs, types, values, nulls, false, expected);

	SPI_finish();
	return processed;
}

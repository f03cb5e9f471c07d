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

/* Run a statement in the connection that is open. */
static uint64
run(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls,
	bool read_only, int expected)
{
	int			result;

	result = SPI_execute_with_args(sql, nargs, types, values, nulls, read_only, 0);
	if (result != expected)
		elog(ERROR, "unexpected %s for statement \"%s\"",
			 SPI_result_code_string(result), sql);
	return SPI_processed;
}

uint64
rfm_query(const char *sql, int nargs, Oid *types, Datum *values, bool read_only)
{
	SPI_connect();
	return run(sql, nargs, types, values, NULL, read_only, SPI_OK_SELECT);
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

/* Let the statements of the connection that is open read rows. */
static void
register_rows(const char *name, Tuplestorestate *rows, TupleDesc desc)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	int			result;

	relation->md.name = pstrdup(name);
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = (double) tuplestore_tuple_count(rows);
	relation->reldata = rows;
	result = SPI_register_relation(relation);
	if (result != SPI_OK_REL_REGISTER)
		elog(ERROR, "unexpected %s for relation \"%s\"", SPI_result_code_string(result), name);
}

uint64
rfm_execute(const char *sql, int nargs, Oid *types, Datum *values,
			const char *nulls, int expected)
{
	uint64		processed;

	SPI_connect();
	processed = run(sql, nargs, types, values, nulls, false, expected);
	SPI_finish();
	return processed;
}

uint64
rfm_execute_over(const char *name, Tuplestorestate *rows, TupleDesc desc, const char *sql,
				 int nargs, Oid *types, Datum *values, int expected)
{
	uint64		processed;

	SPI_connect();
	register_rows(name, rows, desc);
	processed = run(sql, nargs, types, values, NULL, false, expected);
	SPI_finish();
	return processed;
}

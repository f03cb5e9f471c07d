/*-------------------------------------------------------------------------
 *
 * query.c
 *		Statements that are run through SPI, and work that may fail.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/xact.h"
#include "base/catalog.h"
#include "base/query.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"

RfmParam
rfm_array(Oid type, Datum *elements, int n)
{
	Oid			element = get_element_type(type);
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(element, &len, &byval, &align);
	return rfm_param(type, PointerGetDatum(construct_array(elements, n, element, len, byval, align)));
}

ParamListInfo
rfm_param_list(const RfmParam *params)
{
	ParamListInfo list;
	int			n = 0;

	while (params && OidIsValid(params[n].type))
		n++;
	/* Citus does not expect a list of none */
	if (n == 0)
		return NULL;
	list = makeParamList(n);
	for (int i = 0; i < n; i++)
		list->params[i] = (ParamExternData) {params[i].value, params[i].isnull, PARAM_FLAG_CONST, params[i].type};
	return list;
}

/* Run a statement in the connection that is open. */
static uint64
run(const char *sql, int expected, const RfmParam *params, bool read_only)
{
	SPIExecuteOptions options = {.params = rfm_param_list(params),.read_only = read_only};
	int			result = SPI_execute_extended(sql, &options);

	/* a rule of a model's target can replace the statement; it has written no row then */
	if (result != expected && result != SPI_OK_REWRITTEN)
		elog(ERROR, "unexpected %s for statement \"%s\"",
			 SPI_result_code_string(result), sql);
	return SPI_processed;
}

uint64
rfm_query(const char *sql, const RfmParam *params, bool read_only)
{
	SPI_connect();
	return run(sql, SPI_OK_SELECT, params, read_only);
}

Datum
rfm_column_copy(uint64 row, int column, MemoryContext mcxt, bool *isnull)
{
	Form_pg_attribute attribute = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);
	Datum		value = rfm_column(row, column, isnull);
	MemoryContext oldcxt;

	if (*isnull)
		return (Datum) 0;
	oldcxt = MemoryContextSwitchTo(mcxt);
	value = datumCopy(value, attribute->attbyval, attribute->attlen);
	MemoryContextSwitchTo(oldcxt);
	return value;
}

Datum
rfm_query_value(const char *sql, const RfmParam *params, bool read_only, bool *isnull)
{
	MemoryContext mcxt = CurrentMemoryContext;
	Datum		value = (Datum) 0;

	*isnull = true;
	if (rfm_query(sql, params, read_only) > 0)
		value = rfm_column_copy(0, 1, mcxt, isnull);
	SPI_finish();
	return value;
}

uint64
rfm_execute(const char *sql, int expected, const RfmParam *params)
{
	uint64		processed;

	SPI_connect();
	processed = run(sql, expected, params, false);
	SPI_finish();
	return processed;
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
rfm_execute_over(const char *name, Tuplestorestate *rows, TupleDesc desc, const char *sql,
				 int expected, const RfmParam *params)
{
	uint64		processed;

	SPI_connect();
	register_rows(name, rows, desc);
	processed = run(sql, expected, params, false);
	SPI_finish();
	return processed;
}

/*
 * The extension's own tables.
 */

/* Replace each @name by the full name of the extension's object. */
static char *
qualify(const char *sql)
{
	char	   *schema = psprintf("%s.", quote_identifier(get_namespace_name(rfm_extension_schema())));
	StringInfoData result;

	initStringInfo(&result);
	for (; *sql; sql++)
	{
		if (strncmp(sql, "@rfm_", 5) == 0)
			appendStringInfoString(&result, schema);
		else
			appendStringInfoCharMacro(&result, *sql);
	}
	return result.data;
}

uint64
rfm_catalog_query(RfmIdentity *catalog, const char *sql, const RfmParam *params, bool read_only)
{
	rfm_catalog_enter(catalog);
	return rfm_query(qualify(sql), params, read_only);
}

void
rfm_catalog_query_end(RfmIdentity *catalog)
{
	SPI_finish();
	rfm_owner_leave(catalog);
}

Datum
rfm_catalog_value(const char *sql, const RfmParam *params, bool read_only, bool *isnull)
{
	RfmIdentity	catalog;
	Datum		value;

	rfm_catalog_enter(&catalog);
	value = rfm_query_value(qualify(sql), params, read_only, isnull);
	rfm_owner_leave(&catalog);
	return value;
}

uint64
rfm_catalog_execute(const char *sql, int expected, const RfmParam *params)
{
	RfmIdentity	catalog;
	uint64		processed;

	rfm_catalog_enter(&catalog);
	processed = rfm_execute(qualify(sql), expected, params);
	rfm_owner_leave(&catalog);
	return processed;
}

void
rfm_insert(const char *table, const RfmNewColumn *column, int n)
{
	RfmParam   *params = palloc0((n + 1) * sizeof(RfmParam));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", rfm_public_name(table));
	for (int i = 0; i < n; i++)
	{
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", quote_identifier(column[i].name));
		params[i] = column[i].value;
	}
	appendStringInfoString(&sql, ") VALUES (");
	for (int i = 0; i < n; i++)
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoChar(&sql, ')');
	rfm_execute(sql.data, SPI_OK_INSERT, params);
}

/*
 * Receivers and subtransactions.
 */

static void
start_nothing(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
end_nothing(DestReceiver *self)
{
}

void
rfm_receiver_init(DestReceiver *receiver, bool (*receive) (TupleTableSlot *slot, DestReceiver *self),
				  void (*startup) (DestReceiver *self, int operation, TupleDesc desc))
{
	receiver->receiveSlot = receive;
	receiver->rStartup = startup ? startup : start_nothing;
	receiver->rShutdown = end_nothing;
	receiver->rDestroy = end_nothing;
	receiver->mydest = DestTuplestore;
}

ErrorData *
rfm_try(void (*work) (void *arg), void *arg)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	return error;
}

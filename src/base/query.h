/*-------------------------------------------------------------------------
 *
 * query.h
 *		Statements that are run through SPI, and work that may fail.
 *
 * Each runs in a connection of its own.  A statement that turns out to be of
 * another kind than expected is an internal error; errors of the statement
 * itself pass through.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_QUERY_H
#define RFM_BASE_QUERY_H

#include "base/identity.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/tuplestore.h"

/* What a parameter of a statement stands for. */
typedef struct RfmParam
{
	Oid			type;
	Datum		value;
	bool		isnull;
} RfmParam;

/* The parameters $1, $2, ... of a statement; NULL stands for none. */
#define RFM_PARAMS(...) ((const RfmParam[]) {__VA_ARGS__, {InvalidOid}})

/* rfm_param: return a parameter of any type. */
static inline RfmParam
rfm_param(Oid type, Datum value)
{
	return (RfmParam) {type, value, false};
}

/* rfm_int4, rfm_int8, rfm_oid, rfm_date, rfm_text: return a parameter of that type; a NULL text is null. */
static inline RfmParam
rfm_int4(int32 value)
{
	return rfm_param(INT4OID, Int32GetDatum(value));
}

static inline RfmParam
rfm_int8(int64 value)
{
	return rfm_param(INT8OID, Int64GetDatum(value));
}

static inline RfmParam
rfm_oid(Oid value)
{
	return rfm_param(OIDOID, ObjectIdGetDatum(value));
}

static inline RfmParam
rfm_date(DateADT value)
{
	return rfm_param(DATEOID, DateADTGetDatum(value));
}

static inline RfmParam
rfm_text(const char *value)
{
	return (RfmParam) {TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0, value == NULL};
}

/* rfm_array: return a parameter of an array type with n elements, none of them null. */
extern RfmParam rfm_array(Oid type, Datum *elements, int n);

/* rfm_param_list: return parameters as the executor takes them; NULL for none. */
extern ParamListInfo rfm_param_list(const RfmParam *params);

/*
 * rfm_query: run a SELECT as the current user and return the number of its rows,
 * which are in SPI_tuptable until SPI_finish(); the current memory context is
 * SPI's until then.  read_only: it sees what the active snapshot sees;
 * otherwise, what has been committed or done by now.
 */
extern uint64 rfm_query(const char *sql, const RfmParam *params, bool read_only);

/* rfm_column: return a column of a row that rfm_query found, from 0 and from 1 on. */
static inline Datum
rfm_column(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* rfm_column_text: return it as text, in the current context, or NULL. */
static inline char *
rfm_column_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

/* rfm_column_copy: return it in another context; 0 for a null. */
extern Datum rfm_column_copy(uint64 row, int column, MemoryContext mcxt, bool *isnull);

/*
 * rfm_query_value: run a SELECT as rfm_query does and return the first column
 * of its first row, copied into the current memory context.  *isnull is true
 * for a null, and where there is no row.
 */
extern Datum rfm_query_value(const char *sql, const RfmParam *params, bool read_only,
							 bool *isnull);

/*
 * rfm_execute: run a statement as the current user for what it does, and return
 * the number of rows that it processed, 0 if a rule runs another one instead;
 * expected is its kind, such as SPI_OK_INSERT.
 */
extern uint64 rfm_execute(const char *sql, int expected, const RfmParam *params);

/*
 * rfm_execute_over: do the same with a statement that may read these rows, with
 * columns as desc says, as a relation of this name, which hides any other.
 */
extern uint64 rfm_execute_over(const char *name, Tuplestorestate *rows, TupleDesc desc,
							   const char *sql, int expected, const RfmParam *params);

/*
 * rfm_catalog_query, rfm_catalog_query_end, rfm_catalog_value, rfm_catalog_execute:
 * do the same over the extension's own tables, as rfm_catalog_enter makes it
 * possible.  In sql, @name stands for the table or function of that
 * name in the extension's schema, so it must be text of our own.
 */
extern uint64 rfm_catalog_query(RfmIdentity *catalog, const char *sql, const RfmParam *params,
								bool read_only);
extern void rfm_catalog_query_end(RfmIdentity *catalog);
extern Datum rfm_catalog_value(const char *sql, const RfmParam *params, bool read_only,
							   bool *isnull);
extern uint64 rfm_catalog_execute(const char *sql, int expected, const RfmParam *params);

/* A column of a row to be inserted. */
typedef struct RfmNewColumn
{
	const char *name;
	RfmParam	value;
} RfmNewColumn;

/* rfm_insert: insert a row of n columns into a table of the extension, as the current user. */
extern void rfm_insert(const char *table, const RfmNewColumn *column, int n);

/*
 * rfm_receiver_init: set up a receiver of rows for which nothing is to be done at
 * the end; startup may be NULL.
 */
extern void rfm_receiver_init(DestReceiver *receiver,
							  bool (*receive) (TupleTableSlot *slot, DestReceiver *self),
							  void (*startup) (DestReceiver *self, int operation, TupleDesc desc));

/*
 * rfm_try: do work(arg) in a subtransaction.  Returns NULL when it is done.  If it
 * raises an error, it is undone, and the error returned, in the current context.
 */
extern ErrorData *rfm_try(void (*work) (void *arg), void *arg);

#endif							/* RFM_BASE_QUERY_H */

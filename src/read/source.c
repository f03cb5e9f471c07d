/*-------------------------------------------------------------------------
 *
 * source.c
 *		Resolves a model's source and reads its orders.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <unistd.h>

#include "access/relation.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "collect/spill.h"
#include "collect/ticket.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "model/run_date.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "progress/progress.h"
#include "read/estimate.h"
#include "read/source.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/*
 * Resolving.
 */

static void
check_source_kind(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			return;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("source \"%s\" is not a table, view, materialized view or foreign table",
							RelationGetRelationName(rel))));
	}
}

static void
resolve_amount(const RfmModel *model, Relation rel, RfmSource *source)
{
	Oid			base;

	rfm_expression_resolve(model->amount, rel, "amount", model->name, &source->amount);
	base = getBaseType(source->amount.type);
	if (!rfm_amount_type(base, &source->real_amounts))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("amount \"%s\" of type %s cannot be summed",
						model->amount, format_type_be(source->amount.type)),
				 errdetail("An amount is of an integer type, numeric, real or double precision."),
				 base == MONEYOID ?
				 errhint("The scale of type money depends on lc_monetary. Use an expression that casts it: (%s)::numeric.",
						 get_attnum(RelationGetRelid(rel), model->amount) > 0 ?
						 quote_identifier(model->amount) : model->amount) :
				 errhint("Set the model's \"amount\" to a column of such a type, or to an expression that casts it.")));
}

static void
resolve_customer(const RfmModel *model, Relation rel, RfmSource *source)
{
	RfmExpression customer;

	rfm_expression_resolve(model->customer, rel, "customer", model->name, &customer);
	source->customer = customer.sql;
	source->customer_type = customer.type;
	source->customer_typmod = customer.typmod;
	source->uses_run_date |= customer.uses_run_date;
	rfm_key_type_init(&source->key, customer.type, customer.collation,
					  psprintf("customer \"%s\"", model->customer),
					  CurrentMemoryContext);
}

static void
resolve_order_time(const RfmModel *model, Relation rel, RfmSource *source)
{
	RfmExpression time;
	Oid			base;

	rfm_expression_resolve(model->ordered_at, rel, "ordered_at", model->name, &time);
	source->ordered_at = time.sql;
	source->uses_run_date |= time.uses_run_date;
	base = getBaseType(time.type);
	if (base != DATEOID && base != TIMESTAMPOID && base != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("order time \"%s\" has type %s",
						model->ordered_at, format_type_be(time.type)),
				 errdetail("It must have type date, timestamp or timestamp with time zone."),
				 errhint("Set the model's \"ordered_at\" to such a column, or to an expression that casts it.")));
	rfm_calendar_init(&source->calendar, base, model->time_zone);
}

static void
resolve_order_id(const RfmModel *model, Relation rel, RfmSource *source)
{
	RfmExpression order;
	RfmKeyType	order_type;

	if (model->order_id == NULL)
		return;
	rfm_expression_resolve(model->order_id, rel, "order_id", model->name, &order);
	source->order_id = order.sql;
	source->uses_run_date |= order.uses_run_date;
	rfm_key_type_init(&order_type, order.type, order.collation,
					  psprintf("order id \"%s\"", model->order_id),
					  CurrentMemoryContext);
}

void
rfm_source_resolve(const RfmModel *model, RfmSource *source)
{
	Relation	rel = try_relation_open(model->source, AccessShareLock);

	memset(source, 0, sizeof(*source));
	source->model = model->name;
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("source of model \"%s\" does not exist", model->name),
				 errdetail("The relation with OID %u has been dropped.", model->source),
				 errhint("Point the model to another source: UPDATE rfm_model SET source = 'schema.table' WHERE model = %s.",
						 quote_literal_cstr(model->name))));
	check_source_kind(rel);

	source->alias = pstrdup(quote_identifier(RelationGetRelationName(rel)));
	source->relation = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));

	resolve_customer(model, rel, source);
	resolve_order_time(model, rel, source);
	resolve_order_id(model, rel, source);
	resolve_amount(model, rel, source);
	if (model->filter)
		rfm_expression_parse(model->filter, rel, "filter", model->name, true,
							 &source->filter);
	source->uses_run_date |= source->amount.uses_run_date || source->filter.uses_run_date;

	/* the lock stays: the query must meet the relation that was checked */
	relation_close(rel, NoLock);
}

/*
 * The query.
 */

/* At most the customer and the two date bounds. */
typedef struct QueryParams
{
	int			n;
	Oid			type[3];
	Datum		value[3];
} QueryParams;

/*
 * Appends "AND order time is on a local date >= day" (or < day).
 */
static void
append_date_bound(StringInfo sql, const RfmSource *source, QueryParams *params,
				  const char *operator, DateADT day)
{
	Datum		start;
	const char *column = source->ordered_at;

	if (rfm_calendar_start(&source->calendar, day, &start))
	{
		params->type[params->n] = source->calendar.time_type;
		params->value[params->n] = start;
	}
	else
	{
		/* the session's time zone is the model's while the query runs */
		column = psprintf("CAST(%s AS pg_catalog.date)", column);
		params->type[params->n] = DATEOID;
		params->value[params->n] = DateADTGetDatum(day);
	}
	params->n++;
	appendStringInfo(sql, " AND %s OPERATOR(pg_catalog.%s) $%d",
					 column, operator, params->n);
}

static void
append_from(StringInfo sql, const RfmSource *source, QueryParams *params)
{
	appendStringInfo(sql, " FROM %s AS %s WHERE %s IS NOT NULL AND %s IS NOT NULL",
					 source->relation, source->alias,
					 source->customer, source->ordered_at);
	if (source->filter.sql)
		appendStringInfo(sql, " AND (%s)", source->filter.sql);
	if (source->customer_equals)
	{
		params->type[params->n] = source->key.typid;
		params->value[params->n] = source->customer_value;
		params->n++;
		appendStringInfo(sql, " AND %s %s $%d", source->customer,
						 source->customer_equals, params->n);
	}
}

/* Receives the one row, with one column, that either query gives. */
typedef struct SingleReceiver
{
	DestReceiver pub;
	MemoryContext mcxt;			/* NULL: the value is no ticket */
	RfmCollector *collector;
	bool		isnull;
	Datum		value;			/* of a by-value type */
} SingleReceiver;

static bool
single_receive(TupleTableSlot *slot, DestReceiver *self)
{
	SingleReceiver *receiver = (SingleReceiver *) self;

	receiver->value = slot_getattr(slot, 1, &receiver->isnull);
	if (receiver->mcxt && !receiver->isnull)
		receiver->collector = rfm_ticket_claim(DatumGetInt64(receiver->value),
												  receiver->mcxt);
	return true;
}

static void
single_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
single_nothing(DestReceiver *self)
{
}

/* A model's query is running: what it calls must not start another. */
static bool query_running = false;

void
rfm_source_forbid_nesting(void)
{
	if (query_running)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a model cannot be used inside the query of a model"),
				 errhint("Do not call functions of rfm in a model's source, amount or filter.")));
}

static void
source_error_callback(void *arg)
{
	errcontext("query over the source of model \"%s\", run as role \"%s\"",
			   ((const RfmSource *) arg)->model,
			   GetUserNameFromId(GetUserId(), true));
}

/*
 * Runs a query in one call, so that it may be parallel.  Nothing that it calls
 * may write, whatever it is declared as.
 */
static void
run_query(const RfmSource *source, const char *sql, QueryParams *params,
		  DestReceiver *dest, bool counted)
{
	SPIExecuteOptions options = {0};
	ErrorContextCallback callback;
	bool		was_read_only = XactReadOnly;

	/* Citus does not expect a list of none */
	options.params = params->n > 0 ? makeParamList(params->n) : NULL;
	for (int i = 0; i < params->n; i++)
	{
		options.params->params[i].value = params->value[i];
		options.params->params[i].isnull = false;
		options.params->params[i].pflags = PARAM_FLAG_CONST;
		options.params->params[i].ptype = params->type[i];
	}

	/*
	 * Not read_only: that would use a snapshot from before the query waited
	 * for its locks, which misses all rows of a table rewritten meanwhile.
	 */
	options.must_return_tuples = true;
	options.dest = dest;

	callback.callback = source_error_callback;
	callback.arg = unconstify(RfmSource *, source);
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	SPI_connect();
	query_running = true;
	XactReadOnly = true;
	PG_TRY();
	{
		if (counted && rfm_progress_wanted())
			rfm_progress_expect(rfm_estimate_rows(sql, options.params));
		if (SPI_execute_extended(sql, &options) != SPI_OK_SELECT)
			elog(ERROR, "query over the source failed");
	}
	PG_FINALLY();
	{
		query_running = false;
		XactReadOnly = was_read_only;
	}
	PG_END_TRY();
	SPI_finish();
	error_context_stack = callback.previous;
}

static void
run_single(const RfmSource *source, const char *sql, QueryParams *params,
		   SingleReceiver *receiver)
{
	receiver->pub.receiveSlot = single_receive;
	receiver->pub.rStartup = single_startup;
	receiver->pub.rShutdown = single_nothing;
	receiver->pub.rDestroy = single_nothing;
	receiver->pub.mydest = DestTuplestore;
	receiver->isnull = true;
	receiver->collector = NULL;
	run_query(source, sql, params, &receiver->pub, receiver->mcxt != NULL);
}

bool
rfm_source_latest_date(const RfmModel *model, const RfmSource *source,
					   DateADT *date)
{
	StringInfoData sql;
	QueryParams params = {0};
	SingleReceiver receiver = {0};

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.max(%s)", source->ordered_at);
	append_from(&sql, source, &params);
	appendStringInfo(&sql, " AND pg_catalog.isfinite(%s)", source->ordered_at);
	run_single(source, sql.data, &params, &receiver);
	if (receiver.isnull)
		return false;
	*date = rfm_calendar_date(&source->calendar,
							  source->calendar.time_type == DATEOID ?
							  (int64) DatumGetDateADT(receiver.value) :
							  DatumGetInt64(receiver.value));
	return true;
}

/* A setting until the end of the subtransaction, or of rfm_owner_enter. */
static void
set_for_query(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Each process fills a table of all customers that it meets, and the tables are
 * then merged: a process more than there are CPUs makes work and shares none.
 */
int			rfm_max_workers = -1;

static void
set_workers(bool parallel)
{
	int			most = rfm_max_workers;

	if (!parallel)
		most = 0;
#ifdef _SC_NPROCESSORS_ONLN
	else if (most < 0)
		most = Max(sysconf(_SC_NPROCESSORS_ONLN) - 1, 0);
#endif
	if (most >= 0 && most < max_parallel_workers_per_gather)
		set_for_query("max_parallel_workers_per_gather", psprintf("%d", most));
}

/*
 * One try.  A worker's table must fit into its bound of memory, and into one
 * message of at most 1 GB; false where it did not, and the query has to run
 * without workers.
 */
static bool
try_read(const RfmSource *source, const char *sql, QueryParams *params,
		 DateADT run_date, bool parallel, SingleReceiver *receiver)
{
	MemoryContext oldcxt = CurrentMemoryContext;
	ResourceOwner oldowner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(oldcxt);
	rfm_spill_owner = oldowner;
	PG_TRY();
	{
		/* the time goes into memory, not into expressions worth compiling */
		set_for_query("jit", "off");
		set_workers(parallel);
		rfm_run_date_set(run_date);
		run_single(source, sql, params, receiver);
		rfm_spill_owner = NULL;
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		rfm_spill_owner = NULL;
		MemoryContextSwitchTo(oldcxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(oldcxt);
		CurrentResourceOwner = oldowner;
		if (!parallel || error->sqlerrcode != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(oldcxt);
	CurrentResourceOwner = oldowner;
	return done;
}

/* "SELECT rfm_collect(...) FROM source WHERE ...", without date bounds. */
static void
start_query(StringInfo sql, const RfmSource *source, QueryParams *params)
{
	initStringInfo(sql);
	appendStringInfo(sql, "SELECT %s(%s, %s, %s",
					 rfm_internal_name("collect"),
					 source->customer, source->ordered_at, source->amount.sql);
	if (source->order_id)
		appendStringInfo(sql, ", %s", source->order_id);
	appendStringInfoChar(sql, ')');
	append_from(sql, source, params);
}

RfmCollector *
rfm_source_read(const RfmModel *model, const RfmSource *source,
				DateADT run_date, MemoryContext mcxt)
{
	StringInfoData sql;
	QueryParams params = {0};
	SingleReceiver receiver = {0};

	start_query(&sql, source, &params);
	append_date_bound(&sql, source, &params, "<", run_date + 1);
	if (model->lookback)
		append_date_bound(&sql, source, &params, ">=",
						  rfm_calendar_first_day(run_date, model->lookback));

	receiver.mcxt = mcxt;
	if (!try_read(source, sql.data, &params, run_date, true, &receiver))
		(void) try_read(source, sql.data, &params, run_date, false, &receiver);
	return receiver.collector;
}

void
rfm_source_scan(const RfmModel *model, const RfmSource *source,
				DateADT first, DateADT last, DestReceiver *dest)
{
	StringInfoData sql;
	QueryParams params = {0};

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, %s, %s",
					 source->customer, source->ordered_at, source->amount.sql);
	if (source->order_id)
		appendStringInfo(&sql, ", %s", source->order_id);
	append_from(&sql, source, &params);
	append_date_bound(&sql, source, &params, "<", last + 1);
	if (model->lookback)
		append_date_bound(&sql, source, &params, ">=",
						  rfm_calendar_first_day(first, model->lookback));
	set_for_query("jit", "off");
	rfm_run_date_set(RFM_MANY_DATES);
	run_query(source, sql.data, &params, dest, true);
}

void
rfm_source_execute(const RfmSource *source, const char *sql, Snapshot snapshot, bool writes)
{
	ErrorContextCallback callback;
	bool		was_read_only = XactReadOnly;
	SPIPlanPtr	plan;

	callback.callback = source_error_callback;
	callback.arg = unconstify(RfmSource *, source);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	ereport(DEBUG1, (errmsg_internal("rfm: %s", sql)));

	set_for_query("jit", "off");
	query_running = true;
	XactReadOnly = !writes || was_read_only;
	PG_TRY();
	{
		plan = SPI_prepare_cursor(sql, 0, NULL, CURSOR_OPT_PARALLEL_OK);
		if (plan == NULL ||
			SPI_execute_snapshot(plan, NULL, NULL, snapshot, InvalidSnapshot,
								 false, true, 0) < 0)
			elog(ERROR, "statement over the source failed");
	}
	PG_FINALLY();
	{
		query_running = false;
		XactReadOnly = was_read_only;
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
}

void
rfm_source_check(const RfmSource *source)
{
	StringInfoData sql;
	QueryParams params = {0};
	SingleReceiver receiver = {0};

	start_query(&sql, source, &params);
	appendStringInfoString(&sql, " AND false");
	run_single(source, sql.data, &params, &receiver);
}

/*-------------------------------------------------------------------------
 *
 * query.c
 *		The queries over a source, and how the orders are read with them.
 *
 * FROM and WHERE are the same in all of them.  Where the orders lie on this
 * server they go through an aggregate that fills the collector as they are
 * scanned.  Where they lie elsewhere, and can be grouped there, one row a
 * customer comes instead; else the orders come one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <unistd.h>

#include "access/xact.h"
#include "base/catalog.h"
#include "base/citus.h"
#include "catalog/pg_type.h"
#include "collect/files.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "model/run_date.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "parser/parse_coerce.h"
#include "progress/progress.h"
#include "read/query.h"
#include "read/rows.h"
#include "read/source.h"
#include "utils/lsyscache.h"

/*
 * Their parts.
 */

/* At most the run date, the customer and the two date bounds. */
typedef struct QueryParams
{
	int			n;
	Oid			type[4];
	Datum		value[4];
} QueryParams;

/* Begin with the run date where an expression has a parameter for it. */
static void
start_params(const RfmSource *source, DateADT run_date, QueryParams *params)
{
	params->n = 0;
	if (!source->uses_run_date)
		return;
	params->type[RFM_RUN_DATE_PARAM - 1] = DATEOID;
	params->value[RFM_RUN_DATE_PARAM - 1] = DateADTGetDatum(run_date);
	params->n = RFM_RUN_DATE_PARAM;
}

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
	/* a composite customer of whom a part is null is one; "IS NOT NULL" would deny it */
	appendStringInfo(sql, " FROM %s AS %s WHERE NOT (%s IS NULL) AND %s IS NOT NULL",
					 source->relation, source->alias,
					 source->customer, source->ordered_at);
	if (source->group)
		appendStringInfo(sql, " AND %s IS NOT NULL", source->group);
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

/*
 * How rows are grouped by a key.  Of keys that are equal but can look different
 * the collector keeps the least look, so each look is a group of its own; NULL
 * where the type has no text that tells looks apart, or an order id may be one
 * of two of them.
 */
static const char *
group_by_key(const RfmSource *source, const RfmKeyType *key, const char *sql)
{
	if (key->kind != RFM_KEY_GENERIC ||
		(key->typbyval && key->typid != FLOAT4OID && key->typid != FLOAT8OID))
		return sql;
	if (source->order_id == NULL &&
		(key->typid == NUMERICOID || IsBinaryCoercible(key->typid, TEXTOID)))
		return psprintf("%s, CAST(%s AS pg_catalog.text) COLLATE pg_catalog.\"C\"", sql, sql);
	return NULL;
}

/* How customers are grouped; NULL where they cannot be. */
static const char *
group_by(const RfmSource *source)
{
	const char *customer = group_by_key(source, &source->key, source->customer);
	const char *group;

	if (source->group == NULL || customer == NULL)
		return customer;
	group = group_by_key(source, &source->group_key, source->group);
	return group ? psprintf("%s, %s", group, customer) : NULL;
}

static void
append_grouped_select(StringInfo sql, const RfmSource *source)
{
	const char *amount = source->amount.sql;
	char	   *orders_only = source->orders ?
		psprintf(" FILTER (WHERE %s OPERATOR(pg_catalog.>) 0)", source->orders) : "";

	appendStringInfo(sql, "SELECT %s, pg_catalog.max(%s)%s, pg_catalog.count(*), ",
					 source->customer, source->ordered_at, orders_only);
	if (source->real_amounts)
		appendStringInfo(sql, "%s(CAST(%s AS pg_catalog.float8))",
						 rfm_internal_name("exact_sum"), amount);
	else
		appendStringInfo(sql, "pg_catalog.sum(%s)", amount);
	if (source->order_id)
		appendStringInfo(sql, ", pg_catalog.count(DISTINCT %s)%s", source->order_id, orders_only);
	else if (source->orders)
		/* a negative number is an error, whatever it is added to */
		appendStringInfo(sql, ", CASE WHEN pg_catalog.min(%s) OPERATOR(pg_catalog.<) 0 THEN -1"
						 " ELSE CAST(pg_catalog.sum(%s) AS pg_catalog.int8) END",
						 source->orders, source->orders);
	if (source->group)
		appendStringInfo(sql, ", %s", source->group);
}

/* "SELECT ..." of the columns that rows.h names; the aggregate has the group first. */
static void
append_select(StringInfo sql, const RfmSource *source, RfmReading reading)
{
	bool		ticket = reading == RFM_READ_TICKET;

	if (reading == RFM_READ_GROUPED)
	{
		append_grouped_select(sql, source);
		return;
	}
	appendStringInfoString(sql, "SELECT ");
	if (ticket)
		appendStringInfo(sql, "%s(", rfm_internal_name(psprintf("collect%s%s", source->orders ? "_counted" : "",
																source->group ? "_within" : "")));
	if (ticket && source->group)
		appendStringInfo(sql, "%s, ", source->group);
	appendStringInfo(sql, "%s, %s, %s", source->customer, source->ordered_at, source->amount.sql);
	if (source->orders)
		appendStringInfo(sql, ", %s", source->orders);
	if (source->order_id)
		appendStringInfo(sql, ", %s", source->order_id);
	if (ticket)
		appendStringInfoChar(sql, ')');
	else if (source->group)
		appendStringInfo(sql, ", %s", source->group);
}

/* A query for the orders that count on some date from first to last. */
static char *
build_query(const RfmModel *model, const RfmSource *source, RfmReading reading,
			DateADT first, DateADT last, QueryParams *params)
{
	StringInfoData sql;

	initStringInfo(&sql);
	start_params(source, last, params);
	append_select(&sql, source, reading);
	append_from(&sql, source, params);
	append_date_bound(&sql, source, params, "<", last + 1);
	if (model->lookback)
		append_date_bound(&sql, source, params, ">=",
						  rfm_calendar_first_day(first, model->lookback));
	if (reading == RFM_READ_GROUPED)
		appendStringInfo(&sql, " GROUP BY %s", group_by(source));
	return sql.data;
}

static ParamListInfo
param_list(const QueryParams *params)
{
	ParamListInfo list;

	/* Citus does not expect a list of none */
	if (params->n == 0)
		return NULL;
	list = makeParamList(params->n);
	for (int i = 0; i < params->n; i++)
	{
		list->params[i].value = params->value[i];
		list->params[i].isnull = false;
		list->params[i].pflags = PARAM_FLAG_CONST;
		list->params[i].ptype = params->type[i];
	}
	return list;
}

/*
 * Running one.
 */

/* Receives one row with one column. */
typedef struct SingleReceiver
{
	DestReceiver pub;
	bool		isnull;
	Datum		value;			/* of a by-value type */
} SingleReceiver;

static bool
single_receive(TupleTableSlot *slot, DestReceiver *self)
{
	SingleReceiver *receiver = (SingleReceiver *) self;

	receiver->value = slot_getattr(slot, 1, &receiver->isnull);
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

/* Something that is done with a query over a source, within SPI. */
typedef struct QueryWork
{
	const RfmSource *source;
	const char *sql;
	ParamListInfo params;
	DestReceiver *dest;			/* NULL: only plan it */
	RfmPlanLook *look;			/* else NULL */
	RfmDependence *depends;		/* not NULL: not even plan it */
	bool		may_fail;		/* planning: the query may be none that can be run */
} QueryWork;

/* Plans, or runs, in one call, so that the plan may be parallel. */
static bool
do_work(const QueryWork *work)
{
	SPIExecuteOptions options = {0};

	if (work->depends)
	{
		rfm_plan_depends(work->sql, work->params, work->depends);
		return true;
	}
	if (work->dest == NULL && work->may_fail)
		return rfm_plan_try(work->sql, work->params, work->look);
	if (work->dest == NULL)
	{
		rfm_plan_look(work->sql, work->params, work->look);
		return true;
	}

	/*
	 * Not read_only: that would use a snapshot from before the query waited
	 * for its locks, which misses all rows of a table rewritten meanwhile.
	 */
	options.params = work->params;
	options.must_return_tuples = true;
	options.dest = work->dest;
	if (SPI_execute_extended(work->sql, &options) != SPI_OK_SELECT)
		elog(ERROR, "query over the source failed");
	return true;
}

/* Nothing that the query calls may write, whatever it is declared as. */
static bool
run_work(const QueryWork *work)
{
	ErrorContextCallback callback;
	bool		was_read_only = XactReadOnly;
	bool		result;

	callback.callback = source_error_callback;
	callback.arg = unconstify(RfmSource *, work->source);
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	SPI_connect();
	query_running = true;
	XactReadOnly = true;
	PG_TRY();
	{
		result = do_work(work);
	}
	PG_FINALLY();
	{
		query_running = false;
		XactReadOnly = was_read_only;
	}
	PG_END_TRY();
	SPI_finish();
	error_context_stack = callback.previous;
	return result;
}

static void
run_query(const RfmSource *source, const char *sql, const QueryParams *params,
		  DestReceiver *dest)
{
	QueryWork	work = {.source = source,.sql = sql,.params = param_list(params),.dest = dest};

	(void) run_work(&work);
}

/* Plans a query; false where it may fail and cannot be run. */
static bool
look_at_query(const RfmSource *source, const char *sql, const QueryParams *params,
			  bool may_fail, RfmPlanLook *look)
{
	QueryWork	work = {.source = source,.sql = sql,.params = param_list(params),
	.look = look,.may_fail = may_fail};

	return run_work(&work);
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
	run_query(source, sql, params, &receiver->pub);
}

bool
rfm_source_latest_date(const RfmModel *model, const RfmSource *source,
					   DateADT *date)
{
	DateADT		today = rfm_calendar_today(&source->calendar);
	StringInfoData sql;
	QueryParams params = {0};
	SingleReceiver receiver = {0};

	initStringInfo(&sql);
	start_params(source, today, &params);
	appendStringInfo(&sql, "SELECT pg_catalog.max(%s)", source->ordered_at);
	append_from(&sql, source, &params);
	if (source->orders)
		appendStringInfo(&sql, " AND %s OPERATOR(pg_catalog.>) 0", source->orders);
	append_date_bound(&sql, source, &params, "<", today + 1);
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
 * Reading.
 */

int			rfm_grouped_reading = RFM_GROUPED_AUTO;

/* How the orders are read. */
typedef struct ReadPlan
{
	RfmReading	reading;
	bool		pushed;			/* other servers group */
	char	   *sql;
	QueryParams params;
	bool		elsewhere;		/* some of it runs on other servers, or in an extension */
	double		rows;			/* orders expected */
} ReadPlan;

/*
 * Grouping here what could be grouped there would be no use: a planner without
 * statistics of the other server has no other reason to send it there.
 */
static void
prefer_pushing(void)
{
	set_for_query("enable_hashagg", "off");
	set_for_query("enable_sort", "off");
	set_for_query("enable_partitionwise_aggregate", "on");
}

/* Is the query of groups one that other servers run whole? */
static bool
groups_elsewhere(const RfmSource *source, const ReadPlan *plan)
{
	int			level = NewGUCNestLevel();
	RfmPlanLook look;
	bool		result;

	prefer_pushing();
	result = look_at_query(source, plan->sql, &plan->params, true, &look) && look.pushed;
	AtEOXact_GUC(false, level);
	return result;
}

static void
plan_reading(const RfmModel *model, const RfmSource *source, DateADT run_date, ReadPlan *plan)
{
	ReadPlan	grouped = {.reading = RFM_READ_GROUPED};
	bool		may_group = rfm_grouped_reading != RFM_GROUPED_OFF && group_by(source) != NULL;
	RfmPlanLook look;

	memset(plan, 0, sizeof(*plan));
	plan->sql = build_query(model, source, RFM_READ_TICKET, run_date, run_date, &plan->params);
	look_at_query(source, plan->sql, &plan->params, false, &look);
	plan->rows = grouped.rows = look.rows;
	plan->elsewhere = grouped.elsewhere = look.elsewhere;

	if (may_group && (look.elsewhere || rfm_grouped_reading == RFM_GROUPED_ON))
	{
		grouped.sql = build_query(model, source, RFM_READ_GROUPED, run_date, run_date,
								  &grouped.params);
		grouped.pushed = plan->elsewhere && groups_elsewhere(source, &grouped);
		if (grouped.pushed || rfm_grouped_reading == RFM_GROUPED_ON)
		{
			*plan = grouped;
			return;
		}
	}

	/* a ticket is worth nothing outside the process that made it */
	if (look.aggregates)
		return;
	plan->reading = RFM_READ_ORDERS;
	plan->sql = build_query(model, source, RFM_READ_ORDERS, run_date, run_date, &plan->params);
}

/* Run a query; other servers, if there are some, see the settings of this one. */
static void
run_elsewhere(const RfmSource *source, const char *sql, const QueryParams *params,
			  bool elsewhere, DestReceiver *dest)
{
	if (elsewhere)
		rfm_citus_send_settings(RFM_RUN_DATE_SETTING);
	run_query(source, sql, params, dest);
	if (elsewhere)
		rfm_citus_reset_settings(RFM_RUN_DATE_SETTING);
}

/* Run the query, in parallel where the planner says so. */
static RfmCollector *
read_orders(const RfmSource *source, const ReadPlan *plan, DateADT run_date, MemoryContext mcxt)
{
	int			level = NewGUCNestLevel();
	RfmRowsReceiver receiver;

	rfm_rows_receiver_init(&receiver, plan->reading, source->orders != NULL, source->group != NULL, mcxt);
	/* the time goes into memory, not into expressions worth compiling */
	set_for_query("jit", "off");
	/* a worker that runs the whole query would keep the ticket to itself */
	set_for_query(RFM_DEBUG_PARALLEL_QUERY, "off");
	set_workers(true);
	if (plan->pushed)
		prefer_pushing();
	rfm_files_share();
	rfm_run_date_set(run_date);
	run_elsewhere(source, plan->sql, &plan->params, plan->elsewhere, &receiver.pub);
	AtEOXact_GUC(false, level);
	rfm_files_unshare();
	return rfm_rows_finish(&receiver);
}

RfmCollector *
rfm_source_read(const RfmModel *model, RfmSource *source, DateADT run_date, MemoryContext mcxt)
{
	ReadPlan	plan;

	plan_reading(model, source, run_date, &plan);
	source->grouped = plan.reading == RFM_READ_GROUPED;
	ereport(DEBUG1, (errmsg_internal("rfm: orders are read %s: %s",
									 plan.reading == RFM_READ_TICKET ? "here, where they are scanned" :
									 plan.reading == RFM_READ_ORDERS ? "one by one" :
									 plan.pushed ? "grouped where they lie" : "grouped",
									 plan.sql)));
	if (rfm_progress_wanted())
		rfm_progress_expect(plan.rows);
	return read_orders(source, &plan, run_date, mcxt);
}

bool
rfm_source_scan(const RfmModel *model, const RfmSource *source,
				DateADT first, DateADT last, DestReceiver *dest)
{
	QueryParams params;
	char	   *sql = build_query(model, source, RFM_READ_ORDERS, first, last, &params);
	RfmPlanLook look;

	/* a view may call rfm_run_date(), which has to be noticed in this process */
	look_at_query(source, sql, &params, false, &look);
	if (source->is_view && look.elsewhere)
		return false;
	if (rfm_progress_wanted())
		rfm_progress_expect(look.rows);
	set_for_query("jit", "off");
	if (source->is_view)
		set_workers(false);
	rfm_run_date_set(RFM_MANY_DATES);
	run_elsewhere(source, sql, &params, look.elsewhere, dest);
	return true;
}

void
rfm_source_read_in_order(const RfmSource *source, DateADT first, DateADT run_date,
						 DestReceiver *dest)
{
	StringInfoData sql;
	QueryParams params = {0};
	RfmPlanLook look;

	initStringInfo(&sql);
	start_params(source, run_date, &params);
	appendStringInfo(&sql, "SELECT %s, %s, %s, ",
					 source->customer, source->ordered_at, source->amount.sql);
	if (source->order_id)
		/* of a composite one no part need be there: as count(DISTINCT) takes it */
		appendStringInfo(&sql, "CASE WHEN (%s) IS DISTINCT FROM NULL THEN %s END",
						 source->order_id, source->orders ? source->orders : "CAST(1 AS pg_catalog.int8)");
	else
		appendStringInfoString(&sql, source->orders ? source->orders : "CAST(1 AS pg_catalog.int8)");
	append_from(&sql, source, &params);
	append_date_bound(&sql, source, &params, "<", run_date + 1);
	if (!DATE_NOT_FINITE(first))
		append_date_bound(&sql, source, &params, ">=", first);
	appendStringInfoString(&sql, " ORDER BY 1, 2");

	set_for_query("jit", "off");
	set_workers(true);
	/* an index in this order would be a visit to a random page for each row */
	if (source->customer_equals == NULL)
	{
		set_for_query("enable_indexscan", "off");
		set_for_query("enable_incremental_sort", "off");
	}
	/* of all rows, a process sorts its share */
	set_for_query("work_mem", psprintf("%zu", Max(rfm_memory_bound() / 1024, (Size) 64)));
	rfm_run_date_set(run_date);
	look_at_query(source, sql.data, &params, false, &look);
	run_elsewhere(source, sql.data, &params, look.elsewhere, dest);
}

RfmDependence
rfm_source_depends(const RfmModel *model, const RfmSource *source, DateADT run_date)
{
	QueryParams params;
	char	   *sql = build_query(model, source, RFM_READ_TICKET, run_date, run_date, &params);
	RfmDependence depends = {0};
	QueryWork	work = {.source = source,.sql = sql,.params = param_list(&params),.depends = &depends};

	run_work(&work);
	return depends;
}

void
rfm_source_check(const RfmSource *source)
{
	StringInfoData sql;
	QueryParams params = {0};
	SingleReceiver receiver = {0};

	initStringInfo(&sql);
	start_params(source, rfm_calendar_today(&source->calendar), &params);
	append_select(&sql, source, RFM_READ_TICKET);
	append_from(&sql, source, &params);
	appendStringInfoString(&sql, " AND false");
	run_single(source, sql.data, &params, &receiver);
}

/*-------------------------------------------------------------------------
 *
 * query.c
 *		Reading the orders of a source.
 *
 * If the orders are on this server, an aggregate fills the collector while
 * they are scanned.  If they are on other servers that can group them, one row
 * per customer is read; otherwise the orders are read one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <unistd.h>

#include "access/xact.h"
#include "base/citus.h"
#include "base/query.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "collect/files.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "model/run_date.h"
#include "optimizer/cost.h"
#include "progress/progress.h"
#include "read/query.h"
#include "read/query_text.h"
#include "read/rows.h"
#include "read/source.h"
#include "utils/memutils.h"

/*
 * Running one.
 */

/* Set while a model's query is running; it must not start another. */
static bool query_running = false;

void
rfm_source_forbid_nesting(void)
{
	if (query_running)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a model cannot be used inside the query of a model"),
				 errhint("Do not call functions of rfm in a model's source or expressions.")));
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
	DestReceiver *dest;			/* takes the rows; NULL: one value is wanted */
	Datum		value;			/* which is passed by value */
	bool		isnull;
	RfmPlanLook *look;			/* not NULL: only plan it */
	RfmDependence *depends;		/* not NULL: not even plan it */
	bool		may_fail;		/* planning: another server may be unable to run it */
} QueryWork;

static void
plan_it(void *arg)
{
	const QueryWork *work = (const QueryWork *) arg;

	rfm_plan_look(work->sql, work->params, work->look);
}

/* Plan, or run, in one call, so that the plan may be parallel. */
static bool
do_work(QueryWork *work)
{
	SPIExecuteOptions options = {0};
	ErrorData  *error = NULL;

	if (work->depends)
	{
		rfm_plan_depends(work->sql, work->params, work->depends);
		return true;
	}
	if (work->look)
	{
		if (work->may_fail)
			error = rfm_try(plan_it, work);
		else
			plan_it(work);
		if (error && error->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED)
			ReThrowError(error);
		return error == NULL;
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
	work->isnull = true;
	if (work->dest == NULL && SPI_processed > 0)
		work->value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &work->isnull);
	return true;
}

/* No function that the query calls may write, whatever its declaration. */
static bool
run_work(QueryWork *work)
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
run_query(const RfmSource *source, const char *sql, const RfmQueryParams *params,
		  DestReceiver *dest)
{
	QueryWork	work = {.source = source,.sql = sql,.params = rfm_param_list(params->param),.dest = dest};

	(void) run_work(&work);
}

/* Plan a query. Returns false if it may fail, and cannot be run. */
static bool
look_at_query(const RfmSource *source, const char *sql, const RfmQueryParams *params,
			  bool may_fail, RfmPlanLook *look)
{
	QueryWork	work = {.source = source,.sql = sql,.params = rfm_param_list(params->param),
	.look = look,.may_fail = may_fail};

	return run_work(&work);
}

bool
rfm_source_latest_date(const RfmSource *source, DateADT *date)
{
	DateADT		today = rfm_calendar_today(&source->calendar);
	RfmQueryParams params = {0};
	QueryWork	work = {.source = source,.sql = rfm_query_text_latest(source, today, &params)};

	work.params = rfm_param_list(params.param);
	run_work(&work);
	if (work.isnull)
		return false;
	*date = rfm_calendar_date(&source->calendar,
							  source->calendar.time_type == DATEOID ?
							  (int64) DatumGetDateADT(work.value) :
							  DatumGetInt64(work.value));
	return true;
}

/*
 * Each process fills a table of all customers that it reads, and the tables
 * are then merged.  More processes than CPUs would add work without sharing
 * any.
 */
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
		rfm_set_local("max_parallel_workers_per_gather", psprintf("%d", most));
}

/*
 * Reading.
 */

/* How the orders are read. */
typedef struct ReadPlan
{
	RfmReading	reading;
	bool		pushed;			/* other servers group */
	char	   *sql;
	RfmQueryParams params;
	bool		elsewhere;		/* some of it runs on other servers, or in an extension */
	double		rows;			/* orders expected */
} ReadPlan;

/*
 * Grouping on this server would be useless.  A planner without statistics of
 * the other server has no other reason to prefer grouping there.
 */
static void
prefer_pushing(void)
{
	rfm_set_local("enable_hashagg", "off");
	rfm_set_local("enable_sort", "off");
	rfm_set_local("enable_partitionwise_aggregate", "on");
}

/* Determine whether other servers run the whole grouped query. */
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
	bool		may_group = rfm_grouped_reading != RFM_GROUPED_OFF && rfm_query_may_group(source);
	RfmPlanLook look;

	memset(plan, 0, sizeof(*plan));
	plan->sql = rfm_query_text(model, source, RFM_READ_TICKET, run_date, run_date, &plan->params);
	look_at_query(source, plan->sql, &plan->params, false, &look);
	plan->rows = grouped.rows = look.rows;
	plan->elsewhere = grouped.elsewhere = look.elsewhere;

	if (may_group && (look.elsewhere || rfm_grouped_reading == RFM_GROUPED_ON))
	{
		grouped.sql = rfm_query_text(model, source, RFM_READ_GROUPED, run_date, run_date,
								  &grouped.params);
		grouped.pushed = plan->elsewhere && groups_elsewhere(source, &grouped);
		if (grouped.pushed || rfm_grouped_reading == RFM_GROUPED_ON)
		{
			*plan = grouped;
			return;
		}
	}

	/* a ticket is useless outside the process that made it */
	if (look.aggregates)
		return;
	plan->reading = RFM_READ_ORDERS;
	plan->sql = rfm_query_text(model, source, RFM_READ_ORDERS, run_date, run_date, &plan->params);
}

/* Run a query; other servers, if there are some, see the settings of this one. */
static void
run_elsewhere(const RfmSource *source, const char *sql, const RfmQueryParams *params,
			  bool elsewhere, DestReceiver *dest)
{
	if (elsewhere)
		rfm_citus_settings(false);
	run_query(source, sql, params, dest);
	if (elsewhere)
		rfm_citus_settings(true);
}

/* Run the query, in parallel where the planner says so. */
static RfmCollector *
read_orders(const RfmSource *source, const ReadPlan *plan, bool visits, DateADT run_date,
			MemoryContext mcxt)
{
	int			level = NewGUCNestLevel();
	RfmRowsReceiver receiver;

	rfm_rows_receiver_init(&receiver, plan->reading, visits || source->orders != NULL,
						   source->group != NULL, visits, mcxt);

	/*
	 * most of the time is for memory access, so compiling expressions does not
	 * pay
	 */
	rfm_set_local("jit", "off");
	/* the ticket of a worker that runs the whole query would be useless here */
	rfm_set_local(RFM_DEBUG_PARALLEL_QUERY, "off");
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
rfm_source_read(const RfmModel *model, RfmSource *source, DateADT run_date)
{
	ReadPlan	plan;

	plan_reading(model, source, run_date, &plan);
	source->grouped = plan.reading == RFM_READ_GROUPED;
	ereport(DEBUG1, (errmsg_internal("rfm: orders are read %s: %s",
									 plan.reading == RFM_READ_TICKET ? "here, where they are scanned" :
									 plan.reading == RFM_READ_ORDERS ? "one by one" :
									 plan.pushed ? "grouped where they lie" : "grouped",
									 plan.sql)));
	rfm_progress_expect(plan.rows);
	return read_orders(source, &plan, false, run_date, CurrentMemoryContext);
}

bool
rfm_source_scan(const RfmModel *model, const RfmSource *source,
				DateADT first, DateADT last, DestReceiver *dest)
{
	RfmQueryParams params;
	char	   *sql = rfm_query_text(model, source, RFM_READ_ORDERS, first, last, &params);
	RfmPlanLook look;

	/* a view may call rfm_run_date(), which only this process can detect */
	look_at_query(source, sql, &params, false, &look);
	if (source->is_view && look.elsewhere)
		return false;
	rfm_progress_expect(look.rows);
	rfm_set_local("jit", "off");
	if (source->is_view)
		set_workers(false);
	rfm_run_date_set(RFM_MANY_DATES);
	run_elsewhere(source, sql, &params, look.elsewhere, dest);
	return true;
}

/*
 * Read the rows that count for run_date, from day first on, into a collector that
 * keeps visits; NULL where there is no row.
 */
static RfmCollector *
read_visits(const RfmSource *source, DateADT first, DateADT run_date, MemoryContext mcxt)
{
	ReadPlan	plan = {.reading = RFM_READ_TICKET};
	RfmPlanLook look;

	plan.sql = rfm_query_text_visits(source, true, first, run_date, &plan.params);
	look_at_query(source, plan.sql, &plan.params, false, &look);
	plan.elsewhere = look.elsewhere;
	if (!look.aggregates)
	{
		plan.reading = RFM_READ_ORDERS;
		plan.sql = rfm_query_text_visits(source, false, first, run_date, &plan.params);
	}
	return read_orders(source, &plan, true, run_date, mcxt);
}

/* Where customers go who have had a visit. */
typedef struct Visitors
{
	RfmVisitorSink sink;
	void	   *arg;
} Visitors;

/* Whoever never had a visit, but a refund, say, is no customer. */
static void
give_visitor(void *arg, const RfmVisitor *visitor)
{
	const Visitors *visitors = (const Visitors *) arg;

	if (visitor->visits > 0)
		visitors->sink(visitors->arg, visitor);
}

void
rfm_visits_read(const RfmSource *source, DateADT first, DateADT run_date, bool in_key_order,
				RfmVisitorSink sink, void *arg)
{
	Visitors	visitors = {sink, arg};
	MemoryContext mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm visits", ALLOCSET_DEFAULT_SIZES);
	RfmCollector *c = read_visits(source, first, run_date, mcxt);

	if (c && DATE_NOT_FINITE(first))
		rfm_visit_walk(c, in_key_order, give_visitor, &visitors);
	else if (c)
		rfm_visit_walk(c, in_key_order, sink, arg);
	MemoryContextDelete(mcxt);
}

RfmDependence
rfm_source_depends(const RfmModel *model, const RfmSource *source, DateADT run_date)
{
	RfmQueryParams params;
	char	   *sql = rfm_query_text(model, source, RFM_READ_TICKET, run_date, run_date, &params);
	RfmDependence depends = {0};
	QueryWork	work = {.source = source,.sql = sql,.params = rfm_param_list(params.param),.depends = &depends};

	run_work(&work);
	return depends;
}

void
rfm_source_check(const RfmSource *source)
{
	RfmQueryParams params = {0};
	QueryWork	work = {.source = source,.sql = rfm_query_text_check(source, &params)};

	work.params = rfm_param_list(params.param);
	run_work(&work);
}

/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *		The aggregate that fills the per-customer table.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/version.h"
#include "catalog/pg_type.h"
#include "collect/entry.h"
#include "collect/queue.h"
#include "collect/table.h"
#include "collect/ticket.h"
#include "collect/visit.h"
#include "nodes/nodeFuncs.h"

PG_FUNCTION_INFO_V1(rfm_collect_trans);
PG_FUNCTION_INFO_V1(rfm_collect_counted_trans);
PG_FUNCTION_INFO_V1(rfm_collect_within_trans);
PG_FUNCTION_INFO_V1(rfm_collect_counted_within_trans);
PG_FUNCTION_INFO_V1(rfm_collect_visits_trans);
PG_FUNCTION_INFO_V1(rfm_collect_visits_within_trans);
PG_FUNCTION_INFO_V1(rfm_collect_final);

/* The arguments of an aggregate call by number, from 1 on. */
typedef struct Arguments
{
	int			customer;		/* 2 where the first is the group, else 1 */
	int			time;
	int			amount;
	int			orders;			/* how many a row stands for; 0: one */
	int			order_id;		/* if there is such an argument */
	bool		visits;			/* collect days */
} Arguments;

/* Make a collector for the argument types and collations of the aggregate call. */
static RfmCollector *
collector_for_call(FunctionCallInfo fcinfo, MemoryContext aggcontext, const Arguments *arg)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	RfmCollected types = {0};
	int			n = 0;
	ListCell   *lc;

	if (aggref == NULL)
		elog(ERROR, "could not determine the argument types of rfm_collect");
	types.visits = arg->visits;
	foreach(lc, aggref->args)
	{
		Node	   *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;
		Oid			type = exprType(expr);

		n++;
		if (n == arg->customer)
		{
			types.customer_type = type;
			types.customer_collation = exprCollation(expr);
		}
		else if (n < arg->customer)
		{
			types.group_type = type;
			types.group_collation = exprCollation(expr);
		}
		else if (n == arg->time)
			types.time_type = type;
		else if (n == arg->amount)
			types.amount_type = type;
		else if (n == arg->order_id)
		{
			types.order_type = type;
			types.order_collation = exprCollation(expr);
		}
	}
	return rfm_collector_create(aggcontext, &types, 0);
}

/* Take a row. */
static pg_attribute_always_inline Datum
collect_row(FunctionCallInfo fcinfo, const Arguments arg)
{
	MemoryContext aggcontext;
	RfmCollector *c;
	RfmWaitingRow row;
	char		pair[RFM_FLAT_PAIR_SIZE];

	aggcontext = rfm_aggregate_context(fcinfo);

	c = PG_ARGISNULL(0) ? NULL : (RfmCollector *) PG_GETARG_POINTER(0);
	if (c == NULL)
		c = collector_for_call(fcinfo, aggcontext, &arg);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(arg.customer) || PG_ARGISNULL(arg.time))
		PG_RETURN_POINTER(c);

	row.key = rfm_row_key(c, PG_GETARG_DATUM(1), PG_GETARG_DATUM(arg.customer), pair);
	row.last = c->time_type == DATEOID ?
		(int64) DatumGetInt32(PG_GETARG_DATUM(arg.time)) : DatumGetInt64(PG_GETARG_DATUM(arg.time));
	row.has_order = !arg.visits && c->distinct_orders && !PG_ARGISNULL(arg.order_id);
	if (row.has_order)
		row.order = rfm_key_from_datum(&c->order_type, PG_GETARG_DATUM(arg.order_id));
	row.rows = row.orders = 1;
	if (arg.visits)
		rfm_visit_set(c, &row, PG_ARGISNULL(arg.orders) ? 0 : PG_GETARG_INT64(arg.orders));
	else if (arg.orders > 0)
		rfm_row_set_orders(c, &row, PG_ARGISNULL(arg.orders) ? 0 : PG_GETARG_INT64(arg.orders));
	row.amount.form = RFM_FORM_NONE;
	if (!PG_ARGISNULL(arg.amount))
		rfm_amount_decode(c->amount_type, PG_GETARG_DATUM(arg.amount), &row.amount);
	rfm_queue_add(c, &row);
	PG_RETURN_POINTER(c);
}

Datum
rfm_collect_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, (Arguments) {1, 2, 3, 0, 4, false});
}

Datum
rfm_collect_counted_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, (Arguments) {1, 2, 3, 4, 5, false});
}

Datum
rfm_collect_within_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, (Arguments) {2, 3, 4, 0, 5, false});
}

Datum
rfm_collect_counted_within_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, (Arguments) {2, 3, 4, 5, 6, false});
}

Datum
rfm_collect_visits_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, (Arguments) {1, 2, 3, 4, 0, true});
}

Datum
rfm_collect_visits_within_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, (Arguments) {2, 3, 4, 5, 0, true});
}

Datum
rfm_collect_final(PG_FUNCTION_ARGS)
{
	RfmCollector *c;

	rfm_version_check();
	(void) rfm_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = (RfmCollector *) PG_GETARG_POINTER(0);
	rfm_queue_drain(c);
	PG_RETURN_INT64(rfm_ticket_issue(c));
}


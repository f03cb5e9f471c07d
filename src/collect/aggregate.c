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
#include "nodes/nodeFuncs.h"

PG_FUNCTION_INFO_V1(rfm_collect_trans);
PG_FUNCTION_INFO_V1(rfm_collect_counted_trans);
PG_FUNCTION_INFO_V1(rfm_collect_final);

/*
 * Make a collector for the argument types and collations of the aggregate call,
 * whose argument at that place, if it is there, is the order id.
 */
static RfmCollector *
collector_for_call(FunctionCallInfo fcinfo, MemoryContext aggcontext, int order_id)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	RfmCollector *c;
	Oid			type[5] = {InvalidOid};
	Oid			collation[5] = {InvalidOid};
	int			n = 0;
	ListCell   *lc;

	if (aggref == NULL)
		elog(ERROR, "could not determine the argument types of rfm_collect");
	foreach(lc, aggref->args)
	{
		Node	   *arg = (Node *) lfirst_node(TargetEntry, lc)->expr;

		Assert(n < 5);
		type[n] = exprType(arg);
		collation[n] = exprCollation(arg);
		n++;
	}
	c = rfm_collector_create(aggcontext, type[0], collation[0], type[1], type[2],
							 n > order_id, type[order_id], collation[order_id], 0);
	return c;
}

/*
 * Take a row: arguments 1 to 3 are customer, time and amount, 4 is how many orders
 * it stands for where they are counted, order_id is the number of that argument.
 */
static pg_attribute_always_inline Datum
collect_row(FunctionCallInfo fcinfo, bool counted, int order_id)
{
	MemoryContext aggcontext;
	RfmCollector *c;
	RfmWaitingRow row;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "rfm_collect_trans called in non-aggregate context");

	c = PG_ARGISNULL(0) ? NULL : (RfmCollector *) PG_GETARG_POINTER(0);
	if (c == NULL)
		c = collector_for_call(fcinfo, aggcontext, order_id - 1);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(c);

	row.key = rfm_key_from_datum(&c->customer_type, PG_GETARG_DATUM(1));
	row.last = c->time_type == DATEOID ?
		(int64) DatumGetInt32(PG_GETARG_DATUM(2)) : DatumGetInt64(PG_GETARG_DATUM(2));
	row.has_order = c->distinct_orders && !PG_ARGISNULL(order_id);
	if (row.has_order)
		row.order = rfm_key_from_datum(&c->order_type, PG_GETARG_DATUM(order_id));
	row.rows = row.orders = 1;
	if (counted)
		rfm_row_set_orders(c, &row, PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4));
	row.amount.form = RFM_FORM_NONE;
	if (!PG_ARGISNULL(3))
		rfm_amount_decode(c->amount_type, PG_GETARG_DATUM(3), &row.amount);
	rfm_queue_add(c, &row);
	PG_RETURN_POINTER(c);
}

Datum
rfm_collect_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, false, 4);
}

Datum
rfm_collect_counted_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, true, 5);
}

Datum
rfm_collect_final(PG_FUNCTION_ARGS)
{
	RfmCollector *c;

	rfm_version_check();
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "rfm_collect_final called in non-aggregate context");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = (RfmCollector *) PG_GETARG_POINTER(0);
	rfm_queue_drain(c);
	PG_RETURN_INT64(rfm_ticket_issue(c));
}


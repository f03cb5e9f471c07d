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
#include "collect/queue.h"
#include "collect/table.h"
#include "collect/ticket.h"
#include "nodes/nodeFuncs.h"

PG_FUNCTION_INFO_V1(rfm_collect_trans);
PG_FUNCTION_INFO_V1(rfm_collect_within_trans);
PG_FUNCTION_INFO_V1(rfm_collect_final);

/*
 * Make a collector for the argument types and collations of the aggregate call:
 * with groups, the first of them is the group.
 */
static RfmCollector *
collector_for_call(FunctionCallInfo fcinfo, MemoryContext aggcontext, bool groups)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	RfmCollector *c;
	Oid			type[5] = {InvalidOid, InvalidOid, InvalidOid, InvalidOid, InvalidOid};
	Oid			collation[5] = {InvalidOid, InvalidOid, InvalidOid, InvalidOid, InvalidOid};
	int			n = groups ? 0 : 1;
	RfmCollected types;
	ListCell   *lc;

	if (aggref == NULL)
		elog(ERROR, "could not determine the argument types of rfm_collect");
	foreach(lc, aggref->args)
	{
		Node	   *arg = (Node *) lfirst_node(TargetEntry, lc)->expr;

		Assert(n < (int) lengthof(type));
		type[n] = exprType(arg);
		collation[n] = exprCollation(arg);
		n++;
	}
	types = (RfmCollected)
	{
		type[0], collation[0], type[1], collation[1], type[2], type[3], type[4], collation[4]
	};
	c = rfm_collector_create(aggcontext, &types, 0);
	return c;
}

/* Take a row; with groups, its first column is the group, and customers come after it. */
static Datum
collect_row(FunctionCallInfo fcinfo, bool groups)
{
	MemoryContext aggcontext;
	RfmCollector *c;
	RfmWaitingRow row;
	int			customer = groups ? 2 : 1;
	int			time = customer + 1;
	int			amount = customer + 2;
	int			order = customer + 3;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "a transition function of rfm_collect called in non-aggregate context");

	c = PG_ARGISNULL(0) ? NULL : (RfmCollector *) PG_GETARG_POINTER(0);
	if (c == NULL)
		c = collector_for_call(fcinfo, aggcontext, groups);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(customer) || PG_ARGISNULL(time))
		PG_RETURN_POINTER(c);

	row.key = rfm_row_key(c, PG_GETARG_DATUM(1), PG_GETARG_DATUM(customer));
	row.last = c->time_type == DATEOID ?
		(int64) DatumGetInt32(PG_GETARG_DATUM(time)) : DatumGetInt64(PG_GETARG_DATUM(time));
	row.has_order = c->distinct_orders && !PG_ARGISNULL(order);
	if (row.has_order)
		row.order = rfm_key_from_datum(&c->order_type, PG_GETARG_DATUM(order));
	row.rows = 1;
	row.amount.form = RFM_FORM_NONE;
	if (!PG_ARGISNULL(amount))
		rfm_amount_decode(c->amount_type, PG_GETARG_DATUM(amount), &row.amount);
	rfm_queue_add(c, &row);
	PG_RETURN_POINTER(c);
}

Datum
rfm_collect_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, false);
}

Datum
rfm_collect_within_trans(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	return collect_row(fcinfo, true);
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


/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *		The aggregate that fills the per-customer table, and the way out of it.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/signature.h"
#include "catalog/pg_type.h"
#include "collect/table.h"
#include "common/int.h"
#include "lib/ilist.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(rfm_collect_trans);
PG_FUNCTION_INFO_V1(rfm_collect_final);

/*
 * The aggregate's transition function.
 */

/* The arguments' types and collations, as the query's aggregate call has them. */
static RfmCollector *
collector_for_call(FunctionCallInfo fcinfo, MemoryContext aggcontext)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	RfmCollector *c;
	Oid			type[4] = {InvalidOid, InvalidOid, InvalidOid, InvalidOid};
	Oid			collation[4] = {InvalidOid, InvalidOid, InvalidOid, InvalidOid};
	int			n = 0;
	ListCell   *lc;

	if (aggref == NULL)
		elog(ERROR, "could not determine the argument types of rfm_collect");
	foreach(lc, aggref->args)
	{
		Node	   *arg = (Node *) lfirst_node(TargetEntry, lc)->expr;

		Assert(n < 4);
		type[n] = exprType(arg);
		collation[n] = exprCollation(arg);
		n++;
	}
	c = rfm_collector_create(aggcontext, type[0], collation[0], type[1], type[2],
							 n > 3, type[3], collation[3], 0);
	c->partial = DO_AGGSPLIT_SKIPFINAL(aggref->aggsplit);
	return c;
}

/*
 * Rows of one customer, and of one order, often stand together.  Adds a row to
 * the one before it, where nothing but sums and the latest time remain of it.
 */
static inline bool
extend_row(RfmCollector *c, RfmWaitingRow *before, const RfmWaitingRow *row)
{
	int64		sum;
	uint32		rows;

	if (c->customer_type.kind == RFM_KEY_GENERIC ||
		pg_add_u32_overflow(before->rows, row->rows, &rows) ||
		!rfm_key_equal(&c->customer_type, before->key, row->key) ||
		before->has_order != row->has_order)
		return false;
	if (row->has_order &&
		(c->order_type.kind == RFM_KEY_GENERIC ||
		 !rfm_key_equal(&c->order_type, before->order, row->order)))
		return false;

	if (row->amount.form != RFM_FORM_NONE)
	{
		if (row->amount.form != RFM_FORM_SCALED || before->amount.form != RFM_FORM_SCALED ||
			row->amount.scale != before->amount.scale ||
			pg_add_s64_overflow(before->amount.v.scaled, row->amount.v.scaled, &sum))
			return false;
		before->amount.v.scaled = sum;
	}
	before->last = Max(before->last, row->last);
	before->rows = rows;
	return true;
}

/* Queues a row, whose keys still stand where the executor has them. */
static inline void
queue_row(RfmCollector *c, const RfmWaitingRow *row)
{
	RfmWaitingRow *queued;

	rfm_queue_room(c, MAXALIGN(rfm_key_size(&c->customer_type, row->key)) +
				   (row->has_order ? MAXALIGN(rfm_key_size(&c->order_type, row->order)) : 0));
	queued = rfm_queue_at(c, c->queue.arrived);
	*queued = *row;
	queued->key = rfm_queue_key(c, &c->customer_type, row->key);
	queued->hash = rfm_key_hash(&c->customer_type, queued->key);
	rfm_prefetch_place(c, queued->key, queued->hash);
	if (row->has_order)
	{
		queued->order = rfm_queue_key(c, &c->order_type, row->order);
		queued->order_hash = rfm_order_hash(rfm_key_hash(&c->order_type, queued->order),
											queued->hash);
		rfm_prefetch_order(c, queued->order_hash);
	}
	rfm_queue_row(c);
}

/* Adds a row, whose keys and amount still stand where the executor has them. */
static inline void
add_row(RfmCollector *c, const RfmWaitingRow *row)
{
	if (c->queue.arrived > c->queue.taken &&
		extend_row(c, rfm_queue_at(c, c->queue.arrived - 1), row))
		return;
	queue_row(c, row);

	/* a numeric that was not decoded does not outlive this call */
	if (row->amount.form == RFM_FORM_NUMERIC)
		rfm_queue_drain(c);
}

void
rfm_collector_add(RfmCollector *c, const RfmWaitingRow *row)
{
	add_row(c, row);
}

static const RfmSignature collect_trans_signature = {
	"rfm_collect_trans", PROKIND_FUNCTION, .result = INTERNALOID, .optional = 1,
	.arg = {INTERNALOID, ANYOID, ANYOID, ANYOID, ANYOID}
};

Datum
rfm_collect_trans(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	RfmCollector *c;
	RfmWaitingRow row;

	rfm_signature_check(fcinfo, &collect_trans_signature);
	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "rfm_collect_trans called in non-aggregate context");

	c = PG_ARGISNULL(0) ? NULL : (RfmCollector *) PG_GETARG_POINTER(0);
	if (c == NULL)
		c = collector_for_call(fcinfo, aggcontext);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(c);

	row.key = rfm_key_from_datum(&c->customer_type, PG_GETARG_DATUM(1));
	row.last = c->time_type == DATEOID ?
		(int64) DatumGetInt32(PG_GETARG_DATUM(2)) : DatumGetInt64(PG_GETARG_DATUM(2));
	row.has_order = c->distinct_orders && !PG_ARGISNULL(4);
	if (row.has_order)
		row.order = rfm_key_from_datum(&c->order_type, PG_GETARG_DATUM(4));
	row.rows = 1;
	row.amount.form = RFM_FORM_NONE;
	if (!PG_ARGISNULL(3))
		rfm_amount_decode(c->amount_type, PG_GETARG_DATUM(3), &row.amount);
	if (row.amount.form == RFM_FORM_NOT_FINITE)
		rfm_money_error(c, row.key, false);

	add_row(c, &row);
	PG_RETURN_POINTER(c);
}

/*
 * The way out: tickets.
 */

typedef struct Ticket
{
	dlist_node	node;
	int64		number;
	RfmCollector *collector;
	MemoryContextCallback callback;
} Ticket;

static dlist_head tickets = DLIST_STATIC_INIT(tickets);
static int64 last_ticket = 0;

/* The collector's memory goes: so does its ticket. */
static void
forget_ticket(void *arg)
{
	dlist_delete(&((Ticket *) arg)->node);
}

static const RfmSignature collect_final_signature = {
	"rfm_collect_final", PROKIND_FUNCTION, .result = INT8OID, .arg = {INTERNALOID}
};

Datum
rfm_collect_final(PG_FUNCTION_ARGS)
{
	RfmCollector *c;

	rfm_signature_check(fcinfo, &collect_final_signature);
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "rfm_collect_final called in non-aggregate context");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = (RfmCollector *) PG_GETARG_POINTER(0);
	rfm_queue_drain(c);
	PG_RETURN_INT64(rfm_collector_ticket(c));
}

int64
rfm_collector_ticket(RfmCollector *c)
{
	Ticket	   *ticket = MemoryContextAlloc(c->mcxt, sizeof(Ticket));

	ticket->number = ++last_ticket;
	ticket->collector = c;
	ticket->callback.func = forget_ticket;
	ticket->callback.arg = ticket;
	dlist_push_head(&tickets, &ticket->node);
	MemoryContextRegisterResetCallback(c->mcxt, &ticket->callback);
	return ticket->number;
}

RfmCollector *
rfm_collector_claim(int64 number, MemoryContext mcxt)
{
	dlist_iter	iter;

	dlist_foreach(iter, &tickets)
	{
		Ticket	   *ticket = dlist_container(Ticket, node, iter.cur);
		RfmCollector *c = ticket->collector;

		if (ticket->number != number || c == NULL)
			continue;
		ticket->collector = NULL;
		MemoryContextSetParent(c->mcxt, mcxt);
		return c;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg_internal("no collector has ticket " INT64_FORMAT, number)));
	return NULL;				/* keep compilers quiet */
}

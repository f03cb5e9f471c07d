/*-------------------------------------------------------------------------
 *
 * collect.c
 *		The aggregate that fills the per-customer table, and the way out of it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "collect_table.h"
#include "lib/ilist.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(rfm_collect_trans);
PG_FUNCTION_INFO_V1(rfm_collect_final);

/* The key, copied where it lives until the batch is taken. */
static inline Datum
batch_key(RfmCollector *c, const RfmKeyType *kt, Datum key)
{
	Size		size = rfm_key_size(kt, key);
	char	   *copy;

	if (size == 0)
		return key;
	copy = c->batch_arena + c->batch_arena_used;
	memcpy(copy, DatumGetPointer(key), size);
	c->batch_arena_used += MAXALIGN(size);
	return PointerGetDatum(copy);
}

/* Makes room in the batch for one row with these keys. */
static inline void
reserve_batch(RfmCollector *c, Size needed)
{
	if (c->nbatch == RFM_BATCH_ROWS ||
		c->batch_arena_used + needed > c->batch_arena_size)
		rfm_take_batch(c);
	if (needed > c->batch_arena_size)
	{
		c->batch_arena_size = needed;
		pfree(c->batch_arena);
		c->batch_arena = MemoryContextAllocHuge(c->mcxt, needed);
	}
}

/*
 * The aggregate's transition function.
 */

/* The arguments' types and collations, as the query's aggregate call has them. */
static RfmCollector *
collector_for_call(FunctionCallInfo fcinfo, MemoryContext aggcontext)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
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
	return rfm_collector_create(aggcontext, type[0], collation[0], type[1], type[2],
								n > 3, type[3], collation[3], 0);
}

Datum
rfm_collect_trans(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	RfmCollector *c;
	RfmBatchRow *row;
	Datum		key;
	Datum		order = (Datum) 0;
	Size		needed;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "rfm_collect_trans called in non-aggregate context");

	c = PG_ARGISNULL(0) ? NULL : (RfmCollector *) PG_GETARG_POINTER(0);
	if (c == NULL)
		c = collector_for_call(fcinfo, aggcontext);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(c);

	key = rfm_key_from_datum(&c->customer_type, PG_GETARG_DATUM(1));
	needed = MAXALIGN(rfm_key_size(&c->customer_type, key));
	if (c->distinct_orders && !PG_ARGISNULL(4))
	{
		order = rfm_key_from_datum(&c->order_type, PG_GETARG_DATUM(4));
		needed += MAXALIGN(rfm_key_size(&c->order_type, order));
	}

	reserve_batch(c, needed);
	row = &c->batch[c->nbatch];
	row->key = batch_key(c, &c->customer_type, key);
	row->hash = rfm_key_hash(&c->customer_type, row->key);
	rfm_prefetch_write(&c->slot[row->hash & c->slot_mask]);
	row->last = c->time_type == DATEOID ?
		(int64) DatumGetInt32(PG_GETARG_DATUM(2)) : DatumGetInt64(PG_GETARG_DATUM(2));
	row->has_order = c->distinct_orders && !PG_ARGISNULL(4);
	if (row->has_order)
	{
		row->order = batch_key(c, &c->order_type, order);
		row->order_hash = rfm_key_hash(&c->order_type, row->order);
	}

	row->amount.form = RFM_FORM_NONE;
	if (!PG_ARGISNULL(3))
		rfm_amount_decode(c->amount_type, PG_GETARG_DATUM(3), &row->amount);
	c->nbatch++;

	if (row->amount.form == RFM_FORM_NOT_FINITE)
		rfm_money_error(c, row->key, false);
	/* a numeric that was not decoded does not outlive this call */
	if (row->amount.form == RFM_FORM_NUMERIC)
		rfm_take_batch(c);

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

Datum
rfm_collect_final(PG_FUNCTION_ARGS)
{
	RfmCollector *c;
	Ticket	   *ticket;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "rfm_collect_final called in non-aggregate context");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = (RfmCollector *) PG_GETARG_POINTER(0);
	rfm_take_batch(c);

	ticket = MemoryContextAlloc(c->mcxt, sizeof(Ticket));
	ticket->number = ++last_ticket;
	ticket->collector = c;
	ticket->callback.func = forget_ticket;
	ticket->callback.arg = ticket;
	dlist_push_head(&tickets, &ticket->node);
	MemoryContextRegisterResetCallback(c->mcxt, &ticket->callback);
	PG_RETURN_INT64(ticket->number);
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
	elog(ERROR, "no collector has ticket " INT64_FORMAT, number);
	return NULL;				/* keep compilers quiet */
}

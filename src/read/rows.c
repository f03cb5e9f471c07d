/*-------------------------------------------------------------------------
 *
 * rows.c
 *		From what a query over the source gives into the collector.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "collect/entry.h"
#include "collect/queue.h"
#include "collect/table.h"
#include "collect/ticket.h"
#include "collect/visit.h"
#include "read/rows.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

static Oid
column_type(const RfmRowsReceiver *receiver, int column)
{
	return getBaseType(TupleDescAttr(receiver->desc, column)->atttypid);
}

/* The table that the first row needs, by the types that the query gives. */
static RfmCollector *
create_collector(RfmRowsReceiver *receiver)
{
	RfmCollected types = {.time_type = column_type(receiver, 1),
		.amount_type = receiver->amount_type == FLOAT8ARRAYOID ? FLOAT8OID : receiver->amount_type
	};
	Form_pg_attribute customer = TupleDescAttr(receiver->desc, 0);

	types.visits = receiver->visits;
	types.customer_type = customer->atttypid;
	types.customer_collation = customer->attcollation;
	if (receiver->group >= 0)
	{
		types.group_type = TupleDescAttr(receiver->desc, receiver->group)->atttypid;
		types.group_collation = TupleDescAttr(receiver->desc, receiver->group)->attcollation;
	}
	if (receiver->reading == RFM_READ_ORDERS && receiver->order >= 0)
	{
		types.order_type = TupleDescAttr(receiver->desc, receiver->order)->atttypid;
		types.order_collation = TupleDescAttr(receiver->desc, receiver->order)->attcollation;
	}
	return rfm_collector_create(receiver->mcxt, &types, 0);
}

/* The customer, the group and the time, which only a customer without orders lacks. */
static void
read_key(const RfmRowsReceiver *receiver, TupleTableSlot *slot, RfmWaitingRow *row)
{
	RfmCollector *c = receiver->collector;
	Datum		group = receiver->group >= 0 ? slot->tts_values[receiver->group] : (Datum) 0;

	row->key = rfm_row_key(c, group, slot->tts_values[0]);
	row->last = slot->tts_isnull[1] ? PG_INT64_MIN : c->time_type == DATEOID ?
		(int64) DatumGetDateADT(slot->tts_values[1]) : DatumGetInt64(slot->tts_values[1]);
	row->has_order = false;
	row->amount.form = RFM_FORM_NONE;
}

static void
read_amount(const RfmRowsReceiver *receiver, TupleTableSlot *slot, int column,
			RfmWaitingRow *row)
{
	if (!slot->tts_isnull[column])
		rfm_amount_decode(receiver->amount_type, slot->tts_values[column], &row->amount);
	if (row->amount.form == RFM_FORM_NOT_FINITE)
		rfm_money_error(receiver->collector, row->key, false);
}

/* A row is an order, or a part of one. */
static void
take_order(RfmRowsReceiver *receiver, TupleTableSlot *slot)
{
	RfmCollector *c = receiver->collector;
	RfmWaitingRow row;

	read_key(receiver, slot, &row);
	read_amount(receiver, slot, 2, &row);
	if (receiver->visits)
	{
		row.rows = 1;
		rfm_visit_set(c, &row, slot->tts_isnull[3] ? 0 : DatumGetInt64(slot->tts_values[3]));
		rfm_queue_add(c, &row);
		return;
	}
	row.rows = row.orders = 1;
	row.has_order = c->distinct_orders && !slot->tts_isnull[receiver->order];
	if (row.has_order)
		row.order = rfm_key_from_datum(&c->order_type, slot->tts_values[receiver->order]);
	if (receiver->counted)
		rfm_row_set_orders(c, &row, DatumGetInt64(slot->tts_values[3]));
	rfm_queue_add(c, &row);
}

/* Add one of the doubles that make up a sum; the first one brings the orders. */
static void
take_part(RfmCollector *c, RfmWaitingRow *row, double part)
{
	row->amount.form = RFM_FORM_REAL;
	row->amount.v.real = part;
	rfm_queue_add(c, row);
	row->orders = 0;
}

/*
 * Take a sum of rfm_internal.exact_sum(), an expansion, as the doubles that add
 * up to it.
 */
static void
take_expansion(RfmCollector *c, Datum sum, RfmWaitingRow *row)
{
	ArrayType  *array = DatumGetArrayTypeP(sum);
	const double *part = (const double *) rfm_array_data(array);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_HASNULL(array) || n < 1)
		elog(ERROR, "invalid exact sum");
	if (isnan(part[0]))
		rfm_money_error(c, row->key, false);
	if (n < 2 || fabs(part[0]) > PG_INT32_MAX)
		elog(ERROR, "invalid exact sum");
	for (int i = 1; i < n; i++)
		take_part(c, row, part[i]);
	for (int i = 0; i < fabs(part[0]); i++)
		take_part(c, row, part[0] > 0 ? 0x1p1023 : -0x1p1023);
}

/* A row is a customer, or the part of one that has an image of its own. */
static void
take_group(RfmRowsReceiver *receiver, TupleTableSlot *slot)
{
	RfmCollector *c = receiver->collector;
	RfmWaitingRow row;
	int64		rows = DatumGetInt64(slot->tts_values[2]);
	int64		orders = receiver->order >= 0 ? DatumGetInt64(slot->tts_values[receiver->order]) : rows;

	read_key(receiver, slot, &row);
	row.orders = rfm_order_count(c, row.key, orders);
	c->rows += rows;
	row.rows = 0;
	if (receiver->amount_type == FLOAT8ARRAYOID && !slot->tts_isnull[3])
	{
		take_expansion(c, slot->tts_values[3], &row);
		return;
	}
	read_amount(receiver, slot, 3, &row);
	rfm_queue_add(c, &row);
}

static bool
rows_receive(TupleTableSlot *slot, DestReceiver *self)
{
	RfmRowsReceiver *receiver = (RfmRowsReceiver *) self;
	MemoryContext oldcxt;

	slot_getallattrs(slot);
	if (receiver->reading == RFM_READ_TICKET)
	{
		if (!slot->tts_isnull[0])
			receiver->collector = rfm_ticket_claim(DatumGetInt64(slot->tts_values[0]),
													  receiver->mcxt);
		return true;
	}

	oldcxt = MemoryContextSwitchTo(receiver->rowcxt);
	if (receiver->collector == NULL)
		receiver->collector = create_collector(receiver);
	if (receiver->reading == RFM_READ_GROUPED)
		take_group(receiver, slot);
	else
		take_order(receiver, slot);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(receiver->rowcxt);
	return true;
}

static void
rows_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	RfmRowsReceiver *receiver = (RfmRowsReceiver *) self;
	int			order = receiver->reading == RFM_READ_GROUPED ? 4 : 3 + receiver->counted;

	receiver->desc = typeinfo;
	receiver->group = receiver->groups ? typeinfo->natts - 1 : -1;
	receiver->order = typeinfo->natts - (receiver->groups ? 1 : 0) > order ? order : -1;
	if (receiver->reading != RFM_READ_TICKET)
		receiver->amount_type = column_type(receiver, receiver->reading == RFM_READ_GROUPED ? 3 : 2);
}

static void
rows_nothing(DestReceiver *self)
{
}

void
rfm_rows_receiver_init(RfmRowsReceiver *receiver, RfmReading reading, bool counted, bool groups,
					   MemoryContext mcxt)
{
	memset(receiver, 0, sizeof(*receiver));
	receiver->pub.receiveSlot = rows_receive;
	receiver->pub.rStartup = rows_startup;
	receiver->pub.rShutdown = rows_nothing;
	receiver->pub.rDestroy = rows_nothing;
	receiver->pub.mydest = DestTuplestore;
	receiver->reading = reading;
	receiver->counted = counted;
	receiver->groups = groups;
	receiver->mcxt = mcxt;
	receiver->rowcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm row of the source",
											 ALLOCSET_DEFAULT_SIZES);
}

RfmCollector *
rfm_rows_finish(RfmRowsReceiver *receiver)
{
	if (receiver->collector && receiver->reading != RFM_READ_TICKET)
		rfm_queue_drain(receiver->collector);
	MemoryContextDelete(receiver->rowcxt);
	return receiver->collector;
}

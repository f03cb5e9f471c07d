/*-------------------------------------------------------------------------
 *
 * rows.c
 *		Filling the collector from the rows of a query over the source.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/query.h"
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

RfmRowColumns
rfm_row_columns(RfmReading reading, bool counted, bool groups, TupleDesc desc)
{
	RfmRowColumns columns = {.desc = desc, .grouped = reading == RFM_READ_GROUPED};
	int			order = columns.grouped ? 4 : 3 + counted;

	columns.amount = columns.grouped ? 3 : 2;
	columns.amount_type = getBaseType(TupleDescAttr(desc, columns.amount)->atttypid);
	columns.group = groups ? desc->natts - 1 : -1;
	columns.order = desc->natts - groups > order ? order : -1;
	return columns;
}

RfmCollected
rfm_row_types(const RfmRowColumns *columns)
{
	Form_pg_attribute customer = TupleDescAttr(columns->desc, 0);
	RfmCollected types = {
		.customer_type = customer->atttypid,
		.customer_collation = customer->attcollation,
		.time_type = TupleDescAttr(columns->desc, 1)->atttypid,
		.amount_type = columns->amount_type == FLOAT8ARRAYOID ? FLOAT8OID : columns->amount_type
	};

	if (columns->order >= 0 && !columns->grouped)
	{
		types.order_type = TupleDescAttr(columns->desc, columns->order)->atttypid;
		types.order_collation = TupleDescAttr(columns->desc, columns->order)->attcollation;
	}
	if (columns->group >= 0)
	{
		types.group_type = TupleDescAttr(columns->desc, columns->group)->atttypid;
		types.group_collation = TupleDescAttr(columns->desc, columns->group)->attcollation;
	}
	return types;
}

void
rfm_row_read(const RfmRowColumns *columns, const RfmCollector *c, TupleTableSlot *slot,
			 RfmWaitingRow *row)
{
	row->key = rfm_row_key(c, columns->group >= 0 ? slot->tts_values[columns->group] : (Datum) 0,
						   slot->tts_values[0], NULL);
	row->last = slot->tts_isnull[1] ? PG_INT64_MIN : c->time_type == DATEOID ?
		(int64) DatumGetDateADT(slot->tts_values[1]) : DatumGetInt64(slot->tts_values[1]);
	row->has_order = false;
	row->amount = (RfmAmount) {.form = RFM_FORM_NONE};
	if (!slot->tts_isnull[columns->amount] && columns->amount_type != FLOAT8ARRAYOID)
		rfm_amount_decode(columns->amount_type, slot->tts_values[columns->amount], &row->amount);
}

/* Create the collector when the first row comes, for the types that the query returns. */
static RfmCollector *
create_collector(const RfmRowsReceiver *receiver)
{
	RfmCollected types = rfm_row_types(&receiver->columns);

	types.visits = receiver->visits;
	return rfm_collector_create(receiver->mcxt, &types, 0);
}

/* Read a row.  An amount that is not finite is an error. */
static void
read_row(const RfmRowsReceiver *receiver, TupleTableSlot *slot, RfmWaitingRow *row)
{
	rfm_row_read(&receiver->columns, receiver->collector, slot, row);
	if (row->amount.form == RFM_FORM_NOT_FINITE)
		rfm_money_error(receiver->collector, row->key, false);
}

/* Take a row that is an order, or a part of one. */
static void
take_order(RfmRowsReceiver *receiver, TupleTableSlot *slot)
{
	RfmCollector *c = receiver->collector;
	RfmWaitingRow row;

	read_row(receiver, slot, &row);
	row.rows = row.orders = 1;
	row.has_order = !receiver->visits && c->distinct_orders && !slot->tts_isnull[receiver->columns.order];
	if (row.has_order)
		row.order = rfm_key_from_datum(&c->order_type, slot->tts_values[receiver->columns.order]);
	if (receiver->visits)
		rfm_visit_set(c, &row, slot->tts_isnull[3] ? 0 : DatumGetInt64(slot->tts_values[3]));
	else if (receiver->counted)
		rfm_row_set_orders(c, &row, DatumGetInt64(slot->tts_values[3]));
	rfm_queue_add(c, &row);
}

/*
 * Add one of the doubles that make up a customer's sum.  The orders are added with
 * the first of them.
 */
static void
take_part(RfmCollector *c, RfmWaitingRow *row, double part)
{
	row->amount.form = RFM_FORM_REAL;
	row->amount.v.real = part;
	rfm_queue_add(c, row);
	row->orders = 0;
}

/*
 * Add a sum that rfm_internal.exact_sum() has computed: an array of doubles that
 * add up to it, after the number of times that 2^1023 is to be added.
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

/*
 * Take a row that is a customer.  Several rows are of one customer where its key
 * is spelled in several ways.
 */
static void
take_group(RfmRowsReceiver *receiver, TupleTableSlot *slot)
{
	RfmCollector *c = receiver->collector;
	RfmWaitingRow row;
	int64		rows = DatumGetInt64(slot->tts_values[2]);
	int			order = receiver->columns.order;

	read_row(receiver, slot, &row);
	row.orders = rfm_order_count(c, row.key, order >= 0 ? DatumGetInt64(slot->tts_values[order]) : rows);
	c->rows += rows;
	row.rows = 0;
	if (receiver->columns.amount_type == FLOAT8ARRAYOID && !slot->tts_isnull[3])
		take_expansion(c, slot->tts_values[3], &row);
	else
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

	if (receiver->reading != RFM_READ_TICKET)
		receiver->columns = rfm_row_columns(receiver->reading, receiver->counted, receiver->groups, typeinfo);
}

void
rfm_rows_receiver_init(RfmRowsReceiver *receiver, RfmReading reading, bool counted, bool groups,
					   bool visits, MemoryContext mcxt)
{
	memset(receiver, 0, sizeof(*receiver));
	rfm_receiver_init(&receiver->pub, rows_receive, rows_startup);
	receiver->reading = reading;
	receiver->counted = counted;
	receiver->groups = groups;
	receiver->visits = visits;
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

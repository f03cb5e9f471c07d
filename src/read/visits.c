/*-------------------------------------------------------------------------
 *
 * visits.c
 *		The days on which customers ordered.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "read/query.h"
#include "read/visits.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

typedef struct VisitsReceiver
{
	DestReceiver pub;
	RfmSource  *source;
	RfmVisitorSink sink;
	void	   *arg;
	MemoryContext mcxt;			/* of what the customer at hand has elsewhere */
	MemoryContext rowcxt;		/* of what one row takes */
	Oid			amount_type;
	bool		windowed;		/* only rows since some day are read */
	bool		started;		/* there is a customer at hand */
	RfmVisitor	visitor;
} VisitsReceiver;

static void
add_amount(VisitsReceiver *receiver, RfmSum *sum, const RfmAmount *amount)
{
	if (!rfm_sum_add(sum, amount, receiver->mcxt))
		rfm_amount_error(receiver->source->real_amounts,
						 rfm_key_out(&receiver->source->key, receiver->visitor.key), true);
}

/* Raise an error for a floating-point sum that double precision cannot hold. */
static void
check_sums(const VisitsReceiver *receiver)
{
	const RfmVisitor *visitor = &receiver->visitor;

	if (receiver->source->real_amounts &&
		(isinf(rfm_sum_real(&visitor->spent)) || isinf(rfm_sum_real(&visitor->spent_later))))
		rfm_amount_error(true, rfm_key_out(&receiver->source->key, visitor->key), true);
}

/*
 * Hand the customer at hand on.  Whoever never had a visit is no customer; between
 * two dates there may be a refund alone.
 */
static void
finish_visitor(VisitsReceiver *receiver)
{
	if (receiver->started && (receiver->visitor.visits > 0 || receiver->windowed))
	{
		check_sums(receiver);
		receiver->sink(receiver->arg, &receiver->visitor);
	}
	receiver->started = false;
	MemoryContextReset(receiver->mcxt);
}

/* The key, in the context of the customer at hand. */
static void
take_key(VisitsReceiver *receiver, Datum value)
{
	RfmKeyType *type = &receiver->source->key;
	Datum		key = rfm_key_from_datum(type, value);
	bool		same = receiver->started && rfm_key_equal(type, receiver->visitor.key, key);

	/* of keys that are equal but look different, the least look stands for all */
	if (same && (type->kind != RFM_KEY_GENERIC || !rfm_key_by_reference(type) ||
				 rfm_key_image_cmp(type, key, receiver->visitor.key) >= 0))
		return;
	if (!same)
	{
		finish_visitor(receiver);
		memset(&receiver->visitor, 0, sizeof(receiver->visitor));
		receiver->visitor.spent.form = receiver->visitor.spent_later.form =
			receiver->source->real_amounts ? RFM_FORM_REAL : RFM_FORM_SCALED;
		receiver->started = true;
	}
	receiver->visitor.key = key;
	if (rfm_key_by_reference(type))
	{
		MemoryContextSwitchTo(receiver->mcxt);
		receiver->visitor.key = rfm_key_copy(type, key);
		MemoryContextSwitchTo(receiver->rowcxt);
	}
}

static DateADT
read_day(const VisitsReceiver *receiver, Datum value)
{
	const RfmCalendar *calendar = &receiver->source->calendar;
	DateADT		day = rfm_calendar_date(calendar, calendar->time_type == DATEOID ?
										(int64) DatumGetDateADT(value) : DatumGetInt64(value));

	if (DATE_NOT_FINITE(day))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("customer \"%s\" has an order with an infinite order time",
						rfm_key_out(&receiver->source->key, receiver->visitor.key))));
	return day;
}

/* How many orders the row stands for; null: none. */
static int64
read_orders(const VisitsReceiver *receiver, TupleTableSlot *slot)
{
	int64		orders = slot->tts_isnull[3] ? 0 : DatumGetInt64(slot->tts_values[3]);

	if (orders < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a row of customer \"%s\" stands for a negative number of orders",
						rfm_key_out(&receiver->source->key, receiver->visitor.key)),
				 errhint("Correct the model's \"order_count\", or leave the row out with its filter.")));
	return orders;
}

static void
take_row(VisitsReceiver *receiver, TupleTableSlot *slot)
{
	RfmVisitor *visitor = &receiver->visitor;
	RfmAmount	amount = {.form = RFM_FORM_NONE};
	DateADT		day;

	take_key(receiver, slot->tts_values[0]);
	day = read_day(receiver, slot->tts_values[1]);
	if (read_orders(receiver, slot) > 0 && (visitor->visits == 0 || day != visitor->last))
	{
		visitor->first = visitor->visits == 0 ? day : visitor->first;
		visitor->last = day;
		visitor->visits++;
	}
	if (slot->tts_isnull[2])
		return;
	rfm_amount_decode(receiver->amount_type, slot->tts_values[2], &amount);
	if (amount.form == RFM_FORM_NOT_FINITE)
		rfm_amount_error(receiver->source->real_amounts,
						 rfm_key_out(&receiver->source->key, visitor->key), false);
	add_amount(receiver, &visitor->spent, &amount);
	if (visitor->visits > 0 && day > visitor->first)
		add_amount(receiver, &visitor->spent_later, &amount);
}

static bool
visits_receive(TupleTableSlot *slot, DestReceiver *self)
{
	VisitsReceiver *receiver = (VisitsReceiver *) self;
	MemoryContext oldcxt = MemoryContextSwitchTo(receiver->rowcxt);

	slot_getallattrs(slot);
	take_row(receiver, slot);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(receiver->rowcxt);
	return true;
}

static void
visits_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	((VisitsReceiver *) self)->amount_type = getBaseType(TupleDescAttr(typeinfo, 2)->atttypid);
}

static void
visits_nothing(DestReceiver *self)
{
}

void
rfm_visits_read(RfmSource *source, DateADT first, DateADT run_date,
				RfmVisitorSink sink, void *arg)
{
	VisitsReceiver receiver = {
		.pub = {.receiveSlot = visits_receive,.rStartup = visits_startup,
		.rShutdown = visits_nothing,.rDestroy = visits_nothing,.mydest = DestTuplestore},
		.source = source,.sink = sink,.arg = arg,.windowed = !DATE_NOT_FINITE(first)
	};

	receiver.mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm visitor", ALLOCSET_DEFAULT_SIZES);
	receiver.rowcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm row of the source",
											ALLOCSET_DEFAULT_SIZES);
	rfm_source_read_in_order(source, first, run_date, &receiver.pub);
	finish_visitor(&receiver);
	MemoryContextDelete(receiver.rowcxt);
	MemoryContextDelete(receiver.mcxt);
}

/*-------------------------------------------------------------------------
 *
 * ledger_read.c
 *		Reading the rows of one query into a ledger.
 *
 * Rows are added in batches: for all rows of a batch the memory that they need
 * is prefetched before the first is added.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/query.h"
#include "catalog/pg_type.h"
#include "collect/entry.h"
#include "collect/table.h"
#include "model/run_date.h"
#include "progress/progress.h"
#include "read/ledger_read.h"
#include "read/query.h"
#include "read/rows.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#define BATCH_ROWS 64

/*
 * Memory counted for a customer, in addition to its share of a snapshot, and
 * for an event; while they are sorted there are two of each.
 */
#define LEDGER_CUSTOMER_BYTES 64
#define LEDGER_EVENT_BYTES (2 * sizeof(RfmEvent))

typedef struct LedgerReceiver
{
	DestReceiver pub;
	RfmLedger  *ledger;
	RfmLedgerResult result;
	bool		groups;			/* customers have groups */
	RfmRowColumns columns;		/* once the query has started */
	MemoryContext batchcxt;		/* what the rows point to */
	int			n;				/* rows in the batch */
	RfmWaitingRow row[BATCH_ROWS];
} LedgerReceiver;

/*
 * Days.
 */

/*
 * Return the order time at which a day begins.  On a day on which the clock is
 * changed it may be off by that change.
 */
static int64
about_midnight(const RfmCalendar *calendar, DateADT day)
{
	Datum		start;

	(void) rfm_calendar_start(calendar, day, &start);
	return calendar->time_type == DATEOID ?
		(int64) DatumGetDateADT(start) : DatumGetInt64(start);
}

/* Determine the days whose orders count on every date, and order times of them. */
static void
find_base(RfmLedger *ledger)
{
	const RfmCalendar *calendar = &ledger->calendar;

	ledger->base_last = ledger->first;
	ledger->base_first = ledger->lookback ?
		rfm_calendar_first_day(ledger->last, ledger->lookback) : DATEVAL_NOBEGIN;

	/* keep two days from the edges: no clock is changed by as much */
	ledger->base_from = ledger->base_until = PG_INT64_MIN;
	if (ledger->base_first > ledger->base_last ||
		ledger->base_last - 2 < DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE)
		return;
	ledger->base_until = about_midnight(calendar, ledger->base_last - 1);
	if (!DATE_IS_NOBEGIN(ledger->base_first))
		ledger->base_from = about_midnight(calendar, ledger->base_first + 2);
	else if (calendar->time_type == DATEOID)
		ledger->base_from = (int64) DATEVAL_NOBEGIN + 1;
	else
		ledger->base_from = PG_INT64_MIN + 1;
}

/*
 * Does a row of this time count on every date?  If not, *day is set to its
 * date.  A row with an infinite time does not: it is an error of the dates that
 * it counts on.
 */
static inline bool
in_base(const RfmLedger *ledger, int64 time, DateADT *day)
{
	if (time >= ledger->base_from && time < ledger->base_until)
		return true;
	*day = rfm_calendar_date(&ledger->calendar, time);
	return !DATE_NOT_FINITE(*day) &&
		*day >= ledger->base_first && *day <= ledger->base_last;
}

/*
 * Adding rows.
 */

/* The time of the last order that a row implies. */
static inline int64
visit_time(const RfmWaitingRow *row)
{
	return row->orders > 0 ? row->last : PG_INT64_MIN;
}

/* Add a row to the sums of its customer that count on every date. */
static void
add_to_base(RfmLedger *ledger, uint32 customer, const RfmWaitingRow *row)
{
	RfmCollector *c = ledger->table;
	RfmEntry   *e = rfm_entry(c, customer);

	e->last = Max(e->last, visit_time(row));
	rfm_entry_add_amount(c, e, &row->amount);
	if (row->has_order)
		rfm_count_order(c, customer, row->order, row->order_hash);
	else if (!c->distinct_orders)
		rfm_entry_add_orders(c, e, row->orders);
	ledger->base_rows++;
}

static RfmEvent *
new_event(RfmLedger *ledger)
{
	int64		number = ledger->nevents++;

	if (number / RFM_CHUNK_EVENTS == ledger->nchunks)
	{
		ledger->chunk = rfm_reserve(ledger->chunk, &ledger->chunk_space, ledger->nchunks + 1,
									sizeof(RfmEvent *));
		ledger->chunk[ledger->nchunks++] =
			rfm_pool_alloc(&ledger->pool, RFM_CHUNK_EVENTS * sizeof(RfmEvent));
	}
	return &ledger->chunk[number / RFM_CHUNK_EVENTS][number % RFM_CHUNK_EVENTS];
}

static void
add_event(RfmLedger *ledger, uint32 customer, const RfmWaitingRow *row, DateADT day)
{
	RfmCollector *c = ledger->table;
	RfmEvent   *event = new_event(ledger);

	event->last = visit_time(row);
	event->orders = row->orders;
	event->v.scaled = row->amount.v.scaled;
	event->customer = customer;
	event->day = day;
	event->form = row->amount.form;
	event->scale = row->amount.scale;
	event->has_order = row->has_order;
	event->order = row->has_order ? rfm_keep_key(c, &c->order_type, row->order) : (Datum) 0;
	if (row->amount.form == RFM_FORM_NUMERIC)
	{
		MemoryContext oldcxt = MemoryContextSwitchTo(c->sums);

		event->v.numeric = DatumGetNumericCopy(NumericGetDatum(row->amount.v.numeric));
		c->used += VARSIZE(event->v.numeric);
		MemoryContextSwitchTo(oldcxt);
	}
}

/* Take the rows of a batch. Returns false if the ledger cannot hold them. */
static bool
take_batch(LedgerReceiver *receiver)
{
	RfmLedger  *ledger = receiver->ledger;
	RfmCollector *c = ledger->table;
	Size		customers;
	Size		events;

	for (int i = 0; i < receiver->n; i++)
		rfm_prefetch_entry(c, receiver->row[i].key, receiver->row[i].hash);
	for (int i = 0; i < receiver->n; i++)
	{
		const RfmWaitingRow *row = &receiver->row[i];
		uint32		customer = rfm_find_customer(c, row->key, row->hash);
		DateADT		day;

		if (in_base(ledger, row->last, &day))
			add_to_base(ledger, customer, row);
		else
			add_event(ledger, customer, row, day);
	}
	rfm_progress_rows(receiver->n);
	c->rows += receiver->n;
	receiver->n = 0;
	MemoryContextReset(receiver->batchcxt);

	customers = c->used + c->nentries * LEDGER_CUSTOMER_BYTES;
	events = ledger->nevents * LEDGER_EVENT_BYTES;
	if (c->images_differ)
		receiver->result = RFM_LEDGER_KEYS;
	else if (customers + events > c->bound)
		receiver->result = events > customers ? RFM_LEDGER_EVENTS : RFM_LEDGER_CUSTOMERS;
	return receiver->result == RFM_LEDGER_READ;
}

/* Return a key that outlives the executor's row. */
static Datum
own_key(const RfmKeyType *kt, Datum key)
{
	return rfm_key_by_reference(kt) ? rfm_key_copy(kt, key) : key;
}

static void
fill_row(const LedgerReceiver *receiver, TupleTableSlot *slot, RfmWaitingRow *row)
{
	const RfmLedger *ledger = receiver->ledger;
	RfmCollector *c = ledger->table;
	int			order_id = receiver->columns.order;

	rfm_row_read(&receiver->columns, c, slot, row);
	if (!receiver->groups)
		row->key = own_key(&c->customer_type, row->key);
	row->hash = rfm_key_hash(&c->customer_type, row->key);
	rfm_prefetch_place(c, row->key, row->hash);
	if (row->amount.form == RFM_FORM_NUMERIC)
		row->amount.v.numeric = DatumGetNumericCopy(NumericGetDatum(row->amount.v.numeric));

	row->orders = ledger->counted ?
		rfm_order_count(c, row->key, DatumGetInt64(slot->tts_values[3])) : 1;
	row->has_order = c->distinct_orders && row->orders > 0 && !slot->tts_isnull[order_id];
	if (!row->has_order)
		return;
	row->order = own_key(&c->order_type, rfm_key_from_datum(&c->order_type, slot->tts_values[order_id]));
	row->order_hash = rfm_order_hash(rfm_key_hash(&c->order_type, row->order), row->hash);
	rfm_prefetch_order(c, row->order_hash);
}

static bool
ledger_receive(TupleTableSlot *slot, DestReceiver *self)
{
	LedgerReceiver *receiver = (LedgerReceiver *) self;
	MemoryContext oldcxt;

	slot_getallattrs(slot);
	oldcxt = MemoryContextSwitchTo(receiver->batchcxt);
	fill_row(receiver, slot, &receiver->row[receiver->n++]);
	MemoryContextSwitchTo(oldcxt);
	return receiver->n < BATCH_ROWS || take_batch(receiver);
}

/* The types of the columns are known. */
static void
ledger_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	LedgerReceiver *receiver = (LedgerReceiver *) self;
	RfmLedger  *ledger = receiver->ledger;
	RfmCollected types;

	receiver->columns = rfm_row_columns(RFM_READ_ORDERS, ledger->counted, receiver->groups, desc);
	types = rfm_row_types(&receiver->columns);
	ledger->table = rfm_collector_create(ledger->mcxt, &types, 0);
}

/*
 * The whole.
 */

/*
 * The part of a model's definition that determines which orders count, and for
 * which customers.
 */
static char *
definition_of(const RfmModel *model, const RfmSource *source)
{
	return psprintf("%u %u %u %u %u %u %u %u %s %s %s %s %s %s %s %s %s %s",
					model->source, model->owner, source->key.typid, source->key.collation,
					source->group_type, source->group_key.collation,
					source->calendar.time_type, source->amount.type,
					source->relation, source->customer, source->group ? source->group : "-",
					source->ordered_at,
					source->amount.sql,
					source->order_id ? source->order_id : "-",
					source->orders ? source->orders : "-",
					source->filter.sql ? source->filter.sql : "-",
					model->lookback ?
					DatumGetCString(DirectFunctionCall1(interval_out,
														IntervalPGetDatum(model->lookback))) : "-",
					model->time_zone);
}

static RfmLedger *
create_ledger(const RfmModel *model, const RfmSource *source, DateADT first, DateADT last,
			  MemoryContext parent)
{
	MemoryContext mcxt = AllocSetContextCreate(parent, "rfm ledger", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(mcxt);
	RfmLedger  *ledger = palloc0(sizeof(RfmLedger));

	ledger->mcxt = mcxt;
	ledger->definition = definition_of(model, source);
	ledger->first = first;
	ledger->last = last;
	ledger->calendar = source->calendar;
	ledger->read_on = rfm_calendar_today(&ledger->calendar);
	ledger->counted = source->orders != NULL;
	if (model->lookback)
	{
		ledger->lookback = palloc(sizeof(Interval));
		*ledger->lookback = *model->lookback;
	}
	find_base(ledger);
	ledger->pool.mcxt = AllocSetContextCreate(mcxt, "rfm ledger rows", ALLOCSET_DEFAULT_SIZES);
	ledger->chunk_space = 16;
	ledger->chunk = palloc(ledger->chunk_space * sizeof(RfmEvent *));
	MemoryContextSwitchTo(oldcxt);
	return ledger;
}

bool
rfm_ledger_serves(const RfmLedger *ledger, const RfmModel *model, const RfmSource *source,
				  DateADT date)
{
	/* orders that were read before a day was over are not enough afterwards */
	if (date >= ledger->read_on && rfm_calendar_today(&ledger->calendar) != ledger->read_on)
		return false;
	return date >= ledger->first && date <= ledger->last &&
		strcmp(ledger->definition, definition_of(model, source)) == 0;
}

RfmLedgerResult
rfm_ledger_read(const RfmModel *model, const RfmSource *source,
				DateADT first, DateADT last, MemoryContext mcxt, RfmLedger **ledger)
{
	LedgerReceiver receiver = {.result = RFM_LEDGER_READ};

	if (source->uses_run_date)
		return RFM_LEDGER_RUN_DATE;
	*ledger = create_ledger(model, source, first, last, mcxt);
	rfm_receiver_init(&receiver.pub, ledger_receive, ledger_startup);
	receiver.ledger = *ledger;
	receiver.groups = source->group != NULL;
	receiver.batchcxt = AllocSetContextCreate((*ledger)->mcxt, "rfm ledger batch",
											  ALLOCSET_DEFAULT_SIZES);

	if (!rfm_source_scan(model, source, first, last, &receiver.pub) ||
		rfm_run_date_was_asked())
		receiver.result = RFM_LEDGER_RUN_DATE;
	if (receiver.result == RFM_LEDGER_READ && take_batch(&receiver))
	{
		rfm_ledger_sort(*ledger);
		return RFM_LEDGER_READ;
	}
	rfm_ledger_end(*ledger);
	*ledger = NULL;
	return receiver.result;
}

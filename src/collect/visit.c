/*-------------------------------------------------------------------------
 *
 * visit.c
 *		The days on which customers ordered, and what they spent after the first.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "collect/entry.h"
#include "collect/key_order.h"
#include "collect/run_merge.h"
#include "collect/table.h"
#include "collect/visit.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "value/calendar.h"

/* What images are made with. */
typedef struct RfmVisitClock
{
	RfmCalendar calendar;
	RfmDaySpan	span;			/* the day of the row before */
	StringInfoData image;		/* the last one */
} RfmVisitClock;

/* A row whose amount waits: what an image begins with, before the bytes of the amount. */
typedef struct ImageHead
{
	DateADT		day;
	uint8		ordered;
	uint8		form;
	uint8		scale;
} ImageHead;

/*
 * Days and images as the list has them.  Images are aligned, so that their
 * addresses are even.
 */

static inline Datum
day_to_visit(DateADT day)
{
	return (Datum) ((uint64) (int64) day << 1 | 1);
}

static inline DateADT
visit_to_day(Datum visit)
{
	return (DateADT) ((int64) visit >> 1);
}

/* The row as a bytea, which lives until the next one. */
static Datum
make_image(RfmVisitClock *clock, const RfmWaitingRow *row)
{
	StringInfo	image = &clock->image;
	const RfmAmount *amount = &row->amount;
	ImageHead	head = {.day = (DateADT) row->last,.ordered = row->orders > 0,
	.form = amount->form,.scale = amount->scale};

	image->len = VARHDRSZ;
	appendBinaryStringInfo(image, (const char *) &head, sizeof(head));
	if (amount->form == RFM_FORM_NUMERIC)
		appendBinaryStringInfo(image, (const char *) amount->v.numeric, VARSIZE_ANY(amount->v.numeric));
	else
		appendBinaryStringInfo(image, (const char *) &amount->v, sizeof(amount->v));
	SET_VARSIZE(image->data, image->len);
	return PointerGetDatum(image->data);
}

/* Read an image; a numeric is copied to the current context. */
static void
read_image(Datum visit, ImageHead *head, RfmAmount *amount)
{
	const char *at = VARDATA_ANY(DatumGetPointer(visit));
	Size		size = VARSIZE_ANY_EXHDR(DatumGetPointer(visit)) - sizeof(*head);

	memcpy(head, at, sizeof(*head));
	at += sizeof(*head);
	amount->form = head->form;
	amount->scale = head->scale;
	if (head->form != RFM_FORM_NUMERIC)
	{
		memcpy(&amount->v, at, sizeof(amount->v));
		return;
	}
	amount->v.numeric = palloc(size);
	memcpy(amount->v.numeric, at, size);
}

/* Workers have the session's time zone, too. */
static RfmVisitClock *
make_clock(RfmCollector *c)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(c->mcxt);
	RfmVisitClock *clock = palloc0(sizeof(RfmVisitClock));

	rfm_calendar_init(&clock->calendar, c->time_type, GetConfigOption("timezone", false, false));
	initStringInfo(&clock->image);
	MemoryContextSwitchTo(oldcxt);
	return clock;
}

void
rfm_visit_set(RfmCollector *c, RfmWaitingRow *row, int64 orders)
{
	DateADT		day;

	if (unlikely(c->clock == NULL))
		c->clock = make_clock(c);
	day = rfm_calendar_date_near(&c->clock->calendar, &c->clock->span, row->last);
	if (DATE_NOT_FINITE(day))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("customer \"%s\" has an order with an infinite order time",
						rfm_key_out(&c->customer_type, row->key)),
				 errhint("Correct the order, or leave it out with the model's filter.")));
	row->last = day;
	row->orders = rfm_order_count(c, row->key, orders);
}

void
rfm_visit_take(RfmCollector *c, uint32 customer, const RfmWaitingRow *row)
{
	RfmEntry   *e = rfm_entry(c, customer);
	bool		ordered = row->orders > 0;

	/* the entry has the first day times -1, so that merging finds the least */
	if (e->last != PG_INT64_MIN && row->last > -e->last)
	{
		rfm_entry_add_amount(c, e, &row->amount);
		if (ordered)
			rfm_count_order(c, customer, day_to_visit((DateADT) row->last), 0);
		return;
	}
	if (ordered)
		e->last = -row->last;
	if (ordered || row->amount.form != RFM_FORM_NONE)
		rfm_count_order(c, customer, make_image(c->clock, row), 0);
}

/*
 * The way back.
 */

/* The customers on their way to a sink. */
typedef struct Walk
{
	RfmCollector *c;
	RfmVisitorSink sink;
	void	   *arg;
	MemoryContext mcxt;			/* of what the customer at hand has elsewhere */
	DateADT    *day;			/* with orders, of that customer */
	int64		space;
	uint64	   *word;			/* a bit a day */
	int64		nwords;
} Walk;

#define BITS_PER_WORD 64

/* So many words, eleven years, are cleared for any customer. */
#define WORDS_AT_LEAST 64

static int
day_cmp(const void *a, const void *b)
{
	DateADT		x = *(const DateADT *) a;
	DateADT		y = *(const DateADT *) b;

	return (x > y) - (x < y);
}

/* Count days that are in no order: sorted or, where they are no few of their time, marked in it. */
static int32
count_mixed_days(Walk *walk, DateADT first, DateADT last, int64 n)
{
	int64		words = ((int64) last - first) / BITS_PER_WORD + 1;
	int32		count = 0;

	if (words > Max(n, WORDS_AT_LEAST))
	{
		qsort(walk->day, n, sizeof(DateADT), day_cmp);
		for (int64 i = 0; i < n; i++)
			count += i == 0 || walk->day[i] != walk->day[i - 1];
		return count;
	}
	walk->word = rfm_reserve(walk->word, &walk->nwords, words, sizeof(uint64));
	memset(walk->word, 0, words * sizeof(uint64));
	for (int64 i = 0; i < n; i++)
	{
		int64		bit = (int64) walk->day[i] - first;

		walk->word[bit / BITS_PER_WORD] |= UINT64CONST(1) << bit % BITS_PER_WORD;
	}
	for (int64 i = 0; i < words; i++)
		count += pg_popcount64(walk->word[i]);
	return count;
}

/* Count the days that differ. */
static void
count_days(Walk *walk, RfmVisitor *visitor, int64 n)
{
	const DateADT *day = walk->day;
	bool		in_order = true;

	if (n == 0)
		return;
	visitor->first = visitor->last = day[0];
	visitor->visits = 1;
	for (int64 i = 1; i < n; i++)
	{
		in_order = in_order && day[i] >= day[i - 1];
		visitor->visits += day[i] != day[i - 1];
		visitor->first = Min(visitor->first, day[i]);
		visitor->last = Max(visitor->last, day[i]);
	}
	if (!in_order)
		visitor->visits = count_mixed_days(walk, visitor->first, visitor->last, n);
}

static void
add_sum(const Walk *walk, const RfmEntry *e, RfmSum *sum, const RfmSum *other)
{
	if (!rfm_sum_merge(sum, other, walk->mcxt))
		rfm_money_error(walk->c, e->key, true);
}

/* Read what is kept of a customer's visits: the days with orders, and amounts that wait. */
static int64
read_visits(Walk *walk, const RfmEntry *e, const Datum *visit, int64 n, RfmVisitor *visitor)
{
	int64		days = 0;

	for (int64 i = 0; i < n; i++)
	{
		ImageHead	head = {.ordered = true};
		RfmAmount	amount;

		if (rfm_is_day(visit[i]))
			head.day = visit_to_day(visit[i]);
		else
		{
			read_image(visit[i], &head, &amount);
			if (!rfm_sum_add(e->last != PG_INT64_MIN && head.day > -e->last ?
							 &visitor->spent_later : &visitor->spent, &amount, walk->mcxt))
				rfm_money_error(walk->c, e->key, true);
		}
		if (head.ordered)
			walk->day[days++] = head.day;
	}
	return days;
}

static void
walk_customer(Walk *walk, const RfmEntry *e, const Datum *visit, int64 n)
{
	uint8		form = walk->c->real_amounts ? RFM_FORM_REAL : RFM_FORM_SCALED;
	RfmVisitor	visitor = {.key = e->key,.spent = {.form = form},.spent_later = {.form = form}};
	MemoryContext oldcxt = MemoryContextSwitchTo(walk->mcxt);
	int64		days;

	walk->day = rfm_reserve(walk->day, &walk->space, n, sizeof(DateADT));
	add_sum(walk, e, &visitor.spent_later, &e->sum);
	days = read_visits(walk, e, visit, n, &visitor);
	count_days(walk, &visitor, days);
	add_sum(walk, e, &visitor.spent, &visitor.spent_later);
	if (walk->c->real_amounts)
	{
		rfm_entry_real_sum(walk->c, e->key, &visitor.spent);
		rfm_entry_real_sum(walk->c, e->key, &visitor.spent_later);
	}
	MemoryContextSwitchTo(oldcxt);
	walk->sink(walk->arg, &visitor);
	MemoryContextReset(walk->mcxt);
}

static void
walk_table(Walk *walk, bool in_key_order)
{
	RfmCollector *c = walk->c;
	uint32	   *number = in_key_order ? rfm_key_order(c) : NULL;
	Datum	   *visit = rfm_group_orders(c, number);
	int64		at = 0;

	rfm_collector_close(c);
	for (int64 i = 0; i < c->nentries; i++)
	{
		const RfmEntry *e = rfm_entry(c, number ? number[i] : i);

		walk_customer(walk, e, visit + at, e->sum.orders);
		at += e->sum.orders;
		rfm_check_interrupts(i);
	}
	pfree(visit);
}

/* The same of customers who come back from temporary files, always in key order. */
static void
walk_spilled(Walk *walk)
{
	RfmEntry	e;

	rfm_run_merge_begin(walk->c);
	while (rfm_run_merge_next(walk->c, &e))
	{
		int64		n;
		const Datum *visit = rfm_run_merge_orders(walk->c, &n);

		walk_customer(walk, &e, visit, n);
		CHECK_FOR_INTERRUPTS();
	}
	rfm_run_merge_end(walk->c);
}

void
rfm_visit_walk(RfmCollector *c, bool in_key_order, RfmVisitorSink sink, void *arg)
{
	Walk		walk = {.c = c,.sink = sink,.arg = arg,.space = 64,.nwords = WORDS_AT_LEAST};

	walk.mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm visitor", ALLOCSET_SMALL_SIZES);
	walk.day = palloc(walk.space * sizeof(DateADT));
	walk.word = palloc(walk.nwords * sizeof(uint64));
	if (c->spill)
		walk_spilled(&walk);
	else
		walk_table(&walk, in_key_order);
	pfree(walk.word);
	pfree(walk.day);
	MemoryContextDelete(walk.mcxt);
}

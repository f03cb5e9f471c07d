/*-------------------------------------------------------------------------
 *
 * collect_serial.c
 *		The collector's table on its way from a parallel worker to the leader.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "collect_table.h"
#include "common/int.h"
#include "miscadmin.h"
#include "numeric_form.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(rfm_collect_combine);
PG_FUNCTION_INFO_V1(rfm_collect_serialize);
PG_FUNCTION_INFO_V1(rfm_collect_deserialize);

/*
 * Serialized form: a header, the entries one after another, then the order
 * slots.  States never leave the server that made them, hence native byte
 * order; but nothing in them is trusted to be well formed.
 */

#define SERIAL_MAGIC	0x52464d31	/* "RFM1" */

typedef struct SerialHeader
{
	uint32		magic;
	Oid			customer_type;
	Oid			customer_collation;
	Oid			time_type;
	Oid			amount_type;
	Oid			order_type;		/* InvalidOid: rows are counted */
	Oid			order_collation;
	uint32		padding;		/* so that the header has no hole */
	int64		nentries;
	int64		norders;
	int64		rows;
} SerialHeader;

/* A serialized state, as the deserialize function hands it to combine. */
typedef struct SerialState
{
	SerialHeader header;
	const char *at;
	const char *end;
} SerialState;

static inline void
put_bytes(char **at, const void *data, Size size)
{
	memcpy(*at, data, size);
	*at += size;
}

static inline void
get_bytes(SerialState *s, void *data, Size size)
{
	if ((Size) (s->end - s->at) < size)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect ends too early")));
	memcpy(data, s->at, size);
	s->at += size;
}

static inline Size
serial_key_size(const RfmKeyType *kt, Datum key)
{
	Size		size = rfm_key_size(kt, key);

	return size == 0 ? sizeof(Datum) : sizeof(uint32) + size;
}

static inline void
put_key(char **at, const RfmKeyType *kt, Datum key)
{
	Size		size = rfm_key_size(kt, key);

	if (size == 0)
		put_bytes(at, &key, sizeof(Datum));
	else
	{
		uint32		size32 = (uint32) size;

		put_bytes(at, &size32, sizeof(size32));
		put_bytes(at, DatumGetPointer(key), size);
	}
}

/*
 * A key from a serialized state, a by-reference one copied to the current
 * context, where it is aligned.
 */
static Datum
get_key(SerialState *s, const RfmKeyType *kt)
{
	uint32		size;
	Datum		key;
	char	   *image;

	if (kt->typbyval || kt->kind == RFM_KEY_INT)
	{
		get_bytes(s, &key, sizeof(Datum));
		return key;
	}
	get_bytes(s, &size, sizeof(size));
	if (size == 0 || (Size) (s->end - s->at) < size)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect ends too early")));
	image = palloc(Max(size, VARHDRSZ));
	get_bytes(s, image, size);
	key = PointerGetDatum(image);
	if ((kt->typlen > 0 && size != (uint32) kt->typlen) ||
		(kt->typlen == -1 &&
		 (VARATT_IS_EXTERNAL(image) || VARATT_IS_COMPRESSED(image))) ||
		(kt->typlen == -1 && !VARATT_IS_SHORT(image) && size < VARHDRSZ) ||
		(kt->typlen == -2 && image[size - 1] != '\0') ||
		rfm_key_size(kt, key) != size)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect holds a malformed key")));
	return key;
}

/* Wide sums travel as an image with its length. */
static inline const void *
wide_image(const RfmCollector *c, const RfmEntry *e, uint32 *size)
{
	if (c->amount_kind == RFM_AMOUNT_FLOAT)
	{
		*size = e->sum.partials->count * sizeof(double);
		return e->sum.partials->part;
	}
	*size = VARSIZE(e->sum.numeric);
	return e->sum.numeric;
}

#define SERIAL_ENTRY_FIXED (sizeof(int64) * 2 + sizeof(uint32) + 2)

static Size
serialized_size(RfmCollector *c)
{
	Size		size = VARHDRSZ + sizeof(SerialHeader);
	uint32		image;

	for (int64 i = 0; i < c->nentries; i++)
	{
		RfmEntry   *e = &c->entry[i];

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		size += SERIAL_ENTRY_FIXED + serial_key_size(&c->customer_type, e->key);
		if (c->low)
			size += sizeof(double);
		if (e->form == RFM_FORM_WIDE)
		{
			wide_image(c, e, &image);
			size += sizeof(uint32) + image;
		}
	}
	if (c->distinct_orders)
	{
		if (c->order_type.kind == RFM_KEY_INT || c->order_type.typbyval)
			size += c->norders * (sizeof(uint32) + sizeof(Datum));
		else
		{
			for (uint64 i = 0; i <= c->order_mask; i++)
			{
				if (c->order_slot[i].customer != 0)
					size += sizeof(uint32) +
						serial_key_size(&c->order_type, c->order_slot[i].order);
				if (i % 65536 == 0)
					CHECK_FOR_INTERRUPTS();
			}
		}
	}
	return size;
}

static void
put_entries(RfmCollector *c, char **at)
{
	for (int64 i = 0; i < c->nentries; i++)
	{
		RfmEntry   *e = &c->entry[i];

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		put_key(at, &c->customer_type, e->key);
		put_bytes(at, &e->last, sizeof(e->last));
		put_bytes(at, &e->orders, sizeof(e->orders));
		put_bytes(at, &e->scale, 1);
		put_bytes(at, &e->form, 1);
		put_bytes(at, &e->sum.scaled, sizeof(int64));
		if (c->low)
			put_bytes(at, &c->low[i], sizeof(double));
		if (e->form == RFM_FORM_WIDE)
		{
			uint32		size;
			const void *image = wide_image(c, e, &size);

			put_bytes(at, &size, sizeof(size));
			put_bytes(at, image, size);
		}
	}
}

Datum
rfm_collect_serialize(PG_FUNCTION_ARGS)
{
	RfmCollector *c;
	SerialHeader header = {0};
	Size		size;
	bytea	   *result;
	char	   *at;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "rfm_collect_serialize called in non-aggregate context");
	c = (RfmCollector *) PG_GETARG_POINTER(0);
	rfm_take_batch(c);

	size = serialized_size(c);
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the customers seen by one parallel worker do not fit into one message"),
				 errhint("Set max_parallel_workers_per_gather to 0 for this refresh.")));
	result = palloc(size);
	SET_VARSIZE(result, size);
	at = VARDATA(result);

	header.magic = SERIAL_MAGIC;
	header.customer_type = c->customer_type.typid;
	header.customer_collation = c->customer_type.collation;
	header.time_type = c->time_type;
	header.amount_type = c->amount_type;
	header.order_type = c->distinct_orders ? c->order_type.typid : InvalidOid;
	header.order_collation = c->distinct_orders ? c->order_type.collation : InvalidOid;
	header.nentries = c->nentries;
	header.norders = c->norders;
	header.rows = c->rows;
	put_bytes(&at, &header, sizeof(header));

	put_entries(c, &at);
	if (c->distinct_orders)
	{
		for (uint64 i = 0; i <= c->order_mask; i++)
		{
			RfmOrderSlot *s = &c->order_slot[i];

			if (i % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
			if (s->customer == 0)
				continue;
			put_bytes(&at, &s->customer, sizeof(uint32));
			put_key(&at, &c->order_type, s->order);
		}
	}
	Assert(at == (char *) result + size);
	PG_RETURN_BYTEA_P(result);
}

Datum
rfm_collect_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serialized;
	SerialState *s;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "rfm_collect_deserialize called in non-aggregate context");

	/* combine reads the state where it lies: it is called before this row goes */
	serialized = PG_GETARG_BYTEA_PP(0);
	s = palloc(sizeof(SerialState));
	s->at = VARDATA_ANY(serialized);
	s->end = s->at + VARSIZE_ANY_EXHDR(serialized);
	get_bytes(s, &s->header, sizeof(SerialHeader));
	if (s->header.magic != SERIAL_MAGIC ||
		s->header.nentries < 0 || s->header.nentries >= PG_UINT32_MAX ||
		s->header.norders < 0 || s->header.rows < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect has a malformed header")));
	PG_RETURN_POINTER(s);
}

/*
 * Merging: a batch of entries is read, then looked up, as a batch of rows is.
 */
typedef struct MergeEntry
{
	RfmEntry	entry;			/* a wide sum's image lies in the merge context */
	double		low;
	uint32		hash;
} MergeEntry;

/* The wide sum of an entry, checked. */
static void
get_wide_sum(const RfmCollector *c, SerialState *s, RfmEntry *e)
{
	uint32		size;
	char	   *image;
	bool		real = c->amount_kind == RFM_AMOUNT_FLOAT;
	Size		skip = real ? offsetof(RfmPartials, part) : 0;
	RfmNumericParts parts;

	get_bytes(s, &size, sizeof(size));
	if ((Size) (s->end - s->at) < size || size < (real ? sizeof(double) : VARHDRSZ + sizeof(uint16)) ||
		(real && size % sizeof(double) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect holds a malformed sum")));
	image = palloc(skip + size);
	get_bytes(s, image + skip, size);
	if (real)
	{
		e->sum.partials = (RfmPartials *) image;
		e->sum.partials->count = (int) (size / sizeof(double));
		return;
	}
	e->sum.numeric = (Numeric) image;
	if (VARATT_IS_EXTENDED(image) || VARSIZE(image) != size ||
		!rfm_numeric_read(VARDATA(image), size - VARHDRSZ, &parts) ||
		!rfm_numeric_valid(&parts))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect holds a malformed sum")));
}

static void
get_entry(RfmCollector *c, SerialState *s, MergeEntry *m)
{
	RfmEntry   *e = &m->entry;

	e->key = get_key(s, &c->customer_type);
	get_bytes(s, &e->last, sizeof(e->last));
	get_bytes(s, &e->orders, sizeof(e->orders));
	get_bytes(s, &e->scale, 1);
	get_bytes(s, &e->form, 1);
	get_bytes(s, &e->sum.scaled, sizeof(int64));
	m->low = 0;
	if (c->low)
		get_bytes(s, &m->low, sizeof(double));
	if (e->form == RFM_FORM_WIDE)
		get_wide_sum(c, s, e);
	else if (e->form != (c->low ? RFM_FORM_FLOAT : RFM_FORM_SCALED) ||
			 e->scale > RFM_MAX_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect holds a malformed sum")));
	m->hash = rfm_key_hash(&c->customer_type, e->key);
	rfm_prefetch_write(&c->slot[m->hash & c->slot_mask]);
}

/* Adds an entry of another collector; returns its customer's number here. */
static uint32
merge_entry(RfmCollector *c, const MergeEntry *m)
{
	const RfmEntry *other = &m->entry;
	uint32		number = rfm_find_customer(c, other->key, m->hash);
	RfmEntry   *e = &c->entry[number];

	if (other->last > e->last)
		e->last = other->last;
	if (!rfm_sum_merge(&e->sum, &e->form, &e->scale,
					   c->low ? &c->low[number] : NULL,
					   &other->sum, other->form, other->scale, m->low,
					   c->amount_kind, c->mcxt))
		rfm_money_error(c, e->key, true);
	if (!c->distinct_orders &&
		pg_add_u32_overflow(e->orders, other->orders, &e->orders))
		rfm_too_many_orders(c, e->key);
	return number;
}

/* Merges all entries; number[i] becomes the number of entry i, if wanted. */
static void
merge_entries(RfmCollector *c, SerialState *s, MemoryContext batchcxt,
			  uint32 *number)
{
	MergeEntry	batch[RFM_BATCH_ROWS];
	int64		done = 0;

	while (done < s->header.nentries)
	{
		int			n = (int) Min(s->header.nentries - done, RFM_BATCH_ROWS);

		for (int i = 0; i < n; i++)
			get_entry(c, s, &batch[i]);
		for (int i = 0; i < n; i++)
		{
			uint64		slot = c->slot[batch[i].hash & c->slot_mask];

			if (slot != 0)
				rfm_prefetch_write(&c->entry[(uint32) slot - 1]);
		}
		for (int i = 0; i < n; i++)
		{
			uint32		customer = merge_entry(c, &batch[i]);

			if (number)
				number[done + i] = customer;
		}
		done += n;
		MemoryContextReset(batchcxt);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
merge_orders(RfmCollector *c, SerialState *s, MemoryContext batchcxt,
			 const uint32 *number)
{
	for (int64 i = 0; i < s->header.norders; i++)
	{
		uint32		customer;
		Datum		order;

		get_bytes(s, &customer, sizeof(customer));
		if (customer == 0 || customer > s->header.nentries)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("serialized state of rfm_collect holds an order of no customer")));
		customer = number[customer - 1];
		order = get_key(s, &c->order_type);
		rfm_count_order(c, customer, order,
						rfm_order_hash(rfm_key_hash(&c->order_type, order), customer));
		if (i % 1024 == 0)
		{
			MemoryContextReset(batchcxt);
			CHECK_FOR_INTERRUPTS();
		}
	}
}

static void
merge_serialized(RfmCollector *c, SerialState *s)
{
	MemoryContext batchcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm merge",
												   ALLOCSET_DEFAULT_SIZES);
	uint32	   *number = NULL;
	MemoryContext oldcxt;

	/* each entry takes some bytes: a count beyond that is no count */
	if (s->header.nentries > s->end - s->at || s->header.norders > s->end - s->at)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect ends too early")));
	if (c->distinct_orders)
		number = rfm_alloc_array(CurrentMemoryContext, s->header.nentries,
								 sizeof(uint32), false);

	oldcxt = MemoryContextSwitchTo(batchcxt);
	merge_entries(c, s, batchcxt, number);
	if (c->distinct_orders)
		merge_orders(c, s, batchcxt, number);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(batchcxt);

	if (s->at != s->end)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized state of rfm_collect is longer than its contents")));
	c->rows += s->header.rows;
	if (number)
		pfree(number);
}

Datum
rfm_collect_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	RfmCollector *c;
	SerialState *s;
	SerialHeader *h;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "rfm_collect_combine called in non-aggregate context");

	c = PG_ARGISNULL(0) ? NULL : (RfmCollector *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1))
	{
		if (c == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(c);
	}
	s = (SerialState *) PG_GETARG_POINTER(1);
	h = &s->header;

	if (c == NULL)
		c = rfm_collector_create(aggcontext, h->customer_type, h->customer_collation,
								 h->time_type, h->amount_type,
								 OidIsValid(h->order_type), h->order_type,
								 h->order_collation, h->nentries);
	else
		rfm_take_batch(c);
	if (c->customer_type.typid != h->customer_type ||
		c->time_type != h->time_type ||
		c->amount_type != h->amount_type ||
		c->distinct_orders != OidIsValid(h->order_type) ||
		(c->distinct_orders && c->order_type.typid != h->order_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("serialized states of rfm_collect do not belong together")));
	merge_serialized(c, s);
	PG_RETURN_POINTER(c);
}

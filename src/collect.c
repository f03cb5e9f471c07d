/*-------------------------------------------------------------------------
 *
 * collect.c
 *		The per-customer table, filled by an aggregate.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "collect.h"
#include "common/int.h"
#include "lib/ilist.h"
#include "memory.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define INITIAL_SLOTS	1024
#define ARENA_BLOCK		(1024 * 1024)

/*
 * A batch holds key images of at most this many bytes; a longer one is
 * handled by itself.
 */
#define BATCH_ARENA_SIZE (16 * 1024)

PG_FUNCTION_INFO_V1(rfm_collect_trans);
PG_FUNCTION_INFO_V1(rfm_collect_combine);
PG_FUNCTION_INFO_V1(rfm_collect_serialize);
PG_FUNCTION_INFO_V1(rfm_collect_deserialize);
PG_FUNCTION_INFO_V1(rfm_collect_final);

/*
 * Making and growing.
 */

static RfmCollector *
collector_create(MemoryContext parent, Oid customer_type, Oid customer_collation,
				 Oid time_type, Oid amount_type, bool distinct_orders,
				 Oid order_type, Oid order_collation, int64 expected)
{
	MemoryContext mcxt = AllocSetContextCreate(parent, "rfm collector",
											   ALLOCSET_DEFAULT_SIZES);
	RfmCollector *c = MemoryContextAllocZero(mcxt, sizeof(RfmCollector));

	c->mcxt = mcxt;
	rfm_key_type_init(&c->customer_type, customer_type, customer_collation,
					  "the customer", mcxt);
	c->time_type = getBaseType(time_type);
	if (c->time_type != DATEOID && c->time_type != TIMESTAMPOID &&
		c->time_type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("order time must be of type date, timestamp or timestamp with time zone, not %s",
						format_type_be(time_type))));
	c->amount_type = getBaseType(amount_type);
	if (!rfm_amount_kind(c->amount_type, &c->amount_kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("amounts of type %s cannot be summed",
						format_type_be(amount_type))));
	c->distinct_orders = distinct_orders;
	if (distinct_orders)
	{
		rfm_key_type_init(&c->order_type, order_type, order_collation,
						  "the order id", mcxt);
		c->order_mask = INITIAL_SLOTS - 1;
		c->order_slot = MemoryContextAllocZero(mcxt, INITIAL_SLOTS * sizeof(RfmOrderSlot));
	}

	c->slot_mask = pg_nextpower2_64(Max(expected, INITIAL_SLOTS / 2)) * 2 - 1;
	c->slot = rfm_alloc_array(mcxt, c->slot_mask + 1, sizeof(uint64), true);
	c->entry_space = Max(expected, INITIAL_SLOTS / 2);
	c->entry = rfm_alloc_array(mcxt, c->entry_space, sizeof(RfmEntry), false);
	if (c->amount_kind == RFM_AMOUNT_FLOAT)
		c->low = rfm_alloc_array(mcxt, c->entry_space, sizeof(double), false);

	c->batch_arena = MemoryContextAlloc(mcxt, BATCH_ARENA_SIZE);
	c->batch_arena_size = BATCH_ARENA_SIZE;
	return c;
}

/* Doubles the index; the hashes stand in it, so that no entry is read. */
static void
grow_slots(RfmCollector *c)
{
	uint64		old_slots = c->slot_mask + 1;
	uint64		mask = old_slots * 2 - 1;
	uint64	   *slot = rfm_alloc_array(c->mcxt, mask + 1, sizeof(uint64), true);

	for (uint64 i = 0; i < old_slots; i++)
	{
		uint64		s = c->slot[i];
		uint64		at = (s >> 32) & mask;

		if (s == 0)
			continue;
		while (slot[at] != 0)
			at = (at + 1) & mask;
		slot[at] = s;
	}
	pfree(c->slot);
	c->slot = slot;
	c->slot_mask = mask;
}

static void
grow_order_slots(RfmCollector *c)
{
	uint64		old_slots = c->order_mask + 1;
	uint64		mask = old_slots * 2 - 1;
	RfmOrderSlot *slot = rfm_alloc_array(c->mcxt, mask + 1, sizeof(RfmOrderSlot), true);

	for (uint64 i = 0; i < old_slots; i++)
	{
		RfmOrderSlot *s = &c->order_slot[i];
		uint64		at = s->hash & mask;

		if (s->customer == 0)
			continue;
		while (slot[at].customer != 0)
			at = (at + 1) & mask;
		slot[at] = *s;
	}
	pfree(c->order_slot);
	c->order_slot = slot;
	c->order_mask = mask;
}

static void
grow_entries(RfmCollector *c)
{
	c->entry_space += c->entry_space / 2;
	c->entry = rfm_grow_array(c->entry, c->entry_space, sizeof(RfmEntry));
	if (c->low)
		c->low = rfm_grow_array(c->low, c->entry_space, sizeof(double));
}

/*
 * A permanent copy of a by-reference key.  Images are packed into blocks:
 * varlena ones with a long header stay aligned, short ones need not be.
 */
static Datum
keep_key(RfmCollector *c, const RfmKeyType *kt, Datum key)
{
	Size		size = rfm_key_size(kt, key);
	Size		pad;
	char	   *copy;

	if (size == 0)
		return key;
	if (size > ARENA_BLOCK / 8)
	{
		copy = MemoryContextAllocHuge(c->mcxt, size);
		memcpy(copy, DatumGetPointer(key), size);
		return PointerGetDatum(copy);
	}

	pad = 0;
	if (kt->typlen != -1 || !VARATT_IS_SHORT(DatumGetPointer(key)))
		pad = MAXALIGN(c->arena) - (uintptr_t) c->arena;
	if (c->arena == NULL || pad + size > c->arena_left)
	{
		c->arena = MemoryContextAlloc(c->mcxt, ARENA_BLOCK);
		c->arena_left = ARENA_BLOCK;
		pad = 0;
	}
	copy = c->arena + pad;
	memcpy(copy, DatumGetPointer(key), size);
	c->arena += pad + size;
	c->arena_left -= pad + size;
	return PointerGetDatum(copy);
}

/*
 * Finding and adding.
 */

/* The number of the customer with this key, who is added if new. */
static inline uint32
find_customer(RfmCollector *c, Datum key, uint32 hash)
{
	uint64		at = hash & c->slot_mask;
	RfmEntry   *e;

	for (;;)
	{
		uint64		s = c->slot[at];
		uint32		number;

		if (s == 0)
			break;
		if ((uint32) (s >> 32) == hash)
		{
			number = (uint32) s - 1;
			e = &c->entry[number];
			if (rfm_key_equal(&c->customer_type, e->key, key))
			{
				if (c->customer_type.kind == RFM_KEY_GENERIC &&
					rfm_key_image_cmp(&c->customer_type, key, e->key) < 0)
					e->key = keep_key(c, &c->customer_type, key);
				return number;
			}
		}
		at = (at + 1) & c->slot_mask;
	}

	if (c->nentries >= PG_UINT32_MAX - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many customers for one snapshot"),
				 errdetail("A snapshot holds at most %u customers.",
						   PG_UINT32_MAX - 1)));
	if (c->nentries == c->entry_space)
		grow_entries(c);
	e = &c->entry[c->nentries];
	e->key = keep_key(c, &c->customer_type, key);
	e->last = PG_INT64_MIN;
	e->sum.scaled = 0;
	e->orders = 0;
	e->scale = 0;
	if (c->amount_kind == RFM_AMOUNT_FLOAT)
	{
		e->form = RFM_FORM_FLOAT;
		e->sum.high = 0;
		c->low[c->nentries] = 0;
	}
	else
		e->form = RFM_FORM_SCALED;
	c->nentries++;
	c->slot[at] = ((uint64) hash << 32) | (uint64) c->nentries;

	/* at most half full */
	if ((uint64) c->nentries > c->slot_mask / 2)
		grow_slots(c);
	return (uint32) (c->nentries - 1);
}

/* Of one order id and the customer it belongs to. */
static inline uint32
order_slot_hash(uint32 order_hash, uint32 customer)
{
	return order_hash ^ rfm_hash_int64(customer);
}

/* Counts an order id for a customer unless it has been counted. */
static inline void
count_order(RfmCollector *c, uint32 customer, Datum order, uint32 hash)
{
	uint64		at = hash & c->order_mask;
	RfmOrderSlot *s;

	for (;;)
	{
		s = &c->order_slot[at];
		if (s->customer == 0)
			break;
		if (s->hash == hash && s->customer == customer + 1 &&
			rfm_key_equal(&c->order_type, s->order, order))
			return;
		at = (at + 1) & c->order_mask;
	}
	s->order = keep_key(c, &c->order_type, order);
	s->customer = customer + 1;
	s->hash = hash;
	c->norders++;
	c->entry[customer].orders++;

	if ((uint64) c->norders > c->order_mask / 3 * 2)
		grow_order_slots(c);
}

static void
money_error(RfmCollector *c, Datum key, bool overflow)
{
	char	   *customer = rfm_key_out(&c->customer_type, key);

	if (overflow)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the amounts of customer \"%s\" sum up to more than double precision can hold",
						customer)));
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("an order of customer \"%s\" has an amount that is not a finite number",
					customer),
			 errhint("Correct the order, or leave it out with the model's filter.")));
}

static inline void
prefetch(const void *address)
{
#ifdef __GNUC__
	__builtin_prefetch(address, 1);
#endif
}

/*
 * Takes the rows of the batch.  Each loop touches, for all rows, the memory
 * that the loop before has asked for.
 */
static void
take_batch(RfmCollector *c)
{
	int			n = c->nbatch;

	for (int i = 0; i < n; i++)
	{
		uint64		s = c->slot[c->batch[i].hash & c->slot_mask];

		if (s != 0)
			prefetch(&c->entry[(uint32) s - 1]);
	}

	for (int i = 0; i < n; i++)
	{
		RfmBatchRow *row = &c->batch[i];
		RfmEntry   *e;

		row->customer = find_customer(c, row->key, row->hash);
		e = &c->entry[row->customer];
		if (row->last > e->last)
			e->last = row->last;
		if (!rfm_sum_add(&e->sum, &e->form, &e->scale,
						 c->low ? &c->low[row->customer] : NULL,
						 &row->amount, c->mcxt))
			money_error(c, row->key, true);

		if (!c->distinct_orders)
		{
			if (++e->orders == 0)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("too many orders of customer \"%s\"",
								rfm_key_out(&c->customer_type, row->key))));
		}
		else if (row->has_order)
		{
			row->order_hash = order_slot_hash(row->order_hash, row->customer);
			prefetch(&c->order_slot[row->order_hash & c->order_mask]);
		}
	}

	if (c->distinct_orders)
	{
		for (int i = 0; i < n; i++)
			if (c->batch[i].has_order)
				count_order(c, c->batch[i].customer, c->batch[i].order,
							c->batch[i].order_hash);
	}

	c->rows += n;
	c->nbatch = 0;
	c->batch_arena_used = 0;
}

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
		take_batch(c);
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
	return collector_create(aggcontext, type[0], collation[0], type[1], type[2],
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
	prefetch(&c->slot[row->hash & c->slot_mask]);
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
		money_error(c, row->key, false);
	/* a numeric that was not decoded does not outlive this call */
	if (row->amount.form == RFM_FORM_NUMERIC)
		take_batch(c);

	PG_RETURN_POINTER(c);
}

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
	uint32		unused;
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
				if (c->order_slot[i].customer != 0)
					size += sizeof(uint32) +
						serial_key_size(&c->order_type, c->order_slot[i].order);
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
	take_batch(c);

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

	get_bytes(s, &size, sizeof(size));
	if ((Size) (s->end - s->at) < size || size < sizeof(double) ||
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
		size < VARHDRSZ + sizeof(uint16))
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
	prefetch(&c->slot[m->hash & c->slot_mask]);
}

/* Adds an entry of another collector; returns its customer's number here. */
static uint32
merge_entry(RfmCollector *c, const MergeEntry *m)
{
	const RfmEntry *other = &m->entry;
	uint32		number = find_customer(c, other->key, m->hash);
	RfmEntry   *e = &c->entry[number];

	if (other->last > e->last)
		e->last = other->last;
	if (!rfm_sum_merge(&e->sum, &e->form, &e->scale,
					   c->low ? &c->low[number] : NULL,
					   &other->sum, other->form, other->scale, m->low,
					   c->amount_kind, c->mcxt))
		money_error(c, e->key, true);
	if (!c->distinct_orders &&
		pg_add_u32_overflow(e->orders, other->orders, &e->orders))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many orders of customer \"%s\"",
						rfm_key_out(&c->customer_type, e->key))));
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
				prefetch(&c->entry[(uint32) slot - 1]);
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
		count_order(c, customer, order,
					order_slot_hash(rfm_key_hash(&c->order_type, order), customer));
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
		c = collector_create(aggcontext, h->customer_type, h->customer_collation,
							 h->time_type, h->amount_type,
							 OidIsValid(h->order_type), h->order_type,
							 h->order_collation, h->nentries);
	else
		take_batch(c);
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
	take_batch(c);

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

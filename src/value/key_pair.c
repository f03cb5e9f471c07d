/*-------------------------------------------------------------------------
 *
 * key_pair.c
 *		Keys of two parts: a group, and a customer in it.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "catalog/pg_type.h"
#include "port/pg_bswap.h"
#include "value/key_pair.h"

/* The varlena of a pair that is not flat; each part begins at a multiple of MAXALIGN. */
typedef struct PairImage
{
	int32		vl_len_;
	uint32		group_size;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} PairImage;

/* What the comparison of pairs that are not flat needs. */
typedef struct PairOrder
{
	const RfmKeyType *kt;
	SortSupportData ssup[RFM_KEY_PARTS];
} PairOrder;

static inline bool
is_varlena(const RfmKeyType *part)
{
	return part->kind != RFM_KEY_INT && part->typlen == -1;
}

/* The bytes that a part takes; varlenas always have a long header. */
static Size
part_size(const RfmKeyType *part, Datum key)
{
	if (part->kind == RFM_KEY_INT || part->typbyval)
		return sizeof(int64);
	if (is_varlena(part))
		return VARHDRSZ + VARSIZE_ANY_EXHDR(DatumGetPointer(key));
	return rfm_key_size(part, key);
}

/* The same of a part whose values all take as many. */
static Size
fixed_size(const RfmKeyType *part)
{
	return part->kind == RFM_KEY_INT || part->typbyval ? sizeof(int64) : (Size) part->typlen;
}

/* Unsigned and most significant byte first, integers sort by their bytes. */
static uint64
integer_image(int64 value)
{
	return pg_hton64((uint64) value ^ UINT64CONST(1) << 63);
}

static void
put_part(const RfmKeyType *part, Datum key, char *to)
{
	if (part->kind == RFM_KEY_INT)
	{
		uint64		image = integer_image(DatumGetInt64(key));

		memcpy(to, &image, sizeof(image));
	}
	else if (part->typbyval)
		memcpy(to, &key, sizeof(key));
	else if (is_varlena(part))
	{
		SET_VARSIZE(to, part_size(part, key));
		memcpy(VARDATA(to), VARDATA_ANY(DatumGetPointer(key)), VARSIZE_ANY_EXHDR(DatumGetPointer(key)));
	}
	else
		memcpy(to, DatumGetPointer(key), rfm_key_size(part, key));
}

static Datum
get_part(const RfmKeyType *part, const char *from)
{
	uint64		image;
	Datum		value;

	if (part->kind == RFM_KEY_INT)
	{
		memcpy(&image, from, sizeof(image));
		return Int64GetDatum((int64) (pg_ntoh64(image) ^ UINT64CONST(1) << 63));
	}
	if (part->typbyval)
	{
		memcpy(&value, from, sizeof(value));
		return value;
	}
	return PointerGetDatum(from);
}

/* Where a part is in the image of a pair. */
static const char *
locate_part(const RfmKeyType *kt, Datum key, RfmKeyPart part)
{
	const PairImage *image = (const PairImage *) DatumGetPointer(key);

	if (kt->pair->flat)
		return (const char *) DatumGetPointer(key) + (part == RFM_PART_CUSTOMER ? fixed_size(&kt->pair->part[0]) : 0);
	return image->data + (part == RFM_PART_CUSTOMER ? MAXALIGN(image->group_size) : 0);
}

/* Make a flat pair in place. */
static Datum
make_flat(const RfmKeyType *kt, Datum group, Datum customer, char *place)
{
	const RfmKeyType *part = kt->pair->part;

	put_part(&part[RFM_PART_GROUP], rfm_key_from_datum(&part[RFM_PART_GROUP], group), place);
	put_part(&part[RFM_PART_CUSTOMER], rfm_key_from_datum(&part[RFM_PART_CUSTOMER], customer),
			 place + fixed_size(&part[RFM_PART_GROUP]));
	return PointerGetDatum(place);
}

Datum
rfm_key_pair(const RfmKeyType *kt, Datum group, Datum customer, char *place)
{
	const RfmKeyType *part = kt->pair->part;
	Datum		key[RFM_KEY_PARTS];
	Size		group_size;
	PairImage  *image;
	Size		size;

	if (kt->pair->flat)
		return make_flat(kt, group, customer, place ? place : palloc(kt->typlen));
	key[RFM_PART_GROUP] = rfm_key_from_datum(&part[RFM_PART_GROUP], group);
	key[RFM_PART_CUSTOMER] = rfm_key_from_datum(&part[RFM_PART_CUSTOMER], customer);
	group_size = part_size(&part[RFM_PART_GROUP], key[RFM_PART_GROUP]);
	/* what pads the group is part of the image, too */
	size = offsetof(PairImage, data) + MAXALIGN(group_size) +
		part_size(&part[RFM_PART_CUSTOMER], key[RFM_PART_CUSTOMER]);
	image = palloc0(size);
	SET_VARSIZE(image, size);
	image->group_size = (uint32) group_size;
	put_part(&part[RFM_PART_GROUP], key[RFM_PART_GROUP], image->data);
	put_part(&part[RFM_PART_CUSTOMER], key[RFM_PART_CUSTOMER], image->data + MAXALIGN(group_size));
	return PointerGetDatum(image);
}

Datum
rfm_key_part(const RfmKeyType *kt, Datum key, RfmKeyPart part)
{
	if (kt->pair == NULL)
	{
		Assert(part == RFM_PART_CUSTOMER);
		return key;
	}
	return get_part(&kt->pair->part[part], locate_part(kt, key, part));
}

const RfmKeyType *
rfm_key_part_type(const RfmKeyType *kt, RfmKeyPart part)
{
	if (kt->pair)
		return &kt->pair->part[part];
	return part == RFM_PART_CUSTOMER ? kt : NULL;
}

bool
rfm_key_same_group(const RfmKeyType *kt, Datum a, Datum b)
{
	return kt->pair == NULL ||
		rfm_key_equal(&kt->pair->part[RFM_PART_GROUP],
					  rfm_key_part(kt, a, RFM_PART_GROUP),
					  rfm_key_part(kt, b, RFM_PART_GROUP));
}

/*
 * Pairs of which a part has equality or hashing of its own.  These two are
 * called as that of a type would be, with the pair in place of their state.
 */

static Datum
pair_hash(FunctionCallInfo fcinfo)
{
	RfmKeyType *kt = fcinfo->flinfo->fn_extra;
	uint32		hash = 0;

	for (int part = 0; part < RFM_KEY_PARTS; part++)
		hash = hash_combine(hash, rfm_key_hash(&kt->pair->part[part],
											   rfm_key_part(kt, PG_GETARG_DATUM(0), part)));
	return UInt32GetDatum(hash);
}

static Datum
pair_equal(FunctionCallInfo fcinfo)
{
	RfmKeyType *kt = fcinfo->flinfo->fn_extra;

	for (int part = 0; part < RFM_KEY_PARTS; part++)
		if (!rfm_key_equal(&kt->pair->part[part],
						   rfm_key_part(kt, PG_GETARG_DATUM(0), part),
						   rfm_key_part(kt, PG_GETARG_DATUM(1), part)))
			return BoolGetDatum(false);
	return BoolGetDatum(true);
}

static int
flat_cmp(Datum a, Datum b, SortSupport ssup)
{
	return memcmp(DatumGetPointer(a), DatumGetPointer(b), (Size) (uintptr_t) ssup->ssup_extra);
}

static int
pair_cmp(Datum a, Datum b, SortSupport ssup)
{
	PairOrder  *order = ssup->ssup_extra;
	int			cmp = 0;

	for (int part = 0; part < RFM_KEY_PARTS && cmp == 0; part++)
		cmp = rfm_key_cmp(&order->kt->pair->part[part], &order->ssup[part],
						  rfm_key_part(order->kt, a, part), rfm_key_part(order->kt, b, part));
	return cmp;
}

static void
pair_sort_support(const RfmKeyType *kt, SortSupport ssup)
{
	PairOrder  *order;

	if (kt->pair->flat)
	{
		ssup->ssup_extra = (void *) (uintptr_t) kt->typlen;
		ssup->comparator = flat_cmp;
		return;
	}
	order = palloc0(sizeof(PairOrder));
	order->kt = kt;
	for (int part = 0; part < RFM_KEY_PARTS; part++)
		rfm_key_sort_support(&kt->pair->part[part], &order->ssup[part]);
	ssup->ssup_extra = order;
	ssup->comparator = pair_cmp;
}

static bool
is_flat(const RfmKeyType *part)
{
	return part->kind == RFM_KEY_INT || part->typid == UUIDOID;
}

/* A function that is not in the catalog, for FunctionCall2Coll(). */
static void
own_function(FmgrInfo *info, PGFunction function, RfmKeyType *state, MemoryContext mcxt)
{
	info->fn_addr = function;
	info->fn_strict = true;
	info->fn_extra = state;
	info->fn_mcxt = mcxt;
}

void
rfm_key_pair_init(RfmKeyType *kt, const RfmKeyType *group, const RfmKeyType *customer,
				  MemoryContext mcxt)
{
	RfmKeyType *state = MemoryContextAllocZero(mcxt, sizeof(RfmKeyType));
	RfmKeyPair *pair = MemoryContextAllocZero(mcxt, sizeof(RfmKeyPair));

	pair->part[RFM_PART_GROUP] = *group;
	pair->part[RFM_PART_CUSTOMER] = *customer;
	pair->flat = is_flat(group) && is_flat(customer);
	pair->get_part = rfm_key_part;
	pair->sort_support = pair_sort_support;

	memset(kt, 0, sizeof(*kt));
	kt->pair = pair;
	kt->kind = group->kind == RFM_KEY_GENERIC || customer->kind == RFM_KEY_GENERIC ?
		RFM_KEY_GENERIC : RFM_KEY_BYTES;
	kt->typlen = pair->flat ? (int16) (fixed_size(group) + fixed_size(customer)) : -1;
	kt->typalign = pair->flat ? TYPALIGN_CHAR : TYPALIGN_DOUBLE;
	*state = *kt;
	own_function(&kt->hash_proc, pair_hash, state, mcxt);
	own_function(&kt->eq_proc, pair_equal, state, mcxt);
}

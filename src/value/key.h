/*-------------------------------------------------------------------------
 *
 * key.h
 *		Keys, which identify customers and order ids: hashing, equality, order and storage of any hashable, sortable type.
 *
 * A key is handled as a Datum.  Integers of all widths are widened to int64,
 * so that they hash, compare and sort without a function call.  Types whose
 * equality is equality of bytes (uuid, text under a deterministic collation,
 * bytea) are compared with memcmp; every other type goes through its default
 * hash and btree operator classes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_KEY_H
#define RFM_VALUE_KEY_H

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/sortsupport.h"

typedef enum RfmKeyKind
{
	RFM_KEY_INT,				/* int2, int4, int8: Datum holds an int64 */
	RFM_KEY_BYTES,				/* by reference, equal when bytes are equal */
	RFM_KEY_GENERIC				/* everything else, through its opclasses */
} RfmKeyKind;

typedef struct RfmKeyPair RfmKeyPair;

typedef struct RfmKeyType
{
	RfmKeyKind	kind;
	RfmKeyPair *pair;			/* of a group and a customer: key_pair.h; else NULL */
	Oid			typid;			/* base type, never a domain; InvalidOid: a pair */
	Oid			collation;		/* InvalidOid where the type has none */
	int16		typlen;
	bool		typbyval;
	char		typalign;
	FmgrInfo	hash_proc;		/* RFM_KEY_GENERIC only */
	FmgrInfo	eq_proc;		/* RFM_KEY_GENERIC only */
} RfmKeyType;

/* The parts of a pair, in the order in which it sorts. */
typedef enum RfmKeyPart
{
	RFM_PART_GROUP,
	RFM_PART_CUSTOMER
} RfmKeyPart;

#define RFM_KEY_PARTS 2

/* What a pair is made of, and how: see key_pair.h. */
struct RfmKeyPair
{
	RfmKeyType	part[RFM_KEY_PARTS];
	bool		flat;			/* both are integers or uuids */
	Datum		(*get_part) (const RfmKeyType *kt, Datum key, RfmKeyPart part);
	void		(*sort_support) (const RfmKeyType *kt, SortSupport ssup);
};

/*
 * rfm_key_type_init: determine how keys of a type are handled.  typid may be a
 * domain; collation is the column's, InvalidOid for none.  Function info is
 * allocated in mcxt.  Raises UNDEFINED_FUNCTION where the type cannot be hashed
 * or sorted; what names the thing in the message ("customer column").
 */
extern void rfm_key_type_init(RfmKeyType *kt, Oid typid, Oid collation,
							  const char *what, MemoryContext mcxt);

/* rfm_key_to_datum: return a key that is no pair as a value of its own type, for the executor. */
extern Datum rfm_key_to_datum(const RfmKeyType *kt, Datum key);

/* rfm_key_by_reference: is the Datum a pointer to an image? */
static inline bool
rfm_key_by_reference(const RfmKeyType *kt)
{
	return kt->kind != RFM_KEY_INT && !kt->typbyval;
}

/* rfm_key_bytes: return the bytes that decide equality; RFM_KEY_BYTES only. */
extern const char *rfm_key_bytes(const RfmKeyType *kt, Datum key, Size *len);

/* rfm_key_order_is_bytes: do keys sort as memcmp sorts those bytes, shorter ones first? */
extern bool rfm_key_order_is_bytes(const RfmKeyType *kt);

/* rfm_key_copy: copy a by-reference key to the current context. */
extern Datum rfm_key_copy(const RfmKeyType *kt, Datum key);

/*
 * rfm_key_image_cmp: compare the images of two equal keys that need not be
 * identical (1.0 and 1.00), so that which one is kept does not depend on the plan.
 */
extern int	rfm_key_image_cmp(const RfmKeyType *kt, Datum a, Datum b);

/*
 * rfm_key_sort_support: fill in ssup for the type's default btree order under
 * its collation, without abbreviation.
 */
extern void rfm_key_sort_support(const RfmKeyType *kt, SortSupport ssup);

/* rfm_key_out: return the key, or a pair's customer, as a cast to text gives it, palloc'd. */
extern char *rfm_key_out(const RfmKeyType *kt, Datum key);

/* rfm_key_group_out: return the group of a pair so; NULL for a key that is none. */
extern char *rfm_key_group_out(const RfmKeyType *kt, Datum key);

/*
 * The parts that the loops over rows inline, and what these call.
 */

/* rfm_key_from_varlena: return a value, detoasted where it is not in line and plain. */
extern Datum rfm_key_from_varlena(Datum value);

/* rfm_key_hash_bytes, rfm_key_equal_bytes: RFM_KEY_BYTES only. */
extern uint32 rfm_key_hash_bytes(const RfmKeyType *kt, Datum key);
extern bool rfm_key_equal_bytes(const RfmKeyType *kt, Datum a, Datum b);

/*
 * rfm_key_from_datum: return the key for a value as the executor gives it, unless
 * it is to be a pair.  The result may point into the value, or into a detoasted
 * copy in the current memory context.
 */
static inline Datum
rfm_key_from_datum(const RfmKeyType *kt, Datum value)
{
	if (kt->kind == RFM_KEY_INT)
	{
		switch (kt->typlen)
		{
			case 8:
				return Int64GetDatum(DatumGetInt64(value));
			case 4:
				return Int64GetDatum((int64) DatumGetInt32(value));
			default:
				return Int64GetDatum((int64) DatumGetInt16(value));
		}
	}
	if (kt->typlen == -1)
		return rfm_key_from_varlena(value);
	return value;
}

/* rfm_key_size: return the size of a by-reference key's image; 0 when passed by value. */
static inline Size
rfm_key_size(const RfmKeyType *kt, Datum key)
{
	if (kt->typbyval || kt->kind == RFM_KEY_INT)
		return 0;
	if (kt->typlen == -1)
		return VARSIZE_ANY(DatumGetPointer(key));
	if (kt->typlen == -2)
		return strlen(DatumGetCString(key)) + 1;
	return (Size) kt->typlen;
}

/* rfm_mix: the finalizer of MurmurHash3; every input bit reaches every output bit. */
static inline uint64
rfm_mix(uint64 h)
{
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}

/* Two words, which most keys of fixed length are (uuids, pairs of integers), are read as such. */
#define RFM_WORD_PAIR_SIZE (2 * sizeof(uint64))

static inline uint64
rfm_key_word(Datum key, int word)
{
	uint64		value;

	memcpy(&value, (const char *) DatumGetPointer(key) + word * sizeof(value), sizeof(value));
	return value;
}

/* rfm_key_hash: return a hash that is the same for equal keys. */
static inline uint32
rfm_key_hash(RfmKeyType *kt, Datum key)
{
	if (kt->kind == RFM_KEY_INT)
		return (uint32) rfm_mix((uint64) key);
	if (kt->kind == RFM_KEY_BYTES)
		return kt->typlen == RFM_WORD_PAIR_SIZE ?
			(uint32) rfm_mix(rfm_mix(rfm_key_word(key, 0)) ^ rfm_key_word(key, 1)) :
			rfm_key_hash_bytes(kt, key);
	/*
	 * all bits are used here, the leading ones first, which the hash of a type
	 * may not expect
	 */
	return murmurhash32(DatumGetUInt32(FunctionCall1Coll(&kt->hash_proc, kt->collation, key)));
}

/* rfm_key_equal: compare by the type's own equality. */
static inline bool
rfm_key_equal(RfmKeyType *kt, Datum a, Datum b)
{
	if (kt->kind == RFM_KEY_INT)
		return DatumGetInt64(a) == DatumGetInt64(b);
	if (kt->kind == RFM_KEY_BYTES)
		return kt->typlen == RFM_WORD_PAIR_SIZE ?
			rfm_key_word(a, 0) == rfm_key_word(b, 0) && rfm_key_word(a, 1) == rfm_key_word(b, 1) :
			rfm_key_equal_bytes(kt, a, b);
	return DatumGetBool(FunctionCall2Coll(&kt->eq_proc, kt->collation, a, b));
}

/* rfm_key_cmp: compare in that order, with what rfm_key_sort_support has filled in. */
static inline int
rfm_key_cmp(const RfmKeyType *kt, SortSupport ssup, Datum a, Datum b)
{
	if (kt->kind == RFM_KEY_INT)
	{
		int64		x = DatumGetInt64(a);
		int64		y = DatumGetInt64(b);

		return (x > y) - (x < y);
	}
	return ApplySortComparator(a, false, b, false, ssup);
}

/* rfm_operator_name: return an operator as SQL text, OPERATOR(schema.name), palloc'd. */
extern char *rfm_operator_name(Oid opr);

/*
 * rfm_equality: return the default equality of a type, or of a domain's base
 * type, as rfm_operator_name does.
 */
extern char *rfm_equality(Oid type);

#endif							/* RFM_VALUE_KEY_H */

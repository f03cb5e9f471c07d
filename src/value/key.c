/*-------------------------------------------------------------------------
 *
 * key.c
 *		Hashing, equality, order and storage of customer keys.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "value/key.h"

void
rfm_key_type_init(RfmKeyType *kt, Oid typid, Oid collation,
				  const char *what, MemoryContext mcxt)
{
	TypeCacheEntry *typentry;

	memset(kt, 0, sizeof(*kt));
	kt->typid = getBaseType(typid);
	kt->collation = collation;

	typentry = lookup_type_cache(kt->typid,
								 TYPECACHE_HASH_PROC_FINFO |
								 TYPECACHE_EQ_OPR_FINFO |
								 TYPECACHE_CMP_PROC_FINFO |
								 TYPECACHE_LT_OPR);
	if (!OidIsValid(typentry->hash_proc) ||
		!OidIsValid(typentry->cmp_proc) ||
		!OidIsValid(typentry->eq_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("%s has type %s, which cannot be both hashed and sorted",
						what, format_type_be(kt->typid)),
				 errhint("Use a column of another type, or an expression that casts it, for example to text.")));

	kt->typlen = typentry->typlen;
	kt->typbyval = typentry->typbyval;
	kt->typalign = typentry->typalign;

	switch (kt->typid)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			kt->kind = RFM_KEY_INT;
			return;
		case UUIDOID:
		case BYTEAOID:
			kt->kind = RFM_KEY_BYTES;
			return;
		case TEXTOID:
		case VARCHAROID:
			if (!OidIsValid(collation) || get_collation_isdeterministic(collation))
			{
				kt->kind = RFM_KEY_BYTES;
				return;
			}
			break;
		default:
			break;
	}

	kt->kind = RFM_KEY_GENERIC;
	fmgr_info_cxt(typentry->hash_proc, &kt->hash_proc, mcxt);
	fmgr_info_cxt(get_opcode(typentry->eq_opr), &kt->eq_proc, mcxt);
}

Datum
rfm_key_to_datum(const RfmKeyType *kt, Datum key)
{
	if (kt->kind == RFM_KEY_INT)
	{
		switch (kt->typlen)
		{
			case 8:
				return key;
			case 4:
				return Int32GetDatum((int32) DatumGetInt64(key));
			default:
				return Int16GetDatum((int16) DatumGetInt64(key));
		}
	}
	return key;
}

/*
 * A varlena key in memory, with whichever of the two header forms it came
 * with: the loops read it through VARDATA_ANY.
 */
Datum
rfm_key_from_varlena(Datum value)
{
	return PointerGetDatum(pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value)));
}

const char *
rfm_key_bytes(const RfmKeyType *kt, Datum key, Size *len)
{
	const char *p = (const char *) DatumGetPointer(key);

	if (kt->typlen == -1)
	{
		*len = VARSIZE_ANY_EXHDR(p);
		return VARDATA_ANY(p);
	}
	*len = rfm_key_size(kt, key);
	return p;
}

bool
rfm_key_order_is_bytes(const RfmKeyType *kt)
{
	RfmKeyType	bytewise = *kt;
	SortSupportData own;
	SortSupportData c;

	if (kt->pair)
		return kt->pair->flat;
	if (kt->kind != RFM_KEY_BYTES || !OidIsValid(kt->collation))
		return kt->kind == RFM_KEY_BYTES;

	/* text is compared by another function where its collation is like C */
	bytewise.collation = C_COLLATION_OID;
	rfm_key_sort_support(&bytewise, &c);
	rfm_key_sort_support(kt, &own);
	return own.comparator == c.comparator;
}

uint32
rfm_key_hash_bytes(const RfmKeyType *kt, Datum key)
{
	Size		len;
	const char *p = rfm_key_bytes(kt, key, &len);

	return hash_bytes((const unsigned char *) p, (int) len);
}

bool
rfm_key_equal_bytes(const RfmKeyType *kt, Datum a, Datum b)
{
	Size		alen;
	Size		blen;
	const char *ap = rfm_key_bytes(kt, a, &alen);
	const char *bp = rfm_key_bytes(kt, b, &blen);

	return alen == blen && memcmp(ap, bp, alen) == 0;
}

Datum
rfm_key_copy(const RfmKeyType *kt, Datum key)
{
	Size		size = rfm_key_size(kt, key);
	char	   *copy = palloc(size);

	memcpy(copy, DatumGetPointer(key), size);
	return PointerGetDatum(copy);
}

int
rfm_key_image_cmp(const RfmKeyType *kt, Datum a, Datum b)
{
	Size		alen;
	Size		blen;
	const char *ap;
	const char *bp;
	int			cmp;

	if (kt->typbyval || kt->kind == RFM_KEY_INT)
		return (a > b) - (a < b);
	ap = rfm_key_bytes(kt, a, &alen);
	bp = rfm_key_bytes(kt, b, &blen);
	cmp = memcmp(ap, bp, Min(alen, blen));
	if (cmp == 0)
		cmp = (alen > blen) - (alen < blen);
	return cmp;
}

void
rfm_key_sort_support(const RfmKeyType *kt, SortSupport ssup)
{
	memset(ssup, 0, sizeof(*ssup));
	ssup->ssup_cxt = CurrentMemoryContext;
	ssup->ssup_collation = kt->collation;
	ssup->abbreviate = false;
	if (kt->pair)
	{
		kt->pair->sort_support(kt, ssup);
		return;
	}
	PrepareSortSupportFromOrderingOp(lookup_type_cache(kt->typid, TYPECACHE_LT_OPR)->lt_opr, ssup);
}

char *
rfm_key_out(const RfmKeyType *kt, Datum key)
{
	Oid			output;
	bool		is_varlena;
	char	   *result;

	if (kt->pair)
	{
		key = kt->pair->get_part(kt, key, RFM_PART_CUSTOMER);
		kt = &kt->pair->part[RFM_PART_CUSTOMER];
	}
	if (kt->kind == RFM_KEY_INT)
	{
		result = palloc(MAXINT8LEN + 1);
		pg_lltoa(DatumGetInt64(key), result);
		return result;
	}
	/* its owner's code that runs in a refresh can drop it */
	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(kt->typid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the type of customers has been dropped while it was in use")));
	getTypeOutputInfo(kt->typid, &output, &is_varlena);
	result = OidOutputFunctionCall(output, rfm_key_to_datum(kt, key));
	if (kt->typid == BOOLOID)
		return pstrdup(*result == 't' ? "true" : "false");
	if (kt->typid == BPCHAROID)
		result[bpchartruelen(result, strlen(result))] = '\0';
	return result;
}

char *
rfm_key_group_out(const RfmKeyType *kt, Datum key)
{
	if (kt->pair == NULL)
		return NULL;
	return rfm_key_out(&kt->pair->part[RFM_PART_GROUP], kt->pair->get_part(kt, key, RFM_PART_GROUP));
}

char *
rfm_operator_name(Oid opr)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(opr));
	Form_pg_operator form;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("operator with OID %u does not exist", opr)));
	form = (Form_pg_operator) GETSTRUCT(tuple);
	result = psprintf("OPERATOR(%s.%s)",
					  quote_identifier(get_namespace_name(form->oprnamespace)),
					  NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return result;
}

char *
rfm_equality(Oid type)
{
	return rfm_operator_name(lookup_type_cache(getBaseType(type), TYPECACHE_EQ_OPR)->eq_opr);
}

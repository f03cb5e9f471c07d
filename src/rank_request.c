/*-------------------------------------------------------------------------
 *
 * rank_request.c
 *		What is asked of every shard: where on each axis customers are counted.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "miscadmin.h"
#include "numeric_form.h"
#include "rank_request.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * Text.
 */

void
rfm_rank_malformed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("malformed rank summary or request"),
			 errdetail("Only refreshes write these.")));
}

void
rfm_rank_put_string(StringInfo text, const char *string)
{
	appendStringInfo(text, "%zu:%s ", strlen(string), string);
}

int64
rfm_rank_get_int(RfmRankText *text, int64 lowest, int64 highest)
{
	bool		negative = text->at < text->end && *text->at == '-';
	uint64		magnitude = 0;
	const char *digits = text->at + negative;
	const char *p = digits;
	int64		value;

	while (p < text->end && *p >= '0' && *p <= '9')
	{
		if (magnitude > (PG_UINT64_MAX - 9) / 10)
			rfm_rank_malformed();
		magnitude = magnitude * 10 + (*p++ - '0');
	}
	if (p == digits || p == text->end || (*p != ' ' && *p != ':') ||
		magnitude > (uint64) PG_INT64_MAX + negative)
		rfm_rank_malformed();
	text->at = p + 1;
	value = negative ? (int64) (0 - magnitude) : (int64) magnitude;
	if (value < lowest || value > highest)
		rfm_rank_malformed();
	return value;
}

char *
rfm_rank_get_string(RfmRankText *text)
{
	int64		length = rfm_rank_get_int(text, 0, PG_INT32_MAX);
	char	   *string;

	if (length >= text->end - text->at || text->at[length] != ' ' ||
		memchr(text->at, '\0', length) != NULL)
		rfm_rank_malformed();
	string = pnstrdup(text->at, length);
	text->at += length + 1;
	return string;
}

/*
 * Values as text that any session reads in the same way.
 */

typedef struct Settings
{
	int			date_style;
	int			date_order;
	int			interval_style;
	int			float_digits;
	int			bytea_form;
} Settings;

static Settings
exchange_settings(Settings settings)
{
	Settings	old = {DateStyle, DateOrder, IntervalStyle, extra_float_digits, bytea_output};

	DateStyle = settings.date_style;
	DateOrder = settings.date_order;
	IntervalStyle = settings.interval_style;
	extra_float_digits = settings.float_digits;
	bytea_output = settings.bytea_form;
	return old;
}

static const Settings neutral = {
	USE_ISO_DATES, DATEORDER_YMD, INTSTYLE_POSTGRES, 1, BYTEA_OUTPUT_HEX
};

char *
rfm_neutral_out(FmgrInfo *output, Datum value)
{
	Settings	old = exchange_settings(neutral);
	char	   *volatile text = NULL;

	PG_TRY();
	{
		text = OutputFunctionCall(output, value);
	}
	PG_FINALLY();
	{
		(void) exchange_settings(old);
	}
	PG_END_TRY();
	return text;
}

static Datum
neutral_in(FmgrInfo *input, char *text, Oid ioparam)
{
	Settings	old = exchange_settings(neutral);
	volatile Datum value = (Datum) 0;

	PG_TRY();
	{
		value = InputFunctionCall(input, text, ioparam, -1);
	}
	PG_FINALLY();
	{
		(void) exchange_settings(old);
	}
	PG_END_TRY();
	return value;
}

/*
 * Keys.
 */

RfmRankKey
rfm_rank_money(Numeric value)
{
	RfmRankKey	key = {.money = value};

	key.code = rfm_numeric_code(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	return key;
}

Datum
rfm_rank_customer(RfmRankRequest *request, char *text)
{
	return rfm_key_from_datum(&request->customer_type,
							  neutral_in(&request->customer_input, text,
										 request->customer_ioparam));
}

void
rfm_rank_put_key(StringInfo text, RfmRankRequest *request, bool exact,
				 bool by_customer, const RfmRankKey *key)
{
	if (exact)
		rfm_rank_put_string(text, DatumGetCString(DirectFunctionCall1(numeric_out,
																	  NumericGetDatum(key->money))));
	else
		appendStringInfo(text, INT64_FORMAT " ", key->code);
	if (by_customer)
		rfm_rank_put_string(text, rfm_neutral_out(&request->customer_output,
												  rfm_key_to_datum(&request->customer_type,
																   key->customer)));
}

void
rfm_rank_get_key(RfmRankText *text, RfmRankRequest *request, bool exact,
				 bool by_customer, RfmRankKey *key)
{
	memset(key, 0, sizeof(*key));
	if (exact)
	{
		char	   *string = rfm_rank_get_string(text);
		Numeric		value = DatumGetNumeric(DirectFunctionCall3(numeric_in,
																CStringGetDatum(string),
																ObjectIdGetDatum(InvalidOid),
																Int32GetDatum(-1)));

		if (numeric_is_nan(value) || numeric_is_inf(value))
			rfm_rank_malformed();
		*key = rfm_rank_money(value);
		pfree(string);
	}
	else
		key->code = rfm_rank_get_int(text, PG_INT64_MIN, PG_INT64_MAX);
	if (by_customer)
	{
		char	   *string = rfm_rank_get_string(text);

		key->customer = rfm_rank_customer(request, string);
		pfree(string);
	}
}

int
rfm_rank_cmp(RfmRankRequest *request, const RfmRankKey *a, const RfmRankKey *b,
			 bool by_customer)
{
	int			cmp = (a->code > b->code) - (a->code < b->code);

	if (cmp == 0 && a->money != b->money)
		cmp = rfm_numeric_cmp(a->money, b->money);
	if (cmp == 0 && by_customer)
		cmp = rfm_key_cmp(&request->customer_type, &request->customer_order,
						  a->customer, b->customer);
	return cmp;
}

int
rfm_rank_segment(RfmRankRequest *request, RfmAxis axis, const RfmRankKey *key)
{
	const RfmRankAxis *a = &request->axis[axis];
	int			low = 0;
	int			high = a->nbounds;

	while (low < high)
	{
		int			mid = (low + high) / 2;
		const RfmRankBound *bound = &a->bound[mid];
		int			cmp = rfm_rank_cmp(request, key, &bound->key, bound->by_customer);

		if (cmp > 0 || (cmp == 0 && !bound->after))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * Requests.
 */

static void
init_request(RfmRankRequest *request, Oid type, Oid collation, bool real,
			 bool by_customer, int64 size)
{
	Oid			input;
	Oid			output;
	bool		is_varlena;

	memset(request, 0, sizeof(*request));
	request->real = real;
	request->by_customer = by_customer;
	request->size = size;
	rfm_key_type_init(&request->customer_type, type, collation, "customer column",
					  CurrentMemoryContext);
	rfm_key_sort_support(&request->customer_type, &request->customer_order);
	getTypeInputInfo(request->customer_type.typid, &input, &request->customer_ioparam);
	getTypeOutputInfo(request->customer_type.typid, &output, &is_varlena);
	fmgr_info(input, &request->customer_input);
	fmgr_info(output, &request->customer_output);
}

void
rfm_rank_request_init(RfmRankRequest *request, const RfmKeyType *customer_type,
					  bool real, bool by_customer, int64 size)
{
	init_request(request, customer_type->typid, customer_type->collation, real,
				 by_customer, size);
}

char *
rfm_collation_name(Oid collation)
{
	HeapTuple	tuple;
	Form_pg_collation form;
	char	   *name;

	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(form->collnamespace),
									  NameStr(form->collname));
	ReleaseSysCache(tuple);
	return name;
}

char *
rfm_rank_request_text(RfmRankRequest *request)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%d %d " INT64_FORMAT " ", request->real,
					 request->by_customer, request->size);
	rfm_rank_put_string(&text, format_type_be_qualified(request->customer_type.typid));
	rfm_rank_put_string(&text, OidIsValid(request->customer_type.collation) ?
						rfm_collation_name(request->customer_type.collation) : "");
	for (int i = 0; i < RFM_AXES; i++)
	{
		const RfmRankAxis *axis = &request->axis[i];

		appendStringInfo(&text, "%d %d ", axis->nbounds, axis->keep[0]);
		for (int b = 0; b < axis->nbounds; b++)
		{
			const RfmRankBound *bound = &axis->bound[b];

			appendStringInfo(&text, "%d %d %d ", bound->by_customer, bound->after,
							 axis->keep[b + 1]);
			rfm_rank_put_key(&text, request, rfm_rank_exact(request, (RfmAxis) i),
							 bound->by_customer, &bound->key);
		}
	}
	return text.data;
}

RfmRankRequest *
rfm_rank_request_parse(const char *string)
{
	RfmRankText text = {string, string + strlen(string)};
	RfmRankRequest *request = palloc(sizeof(RfmRankRequest));
	bool		real = rfm_rank_get_int(&text, 0, 1);
	bool		by_customer = rfm_rank_get_int(&text, 0, 1);
	int64		size = rfm_rank_get_int(&text, 1, PG_INT64_MAX / 1024);
	char	   *type = rfm_rank_get_string(&text);
	char	   *collation = rfm_rank_get_string(&text);

	init_request(request,
				 DatumGetObjectId(DirectFunctionCall1(regtypein, CStringGetDatum(type))),
				 *collation == '\0' ? InvalidOid :
				 DatumGetObjectId(DirectFunctionCall1(regcollationin, CStringGetDatum(collation))),
				 real, by_customer, size);
	for (int i = 0; i < RFM_AXES; i++)
	{
		RfmRankAxis *axis = &request->axis[i];

		axis->nbounds = rfm_rank_get_int(&text, 0, RFM_MAX_BOUNDS);
		axis->keep[0] = rfm_rank_get_int(&text, 0, 1);
		for (int b = 0; b < axis->nbounds; b++)
		{
			RfmRankBound *bound = &axis->bound[b];

			bound->by_customer = rfm_rank_get_int(&text, 0, by_customer);
			bound->after = rfm_rank_get_int(&text, 0, 1);
			axis->keep[b + 1] = rfm_rank_get_int(&text, 0, 1);
			rfm_rank_get_key(&text, request, rfm_rank_exact(request, (RfmAxis) i),
							 bound->by_customer, &bound->key);
		}
	}
	if (text.at != text.end)
		rfm_rank_malformed();
	return request;
}

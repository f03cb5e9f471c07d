/*-------------------------------------------------------------------------
 *
 * shard.c
 *		The SQL functions that the queries of a pushed-down refresh call.
 *
 * They run wherever a shard is, for whoever is connected there: nothing in
 * them depends on the session's settings or on the tables of the extension.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "calendar.h"
#include "catalog/pg_type.h"
#include "rank_summary.h"
#include "score.h"
#include "signature.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(rfm_rank_summary_in);
PG_FUNCTION_INFO_V1(rfm_rank_summary_out);
PG_FUNCTION_INFO_V1(rfm_shard_summary_trans);
PG_FUNCTION_INFO_V1(rfm_shard_summary_combine);
PG_FUNCTION_INFO_V1(rfm_shard_cell);
PG_FUNCTION_INFO_V1(rfm_shard_days);
PG_FUNCTION_INFO_V1(rfm_shard_customer);
PG_FUNCTION_INFO_V1(rfm_shard_image);
PG_FUNCTION_INFO_V1(rfm_shard_sum_trans);
PG_FUNCTION_INFO_V1(rfm_shard_sum_final);

/* What rfm_shard_days gives for times without a date. */
#define DAYS_SINCE_NEVER	PG_INT32_MAX
#define DAYS_UNTIL_NEVER	PG_INT32_MIN

/*
 * The summary as a type, and as an aggregate.
 */

static const RfmSignature rank_summary_in_signature = {
	"rfm_rank_summary_in", PROKIND_FUNCTION, .strict = true, .result = RFM_SUMMARY_TYPE,
	.arg = {CSTRINGOID}
};

/*
 * rfm_rank_summary_in(cstring) RETURNS rfm_rank_summary
 */
Datum
rfm_rank_summary_in(PG_FUNCTION_ARGS)
{
	char	   *string;
	RfmRankSummary *summary;

	rfm_signature_check(fcinfo, &rank_summary_in_signature);
	string = PG_GETARG_CSTRING(0);
	ereport(DEBUG1, (errmsg_internal("rfm: %zu bytes from a shard", strlen(string))));

	/* only to see whether it is one */
	summary = rfm_rank_summary_parse(string, strlen(string), CurrentMemoryContext);
	MemoryContextDelete(summary->eoh.eoh_context);
	PG_RETURN_DATUM(CStringGetTextDatum(string));
}

static const RfmSignature rank_summary_out_signature = {
	"rfm_rank_summary_out", PROKIND_FUNCTION, .strict = true, .result = CSTRINGOID,
	.arg = {RFM_SUMMARY_TYPE}
};

/*
 * rfm_rank_summary_out(rfm_rank_summary) RETURNS cstring
 */
Datum
rfm_rank_summary_out(PG_FUNCTION_ARGS)
{
	rfm_signature_check(fcinfo, &rank_summary_out_signature);
	PG_RETURN_CSTRING(TextDatumGetCString(PG_GETARG_DATUM(0)));
}

/* What no score can be given for; names the customer, as any refresh does. */
static void
check_numbers(FunctionCallInfo fcinfo)
{
	bool		overflow = false;

	if (PG_GETARG_INT32(2) == DAYS_SINCE_NEVER)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the last order of customer \"%s\" has an infinite order time",
						text_to_cstring(PG_GETARG_TEXT_PP(6))),
				 errhint("Correct the order, or leave it out with the model's filter.")));
	if (!PG_ARGISNULL(4))
	{
		Numeric		money = PG_GETARG_NUMERIC(4);

		if (!numeric_is_nan(money) && !numeric_is_inf(money))
			return;
	}
	else
	{
		double		money = PG_GETARG_FLOAT8(5);

		if (isfinite(money))
			return;
		overflow = isinf(money);
	}
	rfm_amount_error(PG_ARGISNULL(4) ? RFM_AMOUNT_FLOAT : RFM_AMOUNT_NUMERIC,
					 text_to_cstring(PG_GETARG_TEXT_PP(6)), overflow);
}

static void
check_arguments(FunctionCallInfo fcinfo, RfmRankSummary *summary)
{
	for (int i = 1; i <= 8; i++)
		if (PG_ARGISNULL(i) && i != 4 && i != 5)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("numbers of a customer must not be null")));
	if (PG_ARGISNULL(4) == PG_ARGISNULL(5) ||
		(summary && summary->request->real != PG_ARGISNULL(4)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a customer has either exact or floating-point money")));
}

static const RfmSignature summary_trans_signature = {
	"rfm_shard_summary_trans", PROKIND_FUNCTION, .result = RFM_SUMMARY_TYPE,
	.arg = {RFM_SUMMARY_TYPE, TEXTOID, INT4OID, INT8OID, NUMERICOID, FLOAT8OID, TEXTOID, INT8OID, BOOLOID}
};

/*
 * rfm_shard_summary_trans(state rfm_rank_summary, request text, recency_days int4,
 *   frequency int8, money numeric, money_real float8, customer text, orders int8,
 *   included bool) RETURNS rfm_rank_summary
 */
Datum
rfm_shard_summary_trans(PG_FUNCTION_ARGS)
{
	MemoryContext aggcxt;
	RfmRankSummary *summary = NULL;
	RfmRankRow	row = {0};

	rfm_signature_check(fcinfo, &summary_trans_signature);
	if (!AggCheckCallContext(fcinfo, &aggcxt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function %s called outside of an aggregate", "rfm_shard_summary_trans")));
	if (!PG_ARGISNULL(0))
		summary = rfm_rank_summary_get(PG_GETARG_DATUM(0), aggcxt);
	check_arguments(fcinfo, summary);
	check_numbers(fcinfo);
	if (summary == NULL)
	{
		summary = rfm_rank_summary_new(text_to_cstring(PG_GETARG_TEXT_PP(1)), aggcxt);
		if (summary->request->real != PG_ARGISNULL(4))
			check_arguments(fcinfo, summary);
	}

	row.recency_days = PG_GETARG_INT32(2);
	row.frequency = PG_GETARG_INT64(3);
	if (summary->request->real)
		row.real = PG_GETARG_FLOAT8(5);
	else
		row.money = PG_GETARG_NUMERIC(4);
	row.customer = rfm_rank_customer(summary->request,
									 text_to_cstring(PG_GETARG_TEXT_PP(6)));
	row.orders = PG_GETARG_INT64(7);
	row.included = PG_GETARG_BOOL(8);
	rfm_rank_summary_add(summary, &row);
	PG_RETURN_DATUM(EOHPGetRWDatum(&summary->eoh));
}

static const RfmSignature summary_combine_signature = {
	"rfm_shard_summary_combine", PROKIND_FUNCTION, .strict = true, .result = RFM_SUMMARY_TYPE,
	.arg = {RFM_SUMMARY_TYPE, RFM_SUMMARY_TYPE}
};

/*
 * rfm_shard_summary_combine(rfm_rank_summary, rfm_rank_summary) RETURNS rfm_rank_summary
 */
Datum
rfm_shard_summary_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggcxt;
	RfmRankSummary *summary;
	RfmRankSummary *other;

	rfm_signature_check(fcinfo, &summary_combine_signature);
	if (!AggCheckCallContext(fcinfo, &aggcxt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function %s called outside of an aggregate", "rfm_shard_summary_combine")));
	summary = rfm_rank_summary_get(PG_GETARG_DATUM(0), aggcxt);
	other = rfm_rank_summary_get(PG_GETARG_DATUM(1), CurrentMemoryContext);
	rfm_rank_summary_merge(summary, other);
	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(PG_GETARG_DATUM(1))))
		MemoryContextDelete(other->eoh.eoh_context);
	PG_RETURN_DATUM(EOHPGetRWDatum(&summary->eoh));
}

/*
 * The numbers of one customer.
 */

static const RfmSignature days_signature = {
	"rfm_shard_days", PROKIND_FUNCTION, .strict = true, .result = INT4OID,
	.arg = {ANYELEMENTOID, DATEOID, TEXTOID}
};

/*
 * rfm_shard_days(order_time anyelement, run_date date, time_zone text) RETURNS int4
 *
 * Whole days from the local date of an order time until run_date.
 */
Datum
rfm_shard_days(PG_FUNCTION_ARGS)
{
	RfmCalendar *calendar = (RfmCalendar *) fcinfo->flinfo->fn_extra;
	DateADT		run_date;
	DateADT		date;

	if (calendar == NULL)
	{
		Oid			type;

		rfm_signature_verify(fcinfo, &days_signature);
		type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 0));
		if (type != DATEOID && type != TIMESTAMPOID && type != TIMESTAMPTZOID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("order time must be of type date, timestamp or timestamp with time zone")));
		calendar = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(RfmCalendar));
		rfm_calendar_init(calendar, type, text_to_cstring(PG_GETARG_TEXT_PP(2)));
		fcinfo->flinfo->fn_extra = calendar;
	}
	run_date = PG_GETARG_DATEADT(1);
	date = rfm_calendar_date(calendar, calendar->time_type == DATEOID ?
							 (int64) PG_GETARG_DATEADT(0) : PG_GETARG_INT64(0));
	if (DATE_IS_NOBEGIN(date) || DATE_NOT_FINITE(run_date))
		PG_RETURN_INT32(DAYS_SINCE_NEVER);
	if (DATE_IS_NOEND(date))
		PG_RETURN_INT32(DAYS_UNTIL_NEVER);
	PG_RETURN_INT32(run_date - date);
}

static const RfmSignature customer_signature = {
	"rfm_shard_customer", PROKIND_FUNCTION, .strict = true, .result = TEXTOID,
	.arg = {ANYELEMENTOID}
};

/*
 * rfm_shard_customer(anyelement) RETURNS text
 */
Datum
rfm_shard_customer(PG_FUNCTION_ARGS)
{
	FmgrInfo   *output = (FmgrInfo *) fcinfo->flinfo->fn_extra;

	if (output == NULL)
	{
		Oid			function;
		bool		is_varlena;

		rfm_signature_verify(fcinfo, &customer_signature);
		output = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(FmgrInfo));
		getTypeOutputInfo(get_fn_expr_argtype(fcinfo->flinfo, 0), &function, &is_varlena);
		fmgr_info_cxt(function, output, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = output;
	}
	PG_RETURN_DATUM(CStringGetTextDatum(rfm_neutral_out(output, PG_GETARG_DATUM(0))));
}

static const RfmSignature image_signature = {
	"rfm_shard_image", PROKIND_FUNCTION, .strict = true, .result = ANYELEMENTOID,
	.arg = {ANYELEMENTOID, ANYELEMENTOID}
};

/*
 * rfm_shard_image(anyelement, anyelement) RETURNS anyelement
 *
 * Of two equal but perhaps not identical keys the one that every refresh takes.
 */
Datum
rfm_shard_image(PG_FUNCTION_ARGS)
{
	RfmKeyType *type = (RfmKeyType *) fcinfo->flinfo->fn_extra;
	Datum		a;
	Datum		b;

	if (type == NULL)
	{
		rfm_signature_verify(fcinfo, &image_signature);
		type = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(RfmKeyType));
		rfm_key_type_init(type, get_fn_expr_argtype(fcinfo->flinfo, 0), InvalidOid,
						  "customer column", fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = type;
	}
	a = rfm_key_from_datum(type, PG_GETARG_DATUM(0));
	b = rfm_key_from_datum(type, PG_GETARG_DATUM(1));
	PG_RETURN_DATUM(PG_GETARG_DATUM(rfm_key_image_cmp(type, a, b) <= 0 ? 0 : 1));
}

/* The sum of doubles, exact until it is rounded once. */
typedef struct RealSum
{
	RfmSum		sum;
	uint8		form;
	double		low;
	bool		overflow;
	bool		not_finite;
} RealSum;

static const RfmSignature sum_trans_signature = {
	"rfm_shard_sum_trans", PROKIND_FUNCTION, .result = INTERNALOID,
	.arg = {INTERNALOID, FLOAT8OID}
};

/*
 * rfm_shard_sum_trans(internal, float8) RETURNS internal
 */
Datum
rfm_shard_sum_trans(PG_FUNCTION_ARGS)
{
	MemoryContext aggcxt;
	RealSum    *state;
	RfmAmount	amount;
	uint8		scale = 0;

	rfm_signature_check(fcinfo, &sum_trans_signature);
	state = PG_ARGISNULL(0) ? NULL : (RealSum *) PG_GETARG_POINTER(0);
	if (!AggCheckCallContext(fcinfo, &aggcxt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function %s called outside of an aggregate", "rfm_shard_sum_trans")));
	if (state == NULL)
	{
		state = MemoryContextAllocZero(aggcxt, sizeof(RealSum));
		state->form = RFM_FORM_FLOAT;
	}
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	rfm_amount_decode(FLOAT8OID, PG_GETARG_DATUM(1), &amount);
	if (amount.form == RFM_FORM_NOT_FINITE)
		state->not_finite = true;
	else if (!state->overflow && !state->not_finite)
		state->overflow = !rfm_sum_add(&state->sum, &state->form, &scale, &state->low,
									   &amount, aggcxt);
	PG_RETURN_POINTER(state);
}

static const RfmSignature sum_final_signature = {
	"rfm_shard_sum_final", PROKIND_FUNCTION, .result = FLOAT8OID,
	.arg = {INTERNALOID}
};

/*
 * rfm_shard_sum_final(internal) RETURNS float8
 *
 * NaN where an amount was not finite, infinite where the sum is.
 */
Datum
rfm_shard_sum_final(PG_FUNCTION_ARGS)
{
	RealSum    *state;

	rfm_signature_check(fcinfo, &sum_final_signature);
	state = PG_ARGISNULL(0) ? NULL : (RealSum *) PG_GETARG_POINTER(0);
	if (state == NULL)
		PG_RETURN_FLOAT8(0);
	if (state->not_finite)
		PG_RETURN_FLOAT8(get_float8_nan());
	if (state->overflow)
		PG_RETURN_FLOAT8(get_float8_infinity());
	PG_RETURN_FLOAT8(rfm_sum_real(&state->sum, state->form, state->low));
}

static const RfmSignature cell_signature = {
	"rfm_shard_cell", PROKIND_FUNCTION, .result = INT4OID,
	.arg = {TEXTOID, INT4OID, INT8OID, NUMERICOID, FLOAT8OID, ANYELEMENTOID}
};

/*
 * rfm_shard_cell(cuts text, recency_days int4, frequency int8, money numeric,
 *   money_real float8, customer anyelement) RETURNS int4
 *
 * The three scores, four bits each.  The cuts are a request whose bounds they are.
 */
Datum
rfm_shard_cell(PG_FUNCTION_ARGS)
{
	RfmRankRequest *cuts = (RfmRankRequest *) fcinfo->flinfo->fn_extra;
	RfmRankKey	key[RFM_AXES] = {{0}};
	int			score[RFM_AXES];

	if (cuts == NULL)
		rfm_signature_verify(fcinfo, &cell_signature);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(5) ||
		PG_ARGISNULL(3) == PG_ARGISNULL(4))
		PG_RETURN_NULL();
	if (cuts == NULL)
	{
		MemoryContext oldcxt = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		/* one constant of the statement */
		if (!get_fn_expr_arg_stable(fcinfo->flinfo, 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cut points must be a constant")));
		cuts = rfm_rank_request_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
		if (getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 5)) != cuts->customer_type.typid ||
			cuts->real != PG_ARGISNULL(3))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("cut points are of other types than the customer's numbers")));
		fcinfo->flinfo->fn_extra = cuts;
		MemoryContextSwitchTo(oldcxt);
	}
	if (cuts->real != PG_ARGISNULL(3))
		PG_RETURN_NULL();

	key[RFM_RECENCY].code = -(int64) PG_GETARG_INT32(1);
	key[RFM_FREQUENCY].code = PG_GETARG_INT64(2);
	if (cuts->real)
		key[RFM_MONETARY].code = rfm_double_to_code(PG_GETARG_FLOAT8(4));
	else
		key[RFM_MONETARY] = rfm_rank_money(PG_GETARG_NUMERIC(3));
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		key[axis].customer = rfm_key_from_datum(&cuts->customer_type, PG_GETARG_DATUM(5));
		score[axis] = rfm_rank_segment(cuts, (RfmAxis) axis, &key[axis]) + 1;
	}
	PG_RETURN_INT32(RFM_CELL(score[RFM_RECENCY], score[RFM_FREQUENCY], score[RFM_MONETARY]));
}

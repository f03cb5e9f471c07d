/*-------------------------------------------------------------------------
 *
 * serial.c
 *		The states of rfm_quintiles and rfm_quantiles on their way from a parallel worker.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/version.h"
#include "miscadmin.h"
#include "quantile/state.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "value/money.h"
#include "value/numeric.h"

PG_FUNCTION_INFO_V1(rfm_quantile_serialize);
PG_FUNCTION_INFO_V1(rfm_quantile_deserialize);

/*
 * A serialized state is this header, then for double precision the codes, for
 * numeric the payload of each value after its uint32 length.  It travels
 * between backends of one server, so it is in the byte order of the machine.
 */
typedef struct QuantileHeader
{
	int32		kind;
	int32		buckets;
	int64		n;
} QuantileHeader;

/*
 * rfm_quantile_serialize(internal)
 */
Datum
rfm_quantile_serialize(PG_FUNCTION_ARGS)
{
	RfmQuantileState *state;
	QuantileHeader header;
	int64		size;
	bytea	   *result;
	char	   *next;

	rfm_version_check();
	rfm_quantile_context(fcinfo);
	state = rfm_quantile_state_arg(fcinfo, 0);
	header.kind = state->kind;
	header.buckets = state->buckets;
	header.n = state->n;
	size = VARHDRSZ + sizeof(header) + (state->kind == RFM_QUANTILE_FLOAT8 ?
										state->n * (int64) sizeof(int64) :
										state->n * (int64) sizeof(uint32) +
										state->payload_bytes);
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many values for a parallel quantile aggregate"),
				 errdetail("The %lld values of one worker take more than %zu bytes.",
						   (long long) state->n, (Size) MaxAllocSize),
				 errhint("Set max_parallel_workers_per_gather to 0 for this query.")));

	result = palloc(size);
	SET_VARSIZE(result, size);
	next = VARDATA(result);
	memcpy(next, &header, sizeof(header));
	next += sizeof(header);
	if (state->kind == RFM_QUANTILE_FLOAT8)
	{
		if (state->n > 0)
			memcpy(next, state->code, state->n * sizeof(int64));
		PG_RETURN_BYTEA_P(result);
	}
	for (int64 i = 0; i < state->n; i++)
	{
		uint32		length = VARSIZE(state->value[i]) - VARHDRSZ;

		if (i % RFM_QUANTILE_BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(next, &length, sizeof(length));
		next += sizeof(length);
		memcpy(next, VARDATA(state->value[i]), length);
		next += length;
	}
	PG_RETURN_BYTEA_P(result);
}

/* The values of a serialized float8 state; false where they are malformed. */
static bool
read_float8_values(RfmQuantileState *state, int64 n, const char *data, int64 size)
{
	if (size % sizeof(int64) != 0 || size / (int64) sizeof(int64) != n)
		return false;
	if (n == 0)
		return true;
	rfm_quantile_reserve(CurrentMemoryContext, state, n);
	memcpy(state->code, data, size);
	state->n = n;

	for (int64 i = 0; i < n; i++)
	{
		double		value = rfm_code_to_double(state->code[i]);

		/* each value has one code; this catches the others */
		if (isnan(value))
			value = get_float8_nan();
		if (rfm_double_to_code(value) != state->code[i])
			return false;
	}
	return true;
}

/* The values of a serialized numeric state; false where they are malformed. */
static bool
read_numeric_values(RfmQuantileState *state, int64 n, const char *data, int64 size)
{
	const char *end = data + size;

	/* as many as there can be, whatever n says */
	rfm_quantile_reserve(CurrentMemoryContext, state,
						 Min(n, size / (int64) (sizeof(uint32) + sizeof(uint16))));
	for (int64 i = 0; i < n; i++)
	{
		uint32		length;
		RfmNumericParts parts;

		if (i % RFM_QUANTILE_BLOCK == 0)
			CHECK_FOR_INTERRUPTS();
		if (end - data < (int64) sizeof(length))
			return false;
		memcpy(&length, data, sizeof(length));
		data += sizeof(length);
		if (end - data < length ||
			!rfm_numeric_read(data, length, &parts) || !rfm_numeric_valid(&parts))
			return false;
		rfm_quantile_add_numeric(CurrentMemoryContext, state, rfm_numeric_parts_code(&parts),
								 data, length);
		data += length;
	}
	return data == end;
}

/*
 * rfm_quantile_deserialize(bytea, internal)
 *
 * The result lives as long as the call that combines it needs it.
 */
Datum
rfm_quantile_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serialized;
	const char *data;
	int64		size;
	QuantileHeader header;
	RfmQuantileState *state;
	bool		valid = false;

	rfm_version_check();
	rfm_quantile_context(fcinfo);
	serialized = PG_GETARG_BYTEA_PP(0);
	data = VARDATA_ANY(serialized);
	size = VARSIZE_ANY_EXHDR(serialized);
	if (size >= (int64) sizeof(header))
	{
		memcpy(&header, data, sizeof(header));
		data += sizeof(header);
		size -= sizeof(header);
		if (header.n >= 0 && header.buckets >= RFM_MIN_QUANTILES &&
			header.buckets <= RFM_MAX_QUANTILES)
		{
			state = rfm_quantile_create(CurrentMemoryContext,
										(RfmQuantileKind) header.kind, header.buckets);
			if (header.kind == RFM_QUANTILE_FLOAT8)
				valid = read_float8_values(state, header.n, data, size);
			else if (header.kind == RFM_QUANTILE_NUMERIC)
				valid = read_numeric_values(state, header.n, data, size);
		}
	}
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("malformed state of a quantile aggregate")));
	PG_RETURN_POINTER(state);
}

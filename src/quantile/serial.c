/*-------------------------------------------------------------------------
 *
 * serial.c
 *		Serialization of the states of rfm_quintiles and rfm_quantiles.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "base/version.h"
#include "quantile/state.h"
#include "utils/memutils.h"
#include "value/numeric.h"

PG_FUNCTION_INFO_V1(rfm_quantile_serialize);
PG_FUNCTION_INFO_V1(rfm_quantile_deserialize);

/*
 * A serialized state is this header, then for double precision the codes, for
 * numeric the payload of each value after its uint32 length.
 *
 * Only our own processes write such bytes: SQL cannot hand any to the function
 * that reads them, as it has an argument of type internal and is strict.  So
 * they are in native byte order and are trusted; it is only checked that reads
 * stay within them.
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
	rfm_aggregate_context(fcinfo);
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

		rfm_check_interrupts(i);
		memcpy(next, &length, sizeof(length));
		next += sizeof(length);
		memcpy(next, VARDATA(state->value[i]), length);
		next += length;
	}
	PG_RETURN_BYTEA_P(result);
}

static void
ends_too_early(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg_internal("serialized state of a quantile aggregate ends too early")));
}

static void
read_float8_values(RfmQuantileState *state, int64 n, const char *data, int64 size)
{
	if (size / (int64) sizeof(int64) < n)
		ends_too_early();
	rfm_quantile_reserve(CurrentMemoryContext, state, n);
	if (n > 0)
		memcpy(state->code, data, n * sizeof(int64));
	state->n = n;
}

static void
read_numeric_values(RfmQuantileState *state, int64 n, const char *data, int64 size)
{
	const char *end = data + size;

	rfm_quantile_reserve(CurrentMemoryContext, state, n);
	for (int64 i = 0; i < n; i++)
	{
		uint32		length;

		rfm_check_interrupts(i);
		if (end - data < (int64) sizeof(length))
			ends_too_early();
		memcpy(&length, data, sizeof(length));
		data += sizeof(length);
		if (end - data < length)
			ends_too_early();
		rfm_quantile_add_numeric(CurrentMemoryContext, state, rfm_numeric_code(data, length),
								 data, length);
		data += length;
	}
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

	rfm_version_check();
	rfm_aggregate_context(fcinfo);
	serialized = PG_GETARG_BYTEA_PP(0);
	data = VARDATA_ANY(serialized);
	size = VARSIZE_ANY_EXHDR(serialized);
	if (size < (int64) sizeof(header))
		ends_too_early();
	memcpy(&header, data, sizeof(header));
	data += sizeof(header);
	size -= sizeof(header);

	state = rfm_quantile_create(CurrentMemoryContext, (RfmQuantileKind) header.kind,
								header.buckets);
	if (state->kind == RFM_QUANTILE_FLOAT8)
		read_float8_values(state, header.n, data, size);
	else
		read_numeric_values(state, header.n, data, size);
	PG_RETURN_POINTER(state);
}

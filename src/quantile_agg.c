/*-------------------------------------------------------------------------
 *
 * quantile_agg.c
 *		The helper aggregates rfm_quintiles and rfm_quantiles.
 *
 * The aggregates keep every value as an int64 code of the same order and let
 * cut.c find the few order statistics that the cut points lie between.  For
 * double precision the code is the value.  For numeric the code holds the
 * magnitude and the leading digits, and the values are kept beside the codes:
 * only among the values that share the code of a wanted rank are whole
 * numerics compared.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "cut.h"
#include "miscadmin.h"
#include "money.h"
#include "numeric_form.h"
#include "signature.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#define QUINTILES		5
#define MIN_QUANTILES	2
#define MAX_QUANTILES	1000

#define INITIAL_SPACE	16
#define MIN_ARENA_BLOCK	256
#define MAX_ARENA_BLOCK	(1024 * 1024)

/* Values handled between two checks for interrupts. */
#define BLOCK_VALUES	65536

/* What the values of a state are. */
typedef enum QuantileKind
{
	QUANTILE_FLOAT8 = 'd',
	QUANTILE_NUMERIC = 'n'
} QuantileKind;

typedef struct QuantileState
{
	QuantileKind kind;
	int			buckets;
	int64		n;
	int64		space;			/* allocated entries of code and value */
	int64	   *code;
	Numeric    *value;			/* only for numeric */
	char	   *arena;			/* where the next numeric goes */
	Size		arena_left;
	Size		arena_block;	/* size of the current block */
	int64		payload_bytes;	/* total size of the numerics */
} QuantileState;

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

PG_FUNCTION_INFO_V1(rfm_float8_quantile_trans);
PG_FUNCTION_INFO_V1(rfm_numeric_quantile_trans);
PG_FUNCTION_INFO_V1(rfm_quantile_combine);
PG_FUNCTION_INFO_V1(rfm_quantile_serialize);
PG_FUNCTION_INFO_V1(rfm_quantile_deserialize);
PG_FUNCTION_INFO_V1(rfm_float8_quantile_final);
PG_FUNCTION_INFO_V1(rfm_numeric_quantile_final);

/*
 * Numerics.
 */

/* Compares by value; equal ones by display scale, to leave nothing to chance. */
static int
compare_numerics(Numeric a, Numeric b)
{
	int			order = DatumGetInt32(DirectFunctionCall2(numeric_cmp,
														  NumericGetDatum(a),
														  NumericGetDatum(b)));

	if (order == 0)
	{
		RfmNumericParts aparts;
		RfmNumericParts bparts;

		rfm_numeric_read(VARDATA(a), VARSIZE(a) - VARHDRSZ, &aparts);
		rfm_numeric_read(VARDATA(b), VARSIZE(b) - VARHDRSZ, &bparts);
		order = aparts.scale - bparts.scale;
	}
	return order;
}

#define ST_SORT sort_numerics
#define ST_ELEMENT_TYPE Numeric
#define ST_COMPARE(a, b) compare_numerics(*(a), *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * States.
 */

static QuantileState *
create_state(MemoryContext mcxt, QuantileKind kind, int buckets)
{
	QuantileState *state = MemoryContextAllocZero(mcxt, sizeof(QuantileState));

	state->kind = kind;
	state->buckets = buckets;
	return state;
}

/* Makes room for more values, the arrays being in mcxt. */
static void
reserve_space(MemoryContext mcxt, QuantileState *state, int64 more)
{
	int64		needed = state->n + more;
	int64		space;

	if (needed <= state->space)
		return;
	space = Max(needed, Max(state->space * 2, INITIAL_SPACE));
	if (state->code == NULL)
	{
		state->code = MemoryContextAllocHuge(mcxt, space * sizeof(int64));
		if (state->kind == QUANTILE_NUMERIC)
			state->value = MemoryContextAllocHuge(mcxt, space * sizeof(Numeric));
	}
	else
	{
		state->code = repalloc_huge(state->code, space * sizeof(int64));
		if (state->kind == QUANTILE_NUMERIC)
			state->value = repalloc_huge(state->value, space * sizeof(Numeric));
	}
	state->space = space;
}

/* Room for one numeric, which nobody frees before the whole state. */
static char *
arena_alloc(MemoryContext mcxt, QuantileState *state, Size size)
{
	char	   *result;

	size = INTALIGN(size);
	if (size > MAX_ARENA_BLOCK / 8)
		return MemoryContextAlloc(mcxt, size);
	if (size > state->arena_left)
	{
		state->arena_block = Min(Max(state->arena_block * 2, MIN_ARENA_BLOCK),
								 MAX_ARENA_BLOCK);
		state->arena_left = Max(state->arena_block, size);
		state->arena = MemoryContextAlloc(mcxt, state->arena_left);
	}
	result = state->arena;
	state->arena += size;
	state->arena_left -= size;
	return result;
}

static void
add_numeric(MemoryContext mcxt, QuantileState *state, int64 code,
			const char *payload, int64 size)
{
	char	   *copy;

	reserve_space(mcxt, state, 1);
	copy = arena_alloc(mcxt, state, VARHDRSZ + size);
	SET_VARSIZE(copy, VARHDRSZ + size);
	memcpy(VARDATA(copy), payload, size);
	state->code[state->n] = code;
	state->value[state->n] = (Numeric) copy;
	state->n++;
	state->payload_bytes += size;
}

/* Adds the values of another state, which stays as it is. */
static void
add_state(MemoryContext mcxt, QuantileState *state, const QuantileState *other)
{
	if (other->n == 0)
		return;
	reserve_space(mcxt, state, other->n);
	if (state->kind == QUANTILE_FLOAT8)
	{
		memcpy(state->code + state->n, other->code, other->n * sizeof(int64));
		state->n += other->n;
		return;
	}
	for (int64 i = 0; i < other->n; i++)
	{
		if (i % BLOCK_VALUES == 0)
			CHECK_FOR_INTERRUPTS();
		add_numeric(mcxt, state, other->code[i], VARDATA(other->value[i]),
					VARSIZE(other->value[i]) - VARHDRSZ);
	}
}

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext mcxt;

	if (!AggCheckCallContext(fcinfo, &mcxt))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return mcxt;
}

static QuantileState *
state_arg(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? NULL :
		(QuantileState *) PG_GETARG_POINTER(argno);
}

/* States of the two kinds must not meet. */
static void
check_kind(const QuantileState *state, QuantileKind kind)
{
	if (state->kind != kind)
		elog(ERROR, "unexpected kind of quantile state: %d", (int) state->kind);
}

static void
check_same_buckets(int a, int b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must be the same for every row"),
				 errdetail("One row asks for %d, another for %d.", a, b),
				 errhint("Group the rows by the number of buckets, or use a constant.")));
}

/* The number of buckets that a row asks for. */
static int
buckets_arg(FunctionCallInfo fcinfo)
{
	int			buckets;

	if (PG_NARGS() < 3)
		return QUINTILES;
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must not be null"),
				 errhint("Use a number between %d and %d.",
						 MIN_QUANTILES, MAX_QUANTILES)));
	buckets = PG_GETARG_INT32(2);
	if (buckets < MIN_QUANTILES || buckets > MAX_QUANTILES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets is out of range: %d", buckets),
				 errhint("Use a number between %d and %d.",
						 MIN_QUANTILES, MAX_QUANTILES)));
	return buckets;
}

/* The state of a transition, made with the first row, be its value null. */
static QuantileState *
transition_state(FunctionCallInfo fcinfo, MemoryContext mcxt, QuantileKind kind)
{
	QuantileState *state = state_arg(fcinfo, 0);
	int			buckets = buckets_arg(fcinfo);

	if (state == NULL)
		return create_state(mcxt, kind, buckets);
	check_kind(state, kind);
	check_same_buckets(state->buckets, buckets);
	return state;
}

static const RfmSignature float8_quantile_trans_signature = {
	"rfm_float8_quantile_trans", PROKIND_FUNCTION, .result = INTERNALOID, .optional = 1,
	.arg = {INTERNALOID, FLOAT8OID, INT4OID}
};

/*
 * rfm_float8_quantile_trans(internal, float8 [, buckets])
 */
Datum
rfm_float8_quantile_trans(PG_FUNCTION_ARGS)
{
	MemoryContext mcxt;
	QuantileState *state;

	rfm_signature_check(fcinfo, &float8_quantile_trans_signature);
	mcxt = aggregate_context(fcinfo);
	state = transition_state(fcinfo, mcxt, QUANTILE_FLOAT8);

	if (!PG_ARGISNULL(1))
	{
		double		value = PG_GETARG_FLOAT8(1);

		/* NaNs may have either sign, but are all equal, and above the rest */
		if (isnan(value))
			value = get_float8_nan();
		reserve_space(mcxt, state, 1);
		state->code[state->n++] = rfm_double_to_code(value);
	}
	PG_RETURN_POINTER(state);
}

static const RfmSignature numeric_quantile_trans_signature = {
	"rfm_numeric_quantile_trans", PROKIND_FUNCTION, .result = INTERNALOID, .optional = 1,
	.arg = {INTERNALOID, NUMERICOID, INT4OID}
};

/*
 * rfm_numeric_quantile_trans(internal, numeric [, buckets])
 */
Datum
rfm_numeric_quantile_trans(PG_FUNCTION_ARGS)
{
	MemoryContext mcxt;
	QuantileState *state;

	rfm_signature_check(fcinfo, &numeric_quantile_trans_signature);
	mcxt = aggregate_context(fcinfo);
	state = transition_state(fcinfo, mcxt, QUANTILE_NUMERIC);

	if (!PG_ARGISNULL(1))
	{
		/* most numerics have a short header: no need to copy them first */
		struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(1));
		char	   *payload = VARDATA_ANY(value);
		int64		size = VARSIZE_ANY_EXHDR(value);

		add_numeric(mcxt, state, rfm_numeric_code(payload, size), payload, size);
		if ((Pointer) value != DatumGetPointer(PG_GETARG_DATUM(1)))
			pfree(value);
	}
	PG_RETURN_POINTER(state);
}

static const RfmSignature quantile_combine_signature = {
	"rfm_quantile_combine", PROKIND_FUNCTION, .result = INTERNALOID,
	.arg = {INTERNALOID, INTERNALOID}
};

/*
 * rfm_quantile_combine(internal, internal)
 */
Datum
rfm_quantile_combine(PG_FUNCTION_ARGS)
{
	MemoryContext mcxt;
	QuantileState *state;
	QuantileState *other;

	rfm_signature_check(fcinfo, &quantile_combine_signature);
	mcxt = aggregate_context(fcinfo);
	state = state_arg(fcinfo, 0);
	other = state_arg(fcinfo, 1);
	if (other != NULL)
	{
		if (state == NULL)
			state = create_state(mcxt, other->kind, other->buckets);
		check_kind(state, other->kind);
		check_same_buckets(state->buckets, other->buckets);
		add_state(mcxt, state, other);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

static const RfmSignature quantile_serialize_signature = {
	"rfm_quantile_serialize", PROKIND_FUNCTION, .strict = true, .result = BYTEAOID,
	.arg = {INTERNALOID}
};

/*
 * rfm_quantile_serialize(internal)
 */
Datum
rfm_quantile_serialize(PG_FUNCTION_ARGS)
{
	QuantileState *state;
	QuantileHeader header;
	int64		size;
	bytea	   *result;
	char	   *next;

	rfm_signature_check(fcinfo, &quantile_serialize_signature);
	aggregate_context(fcinfo);
	state = state_arg(fcinfo, 0);
	header.kind = state->kind;
	header.buckets = state->buckets;
	header.n = state->n;
	size = VARHDRSZ + sizeof(header) + (state->kind == QUANTILE_FLOAT8 ?
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
	if (state->kind == QUANTILE_FLOAT8)
	{
		if (state->n > 0)
			memcpy(next, state->code, state->n * sizeof(int64));
		PG_RETURN_BYTEA_P(result);
	}
	for (int64 i = 0; i < state->n; i++)
	{
		uint32		length = VARSIZE(state->value[i]) - VARHDRSZ;

		if (i % BLOCK_VALUES == 0)
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
read_float8_values(QuantileState *state, int64 n, const char *data, int64 size)
{
	if (size % sizeof(int64) != 0 || size / sizeof(int64) != n)
		return false;
	if (n == 0)
		return true;
	reserve_space(CurrentMemoryContext, state, n);
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
read_numeric_values(QuantileState *state, int64 n, const char *data, int64 size)
{
	const char *end = data + size;

	/* as many as there can be, whatever n says */
	reserve_space(CurrentMemoryContext, state,
				  Min(n, size / (int64) (sizeof(uint32) + sizeof(uint16))));
	for (int64 i = 0; i < n; i++)
	{
		uint32		length;
		RfmNumericParts parts;

		if (i % BLOCK_VALUES == 0)
			CHECK_FOR_INTERRUPTS();
		if (end - data < sizeof(length))
			return false;
		memcpy(&length, data, sizeof(length));
		data += sizeof(length);
		if (end - data < length ||
			!rfm_numeric_read(data, length, &parts) || !rfm_numeric_valid(&parts))
			return false;
		add_numeric(CurrentMemoryContext, state, rfm_numeric_parts_code(&parts),
					data, length);
		data += length;
	}
	return data == end;
}

static const RfmSignature quantile_deserialize_signature = {
	"rfm_quantile_deserialize", PROKIND_FUNCTION, .strict = true, .result = INTERNALOID,
	.arg = {BYTEAOID, INTERNALOID}
};

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
	QuantileState *state;
	bool		valid = false;

	rfm_signature_check(fcinfo, &quantile_deserialize_signature);
	aggregate_context(fcinfo);
	serialized = PG_GETARG_BYTEA_PP(0);
	data = VARDATA_ANY(serialized);
	size = VARSIZE_ANY_EXHDR(serialized);
	if (size >= sizeof(header))
	{
		memcpy(&header, data, sizeof(header));
		data += sizeof(header);
		size -= sizeof(header);
		if (header.n >= 0 && header.buckets >= MIN_QUANTILES &&
			header.buckets <= MAX_QUANTILES)
		{
			state = create_state(CurrentMemoryContext,
								 (QuantileKind) header.kind, header.buckets);
			if (header.kind == QUANTILE_FLOAT8)
				valid = read_float8_values(state, header.n, data, size);
			else if (header.kind == QUANTILE_NUMERIC)
				valid = read_numeric_values(state, header.n, data, size);
		}
	}
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("malformed state of a quantile aggregate")));
	PG_RETURN_POINTER(state);
}

/*
 * Cut points.
 */

/* Between two values; fraction is numerator / denominator, below one. */
static double
interpolate_float8(double lower, double upper, int64 numerator,
				   int64 denominator)
{
	double		fraction = (double) numerator / (double) denominator;
	double		difference = upper - lower;

	/* infinities and NaN, too, equal themselves */
	if (numerator == 0 || float8_eq(lower, upper))
		return lower;
	if (isinf(difference) && !isinf(lower) && !isinf(upper))
		return lower * (1 - fraction) + upper * fraction;
	return lower + difference * fraction;
}

static Numeric
interpolate_numeric(Numeric lower, Numeric upper, int64 numerator,
					int64 denominator)
{
	Datum		part;

	if (numerator == 0 ||
		DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(lower),
										 NumericGetDatum(upper))))
		return lower;
	part = DirectFunctionCall2(numeric_sub, NumericGetDatum(upper),
							   NumericGetDatum(lower));
	part = DirectFunctionCall2(numeric_mul, part,
							   NumericGetDatum(int64_to_numeric(numerator)));
	part = DirectFunctionCall2(numeric_div, part,
							   NumericGetDatum(int64_to_numeric(denominator)));
	/* where the quotient is exact, show no zeros that the division added */
	part = DirectFunctionCall1(numeric_trim_scale, part);
	return DatumGetNumeric(DirectFunctionCall2(numeric_add,
											   NumericGetDatum(lower), part));
}

/* The values that share one code. */
typedef struct CodeGroup
{
	int64		code;
	int64		n;
	Numeric    *value;			/* ascending */
} CodeGroup;

static int
compare_groups(const void *a, const void *b)
{
	int64		acode = ((const CodeGroup *) a)->code;
	int64		bcode = ((const CodeGroup *) b)->code;

	return acode < bcode ? -1 : acode > bcode;
}

/* The group of a code, among ascending ones; NULL where there is none. */
static CodeGroup *
find_group(CodeGroup *groups, int ngroups, int64 code)
{
	int			low = 0;
	int			high = ngroups;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (groups[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ngroups && groups[low].code == code ? &groups[low] : NULL;
}

/* Sorts the groups by code and drops those with the code of another. */
static int
unique_groups(CodeGroup *groups, int ngroups)
{
	int			nkept = 0;

	qsort(groups, ngroups, sizeof(CodeGroup), compare_groups);
	for (int i = 0; i < ngroups; i++)
	{
		if (nkept == 0 || groups[nkept - 1].code != groups[i].code)
			groups[nkept++] = groups[i];
	}
	return nkept;
}

/* Collects the values of each group, in ascending order. */
static void
fill_groups(const QuantileState *state, CodeGroup *groups, int ngroups)
{
	CodeGroup  *group;

	for (int64 i = 0; i < state->n; i++)
	{
		if (i % BLOCK_VALUES == 0)
			CHECK_FOR_INTERRUPTS();
		group = find_group(groups, ngroups, state->code[i]);
		if (group != NULL)
			group->n++;
	}
	for (int i = 0; i < ngroups; i++)
	{
		groups[i].value = MemoryContextAllocHuge(CurrentMemoryContext,
												 groups[i].n * sizeof(Numeric));
		groups[i].n = 0;
	}
	for (int64 i = 0; i < state->n; i++)
	{
		if (i % BLOCK_VALUES == 0)
			CHECK_FOR_INTERRUPTS();
		group = find_group(groups, ngroups, state->code[i]);
		if (group != NULL)
			group->value[group->n++] = state->value[i];
	}
	for (int i = 0; i < ngroups; i++)
		sort_numerics(groups[i].value, groups[i].n);
}

/* The numerics at some ranks. */
static void
numerics_at(const QuantileState *state, const int64 *ranks, int nranks,
			Numeric *results)
{
	RfmOrderStat *stats = palloc(nranks * sizeof(RfmOrderStat));
	CodeGroup  *groups = palloc0(nranks * sizeof(CodeGroup));
	RfmValues	codes = rfm_values_of(state->code, state->n);
	int			ngroups;

	rfm_order_stats(&codes, ranks, nranks, stats);
	for (int i = 0; i < nranks; i++)
		groups[i].code = stats[i].value;
	ngroups = unique_groups(groups, nranks);
	fill_groups(state, groups, ngroups);

	for (int i = 0; i < nranks; i++)
		results[i] = find_group(groups, ngroups, stats[i].value)
			->value[stats[i].ties_before];

	for (int i = 0; i < ngroups; i++)
		pfree(groups[i].value);
	pfree(groups);
	pfree(stats);
}

/* The state a final function gets; NULL where there is no value. */
static QuantileState *
final_state(FunctionCallInfo fcinfo, const RfmSignature *signature, QuantileKind kind)
{
	QuantileState *state;

	rfm_signature_check(fcinfo, signature);
	aggregate_context(fcinfo);
	state = state_arg(fcinfo, 0);
	if (state == NULL)
		return NULL;
	check_kind(state, kind);
	return state->n > 0 ? state : NULL;
}

static const RfmSignature float8_quantile_final_signature = {
	"rfm_float8_quantile_final", PROKIND_FUNCTION, .result = FLOAT8ARRAYOID, .arg = {INTERNALOID}
};

/*
 * rfm_float8_quantile_final(internal)
 */
Datum
rfm_float8_quantile_final(PG_FUNCTION_ARGS)
{
	QuantileState *state = final_state(fcinfo, &float8_quantile_final_signature,
										 QUANTILE_FLOAT8);
	RfmQuantile *quantiles;
	RfmValues	codes;
	Datum	   *cuts;
	int			ncuts;

	if (state == NULL)
		PG_RETURN_NULL();
	ncuts = state->buckets - 1;
	quantiles = palloc(ncuts * sizeof(RfmQuantile));
	cuts = palloc(ncuts * sizeof(Datum));
	codes = rfm_values_of(state->code, state->n);
	rfm_quantiles_of(&codes, state->buckets, quantiles);
	for (int i = 0; i < ncuts; i++)
		cuts[i] = Float8GetDatum(interpolate_float8(rfm_code_to_double(quantiles[i].lower),
													rfm_code_to_double(quantiles[i].upper),
													quantiles[i].numerator,
													quantiles[i].denominator));
	PG_RETURN_ARRAYTYPE_P(construct_array(cuts, ncuts, FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static const RfmSignature numeric_quantile_final_signature = {
	"rfm_numeric_quantile_final", PROKIND_FUNCTION, .result = NUMERICARRAYOID, .arg = {INTERNALOID}
};

/*
 * rfm_numeric_quantile_final(internal)
 */
Datum
rfm_numeric_quantile_final(PG_FUNCTION_ARGS)
{
	QuantileState *state = final_state(fcinfo, &numeric_quantile_final_signature,
										 QUANTILE_NUMERIC);
	int			ncuts;
	int64	   *ranks;
	int64	   *numerators;
	Numeric    *neighbours;
	Datum	   *cuts;

	if (state == NULL)
		PG_RETURN_NULL();
	ncuts = state->buckets - 1;
	ranks = palloc(2 * ncuts * sizeof(int64));
	numerators = palloc(ncuts * sizeof(int64));
	neighbours = palloc(2 * ncuts * sizeof(Numeric));
	cuts = palloc(ncuts * sizeof(Datum));

	for (int i = 0; i < ncuts; i++)
	{
		rfm_quantile_position(state->n, i + 1, state->buckets,
							  &ranks[2 * i], &numerators[i]);
		ranks[2 * i + 1] = ranks[2 * i] + (numerators[i] > 0 ? 1 : 0);
	}
	numerics_at(state, ranks, 2 * ncuts, neighbours);
	for (int i = 0; i < ncuts; i++)
		cuts[i] = NumericGetDatum(interpolate_numeric(neighbours[2 * i],
													  neighbours[2 * i + 1],
													  numerators[i],
													  state->buckets));
	PG_RETURN_ARRAYTYPE_P(construct_array(cuts, ncuts, NUMERICOID, -1, false,
										  TYPALIGN_INT));
}

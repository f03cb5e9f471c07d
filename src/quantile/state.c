/*-------------------------------------------------------------------------
 *
 * state.c
 *		The values that the helper aggregates rfm_quintiles and rfm_quantiles keep.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "quantile/state.h"

#define INITIAL_SPACE	16
#define MIN_ARENA_BLOCK	256
#define MAX_ARENA_BLOCK	(1024 * 1024)

RfmQuantileState *
rfm_quantile_create(MemoryContext mcxt, RfmQuantileKind kind, int buckets)
{
	RfmQuantileState *state = MemoryContextAllocZero(mcxt, sizeof(RfmQuantileState));

	state->kind = kind;
	state->buckets = buckets;
	return state;
}

void
rfm_quantile_reserve(MemoryContext mcxt, RfmQuantileState *state, int64 more)
{
	int64		needed = state->n + more;
	int64		space;

	if (needed <= state->space)
		return;
	space = Max(needed, Max(state->space * 2, INITIAL_SPACE));
	if (state->code == NULL)
	{
		state->code = MemoryContextAllocHuge(mcxt, space * sizeof(int64));
		if (state->kind == RFM_QUANTILE_NUMERIC)
			state->value = MemoryContextAllocHuge(mcxt, space * sizeof(Numeric));
	}
	else
	{
		state->code = repalloc_huge(state->code, space * sizeof(int64));
		if (state->kind == RFM_QUANTILE_NUMERIC)
			state->value = repalloc_huge(state->value, space * sizeof(Numeric));
	}
	state->space = space;
}

/* Allocate memory for one numeric, which is freed with the whole state. */
static char *
arena_alloc(MemoryContext mcxt, RfmQuantileState *state, Size size)
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

void
rfm_quantile_add_numeric(MemoryContext mcxt, RfmQuantileState *state, int64 code,
						 const char *payload, int64 size)
{
	char	   *copy;

	rfm_quantile_reserve(mcxt, state, 1);
	copy = arena_alloc(mcxt, state, VARHDRSZ + size);
	SET_VARSIZE(copy, VARHDRSZ + size);
	memcpy(VARDATA(copy), payload, size);
	state->code[state->n] = code;
	state->value[state->n] = (Numeric) copy;
	state->n++;
	state->payload_bytes += size;
}

void
rfm_quantile_add_state(MemoryContext mcxt, RfmQuantileState *state, const RfmQuantileState *other)
{
	if (other->n == 0)
		return;
	rfm_quantile_reserve(mcxt, state, other->n);
	if (state->kind == RFM_QUANTILE_FLOAT8)
	{
		memcpy(state->code + state->n, other->code, other->n * sizeof(int64));
		state->n += other->n;
		return;
	}
	for (int64 i = 0; i < other->n; i++)
	{
		rfm_check_interrupts(i);
		rfm_quantile_add_numeric(mcxt, state, other->code[i], VARDATA(other->value[i]),
								 VARSIZE(other->value[i]) - VARHDRSZ);
	}
}

/*-------------------------------------------------------------------------
 *
 * state.h
 *		The values that the helper aggregates rfm_quintiles and rfm_quantiles keep.
 *
 * The aggregates keep every value as an int64 code of the same order, among
 * which value/cut finds the few order statistics that the cut points lie
 * between.  For double precision the code is the value itself.  For numeric the code holds the
 * magnitude and the leading digits, and the values are kept beside the codes:
 * only among the values that share the code of a wanted rank are whole
 * numerics compared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_QUANTILE_STATE_H
#define RFM_QUANTILE_STATE_H

#include "fmgr.h"
#include "utils/numeric.h"

#define RFM_MIN_QUANTILES	2
#define RFM_MAX_QUANTILES	1000

/* What the values of a state are. */
typedef enum RfmQuantileKind
{
	RFM_QUANTILE_FLOAT8,
	RFM_QUANTILE_NUMERIC
} RfmQuantileKind;

typedef struct RfmQuantileState
{
	RfmQuantileKind kind;
	int			buckets;
	int64		n;
	int64		space;			/* allocated entries of code and value */
	int64	   *code;
	Numeric    *value;			/* only for numeric */
	char	   *arena;			/* where the next numeric goes */
	Size		arena_left;
	Size		arena_block;	/* size of the current block */
	int64		payload_bytes;	/* total size of the numerics */
} RfmQuantileState;

/* rfm_quantile_create: Make a state without values, in mcxt. */
extern RfmQuantileState *rfm_quantile_create(MemoryContext mcxt, RfmQuantileKind kind,
											 int buckets);

/* rfm_quantile_reserve: Make room for more values, the arrays being in mcxt. */
extern void rfm_quantile_reserve(MemoryContext mcxt, RfmQuantileState *state, int64 more);

/*
 * rfm_quantile_add_numeric: Add a copy of a numeric, given its code and its
 * payload (see value/numeric.h) of size bytes.
 */
extern void rfm_quantile_add_numeric(MemoryContext mcxt, RfmQuantileState *state,
									 int64 code, const char *payload, int64 size);

/*
 * rfm_quantile_add_state: Add the values of another state of the same kind,
 * which stays as it is.
 */
extern void rfm_quantile_add_state(MemoryContext mcxt, RfmQuantileState *state,
								   const RfmQuantileState *other);

/* rfm_quantile_state_arg: Return the state that is an argument; NULL: none yet. */
static inline RfmQuantileState *
rfm_quantile_state_arg(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? NULL :
		(RfmQuantileState *) PG_GETARG_POINTER(argno);
}

#endif							/* RFM_QUANTILE_STATE_H */

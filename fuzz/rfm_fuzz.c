/*-------------------------------------------------------------------------
 *
 * rfm_fuzz.c
 *		Feeds mutated serialized states to the aggregates of rfm.
 *
 * Takes states that the aggregates made (fuzz_collect_state and fuzz_quantile_state
 * are final functions of aggregates over their transition functions) and spoils copies of them;
 * gives how many were taken and how many refused.  Anything else, an error of
 * another kind or a crash, is a defect.
 *
 * What a state says of its types is left alone: both sides of a query agree
 * on them, and the type's own functions trust the values they are given.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fuzz_collect_state);
PG_FUNCTION_INFO_V1(fuzz_quantile_state);
PG_FUNCTION_INFO_V1(fuzz_states);

/* The bytes of a state that say what types it is of: see RfmSerialHeader. */
#define TYPES_START		4
#define TYPES_END		28

#define MAX_MUTATIONS	4
#define MAX_GROWTH		64

/* A function, called as the executor calls those of an aggregate. */
typedef struct AggFunction
{
	FmgrInfo	flinfo;
	Node	   *aggstate;
} AggFunction;

typedef struct Fuzz
{
	AggFunction serialize;
	AggFunction deserialize;
	AggFunction combine;
	AggFunction final;			/* fn_oid invalid: none */
	bool		has_types;		/* the state begins as that of rfm_collect */
	bytea	  **state;
	int			nstates;
	uint64		random;
	int64		taken;
	int64		refused;
} Fuzz;

static uint64
next_random(Fuzz *fuzz)
{
	/* xorshift64* */
	fuzz->random ^= fuzz->random >> 12;
	fuzz->random ^= fuzz->random << 25;
	fuzz->random ^= fuzz->random >> 27;
	return fuzz->random * UINT64CONST(0x2545F4914F6CDD1D);
}

static uint64
random_below(Fuzz *fuzz, uint64 n)
{
	return n == 0 ? 0 : (next_random(fuzz) >> 11) % n;
}

/*
 * Calling.
 */

static Datum
call_agg(AggFunction *f, Datum a, bool anull, Datum b, bool bnull, bool *isnull)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, &f->flinfo, 2, InvalidOid,
							 f->aggstate, NULL);
	fcinfo->args[0].value = a;
	fcinfo->args[0].isnull = anull;
	fcinfo->args[1].value = b;
	fcinfo->args[1].isnull = bnull;
	result = FunctionCallInvoke(fcinfo);
	*isnull = fcinfo->isnull;
	return result;
}

/* Only a parallel worker writes its state down: for a moment this is one. */
static Datum
serialize(AggFunction *f, Datum state)
{
	int			number = ParallelWorkerNumber;
	bool		isnull;
	volatile Datum result = (Datum) 0;

	PG_TRY();
	{
		ParallelWorkerNumber = 0;
		result = call_agg(f, state, false, (Datum) 0, true, &isnull);
	}
	PG_CATCH();
	{
		ParallelWorkerNumber = number;
		PG_RE_THROW();
	}
	PG_END_TRY();
	ParallelWorkerNumber = number;
	return result;
}


/* The state that a final function gets, as bytes. */
static Datum
state_bytes(FunctionCallInfo fcinfo, char *serialize_name)
{
	AggFunction f;
	Oid			argtype = INTERNALOID;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "not called as the final function of an aggregate");
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	fmgr_info(LookupFuncName(list_make1(makeString(serialize_name)), 1, &argtype, false),
			  &f.flinfo);
	f.aggstate = fcinfo->context;
	return serialize(&f, PG_GETARG_DATUM(0));
}

/* fuzz_collect_state(internal) RETURNS bytea */
Datum
fuzz_collect_state(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(state_bytes(fcinfo, "rfm_collect_serialize"));
}

/* fuzz_quantile_state(internal) RETURNS bytea */
Datum
fuzz_quantile_state(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(state_bytes(fcinfo, "rfm_quantile_serialize"));
}

/*
 * Spoiling.
 */

/* A number that lies where mistakes are made. */
static uint64
odd_number(Fuzz *fuzz)
{
	static const uint64 odd[] = {
		0, 1, 2, 7, 8, 9, 127, 128, 255, 256, 32767, 32768, 65535, 65536,
		PG_INT32_MAX, UINT64CONST(0x80000000), PG_UINT32_MAX,
		UINT64CONST(0x100000000), PG_INT64_MAX, UINT64CONST(0x8000000000000000),
		PG_UINT64_MAX, PG_UINT64_MAX - 1
	};

	return odd[random_below(fuzz, lengthof(odd))] + random_below(fuzz, 3) - 1;
}

/* One change to data of a size, which may grow by MAX_GROWTH in all. */
static void
mutate_once(Fuzz *fuzz, char *data, Size *size, Size limit)
{
	/* the header decides what the rest is taken for: half of all go there */
	Size		reach = random_below(fuzz, 2) == 0 ? Min(*size, 192) : *size;
	Size		at = random_below(fuzz, reach);
	Size		length = random_below(fuzz, Min(*size - at, 32) + 1);
	uint64		number;

	if (*size == 0)
		return;
	switch (random_below(fuzz, 7))
	{
		case 0:
			data[at] ^= 1 << random_below(fuzz, 8);
			break;
		case 1:
			data[at] = (char) odd_number(fuzz);
			break;
		case 2:
			number = odd_number(fuzz);
			memcpy(data + at, &number, Min(*size - at, sizeof(number)));
			break;
		case 3:
			number = 0;
			memcpy(&number, data + at, Min(*size - at, sizeof(number)));
			number += random_below(fuzz, 5) - 2;
			memcpy(data + at, &number, Min(*size - at, sizeof(number)));
			break;
		case 4:
			memmove(data + at, data + random_below(fuzz, *size - length + 1), length);
			break;
		case 5:
			*size = random_below(fuzz, 4) == 0 ? at : *size - Min(length, *size - at);
			break;
		default:
			length = Min(length, limit - *size);
			memmove(data + at + length, data + at, *size - at);
			*size += length;
			break;
	}
}

/* A spoiled copy of a state. */
static bytea *
mutant_of(Fuzz *fuzz, const bytea *state)
{
	Size		size = VARSIZE_ANY_EXHDR(state);
	Size		limit = size + MAX_GROWTH;
	bytea	   *mutant = palloc0(VARHDRSZ + limit);
	char	   *data = VARDATA(mutant);

	memcpy(data, VARDATA_ANY(state), size);
	for (uint64 n = random_below(fuzz, MAX_MUTATIONS) + 1; n > 0; n--)
		mutate_once(fuzz, data, &size, limit);
	if (fuzz->has_types && size >= TYPES_END)
		memcpy(data + TYPES_START, VARDATA_ANY(state) + TYPES_START, TYPES_END - TYPES_START);
	SET_VARSIZE(mutant, VARHDRSZ + size);

	/* no byte past the end that tools would not see */
	return repalloc(mutant, VARHDRSZ + size);
}

/*
 * Feeding.
 */

static Datum
deserialize(Fuzz *fuzz, const bytea *state)
{
	bool		isnull;

	return call_agg(&fuzz->deserialize, PointerGetDatum(state), false, (Datum) 0, true, &isnull);
}

static Datum
combine(Fuzz *fuzz, Datum into, bool into_nothing, Datum other)
{
	bool		isnull;

	return call_agg(&fuzz->combine, into, into_nothing, other, false, &isnull);
}

/* What a mutant that was taken has become must hold together. */
static void
use_state(Fuzz *fuzz, Datum state)
{
	bytea	   *written;
	bool		isnull;

	written = DatumGetByteaPP(serialize(&fuzz->serialize, state));
	(void) combine(fuzz, (Datum) 0, true, deserialize(fuzz, written));
	if (OidIsValid(fuzz->final.flinfo.fn_oid))
		(void) call_agg(&fuzz->final, state, false, (Datum) 0, true, &isnull);
}

static void
feed(Fuzz *fuzz)
{
	const bytea *state = fuzz->state[random_below(fuzz, fuzz->nstates)];
	bytea	   *mutant = mutant_of(fuzz, state);
	Datum		into = (Datum) 0;
	bool		alone = random_below(fuzz, 2) == 0;

	/* alone, or with the customers of the state that it was made from */
	if (!alone)
		into = combine(fuzz, (Datum) 0, true, deserialize(fuzz, state));
	into = combine(fuzz, into, alone, deserialize(fuzz, mutant));
	use_state(fuzz, into);
}

/* An error that says that the state, or what it adds up to, cannot be. */
static bool
is_refusal(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_DATA_CORRUPTED ||
		error->sqlerrcode == ERRCODE_INVALID_BINARY_REPRESENTATION ||
		error->sqlerrcode == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE ||
		error->sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE ||
		error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

static void
feed_once(Fuzz *fuzz, MemoryContext mcxt)
{
	ResourceOwner owner = CurrentResourceOwner;
	uint64		seed = fuzz->random;
	ErrorData  *error;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		feed(fuzz);
		RollbackAndReleaseCurrentSubTransaction();
		fuzz->taken++;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (!is_refusal(error))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("a mutant was refused with %s: %s",
							unpack_sql_state(error->sqlerrcode), error->message),
					 errdetail("It is the first of seed %lld.", (long long) seed)));
		fuzz->refused++;
	}
	PG_END_TRY();
	CurrentResourceOwner = owner;
}

static void
resolve(Fuzz *fuzz, AggFunction *f, Oid function, Node *aggstate)
{
	memset(f, 0, sizeof(*f));
	f->aggstate = aggstate;
	if (OidIsValid(function))
		fmgr_info(function, &f->flinfo);
}

static void
take_states(Fuzz *fuzz, ArrayType *array)
{
	Datum	   *element;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &element, NULL, &fuzz->nstates);
	fuzz->state = palloc(fuzz->nstates * sizeof(bytea *));
	for (int i = 0; i < fuzz->nstates; i++)
		fuzz->state[i] = DatumGetByteaPP(element[i]);
	if (fuzz->nstates == 0)
		elog(ERROR, "no states to spoil");
}

/*
 * fuzz_states(serialize, deserialize, combine, final regproc, has_types bool,
 *			   states bytea[], seed bigint, mutants bigint,
 *			   OUT taken bigint, OUT refused bigint)
 */
Datum
fuzz_states(PG_FUNCTION_ARGS)
{
	Fuzz		fuzz = {0};
	AggState   *aggstate = makeNode(AggState);
	ExprContext *aggcontext = CreateStandaloneExprContext();
	MemoryContext mcxt = aggcontext->ecxt_per_tuple_memory;
	MemoryContext oldcxt = CurrentMemoryContext;
	TupleDesc	tupdesc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	aggstate->curaggcontext = aggcontext;
	resolve(&fuzz, &fuzz.serialize, PG_GETARG_OID(0), (Node *) aggstate);
	resolve(&fuzz, &fuzz.deserialize, PG_GETARG_OID(1), (Node *) aggstate);
	resolve(&fuzz, &fuzz.combine, PG_GETARG_OID(2), (Node *) aggstate);
	resolve(&fuzz, &fuzz.final, PG_GETARG_OID(3), (Node *) aggstate);
	fuzz.has_types = PG_GETARG_BOOL(4);
	take_states(&fuzz, PG_GETARG_ARRAYTYPE_P(5));
	/* any seed but zero goes on for ever */
	fuzz.random = (uint64) PG_GETARG_INT64(6) | UINT64CONST(1) << 63;

	for (int64 n = PG_GETARG_INT64(7); n > 0; n--)
	{
		CHECK_FOR_INTERRUPTS();
		feed_once(&fuzz, mcxt);
		MemoryContextSwitchTo(oldcxt);
		MemoryContextReset(mcxt);
	}

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(fuzz.taken);
	values[1] = Int64GetDatum(fuzz.refused);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

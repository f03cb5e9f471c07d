/*-------------------------------------------------------------------------
 *
 * bucket.c
 *		rfm_bucket: the number of the bucket of a value.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "access/tupmacs.h"
#include "base/version.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "value/numeric.h"

PG_FUNCTION_INFO_V1(rfm_float8_bucket);
PG_FUNCTION_INFO_V1(rfm_numeric_bucket);

/* Check the array of cut points and return their number. */
static int
count_cuts(ArrayType *cuts)
{
	if (ARR_NDIM(cuts) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("cut points must be a one-dimensional array")));
	if (array_contains_nulls(cuts))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("cut points must not contain nulls")));
	return ArrayGetNItems(ARR_NDIM(cuts), ARR_DIMS(cuts));
}

/*
 * rfm_bucket(float8, float8[])
 */
Datum
rfm_float8_bucket(PG_FUNCTION_ARGS)
{
	double		value;
	ArrayType  *cuts;
	int			ncuts;
	const double *cut;
	int			below = 0;

	rfm_version_check();
	value = PG_GETARG_FLOAT8(0);
	cuts = PG_GETARG_ARRAYTYPE_P(1);
	ncuts = count_cuts(cuts);
	cut = (const double *) (void *) rfm_array_data(cuts);
	if (isnan(value))
	{
		/* above everything except another NaN */
		for (int i = 0; i < ncuts; i++)
			below += !isnan(cut[i]);
	}
	else
	{
		for (int i = 0; i < ncuts; i++)
			below += cut[i] < value;
	}
	PG_FREE_IF_COPY(cuts, 1);
	PG_RETURN_INT32(1 + below);
}

/*
 * rfm_bucket(numeric, numeric[])
 */
Datum
rfm_numeric_bucket(PG_FUNCTION_ARGS)
{
	Numeric		value;
	int64		code;
	ArrayType  *cuts;
	int			ncuts;
	char	   *next;
	int			below = 0;

	rfm_version_check();
	value = PG_GETARG_NUMERIC(0);
	code = rfm_numeric_code(VARDATA(value), VARSIZE(value) - VARHDRSZ);
	cuts = PG_GETARG_ARRAYTYPE_P(1);
	ncuts = count_cuts(cuts);
	next = (char *) rfm_array_data(cuts);
	for (int i = 0; i < ncuts; i++)
	{
		int64		cut_code = rfm_numeric_code(VARDATA_ANY(next),
												VARSIZE_ANY_EXHDR(next));

		/* the codes decide, unless they are the same */
		if (cut_code < code ||
			(cut_code == code &&
			 DatumGetBool(DirectFunctionCall2(numeric_lt, PointerGetDatum(next),
											  NumericGetDatum(value)))))
			below++;
		next = att_addlength_pointer(next, -1, next);
		next = (char *) att_align_nominal(next, TYPALIGN_INT);
	}
	PG_FREE_IF_COPY(value, 0);
	PG_FREE_IF_COPY(cuts, 1);
	PG_RETURN_INT32(1 + below);
}

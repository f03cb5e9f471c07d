/*-------------------------------------------------------------------------
 *
 * model.c
 *		Rows of rfm_model.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "base/version.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "model/model.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "value/numeric.h"
#include "value/zone.h"

static const char *const axis_name[RFM_AXES] = {"recency", "frequency", "monetary value"};
static const char *const axis_letter[RFM_AXES] = {"r", "f", "m"};

/*
 * Rows.
 */

static bool
get_attribute(HeapTuple tuple, TupleDesc tupdesc, const char *name, Datum *value)
{
	bool		isnull;
	int			attnum = SPI_fnumber(tupdesc, name);

	if (attnum <= 0)
		rfm_version_mismatch(psprintf("The library, version %s, has a column \"%s\" of rfm_model; the table has none.",
										RFM_VERSION, name));
	*value = heap_getattr(tuple, attnum, tupdesc, &isnull);
	return !isnull;
}

static char *
get_text(HeapTuple tuple, TupleDesc tupdesc, const char *name, bool required)
{
	Datum		value;

	if (get_attribute(tuple, tupdesc, name, &value))
	{
		if (SPI_gettypeid(tupdesc, SPI_fnumber(tupdesc, name)) == NAMEOID)
			return pstrdup(NameStr(*DatumGetName(value)));
		return TextDatumGetCString(value);
	}
	if (required)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" of a model must not be null", name)));
	return NULL;
}

static Oid
get_oid(HeapTuple tuple, TupleDesc tupdesc, const char *name)
{
	Datum		value;

	if (!get_attribute(tuple, tupdesc, name, &value))
		return InvalidOid;
	return DatumGetObjectId(value);
}

/* The elements of an array column, none of them null; 0 for a null array. */
static int
get_array(HeapTuple tuple, TupleDesc tupdesc, const char *name,
		  Oid element_type, Datum **elements)
{
	Datum		value;
	ArrayType  *array;
	bool	   *nulls;
	int			n;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	*elements = NULL;
	if (!get_attribute(tuple, tupdesc, name, &value))
		return 0;
	array = DatumGetArrayTypePCopy(value);
	get_typlenbyvalalign(element_type, &typlen, &typbyval, &typalign);
	deconstruct_array(array, element_type, typlen, typbyval, typalign,
					  elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("\"%s\" of a model must not contain nulls", name)));
	return n;
}

static Interval *
get_interval(HeapTuple tuple, TupleDesc tupdesc, const char *name)
{
	Datum		value;
	Interval   *interval;

	if (!get_attribute(tuple, tupdesc, name, &value))
		return NULL;
	interval = palloc(sizeof(Interval));
	*interval = *DatumGetIntervalP(value);
	return interval;
}

/*
 * Return which of the n values a column has.  The error for any other lists them;
 * its hint may be NULL.
 */
static int
get_choice(HeapTuple tuple, TupleDesc tupdesc, const char *name, const char *const *values, int n,
		   const char *hint)
{
	char	   *value = get_text(tuple, tupdesc, name, true);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		if (strcmp(value, values[i]) == 0)
			return i;
		appendStringInfo(&list, "%s%s", i == 0 ? "" : i < n - 1 ? ", " : " or ", values[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" of a model must be %s, not \"%s\"", name, list.data, value),
			 hint ? errhint("%s", hint) : 0));
}

static RfmMethod
method_by_name(const char *name)
{
	static const char *const names[] = {
		[RFM_NTILE] = "ntile",[RFM_RANK] = "rank",[RFM_QUANTILE] = "quantile",
		[RFM_PERCENTILE] = "percentile",[RFM_BREAKS] = "breaks"
	};

	for (int method = 0; method < (int) lengthof(names); method++)
		if (strcmp(name, names[method]) == 0)
			return (RfmMethod) method;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("method \"%s\" is not known", name),
			 errhint("Use ntile, rank, quantile, percentile or breaks.")));
}

/* One method's name, or an array of three as text. */
static void
get_methods(HeapTuple tuple, TupleDesc tupdesc, RfmModel *model)
{
	char	   *method = get_text(tuple, tupdesc, "method", true);
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (method[0] != '{')
	{
		for (int axis = 0; axis < RFM_AXES; axis++)
			model->method[axis] = method_by_name(method);
		return;
	}
	deconstruct_array(DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN, method, TEXTOID, -1)),
					  TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	if (n != RFM_AXES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method must be one name, or three names for recency, frequency and monetary value"),
				 errhint("For example method => 'ntile' or method => '{breaks,ntile,ntile}'.")));
	for (int axis = 0; axis < RFM_AXES; axis++)
		model->method[axis] = method_by_name(nulls[axis] ? "null" : TextDatumGetCString(elements[axis]));
}

static void
get_buckets(HeapTuple tuple, TupleDesc tupdesc, RfmModel *model)
{
	Datum	   *elements;
	int			n = get_array(tuple, tupdesc, "buckets", INT4OID, &elements);

	if (n != 1 && n != RFM_AXES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("buckets must be one number, or three numbers for recency, frequency and monetary value"),
				 errhint("For example buckets => '{5}' or buckets => '{5,5,3}'.")));
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		int			k = DatumGetInt32(elements[n == 1 ? 0 : axis]);

		if (k < RFM_MIN_BUCKETS || k > RFM_MAX_BUCKETS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("number of buckets %d is out of range", k),
					 errdetail("A model has %d to %d buckets for each of recency, frequency and monetary value.",
							   RFM_MIN_BUCKETS, RFM_MAX_BUCKETS)));
		model->buckets[axis] = k;
	}
}

/* A cut point of the method percentile, as a fraction. */
static RfmFraction
fraction_of(const char *name, Numeric cut)
{
	RfmFraction fraction = {0, 1};
	uint8		scale = 0;

	if (!rfm_numeric_to_scaled(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(cut)),
							   &fraction.numerator, &scale))
		scale = RFM_MAX_SCALE;
	if (scale <= RFM_FRACTION_DIGITS)
		fraction.denominator = rfm_power_of_ten[scale];
	if (scale > RFM_FRACTION_DIGITS || fraction.numerator <= 0 ||
		fraction.numerator >= fraction.denominator)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" contains a value that is not a valid fraction", name),
				 errdetail("The method percentile uses fractions above 0 and below 1, with up to %d digits.",
						   RFM_FRACTION_DIGITS),
				 errhint("For example 0.5, 0.8 and 0.95.")));
	return fraction;
}

static void
get_axis_breaks(const char *name, const Datum *elements, int n, RfmModel *model, RfmAxis axis)
{
	for (int i = 0; i < n; i++)
	{
		Numeric		cut = DatumGetNumeric(elements[i]);

		if (numeric_is_nan(cut) || numeric_is_inf(cut))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" contains a value that is not a finite number", name)));
		if (i > 0 && rfm_numeric_cmp(model->breaks[axis][i - 1], cut) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cut points in \"%s\" are not in ascending order", name)));
		model->breaks[axis][i] = cut;
		if (model->method[axis] == RFM_PERCENTILE)
			model->fraction[axis][i] = fraction_of(name, cut);
	}
}

static void
get_breaks(HeapTuple tuple, TupleDesc tupdesc, RfmModel *model)
{
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		char	   *name = psprintf("%s_breaks", axis_letter[axis]);
		Datum	   *elements;
		int			n = get_array(tuple, tupdesc, name, NUMERICOID, &elements);

		if (model->method[axis] != RFM_BREAKS && model->method[axis] != RFM_PERCENTILE)
		{
			if (n > 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("\"%s\" is set, but the model's method does not use it", name),
						 errhint("Set method to breaks or percentile, or \"%s\" to null.", name)));
			continue;
		}
		if (n != model->buckets[axis] - 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" has %d cut points, but %d buckets of %s need %d",
							name, n, model->buckets[axis], axis_name[axis],
							model->buckets[axis] - 1)));
		get_axis_breaks(name, elements, n, model, (RfmAxis) axis);
	}
}

static void
get_weights(HeapTuple tuple, TupleDesc tupdesc, RfmModel *model)
{
	Datum	   *elements;
	int			n = get_array(tuple, tupdesc, "weights", INT4OID, &elements);

	if (n != RFM_AXES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights must be three numbers, for recency, frequency and monetary value"),
				 errhint("For example weights => '{100,10,1}'.")));
	for (int axis = 0; axis < RFM_AXES; axis++)
		model->weights[axis] = DatumGetInt32(elements[axis]);
}

static void
check_lookback(const Interval *lookback)
{
	Interval	zero = {0};

	if (lookback == NULL)
		return;
	if (DatumGetInt32(DirectFunctionCall2(interval_cmp,
										  IntervalPGetDatum(lookback),
										  IntervalPGetDatum(&zero))) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"lookback\" of a model must be longer than zero"),
				 errhint("Set it to null to count all orders.")));
}

/* Check that an interval by which dates go back is at least one day. */
static void
check_days_back(const char *name, const Interval *interval, const char *to_do)
{
	Interval	day = {.day = 1};

	if (interval == NULL)
		return;
	if (interval->month < 0 || interval->day < 0 || interval->time < 0 ||
		DatumGetInt32(DirectFunctionCall2(interval_cmp,
										  IntervalPGetDatum(interval),
										  IntervalPGetDatum(&day))) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" of a model must be one day or longer, without negative parts", name),
				 errhint("%s", to_do)));
}

/* The values of columns that have one of a few, in the order of their enums. */
static const char *const monetary_values[] = {"sum", "average"};
static const char *const cadence_values[] = {"day", "week", "month"};
static const char *const as_of_values[] = {"today", "yesterday", "latest_order"};
static const char *const partition_by_values[] = {"month", "day"};

#define GET_CHOICE(column, hint) \
	get_choice(tuple, tupdesc, #column, column##_values, lengthof(column##_values), hint)

RfmModel *
rfm_model_from_tuple(HeapTuple tuple, TupleDesc tupdesc)
{
	RfmModel   *model = palloc0(sizeof(RfmModel));
	Datum		value;

	model->name = get_text(tuple, tupdesc, "model", true);
	if (strspn(model->name, " \t\r\n") == strlen(model->name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a model must not be blank")));
	if (get_attribute(tuple, tupdesc, "model_id", &value))
		model->id = DatumGetInt64(value);
	model->owner = get_oid(tuple, tupdesc, "owner");
	model->source = get_oid(tuple, tupdesc, "source");
	model->target = get_oid(tuple, tupdesc, "target");
	model->customer = get_text(tuple, tupdesc, "customer", true);
	model->ordered_at = get_text(tuple, tupdesc, "ordered_at", true);
	model->amount = get_text(tuple, tupdesc, "amount", true);
	model->order_id = get_text(tuple, tupdesc, "order_id", false);
	model->order_count = get_text(tuple, tupdesc, "order_count", false);
	model->average = GET_CHOICE(monetary, NULL) == 1;
	model->filter = get_text(tuple, tupdesc, "filter", false);
	model->score_within = get_text(tuple, tupdesc, "score_within", false);
	get_methods(tuple, tupdesc, model);
	get_buckets(tuple, tupdesc, model);
	get_breaks(tuple, tupdesc, model);
	model->lookback = get_interval(tuple, tupdesc, "lookback");
	check_lookback(model->lookback);
	model->time_zone = rfm_zone_setting(get_text(tuple, tupdesc, "time_zone", true));
	model->as_of = (RfmAsOf) GET_CHOICE(as_of, NULL);
	model->cadence = cadence_values[GET_CHOICE(cadence, NULL)];
	model->restate = get_interval(tuple, tupdesc, "restate");
	check_days_back("restate", model->restate, "Set it to null to compute no snapshot again.");
	if (get_attribute(tuple, tupdesc, "monetary_above", &value))
	{
		model->monetary_above = DatumGetNumericCopy(value);
		if (numeric_is_nan(model->monetary_above) ||
			numeric_is_inf(model->monetary_above))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"monetary_above\" of a model must be a finite number")));
	}
	model->segment_rules = get_text(tuple, tupdesc, "segment_rules", false);
	model->comment_rules = get_text(tuple, tupdesc, "comment_rules", false);
	if (get_attribute(tuple, tupdesc, "target_columns", &value))
		model->target_columns = DatumGetJsonbPCopy(value);
	model->keep_stale = get_attribute(tuple, tupdesc, "keep_stale", &value) &&
		DatumGetBool(value);
	get_weights(tuple, tupdesc, model);
	model->retention = get_interval(tuple, tupdesc, "retention");
	check_days_back("retention", model->retention, "Set it to null to keep all snapshots.");
	if (get_attribute(tuple, tupdesc, "partition_by", &value))
		model->partition_by = (RfmPeriod) (RFM_PERIOD_MONTH +
										   GET_CHOICE(partition_by, "Set it to null if a refresh should not create partitions."));
	model->customer_index = get_attribute(tuple, tupdesc, "customer_index", &value) &&
		DatumGetBool(value);
	return model;
}

/*
 * Finding.
 */

RfmModel *
rfm_model_find(const char *name)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;
	RfmModel   *model = NULL;

	if (rfm_catalog_query(&catalog, "SELECT * FROM @rfm_model WHERE model = $1",
						  RFM_PARAMS(rfm_text(name)), false) > 0)
	{
		MemoryContext spicxt = MemoryContextSwitchTo(mcxt);

		model = rfm_model_from_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(spicxt);
	}
	rfm_catalog_query_end(&catalog);
	return model;
}

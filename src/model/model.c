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

static RfmMethod
get_method(HeapTuple tuple, TupleDesc tupdesc)
{
	char	   *method = get_text(tuple, tupdesc, "method", true);

	if (strcmp(method, "ntile") == 0)
		return RFM_NTILE;
	if (strcmp(method, "rank") == 0)
		return RFM_RANK;
	if (strcmp(method, "quantile") == 0)
		return RFM_QUANTILE;
	if (strcmp(method, "breaks") == 0)
		return RFM_BREAKS;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("method \"%s\" is not known", method),
			 errhint("Use ntile, rank, quantile or breaks.")));
	return RFM_NTILE;			/* keep compilers quiet */
}

static void
get_buckets(HeapTuple tuple, TupleDesc tupdesc, RfmModel *model)
{
	Datum	   *elements;
	int			n = get_array(tuple, tupdesc, "buckets", INT4OID, &elements);

	if (n != 1 && n != RFM_AXES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("buckets must be one number, or one each for recency, frequency and monetary value"),
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

static void
get_breaks(HeapTuple tuple, TupleDesc tupdesc, RfmModel *model)
{
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		char	   *name = psprintf("%s_breaks", axis_letter[axis]);
		Datum	   *elements;
		int			n = get_array(tuple, tupdesc, name, NUMERICOID, &elements);

		if (model->method != RFM_BREAKS)
		{
			if (n > 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("\"%s\" is set, but the model's method does not use it", name),
						 errhint("Set method to breaks, or \"%s\" to null.", name)));
			continue;
		}
		if (n != model->buckets[axis] - 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" has %d cut points, but %d buckets of %s need %d",
							name, n, model->buckets[axis], axis_name[axis],
							model->buckets[axis] - 1)));
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
						 errmsg("cut points in \"%s\" do not ascend", name)));
			model->breaks[axis][i] = cut;
		}
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

/* Check an interval that dates go back by: that it is a day at least. */
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

static char *
get_cadence(HeapTuple tuple, TupleDesc tupdesc)
{
	char	   *cadence = get_text(tuple, tupdesc, "cadence", true);

	if (strcmp(cadence, "day") != 0 && strcmp(cadence, "week") != 0 && strcmp(cadence, "month") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"cadence\" of a model must be day, week or month, not \"%s\"", cadence)));
	return cadence;
}

static RfmAsOf
get_as_of(HeapTuple tuple, TupleDesc tupdesc)
{
	char	   *as_of = get_text(tuple, tupdesc, "as_of", true);

	if (strcmp(as_of, "today") == 0)
		return RFM_AS_OF_TODAY;
	if (strcmp(as_of, "yesterday") == 0)
		return RFM_AS_OF_YESTERDAY;
	if (strcmp(as_of, "latest_order") == 0)
		return RFM_AS_OF_LATEST_ORDER;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"as_of\" of a model must be today, yesterday or latest_order, not \"%s\"", as_of)));
	return RFM_AS_OF_TODAY;		/* keep compilers quiet */
}

static RfmPeriod
get_partition_by(HeapTuple tuple, TupleDesc tupdesc)
{
	char	   *partition_by = get_text(tuple, tupdesc, "partition_by", false);

	if (partition_by == NULL)
		return RFM_PERIOD_NONE;
	if (strcmp(partition_by, "month") == 0)
		return RFM_PERIOD_MONTH;
	if (strcmp(partition_by, "day") == 0)
		return RFM_PERIOD_DAY;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"partition_by\" of a model must be month or day, not \"%s\"", partition_by),
			 errhint("Set it to null for a model that makes no partitions.")));
	return RFM_PERIOD_NONE;		/* keep compilers quiet */
}

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
	model->filter = get_text(tuple, tupdesc, "filter", false);
	model->method = get_method(tuple, tupdesc);
	get_buckets(tuple, tupdesc, model);
	get_breaks(tuple, tupdesc, model);
	model->lookback = get_interval(tuple, tupdesc, "lookback");
	check_lookback(model->lookback);
	model->time_zone = rfm_zone_setting(get_text(tuple, tupdesc, "time_zone", true));
	model->as_of = get_as_of(tuple, tupdesc);
	model->cadence = get_cadence(tuple, tupdesc);
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
	model->partition_by = get_partition_by(tuple, tupdesc);
	return model;
}

/*
 * Finding.
 */

RfmModel *
rfm_model_find(const char *name, bool active_snapshot)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;
	RfmModel   *model = NULL;
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(name);

	rfm_catalog_enter(&catalog);
	if (rfm_query(psprintf("SELECT * FROM %s WHERE model OPERATOR(pg_catalog.=) $1",
						   rfm_public_name("rfm_model")),
				  1, &type, &value, active_snapshot) > 0)
	{
		MemoryContext spicxt = MemoryContextSwitchTo(mcxt);

		model = rfm_model_from_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(spicxt);
	}
	rfm_query_end();
	rfm_catalog_leave(&catalog);
	return model;
}

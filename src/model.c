/*-------------------------------------------------------------------------
 *
 * model.c
 *		Rows of rfm_model: reading, making and checking them.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "calendar.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "model.h"
#include "owner.h"
#include "partition.h"
#include "retention.h"
#include "signature.h"
#include "source.h"
#include "storage/lmgr.h"
#include "strategy.h"
#include "target.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

bool		rfm_make_latest_view = true;

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
		rfm_signature_mismatch(psprintf("The library, version %s, has a column \"%s\" of rfm_model; the table has none.",
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

	if (DatumGetInt32(DirectFunctionCall2(interval_cmp,
										  IntervalPGetDatum(lookback),
										  IntervalPGetDatum(&zero))) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"lookback\" of a model must be longer than zero"),
				 errhint("Set it to null to count all orders.")));
}

RfmModel *
rfm_model_from_tuple(HeapTuple tuple, TupleDesc tupdesc)
{
	RfmModel   *model = palloc0(sizeof(RfmModel));
	Datum		value;
	char	   *as_of;

	model->name = get_text(tuple, tupdesc, "model", true);
	if (strspn(model->name, " \t\r\n") == strlen(model->name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a model must not be blank")));
	model->owner = get_oid(tuple, tupdesc, "owner");
	model->source = get_oid(tuple, tupdesc, "source");
	model->target = get_oid(tuple, tupdesc, "target");
	model->customer = get_text(tuple, tupdesc, "customer", true);
	model->ordered_at = get_text(tuple, tupdesc, "ordered_at", true);
	model->amount = get_text(tuple, tupdesc, "amount", true);
	model->order_id = get_text(tuple, tupdesc, "order_id", false);
	model->filter = get_text(tuple, tupdesc, "filter", false);
	model->method = get_method(tuple, tupdesc);
	get_buckets(tuple, tupdesc, model);
	get_breaks(tuple, tupdesc, model);
	if (get_attribute(tuple, tupdesc, "lookback", &value))
	{
		model->lookback = palloc(sizeof(Interval));
		*model->lookback = *DatumGetIntervalP(value);
		check_lookback(model->lookback);
	}
	model->time_zone = get_text(tuple, tupdesc, "time_zone", true);
	(void) rfm_calendar_zone(model->time_zone);
	as_of = get_text(tuple, tupdesc, "as_of", true);
	model->latest_order = strcmp(as_of, "latest_order") == 0;
	if (!model->latest_order && strcmp(as_of, "today") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"as_of\" of a model must be today or latest_order, not \"%s\"", as_of)));
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
	if (get_attribute(tuple, tupdesc, "retention", &value))
	{
		model->retention = palloc(sizeof(Interval));
		*model->retention = *DatumGetIntervalP(value);
		rfm_retention_check_interval(model->retention);
	}
	model->partition_by = rfm_partition_period(get_text(tuple, tupdesc, "partition_by", false));
	return model;
}

/*
 * Finding.
 */

/*
 * The model of that name, or NULL, whoever asks; with the active database
 * snapshot, or one taken now: after waiting for the model's lock the active
 * one is too old.
 */
static RfmModel *
find_model(Oid nsp, const char *name, bool active_snapshot)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmOwner	catalog;
	RfmModel   *model = NULL;
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(name);

	rfm_catalog_enter(&catalog, nsp);
	SPI_connect();
	if (SPI_execute_with_args(psprintf("SELECT * FROM %s WHERE model OPERATOR(pg_catalog.=) $1",
									   quote_qualified_identifier(get_namespace_name(nsp),
																  "rfm_model")),
							  1, &type, &value, NULL, active_snapshot, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read table rfm_model");
	if (SPI_processed > 0)
	{
		MemoryContext spicxt = MemoryContextSwitchTo(mcxt);

		model = rfm_model_from_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(spicxt);
	}
	SPI_finish();
	rfm_catalog_leave(&catalog);
	return model;
}

RfmModel *
rfm_model_find(Oid nsp, const char *name)
{
	return find_model(nsp, name, false);
}

/* The orders that the default model is made from; InvalidOid without. */
static Oid
default_source(void)
{
	Oid			nsp = get_namespace_oid("ecom", true);

	return OidIsValid(nsp) ? get_relname_relid("orders", nsp) : InvalidOid;
}

#define DEFAULT_FILTER "status <> 'cancelled'"

static const char *
default_filter(Oid source)
{
	return get_attnum(source, "status") != InvalidAttrNumber ? DEFAULT_FILTER : NULL;
}

/*
 * Whose the default model is: the current user's.  A superuser makes it for
 * the owner of the orders, whose view or policies would otherwise run with a
 * superuser's rights every night.
 */
static Oid
default_owner(Oid source)
{
	HeapTuple	tuple;
	Oid			owner;

	if (!superuser())
		return GetUserId();
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(source));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", source);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return superuser_arg(owner) ? GetUserId() : owner;
}

/* The default model as rfm_create_model() would make it, without a target. */
static RfmModel *
default_model(Oid source)
{
	RfmModel   *model = palloc0(sizeof(RfmModel));
	const char *filter = default_filter(source);

	model->name = RFM_DEFAULT_MODEL;
	model->owner = default_owner(source);
	model->source = source;
	model->customer = "customer_id";
	model->ordered_at = "created_at";
	model->amount = "total";
	model->filter = filter ? pstrdup(filter) : NULL;
	model->method = RFM_NTILE;
	for (int axis = 0; axis < RFM_AXES; axis++)
		model->buckets[axis] = 5;
	model->time_zone = "UTC";
	model->segment_rules = "sum5";
	model->comment_rules = "traits5";
	model->weights[RFM_RECENCY] = 100;
	model->weights[RFM_FREQUENCY] = 10;
	model->weights[RFM_MONETARY] = 1;
	return model;
}

static void
create_default_model(Oid nsp, Oid source)
{
	StringInfoData sql;
	const char *filter = default_filter(source);
	int			level = rfm_lock_search_path();
	Oid			save_user;
	int			save_context;
	RfmGuard	save_guard = rfm_guard_enter(RFM_GUARD_OWN_FUNCTIONS);

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT %s(%s, 'ecom.orders'::pg_catalog.regclass, 'ecom.customer_rfm_daily'",
					 quote_qualified_identifier(get_namespace_name(nsp),
												"rfm_create_model"),
					 quote_literal_cstr(RFM_DEFAULT_MODEL));
	if (filter)
		appendStringInfo(&sql, ", filter => %s", quote_literal_cstr(filter));
	appendStringInfoChar(&sql, ')');

	GetUserIdAndSecContext(&save_user, &save_context);
	SetUserIdAndSecContext(default_owner(source),
						   save_context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute(sql.data, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not create the default model");
	SPI_finish();
	SetUserIdAndSecContext(save_user, save_context);
	rfm_guard_leave(save_guard);
	rfm_unlock_search_path(level);
}

RfmModel *
rfm_model_load(Oid nsp, const char *name, bool store)
{
	RfmModel   *model = find_model(nsp, name, false);

	if (model == NULL && strcmp(name, RFM_DEFAULT_MODEL) == 0)
	{
		Oid			source = default_source();

		if (!OidIsValid(source))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" does not exist", name),
					 errdetail("It is made by itself where there is a table ecom.orders(customer_id, created_at, total, status), but this database has none."),
					 errhint("Define it over your own orders: SELECT rfm_create_model('default', source => 'schema.orders', target => 'schema.customer_rfm_daily', customer => 'customer_id', ordered_at => 'created_at', amount => 'total');")));
		if (!store)
			return default_model(source);
		create_default_model(nsp, source);
		model = find_model(nsp, name, false);
	}
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 errhint("The models that you may use are the rows of rfm_model; rfm_create_model() makes a new one.")));
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(model->owner)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("owner of model \"%s\" does not exist", name),
				 errdetail("The role with OID %u has been dropped.", model->owner),
				 errhint("As a superuser, give the model to another role: UPDATE rfm_model SET owner = 'role' WHERE model = %s.",
						 quote_literal_cstr(name))));
	if (!has_privs_of_role(GetUserId(), model->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", name),
				 errdetail("Only its owner and members of that role may use it.")));
	return model;
}

void
rfm_model_lock(Oid nsp, const char *name)
{
	uint32		hash = hash_bytes((const unsigned char *) name, (int) strlen(name));

	/*
	 * An object lock of class rfm_model.  Two models with the same hash only
	 * wait for each other without need.
	 */
	LockDatabaseObject(rfm_catalog_relation(nsp, "rfm_model"), hash, 0,
					   ExclusiveLock);
}

/*
 * Checking.
 */

/* Runs the extension's own check of a rule set against the model's buckets. */
static void
check_ruleset(Oid nsp, const RfmModel *model, const char *ruleset)
{
	char	   *buckets;
	char	   *sql;

	if (ruleset == NULL)
		return;
	buckets = psprintf("%d", model->buckets[RFM_RECENCY]);
	if (model->buckets[RFM_FREQUENCY] != model->buckets[RFM_RECENCY] ||
		model->buckets[RFM_MONETARY] != model->buckets[RFM_RECENCY])
		buckets = psprintf("%s,%d,%d", buckets, model->buckets[RFM_FREQUENCY],
						   model->buckets[RFM_MONETARY]);
	/* all arguments with their types: nothing else fits such a call better */
	sql = psprintf("SELECT %s(%s::pg_catalog.text, '{%s}'::pg_catalog.int4[], NULL::pg_catalog.text)",
				   quote_qualified_identifier(get_namespace_name(nsp),
											  "rfm_check_ruleset"),
				   quote_literal_cstr(ruleset), buckets);
	SPI_connect();
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not check rule set \"%s\"", ruleset);
	SPI_finish();
}

void
rfm_model_check(Oid nsp, const RfmModel *model)
{
	RfmOwner	owner;
	RfmSource	source;
	RfmTarget	target;

	if (model->target == model->source)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source and target of model \"%s\" are the same table", model->name)));

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_source_check(nsp, &source);
	check_ruleset(nsp, model, model->segment_rules);
	check_ruleset(nsp, model, model->comment_rules);
	rfm_target_resolve(model, &source, &target);
	rfm_owner_leave(&owner);
}

/*
 * Creating.
 */

/* The relation that target_name means now, or InvalidOid. */
static Oid
existing_target(const char *target_name)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(target_name));

	return RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
}

/* Creates the target where there is none, as the current user. */
static Oid
find_or_create_target(const RfmModel *model, const char *target_name)
{
	Oid			relid = existing_target(target_name);
	RfmOwner	owner;
	RfmSource	source;

	if (OidIsValid(relid))
		return relid;
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_owner_leave(&owner);
	relid = rfm_target_create(model, &source, target_name);
	rfm_strategy_distribute(model, relid);
	return relid;
}

/* To be called with the model's lock: nobody else is about to take the name. */
static void
check_name_is_free(Oid nsp, const char *name)
{
	bool		taken;

	if (find_model(nsp, name, false) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", name),
				 errhint("Change it with UPDATE rfm_model, or drop it with rfm_drop_model().")));
	if (!IsolationUsesXactSnapshot())
		return;
	PushActiveSnapshot(GetLatestSnapshot());
	taken = find_model(nsp, name, true) != NULL;
	PopActiveSnapshot();
	if (taken)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access: model \"%s\" has been created concurrently",
						name),
				 errhint("The transaction might succeed if retried.")));
}

void
rfm_model_create(Oid nsp, const char *name, FunctionCallInfo fcinfo)
{
	Oid			relid = rfm_catalog_relation(nsp, "rfm_model");
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	tupdesc = CreateTupleDescCopy(RelationGetDescr(rel));
	int			ncolumns = tupdesc->natts;
	Datum	   *values = palloc0(ncolumns * sizeof(Datum));
	Oid		   *types = palloc(ncolumns * sizeof(Oid));
	bool	   *isnull = palloc(ncolumns * sizeof(bool));
	char	   *nulls = palloc(ncolumns);
	int			target = SPI_fnumber(tupdesc, "target") - 1;
	RfmModel   *model;
	StringInfoData sql;
	RfmGuard	save_guard;
	int			level;

	table_close(rel, NoLock);
	rfm_model_lock(nsp, name);
	check_name_is_free(nsp, name);

	if (ncolumns != PG_NARGS() + 1)
		rfm_signature_mismatch("Function rfm_create_model has other parameters than table rfm_model has columns.");
	for (int i = 0; i < PG_NARGS(); i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		isnull[i] = PG_ARGISNULL(i) || i == target;
	}
	values[ncolumns - 1] = ObjectIdGetDatum(GetUserId());
	isnull[ncolumns - 1] = false;
	model = rfm_model_from_tuple(heap_form_tuple(tupdesc, values, isnull), tupdesc);
	values[target] = ObjectIdGetDatum(find_or_create_target(model,
															TextDatumGetCString(PG_GETARG_DATUM(target))));
	isnull[target] = false;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s VALUES (",
					 quote_qualified_identifier(get_namespace_name(nsp), "rfm_model"));
	for (int i = 0; i < ncolumns; i++)
	{
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
		types[i] = TupleDescAttr(tupdesc, i)->atttypid;
		nulls[i] = isnull[i] ? 'n' : ' ';
	}
	appendStringInfoChar(&sql, ')');

	/* the table's trigger checks the model */
	level = rfm_lock_search_path();
	save_guard = rfm_guard_enter(RFM_GUARD_OWN_FUNCTIONS);
	SPI_connect();
	if (SPI_execute_with_args(sql.data, ncolumns, types, values, nulls,
							  false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write table rfm_model");
	if (rfm_make_latest_view &&
		SPI_execute(psprintf("SELECT %s(%s::pg_catalog.text)",
							 quote_qualified_identifier(get_namespace_name(nsp),
														"rfm_add_latest_view"),
							 quote_literal_cstr(name)),
					false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not make the view of the newest snapshot");
	SPI_finish();
	rfm_guard_leave(save_guard);
	rfm_unlock_search_path(level);
}

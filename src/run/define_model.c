/*-------------------------------------------------------------------------
 *
 * define_model.c
 *		Definition of models: loading, checking and creating them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "base/version.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "read/source.h"
#include "run/define_model.h"
#include "target/create.h"
#include "target/resolve.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"
#include "value/key.h"

bool		rfm_make_latest_view = true;

/* The orders that the default model is made from; InvalidOid without. */
static Oid
default_source(void)
{
	Oid			nsp = get_namespace_oid("ecom", true);

	return OidIsValid(nsp) ? get_relname_relid("orders", nsp) : InvalidOid;
}

/*
 * Orders that are not cancelled.  A type from another schema, such as citext, is
 * compared by its own operator.
 */
static const char *
default_filter(Oid source)
{
	AttrNumber	attnum = get_attnum(source, "status");
	Oid			equality;
	Oid			inequality;

	if (attnum == InvalidAttrNumber)
		return NULL;
	equality = lookup_type_cache(getBaseType(get_atttype(source, attnum)), TYPECACHE_EQ_OPR)->eq_opr;
	inequality = OidIsValid(equality) ? get_negator(equality) : InvalidOid;
	if (OidIsValid(inequality) && inequality >= FirstNormalObjectId)
		return psprintf("status %s 'cancelled'", rfm_operator_name(inequality));
	return "status <> 'cancelled'";
}

/*
 * Whose the default model is: the current user's.  A superuser makes it for
 * the owner of the orders, whose view or policies would otherwise run with a
 * superuser's rights every night.
 */
static Oid
default_owner(Oid source)
{
	Oid			owner;

	if (!superuser())
		return GetUserId();
	owner = rfm_relation_owner(source);
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
create_default_model(Oid source)
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
					 rfm_public_name("rfm_create_model"),
					 quote_literal_cstr(RFM_DEFAULT_MODEL));
	if (filter)
		appendStringInfo(&sql, ", filter => %s", quote_literal_cstr(filter));
	appendStringInfoChar(&sql, ')');

	GetUserIdAndSecContext(&save_user, &save_context);
	SetUserIdAndSecContext(default_owner(source),
						   save_context | SECURITY_LOCAL_USERID_CHANGE);
	rfm_execute(sql.data, 0, NULL, NULL, NULL, SPI_OK_SELECT);
	SetUserIdAndSecContext(save_user, save_context);
	rfm_guard_leave(save_guard);
	rfm_unlock_search_path(level);
}

RfmModel *
rfm_model_load(const char *name, bool store)
{
	RfmModel   *model = rfm_model_find(name, false);

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
		create_default_model(source);
		model = rfm_model_find(name, false);
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

/*
 * Checking.
 */

/* Runs the extension's own check of a rule set against the model's buckets. */
static void
check_ruleset(const RfmModel *model, const char *ruleset)
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
				   rfm_internal_name("check_ruleset"),
				   quote_literal_cstr(ruleset), buckets);
	rfm_query(sql, 0, NULL, NULL, true);
	rfm_query_end();
}

void
rfm_model_check(const RfmModel *model)
{
	RfmIdentity	owner;
	RfmSource	source;
	RfmTarget	target;

	if (model->target == model->source)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source and target of model \"%s\" are the same table", model->name)));

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_source_check(&source);
	check_ruleset(model, model->segment_rules);
	check_ruleset(model, model->comment_rules);
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
	RfmIdentity	owner;
	RfmSource	source;

	if (OidIsValid(relid))
		return relid;
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_owner_leave(&owner);
	return rfm_target_create(model, &source, target_name);
}

/* To be called with the model's lock: nobody else is about to take the name. */
static void
check_name_is_free(const char *name)
{
	bool		taken;

	if (rfm_model_find(name, false) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", name),
				 errhint("Change it with UPDATE rfm_model, or drop it with rfm_drop_model().")));
	if (!IsolationUsesXactSnapshot())
		return;
	PushActiveSnapshot(GetLatestSnapshot());
	taken = rfm_model_find(name, true) != NULL;
	PopActiveSnapshot();
	if (taken)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access: model \"%s\" has been created concurrently",
						name),
				 errhint("The transaction might succeed if retried.")));
}

void
rfm_model_create(const char *name, FunctionCallInfo fcinfo)
{
	Oid			relid = rfm_extension_table("rfm_model");
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
	rfm_model_lock(name);
	check_name_is_free(name);

	if (ncolumns != PG_NARGS() + 1)
		rfm_version_mismatch("Function rfm_create_model has other parameters than table rfm_model has columns.");
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
					 rfm_public_name("rfm_model"));
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
	rfm_execute(sql.data, ncolumns, types, values, nulls, SPI_OK_INSERT);
	if (rfm_make_latest_view)
		rfm_execute(psprintf("SELECT %s(%s::pg_catalog.text)",
							 rfm_internal_name("add_latest_view"), quote_literal_cstr(name)),
					0, NULL, NULL, NULL, SPI_OK_SELECT);
	rfm_guard_leave(save_guard);
	rfm_unlock_search_path(level);
}

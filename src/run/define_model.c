/*-------------------------------------------------------------------------
 *
 * define_model.c
 *		Models by name: rights, checks, and the default model.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/transam.h"
#include "base/catalog.h"
#include "base/citus.h"
#include "base/identity.h"
#include "base/query.h"
#include "base/version.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "model/lock.h"
#include "read/query.h"
#include "read/source.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/dependence.h"
#include "run/ruleset.h"
#include "target/create.h"
#include "target/resolve.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"
#include "value/key.h"

PG_FUNCTION_INFO_V1(rfm_ensure_model);

/* Return the table from which the default model is created, or InvalidOid. */
static Oid
default_source(void)
{
	Oid			nsp = get_namespace_oid("ecom", true);

	return OidIsValid(nsp) ? get_relname_relid("orders", nsp) : InvalidOid;
}

/*
 * The filter for orders that are not cancelled.  A type from another schema,
 * such as citext, is compared with its own operator.
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
 * Determine the owner of the default model: the current user.  A superuser
 * creates it for the owner of the orders, whose view or policies would otherwise
 * run with a superuser's rights every night.
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

/* Return the default model as rfm_create_model() would create it, without a target. */
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
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		model->method[axis] = RFM_NTILE;
		model->buckets[axis] = 5;
	}
	model->time_zone = "UTC";
	model->cadence = "day";
	model->segment_rules = "sum5";
	model->comment_rules = "traits5";
	model->weights[RFM_RECENCY] = 100;
	model->weights[RFM_FREQUENCY] = 10;
	model->weights[RFM_MONETARY] = 1;
	return model;
}

/* Return the name of the view of the newest snapshot beside the target, or NULL. */
static char *
find_view(Oid target, Oid owner)
{
	bool		isnull;
	Datum		view = rfm_catalog_value("SELECT rfm_internal.latest_view_of($1, $2)::oid",
										 RFM_PARAMS(rfm_oid(target), rfm_oid(owner)), true, &isnull);

	return isnull ? NULL : rfm_relation_name(DatumGetObjectId(view));
}

/* Return the labels of the model's rule set as a text[]. */
static Datum
shipped_labels(void)
{
	bool		isnull;

	return rfm_catalog_value("SELECT array_agg(s.label) || 'Others'::text FROM @rfm_segment_rule s WHERE s.ruleset = 'sum5'",
							 NULL, true, &isnull);
}

static bool
is_text_column(Oid target, const char *name)
{
	AttrNumber	attnum = get_attnum(target, name);
	Oid			type = attnum > 0 ? getBaseType(get_atttype(target, attnum)) : InvalidOid;

	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/*
 * Return some of the segments of the newest snapshot that are not among the
 * labels, or NULL.  As the model's owner, and only if the table is its own: types,
 * casts and policies of another role's table could call code of that role.
 */
static char *
find_strange_segments(Oid target, Oid owner, Datum labels)
{
	char	   *relation = rfm_relation_name(target);
	bool		isnull;
	RfmIdentity	identity;
	Datum		strange;

	if (!is_text_column(target, "rfm_segment") || get_attnum(target, "run_date") <= 0 ||
		rfm_relation_owner(target) != owner)
		return NULL;
	rfm_owner_enter(&identity, owner, NULL);
	strange = rfm_query_value(psprintf("SELECT string_agg(quote_literal(n.segment), ', ' ORDER BY n.segment)"
									   " FROM (SELECT DISTINCT t.rfm_segment::text AS segment FROM %s t"
									   " WHERE t.run_date = (SELECT max(x.run_date) FROM %s x)"
									   " AND t.rfm_segment::text <> ALL ($1) LIMIT 5) AS n", relation, relation),
							  RFM_PARAMS(rfm_param(TEXTARRAYOID, labels)), true, &isnull);
	rfm_owner_leave(&identity);
	return isnull ? NULL : TextDatumGetCString(strange);
}

/*
 * Check whether another model has written the target, before the default model is
 * created for a role by a statement.  It uses an existing table as it is, and a
 * backup of the shop's schema has that table, but neither the model nor its rule
 * sets.  Two things tell: the view of the newest snapshot that comes with a model,
 * and segments that the rule set does not know.  Both are an error, the view is a
 * NOTICE, the segments are a WARNING.
 */
static void
check_default_target(Oid owner, const char *statement)
{
	Oid			nsp = get_namespace_oid("ecom", true);
	Oid			target = OidIsValid(nsp) ? get_relname_relid("customer_rfm_daily", nsp) : InvalidOid;
	char	   *view;
	char	   *strange;

	if (!OidIsValid(target) || (get_rel_relkind(target) != RELKIND_RELATION &&
								get_rel_relkind(target) != RELKIND_PARTITIONED_TABLE))
		return;
	view = find_view(target, owner);
	strange = find_strange_segments(target, owner, shipped_labels());
	if (view && strange)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"default\" does not exist, but a model has written its target"),
				 errdetail("View %s comes with a model, and the newest snapshot has segments that rule set \"sum5\" does not know: %s. A backup of one schema contains the target and its view, but neither the model nor its rule sets.",
						   view, strange),
				 errhint("Create the model again, with the settings and rule sets that it had. With the defaults: %s;",
						 statement)));
	if (view)
		ereport(NOTICE,
				(errmsg("model \"default\" is created with the defaults, over a target that a model has written"),
				 errdetail("View %s comes with a model.", view),
				 errhint("If that model had other settings, change them: UPDATE %s ... WHERE model = 'default';",
						 rfm_public_name("rfm_model"))));
	if (strange)
		ereport(WARNING,
				(errmsg("model \"default\" is created with rule set \"sum5\", over a target with other segments"),
				 errdetail("Its newest snapshot has segments that the rule set does not know: %s.", strange),
				 errhint("If they come from one of your rule sets, create it again and set it in the model: UPDATE %s SET segment_rules = '...' WHERE model = 'default';",
						 rfm_public_name("rfm_model"))));
}

static void
create_default_model(Oid source)
{
	StringInfoData sql;
	const char *filter = default_filter(source);
	Oid			owner = default_owner(source);
	RfmIdentity caller;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT %s(%s, 'ecom.orders'::pg_catalog.regclass, 'ecom.customer_rfm_daily'",
					 rfm_public_name("rfm_create_model"),
					 quote_literal_cstr(RFM_DEFAULT_MODEL));
	if (filter)
		appendStringInfo(&sql, ", filter => %s", quote_literal_cstr(filter));
	appendStringInfoChar(&sql, ')');
	check_default_target(owner, sql.data);

	rfm_caller_enter(&caller);
	SetUserIdAndSecContext(owner, caller.save_context | SECURITY_LOCAL_USERID_CHANGE);
	rfm_execute(sql.data, SPI_OK_SELECT, NULL);
	rfm_owner_leave(&caller);
}

RfmModel *
rfm_model_load(const char *name, bool store)
{
	RfmModel   *model = rfm_model_find(name);

	if (model == NULL)
		rfm_citus_refuse_worker();
	if (model == NULL && strcmp(name, RFM_DEFAULT_MODEL) == 0)
	{
		Oid			source = default_source();

		if (!OidIsValid(source))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" does not exist", name),
					 errdetail("It is created automatically if there is a table ecom.orders(customer_id, created_at, total, status), but this database has none."),
					 errhint("Define it over your own orders: SELECT rfm_create_model('default', source => 'schema.orders', target => 'schema.customer_rfm_daily', customer => 'customer_id', ordered_at => 'created_at', amount => 'total');")));
		if (!store)
			return default_model(source);
		create_default_model(source);
		model = rfm_model_find(name);
	}
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 errhint("The models that you may use are the rows of rfm_model. rfm_create_model() creates a new one.")));
	rfm_model_check_user(name, model->owner);
	return model;
}

/*
 * rfm_internal.ensure_model(model text) RETURNS void: creates the default model on
 * first use; an error if the caller may not use the model.
 */
Datum
rfm_ensure_model(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	(void) rfm_model_load(rfm_text_argument(fcinfo, 0, "model"), true);
	PG_RETURN_VOID();
}

/*
 * If there is no model of that name, only the default one can be created, by a
 * role that may read its orders.
 */
static bool
may_make_default(const char *name)
{
	Oid			source;

	if (strcmp(name, RFM_DEFAULT_MODEL) != 0)
		return false;
	source = default_source();
	return OidIsValid(source) &&
		pg_class_aclcheck(source, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/*
 * Wait for the model's other refreshes.  Returns its number, 0 if there is
 * none.
 */
static int64
lock_by_name(const char *name)
{
	int64		id = 0;
	Oid			owner;
	bool		found = rfm_model_peek(name, &id, &owner);

	if (!found && may_make_default(name))
	{
		rfm_model_lock(0);
		found = rfm_model_peek(name, &id, &owner);
	}
	if (!found)
		return 0;
	rfm_model_check_user(name, owner);
	rfm_model_lock(id);
	return id;
}

RfmModel *
rfm_model_begin(const char *name)
{
	int64		locked = lock_by_name(name);
	RfmModel   *model;

	PushActiveSnapshot(GetTransactionSnapshot());
	model = rfm_model_load(name, true);
	if (locked == 0)
		rfm_model_lock(model->id);
	else if (model->id != locked)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access: model \"%s\" has been dropped and created again concurrently",
						name),
				 errhint("The transaction might succeed if retried.")));
	return model;
}

RfmModel *
rfm_model_continue(const char *name, int64 *id)
{
	RfmModel   *model = rfm_model_begin(name);

	if (*id != 0 && *id != model->id)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has been replaced since the call began", name),
				 errdetail("It has been dropped, and another model of the same name has been created.")));
	*id = model->id;
	return model;
}

/*
 * Checking.
 */

/*
 * Report if the model's time zone has no effect on its order times.  Many
 * frameworks store UTC in a column without time zone.
 */
static void
report_unzoned(const RfmModel *model, const RfmSource *source)
{
	const RfmCalendar *calendar = &source->calendar;

	if (calendar->time_type != TIMESTAMPOID || (calendar->fixed_offset && calendar->offset == 0))
		return;
	ereport(NOTICE,
			(errmsg("time_zone of model \"%s\" does not apply to its order times", model->name),
			 errdetail("%s has type timestamp without time zone: its dates are used as they are. The time zone only determines the current date.",
					   source->ordered_at),
			 errhint("If it holds UTC, as Prisma, Rails and Django write it, set ordered_at to: %s AT TIME ZONE 'UTC'",
					 get_attnum(model->source, model->ordered_at) > 0 ?
					 quote_identifier(model->ordered_at) : psprintf("(%s)", model->ordered_at))));
}

/* The target, its partitions, and what it is a partition of, as oid[]. */
static RfmParam
written_relations(Oid target)
{
	List	   *oids = list_make1_oid(target);
	Datum	   *values;
	int			n = 0;
	ListCell   *lc;

	if (get_rel_relkind(target) == RELKIND_PARTITIONED_TABLE)
		oids = find_all_inheritors(target, NoLock, NULL);
	if (get_rel_relispartition(target))
		oids = list_concat(oids, get_partition_ancestors(target));
	values = palloc(list_length(oids) * sizeof(Datum));
	foreach(lc, oids)
		values[n++] = ObjectIdGetDatum(lfirst_oid(lc));
	return rfm_array(OIDARRAYOID, values, n);
}

void
rfm_check_sole_writer(const RfmModel *model)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity catalog;
	char	   *other = NULL;
	Oid			owner = InvalidOid;
	bool		isnull;

	/* one with the same name is refused for its name */
	if (rfm_catalog_query(&catalog, "SELECT model, owner::oid FROM @rfm_model"
						  " WHERE target = ANY ($1) AND model_id <> $2 AND model <> $3 LIMIT 1",
						  RFM_PARAMS(written_relations(model->target), rfm_int8(model->id), rfm_text(model->name)),
						  false) > 0)
	{
		other = MemoryContextStrdup(mcxt, rfm_column_text(0, 1));
		owner = DatumGetObjectId(rfm_column(0, 2, &isnull));
	}
	rfm_catalog_query_end(&catalog);
	if (other)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("target \"%s\" of model \"%s\" belongs to another model",
						get_rel_name(model->target), model->name),
				 has_privs_of_role(GetUserId(), owner) ?
				 errdetail("Model \"%s\" writes to it, or to a part of it. Each would delete the other's customers.", other) :
				 errdetail("A model of another role writes to it, or to a part of it. Each would delete the other's customers."),
				 errhint("Give each model its own target. A view can combine several targets.")));
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
	report_unzoned(model, &source);
	rfm_dependence_report(model, &source);
	rfm_ruleset_check_model(model->segment_rules, model);
	rfm_ruleset_check_model(model->comment_rules, model);
	rfm_target_resolve(model, &source, &target);
	rfm_customer_index_report(model, &target);
	rfm_target_close(&target);
	rfm_owner_leave(&owner);
	rfm_check_sole_writer(model);
}

/*-------------------------------------------------------------------------
 *
 * default_model.c
 *		The model "default", which is created on first use.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/transam.h"
#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/default_model.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
#include "value/key.h"

Oid
rfm_default_source(void)
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

RfmModel *
rfm_default_model(Oid source)
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

void
rfm_default_create(Oid source)
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

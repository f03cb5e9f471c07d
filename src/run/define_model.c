/*-------------------------------------------------------------------------
 *
 * define_model.c
 *		Models by name: rights and checks.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/citus.h"
#include "base/query.h"
#include "base/version.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "model/lock.h"
#include "read/query.h"
#include "read/source.h"
#include "run/arguments.h"
#include "run/default_model.h"
#include "run/define_model.h"
#include "run/dependence.h"
#include "run/ruleset.h"
#include "target/create.h"
#include "target/resolve.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rfm_ensure_model);

RfmModel *
rfm_model_load(const char *name, bool store)
{
	RfmModel   *model = rfm_model_find(name);

	if (model == NULL)
		rfm_citus_refuse_worker();
	if (model == NULL && strcmp(name, RFM_DEFAULT_MODEL) == 0)
	{
		Oid			source = rfm_default_source();

		if (!OidIsValid(source))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" does not exist", name),
					 errdetail("It is created automatically if there is a table ecom.orders(customer_id, created_at, total, status), but this database has none."),
					 errhint("Define it over your own orders: SELECT rfm_create_model('default', source => 'schema.orders', target => 'schema.customer_rfm_daily', customer => 'customer_id', ordered_at => 'created_at', amount => 'total');")));
		if (!store)
			return rfm_default_model(source);
		rfm_default_create(source);
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
	source = rfm_default_source();
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

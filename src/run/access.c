/*-------------------------------------------------------------------------
 *
 * access.c
 *		Access to a model's snapshots for the roles that may read them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/relation.h"
#include "base/catalog.h"
#include "base/citus.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "model/model.h"
#include "run/access.h"
#include "run/period.h"
#include "run/run_log.h"
#include "target/diff.h"
#include "target/target.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "value/key.h"

/*
 * Determine whether the role may read the target.  No role may if it has been
 * dropped.
 */
static bool
may_read(Oid role, const RfmModel *model)
{
	return has_privs_of_role(role, model->owner) ||
		pg_class_aclcheck(model->target, role, ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(model->target, role, ACL_SELECT,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

static void
check_access(const char *name, const RfmModel *model)
{
	bool		gone;

	if (model == NULL)
		rfm_citus_refuse_worker();
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 strcmp(name, RFM_DEFAULT_MODEL) == 0 ?
				 errhint("The first rfm_refresh() creates it if there is a table ecom.orders; rfm_create_model() creates others.") :
				 errhint("The models that you may use are the rows of rfm_model. rfm_create_model() creates a new one.")));

	gone = get_rel_name(model->target) == NULL;
	if (gone ? !has_privs_of_role(GetUserId(), model->owner) :
		!may_read(GetUserId(), model))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", name),
				 errdetail("Its snapshots can be read by its owner, by members of that role, and by roles that may SELECT from its target.")));
	if (gone)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("target of model \"%s\" does not exist", name),
				 errdetail("The table with OID %u has been dropped.", model->target),
				 errhint("Point the model to another target: UPDATE rfm_model SET target = 'schema.table' WHERE model = %s.",
						 quote_literal_cstr(name))));
}

/* Return the columns that the target has as a JSON object. */
static Jsonb *
read_columns(const RfmModel *model)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		char	   *name = rfm_target_column(model, (RfmColumn) i, NULL);

		if (name == NULL || get_attnum(model->target, name) <= 0)
			continue;
		appendStringInfoString(&json, json.len > 0 ? ", " : "{");
		escape_json(&json, rfm_columns[i].name);
		appendStringInfoString(&json, ": ");
		escape_json(&json, quote_identifier(name));
	}
	appendStringInfoString(&json, json.len > 0 ? "}" : "{}");
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

/* Determine how a value is given and compared: "=" need not be in the search_path. */
static void
describe_type(Oid type, char **name, char **equals)
{
	*name = format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
	*equals = rfm_equality(type);
}

/* Return the base type of a column of the target; InvalidOid: there is no such column. */
static Oid
column_type(const RfmModel *model, RfmColumn column)
{
	char	   *name = rfm_target_column(model, column, NULL);
	AttrNumber	attnum = name ? get_attnum(model->target, name) : InvalidAttrNumber;

	return attnum > 0 ? getBaseType(get_atttype(model->target, attnum)) : InvalidOid;
}

static void
read_key(const RfmModel *model, RfmAccess *access)
{
	Oid			customer = column_type(model, RFM_COL_CUSTOMER);
	Oid			group = model->score_within ? column_type(model, RFM_COL_GROUP) : InvalidOid;

	if (!OidIsValid(customer))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("target of model \"%s\" has no column for the customer", model->name)));
	describe_type(customer, &access->customer_type, &access->customer_equals);
	/* to convert text to a composite type can be code of the owner of a domain in it */
	access->group_type = access->group_equals = NULL;
	if (OidIsValid(group) && !type_is_rowtype(group))
		describe_type(group, &access->group_type, &access->group_equals);
}

void
rfm_access_open(const char *name, RfmAccess *access)
{
	RfmModel   *model = rfm_model_find(name, false);
	Relation	rel;

	check_access(name, model);
	rel = relation_open(model->target, AccessShareLock);
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("target \"%s\" of model \"%s\" is not a table",
						RelationGetRelationName(rel), name),
				 errhint("Point the model to a table: UPDATE rfm_model SET target = 'schema.table' WHERE model = %s.",
						 quote_literal_cstr(name))));
	/* tables that inherit from the target do not belong to the model */
	access->relation = psprintf("%s%s", rel->rd_rel->relkind == RELKIND_RELATION &&
								has_subclass(RelationGetRelid(rel)) ? "ONLY " : "",
								rfm_relation_name(RelationGetRelid(rel)));
	access->columns = read_columns(model);
	read_key(model, access);
	relation_close(rel, NoLock);

	access->segment_rules = model->segment_rules;
	access->comment_rules = model->comment_rules;
	memcpy(access->buckets, model->buckets, sizeof(access->buckets));
	access->model_id = model->id;
	access->additive = rfm_period_additive(model);
	access->logged = rfm_run_newest(model, false, NULL, &access->last_run);
}

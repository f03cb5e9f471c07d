/*-------------------------------------------------------------------------
 *
 * access.c
 *		Access to a model's snapshots for the roles that may read them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "base/catalog.h"
#include "base/citus.h"
#include "base/query.h"
#include "base/version.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "model/model.h"
#include "run/access.h"
#include "run/arguments.h"
#include "run/period.h"
#include "run/run_log.h"
#include "target/target.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "value/key.h"

PG_FUNCTION_INFO_V1(rfm_access);

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

RfmModel *
rfm_access_model(const char *name)
{
	RfmModel   *model = rfm_model_find(name);
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
	return model;
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

/*
 * Determine how a value of a type is given and compared, as two texts: "=" need not
 * be in the search_path.
 */
static void
describe_type(Oid type, Datum *values)
{
	values[0] = CStringGetTextDatum(format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	values[1] = CStringGetTextDatum(rfm_equality(type));
}

/* Return the base type of a column of the target; InvalidOid: there is no such column. */
static Oid
column_type(const RfmModel *model, RfmColumn column)
{
	char	   *name = rfm_target_column(model, column, NULL);
	AttrNumber	attnum = name ? get_attnum(model->target, name) : InvalidAttrNumber;

	return attnum > 0 ? getBaseType(get_atttype(model->target, attnum)) : InvalidOid;
}

/* The target as SQL reads it. */
static char *
relation_of(const RfmModel *model)
{
	Relation	rel = relation_open(model->target, AccessShareLock);
	char	   *result;

	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("target \"%s\" of model \"%s\" is not a table",
						RelationGetRelationName(rel), model->name),
				 errhint("Point the model to a table: UPDATE rfm_model SET target = 'schema.table' WHERE model = %s.",
						 quote_literal_cstr(model->name))));
	/* tables that inherit from the target do not belong to the model */
	result = psprintf("%s%s", rel->rd_rel->relkind == RELKIND_RELATION &&
					  has_subclass(RelationGetRelid(rel)) ? "ONLY " : "",
					  rfm_relation_name(RelationGetRelid(rel)));
	relation_close(rel, NoLock);
	return result;
}

static void
set_text(const char *string, Datum *value, bool *isnull)
{
	*isnull = string == NULL;
	*value = string ? CStringGetTextDatum(string) : (Datum) 0;
}

#define ACCESS_COLUMNS 12

/*
 * rfm_internal.access(model text, OUT ...) RETURNS record: what an SQL function
 * needs to read a model's snapshots with its caller's rights.
 */
Datum
rfm_access(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	RfmModel   *model;
	Oid			customer;
	Oid			group;
	Datum		buckets[RFM_AXES];
	DateADT		last_run = 0;
	Datum		values[ACCESS_COLUMNS];
	bool		nulls[ACCESS_COLUMNS] = {0};

	rfm_version_check();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	model = rfm_access_model(rfm_text_argument(fcinfo, 0, "model"));
	values[0] = CStringGetTextDatum(relation_of(model));
	values[1] = JsonbPGetDatum(read_columns(model));
	customer = column_type(model, RFM_COL_CUSTOMER);
	if (!OidIsValid(customer))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("target of model \"%s\" has no column for the customer", model->name)));
	describe_type(customer, &values[2]);
	set_text(model->segment_rules, &values[4], &nulls[4]);
	set_text(model->comment_rules, &values[5], &nulls[5]);
	for (int axis = 0; axis < RFM_AXES; axis++)
		buckets[axis] = Int32GetDatum(model->buckets[axis]);
	values[6] = rfm_array(INT4ARRAYOID, buckets, RFM_AXES).value;
	nulls[7] = !rfm_run_newest(model, false, NULL, &last_run);
	values[7] = DateADTGetDatum(last_run);
	values[8] = Int64GetDatum(model->id);
	values[9] = BoolGetDatum(rfm_period_additive(model));

	/* to convert text to a composite type can be code of the owner of a domain in it */
	group = model->score_within ? column_type(model, RFM_COL_GROUP) : InvalidOid;
	nulls[10] = nulls[11] = !OidIsValid(group) || type_is_rowtype(group);
	if (!nulls[10])
		describe_type(group, &values[10]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

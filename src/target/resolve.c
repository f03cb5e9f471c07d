/*-------------------------------------------------------------------------
 *
 * resolve.c
 *		Finding and checking a model's target.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/relation.h"
#include "base/catalog.h"
#include "base/citus.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "target/key_check.h"
#include "target/partition.h"
#include "target/resolve.h"
#include "target/retention.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* The type in which a column's values are computed, before conversion. */
static Oid
native_type(RfmColumn column, const RfmSource *source)
{
	if (column == RFM_COL_CUSTOMER)
		return source->key.typid;
	if (column == RFM_COL_GROUP)
		return source->group_key.typid;
	if (column == RFM_COL_MONETARY)
		return source->real_amounts ? FLOAT8OID : NUMERICOID;
	return rfm_columns[column].type;
}

/* A value of a column before conversion, as the argument of one. */
static CaseTestExpr *
native_value(RfmColumn column, const RfmSource *source)
{
	CaseTestExpr *value = makeNode(CaseTestExpr);

	value->typeId = native_type(column, source);
	value->typeMod = -1;
	value->collation = get_typcollation(value->typeId);
	if (column == RFM_COL_CUSTOMER)
	{
		/* what fits the source's column fits one of the same width as it is */
		value->typeMod = source->customer_typmod;
		getBaseTypeAndTypmod(source->customer_type, &value->typeMod);
		value->collation = source->key.collation;
	}
	else if (column == RFM_COL_GROUP)
	{
		value->typeMod = source->group_typmod;
		getBaseTypeAndTypmod(source->group_type, &value->typeMod);
		value->collation = source->group_key.collation;
	}
	return value;
}

/*
 * Return the conversion of a native value to the type of the target's column,
 * as for an assignment.
 */
static Node *
conversion(RfmTarget *target, RfmColumn column, const RfmSource *source, Relation rel)
{
	CaseTestExpr *value = native_value(column, source);
	Oid			native = value->typeId;
	Node	   *expr;

	expr = coerce_to_target_type(NULL, (Node *) value, native,
								 target->type[column], target->typmod[column],
								 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (expr == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %s of target \"%s\" is of type %s, which cannot hold %s",
						target->column[column], RelationGetRelationName(rel),
						format_type_be(target->type[column]),
						rfm_columns[column].name),
				 errdetail("Values of %s are of type %s.",
						   rfm_columns[column].name, format_type_be(native))));
	while (IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	return IsA(expr, CaseTestExpr) ? NULL : expr;
}

static void
resolve_column(const RfmModel *model, const RfmSource *source, Relation rel,
			   RfmTarget *target, RfmColumn column)
{
	bool		mapped;
	char	   *name = rfm_target_column(model, column, &mapped);
	Form_pg_attribute att;
	AttrNumber	attnum;

	if (name == NULL)
		return;
	attnum = get_attnum(target->relid, name);
	if (attnum <= 0)
	{
		if (mapped || rfm_columns[column].required)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("target \"%s\" has no column \"%s\" for %s",
							RelationGetRelationName(rel), name,
							rfm_columns[column].name),
					 column == RFM_COL_CUSTOMER || column == RFM_COL_GROUP ?
					 errhint("Name the column in the model's target_columns.") :
					 errhint("Name the column in the model's target_columns, or map %s to null there: target_columns => '{\"%s\": null}'.",
							 rfm_columns[column].name, rfm_columns[column].name)));
		return;
	}

	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	if (att->attgenerated != '\0' || att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of target \"%s\" is a generated column and cannot hold %s",
						name, RelationGetRelationName(rel), rfm_columns[column].name)));
	for (int i = 0; i < (int) column; i++)
		if (target->attnum[i] == attnum)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of target \"%s\" would hold both %s and %s",
							name, RelationGetRelationName(rel),
							rfm_columns[i].name, rfm_columns[column].name),
					 errhint("Map one of them to another name, or to null, in the model's target_columns.")));

	target->attnum[column] = attnum;
	target->column[column] = pstrdup(quote_identifier(name));
	target->type[column] = att->atttypid;
	target->typmod[column] = att->atttypmod;
	target->collation[column] = att->attcollation;
	target->convert[column] = conversion(target, column, source, rel);
}

/* Columnar storage supports inserts, but no updates and deletes. */
static void
check_access_method(Relation rel)
{
	char	   *method = OidIsValid(rel->rd_rel->relam) ? get_am_name(rel->rd_rel->relam) : NULL;

	if (method && strcmp(method, "columnar") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("target \"%s\" has columnar storage", RelationGetRelationName(rel)),
				 errdetail("Rows of such a table cannot be updated or deleted."),
				 errhint("Use a target with the access method heap. Partitions of old dates that are no longer refreshed may be columnar.")));
}

/*
 * A deferred check would run at the end of the transaction with the rights of
 * the role that called the refresh; PostgreSQL refuses to queue it.
 */
static void
check_no_deferred(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (!trigger->tginitdeferred || trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("target \"%s\" has a constraint or trigger that is initially deferred",
						RelationGetRelationName(rel)),
				 OidIsValid(trigger->tgconstraint) ?
				 errdetail("It is \"%s\".", get_constraint_name(trigger->tgconstraint)) :
				 errdetail("It is \"%s\".", trigger->tgname),
				 errhint("A refresh runs with the rights of the model's owner, and only until the end of the call. Make it INITIALLY IMMEDIATE.")));
	}
}

/* Check in advance that the owner may read and write the target. */
static void
check_rights(const RfmModel *model, Relation rel)
{
	AclMode		needed = ACL_SELECT | ACL_INSERT | ACL_UPDATE;
	Oid			relid = RelationGetRelid(rel);

	bool		deletes = !model->keep_stale || model->retention != NULL;

	if (deletes)
		needed |= ACL_DELETE;
	if (pg_class_aclmask(relid, GetUserId(), needed, ACLMASK_ALL) != needed)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for target \"%s\"", RelationGetRelationName(rel)),
				 errdetail("Role \"%s\", the owner of model \"%s\", needs SELECT, INSERT%s UPDATE%s on it.",
						   GetUserNameFromId(GetUserId(), false), model->name,
						   deletes ? "," : " and",
						   deletes ? " and DELETE" : ""),
				 rel->rd_rel->relowner == GetUserId() ? 0 :
				 errhint("Grant them, or give the model to the owner of the table, role \"%s\" (REASSIGN OWNED does not): UPDATE rfm_model SET owner = %s WHERE model = %s.",
						 GetUserNameFromId(rel->rd_rel->relowner, false),
						 quote_literal_cstr(quote_identifier(GetUserNameFromId(rel->rd_rel->relowner, false))),
						 quote_literal_cstr(model->name))));
}

void
rfm_target_resolve(const RfmModel *model, const RfmSource *source,
				   RfmTarget *target)
{
	Relation	rel = try_relation_open(model->target, AccessShareLock);

	memset(target, 0, sizeof(*target));
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("target of model \"%s\" does not exist", model->name),
				 errdetail("The table with OID %u has been dropped.", model->target),
				 errhint("Point the model to another table: UPDATE rfm_model SET target = 'schema.table' WHERE model = %s.",
						 quote_literal_cstr(model->name))));

	target->rel = rel;
	target->relid = RelationGetRelid(rel);
	target->relkind = rel->rd_rel->relkind;
	target->routed = rfm_citus_manages(target->relid);
	target->relation = rfm_relation_name(RelationGetRelid(rel));
	if (target->relkind != RELKIND_RELATION &&
		target->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("target \"%s\" is not a table", RelationGetRelationName(rel))));

	rfm_target_check_names(model);
	for (int i = 0; i < RFM_COLUMNS; i++)
		resolve_column(model, source, rel, target, (RfmColumn) i);
	check_access_method(rel);
	rfm_target_key_check(target);
	check_no_deferred(rel);
	check_rights(model, rel);
	rfm_partition_check(model, target, rel);
	rfm_retention_check(model, target);
}


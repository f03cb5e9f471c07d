/*-------------------------------------------------------------------------
 *
 * target.c
 *		Resolves, checks and creates a model's target.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "owner.h"
#include "parser/parse_coerce.h"
#include "partition.h"
#include "retention.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/varlena.h"

/*
 * Columns.
 */

typedef struct ColumnInfo
{
	const char *name;
	Oid			type;			/* InvalidOid: depends on the source */
	const char *created_as;		/* in a target that rfm creates; NULL: not */
	bool		required;		/* unless target_columns maps it to null */
} ColumnInfo;

static const ColumnInfo column_info[RFM_COLUMNS] = {
	[RFM_COL_RUN_DATE] = {"run_date", DATEOID, "date NOT NULL", true},
	[RFM_COL_CUSTOMER] = {"customer_id", InvalidOid, "", true},
	[RFM_COL_RECENCY] = {"recency_days", INT4OID, "integer NOT NULL", true},
	[RFM_COL_FREQUENCY] = {"frequency_orders", INT8OID, "integer NOT NULL", true},
	[RFM_COL_MONETARY] = {"monetary_value", InvalidOid, "", true},
	[RFM_COL_R_SCORE] = {"r_score", INT4OID, "smallint NOT NULL", true},
	[RFM_COL_F_SCORE] = {"f_score", INT4OID, "smallint NOT NULL", true},
	[RFM_COL_M_SCORE] = {"m_score", INT4OID, "smallint NOT NULL", true},
	[RFM_COL_SCORE] = {"rfm_score", INT4OID, "smallint NOT NULL", false},
	[RFM_COL_SEGMENT] = {"rfm_segment", TEXTOID, "text", false},
	[RFM_COL_COMMENTS] = {"comments", TEXTOID, "text", false},
	[RFM_COL_CELL] = {"rfm_cell", TEXTOID, "text", false},
	[RFM_COL_WEIGHTED] = {"rfm_weighted", INT8OID, "bigint", false},
	[RFM_COL_CREATED_AT] = {"created_at", TIMESTAMPTZOID, "timestamp with time zone NOT NULL DEFAULT now()", false},
	[RFM_COL_UPDATED_AT] = {"updated_at", TIMESTAMPTZOID, "timestamp with time zone NOT NULL DEFAULT now()", false},
	[RFM_COL_LOGS] = {"logs", JSONBOID, "jsonb", false}
};

const char *
rfm_column_name(RfmColumn column)
{
	return column_info[column].name;
}

/* The type in which a column's values are computed, before conversion. */
static Oid
native_type(RfmColumn column, const RfmSource *source)
{
	if (column == RFM_COL_CUSTOMER)
		return source->key.typid;
	if (column == RFM_COL_MONETARY)
		return source->amount_kind == RFM_AMOUNT_FLOAT ? FLOAT8OID : NUMERICOID;
	return column_info[column].type;
}

/*
 * What target_columns says of a column: its name in the target (palloc'd), or
 * NULL for none.  *mapped tells whether it says anything.
 */
static char *
mapped_name(const RfmModel *model, RfmColumn column, bool *mapped)
{
	JsonbValue	key;
	JsonbValue *value = NULL;

	if (model->target_columns)
	{
		key.type = jbvString;
		key.val.string.val = unconstify(char *, column_info[column].name);
		key.val.string.len = (int) strlen(column_info[column].name);
		value = findJsonbValueFromContainer(&model->target_columns->root,
											JB_FOBJECT, &key);
	}
	*mapped = value != NULL;
	if (value == NULL)
		return pstrdup(column_info[column].name);
	if (value->type == jbvNull)
		return NULL;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target_columns must map \"%s\" to a column name or null",
						column_info[column].name)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

char *
rfm_target_column(const RfmModel *model, RfmColumn column)
{
	bool		mapped;

	return mapped_name(model, column, &mapped);
}

/* The names that target_columns gives: the customer has one, all differ. */
static void
check_mapped_names(const RfmModel *model)
{
	char	   *name[RFM_COLUMNS];
	bool		mapped[RFM_COLUMNS];

	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		name[i] = mapped_name(model, (RfmColumn) i, &mapped[i]);
		if (name[i] == NULL && i == RFM_COL_CUSTOMER)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target_columns must not map \"customer_id\" to null")));
		if (name[i] && name[i][0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target_columns maps \"%s\" to an empty name",
							column_info[i].name),
					 errhint("Map it to null where the target has no such column.")));
		for (int j = 0; j < i; j++)
			if (name[i] && name[j] && mapped[i] && mapped[j] &&
				strcmp(name[i], name[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("target_columns maps both %s and %s to column \"%s\"",
								column_info[j].name, column_info[i].name, name[i])));
	}
}

/* target_columns must be an object, and know only columns that exist here. */
static void
check_mapping(const RfmModel *model)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	StringInfoData names;

	if (model->target_columns == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(model->target_columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target_columns must be a JSON object"),
				 errhint("For example {\"recency_days\": \"Recency\", \"comments\": null}.")));

	initStringInfo(&names);
	for (int i = 0; i < RFM_COLUMNS; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", column_info[i].name);

	it = JsonbIteratorInit(&model->target_columns->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		bool		known = false;

		if (token != WJB_KEY)
			continue;
		for (int i = 0; i < RFM_COLUMNS; i++)
			known |= strlen(column_info[i].name) == (size_t) value.val.string.len &&
				strncmp(column_info[i].name, value.val.string.val,
						value.val.string.len) == 0;
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target_columns has an unknown key \"%s\"",
							pnstrdup(value.val.string.val, value.val.string.len)),
					 errdetail("The keys are: %s.", names.data)));
	}
	check_mapped_names(model);
}

/* How a native value becomes one of the target's column, as by assignment. */
static Node *
conversion(RfmTarget *target, RfmColumn column, Oid native, Oid native_collation,
		   Relation rel)
{
	CaseTestExpr *value = makeNode(CaseTestExpr);
	Node	   *expr;

	value->typeId = native;
	value->typeMod = -1;
	value->collation = native_collation;
	expr = coerce_to_target_type(NULL, (Node *) value, native,
								 target->type[column], target->typmod[column],
								 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (expr == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %s of target \"%s\" is of type %s, which cannot hold %s",
						target->column[column], RelationGetRelationName(rel),
						format_type_be(target->type[column]),
						column_info[column].name),
				 errdetail("Values of %s are of type %s.",
						   column_info[column].name, format_type_be(native))));
	while (IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	return IsA(expr, CaseTestExpr) ? NULL : expr;
}

static void
resolve_column(const RfmModel *model, const RfmSource *source, Relation rel,
			   RfmTarget *target, RfmColumn column)
{
	bool		mapped;
	char	   *name = mapped_name(model, column, &mapped);
	Form_pg_attribute att;
	AttrNumber	attnum;

	if (name == NULL)
		return;
	attnum = get_attnum(target->relid, name);
	if (attnum <= 0)
	{
		if (mapped || column_info[column].required)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("target \"%s\" has no column \"%s\" for %s",
							RelationGetRelationName(rel), name,
							column_info[column].name),
					 column == RFM_COL_CUSTOMER ?
					 errhint("Name the column in the model's target_columns.") :
					 errhint("Name the column in the model's target_columns, or map %s to null there: target_columns => '{\"%s\": null}'.",
							 column_info[column].name, column_info[column].name)));
		return;
	}

	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	if (att->attgenerated != '\0' || att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of target \"%s\" is a generated column and cannot hold %s",
						name, RelationGetRelationName(rel), column_info[column].name)));
	for (int i = 0; i < (int) column; i++)
		if (target->attnum[i] == attnum)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of target \"%s\" would hold both %s and %s",
							name, RelationGetRelationName(rel),
							column_info[i].name, column_info[column].name),
					 errhint("Map one of them to another name, or to null, in the model's target_columns.")));

	target->attnum[column] = attnum;
	target->column[column] = pstrdup(quote_identifier(name));
	target->type[column] = att->atttypid;
	target->typmod[column] = att->atttypmod;
	target->collation[column] = att->attcollation;
	target->convert[column] =
		conversion(target, column, native_type(column, source),
				   column == RFM_COL_CUSTOMER ? source->key.collation :
				   get_typcollation(native_type(column, source)), rel);
}

/*
 * The key.
 */

/* Is this a unique index on exactly the snapshot's key, always enforced? */
static bool
index_is_key(Relation index, const RfmTarget *target)
{
	Form_pg_index form = index->rd_index;
	int			wanted = target->attnum[RFM_COL_RUN_DATE] > 0 ? 2 : 1;
	bool		has_date = false;
	bool		has_customer = false;

	if (!form->indisunique || !form->indisvalid || !form->indimmediate ||
		form->indnkeyatts != wanted ||
		RelationGetIndexPredicate(index) != NIL ||
		RelationGetIndexExpressions(index) != NIL)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		has_date |= form->indkey.values[i] == target->attnum[RFM_COL_RUN_DATE];
		has_customer |= form->indkey.values[i] == target->attnum[RFM_COL_CUSTOMER];
	}
	return has_customer && (has_date || wanted == 1);
}

static void
check_key(Relation rel, const RfmTarget *target)
{
	List	   *indexes = RelationGetIndexList(rel);
	bool		found = false;
	ListCell   *lc;
	char	   *key;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found |= index_is_key(index, target);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	if (found)
		return;

	key = target->attnum[RFM_COL_RUN_DATE] > 0 ?
		psprintf("%s, %s", target->column[RFM_COL_RUN_DATE], target->column[RFM_COL_CUSTOMER]) :
		target->column[RFM_COL_CUSTOMER];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("target \"%s\" has no unique key on (%s)",
					RelationGetRelationName(rel), key),
			 errdetail("A snapshot has one row for each customer; without a key nothing keeps it so."),
			 errhint("ALTER TABLE %s ADD PRIMARY KEY (%s);", target->relation, key)));
}

/*
 * A check that waits for the end of the transaction would run there with the
 * rights of whoever asked for the refresh; PostgreSQL refuses to queue it.
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
				 errhint("A refresh works with the rights of the model's owner, which end before the transaction does. Make it INITIALLY IMMEDIATE.")));
	}
}

/* The owner reads and writes the target; that is checked before any work. */
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
						   deletes ? " and DELETE" : "")));
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

	target->relid = RelationGetRelid(rel);
	target->relkind = rel->rd_rel->relkind;
	target->relation = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));
	if (target->relkind != RELKIND_RELATION &&
		target->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("target \"%s\" is not a table", RelationGetRelationName(rel))));

	check_mapping(model);
	for (int i = 0; i < RFM_COLUMNS; i++)
		resolve_column(model, source, rel, target, (RfmColumn) i);
	check_key(rel, target);
	check_no_deferred(rel);
	check_rights(model, rel);
	rfm_partition_check(model, target, rel);
	rfm_retention_check(model, target);
	relation_close(rel, NoLock);
}

/*
 * Creating.
 */

static void
append_created_column(StringInfo sql, const RfmModel *model,
					  const RfmSource *source, RfmColumn column,
					  const char *name)
{
	appendStringInfo(sql, "\n  %s ", quote_identifier(name));
	switch (column)
	{
		case RFM_COL_CUSTOMER:
			appendStringInfoString(sql, format_type_with_typemod(source->customer_type,
																 source->customer_typmod));
			if (OidIsValid(source->key.collation) &&
				source->key.collation != get_typcollation(source->customer_type))
				appendStringInfo(sql, " COLLATE %s",
								 generate_collation_name(source->key.collation));
			appendStringInfoString(sql, " NOT NULL");
			break;
		case RFM_COL_MONETARY:
			appendStringInfoString(sql, source->amount_kind == RFM_AMOUNT_FLOAT ?
								   "double precision NOT NULL" : "numeric NOT NULL");
			break;
		default:
			appendStringInfoString(sql, column_info[column].created_as);
			break;
	}
	appendStringInfoChar(sql, ',');
}

/* No two columns of a target to be created may have one name. */
static void
check_created_name(char **names, RfmColumn column)
{
	for (int i = 0; i < (int) column; i++)
		if (names[i] && strcmp(names[i], names[column]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target would have two columns \"%s\", for %s and for %s",
							names[column], column_info[i].name,
							column_info[column].name),
					 errhint("Map one of them to another name, or to null, in target_columns.")));
}

/* Columns that only an explicit mapping asks for. */
static bool
created_on_demand(const RfmModel *model, RfmColumn column)
{
	switch (column)
	{
		case RFM_COL_CELL:
		case RFM_COL_WEIGHTED:
		case RFM_COL_LOGS:
			return true;
		case RFM_COL_SEGMENT:
			return model->segment_rules == NULL;
		case RFM_COL_COMMENTS:
			return model->comment_rules == NULL;
		default:
			return false;
	}
}

Oid
rfm_target_create(const RfmModel *model, const RfmSource *source,
				  const char *qualified_name)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(qualified_name));
	RangeVar   *rv = makeRangeVarFromNameList(names);
	Oid			nsp = RangeVarGetCreationNamespace(rv);
	char	   *relation = quote_qualified_identifier(get_namespace_name(nsp), rv->relname);
	char	   *key = NULL;
	char	   *created[RFM_COLUMNS] = {NULL};
	StringInfoData sql;
	int			level = rfm_lock_search_path();

	check_mapping(model);
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", relation);
	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		bool		mapped;
		char	   *name = mapped_name(model, (RfmColumn) i, &mapped);

		if (name == NULL || (!mapped && created_on_demand(model, (RfmColumn) i)))
			continue;
		created[i] = name;
		check_created_name(created, (RfmColumn) i);
		append_created_column(&sql, model, source, (RfmColumn) i, name);
		if (i == RFM_COL_RUN_DATE || i == RFM_COL_CUSTOMER)
			key = key ? psprintf("%s, %s", key, quote_identifier(name)) :
				pstrdup(quote_identifier(name));
	}
	appendStringInfo(&sql, "\n  PRIMARY KEY (%s)\n)%s", key,
					 rfm_partition_clause(model, created[RFM_COL_RUN_DATE] ?
										  quote_identifier(created[RFM_COL_RUN_DATE]) : NULL));

	SPI_connect();
	if (SPI_execute(sql.data, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not create table %s", relation);
	SPI_finish();
	rfm_unlock_search_path(level);
	CommandCounterIncrement();
	return get_relname_relid(rv->relname, nsp);
}

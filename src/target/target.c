/*-------------------------------------------------------------------------
 *
 * target.c
 *		The names and columns of a model's target.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/relation.h"
#include "base/query.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "target/target.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

const RfmColumnInfo rfm_columns[RFM_COLUMNS] = {
	[RFM_COL_RUN_DATE] = {"run_date", DATEOID, "date NOT NULL", true},
	[RFM_COL_GROUP] = {"score_group", InvalidOid, "", true},
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
	[RFM_COL_P_ALIVE] = {"p_alive", FLOAT8OID, "double precision", false},
	[RFM_COL_EXPECTED_ORDERS] = {"expected_orders", FLOAT8OID, "double precision", false},
	[RFM_COL_EXPECTED_REVENUE] = {"expected_revenue", FLOAT8OID, "double precision", false},
	[RFM_COL_CREATED_AT] = {"created_at", TIMESTAMPTZOID, "timestamp with time zone NOT NULL DEFAULT now()", false},
	[RFM_COL_UPDATED_AT] = {"updated_at", TIMESTAMPTZOID, "timestamp with time zone NOT NULL DEFAULT now()", false},
	[RFM_COL_LOGS] = {"logs", JSONBOID, "jsonb", false}
};

char *
rfm_target_column(const RfmModel *model, RfmColumn column, bool *mapped)
{
	JsonbValue	key;
	JsonbValue *value = NULL;

	if (model->target_columns)
	{
		key.type = jbvString;
		key.val.string.val = unconstify(char *, rfm_columns[column].name);
		key.val.string.len = (int) strlen(rfm_columns[column].name);
		value = findJsonbValueFromContainer(&model->target_columns->root,
											JB_FOBJECT, &key);
	}
	if (mapped)
		*mapped = value != NULL;
	if (column == RFM_COL_GROUP && model->score_within == NULL)
		return NULL;
	if (value == NULL)
		return pstrdup(rfm_columns[column].name);
	if (value->type == jbvNull)
		return NULL;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target_columns must map \"%s\" to a column name or null",
						rfm_columns[column].name)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The names that target_columns gives: the customer has one, all differ. */
static void
check_mapped_names(const RfmModel *model)
{
	char	   *name[RFM_COLUMNS];
	bool		mapped[RFM_COLUMNS];

	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		name[i] = rfm_target_column(model, (RfmColumn) i, &mapped[i]);
		if (i == RFM_COL_GROUP && mapped[i] && model->score_within == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target_columns maps \"score_group\", but the model scores all customers together"),
					 errhint("Set the model's \"score_within\", or omit score_group.")));
		if (name[i] == NULL && (i == RFM_COL_CUSTOMER || (i == RFM_COL_GROUP && model->score_within)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target_columns must not map \"%s\" to null", rfm_columns[i].name)));
		if (name[i] && name[i][0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target_columns maps \"%s\" to an empty name",
							rfm_columns[i].name),
					 errhint("Map it to null if the target has no such column.")));
		for (int j = 0; j < i; j++)
			if (name[i] && name[j] && mapped[i] && mapped[j] &&
				strcmp(name[i], name[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("target_columns maps both %s and %s to column \"%s\"",
								rfm_columns[j].name, rfm_columns[i].name, name[i])));
	}
}

void
rfm_target_check_names(const RfmModel *model)
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
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", rfm_columns[i].name);

	it = JsonbIteratorInit(&model->target_columns->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		bool		known = false;

		if (token != WJB_KEY)
			continue;
		for (int i = 0; i < RFM_COLUMNS; i++)
			known |= strlen(rfm_columns[i].name) == (size_t) value.val.string.len &&
				strncmp(rfm_columns[i].name, value.val.string.val,
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

pg_noreturn static void
target_changed(const RfmTarget *target)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("target %s was changed by code that ran while it was in use", target->relation),
			 errdetail("A cast, a check, a default, a trigger or an expression of its owner has renamed or altered it.")));
}

void
rfm_target_verify(const RfmTarget *target)
{
	TupleDesc	desc = RelationGetDescr(target->rel);

	if (strcmp(target->relation,
			   quote_qualified_identifier(get_namespace_name(RelationGetNamespace(target->rel)),
										  RelationGetRelationName(target->rel))) != 0)
		target_changed(target);
	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		Form_pg_attribute att;

		if (target->attnum[i] == 0)
			continue;
		att = TupleDescAttr(desc, target->attnum[i] - 1);
		if (strcmp(target->column[i], quote_identifier(NameStr(att->attname))) != 0)
			target_changed(target);
	}
}

void
rfm_target_retake(RfmTarget *target)
{
	TupleDesc	desc;

	target->rel = relation_open(target->relid, NoLock);
	desc = RelationGetDescr(target->rel);
	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		Form_pg_attribute att;

		if (target->attnum[i] == 0)
			continue;
		if (target->attnum[i] > desc->natts)
			target_changed(target);
		att = TupleDescAttr(desc, target->attnum[i] - 1);
		if (att->attisdropped || att->atttypid != target->type[i] ||
			att->atttypmod != target->typmod[i] || att->attcollation != target->collation[i])
			target_changed(target);
	}
	rfm_target_verify(target);
}

void
rfm_target_close(RfmTarget *target)
{
	relation_close(target->rel, NoLock);
	target->rel = NULL;
}

TupleDesc
rfm_target_desc(const RfmTarget *target, const RfmColumn *column, int n)
{
	TupleDesc	desc = CreateTemplateTupleDesc(n);

	for (int i = 0; i < n; i++)
	{
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), psprintf("c%d", i + 1),
						   target->type[column[i]], target->typmod[column[i]], 0);
		TupleDescInitEntryCollation(desc, (AttrNumber) (i + 1), target->collation[column[i]]);
	}
	TupleDescFinalize(desc);
	return desc;
}

bool
rfm_target_has_rows(const RfmTarget *target, DateADT date)
{
	bool		dated = target->attnum[RFM_COL_RUN_DATE] > 0;
	bool		found;

	rfm_target_verify(target);
	found = rfm_query(psprintf("SELECT FROM %s%s%s LIMIT 1", rfm_target_only(target), target->relation,
							   !dated ? "" :
							   psprintf(" WHERE %s = $1", target->column[RFM_COL_RUN_DATE])),
					  dated ? RFM_PARAMS(rfm_date(date)) : NULL, false) > 0;
	SPI_finish();
	return found;
}

const char *
rfm_target_only(const RfmTarget *target)
{
	return target->relkind == RELKIND_PARTITIONED_TABLE || target->routed ? "" : "ONLY ";
}


/*-------------------------------------------------------------------------
 *
 * source.c
 *		Resolves a model's source.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "read/source.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static void
check_source_kind(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			return;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("source \"%s\" is not a table, view, materialized view or foreign table",
							RelationGetRelationName(rel))));
	}
}

/* A column of the source by its exact name. */
static Form_pg_attribute
find_column(Relation rel, const char *name, const char *what)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	StringInfoData names;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return att;
	}

	initStringInfo(&names);
	for (int i = 0; i < tupdesc->natts && names.len < 1000; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 quote_identifier(NameStr(att->attname)));
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("source \"%s\" has no column \"%s\"",
					RelationGetRelationName(rel), name),
			 errdetail("Its columns are: %s.", names.data),
			 errhint("Set the model's \"%s\" to one of them.", what)));
	return NULL;				/* keep compilers quiet */
}

static char *
quoted_column(const RfmSource *source, const char *name)
{
	return psprintf("%s.%s", source->alias, quote_identifier(name));
}

static void
resolve_amount(const RfmModel *model, Relation rel, RfmSource *source)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), model->amount);
	Oid			base;

	/* a column's plain name needs no quotes */
	if (attnum > 0)
	{
		source->amount.sql = quoted_column(source, model->amount);
		source->amount.type = get_atttype(RelationGetRelid(rel), attnum);
	}
	else
		rfm_expression_parse(model->amount, rel, "amount", model->name, false,
							 &source->amount);

	base = getBaseType(source->amount.type);
	if (!rfm_amount_kind(base, &source->amount_kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("amount \"%s\" of type %s cannot be summed",
						model->amount, format_type_be(source->amount.type)),
				 errdetail("An amount is of an integer type, numeric, real or double precision."),
				 base == MONEYOID ?
				 errhint("The scale of type money depends on lc_monetary. Use an expression that casts it: (%s)::numeric.",
						 attnum > 0 ? quote_identifier(model->amount) : model->amount) :
				 errhint("Set the model's \"amount\" to a column of such a type, or to an expression that casts it.")));
}

void
rfm_source_resolve(const RfmModel *model, RfmSource *source)
{
	Relation	rel = try_relation_open(model->source, AccessShareLock);
	Form_pg_attribute att;
	Oid			time_type;

	memset(source, 0, sizeof(*source));
	source->model = model->name;
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("source of model \"%s\" does not exist", model->name),
				 errdetail("The relation with OID %u has been dropped.", model->source),
				 errhint("Point the model to another source: UPDATE rfm_model SET source = 'schema.table' WHERE model = %s.",
						 quote_literal_cstr(model->name))));
	check_source_kind(rel);

	source->alias = pstrdup(quote_identifier(RelationGetRelationName(rel)));
	source->relation = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));

	att = find_column(rel, model->customer, "customer");
	source->customer = quoted_column(source, model->customer);
	source->customer_type = att->atttypid;
	source->customer_typmod = att->atttypmod;
	rfm_key_type_init(&source->key, att->atttypid, att->attcollation,
					  psprintf("customer column \"%s\"", model->customer),
					  CurrentMemoryContext);

	att = find_column(rel, model->ordered_at, "ordered_at");
	source->ordered_at = quoted_column(source, model->ordered_at);
	time_type = getBaseType(att->atttypid);
	if (time_type != DATEOID && time_type != TIMESTAMPOID &&
		time_type != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("order time column \"%s\" has type %s",
						model->ordered_at, format_type_be(att->atttypid)),
				 errdetail("It must have type date, timestamp or timestamp with time zone."),
				 errhint("Set the model's \"ordered_at\" to such a column, or use a view that casts it.")));
	rfm_calendar_init(&source->calendar, time_type, model->time_zone);

	if (model->order_id)
	{
		RfmKeyType	order_type;

		att = find_column(rel, model->order_id, "order_id");
		source->order_id = quoted_column(source, model->order_id);
		rfm_key_type_init(&order_type, att->atttypid, att->attcollation,
						  psprintf("order id column \"%s\"", model->order_id),
						  CurrentMemoryContext);
	}

	resolve_amount(model, rel, source);
	if (model->filter)
		rfm_expression_parse(model->filter, rel, "filter", model->name, true,
							 &source->filter);

	/* the lock stays: the query must meet the relation that was checked */
	relation_close(rel, NoLock);
}

/*-------------------------------------------------------------------------
 *
 * source.c
 *		Resolves a model's source.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/relation.h"
#include "base/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "read/source.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "value/key_pair.h"

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

/* Resolve one of the model's columns or expressions; returns its base type. */
static Oid
resolve(const char *expression, const char *what, const RfmModel *model, Relation rel, RfmSource *source,
		RfmExpression *result)
{
	rfm_expression_resolve(expression, rel, what, model->name, result);
	source->uses_run_date |= result->uses_run_date;
	return getBaseType(result->type);
}

static void
resolve_amount(const RfmModel *model, Relation rel, RfmSource *source)
{
	Oid			base = resolve(model->amount, "amount", model, rel, source, &source->amount);

	if (!rfm_amount_type(base, &source->real_amounts))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("amount \"%s\" of type %s cannot be summed",
						model->amount, format_type_be(source->amount.type)),
				 errdetail("An amount is of an integer type, numeric, real or double precision."),
				 base == MONEYOID ?
				 errhint("The scale of type money depends on lc_monetary. Use an expression that casts it: (%s)::numeric.",
						 get_attnum(RelationGetRelid(rel), model->amount) > 0 ?
						 quote_identifier(model->amount) : model->amount) :
				 errhint("Set the model's \"amount\" to a column of such a type, or to an expression that casts it.")));
}

static void
resolve_customer(const RfmModel *model, Relation rel, RfmSource *source)
{
	RfmExpression customer;

	(void) resolve(model->customer, "customer", model, rel, source, &customer);
	source->customer = customer.sql;
	source->customer_type = customer.type;
	source->customer_typmod = customer.typmod;
	rfm_key_type_init(&source->key, customer.type, customer.collation,
					  psprintf("customer \"%s\"", model->customer),
					  CurrentMemoryContext);
}

/*
 * Resolve the group within which customers are scored, and the key of a row of
 * the snapshot.
 */
static void
resolve_group(const RfmModel *model, Relation rel, RfmSource *source)
{
	RfmExpression group;

	source->row_key = source->key;
	if (model->score_within == NULL)
		return;
	(void) resolve(model->score_within, "score_within", model, rel, source, &group);
	source->group = group.sql;
	source->group_type = group.type;
	source->group_typmod = group.typmod;
	rfm_key_type_init(&source->group_key, group.type, group.collation,
					  psprintf("score_within \"%s\"", model->score_within),
					  CurrentMemoryContext);
	rfm_key_pair_init(&source->row_key, &source->group_key, &source->key, CurrentMemoryContext);
}

static void
resolve_order_time(const RfmModel *model, Relation rel, RfmSource *source)
{
	RfmExpression time;
	Oid			base = resolve(model->ordered_at, "ordered_at", model, rel, source, &time);

	source->ordered_at = time.sql;
	if (base != DATEOID && base != TIMESTAMPOID && base != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("order time \"%s\" has type %s",
						model->ordered_at, format_type_be(time.type)),
				 errdetail("It must have type date, timestamp or timestamp with time zone."),
				 errhint("Set the model's \"ordered_at\" to such a column, or to an expression that casts it.")));
	rfm_calendar_init(&source->calendar, base, model->time_zone);
}

static void
resolve_order_id(const RfmModel *model, Relation rel, RfmSource *source)
{
	RfmExpression order;
	RfmKeyType	order_type;

	if (model->order_id == NULL)
		return;
	(void) resolve(model->order_id, "order_id", model, rel, source, &order);
	source->order_id = order.sql;
	rfm_key_type_init(&order_type, order.type, order.collation,
					  psprintf("order id \"%s\"", model->order_id),
					  CurrentMemoryContext);
}

static void
resolve_order_count(const RfmModel *model, Relation rel, RfmSource *source)
{
	RfmExpression count;
	Oid			base;

	if (model->order_count == NULL)
		return;
	base = resolve(model->order_count, "order_count", model, rel, source, &count);
	if (base == BOOLOID)
	{
		source->orders = psprintf("CASE WHEN %s THEN 1::pg_catalog.int8 ELSE 0::pg_catalog.int8 END", count.sql);
		return;
	}
	if (base != INT2OID && base != INT4OID && base != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("order count \"%s\" has type %s",
						model->order_count, format_type_be(count.type)),
				 errdetail("It must be a boolean that says whether a row is an order, or an integer with the number of orders that it stands for."),
				 errhint("Set the model's \"order_count\" to an expression of such a type.")));
	if (source->order_id)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"order_id\" of model \"%s\" cannot be combined with an integer \"order_count\"",
						model->name),
				 errdetail("Orders are counted either by their ids or by that number."),
				 errhint("Set one of them to null, or \"order_count\" to a boolean expression that says which rows are orders.")));
	source->orders = psprintf("COALESCE(CAST(%s AS pg_catalog.int8), 0::pg_catalog.int8)", count.sql);
}

void
rfm_source_resolve(const RfmModel *model, RfmSource *source)
{
	Relation	rel = try_relation_open(model->source, AccessShareLock);

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
	source->is_view = rel->rd_rel->relkind == RELKIND_VIEW;

	source->alias = pstrdup(quote_identifier(RelationGetRelationName(rel)));
	source->relation = rfm_relation_name(RelationGetRelid(rel));

	resolve_customer(model, rel, source);
	resolve_group(model, rel, source);
	resolve_order_time(model, rel, source);
	resolve_order_id(model, rel, source);
	resolve_order_count(model, rel, source);
	resolve_amount(model, rel, source);
	if (model->filter)
		rfm_expression_parse(model->filter, rel, "filter", model->name, true,
							 &source->filter);
	source->uses_run_date |= source->filter.uses_run_date;

	/* the lock stays: the query must meet the relation that was checked */
	relation_close(rel, NoLock);
}

/* Return a value of the type of a key, given as text. */
static Datum
key_value(const RfmKeyType *type, const char *value)
{
	Oid			input;
	Oid			ioparam;

	getTypeInputInfo(type->typid, &input, &ioparam);
	return OidInputFunctionCall(input, unconstify(char *, value), ioparam, -1);
}

Datum
rfm_source_customer(const RfmSource *source, const char *customer)
{
	return key_value(&source->key, customer);
}

char *
rfm_source_only_group(RfmSource *source, const char *group)
{
	if (group == NULL)
		return NULL;
	if (source->group == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" scores all customers together", source->model),
				 errhint("Omit score_group, or set the model's \"score_within\".")));
	source->group_value = key_value(&source->group_key, group);
	source->group_equals = rfm_equality(source->group_key.typid);
	return rfm_key_out(&source->group_key, rfm_key_from_datum(&source->group_key, source->group_value));
}

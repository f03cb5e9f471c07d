/*-------------------------------------------------------------------------
 *
 * pushdown_sql.c
 *		The statements of a pushed-down refresh.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "pushdown_sql.h"
#include "rank_request.h"
#include "target_diff.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

/* A constant of a type. */
static char *
literal(Oid type, Datum value)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(type, &output, &is_varlena);
	return psprintf("%s::%s", quote_literal_cstr(OidOutputFunctionCall(output, value)),
					format_type_be_qualified(type));
}

static char *
text_literal(const char *text)
{
	return psprintf("%s::pg_catalog.text", quote_literal_cstr(text));
}

/*
 * The numbers of each customer.
 */

/* Days from the local date of an order time until the run date. */
static char *
days(const RfmPushdownSql *sql, const char *order_time)
{
	return psprintf("%s.rfm_shard_days(%s, %s, %s)", sql->schema, order_time,
					literal(DATEOID, DateADTGetDatum(sql->run_date)),
					text_literal(sql->model->time_zone));
}

/* "AND the order's local date is at or after day", or before it. */
static void
append_date_bound(StringInfo text, const RfmPushdownSql *sql, bool before, DateADT day)
{
	const RfmSource *source = sql->source;
	Datum		start;

	if (rfm_calendar_start(&source->calendar, day, &start))
		appendStringInfo(text, " AND %s %s %s", source->ordered_at, before ? "<" : ">=",
						 literal(source->calendar.time_type, start));
	else
		appendStringInfo(text, " AND %s %s %d", days(sql, source->ordered_at),
						 before ? ">" : "<=", sql->run_date - day);
}

static void
append_from(StringInfo text, const RfmPushdownSql *sql)
{
	const RfmSource *source = sql->source;

	appendStringInfo(text, " FROM %s AS %s WHERE %s IS NOT NULL AND %s IS NOT NULL",
					 source->relation, source->alias, source->customer, source->ordered_at);
	if (source->filter.sql)
		appendStringInfo(text, " AND (%s)", source->filter.sql);
	append_date_bound(text, sql, true, sql->run_date + 1);
	if (sql->model->lookback)
		append_date_bound(text, sql, false,
						  rfm_calendar_first_day(sql->run_date, sql->model->lookback));
}

/* The customer, as all refreshes write it where equal ones do not look the same. */
static char *
customer(const RfmPushdownSql *sql)
{
	const RfmSource *source = sql->source;
	char	   *column = source->customer;

	if (source->customer_type != source->key.typid)
		column = psprintf("CAST(%s AS %s)", column, format_type_be_qualified(source->key.typid));
	if (source->key.kind == RFM_KEY_GENERIC && rfm_key_by_reference(&source->key) &&
		!sql->distributed)
		column = psprintf("%s.rfm_shard_image(%s)", sql->schema, column);
	return column;
}

/* The expressions of the three values; money in the one of two types that it has. */
typedef struct ValueSql
{
	char	   *recency;
	char	   *frequency;
	char	   *money;
	char	   *real;
	char	   *included;
} ValueSql;

static void
make_values(const RfmPushdownSql *sql, ValueSql *value)
{
	const RfmSource *source = sql->source;
	Numeric		above = sql->model->monetary_above;

	value->recency = days(sql, psprintf("pg_catalog.max(%s)", source->ordered_at));
	value->frequency = source->order_id ?
		psprintf("pg_catalog.count(DISTINCT %s)", source->order_id) :
		pstrdup("pg_catalog.count(*)");
	if (source->amount_kind == RFM_AMOUNT_FLOAT)
	{
		value->money = "NULL::pg_catalog.numeric";
		value->real = psprintf("%s.rfm_shard_sum(CAST(%s AS pg_catalog.float8))",
							   sql->schema, source->amount.sql);
	}
	else
	{
		value->money = psprintf("CAST(coalesce(pg_catalog.sum(%s), 0) AS pg_catalog.numeric)",
								source->amount.sql);
		value->real = "NULL::pg_catalog.float8";
	}
	if (above == NULL)
		value->included = NULL;
	else if (source->amount_kind == RFM_AMOUNT_FLOAT)
		value->included = psprintf("%s > %s", value->real,
								   literal(FLOAT8OID, DirectFunctionCall1(numeric_float8_no_overflow,
																		  NumericGetDatum(above))));
	else
		value->included = psprintf("%s > %s", value->money,
								   literal(NUMERICOID, NumericGetDatum(above)));
}

/* "SELECT ... GROUP BY customer", without HAVING. */
static void
append_customers(StringInfo text, const RfmPushdownSql *sql, const ValueSql *value,
				 const char *more)
{
	appendStringInfo(text, "SELECT %s AS customer, %s AS recency, %s AS frequency, %s AS money, %s AS money_real%s",
					 customer(sql), value->recency, value->frequency,
					 value->money, value->real, more);
	append_from(text, sql);
	appendStringInfo(text, " GROUP BY %s", sql->source->customer);
}

/*
 * Reading.
 */

char *
rfm_pushdown_summary(const RfmPushdownSql *sql, const char *request)
{
	StringInfoData text;
	ValueSql	value;

	make_values(sql, &value);
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s.rfm_shard_summary(%s, c.recency, c.frequency, c.money, c.money_real,"
					 " %s.rfm_shard_customer(c.customer), c.orders, c.included) FROM (",
					 sql->schema, text_literal(request), sql->schema);
	append_customers(&text, sql, &value,
					 psprintf(", pg_catalog.count(*) AS orders, %s AS included",
							  value.included ? value.included : "true"));
	appendStringInfoString(&text, ") AS c");
	return text.data;
}

/* A name for the target that the source does not have. */
static const char *
target_alias(const RfmPushdownSql *sql)
{
	return strcmp(sql->source->alias, "t") == 0 ? "t1" : "t";
}

/* " FROM target AS t WHERE it is of the run date" */
static void
append_target(StringInfo text, const RfmPushdownSql *sql)
{
	const RfmTarget *target = sql->maker->target;
	const char *alias = target_alias(sql);

	/* a shard has no children */
	appendStringInfo(text, " FROM %s%s AS %s WHERE %s.%s IS NOT NULL",
					 sql->distributed ? "" : rfm_target_only(target),
					 target->relation, alias, alias, target->column[RFM_COL_CUSTOMER]);
	if (target->column[RFM_COL_RUN_DATE])
		appendStringInfo(text, " AND %s.%s %s %s", alias, target->column[RFM_COL_RUN_DATE],
						 rfm_equality(target->type[RFM_COL_RUN_DATE]),
						 literal(target->type[RFM_COL_RUN_DATE],
								 sql->maker->column[RFM_COL_RUN_DATE].constant));
}

char *
rfm_pushdown_count(const RfmPushdownSql *sql)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT pg_catalog.count(*)");
	append_target(&text, sql);
	return text.data;
}

/*
 * Writing.
 */

/* The scores, from the cell; each is taken from its four bits. */
#define R_SCORE "(c.cell >> 8)"
#define F_SCORE "((c.cell >> 4) & 15)"
#define M_SCORE "(c.cell & 15)"

/* A text for each cell that can occur, by lookup in a constant array. */
static char *
text_by_cell(const RfmPushdownSql *sql, char **labels)
{
	const int  *k = sql->model->buckets;
	Datum	   *elements = palloc(k[0] * k[1] * k[2] * sizeof(Datum));
	int			n = 0;

	for (int r = 1; r <= k[RFM_RECENCY]; r++)
		for (int f = 1; f <= k[RFM_FREQUENCY]; f++)
			for (int m = 1; m <= k[RFM_MONETARY]; m++)
				elements[n++] = CStringGetTextDatum(labels ? labels[RFM_CELL(r, f, m)] :
													rfm_cell_text(sql->model, RFM_CELL(r, f, m)));
	return psprintf("(%s)[(" R_SCORE " - 1) * %d + (" F_SCORE " - 1) * %d + " M_SCORE "]",
					literal(TEXTARRAYOID,
							PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
															TYPALIGN_INT))),
					k[RFM_FREQUENCY] * k[RFM_MONETARY], k[RFM_MONETARY]);
}

/* The value of a column, from the customer's numbers c. */
static char *
column_value(const RfmPushdownSql *sql, RfmColumn column, int scale)
{
	const RfmRowMaker *maker = sql->maker;
	const int  *weight = sql->model->weights;

	if (maker->column[column].kind == RFM_VALUE_CONSTANT)
		return literal(maker->target->type[column], maker->column[column].constant);
	switch (column)
	{
		case RFM_COL_CUSTOMER:
			return "c.customer";
		case RFM_COL_RECENCY:
			return "c.recency";
		case RFM_COL_FREQUENCY:
			return "c.frequency";
		case RFM_COL_MONETARY:
			if (sql->source->amount_kind == RFM_AMOUNT_FLOAT)
				return "c.money_real";
			/* all sums of a snapshot show as many decimals */
			return scale < 0 ? "c.money" : psprintf("pg_catalog.round(c.money, %d)", scale);
		case RFM_COL_R_SCORE:
			return R_SCORE;
		case RFM_COL_F_SCORE:
			return F_SCORE;
		case RFM_COL_M_SCORE:
			return M_SCORE;
		case RFM_COL_SCORE:
			return R_SCORE " + " F_SCORE " + " M_SCORE;
		case RFM_COL_SEGMENT:
			return text_by_cell(sql, maker->segment);
		case RFM_COL_COMMENTS:
			return text_by_cell(sql, maker->comment);
		case RFM_COL_CELL:
			return text_by_cell(sql, NULL);
		case RFM_COL_WEIGHTED:
			return psprintf("(%d)::pg_catalog.int8 * " R_SCORE " + (%d)::pg_catalog.int8 * " F_SCORE
							" + (%d)::pg_catalog.int8 * " M_SCORE,
							weight[RFM_RECENCY], weight[RFM_FREQUENCY], weight[RFM_MONETARY]);
		default:
			elog(ERROR, "column %s has no value", rfm_column_name(column));
			return NULL;		/* keep compilers quiet */
	}
}

/* "ON CONFLICT (key) DO UPDATE ... WHERE the row differs" */
static void
append_on_conflict(StringInfo text, const RfmPushdownSql *sql)
{
	const RfmTarget *target = sql->maker->target;
	StringInfoData set;
	StringInfoData differs;

	initStringInfo(&set);
	initStringInfo(&differs);
	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		RfmValueKind kind = sql->maker->column[i].kind;
		const char *name = target->column[i];
		const char *collate = OidIsValid(target->collation[i]) ? " COLLATE pg_catalog.\"C\"" : "";

		if (kind == RFM_VALUE_NONE || i == RFM_COL_CUSTOMER || i == RFM_COL_RUN_DATE ||
			i == RFM_COL_CREATED_AT)
			continue;
		appendStringInfo(&set, "%s%s = EXCLUDED.%s", set.len > 0 ? ", " : "", name, name);
		if (kind != RFM_VALUE_CONSTANT)
			appendStringInfo(&differs, "%st.%s%s IS DISTINCT FROM EXCLUDED.%s%s",
							 differs.len > 0 ? " OR " : "", name, collate, name, collate);
	}

	appendStringInfo(text, " ON CONFLICT (%s", target->column[RFM_COL_CUSTOMER]);
	if (target->column[RFM_COL_RUN_DATE])
		appendStringInfo(text, ", %s", target->column[RFM_COL_RUN_DATE]);
	if (differs.len == 0)
		appendStringInfoString(text, ") DO NOTHING");
	else
		appendStringInfo(text, ") DO UPDATE SET %s WHERE %s", set.data, differs.data);
}

char *
rfm_pushdown_upsert(const RfmPushdownSql *sql, const char *cuts, int scale)
{
	const RfmTarget *target = sql->maker->target;
	StringInfoData text;
	StringInfoData values;
	ValueSql	value;

	initStringInfo(&text);
	initStringInfo(&values);
	appendStringInfo(&text, "INSERT INTO %s AS t (", target->relation);
	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		const char *separator = values.len > 0 ? ", " : "";

		if (sql->maker->column[i].kind == RFM_VALUE_NONE)
			continue;
		appendStringInfo(&text, "%s%s", separator, target->column[i]);
		appendStringInfo(&values, "%s%s", separator, column_value(sql, (RfmColumn) i, scale));
	}

	/* scored where customers are grouped, so that each is scored once */
	make_values(sql, &value);
	appendStringInfo(&text, ") SELECT %s FROM (", values.data);
	append_customers(&text, sql, &value,
					 psprintf(", %s.rfm_shard_cell(%s, %s, %s, %s, %s, %s) AS cell",
							  sql->schema, text_literal(cuts), value.recency, value.frequency,
							  value.money, value.real, customer(sql)));
	if (value.included)
		appendStringInfo(&text, " HAVING %s", value.included);
	appendStringInfoString(&text, ") AS c");
	append_on_conflict(&text, sql);
	return text.data;
}

char *
rfm_pushdown_delete(const RfmPushdownSql *sql)
{
	const RfmTarget *target = sql->maker->target;
	const RfmSource *source = sql->source;
	char	   *key = source->customer;
	StringInfoData text;
	ValueSql	value;

	/* the key as it is stored */
	if (source->key.typid != getBaseType(target->type[RFM_COL_CUSTOMER]))
		key = psprintf("CAST(%s AS %s)", key,
					   format_type_with_typemod(target->type[RFM_COL_CUSTOMER],
												target->typmod[RFM_COL_CUSTOMER]));
	if (OidIsValid(source->key.collation))
		key = psprintf("%s COLLATE %s", key, rfm_collation_name(source->key.collation));

	initStringInfo(&text);
	appendStringInfoString(&text, "DELETE");
	append_target(&text, sql);
	make_values(sql, &value);
	if (value.included == NULL)
	{
		appendStringInfoString(&text, " AND NOT EXISTS (SELECT");
		append_from(&text, sql);
		appendStringInfo(&text, " AND %s %s %s.%s)", key,
						 rfm_equality(target->type[RFM_COL_CUSTOMER]),
						 target_alias(sql), target->column[RFM_COL_CUSTOMER]);
		return text.data;
	}
	appendStringInfo(&text, " AND NOT EXISTS (SELECT FROM (SELECT %s AS customer", source->customer);
	append_from(&text, sql);
	appendStringInfo(&text, " GROUP BY %s HAVING %s) AS %s(%s) WHERE %s %s %s.%s)",
					 source->customer, value.included, source->alias,
					 quote_identifier(sql->model->customer), key,
					 rfm_equality(target->type[RFM_COL_CUSTOMER]),
					 target_alias(sql), target->column[RFM_COL_CUSTOMER]);
	return text.data;
}

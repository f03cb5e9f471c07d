/*-------------------------------------------------------------------------
 *
 * query_text.c
 *		The queries over a source, as SQL with parameters.
 *
 * FROM and WHERE are the same in all of them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "read/query_text.h"

/* Begin with the run date where an expression has a parameter for it. */
static void
start_params(const RfmSource *source, DateADT run_date, RfmQueryParams *params)
{
	memset(params, 0, sizeof(*params));
	if (!source->uses_run_date)
		return;
	params->param[RFM_RUN_DATE_PARAM - 1] = rfm_date(run_date);
	params->n = RFM_RUN_DATE_PARAM;
}

/*
 * Appends "AND order time is on a local date >= day" (or < day).
 */
static void
append_date_bound(StringInfo sql, const RfmSource *source, RfmQueryParams *params,
				  const char *operator, DateADT day)
{
	Datum		start;
	const char *column = source->ordered_at;

	if (rfm_calendar_start(&source->calendar, day, &start))
		params->param[params->n++] = rfm_param(source->calendar.time_type, start);
	else
	{
		/* the session's time zone is the model's while the query runs */
		column = psprintf("CAST(%s AS pg_catalog.date)", column);
		params->param[params->n++] = rfm_date(day);
	}
	appendStringInfo(sql, " AND %s OPERATOR(pg_catalog.%s) $%d",
					 column, operator, params->n);
}

/* Append "AND expression = value". */
static void
append_equal(StringInfo sql, RfmQueryParams *params, const char *expression,
			 const char *equals, Oid type, Datum value)
{
	params->param[params->n++] = rfm_param(type, value);
	appendStringInfo(sql, " AND %s %s $%d", expression, equals, params->n);
}

static void
append_from(StringInfo sql, const RfmSource *source, RfmQueryParams *params)
{
	/*
	 * a composite value with a null field is a customer, but not "IS NOT NULL"
	 */
	appendStringInfo(sql, " FROM %s AS %s WHERE NOT (%s IS NULL) AND %s IS NOT NULL",
					 source->relation, source->alias,
					 source->customer, source->ordered_at);
	if (source->group)
		appendStringInfo(sql, " AND %s IS NOT NULL", source->group);
	if (source->filter.sql)
		appendStringInfo(sql, " AND (%s)", source->filter.sql);
	if (source->group_equals)
		append_equal(sql, params, source->group, source->group_equals,
					 source->group_key.typid, source->group_value);
	if (source->customer_equals)
		append_equal(sql, params, source->customer, source->customer_equals,
					 source->key.typid, source->customer_value);
}

/*
 * The expressions by which rows are grouped by a key.  If equal keys can have
 * different texts, the collector keeps the least of them, so each text is a
 * separate group.  NULL if the type has no text that distinguishes them, or if
 * that would count an order id twice.
 */
static const char *
group_by_key(const RfmSource *source, const RfmKeyType *key, const char *sql)
{
	if (key->kind != RFM_KEY_GENERIC ||
		(key->typbyval && key->typid != FLOAT4OID && key->typid != FLOAT8OID))
		return sql;
	if (source->order_id == NULL &&
		(key->typid == NUMERICOID || IsBinaryCoercible(key->typid, TEXTOID)))
		return psprintf("%s, CAST(%s AS pg_catalog.text) COLLATE pg_catalog.\"C\"", sql, sql);
	return NULL;
}

/*
 * The expressions by which customers are grouped; NULL if they cannot be
 * grouped.
 */
static const char *
group_by(const RfmSource *source)
{
	const char *customer = group_by_key(source, &source->key, source->customer);
	const char *group;

	if (source->group == NULL || customer == NULL)
		return customer;
	group = group_by_key(source, &source->group_key, source->group);
	return group ? psprintf("%s, %s", group, customer) : NULL;
}

static void
append_grouped_select(StringInfo sql, const RfmSource *source)
{
	const char *amount = source->amount.sql;
	char	   *orders_only = source->orders ?
		psprintf(" FILTER (WHERE %s OPERATOR(pg_catalog.>) 0)", source->orders) : "";

	appendStringInfo(sql, "SELECT %s, pg_catalog.max(%s)%s, pg_catalog.count(*), ",
					 source->customer, source->ordered_at, orders_only);
	if (source->real_amounts)
		appendStringInfo(sql, "rfm_internal.exact_sum(CAST(%s AS pg_catalog.float8))", amount);
	else
		appendStringInfo(sql, "pg_catalog.sum(%s)", amount);
	if (source->order_id)
		appendStringInfo(sql, ", pg_catalog.count(DISTINCT %s)%s", source->order_id, orders_only);
	else if (source->orders)
		/* a negative number is an error, whatever it is added to */
		appendStringInfo(sql, ", CASE WHEN pg_catalog.min(%s) OPERATOR(pg_catalog.<) 0 THEN -1"
						 " ELSE CAST(pg_catalog.sum(%s) AS pg_catalog.int8) END",
						 source->orders, source->orders);
	if (source->group)
		appendStringInfo(sql, ", %s", source->group);
}

/*
 * Append "SELECT ..." of the columns that rows.h names for ungrouped orders; the
 * aggregate has the group first.  visits is the number of orders of each row for a collector
 * of visits, NULL for any other.
 */
static void
append_select(StringInfo sql, const RfmSource *source, RfmReading reading, const char *visits)
{
	bool		ticket = reading == RFM_READ_TICKET;
	const char *orders = visits ? visits : source->orders;

	appendStringInfoString(sql, "SELECT ");
	if (ticket)
		appendStringInfo(sql, "rfm_internal.collect%s%s(", visits ? "_visits" : orders ? "_counted" : "",
						 source->group ? "_within" : "");
	if (ticket && source->group)
		appendStringInfo(sql, "%s, ", source->group);
	appendStringInfo(sql, "%s, %s, %s", source->customer, source->ordered_at, source->amount.sql);
	if (orders)
		appendStringInfo(sql, ", %s", orders);
	if (source->order_id && !visits)
		appendStringInfo(sql, ", %s", source->order_id);
	if (ticket)
		appendStringInfoChar(sql, ')');
	else if (source->group)
		appendStringInfo(sql, ", %s", source->group);
}

char *
rfm_query_text(const RfmModel *model, const RfmSource *source, RfmReading reading,
			DateADT first, DateADT last, RfmQueryParams *params)
{
	StringInfoData sql;

	initStringInfo(&sql);
	start_params(source, last, params);
	if (reading == RFM_READ_GROUPED)
		append_grouped_select(&sql, source);
	else
		append_select(&sql, source, reading, NULL);
	append_from(&sql, source, params);
	append_date_bound(&sql, source, params, "<", last + 1);
	if (model->lookback)
		append_date_bound(&sql, source, params, ">=",
						  rfm_calendar_first_day(first, model->lookback));
	if (reading == RFM_READ_GROUPED)
		appendStringInfo(&sql, " GROUP BY %s", group_by(source));
	return sql.data;
}

bool
rfm_query_may_group(const RfmSource *source)
{
	return group_by(source) != NULL;
}

char *
rfm_query_text_latest(const RfmSource *source, DateADT today, RfmQueryParams *params)
{
	StringInfoData sql;

	initStringInfo(&sql);
	start_params(source, today, params);
	appendStringInfo(&sql, "SELECT pg_catalog.max(%s)", source->ordered_at);
	append_from(&sql, source, params);
	if (source->orders)
		appendStringInfo(&sql, " AND %s OPERATOR(pg_catalog.>) 0", source->orders);
	append_date_bound(&sql, source, params, "<", today + 1);
	appendStringInfo(&sql, " AND pg_catalog.isfinite(%s)", source->ordered_at);
	return sql.data;
}

char *
rfm_query_text_visits(const RfmSource *source, bool ticket, DateADT first, DateADT run_date,
					  RfmQueryParams *params)
{
	const char *orders = source->orders ? source->orders : "CAST(1 AS pg_catalog.int8)";
	StringInfoData sql;

	initStringInfo(&sql);
	start_params(source, run_date, params);
	/* of a composite order id no part need be there: as count(DISTINCT) takes it */
	if (source->order_id)
		orders = psprintf("CASE WHEN (%s) IS DISTINCT FROM NULL THEN %s END", source->order_id, orders);
	append_select(&sql, source, ticket ? RFM_READ_TICKET : RFM_READ_ORDERS, orders);
	append_from(&sql, source, params);
	append_date_bound(&sql, source, params, "<", run_date + 1);
	if (!DATE_NOT_FINITE(first))
		append_date_bound(&sql, source, params, ">=", first);
	return sql.data;
}

char *
rfm_query_text_check(const RfmSource *source, RfmQueryParams *params)
{
	StringInfoData sql;

	initStringInfo(&sql);
	start_params(source, rfm_calendar_today(&source->calendar), params);
	append_select(&sql, source, RFM_READ_TICKET, NULL);
	append_from(&sql, source, params);
	appendStringInfoString(&sql, " AND false");
	return sql.data;
}

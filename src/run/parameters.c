/*-------------------------------------------------------------------------
 *
 * parameters.c
 *		The stored parameters of forecasts: rfm_forecast_parameters.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "run/parameters.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* By their places in the arrays of likelihood.h. */
static const char *const buying_name[RFM_BUYING_PARAMS] = {"r", "alpha", "a", "b"};
static const char *const spending_name[RFM_SPENDING_PARAMS] = {"p", "q", "v"};

const char *
rfm_spending_state_text(RfmSpendingState state)
{
	switch (state)
	{
		case RFM_SPENDING_FITTED:
			return "fitted";
		case RFM_SPENDING_TOO_FEW:
			return "too few";
		case RFM_SPENDING_CORRELATED:
			return "correlated";
		case RFM_SPENDING_NOT_FOUND:
			return "not determined";
		case RFM_SPENDING_INFINITE:
			return "no mean";
	}
	return NULL;
}

/* 17 digits are all that a double has: the same bits come back. */
static void
append_values(StringInfo json, const char *const *name, const double *value, int n)
{
	for (int i = 0; i < n; i++)
		appendStringInfo(json, "%s\"%s\": %.17g", json->len > 1 ? ", " : "", name[i], value[i]);
}

static Datum
values_json(const double *buying, const double *spending)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_values(&json, buying_name, buying, RFM_BUYING_PARAMS);
	if (spending)
		append_values(&json, spending_name, spending, RFM_SPENDING_PARAMS);
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Return the condition for a fit of a group, the fourth parameter, or of all orders. */
static const char *
of_group(const char *score_group)
{
	return score_group ? " AND score_group OPERATOR(pg_catalog.=) $4" : " AND score_group IS NULL";
}

static Datum
group_datum(const char *score_group)
{
	return score_group ? CStringGetTextDatum(score_group) : (Datum) 0;
}

static void
delete_same(const RfmModel *model, const char *score_group, DateADT run_date, RfmFamily family)
{
	Oid			types[] = {INT8OID, DATEOID, TEXTOID, TEXTOID};
	Datum		values[] = {Int64GetDatum(model->id), DateADTGetDatum(run_date),
	CStringGetTextDatum(rfm_family_name(family)), group_datum(score_group)};

	rfm_execute(psprintf("DELETE FROM %s WHERE model_id OPERATOR(pg_catalog.=) $1"
						 " AND run_date OPERATOR(pg_catalog.=) $2 AND family OPERATOR(pg_catalog.=) $3%s",
						 rfm_public_name("rfm_forecast_parameters"), of_group(score_group)),
				score_group ? 4 : 3, types, values, NULL, SPI_OK_DELETE);
}

/* One value of the row, and whether it is known. */
typedef struct Column
{
	const char *name;
	Oid			type;
	Datum		value;
	bool		isnull;
} Column;

static void
insert_row(const Column *column, int n)
{
	char	   *nulls = palloc(n);
	Oid		   *types = palloc(n * sizeof(Oid));
	Datum	   *values = palloc(n * sizeof(Datum));
	StringInfoData names;
	StringInfoData places;

	initStringInfo(&names);
	initStringInfo(&places);
	for (int i = 0; i < n; i++)
	{
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", column[i].name);
		appendStringInfo(&places, "%s$%d", i > 0 ? ", " : "", i + 1);
		types[i] = column[i].type;
		values[i] = column[i].value;
		nulls[i] = column[i].isnull ? 'n' : ' ';
	}
	rfm_execute(psprintf("INSERT INTO %s (%s) VALUES (%s)",
						 rfm_public_name("rfm_forecast_parameters"), names.data, places.data),
				n, types, values, nulls, SPI_OK_INSERT);
}

static int64
newest_number(const RfmModel *model)
{
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum(model->id);
	bool		isnull;

	return DatumGetInt64(rfm_query_value(psprintf("SELECT pg_catalog.max(fit_id) FROM %s"
												  " WHERE model_id OPERATOR(pg_catalog.=) $1",
												  rfm_public_name("rfm_forecast_parameters")),
										 1, &type, &value, false, &isnull));
}

int64
rfm_parameters_store(const RfmModel *model, const char *score_group, DateADT run_date,
					 const RfmFit *fit, Oid run_by)
{
	bool		spending = fit->spending_state == RFM_SPENDING_FITTED;
	const Column column[] = {
		{"model_id", INT8OID, Int64GetDatum(model->id)},
		{"model", TEXTOID, CStringGetTextDatum(model->name)},
		{"score_group", TEXTOID, group_datum(score_group), score_group == NULL},
		{"run_date", DATEOID, DateADTGetDatum(run_date)},
		{"family", TEXTOID, CStringGetTextDatum(rfm_family_name(fit->family))},
		{"customers", INT8OID, Int64GetDatum(fit->customers)},
		{"repeat_customers", INT8OID, Int64GetDatum(fit->repeat_customers)},
		{"histories", INT8OID, Int64GetDatum(fit->histories)},
		{"params", JSONBOID, values_json(fit->buying, spending ? fit->spending : NULL)},
		{"standard_errors", JSONBOID, values_json(fit->buying_error, spending ? fit->spending_error : NULL)},
		{"log_likelihood", FLOAT8OID, Float8GetDatum(fit->buying_likelihood)},
		{"iterations", INT4OID, Int32GetDatum(fit->buying_iterations)},
		{"spending", TEXTOID, CStringGetTextDatum(rfm_spending_state_text(fit->spending_state))},
		{"spending_correlation", FLOAT8OID, Float8GetDatum(fit->correlation), isnan(fit->correlation)},
		{"spending_log_likelihood", FLOAT8OID, Float8GetDatum(fit->spending_likelihood), !spending},
		{"spending_iterations", INT4OID, Int32GetDatum(fit->spending_iterations), !spending},
		{"fitted_at", TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp())},
		{"fitted_by", TEXTOID, CStringGetTextDatum(GetUserNameFromId(run_by, false))},
		{"version", TEXTOID, CStringGetTextDatum(RFM_VERSION)}
	};
	RfmIdentity	catalog;
	int64		number;

	rfm_catalog_enter(&catalog);
	delete_same(model, score_group, run_date, fit->family);
	insert_row(column, lengthof(column));
	number = newest_number(model);
	rfm_catalog_leave(&catalog);
	return number;
}

void
rfm_parameters_take(const RfmFit *fit, DateADT run_date, RfmParameters *parameters)
{
	parameters->family = fit->family;
	parameters->run_date = run_date;
	memcpy(parameters->buying, fit->buying, sizeof(parameters->buying));
	parameters->has_spending = fit->spending_state == RFM_SPENDING_FITTED;
	memcpy(parameters->spending, fit->spending, sizeof(parameters->spending));
}

/* "SELECT date, parameters ..."; those that are missing are null. */
static char *
find_query(const char *score_group)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT run_date");
	for (int i = 0; i < RFM_BUYING_PARAMS; i++)
		appendStringInfo(&sql, ", CAST(params OPERATOR(pg_catalog.->>) '%s' AS pg_catalog.float8)", buying_name[i]);
	for (int i = 0; i < RFM_SPENDING_PARAMS; i++)
		appendStringInfo(&sql, ", CAST(params OPERATOR(pg_catalog.->>) '%s' AS pg_catalog.float8)", spending_name[i]);
	appendStringInfo(&sql, " FROM %s WHERE model_id OPERATOR(pg_catalog.=) $1"
					 " AND family OPERATOR(pg_catalog.=) $2 AND run_date OPERATOR(pg_catalog.<=) $3%s"
					 " ORDER BY run_date DESC LIMIT 1",
					 rfm_public_name("rfm_forecast_parameters"), of_group(score_group));
	return sql.data;
}

/* Read n parameters from column on; false: some are missing. */
static bool
read_values(int column, double *value, int n)
{
	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column + i, &isnull);

		if (isnull)
			return false;
		value[i] = DatumGetFloat8(datum);
	}
	return true;
}

bool
rfm_parameters_find(const RfmModel *model, const char *score_group, RfmFamily family,
					DateADT run_date, RfmParameters *parameters)
{
	Oid			types[] = {INT8OID, TEXTOID, DATEOID, TEXTOID};
	Datum		values[] = {Int64GetDatum(model->id), CStringGetTextDatum(rfm_family_name(family)),
	DateADTGetDatum(run_date), group_datum(score_group)};
	RfmIdentity	catalog;
	bool		found;
	bool		isnull;

	memset(parameters, 0, sizeof(*parameters));
	rfm_catalog_enter(&catalog);
	found = rfm_query(find_query(score_group), score_group ? 4 : 3, types, values, true) > 0;
	if (found)
	{
		parameters->family = family;
		parameters->run_date = DatumGetDateADT(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
															 1, &isnull));
		found = read_values(2, parameters->buying, RFM_BUYING_PARAMS);
		parameters->has_spending = read_values(2 + RFM_BUYING_PARAMS, parameters->spending,
											   RFM_SPENDING_PARAMS);
	}
	rfm_query_end();
	rfm_catalog_leave(&catalog);
	return found;
}

bool
rfm_parameters_find_newest(const RfmModel *model, DateADT run_date, RfmParameters *parameters)
{
	RfmParameters other;

	if (!rfm_parameters_find(model, NULL, RFM_MBG_NBD, run_date, parameters))
		return rfm_parameters_find(model, NULL, RFM_BG_NBD, run_date, parameters);
	if (rfm_parameters_find(model, NULL, RFM_BG_NBD, run_date, &other) &&
		other.run_date > parameters->run_date)
		*parameters = other;
	return true;
}

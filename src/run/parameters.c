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

/* Return a word that says why there are, or are not, parameters of spending. */
static const char *
spending_state_text(RfmSpendingState state)
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

static RfmParam
values_json(const double *buying, const double *spending)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_values(&json, buying_name, buying, RFM_BUYING_PARAMS);
	if (spending)
		append_values(&json, spending_name, spending, RFM_SPENDING_PARAMS);
	appendStringInfoChar(&json, '}');
	return rfm_param(JSONBOID, DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

int64
rfm_parameters_store(const RfmModel *model, const char *score_group, DateADT run_date,
					 const RfmFit *fit, Oid run_by)
{
	bool		spending = fit->spending_state == RFM_SPENDING_FITTED;
	const RfmNewColumn column[] = {
		{"model_id", rfm_int8(model->id)},
		{"model", rfm_text(model->name)},
		{"score_group", rfm_text(score_group)},
		{"run_date", rfm_date(run_date)},
		{"family", rfm_text(rfm_family_name(fit->family))},
		{"customers", rfm_int8(fit->customers)},
		{"repeat_customers", rfm_int8(fit->repeat_customers)},
		{"histories", rfm_int8(fit->histories)},
		{"params", values_json(fit->buying, spending ? fit->spending : NULL)},
		{"standard_errors", values_json(fit->buying_error, spending ? fit->spending_error : NULL)},
		{"log_likelihood", rfm_param(FLOAT8OID, Float8GetDatum(fit->buying_likelihood))},
		{"iterations", rfm_int4(fit->buying_iterations)},
		{"spending", rfm_text(spending_state_text(fit->spending_state))},
		{"spending_correlation", {FLOAT8OID, Float8GetDatum(fit->correlation), isnan(fit->correlation)}},
		{"spending_log_likelihood", {FLOAT8OID, Float8GetDatum(fit->spending_likelihood), !spending}},
		{"spending_iterations", {INT4OID, Int32GetDatum(fit->spending_iterations), !spending}},
		{"fitted_at", rfm_param(TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()))},
		{"fitted_by", rfm_text(GetUserNameFromId(run_by, false))},
		{"version", rfm_text(RFM_VERSION)}
	};
	RfmIdentity	catalog;
	bool		isnull;

	rfm_catalog_execute("DELETE FROM @rfm_forecast_parameters WHERE model_id = $1 AND run_date = $2 AND family = $3"
						" AND score_group IS NOT DISTINCT FROM $4", SPI_OK_DELETE,
						RFM_PARAMS(rfm_int8(model->id), rfm_date(run_date),
								   rfm_text(rfm_family_name(fit->family)), rfm_text(score_group)));
	rfm_catalog_enter(&catalog);
	rfm_insert("rfm_forecast_parameters", column, lengthof(column));
	rfm_owner_leave(&catalog);
	return DatumGetInt64(rfm_catalog_value("SELECT max(fit_id) FROM @rfm_forecast_parameters WHERE model_id = $1",
										   RFM_PARAMS(rfm_int8(model->id)), false, &isnull));
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

/* Read n parameters, in an array, from a column; false: some are missing. */
static bool
read_values(int column, double *value, int n)
{
	bool		isnull;
	ArrayType  *array = DatumGetArrayTypeP(rfm_column(0, column, &isnull));

	if (array_contains_nulls(array))
		return false;
	memcpy(value, rfm_array_data(array), n * sizeof(double));
	return true;
}

bool
rfm_parameters_find(const RfmModel *model, const char *score_group, RfmFamily family,
					DateADT run_date, RfmParameters *parameters)
{
	RfmIdentity	catalog;
	bool		found;
	bool		isnull;

	memset(parameters, 0, sizeof(*parameters));
	found = rfm_catalog_query(&catalog, "SELECT run_date,"
							  " ARRAY[params ->> 'r', params ->> 'alpha', params ->> 'a', params ->> 'b']::float8[],"
							  " ARRAY[params ->> 'p', params ->> 'q', params ->> 'v']::float8[]"
							  " FROM @rfm_forecast_parameters WHERE model_id = $1 AND family = $2 AND run_date <= $3"
							  " AND score_group IS NOT DISTINCT FROM $4 ORDER BY run_date DESC LIMIT 1",
							  RFM_PARAMS(rfm_int8(model->id), rfm_text(rfm_family_name(family)),
										 rfm_date(run_date), rfm_text(score_group)), true) > 0;
	if (found)
	{
		parameters->family = family;
		parameters->run_date = DatumGetDateADT(rfm_column(0, 1, &isnull));
		found = read_values(2, parameters->buying, RFM_BUYING_PARAMS);
		parameters->has_spending = read_values(3, parameters->spending, RFM_SPENDING_PARAMS);
	}
	rfm_catalog_query_end(&catalog);
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

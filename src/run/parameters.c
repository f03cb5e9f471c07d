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

/* What read_parameters() reads. */
#define PARAMETER_COLUMNS \
	"run_date, family, score_group," \
	" ARRAY[params ->> 'r', params ->> 'alpha', params ->> 'a', params ->> 'b']::float8[]," \
	" ARRAY[params ->> 'p', params ->> 'q', params ->> 'v']::float8[]"

/* Read n parameters, in an array, from a column; false: some are missing. */
static bool
read_values(uint64 row, int column, double *value, int n)
{
	bool		isnull;
	ArrayType  *array = DatumGetArrayTypeP(rfm_column(row, column, &isnull));

	if (array_contains_nulls(array))
		return false;
	memcpy(value, rfm_array_data(array), n * sizeof(double));
	return true;
}

/* Read a row; false: it does not have the parameters of buying. */
static bool
read_parameters(uint64 row, RfmParameters *parameters)
{
	bool		isnull;
	char	   *family = TextDatumGetCString(rfm_column(row, 2, &isnull));

	memset(parameters, 0, sizeof(*parameters));
	parameters->run_date = DatumGetDateADT(rfm_column(row, 1, &isnull));
	parameters->family = strcmp(family, rfm_family_name(RFM_BG_NBD)) == 0 ? RFM_BG_NBD : RFM_MBG_NBD;
	parameters->has_spending = read_values(row, 5, parameters->spending, RFM_SPENDING_PARAMS);
	return read_values(row, 4, parameters->buying, RFM_BUYING_PARAMS);
}

bool
rfm_parameters_find(const RfmModel *model, const char *score_group, RfmFamily family,
					DateADT run_date, RfmParameters *parameters)
{
	RfmIdentity	catalog;
	bool		found;

	found = rfm_catalog_query(&catalog, "SELECT " PARAMETER_COLUMNS
							  " FROM @rfm_forecast_parameters WHERE model_id = $1 AND family = $2 AND run_date <= $3"
							  " AND score_group IS NOT DISTINCT FROM $4 ORDER BY run_date DESC LIMIT 1",
							  RFM_PARAMS(rfm_int8(model->id), rfm_text(rfm_family_name(family)),
										 rfm_date(run_date), rfm_text(score_group)), true) > 0 &&
		read_parameters(0, parameters);
	rfm_catalog_query_end(&catalog);
	return found;
}

int
rfm_parameters_newest(const RfmModel *model, DateADT run_date, RfmGroupParameters **newest)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;
	uint64		rows;
	int			n = 0;

	/* of two families of one date the default one, MBG/NBD, comes first */
	rows = rfm_catalog_query(&catalog, "SELECT DISTINCT ON (score_group COLLATE \"C\") " PARAMETER_COLUMNS
							 " FROM @rfm_forecast_parameters WHERE model_id = $1 AND run_date <= $2"
							 " ORDER BY score_group COLLATE \"C\" NULLS FIRST, run_date DESC, family COLLATE \"C\" DESC",
							 RFM_PARAMS(rfm_int8(model->id), rfm_date(run_date)), true);
	*newest = MemoryContextAllocHuge(mcxt, Max(rows, 1) * sizeof(RfmGroupParameters));
	for (uint64 row = 0; row < rows; row++)
	{
		RfmGroupParameters *next = &(*newest)[n];
		bool		isnull;
		Datum		group = rfm_column(row, 3, &isnull);

		if (!read_parameters(row, &next->parameters))
			continue;
		next->score_group = isnull ? NULL : MemoryContextStrdup(mcxt, TextDatumGetCString(group));
		n++;
	}
	rfm_catalog_query_end(&catalog);
	return n;
}

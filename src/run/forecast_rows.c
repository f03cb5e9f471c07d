/*-------------------------------------------------------------------------
 *
 * forecast_rows.c
 *		The SQL functions for visits, fits and forecasts.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/version.h"
#include "forecast/predict.h"
#include "miscadmin.h"
#include "read/query.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/forecast.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(rfm_repeat_summary);
PG_FUNCTION_INFO_V1(rfm_visits);
PG_FUNCTION_INFO_V1(rfm_fit_forecast);
PG_FUNCTION_INFO_V1(rfm_forecast);
PG_FUNCTION_INFO_V1(rfm_forecast_anew);

#define MOST_COLUMNS 9

/*
 * Arguments.
 */

static RfmFamily
family_argument(FunctionCallInfo fcinfo, int arg)
{
	char	   *name = rfm_text_argument(fcinfo, arg, "family");

	for (int family = RFM_BG_NBD; family <= RFM_MBG_NBD; family++)
		if (strcmp(name, rfm_family_name((RfmFamily) family)) == 0)
			return (RfmFamily) family;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized family of forecasts \"%s\"", name),
			 errhint("Use 'mbg/nbd', the default, or 'bg/nbd'.")));
}

/* Return the number of days from a date until an interval later. */
static double
horizon_argument(FunctionCallInfo fcinfo, int arg, DateADT from)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("horizon must not be null")));
	return rfm_forecast_days(from, PG_GETARG_INTERVAL_P(arg));
}

/* Return an annual rate as the exponent for one day. */
static double
discount_argument(FunctionCallInfo fcinfo, int arg)
{
	double		rate;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("discount must not be null")));
	rate = PG_GETARG_FLOAT8(arg);
	if (!(rate >= 0) || isinf(rate))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("discount must be a number of at least 0"),
				 errhint("It is an annual rate: 0.1 is 10 %% a year.")));
	return log1p(rate) / 365.25;
}

/*
 * Rows.
 */

/* The receiver of the rows of a function. */
typedef struct RowSink
{
	ReturnSetInfo *rsinfo;
	RfmForecastInput input;
	MemoryContext rowcxt;
	RfmPredictor *predictor;
	RfmParameters parameters;
} RowSink;

/* Begin the rows of a function with the model's source. */
static void
begin_rows(FunctionCallInfo fcinfo, int model_arg, int group_arg, const DateADT *run_date,
		   const char *customer, RowSink *sink)
{
	InitMaterializedSRF(fcinfo, 0);
	memset(sink, 0, sizeof(*sink));
	sink->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	rfm_forecast_input(rfm_model_load(rfm_text_argument(fcinfo, model_arg, "model"), false),
					   run_date, rfm_optional_text(fcinfo, group_arg), customer, &sink->input);
	sink->rowcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm forecast row",
										 ALLOCSET_DEFAULT_SIZES);
}

static void
put_row(RowSink *sink, Datum *values, bool *nulls)
{
	tuplestore_putvalues(sink->rsinfo->setResult, sink->rsinfo->setDesc, values, nulls);
	MemoryContextReset(sink->rowcxt);
	CHECK_FOR_INTERRUPTS();
}

static Datum
sum_datum(const RfmSum *sum)
{
	if (sum->form == RFM_FORM_REAL || sum->form == RFM_FORM_PARTIALS)
		return DirectFunctionCall3(numeric_in,
								   CStringGetDatum(psprintf("%.17g", rfm_sum_real(sum))),
								   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	return NumericGetDatum(rfm_sum_numeric(sum));
}

/* The customer, which is the first column, and their group, which is the last. */
static void
put_customer(const RowSink *sink, const RfmVisitor *visitor, Datum *values, bool *nulls)
{
	const RfmKeyType *key = &sink->input.source.row_key;
	char	   *group = rfm_key_group_out(key, visitor->key);
	int			last = sink->rsinfo->setDesc->natts - 1;

	values[0] = CStringGetTextDatum(rfm_key_out(key, visitor->key));
	nulls[last] = group == NULL;
	values[last] = group ? CStringGetTextDatum(group) : (Datum) 0;
}

/* The columns of a customer's history that follow. */
static RfmHistory
put_history(const RowSink *sink, const RfmVisitor *visitor, Datum *values)
{
	RfmHistory	history = rfm_forecast_history(visitor, sink->input.run_date);

	values[1] = Int64GetDatum(history.repeats);
	values[2] = Int32GetDatum(history.recency);
	values[3] = Int32GetDatum(history.age);
	return history;
}

static void
summary_row(void *arg, const RfmVisitor *visitor)
{
	RowSink    *sink = (RowSink *) arg;
	MemoryContext oldcxt = MemoryContextSwitchTo(sink->rowcxt);
	Datum		values[MOST_COLUMNS];
	bool		nulls[MOST_COLUMNS] = {0};
	RfmHistory	history = put_history(sink, visitor, values);

	put_customer(sink, visitor, values, nulls);
	values[4] = sum_datum(&visitor->spent_later);
	if (history.repeats > 0)
		values[4] = DirectFunctionCall2(numeric_div, values[4],
										NumericGetDatum(int64_to_numeric(history.repeats)));
	else
		values[4] = NumericGetDatum(int64_to_numeric(0));
	MemoryContextSwitchTo(oldcxt);
	put_row(sink, values, nulls);
}

/*
 * rfm_repeat_summary(run_date date, model text, score_group text) RETURNS TABLE
 * (customer, frequency, recency, t, monetary_value, score_group)
 */
Datum
rfm_repeat_summary(PG_FUNCTION_ARGS)
{
	RowSink		sink;

	rfm_version_check();
	begin_rows(fcinfo, 1, 2, rfm_optional_date(fcinfo, 0), NULL, &sink);
	rfm_forecast_read(&sink.input, DATEVAL_NOBEGIN, summary_row, &sink);
	return (Datum) 0;
}

static void
visits_row(void *arg, const RfmVisitor *visitor)
{
	RowSink    *sink = (RowSink *) arg;
	MemoryContext oldcxt = MemoryContextSwitchTo(sink->rowcxt);
	Datum		values[MOST_COLUMNS];
	bool		nulls[MOST_COLUMNS] = {0};

	put_customer(sink, visitor, values, nulls);
	values[1] = Int64GetDatum(visitor->visits);
	values[2] = sum_datum(&visitor->spent);
	MemoryContextSwitchTo(oldcxt);
	put_row(sink, values, nulls);
}

/*
 * rfm_internal.visits(from_date date, to_date date, model text, score_group text)
 * RETURNS TABLE (customer, visits, revenue, score_group)
 */
Datum
rfm_visits(PG_FUNCTION_ARGS)
{
	RowSink		sink;
	DateADT    *from;
	DateADT    *to;

	rfm_version_check();
	from = rfm_optional_date(fcinfo, 0);
	to = rfm_optional_date(fcinfo, 1);
	if (from == NULL || to == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("from_date and to_date must not be null")));
	begin_rows(fcinfo, 2, 3, to, NULL, &sink);
	rfm_forecast_read(&sink.input, *from, visits_row, &sink);
	return (Datum) 0;
}

/*
 * Fits.
 */

static void
warn_of_spending(const RfmForecastInput *input, const RfmFit *fit)
{
	const char *name = input->model->name;

	if (fit->spending_state == RFM_SPENDING_FITTED)
		return;
	ereport(WARNING,
			(input->score_group ?
			 errmsg("there is no forecast of revenue for group \"%s\" of model \"%s\"", input->score_group, name) :
			 errmsg("there is no forecast of revenue for model \"%s\"", name),
			 fit->spending_state == RFM_SPENDING_TOO_FEW ?
			 errdetail("Fewer than %d customers have spent anything after their first day.",
					   RFM_LEAST_REPEAT_CUSTOMERS) :
			 fit->spending_state == RFM_SPENDING_CORRELATED ?
			 errdetail("How often customers order and what they spend each time are correlated: %.2f. The Gamma-Gamma model assumes that they are independent.",
					   fit->correlation) :
			 fit->spending_state == RFM_SPENDING_INFINITE ?
			 errdetail("The spending of customers varies so widely that the Gamma-Gamma model has no mean: q = %g.",
					   fit->spending[RFM_PARAM_Q]) :
			 errdetail("The spending of customers does not determine the parameters of the Gamma-Gamma model."),
			 errhint("The number of orders is forecast nevertheless. Separate models with a filter for each kind of customer may work better.")));
}

/*
 * rfm_internal.fit_forecast(run_date date, model text, family text, score_group
 * text) RETURNS bigint: the number of a row of rfm_forecast_parameters
 */
Datum
rfm_fit_forecast(PG_FUNCTION_ARGS)
{
	RfmModel   *model;
	RfmForecastInput input;
	RfmFamily	family;
	RfmFit		fit;
	int64		number;
	DateADT    *run_date;
	char	   *name;

	rfm_version_check();
	run_date = rfm_optional_date(fcinfo, 0);
	name = rfm_text_argument(fcinfo, 1, "model");
	family = family_argument(fcinfo, 2);
	rfm_source_forbid_nesting();
	PreventCommandDuringRecovery("rfm_forecast_fit()");
	PreventCommandIfReadOnly("rfm_forecast_fit()");

	model = rfm_model_begin(name);
	rfm_forecast_input(model, run_date, rfm_optional_text(fcinfo, 3), NULL, &input);
	rfm_forecast_fit(&input, family, &fit);
	warn_of_spending(&input, &fit);
	number = rfm_parameters_store(model, input.score_group, input.run_date, &fit, GetUserId());
	PopActiveSnapshot();
	PG_RETURN_INT64(number);
}

/*
 * Forecasts.
 */

static void
forecast_row(void *arg, const RfmVisitor *visitor)
{
	RowSink    *sink = (RowSink *) arg;
	MemoryContext oldcxt = MemoryContextSwitchTo(sink->rowcxt);
	Datum		values[MOST_COLUMNS];
	bool		nulls[MOST_COLUMNS] = {0};
	RfmHistory	history = put_history(sink, visitor, values);
	RfmForecast forecast = rfm_forecast_of(sink->predictor, &sink->parameters, visitor, &history);

	put_customer(sink, visitor, values, nulls);
	values[4] = Float8GetDatum(forecast.alive);
	values[5] = Float8GetDatum(forecast.orders);
	values[6] = Float8GetDatum(forecast.order_value);
	values[7] = Float8GetDatum(forecast.revenue);
	nulls[6] = nulls[7] = !sink->parameters.has_spending;
	MemoryContextSwitchTo(oldcxt);
	put_row(sink, values, nulls);
}

static void
fit_now(RowSink *sink, RfmFamily family)
{
	RfmForecastInput input = sink->input;
	RfmFit		fit;

	rfm_forecast_fit(&input, family, &fit);
	warn_of_spending(&input, &fit);
	rfm_parameters_take(&fit, input.run_date, &sink->parameters);
}

/*
 * Return stored parameters or, for a forecast of all customers, those of a new
 * fit.
 */
static void
find_parameters(RowSink *sink, RfmFamily family, bool one)
{
	const RfmForecastInput *input = &sink->input;

	if (rfm_parameters_find(input->model, input->score_group, family, input->run_date,
							&sink->parameters))
		return;
	if (one)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no parameters are stored to forecast one customer of model \"%s\" with",
						input->model->name),
				 input->score_group ? errdetail("None are stored for group \"%s\".", input->score_group) : 0,
				 errhint("Make them with rfm_forecast_fit().")));
	fit_now(sink, family);
}

static void
forecast_rows(RowSink *sink, double horizon, double discount)
{
	sink->predictor = rfm_predictor_create(sink->parameters.family, sink->parameters.buying,
										   horizon, discount);
	rfm_forecast_read(&sink->input, DATEVAL_NOBEGIN, forecast_row, sink);
}

/*
 * rfm_forecast(run_date date, model text, horizon interval, discount float8,
 * family text, one_customer text, score_group text) RETURNS TABLE (customer,
 * frequency, recency, t, p_alive, expected_orders, expected_order_value,
 * expected_revenue, score_group)
 */
Datum
rfm_forecast(PG_FUNCTION_ARGS)
{
	RowSink		sink;
	RfmFamily	family;
	char	   *customer;
	double		discount;
	double		horizon;

	rfm_version_check();
	discount = discount_argument(fcinfo, 3);
	family = family_argument(fcinfo, 4);
	customer = rfm_optional_text(fcinfo, 5);
	begin_rows(fcinfo, 1, 6, rfm_optional_date(fcinfo, 0), customer, &sink);
	horizon = horizon_argument(fcinfo, 2, sink.input.run_date);
	find_parameters(&sink, family, customer != NULL);
	forecast_rows(&sink, horizon, discount);
	return (Datum) 0;
}

/*
 * rfm_internal.forecast_anew(run_date date, model text, days int4, family text,
 * score_group text) RETURNS TABLE (...): the same without a discount, and with
 * parameters that are fitted now in any case
 */
Datum
rfm_forecast_anew(PG_FUNCTION_ARGS)
{
	RowSink		sink;
	RfmFamily	family;

	rfm_version_check();
	family = family_argument(fcinfo, 3);
	if (PG_ARGISNULL(2) || PG_GETARG_INT32(2) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("days must be at least 0")));
	begin_rows(fcinfo, 1, 4, rfm_optional_date(fcinfo, 0), NULL, &sink);
	fit_now(&sink, family);
	forecast_rows(&sink, PG_GETARG_INT32(2), 0);
	return (Datum) 0;
}

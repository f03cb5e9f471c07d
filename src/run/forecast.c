/*-------------------------------------------------------------------------
 *
 * forecast.c
 *		Forecasts for the customers of a model.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/identity.h"
#include "read/query.h"
#include "run/forecast.h"
#include "score/snapshot.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "value/key.h"
#include "value/numeric.h"

void
rfm_forecast_input(const RfmModel *model, const DateADT *run_date, const char *score_group,
				   const char *customer, RfmForecastInput *input)
{
	RfmSource  *source = &input->source;
	RfmIdentity	owner;

	memset(input, 0, sizeof(*input));
	input->model = model;
	rfm_source_forbid_nesting();
	if (run_date)
		rfm_snapshot_check_date(*run_date);
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, source);
	input->score_group = rfm_source_only_group(source, score_group);
	input->run_date = run_date ? *run_date : rfm_snapshot_default_date(model, source);
	if (customer)
	{
		source->customer_value = rfm_source_customer(source, customer);
		source->customer_equals = rfm_equality(source->key.typid);
	}
	rfm_owner_leave(&owner);
}

void
rfm_forecast_read(RfmForecastInput *input, DateADT first, RfmVisitorSink sink, void *arg)
{
	RfmIdentity	owner;

	rfm_owner_enter(&owner, input->model->owner, input->model->time_zone);
	rfm_visits_read(&input->source, first, input->run_date, false, sink, arg);
	rfm_owner_leave(&owner);
}

RfmHistory
rfm_forecast_history(const RfmVisitor *visitor, DateADT run_date)
{
	RfmHistory	history = {visitor->visits - 1, visitor->last - visitor->first,
	run_date - visitor->first, 1};

	return history;
}

/* What a visitor has spent on repeat days. */
static double
spent_later(const RfmVisitor *visitor)
{
	const RfmSum *sum = &visitor->spent_later;

	switch (sum->form)
	{
		case RFM_FORM_SCALED:
			/* exact as long as there are no more than 15 digits */
			return (double) sum->v.scaled / (double) rfm_power_of_ten[sum->scale];
		case RFM_FORM_NUMERIC:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													  NumericGetDatum(sum->v.numeric)));
		default:
			return rfm_sum_real(sum);
	}
}

double
rfm_forecast_days(DateADT from, const Interval *horizon)
{
	Timestamp	start = (Timestamp) from * USECS_PER_DAY;
	Timestamp	end = DatumGetTimestamp(DirectFunctionCall2(timestamp_pl_interval, TimestampGetDatum(start),
															IntervalPGetDatum(horizon)));

	if (TIMESTAMP_NOT_FINITE(end) || end < start)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon must not be negative or infinite")));
	return ((double) end - (double) start) / (double) USECS_PER_DAY;
}

RfmForecast
rfm_forecast_of(RfmPredictor *predictor, const RfmParameters *parameters,
				const RfmVisitor *visitor, const RfmHistory *history)
{
	RfmForecast forecast = {.order_value = NAN,.revenue = NAN};
	double		orders;
	double		discounted;

	rfm_predict_orders(predictor, history, &orders, &discounted);
	forecast.alive = rfm_predict_alive(predictor, history);
	forecast.orders = forecast.alive * orders;
	if (!parameters->has_spending)
		return forecast;
	/*
	 * a customer who got back more than they spent is treated as having spent
	 * nothing
	 */
	forecast.order_value = rfm_predict_spending(parameters->spending, history->repeats,
												Max(spent_later(visitor), 0));
	forecast.revenue = forecast.alive * discounted * forecast.order_value;
	return forecast;
}

/* The receiver of the customers for a fit. */
typedef struct SampleSink
{
	RfmSample  *sample;
	DateADT		run_date;
	MemoryContext mcxt;
} SampleSink;

static void
take_for_sample(void *arg, const RfmVisitor *visitor)
{
	SampleSink *sink = (SampleSink *) arg;
	RfmHistory	history = rfm_forecast_history(visitor, sink->run_date);
	MemoryContext oldcxt = MemoryContextSwitchTo(sink->mcxt);

	rfm_sample_add(sink->sample, history.repeats, history.recency, history.age,
				   spent_later(visitor));
	MemoryContextSwitchTo(oldcxt);
}

void
rfm_forecast_fit(RfmForecastInput *input, RfmFamily family, RfmFit *fit)
{
	SampleSink	sink = {rfm_sample_create(), input->run_date, CurrentMemoryContext};

	rfm_forecast_read(input, DATEVAL_NOBEGIN, take_for_sample, &sink);
	rfm_fit(sink.sample, family, fit);
}

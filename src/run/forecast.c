/*-------------------------------------------------------------------------
 *
 * forecast.c
 *		What is expected of the customers of a model.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "read/query.h"
#include "run/forecast.h"
#include "score/snapshot.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
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
	rfm_visits_read(&input->source, first, input->run_date, sink, arg);
	rfm_owner_leave(&owner);
}

RfmHistory
rfm_forecast_history(const RfmVisitor *visitor, DateADT run_date)
{
	RfmHistory	history = {visitor->visits - 1, visitor->last - visitor->first,
	run_date - visitor->first, 1};

	return history;
}

double
rfm_forecast_total(const RfmVisitor *visitor)
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

/* Where the customers of a fit go. */
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
				   rfm_forecast_total(visitor));
	MemoryContextSwitchTo(oldcxt);
}

void
rfm_forecast_fit(RfmForecastInput *input, RfmFamily family, RfmFit *fit)
{
	SampleSink	sink = {rfm_sample_create(), input->run_date, CurrentMemoryContext};

	rfm_forecast_read(input, DATEVAL_NOBEGIN, take_for_sample, &sink);
	rfm_fit(sink.sample, family, fit);
}

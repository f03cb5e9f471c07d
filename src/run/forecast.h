/*-------------------------------------------------------------------------
 *
 * forecast.h
 *		Forecasts for the customers of a model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_FORECAST_H
#define RFM_RUN_FORECAST_H

#include "forecast/predict.h"
#include "read/query.h"
#include "run/parameters.h"

/* The orders of a model up to a date, about to be read as its owner. */
typedef struct RfmForecastInput
{
	const RfmModel *model;
	RfmSource	source;
	DateADT		run_date;
	const char *score_group;	/* NULL: all orders */
} RfmForecastInput;

/*
 * rfm_forecast_input: find the source of a model.  run_date NULL: that of a
 * refresh without one.  score_group, customer: only their orders are read; NULL:
 * those of all.  Where a model scores within groups, whoever has orders in several
 * is a customer in each, and their keys are pairs.  Raises the errors of
 * rfm_source_only_group.
 */
extern void rfm_forecast_input(const RfmModel *model, const DateADT *run_date,
							   const char *score_group, const char *customer,
							   RfmForecastInput *input);

/*
 * rfm_forecast_read: give the customers to sink, as rfm_visits_read() does, in no order
 * that means anything.
 */
extern void rfm_forecast_read(RfmForecastInput *input, DateADT first,
							  RfmVisitorSink sink, void *arg);

/* rfm_forecast_fit: read all customers and fit a family; the rest as rfm_fit(). */
extern void rfm_forecast_fit(RfmForecastInput *input, RfmFamily family, RfmFit *fit);

/* rfm_forecast_history: return a visitor's history on the run date. */
extern RfmHistory rfm_forecast_history(const RfmVisitor *visitor, DateADT run_date);

/*
 * rfm_forecast_days: return the days from a date until an interval later.  Raises
 * INVALID_PARAMETER_VALUE for a time that is negative or infinite.
 */
extern double rfm_forecast_days(DateADT from, const Interval *horizon);

/* What is expected of a customer; the last two are NaN without parameters of spending. */
typedef struct RfmForecast
{
	double		alive;			/* the probability */
	double		orders;
	double		order_value;
	double		revenue;		/* discounted */
} RfmForecast;

/* rfm_forecast_of: return what is expected of a visitor with this history. */
extern RfmForecast rfm_forecast_of(RfmPredictor *predictor, const RfmParameters *parameters,
								   const RfmVisitor *visitor, const RfmHistory *history);

#endif							/* RFM_RUN_FORECAST_H */

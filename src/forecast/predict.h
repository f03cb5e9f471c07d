/*-------------------------------------------------------------------------
 *
 * predict.h
 *		Computing forecasts from parameters and a customer's history.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_FORECAST_PREDICT_H
#define RFM_FORECAST_PREDICT_H

#include "forecast/likelihood.h"

/* A forecast until a horizon; what is computed once for customers alike is kept in it. */
typedef struct RfmPredictor RfmPredictor;

/*
 * rfm_predictor_create: return a predictor with parameters of buying, in the
 * current context.  horizon is in days, at least 0; discount is the rate by which
 * an order counts for less each day that it comes later, at least 0: it counts
 * exp(- discount * days).
 */
extern RfmPredictor *rfm_predictor_create(RfmFamily family, const double *buying,
										  double horizon, double discount);

/*
 * rfm_predict_alive: return the probability that a customer has not been lost by
 * the run date.
 */
extern double rfm_predict_alive(const RfmPredictor *predictor, const RfmHistory *history);

/*
 * rfm_predict_orders: return the number of days with orders that are expected of
 * a customer of whom nothing is known but that they are not lost, until the
 * horizon, and that number discounted.
 */
extern void rfm_predict_orders(RfmPredictor *predictor, const RfmHistory *history,
							   double *orders, double *discounted);

/*
 * rfm_predict_spending: return the expected amount of a day with orders; total is
 * what the customer spent on all repeat days, spending the parameters of it.
 */
extern double rfm_predict_spending(const double *spending, int32 repeats, double total);

#endif							/* RFM_FORECAST_PREDICT_H */

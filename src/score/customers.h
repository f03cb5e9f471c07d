/*-------------------------------------------------------------------------
 *
 * customers.h
 *		The customers of one snapshot, in key order.
 *
 * Takes the collector, and returns the values to be scored: for every customer
 * three int64 codes in which more is better, in flat arrays.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_CUSTOMERS_H
#define RFM_SCORE_CUSTOMERS_H

#include "read/source.h"

/* What a forecast says of a customer. */
typedef enum RfmForecastValue
{
	RFM_P_ALIVE,
	RFM_EXPECTED_ORDERS,
	RFM_EXPECTED_REVENUE
} RfmForecastValue;

#define RFM_FORECAST_VALUES 3

typedef struct RfmCustomers
{
	int64		n;
	DateADT		run_date;
	int64		orders;			/* rows of the source that counted */
	RfmKeyType	key_type;
	Datum	   *key;			/* ascending in the key type's order */
	int64	   *code[RFM_AXES]; /* -recency_days, frequency_orders, money code */
	RfmMoney	money;			/* what code[RFM_MONETARY] stands for */

	/* filled in if the target has columns for it; NULL, or NaN, if there is no forecast */
	double	   *forecast[RFM_FORECAST_VALUES];
} RfmCustomers;

/*
 * rfm_customers_build: sort the collected customers by key, convert their last
 * order times to recencies and their sums to money codes, and return those whose
 * monetary value is above the model's monetary_above, in the current context.
 *
 * all: customers that have rows but no order, such as a refund, are included, with
 * the recency 0.
 *
 * collector is NULL if there are no orders.  It is freed, except for the images of
 * keys to which the result points: these are then owned by the parent of the
 * collector's context.  Raises DATETIME_VALUE_OUT_OF_RANGE for a customer whose
 * last order has an infinite time.
 */
extern RfmCustomers *rfm_customers_build(const RfmModel *model,
										 const RfmSource *source,
										 RfmCollector *collector,
										 DateADT run_date, bool all);

/* rfm_axis_numeric: return the value for which a code of an axis stands: days, orders or money. */
extern Numeric rfm_axis_numeric(const RfmCustomers *customers, RfmAxis axis,
								int64 code);

#endif							/* RFM_SCORE_CUSTOMERS_H */

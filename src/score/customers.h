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

	/* filled in later, if the target wants it; NULL, or NaN: there is none */
	double	   *forecast[RFM_FORECAST_VALUES];
} RfmCustomers;

/*
 * rfm_customers_build: Sort the collected customers by key, turn their last
 * orders into recency and their sums into money codes, and leave out those
 * at or below monetary_above.
 *
 * all: also those who have rows but no order, such as a refund; their recency
 * is 0.
 *
 * collector may be NULL (no orders).  It is freed; only the images of keys
 * that the result points to live on, in the context around the collector's.
 * The result is allocated in the current context.  Raises
 * DATETIME_VALUE_OUT_OF_RANGE for a customer whose last order has an infinite
 * time.
 */
extern RfmCustomers *rfm_customers_build(const RfmModel *model,
										 const RfmSource *source,
										 RfmCollector *collector,
										 DateADT run_date, bool all);

/* rfm_axis_numeric: Return a code of an axis in its natural unit, as numeric. */
extern Numeric rfm_axis_numeric(const RfmCustomers *customers, RfmAxis axis,
								int64 code);

#endif							/* RFM_SCORE_CUSTOMERS_H */

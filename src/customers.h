/*-------------------------------------------------------------------------
 *
 * customers.h
 *		The customers of one snapshot as flat arrays, in key order.
 *
 * Takes what was collected, gives what is scored: for every customer the
 * three values as int64 codes in which more is better.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_CUSTOMERS_H
#define RFM_CUSTOMERS_H

#include "source.h"

typedef struct RfmCustomers
{
	int64		n;
	DateADT		run_date;
	int64		orders;			/* rows of the source that counted */
	RfmKeyType	key_type;
	Datum	   *key;			/* ascending in the key type's order */
	int64	   *code[RFM_AXES]; /* -recency_days, frequency_orders, money code */
	RfmMoney	money;			/* what code[RFM_MONETARY] stands for */
} RfmCustomers;

/*
 * rfm_customers_build: sorts the collected customers by key, turns their last
 * orders into recency and their sums into money codes, and leaves out those
 * at or below monetary_above.  collector may be NULL (no orders).  Results in
 * the current context; the collector goes, or keeps only the images of
 * by-reference keys that the result points to.  Raises DATETIME_VALUE_OUT_OF_RANGE for a customer whose last
 * order has an infinite time.
 */
extern RfmCustomers *rfm_customers_build(const RfmModel *model,
										 const RfmSource *source,
										 RfmCollector *collector,
										 DateADT run_date);

/* rfm_axis_numeric: a code of an axis in its natural unit, as numeric. */
extern Numeric rfm_axis_numeric(const RfmCustomers *customers, RfmAxis axis,
								int64 code);

#endif							/* RFM_CUSTOMERS_H */

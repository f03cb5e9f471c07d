/*-------------------------------------------------------------------------
 *
 * customers.h
 *		The customers of one snapshot, in key order.
 *
 * Takes what was collected, gives what is scored: for every customer the
 * three values as int64 codes in which more is better.
 *
 * They are flat arrays; where memory has a bound that they pass, a window of
 * those arrays onto a temporary file.  The window moves by itself to whatever
 * row is asked for, so everyone who can goes through the rows in order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_CUSTOMERS_H
#define RFM_SCORE_CUSTOMERS_H

#include "read/source.h"

typedef struct RfmCustomers
{
	int64		n;
	DateADT		run_date;
	int64		orders;			/* rows of the source that counted */
	RfmKeyType	key_type;
	RfmMoney	money;			/* what code[RFM_MONETARY] stands for */

	/* the rows first to end - 1 are at hand, at index 0 */
	int64		first;
	int64		end;
	Datum	   *key;			/* ascending in the key type's order */
	int64	   *code[RFM_AXES]; /* -recency_days, frequency_orders, money code */

	struct RfmCustomersFile *file;	/* NULL: all rows are at hand */
} RfmCustomers;

/*
 * rfm_customers_build: sorts the collected customers by key, turns their last
 * orders into recency and their sums into money codes, and leaves out those
 * at or below monetary_above.  collector may be NULL (no orders).  Results in
 * the current context; the collector goes, or keeps only the images of
 * by-reference keys that the result points to.  Raises
 * DATETIME_VALUE_OUT_OF_RANGE for a customer whose last order has an infinite
 * time.
 */
extern RfmCustomers *rfm_customers_build(const RfmModel *model,
										 const RfmSource *source,
										 RfmCollector *collector,
										 DateADT run_date);

/* rfm_customers_end: closes the file, if there is one. */
extern void rfm_customers_end(RfmCustomers *customers);

/* rfm_customers_move: moves the window to a row. */
extern void rfm_customers_move(RfmCustomers *customers, int64 row);

/*
 * rfm_customers_at: where in the arrays a row is, which has to be below n.
 * What was at hand before may be gone.
 */
static inline int64
rfm_customers_at(RfmCustomers *customers, int64 row)
{
	if (row < customers->first || row >= customers->end)
		rfm_customers_move(customers, row);
	return row - customers->first;
}

/* rfm_customer_key: the key of a row; an image lives as the window does. */
static inline Datum
rfm_customer_key(RfmCustomers *customers, int64 row)
{
	return customers->key[rfm_customers_at(customers, row)];
}

/* rfm_customer_code: the code of a row on an axis. */
static inline int64
rfm_customer_code(RfmCustomers *customers, RfmAxis axis, int64 row)
{
	return customers->code[axis][rfm_customers_at(customers, row)];
}

/* rfm_customer_codes: the codes of an axis, as what cut points are found in. */
extern RfmValues rfm_customer_codes(RfmCustomers *customers, RfmAxis axis);

/* rfm_axis_numeric: a code of an axis in its natural unit, as numeric. */
extern Numeric rfm_axis_numeric(const RfmCustomers *customers, RfmAxis axis,
								int64 code);

#endif							/* RFM_SCORE_CUSTOMERS_H */

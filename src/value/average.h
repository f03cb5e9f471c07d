/*-------------------------------------------------------------------------
 *
 * average.h
 *		The average of a customer's orders, from the exact sum.
 *
 * Exact sums are divided exactly and rounded once, half away from zero, to two
 * digits more than the sum has.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_AVERAGE_H
#define RFM_VALUE_AVERAGE_H

#include "value/money.h"

/*
 * rfm_average_scaled: Divide a sum of RFM_FORM_SCALED by n, at least 1.  Returns
 * false where the result is no int64 of a scale up to RFM_MAX_SCALE.
 */
extern bool rfm_average_scaled(const RfmSum *sum, uint32 n, int64 *average, uint8 *scale);

/* rfm_average_numeric: Divide any exact sum by n; the result in the current context. */
extern Numeric rfm_average_numeric(const RfmSum *sum, uint32 n);

#endif							/* RFM_VALUE_AVERAGE_H */

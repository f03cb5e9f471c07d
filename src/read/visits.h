/*-------------------------------------------------------------------------
 *
 * visits.h
 *		The days on which customers ordered.
 *
 * Takes a source and a date; returns one customer after another with the
 * numbers that models of repeat buying need.  A visit is a day with an order;
 * rows that are no orders add their amounts and are no visits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_VISITS_H
#define RFM_READ_VISITS_H

#include "collect/visit.h"
#include "read/source.h"

/*
 * rfm_visits_read: give all customers with a visit up to run_date to sink or, from
 * first on unless that is DATEVAL_NOBEGIN, all with a row then; each once, in the
 * order of their keys or in one that means nothing.  The model's lookback is not applied.  As the model's
 * owner, between rfm_owner_enter and rfm_owner_leave.  Raises
 * DATETIME_VALUE_OUT_OF_RANGE for an infinite order time,
 * NUMERIC_VALUE_OUT_OF_RANGE for an amount, or a sum, that is no number.
 */
extern void rfm_visits_read(const RfmSource *source, DateADT first, DateADT run_date,
							bool in_key_order, RfmVisitorSink sink, void *arg);

#endif							/* RFM_READ_VISITS_H */

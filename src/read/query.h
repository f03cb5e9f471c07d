/*-------------------------------------------------------------------------
 *
 * query.h
 *		Running queries over a source to read its orders.
 *
 * Takes a resolved source and a date, or a range of dates; returns the
 * collector that a query has filled, or passes the rows to a receiver, or the
 * customers with their days to a sink.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_QUERY_H
#define RFM_READ_QUERY_H

#include "collect/visit.h"
#include "read/plan.h"
#include "read/source.h"

/*
 * rfm_source_latest_date: determine the local date of the latest order that
 * the filter accepts, among those up to today.  A future date is a mistake,
 * and would cause snapshots of all dates until then.  Returns false if there
 * is none.  As the model's owner.
 */
extern bool rfm_source_latest_date(const RfmSource *source, DateADT *date);

/*
 * rfm_source_read: read the orders that count for run_date, in one query that
 * the planner may run in parallel, and note in the source whether they were
 * grouped.  The collector is in the current context; NULL if no order counts.  As the model's
 * owner.
 */
extern RfmCollector *rfm_source_read(const RfmModel *model, RfmSource *source, DateADT run_date);

/*
 * rfm_source_scan: read the orders that count for any date from first to last,
 * in one query. dest gets customer, order time, amount and, where the model
 * counts them, order id; it may end the query.  Returns false, with nothing
 * read, for a view over tables of other servers, where a call of
 * rfm_run_date() would not be detected.  As the model's owner, between
 * rfm_owner_enter and rfm_owner_leave.
 */
extern bool rfm_source_scan(const RfmModel *model, const RfmSource *source,
							DateADT first, DateADT last, DestReceiver *dest);

/*
 * rfm_visits_read: give all customers with a visit up to run_date to sink or, from
 * first on unless that is DATEVAL_NOBEGIN, all with a row then; each once, in the
 * order of their keys or in one that means nothing.  A visit is a day with an
 * order; rows that are no orders add their amounts and are no visits.  The model's
 * lookback is not applied.  As the model's owner, between rfm_owner_enter and
 * rfm_owner_leave.  Raises DATETIME_VALUE_OUT_OF_RANGE for an infinite order time,
 * NUMERIC_VALUE_OUT_OF_RANGE for an amount, or a sum, that is no number.
 */
extern void rfm_visits_read(const RfmSource *source, DateADT first, DateADT run_date,
							bool in_key_order, RfmVisitorSink sink, void *arg);

/*
 * rfm_source_check: run a query with all expressions that reads no order, for
 * the permission checks of the executor.  As the model's owner.
 */
extern void rfm_source_check(const RfmSource *source);

/*
 * rfm_source_depends: determine what, other than the tables, determines which
 * orders count for a date.  As the model's owner.
 */
extern RfmDependence rfm_source_depends(const RfmModel *model, const RfmSource *source,
										DateADT run_date);

/*
 * rfm_source_forbid_nesting: raise OBJECT_NOT_IN_PREREQUISITE_STATE if called
 * from within a model's query.
 */
extern void rfm_source_forbid_nesting(void);

#endif							/* RFM_READ_QUERY_H */

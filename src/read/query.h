/*-------------------------------------------------------------------------
 *
 * query.h
 *		Running queries over a source to read its orders.
 *
 * Takes a resolved source and a date, or a range of dates; returns the
 * collector that a query has filled, or passes the rows to a receiver.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_QUERY_H
#define RFM_READ_QUERY_H

#include "read/plan.h"
#include "read/source.h"

/*
 * The setting rfm.max_workers: parallel workers that read the orders in
 * addition to the leader; -1: one less than the number of CPUs.  The planner's
 * own settings hold as well.
 */
extern int	rfm_max_workers;

/*
 * The setting rfm.grouped_reading: whether orders are read as one row per
 * customer; auto: if the servers that store them can group them; on: for any
 * source.
 */
typedef enum RfmGroupedReading
{
	RFM_GROUPED_AUTO,
	RFM_GROUPED_ON,
	RFM_GROUPED_OFF
} RfmGroupedReading;

extern int	rfm_grouped_reading;

/*
 * rfm_source_latest_date: determine the local date of the latest order that
 * the filter accepts, among those up to today.  A future date is a mistake,
 * and would cause snapshots of all dates until then.  Returns false if there
 * is none.  As the model's owner.
 */
extern bool rfm_source_latest_date(const RfmModel *model,
								   const RfmSource *source, DateADT *date);

/*
 * rfm_source_read: read the orders that count for run_date, in one query that
 * the planner may run in parallel, and note in the source whether they were
 * grouped.  The collector is in mcxt; NULL if no order counts.  As the model's
 * owner.
 */
extern RfmCollector *rfm_source_read(const RfmModel *model, RfmSource *source,
									 DateADT run_date, MemoryContext mcxt);

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
 * rfm_source_read_visits: reads the rows that count for run_date, from day
 * first on (DATEVAL_NOBEGIN: all; the model's lookback is not applied), in one
 * query that the planner may run in parallel, into a collector that keeps
 * visits.  It lives in mcxt; NULL where there is no row.  As the model's owner,
 * between rfm_owner_enter and rfm_owner_leave.
 */
extern RfmCollector *rfm_source_read_visits(const RfmSource *source, DateADT first,
											DateADT run_date, MemoryContext mcxt);

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

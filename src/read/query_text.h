/*-------------------------------------------------------------------------
 *
 * query_text.h
 *		The queries over a source, as SQL with parameters.
 *
 * Takes a resolved source; returns text in the current context and fills in
 * its parameters.  Nothing here runs a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_QUERY_TEXT_H
#define RFM_READ_QUERY_TEXT_H

#include "base/query.h"
#include "read/rows.h"
#include "read/source.h"

/* At most the run date, the group, the customer and the two date bounds; the last is followed by none. */
typedef struct RfmQueryParams
{
	int			n;
	RfmParam	param[6];
} RfmQueryParams;

/*
 * rfm_query_text: Return the query, of the form that reading names, for the orders
 * that count on some date from first to last.  For RFM_READ_GROUPED,
 * rfm_query_may_group must hold.
 */
extern char *rfm_query_text(const RfmModel *model, const RfmSource *source,
							RfmReading reading, DateADT first, DateADT last,
							RfmQueryParams *params);

/* rfm_query_may_group: Can the orders be grouped by a query? */
extern bool rfm_query_may_group(const RfmSource *source);

/* rfm_query_text_latest: Return the query for the time of the latest order up to today. */
extern char *rfm_query_text_latest(const RfmSource *source, DateADT today,
								   RfmQueryParams *params);

/*
 * rfm_query_text_visits: Return the query for customer, order time, amount and
 * number of orders of each row from first (DATEVAL_NOBEGIN: all) to run_date; ticket:
 * for that of a collector that keeps them.
 */
extern char *rfm_query_text_visits(const RfmSource *source, bool ticket, DateADT first,
								   DateADT run_date, RfmQueryParams *params);

/* rfm_query_text_check: Return a query with all expressions, which gives no rows. */
extern char *rfm_query_text_check(const RfmSource *source, RfmQueryParams *params);

#endif							/* RFM_READ_QUERY_TEXT_H */

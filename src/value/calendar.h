/*-------------------------------------------------------------------------
 *
 * calendar.h
 *		Local dates of order times, and bounds on order times for dates.
 *
 * Order times are compared in the column's own type: a date becomes one bound
 * in that type.  Only where a time zone's clock jumps around the midnight in
 * question can no single bound be exact; the caller is told.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_CALENDAR_H
#define RFM_VALUE_CALENDAR_H

#include "pgtime.h"
#include "utils/date.h"
#include "utils/timestamp.h"

typedef struct RfmCalendar
{
	Oid			time_type;		/* date, timestamp or timestamptz */
	pg_tz	   *zone;			/* of timestamptz columns */
	bool		fixed_offset;	/* the zone never changes its offset */
	int64		offset;			/* of local time to UTC, microseconds */
} RfmCalendar;

/* Times of one day, from one on to before another; none to begin with (zeroed). */
typedef struct RfmDaySpan
{
	int64		from;
	int64		to;
	DateADT		day;
} RfmDaySpan;

/*
 * rfm_calendar_init: fill in the calendar of order times of a type (date,
 * timestamp or timestamptz) in a zone, which rfm_zone_setting has given.
 */
extern void rfm_calendar_init(RfmCalendar *calendar, Oid time_type,
							  const char *zone_setting);

/*
 * rfm_calendar_start: determine the first order time, in the column's type,
 * whose local date is day or later.  Returns false where the zone's clock is set back or
 * forward near that midnight, so that the comparison has to be made on the
 * local date of each order.
 */
extern bool rfm_calendar_start(const RfmCalendar *calendar, DateADT day,
							   Datum *start);

/*
 * rfm_calendar_date: return the local date of an order time (as int64, the value
 * of the column's type).  Infinite times give infinite dates.
 */
extern DateADT rfm_calendar_date(const RfmCalendar *calendar, int64 time);

/* rfm_calendar_date_find: do the same, and take the span of that day for the next time. */
extern DateADT rfm_calendar_date_find(const RfmCalendar *calendar, RfmDaySpan *span, int64 time);

/*
 * rfm_calendar_date_near: do the same for one time of many that come mostly in order: a
 * zone with a clock that changes is asked once a day, not once a time.
 */
static inline DateADT
rfm_calendar_date_near(const RfmCalendar *calendar, RfmDaySpan *span, int64 time)
{
	if (time >= span->from && time < span->to)
		return span->day;
	return rfm_calendar_date_find(calendar, span, time);
}

/* rfm_calendar_today: return today's date in the calendar's zone, by now(). */
extern DateADT rfm_calendar_today(const RfmCalendar *calendar);

/*
 * rfm_calendar_first_day: return the first date that is later than
 * day - lookback, as timestamps are subtracted from; minus infinity where all dates
 * of timestamps are, infinity where none is.
 */
extern DateADT rfm_calendar_first_day(DateADT day, const Interval *lookback);

/* rfm_calendar_text: return a date as text, palloc'd; unlike date_out(), the same in every session. */
extern char *rfm_calendar_text(DateADT day);

#endif							/* RFM_VALUE_CALENDAR_H */

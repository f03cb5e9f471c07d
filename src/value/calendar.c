/*-------------------------------------------------------------------------
 *
 * calendar.c
 *		Local dates of order times, and bounds on order times for dates.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "value/calendar.h"

/* The distance from midnight within which a change of the clock matters. */
#define CLOCK_MARGIN_SECS (26 * SECS_PER_HOUR)

void
rfm_calendar_init(RfmCalendar *calendar, Oid time_type, const char *zone_setting)
{
	long int	gmtoff = 0;

	calendar->time_type = time_type;
	calendar->zone = pg_tzset(zone_setting);
	if (calendar->zone == NULL)
		elog(ERROR, "time zone \"%s\" not recognized", zone_setting);
	calendar->fixed_offset = pg_get_timezone_offset(calendar->zone, &gmtoff);
	calendar->offset = (int64) gmtoff * USECS_PER_SEC;
}

/*
 * Determine whether the zone's offset changes within the margin around a time.
 */
static bool
clock_jumps_near(const RfmCalendar *calendar, TimestampTz moment)
{
	pg_time_t	from = timestamptz_to_time_t(moment) - CLOCK_MARGIN_SECS;
	long int	before_gmtoff;
	long int	after_gmtoff;
	int			before_isdst;
	int			after_isdst;
	pg_time_t	boundary;

	if (calendar->fixed_offset)
		return false;
	if (pg_next_dst_boundary(&from, &before_gmtoff, &before_isdst,
							 &boundary, &after_gmtoff, &after_isdst,
							 calendar->zone) <= 0)
		return false;
	return boundary <= from + 2 * CLOCK_MARGIN_SECS;
}

bool
rfm_calendar_start(const RfmCalendar *calendar, DateADT day, Datum *start)
{
	Timestamp	midnight;
	struct pg_tm tm = {0};
	int			tz;
	TimestampTz moment;

	if (calendar->time_type == DATEOID)
	{
		*start = DateADTGetDatum(day);
		return true;
	}

	midnight = DatumGetTimestamp(DirectFunctionCall1(date_timestamp,
													 DateADTGetDatum(day)));
	if (calendar->time_type == TIMESTAMPOID || TIMESTAMP_NOT_FINITE(midnight))
	{
		*start = TimestampGetDatum(midnight);
		return true;
	}

	/* not timestamp_zone(): it would take "CET" for a fixed abbreviation */
	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tz = DetermineTimeZoneOffset(&tm, calendar->zone);
	if (tm2timestamp(&tm, 0, &tz, &moment) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	*start = TimestampTzGetDatum(moment);
	return !clock_jumps_near(calendar, moment);
}

DateADT
rfm_calendar_date(const RfmCalendar *calendar, int64 time)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;

	if (calendar->time_type == DATEOID)
		return (DateADT) time;
	if (TIMESTAMP_IS_NOBEGIN(time))
		return DATEVAL_NOBEGIN;
	if (TIMESTAMP_IS_NOEND(time))
		return DATEVAL_NOEND;

	if (calendar->time_type == TIMESTAMPOID || calendar->fixed_offset)
	{
		int64		local = time;
		int64		day;

		if (calendar->time_type == TIMESTAMPTZOID)
			local += calendar->offset;
		day = local / USECS_PER_DAY;
		if (local % USECS_PER_DAY < 0)
			day--;
		return (DateADT) day;
	}

	if (timestamp2tm(time, &tz, &tm, &fsec, NULL, calendar->zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

DateADT
rfm_calendar_date_find(const RfmCalendar *calendar, RfmDaySpan *span, int64 time)
{
	DateADT		day = rfm_calendar_date(calendar, time);
	bool		again = day == span->day;
	Datum		from;
	Datum		to;

	span->day = day;
	span->from = span->to = 0;
	/* times in no order are not worth it: two of the same day have to come together */
	if (again && calendar->time_type == TIMESTAMPTZOID && !calendar->fixed_offset &&
		!DATE_NOT_FINITE(day) && IS_VALID_DATE(day + 1) &&
		rfm_calendar_start(calendar, day, &from) && rfm_calendar_start(calendar, day + 1, &to))
	{
		span->from = DatumGetInt64(from);
		span->to = DatumGetInt64(to);
	}
	return day;
}

DateADT
rfm_calendar_today(const RfmCalendar *calendar)
{
	RfmCalendar zoned = *calendar;

	zoned.time_type = TIMESTAMPTZOID;
	return rfm_calendar_date(&zoned, GetCurrentTransactionStartTimestamp());
}

/*
 * Subtract a number of months from a date.  Returns false if the result is out
 * of range.
 */
static bool
subtract_months(DateADT day, int64 back, int64 *result)
{
	int			year;
	int			month;
	int			mday;
	int64		number;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	number = (int64) year * MONTHS_PER_YEAR + month - 1 - back;
	if (number < (int64) JULIAN_MINYEAR * MONTHS_PER_YEAR + JULIAN_MINMONTH - 1 ||
		number >= (int64) JULIAN_MAXYEAR * MONTHS_PER_YEAR)
	{
		*result = back > 0 ? PG_INT64_MIN / 2 : PG_INT64_MAX / 2;
		return false;
	}
	month = (int) ((number % MONTHS_PER_YEAR + MONTHS_PER_YEAR) % MONTHS_PER_YEAR);
	year = (int) ((number - month) / MONTHS_PER_YEAR);
	mday = Min(mday, day_tab[isleap(year)][month]);
	*result = (int64) date2j(year, month + 1, mday) - POSTGRES_EPOCH_JDATE;
	return true;
}

/*
 * Subtract an interval as for timestamps, without overflow: months, then days,
 * then time.
 */
DateADT
rfm_calendar_first_day(DateADT day, const Interval *lookback)
{
	int64		first;
	int64		whole;

	if (subtract_months(day, lookback->month, &first))
	{
		/* whole days that the time takes the start back by, rounded up */
		whole = lookback->time / USECS_PER_DAY + (lookback->time % USECS_PER_DAY > 0);
		first += 1 - (int64) lookback->day - whole;
	}
	if (first < DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE)
		return DATEVAL_NOBEGIN;
	if (first >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		return DATEVAL_NOEND;
	return (DateADT) first;
}

char *
rfm_calendar_text(DateADT day)
{
	struct pg_tm tm = {0};
	char	   *result = palloc(MAXDATELEN + 1);

	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, result);
	return result;
}

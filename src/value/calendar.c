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

/* How far around a midnight a change of the clock matters. */
#define CLOCK_MARGIN_SECS (26 * SECS_PER_HOUR)

pg_tz *
rfm_calendar_zone(const char *name)
{
	pg_tz	   *zone;

	errno = 0;
	zone = name[0] != '\0' ? pg_tzset(name) : NULL;
	if (zone == NULL && errno == ENOMEM)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", name),
				 errhint("The view pg_timezone_names lists the time zones.")));
	return zone;
}

void
rfm_calendar_init(RfmCalendar *calendar, Oid time_type, const char *zone_name)
{
	long int	gmtoff = 0;

	calendar->time_type = time_type;
	calendar->zone = rfm_calendar_zone(zone_name);
	calendar->fixed_offset = pg_get_timezone_offset(calendar->zone, &gmtoff);
	calendar->offset = (int64) gmtoff * USECS_PER_SEC;
}

/* Does the zone's clock jump within the margin around a moment? */
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
rfm_calendar_today(const RfmCalendar *calendar)
{
	RfmCalendar zoned = *calendar;

	zoned.time_type = TIMESTAMPTZOID;
	return rfm_calendar_date(&zoned, GetCurrentTransactionStartTimestamp());
}

DateADT
rfm_calendar_first_day(DateADT day, const Interval *lookback)
{
	Timestamp	start;
	RfmCalendar plain = {.time_type = TIMESTAMPOID};

	/* further back than the calendar goes is no bound at all */
	if (lookback->month * 30.5 + lookback->day +
		(double) lookback->time / USECS_PER_DAY > day + POSTGRES_EPOCH_JDATE)
		return DATEVAL_NOBEGIN;

	start = DatumGetTimestamp(DirectFunctionCall2(date_mi_interval,
												  DateADTGetDatum(day),
												  PointerGetDatum(lookback)));
	if (TIMESTAMP_NOT_FINITE(start))
		return start < 0 ? DATEVAL_NOBEGIN : DATEVAL_NOEND;
	return rfm_calendar_date(&plain, start) + 1;
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

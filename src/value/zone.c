/*-------------------------------------------------------------------------
 *
 * zone.c
 *		Names of time zones.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <ctype.h>

#include "base/version.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "value/calendar.h"
#include "value/zone.h"

PG_FUNCTION_INFO_V1(rfm_local_date);

/* Names of the time zone database that are also valid POSIX zones. */
static const char *const legacy_name[] = {
	"EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "GMT0", "GMT+0", "GMT-0"
};

/* Read two digits; false where there are none. */
static bool
read_two_digits(const char **next, int *number)
{
	const char *p = *next;

	if (!isdigit((unsigned char) p[0]) || !isdigit((unsigned char) p[1]))
		return false;
	*number = (p[0] - '0') * 10 + p[1] - '0';
	*next += 2;
	return true;
}

/* Read an ISO 8601 offset: a sign, two digits of hours, perhaps as many of minutes. */
static bool
read_offset(const char *p, char *sign, int *hours, int *minutes)
{
	*sign = *p++;
	*minutes = 0;
	if ((*sign != '+' && *sign != '-') || !read_two_digits(&p, hours))
		return false;
	if (*p == ':')
		p++;
	else if (*p == '\0')
		return *hours <= MAX_TZDISP_HOUR;
	return read_two_digits(&p, minutes) && *p == '\0' &&
		*hours <= MAX_TZDISP_HOUR && *minutes < MINS_PER_HOUR;
}

/*
 * Determine whether a zone that PostgreSQL knows is in the time zone
 * database.  PostgreSQL keeps the names of the database, which have small
 * letters, and converts POSIX zones, which have digits, to capitals.
 */
static bool
is_name(const char *zone, pg_tz *tz)
{
	if (strpbrk(zone, "0123456789") == NULL)
		return true;
	for (int i = 0; i < (int) lengthof(legacy_name); i++)
		if (pg_strcasecmp(zone, legacy_name[i]) == 0)
			return true;
	for (const char *p = pg_get_timezone_name(tz); *p != '\0'; p++)
		if (islower((unsigned char) *p))
			return true;
	return false;
}

pg_noreturn static void
refuse_zone(const char *zone, bool known)
{
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" not recognized", zone),
				 errhint("Use a name from the view pg_timezone_names, or an ISO offset from UTC such as +05:30.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("time zone \"%s\" is neither a name nor an ISO offset", zone),
			 errdetail("PostgreSQL would interpret it as a POSIX time zone, in which a minus sign means east of UTC."),
			 errhint("Use a name from the view pg_timezone_names, or an ISO offset with two digits of hours: -03 or -03:00 is three hours west of UTC.")));
}

char *
rfm_zone_setting(const char *zone)
{
	pg_tz	   *tz;
	char		sign;
	int			hours;
	int			minutes;

	if (strcmp(zone, "Z") == 0)
		return pstrdup("UTC");
	if (read_offset(zone, &sign, &hours, &minutes))
	{
		if (hours == 0 && minutes == 0)
			return pstrdup("UTC");
		return psprintf("<%c%02d:%02d>%c%02d:%02d", sign, hours, minutes,
						sign == '-' ? '+' : '-', hours, minutes);
	}

	errno = 0;
	tz = zone[0] != '\0' ? pg_tzset(zone) : NULL;
	if (tz == NULL && errno == ENOMEM)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (tz == NULL || !is_name(zone, tz))
		refuse_zone(zone, tz != NULL);
	return pstrdup(zone);
}

/*
 * rfm_internal.local_date(moment timestamptz, zone text) RETURNS date: the date of
 * a time in a model's time zone.
 */
Datum
rfm_local_date(PG_FUNCTION_ARGS)
{
	RfmCalendar calendar;

	rfm_version_check();
	rfm_calendar_init(&calendar, TIMESTAMPTZOID, rfm_zone_setting(text_to_cstring(PG_GETARG_TEXT_PP(1))));
	PG_RETURN_DATEADT(rfm_calendar_date(&calendar, PG_GETARG_TIMESTAMPTZ(0)));
}

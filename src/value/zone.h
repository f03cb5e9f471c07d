/*-------------------------------------------------------------------------
 *
 * zone.h
 *		Names of time zones.
 *
 * A model's time zone is a name of the time zone database or an ISO 8601
 * offset.  PostgreSQL's own functions read offsets in two senses: SET TimeZone
 * TO '-3' is three hours west of UTC, and '-3' as a time zone of POSIX, which
 * AT TIME ZONE and most else take it for, three hours east.  Only this file
 * defines what a model's zone means; the rest of the code, and PostgreSQL, use
 * values with one meaning.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_ZONE_H
#define RFM_VALUE_ZONE_H

/*
 * rfm_zone_setting: return the zone as a value of the setting TimeZone: a name
 * as it is, "+05:30" as "<+05:30>-05:30".  The result is palloc'd.  Raises
 * INVALID_PARAMETER_VALUE for what is neither a name nor an ISO offset, time
 * zones of POSIX included.
 */
extern char *rfm_zone_setting(const char *zone);

#endif							/* RFM_VALUE_ZONE_H */

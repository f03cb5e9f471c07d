/*-------------------------------------------------------------------------
 *
 * numeric.h
 *		The stored form of numeric.
 *
 * It is part of the on-disk format (src/backend/utils/adt/numeric.c): a
 * 16-bit header, in the long form a 16-bit weight, then digits in base 10000,
 * the first of which counts 10000^weight.  A payload is what follows the
 * varlena header, and need not be aligned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_VALUE_NUMERIC_H
#define RFM_VALUE_NUMERIC_H

#include "common/int.h"
#include "utils/numeric.h"

typedef struct RfmNumericParts
{
	uint16		special;		/* header of NaN and infinities, else 0 */
	bool		negative;
	int			scale;			/* digits to display after the point */
	int			weight;
	int			ndigits;
	const char *digits;			/* need not be aligned */
} RfmNumericParts;

/* rfm_numeric_read: Decode a payload. Returns false if it is malformed. */
extern bool rfm_numeric_read(const char *payload, int64 size, RfmNumericParts *parts);

/* rfm_numeric_digit: Return digit i, from 0, of ndigits. */
static inline int
rfm_numeric_digit(const RfmNumericParts *parts, int i)
{
	int16		digit;

	memcpy(&digit, parts->digits + i * sizeof(digit), sizeof(digit));
	return digit;
}

/* No scaled integer has a larger scale: 10^18 is the last power in an int64. */
#define RFM_MAX_SCALE 18

/* rfm_power_of_ten: 10^i for i up to RFM_MAX_SCALE. */
extern const int64 rfm_power_of_ten[RFM_MAX_SCALE + 1];

/* rfm_rescale: Bring a scaled integer to a scale that is no smaller; false: overflow. */
static inline bool
rfm_rescale(int64 *value, int scale, int to_scale)
{
	return !pg_mul_s64_overflow(*value, rfm_power_of_ten[to_scale - scale], value);
}

/* rfm_align_scales: Bring two to the larger of their scales; false: overflow. */
static inline bool
rfm_align_scales(int64 *a, int ascale, int64 *b, int bscale)
{
	if (ascale < bscale)
		return rfm_rescale(a, ascale, bscale);
	return ascale == bscale || rfm_rescale(b, bscale, ascale);
}

/*
 * rfm_numeric_to_scaled: Turn a numeric into a scaled integer, with its display
 * scale as scale; false where it does not fit, or is not finite.
 */
extern bool rfm_numeric_to_scaled(Datum value, int64 *scaled, uint8 *scale);

/*
 * rfm_numeric_code: Return a code of 64 bits by weight and first four digits.  If a
 * is less than b, then the code of a is less than the code of b, or the two
 * are the same.  Raises DATA_CORRUPTED for a malformed payload.
 */
extern int64 rfm_numeric_code(const char *payload, int64 size);

/* rfm_numeric_call: Return what a function of PostgreSQL makes of two numerics. */
static inline Numeric
rfm_numeric_call(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a), NumericGetDatum(b)));
}

/* rfm_numeric_cmp: Compare by numeric's own order. */
extern int	rfm_numeric_cmp(Numeric a, Numeric b);

#endif							/* RFM_VALUE_NUMERIC_H */

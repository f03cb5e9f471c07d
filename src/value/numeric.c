/*-------------------------------------------------------------------------
 *
 * numeric.c
 *		The stored form of numeric.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/detoast.h"
#include "utils/fmgrprotos.h"
#include "value/numeric.h"

#define HEADER_FORM_MASK		0xC000
#define HEADER_NEGATIVE			0x4000
#define HEADER_SHORT			0x8000
#define HEADER_SPECIAL			0xC000
#define SPECIAL_NAN				0xC000
#define SPECIAL_INFINITY		0xD000
#define SPECIAL_MINUS_INFINITY	0xF000
#define SHORT_NEGATIVE			0x2000
#define SHORT_SCALE_MASK		0x1F80
#define SHORT_SCALE_SHIFT		7
#define SHORT_WEIGHT_SIGN		0x0040
#define SHORT_WEIGHT_MASK		0x003F
#define LONG_SCALE_MASK			0x3FFF
#define BASE					10000
#define BASE_DIGITS				4

/* More digits than five never fit an int64. */
#define MAX_SCALED_DIGITS		5

const int64 rfm_power_of_ten[RFM_MAX_SCALE + 1] = {
	INT64CONST(1),
	INT64CONST(10),
	INT64CONST(100),
	INT64CONST(1000),
	INT64CONST(10000),
	INT64CONST(100000),
	INT64CONST(1000000),
	INT64CONST(10000000),
	INT64CONST(100000000),
	INT64CONST(1000000000),
	INT64CONST(10000000000),
	INT64CONST(100000000000),
	INT64CONST(1000000000000),
	INT64CONST(10000000000000),
	INT64CONST(100000000000000),
	INT64CONST(1000000000000000),
	INT64CONST(10000000000000000),
	INT64CONST(100000000000000000),
	INT64CONST(1000000000000000000)
};

bool
rfm_numeric_read(const char *payload, int64 size, RfmNumericParts *parts)
{
	const char *end = payload + size;
	uint16		header;

	memset(parts, 0, sizeof(RfmNumericParts));
	if (size < (int64) sizeof(header) || size % sizeof(int16) != 0)
		return false;
	memcpy(&header, payload, sizeof(header));
	payload += sizeof(header);

	if ((header & HEADER_FORM_MASK) == HEADER_SPECIAL)
	{
		parts->special = header;
		return header == SPECIAL_NAN || header == SPECIAL_INFINITY ||
			header == SPECIAL_MINUS_INFINITY;
	}

	if ((header & HEADER_FORM_MASK) == HEADER_SHORT)
	{
		parts->negative = (header & SHORT_NEGATIVE) != 0;
		parts->scale = (header & SHORT_SCALE_MASK) >> SHORT_SCALE_SHIFT;
		parts->weight = header & SHORT_WEIGHT_MASK;
		if (header & SHORT_WEIGHT_SIGN)
			parts->weight -= SHORT_WEIGHT_MASK + 1;
	}
	else
	{
		int16		weight;

		if (end - payload < (int64) sizeof(weight))
			return false;
		memcpy(&weight, payload, sizeof(weight));
		payload += sizeof(weight);
		parts->negative = (header & HEADER_FORM_MASK) == HEADER_NEGATIVE;
		parts->scale = header & LONG_SCALE_MASK;
		parts->weight = weight;
	}
	parts->digits = payload;
	parts->ndigits = (end - payload) / sizeof(int16);
	return true;
}

/* sign * digits * 10000^(weight - ndigits + 1) * 10^scale */
static bool
payload_to_scaled(const char *payload, int64 size, int64 *scaled, uint8 *scale)
{
	RfmNumericParts parts;
	int			exponent;
	int64		value = 0;

	if (!rfm_numeric_read(payload, size, &parts) || parts.special != 0 ||
		parts.ndigits > MAX_SCALED_DIGITS || parts.scale > RFM_MAX_SCALE)
		return false;

	for (int i = 0; i < parts.ndigits; i++)
		if (pg_mul_s64_overflow(value, BASE, &value) ||
			pg_add_s64_overflow(value, rfm_numeric_digit(&parts, i), &value))
			return false;

	exponent = value == 0 ? 0 :
		(parts.weight - parts.ndigits + 1) * BASE_DIGITS + parts.scale;
	if (exponent < 0)
	{
		/* the digits past the display scale are zeros */
		if (exponent < -RFM_MAX_SCALE || value % rfm_power_of_ten[-exponent] != 0)
			return false;
		value /= rfm_power_of_ten[-exponent];
	}
	else if (exponent > 0)
	{
		if (exponent > RFM_MAX_SCALE ||
			pg_mul_s64_overflow(value, rfm_power_of_ten[exponent], &value))
			return false;
	}

	*scaled = parts.negative ? -value : value;
	*scale = (uint8) parts.scale;
	return true;
}

bool
rfm_numeric_to_scaled(Datum value, int64 *scaled, uint8 *scale)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTENDED(v) && !VARATT_IS_SHORT(v))
	{
		struct varlena *plain = detoast_attr(v);
		bool		fits = payload_to_scaled(VARDATA_ANY(plain),
											 VARSIZE_ANY_EXHDR(plain),
											 scaled, scale);

		pfree(plain);
		return fits;
	}
	return payload_to_scaled(VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v), scaled, scale);
}

static int64
parts_code(const RfmNumericParts *parts)
{
	const int64 mantissa_end = INT64CONST(10000000000000000);
	const int	weight_bias = 400;
	const int	weight_max = 500;
	int64		mantissa = 0;
	int64		code;

	if (parts->special == SPECIAL_NAN)
		return PG_INT64_MAX;
	if (parts->special == SPECIAL_INFINITY)
		return PG_INT64_MAX - 1;
	if (parts->special == SPECIAL_MINUS_INFINITY)
		return PG_INT64_MIN;
	if (parts->ndigits == 0)
		return 0;

	/* values that are far too large or too small share one code */
	if (parts->weight > weight_max)
		code = (weight_bias + weight_max + 1) * mantissa_end;
	else if (parts->weight < -weight_bias)
		code = 1;
	else
	{
		for (int i = 0; i < 4; i++)
			mantissa = mantissa * BASE +
				(i < parts->ndigits ? rfm_numeric_digit(parts, i) : 0);
		code = (parts->weight + weight_bias) * mantissa_end + mantissa;
	}
	return parts->negative ? -code : code;
}

int64
rfm_numeric_code(const char *payload, int64 size)
{
	RfmNumericParts parts;

	if (!rfm_numeric_read(payload, size, &parts))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("malformed numeric value")));
	return parts_code(&parts);
}

int
rfm_numeric_cmp(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(a),
											 NumericGetDatum(b)));
}

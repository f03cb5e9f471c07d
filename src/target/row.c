/*-------------------------------------------------------------------------
 *
 * row.c
 *		The rows of a snapshot as the target's columns hold them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "target/row.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "value/key_pair.h"
#include "value/numeric.h"

static void
conversion_error_callback(void *arg)
{
	errcontext("conversion of %s to the type of its target column", (const char *) arg);
}

/* Converts a native value to the column's type, in the current context. */
static Datum
convert_value(RfmRowMaker *maker, RfmColumn column, Datum value, bool *isnull)
{
	ExprState  *convert = maker->column[column].convert;
	ExprContext *econtext;
	ErrorContextCallback callback;
	Datum		result;

	if (convert == NULL)
		return value;
	econtext = GetPerTupleExprContext(maker->estate);
	econtext->caseValue_datum = value;
	econtext->caseValue_isNull = *isnull;
	callback.callback = conversion_error_callback;
	callback.arg = unconstify(char *, rfm_columns[column].name);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	result = ExecEvalExpr(convert, econtext, isnull);
	error_context_stack = callback.previous;
	return result;
}

/* The value of the column `logs`: the origin of the row. */
static Datum
logs_value(const RfmModel *model)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"source\": \"rfm\", \"version\": \"" RFM_VERSION "\", \"model\": ");
	escape_json(&json, model->name);
	appendStringInfo(&json, ", \"refreshed_at\": \"%s\"}",
					 timestamptz_to_str(GetCurrentTransactionStartTimestamp()));
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static Datum
constant_value(RfmRowMaker *maker, RfmColumn column)
{
	switch (column)
	{
		case RFM_COL_RUN_DATE:
			return DateADTGetDatum(maker->customers->run_date);
		case RFM_COL_LOGS:
			return logs_value(maker->model);
		default:
			return TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	}
}

/* The native value of a column that follows from the cell. */
static Datum
cell_value(RfmRowMaker *maker, RfmColumn column, RfmCell cell)
{
	int			r = RFM_CELL_R(cell);
	int			f = RFM_CELL_F(cell);
	int			m = RFM_CELL_M(cell);

	switch (column)
	{
		case RFM_COL_R_SCORE:
			return Int32GetDatum(r);
		case RFM_COL_F_SCORE:
			return Int32GetDatum(f);
		case RFM_COL_M_SCORE:
			return Int32GetDatum(m);
		case RFM_COL_SCORE:
			return Int32GetDatum(r + f + m);
		case RFM_COL_SEGMENT:
			return CStringGetTextDatum(maker->segment[cell]);
		case RFM_COL_COMMENTS:
			return CStringGetTextDatum(maker->comment[cell]);
		case RFM_COL_CELL:
			return CStringGetTextDatum(rfm_cell_text(maker->model, cell));
		case RFM_COL_WEIGHTED:
			return Int64GetDatum(rfm_cell_weighted(maker->model, cell));
		default:
			elog(ERROR, "column %s does not follow from the scores",
				 rfm_columns[column].name);
	}
}

/* Return a value that does not depend on the row, or only on its cell. */
static Datum
lasting_value(RfmRowMaker *maker, RfmColumn column, RfmCell cell)
{
	bool		isnull = false;
	MemoryContext oldcxt = MemoryContextSwitchTo(maker->mcxt);
	Datum		value = maker->column[column].kind == RFM_VALUE_CONSTANT ?
		constant_value(maker, column) : cell_value(maker, column, cell);

	value = convert_value(maker, column, value, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("conversion of %s to the type of its target column gives null",
						rfm_columns[column].name)));
	MemoryContextSwitchTo(oldcxt);
	return value;
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/*
 * Determine whether a scaled amount can be written to this numeric column by
 * multiplying its code with a power of ten.  Otherwise the type's own
 * conversion rounds.
 */
static bool
init_scaled(RfmRowMaker *maker, RfmRowColumn *column, int32 typmod)
{
	int			scale = maker->customers->money.scale;
	int			precision = RFM_MAX_SCALE;

	column->scale = scale;
	column->multiplier = 1;
	column->limit = PG_INT64_MAX;
	if (typmod < (int32) VARHDRSZ)
		return true;

	/* the layout of numeric's typmod, for scales that are not negative */
	precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	column->scale = (typmod - VARHDRSZ) & 0x7ff;
	if (column->scale < scale || column->scale > RFM_MAX_SCALE)
		return false;
	column->multiplier = rfm_power_of_ten[column->scale - scale];
	if (precision > RFM_MAX_SCALE)
		column->limit = PG_INT64_MAX / column->multiplier;
	else
		column->limit = rfm_power_of_ten[Max(precision - (column->scale - scale), 0)];
	return true;
}

/* The part of a key that a column holds. */
static inline RfmKeyPart
key_part(RfmColumn column)
{
	return column == RFM_COL_GROUP ? RFM_PART_GROUP : RFM_PART_CUSTOMER;
}

static void
init_column(RfmRowMaker *maker, RfmColumn column)
{
	const RfmTarget *target = maker->target;
	RfmRowColumn *c = &maker->column[column];

	if (target->attnum[column] == 0)
		return;
	get_typlenbyval(target->type[column], &c->typlen, &c->typbyval);
	if (target->convert[column])
		c->convert = ExecPrepareExpr((Expr *) target->convert[column], maker->estate);

	switch (column)
	{
		case RFM_COL_RUN_DATE:
		case RFM_COL_CREATED_AT:
		case RFM_COL_UPDATED_AT:
		case RFM_COL_LOGS:
			c->kind = RFM_VALUE_CONSTANT;
			c->constant = lasting_value(maker, column, 0);
			return;
		case RFM_COL_RECENCY:
		case RFM_COL_FREQUENCY:
			c->kind = is_integer(target->type[column]) ? RFM_VALUE_INT : RFM_VALUE_ANY;
			return;
		case RFM_COL_GROUP:
		case RFM_COL_CUSTOMER:
			c->kind = is_integer(target->type[column]) &&
				rfm_key_part_type(&maker->customers->key_type, key_part(column))->kind == RFM_KEY_INT ?
				RFM_VALUE_INT : RFM_VALUE_ANY;
			return;
		case RFM_COL_MONETARY:
			c->kind = RFM_VALUE_ANY;
			if (maker->customers->money.form == RFM_FORM_SCALED &&
				target->type[column] == NUMERICOID &&
				init_scaled(maker, c, target->typmod[column]))
				c->kind = RFM_VALUE_SCALED;
			return;
		case RFM_COL_P_ALIVE:
		case RFM_COL_EXPECTED_ORDERS:
		case RFM_COL_EXPECTED_REVENUE:
			c->kind = RFM_VALUE_FORECAST;
			return;
		case RFM_COL_SEGMENT:
			c->kind = maker->segment ? RFM_VALUE_BY_CELL : RFM_VALUE_NONE;
			break;
		case RFM_COL_COMMENTS:
			c->kind = maker->comment ? RFM_VALUE_BY_CELL : RFM_VALUE_NONE;
			break;
		default:
			c->kind = RFM_VALUE_BY_CELL;
			break;
	}
	c->by_cell = MemoryContextAllocZero(maker->mcxt, RFM_CELLS * sizeof(Datum));
	c->cell_done = MemoryContextAllocZero(maker->mcxt, RFM_CELLS * sizeof(bool));
}

void
rfm_row_maker_init(RfmRowMaker *maker, const RfmModel *model,
				   const RfmTarget *target, const RfmCustomers *customers,
				   const RfmScores *scores, char **segment, char **comment)
{
	memset(maker, 0, sizeof(*maker));
	maker->model = model;
	maker->target = target;
	maker->customers = customers;
	maker->scores = scores;
	maker->segment = segment;
	maker->comment = comment;
	maker->mcxt = CurrentMemoryContext;
	maker->estate = CreateExecutorState();
	for (int i = 0; i < RFM_COLUMNS; i++)
		init_column(maker, (RfmColumn) i);
	if (target->column[RFM_COL_RUN_DATE])
		maker->date_param[0] = rfm_param(target->type[RFM_COL_RUN_DATE],
										 maker->column[RFM_COL_RUN_DATE].constant);
}

void
rfm_row_maker_end(RfmRowMaker *maker)
{
	FreeExecutorState(maker->estate);
}

/*
 * Values of a row.
 */

static int64
row_integer(const RfmRowMaker *maker, RfmColumn column, int64 i)
{
	switch (column)
	{
		case RFM_COL_RECENCY:
			return -maker->customers->code[RFM_RECENCY][i];
		case RFM_COL_FREQUENCY:
			return maker->customers->code[RFM_FREQUENCY][i];
		default:
			return DatumGetInt64(rfm_key_part(&maker->customers->key_type, maker->customers->key[i],
											  key_part(column)));
	}
}

static Datum
row_native_value(const RfmRowMaker *maker, RfmColumn column, int64 i)
{
	const RfmCustomers *customers = maker->customers;

	switch (column)
	{
		case RFM_COL_GROUP:
		case RFM_COL_CUSTOMER:
			return rfm_key_to_datum(rfm_key_part_type(&customers->key_type, key_part(column)),
									rfm_key_part(&customers->key_type, customers->key[i], key_part(column)));
		case RFM_COL_RECENCY:
			return Int32GetDatum((int32) row_integer(maker, column, i));
		case RFM_COL_FREQUENCY:
			return Int64GetDatum(row_integer(maker, column, i));
		default:
			if (customers->money.form == RFM_FORM_REAL)
				return Float8GetDatum(rfm_code_to_double(customers->code[RFM_MONETARY][i]));
			return NumericGetDatum(rfm_money_numeric(&customers->money,
													 customers->code[RFM_MONETARY][i]));
	}
}

/* NaN: there is none. */
static double
row_forecast(const RfmRowMaker *maker, RfmColumn column, int64 i)
{
	const double *forecast = maker->customers->forecast[column - RFM_COL_P_ALIVE];

	return forecast ? forecast[i] : NAN;
}

static void
integer_out_of_range(const RfmRowMaker *maker, RfmColumn column, int64 i)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("%s " INT64_FORMAT " of customer \"%s\" does not fit into column %s of type %s",
					rfm_columns[column].name, row_integer(maker, column, i),
					rfm_key_out(&maker->customers->key_type, maker->customers->key[i]),
					maker->target->column[column],
					format_type_be(maker->target->type[column])),
			 errhint("Give the column a wider type.")));
}

RfmColumn
rfm_row_column(const RfmRowMaker *maker, AttrNumber attnum)
{
	for (int i = 0; i < RFM_COLUMNS; i++)
		if (maker->column[i].kind != RFM_VALUE_NONE && maker->target->attnum[i] == attnum)
			return (RfmColumn) i;
	return (RfmColumn) RFM_COLUMNS;
}

Datum
rfm_row_value(RfmRowMaker *maker, RfmColumn column, int64 i, bool *isnull)
{
	RfmRowColumn *c = &maker->column[column];
	int64		value;
	double		forecast;
	RfmCell		cell;

	*isnull = false;
	switch (c->kind)
	{
		case RFM_VALUE_CONSTANT:
			return c->constant;
		case RFM_VALUE_BY_CELL:
			cell = maker->scores->cell[i];
			if (!c->cell_done[cell])
			{
				c->by_cell[cell] = lasting_value(maker, column, cell);
				c->cell_done[cell] = true;
			}
			return c->by_cell[cell];
		case RFM_VALUE_INT:
			value = row_integer(maker, column, i);
			if (c->typlen == 8)
				return Int64GetDatum(value);
			if (c->typlen == 4)
			{
				if (value < PG_INT32_MIN || value > PG_INT32_MAX)
					integer_out_of_range(maker, column, i);
				return Int32GetDatum((int32) value);
			}
			if (value < PG_INT16_MIN || value > PG_INT16_MAX)
				integer_out_of_range(maker, column, i);
			return Int16GetDatum((int16) value);
		case RFM_VALUE_SCALED:
			value = maker->customers->code[RFM_MONETARY][i];
			if (value < c->limit && value > -c->limit)
				return NumericGetDatum(int64_div_fast_to_numeric(value * c->multiplier,
																 c->scale));
			pg_fallthrough;
		case RFM_VALUE_ANY:
			return convert_value(maker, column, row_native_value(maker, column, i), isnull);
		case RFM_VALUE_FORECAST:
			forecast = row_forecast(maker, column, i);
			if (isnan(forecast))
				break;
			return convert_value(maker, column, Float8GetDatum(forecast), isnull);
		case RFM_VALUE_NONE:
			break;
	}
	*isnull = true;
	return (Datum) 0;
}

/*
 * Comparing.
 */

/* Determine whether a stored numeric is the scaled amount of row i. */
static bool
same_money(const RfmRowMaker *maker, int64 i, Datum existing)
{
	int64		own = maker->customers->code[RFM_MONETARY][i];
	int64		stored;
	uint8		scale;

	return rfm_numeric_to_scaled(existing, &stored, &scale) &&
		rfm_align_scales(&own, maker->customers->money.scale, &stored, scale) &&
		own == stored;
}

/* Two varlenas of plain bytes, with short or long headers. */
static inline bool
same_bytes(struct varlena *a, struct varlena *b)
{
	Size		size = VARSIZE_ANY_EXHDR(a);

	return size == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), size) == 0;
}

static bool
same_datum(const RfmRowMaker *maker, RfmColumn column, Datum a, Datum b)
{
	const RfmRowColumn *c = &maker->column[column];

	if (c->typbyval)
		return a == b;
	if (c->typlen == -1 &&
		!VARATT_IS_EXTERNAL(DatumGetPointer(b)) &&
		!VARATT_IS_COMPRESSED(DatumGetPointer(b)))
	{
		if (same_bytes((struct varlena *) DatumGetPointer(a),
					   (struct varlena *) DatumGetPointer(b)))
			return true;
	}
	else if (datum_image_eq(a, b, c->typbyval, c->typlen))
		return true;
	return getBaseType(maker->target->type[column]) == NUMERICOID &&
		rfm_numeric_cmp(DatumGetNumeric(a), DatumGetNumeric(b)) == 0;
}

bool
rfm_row_same(RfmRowMaker *maker, RfmColumn column, int64 i,
			 Datum existing, bool isnull)
{
	RfmRowColumn *c = &maker->column[column];
	bool		own_isnull;
	Datum		own;

	if (c->kind == RFM_VALUE_INT && !isnull)
	{
		int64		value = c->typlen == 8 ? DatumGetInt64(existing) :
			c->typlen == 4 ? DatumGetInt32(existing) : DatumGetInt16(existing);

		return value == row_integer(maker, column, i);
	}
	if (c->kind == RFM_VALUE_SCALED && !isnull && same_money(maker, i, existing))
		return true;

	own = rfm_row_value(maker, column, i, &own_isnull);
	if (own_isnull || isnull)
		return own_isnull && isnull;
	return same_datum(maker, column, own, existing);
}

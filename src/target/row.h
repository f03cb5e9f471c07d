/*-------------------------------------------------------------------------
 *
 * row.h
 *		The rows of a snapshot as the target's columns hold them.
 *
 * Takes a scored customer; returns the value of each column of its row.
 * Values are computed in their native types and converted to those of the
 * target as for an assignment.  Values that depend only on the cell, or on
 * nothing, are converted once and cached.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_ROW_H
#define RFM_TARGET_ROW_H

#include "base/query.h"
#include "executor/executor.h"
#include "target/target.h"

/* How a column's value is made. */
typedef enum RfmValueKind
{
	RFM_VALUE_NONE,				/* the target has no such column */
	RFM_VALUE_CONSTANT,			/* the same in every row */
	RFM_VALUE_BY_CELL,			/* one for each cell that occurs */
	RFM_VALUE_INT,				/* a row's integer, into an integer column */
	RFM_VALUE_SCALED,			/* a row's scaled money, into a numeric column */
	RFM_VALUE_FORECAST,			/* a row's double, null where there is none */
	RFM_VALUE_ANY				/* a row's value, through the conversion */
} RfmValueKind;

typedef struct RfmRowColumn
{
	RfmValueKind kind;
	int16		typlen;			/* of the target's type */
	bool		typbyval;
	ExprState  *convert;		/* NULL: as it is */
	Datum		constant;
	Datum	   *by_cell;		/* RFM_CELLS of them, made when first needed */
	bool	   *cell_done;
	int			scale;			/* RFM_VALUE_SCALED: of the target's values */
	int64		multiplier;		/* RFM_VALUE_SCALED: from the code */
	int64		limit;			/* RFM_VALUE_SCALED: magnitudes below it fit */
} RfmRowColumn;

/* Everything that a row's values are made from. */
typedef struct RfmRowMaker
{
	const RfmModel *model;
	const RfmTarget *target;
	const RfmCustomers *customers;
	const RfmScores *scores;
	char	  **segment;		/* labels by cell, or NULL */
	char	  **comment;
	MemoryContext mcxt;			/* of constants and values by cell */
	EState	   *estate;
	RfmRowColumn column[RFM_COLUMNS];
	RfmParam	date_param[2];	/* of statements that have the run date as $1, if the target has it */
} RfmRowMaker;

/*
 * rfm_row_maker_init: prepare to make the rows of a snapshot.  segment and
 * comment are labels by cell, or NULL.  All memory is of the current context;
 * rfm_row_maker_end frees what holds resources.
 */
extern void rfm_row_maker_init(RfmRowMaker *maker, const RfmModel *model,
							   const RfmTarget *target,
							   const RfmCustomers *customers,
							   const RfmScores *scores,
							   char **segment, char **comment);

/* rfm_row_maker_end: free the executor state of rfm_row_maker_init. */
extern void rfm_row_maker_end(RfmRowMaker *maker);

/*
 * rfm_row_column: return which of the model's columns an attribute of the target
 * is, RFM_COLUMNS if none.
 */
extern RfmColumn rfm_row_column(const RfmRowMaker *maker, AttrNumber attnum);

/*
 * rfm_row_value: return a column of row i in the target's type.  By-reference
 * results live in the current context or longer.  Raises what an assignment
 * would raise (a value too large for the column, ...).
 */
extern Datum rfm_row_value(RfmRowMaker *maker, RfmColumn column, int64 i,
						   bool *isnull);

/*
 * rfm_row_same: determine whether a stored value of the target's column is
 * that of row i.  Numbers are compared by value (1.0 is 1.00), but labels must
 * be identical.
 */
extern bool rfm_row_same(RfmRowMaker *maker, RfmColumn column, int64 i,
						 Datum existing, bool isnull);

#endif							/* RFM_TARGET_ROW_H */

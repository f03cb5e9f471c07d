/*-------------------------------------------------------------------------
 *
 * expression.h
 *		The SQL expressions that a model holds: customer, order time, order
 *		id, amount and filter.
 *
 * A text from the model becomes a parsed expression over the source relation,
 * and from that the SQL text that goes into the query.  The user's own text
 * never does.  The meaning of a name must not depend on the caller: names are
 * looked up with a fixed search_path, and if this finds another operator than
 * in the user's own SQL, the expression is refused.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_MODEL_EXPRESSION_H
#define RFM_MODEL_EXPRESSION_H

#include "utils/rel.h"

/* The number of the parameter that stands for rfm_run_date() in expressions. */
#define RFM_RUN_DATE_PARAM 1

typedef struct RfmExpression
{
	char	   *sql;			/* deparsed, names qualified, palloc'd */
	Oid			type;			/* result type, may be a domain */
	int32		typmod;
	Oid			collation;
	bool		uses_run_date;	/* has the parameter for rfm_run_date() */
} RfmExpression;

/*
 * rfm_expression_parse: one scalar expression over the columns of source.
 * what names the model's column in messages ("amount", "filter"), model the
 * model; boolean demands a boolean result.  To be called with a locked
 * search_path.  Raises SYNTAX_ERROR for anything but a single expression,
 * FEATURE_NOT_SUPPORTED for volatile functions, the clock and row locks,
 * AMBIGUOUS_FUNCTION for an operator or function that a type from another
 * schema has a version of its own of, and whatever the parser raises.
 */
extern void rfm_expression_parse(const char *expression, Relation source,
								 const char *what, const char *model,
								 bool boolean, RfmExpression *result);

/*
 * rfm_expression_resolve: the same for a column by its exact name, bare, or
 * else an expression.  Raises UNDEFINED_COLUMN, with the names that there are,
 * for a single word that is no column.
 */
extern void rfm_expression_resolve(const char *expression, Relation source,
								   const char *what, const char *model,
								   RfmExpression *result);

#endif							/* RFM_MODEL_EXPRESSION_H */

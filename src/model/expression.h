/*-------------------------------------------------------------------------
 *
 * expression.h
 *		The two SQL expressions that a model may hold: amount and filter.
 *
 * A text from the model becomes a parsed expression over the source relation,
 * and from that the SQL text that goes into the query.  The user's own text
 * never does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_MODEL_EXPRESSION_H
#define RFM_MODEL_EXPRESSION_H

#include "utils/rel.h"

typedef struct RfmExpression
{
	char	   *sql;			/* deparsed, names qualified, palloc'd */
	Oid			type;			/* result type, may be a domain */
	bool		mutable;		/* depends on settings, or on tables */
} RfmExpression;

/*
 * rfm_expression_parse: parse one scalar expression over the columns of source;
 * results in the current context.  Names resolve with the search_path in force,
 * which the caller has locked.  what names the model's column in messages
 * ("amount", "filter"), model the model; boolean demands a boolean result.
 * Raises SYNTAX_ERROR for anything but a single expression,
 * FEATURE_NOT_SUPPORTED for volatile functions and row locks, and whatever the
 * parser raises for the rest.
 */
extern void rfm_expression_parse(const char *text, Relation source,
								 const char *what, const char *model,
								 bool boolean, RfmExpression *result);

#endif							/* RFM_MODEL_EXPRESSION_H */

/*-------------------------------------------------------------------------
 *
 * source.h
 *		The source of a model: the relation, its columns and types.
 *
 * Takes a model, and returns its source with checked expressions.  The queries
 * over it are built by query_text.h and run by query.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_SOURCE_H
#define RFM_READ_SOURCE_H

#include "collect/types.h"
#include "model/expression.h"
#include "model/model.h"
#include "value/calendar.h"

/* The source of a model, resolved. */
typedef struct RfmSource
{
	const char *model;			/* name of the model, for messages */
	char	   *relation;		/* qualified and quoted */
	char	   *alias;			/* quoted: expressions name columns with it */
	char	   *customer;		/* columns or expressions, as SQL */
	char	   *ordered_at;
	char	   *order_id;		/* NULL: an order is a row */
	char	   *orders;			/* how many a row stands for, as int8; NULL: one */
	char	   *group;			/* NULL: all customers are scored together */
	char	   *customer_equals;	/* an operator; NULL: orders of all customers */
	Datum		customer_value; /* else of this one: a value of the key's type */
	char	   *group_equals;	/* an operator; NULL: orders of all groups */
	Datum		group_value;	/* else of this one */
	RfmExpression amount;
	RfmExpression filter;		/* sql is NULL: every row */
	Oid			customer_type;	/* as declared: perhaps a domain */
	int32		customer_typmod;
	RfmKeyType	key;			/* of customers */
	Oid			group_type;		/* as declared; InvalidOid: no groups */
	int32		group_typmod;
	RfmKeyType	group_key;
	RfmKeyType	row_key;		/* of a row of the snapshot: a customer, or one in a group */
	bool		real_amounts;	/* floating-point numbers */
	RfmCalendar calendar;
	bool		uses_run_date;	/* the first parameter of its queries is the run date */
	bool		is_view;
	bool		grouped;		/* the last reading was one row per customer */
} RfmSource;

/*
 * rfm_source_resolve: find and check the source's relation, columns, types and
 * expressions; results in the current context.  To be called as the model's
 * owner (identity.h).  Raises UNDEFINED_TABLE, UNDEFINED_COLUMN,
 * DATATYPE_MISMATCH, WRONG_OBJECT_TYPE, and the errors of expression.h.
 */
extern void rfm_source_resolve(const RfmModel *model, RfmSource *source);

/*
 * rfm_source_customer: return a customer, given as text, as a value of the
 * key's type.  As the model's owner.  Raises the errors of the type's input.
 */
extern Datum rfm_source_customer(const RfmSource *source, const char *customer);

/*
 * rfm_source_only_group: restrict a source to the orders of one group, given as
 * text; NULL: of all.  Returns the group as its type writes it.  As the model's
 * owner.  Raises INVALID_PARAMETER_VALUE for a model that scores all customers
 * together, and the errors of the type's input.
 */
extern char *rfm_source_only_group(RfmSource *source, const char *group);

#endif							/* RFM_READ_SOURCE_H */

/*-------------------------------------------------------------------------
 *
 * access.h
 *		Access to a model's snapshots for the roles that may read them.
 *
 * Takes a model's name; gives the name and columns of its target to the owner
 * of the model and to every role that may SELECT from the target.  Nothing is
 * revealed about the model's source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_ACCESS_H
#define RFM_RUN_ACCESS_H

#include "utils/date.h"
#include "utils/jsonb.h"

typedef struct RfmAccess
{
	char	   *relation;		/* the target, qualified and quoted */
	Jsonb	   *columns;		/* rfm's names to the target's, quoted; those it has */
	char	   *customer_type;	/* of the target's customer column, qualified */
	char	   *customer_equals;	/* the operator, as SQL takes it */
	char	   *group_type;		/* the same of its group; NULL: no index is of use for it */
	char	   *group_equals;
	char	   *segment_rules;	/* NULL: none */
	char	   *comment_rules;	/* NULL: none */
	int			buckets[3];		/* of r, f, m */
	bool		logged;			/* there is a run in the log */
	DateADT		last_run;		/* the date of the last one */
	int64		model_id;
	bool		additive;		/* rfm_period_additive() */
} RfmAccess;

/*
 * rfm_access_open: determine what the current user must know to read the
 * snapshots of the model of that name; results in the current context.  Raises
 * UNDEFINED_OBJECT for an unknown model, UNDEFINED_TABLE where its target has
 * been dropped, and INSUFFICIENT_PRIVILEGE for a user who may neither use the
 * model nor SELECT from any column of its target.
 */
extern void rfm_access_open(const char *model, RfmAccess *access);

#endif							/* RFM_RUN_ACCESS_H */

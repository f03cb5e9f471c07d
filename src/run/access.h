/*-------------------------------------------------------------------------
 *
 * access.h
 *		Where a model's snapshots are, for who may read them.
 *
 * A model belongs to its owner, its snapshots to whoever may SELECT from the
 * target: those are told the target's name and columns, and nothing of the
 * model's source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_ACCESS_H
#define RFM_RUN_ACCESS_H

#include "utils/date.h"
#include "utils/jsonb.h"

typedef struct RfmReader
{
	char	   *relation;		/* the target, qualified and quoted */
	Jsonb	   *columns;		/* rfm's names to the target's, quoted; those it has */
	char	   *customer_type;	/* of the target's customer column, qualified */
	char	   *customer_equals;	/* the operator, as SQL takes it */
	char	   *segment_rules;	/* NULL: none */
	char	   *comment_rules;	/* NULL: none */
	int			buckets[3];		/* of r, f, m */
	bool		logged;			/* there is a run in the log */
	DateADT		last_run;		/* the date of the last one */
} RfmReader;

/*
 * rfm_reader_open: what the current user must know to read the snapshots of
 * the model of that name; results in the current context.  Raises
 * UNDEFINED_OBJECT for an unknown model, UNDEFINED_TABLE where its target is
 * gone, and INSUFFICIENT_PRIVILEGE for who may neither use the model nor
 * SELECT from any column of its target.
 */
extern void rfm_reader_open(const char *model, RfmReader *reader);

#endif							/* RFM_RUN_ACCESS_H */

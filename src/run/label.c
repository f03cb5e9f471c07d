/*-------------------------------------------------------------------------
 *
 * label.c
 *		The labels of a rule set for SQL: rfm_label().
 *
 * A rule set is read once for all rows of a statement, not once per row.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/xact.h"
#include "base/version.h"
#include "run/ruleset.h"
#include "score/rules.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rfm_label);

/*
 * The state on which the rows that a statement sees depend.  An expression of
 * PL/pgSQL keeps its FmgrInfo from one statement of a transaction to the next,
 * so it must be checked that the rules are still the same.
 */
typedef struct SeenBy
{
	SubTransactionId subxact;
	TransactionId xmin;
	TransactionId xmax;
	uint32		running;		/* between the two; they only become fewer */
	CommandId	command;
} SeenBy;

typedef struct LabelCache
{
	MemoryContext mcxt;			/* of all that follows */
	SeenBy		seen_by;
	char	   *ruleset;
	int			buckets[RFM_AXES];
	char	  **labels;			/* of every cell */
} LabelCache;

static SeenBy
get_seen_by(void)
{
	Snapshot	snapshot = GetActiveSnapshot();
	SeenBy		seen_by;

	memset(&seen_by, 0, sizeof(seen_by));
	seen_by.subxact = GetCurrentSubTransactionId();
	seen_by.xmin = snapshot->xmin;
	seen_by.xmax = snapshot->xmax;
	seen_by.running = snapshot->xcnt;
	seen_by.command = snapshot->curcid;
	return seen_by;
}

static LabelCache *
load_cache(FmgrInfo *flinfo, const char *ruleset, const SeenBy *seen_by)
{
	MemoryContext mcxt = AllocSetContextCreate(flinfo->fn_mcxt, "rfm labels",
											   ALLOCSET_SMALL_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(mcxt);
	LabelCache *cache = palloc0(sizeof(LabelCache));

	cache->mcxt = mcxt;
	cache->seen_by = *seen_by;
	cache->ruleset = pstrdup(ruleset);
	rfm_ruleset_buckets(ruleset, cache->buckets);
	cache->labels = rfm_labels_load(ruleset);
	MemoryContextSwitchTo(oldcxt);
	return cache;
}

static LabelCache *
get_cache(FmgrInfo *flinfo, const char *ruleset)
{
	LabelCache *cache = flinfo->fn_extra;
	SeenBy		seen_by = get_seen_by();

	if (cache != NULL && memcmp(&cache->seen_by, &seen_by, sizeof(seen_by)) == 0 &&
		strcmp(cache->ruleset, ruleset) == 0)
		return cache;
	flinfo->fn_extra = NULL;
	if (cache != NULL)
		MemoryContextDelete(cache->mcxt);
	flinfo->fn_extra = load_cache(flinfo, ruleset, &seen_by);
	return flinfo->fn_extra;
}

/*
 * rfm_label(ruleset text, r int4, f int4, m int4) RETURNS text, strict
 */
Datum
rfm_label(PG_FUNCTION_ARGS)
{
	char	   *ruleset;
	LabelCache *cache;
	int			score[RFM_AXES];

	rfm_version_check();
	ruleset = text_to_cstring(PG_GETARG_TEXT_PP(0));
	cache = get_cache(fcinfo->flinfo, ruleset);
	for (int axis = 0; axis < RFM_AXES; axis++)
	{
		score[axis] = PG_GETARG_INT32(1 + axis);
		if (score[axis] < 1 || score[axis] > cache->buckets[axis])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%c = %d is not a score of rule set \"%s\"",
							"rfm"[axis], score[axis], ruleset),
					 errdetail("Scores of that axis are from 1 to %d.",
							   cache->buckets[axis])));
	}
	PG_RETURN_TEXT_P(cstring_to_text(cache->labels[RFM_CELL(score[RFM_RECENCY], score[RFM_FREQUENCY],
															score[RFM_MONETARY])]));
}

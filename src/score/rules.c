/*-------------------------------------------------------------------------
 *
 * rules.c
 *		Rule sets: the label of each cell of the score cube.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/query.h"
#include "score/rules.h"

#define NO_MATCH_LABEL "Others"

/* Bounds of a rule: lower inclusive, upper exclusive. */
typedef struct RuleBounds
{
	int			lower[4];		/* r, f, m, total */
	int			upper[4];
} RuleBounds;

static bool
rule_matches(const RuleBounds *rule, int r, int f, int m)
{
	int			value[4] = {r, f, m, r + f + m};

	for (int i = 0; i < 4; i++)
		if (value[i] < rule->lower[i] || value[i] >= rule->upper[i])
			return false;
	return true;
}

/* Assign the label to matching cells that no earlier rule has matched. */
static void
apply_rule(const RuleBounds *rule, char *label, char **labels)
{
	for (int r = 1; r <= RFM_MAX_BUCKETS; r++)
		for (int f = 1; f <= RFM_MAX_BUCKETS; f++)
			for (int m = 1; m <= RFM_MAX_BUCKETS; m++)
				if (labels[RFM_CELL(r, f, m)] == NULL && rule_matches(rule, r, f, m))
					labels[RFM_CELL(r, f, m)] = label;
}

char **
rfm_labels_load(const char *ruleset)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;
	char	  **labels;
	bool		isnull;

	if (ruleset == NULL)
		return NULL;
	labels = palloc0(RFM_CELLS * sizeof(char *));
	if (rfm_catalog_query(&catalog, "SELECT label,"
						  " coalesce(lower(r), $2), coalesce(upper(r), $3), coalesce(lower(f), $2), coalesce(upper(f), $3),"
						  " coalesce(lower(m), $2), coalesce(upper(m), $3), coalesce(lower(total), $2), coalesce(upper(total), $3)"
						  " FROM @rfm_segment_rule WHERE ruleset = $1 ORDER BY priority",
						  RFM_PARAMS(rfm_text(ruleset), rfm_int4(PG_INT32_MIN), rfm_int4(PG_INT32_MAX)),
						  true) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rule set \"%s\" has no rules", ruleset),
				 errhint("Insert its rules into rfm_segment_rule, or give the model another rule set.")));
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		RuleBounds	rule;

		for (int i = 0; i < 4; i++)
		{
			rule.lower[i] = DatumGetInt32(rfm_column(row, 2 + 2 * i, &isnull));
			rule.upper[i] = DatumGetInt32(rfm_column(row, 3 + 2 * i, &isnull));
		}
		apply_rule(&rule, MemoryContextStrdup(mcxt, rfm_column_text(row, 1)), labels);
	}
	rfm_catalog_query_end(&catalog);

	for (int cell = 0; cell < RFM_CELLS; cell++)
		if (labels[cell] == NULL)
			labels[cell] = NO_MATCH_LABEL;
	return labels;
}

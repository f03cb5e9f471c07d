/*-------------------------------------------------------------------------
 *
 * rules.c
 *		Rule sets: the label of each cell of the score cube.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "score/rules.h"
#include "utils/builtins.h"

#define NO_MATCH_LABEL "Others"

/* Bounds of a rule: lower inclusive, upper exclusive. */
typedef struct RuleBounds
{
	int			lower[4];		/* r, f, m, total */
	int			upper[4];
} RuleBounds;

static int
get_int(int row, int column)
{
	bool		isnull;

	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[row],
									   SPI_tuptable->tupdesc, column, &isnull));
}

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
	StringInfoData sql;
	Oid			type = TEXTOID;
	Datum		value;

	if (ruleset == NULL)
		return NULL;
	labels = palloc0(RFM_CELLS * sizeof(char *));
	value = CStringGetTextDatum(ruleset);

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT label");
	for (int i = 0; i < 4; i++)
	{
		static const char *const column[4] = {"r", "f", "m", "total"};

		appendStringInfo(&sql,
						 ", coalesce(pg_catalog.lower(%s), %d), coalesce(pg_catalog.upper(%s), %d)",
						 column[i], PG_INT32_MIN, column[i], PG_INT32_MAX);
	}
	appendStringInfo(&sql,
					 " FROM %s WHERE ruleset OPERATOR(pg_catalog.=) $1 ORDER BY priority",
					 rfm_public_name("rfm_segment_rule"));

	rfm_catalog_enter(&catalog);
	if (rfm_query(sql.data, 1, &type, &value, true) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rule set \"%s\" has no rules", ruleset),
				 errhint("Insert its rules into rfm_segment_rule, or give the model another rule set.")));
	for (int row = 0; row < (int) SPI_processed; row++)
	{
		RuleBounds	rule;
		char	   *label;

		label = MemoryContextStrdup(mcxt, SPI_getvalue(SPI_tuptable->vals[row],
													   SPI_tuptable->tupdesc, 1));
		for (int i = 0; i < 4; i++)
		{
			rule.lower[i] = get_int(row, 2 + 2 * i);
			rule.upper[i] = get_int(row, 3 + 2 * i);
		}
		apply_rule(&rule, label, labels);
	}
	rfm_query_end();
	rfm_catalog_leave(&catalog);

	for (int cell = 0; cell < RFM_CELLS; cell++)
		if (labels[cell] == NULL)
			labels[cell] = NO_MATCH_LABEL;
	return labels;
}


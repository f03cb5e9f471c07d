/*-------------------------------------------------------------------------
 *
 * customer_index.c
 *		The index of a target by customer, for the history of one of them.
 *
 * The key of a target begins with the run date, as a refresh reads and writes
 * one date.  A query for one customer on all dates would read the whole table.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/genam.h"
#include "base/query.h"
#include "catalog/pg_class.h"
#include "target/customer_index.h"
#include "utils/builtins.h"
#include "utils/rel.h"

void
rfm_customer_index_create(const RfmModel *model, const char *relation, char *const *column)
{
	const char *date = column[RFM_COL_RUN_DATE];

	if (!model->customer_index || (date == NULL && column[RFM_COL_GROUP] == NULL))
		return;
	rfm_execute(psprintf("CREATE INDEX ON %s (%s%s%s)", relation,
						 quote_identifier(column[RFM_COL_CUSTOMER]),
						 date ? ", " : "", date ? quote_identifier(date) : ""),
					SPI_OK_UTILITY, NULL);
}

/* Determine whether the target has an index that begins with the customer. */
static bool
has_index(const RfmTarget *target)
{
	List	   *indexes = RelationGetIndexList(target->rel);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found |= index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == target->attnum[RFM_COL_CUSTOMER] &&
			RelationGetIndexPredicate(index) == NIL;
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return found;
}

void
rfm_customer_index_report(const RfmModel *model, const RfmTarget *target)
{
	const char *date = target->column[RFM_COL_RUN_DATE];

	if (!model->customer_index || has_index(target))
		return;
	ereport(NOTICE,
			(errmsg("target \"%s\" of model \"%s\" has no index that begins with the customer",
					RelationGetRelationName(target->rel), model->name),
			 errdetail("With customer_index, rfm creates one for a new target. It does not change an existing target."),
			 errhint("CREATE INDEX%s ON %s (%s%s%s);",
					 target->relkind == RELKIND_PARTITIONED_TABLE ? "" : " CONCURRENTLY",
					 target->relation, target->column[RFM_COL_CUSTOMER],
					 date ? ", " : "", date ? date : "")));
}

/*-------------------------------------------------------------------------
 *
 * key_check.c
 *		Does a target's key tell customers and dates apart as a refresh does?
 *
 * A refresh finds the row of a customer by the equality of the target's column:
 * that of its type, under its collation.  An index with a finer one lets in
 * several rows of what is one customer to the column.  One with a coarser one
 * does no harm: what it keeps out is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "target/key_check.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

static bool
is_deterministic(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/* Does a column of an index keep out all that is equal in the target's column? */
static bool
equal_in_index(Relation index, int i, const RfmTarget *target, RfmColumn column)
{
	Oid			type = getBaseType(target->type[column]);
	Oid			opcintype = index->rd_opcintype[i];
	Oid			equality = get_opfamily_member(index->rd_opfamily[i], opcintype, opcintype,
											   BTEqualStrategyNumber);

	return equality == lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr &&
		(index->rd_indcollation[i] == target->collation[column] ||
		 is_deterministic(target->collation[column]));
}

/* A unique index on exactly the snapshot's key, always enforced? */
static bool
index_is_on_key(Relation index, const RfmTarget *target)
{
	Form_pg_index form = index->rd_index;
	int			wanted = target->attnum[RFM_COL_RUN_DATE] > 0 ? 2 : 1;
	bool		has_date = false;
	bool		has_customer = false;

	if (!form->indisunique || !form->indisvalid || !form->indimmediate ||
		form->indnkeyatts != wanted || index->rd_rel->relam != BTREE_AM_OID ||
		RelationGetIndexPredicate(index) != NIL ||
		RelationGetIndexExpressions(index) != NIL)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		has_date |= form->indkey.values[i] == target->attnum[RFM_COL_RUN_DATE];
		has_customer |= form->indkey.values[i] == target->attnum[RFM_COL_CUSTOMER];
	}
	return has_customer && (has_date || wanted == 1);
}

/* Do its columns take for one what the target's columns do? */
static bool
index_is_key(Relation index, const RfmTarget *target)
{
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
	{
		RfmColumn	column = index->rd_index->indkey.values[i] == target->attnum[RFM_COL_CUSTOMER] ?
			RFM_COL_CUSTOMER : RFM_COL_RUN_DATE;

		if (!equal_in_index(index, i, target, column))
			return false;
	}
	return true;
}

static void
check_index(const RfmTarget *target)
{
	List	   *indexes = RelationGetIndexList(target->rel);
	const char *other = NULL;
	bool		found = false;
	ListCell   *lc;
	char	   *key;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index_is_on_key(index, target))
		{
			if (index_is_key(index, target))
				found = true;
			else
				other = pstrdup(RelationGetRelationName(index));
		}
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	if (found)
		return;

	key = target->attnum[RFM_COL_RUN_DATE] > 0 ?
		psprintf("%s, %s", target->column[RFM_COL_RUN_DATE], target->column[RFM_COL_CUSTOMER]) :
		target->column[RFM_COL_CUSTOMER];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("target \"%s\" has no unique key on (%s)",
					RelationGetRelationName(target->rel), key),
			 other ?
			 errdetail("Index \"%s\" tells apart, by its collation or its operator class, what is equal in the columns: a customer could have several rows.", other) :
			 errdetail("A snapshot has one row for each customer; without a key nothing keeps it so."),
			 errhint("ALTER TABLE %s ADD PRIMARY KEY (%s);", target->relation, key)));
}

/*
 * A date is another moment in each time zone: a run date of that type would be
 * found in some sessions and not in others.
 */
static void
check_run_date(const RfmTarget *target)
{
	const char *column = target->column[RFM_COL_RUN_DATE];

	if (column == NULL || getBaseType(target->type[RFM_COL_RUN_DATE]) != TIMESTAMPTZOID)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column %s of target \"%s\" is of type %s, which cannot hold run_date",
					column, RelationGetRelationName(target->rel),
					format_type_be(target->type[RFM_COL_RUN_DATE])),
			 errdetail("Which date a value stands for depends on the time zone of whoever reads it."),
			 errhint("ALTER TABLE %s ALTER %s TYPE date USING (%s AT TIME ZONE 'UTC')::date; with the time zone that its dates were written in.",
					 target->relation, column, column)));
}

void
rfm_target_key_check(const RfmTarget *target)
{
	check_run_date(target);
	check_index(target);
}

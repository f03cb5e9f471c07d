/*-------------------------------------------------------------------------
 *
 * key_check.c
 *		Checking that a target's key distinguishes customers and dates as a refresh does.
 *
 * A refresh finds the row of a customer by the equality of the target's
 * column: that of its type, under its collation.  An index with a finer
 * equality admits several rows of what is one customer by the column.  A
 * coarser one does no harm: it raises an error.
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

/*
 * Determine whether a column of an index excludes all values that are equal in
 * the target's column.
 */
static bool
equal_in_index(Relation index, int i, const RfmTarget *target, RfmColumn column)
{
	Oid			type = getBaseType(target->type[column]);
	Oid			opcintype = index->rd_opcintype[i];
	Oid			equality = get_opfamily_member(index->rd_opfamily[i], opcintype, opcintype,
											   BTEqualStrategyNumber);

	return equality == lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr &&
		(index->rd_indcollation[i] == target->collation[column] ||
		 !OidIsValid(target->collation[column]) || get_collation_isdeterministic(target->collation[column]));
}

/* The columns of a snapshot's key, in the order in which a new target has them. */
static const RfmColumn key_columns[] = {RFM_COL_RUN_DATE, RFM_COL_GROUP, RFM_COL_CUSTOMER};

/* Return the column of the snapshot's key that a column of an index is; RFM_COLUMNS: none. */
static RfmColumn
key_column(Relation index, int i, const RfmTarget *target)
{
	for (int k = 0; k < (int) lengthof(key_columns); k++)
		if (target->attnum[key_columns[k]] > 0 &&
			target->attnum[key_columns[k]] == index->rd_index->indkey.values[i])
			return key_columns[k];
	return RFM_COLUMNS;
}

/*
 * Determine whether an index is unique on exactly the snapshot's key, and
 * always enforced.
 */
static bool
index_is_on_key(Relation index, const RfmTarget *target)
{
	Form_pg_index form = index->rd_index;
	bool		has[RFM_COLUMNS] = {false};

	if (!form->indisunique || !form->indisvalid || !form->indimmediate ||
		index->rd_rel->relam != BTREE_AM_OID ||
		RelationGetIndexPredicate(index) != NIL ||
		RelationGetIndexExpressions(index) != NIL)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		RfmColumn	column = key_column(index, i, target);

		if (column == RFM_COLUMNS)
			return false;
		has[column] = true;
	}
	for (int k = 0; k < (int) lengthof(key_columns); k++)
		if (target->attnum[key_columns[k]] > 0 && !has[key_columns[k]])
			return false;
	return true;
}

/*
 * Determine whether its columns treat the same values as equal as the target's
 * columns.
 */
static bool
index_is_key(Relation index, const RfmTarget *target)
{
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
		if (!equal_in_index(index, i, target, key_column(index, i, target)))
			return false;
	return true;
}

/* Return the names of the key's columns. */
static const char *
key_names(const RfmTarget *target)
{
	const char *key = NULL;

	for (int k = 0; k < (int) lengthof(key_columns); k++)
	{
		const char *name = target->column[key_columns[k]];

		if (name)
			key = key ? psprintf("%s, %s", key, name) : name;
	}
	return key;
}

static void
check_index(const RfmTarget *target)
{
	List	   *indexes = RelationGetIndexList(target->rel);
	const char *other = NULL;
	bool		found = false;
	ListCell   *lc;
	const char *key;

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

	key = key_names(target);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("target \"%s\" has no unique key on (%s)",
					RelationGetRelationName(target->rel), key),
			 other ?
			 errdetail("Index \"%s\" distinguishes, by its collation or operator class, values that are equal in the columns, so a customer could have several rows.", other) :
			 target->column[RFM_COL_GROUP] ?
			 errdetail("A snapshot has one row per customer of a group, which only a unique key can ensure.") :
			 errdetail("A snapshot has one row per customer, which only a unique key can ensure."),
			 errhint("ALTER TABLE %s ADD PRIMARY KEY (%s);", target->relation, key)));
}

/*
 * A date is a different time in each time zone: some sessions would find a run
 * date of that type, and others would not.
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
			 errdetail("The date of such a value depends on the time zone of the session."),
			 errhint("ALTER TABLE %s ALTER %s TYPE date USING (%s AT TIME ZONE 'UTC')::date; with the time zone that its dates were written in.",
					 target->relation, column, column)));
}

void
rfm_target_key_check(const RfmTarget *target)
{
	check_run_date(target);
	check_index(target);
}

/*-------------------------------------------------------------------------
 *
 * whole.c
 *		Whether what was written is the snapshot.
 *
 * A trigger, a rule or a policy can suppress a write.  The number of rows that
 * a statement reports does not always show it: a trigger can change a row's
 * key, or delete rows after they were written, and a rule can write to
 * another table.  A partition can have triggers that its parent has not.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "rewrite/prs2lock.h"
#include "target/whole.h"
#include "utils/rel.h"

pg_noreturn static void
not_whole(const RfmRowMaker *maker, char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("the snapshot in target %s of model \"%s\" would not be complete",
					maker->target->relation, maker->model->name),
			 errdetail_internal("%s", detail),
			 errhint("A trigger, a rule or row security of the target prevents rows from being written, or changes their key. To leave out customers, use the model's \"filter\".")));
}

/*
 * Before version 16 a partition can compute a column that is not generated in
 * its parent.
 */
static bool
computes_column(const RfmRowMaker *maker, Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int att = 0; att < desc->natts; att++)
		if (TupleDescAttr(desc, att)->attgenerated != '\0' &&
			rfm_row_column(maker, rfm_place_attnum(maker->target, rel, att + 1)) != RFM_COLUMNS)
			return true;
	return false;
}

/* Determine whether code of the owner of rel runs for its rows. */
static bool
runs_code(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	if (rel->rd_rules)
		return true;
	/* those of foreign keys are internal */
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (!triggers->triggers[i].tgisinternal &&
			triggers->triggers[i].tgenabled != TRIGGER_DISABLED)
			return true;
	return false;
}

/*
 * Determine whether the target or a table in root, which is the target or a
 * partition of it, runs code or, unless maker is NULL, computes a column of the
 * model.
 */
static bool
may_alter(const RfmTarget *target, Oid root, const RfmRowMaker *maker)
{
	bool		found = runs_code(target->rel);
	List	   *partitions;
	ListCell   *lc;

	if (found || target->relkind == RELKIND_RELATION)
		return found;
	partitions = find_all_inheritors(root, AccessShareLock, NULL);
	foreach(lc, partitions)
	{
		/* code of the owner has run, and may have dropped it */
		Relation	rel = try_relation_open(lfirst_oid(lc), AccessShareLock);

		found |= rel == NULL || runs_code(rel) || (maker && computes_column(maker, rel));
		if (rel)
			relation_close(rel, NoLock);
	}
	list_free(partitions);
	return found;
}

bool
rfm_whole_runs_code(const RfmTarget *target)
{
	return may_alter(target, target->relid, NULL);
}

/* Determine whether the target has a rule that replaces a statement. */
static bool
has_instead_rule(const RfmTarget *target)
{
	RuleLock   *rules = target->rel->rd_rules;

	for (int i = 0; rules && i < rules->numLocks; i++)
		if (rules->rules[i]->isInstead)
			return true;
	return false;
}

/* Compare what the target holds now. */
static void
check_rows(RfmRowMaker *maker, RfmCounts *counts)
{
	RfmDiff		now;
	int64		missing;

	rfm_diff_again(maker, &now);
	missing = maker->customers->n - now.nsame - now.nchanged;
	/* a row that was not updated is there, too */
	if (has_instead_rule(maker->target))
		missing += now.nchanged;
	if (missing > 0 || now.ngone > 0 || now.nnull > 0)
		not_whole(maker, psprintf(INT64_FORMAT " rows that were written are missing, "
								  INT64_FORMAT " others are there.",
								  missing, now.ngone + now.nnull));
	pfree(now.state);
	counts->altered = now.nchanged;
	if (counts->altered > 0)
		ereport(WARNING,
				(errmsg(INT64_FORMAT " rows of target %s hold other values than the snapshot of model \"%s\"",
						counts->altered, maker->target->relation, maker->model->name),
				 errdetail("A trigger or a generated column of the target, or of its partition, changes them, so each refresh updates them again."),
				 errhint("Fill a column that the model does not know, or map the column to null in the model's target_columns.")));
}

void
rfm_whole_check(RfmRowMaker *maker, const RfmPlace *place, const RfmDiff *diff, RfmCounts *counts)
{
	int64		insert = maker->customers->n - diff->nsame - diff->nchanged;
	int64		delete = diff->ngone + diff->nnull;

	if (counts->inserted != insert || counts->updated != diff->nchanged ||
		counts->deleted != delete)
		not_whole(maker, psprintf("Of " INT64_FORMAT " new rows " INT64_FORMAT " were inserted, of "
								  INT64_FORMAT " changed ones " INT64_FORMAT " were updated, of "
								  INT64_FORMAT " that are gone " INT64_FORMAT " were deleted.",
								  insert, counts->inserted, diff->nchanged, counts->updated,
								  delete, counts->deleted));
	if (insert + diff->nchanged + delete > 0 && !maker->target->routed &&
		may_alter(maker->target, place->root, maker))
		check_rows(maker, counts);
}

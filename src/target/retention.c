/*-------------------------------------------------------------------------
 *
 * retention.c
 *		Removal of snapshots that are older than a model's retention.
 *
 * An expired partition is best dropped, but DROP locks readers out of the
 * target until the transaction ends.  So it is done as the last step of a
 * refresh, only if all locks are free at that moment, and only if the refresh
 * is a transaction of its own, which commits right afterwards.  Otherwise the
 * partition is emptied by DELETE, which blocks no reader, and a later refresh
 * drops it.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "target/partition.h"
#include "target/place.h"
#include "target/retention.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

void
rfm_retention_check(const RfmModel *model, const RfmTarget *target)
{
	if (model->retention == NULL)
		return;
	if (target->column[RFM_COL_RUN_DATE] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" cannot have a retention", model->name),
				 errdetail("Its target has no run_date column and holds only the newest snapshot."),
				 errhint("Set retention to null.")));
	if (getBaseType(target->type[RFM_COL_RUN_DATE]) != DATEOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("model \"%s\" cannot have a retention", model->name),
				 errdetail("Column %s of its target is of type %s, not date.",
						   target->column[RFM_COL_RUN_DATE],
						   format_type_be(target->type[RFM_COL_RUN_DATE])),
				 errhint("Set retention to null, or change the type of the column.")));
}

/*
 * Dates of the target.
 */

/*
 * Determine the smallest or largest run date from first to last that the
 * target has, as aggregate ("min" or "max") says.  Returns false if there is
 * none.
 */
static bool
find_date(const RfmTarget *target, const char *aggregate, DateADT first, DateADT last,
		  DateADT *found)
{
	const char *column = target->column[RFM_COL_RUN_DATE];
	bool		isnull;

	rfm_target_verify(target);
	*found = DatumGetDateADT(rfm_query_value(psprintf("SELECT pg_catalog.%s(%s) FROM %s%s WHERE %s >= $1 AND %s <= $2",
													  aggregate, column, rfm_target_only(target),
													  target->relation, column, column),
											 RFM_PARAMS(rfm_date(first), rfm_date(last)), false, &isnull));
	return !isnull;
}

/* Delete the rows of a date, and return how many. */
static uint64
delete_date(const RfmTarget *target, DateADT date)
{
	rfm_target_verify(target);
	return rfm_execute(psprintf("DELETE FROM %s%s WHERE %s = $1",
								rfm_target_only(target), target->relation,
								target->column[RFM_COL_RUN_DATE]),
					   SPI_OK_DELETE, RFM_PARAMS(rfm_date(date)));
}

/*
 * Return how many run dates the target has from first to last, and delete their
 * rows if asked to.  Goes from one date to the next, so that an index serves and
 * one statement never deletes more than one snapshot.
 */
static int64
count_dates(const RfmTarget *target, DateADT first, DateADT last, bool delete)
{
	int64		n = 0;
	DateADT		date;

	/* deleted rows are still in the index: start after them */
	while (first <= last && find_date(target, "min", first, last, &date))
	{
		CHECK_FOR_INTERRUPTS();
		/* a trigger or a rule can keep them */
		if (!delete || delete_date(target, date) > 0)
			n++;
		if (date == DATEVAL_NOEND)
			break;
		first = date == DATEVAL_NOBEGIN ? DATEVAL_NOBEGIN + 1 : date + 1;
	}
	return n;
}

/*
 * Determine the first date that the target keeps.  Returns false where it keeps
 * all.  run_date, unless NULL, counts as if the target had it already.
 */
static bool
first_kept(const RfmModel *model, const RfmTarget *target, const RfmCalendar *calendar,
		   const DateADT *run_date, DateADT *kept)
{
	DateADT		today = rfm_calendar_today(calendar);
	DateADT		newest;
	bool		found;

	if (model->retention == NULL)
		return false;
	found = find_date(target, "max", DATEVAL_NOBEGIN, today, &newest);
	if (run_date && *run_date <= today && (!found || *run_date > newest))
	{
		newest = *run_date;
		found = true;
	}
	if (!found || DATE_NOT_FINITE(newest))
		return false;
	*kept = Min(rfm_calendar_first_day(newest, model->retention), newest);
	return !DATE_IS_NOBEGIN(*kept);
}

DateADT
rfm_retention_first(const RfmModel *model, const RfmTarget *target,
					const RfmCalendar *calendar, DateADT run_date)
{
	DateADT		kept;

	return first_kept(model, target, calendar, &run_date, &kept) ? kept : DATEVAL_NOBEGIN;
}

void
rfm_retention_check_date(const RfmModel *model, const RfmTarget *target,
						 const RfmCalendar *calendar, DateADT run_date)
{
	DateADT		kept;

	if (!first_kept(model, target, calendar, &run_date, &kept) || run_date >= kept)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("run date %s is beyond the retention of model \"%s\"",
					rfm_calendar_text(run_date),
					model->name),
			 errdetail("Its target keeps snapshots from %s on; this one would be removed immediately.",
					   rfm_calendar_text(kept)),
			 errhint("rfm_preview() computes the snapshot without storing it. To store it, increase the retention: UPDATE rfm_model SET retention = ... WHERE model = %s.",
					 quote_literal_cstr(model->name))));
}

/*
 * Dropping partitions.
 */

static void
drop_table(void *name)
{
	rfm_execute(psprintf("DROP TABLE %s", (const char *) name), SPI_OK_UTILITY, NULL);
}

/*
 * May a partition that has this many run dates be dropped instead of emptied?
 * Not inside a transaction block, and not if its rows have triggers that DROP
 * would not fire, or policies that DELETE would obey.
 */
static bool
may_drop(const RfmTarget *target, const RfmPartition *partition, int64 dates)
{
	Relation	rel;
	bool		plain;

	if (!rfm_partition_is_own(partition->relid) || IsTransactionBlock() ||
		check_enable_rls(target->relid, InvalidOid, true) != RLS_NONE)
		return false;
	if (dates == 0)
		return true;
	rel = table_open(partition->relid, AccessShareLock);
	plain = rfm_place_bypasses(target, rel) &&
		rel->trigdesc == NULL && rel->rd_rules == NULL;
	table_close(rel, NoLock);
	return plain;
}

/*
 * Take all locks that DROP needs, without waiting, until the transaction ends.
 * The target comes last, as most other sessions need that one.  Returns false
 * if one of them is not free.
 */
static bool
lock_for_drop(const RfmTarget *target, const RfmPartitions *partitions,
			  const RfmPartition *partition)
{
	return ConditionalLockRelationOid(partition->relid, AccessExclusiveLock) &&
		(!OidIsValid(partitions->default_relid) ||
		 ConditionalLockRelationOid(partitions->default_relid, AccessExclusiveLock)) &&
		ConditionalLockRelationOid(target->relid, AccessExclusiveLock);
}

/*
 * Drop a partition all of whose dates have expired, and add their number to
 * *expired.  Returns true also if it must not be dropped at all: then its rows
 * are left to DELETE.  Returns false if a later refresh is to drop it: then
 * nothing of it may be deleted now.
 */
static bool
drop_partition(const RfmTarget *target, const RfmPartitions *partitions,
			   const RfmPartition *partition, int64 *expired)
{
	char	   *name = get_rel_name(partition->relid);
	int64		dates = count_dates(target, partition->lower, partition->upper - 1, false);
	ErrorData  *error;

	if (!may_drop(target, partition, dates))
		return true;
	if (!lock_for_drop(target, partitions, partition))
	{
		ereport(NOTICE,
				(errmsg("expired partition \"%s\" is kept until a later refresh", name),
				 errdetail("Other transactions are using it or target %s.", target->relation)));
		return false;
	}
	error = rfm_try(drop_table, rfm_relation_name(partition->relid));
	if (error == NULL)
	{
		*expired += dates;
		return true;
	}
	if (error->sqlerrcode != ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST &&
		error->sqlerrcode != ERRCODE_OBJECT_IN_USE)
		ReThrowError(error);
	if (error->sqlerrcode == ERRCODE_OBJECT_IN_USE)
	{
		ereport(NOTICE,
				(errmsg("expired partition \"%s\" is kept until a later refresh", name),
				 errdetail("This session is using it.")));
		return false;
	}
	ereport(NOTICE,
			(errmsg("expired partition \"%s\" has been emptied, but not dropped", name),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 errhint("Drop what depends on it, or detach it from target %s.", target->relation)));
	return true;
}

int64
rfm_retention_apply(const RfmModel *model, const RfmTarget *target,
					const RfmCalendar *calendar)
{
	RfmPartitions partitions;
	DateADT		kept;
	DateADT		first = DATEVAL_NOBEGIN;
	int64		expired = 0;

	if (!first_kept(model, target, calendar, NULL, &kept))
		return 0;
	if (rfm_partitions_read(target, &partitions))
	{
		for (int i = 0; i < partitions.n; i++)
		{
			const RfmPartition *partition = &partitions.partition[i];

			/*
			 * a partition that is to be dropped later is not emptied: DELETE
			 * begins after it
			 */
			if (partition->upper <= kept &&
				!drop_partition(target, &partitions, partition, &expired))
				first = partition->upper;
		}
	}
	return expired + count_dates(target, first, kept - 1, true);
}

/*-------------------------------------------------------------------------
 *
 * write.c
 *		Writing of a snapshot to its target.
 *
 * New rows go in bulk and in key order straight to the table and its indexes
 * where the target, or the partition that takes them all, is a plain table
 * without triggers and the like.  All else is an ordinary INSERT, UPDATE or
 * DELETE over a tuplestore, so that triggers, foreign keys, generated columns,
 * row security and partition routing behave as they always do.  Where Citus
 * routes the rows of the target, it writes them (routed.h).
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/table.h"
#include "access/xact.h"
#include "base/query.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "storage/lmgr.h"
#include "target/bulk.h"
#include "target/diff.h"
#include "target/place.h"
#include "target/routed.h"
#include "target/whole.h"
#include "target/write.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* The name that statements give to the tuplestore of their rows. */
#define ROWS_NAME "rfm_rows"

/*
 * The executor's path.
 */

/* Columns that statements write, in the order of their c1, c2, ... */
typedef struct WrittenColumns
{
	int			n;
	RfmColumn	column[RFM_COLUMNS];
	TupleDesc	desc;
} WrittenColumns;

static void
list_columns(const RfmRowMaker *maker, WrittenColumns *written)
{
	const RfmTarget *target = maker->target;

	/* the customer is c1 everywhere, and the group, if any, c2 */
	written->n = 0;
	written->column[written->n++] = RFM_COL_CUSTOMER;
	if (target->column[RFM_COL_GROUP])
		written->column[written->n++] = RFM_COL_GROUP;
	for (int i = 0; i < RFM_COLUMNS; i++)
		if (i != RFM_COL_CUSTOMER && i != RFM_COL_GROUP && maker->column[i].kind != RFM_VALUE_NONE)
			written->column[written->n++] = (RfmColumn) i;

	written->desc = rfm_target_desc(target, written->column, written->n);
}

/* Return the rows of the snapshot that are in one state, as they will be written. */
static Tuplestorestate *
rows_in_state(RfmRowMaker *maker, const RfmDiff *diff, RfmRowState state,
			  const WrittenColumns *written)
{
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	MemoryContext rowcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm row",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(rowcxt);

	for (int64 i = 0; i < maker->customers->n; i++)
	{
		Datum		values[RFM_COLUMNS];
		bool		isnull[RFM_COLUMNS];

		if (diff->state[i] != state)
			continue;
		for (int c = 0; c < written->n; c++)
			values[c] = rfm_row_value(maker, written->column[c], i, &isnull[c]);
		tuplestore_putvalues(store, written->desc, values, isnull);
		MemoryContextReset(rowcxt);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(rowcxt);
	return store;
}

/*
 * Run a statement over a tuplestore, free the tuplestore, and return the
 * number of rows written.
 */
static int64
run_statement(RfmRowMaker *maker, const char *sql, int expected, Tuplestorestate *rows, TupleDesc desc)
{
	int64		processed;

	rfm_target_verify(maker->target);
	processed = (int64) rfm_execute_over(ROWS_NAME, rows, desc, sql, expected, maker->date_param);
	tuplestore_end(rows);
	return processed;
}

/* Append the WHERE clause of UPDATE and DELETE: the target's key is that of the row. */
static void
append_key_condition(StringInfo sql, const RfmTarget *target)
{
	appendStringInfo(sql, " WHERE t.%s %s s.c1",
					 target->column[RFM_COL_CUSTOMER],
					 rfm_equality(target->type[RFM_COL_CUSTOMER]));
	if (target->column[RFM_COL_GROUP])
		appendStringInfo(sql, " AND t.%s %s s.c2",
						 target->column[RFM_COL_GROUP],
						 rfm_equality(target->type[RFM_COL_GROUP]));
	if (target->column[RFM_COL_RUN_DATE])
		appendStringInfo(sql, " AND t.%s %s $1", target->column[RFM_COL_RUN_DATE],
						 rfm_equality(target->type[RFM_COL_RUN_DATE]));
}

/* Delete the rows that have no customer: nothing is equal to them. */
static int64
delete_without_customer(RfmRowMaker *maker, const RfmDiff *diff)
{
	const RfmTarget *target = maker->target;
	StringInfoData sql;

	if (diff->nnull == 0)
		return 0;
	rfm_target_verify(target);
	initStringInfo(&sql);
	/* a composite value with a null field is not null */
	appendStringInfo(&sql, "DELETE FROM %s%s WHERE %s IS NOT DISTINCT FROM NULL",
					 rfm_target_only(target), target->relation,
					 target->column[RFM_COL_CUSTOMER]);
	if (target->column[RFM_COL_RUN_DATE])
		appendStringInfo(&sql, " AND %s %s $1", target->column[RFM_COL_RUN_DATE],
						 rfm_equality(target->type[RFM_COL_RUN_DATE]));
	return (int64) rfm_execute(sql.data, SPI_OK_DELETE, maker->date_param);
}

static int64
delete_gone(RfmRowMaker *maker, const RfmDiff *diff)
{
	const RfmTarget *target = maker->target;
	StringInfoData sql;

	if (diff->ngone == 0)
	{
		tuplestore_end(diff->gone);
		return 0;
	}
	if (target->routed)
		return rfm_routed_delete(maker, diff->gone, diff->gone_desc);
	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s%s AS t USING " ROWS_NAME " AS s",
					 rfm_target_only(target), target->relation);
	append_key_condition(&sql, target);
	return run_statement(maker, sql.data, SPI_OK_DELETE, diff->gone, diff->gone_desc);
}

static int64
update_by_statement(RfmRowMaker *maker, const RfmDiff *diff, const WrittenColumns *written)
{
	const RfmTarget *target = maker->target;
	StringInfoData sql;
	const char *separator = "";
	int64		processed;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s%s AS t SET ", rfm_target_only(target), target->relation);
	for (int c = 0; c < written->n; c++)
	{
		RfmColumn	column = written->column[c];

		if (rfm_column_stays(column))
			continue;
		appendStringInfo(&sql, "%s%s = s.c%d", separator, target->column[column], c + 1);
		separator = ", ";
	}
	appendStringInfoString(&sql, " FROM " ROWS_NAME " AS s");
	append_key_condition(&sql, target);
	processed = run_statement(maker, sql.data, SPI_OK_UPDATE,
							  rows_in_state(maker, diff, RFM_ROW_CHANGED, written), written->desc);
	rfm_progress_done(processed);
	return processed;
}

static int64
insert_by_statement(RfmRowMaker *maker, const RfmDiff *diff, const WrittenColumns *written)
{
	const RfmTarget *target = maker->target;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", target->relation);
	for (int c = 0; c < written->n; c++)
		appendStringInfo(&sql, "%s%s", c > 0 ? ", " : "",
						 target->column[written->column[c]]);
	appendStringInfoString(&sql, ") SELECT * FROM " ROWS_NAME);
	return run_statement(maker, sql.data, SPI_OK_INSERT,
						 rows_in_state(maker, diff, RFM_ROW_NEW, written), written->desc);
}

/*
 * Which path.
 */

static int64
update_changed(RfmRowMaker *maker, const RfmDiff *diff, const WrittenColumns *written,
			   const RfmPlace *place)
{
	Relation	rel;
	bool		straight;

	if (diff->nchanged == 0)
		return 0;
	if (maker->target->routed)
		return rfm_routed_insert(maker->target,
								 rows_in_state(maker, diff, RFM_ROW_CHANGED, written),
								 written->desc, written->column, true);
	if (diff->changed == NULL || !OidIsValid(place->relid))
		return update_by_statement(maker, diff, written);
	rel = rfm_place_open(place);
	straight = rfm_bulk_allowed(maker, rel);
	if (straight)
		rfm_bulk_update(maker, rel, diff->changed, diff->nchanged);
	table_close(rel, NoLock);
	return straight ? diff->nchanged : update_by_statement(maker, diff, written);
}

static int64
insert_new(RfmRowMaker *maker, const RfmDiff *diff, const WrittenColumns *written,
		   RfmPlace *place)
{
	int64		nrows = maker->customers->n - diff->nsame - diff->nchanged;
	Relation	rel;
	bool		straight;

	if (nrows == 0)
		return 0;
	if (maker->target->routed)
		return rfm_routed_insert(maker->target,
								 rows_in_state(maker, diff, RFM_ROW_NEW, written),
								 written->desc, written->column, false);
	rel = rfm_place_open(place);
	straight = rfm_bulk_allowed(maker, rel);
	if (straight)
		rfm_bulk_insert(maker, rel, diff->state);
	table_close(rel, NoLock);
	if (straight)
		return nrows;
	rfm_place_attach(place);
	return insert_by_statement(maker, diff, written);
}

/*
 * Check that the target has not been changed since the transaction's snapshot,
 * where all statements share one: a snapshot taken now, after the lock, must
 * call for the same writes.
 */
static void
check_serializable(RfmRowMaker *maker, const RfmDiff *diff)
{
	RfmDiff		now;

	rfm_diff_again(maker, &now);
	if (now.ngone != diff->ngone || now.nnull != diff->nnull ||
		memcmp(now.state, diff->state, maker->customers->n) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent changes of target %s",
						maker->target->relation),
				 errhint("The refresh might succeed if retried.")));
	pfree(now.state);
}

/*
 * Raise an error if an index of the target is being built concurrently: that
 * command waits for our database snapshot, while it has a lock for which we
 * would wait.  As a deadlock, it could be the one that fails, and leave an
 * invalid index.
 */
static void
check_index_builds(const RfmTarget *target)
{
	bool		isnull;
	Datum		pid;

	pgstat_clear_backend_activity_snapshot();
	pid = rfm_catalog_value("SELECT s.pid FROM pg_stat_progress_create_index s"
							" WHERE s.relid = $1 AND s.command LIKE '%CONCURRENTLY'",
							RFM_PARAMS(rfm_oid(target->relid)), true, &isnull);
	if (isnull)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
			 errmsg("an index of target \"%s\" is being built concurrently",
					RelationGetRelationName(target->rel)),
			 errdetail("Process %d waits for this refresh to end, which would wait for its lock.", DatumGetInt32(pid)),
			 errhint("Refresh again when the index has been built. rfm_catch_up and rfm_backfill do this automatically.")));
}

/*
 * Lock the target: readers are not blocked, and the compared rows cannot
 * change before they are written.  Sessions that have locked rows with SELECT
 * FOR UPDATE are waited for here rather than at the rows, because they may
 * update them.
 */
static void
lock_target(const RfmTarget *target)
{
	if (ConditionalLockRelationOid(target->relid, ExclusiveLock))
		return;
	check_index_builds(target);
	LockRelationOid(target->relid, ExclusiveLock);
}

void
rfm_target_write(const RfmModel *model, RfmTarget *target,
				 const RfmCustomers *customers, const RfmScores *scores,
				 char **segment, char **comment, RfmCounts *counts)
{
	RfmRowMaker maker;
	RfmDiff		diff;
	WrittenColumns written;
	RfmPlace	place;

	lock_target(target);
	rfm_place_find(&place, model, target, customers);

	rfm_row_maker_init(&maker, model, target, customers, scores, segment, comment);
	rfm_diff_build(&maker, false, &diff);
	/*
	 * other servers have their own database snapshots, and detect it
	 * themselves
	 */
	if (IsolationUsesXactSnapshot() && !target->routed)
		check_serializable(&maker, &diff);
	list_columns(&maker, &written);

	counts->unchanged = diff.nsame;
	counts->deleted = delete_gone(&maker, &diff) + delete_without_customer(&maker, &diff);
	counts->updated = update_changed(&maker, &diff, &written, &place);
	counts->inserted = insert_new(&maker, &diff, &written, &place);
	rfm_whole_check(&maker, &place, &diff, counts);
	rfm_place_finish(&place, counts->inserted);
	rfm_row_maker_end(&maker);
}

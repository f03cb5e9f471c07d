/*-------------------------------------------------------------------------
 *
 * pushdown.c
 *		A refresh in which the orders, and the rows, stay where they lie.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "owner.h"
#include "pushdown.h"
#include "pushdown_cuts.h"
#include "pushdown_sql.h"
#include "retention.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

int			rfm_summary_size = 256;

typedef struct Pushdown
{
	const RfmModel *model;
	const RfmSource *source;
	RfmPushdownSql sql;
	Snapshot	snapshot;		/* what every statement sees; NULL: shards have their own */
	MemoryContext mcxt;
	RfmProgress *progress;
	bool		asked;			/* the first query, which reads, is done */
} Pushdown;

/* The one int8 that the query under way gives. */
static int64
result_count(void)
{
	bool		isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static int64
count_rows(Pushdown *push)
{
	int64		count;

	SPI_connect();
	rfm_source_execute(push->source, rfm_pushdown_count(&push->sql), push->snapshot, false);
	count = result_count();
	SPI_finish();
	return count;
}

static int64
write_rows(Pushdown *push, char *sql)
{
	int64		count;

	SPI_connect();
	rfm_source_execute(push->source, sql, push->snapshot, true);
	count = (int64) SPI_processed;
	SPI_finish();
	return count;
}

static RfmRankSummary *
ask_shards(void *arg, RfmRankRequest *request)
{
	Pushdown   *push = (Pushdown *) arg;
	RfmRankSummary *summary = NULL;
	Datum		value;
	bool		isnull;

	SPI_connect();
	rfm_source_execute(push->source,
					   rfm_pushdown_summary(&push->sql, rfm_rank_request_text(request)),
					   push->snapshot, false);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
	{
		struct varlena *flat = PG_DETOAST_DATUM_PACKED(value);

		ereport(DEBUG1,
				(errmsg_internal("rfm: %zu bytes in all", (size_t) VARSIZE_ANY_EXHDR(flat))));
		summary = rfm_rank_summary_parse(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat), push->mcxt);
	}
	SPI_finish();
	if (!push->asked)
		rfm_progress_next(push->progress, INT64_FORMAT " customers",
						  summary ? summary->customers : (int64) 0);
	push->asked = true;
	return summary;
}

/*
 * In a transaction with one snapshot for all its statements others may have
 * added rows to the target that no statement of ours has seen.
 */
static void
check_serializable(Pushdown *push, int64 expected)
{
	int64		count;

	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	if (SPI_execute(rfm_pushdown_count(&push->sql), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the target");
	count = result_count();
	SPI_finish();
	PopActiveSnapshot();
	if (count != expected)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent changes of target %s",
						push->sql.maker->target->relation),
				 errhint("The refresh might succeed if retried.")));
}

/*
 * Writes what differs.  How many rows were new follows from how many there
 * were before and are now: no statement over shards tells it.
 */
static void
write_target(Pushdown *push, RfmPushdownCuts *cuts, RfmCounts *counts)
{
	int64		customers = cuts->first ? cuts->first->customers : 0;
	int64		before = count_rows(push);
	int64		after = before;
	int64		written = 0;

	if (customers > 0)
	{
		written = write_rows(push, rfm_pushdown_upsert(&push->sql,
													   rfm_rank_request_text(&cuts->cuts),
													   rfm_rank_summary_scale(cuts->first)));
		after = count_rows(push);
	}
	counts->inserted = after - before;
	counts->updated = written - counts->inserted;
	counts->unchanged = customers - written;
	counts->deleted = 0;
	if (after > customers && !push->model->keep_stale)
		counts->deleted = write_rows(push, rfm_pushdown_delete(&push->sql));
	if (push->snapshot && IsolationUsesXactSnapshot())
		check_serializable(push, after - counts->deleted);
}

/*
 * Everything that the statements will lock is locked, and nobody else writes
 * to the target any more: what is committed by now is what they all see.
 */
static void
take_snapshot(Oid nsp, Pushdown *push, const RfmTarget *target)
{
	rfm_source_check(nsp, push->source);
	LockRelationOid(target->relid, ShareRowExclusiveLock);
	if (!push->sql.distributed)
		push->snapshot = RegisterSnapshot(GetTransactionSnapshot());
}

static void
run(Oid nsp, Pushdown *push, RfmSnapshot *snapshot, RfmCounts *counts)
{
	RfmPushdownCuts *cuts = palloc(sizeof(RfmPushdownCuts));

	rfm_pushdown_find_cuts(push->model, push->source, (int64) rfm_summary_size * 1024,
						   ask_shards, push, cuts);
	rfm_progress_next(&snapshot->progress, "cut points after %d queries", cuts->passes);
	rfm_progress_next(&snapshot->progress, "scores come with the rows");
	write_target(push, cuts, counts);
	rfm_pushdown_describe(push->model, cuts, ask_shards(push, &cuts->cuts),
						  snapshot->run_date, &snapshot->customers, &snapshot->scores);
}

void
rfm_pushdown_refresh(Oid nsp, const RfmModel *model, const DateADT *run_date,
					 bool distributed, RfmSnapshot *snapshot, RfmCounts *counts)
{
	RfmSource  *source = &snapshot->source;
	RfmTarget	target;
	RfmOwner	owner;
	RfmRowMaker maker;
	RfmCustomers nobody = {0};
	Pushdown	push = {.model = model,.source = source,.mcxt = CurrentMemoryContext,
	.progress = &snapshot->progress};

	if (run_date)
		rfm_snapshot_check_date(*run_date);
	rfm_snapshot_begin(nsp, model, snapshot);

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, source);
	snapshot->run_date = run_date ? *run_date : rfm_snapshot_default_date(model, source);
	rfm_progress_date(snapshot->run_date, model->owner);
	rfm_owner_leave(&owner);

	/* constants become the target's types as in any refresh: in the session's zone */
	rfm_owner_enter(&owner, model->owner, NULL);
	rfm_target_resolve(model, source, &target);
	rfm_retention_check_date(model, &target, &source->calendar, snapshot->run_date);
	nobody.run_date = snapshot->run_date;
	nobody.key_type = source->key;
	rfm_row_maker_init(&maker, model, &target, &nobody, NULL,
					   snapshot->segment, snapshot->comment);
	rfm_owner_leave(&owner);

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	push.sql = (RfmPushdownSql) {
		.schema = quote_identifier(get_namespace_name(nsp)),.model = model,
		.source = source,.maker = &maker,.run_date = snapshot->run_date,
		.distributed = distributed
	};
	take_snapshot(nsp, &push, &target);
	run(nsp, &push, snapshot, counts);
	if (push.snapshot)
		UnregisterSnapshot(push.snapshot);
	rfm_owner_leave(&owner);

	rfm_owner_enter(&owner, model->owner, NULL);
	rfm_row_maker_end(&maker);
	counts->expired = rfm_retention_apply(model, &target, &source->calendar);
	rfm_owner_leave(&owner);
}

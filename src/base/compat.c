/*-------------------------------------------------------------------------
 *
 * compat.c
 *		What one line of compat.h cannot bridge.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_publication.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "replication/walsender.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* Does logical replication send what is inserted into the table, or, for a partitioned one, its partitions? */
bool
rfm_inserts_are_published(Relation rel)
{
#if PG_VERSION_NUM >= 150000
	PublicationDesc desc;

	RelationBuildPublicationDesc(rel, &desc);
	return desc.pubactions.pubinsert;
#else
	return GetRelationPublicationActions(rel)->pubinsert;
#endif
}

/*
 * Replaces the row at tid by the one in slot, in the indexes, too.
 */
void
rfm_table_update(ResultRelInfo *rri, ItemPointer tid, TupleTableSlot *slot, EState *estate)
{
	TM_FailureData failure;
	LockTupleMode lockmode;
	TM_Result	result;
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes update = TU_None;
#else
	bool		update = false;
#endif

	result = table_tuple_update(rri->ri_RelationDesc, tid, slot, GetCurrentCommandId(true),
								GetActiveSnapshot(), InvalidSnapshot, true,
								&failure, &lockmode, &update);
	if (result == TM_SelfModified)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("a row of table \"%s\" was changed by code that ran while it was being updated",
						RelationGetRelationName(rri->ri_RelationDesc)),
				 errdetail("A check, a default or an index expression of its owner did it.")));
	if (result != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
	if (!update || rri->ri_NumIndices == 0)
		return;
#if PG_VERSION_NUM >= 160000
	list_free(ExecInsertIndexTuples(rri, slot, estate, true, false, NULL, NIL,
									update == TU_Summarizing));
#else
	list_free(ExecInsertIndexTuples(rri, slot, estate, true, false, NULL, NIL));
#endif
}

/*
 * Prepares a set-returning function to fill rsinfo->setResult.
 */
void
rfm_init_materialized_srf(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext oldcxt;
	TupleDesc	desc;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		(rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));

	oldcxt = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	rsinfo->setDesc = BlessTupleDesc(desc);
	MemoryContextSwitchTo(oldcxt);
}

#if PG_VERSION_NUM >= 150000

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static Size (*requested_size) (void) = NULL;

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(requested_size());
}

/*
 * Asks for shared memory of this size, once, from _PG_init.
 */
void
rfm_request_shmem(Size (*size) (void))
{
	requested_size = size;
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
}

/*
 * How many processes may run transactions; not to be asked before the hook.
 */
int
rfm_max_backends(void)
{
	return MaxBackends;
}

#else

void
rfm_request_shmem(Size (*size) (void))
{
	RequestAddinShmemSpace(size());
}

int
rfm_max_backends(void)
{
	return MaxConnections + autovacuum_max_workers + 1 +
		max_worker_processes + max_wal_senders;
}

#endif

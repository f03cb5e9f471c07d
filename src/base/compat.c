/*-------------------------------------------------------------------------
 *
 * compat.c
 *		Differences between server versions that need more than a line in compat.h.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/tableam.h"
#include "access/xact.h"
#if PG_VERSION_NUM >= 190000
#include "nodes/miscnodes.h"
#endif
#include "utils/snapmgr.h"

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
#if PG_VERSION_NUM >= 190000
								0,
#endif
								GetActiveSnapshot(), InvalidSnapshot, true,
								&failure, &lockmode, &update);
	if (result == TM_SelfModified)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("a row of table \"%s\" was changed by code that ran while it was being updated",
						RelationGetRelationName(rri->ri_RelationDesc)),
				 errdetail("It was changed by a check, a default or an index expression of its owner.")));
	if (result != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
	if (!update || rri->ri_NumIndices == 0)
		return;
	list_free(rfm_ExecInsertIndexTuples(rri, estate, true, update == TU_Summarizing, slot));
}

Numeric
rfm_numeric_add(Numeric a, Numeric b, bool *overflow)
{
#if PG_VERSION_NUM >= 190000
	ErrorSaveContext soft = {T_ErrorSaveContext};
	Numeric		sum = numeric_add_safe(a, b, (Node *) &soft);

	*overflow = soft.error_occurred;
	return sum;
#else
	*overflow = false;
	return numeric_add_opt_error(a, b, overflow);
#endif
}

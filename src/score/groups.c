/*-------------------------------------------------------------------------
 *
 * groups.c
 *		Scores within groups, and what is logged of each group.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "score/cut_points.h"
#include "score/groups.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "value/key_pair.h"

RfmGroupLog *
rfm_group_log_create(void)
{
	RfmGroupLog *log = palloc(sizeof(RfmGroupLog));

	log->desc = CreateTemplateTupleDesc(4);
	TupleDescInitEntry(log->desc, 1, "score_group", TEXTOID, -1, 0);
	TupleDescInitEntry(log->desc, 2, "customers", INT8OID, -1, 0);
	TupleDescInitEntry(log->desc, 3, "orders", INT8OID, -1, 0);
	TupleDescInitEntry(log->desc, 4, "cut_points", JSONBOID, -1, 0);
	TupleDescFinalize(log->desc);
	log->rows = tuplestore_begin_heap(false, false, work_mem);
	return log;
}

void
rfm_group_log_end(RfmGroupLog *log)
{
	tuplestore_end(log->rows);
	FreeTupleDesc(log->desc);
	pfree(log);
}

/* Log a group that has just been scored. */
static void
log_group(const RfmModel *model, const RfmCustomers *group, const RfmScores *scores,
		  RfmGroupLog *log)
{
	char	   *cut_points = rfm_cut_points_json(model, group, scores);
	int64		orders = 0;
	Datum		values[4];
	bool		nulls[4] = {0};

	for (int64 i = 0; i < group->n; i++)
		orders += group->code[RFM_FREQUENCY][i];
	values[0] = CStringGetTextDatum(rfm_key_group_out(&group->key_type, group->key[0]));
	values[1] = Int64GetDatum(group->n);
	values[2] = Int64GetDatum(orders);
	values[3] = DirectFunctionCall1(jsonb_in, CStringGetDatum(cut_points));
	tuplestore_putvalues(log->rows, log->desc, values, nulls);
}

/* Return the customers of the group that begins at a row. */
static RfmCustomers
group_at(const RfmCustomers *customers, int64 start)
{
	RfmCustomers group = *customers;
	int64		end = start;

	while (++end < customers->n &&
		   rfm_key_same_group(&customers->key_type, customers->key[start], customers->key[end]))
		rfm_check_interrupts(end);
	group.n = end - start;
	group.key += start;
	for (int axis = 0; axis < RFM_AXES; axis++)
		group.code[axis] += start;
	return group;
}

RfmScores *
rfm_groups_build(const RfmModel *model, const RfmCustomers *customers, RfmGroupLog *log)
{
	RfmScores  *scores = rfm_scores_create(customers->n);
	RfmScores  *part = palloc0(sizeof(RfmScores));
	MemoryContext groupcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm group",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(groupcxt);
	RfmCustomers group;

	for (int64 start = 0; start < customers->n; start += group.n)
	{
		group = group_at(customers, start);
		part->cell = scores->cell + start;
		rfm_scores_fill(model, &group, part);
		if (log)
			log_group(model, &group, part, log);
		MemoryContextReset(groupcxt);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(groupcxt);
	pfree(part);
	return scores;
}

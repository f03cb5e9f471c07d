/*-------------------------------------------------------------------------
 *
 * routed.c
 *		Writing to a target whose rows Citus routes to other servers.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/query.h"
#include "base/version.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "target/routed.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "value/key.h"

PG_FUNCTION_INFO_V1(rfm_staged_rows);

/* Number of customers that one statement deletes. */
#define DELETE_BATCH	10000

/* The rows that rfm_internal.staged_rows() gives, once; else NULL. */
static Tuplestorestate *staged = NULL;
static TupleDesc staged_desc;

/*
 * rfm_internal.staged_rows() RETURNS SETOF record: the rows that a refresh in
 * this session is about to write.  They are returned once, to the INSERT for
 * which they were staged.
 */
Datum
rfm_staged_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	rfm_version_check();
	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		(rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows to write are given as a set only")));
	if (staged == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there are no rows to write"),
				 errhint("This function is for use by a refresh while it writes.")));
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = staged;
	rsinfo->setDesc = CreateTupleDescCopy(staged_desc);
	staged = NULL;
	return (Datum) 0;
}

static void
append_names(StringInfo sql, const RfmTarget *target, const RfmColumn *column, int n)
{
	for (int c = 0; c < n; c++)
		appendStringInfo(sql, "%s%s", c > 0 ? ", " : "", target->column[column[c]]);
}

/* "ON CONFLICT ..." for rows whose key is there. */
static void
append_change(StringInfo sql, const RfmTarget *target, const RfmColumn *column, int n)
{
	const char *separator = "";

	appendStringInfo(sql, " ON CONFLICT (%s", target->column[RFM_COL_CUSTOMER]);
	if (target->column[RFM_COL_GROUP])
		appendStringInfo(sql, ", %s", target->column[RFM_COL_GROUP]);
	if (target->column[RFM_COL_RUN_DATE])
		appendStringInfo(sql, ", %s", target->column[RFM_COL_RUN_DATE]);
	appendStringInfoString(sql, ") DO UPDATE SET ");
	for (int c = 0; c < n; c++)
	{
		const char *name = target->column[column[c]];

		if (rfm_column_stays(column[c]))
			continue;
		appendStringInfo(sql, "%s%s = EXCLUDED.%s", separator, name, name);
		separator = ", ";
	}
}

int64
rfm_routed_insert(const RfmTarget *target, Tuplestorestate *rows, TupleDesc desc,
				  const RfmColumn *column, bool change)
{
	StringInfoData sql;
	int64		processed = 0;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", target->relation);
	append_names(&sql, target, column, desc->natts);
	appendStringInfoString(&sql, ") SELECT * FROM rfm_internal.staged_rows() AS s(");
	for (int c = 0; c < desc->natts; c++)
		appendStringInfo(&sql, "%sc%d %s", c > 0 ? ", " : "", c + 1,
						 format_type_extended(target->type[column[c]], target->typmod[column[c]],
											  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	appendStringInfoChar(&sql, ')');
	if (change)
		append_change(&sql, target, column, desc->natts);

	rfm_target_verify(target);
	staged = rows;
	staged_desc = desc;
	PG_TRY();
	{
		processed = (int64) rfm_execute(sql.data, SPI_OK_INSERT, NULL);
	}
	PG_FINALLY();
	{
		/* taken, or gone with the transaction */
		staged = NULL;
	}
	PG_END_TRY();
	rfm_progress_done(processed);
	return processed;
}

/* Customers of one group, if they have groups, whose rows are to be deleted. */
typedef struct DeleteBatch
{
	Oid			array_type;		/* of customers */
	Datum	   *key;
	int			n;
	Datum		group;
} DeleteBatch;

/* Append "AND column = $n" and the value, unless the target has no such column. */
static void
add_condition(StringInfo sql, const RfmTarget *target, RfmColumn column, Datum value,
			  RfmParam *params, int *n)
{
	if (target->column[column] == NULL)
		return;
	params[(*n)++] = rfm_param(target->type[column], value);
	appendStringInfo(sql, " AND %s %s $%d", target->column[column],
					 rfm_equality(target->type[column]), *n);
}

/* Delete the rows of a batch. */
static int64
delete_batch(RfmRowMaker *maker, const DeleteBatch *batch)
{
	const RfmTarget *target = maker->target;
	RfmParam	params[4] = {rfm_array(batch->array_type, batch->key, batch->n)};
	int			n = 1;
	StringInfoData sql;

	initStringInfo(&sql);
	rfm_target_verify(target);
	appendStringInfo(&sql, "DELETE FROM %s WHERE %s %s ANY ($1)", target->relation,
					 target->column[RFM_COL_CUSTOMER], rfm_equality(get_element_type(batch->array_type)));
	add_condition(&sql, target, RFM_COL_GROUP, batch->group, params, &n);
	add_condition(&sql, target, RFM_COL_RUN_DATE, maker->column[RFM_COL_RUN_DATE].constant, params, &n);
	return (int64) rfm_execute(sql.data, SPI_OK_DELETE, params);
}

/*
 * Get the next row.  It lives as long as it is in the slot, even after the
 * batch.
 */
static bool
next_gone(Tuplestorestate *gone, TupleTableSlot *slot)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(slot->tts_mcxt);
	bool		found = tuplestore_gettupleslot(gone, true, true, slot);

	MemoryContextSwitchTo(oldcxt);
	return found;
}

/*
 * Fill a batch from the rows that are left, from the one in slot on: as many as
 * have one group.  Returns false when there are no more.
 */
static bool
fill_batch(DeleteBatch *batch, Tuplestorestate *gone, TupleTableSlot *slot)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;

	batch->n = 0;
	while (batch->n < DELETE_BATCH)
	{
		slot_getallattrs(slot);
		if (desc->natts > 1 && !slot->tts_isnull[1])
		{
			Form_pg_attribute att = TupleDescAttr(desc, 1);

			if (batch->n == 0)
				batch->group = datumCopy(slot->tts_values[1], att->attbyval, att->attlen);
			else if (!datum_image_eq(batch->group, slot->tts_values[1], att->attbyval, att->attlen))
				return true;
		}
		if (!slot->tts_isnull[0] && !slot->tts_isnull[desc->natts - 1])
			batch->key[batch->n++] = datumCopy(slot->tts_values[0], TupleDescAttr(desc, 0)->attbyval,
											   TupleDescAttr(desc, 0)->attlen);
		if (!next_gone(gone, slot))
			return false;
	}
	return true;
}

int64
rfm_routed_delete(RfmRowMaker *maker, Tuplestorestate *gone, TupleDesc desc)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	MemoryContext batchcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm deleted customers",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(batchcxt);
	DeleteBatch batch = {
		.array_type = get_array_type(getBaseType(maker->target->type[RFM_COL_CUSTOMER])),
		.key = MemoryContextAlloc(oldcxt, DELETE_BATCH * sizeof(Datum))
	};
	int64		deleted = 0;
	bool		more;

	if (!OidIsValid(batch.array_type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows of customers of type %s cannot be deleted through Citus",
						format_type_be(maker->target->type[RFM_COL_CUSTOMER])),
				 errdetail("The type has no array type."),
				 errhint("Set the model's \"keep_stale\" to keep the rows of customers without orders.")));
	more = next_gone(gone, slot);
	while (more)
	{
		more = fill_batch(&batch, gone, slot);
		if (batch.n > 0)
			deleted += delete_batch(maker, &batch);
		MemoryContextReset(batchcxt);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(batchcxt);
	pfree(batch.key);
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(gone);
	return deleted;
}

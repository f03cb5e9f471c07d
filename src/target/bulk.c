/*-------------------------------------------------------------------------
 *
 * bulk.c
 *		New and changed rows, straight to a table and its indexes.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "rewrite/rewriteHandler.h"
#include "target/bulk.h"
#include "target/place.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

/*
 * As in COPY: enough rows to make WAL and page locks cheap, with little
 * memory.
 */
#define BULK_ROWS 1000

bool
rfm_bulk_allowed(const RfmRowMaker *maker, Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION ||
		!rfm_place_bypasses(maker->target, rel) ||
		rel->trigdesc != NULL ||
		rel->rd_rules != NULL ||
		check_enable_rls(RelationGetRelid(rel), InvalidOid, true) != RLS_NONE)
		return false;
	for (int att = 0; att < desc->natts; att++)
	{
		Form_pg_attribute form = TupleDescAttr(desc, att);
		bool		known;

		if (form->attisdropped)
			continue;
		known = rfm_row_column(maker, rfm_place_attnum(maker->target, rel, att + 1)) != RFM_COLUMNS;

		/* a domain may refuse the null of a column without default */
		if (form->attgenerated != '\0' ||
			(!known && rfm_DomainHasConstraints(form->atttypid)))
			return false;
	}
	return true;
}

/* A table that is written to. */
typedef struct BulkTable
{
	RfmRowMaker *maker;
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *rri;
	RfmColumn  *column;			/* by attribute; RFM_COLUMNS: not the model's */
} BulkTable;

static void
open_table(BulkTable *table, RfmRowMaker *maker, Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	table->maker = maker;
	table->rel = rel;
	table->estate = CreateExecutorState();
	table->rri = makeNode(ResultRelInfo);
	/* range table index 0: there is no range table to look anything up in */
	InitResultRelInfo(table->rri, rel, 0, NULL, 0);
	ExecOpenIndices(table->rri, false);

	table->column = palloc(desc->natts * sizeof(RfmColumn));
	for (int att = 0; att < desc->natts; att++)
		table->column[att] = TupleDescAttr(desc, att)->attisdropped ? (RfmColumn) RFM_COLUMNS :
			rfm_row_column(maker, rfm_place_attnum(maker->target, rel, att + 1));
}

static void
close_table(BulkTable *table)
{
	ExecCloseIndices(table->rri);
	FreeExecutorState(table->estate);
	/* later commands of this transaction see it */
	CommandCounterIncrement();
}

/*
 * New rows.
 */

typedef struct BulkInsert
{
	BulkTable	table;
	ExprState **defaults;		/* by attribute; NULL: null or a known column */
	BulkInsertState bistate;
	MemoryContext batchcxt;
	TupleTableSlot *slots[BULK_ROWS];
	int			nslots;
} BulkInsert;

/* The defaults of the columns that the model does not know. */
static void
prepare_defaults(BulkInsert *bulk)
{
	const BulkTable *table = &bulk->table;
	TupleDesc	desc = RelationGetDescr(table->rel);
	Relation	target = table_open(table->maker->target->relid, NoLock);

	bulk->defaults = palloc0(desc->natts * sizeof(ExprState *));
	for (int att = 0; att < desc->natts; att++)
	{
		Node	   *expr;

		if (table->column[att] != RFM_COLUMNS || TupleDescAttr(desc, att)->attisdropped)
			continue;
		/* a partition's own defaults do not count */
		expr = build_column_default(target, rfm_place_attnum(table->maker->target, table->rel, att + 1));
		if (expr)
			bulk->defaults[att] = ExecPrepareExpr((Expr *) expr, table->estate);
	}
	table_close(target, NoLock);
}

static void
bulk_flush(BulkInsert *bulk)
{
	if (bulk->nslots == 0)
		return;
	table_multi_insert(bulk->table.rel, bulk->slots, bulk->nslots,
					   GetCurrentCommandId(true), 0, bulk->bistate);
	for (int s = 0; s < bulk->nslots; s++)
	{
		if (bulk->table.rri->ri_NumIndices > 0)
			list_free(rfm_ExecInsertIndexTuples(bulk->table.rri, bulk->table.estate, false, false,
												bulk->slots[s]));
		ExecClearTuple(bulk->slots[s]);
		ResetPerTupleExprContext(bulk->table.estate);
	}
	rfm_progress_done(bulk->nslots);
	bulk->nslots = 0;
	MemoryContextReset(bulk->batchcxt);
	CHECK_FOR_INTERRUPTS();
}

static void
bulk_add(BulkInsert *bulk, int64 row)
{
	TupleDesc	desc = RelationGetDescr(bulk->table.rel);
	TupleTableSlot *slot = bulk->slots[bulk->nslots];
	ExprContext *econtext = GetPerTupleExprContext(bulk->table.estate);
	MemoryContext oldcxt = MemoryContextSwitchTo(bulk->batchcxt);

	if (slot == NULL)
	{
		MemoryContextSwitchTo(oldcxt);
		slot = bulk->slots[bulk->nslots] = table_slot_create(bulk->table.rel, NULL);
		MemoryContextSwitchTo(bulk->batchcxt);
	}
	ExecClearTuple(slot);
	for (int att = 0; att < desc->natts; att++)
	{
		slot->tts_values[att] = (Datum) 0;
		slot->tts_isnull[att] = true;
		if (bulk->table.column[att] != RFM_COLUMNS)
			slot->tts_values[att] = rfm_row_value(bulk->table.maker, bulk->table.column[att], row,
												  &slot->tts_isnull[att]);
		else if (bulk->defaults[att])
			slot->tts_values[att] = ExecEvalExpr(bulk->defaults[att], econtext,
												 &slot->tts_isnull[att]);
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(bulk->table.rel);
	MemoryContextSwitchTo(oldcxt);

	if (desc->constr)
		ExecConstraints(bulk->table.rri, slot, bulk->table.estate);
	if (++bulk->nslots == BULK_ROWS)
		bulk_flush(bulk);
}

void
rfm_bulk_insert(RfmRowMaker *maker, Relation rel, const uint8 *state)
{
	BulkInsert *bulk = palloc0(sizeof(BulkInsert));

	open_table(&bulk->table, maker, rel);
	prepare_defaults(bulk);
	bulk->bistate = GetBulkInsertState();
	bulk->batchcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm bulk insert",
										   ALLOCSET_DEFAULT_SIZES);
	for (int64 row = 0; row < maker->customers->n; row++)
		if (state[row] == RFM_ROW_NEW)
			bulk_add(bulk, row);
	bulk_flush(bulk);

	FreeBulkInsertState(bulk->bistate);
	for (int s = 0; s < BULK_ROWS && bulk->slots[s] != NULL; s++)
		ExecDropSingleTupleTableSlot(bulk->slots[s]);
	table_finish_bulk_insert(rel, 0);
	MemoryContextDelete(bulk->batchcxt);
	close_table(&bulk->table);
}

/*
 * Changed rows.
 */

/*
 * The new row: columns that the model does not know, and created_at, do not
 * change.
 */
static void
change_row(BulkTable *table, TupleTableSlot *old, TupleTableSlot *slot, int64 row)
{
	TupleDesc	desc = RelationGetDescr(table->rel);

	slot_getallattrs(old);
	ExecClearTuple(slot);
	for (int att = 0; att < desc->natts; att++)
	{
		RfmColumn	column = table->column[att];

		slot->tts_values[att] = old->tts_values[att];
		slot->tts_isnull[att] = old->tts_isnull[att];
		if (column != RFM_COLUMNS && !rfm_column_stays(column))
			slot->tts_values[att] = rfm_row_value(table->maker, column, row,
												  &slot->tts_isnull[att]);
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(table->rel);
}

void
rfm_bulk_update(RfmRowMaker *maker, Relation rel, RfmChangedRow *changed, int64 n)
{
	BulkTable	table;
	TupleTableSlot *old = table_slot_create(rel, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	MemoryContext rowcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm bulk update",
												 ALLOCSET_DEFAULT_SIZES);

	/* subscribers must be able to identify the row */
	CheckCmdReplicaIdentity(rel, CMD_UPDATE);
	open_table(&table, maker, rel);
	for (int64 i = 0; i < n; i++)
	{
		MemoryContext oldcxt = MemoryContextSwitchTo(rowcxt);

		if (!table_tuple_fetch_row_version(rel, &changed[i].tid, SnapshotAny, old))
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
					 errmsg("a row of target %s disappeared while it was being changed",
							maker->target->relation)));
		change_row(&table, old, slot, changed[i].row);
		MemoryContextSwitchTo(oldcxt);

		if (RelationGetDescr(rel)->constr)
			ExecConstraints(table.rri, slot, table.estate);
		rfm_table_update(table.rri, &changed[i].tid, slot, table.estate);
		ExecClearTuple(slot);
		ExecClearTuple(old);
		ResetPerTupleExprContext(table.estate);
		MemoryContextReset(rowcxt);
		rfm_progress_done(1);
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(old);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(rowcxt);
	close_table(&table);
}

/*-------------------------------------------------------------------------
 *
 * diff.c
 *		The difference between a snapshot and the rows of its target.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/memory.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "progress/progress.h"
#include "target/diff.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "value/key_pair.h"

/* The search for the row of the snapshot with a key of the target. */

typedef struct Lookup
{
	RfmKeyType	type;			/* of the target's column */
	SortSupportData ssup;		/* unless type is an integer */
	int64		n;
	Datum	   *key;			/* ascending in type's order */
	int64	   *row;			/* the row of key[i]; NULL: i */
	int64		next;			/* where the next key is expected */
} Lookup;

typedef struct ConvertedKey
{
	Datum		key;
	int64		row;
} ConvertedKey;

static inline int
lookup_cmp(Lookup *lookup, Datum a, Datum b)
{
	return rfm_key_cmp(&lookup->type, &lookup->ssup, a, b);
}

/* Compare the key at a position with another. */
static inline int
lookup_cmp_at(Lookup *lookup, int64 at, Datum key)
{
	return lookup_cmp(lookup, lookup->key[at], key);
}

static int
converted_key_cmp(const void *a, const void *b, void *arg)
{
	CHECK_FOR_INTERRUPTS();
	return lookup_cmp((Lookup *) arg, ((const ConvertedKey *) a)->key,
					  ((const ConvertedKey *) b)->key);
}

/* Return a key as the target's columns store it. */
static Datum
converted_value(RfmRowMaker *maker, RfmColumn column, int64 row)
{
	bool		isnull;
	Datum		value = rfm_row_value(maker, column, row, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg(column == RFM_COL_CUSTOMER ? "customer \"%s\" becomes null in the target" :
						"the group of customer \"%s\" becomes null in the target",
						rfm_key_out(&maker->customers->key_type, maker->customers->key[row]))));
	return value;
}

/* Return the key of a row of the target for the values of its columns. */
static Datum
lookup_key(const Lookup *lookup, Datum group, Datum customer)
{
	if (lookup->type.pair)
		return rfm_key_pair(&lookup->type, group, customer, NULL);
	return rfm_key_from_datum(&lookup->type, customer);
}

/*
 * If the target's columns store other values than the source's, or compare
 * them differently, keys are converted to the stored form and sorted again in
 * the target's order.
 */
static void
convert_keys(Lookup *lookup, RfmRowMaker *maker)
{
	int64		n = lookup->n;
	ConvertedKey *converted = rfm_alloc_array(CurrentMemoryContext, n,
											  sizeof(ConvertedKey), false);

	for (int64 i = 0; i < n; i++)
	{
		Datum		group = lookup->type.pair ? converted_value(maker, RFM_COL_GROUP, i) : (Datum) 0;

		converted[i].key = lookup_key(lookup, group, converted_value(maker, RFM_COL_CUSTOMER, i));
		converted[i].row = i;
		CHECK_FOR_INTERRUPTS();
	}
	qsort_arg(converted, n, sizeof(ConvertedKey), converted_key_cmp, lookup);

	lookup->key = rfm_alloc_array(CurrentMemoryContext, n, sizeof(Datum), false);
	lookup->row = rfm_alloc_array(CurrentMemoryContext, n, sizeof(int64), false);
	for (int64 i = 0; i < n; i++)
	{
		lookup->key[i] = converted[i].key;
		lookup->row[i] = converted[i].row;
		CHECK_FOR_INTERRUPTS();
		if (i > 0 && lookup_cmp(lookup, lookup->key[i - 1], lookup->key[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("two customers become the same value \"%s\" in the target",
							rfm_key_out(&lookup->type, lookup->key[i])),
					 lookup->type.pair ?
					 errhint("Give the target's columns of customer and group the types and collations of the source's.") :
					 errhint("Give the target's customer column the type and the collation of the source's.")));
	}
	pfree(converted);
}

/*
 * Determine whether the conversion to a column of the target leaves every key
 * unchanged.
 */
static bool
keeps_keys(const RfmTarget *target, RfmColumn column)
{
	Node	   *node = target->convert[column];

	/* a domain refuses values, but changes none */
	while (node && (IsA(node, CoerceToDomain) || IsA(node, RelabelType)))
		node = IsA(node, CoerceToDomain) ? (Node *) ((CoerceToDomain *) node)->arg :
			(Node *) ((RelabelType *) node)->arg;
	return node == NULL || IsA(node, CaseTestExpr);
}

/* Determine whether two types of keys treat the same values as equal. */
static bool
same_equality(const RfmKeyType *a, const RfmKeyType *b)
{
	return a->typid == b->typid &&
		(a->collation == b->collation ||
		 (a->kind == RFM_KEY_BYTES && b->kind == RFM_KEY_BYTES));
}

/*
 * Determine how a part of the key is compared; *convert is set if the target
 * stores other values in it than the source, or compares them differently.
 */
static void
init_part(RfmKeyType *type, RfmRowMaker *maker, RfmColumn column, RfmKeyPart part, bool *convert)
{
	const RfmTarget *target = maker->target;
	const RfmKeyType *own = rfm_key_part_type(&maker->customers->key_type, part);

	rfm_key_type_init(type, target->type[column], target->collation[column],
					  psprintf("the target's column %s", target->column[column]), CurrentMemoryContext);
	if (type->kind == RFM_KEY_INT && own->kind == RFM_KEY_INT)
		return;
	/* the order is the one that the snapshot is sorted in */
	if (same_equality(type, own) && keeps_keys(target, column))
		*type = *own;
	else
		*convert = true;
}

static void
lookup_init(Lookup *lookup, RfmRowMaker *maker)
{
	const RfmCustomers *customers = maker->customers;
	bool		convert = false;

	memset(lookup, 0, sizeof(*lookup));
	lookup->key = customers->key;
	lookup->n = customers->n;
	init_part(&lookup->type, maker, RFM_COL_CUSTOMER, RFM_PART_CUSTOMER, &convert);
	if (customers->key_type.pair)
	{
		RfmKeyType	customer = lookup->type;
		RfmKeyType	group;

		init_part(&group, maker, RFM_COL_GROUP, RFM_PART_GROUP, &convert);
		rfm_key_pair_init(&lookup->type, &group, &customer, CurrentMemoryContext);
	}
	if (lookup->type.kind != RFM_KEY_INT)
		rfm_key_sort_support(&lookup->type, &lookup->ssup);
	if (convert)
		convert_keys(lookup, maker);
}

/*
 * The row with this key, or -1.  Snapshots are written, and mostly read, in
 * key order, so the key is usually at the next position or not far behind it.
 */
static int64
lookup_find(Lookup *lookup, Datum key)
{
	int64		low = 0;
	int64		high = lookup->next;
	int			cmp = high < lookup->n ? lookup_cmp_at(lookup, high, key) : 1;

	if (cmp == 0)
		low = high;
	else if (cmp < 0)
	{
		low = high + 1;
		high = lookup->n;
		for (int64 step = 1; low + step < high; step *= 2)
		{
			if (lookup_cmp_at(lookup, low + step, key) < 0)
				low += step + 1;
			else
				high = low + step;
		}
	}

	/* the first key that is not below this one stands at low, or up to high */
	while (low < high)
	{
		int64		mid = low + (high - low) / 2;

		if (lookup_cmp_at(lookup, mid, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (cmp != 0 && (low == lookup->n || lookup_cmp_at(lookup, low, key) != 0))
		return -1;
	lookup->next = low + 1;
	return lookup->row ? lookup->row[low] : low;
}

/*
 * The receiver of the target's rows: column 1 is the customer and, with groups,
 * column 2 the group; the last one says where the row is, those between are
 * compared.
 */
#define FIRST_CHANGED 64

typedef struct DiffReceiver
{
	DestReceiver pub;
	RfmRowMaker *maker;
	RfmDiff    *diff;
	Lookup		lookup;
	int			nkeys;			/* columns of the key */
	int			ncompared;
	RfmColumn	compared[RFM_COLUMNS];
	MemoryContext rowcxt;
	bool		keep_stale;
	bool		to_write;		/* equal rows are finished */
	int64		changed_space;	/* of the list of changed rows; 0: it has ended */
	Size		changed_bound;	/* bytes that it may take */
} DiffReceiver;

static bool
row_unchanged(DiffReceiver *receiver, TupleTableSlot *slot, int64 row)
{
	for (int c = 0; c < receiver->ncompared; c++)
		if (!rfm_row_same(receiver->maker, receiver->compared[c], row,
						  slot->tts_values[receiver->nkeys + c],
						  slot->tts_isnull[receiver->nkeys + c]))
			return false;
	return true;
}

/*
 * Count a changed row and list it with its tid, the last column of slot.  The
 * list ends if it would take too much memory; a routed target has none.
 */
static void
note_changed(DiffReceiver *receiver, int64 row, TupleTableSlot *slot)
{
	RfmDiff    *diff = receiver->diff;

	if (diff->nchanged == receiver->changed_space && receiver->changed_space > 0)
	{
		int64		space = receiver->changed_space * 2;

		if (space * sizeof(RfmChangedRow) <= receiver->changed_bound)
			diff->changed = repalloc_huge(diff->changed, space * sizeof(RfmChangedRow));
		else
		{
			pfree(diff->changed);
			diff->changed = NULL;
			space = 0;
		}
		receiver->changed_space = space;
	}
	if (diff->changed)
	{
		diff->changed[diff->nchanged].row = row;
		diff->changed[diff->nchanged].tid =
			*(ItemPointer) DatumGetPointer(slot->tts_values[receiver->nkeys + receiver->ncompared]);
	}
	diff->nchanged++;
}

/* If its unique index is damaged, a target can have two rows of a customer. */
static void
check_single(DiffReceiver *receiver, int64 row)
{
	const RfmCustomers *customers = receiver->maker->customers;

	if (receiver->diff->state[row] == RFM_ROW_NEW)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("target %s holds two rows of customer \"%s\" in one snapshot",
					receiver->maker->target->relation,
					rfm_key_out(&customers->key_type, customers->key[row])),
			 errdetail("Its unique index is corrupt, or an upgrade of the operating system has changed the sort order of text."),
			 errhint("Delete one of them, and REINDEX the target.")));
}

static bool
diff_receive(TupleTableSlot *slot, DestReceiver *self)
{
	DiffReceiver *receiver = (DiffReceiver *) self;
	RfmDiff    *diff = receiver->diff;
	MemoryContext oldcxt = MemoryContextSwitchTo(receiver->rowcxt);
	int64		row = -1;

	slot_getallattrs(slot);
	if (!slot->tts_isnull[0] && !slot->tts_isnull[receiver->nkeys - 1])
		row = lookup_find(&receiver->lookup,
						  lookup_key(&receiver->lookup, slot->tts_values[receiver->nkeys - 1],
									 slot->tts_values[0]));
	if (row >= 0)
	{
		check_single(receiver, row);
		if (row_unchanged(receiver, slot, row))
		{
			diff->state[row] = RFM_ROW_SAME;
			diff->nsame++;
			if (receiver->to_write)
				rfm_progress_done(1);
		}
		else
		{
			diff->state[row] = RFM_ROW_CHANGED;
			note_changed(receiver, row, slot);
		}
	}
	else if (!receiver->keep_stale && slot->tts_isnull[0])
		diff->nnull++;
	else if (!receiver->keep_stale)
	{
		tuplestore_putvalues(diff->gone, diff->gone_desc,
							 slot->tts_values, slot->tts_isnull);
		diff->ngone++;
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(receiver->rowcxt);
	return true;
}

static void
receiver_init(DiffReceiver *receiver, RfmRowMaker *maker, RfmDiff *diff)
{
	rfm_receiver_init(&receiver->pub, diff_receive, NULL);
	receiver->maker = maker;
	receiver->diff = diff;
	receiver->nkeys = maker->customers->key_type.pair ? 2 : 1;
	receiver->keep_stale = maker->model->keep_stale;
	receiver->rowcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm target row",
											 ALLOCSET_DEFAULT_SIZES);
	receiver->changed_space = FIRST_CHANGED;
	receiver->changed_bound = rfm_memory_bound() / 4;
	/* the tids of routed rows are of no use on this server */
	if (maker->target->routed)
		receiver->changed_space = 0;
	else
		diff->changed = palloc(FIRST_CHANGED * sizeof(RfmChangedRow));
	lookup_init(&receiver->lookup, maker);
}

void
rfm_diff_build(RfmRowMaker *maker, bool active_snapshot, RfmDiff *diff)
{
	const RfmTarget *target = maker->target;
	DiffReceiver receiver = {{0}};
	SPIExecuteOptions options = {0};
	StringInfoData sql;

	memset(diff, 0, sizeof(*diff));
	diff->state = rfm_alloc_array(CurrentMemoryContext, maker->customers->n,
								  sizeof(uint8), true);
	diff->gone = tuplestore_begin_heap(false, false, work_mem);
	/* the columns of the target's key but the date */
	diff->gone_desc = rfm_target_desc(target, (RfmColumn[]) {RFM_COL_CUSTOMER, RFM_COL_GROUP},
									  target->column[RFM_COL_GROUP] ? 2 : 1);

	receiver_init(&receiver, maker, diff);
	receiver.to_write = !active_snapshot;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s", target->column[RFM_COL_CUSTOMER]);
	if (target->column[RFM_COL_GROUP])
		appendStringInfo(&sql, ", %s", target->column[RFM_COL_GROUP]);
	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		if (i == RFM_COL_CUSTOMER || i == RFM_COL_GROUP || maker->column[i].kind == RFM_VALUE_NONE ||
			maker->column[i].kind == RFM_VALUE_CONSTANT)
			continue;
		receiver.compared[receiver.ncompared++] = (RfmColumn) i;
		appendStringInfo(&sql, ", %s", target->column[i]);
	}
	appendStringInfo(&sql, "%s FROM %s%s", target->routed ? "" : ", ctid",
					 rfm_target_only(target), target->relation);

	if (target->column[RFM_COL_RUN_DATE])
		appendStringInfo(&sql, " WHERE %s %s $1", target->column[RFM_COL_RUN_DATE],
						 rfm_equality(target->type[RFM_COL_RUN_DATE]));
	options.params = rfm_param_list(maker->date_param);
	options.read_only = active_snapshot;
	options.must_return_tuples = true;
	options.dest = &receiver.pub;

	rfm_target_verify(target);
	SPI_connect();
	if (SPI_execute_extended(sql.data, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not read target %s", target->relation);
	SPI_finish();
	MemoryContextDelete(receiver.rowcxt);
}

void
rfm_diff_again(RfmRowMaker *maker, RfmDiff *now)
{
	PushActiveSnapshot(GetLatestSnapshot());
	rfm_diff_build(maker, true, now);
	PopActiveSnapshot();
	tuplestore_end(now->gone);
	if (now->changed)
		pfree(now->changed);
}

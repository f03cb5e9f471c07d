/*-------------------------------------------------------------------------
 *
 * rfm.c
 *		Module entry: settings, and the functions that SQL calls.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "base/guard.h"
#include "base/signature.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "collect/spill.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "model/model.h"
#include "nodes/parsenodes.h"
#include "postmaster/bgworker_internals.h"
#include "read/source.h"
#include "run/access.h"
#include "run/backfill.h"
#include "run/catch_up.h"
#include "run/define_model.h"
#include "run/jobs.h"
#include "run/refresh.h"
#include "run/score_one.h"
#include "score/snapshot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

RFM_MODULE_MAGIC;

void		_PG_init(void);

PG_FUNCTION_INFO_V1(rfm_refresh);
PG_FUNCTION_INFO_V1(rfm_catch_up);
PG_FUNCTION_INFO_V1(rfm_backfill);
PG_FUNCTION_INFO_V1(rfm_preview);
PG_FUNCTION_INFO_V1(rfm_create_model);
PG_FUNCTION_INFO_V1(rfm_ensure_model);
PG_FUNCTION_INFO_V1(rfm_model_trigger);
PG_FUNCTION_INFO_V1(rfm_cron_jobs);
PG_FUNCTION_INFO_V1(rfm_reader);
PG_FUNCTION_INFO_V1(rfm_score_one);

/* As for maintenance_work_mem: too little for anything is taken for a little. */
static bool
check_work_mem(int *newval, void **extra, GucSource source)
{
	if (*newval != -1 && *newval < 64)
		*newval = 64;
	return true;
}

static const struct config_enum_entry grouped_reading_options[] = {
	{"auto", RFM_GROUPED_AUTO, false},
	{"on", RFM_GROUPED_ON, false},
	{"off", RFM_GROUPED_OFF, false},
	{NULL, 0, false}
};

void
_PG_init(void)
{
	DefineCustomBoolVariable("rfm.progress",
							 "Reports with a NOTICE how a refresh gets on.",
							 "One line when a phase ends, and every two seconds while it runs.",
							 &rfm_show_progress,
							 false,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("rfm.work_mem",
							"Sets the memory that the customers of a refresh may take in each process.",
							"Past it they go to temporary files. -1 means maintenance_work_mem.",
							&rfm_work_mem,
							-1, -1, MAX_KILOBYTES,
							PGC_USERSET,
							GUC_UNIT_KB,
							check_work_mem, NULL, NULL);
	DefineCustomIntVariable("rfm.max_workers",
							"Sets the maximum number of parallel workers that read the orders of a refresh.",
							"-1 means one less than the machine has CPUs: the session itself reads too.",
							&rfm_max_workers,
							-1, -1, MAX_PARALLEL_WORKER_LIMIT,
							PGC_USERSET,
							0,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("rfm.grouped_reading",
							 "Reads the orders of a refresh one row a customer.",
							 "auto: where the servers that have them can group them; on: from any source.",
							 &rfm_grouped_reading,
							 RFM_GROUPED_AUTO, grouped_reading_options,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("rfm.catch_up_limit",
							"Sets the maximum number of dates that one call of rfm_catch_up() computes.",
							NULL,
							&rfm_catch_up_limit,
							31,
							1, INT_MAX,
							PGC_USERSET,
							0,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("rfm.latest_view",
							 "Makes a view of the newest snapshot beside the target of a new model.",
							 NULL,
							 &rfm_make_latest_view,
							 true,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	MarkGUCPrefixReserved("rfm");
	rfm_slots_request();
	rfm_guard_init();
}

static char *
model_argument(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("model must not be null")));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static DateADT *
run_date_argument(FunctionCallInfo fcinfo, int arg)
{
	DateADT    *date;

	if (PG_ARGISNULL(arg))
		return NULL;
	date = palloc(sizeof(DateADT));
	*date = PG_GETARG_DATEADT(arg);
	return date;
}

/* What a read-only transaction is told does not help there. */
static void
prevent_on_standby(const char *function)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s during recovery", function),
				 errdetail("This server is a standby: it takes its tables from the primary server."),
				 errhint("Refresh on the primary server; its snapshots are replicated. rfm_preview() computes one here without writing.")));
}

static const RfmSignature refresh_signature = {
	"rfm_refresh", PROKIND_FUNCTION, .result = INT8OID, .arg = {DATEOID, TEXTOID}
};

/*
 * rfm_refresh(run_date date, model text) RETURNS bigint
 */
Datum
rfm_refresh(PG_FUNCTION_ARGS)
{
	DateADT    *run_date;
	char	   *name;

	rfm_signature_check(fcinfo, &refresh_signature);
	run_date = run_date_argument(fcinfo, 0);
	name = model_argument(fcinfo, 1);
	rfm_source_forbid_nesting();
	prevent_on_standby("rfm_refresh()");
	PreventCommandIfReadOnly("rfm_refresh()");
	PG_RETURN_INT64(rfm_refresh_model(name, run_date));
}

/* For procedures that commit. */
static void
prevent_in_transaction(FunctionCallInfo fcinfo, const char *procedure)
{
	if (fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("%s() cannot run inside a transaction block", procedure),
			 errdetail("It commits each date by itself, so it cannot be part of a transaction, a function or a block that catches exceptions."),
			 errhint("Call it by itself: CALL %s(...). rfm_refresh() computes one date inside a transaction.",
					 procedure)));
}

static const RfmSignature catch_up_signature = {
	"rfm_catch_up", PROKIND_PROCEDURE, .result = VOIDOID, .arg = {TEXTOID}
};

/*
 * rfm_catch_up(model text), a procedure
 */
Datum
rfm_catch_up(PG_FUNCTION_ARGS)
{
	rfm_signature_check(fcinfo, &catch_up_signature);
	prevent_in_transaction(fcinfo, "rfm_catch_up");
	prevent_on_standby("rfm_catch_up()");
	PreventCommandIfReadOnly("rfm_catch_up()");

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	rfm_catch_up_model(model_argument(fcinfo, 0));
	SPI_finish();
	PG_RETURN_VOID();
}

static const RfmSignature backfill_signature = {
	"rfm_backfill", PROKIND_PROCEDURE, .result = VOIDOID, .arg = {DATEOID, DATEOID, TEXTOID}
};

/*
 * rfm_backfill(from_date date, to_date date, model text), a procedure
 */
Datum
rfm_backfill(PG_FUNCTION_ARGS)
{
	DateADT		first;
	DateADT		last;

	rfm_signature_check(fcinfo, &backfill_signature);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("from_date and to_date must not be null")));
	first = PG_GETARG_DATEADT(0);
	last = PG_GETARG_DATEADT(1);
	rfm_snapshot_check_date(first);
	rfm_snapshot_check_date(last);
	if (first > last)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("from_date must not be later than to_date")));
	prevent_in_transaction(fcinfo, "rfm_backfill");
	prevent_on_standby("rfm_backfill()");
	PreventCommandIfReadOnly("rfm_backfill()");

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	rfm_backfill_model(model_argument(fcinfo, 2), first, last);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * rfm_preview(run_date date, model text) RETURNS TABLE (...)
 */

#define PREVIEW_COLUMNS 13
#define PREVIEW_TYPES \
	DATEOID, TEXTOID, INT4OID, INT8OID, NUMERICOID, INT4OID, INT4OID, INT4OID, INT4OID, \
	TEXTOID, TEXTOID, TEXTOID, INT8OID

static void
preview_row(const RfmSnapshot *snapshot, int64 i, RfmCell cell,
			Datum *values, bool *nulls)
{
	RfmCustomers *customers = snapshot->customers;
	int			r = RFM_CELL_R(cell);
	int			f = RFM_CELL_F(cell);
	int			m = RFM_CELL_M(cell);

	memset(nulls, false, PREVIEW_COLUMNS);
	values[0] = DateADTGetDatum(snapshot->run_date);
	values[1] = CStringGetTextDatum(rfm_key_out(&customers->key_type, rfm_customer_key(customers, i)));
	values[2] = Int32GetDatum((int32) -rfm_customer_code(customers, RFM_RECENCY, i));
	values[3] = Int64GetDatum(rfm_customer_code(customers, RFM_FREQUENCY, i));
	values[4] = NumericGetDatum(rfm_axis_numeric(customers, RFM_MONETARY,
												 rfm_customer_code(customers, RFM_MONETARY, i)));
	values[5] = Int32GetDatum(r);
	values[6] = Int32GetDatum(f);
	values[7] = Int32GetDatum(m);
	values[8] = Int32GetDatum(r + f + m);
	nulls[9] = snapshot->segment == NULL;
	values[9] = nulls[9] ? (Datum) 0 : CStringGetTextDatum(snapshot->segment[cell]);
	nulls[10] = snapshot->comment == NULL;
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(snapshot->comment[cell]);
	values[11] = CStringGetTextDatum(rfm_cell_text(snapshot->model, cell));
	values[12] = Int64GetDatum(rfm_cell_weighted(snapshot->model, cell));
}

static const RfmSignature preview_signature = {
	"rfm_preview", PROKIND_FUNCTION, .set = true, .arg = {DATEOID, TEXTOID},
	.column = {PREVIEW_TYPES}
};

Datum
rfm_preview(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext mcxt;
	MemoryContext rowcxt;
	MemoryContext oldcxt;
	char	   *name;
	DateADT    *run_date;
	RfmSnapshot snapshot;

	rfm_signature_check(fcinfo, &preview_signature);
	rfm_init_materialized_srf(fcinfo);

	mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm preview",
								 ALLOCSET_DEFAULT_SIZES);
	rowcxt = AllocSetContextCreate(mcxt, "rfm preview row", ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(mcxt);
	name = model_argument(fcinfo, 1);
	run_date = run_date_argument(fcinfo, 0);
	rfm_progress_announce(name, run_date, true);
	rfm_snapshot_compute(rfm_model_load(name, false), run_date, &snapshot);

	MemoryContextSwitchTo(rowcxt);
	for (int64 i = 0; i < snapshot.customers->n; i++)
	{
		Datum		values[PREVIEW_COLUMNS];
		bool		nulls[PREVIEW_COLUMNS];

		preview_row(&snapshot, i, rfm_scores_cell(snapshot.scores, snapshot.customers, i),
					values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(rowcxt);
		rfm_progress_done(1);
		CHECK_FOR_INTERRUPTS();
	}
	rfm_customers_end(snapshot.customers);
	rfm_progress_end();
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
	return (Datum) 0;
}

static const RfmSignature score_one_signature = {
	"rfm_score_one", PROKIND_FUNCTION, .set = true, .arg = {TEXTOID, TEXTOID},
	.column = {PREVIEW_TYPES, DATEOID}
};

/*
 * rfm_score_now(customer text, model text) RETURNS TABLE (...): the columns of
 * rfm_preview(), and the date of the cut points
 */
Datum
rfm_score_one(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name;
	RfmSnapshot snapshot;
	RfmCell		cell;
	DateADT		cut_date;
	Datum		values[PREVIEW_COLUMNS + 1];
	bool		nulls[PREVIEW_COLUMNS + 1];

	rfm_signature_check(fcinfo, &score_one_signature);
	rfm_init_materialized_srf(fcinfo);
	name = model_argument(fcinfo, 1);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("customer must not be null")));
	if (!rfm_score_now(rfm_model_load(name, false),
					   text_to_cstring(PG_GETARG_TEXT_PP(0)),
					   &snapshot, &cell, &cut_date))
		return (Datum) 0;
	preview_row(&snapshot, 0, cell, values, nulls);
	values[PREVIEW_COLUMNS] = DateADTGetDatum(cut_date);
	nulls[PREVIEW_COLUMNS] = false;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	rfm_customers_end(snapshot.customers);
	return (Datum) 0;
}

static const RfmSignature create_model_signature = {
	"rfm_create_model", PROKIND_FUNCTION, .result = VOIDOID,
	.arg = {
		TEXTOID, REGCLASSOID, TEXTOID, NAMEOID, NAMEOID, TEXTOID, NAMEOID, TEXTOID, TEXTOID,
		INT4ARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, INTERVALOID,
		TEXTOID, TEXTOID, NUMERICOID, TEXTOID, TEXTOID, JSONBOID, BOOLOID, INT4ARRAYOID,
		INTERVALOID, TEXTOID
	}
};

/*
 * rfm_create_model(model, source, target, ...) RETURNS void: the arguments
 * are the columns of rfm_model, in their order, except the last, the owner.
 */
Datum
rfm_create_model(PG_FUNCTION_ARGS)
{
	char	   *name;

	rfm_signature_check(fcinfo, &create_model_signature);
	name = model_argument(fcinfo, 0);
	rfm_source_forbid_nesting();
	PreventCommandIfReadOnly("rfm_create_model()");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("source and target of model \"%s\" must not be null", name)));
	rfm_model_create(name, fcinfo);
	PG_RETURN_VOID();
}

static const RfmSignature ensure_model_signature = {
	"rfm_ensure_model", PROKIND_FUNCTION, .strict = true, .result = VOIDOID, .arg = {TEXTOID}
};

/*
 * rfm_ensure_model(model text) RETURNS void: makes the default model if it is
 * asked for; an error where the caller may not use the model.
 */
Datum
rfm_ensure_model(PG_FUNCTION_ARGS)
{
	rfm_signature_check(fcinfo, &ensure_model_signature);
	(void) rfm_model_load(model_argument(fcinfo, 0), true);
	PG_RETURN_VOID();
}

static const RfmSignature cron_jobs_signature = {
	"rfm_cron_jobs", PROKIND_FUNCTION, .set = true,
	.column = {
		TEXTOID, INT8OID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, TEXTOID, TIMESTAMPTZOID,
		INTERVALOID, INT8OID, TIMESTAMPTZOID, TEXTOID
	}
};

/*
 * rfm_cron_jobs() RETURNS SETOF rfm_cron_job: of the models that the caller
 * may use.
 */
Datum
rfm_cron_jobs(PG_FUNCTION_ARGS)
{
	rfm_signature_check(fcinfo, &cron_jobs_signature);
	rfm_init_materialized_srf(fcinfo);
	rfm_jobs_fetch(GetUserId(),
				   (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * rfm_reader(model text, OUT ...) RETURNS record: what a function of SQL must
 * know to read a model's snapshots with its caller's rights.
 */

#define READER_COLUMNS 8

static Datum
nullable_text(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static const RfmSignature reader_signature = {
	"rfm_reader", PROKIND_FUNCTION, .arg = {TEXTOID},
	.column = {TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4ARRAYOID, DATEOID}
};

Datum
rfm_reader(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	RfmReader	reader;
	Datum		values[READER_COLUMNS];
	bool		nulls[READER_COLUMNS] = {0};
	Datum		buckets[RFM_AXES];

	rfm_signature_check(fcinfo, &reader_signature);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rfm_reader_open(model_argument(fcinfo, 0), &reader);

	for (int axis = 0; axis < RFM_AXES; axis++)
		buckets[axis] = Int32GetDatum(reader.buckets[axis]);
	values[0] = CStringGetTextDatum(reader.relation);
	values[1] = JsonbPGetDatum(reader.columns);
	values[2] = CStringGetTextDatum(reader.customer_type);
	values[3] = CStringGetTextDatum(reader.customer_equals);
	values[4] = nullable_text(reader.segment_rules, &nulls[4]);
	values[5] = nullable_text(reader.comment_rules, &nulls[5]);
	values[6] = PointerGetDatum(construct_array(buckets, RFM_AXES, INT4OID,
												sizeof(int32), true, TYPALIGN_INT));
	values[7] = DateADTGetDatum(reader.last_run);
	nulls[7] = !reader.logged;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* The name in a row of rfm_model, "" for null. */
static const char *
model_name_of(HeapTuple tuple, TupleDesc tupdesc)
{
	char	   *name = SPI_getvalue(tuple, tupdesc, SPI_fnumber(tupdesc, "model"));

	return name ? name : "";
}

static const RfmSignature model_trigger_signature = {
	"rfm_model_trigger", PROKIND_FUNCTION, .result = TRIGGEROID
};

/*
 * Trigger on rfm_model, BEFORE INSERT OR UPDATE: the row is checked as
 * rfm_create_model checks it.
 */
Datum
rfm_model_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		update;
	HeapTuple	tuple;
	TupleDesc	tupdesc;
	bool		isnull;
	Oid			owner;

	rfm_signature_check(fcinfo, &model_trigger_signature);
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("rfm_model_trigger() can only be called as a trigger")));
	update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	tuple = update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	tupdesc = RelationGetDescr(trigger->tg_relation);

	/* of the old row only the name is read: what is wrong in it can be mended */
	if (update && strcmp(model_name_of(tuple, tupdesc),
						 model_name_of(trigger->tg_trigtuple, tupdesc)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a model cannot be renamed"),
				 errdetail("Its log and its schedule go by its name."),
				 errhint("Create a model with the new name over the same source and target, and drop this one.")));

	owner = DatumGetObjectId(SPI_getbinval(tuple, tupdesc,
										   SPI_fnumber(tupdesc, "owner"), &isnull));
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"owner\" of a model must not be null")));
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a model cannot be given to role \"%s\"",
						GetUserNameFromId(owner, false)),
				 errdetail("You are not a member of that role.")));

	/*
	 * pg_restore turns check_function_bodies off because what a definition
	 * refers to may not be there yet; the next refresh checks it.  Anyone can
	 * turn it off, so it counts only for who has made the extension, as
	 * pg_restore does before.
	 */
	if (update || check_function_bodies ||
		!rfm_extension_ownercheck(get_extension_oid("rfm", false), GetUserId()))
		rfm_model_check(rfm_model_from_tuple(tuple, tupdesc));
	return PointerGetDatum(tuple);
}

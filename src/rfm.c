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
#include "base/catalog.h"
#include "base/guard.h"
#include "base/identity.h"
#include "base/reading.h"
#include "base/version.h"
#include "catalog/pg_type.h"
#include "collect/files.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "model/model.h"
#include "model/run_date.h"
#include "nodes/parsenodes.h"
#include "postmaster/bgworker_internals.h"
#include "read/query.h"
#include "read/source.h"
#include "run/access.h"
#include "run/backfill.h"
#include "run/campaign.h"
#include "run/catch_up.h"
#include "run/create_model.h"
#include "run/define_model.h"
#include "run/forget.h"
#include "run/jobs.h"
#include "run/label.h"
#include "run/notify.h"
#include "run/period.h"
#include "run/refresh.h"
#include "run/ruleset.h"
#include "run/run_log.h"
#include "run/score_one.h"
#include "run/totals.h"
#include "score/snapshot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "value/calendar.h"
#include "value/key_pair.h"
#include "value/zone.h"

RFM_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(rfm_refresh);
PG_FUNCTION_INFO_V1(rfm_catch_up);
PG_FUNCTION_INFO_V1(rfm_backfill);
PG_FUNCTION_INFO_V1(rfm_preview);
PG_FUNCTION_INFO_V1(rfm_create_model);
PG_FUNCTION_INFO_V1(rfm_ensure_model);
PG_FUNCTION_INFO_V1(rfm_delete_model);
PG_FUNCTION_INFO_V1(rfm_own_ruleset);
PG_FUNCTION_INFO_V1(rfm_restoring);
PG_FUNCTION_INFO_V1(rfm_drop_ruleset);
PG_FUNCTION_INFO_V1(rfm_drop_rule);
PG_FUNCTION_INFO_V1(rfm_cron_jobs);
PG_FUNCTION_INFO_V1(rfm_cron_troubles);
PG_FUNCTION_INFO_V1(rfm_access);
PG_FUNCTION_INFO_V1(rfm_totals);
PG_FUNCTION_INFO_V1(rfm_forget);
PG_FUNCTION_INFO_V1(rfm_score_one);
PG_FUNCTION_INFO_V1(rfm_local_date);
PG_FUNCTION_INFO_V1(rfm_label);
PG_FUNCTION_INFO_V1(rfm_delete_campaign);
PG_FUNCTION_INFO_V1(rfm_orders_between);

/*
 * As for maintenance_work_mem: raise values that are too small to the minimum.
 */
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

/* Settings of jobs and of monitoring. */
static void
define_job_settings(void)
{
	DefineCustomIntVariable("rfm.catch_up_limit",
							"Sets the maximum number of dates that one call of rfm_catch_up() computes.",
							"Dates covered by a model's restate are not counted.",
							&rfm_catch_up_limit,
							31,
							1, INT_MAX,
							PGC_USERSET,
							0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("rfm.log_retention_days",
							"Sets the number of days for which rows of rfm_run are kept.",
							"A refresh deletes older rows of the model. 0 keeps all; those of the newest date are always kept.",
							&rfm_log_retention_days,
							0,
							0, 36500,
							PGC_USERSET,
							0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("rfm.source_stale_days",
							"Sets the number of days without an order after which rfm_health() reports a model's source.",
							NULL,
							&rfm_source_stale_days,
							14,
							1, 36500,
							PGC_USERSET,
							0,
							NULL, NULL, NULL);
}

void
_PG_init(void)
{
	DefineCustomBoolVariable("rfm.progress",
							 "Reports the progress of a refresh with NOTICE messages.",
							 "One message when a phase ends, and one every two seconds while it runs.",
							 &rfm_show_progress,
							 false,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("rfm.work_mem",
							"Sets the maximum memory for the customers of a refresh in each process.",
							"Beyond it they are written to temporary files. -1 means maintenance_work_mem.",
							&rfm_work_mem,
							-1, -1, MAX_KILOBYTES,
							PGC_USERSET,
							GUC_UNIT_KB,
							check_work_mem, NULL, NULL);
	DefineCustomIntVariable("rfm.max_workers",
							"Sets the maximum number of parallel workers that read the orders of a refresh.",
							"-1 means one less than the number of CPUs, because the session itself reads too.",
							&rfm_max_workers,
							-1, -1, MAX_PARALLEL_WORKER_LIMIT,
							PGC_USERSET,
							0,
							NULL, NULL, NULL);
	DefineCustomEnumVariable("rfm.grouped_reading",
							 "Reads the orders of a refresh as one row per customer.",
							 "auto: if remote servers that store the orders can group them; on: for any source.",
							 &rfm_grouped_reading,
							 RFM_GROUPED_AUTO, grouped_reading_options,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	define_job_settings();
	DefineCustomBoolVariable("rfm.latest_view",
							 "Creates a view of the newest snapshot for the target of a new model.",
							 NULL,
							 &rfm_make_latest_view,
							 true,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("rfm.notify",
							 "Sends a NOTIFY on the channel rfm when a refresh has been committed.",
							 "Every role of the database may listen. A transaction that refreshes can then not be prepared.",
							 &rfm_notify_enabled,
							 false,
							 PGC_USERSET,
							 0,
							 NULL, NULL, NULL);
	rfm_run_date_init();
	rfm_files_init();
	MarkGUCPrefixReserved("rfm");
	rfm_slots_request();
	rfm_guard_init();
	rfm_reading_init();
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

/* The error for a read-only transaction would not help on a standby. */
static void
prevent_on_standby(const char *function)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s during recovery", function),
				 errdetail("This server is a standby of a primary server."),
				 errhint("Refresh on the primary server, which replicates its snapshots. rfm_preview() computes a snapshot on this server without writing.")));
}

/*
 * rfm_refresh(run_date date, model text) RETURNS bigint
 */
Datum
rfm_refresh(PG_FUNCTION_ARGS)
{
	DateADT    *run_date;
	char	   *name;

	rfm_version_check();
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
			 errdetail("It commits each date separately, so it cannot be part of a transaction, a function or a block that catches exceptions."),
			 errhint("Call it by itself: CALL %s(...). rfm_refresh() can compute one date inside a transaction block.",
					 procedure)));
}

/*
 * rfm_catch_up(model text), a procedure
 */
Datum
rfm_catch_up(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	prevent_in_transaction(fcinfo, "rfm_catch_up");
	prevent_on_standby("rfm_catch_up()");
	PreventCommandIfReadOnly("rfm_catch_up()");

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	rfm_catch_up_model(model_argument(fcinfo, 0));
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * rfm_backfill(from_date date, to_date date, model text), a procedure
 */
Datum
rfm_backfill(PG_FUNCTION_ARGS)
{
	DateADT		first;
	DateADT		last;

	rfm_version_check();
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

#define PREVIEW_COLUMNS 14

static void
preview_row(const RfmScoredSnapshot *snapshot, int64 i, RfmCell cell,
			Datum *values, bool *nulls)
{
	const RfmCustomers *customers = snapshot->customers;
	int			r = RFM_CELL_R(cell);
	int			f = RFM_CELL_F(cell);
	int			m = RFM_CELL_M(cell);

	memset(nulls, false, PREVIEW_COLUMNS);
	values[0] = DateADTGetDatum(snapshot->run_date);
	nulls[1] = customers->key_type.pair == NULL;
	if (!nulls[1])
		values[1] = CStringGetTextDatum(rfm_key_out(rfm_key_part_type(&customers->key_type, RFM_PART_GROUP),
													rfm_key_part(&customers->key_type, customers->key[i],
																 RFM_PART_GROUP)));
	values[2] = CStringGetTextDatum(rfm_key_out(&customers->key_type, customers->key[i]));
	values[3] = Int32GetDatum((int32) -customers->code[RFM_RECENCY][i]);
	values[4] = Int64GetDatum(customers->code[RFM_FREQUENCY][i]);
	values[5] = NumericGetDatum(rfm_axis_numeric(customers, RFM_MONETARY,
												 customers->code[RFM_MONETARY][i]));
	values[6] = Int32GetDatum(r);
	values[7] = Int32GetDatum(f);
	values[8] = Int32GetDatum(m);
	values[9] = Int32GetDatum(r + f + m);
	nulls[10] = snapshot->segment == NULL;
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(snapshot->segment[cell]);
	nulls[11] = snapshot->comment == NULL;
	values[11] = nulls[11] ? (Datum) 0 : CStringGetTextDatum(snapshot->comment[cell]);
	values[12] = CStringGetTextDatum(rfm_cell_text(snapshot->model, cell));
	values[13] = Int64GetDatum(rfm_cell_weighted(snapshot->model, cell));
}

Datum
rfm_preview(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext mcxt;
	MemoryContext rowcxt;
	MemoryContext oldcxt;
	char	   *name;
	DateADT    *run_date;
	RfmScoredSnapshot snapshot;
	RfmIdentity owner;

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);

	mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm preview",
								 ALLOCSET_DEFAULT_SIZES);
	rowcxt = AllocSetContextCreate(mcxt, "rfm preview row", ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(mcxt);
	name = model_argument(fcinfo, 1);
	run_date = run_date_argument(fcinfo, 0);
	rfm_progress_announce(name, run_date, true);
	rfm_snapshot_compute(rfm_model_load(name, false), run_date, false, &snapshot);

	/* customers as text that rfm_score_now() takes, whatever the session's formats */
	rfm_owner_enter(&owner, snapshot.model->owner, snapshot.model->time_zone);
	MemoryContextSwitchTo(rowcxt);
	for (int64 i = 0; i < snapshot.customers->n; i++)
	{
		Datum		values[PREVIEW_COLUMNS];
		bool		nulls[PREVIEW_COLUMNS];

		preview_row(&snapshot, i, snapshot.scores->cell[i],
					values, nulls);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(rowcxt);
		rfm_progress_done(1);
		CHECK_FOR_INTERRUPTS();
	}
	rfm_owner_leave(&owner);
	rfm_progress_end();
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
	return (Datum) 0;
}

/*
 * rfm_score_now(customer text, model text, score_group text) RETURNS TABLE (...):
 * the columns of rfm_preview(), and the date of the cut points
 */
Datum
rfm_score_one(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name;
	RfmScoredCustomer scored;
	RfmIdentity owner;

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	name = model_argument(fcinfo, 1);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("customer must not be null")));
	rfm_score_customer(rfm_model_load(name, false),
					   text_to_cstring(PG_GETARG_TEXT_PP(0)),
					   PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)), &scored);
	if (scored.snapshot.customers->n == 0)
		return (Datum) 0;
	rfm_owner_enter(&owner, scored.snapshot.model->owner, scored.snapshot.model->time_zone);
	for (int64 i = 0; i < scored.snapshot.customers->n; i++)
	{
		Datum		values[PREVIEW_COLUMNS + 1];
		bool		nulls[PREVIEW_COLUMNS + 1];

		if (scored.cell[i] == 0)
			continue;
		preview_row(&scored.snapshot, i, scored.cell[i], values, nulls);
		values[PREVIEW_COLUMNS] = DateADTGetDatum(scored.cut_date);
		nulls[PREVIEW_COLUMNS] = false;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	rfm_owner_leave(&owner);
	return (Datum) 0;
}

/*
 * rfm_internal.orders_between(model text, from_date date, to_date date,
 * score_group text) RETURNS TABLE (customer text, orders int8, revenue numeric,
 * score_group text)
 */
Datum
rfm_orders_between(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext mcxt;
	MemoryContext rowcxt;
	MemoryContext oldcxt;
	DateADT    *to_date;
	RfmCustomers *customers;
	const RfmKeyType *group_type;

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	to_date = run_date_argument(fcinfo, 2);
	if (to_date == NULL)
		return (Datum) 0;
	mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm period", ALLOCSET_DEFAULT_SIZES);
	rowcxt = AllocSetContextCreate(mcxt, "rfm period row", ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(mcxt);
	customers = rfm_period_read(rfm_model_load(model_argument(fcinfo, 0), false),
								run_date_argument(fcinfo, 1), *to_date,
								PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)));
	group_type = rfm_key_part_type(&customers->key_type, RFM_PART_GROUP);

	MemoryContextSwitchTo(rowcxt);
	for (int64 i = 0; i < customers->n; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {0};

		values[0] = CStringGetTextDatum(rfm_key_out(&customers->key_type, customers->key[i]));
		values[1] = Int64GetDatum(customers->code[RFM_FREQUENCY][i]);
		values[2] = NumericGetDatum(rfm_axis_numeric(customers, RFM_MONETARY,
													 customers->code[RFM_MONETARY][i]));
		nulls[3] = group_type == NULL;
		if (group_type)
			values[3] = CStringGetTextDatum(rfm_key_out(group_type, rfm_key_part(&customers->key_type, customers->key[i],
																				 RFM_PART_GROUP)));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(rowcxt);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
	return (Datum) 0;
}

/*
 * rfm_create_model(model, source, target, ...) RETURNS void: the arguments
 * are the columns of rfm_model, in their order, except the last, the owner.
 */
Datum
rfm_create_model(PG_FUNCTION_ARGS)
{
	char	   *name;

	rfm_version_check();
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

/*
 * rfm_ensure_model(model text) RETURNS void: creates the default model on
 * first use; an error if the caller may not use the model.
 */
Datum
rfm_ensure_model(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	(void) rfm_model_load(model_argument(fcinfo, 0), true);
	PG_RETURN_VOID();
}

/*
 * rfm_delete_model(model text) RETURNS void: deletes the row of a model that
 * the caller may use.
 */
Datum
rfm_delete_model(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	PreventCommandIfReadOnly("rfm_drop_model()");
	rfm_model_delete(model_argument(fcinfo, 0));
	PG_RETURN_VOID();
}

/*
 * rfm_own_ruleset(ruleset text) RETURNS int4[]: the three bucket counts of a
 * rule set that the caller may change.
 */
Datum
rfm_own_ruleset(PG_FUNCTION_ARGS)
{
	char	   *ruleset;

	rfm_version_check();
	ruleset = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (rfm_is_restore())
		rfm_ruleset_expect(ruleset);
	return rfm_ruleset_own(ruleset);
}

/*
 * rfm_is_restore() RETURNS bool
 */
Datum
rfm_restoring(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	PG_RETURN_BOOL(rfm_is_restore());
}

static char *
ruleset_argument(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name of a rule set must not be null")));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/*
 * rfm_drop_ruleset(ruleset text) RETURNS void
 */
Datum
rfm_drop_ruleset(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	PreventCommandIfReadOnly("rfm_drop_ruleset()");
	rfm_ruleset_drop(ruleset_argument(fcinfo, 0));
	PG_RETURN_VOID();
}

/*
 * rfm_drop_rule(ruleset text, priority int4) RETURNS void
 */
Datum
rfm_drop_rule(PG_FUNCTION_ARGS)
{
	char	   *ruleset;

	rfm_version_check();
	PreventCommandIfReadOnly("rfm_drop_rule()");
	ruleset = ruleset_argument(fcinfo, 0);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("priority of a rule must not be null")));
	rfm_rule_drop(ruleset, PG_GETARG_INT32(1));
	PG_RETURN_VOID();
}

/*
 * rfm_cron_jobs() RETURNS SETOF rfm_cron_job: those of the models that the
 * caller may use or monitor.
 */
Datum
rfm_cron_jobs(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	rfm_jobs_fetch(GetUserId(),
				   (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * rfm_cron_troubles() RETURNS SETOF rfm_cron_trouble: for roles that may use
 * or monitor a model.
 */
Datum
rfm_cron_troubles(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	rfm_cron_troubles_fetch(GetUserId(),
							(ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * rfm_access(model text, OUT ...) RETURNS record: what an SQL function needs
 * to read a model's snapshots with its caller's rights.
 */

#define ACCESS_COLUMNS 12

static Datum
nullable_text(const char *string, bool *isnull)
{
	*isnull = string == NULL;
	return string ? CStringGetTextDatum(string) : (Datum) 0;
}

Datum
rfm_access(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	RfmAccess	access;
	Datum		values[ACCESS_COLUMNS];
	bool		nulls[ACCESS_COLUMNS] = {0};
	Datum		buckets[RFM_AXES];

	rfm_version_check();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rfm_access_open(model_argument(fcinfo, 0), &access);

	for (int axis = 0; axis < RFM_AXES; axis++)
		buckets[axis] = Int32GetDatum(access.buckets[axis]);
	values[0] = CStringGetTextDatum(access.relation);
	values[1] = JsonbPGetDatum(access.columns);
	values[2] = CStringGetTextDatum(access.customer_type);
	values[3] = CStringGetTextDatum(access.customer_equals);
	values[4] = nullable_text(access.segment_rules, &nulls[4]);
	values[5] = nullable_text(access.comment_rules, &nulls[5]);
	values[6] = PointerGetDatum(construct_array(buckets, RFM_AXES, INT4OID,
												sizeof(int32), true, TYPALIGN_INT));
	values[7] = DateADTGetDatum(access.last_run);
	nulls[7] = !access.logged;
	values[8] = Int64GetDatum(access.model_id);
	values[9] = BoolGetDatum(access.additive);
	values[10] = nullable_text(access.group_type, &nulls[10]);
	values[11] = nullable_text(access.group_equals, &nulls[11]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * rfm_totals(model text) RETURNS SETOF snapshot_total: the stored totals of a
 * model's snapshots, for roles that may read all of its target.
 */
Datum
rfm_totals(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	rfm_totals_fetch(model_argument(fcinfo, 0),
					 (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * local_date(moment timestamptz, zone text) RETURNS date: the date of a time
 * in a model's time zone.
 */
Datum
rfm_local_date(PG_FUNCTION_ARGS)
{
	RfmCalendar calendar;

	rfm_version_check();
	rfm_calendar_init(&calendar, TIMESTAMPTZOID, rfm_zone_setting(text_to_cstring(PG_GETARG_TEXT_PP(1))));
	PG_RETURN_DATEADT(rfm_calendar_date_of(&calendar, PG_GETARG_TIMESTAMPTZ(0)));
}

/*
 * rfm_label(ruleset text, r int4, f int4, m int4) RETURNS text, strict
 */
Datum
rfm_label(PG_FUNCTION_ARGS)
{
	int32		score[RFM_AXES];

	rfm_version_check();
	for (int axis = 0; axis < RFM_AXES; axis++)
		score[axis] = PG_GETARG_INT32(1 + axis);
	PG_RETURN_TEXT_P(cstring_to_text(rfm_label_find(fcinfo->flinfo,
													text_to_cstring(PG_GETARG_TEXT_PP(0)),
													score)));
}

/*
 * rfm_internal.delete_campaign(model_id int8, owner regrole, campaign text)
 * RETURNS void, strict
 */
Datum
rfm_delete_campaign(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	PreventCommandIfReadOnly("rfm_drop_campaign()");
	rfm_campaign_delete(PG_GETARG_INT64(0), PG_GETARG_OID(1),
						text_to_cstring(PG_GETARG_TEXT_PP(2)));
	PG_RETURN_VOID();
}

/*
 * rfm_forget(customer text, model text) RETURNS bigint: the number of rows
 * deleted from the target.
 */
Datum
rfm_forget(PG_FUNCTION_ARGS)
{
	char	   *name;

	rfm_version_check();
	name = model_argument(fcinfo, 1);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("customer must not be null")));
	rfm_source_forbid_nesting();
	prevent_on_standby("rfm_forget()");
	PreventCommandIfReadOnly("rfm_forget()");
	PG_RETURN_INT64(rfm_forget_customer(name, text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

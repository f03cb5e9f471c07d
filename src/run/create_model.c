/*-------------------------------------------------------------------------
 *
 * create_model.c
 *		Creation and deletion of models.
 *
 * A model's row is inserted first and reserves the name: sessions that insert
 * the same name wait for the primary key, and no others.  The target is
 * created next.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/catalog.h"
#include "base/citus.h"
#include "base/identity.h"
#include "base/query.h"
#include "base/settings.h"
#include "base/version.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "model/lock.h"
#include "read/query.h"
#include "run/arguments.h"
#include "run/create_model.h"
#include "run/define_model.h"
#include "run/ruleset.h"
#include "target/create.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(rfm_create_model);
PG_FUNCTION_INFO_V1(rfm_delete_model);
PG_FUNCTION_INFO_V1(rfm_model_trigger);

/*
 * Set while a row is inserted without a target; it is checked when the target
 * is set.
 */
static bool row_is_incomplete = false;

/* Return the target; as the current user, create it if there is none. */
static Oid
find_or_create_target(const RfmModel *model, const char *target_name)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(target_name));
	Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
	RfmIdentity	owner;
	RfmSource	source;

	if (OidIsValid(relid))
		return relid;
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_owner_leave(&owner);
	return rfm_target_create(model, &source, target_name);
}

/*
 * Raise the error for an existing model of that name; newer: it was created
 * after this transaction's database snapshot.
 */
pg_noreturn static void
name_is_taken(const char *name, bool newer)
{
	if (newer)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access: model \"%s\" has been created concurrently",
						name),
				 errhint("The transaction might succeed if retried.")));
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("model \"%s\" already exists", name),
			 errhint("Change it with UPDATE rfm_model, or drop it with rfm_drop_model().")));
}

/*
 * A row of rfm_model as passed to rfm_create_model(): the target is given by
 * name.
 */
typedef struct Definition
{
	int			n;				/* columns that are given: the first ones, and the owner */
	int			target;			/* which of them is the target */
	RfmNewColumn *column;
} Definition;

/*
 * Convert the arguments to columns.  The target, which may not exist yet, is
 * null in the returned model and 0 in the row.
 */
static RfmModel *
read_definition(FunctionCallInfo fcinfo, Definition *row)
{
	Relation	rel = table_open(rfm_extension_table("rfm_model"), AccessShareLock);
	TupleDesc	tupdesc = CreateTupleDescCopy(RelationGetDescr(rel));
	Datum	   *values = palloc0(tupdesc->natts * sizeof(Datum));
	bool	   *isnull = palloc(tupdesc->natts * sizeof(bool));

	table_close(rel, NoLock);
	row->target = SPI_fnumber(tupdesc, "target") - 1;
	row->n = PG_NARGS() + 1;
	row->column = palloc(tupdesc->natts * sizeof(RfmNewColumn));
	/* the model's number comes after them, and nothing else */
	if (SPI_fnumber(tupdesc, "owner") != row->n || tupdesc->natts != row->n + 1)
		rfm_version_mismatch("The parameters of function rfm_create_model are not the columns of table rfm_model.");

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		isnull[i] = i >= row->n || i == row->target || (i < PG_NARGS() && PG_ARGISNULL(i));
		if (!isnull[i])
			values[i] = i < PG_NARGS() ? PG_GETARG_DATUM(i) : ObjectIdGetDatum(GetUserId());
		row->column[i] = (RfmNewColumn) {NameStr(att->attname),
			{att->atttypid, values[i], isnull[i] && i != row->target}};
	}
	return rfm_model_from_tuple(heap_form_tuple(tupdesc, values, isnull), tupdesc);
}

/*
 * Insert the row, which reserves the name: other sessions that insert it wait.
 */
static void
insert_row(const char *name, const Definition *row)
{
	MemoryContext mcxt = CurrentMemoryContext;

	row_is_incomplete = true;
	PG_TRY();
	{
		rfm_insert("rfm_model", row->column, row->n);
	}
	PG_CATCH();
	{
		row_is_incomplete = false;
		if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
			PG_RE_THROW();
		MemoryContextSwitchTo(mcxt);
		FlushErrorState();
		name_is_taken(name, IsolationUsesXactSnapshot());
	}
	PG_END_TRY();
	row_is_incomplete = false;
}

/* Set the target of the row. The table's trigger checks the model. */
static void
set_target(const char *name, Oid target)
{
	if (rfm_execute(psprintf("UPDATE %s SET target = $1 WHERE model OPERATOR(pg_catalog.=) $2", rfm_public_name("rfm_model")),
					SPI_OK_UPDATE,
					RFM_PARAMS(rfm_param(REGCLASSOID, ObjectIdGetDatum(target)), rfm_text(name))) != 1)
		elog(ERROR, "could not complete table rfm_model");
}

/*
 * rfm_create_model(model, source, target, ...) RETURNS void: creates the model,
 * owned by the current user, its target where there is none, and the view of
 * its newest snapshot.  The arguments are the columns of rfm_model, in their
 * order, except the last, the owner.
 */
Datum
rfm_create_model(PG_FUNCTION_ARGS)
{
	Definition	row;
	RfmModel   *model;
	Oid			target;
	char	   *name;
	RfmIdentity caller;

	rfm_version_check();
	name = rfm_text_argument(fcinfo, 0, "model");
	rfm_source_forbid_nesting();
	PreventCommandIfReadOnly("rfm_create_model()");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("source and target of model \"%s\" must not be null", name)));
	if (rfm_model_find(name) != NULL)
		name_is_taken(name, false);
	rfm_citus_refuse_worker();
	model = read_definition(fcinfo, &row);
	rfm_ruleset_check_model(model->segment_rules, model);
	rfm_ruleset_check_model(model->comment_rules, model);

	rfm_caller_enter(&caller);
	insert_row(name, &row);
	rfm_owner_leave(&caller);

	/* a name without schema is looked up in the caller's path */
	target = find_or_create_target(model, text_to_cstring(PG_GETARG_TEXT_PP(row.target)));

	rfm_caller_enter(&caller);
	set_target(name, target);
	if (rfm_make_latest_view)
		rfm_execute("SELECT rfm_internal.add_latest_view($1)", SPI_OK_SELECT, RFM_PARAMS(rfm_text(name)));
	rfm_owner_leave(&caller);
	PG_RETURN_VOID();
}

void
rfm_model_delete(const char *name)
{
	int64		id;
	Oid			owner;
	bool		found = rfm_model_peek(name, &id, &owner);

	if (found)
	{
		rfm_model_check_user(name, owner);
		rfm_model_lock(id);
		found = rfm_catalog_execute("DELETE FROM @rfm_model WHERE model_id = $1",
									SPI_OK_DELETE, RFM_PARAMS(rfm_int8(id))) > 0;
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 errhint("The models that you may use are the rows of rfm_model.")));
}

/*
 * rfm_internal.delete_model(model text) RETURNS void: deletes the row of a model
 * that the caller may use.
 */
Datum
rfm_delete_model(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	PreventCommandIfReadOnly("rfm_drop_model()");
	rfm_model_delete(rfm_text_argument(fcinfo, 0, "model"));
	PG_RETURN_VOID();
}

/*
 * Checking a changed row.
 */

/*
 * Check that the trigger is that of rfm_model.  Nothing is known about the
 * columns of any other table.
 */
static void
check_trigger(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (CALLED_AS_TRIGGER(fcinfo) &&
		RelationGetRelid(trigger->tg_relation) == rfm_extension_table("rfm_model") &&
		TRIGGER_FIRED_BEFORE(trigger->tg_event) &&
		TRIGGER_FIRED_FOR_ROW(trigger->tg_event) &&
		!TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("function model_trigger() of the extension rfm can only be called as a trigger of its table rfm_model")));
}

/* Return the name in a row of rfm_model, "" for null. */
static const char *
model_name_of(HeapTuple tuple, TupleDesc tupdesc)
{
	char	   *name = SPI_getvalue(tuple, tupdesc, SPI_fnumber(tupdesc, "model"));

	return name ? name : "";
}

/*
 * Check the columns that cannot be changed.  Nothing else of the old row is
 * read, so that errors in it can be corrected.
 */
static void
check_identity(HeapTuple old, HeapTuple new, TupleDesc tupdesc)
{
	int			id = SPI_fnumber(tupdesc, "model_id");
	bool		isnull;

	if (strcmp(model_name_of(new, tupdesc), model_name_of(old, tupdesc)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a model cannot be renamed"),
				 errdetail("Its schedule refers to its name."),
				 errhint("Drop this one, and create a model with the new name over the same source and target.")));
	if (SPI_getbinval(new, tupdesc, id, &isnull) != SPI_getbinval(old, tupdesc, id, &isnull))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the number of a model cannot be changed"),
				 errdetail("Its log refers to its number.")));
}

static void
check_owner(HeapTuple tuple, TupleDesc tupdesc)
{
	bool		isnull;
	Oid			owner = DatumGetObjectId(SPI_getbinval(tuple, tupdesc, SPI_fnumber(tupdesc, "owner"),
													   &isnull));

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
}

/*
 * Delete everything stored about a model: its log, failures, totals, campaigns
 * and parameters of forecasts.  Foreign keys would do this too, but pg_restore
 * -j may restore these tables before the models, and a campaign of another
 * role would lock the model's row.
 */
static void
delete_dependents(HeapTuple tuple, TupleDesc tupdesc)
{
	static const char *const table[] = {"rfm_run", "rfm_run_group", "rfm_failure", "rfm_total", "rfm_campaign", "rfm_forecast_parameters"};
	bool		isnull;
	int64		id = DatumGetInt64(SPI_getbinval(tuple, tupdesc, SPI_fnumber(tupdesc, "model_id"), &isnull));

	for (int i = 0; i < (int) lengthof(table); i++)
		rfm_catalog_execute(psprintf("DELETE FROM @%s WHERE model_id = $1", table[i]),
							SPI_OK_DELETE, RFM_PARAMS(rfm_int8(id)));
}

/* Delete the totals of a model whose rows will be different from now on. */
static void
forget_totals(HeapTuple old, HeapTuple new, TupleDesc tupdesc)
{
	static const char *const columns[] = {"target", "target_columns"};
	bool		isnull;

	for (int i = 0; i < (int) lengthof(columns); i++)
	{
		int			attnum = SPI_fnumber(tupdesc, columns[i]);
		char	   *before = SPI_getvalue(old, tupdesc, attnum);
		char	   *after = SPI_getvalue(new, tupdesc, attnum);

		if (before == NULL ? after == NULL : after != NULL && strcmp(before, after) == 0)
			continue;
		rfm_catalog_execute("DELETE FROM @rfm_total WHERE model_id = $1", SPI_OK_DELETE,
							RFM_PARAMS(rfm_param(INT8OID, SPI_getbinval(new, tupdesc, SPI_fnumber(tupdesc, "model_id"), &isnull))));
	}
}

/*
 * Trigger on rfm_model, BEFORE INSERT OR UPDATE OR DELETE: checks the row as
 * rfm_create_model does; deletes what belongs to a deleted model.
 */
Datum
rfm_model_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		update;
	HeapTuple	tuple;
	TupleDesc	tupdesc;

	rfm_version_check();
	check_trigger(fcinfo);
	update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	tuple = update ? trigger->tg_newtuple : trigger->tg_trigtuple;
	tupdesc = RelationGetDescr(trigger->tg_relation);

	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
	{
		delete_dependents(tuple, tupdesc);
		return PointerGetDatum(tuple);
	}
	if (update)
	{
		check_identity(trigger->tg_trigtuple, tuple, tupdesc);
		forget_totals(trigger->tg_trigtuple, tuple, tupdesc);
	}
	check_owner(tuple, tupdesc);

	/*
	 * objects that a restored model refers to may not exist yet; the next
	 * refresh checks it
	 */
	if (!update && !row_is_incomplete && rfm_is_restore())
	{
		rfm_ruleset_expect(SPI_getvalue(tuple, tupdesc, SPI_fnumber(tupdesc, "segment_rules")));
		rfm_ruleset_expect(SPI_getvalue(tuple, tupdesc, SPI_fnumber(tupdesc, "comment_rules")));
	}
	else if (!row_is_incomplete)
		rfm_model_check(rfm_model_from_tuple(tuple, tupdesc));
	return PointerGetDatum(tuple);
}

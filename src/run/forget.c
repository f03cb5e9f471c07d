/*-------------------------------------------------------------------------
 *
 * forget.c
 *		Erasing one customer from everything that a model stores.
 *
 * Totals are kept, because they do not identify customers.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/query.h"
#include "base/version.h"
#include "read/query.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "target/resolve.h"
#include "target/whole.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(rfm_forget);

/*
 * Raise an error if rows of the customer are still there: a trigger or a rule can
 * keep them, and nobody must believe that they are gone.
 */
static void
check_gone(const RfmTarget *target, const char *condition, const char *customer)
{
	bool		isnull;

	if (!rfm_whole_runs_code(target))
		return;
	rfm_target_verify(target);
	(void) rfm_query_value(psprintf("SELECT 1 FROM %s%s LIMIT 1", target->relation, condition),
						   RFM_PARAMS(rfm_text(customer)), false, &isnull);
	if (!isnull)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("the customer would not be erased from target %s", target->relation),
				 errdetail("Rows of the customer are still there."),
				 errhint("A trigger or a rule of the target prevents rows from being deleted.")));
}

/* Delete the rows of the target, as the model's owner. */
static int64
delete_rows(const RfmModel *model, const char *customer)
{
	RfmSource	source;
	RfmTarget	target;
	RfmIdentity	owner;
	Oid			column_type;
	char	   *condition;
	int64		rows;

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_target_resolve(model, &source, &target);
	rfm_target_verify(&target);
	column_type = getBaseType(target.type[RFM_COL_CUSTOMER]);
	condition = psprintf(" WHERE %s %s CAST($1 AS %s)", target.column[RFM_COL_CUSTOMER],
						 rfm_equality(column_type),
						 format_type_extended(column_type, -1,
											  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	rows = rfm_execute(psprintf("DELETE FROM %s%s", target.relation, condition),
					   SPI_OK_DELETE, RFM_PARAMS(rfm_text(customer)));
	check_gone(&target, condition, customer);
	rfm_target_close(&target);
	rfm_owner_leave(&owner);
	return rows;
}

/*
 * Remove the customer from the logs: from_customer is removed from a cut point
 * that names the customer, and failures that name them are deleted.  As text,
 * "from_customer" is always the last key of its object, and no string has that
 * key's quotes in it.
 */
static void
clean_logs(const RfmModel *model, const char *customer)
{
	static const char *const log[] = {"rfm_run", "rfm_run_group"};
	const char *marked = "concat(', \"from_customer\": ', to_json($2))";

	for (int i = 0; i < (int) lengthof(log); i++)
		rfm_catalog_execute(psprintf("UPDATE @%s SET cut_points = replace(cut_points::text, %s, '')::jsonb"
									 " WHERE model_id = $1 AND strpos(cut_points::text, %s) > 0", log[i], marked, marked),
							SPI_OK_UPDATE, RFM_PARAMS(rfm_int8(model->id), rfm_text(customer)));
	rfm_catalog_execute("DELETE FROM @rfm_failure WHERE model_id = $1 AND strpos(message, $2) > 0",
						SPI_OK_DELETE, RFM_PARAMS(rfm_int8(model->id), rfm_text(customer)));
}

/*
 * rfm_forget(customer text, model text) RETURNS bigint: deletes a customer, as
 * the model's owner, from every date of the target, and from the logs; the
 * number of rows deleted from the target.  Waits for the model's refreshes, as
 * they do for each other.
 */
Datum
rfm_forget(PG_FUNCTION_ARGS)
{
	char	   *name;
	char	   *customer;
	RfmModel   *model;
	int64		rows;

	rfm_version_check();
	name = rfm_text_argument(fcinfo, 1, "model");
	customer = rfm_text_argument(fcinfo, 0, "customer");
	rfm_source_forbid_nesting();
	rfm_prevent_read_only("rfm_forget()");
	model = rfm_model_begin(name);
	rows = delete_rows(model, customer);
	clean_logs(model, customer);
	PopActiveSnapshot();
	PG_RETURN_INT64(rows);
}

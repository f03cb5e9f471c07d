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

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "run/define_model.h"
#include "run/forget.h"
#include "target/resolve.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "value/key.h"

/* Delete the rows of the target, as the model's owner. */
static int64
delete_rows(const RfmModel *model, const char *customer)
{
	RfmSource	source;
	RfmTarget	target;
	RfmIdentity	owner;
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(customer);
	Oid			column_type;
	int64		rows;

	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(model, &source);
	rfm_target_resolve(model, &source, &target);
	rfm_target_verify(&target);
	column_type = getBaseType(target.type[RFM_COL_CUSTOMER]);
	rows = rfm_execute(psprintf("DELETE FROM %s WHERE %s %s CAST($1 AS %s)", target.relation,
								target.column[RFM_COL_CUSTOMER], rfm_equality(column_type),
								format_type_extended(column_type, -1,
													 FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY)),
					   1, &type, &value, NULL, SPI_OK_DELETE);
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
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[] = {Int64GetDatum(model->id), CStringGetTextDatum(customer)};
	RfmIdentity	catalog;
	static const char *const log[] = {"rfm_run", "rfm_run_group"};
	const char *marked = "concat(', \"from_customer\": ', to_json($2))";

	rfm_catalog_enter(&catalog);
	for (int i = 0; i < (int) lengthof(log); i++)
		rfm_execute(psprintf("UPDATE %s SET cut_points = replace(cut_points::text, %s, '')::jsonb"
							 " WHERE model_id = $1 AND strpos(cut_points::text, %s) > 0",
							 rfm_public_name(log[i]), marked, marked),
					lengthof(values), types, values, NULL, SPI_OK_UPDATE);
	rfm_execute(psprintf("DELETE FROM %s WHERE model_id = $1 AND strpos(message, $2) > 0",
						 rfm_public_name("rfm_failure")),
				lengthof(values), types, values, NULL, SPI_OK_DELETE);
	rfm_catalog_leave(&catalog);
}

int64
rfm_forget_customer(const char *name, const char *customer)
{
	RfmModel   *model = rfm_model_begin(name);
	int64		rows = delete_rows(model, customer);

	clean_logs(model, customer);
	PopActiveSnapshot();
	return rows;
}

/*-------------------------------------------------------------------------
 *
 * period.c
 *		What customers ordered in a period, from a model's orders.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/version.h"
#include "miscadmin.h"
#include "read/query.h"
#include "run/arguments.h"
#include "run/define_model.h"
#include "run/period.h"
#include "score/snapshot.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(rfm_orders_between);

/*
 * Determine whether an expression can change the past from date to date, as
 * one with rfm_run_date() can.
 */
static bool
mentions_run_date(const char *expression)
{
	return expression != NULL &&
		strstr(asc_tolower(expression, strlen(expression)), "rfm_run_date") != NULL;
}

bool
rfm_period_additive(const RfmModel *model)
{
	return model->lookback == NULL && model->monetary_above == NULL && !model->average &&
		!mentions_run_date(model->customer) && !mentions_run_date(model->ordered_at) &&
		!mentions_run_date(model->amount) && !mentions_run_date(model->order_id) && !mentions_run_date(model->order_count) &&
		!mentions_run_date(model->filter);
}

/*
 * Read the orders after from_date (NULL: all) up to to_date, as the model's owner,
 * and return the customers with the number and amount of their orders, including
 * those with only refunds.  score_group: of this group alone (NULL: of all).
 *
 * These are the orders of a snapshot of the second date whose lookback reaches to
 * the first: the same rows count, in the same way.
 */
static RfmCustomers *
read_period(const RfmModel *model, const DateADT *from_date, DateADT to_date,
			const char *score_group)
{
	RfmModel	period = *model;
	Interval	days = {0};
	RfmSource	source;
	RfmIdentity	owner;
	RfmCollector *collector;

	rfm_snapshot_check_date(to_date);
	if (from_date)
		rfm_snapshot_check_date(*from_date);
	if (from_date && *from_date >= to_date)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a period must end after it begins")));
	if (from_date)
		days.day = to_date - *from_date;
	period.lookback = from_date ? &days : NULL;
	period.monetary_above = NULL;
	period.average = false;

	rfm_source_forbid_nesting();
	rfm_owner_enter(&owner, model->owner, model->time_zone);
	rfm_source_resolve(&period, &source);
	(void) rfm_source_only_group(&source, score_group);
	collector = rfm_source_read(&period, &source, to_date);
	rfm_owner_leave(&owner);
	return rfm_customers_build(&period, &source, collector, to_date, true);
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

	rfm_version_check();
	InitMaterializedSRF(fcinfo, 0);
	to_date = rfm_optional_date(fcinfo, 2);
	if (to_date == NULL)
		return (Datum) 0;
	mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm period", ALLOCSET_DEFAULT_SIZES);
	rowcxt = AllocSetContextCreate(mcxt, "rfm period row", ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(mcxt);
	customers = read_period(rfm_model_load(rfm_text_argument(fcinfo, 0, "model"), false),
							rfm_optional_date(fcinfo, 1), *to_date, rfm_optional_text(fcinfo, 3));

	MemoryContextSwitchTo(rowcxt);
	for (int64 i = 0; i < customers->n; i++)
	{
		char	   *group = rfm_key_group_out(&customers->key_type, customers->key[i]);
		Datum		values[4];
		bool		nulls[4] = {false, false, false, group == NULL};

		values[0] = CStringGetTextDatum(rfm_key_out(&customers->key_type, customers->key[i]));
		values[1] = Int64GetDatum(customers->code[RFM_FREQUENCY][i]);
		values[2] = NumericGetDatum(rfm_axis_numeric(customers, RFM_MONETARY,
													 customers->code[RFM_MONETARY][i]));
		values[3] = group ? CStringGetTextDatum(group) : (Datum) 0;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(rowcxt);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(mcxt);
	return (Datum) 0;
}

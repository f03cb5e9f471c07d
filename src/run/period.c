/*-------------------------------------------------------------------------
 *
 * period.c
 *		What customers ordered in a period, from a model's orders.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "model/run_date.h"
#include "read/query.h"
#include "run/period.h"
#include "score/snapshot.h"
#include "utils/formatting.h"

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

RfmCustomers *
rfm_period_read(const RfmModel *model, const DateADT *from_date, DateADT to_date,
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
	collector = rfm_source_read(&period, &source, to_date, CurrentMemoryContext);
	rfm_owner_leave(&owner);
	return rfm_customers_build(&period, &source, collector, to_date, true);
}

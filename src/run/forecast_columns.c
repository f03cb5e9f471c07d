/*-------------------------------------------------------------------------
 *
 * forecast_columns.c
 *		Forecasts in the target of a refresh.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <math.h>

#include "base/memory.h"
#include "run/forecast.h"
#include "run/forecast_columns.h"

/* How far a forecast in the target looks. */
static const Interval one_year = {.month = MONTHS_PER_YEAR};

/* The customers of a snapshot, and where among them the last visitor was. */
typedef struct Filling
{
	RfmCustomers *customers;
	SortSupportData ssup;		/* of their keys */
	RfmPredictor *predictor;
	const RfmParameters *parameters;
	int64		next;
} Filling;

static bool
is_wanted(const RfmTarget *target)
{
	for (int i = 0; i < RFM_FORECAST_VALUES; i++)
		if (target->attnum[RFM_COL_P_ALIVE + i] != 0)
			return true;
	return false;
}

/* Both come in the order of their keys.  Some visitors are not in the snapshot. */
static void
fill_in(void *arg, const RfmVisitor *visitor)
{
	Filling    *f = (Filling *) arg;
	RfmCustomers *customers = f->customers;
	int			cmp = -1;
	RfmHistory	history;
	RfmForecast forecast;

	while (f->next < customers->n &&
		   (cmp = rfm_key_cmp(&customers->key_type, &f->ssup, customers->key[f->next], visitor->key)) < 0)
		f->next++;
	if (f->next == customers->n || cmp > 0)
		return;
	history = rfm_forecast_history(visitor, customers->run_date);
	forecast = rfm_forecast_of(f->predictor, f->parameters, visitor, &history);
	customers->forecast[RFM_P_ALIVE][f->next] = forecast.alive;
	customers->forecast[RFM_EXPECTED_ORDERS][f->next] = forecast.orders;
	customers->forecast[RFM_EXPECTED_REVENUE][f->next] = forecast.revenue;
	f->next++;
}

void
rfm_forecast_columns(RfmScoredSnapshot *snapshot, const RfmTarget *target)
{
	RfmCustomers *customers = snapshot->customers;
	Filling		filling = {.customers = customers};
	RfmParameters parameters;

	if (!is_wanted(target) ||
		!rfm_parameters_find_newest(snapshot->model, snapshot->run_date, &parameters))
		return;
	filling.parameters = &parameters;
	filling.predictor = rfm_predictor_create(parameters.family, parameters.buying,
											 rfm_forecast_days(snapshot->run_date, &one_year), 0);
	if (customers->key_type.kind != RFM_KEY_INT)
		rfm_key_sort_support(&customers->key_type, &filling.ssup);
	for (int i = 0; i < RFM_FORECAST_VALUES; i++)
	{
		customers->forecast[i] = rfm_alloc_array(CurrentMemoryContext, customers->n, sizeof(double), false);
		for (int64 row = 0; row < customers->n; row++)
			customers->forecast[i][row] = NAN;
	}
	rfm_visits_read(&snapshot->source, DATEVAL_NOBEGIN, snapshot->run_date, true, fill_in, &filling);
}

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
#include "utils/memutils.h"
#include "value/key_pair.h"

/* How far a forecast in the target looks. */
static const Interval one_year = {.month = MONTHS_PER_YEAR};

/* The customers of a snapshot, and where among them the last visitor was. */
typedef struct Filling
{
	RfmCustomers *customers;
	SortSupportData ssup;		/* of their keys */
	double		horizon;
	int64		next;

	/* the parameters of all customers, and those that groups have of their own */
	const RfmParameters *of_all;
	RfmPredictor *predictor_of_all;
	const RfmGroupParameters *groups;
	int			ngroups;

	/* those of the group of a customer, group_row, and what is computed with them */
	int64		group_row;
	const RfmParameters *parameters;	/* NULL: there are none */
	RfmPredictor *predictor;
	MemoryContext groupcxt;
} Filling;

static bool
is_wanted(const RfmTarget *target)
{
	for (int i = 0; i < RFM_FORECAST_VALUES; i++)
		if (target->attnum[RFM_COL_P_ALIVE + i] != 0)
			return true;
	return false;
}

static int
group_parameters_cmp(const void *name, const void *group)
{
	return strcmp(name, ((const RfmGroupParameters *) group)->score_group);
}

/* Find the parameters for a customer: those of their group, if it has its own. */
static void
choose_parameters(Filling *f, int64 row)
{
	const RfmCustomers *customers = f->customers;
	const RfmKeyType *type = &customers->key_type;
	const RfmGroupParameters *own;
	MemoryContext oldcxt;

	if (f->ngroups == 0 ||
		(f->group_row >= 0 && rfm_key_same_group(type, customers->key[f->group_row], customers->key[row])))
		return;
	f->group_row = row;
	MemoryContextReset(f->groupcxt);
	oldcxt = MemoryContextSwitchTo(f->groupcxt);
	own = bsearch(rfm_key_group_out(type, customers->key[row]), f->groups, f->ngroups,
				  sizeof(RfmGroupParameters), group_parameters_cmp);
	f->parameters = own ? &own->parameters : f->of_all;
	f->predictor = own ? rfm_predictor_create(own->parameters.family, own->parameters.buying, f->horizon, 0) :
		f->predictor_of_all;
	MemoryContextSwitchTo(oldcxt);
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
	choose_parameters(f, f->next);
	if (f->parameters)
	{
		history = rfm_forecast_history(visitor, customers->run_date);
		forecast = rfm_forecast_of(f->predictor, f->parameters, visitor, &history);
		customers->forecast[RFM_P_ALIVE][f->next] = forecast.alive;
		customers->forecast[RFM_EXPECTED_ORDERS][f->next] = forecast.orders;
		customers->forecast[RFM_EXPECTED_REVENUE][f->next] = forecast.revenue;
	}
	f->next++;
}

/* Find the stored parameters; false: there are none. */
static bool
find_parameters(const RfmScoredSnapshot *snapshot, Filling *f)
{
	RfmGroupParameters *newest;
	int			n = rfm_parameters_newest(snapshot->model, snapshot->run_date, &newest);

	f->horizon = rfm_forecast_days(snapshot->run_date, &one_year);
	f->group_row = -1;
	f->groups = newest;
	f->ngroups = n;
	if (n > 0 && newest[0].score_group == NULL)
	{
		f->parameters = f->of_all = &newest[0].parameters;
		f->predictor = f->predictor_of_all = rfm_predictor_create(f->of_all->family, f->of_all->buying,
																  f->horizon, 0);
		f->groups++;
		f->ngroups--;
	}
	/* the model may have had groups once */
	if (snapshot->customers->key_type.pair == NULL)
		f->ngroups = 0;
	f->groupcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm forecasts of a group",
										ALLOCSET_DEFAULT_SIZES);
	return f->of_all || f->ngroups > 0;
}

void
rfm_forecast_columns(RfmScoredSnapshot *snapshot, const RfmTarget *target)
{
	RfmCustomers *customers = snapshot->customers;
	Filling		filling = {.customers = customers};

	if (!is_wanted(target) || !find_parameters(snapshot, &filling))
		return;
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

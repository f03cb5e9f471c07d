/*-------------------------------------------------------------------------
 *
 * parameters.h
 *		The stored parameters of forecasts: rfm_forecast_parameters.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_PARAMETERS_H
#define RFM_RUN_PARAMETERS_H

#include "forecast/fit.h"
#include "model/model.h"
#include "utils/date.h"

/* The part of a fit that a forecast needs. */
typedef struct RfmParameters
{
	RfmFamily	family;
	DateADT		run_date;		/* of the orders that they were fitted to */
	double		buying[RFM_BUYING_PARAMS];
	bool		has_spending;
	double		spending[RFM_SPENDING_PARAMS];
} RfmParameters;

/*
 * rfm_parameters_store: store a fit of a stored model, or of one of its groups,
 * and return its number.  It replaces one of the same model, group, family and
 * date.  run_by is the calling role.
 */
extern int64 rfm_parameters_store(const RfmModel *model, const char *score_group,
								  DateADT run_date, const RfmFit *fit, Oid run_by);

/*
 * rfm_parameters_find: find the newest parameters of a model, or of one of its
 * groups, and a family that were fitted to orders up to run_date or before.
 * Returns false where there are none.  Uses the active database snapshot.
 */
extern bool rfm_parameters_find(const RfmModel *model, const char *score_group,
								RfmFamily family, DateADT run_date, RfmParameters *parameters);

/* The parameters of a group of a model; score_group NULL: of all customers. */
typedef struct RfmGroupParameters
{
	char	   *score_group;
	RfmParameters parameters;
} RfmGroupParameters;

/*
 * rfm_parameters_newest: do the same for all customers of a model, and for each
 * of its groups that has parameters of its own, and any family; of two of one
 * date the default one's, MBG/NBD.  Returns their number.  Those of all
 * customers come first, the others in the order of strcmp().
 */
extern int	rfm_parameters_newest(const RfmModel *model, DateADT run_date,
								  RfmGroupParameters **newest);

/* rfm_parameters_take: take the parameters of a fit that is not kept. */
extern void rfm_parameters_take(const RfmFit *fit, DateADT run_date, RfmParameters *parameters);

#endif							/* RFM_RUN_PARAMETERS_H */

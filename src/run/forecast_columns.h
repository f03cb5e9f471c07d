/*-------------------------------------------------------------------------
 *
 * forecast_columns.h
 *		Forecasts in the target of a refresh.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_FORECAST_COLUMNS_H
#define RFM_RUN_FORECAST_COLUMNS_H

#include "score/snapshot.h"
#include "target/target.h"

/*
 * rfm_forecast_columns: Forecast a year for the customers of a snapshot, if its target
 * has a column for that and parameters are kept; else they have no forecast.
 * Reads the orders once more.  As the model's owner, between rfm_owner_enter and
 * rfm_owner_leave.
 */
extern void rfm_forecast_columns(RfmScoredSnapshot *snapshot, const RfmTarget *target);

#endif							/* RFM_RUN_FORECAST_COLUMNS_H */

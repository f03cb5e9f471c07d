/*-------------------------------------------------------------------------
 *
 * period.h
 *		What customers ordered in a period, from a model's orders.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_PERIOD_H
#define RFM_RUN_PERIOD_H

#include "model/model.h"

/*
 * rfm_period_additive: determine whether the difference of a customer's rows
 * in two snapshots of the model is what they ordered in between.  This holds
 * if snapshots count all orders up to their date, of all customers.
 */
extern bool rfm_period_additive(const RfmModel *model);

#endif							/* RFM_RUN_PERIOD_H */

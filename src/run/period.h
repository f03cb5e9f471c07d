/*-------------------------------------------------------------------------
 *
 * period.h
 *		What customers ordered in a period, from a model's orders.
 *
 * The orders after one date up to another are those of a snapshot of the second
 * whose lookback reaches to the first: the same rows count, in the same way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_PERIOD_H
#define RFM_RUN_PERIOD_H

#include "score/customers.h"

/*
 * rfm_period_additive: determine whether the difference of a customer's rows
 * in two snapshots of the model is what they ordered in between.  This holds
 * if snapshots count all orders up to their date, of all customers.
 */
extern bool rfm_period_additive(const RfmModel *model);

/*
 * rfm_period_read: read the orders after from_date (NULL: all) up to to_date
 * and return the customers with the number and amount of their orders,
 * including those with only refunds, in the current context. score_group: of
 * this group alone (NULL: of all).  Recency is counted to to_date.  Works as
 * the model's owner, with the active database snapshot.  Raises
 * INVALID_PARAMETER_VALUE for dates that are not in their order, and what
 * rfm_snapshot_check_date and rfm_source_only_group raise.
 */
extern RfmCustomers *rfm_period_read(const RfmModel *model, const DateADT *from_date,
									 DateADT to_date, const char *score_group);

#endif							/* RFM_RUN_PERIOD_H */

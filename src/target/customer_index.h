/*-------------------------------------------------------------------------
 *
 * customer_index.h
 *		The index of a target by customer, for the history of one of them.
 *
 * Takes a model that asks for such an index; creates it on a new target, and
 * reports that it is missing on an existing one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_CUSTOMER_INDEX_H
#define RFM_TARGET_CUSTOMER_INDEX_H

#include "target/target.h"

/*
 * rfm_customer_index_create: as the current user, make the index on a target
 * that has just been made, where the model asks for it and the key does not
 * begin with the customer already. relation is its name, qualified and quoted;
 * column has the names of its columns, NULL if there is none.
 */
extern void rfm_customer_index_create(const RfmModel *model, const char *relation,
									  char *const *column);

/*
 * rfm_customer_index_report: raise a NOTICE with the statement that makes the
 * index, where the model asks for one and the target, which is open, has none
 * that begins with the customer.
 */
extern void rfm_customer_index_report(const RfmModel *model, const RfmTarget *target);

#endif							/* RFM_TARGET_CUSTOMER_INDEX_H */

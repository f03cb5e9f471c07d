/*-------------------------------------------------------------------------
 *
 * create.h
 *		Creating the target of a model, and its index by customer.
 *
 * Takes a model, its resolved source and a name; returns the OID of a new
 * table with the columns of the model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_CREATE_H
#define RFM_TARGET_CREATE_H

#include "target/target.h"

/*
 * rfm_target_create: create the target with its key and return its OID.  As the
 * current user, under a name that is qualified or resolves by the search_path
 * in force.  Raises INVALID_PARAMETER_VALUE for columns that do not fit
 * together, and the errors of CREATE TABLE.
 */
extern Oid	rfm_target_create(const RfmModel *model, const RfmSource *source,
							  const char *qualified_name);

/*
 * rfm_customer_index_report: raise a NOTICE with the statement that makes the
 * index, where the model asks for one and the target, which is open, has none
 * that begins with the customer.
 */
extern void rfm_customer_index_report(const RfmModel *model, const RfmTarget *target);

#endif							/* RFM_TARGET_CREATE_H */

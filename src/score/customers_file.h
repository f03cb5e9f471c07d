/*-------------------------------------------------------------------------
 *
 * customers_file.h
 *		The customers of a snapshot in a temporary file, for customers.c.
 *
 * Takes the customers that a full collector gives back in key order, keeps
 * them block by block, and gives the block that a row is in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_CUSTOMERS_FILE_H
#define RFM_SCORE_CUSTOMERS_FILE_H

#include "score/customers.h"

typedef struct RfmCustomersFile RfmCustomersFile;

/*
 * rfm_customers_from_spill: fills customers from a collector that has spilled,
 * and ends it.  Raises what rfm_customers_build raises.
 */
extern void rfm_customers_from_spill(RfmCustomers *customers, const RfmModel *model,
									 const RfmSource *source, RfmCollector *c);

/* rfm_customers_file_read: makes the block of a row the window. */
extern void rfm_customers_file_read(RfmCustomers *customers, int64 row);

/* rfm_customers_file_rows: how many codes are little beside the bound of memory. */
extern int64 rfm_customers_file_rows(const RfmCustomersFile *file);

extern void rfm_customers_file_close(RfmCustomersFile *file);

/* rfm_recency_code: the code of a customer's last order; customers.c has it. */
extern int64 rfm_recency_code(const RfmCollector *c, const RfmEntry *e,
							  const RfmSource *source, DateADT run_date);

#endif							/* RFM_SCORE_CUSTOMERS_FILE_H */

/*-------------------------------------------------------------------------
 *
 * key_order.h
 *		The order of the collected customers by key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_KEY_ORDER_H
#define RFM_KEY_ORDER_H

#include "collect.h"

typedef struct RfmKeyedEntry
{
	uint64		key;			/* what the sorting needed; not of use to others */
	uint32		entry;			/* number of the customer */
} RfmKeyedEntry;

/*
 * rfm_key_order: the customers' numbers, ascending by key in the key type's
 * default order under its collation; in the current context.
 */
extern RfmKeyedEntry *rfm_key_order(const RfmCollector *c);

#endif							/* RFM_KEY_ORDER_H */

/*-------------------------------------------------------------------------
 *
 * key_order.h
 *		The order of the collected customers by key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_KEY_ORDER_H
#define RFM_COLLECT_KEY_ORDER_H

#include "collect/types.h"

/*
 * rfm_key_order: Return the customers' numbers, ascending by key in the key
 * type's default order under its collation, in the current context.
 */
extern uint32 *rfm_key_order(const RfmCollector *c);

#endif							/* RFM_COLLECT_KEY_ORDER_H */

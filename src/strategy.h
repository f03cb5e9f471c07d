/*-------------------------------------------------------------------------
 *
 * strategy.h
 *		Where the work of a refresh is done: here, or where the orders lie.
 *
 * Takes a model, and looks at its source and target: are they tables of Citus
 * whose shards have a customer's orders and rows in the same place?  Citus is
 * only asked where it is installed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_STRATEGY_H
#define RFM_STRATEGY_H

#include "model.h"

typedef enum RfmStrategy
{
	RFM_STRATEGY_AUTO,			/* pushed down where source and target are distributed */
	RFM_STRATEGY_NATIVE,		/* the orders are read here, the rows written from here */
	RFM_STRATEGY_PUSHDOWN		/* statements that run wherever the tables are */
} RfmStrategy;

/* The setting rfm.strategy. */
extern int	rfm_strategy;

/*
 * rfm_strategy_pushdown: is the refresh of the model to be pushed down?
 * *distributed tells whether to tables of Citus.  Where it cannot be, though
 * the setting or the source ask for it, a NOTICE says why.
 */
extern bool rfm_strategy_pushdown(const RfmModel *model, bool *distributed);

/*
 * rfm_strategy_in_shards: are the model's orders on several servers, and its
 * refreshes to be pushed down to them?
 */
extern bool rfm_strategy_in_shards(const RfmModel *model);

/*
 * rfm_strategy_check_native: raises FEATURE_NOT_SUPPORTED for a target that
 * only statements can write to, as it has its rows elsewhere.
 */
extern void rfm_strategy_check_native(const RfmModel *model);

/*
 * rfm_strategy_distribute: makes a target that was just created a distributed
 * table, beside the source, where that is distributed by customer.
 */
extern void rfm_strategy_distribute(const RfmModel *model, Oid target);

#endif							/* RFM_STRATEGY_H */

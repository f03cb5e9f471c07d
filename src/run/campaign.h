/*-------------------------------------------------------------------------
 *
 * campaign.h
 *		Campaigns: their removal.
 *
 * Campaigns are made and read in SQL, as their owner.  PUBLIC has no right to
 * delete from their table: a right on a whole table would let anyone lock it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_CAMPAIGN_H
#define RFM_RUN_CAMPAIGN_H

#include "postgres_ext.h"

/*
 * rfm_campaign_delete: delete a role's campaign of a model, if there is one.
 * Raises INSUFFICIENT_PRIVILEGE unless the current user is a member of owner.
 */
extern void rfm_campaign_delete(int64 model_id, Oid owner, const char *campaign);

#endif							/* RFM_RUN_CAMPAIGN_H */

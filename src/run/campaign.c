/*-------------------------------------------------------------------------
 *
 * campaign.c
 *		Campaigns: their removal.
 *
 * Campaigns are made and read in SQL, as their owner.  PUBLIC has no right to
 * delete from their table: a right on a whole table would let anyone lock it.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/query.h"
#include "base/version.h"
#include "miscadmin.h"
#include "utils/acl.h"

PG_FUNCTION_INFO_V1(rfm_delete_campaign);

/*
 * rfm_internal.delete_campaign(model_id int8, owner regrole, campaign text)
 * RETURNS void, strict: deletes a role's campaign of a model, if there is one.
 */
Datum
rfm_delete_campaign(PG_FUNCTION_ARGS)
{
	Oid			owner;
	char	   *campaign;

	rfm_version_check();
	PreventCommandIfReadOnly("rfm_drop_campaign()");
	owner = PG_GETARG_OID(1);
	campaign = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of campaign \"%s\"", campaign)));
	rfm_catalog_execute("DELETE FROM @rfm_campaign WHERE model_id = $1 AND owner = $2 AND campaign = $3",
						SPI_OK_DELETE,
						RFM_PARAMS(rfm_int8(PG_GETARG_INT64(0)), rfm_oid(owner), rfm_text(campaign)));
	PG_RETURN_VOID();
}

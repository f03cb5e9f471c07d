/*-------------------------------------------------------------------------
 *
 * campaign.c
 *		Campaigns: their removal.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/campaign.h"
#include "utils/acl.h"
#include "utils/builtins.h"

void
rfm_campaign_delete(int64 model_id, Oid owner, const char *campaign)
{
	Oid			types[] = {INT8OID, OIDOID, TEXTOID};
	Datum		values[] = {Int64GetDatum(model_id), ObjectIdGetDatum(owner), CStringGetTextDatum(campaign)};
	RfmIdentity	catalog;

	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of campaign \"%s\"", campaign)));
	rfm_catalog_enter(&catalog);
	rfm_execute(psprintf("DELETE FROM %s WHERE model_id OPERATOR(pg_catalog.=) $1"
						 " AND owner OPERATOR(pg_catalog.=) $2 AND campaign OPERATOR(pg_catalog.=) $3",
						 rfm_public_name("rfm_campaign")),
				lengthof(types), types, values, NULL, SPI_OK_DELETE);
	rfm_catalog_leave(&catalog);
}

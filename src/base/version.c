/*-------------------------------------------------------------------------
 *
 * version.c
 *		Whether library and SQL objects are of one version.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/version.h"
#include "commands/extension.h"
#include "utils/inval.h"
#include "utils/syscache.h"

bool		rfm_version_agreed = false;

/*
 * pg_extension itself sends no invalidations in all versions of PostgreSQL;
 * the functions and tables that an update changes do.
 */
static void
forget_version(Datum arg, int cache, uint32 hash)
{
	rfm_version_agreed = false;
}

void
rfm_version_mismatch(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
			 errmsg("library and SQL objects of the extension rfm are of different versions"),
			 errdetail("%s", detail),
			 errhint("Install one version of rfm, run ALTER EXTENSION rfm UPDATE in this database, and start a new session.")));
}

void
rfm_version_verify(void)
{
	static bool registered = false;
	char	   *version;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(PROCOID, forget_version, (Datum) 0);
		CacheRegisterSyscacheCallback(RELOID, forget_version, (Datum) 0);
		registered = true;
	}

	/* during an update, the script knows what it calls */
	if (creating_extension && CurrentExtensionObject == get_extension_oid("rfm", true))
		return;
	version = rfm_extension_version();
	if (version == NULL)
		rfm_version_mismatch(psprintf("The library is of version %s; this database does not have the extension.",
									  RFM_VERSION));
	if (strcmp(version, RFM_VERSION) != 0)
		rfm_version_mismatch(psprintf("The library is of version %s, the SQL objects in this database are of version %s.",
									  RFM_VERSION, version));
	rfm_version_agreed = true;
}

/*-------------------------------------------------------------------------
 *
 * lock.c
 *		The right to use a model, and the lock of its refreshes.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "base/catalog.h"
#include "base/query.h"
#include "miscadmin.h"
#include "model/lock.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"

bool
rfm_model_peek(const char *name, int64 *id, Oid *owner)
{
	Relation	rel = table_open(rfm_extension_table("rfm_model"), AccessShareLock);
	TupleDesc	tupdesc = RelationGetDescr(rel);
	AttrNumber	attnum = (AttrNumber) SPI_fnumber(tupdesc, "model");
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;
	bool		isnull;

	/* the primary key is the name */
	ScanKeyEntryInitialize(&key, 0, attnum, BTEqualStrategyNumber, InvalidOid,
						   TupleDescAttr(tupdesc, attnum - 1)->attcollation,
						   F_TEXTEQ, CStringGetTextDatum(name));
	scan = systable_beginscan(rel, rfm_RelationGetPrimaryKeyIndex(rel), true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		*id = DatumGetInt64(heap_getattr(tuple, SPI_fnumber(tupdesc, "model_id"), tupdesc, &isnull));
		*owner = DatumGetObjectId(heap_getattr(tuple, SPI_fnumber(tupdesc, "owner"), tupdesc, &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

void
rfm_model_check_user(const char *name, Oid owner)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(owner)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("owner of model \"%s\" does not exist", name),
				 errdetail("The role with OID %u has been dropped.", owner),
				 errhint("As a superuser, give the model to another role: UPDATE rfm_model SET owner = 'role' WHERE model = %s.",
						 quote_literal_cstr(name))));
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", name),
				 errdetail("Only its owner and members of that role may use it.")));
}

void
rfm_model_lock(int64 id)
{
	/*
	 * An object lock of class rfm_model, which no SQL statement takes.  Ids
	 * are below 2^48, so they fit.
	 */
	LockDatabaseObject(rfm_extension_table("rfm_model"), (Oid) (id & 0xFFFFFFFF),
					   (uint16) (id >> 32), ExclusiveLock);

	/*
	 * The row is locked against deletion: otherwise the model could be dropped
	 * during a refresh, whose snapshot could then not be logged.
	 */
	if (id != 0)
		rfm_catalog_execute("SELECT FROM @rfm_model WHERE model_id = $1 FOR KEY SHARE",
							SPI_OK_SELECT, RFM_PARAMS(rfm_int8(id)));
}

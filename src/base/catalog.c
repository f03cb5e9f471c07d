/*-------------------------------------------------------------------------
 *
 * catalog.c
 *		The extension's objects in the catalog, and owners of relations.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/*
 * Return a copy of the extension's row in pg_extension with its descriptor, or
 * NULL if the database does not have it.  There is no cache of it in all
 * versions of PostgreSQL.
 */
static HeapTuple
extension_row(TupleDesc *desc)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("rfm"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		tuple = heap_copytuple(tuple);
		*desc = CreateTupleDescCopy(RelationGetDescr(rel));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return tuple;
}

Oid
rfm_extension_schema(void)
{
	TupleDesc	desc;
	HeapTuple	tuple = extension_row(&desc);

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"%s\" does not exist", "rfm")));
	return ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
}

char *
rfm_extension_version(void)
{
	TupleDesc	desc;
	HeapTuple	tuple = extension_row(&desc);
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	return TextDatumGetCString(heap_getattr(tuple, Anum_pg_extension_extversion, desc, &isnull));
}

Oid
rfm_extension_role(void)
{
	return GetSysCacheOid1(NAMESPACEOID, Anum_pg_namespace_nspowner,
						   ObjectIdGetDatum(get_namespace_oid(RFM_INTERNAL_SCHEMA, false)));
}

char *
rfm_public_name(const char *name)
{
	return quote_qualified_identifier(get_namespace_name(rfm_extension_schema()), name);
}

Oid
rfm_extension_table(const char *name)
{
	Oid			relid = get_relname_relid(name, rfm_extension_schema());

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table %s of the extension rfm is missing", name),
				 errhint("Drop and create the extension again.")));
	return relid;
}

char *
rfm_relation_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

bool
rfm_is_restore(void)
{
	return !check_function_bodies &&
		rfm_extension_ownercheck(get_extension_oid("rfm", false), GetUserId());
}

Oid
rfm_relation_owner(Oid relid)
{
	Oid			owner = GetSysCacheOid1(RELOID, Anum_pg_class_relowner, ObjectIdGetDatum(relid));

	if (!OidIsValid(owner))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	return owner;
}

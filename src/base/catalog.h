/*-------------------------------------------------------------------------
 *
 * catalog.h
 *		What the extension has in the catalog, and who owns what.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_CATALOG_H
#define RFM_BASE_CATALOG_H

/* The schema of all that no user calls; the extension's script makes it. */
#define RFM_INTERNAL_SCHEMA "rfm_internal"

/*
 * rfm_extension_schema: the schema that the extension was created in, that of
 * its public objects.  Raises UNDEFINED_OBJECT where the database does not
 * have the extension.
 */
extern Oid	rfm_extension_schema(void);

/*
 * rfm_extension_version: the version of the SQL objects in this database, as
 * CREATE and ALTER EXTENSION have left it; palloc'd, or NULL where the
 * database does not have the extension.
 */
extern char *rfm_extension_version(void);

/*
 * rfm_extension_role: the role that the extension's script ran as, which owns
 * all it made.  Whoever owns the extension may be another role, and can add
 * objects of their own to it.
 */
extern Oid	rfm_extension_role(void);

/*
 * rfm_public_name, rfm_internal_name: an object of the extension by its full
 * name, quoted and palloc'd.  Whether it is there is not looked up.
 */
extern char *rfm_public_name(const char *name);
extern char *rfm_internal_name(const char *name);

/* rfm_extension_table: the OID of a table of the extension.  Raises UNDEFINED_TABLE. */
extern Oid	rfm_extension_table(const char *name);

/* rfm_relation_owner: the owner of a relation, which must be there. */
extern Oid	rfm_relation_owner(Oid relid);

#endif							/* RFM_BASE_CATALOG_H */

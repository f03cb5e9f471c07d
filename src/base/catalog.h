/*-------------------------------------------------------------------------
 *
 * catalog.h
 *		The extension's objects in the catalog, and owners of relations.
 *
 * Takes names; gives schemas, full names, OIDs and owners, as they are now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_CATALOG_H
#define RFM_BASE_CATALOG_H

/* The schema of what no user calls; the extension's script creates it. */
#define RFM_INTERNAL_SCHEMA "rfm_internal"

/*
 * rfm_extension_schema: return the OID of the schema that the extension was
 * created in, that of its public objects.  Raises UNDEFINED_OBJECT if the
 * database does not have the extension.
 */
extern Oid	rfm_extension_schema(void);

/*
 * rfm_extension_version: return the version of the SQL objects in this
 * database, as CREATE or ALTER EXTENSION has left it; palloc'd, or NULL if the
 * database does not have the extension.
 */
extern char *rfm_extension_version(void);

/*
 * rfm_extension_role: return the role that the extension's script ran as, which
 * owns all that it created.  The owner of the extension may be another role,
 * which can add objects of its own to the extension.
 */
extern Oid	rfm_extension_role(void);

/*
 * rfm_public_name: return the full name of an object that users call, quoted and
 * palloc'd.  Whether there is such an object is not looked up.
 */
extern char *rfm_public_name(const char *name);

/* rfm_extension_table: return the OID of a table of the extension.  Raises UNDEFINED_TABLE. */
extern Oid	rfm_extension_table(const char *name);

/* rfm_relation_name: return a relation's name, qualified, quoted and palloc'd. */
extern char *rfm_relation_name(Oid relid);

/*
 * rfm_is_restore: tell whether rows come from a dump.  pg_restore turns
 * check_function_bodies off because what a definition refers to may not be
 * there yet.  Anyone can turn it off, so it counts only for who has made the
 * extension, as pg_restore does before.
 */
extern bool rfm_is_restore(void);

/* rfm_relation_owner: return the owner of a relation, which must exist. */
extern Oid	rfm_relation_owner(Oid relid);

#endif							/* RFM_BASE_CATALOG_H */

/*-------------------------------------------------------------------------
 *
 * version.h
 *		Whether library and SQL objects are of one version.
 *
 * The library is replaced for the whole server at once, the SQL objects by
 * ALTER EXTENSION in each database.  A C function that is called with other
 * arguments than it reads would crash, so every function that SQL calls
 * compares the library's version with that of the extension before it looks
 * at its arguments.
 *
 * The catalog is read once in a session, and again after a function or a
 * table of the database has changed.  An update of the extension that changes
 * neither is not noticed until then, and changes nothing that C relies on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_VERSION_H
#define RFM_BASE_VERSION_H

/* Whether the versions are known to agree. Only for rfm_version_check. */
extern bool rfm_version_agreed;

/* rfm_version_verify: compare the versions now; rfm_version_check calls it. */
extern void rfm_version_verify(void);

/*
 * rfm_version_check: raise INVALID_FUNCTION_DEFINITION unless library and SQL
 * objects are of one version.  To be called first in every function that SQL
 * can reach; cheap enough to be called for every row.
 */
static inline void
rfm_version_check(void)
{
	if (unlikely(!rfm_version_agreed))
		rfm_version_verify();
}

/*
 * rfm_version_mismatch: raise INVALID_FUNCTION_DEFINITION, the error for
 * library and SQL objects that do not belong together; detail is what does not
 * fit, as a sentence.
 */
pg_noreturn extern void rfm_version_mismatch(const char *detail);

#endif							/* RFM_BASE_VERSION_H */

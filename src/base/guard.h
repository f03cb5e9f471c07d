/*-------------------------------------------------------------------------
 *
 * guard.h
 *		A check that the extension's own queries use its own objects.
 *
 * The extension's queries are text, and PostgreSQL looks up the names in them
 * when it parses them.  Whoever owns the extension's schema can rename it and
 * create another of that name, or add functions that fit a call better than
 * those of the extension, at any moment.  So while a query is parsed with other
 * rights than its caller's, a hook behind the parser checks which objects the
 * names were resolved to, before anything is executed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_GUARD_H
#define RFM_BASE_GUARD_H

/* What a query may use; each level allows less than the one before. */
typedef enum RfmGuard
{
	RFM_GUARD_NONE,				/* no check */
	RFM_GUARD_OWN_FUNCTIONS,	/* no function that only shares its name with one
								 * of the extension */
	RFM_GUARD_OWN_TABLES		/* only functions and relations of PostgreSQL and
								 * of the extension, and tables of pg_cron */
} RfmGuard;

/* rfm_guard_init: install the hook; once, when the library is loaded. */
extern void rfm_guard_init(void);

/*
 * rfm_guard_enter: check all queries that are parsed from now on, and return
 * the level before, for rfm_guard_leave.  A level that is stricter already
 * stays.  A query that violates it raises INSUFFICIENT_PRIVILEGE.  An error
 * needs no clean-up: the end of the (sub)transaction resets the level.
 */
extern RfmGuard rfm_guard_enter(RfmGuard guard);

/* rfm_guard_leave: return to the level that rfm_guard_enter has returned. */
extern void rfm_guard_leave(RfmGuard before);

#endif							/* RFM_BASE_GUARD_H */

/*-------------------------------------------------------------------------
 *
 * guard.h
 *		Checks of what the names in queries have come to mean.
 *
 * The extension's queries are text, and PostgreSQL looks up the names in them
 * when it parses them.  Whoever owns the extension's schema can rename it and
 * create another of that name, or add functions that fit a call better than
 * those of the extension, at any moment.  So while a query is parsed with other
 * rights than its caller's, a hook behind the parser checks which objects the
 * names were resolved to, before anything is executed.
 *
 * Functions of analysis read a target with their caller's rights and convert its
 * columns to the types that they compute with.  If a column is of a type that the
 * target's owner has created, its cast is the owner's code too, and would run
 * with the caller's rights, although a plain SELECT of the column runs none.  So
 * the same hook checks each query that carries a mark: functions that are neither
 * PostgreSQL's nor a superuser's nor the caller's own are refused.  Policies of
 * row security are not part of the query: they run as in any SELECT.
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

/* The comment that marks such a query.  In other queries it does no harm. */
#define RFM_READING_MARK "/* rfm: only trusted code */"

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

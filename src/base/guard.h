/*-------------------------------------------------------------------------
 *
 * guard.h
 *		What the names in the extension's own queries must mean.
 *
 * Queries are written as text, and text names things.  The schema of the
 * extension may belong to anyone, who can rename it and make another of its
 * name, or put functions beside those of the extension that fit a call
 * better; even between two looks at a name.  So whatever is parsed with
 * rights that are not the caller's is looked at once it has been parsed, when
 * names have become objects, and before any of it runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_GUARD_H
#define RFM_BASE_GUARD_H

typedef enum RfmGuard
{
	RFM_GUARD_NONE,
	RFM_GUARD_OWN_FUNCTIONS,	/* a function with a name of the extension's is one */
	RFM_GUARD_OWN_TABLES		/* and besides, only the server's own functions and
								 * the tables of the extension and of pg_cron */
} RfmGuard;

extern void rfm_guard_init(void);

/*
 * rfm_guard_enter: from now on queries are looked at; gives what to hand to
 * rfm_guard_leave.  An error in between ends it with the (sub)transaction.
 */
extern RfmGuard rfm_guard_enter(RfmGuard guard);
extern void rfm_guard_leave(RfmGuard before);

#endif							/* RFM_BASE_GUARD_H */

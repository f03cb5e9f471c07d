/*-------------------------------------------------------------------------
 *
 * identity.h
 *		Whose rights a piece of work runs with.
 *
 * A model's query and its writes run as the model's owner, in a
 * security-restricted operation with a locked search_path, as REFRESH
 * MATERIALIZED VIEW does.  The extension's own tables are read and written as
 * their owner.  An error in between needs no clean-up here: the end of the
 * (sub)transaction restores user and settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_IDENTITY_H
#define RFM_BASE_IDENTITY_H

#include "base/guard.h"

typedef struct RfmIdentity
{
	Oid			save_user;
	int			save_context;
	int			guc_level;
	RfmGuard	save_guard;
} RfmIdentity;

/*
 * rfm_owner_enter: become owner, restricted.  Settings that change what an
 * expression means or how it is written out are set to fixed values; the time
 * zone becomes time_zone, so that a literal in a filter is read in the
 * model's zone (NULL: the session's stays).
 */
extern void rfm_owner_enter(RfmIdentity *state, Oid owner, const char *time_zone);
extern void rfm_owner_leave(RfmIdentity *state);

/*
 * rfm_catalog_enter: become the owner of the extension's tables: row security
 * does not apply, the caller needs no rights on them.
 */
extern void rfm_catalog_enter(RfmIdentity *state);
extern void rfm_catalog_leave(RfmIdentity *state);

/*
 * rfm_lock_search_path: the part of rfm_owner_enter that keeps the user:
 * to be ended with rfm_unlock_search_path.
 */
extern int	rfm_lock_search_path(void);
extern void rfm_unlock_search_path(int guc_level);

#endif							/* RFM_BASE_IDENTITY_H */

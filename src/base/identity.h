/*-------------------------------------------------------------------------
 *
 * identity.h
 *		The role with whose rights code runs.
 *
 * A model's query and its writes run as the model's owner, in a
 * security-restricted operation with a locked search_path, as REFRESH
 * MATERIALIZED VIEW does.  The extension's own tables are read and written as
 * their owner.  An error in between needs no clean-up: the end of the
 * (sub)transaction restores user and settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_IDENTITY_H
#define RFM_BASE_IDENTITY_H

#include "base/guard.h"

/* The identity to return to. */
typedef struct RfmIdentity
{
	Oid			save_user;
	int			save_context;
	int			guc_level;
	RfmGuard	save_guard;
} RfmIdentity;

/*
 * rfm_caller_enter: stay who the current user is, with a fixed search_path, and
 * with the guard against functions that only share their names with those of the
 * extension.
 */
extern void rfm_caller_enter(RfmIdentity *state);

/*
 * rfm_owner_enter: become owner, in a security-restricted operation.  Settings
 * that change what an expression means or how a value is written are set to
 * fixed values.  The time zone is set to time_zone, so that a literal in a
 * filter is read in the model's zone; NULL keeps the session's.
 */
extern void rfm_owner_enter(RfmIdentity *state, Oid owner, const char *time_zone);

/*
 * rfm_catalog_enter: become the owner of the extension's tables, so that row
 * security does not apply and the caller needs no rights on them.
 */
extern void rfm_catalog_enter(RfmIdentity *state);

/* rfm_owner_leave: return to the identity and settings before any of these. */
extern void rfm_owner_leave(RfmIdentity *state);

/*
 * rfm_locked_setting: return the name of a setting that rfm_owner_enter fixes, the
 * time zone aside, by its number from 0 on; NULL past the last.
 */
extern const char *rfm_locked_setting(int number);

#endif							/* RFM_BASE_IDENTITY_H */

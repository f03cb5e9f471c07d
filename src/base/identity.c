/*-------------------------------------------------------------------------
 *
 * identity.c
 *		The role that a piece of work runs as.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "utils/guc.h"
#include "miscadmin.h"

static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

int
rfm_lock_search_path(void)
{
	int			level = NewGUCNestLevel();

	set_local("search_path", "pg_catalog, pg_temp");
	return level;
}

void
rfm_unlock_search_path(int guc_level)
{
	AtEOXact_GUC(false, guc_level);
}

void
rfm_owner_enter(RfmIdentity *state, Oid owner, const char *time_zone)
{
	GetUserIdAndSecContext(&state->save_user, &state->save_context);
	SetUserIdAndSecContext(owner,
						   state->save_context | SECURITY_RESTRICTED_OPERATION);
	state->guc_level = rfm_lock_search_path();
	state->save_guard = rfm_guard_enter(RFM_GUARD_OWN_FUNCTIONS);
	set_local("extra_float_digits", "1");
	set_local("datestyle", "ISO, YMD");
	set_local("intervalstyle", "postgres");
	set_local("standard_conforming_strings", "on");
	set_local("transform_null_equals", "off");
	if (time_zone)
		set_local("timezone", time_zone);
}

void
rfm_owner_leave(RfmIdentity *state)
{
	rfm_guard_leave(state->save_guard);
	AtEOXact_GUC(false, state->guc_level);
	SetUserIdAndSecContext(state->save_user, state->save_context);
}

void
rfm_catalog_enter(RfmIdentity *state)
{
	Oid			owner = rfm_relation_owner(rfm_extension_table("rfm_model"));

	GetUserIdAndSecContext(&state->save_user, &state->save_context);
	SetUserIdAndSecContext(owner,
						   state->save_context | SECURITY_LOCAL_USERID_CHANGE);
	state->guc_level = rfm_lock_search_path();
	state->save_guard = rfm_guard_enter(RFM_GUARD_OWN_TABLES);
}

void
rfm_catalog_leave(RfmIdentity *state)
{
	rfm_owner_leave(state);
}

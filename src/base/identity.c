/*-------------------------------------------------------------------------
 *
 * identity.c
 *		The role with whose rights code runs.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/settings.h"
#include "utils/guc.h"
#include "miscadmin.h"

/*
 * Settings that change the meaning of an expression, the result of a query or
 * the text of a value.  The caller's values must not affect the result.
 */
static const struct
{
	const char *name;
	const char *value;
}			settings[] = {
	{"array_nulls", "on"},
	{"bytea_output", "hex"},
	{"datestyle", "ISO, YMD"},
	{"default_text_search_config", "pg_catalog.simple"},
	{"extra_float_digits", "1"},
	{"gin_fuzzy_search_limit", "0"},
	{"intervalstyle", "postgres"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"quote_all_identifiers", "off"},
	{"standard_conforming_strings", "on"},
	{"timezone_abbreviations", "Default"},
	{"transform_null_equals", "off"},
	{"xmlbinary", "base64"},
	{"xmloption", "content"}
};

const char *
rfm_locked_setting(int number)
{
	return number < (int) lengthof(settings) ? settings[number].name : NULL;
}

static void
lock_settings(void)
{
	/* some read files when they are set */
	for (int i = 0; i < (int) lengthof(settings); i++)
		if (pg_strcasecmp(GetConfigOption(settings[i].name, false, false), settings[i].value) != 0)
			rfm_set_local(settings[i].name, settings[i].value);
}

/* Note what to return to, fix search_path and check queries from now on. */
static void
enter(RfmIdentity *state, RfmGuard guard)
{
	GetUserIdAndSecContext(&state->save_user, &state->save_context);
	state->guc_level = NewGUCNestLevel();
	rfm_set_local("search_path", "pg_catalog, pg_temp");
	state->save_guard = rfm_guard_enter(guard);
}

void
rfm_caller_enter(RfmIdentity *state)
{
	enter(state, RFM_GUARD_OWN_FUNCTIONS);
}

void
rfm_owner_enter(RfmIdentity *state, Oid owner, const char *time_zone)
{
	enter(state, RFM_GUARD_OWN_FUNCTIONS);
	SetUserIdAndSecContext(owner,
						   state->save_context | SECURITY_RESTRICTED_OPERATION);
	lock_settings();
	if (time_zone)
		rfm_set_local("timezone", time_zone);
}

void
rfm_catalog_enter(RfmIdentity *state)
{
	Oid			owner = rfm_relation_owner(rfm_extension_table("rfm_model"));

	enter(state, RFM_GUARD_OWN_TABLES);
	SetUserIdAndSecContext(owner,
						   state->save_context | SECURITY_LOCAL_USERID_CHANGE);
	lock_settings();
}

void
rfm_owner_leave(RfmIdentity *state)
{
	rfm_guard_leave(state->save_guard);
	AtEOXact_GUC(false, state->guc_level);
	SetUserIdAndSecContext(state->save_user, state->save_context);
}

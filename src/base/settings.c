/*-------------------------------------------------------------------------
 *
 * settings.c
 *		The settings of rfm.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <limits.h>

#include "base/settings.h"
#include "postmaster/bgworker_internals.h"

/* What the variables are here is the default of the setting. */
bool		rfm_show_progress = false;
int			rfm_work_mem = -1;
int			rfm_max_workers = -1;
int			rfm_grouped_reading = RFM_GROUPED_AUTO;
int			rfm_catch_up_limit = 31;
int			rfm_log_retention_days = 0;
bool		rfm_make_latest_view = true;
bool		rfm_notify_enabled = false;
int			rfm_run_date_shown = RFM_NO_RUN_DATE;
int			rfm_shared_files = 0;

/* read by SQL only */
static int	source_stale_days = 14;

#define HIDDEN (GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE)

static const struct
{
	const char *name;
	const char *does;
	const char *detail;
	bool	   *value;
}			switches[] = {
	{"rfm.progress", "Reports the progress of a refresh with NOTICE messages.",
	"One message when a phase ends, and one every two seconds while it runs.", &rfm_show_progress},
	{"rfm.latest_view", "Creates a view of the newest snapshot for the target of a new model.",
	NULL, &rfm_make_latest_view},
	{"rfm.notify", "Sends a NOTIFY on the channel rfm when a refresh has been committed.",
		"Every role of the database may listen. A transaction that refreshes can then not be prepared.",
	&rfm_notify_enabled}
};

/* As for maintenance_work_mem: raise values that are too small to the minimum. */
static bool
check_work_mem(int *newval, void **extra, GucSource source)
{
	if (*newval != -1 && *newval < 64)
		*newval = 64;
	return true;
}

static const struct
{
	const char *name;
	const char *does;
	const char *detail;
	int		   *value;
	int			min;
	int			max;
	GucContext	context;
	int			flags;
	GucIntCheckHook check;
}			numbers[] = {
	{"rfm.work_mem", "Sets the maximum memory for the customers of a refresh in each process.",
		"Beyond it they are written to temporary files. -1 means maintenance_work_mem.",
	&rfm_work_mem, -1, MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB, check_work_mem},
	{"rfm.max_workers", "Sets the maximum number of parallel workers that read the orders of a refresh.",
		"-1 means one less than the number of CPUs, because the session itself reads too.",
	&rfm_max_workers, -1, MAX_PARALLEL_WORKER_LIMIT, PGC_USERSET},
	{"rfm.catch_up_limit", "Sets the maximum number of dates that one call of rfm_catch_up() computes.",
		"Dates covered by a model's restate are not counted.",
	&rfm_catch_up_limit, 1, INT_MAX, PGC_USERSET},
	{"rfm.log_retention_days", "Sets the number of days for which rows of rfm_run are kept.",
		"A refresh deletes older rows of the model. 0 keeps all; those of the newest date are always kept.",
	&rfm_log_retention_days, 0, 36500, PGC_USERSET},
	{"rfm.source_stale_days", "Sets the number of days without an order after which rfm_health() reports a model's source.",
	NULL, &source_stale_days, 1, 36500, PGC_USERSET},
	{RFM_RUN_DATE_SETTING, "Shows the date that a refresh computes, in days since 2000-01-01.",
		"Set by rfm while the query of a model runs.",
	&rfm_run_date_shown, PG_INT32_MIN, PG_INT32_MAX, PGC_USERSET, HIDDEN},
	{RFM_SHARED_FILES_SETTING, "Tells parallel workers where to write temporary files.",
	NULL, &rfm_shared_files, INT_MIN, INT_MAX, PGC_SUSET, HIDDEN}
};

static const struct config_enum_entry grouped_reading_options[] = {
	{"auto", RFM_GROUPED_AUTO, false},
	{"on", RFM_GROUPED_ON, false},
	{"off", RFM_GROUPED_OFF, false},
	{NULL, 0, false}
};

void
rfm_settings_init(void)
{
	for (int i = 0; i < (int) lengthof(switches); i++)
		DefineCustomBoolVariable(switches[i].name, switches[i].does, switches[i].detail,
								 switches[i].value, *switches[i].value, PGC_USERSET, 0,
								 NULL, NULL, NULL);
	for (int i = 0; i < (int) lengthof(numbers); i++)
		DefineCustomIntVariable(numbers[i].name, numbers[i].does, numbers[i].detail,
								numbers[i].value, *numbers[i].value, numbers[i].min, numbers[i].max,
								numbers[i].context, numbers[i].flags, numbers[i].check, NULL, NULL);
	DefineCustomEnumVariable("rfm.grouped_reading", "Reads the orders of a refresh as one row per customer.",
							 "auto: if remote servers that store the orders can group them; on: for any source.",
							 &rfm_grouped_reading, RFM_GROUPED_AUTO, grouped_reading_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("rfm");
}

void
rfm_set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

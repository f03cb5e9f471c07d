/*-------------------------------------------------------------------------
 *
 * settings.h
 *		The settings of rfm.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_SETTINGS_H
#define RFM_BASE_SETTINGS_H

/* rfm.progress: NOTICE messages while a refresh works. */
extern bool rfm_show_progress;

/* rfm.work_mem: kB for the customers of a refresh in each process; -1: maintenance_work_mem. */
extern int	rfm_work_mem;

/*
 * rfm.max_workers: parallel workers that read the orders in addition to the
 * leader; -1: one less than the number of CPUs.  The planner's own settings hold
 * as well.
 */
extern int	rfm_max_workers;

/*
 * rfm.grouped_reading: whether orders are read as one row per customer; auto: if
 * the servers that store them can group them; on: for any source.
 */
typedef enum RfmGroupedReading
{
	RFM_GROUPED_AUTO,
	RFM_GROUPED_ON,
	RFM_GROUPED_OFF
} RfmGroupedReading;

extern int	rfm_grouped_reading;

/* rfm.catch_up_limit: the maximum number of dates that one call computes. */
extern int	rfm_catch_up_limit;

/* rfm.log_retention_days: for how many days rows of the log are kept; 0: no limit. */
extern int	rfm_log_retention_days;

/* rfm.latest_view: whether a view is created with a new model. */
extern bool rfm_make_latest_view;

/*
 * rfm.notify.  Off unless asked for: a transaction with a NOTIFY cannot be
 * prepared for two-phase commit, and every role of the database may listen.
 */
extern bool rfm_notify_enabled;

/*
 * rfm.run_date: the date that the query of a model computes, see
 * model/run_date.h.  Its name is for other servers that run a part of the query.
 */
#define RFM_RUN_DATE_SETTING "rfm.run_date"
#define RFM_NO_RUN_DATE PG_INT32_MAX

extern int	rfm_run_date_shown;

/*
 * rfm.shared_files: the handle of the segment that contains a query's set of
 * temporary files, see collect/files.h; 0: none.  Only superusers may set it, so
 * that no role can access the files of another session.
 */
#define RFM_SHARED_FILES_SETTING "rfm.shared_files"

extern int	rfm_shared_files;

/* rfm_settings_init: define the settings; once, when the library is loaded. */
extern void rfm_settings_init(void);

/*
 * rfm_set_local: set a setting, with the rights of rfm rather than the current
 * user's, until the end of the nesting level of settings, or of the
 * subtransaction.
 */
extern void rfm_set_local(const char *name, const char *value);

#endif							/* RFM_BASE_SETTINGS_H */

/*-------------------------------------------------------------------------
 *
 * failure.c
 *		The log of failed calls of catch-up and backfill: rfm_failure.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/failure.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "value/calendar.h"

/* A job that fails every minute must not fill the disk. */
#define FAILURES_KEPT 100

/*
 * Add a row about an error, and delete all but the newest hundred of the
 * model.
 */
static void
log_failure(const RfmAttempt *attempt, const ErrorData *error)
{
	const RfmNewColumn column[] = {
		{"model_id", rfm_int8(attempt->id)},
		{"model", rfm_text(attempt->model)},
		{"command", rfm_text(attempt->command)},
		{"run_date", {DATEOID, DateADTGetDatum(attempt->date), !attempt->has_date}},
		{"sqlstate", rfm_text(unpack_sql_state(error->sqlerrcode))},
		{"message", rfm_text(error->message ? error->message : "(no message)")},
		{"failed_at", rfm_param(TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()))},
		{"run_by", rfm_text(GetUserNameFromId(GetUserId(), false))}
	};
	RfmIdentity	catalog;

	PushActiveSnapshot(GetTransactionSnapshot());
	rfm_catalog_enter(&catalog);
	rfm_insert("rfm_failure", column, lengthof(column));
	rfm_owner_leave(&catalog);
	rfm_catalog_execute("DELETE FROM @rfm_failure WHERE model_id = $1 AND failure_id <= (SELECT f.failure_id FROM @rfm_failure f"
						" WHERE f.model_id = $1 ORDER BY f.failure_id DESC OFFSET $2 LIMIT 1)",
						SPI_OK_DELETE, RFM_PARAMS(rfm_int8(attempt->id), rfm_int8(FAILURES_KEPT)));
	PopActiveSnapshot();
}

/*
 * After a deadlock: end the transaction, and take a lock that waits for an
 * index which is being built on the target, and keeps another one from being
 * begun.  No database snapshot is held here, because such a command would wait
 * for it.
 */
static void
begin_again(RfmAttempt *attempt)
{
	attempt->repeated = true;
	SPI_commit();
	ereport(NOTICE,
			(errmsg("computing the snapshot of %s for model \"%s\" again after a deadlock",
					attempt->has_date ? rfm_calendar_text(attempt->date) : "the run date", attempt->model)));
	InvalidateCatalogSnapshot();
	if (OidIsValid(attempt->target))
		LockRelationOid(attempt->target, ShareUpdateExclusiveLock);
}

bool
rfm_attempt(RfmAttempt *attempt, void (*work) (void *arg), void *arg)
{
	ErrorData  *error = rfm_try(work, arg);

	if (error == NULL)
		return true;
	if (attempt->id == 0)
		ReThrowError(error);
	if (attempt->repeated || error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
	{
		log_failure(attempt, error);
		SPI_commit();
		ReThrowError(error);
	}
	begin_again(attempt);
	return false;
}

/*-------------------------------------------------------------------------
 *
 * failure.c
 *		The log of failed calls of catch-up and backfill: rfm_failure.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/xact.h"
#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/failure.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
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
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, DATEOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID};
	Datum		values[] = {
		Int64GetDatum(attempt->id),
		CStringGetTextDatum(attempt->model),
		CStringGetTextDatum(attempt->command),
		DateADTGetDatum(attempt->date),
		CStringGetTextDatum(unpack_sql_state(error->sqlerrcode)),
		CStringGetTextDatum(error->message ? error->message : "(no message)"),
		TimestampTzGetDatum(GetCurrentTimestamp()),
		CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))
	};
	char		nulls[] = "        ";
	RfmIdentity	catalog;
	const char *table = rfm_public_name("rfm_failure");

	if (!attempt->has_date)
		nulls[3] = 'n';
	PushActiveSnapshot(GetTransactionSnapshot());
	rfm_catalog_enter(&catalog);
	rfm_execute(psprintf("INSERT INTO %s (model_id, model, command, run_date, sqlstate, message, failed_at, run_by)"
						 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", table),
				lengthof(values), types, values, nulls, SPI_OK_INSERT);
	rfm_execute(psprintf("DELETE FROM %s WHERE model_id OPERATOR(pg_catalog.=) $1"
						 " AND failure_id OPERATOR(pg_catalog.<=) (SELECT f.failure_id FROM %s f"
						 " WHERE f.model_id OPERATOR(pg_catalog.=) $1 ORDER BY f.failure_id DESC OFFSET %d LIMIT 1)",
						 table, table, FAILURES_KEPT),
				1, types, values, NULL, SPI_OK_DELETE);
	rfm_catalog_leave(&catalog);
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
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool succeeded = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(mcxt);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(mcxt);
		CurrentResourceOwner = owner;
		if (attempt->id == 0 || attempt->repeated ||
			error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		{
			if (attempt->id != 0)
			{
				log_failure(attempt, error);
				SPI_commit();
			}
			ReThrowError(error);
		}
		succeeded = false;
	}
	PG_END_TRY();
	if (!succeeded)
		begin_again(attempt);
	return succeeded;
}

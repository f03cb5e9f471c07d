/*-------------------------------------------------------------------------
 *
 * target.h
 *		The table to which a model's snapshots are written: its names and columns.
 *
 * Takes a model; returns the names that target_columns gives to the columns.
 * Nothing is looked up here; see resolve.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_TARGET_H
#define RFM_TARGET_TARGET_H

#include "nodes/primnodes.h"
#include "score/scores.h"
#include "utils/relcache.h"

/* What a column of the target can hold. */
typedef enum RfmColumn
{
	RFM_COL_RUN_DATE,
	RFM_COL_GROUP,
	RFM_COL_CUSTOMER,
	RFM_COL_RECENCY,
	RFM_COL_FREQUENCY,
	RFM_COL_MONETARY,
	RFM_COL_R_SCORE,
	RFM_COL_F_SCORE,
	RFM_COL_M_SCORE,
	RFM_COL_SCORE,
	RFM_COL_SEGMENT,
	RFM_COL_COMMENTS,
	RFM_COL_CELL,
	RFM_COL_WEIGHTED,
	RFM_COL_P_ALIVE,			/* as RfmForecastValue */
	RFM_COL_EXPECTED_ORDERS,
	RFM_COL_EXPECTED_REVENUE,
	RFM_COL_CREATED_AT,
	RFM_COL_UPDATED_AT,
	RFM_COL_LOGS
} RfmColumn;

#define RFM_COLUMNS (RFM_COL_LOGS + 1)

/*
 * A model's target, resolved.  Its columns cannot change as long as the
 * relation is open, even if code of its owner runs in a cast, a check or a
 * trigger.
 */
typedef struct RfmTarget
{
	Relation	rel;			/* open; NULL: closed, or not now */
	Oid			relid;
	char		relkind;
	bool		routed;			/* Citus routes its rows: see routed.h */
	char	   *relation;		/* qualified and quoted */
	AttrNumber	attnum[RFM_COLUMNS];	/* 0: the target has no such column */
	char	   *column[RFM_COLUMNS];	/* quoted names, NULL if there is none */
	Oid			type[RFM_COLUMNS];
	int32		typmod[RFM_COLUMNS];
	Oid			collation[RFM_COLUMNS];
	Node	   *convert[RFM_COLUMNS];	/* from the native type, NULL: as it is */
} RfmTarget;

/* What a refresh did to the target. */
typedef struct RfmCounts
{
	int64		inserted;
	int64		updated;
	int64		deleted;
	int64		unchanged;
	int64		altered;		/* rows that hold other values than were written */
	int64		expired;		/* run dates that went by the model's retention */
} RfmCounts;

typedef struct RfmColumnInfo
{
	const char *name;			/* where target_columns gives no other */
	Oid			type;			/* InvalidOid: depends on the source */
	const char *created_as;		/* in a target that rfm creates */
	bool		required;		/* unless target_columns maps it to null */
} RfmColumnInfo;

extern const RfmColumnInfo rfm_columns[RFM_COLUMNS];

/* rfm_column_stays: determine whether an update leaves a column alone: the key, and created_at. */
static inline bool
rfm_column_stays(RfmColumn column)
{
	return column == RFM_COL_CUSTOMER || column == RFM_COL_GROUP ||
		column == RFM_COL_RUN_DATE || column == RFM_COL_CREATED_AT;
}

/*
 * rfm_target_column: return the name that the model gives a column of its
 * target, palloc'd, NULL for none; there is one of the group where the model
 * scores within groups.  The target need not have such a column.
 * *mapped, unless mapped is NULL, is set to whether target_columns names it.
 */
extern char *rfm_target_column(const RfmModel *model, RfmColumn column,
							   bool *mapped);

/*
 * rfm_target_desc: return a descriptor, palloc'd, of rows with n of the target's
 * columns, which are named c1, c2, ...
 */
extern TupleDesc rfm_target_desc(const RfmTarget *target, const RfmColumn *column, int n);

/*
 * rfm_target_check_names: check that target_columns is an object of known
 * columns and gives no name twice.  Raises INVALID_PARAMETER_VALUE.
 */
extern void rfm_target_check_names(const RfmModel *model);

/*
 * rfm_target_verify: check that the target still has the name under which it was
 * found; PostgreSQL lets it be renamed even while it is open.  To be called
 * before any statement that names it.  Raises TRIGGERED_DATA_CHANGE_VIOLATION.
 */
extern void rfm_target_verify(const RfmTarget *target);

/* rfm_target_close: end the use of what was looked up.  The lock stays. */
extern void rfm_target_close(RfmTarget *target);

/*
 * rfm_target_retake: open the target again after it was closed for a command of
 * our own that PostgreSQL refuses while a table is open.  It must not have changed
 * meanwhile: raises what rfm_target_verify raises.
 */
extern void rfm_target_retake(RfmTarget *target);

/*
 * rfm_target_has_rows: determine whether the target has rows of a date or, if
 * it has no run dates, any rows.  As the model's owner.
 */
extern bool rfm_target_has_rows(const RfmTarget *target, DateADT date);

/* rfm_target_only: return "ONLY " for a target that is not partitioned, else "". */
extern const char *rfm_target_only(const RfmTarget *target);

#endif							/* RFM_TARGET_TARGET_H */

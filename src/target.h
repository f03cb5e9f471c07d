/*-------------------------------------------------------------------------
 *
 * target.h
 *		The table that a model's snapshots go to.
 *
 * Takes the scored customers of a snapshot, and makes the target's rows of
 * that date equal to them, writing only what differs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_H
#define RFM_TARGET_H

#include "nodes/primnodes.h"
#include "score.h"

/* What a column of the target can hold. */
typedef enum RfmColumn
{
	RFM_COL_RUN_DATE,
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
	RFM_COL_CREATED_AT,
	RFM_COL_UPDATED_AT,
	RFM_COL_LOGS
} RfmColumn;

#define RFM_COLUMNS (RFM_COL_LOGS + 1)

/* A model's target, resolved. */
typedef struct RfmTarget
{
	Oid			relid;
	char		relkind;
	char	   *relation;		/* qualified and quoted */
	AttrNumber	attnum[RFM_COLUMNS];	/* 0: the target has no such column */
	char	   *column[RFM_COLUMNS];	/* quoted names, NULL where there is none */
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
	int64		expired;		/* run dates that went by the model's retention */
} RfmCounts;

/* rfm_column_name: the name a column has where target_columns gives no other. */
extern const char *rfm_column_name(RfmColumn column);

/*
 * rfm_target_column: the name that the model gives a column of its target,
 * palloc'd, NULL for none.  Whether the target has it is another matter.
 */
extern char *rfm_target_column(const RfmModel *model, RfmColumn column);

/*
 * rfm_target_resolve: finds the target's columns, their types and conversions
 * and checks them, its key, and the rights of the current user, who is the
 * model's owner; results in the current context.  Raises UNDEFINED_TABLE,
 * WRONG_OBJECT_TYPE, UNDEFINED_COLUMN, DATATYPE_MISMATCH,
 * INVALID_TABLE_DEFINITION (no key) and INSUFFICIENT_PRIVILEGE.
 */
extern void rfm_target_resolve(const RfmModel *model, const RfmSource *source,
							   RfmTarget *target);

/*
 * rfm_target_create: creates the target with its key, as the current user,
 * under a name that is qualified or resolves by the search_path in force.
 * Returns its OID.
 */
extern Oid	rfm_target_create(const RfmModel *model, const RfmSource *source,
							  const char *qualified_name);

/*
 * rfm_target_write: makes the target's rows of the snapshot's run date the
 * snapshot.  segment and comment are labels by cell, or NULL.  Waits until
 * other writers of the target are done and holds them off until the end of
 * the transaction.  As the model's owner; memory of the current context.
 */
extern void rfm_target_write(const RfmModel *model, const RfmTarget *target,
							 RfmCustomers *customers,
							 const RfmScores *scores,
							 char **segment, char **comment,
							 RfmCounts *counts);

#endif							/* RFM_TARGET_H */

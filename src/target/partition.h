/*-------------------------------------------------------------------------
 *
 * partition.h
 *		Targets that are partitioned by their run date.
 *
 * Takes a resolved target; returns its partitions, and the one for a date.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_PARTITION_H
#define RFM_TARGET_PARTITION_H

#include "target/target.h"

/* One partition of a target that is partitioned by range of its run date. */
typedef struct RfmPartition
{
	Oid			relid;
	bool		leaf;			/* not partitioned itself */
	DateADT		lower;			/* its first date, DATEVAL_NOBEGIN: any */
	DateADT		upper;			/* the first date after it, DATEVAL_NOEND: none */
} RfmPartition;

typedef struct RfmPartitions
{
	int			n;
	RfmPartition *partition;	/* in the order of their dates */
	Oid			default_relid;	/* InvalidOid: there is no default partition */
	bool		default_leaf;
} RfmPartitions;

/*
 * rfm_partition_clause: return the clause that follows the columns in CREATE
 * TABLE for the model's target; run_date is the quoted name of the column,
 * NULL where the target has none.  Raises INVALID_PARAMETER_VALUE for a model
 * that cannot be partitioned.
 */
extern const char *rfm_partition_clause(const RfmModel *model, const char *run_date);

/*
 * rfm_partition_check: check that partitions can be made for the model if it
 * asks for them.  As its owner; rel is the target.  Raises INVALID_PARAMETER_VALUE, WRONG_OBJECT_TYPE and
 * INSUFFICIENT_PRIVILEGE.
 */
extern void rfm_partition_check(const RfmModel *model, const RfmTarget *target,
								Relation rel);

/*
 * rfm_partitions_read: read the partitions of the target, in the current
 * context.  Returns false where it is not partitioned by range of its run date
 * alone.
 */
extern bool rfm_partitions_read(const RfmTarget *target, RfmPartitions *partitions);

/* rfm_partition_of: return the partition that takes a date, the default one apart, or NULL. */
extern const RfmPartition *rfm_partition_of(const RfmPartitions *partitions, DateADT date);

/*
 * rfm_partition_is_own: determine whether it is a plain table that the current
 * user owns.
 */
extern bool rfm_partition_is_own(Oid relid);

#endif							/* RFM_TARGET_PARTITION_H */

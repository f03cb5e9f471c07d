/*-------------------------------------------------------------------------
 *
 * partition.h
 *		Targets that are partitioned by their run date.
 *
 * Takes a resolved target, and tells which partitions it has and which one
 * takes a date.  Where the model says partition_by, a date that none takes
 * gets a partition of its own: a table that is filled first and attached
 * then, with its indexes, so that readers of the target never wait.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_PARTITION_H
#define RFM_PARTITION_H

#include "target/target.h"
#include "utils/relcache.h"

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
 * The one table that all new rows of a snapshot go to.
 */
typedef struct RfmPlace
{
	const RfmModel *model;
	RfmTarget  *target;
	DateADT		run_date;
	Oid			relid;			/* InvalidOid: the target must route them */
	bool		made;			/* a partition made for this snapshot */
	bool		attached;		/* ... and part of the target by now */
	char	   *relation;		/* its name, qualified and quoted */
	DateADT		lower;			/* the dates that it takes */
	DateADT		upper;
} RfmPlace;

/*
 * rfm_partition_clause: what CREATE TABLE says after the columns of the
 * model's target; run_date is the quoted name of the column, NULL where the
 * target has none.  Raises INVALID_PARAMETER_VALUE for a model that cannot be
 * partitioned.
 */
extern const char *rfm_partition_clause(const RfmModel *model, const char *run_date);

/*
 * rfm_partition_check: can partitions be made for the model?  As its owner;
 * rel is the target.  Raises INVALID_PARAMETER_VALUE, WRONG_OBJECT_TYPE and
 * INSUFFICIENT_PRIVILEGE.
 */
extern void rfm_partition_check(const RfmModel *model, const RfmTarget *target,
								Relation rel);

/*
 * rfm_partitions_read: the partitions of the target, in the current context;
 * false where it is not partitioned by range of its run date alone.
 */
extern bool rfm_partitions_read(const RfmTarget *target, RfmPartitions *partitions);

/* rfm_partition_of: the partition that takes a date, default apart, or NULL. */
extern const RfmPartition *rfm_partition_of(const RfmPartitions *partitions, DateADT date);

/* rfm_partition_name: a table's name, qualified and quoted. */
extern char *rfm_partition_name(Oid relid);

/* rfm_partition_is_own: is it a plain table that the current user owns? */
extern bool rfm_partition_is_own(Oid relid);

/* rfm_partition_utility: runs one utility statement as the current user. */
extern void rfm_partition_utility(const char *sql);

/*
 * rfm_place_find: where new rows of customers' run date go.  Makes the
 * partition where there is none and the model says so; it is attached by
 * rfm_place_attach, with rows or, where subscribers could not tell otherwise
 * that these are the target's, without; at the latest by rfm_place_finish.
 * To be called with the target locked, as the model's owner.  Raises
 * CHECK_VIOLATION where no partition takes the date.
 */
extern void rfm_place_find(RfmPlace *place, const RfmModel *model,
						   RfmTarget *target, const RfmCustomers *customers);
extern void rfm_place_attach(RfmPlace *place);

/*
 * rfm_place_finish: the rows are written.  Gathers the statistics of a
 * partition that has none yet and makes the one after it where the model has
 * one ahead.
 */
extern void rfm_place_finish(RfmPlace *place, int64 inserted);

/*
 * rfm_place_open: the table to write new rows to, in RowExclusiveLock.
 */
extern Relation rfm_place_open(const RfmPlace *place);

/*
 * rfm_place_bypasses: may rows go straight to rel as far as the target is
 * concerned?  Not where the target has triggers, rules or row security that
 * its partition does not show, and not where rel is a partition by itself.
 */
extern bool rfm_place_bypasses(const RfmTarget *target, Relation rel);

/*
 * rfm_place_attnum: the target's number of a column of rel, which is the
 * target or its partition; they may have their columns in different orders.
 */
extern AttrNumber rfm_place_attnum(const RfmTarget *target, Relation rel,
								   AttrNumber attnum);

#endif							/* RFM_PARTITION_H */

/*-------------------------------------------------------------------------
 *
 * place.h
 *		The table to which all new rows of a snapshot are written.
 *
 * Takes a target and a run date; gives the target itself, or the partition
 * that takes the date.  If there is none and the model has partition_by, it is
 * created: as a separate table that is first filled and then attached with its
 * indexes, so that readers of the target never wait.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_TARGET_PLACE_H
#define RFM_TARGET_PLACE_H

#include "target/target.h"
#include "utils/relcache.h"

typedef struct RfmPlace
{
	const RfmModel *model;
	RfmTarget  *target;
	DateADT		run_date;
	Oid			root;			/* all rows of the date are in it: the target, or its partition */
	Oid			relid;			/* InvalidOid: the target must route the rows */
	bool		made;			/* a partition made for this snapshot */
	bool		attached;		/* that partition belongs to the target by now */
	char	   *relation;		/* its name, qualified and quoted */
	DateADT		lower;			/* the first date that it takes */
	DateADT		upper;			/* the first date after those */
} RfmPlace;

/*
 * rfm_place_find: determine where new rows of the customers' run date are
 * written, and create the partition if there is none and the model says so.
 * rfm_place_attach, or at the latest rfm_place_finish, attaches it.  To be
 * called with the target locked, as the model's owner.  Raises CHECK_VIOLATION
 * where no partition takes the date.
 */
extern void rfm_place_find(RfmPlace *place, const RfmModel *model,
						   RfmTarget *target, const RfmCustomers *customers);

/*
 * rfm_place_attach: attach the partition if rfm_place_find has created one.
 * It is called before the partition is filled only if the target is published.
 */
extern void rfm_place_attach(RfmPlace *place);

/*
 * rfm_place_finish: attach the partition, now that the rows are written,
 * gather its statistics if it has none yet, and create the next one if the
 * model needs one in advance. inserted is the number of rows.
 */
extern void rfm_place_finish(RfmPlace *place, int64 inserted);

/* rfm_place_open: open the table to write new rows to, in RowExclusiveLock. */
extern Relation rfm_place_open(const RfmPlace *place);

/*
 * rfm_place_bypasses: determine whether the target permits writing rows
 * directly to rel.  It does not if the target has triggers, rules or row
 * security that its partition does not show, or if rel is itself a partition
 * of the target's.
 */
extern bool rfm_place_bypasses(const RfmTarget *target, Relation rel);

/*
 * rfm_place_attnum: return the target's number of a column of rel, which is the
 * target or its partition; they may have their columns in different orders.
 */
extern AttrNumber rfm_place_attnum(const RfmTarget *target, Relation rel,
								   AttrNumber attnum);

#endif							/* RFM_TARGET_PLACE_H */

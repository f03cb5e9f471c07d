/*-------------------------------------------------------------------------
 *
 * place.c
 *		The table to which all new rows of a snapshot are written.
 *
 * CREATE TABLE ... PARTITION OF would lock readers out of the target until
 * the refresh commits.  So a partition is created as a table by itself, filled,
 * and attached, which blocks no reader.  ATTACH builds the target's indexes over
 * its rows; a CHECK constraint that is dropped afterwards saves it from reading
 * them.
 *
 * Where the target is published the partition is attached before it is filled:
 * logical replication sends a row under the name of the table that its own
 * table was a partition of when the row was written.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xlog.h"
#include "base/catalog.h"
#include "base/query.h"
#include "catalog/pg_class.h"
#include "catalog/pg_publication.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "target/partition.h"
#include "target/place.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#define RANGE_CONSTRAINT "rfm_partition_range"

/*
 * Determine the dates of a new partition for date: its day or month, without the
 * dates that other partitions have.  None of them has date itself.
 */
static void
partition_range(RfmPeriod period, const RfmPartitions *partitions, DateADT date,
				DateADT *lower, DateADT *upper)
{
	*lower = date;
	*upper = date + 1;
	if (period == RFM_PERIOD_MONTH)
	{
		int			year,
					month,
					day;

		j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
		*lower = date - (day - 1);
		*upper = (month == 12 ? date2j(year + 1, 1, 1) : date2j(year, month + 1, 1)) -
			POSTGRES_EPOCH_JDATE;
	}
	for (int i = 0; i < partitions->n; i++)
	{
		const RfmPartition *other = &partitions->partition[i];

		if (other->upper <= date)
			*lower = Max(*lower, other->upper);
		else
			*upper = Min(*upper, other->lower);
	}
}

/*
 * Return a name that is free in the schema: target_2025_11 or
 * target_2025_11_03, with the target's part cut where that is too long.  A
 * name that is already used, by a detached partition or by one of another
 * target with the same truncated name, must not stop a refresh.
 */
static char *
choose_name(RfmPeriod period, const char *target, Oid nsp, DateADT date)
{
	char		label[NAMEDATALEN];
	char	   *name;
	int			year,
				month,
				day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	for (int version = 1;; version++)
	{
		int			len;

		len = snprintf(label, sizeof(label), "%04d_%02d", year > 0 ? year : 1 - year, month);
		if (period == RFM_PERIOD_DAY)
			len += snprintf(label + len, sizeof(label) - len, "_%02d", day);
		if (year <= 0)
			len += snprintf(label + len, sizeof(label) - len, "_bc");
		if (version > 1)
			snprintf(label + len, sizeof(label) - len, "_v%d", version);
		name = makeObjectName(target, label, NULL);
		if (!OidIsValid(get_relname_relid(name, nsp)) &&
			!SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name), ObjectIdGetDatum(nsp)))
			return name;
		pfree(name);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Create the table that is to become the partition of date. */
static void
make_partition(RfmPlace *place, const RfmPartitions *partitions, DateADT date)
{
	const RfmTarget *target = place->target;
	RfmPeriod	period = place->model->partition_by;
	Relation	rel = table_open(target->relid, NoLock);
	Oid			nsp = RelationGetNamespace(rel);
	const char *run_date = target->column[RFM_COL_RUN_DATE];
	char	   *name;
	StringInfoData sql;

	rfm_target_verify(target);
	partition_range(period, partitions, date, &place->lower, &place->upper);
	name = choose_name(period, RelationGetRelationName(rel), nsp, date);
	place->relation = quote_qualified_identifier(get_namespace_name(nsp), name);

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
					 " INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION,"
					 " CONSTRAINT " RANGE_CONSTRAINT
					 " CHECK (%s IS NOT NULL AND %s >= '%s'::date AND %s < '%s'::date))",
					 place->relation, target->relation,
					 run_date, run_date, rfm_calendar_text(place->lower),
					 run_date, rfm_calendar_text(place->upper));
	if (OidIsValid(rel->rd_rel->relam))
		appendStringInfo(&sql, " USING %s", quote_identifier(get_am_name(rel->rd_rel->relam)));
	if (OidIsValid(rel->rd_rel->reltablespace))
		appendStringInfo(&sql, " TABLESPACE %s",
						 quote_identifier(get_tablespace_name(rel->rd_rel->reltablespace)));
	table_close(rel, NoLock);

	rfm_execute(sql.data, SPI_OK_UTILITY, NULL);
	place->made = true;
	place->attached = false;
	place->root = place->relid = get_relname_relid(name, nsp);
}

void
rfm_place_attach(RfmPlace *place)
{
	if (!place->made || place->attached)
		return;
	rfm_target_verify(place->target);
	rfm_target_close(place->target);
	rfm_execute(psprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')",
						 place->target->relation, place->relation,
						 rfm_calendar_text(place->lower), rfm_calendar_text(place->upper)), SPI_OK_UTILITY, NULL);
	rfm_target_retake(place->target);
	rfm_execute(psprintf("ALTER TABLE %s DROP CONSTRAINT " RANGE_CONSTRAINT,
						 place->relation), SPI_OK_UTILITY, NULL);
	place->attached = true;
}

/*
 * Determine whether logical replication publishes inserts into the table or,
 * for a partitioned one, into its partitions.
 */
static bool
is_published(const RfmTarget *target)
{
	Relation	rel = table_open(target->relid, NoLock);
	PublicationDesc desc = {0};

	if (XLogLogicalInfoActive())
		RelationBuildPublicationDesc(rel, &desc);
	table_close(rel, NoLock);
	return desc.pubactions.pubinsert;
}

/*
 * No partition has the date, but the default one accepts it, as in any INSERT.
 * Another partition could only be attached by blocking the default one's
 * readers and reading it.
 */
static void
use_default_partition(RfmPlace *place, const RfmPartitions *partitions)
{
	place->root = partitions->default_relid;
	if (partitions->default_leaf)
		place->relid = partitions->default_relid;
	if (place->model->partition_by != RFM_PERIOD_NONE)
		ereport(NOTICE,
				(errmsg("snapshot of %s goes to the default partition \"%s\"",
						rfm_calendar_text(place->run_date), get_rel_name(partitions->default_relid)),
				 errdetail("No partition is created if the target has a default partition, because readers would have to wait."),
				 errhint("Detach the default partition when no session reads the target.")));
}

void
rfm_place_find(RfmPlace *place, const RfmModel *model, RfmTarget *target,
			   const RfmCustomers *customers)
{
	RfmPartitions partitions;
	const RfmPartition *partition;

	memset(place, 0, sizeof(*place));
	place->model = model;
	place->target = target;
	place->run_date = customers->run_date;
	place->root = target->relid;
	if (!rfm_partitions_read(target, &partitions))
	{
		if (target->relkind == RELKIND_RELATION)
			place->relid = target->relid;
		return;
	}

	partition = rfm_partition_of(&partitions, customers->run_date);
	if (partition)
	{
		place->root = partition->relid;
		place->relid = partition->leaf ? partition->relid : InvalidOid;
	}
	else if (OidIsValid(partitions.default_relid))
		use_default_partition(place, &partitions);
	else if (model->partition_by != RFM_PERIOD_NONE)
	{
		make_partition(place, &partitions, customers->run_date);
		/* Citus routes rows to what belongs to the target only */
		if (target->routed || is_published(target))
			rfm_place_attach(place);
	}
	else if (customers->n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("target %s of model \"%s\" has no partition for run date %s",
						target->relation, model->name, rfm_calendar_text(customers->run_date)),
				 errhint("Create the partition, or let each refresh create missing ones: UPDATE rfm_model SET partition_by = 'month' WHERE model = %s.",
						 quote_literal_cstr(model->name))));
}

/*
 * If the target ends with the partition of the run date's month, create that
 * of the next month in advance.  The next day gets none, because a day's
 * partition must not exist before it is filled.
 */
static void
make_next_partition(RfmPlace *place)
{
	RfmPlace	next = *place;
	RfmPartitions partitions;
	const RfmPartition *partition;

	if (place->model->partition_by != RFM_PERIOD_MONTH ||
		!rfm_partitions_read(place->target, &partitions) ||
		OidIsValid(partitions.default_relid))
		return;
	partition = rfm_partition_of(&partitions, place->run_date);
	if (partition == NULL || partition != &partitions.partition[partitions.n - 1] ||
		DATE_NOT_FINITE(partition->upper))
		return;
	make_partition(&next, &partitions, partition->upper);
	rfm_place_attach(&next);
}

/*
 * Determine whether it is a partition without statistics for which the model
 * is responsible.
 */
static bool
wants_statistics(const RfmPlace *place)
{
	Relation	rel;
	bool		result;

	if (place->model->partition_by == RFM_PERIOD_NONE ||
		!OidIsValid(place->relid) || !rfm_partition_is_own(place->relid))
		return false;
	rel = table_open(place->relid, NoLock);
	result = rel->rd_rel->reltuples <= 0;
	table_close(rel, NoLock);
	return result;
}

void
rfm_place_finish(RfmPlace *place, int64 inserted)
{
	rfm_place_attach(place);
	/* do not wait: the holder of the lock may be gathering the statistics */
	if (inserted > 0 && wants_statistics(place) &&
		ConditionalLockRelationOid(place->relid, ShareUpdateExclusiveLock))
		rfm_execute(psprintf("ANALYZE %s", rfm_relation_name(place->relid)), SPI_OK_UTILITY, NULL);
	make_next_partition(place);
}

/* Determine whether the table has the target's columns with their types. */
static bool
has_columns(const RfmTarget *target, Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			found = 0;
	int			wanted = 0;

	for (int i = 0; i < RFM_COLUMNS; i++)
		wanted += target->attnum[i] > 0;
	for (int att = 0; att < desc->natts; att++)
	{
		AttrNumber	attnum;

		if (TupleDescAttr(desc, att)->attisdropped)
			continue;
		attnum = rfm_place_attnum(target, rel, att + 1);
		for (int i = 0; i < RFM_COLUMNS; i++)
			found += target->attnum[i] > 0 && target->attnum[i] == attnum &&
				target->type[i] == TupleDescAttr(desc, att)->atttypid;
	}
	return found == wanted;
}

Relation
rfm_place_open(const RfmPlace *place)
{
	const RfmTarget *target = place->target;
	Relation	rel;

	if (!OidIsValid(place->relid) || place->relid == target->relid)
		return table_open(target->relid, RowExclusiveLock);

	/* the target is open, but its partition was not: code of its owner has run */
	rfm_target_verify(target);
	rel = try_relation_open(place->relid, RowExclusiveLock);
	if (rel == NULL || !has_columns(target, rel) ||
		((!place->made || place->attached) && !rel->rd_rel->relispartition))
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("a partition of target %s was changed by code that ran while it was in use",
						target->relation),
				 errdetail("A cast, a check, a default, a trigger or an expression of its owner has dropped or altered it.")));
	return rel;
}

bool
rfm_place_bypasses(const RfmTarget *target, Relation rel)
{
	Relation	parent;
	bool		plain;

	if (RelationGetRelid(rel) == target->relid)
		return !rel->rd_rel->relispartition;

	parent = table_open(target->relid, NoLock);
	plain = !parent->rd_rel->relispartition &&
		parent->trigdesc == NULL && parent->rd_rules == NULL &&
		check_enable_rls(target->relid, InvalidOid, true) == RLS_NONE;
	table_close(parent, NoLock);
	return plain;
}

AttrNumber
rfm_place_attnum(const RfmTarget *target, Relation rel, AttrNumber attnum)
{
	if (RelationGetRelid(rel) == target->relid)
		return attnum;
	return get_attnum(target->relid,
					  NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname));
}

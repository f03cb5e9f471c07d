/*-------------------------------------------------------------------------
 *
 * partition.c
 *		Targets that are partitioned by their run date.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "target/partition.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/*
 * Reading.
 */

/* Determine whether rel is partitioned by range of the run date alone. */
static bool
partitioned_by_run_date(Relation rel, const RfmTarget *target)
{
	PartitionKey key = RelationGetPartitionKey(rel);

	return key != NULL &&
		key->strategy == PARTITION_STRATEGY_RANGE &&
		key->partnatts == 1 &&
		target->attnum[RFM_COL_RUN_DATE] != 0 &&
		key->partattrs[0] == target->attnum[RFM_COL_RUN_DATE] &&
		getBaseType(key->parttypid[0]) == DATEOID;
}

static DateADT
bound_date(PartitionBoundInfo bounds, int i)
{
	switch (bounds->kind[i][0])
	{
		case PARTITION_RANGE_DATUM_MINVALUE:
			return DATEVAL_NOBEGIN;
		case PARTITION_RANGE_DATUM_MAXVALUE:
			return DATEVAL_NOEND;
		default:
			return DatumGetDateADT(bounds->datums[i][0]);
	}
}

static void
read_ranges(PartitionDesc desc, RfmPartitions *partitions)
{
	PartitionBoundInfo bounds = desc->boundinfo;

	/* indexes[i] is the partition that ends where bound i lies */
	for (int i = 1; i < bounds->ndatums; i++)
	{
		int			index = bounds->indexes[i];
		RfmPartition *partition = &partitions->partition[partitions->n];

		if (index < 0)
			continue;
		partition->relid = desc->oids[index];
		partition->leaf = desc->is_leaf[index];
		partition->lower = bound_date(bounds, i - 1);
		partition->upper = bound_date(bounds, i);
		partitions->n++;
	}
	if (partition_bound_has_default(bounds))
	{
		partitions->default_relid = desc->oids[bounds->default_index];
		partitions->default_leaf = desc->is_leaf[bounds->default_index];
	}
}

bool
rfm_partitions_read(const RfmTarget *target, RfmPartitions *partitions)
{
	Relation	rel;
	PartitionDesc desc;
	bool		found;

	memset(partitions, 0, sizeof(*partitions));
	if (target->relkind != RELKIND_PARTITIONED_TABLE)
		return false;

	rel = table_open(target->relid, AccessShareLock);
	found = partitioned_by_run_date(rel, target);
	if (found)
	{
		desc = RelationGetPartitionDesc(rel, true);
		partitions->partition = palloc0(Max(desc->nparts, 1) * sizeof(RfmPartition));
		if (desc->nparts > 0)
			read_ranges(desc, partitions);
	}
	table_close(rel, NoLock);
	return found;
}

const RfmPartition *
rfm_partition_of(const RfmPartitions *partitions, DateADT date)
{
	for (int i = 0; i < partitions->n; i++)
		if (partitions->partition[i].lower <= date && date < partitions->partition[i].upper)
			return &partitions->partition[i];
	return NULL;
}

/*
 * Checking.
 */

/* Raise an error for a model whose target has no run date to make partitions by. */
static void
check_has_run_date(const RfmModel *model, const char *run_date)
{
	if (run_date)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model \"%s\" cannot have partitions by run date", model->name),
			 errdetail("According to its target_columns, the target has no run_date column and holds only the newest snapshot."),
			 errhint("Set partition_by to null, or give the target a run_date column.")));
}

const char *
rfm_partition_clause(const RfmModel *model, const char *run_date)
{
	if (model->partition_by == RFM_PERIOD_NONE)
		return "";
	check_has_run_date(model, run_date);
	return psprintf(" PARTITION BY RANGE (%s)", run_date);
}

void
rfm_partition_check(const RfmModel *model, const RfmTarget *target, Relation rel)
{
	const char *schema = get_namespace_name(RelationGetNamespace(rel));

	if (model->partition_by == RFM_PERIOD_NONE)
		return;
	check_has_run_date(model, target->column[RFM_COL_RUN_DATE]);
	if (!partitioned_by_run_date(rel, target))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("target \"%s\" is not partitioned by range of its column %s, a date",
						RelationGetRelationName(rel), target->column[RFM_COL_RUN_DATE]),
				 errdetail("Model \"%s\" has partition_by set, so a refresh creates the partitions.",
						   model->name),
				 errhint("Set partition_by to null, or use a target that does not exist yet, which is created with partitions.")));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot create partitions for the temporary table \"%s\"",
						RelationGetRelationName(rel)),
				 errhint("Set partition_by to null and create its partitions yourself.")));
	if (!has_privs_of_role(GetUserId(), rel->rd_rel->relowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of target \"%s\" to create partitions for it",
						RelationGetRelationName(rel)),
				 errdetail("Role \"%s\", the owner of model \"%s\", is no member of role \"%s\".",
						   GetUserNameFromId(GetUserId(), false), model->name,
						   GetUserNameFromId(rel->rd_rel->relowner, false)),
				 errhint("Set partition_by to null, or give the model to the owner of the target.")));
	if (rfm_schema_aclcheck(RelationGetNamespace(rel), GetUserId(), ACL_CREATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for schema \"%s\"", schema),
				 errdetail("Role \"%s\", the owner of model \"%s\", must be able to create partitions there.",
						   GetUserNameFromId(GetUserId(), false), model->name),
				 errhint("GRANT CREATE ON SCHEMA %s TO %s;", quote_identifier(schema),
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

bool
rfm_partition_is_own(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	result = form->relkind == RELKIND_RELATION &&
		has_privs_of_role(GetUserId(), form->relowner);
	ReleaseSysCache(tuple);
	return result;
}

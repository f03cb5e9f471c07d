/*-------------------------------------------------------------------------
 *
 * strategy.c
 *		Where the work of a refresh is done: here, or where the orders lie.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "optimizer/optimizer.h"
#include "owner.h"
#include "source.h"
#include "strategy.h"
#include "target.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

int			rfm_strategy = RFM_STRATEGY_AUTO;

/* How Citus keeps a table. */
typedef struct Distribution
{
	bool		known;			/* a table of Citus, of whatever kind */
	bool		by_hash;		/* one shard for each range of hash values */
	char	   *column;			/* whose hash value it is */
	int64		colocation;		/* equal: equal values lie in the same place */
} Distribution;

/*
 * Asking Citus.
 */

static bool
citus_is_here(void)
{
	return OidIsValid(get_extension_oid("citus", true));
}

static void
query_relation(const char *sql, Oid relid)
{
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(relid);
	int			level = rfm_lock_search_path();

	if (SPI_execute_with_args(sql, 1, &type, &value, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the catalog of Citus");
	rfm_unlock_search_path(level);
}

static Distribution
find_distribution(Oid relid)
{
	MemoryContext mcxt = CurrentMemoryContext;
	Distribution result = {0};
	bool		isnull;

	if (!citus_is_here())
		return result;
	SPI_connect();
	query_relation("SELECT p.partmethod = 'h', pg_catalog.column_to_column_name(p.logicalrelid, p.partkey),"
				   " p.colocationid::pg_catalog.int8"
				   " FROM pg_catalog.pg_dist_partition p WHERE p.logicalrelid = $1", relid);
	result.known = SPI_processed > 0;
	if (result.known)
	{
		HeapTuple	tuple = SPI_tuptable->vals[0];
		TupleDesc	tupdesc = SPI_tuptable->tupdesc;
		char	   *column = SPI_getvalue(tuple, tupdesc, 2);

		result.by_hash = DatumGetBool(SPI_getbinval(tuple, tupdesc, 1, &isnull)) && column;
		result.column = column ? MemoryContextStrdup(mcxt, column) : NULL;
		result.colocation = DatumGetInt64(SPI_getbinval(tuple, tupdesc, 3, &isnull));
	}
	SPI_finish();
	return result;
}

/* Does the view read a table of Citus, perhaps through other views? */
static bool
view_reads_distributed(Oid view)
{
	bool		found;

	SPI_connect();
	query_relation("WITH RECURSIVE reads(relid) AS ("
				   "  SELECT $1 UNION"
				   "  SELECT d.refobjid FROM reads"
				   "    JOIN pg_catalog.pg_rewrite r ON r.ev_class = reads.relid"
				   "    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
				   "         AND d.objid = r.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)"
				   " SELECT FROM reads JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = reads.relid", view);
	found = SPI_processed > 0;
	SPI_finish();
	return found;
}

/*
 * Reasons against pushing down; NULL: none.
 */

/* Statements must mean the same wherever they run, with whatever settings. */
static const char *
expression_reason(const RfmModel *model, Relation source)
{
	const char *text[] = {model->amount, model->filter};
	static const char *const what[] = {"amount", "filter"};

	for (int i = 0; i < lengthof(text); i++)
	{
		RfmExpression expression;

		if (text[i] == NULL ||
			(i == 0 && get_attnum(RelationGetRelid(source), text[i]) > 0))
			continue;
		rfm_expression_parse(text[i], source, what[i], model->name, i == 1, &expression);
		if (expression.mutable)
			return psprintf("The model's %s depends on settings or tables, which may differ where the shards are.",
							what[i]);
	}
	return NULL;
}

static const char *
distribution_reason(const RfmModel *model, Relation source,
					const Distribution *orders, const Distribution *rows)
{
	char	   *target = get_rel_name(model->target);
	char	   *customer = rfm_target_column(model, RFM_COL_CUSTOMER);

	if (!orders->known && source->rd_rel->relkind == RELKIND_VIEW &&
		citus_is_here() && view_reads_distributed(RelationGetRelid(source)))
		return psprintf("The source \"%s\" is a view: it does not tell where the orders of a customer lie.",
						RelationGetRelationName(source));
	if (!orders->known)
		return rows->known ?
			psprintf("The target \"%s\" is a distributed table, the source is none.", target) : NULL;
	if (!orders->by_hash)
		return psprintf("The source \"%s\" is not distributed by a column.",
						RelationGetRelationName(source));
	if (strcmp(orders->column, model->customer) != 0)
		return psprintf("The source \"%s\" is distributed by column \"%s\", not by the customer.",
						RelationGetRelationName(source), orders->column);
	if (!rows->by_hash || rows->colocation != orders->colocation ||
		customer == NULL || strcmp(rows->column, customer) != 0)
		return psprintf("The target \"%s\" is not distributed by the customer, colocated with the source \"%s\".",
						target, RelationGetRelationName(source));
	return expression_reason(model, source);
}

static bool
has_volatile_default(Relation target)
{
	TupleDesc	desc = RelationGetDescr(target);

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped && TupleDescAttr(desc, i)->attidentity != '\0')
			return true;
	for (int i = 0; desc->constr && i < desc->constr->num_defval; i++)
	{
		AttrDefault *def = &desc->constr->defval[i];

		if (TupleDescAttr(desc, def->adnum - 1)->attgenerated == '\0' &&
			contain_volatile_functions(stringToNode(def->adbin)))
			return true;
	}
	return false;
}

/*
 * ON CONFLICT proposes every row of the snapshot as a new one first: what
 * would notice, or count, those must not be there.
 */
static const char *
target_reason(const RfmModel *model, Relation target)
{
	const char *name = RelationGetRelationName(target);
	TriggerDesc *triggers = target->trigdesc;

	if (model->partition_by != RFM_PERIOD_NONE)
		return psprintf("The model makes the partitions of target \"%s\".", name);
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (!triggers->triggers[i].tgisinternal)
			return psprintf("The target \"%s\" has triggers.", name);
	if (target->rd_rules != NULL)
		return psprintf("The target \"%s\" has rules.", name);
	if (check_enable_rls(RelationGetRelid(target), model->owner, true) == RLS_ENABLED)
		return psprintf("The target \"%s\" has row security for the model's owner.", name);
	if (has_volatile_default(target))
		return psprintf("The target \"%s\" has a column that is numbered, or has another volatile default.", name);
	return NULL;
}

static const char *
reason_against(const RfmModel *model, Relation source, Relation target,
			   bool *asked, bool *distributed)
{
	Distribution orders = find_distribution(RelationGetRelid(source));
	Distribution rows = find_distribution(RelationGetRelid(target));
	const char *reason = distribution_reason(model, source, &orders, &rows);

	*distributed = orders.known;
	*asked = rfm_strategy == RFM_STRATEGY_PUSHDOWN || orders.known || reason != NULL;
	return reason ? reason : target_reason(model, target);
}

bool
rfm_strategy_pushdown(const RfmModel *model, bool *distributed)
{
	Relation	source;
	Relation	target;
	const char *reason;
	bool		asked;
	int			level;

	*distributed = false;
	if (rfm_strategy == RFM_STRATEGY_NATIVE ||
		(rfm_strategy == RFM_STRATEGY_AUTO && !citus_is_here()))
		return false;

	/* what is missing is the refresh's to complain of */
	source = try_relation_open(model->source, AccessShareLock);
	target = try_relation_open(model->target, AccessShareLock);
	if (source == NULL || target == NULL)
		return false;
	level = rfm_lock_search_path();
	reason = reason_against(model, source, target, &asked, distributed);
	rfm_unlock_search_path(level);
	relation_close(source, NoLock);
	relation_close(target, NoLock);

	if (asked && reason)
		ereport(NOTICE,
				(errmsg("the refresh of model \"%s\" is not pushed down", model->name),
				 errdetail_internal("%s", reason)));
	return asked && reason == NULL;
}

bool
rfm_strategy_in_shards(const RfmModel *model)
{
	return rfm_strategy != RFM_STRATEGY_NATIVE && find_distribution(model->source).known;
}

void
rfm_strategy_check_native(const RfmModel *model)
{
	Distribution rows = find_distribution(model->target);

	if (rows.known)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("target \"%s\" of model \"%s\" is a distributed table",
						get_rel_name(model->target), model->name),
				 errdetail("Only a refresh that is pushed down can write to it."),
				 errhint("Colocate it with the source, both distributed by the customer, and set rfm.strategy to auto; or give the model a local target.")));
}

void
rfm_strategy_distribute(const RfmModel *model, Oid target)
{
	Distribution orders = find_distribution(model->source);
	char	   *customer = rfm_target_column(model, RFM_COL_CUSTOMER);
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID};
	Datum		values[3];
	int			level;

	if (rfm_strategy == RFM_STRATEGY_NATIVE || !orders.by_hash ||
		strcmp(orders.column, model->customer) != 0 ||
		model->partition_by != RFM_PERIOD_NONE)
		return;
	values[0] = ObjectIdGetDatum(target);
	values[1] = CStringGetTextDatum(customer);
	values[2] = CStringGetTextDatum(quote_qualified_identifier(get_namespace_name(get_rel_namespace(model->source)),
															   get_rel_name(model->source)));
	level = rfm_lock_search_path();
	SPI_connect();
	if (SPI_execute_with_args("SELECT pg_catalog.create_distributed_table($1::pg_catalog.regclass, $2, colocate_with => $3)",
							  lengthof(types), types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not distribute the target");
	SPI_finish();
	rfm_unlock_search_path(level);
}

/*-------------------------------------------------------------------------
 *
 * create.c
 *		Creating the target of a model, and its index by customer.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/genam.h"
#include "access/xact.h"
#include "base/citus.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "target/create.h"
#include "target/partition.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/varlena.h"

/* Append a type as it is in the source, with its collation where that is not the type's. */
static void
append_key_type(StringInfo sql, Oid type, int32 typmod, Oid collation)
{
	appendStringInfoString(sql, format_type_with_typemod(type, typmod));
	if (OidIsValid(collation) && collation != get_typcollation(type))
		appendStringInfo(sql, " COLLATE %s", generate_collation_name(collation));
	appendStringInfoString(sql, " NOT NULL");
}

static void
append_created_column(StringInfo sql, const RfmSource *source, RfmColumn column, const char *name)
{
	appendStringInfo(sql, "\n  %s ", quote_identifier(name));
	switch (column)
	{
		case RFM_COL_GROUP:
			append_key_type(sql, source->group_type, source->group_typmod,
							source->group_key.collation);
			break;
		case RFM_COL_CUSTOMER:
			append_key_type(sql, source->customer_type, source->customer_typmod,
							source->key.collation);
			break;
		case RFM_COL_MONETARY:
			appendStringInfoString(sql, source->real_amounts ?
								   "double precision NOT NULL" : "numeric NOT NULL");
			break;
		default:
			appendStringInfoString(sql, rfm_columns[column].created_as);
			break;
	}
	appendStringInfoChar(sql, ',');
}

/* Check that no two columns of a new target have the same name. */
static void
check_created_name(char **names, RfmColumn column)
{
	for (int i = 0; i < (int) column; i++)
		if (names[i] && strcmp(names[i], names[column]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target would have two columns \"%s\", for %s and for %s",
							names[column], rfm_columns[i].name,
							rfm_columns[column].name),
					 errhint("Map one of them to another name, or to null, in target_columns.")));
}

/* Columns that are created only if target_columns names them. */
static bool
created_on_demand(const RfmModel *model, RfmColumn column)
{
	switch (column)
	{
		case RFM_COL_CELL:
		case RFM_COL_WEIGHTED:
		case RFM_COL_P_ALIVE:
		case RFM_COL_EXPECTED_ORDERS:
		case RFM_COL_EXPECTED_REVENUE:
		case RFM_COL_LOGS:
			return true;
		case RFM_COL_SEGMENT:
			return model->segment_rules == NULL;
		case RFM_COL_COMMENTS:
			return model->comment_rules == NULL;
		default:
			return false;
	}
}

/*
 * If the orders are distributed by customer or group, the target is
 * distributed likewise, and colocated with them.
 */
static void
distribute(const RfmModel *model, const RfmSource *source, const char *relation,
		   char *const *created)
{
	char	   *column = rfm_citus_distribution(model->source);
	char	   *by = NULL;
	const char *own;
	bool		isnull;

	if (column == NULL)
		return;
	own = psprintf("%s.%s", source->alias, quote_identifier(column));
	if (strcmp(source->customer, own) == 0)
		by = created[RFM_COL_CUSTOMER];
	else if (source->group && strcmp(source->group, own) == 0)
		by = created[RFM_COL_GROUP];
	if (by == NULL)
		return;
	(void) rfm_query_value("SELECT pg_catalog.create_distributed_table($1::pg_catalog.regclass, $2,"
						   " colocate_with => $3)",
						   RFM_PARAMS(rfm_text(relation), rfm_text(by), rfm_text(source->relation)), false, &isnull);
}

/*
 * Create the index by customer where the model asks for it and the key does not
 * begin with the customer already.  The key of a target begins with the run date,
 * as a refresh reads and writes one date; a query for one customer on all dates
 * would read the whole table.
 */
static void
create_customer_index(const RfmModel *model, const char *relation, char *const *column)
{
	const char *date = column[RFM_COL_RUN_DATE];

	if (!model->customer_index || (date == NULL && column[RFM_COL_GROUP] == NULL))
		return;
	rfm_execute(psprintf("CREATE INDEX ON %s (%s%s%s)", relation,
						 quote_identifier(column[RFM_COL_CUSTOMER]),
						 date ? ", " : "", date ? quote_identifier(date) : ""),
					SPI_OK_UTILITY, NULL);
}

Oid
rfm_target_create(const RfmModel *model, const RfmSource *source,
				  const char *qualified_name)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(qualified_name));
	RangeVar   *rv = makeRangeVarFromNameList(names);
	Oid			nsp = RangeVarGetCreationNamespace(rv);
	char	   *relation = quote_qualified_identifier(get_namespace_name(nsp), rv->relname);
	char	   *key = NULL;
	char	   *created[RFM_COLUMNS] = {NULL};
	StringInfoData sql;
	RfmIdentity caller;

	rfm_caller_enter(&caller);
	rfm_target_check_names(model);
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", relation);
	for (int i = 0; i < RFM_COLUMNS; i++)
	{
		bool		mapped;
		char	   *name = rfm_target_column(model, (RfmColumn) i, &mapped);

		if (name == NULL || (!mapped && created_on_demand(model, (RfmColumn) i)))
			continue;
		created[i] = name;
		check_created_name(created, (RfmColumn) i);
		append_created_column(&sql, source, (RfmColumn) i, name);
		if (i == RFM_COL_RUN_DATE || i == RFM_COL_GROUP || i == RFM_COL_CUSTOMER)
			key = key ? psprintf("%s, %s", key, quote_identifier(name)) :
				pstrdup(quote_identifier(name));
	}
	/*
	 * Where only the newest snapshot is kept, nearly all rows change every day:
	 * with room in its page a row's next version stays there, and no index is
	 * touched.
	 */
	appendStringInfo(&sql, "\n  PRIMARY KEY (%s)\n)%s%s", key,
					 created[RFM_COL_RUN_DATE] ? "" : " WITH (fillfactor = 45)",
					 rfm_partition_clause(model, created[RFM_COL_RUN_DATE] ?
										  quote_identifier(created[RFM_COL_RUN_DATE]) : NULL));

	rfm_execute(sql.data, SPI_OK_UTILITY, NULL);
	CommandCounterIncrement();
	create_customer_index(model, relation, created);
	distribute(model, source, relation, created);
	rfm_owner_leave(&caller);
	return get_relname_relid(rv->relname, nsp);
}

/*
 * The index by customer of an existing target.
 */

/* Determine whether the target has an index that begins with the customer. */
static bool
has_index(const RfmTarget *target)
{
	List	   *indexes = RelationGetIndexList(target->rel);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found |= index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == target->attnum[RFM_COL_CUSTOMER] &&
			RelationGetIndexPredicate(index) == NIL;
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return found;
}

void
rfm_customer_index_report(const RfmModel *model, const RfmTarget *target)
{
	const char *date = target->column[RFM_COL_RUN_DATE];

	if (!model->customer_index || has_index(target))
		return;
	ereport(NOTICE,
			(errmsg("target \"%s\" of model \"%s\" has no index that begins with the customer",
					RelationGetRelationName(target->rel), model->name),
			 errdetail("With customer_index, rfm creates one for a new target. It does not change an existing target."),
			 errhint("CREATE INDEX%s ON %s (%s%s%s);",
					 target->relkind == RELKIND_PARTITIONED_TABLE ? "" : " CONCURRENTLY",
					 target->relation, target->column[RFM_COL_CUSTOMER],
					 date ? ", " : "", date ? date : "")));
}

/*-------------------------------------------------------------------------
 *
 * sole_writer.c
 *		A target belongs to one model.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/sole_writer.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The target, its partitions, and what it is a partition of, as oid[]. */
static RfmParam
written_relations(Oid target)
{
	List	   *oids = list_make1_oid(target);
	Datum	   *values;
	int			n = 0;
	ListCell   *lc;

	if (get_rel_relkind(target) == RELKIND_PARTITIONED_TABLE)
		oids = find_all_inheritors(target, NoLock, NULL);
	if (get_rel_relispartition(target))
		oids = list_concat(oids, get_partition_ancestors(target));
	values = palloc(list_length(oids) * sizeof(Datum));
	foreach(lc, oids)
		values[n++] = ObjectIdGetDatum(lfirst_oid(lc));
	return rfm_array(OIDARRAYOID, values, n);
}

void
rfm_check_sole_writer(const RfmModel *model)
{
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity catalog;
	char	   *other = NULL;
	Oid			owner = InvalidOid;
	bool		isnull;

	/* one with the same name is refused for its name */
	if (rfm_catalog_query(&catalog, "SELECT model, owner::oid FROM @rfm_model"
						  " WHERE target = ANY ($1) AND model_id <> $2 AND model <> $3 LIMIT 1",
						  RFM_PARAMS(written_relations(model->target), rfm_int8(model->id), rfm_text(model->name)),
						  false) > 0)
	{
		other = MemoryContextStrdup(mcxt, rfm_column_text(0, 1));
		owner = DatumGetObjectId(rfm_column(0, 2, &isnull));
	}
	rfm_catalog_query_end(&catalog);
	if (other)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("target \"%s\" of model \"%s\" belongs to another model",
						get_rel_name(model->target), model->name),
				 has_privs_of_role(GetUserId(), owner) ?
				 errdetail("Model \"%s\" writes to it, or to a part of it. Each would delete the other's customers.", other) :
				 errdetail("A model of another role writes to it, or to a part of it. Each would delete the other's customers."),
				 errhint("Give each model its own target. A view can combine several targets.")));
}

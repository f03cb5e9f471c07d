/*-------------------------------------------------------------------------
 *
 * ruleset.c
 *		Rule sets: rights to change and use them, and their removal.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "base/catalog.h"
#include "base/identity.h"
#include "base/query.h"
#include "base/version.h"
#include "miscadmin.h"
#include "run/arguments.h"
#include "run/ruleset.h"
#include "utils/acl.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(rfm_own_ruleset);
PG_FUNCTION_INFO_V1(rfm_restoring);
PG_FUNCTION_INFO_V1(rfm_drop_ruleset);
PG_FUNCTION_INFO_V1(rfm_drop_rule);

/* The bucket counts of r, f and m from the buckets of a rule set. */
#define AXES "buckets[1], coalesce(buckets[2], buckets[1]), coalesce(buckets[3], buckets[1])"

/*
 * Read columns of a rule set's row, with a locking clause; the caller calls
 * rfm_catalog_query_end.
 */
static void
read_ruleset(RfmIdentity *catalog, const char *columns, const char *ruleset, const char *lock)
{
	if (rfm_catalog_query(catalog, psprintf("SELECT %s FROM @rfm_ruleset WHERE ruleset = $1 %s", columns, lock),
						  RFM_PARAMS(rfm_text(ruleset)), false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("rule set \"%s\" does not exist", ruleset),
				 errhint("Existing rule sets are the rows of rfm_ruleset. To create a new one, insert a row there: INSERT INTO rfm_ruleset (ruleset, buckets) VALUES (%s, '{5}');",
						 quote_literal_cstr(ruleset))));
}

/* Return a column of the row that was read. */
static Datum
get_column(int column)
{
	bool		isnull;

	return rfm_column(0, column, &isnull);
}

/*
 * Find a rule set that the current user may change, and lock its row until the
 * end of the transaction, so that it keeps its owner.  Returns its buckets, an
 * int4[] of three.
 */
static Datum
lock_own(const char *ruleset, const char *lock)
{
	Oid			user = GetUserId();
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;
	Datum		buckets;
	bool		isnull;

	read_ruleset(&catalog, "owner, shipped, ARRAY[" AXES "]", ruleset, lock);
	if (DatumGetBool(get_column(2)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("rule set \"%s\" is shipped with rfm and cannot be changed", ruleset),
				 errhint("Copy it and change the copy: SELECT %s(%s, %s);",
						 rfm_public_name("rfm_copy_ruleset"), quote_literal_cstr(ruleset),
						 quote_literal_cstr(psprintf("my_%s", ruleset)))));
	if (!has_privs_of_role(user, DatumGetObjectId(get_column(1))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of rule set \"%s\"", ruleset),
				 errdetail("It belongs to role %s.", rfm_column_text(0, 1)),
				 errhint("Give your rule set another name, or copy this one with rfm_copy_ruleset and change the copy.")));
	buckets = rfm_column_copy(0, 3, mcxt, &isnull);
	rfm_catalog_query_end(&catalog);
	return buckets;
}

/*
 * rfm_internal.own_ruleset(ruleset text) RETURNS int4[]: the three bucket counts
 * of a rule set that the caller may change.
 */
Datum
rfm_own_ruleset(PG_FUNCTION_ARGS)
{
	char	   *ruleset;

	rfm_version_check();
	ruleset = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (rfm_is_restore())
		rfm_ruleset_expect(ruleset);
	return lock_own(ruleset, "FOR SHARE");
}

/*
 * rfm_internal.restoring() RETURNS bool
 */
Datum
rfm_restoring(PG_FUNCTION_ARGS)
{
	rfm_version_check();
	PG_RETURN_BOOL(rfm_is_restore());
}

void
rfm_ruleset_buckets(const char *ruleset, int *buckets)
{
	RfmIdentity	catalog;

	read_ruleset(&catalog, AXES, ruleset, "");
	for (int axis = 0; axis < RFM_AXES; axis++)
		buckets[axis] = DatumGetInt32(get_column(axis + 1));
	rfm_catalog_query_end(&catalog);
}

/*
 * The foreign keys would refuse it too, but without naming the model.  The
 * name of another role's model is not revealed.
 */
static void
check_unused(const char *ruleset)
{
	RfmIdentity	catalog;

	if (rfm_catalog_query(&catalog, "SELECT CASE WHEN pg_has_role($2, owner, 'USAGE') THEN model END FROM @rfm_model"
						  " WHERE segment_rules = $1 OR comment_rules = $1 ORDER BY 1 LIMIT 1",
						  RFM_PARAMS(rfm_text(ruleset), rfm_oid(GetUserId())), false) > 0)
	{
		char	   *model = rfm_column_text(0, 1);

		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop rule set \"%s\" because a model uses it", ruleset),
				 model ? errdetail("Model \"%s\" uses it.", model) : errdetail("A model of another role uses it."),
				 errhint("Give the model another rule set first, in rfm_model.segment_rules or comment_rules.")));
	}
	rfm_catalog_query_end(&catalog);
}

/*
 * rfm_drop_ruleset(ruleset text) RETURNS void
 */
Datum
rfm_drop_ruleset(PG_FUNCTION_ARGS)
{
	char	   *ruleset;

	rfm_version_check();
	PreventCommandIfReadOnly("rfm_drop_ruleset()");
	ruleset = rfm_text_argument(fcinfo, 0, "name of a rule set");
	(void) lock_own(ruleset, "FOR UPDATE");
	check_unused(ruleset);
	rfm_catalog_execute("DELETE FROM @rfm_ruleset WHERE ruleset = $1", SPI_OK_DELETE,
						RFM_PARAMS(rfm_text(ruleset)));
	PG_RETURN_VOID();
}

/*
 * rfm_drop_rule(ruleset text, priority int4) RETURNS void
 */
Datum
rfm_drop_rule(PG_FUNCTION_ARGS)
{
	char	   *ruleset;

	rfm_version_check();
	PreventCommandIfReadOnly("rfm_drop_rule()");
	ruleset = rfm_text_argument(fcinfo, 0, "name of a rule set");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("priority of a rule must not be null")));
	(void) lock_own(ruleset, "FOR SHARE");
	if (rfm_catalog_execute("DELETE FROM @rfm_segment_rule WHERE ruleset = $1 AND priority = $2", SPI_OK_DELETE,
							RFM_PARAMS(rfm_text(ruleset), rfm_int4(PG_GETARG_INT32(1)))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("rule set \"%s\" has no rule with priority %d", ruleset, PG_GETARG_INT32(1))));
	PG_RETURN_VOID();
}

/* Return the model's buckets as a user writes them. */
static char *
buckets_text(const RfmModel *model)
{
	const int  *k = model->buckets;

	if (k[RFM_FREQUENCY] == k[RFM_RECENCY] && k[RFM_MONETARY] == k[RFM_RECENCY])
		return psprintf("{%d}", k[RFM_RECENCY]);
	return psprintf("{%d,%d,%d}", k[RFM_RECENCY], k[RFM_FREQUENCY], k[RFM_MONETARY]);
}

void
rfm_ruleset_check_model(const char *ruleset, const RfmModel *model)
{
	RfmIdentity	catalog;
	bool		fits = true;

	if (ruleset == NULL)
		return;
	read_ruleset(&catalog, AXES ", buckets", ruleset, "FOR KEY SHARE");
	for (int axis = 0; axis < RFM_AXES; axis++)
		fits = fits && DatumGetInt32(get_column(axis + 1)) == model->buckets[axis];
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule set \"%s\" does not fit the buckets of model \"%s\"", ruleset, model->name),
				 errdetail("The rule set is for buckets %s, the model has %s.",
						   rfm_column_text(0, RFM_AXES + 1), buckets_text(model)),
				 errhint("Use a rule set with these buckets (see rfm_ruleset), or null for none. To create one: INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('my_rules', '%s'); then insert its rules into rfm_segment_rule.",
						 buckets_text(model))));
	rfm_catalog_query_end(&catalog);
}

void
rfm_ruleset_expect(const char *ruleset)
{
	bool		isnull;

	if (ruleset == NULL)
		return;
	(void) rfm_catalog_value("SELECT true FROM @rfm_ruleset WHERE ruleset = $1",
							 RFM_PARAMS(rfm_text(ruleset)), false, &isnull);
	if (!isnull)
		return;

	/* one table after the other, as locks in different orders could deadlock */
	rfm_catalog_execute("LOCK TABLE @rfm_ruleset IN SHARE ROW EXCLUSIVE MODE", SPI_OK_UTILITY, NULL);
	rfm_catalog_execute("INSERT INTO @rfm_ruleset (ruleset, owner, description) VALUES ($1, $2, 'not restored yet')"
						" ON CONFLICT DO NOTHING",
						SPI_OK_INSERT, RFM_PARAMS(rfm_text(ruleset), rfm_oid(GetUserId())));
}

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
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "run/ruleset.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"

/* The bucket counts of r, f and m from the buckets of a rule set. */
#define AXES "buckets[1], coalesce(buckets[2], buckets[1]), coalesce(buckets[3], buckets[1])"

/*
 * Read columns of a rule set's row, with a locking clause; the caller calls
 * rfm_query_end.  Within rfm_catalog_enter.
 */
static void
read_ruleset(const char *columns, const char *ruleset, const char *lock)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(ruleset);
	char	   *sql = psprintf("SELECT %s FROM %s WHERE ruleset OPERATOR(pg_catalog.=) $1 %s",
							   columns, rfm_public_name("rfm_ruleset"), lock);

	if (rfm_query(sql, 1, &type, &value, false) == 0)
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

	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
}

static char *
get_text(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

/* Find a rule set that the current user may change, and lock its row so. */
static Datum
lock_own(const char *ruleset, const char *lock)
{
	Oid			user = GetUserId();
	MemoryContext mcxt = CurrentMemoryContext;
	RfmIdentity	catalog;
	Datum		buckets;

	rfm_catalog_enter(&catalog);
	read_ruleset("owner, shipped, ARRAY[" AXES "]", ruleset, lock);
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
				 errdetail("It belongs to role %s.", get_text(1)),
				 errhint("Give your rule set another name, or copy this one with rfm_copy_ruleset and change the copy.")));
	MemoryContextSwitchTo(mcxt);
	buckets = datumCopy(get_column(3), false, -1);
	rfm_query_end();
	rfm_catalog_leave(&catalog);
	return buckets;
}

Datum
rfm_ruleset_own(const char *ruleset)
{
	return lock_own(ruleset, "FOR SHARE");
}

void
rfm_ruleset_buckets(const char *ruleset, int *buckets)
{
	RfmIdentity	catalog;

	rfm_catalog_enter(&catalog);
	read_ruleset(AXES, ruleset, "");
	for (int axis = 0; axis < RFM_AXES; axis++)
		buckets[axis] = DatumGetInt32(get_column(axis + 1));
	rfm_query_end();
	rfm_catalog_leave(&catalog);
}

/*
 * The foreign keys would refuse it too, but without naming the model.  The
 * name of another role's model is not revealed.
 */
static void
check_unused(const char *ruleset, Oid user)
{
	Oid			types[] = {TEXTOID, OIDOID};
	Datum		values[] = {CStringGetTextDatum(ruleset), ObjectIdGetDatum(user)};
	char	   *sql = psprintf("SELECT CASE WHEN pg_catalog.pg_has_role($2, owner, 'USAGE') THEN model END FROM %s"
							   " WHERE segment_rules OPERATOR(pg_catalog.=) $1 OR comment_rules OPERATOR(pg_catalog.=) $1"
							   " ORDER BY 1 LIMIT 1",
							   rfm_public_name("rfm_model"));

	if (rfm_query(sql, 2, types, values, false) > 0)
	{
		char	   *model = get_text(1);

		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop rule set \"%s\" because a model uses it", ruleset),
				 model ? errdetail("Model \"%s\" uses it.", model) : errdetail("A model of another role uses it."),
				 errhint("Give the model another rule set first, in rfm_model.segment_rules or comment_rules.")));
	}
	rfm_query_end();
}

void
rfm_ruleset_drop(const char *ruleset)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(ruleset);
	Oid			user = GetUserId();
	RfmIdentity	catalog;

	(void) lock_own(ruleset, "FOR UPDATE");
	rfm_catalog_enter(&catalog);
	check_unused(ruleset, user);
	rfm_execute(psprintf("DELETE FROM %s WHERE ruleset OPERATOR(pg_catalog.=) $1",
						 rfm_public_name("rfm_ruleset")),
				1, &type, &value, NULL, SPI_OK_DELETE);
	rfm_catalog_leave(&catalog);
}

void
rfm_rule_drop(const char *ruleset, int32 priority)
{
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(ruleset), Int32GetDatum(priority)};
	RfmIdentity	catalog;

	(void) rfm_ruleset_own(ruleset);
	rfm_catalog_enter(&catalog);
	if (rfm_execute(psprintf("DELETE FROM %s WHERE ruleset OPERATOR(pg_catalog.=) $1"
							 " AND priority OPERATOR(pg_catalog.=) $2",
							 rfm_public_name("rfm_segment_rule")),
					2, types, values, NULL, SPI_OK_DELETE) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("rule set \"%s\" has no rule with priority %d", ruleset, priority)));
	rfm_catalog_leave(&catalog);
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
	rfm_catalog_enter(&catalog);
	read_ruleset(AXES ", buckets", ruleset, "FOR KEY SHARE");
	for (int axis = 0; axis < RFM_AXES; axis++)
		fits = fits && DatumGetInt32(get_column(axis + 1)) == model->buckets[axis];
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule set \"%s\" does not fit the buckets of model \"%s\"", ruleset, model->name),
				 errdetail("The rule set is for buckets %s, the model has %s.",
						   get_text(RFM_AXES + 1), buckets_text(model)),
				 errhint("Use a rule set with these buckets (see rfm_ruleset), or null for none. To create one: INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('my_rules', '%s'); then insert its rules into rfm_segment_rule.",
						 buckets_text(model))));
	rfm_query_end();
	rfm_catalog_leave(&catalog);
}

void
rfm_ruleset_expect(const char *ruleset)
{
	Oid			types[] = {TEXTOID, OIDOID};
	Datum		values[] = {(Datum) 0, ObjectIdGetDatum(GetUserId())};
	RfmIdentity	catalog;
	bool		isnull;

	if (ruleset == NULL)
		return;
	values[0] = CStringGetTextDatum(ruleset);
	rfm_catalog_enter(&catalog);
	(void) rfm_query_value(psprintf("SELECT true FROM %s WHERE ruleset OPERATOR(pg_catalog.=) $1",
									rfm_public_name("rfm_ruleset")),
						   1, types, values, false, &isnull);
	if (isnull)
	{
		/*
		 * one table after the other, as locks in different orders could
		 * deadlock
		 */
		rfm_execute(psprintf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", rfm_public_name("rfm_ruleset")),
					0, NULL, NULL, NULL, SPI_OK_UTILITY);
		rfm_execute(psprintf("INSERT INTO %s (ruleset, owner, description) VALUES ($1, $2, 'not restored yet')"
							 " ON CONFLICT DO NOTHING", rfm_public_name("rfm_ruleset")),
					2, types, values, NULL, SPI_OK_INSERT);
	}
	rfm_catalog_leave(&catalog);
}

/*-------------------------------------------------------------------------
 *
 * signature.c
 *		How the functions that SQL calls must be declared.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "base/signature.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

static int
count_types(const Oid *type, int most)
{
	int			n = 0;

	while (n < most && OidIsValid(type[n]))
		n++;
	return n;
}

static bool
same_arguments(Form_pg_proc proc, const RfmSignature *signature)
{
	int			most = count_types(signature->arg, RFM_MAX_ARGS);

	if (proc->pronargs > most ||
		proc->pronargs < most - signature->optional ||
		OidIsValid(proc->provariadic))
		return false;
	for (int i = 0; i < proc->pronargs; i++)
		if (proc->proargtypes.values[i] != signature->arg[i])
			return false;
	return true;
}

/* The columns that this very call is to return. */
static bool
same_columns(FunctionCallInfo fcinfo, const RfmSignature *signature)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != count_types(signature->column, RFM_MAX_COLUMNS))
		return false;
	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->atttypid != signature->column[i] ||
			TupleDescAttr(desc, i)->attisdropped)
			return false;
	return true;
}

static void
append_types(StringInfo text, const Oid *type, int n)
{
	appendStringInfoChar(text, '(');
	for (int i = 0; i < n; i++)
		appendStringInfo(text, "%s%s", i > 0 ? ", " : "", format_type_be(type[i]));
	appendStringInfoChar(text, ')');
}

static char *
describe(const RfmSignature *signature, int nargs)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, signature->name);
	append_types(&text, signature->arg, nargs);
	if (signature->kind == PROKIND_PROCEDURE)
		return text.data;
	appendStringInfo(&text, " RETURNS %s", signature->set ? "SETOF " : "");
	if (OidIsValid(signature->result))
		appendStringInfoString(&text, format_type_be(signature->result));
	else
		append_types(&text, signature->column, count_types(signature->column, RFM_MAX_COLUMNS));
	if (signature->strict)
		appendStringInfoString(&text, " STRICT");
	return text.data;
}

void
rfm_signature_mismatch(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
			 errmsg("library and SQL objects of the extension rfm are of different versions"),
			 errdetail("%s", detail),
			 errhint("Install one version of rfm, run ALTER EXTENSION rfm UPDATE in this database, and start a new session.")));
}

void
rfm_signature_verify(FunctionCallInfo fcinfo, const RfmSignature *signature)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Form_pg_proc proc;
	bool		same;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	same = proc->prokind == signature->kind &&
		proc->proretset == signature->set &&
		(proc->proisstrict || !signature->strict) &&
		same_arguments(proc, signature) &&
		fcinfo->nargs >= proc->pronargs &&
		(OidIsValid(signature->result) ? proc->prorettype == signature->result :
		 same_columns(fcinfo, signature));
	ReleaseSysCache(tuple);
	if (!same)
		rfm_signature_mismatch(psprintf("The library, version %s, has %s; %s is declared otherwise.",
										RFM_VERSION,
										describe(signature, count_types(signature->arg, RFM_MAX_ARGS)),
										format_procedure(fcinfo->flinfo->fn_oid)));
}

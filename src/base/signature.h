/*-------------------------------------------------------------------------
 *
 * signature.h
 *		How the functions that SQL calls must be declared.
 *
 * A library and the SQL objects of a database can be of different versions:
 * one is replaced for the whole server at once, the others by ALTER EXTENSION
 * in each database.  A C function that is called with other arguments than it
 * reads would crash.  So every entry point states what it expects, and looks
 * up, once in a query, how it is declared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SIGNATURE_H
#define RFM_SIGNATURE_H

#include "catalog/pg_proc.h"
#include "fmgr.h"

#define RFM_MAX_ARGS 40
#define RFM_MAX_COLUMNS 20

typedef struct RfmSignature
{
	const char *name;			/* of the C function */
	char		kind;			/* as in pg_proc.prokind */
	bool		strict;			/* it reads arguments without asking for nulls */
	bool		set;			/* it returns a set */
	Oid			result;			/* InvalidOid: rows of these columns */
	int			optional;		/* so many of the last arguments may be missing */
	Oid			arg[RFM_MAX_ARGS];	/* up to the first InvalidOid */
	Oid			column[RFM_MAX_COLUMNS];	/* likewise */
} RfmSignature;

/*
 * rfm_signature_verify: an error unless the called function is declared so.  To
 * be called before any argument is looked at, at least once in a query.
 */
extern void rfm_signature_verify(FunctionCallInfo fcinfo, const RfmSignature *signature);

/*
 * rfm_signature_check: the same at any call, for functions that do not need
 * fn_extra: it leaves a mark there.
 */
static inline void
rfm_signature_check(FunctionCallInfo fcinfo, const RfmSignature *signature)
{
	if (unlikely(fcinfo->flinfo->fn_extra != (const void *) signature))
	{
		rfm_signature_verify(fcinfo, signature);
		fcinfo->flinfo->fn_extra = unconstify(RfmSignature *, signature);
	}
}

/*
 * rfm_signature_mismatch: the error for library and SQL objects that do not
 * belong together, given what the library misses or finds.
 */
pg_noreturn extern void rfm_signature_mismatch(const char *detail);

#endif							/* RFM_SIGNATURE_H */

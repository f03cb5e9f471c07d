/*-------------------------------------------------------------------------
 *
 * compat.h
 *		The one place that knows server versions.
 *
 * Wrappers take the signature of the newest server; nothing outside this
 * file tests PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_COMPAT_H
#define RFM_BASE_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "rfm requires PostgreSQL 15 or later"
#endif

#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "parser/analyze.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Version 16 exports only an extension's entry points.  On 15 the keyword for
 * that is empty, and marks only the function information.
 */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname) (void); \
const Pg_finfo_record * \
CppConcat(pg_finfo_, funcname) (void) \
{ \
	static const Pg_finfo_record my_finfo = {1}; \
	return &my_finfo; \
} \
extern int	no_such_variable
#endif

/*
 * Index entries for a row; summarizing: in indexes that sum up ranges of blocks
 * only, which 16 began to tell apart.  19 takes the choices as flags.
 */
#if PG_VERSION_NUM >= 190000
#define rfm_ExecInsertIndexTuples(rri, estate, update, summarizing, slot) \
	ExecInsertIndexTuples(rri, estate, \
						  ((update) ? EIIT_IS_UPDATE : 0) | \
						  ((summarizing) ? EIIT_ONLY_SUMMARIZING : 0), slot, NIL, NULL)
#elif PG_VERSION_NUM >= 160000
#define rfm_ExecInsertIndexTuples(rri, estate, update, summarizing, slot) \
	ExecInsertIndexTuples(rri, slot, estate, update, false, NULL, NIL, summarizing)
#else
#define rfm_ExecInsertIndexTuples(rri, estate, update, summarizing, slot) \
	ExecInsertIndexTuples(rri, slot, estate, update, false, NULL, NIL)
#endif

/* 16 has another name for a setting, and one function each for rights and owners of any object */
#if PG_VERSION_NUM >= 160000
#define RFM_DEBUG_PARALLEL_QUERY "debug_parallel_query"
#define rfm_schema_aclcheck(nsp, role, mode) \
	object_aclcheck(NamespaceRelationId, nsp, role, mode)
#define rfm_extension_ownercheck(extension, role) \
	object_ownercheck(ExtensionRelationId, extension, role)
#else
#define RFM_DEBUG_PARALLEL_QUERY "force_parallel_mode"
#define rfm_schema_aclcheck(nsp, role, mode) \
	pg_namespace_aclcheck(nsp, role, mode)
#define rfm_extension_ownercheck(extension, role) \
	pg_extension_ownercheck(extension, role)
#endif

/*
 * Replaces the row at tid by the one in slot, in the indexes of rri, too.
 * ERROR: another transaction has changed the row.
 */
extern void rfm_table_update(ResultRelInfo *rri, ItemPointer tid,
							 TupleTableSlot *slot, EState *estate);

/*
 * The sum of two numerics. *overflow is set if it overflows; the result is
 * then undefined.
 */
extern Numeric rfm_numeric_add(Numeric a, Numeric b, bool *overflow);

/* 18 has an argument for deferrable indexes */
#if PG_VERSION_NUM >= 180000
#define rfm_RelationGetPrimaryKeyIndex(rel) RelationGetPrimaryKeyIndex(rel, false)
#else
#define rfm_RelationGetPrimaryKeyIndex(rel) RelationGetPrimaryKeyIndex(rel)
#endif

/*
 * 19 also tells whether a constraint is volatile, passes the jumble state of the
 * hook as const, requires a call when a tuple descriptor is complete, and has a
 * macro for falling through a case, instead of a comment.
 */
#if PG_VERSION_NUM >= 190000
#define rfm_DomainHasConstraints(type) DomainHasConstraints(type, NULL)
typedef const JumbleState RfmJumbleState;
#else
#define rfm_DomainHasConstraints(type) DomainHasConstraints(type)
typedef JumbleState RfmJumbleState;
#define TupleDescFinalize(desc) ((void) 0)
#define pg_fallthrough __attribute__((fallthrough))
#endif

/* from 18 on it precedes the declaration, under this name */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 18 names the module in its magic block */
#if PG_VERSION_NUM >= 180000
#define RFM_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "rfm", .version = RFM_VERSION)
#else
#define RFM_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* ARR_DATA_PTR(), which takes signed for unsigned numbers */
static inline void *
rfm_array_data(ArrayType *array)
{
	Size		offset = ARR_HASNULL(array) ? (Size) array->dataoffset :
		(Size) ARR_OVERHEAD_NONULLS(ARR_NDIM(array));

	return (char *) array + offset;
}

#endif							/* RFM_BASE_COMPAT_H */

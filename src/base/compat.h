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
#ifndef RFM_COMPAT_H
#define RFM_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 140000
#error "rfm requires PostgreSQL 14 or later"
#endif

#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "storage/buffile.h"
#include "utils/guc.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 15 reserves the prefix, 14 only warns about unknown names in it */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 16 gave it another name */
#if PG_VERSION_NUM >= 160000
#define RFM_DEBUG_PARALLEL_QUERY "debug_parallel_query"
#else
#define RFM_DEBUG_PARALLEL_QUERY "force_parallel_mode"
#endif

/* 16 tells whether only summarizing indexes want the new version */
#if PG_VERSION_NUM >= 160000
#define rfm_ExecInsertIndexTuples(rri, slot, estate) \
	ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL, false)
#else
#define rfm_ExecInsertIndexTuples(rri, slot, estate) \
	ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL)
#endif

/* 14 began to start the next transaction by itself in a minor release */
#define rfm_SPI_commit() (SPI_commit(), SPI_start_transaction())
/* 16 has one function for the rights on any kind of object */
#if PG_VERSION_NUM >= 160000
#define rfm_schema_aclcheck(nsp, role, mode) \
	object_aclcheck(NamespaceRelationId, nsp, role, mode)
#else
#define rfm_schema_aclcheck(nsp, role, mode) \
	pg_namespace_aclcheck(nsp, role, mode)
#endif

/* 15 describes all publications of a table at once */
extern bool rfm_inserts_are_published(Relation rel);

/* and likewise for owners */
#if PG_VERSION_NUM >= 160000
#define rfm_extension_ownercheck(extension, role) \
	object_ownercheck(ExtensionRelationId, extension, role)
#else
#define rfm_extension_ownercheck(extension, role) \
	pg_extension_ownercheck(extension, role)
#endif

/* 16 tells which indexes want the new version of a row */
extern void rfm_table_update(ResultRelInfo *rri, ItemPointer tid,
							 TupleTableSlot *slot, EState *estate);

/* 18 writes it in front of the declaration, and under this name */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 18 names the module in its magic block */
#if PG_VERSION_NUM >= 180000
#define RFM_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "rfm", .version = RFM_VERSION)
#else
#define RFM_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* 16 reads all or raises an error */
#if PG_VERSION_NUM >= 160000
#define rfm_BufFileReadExact BufFileReadExact
#else
extern void rfm_BufFileReadExact(BufFile *file, void *data, size_t size);
#endif
/*
 * Shared memory is asked for in a hook since 15, and in _PG_init before, when
 * the server does not know its own sum of processes yet.
 */
extern void rfm_request_shmem(Size (*size) (void));
extern int	rfm_max_backends(void);

/* 15 gained InitMaterializedSRF, under another name in its first releases */
extern void rfm_init_materialized_srf(FunctionCallInfo fcinfo);

#endif							/* RFM_COMPAT_H */

/*-------------------------------------------------------------------------
 *
 * files.h
 *		Temporary files that the processes of one query write for their leader.
 *
 * A file is a run of customers (spill.h).  All runs of a query lie in one set of
 * PostgreSQL's shared files, which lasts as long as a table that needs it.  A
 * worker finds the set by a setting, as it finds all others.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_FILES_H
#define RFM_COLLECT_FILES_H

#include "collect/types.h"
#include "storage/buffile.h"

/*
 * rfm_files_share: Create a set of files, and pass it to the workers of the
 * next query by a setting that lasts until the end of the current nesting
 * level.
 */
extern void rfm_files_share(void);

/* rfm_files_unshare: After the query: end the set, unless a table holds it. */
extern void rfm_files_unshare(void);

/* rfm_files_hold: Keep the set until a memory context, a table's, is reset. */
extern void rfm_files_hold(MemoryContext mcxt);

/*
 * rfm_file_create: Create the file of a new run, in the set that was shared, else
 * in a new one of this process.  Raises PROGRAM_LIMIT_EXCEEDED in a worker to
 * which no set was shared.
 */
extern BufFile *rfm_file_create(RfmRun *run);

/* rfm_file_open: Open the file of a run for reading. */
extern BufFile *rfm_file_open(const RfmRun *run);

/* rfm_file_delete: Delete the file of a run, which is closed. */
extern void rfm_file_delete(const RfmRun *run);

#endif							/* RFM_COLLECT_FILES_H */

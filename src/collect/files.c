/*-------------------------------------------------------------------------
 *
 * files.c
 *		Temporary files that the processes of one query write for their leader.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <fcntl.h>

#include "access/parallel.h"
#include "base/settings.h"
#include "collect/files.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/sharedfileset.h"

/* Long enough for two numbers. */
#define FILE_NAME_SIZE	32

static dsm_segment *segment = NULL; /* NULL: no set in this process */
static int	holders = 0;		/* tables that need it */
static uint32 last_run = 0;

/* The set ends, by our hand, or by that of its resource owner after an error. */
static void
forget_segment(dsm_segment *seg, Datum arg)
{
	segment = NULL;
	holders = 0;
}

static void
create_set(void)
{
	dsm_segment *seg = dsm_create(sizeof(SharedFileSet), 0);

	SharedFileSetInit(dsm_segment_address(seg), seg);
	on_dsm_detach(seg, forget_segment, (Datum) 0);
	segment = seg;
}

static void
attach_to_set(void)
{
	dsm_segment *seg;

	if (rfm_shared_files == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the customers seen by one parallel worker exceed rfm.work_mem")));
	seg = dsm_attach((dsm_handle) rfm_shared_files);
	if (seg == NULL)
		elog(ERROR, "could not find the temporary files of the query");
	/* a worker needs it only once, and ends soon */
	dsm_pin_mapping(seg);
	SharedFileSetAttach(dsm_segment_address(seg), seg);
	on_dsm_detach(seg, forget_segment, (Datum) 0);
	segment = seg;
}

static FileSet *
file_set(void)
{
	if (segment == NULL && IsParallelWorker())
		attach_to_set();
	else if (segment == NULL)
		create_set();
	return &((SharedFileSet *) dsm_segment_address(segment))->fs;
}

void
rfm_files_share(void)
{
	if (segment)
		dsm_detach(segment);
	create_set();
	rfm_set_local(RFM_SHARED_FILES_SETTING, psprintf("%d", (int) dsm_segment_handle(segment)));
}

void
rfm_files_unshare(void)
{
	if (segment && holders == 0)
		dsm_detach(segment);
}

/* A table that holds the set of a segment is freed. */
static void
release_set(void *arg)
{
	if (segment && dsm_segment_handle(segment) == *(dsm_handle *) arg && --holders == 0)
		dsm_detach(segment);
}

void
rfm_files_hold(MemoryContext mcxt)
{
	MemoryContextCallback *callback = MemoryContextAlloc(mcxt, sizeof(MemoryContextCallback));
	dsm_handle *handle = MemoryContextAlloc(mcxt, sizeof(dsm_handle));

	(void) file_set();
	*handle = dsm_segment_handle(segment);
	callback->func = release_set;
	callback->arg = handle;
	MemoryContextRegisterResetCallback(mcxt, callback);
	holders++;
}

static void
file_name(const RfmRun *run, char *name)
{
	snprintf(name, FILE_NAME_SIZE, "%d.%u", run->process, run->number);
}

BufFile *
rfm_file_create(RfmRun *run)
{
	char		name[FILE_NAME_SIZE];

	run->process = MyProcPid;
	run->number = ++last_run;
	file_name(run, name);
	return BufFileCreateFileSet(file_set(), name);
}

BufFile *
rfm_file_open(const RfmRun *run)
{
	char		name[FILE_NAME_SIZE];

	file_name(run, name);
	return BufFileOpenFileSet(file_set(), name, O_RDONLY, false);
}

void
rfm_file_delete(const RfmRun *run)
{
	char		name[FILE_NAME_SIZE];

	file_name(run, name);
	BufFileDeleteFileSet(file_set(), name, true);
}

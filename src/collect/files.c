/*-------------------------------------------------------------------------
 *
 * files.c
 *		Temporary files that the processes of one query write for their leader.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include <fcntl.h>
#include <limits.h>

#include "access/parallel.h"
#include "collect/files.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/sharedfileset.h"
#include "utils/guc.h"

/* Long enough for two numbers. */
#define FILE_NAME_SIZE	32

/*
 * The setting: the handle of the segment that contains the set, 0: none.  Only
 * superusers may set it, so that no role can access the files of another
 * session.
 */
static int	shared_handle = 0;

static dsm_segment *segment = NULL; /* NULL: no set in this process */
static int	holders = 0;		/* tables that need it */
static uint32 last_run = 0;

void
rfm_files_init(void)
{
	DefineCustomIntVariable("rfm.shared_files",
							"Tells parallel workers where to write temporary files.",
							NULL,
							&shared_handle,
							0, INT_MIN, INT_MAX,
							PGC_SUSET,
							GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							NULL, NULL, NULL);
}

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

	if (shared_handle == 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the customers seen by one parallel worker exceed rfm.work_mem")));
	seg = dsm_attach((dsm_handle) shared_handle);
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
	char		handle[FILE_NAME_SIZE];

	if (segment)
		dsm_detach(segment);
	create_set();
	snprintf(handle, sizeof(handle), "%d", (int) dsm_segment_handle(segment));
	(void) set_config_option("rfm.shared_files", handle, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
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

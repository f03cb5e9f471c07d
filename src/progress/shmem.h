/*-------------------------------------------------------------------------
 *
 * shmem.h
 *		What each backend computes at the moment, where others can see it.
 *
 * One slot a backend, in shared memory that exists only where the library is
 * in shared_preload_libraries.  A backend writes its own slot; its parallel
 * workers add to the count in it; everyone reads.  No call here waits or
 * raises an error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_PROGRESS_SHMEM_H
#define RFM_PROGRESS_SHMEM_H

#include "datatype/timestamp.h"
#include "utils/date.h"

typedef enum RfmPhase
{
	RFM_PHASE_WAIT = -1,		/* for another refresh of the model */
	RFM_PHASE_READ,				/* the query over the orders */
	RFM_PHASE_SORT,				/* flat arrays in key order */
	RFM_PHASE_SCORE,			/* cut points and scores */
	RFM_PHASE_WRITE,			/* comparing and writing */
	RFM_PHASE_DONE
} RfmPhase;

#define RFM_PHASES RFM_PHASE_DONE

/* So much of a model's name is shown. */
#define RFM_SLOT_MODEL_SIZE 168

typedef struct RfmSlot
{
	int			pid;
	Oid			database;
	Oid			run_by;			/* who asked for it */
	Oid			owner;			/* of the model; InvalidOid: not known yet */
	bool		preview;
	bool		has_date;		/* run_date is known */
	DateADT		run_date;
	RfmPhase	phase;
	TimestampTz started;
	TimestampTz phase_started;
	int64		total;			/* orders or customers of the phase; 0: not known */
	int64		done;
	char		model[RFM_SLOT_MODEL_SIZE];
} RfmSlot;

/* rfm_slots_request: asks for the memory; to be called by _PG_init. */
extern void rfm_slots_request(void);

/* rfm_slots_count: how many slots there are; 0: the library is not preloaded. */
extern int	rfm_slots_count(void);

/* rfm_slot_write: the whole of this backend's slot becomes this. */
extern void rfm_slot_write(const RfmSlot *slot);

/* rfm_slot_clear: this backend has nothing to show any more. */
extern void rfm_slot_clear(void);

/*
 * rfm_slot_add: adds to what is done in this backend's slot; returns the new
 * count.
 */
extern int64 rfm_slot_add(int64 n);

/*
 * rfm_slot_add_for_leader: the same from a parallel worker, to the slot of
 * its leader, which counts while orders are read.
 */
extern void rfm_slot_add_for_leader(int64 n);

/* rfm_slot_read: a consistent copy of slot number i; false where it is free. */
extern bool rfm_slot_read(int i, RfmSlot *slot);

#endif							/* RFM_PROGRESS_SHMEM_H */

/*-------------------------------------------------------------------------
 *
 * shmem.h
 *		The refresh that each backend computes, in shared memory.
 *
 * One slot per backend, in shared memory that exists only where the library is
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

/* Bytes of a model's name that are shown. */
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

/* rfm_slots_request: ask for the memory; to be called by _PG_init. */
extern void rfm_slots_request(void);

/* rfm_slots_count: return the number of slots; 0: the library is not preloaded. */
extern int	rfm_slots_count(void);

/* rfm_slot_write: set this backend's slot as a whole. */
extern void rfm_slot_write(const RfmSlot *slot);

/* rfm_slot_clear: empty this backend's slot. */
extern void rfm_slot_clear(void);

/*
 * rfm_slot_add: add to what is done in this backend's slot, and return the new
 * count.
 */
extern int64 rfm_slot_add(int64 n);

/*
 * rfm_slot_add_for_leader: do the same in the slot of a parallel worker's
 * leader; only while orders are read.
 */
extern void rfm_slot_add_for_leader(int64 n);

/* rfm_slot_read: copy slot number i, consistently; returns false if it is free. */
extern bool rfm_slot_read(int i, RfmSlot *slot);

#endif							/* RFM_PROGRESS_SHMEM_H */

/*-------------------------------------------------------------------------
 *
 * progress.h
 *		The phases of a refresh, their duration and progress.
 *
 * Takes the progress that other rooms report, and shows it to other sessions
 * through the backend's slot (shmem.h), and to the caller with NOTICE
 * messages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_PROGRESS_PROGRESS_H
#define RFM_PROGRESS_PROGRESS_H

#include "portability/instr_time.h"
#include "progress/shmem.h"

typedef struct RfmProgress
{
	RfmPhase	phase;
	instr_time	since;			/* when the phase began */
	double		millisec[RFM_PHASES];
} RfmProgress;

/*
 * rfm_progress_announce: begin to show a refresh, or a preview, of this model
 * that is about to wait for its turn, until the transaction ends. run_date is
 * NULL if it is not known yet.  A refresh within another, from a trigger of
 * its target, is not shown.
 */
extern void rfm_progress_announce(const char *model, const DateADT *run_date,
								  bool preview);

/* rfm_progress_start: begin the first phase. */
extern void rfm_progress_start(RfmProgress *progress);

/* rfm_progress_date: set the date under way, and the owner of the model. */
extern void rfm_progress_date(DateADT run_date, Oid owner);

/*
 * rfm_progress_expect: set how many orders or customers the phase has to do,
 * unless that is known already.
 */
extern void rfm_progress_expect(double total);

/*
 * rfm_progress_rows: count n more orders as read, by the backend of the refresh
 * or by a parallel worker.  Cheap enough for each batch.
 */
extern void rfm_progress_rows(int64 n);

/* rfm_progress_done: count n more customers as done in this phase. */
extern void rfm_progress_done(int64 n);

/*
 * rfm_progress_next: end the phase under way and begin the next.  detail says
 * what the ended phase has found, for the NOTICE line.
 */
extern void rfm_progress_next(RfmProgress *progress, const char *detail);

/* rfm_progress_end: stop showing the refresh. */
extern void rfm_progress_end(void);

/* rfm_progress_json: return the milliseconds by phase as JSON text, palloc'd. */
extern char *rfm_progress_json(const RfmProgress *progress);

#endif							/* RFM_PROGRESS_PROGRESS_H */

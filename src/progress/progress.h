/*-------------------------------------------------------------------------
 *
 * progress.h
 *		The phases of a refresh: how long each took, and where it stands.
 *
 * Takes what the other rooms say they have done, and shows it: to everyone
 * through the backend's slot (shmem.h), to the caller by NOTICE.
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

/* The setting rfm.progress: NOTICE lines while a refresh works. */
extern bool rfm_show_progress;

/*
 * rfm_progress_announce: a refresh, or a preview, of this model is about to
 * wait for its turn; run_date is NULL where it is not known yet.  It is shown
 * until the transaction ends.  One that comes up within another, from a
 * trigger of its target, is not shown.
 */
extern void rfm_progress_announce(const char *model, const DateADT *run_date,
								  bool preview);

/* rfm_progress_start: the first phase begins now. */
extern void rfm_progress_start(RfmProgress *progress);

/* rfm_progress_date: the date under way, of a model of this owner. */
extern void rfm_progress_date(DateADT run_date, Oid owner);

/*
 * rfm_progress_wanted: does anyone see how far the phase has come?  What only
 * serves that can be left out where not.
 */
extern bool rfm_progress_wanted(void);

/*
 * rfm_progress_expect: how many orders or customers the phase has to do, where
 * that is not yet known.
 */
extern void rfm_progress_expect(double total);

/*
 * rfm_progress_rows: so many more orders are read, by the backend of the
 * refresh or by a parallel worker.  Cheap enough for each batch.
 */
extern void rfm_progress_rows(int64 n);

/* rfm_progress_done: so many more customers are done with in this phase. */
extern void rfm_progress_done(int64 n);

/*
 * rfm_progress_next: the phase under way ends and the next begins; detail
 * says what the ended phase found, for the NOTICE line.
 */
extern void rfm_progress_next(RfmProgress *progress, const char *detail,...) pg_attribute_printf(2, 3);

/* rfm_progress_end: there is nothing to show any more. */
extern void rfm_progress_end(void);

/* rfm_progress_json: milliseconds by phase, as JSON text. */
extern char *rfm_progress_json(const RfmProgress *progress);

#endif							/* RFM_PROGRESS_PROGRESS_H */

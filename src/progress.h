/*-------------------------------------------------------------------------
 *
 * progress.h
 *		The phases of a refresh: how long each took, and where it stands.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_PROGRESS_H
#define RFM_PROGRESS_H

#include "portability/instr_time.h"

typedef enum RfmPhase
{
	RFM_PHASE_READ,				/* the query over the orders */
	RFM_PHASE_SORT,				/* flat arrays in key order */
	RFM_PHASE_SCORE,			/* cut points and scores */
	RFM_PHASE_WRITE,			/* comparing and writing */
	RFM_PHASE_DONE
} RfmPhase;

#define RFM_PHASES RFM_PHASE_DONE

typedef struct RfmProgress
{
	RfmPhase	phase;
	instr_time	since;			/* when the phase began */
	double		millisec[RFM_PHASES];
} RfmProgress;

/* The setting rfm.progress: NOTICE lines while a refresh works. */
extern bool rfm_show_progress;

/* rfm_progress_start: the first phase begins now. */
extern void rfm_progress_start(RfmProgress *progress);

/*
 * rfm_progress_next: the phase under way ends and the next begins; detail
 * says what the ended phase found, for the NOTICE line.
 */
extern void rfm_progress_next(RfmProgress *progress, const char *detail,...) pg_attribute_printf(2, 3);

/* rfm_progress_json: milliseconds by phase, as JSON text. */
extern char *rfm_progress_json(const RfmProgress *progress);

#endif							/* RFM_PROGRESS_H */

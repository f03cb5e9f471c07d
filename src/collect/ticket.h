/*-------------------------------------------------------------------------
 *
 * ticket.h
 *		Tickets: numbers with which collectors that an aggregate has filled are claimed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_COLLECT_TICKET_H
#define RFM_COLLECT_TICKET_H

#include "collect/types.h"

/*
 * rfm_ticket_issue: Return a number, above 0, under which a collector can be
 * claimed, once, in this backend and while its memory lasts.
 */
extern int64 rfm_ticket_issue(RfmCollector *c);

/*
 * rfm_ticket_claim: Return the collector behind a ticket, moved into mcxt.
 * Raises DATA_CORRUPTED for a ticket that was claimed, or never issued in this
 * backend.
 */
extern RfmCollector *rfm_ticket_claim(int64 number, MemoryContext mcxt);

#endif							/* RFM_COLLECT_TICKET_H */

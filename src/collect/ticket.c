/*-------------------------------------------------------------------------
 *
 * ticket.c
 *		Tickets: numbers with which collectors that an aggregate has filled are claimed.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "collect/ticket.h"
#include "lib/ilist.h"

typedef struct Ticket
{
	dlist_node	node;
	int64		number;
	RfmCollector *collector;	/* NULL: claimed */
	MemoryContextCallback callback;
} Ticket;

static dlist_head tickets = DLIST_STATIC_INIT(tickets);
static int64 last_ticket = 0;

/* Forget the ticket of a collector whose memory is freed. */
static void
forget_ticket(void *arg)
{
	dlist_delete(&((Ticket *) arg)->node);
}

int64
rfm_ticket_issue(RfmCollector *c)
{
	Ticket	   *ticket = MemoryContextAlloc(c->mcxt, sizeof(Ticket));

	ticket->number = ++last_ticket;
	ticket->collector = c;
	ticket->callback.func = forget_ticket;
	ticket->callback.arg = ticket;
	dlist_push_head(&tickets, &ticket->node);
	MemoryContextRegisterResetCallback(c->mcxt, &ticket->callback);
	return ticket->number;
}

RfmCollector *
rfm_ticket_claim(int64 number, MemoryContext mcxt)
{
	dlist_iter	iter;

	dlist_foreach(iter, &tickets)
	{
		Ticket	   *ticket = dlist_container(Ticket, node, iter.cur);
		RfmCollector *c = ticket->collector;

		if (ticket->number != number || c == NULL)
			continue;
		ticket->collector = NULL;
		MemoryContextSetParent(c->mcxt, mcxt);
		return c;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg_internal("no collector has ticket " INT64_FORMAT, number)));
}

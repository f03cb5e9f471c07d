/*-------------------------------------------------------------------------
 *
 * visits.c
 *		The days on which customers ordered.
 *
 *-------------------------------------------------------------------------
 */
#include "base/compat.h"

#include "read/query.h"
#include "read/visits.h"
#include "utils/memutils.h"

/* Where customers go who have had a visit. */
typedef struct Visitors
{
	RfmVisitorSink sink;
	void	   *arg;
} Visitors;

/* Whoever never had a visit, but a refund, say, is no customer. */
static void
give_visitor(void *arg, const RfmVisitor *visitor)
{
	const Visitors *visitors = (const Visitors *) arg;

	if (visitor->visits > 0)
		visitors->sink(visitors->arg, visitor);
}

void
rfm_visits_read(const RfmSource *source, DateADT first, DateADT run_date, bool in_key_order,
				RfmVisitorSink sink, void *arg)
{
	Visitors	visitors = {sink, arg};
	MemoryContext mcxt = AllocSetContextCreate(CurrentMemoryContext, "rfm visits", ALLOCSET_DEFAULT_SIZES);
	RfmCollector *c = rfm_source_read_visits(source, first, run_date, mcxt);

	if (c && DATE_NOT_FINITE(first))
		rfm_visit_walk(c, in_key_order, give_visitor, &visitors);
	else if (c)
		rfm_visit_walk(c, in_key_order, sink, arg);
	MemoryContextDelete(mcxt);
}

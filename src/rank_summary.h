/*-------------------------------------------------------------------------
 *
 * rank_summary.h
 *		What a shard answers: how its customers lie on the three axes.
 *
 * Takes a request and the customers of a shard, and gives a summary of
 * bounded size that is merged with those of other shards.  Of every segment
 * it has the exact number of customers and the lowest and the highest key; of
 * those that are kept, also items: each says how many customers lie between
 * two keys, both of which occur.  An item of one key is exact.  While they
 * are few, all items are; where they would take too much, neighbours become
 * one.  So a summary never guesses: from it follows between which two keys an
 * order statistic lies, and, once these are one, which it is.
 *
 * As state of an aggregate it is an expanded object; its stored form is text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RANK_SUMMARY_H
#define RFM_RANK_SUMMARY_H

#include "numeric_form.h"
#include "rank_request.h"
#include "utils/expandeddatum.h"

typedef struct RfmRankItem
{
	RfmRankKey	low;
	RfmRankKey	high;			/* unless it is a point */
	int64		count;
	bool		point;			/* all at low */
} RfmRankItem;

typedef struct RfmRankSegment
{
	int64		count;
	RfmRankKey	lowest;			/* meaningless without customers */
	RfmRankKey	highest;
	RfmRankItem *item;
	int64		nitems;
	int64		space;
	int64		bytes;			/* what the items take as text, about */
	RfmRankItem **by_high;		/* the items by their high key; NULL: not yet */
} RfmRankSegment;

typedef struct RfmRankSummary
{
	ExpandedObjectHeader eoh;
	RfmRankRequest *request;
	char	   *request_text;
	bool		combined;		/* of several: may be larger */
	int64		customers;		/* without those left out */
	int64		orders;			/* of those left out, too */
	uint64		checksum;		/* of all customers and their numbers */
	bool		wide;			/* some money is no scaled int64 */
	int			scale;			/* the largest of any money */
	int64		reach[RFM_MAX_SCALE + 1];	/* largest magnitude at each scale */
	RfmRankSegment *segment[RFM_AXES];	/* nbounds + 1 each */
	char	   *flat;			/* the stored form, while it is asked for */
	Size		flat_size;
} RfmRankSummary;

/* One customer's numbers. */
typedef struct RfmRankRow
{
	int64		recency_days;
	int64		frequency;
	Numeric		money;			/* exact */
	double		real;			/* else */
	Datum		customer;		/* a key of the request's type */
	int64		orders;
	bool		included;		/* not left out by monetary_above */
} RfmRankRow;

/* rfm_rank_summary_new: an empty one, in a context of its own below parent. */
extern RfmRankSummary *rfm_rank_summary_new(const char *request, MemoryContext parent);

/* rfm_rank_summary_add: one more customer. */
extern void rfm_rank_summary_add(RfmRankSummary *summary, const RfmRankRow *row);

/*
 * rfm_rank_summary_merge: adds another summary, which stays as it is.  Raises
 * INVALID_PARAMETER_VALUE where they answer different requests.
 */
extern void rfm_rank_summary_merge(RfmRankSummary *summary, const RfmRankSummary *other);

/* rfm_rank_summary_parse: from its stored form, below parent. */
extern RfmRankSummary *rfm_rank_summary_parse(const char *string, int64 length,
											  MemoryContext parent);

/* rfm_rank_summary_get: the argument of a function, below parent unless it is expanded. */
extern RfmRankSummary *rfm_rank_summary_get(Datum value, MemoryContext parent);

/* rfm_rank_summary_scale: the scale at which all money is an int64, or -1. */
extern int	rfm_rank_summary_scale(const RfmRankSummary *summary);

/*
 * An order statistic that is looked for.
 */
typedef struct RfmRankWanted
{
	int64		rank;			/* from 0 */
	bool		found;
	RfmRankKey	key;			/* lives as the summary that it was found in */
} RfmRankWanted;

/*
 * rfm_rank_search: finds what can be found of the wanted ranks, in ascending
 * order, of one axis; for the others it makes next, which is empty before,
 * the axis of the request that looks closer.  False where the summary cannot
 * hold such a rank: what was counted has changed since the request was made.
 */
extern bool rfm_rank_search(RfmRankSummary *summary, RfmAxis axis,
							RfmRankWanted *wanted, int nwanted, RfmRankAxis *next);

#endif							/* RFM_RANK_SUMMARY_H */

/*-------------------------------------------------------------------------
 *
 * rank_request.h
 *		What is asked of every shard: where on each axis customers are counted.
 *
 * The customers of an axis are ordered as the method orders them: by the
 * code of their value (customers.h), and, where equal values are told apart,
 * by customer after that.  Bounds divide that order into segments.  A shard
 * counts the customers in each segment, and summarizes those in which an
 * order statistic is still looked for.  The cut points of the scores are
 * bounds, too: a customer's score is the number of its segment.
 *
 * A request travels as text, in which types go by their names: OIDs differ
 * between servers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RANK_REQUEST_H
#define RFM_RANK_REQUEST_H

#include "key.h"
#include "model.h"
#include "money.h"

/* A place in the order of one axis. */
typedef struct RfmRankKey
{
	int64		code;			/* exact money: not less where the value is not less */
	Numeric		money;			/* exact money only: decides where codes are equal */
	Datum		customer;		/* only where equal values are told apart */
} RfmRankKey;

/* A place between the keys. */
typedef struct RfmRankBound
{
	RfmRankKey	key;
	bool		by_customer;	/* at this customer; else at all of the value */
	bool		after;			/* right after it; else right before it */
} RfmRankBound;

#define RFM_MAX_BOUNDS 64

typedef struct RfmRankAxis
{
	int			nbounds;		/* ascending; they may repeat */
	RfmRankBound bound[RFM_MAX_BOUNDS];
	bool		keep[RFM_MAX_BOUNDS + 1];	/* segments to be summarized */
} RfmRankAxis;

typedef struct RfmRankRequest
{
	bool		real;			/* money is double precision; else exact */
	bool		by_customer;	/* equal values are told apart */
	int64		size;			/* bytes that the summary of an axis may take */
	RfmKeyType	customer_type;
	SortSupportData customer_order;
	FmgrInfo	customer_input;
	FmgrInfo	customer_output;
	Oid			customer_ioparam;
	RfmRankAxis axis[RFM_AXES];
} RfmRankRequest;

/*
 * rfm_rank_request_init: a request without bounds.  Everything lives in the
 * current context.
 */
extern void rfm_rank_request_init(RfmRankRequest *request,
								  const RfmKeyType *customer_type,
								  bool real, bool by_customer, int64 size);

/*
 * rfm_rank_request_text, rfm_rank_request_parse: to and from text.  Raises
 * INVALID_TEXT_REPRESENTATION.
 */
extern char *rfm_rank_request_text(RfmRankRequest *request);
extern RfmRankRequest *rfm_rank_request_parse(const char *text);

/* rfm_neutral_out: the text of a value, whatever the session's settings are. */
extern char *rfm_neutral_out(FmgrInfo *output, Datum value);

/* rfm_collation_name: qualified and quoted. */
extern char *rfm_collation_name(Oid collation);

/* rfm_rank_exact: does the axis compare numerics? */
static inline bool
rfm_rank_exact(const RfmRankRequest *request, RfmAxis axis)
{
	return axis == RFM_MONETARY && !request->real;
}

/* rfm_rank_money: the key of an exact value, which it points to. */
extern RfmRankKey rfm_rank_money(Numeric value);

/* rfm_rank_customer: a customer from its text, in the current context. */
extern Datum rfm_rank_customer(RfmRankRequest *request, char *text);

/* rfm_rank_cmp: the order of an axis, with or without the customers. */
extern int	rfm_rank_cmp(RfmRankRequest *request, const RfmRankKey *a,
						 const RfmRankKey *b, bool by_customer);

/* rfm_rank_segment: the segment that a key is in, from 0. */
extern int	rfm_rank_segment(RfmRankRequest *request, RfmAxis axis,
							 const RfmRankKey *key);

/*
 * Text that both requests and summaries are written in: integers followed by
 * a blank, strings by their length, ":", themselves and a blank.
 */
typedef struct RfmRankText
{
	const char *at;
	const char *end;
} RfmRankText;

extern void rfm_rank_put_string(StringInfo text, const char *string);
extern int64 rfm_rank_get_int(RfmRankText *text, int64 lowest, int64 highest);
extern char *rfm_rank_get_string(RfmRankText *text);
pg_noreturn extern void rfm_rank_malformed(void);

/* A key as text; exact says that it holds a numeric. */
extern void rfm_rank_put_key(StringInfo text, RfmRankRequest *request,
							 bool exact, bool by_customer, const RfmRankKey *key);
extern void rfm_rank_get_key(RfmRankText *text, RfmRankRequest *request,
							 bool exact, bool by_customer, RfmRankKey *key);

#endif							/* RFM_RANK_REQUEST_H */

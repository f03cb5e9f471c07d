/*-------------------------------------------------------------------------
 *
 * model.h
 *		Models: what to score, how, and where the scores go.
 *
 * Takes a row of rfm_model and returns it as a struct, without looking up the
 * objects that it names.  Every refresh looks up its model's relations,
 * columns and types again, so that renamed tables keep working and changed
 * ones are noticed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_MODEL_MODEL_H
#define RFM_MODEL_MODEL_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "value/cut.h"

#define RFM_DEFAULT_MODEL "default"

/* The axes, in the order of their scores everywhere. */
typedef enum RfmAxis
{
	RFM_RECENCY,
	RFM_FREQUENCY,
	RFM_MONETARY
} RfmAxis;

#define RFM_AXES 3

/* What a refresh makes partitions of the target for. */
typedef enum RfmPeriod
{
	RFM_PERIOD_NONE,			/* it makes none */
	RFM_PERIOD_MONTH,
	RFM_PERIOD_DAY
} RfmPeriod;

/* The run date of a refresh without a date. */
typedef enum RfmAsOf
{
	RFM_AS_OF_TODAY,
	RFM_AS_OF_YESTERDAY,
	RFM_AS_OF_LATEST_ORDER		/* its date, of those up to today */
} RfmAsOf;

/* A row of rfm_model.  Strings and arrays live in the model's context. */
typedef struct RfmModel
{
	int64		id;				/* 0: not stored, or not yet */
	char	   *name;
	Oid			owner;
	Oid			source;
	Oid			target;			/* InvalidOid while there is none yet */
	char	   *customer;
	char	   *ordered_at;
	char	   *amount;
	char	   *order_id;		/* NULL: an order is a row */
	char	   *order_count;	/* NULL: every row is one, or part of one */
	bool		average;		/* the monetary value: the sum divided by the orders */
	char	   *filter;			/* NULL: every row */
	char	   *score_within;	/* NULL: all customers together */
	RfmMethod	method[RFM_AXES];
	int			buckets[RFM_AXES];
	Numeric		breaks[RFM_AXES][RFM_MAX_CUTS]; /* RFM_BREAKS, RFM_PERCENTILE */
	RfmFraction fraction[RFM_AXES][RFM_MAX_CUTS];	/* RFM_PERCENTILE: the same */
	Interval   *lookback;		/* NULL: all orders */
	char	   *time_zone;		/* as a value of the setting TimeZone */
	RfmAsOf		as_of;
	const char *cadence;		/* day, week or month */
	Interval   *restate;		/* NULL: snapshots stay as they are */
	Numeric		monetary_above; /* NULL: every customer */
	char	   *segment_rules;	/* NULL: none */
	char	   *comment_rules;	/* NULL: none */
	Jsonb	   *target_columns; /* NULL: the names are as they are here */
	bool		keep_stale;
	int			weights[RFM_AXES];
	Interval   *retention;		/* NULL: snapshots stay */
	RfmPeriod	partition_by;
	bool		customer_index; /* a target that is made has an index by customer */
} RfmModel;

/*
 * rfm_model_from_tuple: return a row of rfm_model as a struct, in the current
 * context.  Raises the errors of values that do not fit together (breaks
 * missing, buckets out of range, ...).
 */
extern RfmModel *rfm_model_from_tuple(HeapTuple tuple, TupleDesc tupdesc);

/*
 * rfm_model_find: return the model of that name, in the current context, or
 * NULL.  Rights are not checked: what the caller may know of the model is for
 * the caller to decide.  Uses a database snapshot that is taken now: the active
 * one is too old after waiting for the model's lock.
 */
extern RfmModel *rfm_model_find(const char *name);

#endif							/* RFM_MODEL_MODEL_H */

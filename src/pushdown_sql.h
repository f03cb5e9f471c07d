/*-------------------------------------------------------------------------
 *
 * pushdown_sql.h
 *		The statements of a pushed-down refresh.
 *
 * Takes a resolved model, gives SQL in which everything is a constant, so that
 * it can be run anywhere, and looked at with EXPLAIN.  Every statement begins
 * with the numbers of each customer, grouped where the orders lie.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_PUSHDOWN_SQL_H
#define RFM_PUSHDOWN_SQL_H

#include "target_row.h"

typedef struct RfmPushdownSql
{
	const char *schema;			/* the extension's, quoted */
	const RfmModel *model;
	const RfmSource *source;
	const RfmRowMaker *maker;	/* of the target's constants */
	DateADT		run_date;
	bool		distributed;	/* source and target are tables of Citus */
} RfmPushdownSql;

/* rfm_pushdown_summary: one row, what all shards answer to a request. */
extern char *rfm_pushdown_summary(const RfmPushdownSql *sql, const char *request);

/*
 * rfm_pushdown_upsert: writes the rows that are new or differ.  cuts is a
 * request whose bounds are the cut points; scale that of all money, or -1.
 */
extern char *rfm_pushdown_upsert(const RfmPushdownSql *sql, const char *cuts, int scale);

/* rfm_pushdown_delete: deletes the rows of customers that are in no snapshot any more. */
extern char *rfm_pushdown_delete(const RfmPushdownSql *sql);

/* rfm_pushdown_count: how many rows the target has of the run date. */
extern char *rfm_pushdown_count(const RfmPushdownSql *sql);

#endif							/* RFM_PUSHDOWN_SQL_H */

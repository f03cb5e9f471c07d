/*-------------------------------------------------------------------------
 *
 * plan.h
 *		The plan of a query over the source, before it runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READ_PLAN_H
#define RFM_READ_PLAN_H

#include "nodes/params.h"

/*
 * What the rows of a query depend on, other than tables, as far as can be
 * determined.
 */
typedef struct RfmDependence
{
	bool		row_security;	/* policies choose them */
	bool		settings;		/* it calls current_setting() or session_user */
	Oid			function;		/* may do so: neither PostgreSQL's nor immutable;
								 * InvalidOid: none */
} RfmDependence;

/* A query's plan, as far as it says how to run the query. */
typedef struct RfmPlanLook
{
	double		rows;			/* expected, into the aggregate at the top if there is one */
	bool		aggregates;		/* the node at the top aggregates, in this process */
	bool		elsewhere;		/* some part runs on another server, or in an extension */
	bool		pushed;			/* all of it is: rows come as the query gives them */
} RfmPlanLook;

/*
 * rfm_plan_look: plan a query without workers: below a Gather the planner's
 * numbers are those of one participant.  Within SPI, as whoever will run it.
 * Raises what planning raises.
 */
extern void rfm_plan_look(const char *sql, ParamListInfo params, RfmPlanLook *look);

/*
 * rfm_plan_depends: determine what the rows of a query depend on.  The query is
 * not planned, so that no function in it runs.  Within SPI, as whoever will run it.
 */
extern void rfm_plan_depends(const char *sql, ParamListInfo params, RfmDependence *depends);

#endif							/* RFM_READ_PLAN_H */

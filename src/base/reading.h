/*-------------------------------------------------------------------------
 *
 * reading.h
 *		A check that queries over another role's table run trusted code only.
 *
 * Functions of analysis read a target with their caller's rights and convert its
 * columns to the types that they compute with.  If a column is of a type that the
 * target's owner has created, its cast is the owner's code too, and would run
 * with the caller's rights, although a plain SELECT of the column runs none.  So
 * a hook behind the parser checks each query that carries a mark, before it is
 * executed: functions that are neither PostgreSQL's nor a superuser's nor the
 * caller's own are refused.
 *
 * Policies of row security are not part of the query: they run as in any
 * SELECT.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_READING_H
#define RFM_BASE_READING_H

/*
 * The comment that marks a query to be checked.  In other queries it does no
 * harm.
 */
#define RFM_READING_MARK "/* rfm: only trusted code */"

/* rfm_reading_init: to be called once, when the library is loaded. */
extern void rfm_reading_init(void);

#endif							/* RFM_BASE_READING_H */

/*-------------------------------------------------------------------------
 *
 * reading.h
 *		Whose code a query over somebody else's table would run.
 *
 * Functions of analysis read a target with the rights of who calls them, and
 * convert its columns to the types that they compute with.  A column of a type
 * that the target's owner has made is converted by a cast that the owner has
 * made: it would run with the caller's rights, where a SELECT of that table
 * runs nothing.  So a query that carries a mark is looked at once it has been
 * parsed, when names have become objects, and before any of it runs: what is
 * not PostgreSQL's, a superuser's or the caller's own is refused.
 *
 * Policies of row security are not part of the query: they run as in any
 * SELECT.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_READING_H
#define RFM_READING_H

/* The comment in a query that is looked at; elsewhere it only refuses more. */
#define RFM_READING_MARK "/* rfm: only trusted code */"

/* rfm_reading_init: to be called once, when the library is loaded. */
extern void rfm_reading_init(void);

#endif							/* RFM_READING_H */

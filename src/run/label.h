/*-------------------------------------------------------------------------
 *
 * label.h
 *		The labels of a rule set for SQL: rfm_label().
 *
 * A rule set is read once for all rows of a statement, not once per row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_LABEL_H
#define RFM_RUN_LABEL_H

#include "fmgr.h"

/*
 * rfm_label_find: return the label that a rule set gives to these scores,
 * indexed by axis; the string lives as long as flinfo's memory or the next
 * call with it.  Raises UNDEFINED_OBJECT for an unknown rule set,
 * OBJECT_NOT_IN_PREREQUISITE_STATE for one without rules, and
 * INVALID_PARAMETER_VALUE for a score that it is not made for.
 */
extern const char *rfm_label_find(FmgrInfo *flinfo, const char *ruleset, const int32 *score);

#endif							/* RFM_RUN_LABEL_H */

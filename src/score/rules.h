/*-------------------------------------------------------------------------
 *
 * rules.h
 *		Rule sets: the label of each cell of the score cube.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_RULES_H
#define RFM_SCORE_RULES_H

#include "score/scores.h"

/*
 * rfm_labels_load: return the labels of all cells by a rule set, "Others" if
 * no rule matches, as an array of RFM_CELLS strings, palloc'd, or NULL for no
 * rule set.  Raises OBJECT_NOT_IN_PREREQUISITE_STATE for a rule set without
 * rules.
 */
extern char **rfm_labels_load(const char *ruleset);

#endif							/* RFM_SCORE_RULES_H */

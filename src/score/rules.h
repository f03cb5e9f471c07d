/*-------------------------------------------------------------------------
 *
 * rules.h
 *		Rule sets: what each cell of the score cube is called.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_SCORE_RULES_H
#define RFM_SCORE_RULES_H

#include "score/scores.h"

/*
 * rfm_labels_load: the label of every cell by a rule set, "Others" where no
 * rule matches.  Returns an array of RFM_CELLS strings, palloc'd, or NULL for
 * no rule set.  Raises OBJECT_NOT_IN_PREREQUISITE_STATE for a rule set without
 * rules.
 */
extern char **rfm_labels_load(const char *ruleset);

#endif							/* RFM_SCORE_RULES_H */

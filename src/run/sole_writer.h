/*-------------------------------------------------------------------------
 *
 * sole_writer.h
 *		A target belongs to one model.
 *
 * Two models that write the same rows would delete each other's customers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_SOLE_WRITER_H
#define RFM_RUN_SOLE_WRITER_H

#include "model/model.h"

/*
 * rfm_check_sole_writer: Raise OBJECT_NOT_IN_PREREQUISITE_STATE if another
 * model has the same target, a partition of it, or a table of which it is a
 * partition.  The message names the other model if the current user may use
 * it.
 */
extern void rfm_check_sole_writer(const RfmModel *model);

#endif							/* RFM_RUN_SOLE_WRITER_H */

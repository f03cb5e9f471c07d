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
 * rfm_check_sole_writer: Raise OBJECT_NOT_IN_PREREQUISITE_STATE where another
 * model has the target of this one, a partition of it, or what it is a partition
 * of.  The message names the other model to who may use it.
 */
extern void rfm_check_sole_writer(const RfmModel *model);

#endif							/* RFM_RUN_SOLE_WRITER_H */

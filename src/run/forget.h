/*-------------------------------------------------------------------------
 *
 * forget.h
 *		Erasing one customer from everything that a model stores.
 *
 * Takes a model's name and a customer; removes all rows of the target and of
 * the logs that identify them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_FORGET_H
#define RFM_RUN_FORGET_H

/*
 * rfm_forget_customer: Delete the customer, given as text, from every date of the
 * target, as the model's owner, and from the logs; return how many rows of the
 * target have gone.  Waits for the model's refreshes, as they do for each other.
 * Raises what a refresh raises where it cannot write, and what the customer's
 * type raises for the text.
 */
extern int64 rfm_forget_customer(const char *model, const char *customer);

#endif							/* RFM_RUN_FORGET_H */

/*-------------------------------------------------------------------------
 *
 * owner.h
 *		What DROP OWNED does to the models of a role.
 *
 * PostgreSQL does not know that models have owners.  An event trigger is told of
 * DROP OWNED after PostgreSQL has done its part, rights included.  It has no event
 * for REASSIGN OWNED and DROP ROLE.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_RUN_OWNER_H
#define RFM_RUN_OWNER_H

#include "postgres_ext.h"
#include "utils/array.h"

/*
 * rfm_owner_drop: drop the models of roles (an oid[]) whose targets are gone, with
 * their logs, as the current user, who is a superuser or a member of the roles.  A
 * model whose target belongs to another role stays, with a WARNING that has the
 * statements for it.  As a superuser, remove the jobs that run as those roles,
 * too: pg_cron stops at a job whose role is gone.
 */
extern void rfm_owner_drop(ArrayType *roles);

#endif							/* RFM_RUN_OWNER_H */

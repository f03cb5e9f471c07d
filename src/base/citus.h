/*-------------------------------------------------------------------------
 *
 * citus.h
 *		What Citus, where the database has it, says of tables and servers.
 *
 * Citus is asked by its catalogs and its SQL functions alone: nothing here
 * needs it to be there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_CITUS_H
#define RFM_BASE_CITUS_H

/*
 * rfm_citus_manages: does Citus route what is read from and written to a table,
 * be it distributed, a reference table or one of its local tables?
 */
extern bool rfm_citus_manages(Oid relid);

/*
 * rfm_citus_distribution: return the name of the column that a table is
 * distributed by (hashed), palloc'd, or NULL where it is not.
 */
extern char *rfm_citus_distribution(Oid relid);

/*
 * rfm_citus_refuse_worker: raise OBJECT_NOT_IN_PREREQUISITE_STATE where this
 * server is a worker of Citus: for whoever does not find a model, or makes one.
 */
extern void rfm_citus_refuse_worker(void);

/*
 * rfm_citus_send_settings: where the database has Citus, let whatever runs on
 * its workers in this transaction see the settings that rfm_owner_enter has
 * made, and the named one, which is rfm's own; rfm_citus_reset_settings gives
 * them back their own.
 */
extern void rfm_citus_send_settings(const char *own);
extern void rfm_citus_reset_settings(const char *own);

#endif							/* RFM_BASE_CITUS_H */

/*-------------------------------------------------------------------------
 *
 * citus.h
 *		Information of Citus, if the database has it, about tables and servers.
 *
 * Only Citus's catalogs and SQL functions are used, so that Citus need not be
 * installed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RFM_BASE_CITUS_H
#define RFM_BASE_CITUS_H

/*
 * rfm_citus_manages: determine whether Citus routes reads and writes of a
 * table, which may be distributed, a reference table or a local table of
 * Citus.
 */
extern bool rfm_citus_manages(Oid relid);

/*
 * rfm_citus_distribution: return the name of the column by which a table is
 * hash-distributed, palloc'd, or NULL if it is not.
 */
extern char *rfm_citus_distribution(Oid relid);

/*
 * rfm_citus_refuse_worker: raise OBJECT_NOT_IN_PREREQUISITE_STATE if this
 * server is a worker of Citus.  To be called if a model is not found, and
 * before one is created.
 */
extern void rfm_citus_refuse_worker(void);

/*
 * rfm_citus_settings: if the database has Citus, set on its workers, for this
 * transaction, the settings that rfm_owner_enter has made, and the run date;
 * reset: restore their own values.
 */
extern void rfm_citus_settings(bool reset);

#endif							/* RFM_BASE_CITUS_H */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION rfm" to load this file. \quit

-- All names of the extension below are qualified, and all others are PostgreSQL's,
-- so objects of other roles in the extension's schema are never used.
SET LOCAL search_path = pg_catalog, pg_temp;

-- The schema of internal objects.  It must not exist yet, or objects in it could be
-- mistaken for the extension's own.
CREATE SCHEMA rfm_internal;
COMMENT ON SCHEMA rfm_internal IS
    'internal: functions, types and views that the extension rfm uses itself; not for users';
GRANT USAGE ON SCHEMA rfm_internal TO PUBLIC;

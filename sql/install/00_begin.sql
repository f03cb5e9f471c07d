-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION rfm" to load this file. \quit

-- Every name of ours below is qualified, and every other one is PostgreSQL's: what
-- others have put into the schema of the extension is never looked at.
SET LOCAL search_path = pg_catalog, pg_temp;

-- What no user calls.  It must not exist yet: what someone has prepared there would
-- be taken for the extension's own.
CREATE SCHEMA rfm_internal;
COMMENT ON SCHEMA rfm_internal IS
    'internal: functions, types and views that the extension rfm uses itself; not for users';
GRANT USAGE ON SCHEMA rfm_internal TO PUBLIC;

-- Roles that go ---------------------------------------------------------------
--
-- PostgreSQL does not know that models have owners.  DROP OWNED drops the target
-- of a role's model; with it go the model, its log and its job.

CREATE FUNCTION rfm_internal.owner_trigger()
RETURNS event_trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'rfm_owner_trigger';
COMMENT ON FUNCTION rfm_internal.owner_trigger() IS
    'event trigger of DROP OWNED: removes the role''s models whose targets have been dropped, and the role''s jobs';

CREATE EVENT TRIGGER rfm_owner ON ddl_command_end
    WHEN TAG IN ('DROP OWNED')
    EXECUTE FUNCTION rfm_internal.owner_trigger();
COMMENT ON EVENT TRIGGER rfm_owner IS
    'removes a role''s models whose targets DROP OWNED has dropped, and the role''s jobs';

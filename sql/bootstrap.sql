-- What the rest of the script builds on: the schema for internals, and the functions there that any part may use.

-- Internals are in a schema of a fixed name, so that functions find them under a fixed search path. The extension's own schema
-- may be any, and renamed: what they need of it is bound where it is defined, in views and in bodies that are not strings.
-- It may also be that very schema, which is there already then.
DO $$
BEGIN
    IF '@extschema@' OPERATOR(pg_catalog.<>) 'clip_pg' THEN
        IF EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) 'clip_pg') THEN
            RAISE duplicate_schema USING
                MESSAGE = 'schema "clip_pg" exists already',
                DETAIL = 'The extension makes it for its internals, which nobody else may change.',
                HINT = 'Drop the schema, or have all of the extension put there: CREATE EXTENSION clip_pg SCHEMA clip_pg.';
        END IF;
        CREATE SCHEMA clip_pg;
        COMMENT ON SCHEMA clip_pg IS 'internals of the extension clip_pg';
    END IF;
END $$;
GRANT USAGE ON SCHEMA clip_pg TO PUBLIC;

CREATE FUNCTION clip_pg.base_type(type oid) RETURNS oid
    AS 'MODULE_PATHNAME', 'base_type_of_wrapper' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.base_type(oid) IS 'type that a domain is over; any other type itself';
CREATE FUNCTION clip_pg.base_modifier(type oid, modifier integer) RETURNS integer
    AS 'MODULE_PATHNAME', 'base_modifier_of_wrapper' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.base_modifier(oid, integer) IS 'type modifier of a column, or of the domain that it is of';

CREATE FUNCTION clip_pg.distance_support(request internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'distance_support_wrapper' LANGUAGE C STRICT;
COMMENT ON FUNCTION clip_pg.distance_support(internal) IS
'planner support function: warns where vectors of two models are compared';

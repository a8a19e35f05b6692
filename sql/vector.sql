-- The type clip_vector: a vector of half-precision numbers, its operators, functions, casts and operator classes.
--
-- Names that pgvector's users know are overloaded rather than renamed. The library appends _wrapper to the names of
-- its functions.

CREATE TYPE clip_vector;

CREATE FUNCTION clip_vector_in(cstring, oid, integer) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_in_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION clip_vector_out(clip_vector) RETURNS cstring
    AS 'MODULE_PATHNAME', 'clip_vector_out_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_out(clip_vector) IS 'I/O';

CREATE FUNCTION clip_vector_recv(internal, oid, integer) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_recv_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION clip_vector_send(clip_vector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'clip_vector_send_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_send(clip_vector) IS 'I/O';

CREATE FUNCTION clip_vector_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_vector_typmod_in_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_typmod_in(cstring[]) IS 'I/O typmod';

CREATE TYPE clip_vector (
    INPUT = clip_vector_in,
    OUTPUT = clip_vector_out,
    RECEIVE = clip_vector_recv,
    SEND = clip_vector_send,
    TYPMOD_IN = clip_vector_typmod_in,
    ALIGNMENT = int4,
    STORAGE = main
);
COMMENT ON TYPE clip_vector IS 'vector of half-precision numbers';


-- The type clip_classifier, which src/classify/ implements.

CREATE TYPE clip_classifier;

CREATE FUNCTION clip_classifier_in(cstring) RETURNS clip_classifier
    AS 'MODULE_PATHNAME', 'clip_classifier_in_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_classifier_in(cstring) IS 'I/O';

CREATE FUNCTION clip_classifier_out(clip_classifier) RETURNS cstring
    AS 'MODULE_PATHNAME', 'clip_classifier_out_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_classifier_out(clip_classifier) IS 'I/O';

CREATE FUNCTION clip_classifier_recv(internal) RETURNS clip_classifier
    AS 'MODULE_PATHNAME', 'clip_classifier_recv_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_classifier_recv(internal) IS 'I/O';

CREATE FUNCTION clip_classifier_send(clip_classifier) RETURNS bytea
    AS 'MODULE_PATHNAME', 'clip_classifier_send_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_classifier_send(clip_classifier) IS 'I/O';

-- STORAGE external: vectors do not become smaller, and the front alone is read to tell one classifier from another.
CREATE TYPE clip_classifier (
    INPUT = clip_classifier_in,
    OUTPUT = clip_classifier_out,
    RECEIVE = clip_classifier_recv,
    SEND = clip_classifier_send,
    ALIGNMENT = int4,
    STORAGE = external
);
COMMENT ON TYPE clip_classifier IS 'labels, their vectors, and how similarities to these become probabilities';

-- Equality, for DISTINCT, triggers that compare rows, and replication.

CREATE FUNCTION clip_classifier_eq(clip_classifier, clip_classifier) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_classifier_eq_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_classifier_eq(clip_classifier, clip_classifier) IS 'implementation of = operator';

CREATE FUNCTION clip_classifier_ne(clip_classifier, clip_classifier) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_classifier_ne_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_classifier_ne(clip_classifier, clip_classifier) IS 'implementation of <> operator';

CREATE FUNCTION clip_classifier_hash(clip_classifier) RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_classifier_hash_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_classifier_hash(clip_classifier) IS 'hash';

CREATE OPERATOR = (
    LEFTARG = clip_classifier, RIGHTARG = clip_classifier, FUNCTION = clip_classifier_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (clip_classifier, clip_classifier) IS 'equal';

CREATE OPERATOR <> (
    LEFTARG = clip_classifier, RIGHTARG = clip_classifier, FUNCTION = clip_classifier_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (clip_classifier, clip_classifier) IS 'not equal';

CREATE OPERATOR CLASS clip_classifier_ops DEFAULT FOR TYPE clip_classifier USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 clip_classifier_hash(clip_classifier);

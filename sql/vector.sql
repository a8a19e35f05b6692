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

CREATE FUNCTION clip_vector_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_vector_typanalyze_wrapper' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_typanalyze(internal) IS 'statistics of values and of the distances between them';

-- STORAGE main keeps a vector in its row as long as that fits a page, up to about 4000 dimensions; extended and external
-- move it out of line where the row exceeds 2 kB. Measured with 20 000 rows, exact search in ms and insertion in µs per row:
--
--              512 dimensions    768 dimensions    1024 dimensions    2048 dimensions
--   main           10   6            7   3            11   14            27   17
--   extended       10   6            7   3            47   14            68   20
--   external       12   4            7   3            47   10            66   13
--   plain          18   6            8   3            12    7            29   11  (an error from 4070 dimensions on)
--
-- What main costs is an attempt to compress rows of more than 2 kB, which fails for embeddings.
CREATE TYPE clip_vector (
    INPUT = clip_vector_in,
    OUTPUT = clip_vector_out,
    RECEIVE = clip_vector_recv,
    SEND = clip_vector_send,
    TYPMOD_IN = clip_vector_typmod_in,
    ANALYZE = clip_vector_typanalyze,
    ALIGNMENT = int4,
    STORAGE = main
);
COMMENT ON TYPE clip_vector IS 'vector of half-precision numbers';

CREATE FUNCTION clip_pg.vector_type() RETURNS oid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 'clip_vector'::pg_catalog.regtype;
COMMENT ON FUNCTION clip_pg.vector_type() IS 'the type clip_vector';

-- Casts

CREATE FUNCTION clip_vector(clip_vector, integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_typmod_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector(clip_vector, integer, boolean) IS 'adjust clip_vector to typmod';

CREATE FUNCTION array_to_clip_vector(smallint[], integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_int2_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_clip_vector(smallint[], integer, boolean) IS 'convert int2 array to clip_vector';

CREATE FUNCTION array_to_clip_vector(integer[], integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_int4_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_clip_vector(integer[], integer, boolean) IS 'convert int4 array to clip_vector';

CREATE FUNCTION array_to_clip_vector(bigint[], integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_int8_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_clip_vector(bigint[], integer, boolean) IS 'convert int8 array to clip_vector';

CREATE FUNCTION array_to_clip_vector(real[], integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_float4_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_clip_vector(real[], integer, boolean) IS 'convert float4 array to clip_vector';

CREATE FUNCTION array_to_clip_vector(double precision[], integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_float8_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_clip_vector(double precision[], integer, boolean) IS 'convert float8 array to clip_vector';

CREATE FUNCTION array_to_clip_vector(numeric[], integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_numeric_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_clip_vector(numeric[], integer, boolean) IS 'convert numeric array to clip_vector';

CREATE FUNCTION clip_vector_to_float4(clip_vector) RETURNS real[]
    AS 'MODULE_PATHNAME', 'clip_vector_to_float4_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_to_float4(clip_vector) IS 'convert clip_vector to float4 array';

CREATE FUNCTION clip_vector_to_float8(clip_vector) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'clip_vector_to_float8_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_to_float8(clip_vector) IS 'convert clip_vector to float8 array';

CREATE FUNCTION json_to_clip_vector(json, integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_json_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION json_to_clip_vector(json, integer, boolean) IS 'convert array of JSON numbers to clip_vector';

CREATE FUNCTION json_to_clip_vector(jsonb, integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_jsonb_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION json_to_clip_vector(jsonb, integer, boolean) IS 'convert array of JSON numbers to clip_vector';

CREATE FUNCTION clip_vector_to_json(clip_vector) RETURNS json
    AS 'MODULE_PATHNAME', 'clip_vector_to_json_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_to_json(clip_vector) IS 'convert clip_vector to array of JSON numbers';

CREATE FUNCTION clip_vector_to_jsonb(clip_vector) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'clip_vector_to_jsonb_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_to_jsonb(clip_vector) IS 'convert clip_vector to array of JSON numbers';

CREATE CAST (clip_vector AS clip_vector) WITH FUNCTION clip_vector(clip_vector, integer, boolean) AS IMPLICIT;
CREATE CAST (smallint[] AS clip_vector) WITH FUNCTION array_to_clip_vector(smallint[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (integer[] AS clip_vector) WITH FUNCTION array_to_clip_vector(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (bigint[] AS clip_vector) WITH FUNCTION array_to_clip_vector(bigint[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS clip_vector) WITH FUNCTION array_to_clip_vector(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS clip_vector) WITH FUNCTION array_to_clip_vector(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS clip_vector) WITH FUNCTION array_to_clip_vector(numeric[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (clip_vector AS real[]) WITH FUNCTION clip_vector_to_float4(clip_vector) AS ASSIGNMENT;
CREATE CAST (clip_vector AS double precision[]) WITH FUNCTION clip_vector_to_float8(clip_vector) AS ASSIGNMENT;
-- The cast to json is also what to_json, to_jsonb, row_to_json and json_agg go by.
CREATE CAST (json AS clip_vector) WITH FUNCTION json_to_clip_vector(json, integer, boolean) AS ASSIGNMENT;
CREATE CAST (jsonb AS clip_vector) WITH FUNCTION json_to_clip_vector(jsonb, integer, boolean) AS ASSIGNMENT;
CREATE CAST (clip_vector AS json) WITH FUNCTION clip_vector_to_json(clip_vector) AS ASSIGNMENT;
CREATE CAST (clip_vector AS jsonb) WITH FUNCTION clip_vector_to_jsonb(clip_vector) AS ASSIGNMENT;

-- Casts from and to pgvector's types where these are there. The layout of halfvec is the same. The casts belong to no extension: as
-- members of this one they would take it, and all its columns, along when pgvector is dropped. A dump holds them behind both
-- extensions, and restores this one first.
DO $$
DECLARE
    pair text[];
    half text;
    single text;
BEGIN
    SELECT pg_catalog.min(pg_catalog.format_type(t.oid, NULL)) FILTER (WHERE t.typname OPERATOR(pg_catalog.=) 'halfvec'),
           pg_catalog.min(pg_catalog.format_type(t.oid, NULL)) FILTER (WHERE t.typname OPERATOR(pg_catalog.=) 'vector')
    INTO half, single
    FROM pg_catalog.pg_extension e
         JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
                                    AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
                                    AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass
         JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) d.objid
    WHERE e.extname OPERATOR(pg_catalog.=) 'vector';
    FOREACH pair SLICE 1 IN ARRAY ARRAY[[half, 'clip_vector', 'WITHOUT FUNCTION'], ['clip_vector', half, 'WITHOUT FUNCTION'],
                                        [single, 'clip_vector', 'WITH INOUT'], ['clip_vector', single, 'WITH INOUT']]
    LOOP
        CONTINUE WHEN pair[1] IS NULL OR pair[2] IS NULL;
        EXECUTE pg_catalog.format('CREATE CAST (%s AS %s) %s AS ASSIGNMENT', pair[1], pair[2], pair[3]);
        EXECUTE pg_catalog.format('ALTER EXTENSION clip_pg DROP CAST (%s AS %s)', pair[1], pair[2]);
    END LOOP;
END $$;

-- Distances. A cosine distance from or to a vector of norm 0 is NaN, as in pgvector; NaN sorts last. Of a row of 512
-- dimensions one takes a quarter to half of the time of a page read in order, most of it to have the row come to the
-- processor: COST 100 is a quarter.

CREATE FUNCTION cosine_distance(clip_vector, clip_vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_vector_cosine_distance_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
    SUPPORT clip_pg.distance_support;
COMMENT ON FUNCTION cosine_distance(clip_vector, clip_vector) IS 'cosine distance, NaN where a norm is 0';

CREATE FUNCTION inner_product(clip_vector, clip_vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_vector_inner_product_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
    SUPPORT clip_pg.distance_support;
COMMENT ON FUNCTION inner_product(clip_vector, clip_vector) IS 'inner product';

CREATE FUNCTION l2_distance(clip_vector, clip_vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_vector_l2_distance_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
    SUPPORT clip_pg.distance_support;
COMMENT ON FUNCTION l2_distance(clip_vector, clip_vector) IS 'Euclidean distance';

CREATE FUNCTION l1_distance(clip_vector, clip_vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_vector_l1_distance_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
    SUPPORT clip_pg.distance_support;
COMMENT ON FUNCTION l1_distance(clip_vector, clip_vector) IS 'taxicab distance';

CREATE FUNCTION clip_vector_negative_inner_product(clip_vector, clip_vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_vector_negative_inner_product_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
    SUPPORT clip_pg.distance_support;
COMMENT ON FUNCTION clip_vector_negative_inner_product(clip_vector, clip_vector) IS 'implementation of <#> operator';

CREATE FUNCTION clip_similarity(clip_vector, clip_vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_vector_similarity_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
    SUPPORT clip_pg.distance_support;
COMMENT ON FUNCTION clip_similarity(clip_vector, clip_vector) IS 'cosine similarity, NaN where a norm is 0';

CREATE OPERATOR <=> (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = cosine_distance,
    COMMUTATOR = <=>
);
COMMENT ON OPERATOR <=> (clip_vector, clip_vector) IS 'cosine distance';

CREATE OPERATOR <#> (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_negative_inner_product,
    COMMUTATOR = <#>
);
COMMENT ON OPERATOR <#> (clip_vector, clip_vector) IS 'negative inner product';

CREATE OPERATOR <-> (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = l2_distance,
    COMMUTATOR = <->
);
COMMENT ON OPERATOR <-> (clip_vector, clip_vector) IS 'Euclidean distance';

CREATE OPERATOR <+> (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = l1_distance,
    COMMUTATOR = <+>
);
COMMENT ON OPERATOR <+> (clip_vector, clip_vector) IS 'taxicab distance';

-- Functions of one vector

CREATE FUNCTION vector_dims(clip_vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_vector_dims_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(clip_vector) IS 'number of dimensions';

CREATE FUNCTION vector_norm(clip_vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_vector_norm_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(clip_vector) IS 'Euclidean norm';

-- pgvector has a vector_norm for one of its types only, so that a literal needs no cast there. Beside the one above it would, but
-- what takes text takes any literal; the result is pgvector's.
CREATE FUNCTION vector_norm(text) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_vector_norm_of_text_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(text) IS 'Euclidean norm of the vector with this text, in single precision';

CREATE FUNCTION l2_normalize(clip_vector) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_l2_normalize_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_normalize(clip_vector) IS 'normalize with Euclidean norm';

CREATE FUNCTION subvector(clip_vector, integer, integer) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_subvector_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(clip_vector, integer, integer) IS 'elements from a position on, counted from 1';

-- Arithmetic

CREATE FUNCTION clip_vector_add(clip_vector, clip_vector) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_add_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_add(clip_vector, clip_vector) IS 'implementation of + operator';

CREATE FUNCTION clip_vector_sub(clip_vector, clip_vector) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_sub_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_sub(clip_vector, clip_vector) IS 'implementation of - operator';

CREATE FUNCTION clip_vector_mul(clip_vector, clip_vector) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_mul_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_mul(clip_vector, clip_vector) IS 'implementation of * operator';

CREATE FUNCTION clip_vector_mul(clip_vector, double precision) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_mul_float8_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_mul(clip_vector, double precision) IS 'implementation of * operator';

CREATE FUNCTION clip_vector_mul(double precision, clip_vector) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'float8_mul_clip_vector_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_mul(double precision, clip_vector) IS 'implementation of * operator';

CREATE FUNCTION clip_vector_concat(clip_vector, clip_vector) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_concat_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_concat(clip_vector, clip_vector) IS 'implementation of || operator';

CREATE OPERATOR + (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_add,
    COMMUTATOR = +
);
COMMENT ON OPERATOR + (clip_vector, clip_vector) IS 'add';

CREATE OPERATOR - (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_sub
);
COMMENT ON OPERATOR - (clip_vector, clip_vector) IS 'subtract';

CREATE OPERATOR * (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_mul,
    COMMUTATOR = *
);
COMMENT ON OPERATOR * (clip_vector, clip_vector) IS 'multiply elements';

CREATE OPERATOR * (
    LEFTARG = clip_vector, RIGHTARG = double precision, FUNCTION = clip_vector_mul,
    COMMUTATOR = *
);
COMMENT ON OPERATOR * (clip_vector, double precision) IS 'multiply by a number';

CREATE OPERATOR * (
    LEFTARG = double precision, RIGHTARG = clip_vector, FUNCTION = clip_vector_mul,
    COMMUTATOR = *
);
COMMENT ON OPERATOR * (double precision, clip_vector) IS 'multiply by a number';

CREATE OPERATOR || (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_concat
);
COMMENT ON OPERATOR || (clip_vector, clip_vector) IS 'concatenate';

-- Comparison: by elements from the first on, then by dimension

CREATE FUNCTION clip_vector_lt(clip_vector, clip_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_vector_lt_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_lt(clip_vector, clip_vector) IS 'implementation of < operator';

CREATE FUNCTION clip_vector_le(clip_vector, clip_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_vector_le_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_le(clip_vector, clip_vector) IS 'implementation of <= operator';

CREATE FUNCTION clip_vector_eq(clip_vector, clip_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_vector_eq_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_eq(clip_vector, clip_vector) IS 'implementation of = operator';

CREATE FUNCTION clip_vector_ne(clip_vector, clip_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_vector_ne_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_ne(clip_vector, clip_vector) IS 'implementation of <> operator';

CREATE FUNCTION clip_vector_ge(clip_vector, clip_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_vector_ge_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_ge(clip_vector, clip_vector) IS 'implementation of >= operator';

CREATE FUNCTION clip_vector_gt(clip_vector, clip_vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_vector_gt_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_gt(clip_vector, clip_vector) IS 'implementation of > operator';

CREATE FUNCTION clip_vector_cmp(clip_vector, clip_vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_vector_cmp_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_cmp(clip_vector, clip_vector) IS 'less-equal-greater';

CREATE FUNCTION clip_vector_hash(clip_vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_vector_hash_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_hash(clip_vector) IS 'hash';

CREATE FUNCTION clip_vector_hash_extended(clip_vector, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'clip_vector_hash_extended_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_hash_extended(clip_vector, bigint) IS 'hash';

CREATE OPERATOR < (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_lt,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (clip_vector, clip_vector) IS 'less than';

CREATE OPERATOR <= (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_le,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (clip_vector, clip_vector) IS 'less than or equal';

CREATE OPERATOR = (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_eq,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR = (clip_vector, clip_vector) IS 'equal';

CREATE OPERATOR <> (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_ne,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (clip_vector, clip_vector) IS 'not equal';

CREATE OPERATOR >= (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_ge,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (clip_vector, clip_vector) IS 'greater than or equal';

CREATE OPERATOR > (
    LEFTARG = clip_vector, RIGHTARG = clip_vector, FUNCTION = clip_vector_gt,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (clip_vector, clip_vector) IS 'greater than';

CREATE OPERATOR CLASS clip_vector_ops DEFAULT FOR TYPE clip_vector USING btree AS
    OPERATOR 1 <,
    OPERATOR 2 <=,
    OPERATOR 3 =,
    OPERATOR 4 >=,
    OPERATOR 5 >,
    FUNCTION 1 clip_vector_cmp(clip_vector, clip_vector);

CREATE OPERATOR CLASS clip_vector_ops DEFAULT FOR TYPE clip_vector USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 clip_vector_hash(clip_vector),
    FUNCTION 2 clip_vector_hash_extended(clip_vector, bigint);

-- Aggregates. The state is a double precision sum, 4 kB at 512 dimensions.

CREATE FUNCTION clip_vector_accum(internal, clip_vector) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_vector_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_accum(internal, clip_vector) IS 'aggregate transition function';

CREATE FUNCTION clip_vector_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_vector_combine_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_combine(internal, internal) IS 'aggregate combine function';

CREATE FUNCTION clip_vector_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'clip_vector_serialize_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_serialize(internal) IS 'aggregate serial function';

CREATE FUNCTION clip_vector_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_vector_deserialize_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_deserialize(bytea, internal) IS 'aggregate deserial function';

CREATE FUNCTION clip_vector_sum(internal) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_sum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_sum(internal) IS 'aggregate final function';

CREATE FUNCTION clip_vector_avg(internal) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_avg_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_vector_avg(internal) IS 'aggregate final function';

CREATE AGGREGATE sum(clip_vector) (
    SFUNC = clip_vector_accum,
    STYPE = internal,
    SSPACE = 4160,
    FINALFUNC = clip_vector_sum,
    COMBINEFUNC = clip_vector_combine,
    SERIALFUNC = clip_vector_serialize,
    DESERIALFUNC = clip_vector_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(clip_vector) IS 'the sum of all clip_vector values';

CREATE AGGREGATE avg(clip_vector) (
    SFUNC = clip_vector_accum,
    STYPE = internal,
    SSPACE = 4160,
    FINALFUNC = clip_vector_avg,
    COMBINEFUNC = clip_vector_combine,
    SERIALFUNC = clip_vector_serialize,
    DESERIALFUNC = clip_vector_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(clip_vector) IS 'the average (arithmetic mean) of all clip_vector values';

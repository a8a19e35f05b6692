-- clip_pg 0.2.0, written by `make schema`.

\echo Use "CREATE EXTENSION clip_pg" to load this file. \quit

-- src/lib.rs
-- bootstrap
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

-- src/classify/mod.rs
-- creates:
--   Type(clip_pg::classify::Value)

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

-- src/evaluate/mod.rs
-- requires:
--   bootstrap

-- Evaluation: the type of a confusion matrix, the aggregate that makes one and its functions; metrics of rankings. The
-- functions are in src/evaluate/.

CREATE FUNCTION clip_pg.confusion_check(confusion jsonb) RETURNS boolean
    AS 'MODULE_PATHNAME', 'confusion_check_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION clip_pg.confusion_check(jsonb) IS 'true, or an error that says why a value is no confusion matrix';

CREATE DOMAIN clip_confusion AS jsonb CONSTRAINT clip_confusion_check CHECK (clip_pg.confusion_check(VALUE));
COMMENT ON DOMAIN clip_confusion IS
'confusion matrix, as {"labels": ["a", "b"], "counts": [[5, 1], [0, 7]], "none": [0, 2]}: a row of counts for each true label, a column for each predicted one, and rows without a prediction, which may be left out';

CREATE FUNCTION clip_pg.confusion_accum(internal, text, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'confusion_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.confusion_accum(internal, text, text) IS 'aggregate transition function';

CREATE FUNCTION clip_pg.confusion_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'confusion_combine_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.confusion_combine(internal, internal) IS 'aggregate combine function';

CREATE FUNCTION clip_pg.confusion_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'confusion_serialize_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.confusion_serialize(internal) IS 'aggregate serial function';

CREATE FUNCTION clip_pg.confusion_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'confusion_deserialize_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.confusion_deserialize(bytea, internal) IS 'aggregate deserial function';

CREATE FUNCTION clip_pg.confusion_final(internal) RETURNS clip_confusion
    AS 'MODULE_PATHNAME', 'confusion_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.confusion_final(internal) IS 'aggregate final function';

CREATE AGGREGATE clip_confusion(truth text, predicted text) (
    SFUNC = clip_pg.confusion_accum,
    STYPE = internal,
    SSPACE = 4096,
    FINALFUNC = clip_pg.confusion_final,
    COMBINEFUNC = clip_pg.confusion_combine,
    SERIALFUNC = clip_pg.confusion_serialize,
    DESERIALFUNC = clip_pg.confusion_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_confusion(text, text) IS
'confusion matrix of true and predicted labels; rows without a true label are left out, those without a predicted one are misses';

CREATE FUNCTION clip_report(confusion clip_confusion)
RETURNS TABLE (label text, support bigint, predicted bigint, "precision" double precision, recall double precision,
               f1 double precision)
    AS 'MODULE_PATHNAME', 'clip_report_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 10;
COMMENT ON FUNCTION clip_report(clip_confusion) IS
'rows with each label and with each prediction, precision, recall and F1 as fractions of 1, in the order of the matrix';

CREATE FUNCTION clip_accuracy(confusion clip_confusion)
RETURNS TABLE (support bigint, micro double precision, macro_precision double precision, macro_recall double precision,
               macro_f1 double precision, weighted_f1 double precision, balanced double precision, kappa double precision)
    AS 'MODULE_PATHNAME', 'clip_accuracy_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 1;
COMMENT ON FUNCTION clip_accuracy(clip_confusion) IS
'number of rows, accuracy (micro), means over the labels, balanced accuracy and Cohen''s kappa, as fractions of 1';

CREATE FUNCTION clip_confusion_table(confusion clip_confusion) RETURNS text
    AS 'MODULE_PATHNAME', 'clip_confusion_table_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION clip_confusion_table(clip_confusion) IS
'confusion matrix as a table in text, with the figures of each label';

-- Metrics of rankings. The state is all scores, of which there may be thousands.

CREATE FUNCTION clip_pg.ranking_accum(internal, boolean, double precision) RETURNS internal
    AS 'MODULE_PATHNAME', 'ranking_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.ranking_accum(internal, boolean, double precision) IS 'aggregate transition function';

CREATE FUNCTION clip_pg.ranking_accum(internal, boolean, double precision, integer) RETURNS internal
    AS 'MODULE_PATHNAME', 'ranking_accum_at_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.ranking_accum(internal, boolean, double precision, integer) IS 'aggregate transition function';

CREATE FUNCTION clip_pg.ranking_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'ranking_combine_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.ranking_combine(internal, internal) IS 'aggregate combine function';

CREATE FUNCTION clip_pg.ranking_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'ranking_serialize_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.ranking_serialize(internal) IS 'aggregate serial function';

CREATE FUNCTION clip_pg.ranking_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'ranking_deserialize_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.ranking_deserialize(bytea, internal) IS 'aggregate deserial function';

CREATE FUNCTION clip_pg.average_precision_final(internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'average_precision_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.average_precision_final(internal) IS 'aggregate final function';

CREATE FUNCTION clip_pg.r_precision_final(internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'r_precision_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.r_precision_final(internal) IS 'aggregate final function';

CREATE FUNCTION clip_pg.precision_at_final(internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'precision_at_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.precision_at_final(internal) IS 'aggregate final function';

CREATE FUNCTION clip_pg.best_threshold_final(internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'best_threshold_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.best_threshold_final(internal) IS 'aggregate final function';

CREATE AGGREGATE clip_average_precision(truth boolean, score double precision) (
    SFUNC = clip_pg.ranking_accum,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = clip_pg.average_precision_final,
    COMBINEFUNC = clip_pg.ranking_combine,
    SERIALFUNC = clip_pg.ranking_serialize,
    DESERIALFUNC = clip_pg.ranking_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_average_precision(boolean, double precision) IS
'mean of the precision at each true row, rows ordered by descending score; equal scores are one step; null without a true row';

CREATE AGGREGATE clip_r_precision(truth boolean, score double precision) (
    SFUNC = clip_pg.ranking_accum,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = clip_pg.r_precision_final,
    COMBINEFUNC = clip_pg.ranking_combine,
    SERIALFUNC = clip_pg.ranking_serialize,
    DESERIALFUNC = clip_pg.ranking_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_r_precision(boolean, double precision) IS
'share of true rows among as many of the highest scores as there are true rows; expected share of ties; null without a true row';

CREATE AGGREGATE clip_precision_at(truth boolean, score double precision, k integer) (
    SFUNC = clip_pg.ranking_accum,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = clip_pg.precision_at_final,
    COMBINEFUNC = clip_pg.ranking_combine,
    SERIALFUNC = clip_pg.ranking_serialize,
    DESERIALFUNC = clip_pg.ranking_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_precision_at(boolean, double precision, integer) IS
'share of true rows among the k highest scores; expected share of ties; null without a true row';

CREATE AGGREGATE clip_best_threshold(truth boolean, score double precision) (
    SFUNC = clip_pg.ranking_accum,
    STYPE = internal,
    SSPACE = 16384,
    FINALFUNC = clip_pg.best_threshold_final,
    COMBINEFUNC = clip_pg.ranking_combine,
    SERIALFUNC = clip_pg.ranking_serialize,
    DESERIALFUNC = clip_pg.ranking_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_best_threshold(boolean, double precision) IS
'the score for which score >= threshold has the largest F1, of several the highest; null without a true row';

-- src/gallery.rs
-- The page of a query's rows. The functions are in src/gallery.rs.

CREATE FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_gallery_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text) IS 'aggregate transition function';

CREATE FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_gallery_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text, text) IS 'aggregate transition function';

CREATE FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text, text, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_gallery_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION clip_gallery_accum(internal, bytea, text, double precision, text, text, text) IS 'aggregate transition function';

CREATE FUNCTION clip_gallery_final(internal) RETURNS text
    AS 'MODULE_PATHNAME', 'clip_gallery_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_gallery_final(internal) IS 'aggregate final function';

CREATE AGGREGATE clip_gallery(thumbnail bytea, caption text, score double precision, link text) (
    SFUNC = clip_gallery_accum,
    STYPE = internal,
    SSPACE = 1000000,
    FINALFUNC = clip_gallery_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_gallery(bytea, text, double precision, text) IS
'HTML page of pictures with captions, scores and links, in the order of the aggregate''s ORDER BY; all arguments may be NULL';

CREATE AGGREGATE clip_gallery(thumbnail bytea, caption text, score double precision, link text, title text) (
    SFUNC = clip_gallery_accum,
    STYPE = internal,
    SSPACE = 1000000,
    FINALFUNC = clip_gallery_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_gallery(bytea, text, double precision, text, text) IS
'the same under a title, the first that is not NULL; its first line is the heading';

CREATE AGGREGATE clip_gallery(thumbnail bytea, caption text, score double precision, link text, title text, section text) (
    SFUNC = clip_gallery_accum,
    STYPE = internal,
    SSPACE = 1000000,
    FINALFUNC = clip_gallery_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_gallery(bytea, text, double precision, text, text, text) IS
'the same in sections: a new one begins where the argument changes; its first line is the heading, the others are shown as they stand';

-- src/vector/mod.rs
-- creates:
--   Type(clip_pg::vector::Vector)

-- requires:
--   bootstrap

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

-- src/index/mod.rs
-- requires:
--   vector

-- The access method clip_hnsw, its operator classes, and functions for those who look after its indexes.

CREATE FUNCTION clip_hnsw_handler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'clip_hnsw_handler_wrapper' LANGUAGE C;
COMMENT ON FUNCTION clip_hnsw_handler(internal) IS 'clip_hnsw index access method handler';

CREATE ACCESS METHOD clip_hnsw TYPE INDEX HANDLER clip_hnsw_handler;
COMMENT ON ACCESS METHOD clip_hnsw IS 'index access method for nearest neighbours of clip_vector values';

-- A vector and how far around it: the right side of an index condition.
CREATE TYPE clip_pg.ball AS (center clip_vector, radius double precision);
COMMENT ON TYPE clip_pg.ball IS 'all vectors within a cosine distance of one';

CREATE FUNCTION clip_pg.clip_vector_in_ball(clip_vector, clip_pg.ball) RETURNS boolean
    AS 'MODULE_PATHNAME', 'clip_vector_in_ball_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION clip_pg.clip_vector_in_ball(clip_vector, clip_pg.ball) IS 'implementation of <@ operator';

CREATE FUNCTION clip_pg.clip_within_selectivity(internal, oid, internal, integer) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_within_selectivity_wrapper' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_within_selectivity(internal, oid, internal, integer) IS
'restriction selectivity for containment of vectors in balls';
CREATE FUNCTION clip_pg.clip_within_join_selectivity(internal, oid, internal, smallint, internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_within_join_selectivity_wrapper' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_within_join_selectivity(internal, oid, internal, smallint, internal) IS
'join selectivity for containment of vectors in balls';

CREATE OPERATOR clip_pg.<@ (
    LEFTARG = clip_vector, RIGHTARG = clip_pg.ball, FUNCTION = clip_pg.clip_vector_in_ball,
    RESTRICT = clip_pg.clip_within_selectivity, JOIN = clip_pg.clip_within_join_selectivity
);
COMMENT ON OPERATOR clip_pg.<@ (clip_vector, clip_pg.ball) IS 'is within';

-- The planner replaces a call by the body, in which an index condition is seen; STRICT would keep it from that.
CREATE FUNCTION clip_within(vector clip_vector, center clip_vector, radius double precision) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN vector OPERATOR(clip_pg.<@) ROW(center, radius)::clip_pg.ball;
COMMENT ON FUNCTION clip_within(clip_vector, clip_vector, double precision) IS
'whether the cosine distance of two vectors is at most radius';

CREATE FUNCTION clip_pg.clip_hnsw_cosine() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_hnsw_cosine_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_hnsw_cosine() IS 'metric of clip_cosine_ops';
CREATE FUNCTION clip_pg.clip_hnsw_inner_product() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_hnsw_inner_product_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_hnsw_inner_product() IS 'metric of clip_ip_ops';
CREATE FUNCTION clip_pg.clip_hnsw_l2() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_hnsw_l2_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_hnsw_l2() IS 'metric of clip_l2_ops';

CREATE OPERATOR CLASS clip_cosine_ops DEFAULT FOR TYPE clip_vector USING clip_hnsw AS
    OPERATOR 1 <=> (clip_vector, clip_vector) FOR ORDER BY float_ops,
    OPERATOR 2 clip_pg.<@ (clip_vector, clip_pg.ball),
    FUNCTION 1 clip_pg.clip_hnsw_cosine();

CREATE OPERATOR CLASS clip_ip_ops FOR TYPE clip_vector USING clip_hnsw AS
    OPERATOR 1 <#> (clip_vector, clip_vector) FOR ORDER BY float_ops,
    FUNCTION 1 clip_pg.clip_hnsw_inner_product();

CREATE OPERATOR CLASS clip_l2_ops FOR TYPE clip_vector USING clip_hnsw AS
    OPERATOR 1 <-> (clip_vector, clip_vector) FOR ORDER BY float_ops,
    FUNCTION 1 clip_pg.clip_hnsw_l2();

CREATE FUNCTION clip_index_info(
    index regclass,
    OUT version integer,            -- of the format of its pages
    OUT metric text,                -- what a distance is: cosine distance, inner product, L2 distance
    OUT dimensions integer,         -- of its vectors
    OUT m integer,                  -- half the number of neighbours of a node
    OUT ef_construction integer,    -- candidates among which a new node's neighbours are chosen
    OUT epoch integer,              -- number of the basis of codes in use, 0 while there is none
    OUT code_bits integer,          -- bits of an element of a code, NULL while there are no codes
    OUT nodes bigint,               -- vectors with rows; equal vectors are one
    OUT row_count bigint,           -- rows, dead ones that vacuum has not removed among them
    OUT dead_rows bigint,           -- those of them that scans have found dead and marked
    OUT dying_nodes bigint,         -- nodes whose rows are gone, which the next vacuum frees
    OUT free_slots bigint,          -- places for nodes on pages that there are
    OUT entries bigint,             -- nodes at which searches may begin
    OUT truncated_scans bigint,     -- scans that a limit has ended, since the first page was last changed
    OUT left_out bigint,            -- vectors that strict order has left out, since then
    OUT node_bytes bigint,          -- of pages of nodes
    OUT directory_bytes bigint,     -- of pages of the tree that leads searches to where they begin
    OUT basis_bytes bigint,         -- of pages of the basis
    OUT free_bytes bigint)          -- of pages that were never written
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_index_info_wrapper' LANGUAGE C VOLATILE STRICT ROWS 1 COST 10000;
COMMENT ON FUNCTION clip_index_info(regclass) IS
'what is in a clip_hnsw index, and since its first page was last changed: scans that their limits ended, and vectors that strict order left out; reads all of it';

CREATE FUNCTION clip_index_check(
    index regclass,
    heap boolean DEFAULT false,             -- whether to look for every row of the table
    search double precision DEFAULT 0,      -- share of the table's rows to search for by their own vector
    OUT nodes bigint,                       -- vectors with rows
    OUT row_count bigint,                   -- rows
    OUT unreachable bigint,                 -- nodes that no search can reach, which the next vacuum links again
    OUT orphans bigint,                     -- places for rows of equal vectors that no node leads to, which it frees
    OUT missing bigint,                     -- rows of the table that are not in the index; NULL where none was looked for
    OUT searched bigint,                    -- rows that were searched for; NULL likewise
    OUT not_found bigint,                   -- those of them that were not found; NULL likewise
    OUT problems text[])                    -- what is wrong, the first hundred; none in a sound index
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_index_check_wrapper' LANGUAGE C VOLATILE STRICT ROWS 1 COST 100000;
COMMENT ON FUNCTION clip_index_check(regclass, boolean, double precision) IS
'verifies a clip_hnsw index, and on request that it holds all rows of the table and that a share of them is found by their own vector';

CREATE FUNCTION clip_build_estimate(
    relation regclass, target name, m integer DEFAULT 16, filters integer DEFAULT 0,
    maintenance_work_mem text DEFAULT pg_catalog.current_setting('maintenance_work_mem'),
    OUT row_count bigint,           -- of the table, as last counted; equal vectors and NULL take less than this tells
    OUT whole_bytes bigint,         -- of memory with which the index is built in one piece
    OUT memory_bytes bigint,        -- of memory that building it takes with maintenance_work_mem as given, or as set
    OUT parts bigint,               -- that it is built in then, nearly
    OUT temporary_bytes bigint,     -- of temporary files then, at most at a time
    OUT index_bytes bigint)         -- of the index
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_build_estimate_wrapper' LANGUAGE C STABLE STRICT ROWS 1;
COMMENT ON FUNCTION clip_build_estimate(regclass, name, integer, integer, text) IS
'memory, temporary files and size of a clip_hnsw index that were built on a column of vectors';

CREATE FUNCTION clip_prewarm(index regclass) RETURNS bigint
    AS 'MODULE_PATHNAME', 'clip_prewarm_wrapper' LANGUAGE C VOLATILE STRICT COST 10000;
COMMENT ON FUNCTION clip_prewarm(regclass) IS 'reads a clip_hnsw index into shared buffers and returns its number of pages';

CREATE FUNCTION clip_index_calibrate(
    index regclass, k integer DEFAULT 10, sample integer DEFAULT 200, queries regclass DEFAULT NULL,
    OUT ef_search integer,          -- a value of clip_pg.ef_search
    OUT recall double precision)    -- share of the k nearest rows that scans find by it
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_index_calibrate_wrapper' LANGUAGE C VOLATILE ROWS 9 COST 1000000;
COMMENT ON FUNCTION clip_index_calibrate(regclass, integer, integer, regclass) IS
'measures which share of the k nearest rows a clip_hnsw index finds by values of clip_pg.ef_search, for a sample of its own vectors or of those in a table of queries, and sets its storage parameter calibration, by which clip_pg.target_recall goes';

CREATE FUNCTION clip_recall(index regclass, k integer DEFAULT 10, sample integer DEFAULT 100, queries regclass DEFAULT NULL,
    nearest integer DEFAULT NULL)
RETURNS double precision
    AS 'MODULE_PATHNAME', 'clip_recall_wrapper' LANGUAGE C VOLATILE COST 100000;
COMMENT ON FUNCTION clip_recall(regclass, integer, integer, regclass, integer) IS
'share of the k nearest rows that a clip_hnsw index finds with the current settings, or of fewer nearest among k, for a sample of its own vectors or of those in a table of queries';

-- src/duplicates/mod.rs
-- requires:
--   index

-- Near-duplicates.

CREATE FUNCTION clip_duplicates(
    relation regclass, embedding name, id name, max_distance double precision DEFAULT 0.06,
    max_diameter double precision DEFAULT NULL, OUT id text, OUT duplicate_group bigint, OUT distance double precision)
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_duplicates_wrapper' LANGUAGE C STABLE ROWS 1000 COST 1000000;
COMMENT ON FUNCTION clip_duplicates(regclass, name, name, double precision, double precision) IS
'rows whose vectors are near-duplicates, found by a clip_hnsw index: groups that are connected by cosine distances of at most max_distance, none wider than max_diameter, which is twice that unless given; distance is that from the group''s middle';

-- src/index/mod.rs
-- requires:
--   index

-- Filter columns of clip_hnsw indexes: operator classes by which conditions on them are checked in the index.

CREATE FUNCTION clip_pg.clip_filter_integer() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_integer_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_integer() IS 'kind of filter columns: integers, and of what is counted in them';
CREATE FUNCTION clip_pg.clip_filter_float() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_float_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_float() IS 'kind of filter columns: numbers in floating point';
CREATE FUNCTION clip_pg.clip_filter_numeric() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_numeric_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_numeric() IS 'kind of filter columns: numbers rounded to floating point';
CREATE FUNCTION clip_pg.clip_filter_text() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_text_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_text() IS 'kind of filter columns: texts';
CREATE FUNCTION clip_pg.clip_filter_padded() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_padded_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_padded() IS 'kind of filter columns: texts padded with blanks';
CREATE FUNCTION clip_pg.clip_filter_uuid() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_uuid_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_uuid() IS 'kind of filter columns: uuids';
CREATE FUNCTION clip_pg.clip_filter_array() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_array_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_array() IS 'kind of filter columns: arrays, as sets';

CREATE OPERATOR FAMILY clip_integer_ops USING clip_hnsw;
CREATE OPERATOR CLASS clip_int2_ops DEFAULT FOR TYPE smallint USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_int4_ops DEFAULT FOR TYPE integer USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_int8_ops DEFAULT FOR TYPE bigint USING clip_hnsw FAMILY clip_integer_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
ALTER OPERATOR FAMILY clip_integer_ops USING clip_hnsw ADD
    OPERATOR 1 < (smallint, integer), OPERATOR 2 <= (smallint, integer), OPERATOR 3 = (smallint, integer), OPERATOR 4 >= (smallint, integer), OPERATOR 5 > (smallint, integer),
    OPERATOR 1 < (smallint, bigint), OPERATOR 2 <= (smallint, bigint), OPERATOR 3 = (smallint, bigint), OPERATOR 4 >= (smallint, bigint), OPERATOR 5 > (smallint, bigint),
    OPERATOR 1 < (integer, smallint), OPERATOR 2 <= (integer, smallint), OPERATOR 3 = (integer, smallint), OPERATOR 4 >= (integer, smallint), OPERATOR 5 > (integer, smallint),
    OPERATOR 1 < (integer, bigint), OPERATOR 2 <= (integer, bigint), OPERATOR 3 = (integer, bigint), OPERATOR 4 >= (integer, bigint), OPERATOR 5 > (integer, bigint),
    OPERATOR 1 < (bigint, smallint), OPERATOR 2 <= (bigint, smallint), OPERATOR 3 = (bigint, smallint), OPERATOR 4 >= (bigint, smallint), OPERATOR 5 > (bigint, smallint),
    OPERATOR 1 < (bigint, integer), OPERATOR 2 <= (bigint, integer), OPERATOR 3 = (bigint, integer), OPERATOR 4 >= (bigint, integer), OPERATOR 5 > (bigint, integer);

CREATE OPERATOR FAMILY clip_float_ops USING clip_hnsw;
CREATE OPERATOR CLASS clip_float4_ops DEFAULT FOR TYPE real USING clip_hnsw FAMILY clip_float_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_float();
CREATE OPERATOR CLASS clip_float8_ops DEFAULT FOR TYPE double precision USING clip_hnsw FAMILY clip_float_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_float();
ALTER OPERATOR FAMILY clip_float_ops USING clip_hnsw ADD
    OPERATOR 1 < (real, double precision), OPERATOR 2 <= (real, double precision), OPERATOR 3 = (real, double precision), OPERATOR 4 >= (real, double precision), OPERATOR 5 > (real, double precision),
    OPERATOR 1 < (double precision, real), OPERATOR 2 <= (double precision, real), OPERATOR 3 = (double precision, real), OPERATOR 4 >= (double precision, real), OPERATOR 5 > (double precision, real);

CREATE OPERATOR CLASS clip_numeric_ops DEFAULT FOR TYPE numeric USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_numeric();
CREATE OPERATOR CLASS clip_bool_ops DEFAULT FOR TYPE boolean USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_date_ops DEFAULT FOR TYPE date USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_time_ops DEFAULT FOR TYPE time USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_timestamp_ops DEFAULT FOR TYPE timestamp USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_timestamptz_ops DEFAULT FOR TYPE timestamptz USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_integer();
CREATE OPERATOR CLASS clip_uuid_ops DEFAULT FOR TYPE uuid USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_uuid();
CREATE OPERATOR CLASS clip_text_ops DEFAULT FOR TYPE text USING clip_hnsw AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 2 clip_pg.clip_filter_text();

-- Blanks at the end count in an order and not for equality; what the labels of an enum are in order may change.
CREATE OPERATOR CLASS clip_bpchar_ops DEFAULT FOR TYPE character USING clip_hnsw AS
    OPERATOR 3 =, FUNCTION 2 clip_pg.clip_filter_padded();
CREATE OPERATOR CLASS clip_enum_ops DEFAULT FOR TYPE anyenum USING clip_hnsw AS
    OPERATOR 3 =, FUNCTION 2 clip_pg.clip_filter_integer();

CREATE OPERATOR CLASS clip_array_ops DEFAULT FOR TYPE anyarray USING clip_hnsw AS
    OPERATOR 3 =, OPERATOR 6 &&, OPERATOR 7 @>, OPERATOR 8 <@, FUNCTION 2 clip_pg.clip_filter_array();

-- src/shards/mod.rs
-- requires:
--   vector

-- A search of a table whose partitions are on other servers.

CREATE FUNCTION clip_shard_search(
    relation regclass, embedding name, id name, query clip_vector, k integer DEFAULT 10, condition text DEFAULT NULL,
    metric text DEFAULT 'cosine', partial boolean DEFAULT false,
    OUT shard regclass, OUT id text, OUT distance double precision)
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_shard_search_wrapper' LANGUAGE C STABLE ROWS 10 COST 100000;
COMMENT ON FUNCTION clip_shard_search(regclass, name, name, clip_vector, integer, text, text, boolean) IS
'the k rows nearest to a query in all partitions of a table, each of which is asked for its k nearest, those on other servers at the same time; with partial, servers that cannot be reached are passed over with a warning';

-- src/classify/functions.rs
-- clip_pg::classify::functions::clip_classify
CREATE  FUNCTION "clip_classify"(
	"embedding" clip_vector, /* Option < vector :: Stored < '_ > > */
	"classifier" clip_classifier, /* Option < Stored < '_ > > */
	"top_k" INT DEFAULT NULL, /* Option < i32 > */
	"threshold" double precision DEFAULT NULL, /* Option < f64 > */
	"margin" double precision DEFAULT NULL /* Option < f64 > */
) RETURNS TABLE (
	"label" text,  /* Option < Text > */
	"probability" double precision,  /* f64 */
	"similarity" double precision  /* f64 */
)
IMMUTABLE PARALLEL SAFE COST 500
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_classify_wrapper';

-- src/search/mod.rs
-- clip_pg::search::clip_dots
CREATE  FUNCTION "clip_dots"(
	"similarity" double precision, /* f64 */
	"low" double precision, /* f64 */
	"high" double precision, /* f64 */
	"dots" INT DEFAULT 5 /* i32 */
) RETURNS INT /* Returned < Option < i32 > > */
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_dots_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_images
CREATE  FUNCTION "clip_embed_images"(
	"images" bytea[], /* Array < & [u8] > */
	"model" text /* Text */
) RETURNS clip_vector[] /* Returned < Vec < Option < Vector > > > */
IMMUTABLE STRICT PARALLEL RESTRICTED COST 2000000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_embed_images_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_images
CREATE  FUNCTION "clip_embed_images"(
	"images" bytea[], /* :: std :: option :: Option < Array < & [u8] > > */
	"model" text, /* Option < Text > */
	"pages" INT[], /* :: std :: option :: Option < Array < i32 > > */
	"regions" text[] DEFAULT NULL /* :: std :: option :: Option < Array < Text > > */
) RETURNS clip_vector[] /* Returned < Option < Vec < Option < Vector > > > > */
IMMUTABLE PARALLEL RESTRICTED  COST 2000000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'embed_image_pages_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_images
CREATE  FUNCTION "clip_embed_images"(
	"images" bytea[], /* Array < & [u8] > */
	"model" text, /* Text */
	"regions" text[] /* Array < Text > */
) RETURNS clip_vector[] /* Returned < Vec < Option < Vector > > > */
IMMUTABLE STRICT PARALLEL RESTRICTED  COST 2000000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'embed_image_regions_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_images
CREATE  FUNCTION "clip_embed_images"(
	"images" bytea[] /* Array < & [u8] > */
) RETURNS clip_vector[] /* Returned < Vec < Option < Vector > > > */
STRICT STABLE PARALLEL RESTRICTED  COST 2000000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'embed_images_by_default_wrapper';

-- src/embed/support.rs
-- clip_pg::embed::support::clip_embed_support
CREATE  FUNCTION "clip_embed_support"(
	"request" internal /* Internal */
) RETURNS internal /* Internal */
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_embed_support_wrapper';

-- src/classify/construct.rs
-- clip_pg::classify::construct::clip_classifier
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_classifier"(
	"labels" text[], /* :: std :: option :: Option < Array < Text > > */
	"prompts" text[] DEFAULT NULL, /* :: std :: option :: Option < Array < Text > > */
	"templates" text[] DEFAULT NULL, /* :: std :: option :: Option < Array < Text > > */
	"minus_prompts" text[] DEFAULT NULL, /* :: std :: option :: Option < Array < Text > > */
	"distractors" text[] DEFAULT NULL, /* :: std :: option :: Option < Array < Text > > */
	"model" text DEFAULT NULL /* Option < Text > */
) RETURNS clip_classifier /* Returned < Option < Value > > */
STABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support"  COST 1000000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'classifier_by_default_wrapper';

-- src/classify/construct.rs
-- clip_pg::classify::construct::clip_classifier
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_classifier"(
	"labels" text[], /* :: std :: option :: Option < Array < Text > > */
	"prompts" text[], /* :: std :: option :: Option < Array < Text > > */
	"model_name" text, /* Option < Text > */
	"templates" text[] DEFAULT NULL, /* :: std :: option :: Option < Array < Text > > */
	"minus_prompts" text[] DEFAULT NULL, /* :: std :: option :: Option < Array < Text > > */
	"distractors" text[] DEFAULT NULL /* :: std :: option :: Option < Array < Text > > */
) RETURNS clip_classifier /* Returned < Option < Value > > */
IMMUTABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support" COST 1000000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_classifier_wrapper';

-- src/classify/functions.rs
-- clip_pg::classify::functions::clip_classify_image
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_classify_image"(
	"image" bytea, /* Option < & [u8] > */
	"classifier" clip_classifier, /* Option < Stored < '_ > > */
	"top_k" INT DEFAULT NULL, /* Option < i32 > */
	"threshold" double precision DEFAULT NULL, /* Option < f64 > */
	"margin" double precision DEFAULT NULL /* Option < f64 > */
) RETURNS TABLE (
	"label" text,  /* Option < Text > */
	"probability" double precision,  /* f64 */
	"similarity" double precision  /* f64 */
)
IMMUTABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support" COST 200000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_classify_image_wrapper';

-- src/search/mod.rs
-- clip_pg::search::clip_cutoff
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_cutoff"(
	"query" clip_vector, /* Option < Vector > */
	"nearest" clip_vector[], /* :: std :: option :: Option < Array < Vector > > */
	"among" double precision, /* Option < f64 > */
	"margin" double precision DEFAULT 1.28, /* Option < f64 > */
	"share" double precision DEFAULT 0.4, /* Option < f64 > */
	"background" clip_vector[] DEFAULT NULL, /* :: std :: option :: Option < Array < Vector > > */
	"model" text DEFAULT NULL /* Option < Text > */
) RETURNS double precision /* Returned < Option < f64 > > */
STABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support" COST 20000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_cutoff_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_image
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_embed_image"(
	"image" bytea, /* & [u8] */
	"model" text, /* Text */
	"region" text DEFAULT 'full' /* Text */
) RETURNS clip_vector /* Returned < Vector > */
IMMUTABLE STRICT PARALLEL RESTRICTED SUPPORT "clip_embed_support" COST 200000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_embed_image_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_image
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_embed_image"(
	"image" bytea /* & [u8] */
) RETURNS clip_vector /* Returned < Vector > */
STRICT STABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support"  COST 200000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'embed_image_by_default_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_image
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_embed_image"(
	"image" bytea, /* & [u8] */
	"model" text, /* Text */
	"page" INT, /* i32 */
	"region" text DEFAULT 'full' /* Text */
) RETURNS clip_vector /* Returned < Vector > */
IMMUTABLE STRICT PARALLEL RESTRICTED SUPPORT "clip_embed_support"  COST 200000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'embed_page_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_text
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_embed_text"(
	"text" text, /* Text */
	"model" text /* Text */
) RETURNS clip_vector /* Returned < Vector > */
IMMUTABLE STRICT PARALLEL RESTRICTED SUPPORT "clip_embed_support" COST 100000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_embed_text_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_text
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_embed_text"(
	"text" text /* Text */
) RETURNS clip_vector /* Returned < Vector > */
STRICT STABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support"  COST 100000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'embed_text_by_default_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_texts
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_embed_texts"(
	"texts" text[], /* Array < Text > */
	"model" text /* Text */
) RETURNS clip_vector[] /* Returned < Vec < Option < Vector > > > */
IMMUTABLE STRICT PARALLEL RESTRICTED SUPPORT "clip_embed_support" COST 1000000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_embed_texts_wrapper';

-- src/embed/functions.rs
-- clip_pg::embed::functions::clip_embed_texts
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_embed_texts"(
	"texts" text[] /* Array < Text > */
) RETURNS clip_vector[] /* Returned < Vec < Option < Vector > > > */
STRICT STABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support"  COST 1000000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'embed_texts_by_default_wrapper';

-- src/embed/image.rs
-- clip_pg::embed::image::clip_image_info

CREATE FUNCTION clip_image_info(
    image bytea,
    OUT format text, OUT width integer, OUT height integer, OUT orientation integer, OUT frames integer, OUT decodable boolean)
IMMUTABLE STRICT PARALLEL SAFE COST 100 LANGUAGE c AS 'MODULE_PATHNAME', 'clip_image_info_wrapper';

-- src/embed/metadata.rs
-- clip_pg::embed::metadata::clip_image_metadata
CREATE  FUNCTION "clip_image_metadata"(
	"image" bytea /* & [u8] */
) RETURNS jsonb /* Returned < JsonText > */
IMMUTABLE STRICT PARALLEL SAFE COST 100
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_image_metadata_wrapper';

-- src/embed/image.rs
-- clip_pg::embed::image::clip_image_pages
CREATE  FUNCTION "clip_image_pages"(
	"image" bytea /* & [u8] */
) RETURNS TABLE (
	"page" INT,  /* i32 */
	"width" INT,  /* Option < i32 > */
	"height" INT,  /* Option < i32 > */
	"kind" TEXT,  /* & '_ str */
	"title" text,  /* Option < Text > */
	"embeddable" bool  /* bool */
)
STRICT STABLE PARALLEL SAFE COST 100
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_image_pages_wrapper';

-- src/ingest/import/files.rs
-- clip_pg::ingest::import::files::clip_image_taken
CREATE  FUNCTION "clip_image_taken"(
	"image" bytea /* & [u8] */
) RETURNS timestamp /* Option < Timestamp > */
IMMUTABLE STRICT PARALLEL SAFE COST 100
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_image_taken_wrapper';

-- src/classify/functions.rs
-- clip_pg::classify::functions::clip_label
CREATE  FUNCTION "clip_label"(
	"embedding" clip_vector, /* Option < vector :: Stored < '_ > > */
	"classifier" clip_classifier, /* Option < Stored < '_ > > */
	"threshold" double precision DEFAULT NULL /* Option < f64 > */
) RETURNS text /* Returned < Option < Text > > */
IMMUTABLE PARALLEL SAFE COST 300
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_label_wrapper';

-- src/classify/functions.rs
-- clip_pg::classify::functions::clip_labels
CREATE  FUNCTION "clip_labels"(
	"embedding" clip_vector, /* Option < vector :: Stored < '_ > > */
	"classifier" clip_classifier, /* Option < Stored < '_ > > */
	"top_k" INT DEFAULT NULL, /* Option < i32 > */
	"threshold" double precision DEFAULT NULL, /* Option < f64 > */
	"margin" double precision DEFAULT NULL /* Option < f64 > */
) RETURNS text[] /* Returned < Option < Vec < Text > > > */
IMMUTABLE PARALLEL SAFE COST 500
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_labels_wrapper';

-- src/registration.rs
-- clip_pg::registration::clip_models
CREATE  FUNCTION "clip_models"() RETURNS TABLE (
	"name" TEXT,  /* String */
	"dimensions" INT,  /* i32 */
	"image_size" INT[],  /* Vec < i32 > */
	"context_length" INT,  /* i32 */
	"logit_scale" double precision,  /* f64 */
	"logit_bias" double precision,  /* f64 */
	"logit_source" TEXT,  /* & '_ str */
	"activation" TEXT,  /* & '_ str */
	"tokenization" jsonb,  /* Option < JsonText > */
	"preprocessing" jsonb,  /* Option < JsonText > */
	"text_tower" jsonb,  /* JsonText */
	"image_tower" jsonb,  /* JsonText */
	"caveats" TEXT[],  /* Vec < String > */
	"options" jsonb,  /* JsonText */
	"sha256" TEXT,  /* String */
	"directory" text,  /* Option < Text > */
	"loaded" TEXT,  /* Option < & '_ str > */
	"built_in" bool  /* bool */
)
STRICT VOLATILE PARALLEL RESTRICTED 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'models_wrapper';

-- src/learn/nearest.rs
-- clip_pg::learn::nearest::clip_nearest
CREATE  FUNCTION "clip_nearest"(
	"embedding" clip_vector, /* Stored < '_ > */
	"centres" clip_vector[] /* Array < '_, Stored < '_ > > */
) RETURNS INT /* Returned < Option < i32 > > */
IMMUTABLE STRICT PARALLEL SAFE COST 1000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_nearest_wrapper';

-- src/formats.rs
-- clip_pg::formats::clip_pg_formats
CREATE  FUNCTION "clip_pg_formats"() RETURNS TABLE (
	"format" TEXT,  /* & '_ str */
	"title" TEXT,  /* & '_ str */
	"media_type" TEXT,  /* & '_ str */
	"variant" TEXT,  /* Option < & '_ str > */
	"library" TEXT,  /* & '_ str */
	"version" TEXT,  /* String */
	"available" bool,  /* bool */
	"install" TEXT  /* Option < String > */
)
STRICT STABLE PARALLEL SAFE
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_pg_formats_wrapper';

-- src/formats.rs
-- requires:
--   clip_pg_formats

-- Comments of the functions about image formats, which are declared in src/formats.rs.

COMMENT ON FUNCTION clip_pg_formats() IS
'image formats, a row for each library that reads one: what of it is read so, whether that is available, and what to install where it is not';

-- src/embed/query.rs
-- clip_pg::embed::query::clip_query
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_query"(
	"texts" text[] DEFAULT NULL, /* :: std :: option :: Option < Array < Text > > */
	"images" bytea[] DEFAULT NULL, /* :: std :: option :: Option < Array < & [u8] > > */
	"minus_texts" text[] DEFAULT NULL, /* :: std :: option :: Option < Array < Text > > */
	"minus_images" bytea[] DEFAULT NULL, /* :: std :: option :: Option < Array < & [u8] > > */
	"vectors" clip_vector[] DEFAULT NULL, /* :: std :: option :: Option < Array < Vector > > */
	"minus_vectors" clip_vector[] DEFAULT NULL, /* :: std :: option :: Option < Array < Vector > > */
	"weights" double precision[] DEFAULT NULL, /* :: std :: option :: Option < Array < f64 > > */
	"model" text DEFAULT NULL, /* Option < Text > */
	"template" text DEFAULT NULL /* Option < Text > */
) RETURNS clip_vector /* Returned < Vector > */
STABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support" COST 200000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_query_wrapper';

-- src/registration.rs
-- clip_pg::registration::clip_register_model
CREATE  FUNCTION "clip_register_model"(
	"name" text, /* Text */
	"directory" text, /* Text */
	"options" jsonb DEFAULT '{}' /* JsonText */
) RETURNS VOID /* Returned < () > */
STRICT VOLATILE PARALLEL UNSAFE
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_register_model_wrapper';

-- src/learn/rocchio.rs
-- clip_pg::learn::rocchio::clip_rocchio
CREATE  FUNCTION "clip_rocchio"(
	"query" clip_vector, /* Option < Vector > */
	"liked" clip_vector[] DEFAULT NULL, /* :: std :: option :: Option < Array < Vector > > */
	"disliked" clip_vector[] DEFAULT NULL, /* :: std :: option :: Option < Array < Vector > > */
	"query_weight" double precision DEFAULT 1, /* Option < f64 > */
	"liked_weight" double precision DEFAULT 0.75, /* Option < f64 > */
	"disliked_weight" double precision DEFAULT 0.15 /* Option < f64 > */
) RETURNS clip_vector /* Returned < Option < Vector > > */
IMMUTABLE PARALLEL SAFE COST 1000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_rocchio_wrapper';

-- src/search/mod.rs
-- clip_pg::search::clip_standout
-- requires:
--   clip_embed_support
CREATE  FUNCTION "clip_standout"(
	"query" clip_vector, /* Option < Vector > */
	"nearest" clip_vector[], /* :: std :: option :: Option < Array < Vector > > */
	"among" double precision, /* Option < f64 > */
	"background" clip_vector[] DEFAULT NULL, /* :: std :: option :: Option < Array < Vector > > */
	"model" text DEFAULT NULL /* Option < Text > */
) RETURNS double precision /* Returned < Option < f64 > > */
STABLE PARALLEL RESTRICTED SUPPORT "clip_embed_support" COST 20000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_standout_wrapper';

-- src/search/mod.rs
-- requires:
--   clip_standout
--   clip_cutoff
--   clip_dots

-- Comments of the functions about the results of a search, which are declared in src/search/mod.rs.

COMMENT ON FUNCTION clip_standout(clip_vector, clip_vector[], double precision, clip_vector[], text) IS
'how clearly the images nearest to a query, among so many, answer it: 1 for as much as by chance';
COMMENT ON FUNCTION clip_cutoff(clip_vector, clip_vector[], double precision, double precision, double precision, clip_vector[], text) IS
'cosine distance from a query as far as which images are answers to it, given those nearest among so many; null where none is';
COMMENT ON FUNCTION clip_dots(double precision, double precision, double precision, integer) IS
'cosine similarity as a number of dots, from none at low to all at high';

-- src/embed/image.rs
-- clip_pg::embed::image::clip_thumbnail
CREATE  FUNCTION "clip_thumbnail"(
	"image" bytea, /* & [u8] */
	"max_side" INT, /* i32 */
	"region" text DEFAULT 'full', /* Text */
	"quality" INT DEFAULT 90 /* i32 */
) RETURNS bytea /* Returned < Vec < u8 > > */
IMMUTABLE STRICT PARALLEL SAFE COST 20000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_thumbnail_wrapper';

-- src/embed/image.rs
-- clip_pg::embed::image::clip_thumbnail
CREATE  FUNCTION "clip_thumbnail"(
	"image" bytea, /* & [u8] */
	"max_side" INT, /* i32 */
	"page" INT, /* i32 */
	"region" text DEFAULT 'full', /* Text */
	"quality" INT DEFAULT 90 /* i32 */
) RETURNS bytea /* Returned < Vec < u8 > > */
IMMUTABLE STRICT PARALLEL SAFE  COST 20000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'page_thumbnail_wrapper';

-- src/learn/mod.rs
-- requires:
--   classifier
--   centroids::clip_centroids_step
--   centroids::clip_centroids_final
--   kmeans::clip_kmeans_step
--   kmeans::clip_kmeans_final
--   nearest::clip_nearest
--   rocchio::clip_rocchio
--   train::clip_train_step
--   train::clip_train_final

-- Aggregates that learn from embeddings. Those that keep them take 1 kB a row at 512 dimensions, in memory.

CREATE FUNCTION clip_train_step(internal, text, clip_vector) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_train_step_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_train_step(internal, text, clip_vector) IS 'aggregate transition function';

CREATE FUNCTION clip_train_step(internal, text, clip_vector, double precision) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_train_step_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_train_step(internal, text, clip_vector, double precision) IS 'aggregate transition function';

CREATE FUNCTION clip_train_step(internal, text, clip_vector, double precision, boolean) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_train_step_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_train_step(internal, text, clip_vector, double precision, boolean) IS 'aggregate transition function';

CREATE FUNCTION clip_train_step(internal, text, clip_vector, double precision, boolean, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_train_step_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_train_step(internal, text, clip_vector, double precision, boolean, text) IS 'aggregate transition function';

CREATE FUNCTION clip_train_final(internal) RETURNS clip_classifier
    AS 'MODULE_PATHNAME', 'clip_train_final_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000;
COMMENT ON FUNCTION clip_train_final(internal) IS 'aggregate final function';

CREATE AGGREGATE clip_train(label text, embedding clip_vector) (
    SFUNC = clip_train_step, STYPE = internal, SSPACE = 1048576, FINALFUNC = clip_train_final, PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE clip_train(text, clip_vector) IS
'classifier by logistic regression on labelled embeddings, with an L2 penalty of 0.03';

CREATE AGGREGATE clip_train(label text, embedding clip_vector, l2 double precision) (
    SFUNC = clip_train_step, STYPE = internal, SSPACE = 1048576, FINALFUNC = clip_train_final, PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE clip_train(text, clip_vector, double precision) IS
'classifier by logistic regression on labelled embeddings';

CREATE AGGREGATE clip_train(label text, embedding clip_vector, l2 double precision, balanced boolean) (
    SFUNC = clip_train_step, STYPE = internal, SSPACE = 1048576, FINALFUNC = clip_train_final, PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE clip_train(text, clip_vector, double precision, boolean) IS
'classifier by logistic regression on labelled embeddings, in which all labels may count the same';

CREATE AGGREGATE clip_train(label text, embedding clip_vector, l2 double precision, balanced boolean, model text) (
    SFUNC = clip_train_step, STYPE = internal, SSPACE = 1048576, FINALFUNC = clip_train_final, PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE clip_train(text, clip_vector, double precision, boolean, text) IS
'classifier by logistic regression on labelled embeddings by a model, which the classifier then knows';

CREATE FUNCTION clip_centroids_step(internal, text, clip_vector) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_centroids_step_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_centroids_step(internal, text, clip_vector) IS 'aggregate transition function';

CREATE FUNCTION clip_centroids_step(internal, text, clip_vector, text) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_centroids_step_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_centroids_step(internal, text, clip_vector, text) IS 'aggregate transition function';

CREATE FUNCTION clip_centroids_final(internal) RETURNS clip_classifier
    AS 'MODULE_PATHNAME', 'clip_centroids_final_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION clip_centroids_final(internal) IS 'aggregate final function';

CREATE AGGREGATE clip_centroids(label text, embedding clip_vector) (
    SFUNC = clip_centroids_step, STYPE = internal, SSPACE = 65536, FINALFUNC = clip_centroids_final, PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE clip_centroids(text, clip_vector) IS
'classifier by the mean direction of each label''s embeddings';

CREATE AGGREGATE clip_centroids(label text, embedding clip_vector, model text) (
    SFUNC = clip_centroids_step, STYPE = internal, SSPACE = 65536, FINALFUNC = clip_centroids_final, PARALLEL = RESTRICTED
);
COMMENT ON AGGREGATE clip_centroids(text, clip_vector, text) IS
'classifier by the mean direction of each label''s embeddings by a model, which the classifier then knows';

CREATE FUNCTION clip_kmeans_step(internal, clip_vector, integer) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_kmeans_step_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_kmeans_step(internal, clip_vector, integer) IS 'aggregate transition function';

CREATE FUNCTION clip_kmeans_step(internal, clip_vector, integer, integer) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_kmeans_step_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION clip_kmeans_step(internal, clip_vector, integer, integer) IS 'aggregate transition function';

CREATE FUNCTION clip_kmeans_final(internal) RETURNS clip_vector[]
    AS 'MODULE_PATHNAME', 'clip_kmeans_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION clip_kmeans_final(internal) IS 'aggregate final function';

CREATE AGGREGATE clip_kmeans(embedding clip_vector, k integer) (
    SFUNC = clip_kmeans_step, STYPE = internal, SSPACE = 1048576, FINALFUNC = clip_kmeans_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_kmeans(clip_vector, integer) IS
'unit vectors in the middle of at most k clusters of embeddings, that of most embeddings first';

CREATE AGGREGATE clip_kmeans(embedding clip_vector, k integer, seed integer) (
    SFUNC = clip_kmeans_step, STYPE = internal, SSPACE = 1048576, FINALFUNC = clip_kmeans_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_kmeans(clip_vector, integer, integer) IS
'unit vectors in the middle of at most k clusters of embeddings, that of most embeddings first; another seed, other clusters';

COMMENT ON FUNCTION clip_nearest(clip_vector, clip_vector[]) IS
'position of the vector with the smallest cosine distance, counted from 1';
COMMENT ON FUNCTION clip_rocchio(clip_vector, clip_vector[], clip_vector[], double precision, double precision, double precision) IS
'query vector moved towards what was liked and away from what was not';

-- src/classify/functions.rs
-- clip_pg::classify::functions::clip_uncertainty
CREATE  FUNCTION "clip_uncertainty"(
	"embedding" clip_vector, /* vector :: Stored < '_ > */
	"classifier" clip_classifier /* Stored < '_ > */
) RETURNS double precision /* Returned < f64 > */
IMMUTABLE STRICT PARALLEL SAFE COST 400
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_uncertainty_wrapper';

-- src/registration.rs
-- clip_pg::registration::clip_unregister_model
CREATE  FUNCTION "clip_unregister_model"(
	"name" text /* Text */
) RETURNS VOID /* Returned < () > */
STRICT VOLATILE PARALLEL UNSAFE
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_unregister_model_wrapper';

-- src/registration.rs
-- requires:
--   clip_register_model
--   clip_unregister_model
--   models

-- The registry's view, rights and comments. The functions are declared in src/registration.rs.

CREATE VIEW clip_models AS
SELECT name, dimensions, image_size, context_length, logit_scale, logit_bias, logit_source, activation, tokenization,
       preprocessing, text_tower, image_tower, caveats, options, sha256, directory, loaded, built_in
FROM clip_models();

GRANT SELECT ON clip_models TO PUBLIC;

REVOKE EXECUTE ON FUNCTION clip_register_model(text, text, jsonb) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION clip_unregister_model(text) FROM PUBLIC;

COMMENT ON FUNCTION clip_register_model(text, text, jsonb) IS
'registers the model in a directory of the server under a name; options override what its files say; not undone by ROLLBACK';
COMMENT ON FUNCTION clip_unregister_model(text) IS
'takes a model out of use; its name stays bound to it; not undone by ROLLBACK';
COMMENT ON FUNCTION clip_models() IS
'registered models; use the view of the same name';

COMMENT ON VIEW clip_models IS 'registered models of this server';
COMMENT ON COLUMN clip_models.name IS 'name the model is registered under';
COMMENT ON COLUMN clip_models.dimensions IS 'length of an embedding';
COMMENT ON COLUMN clip_models.image_size IS 'height and width of the pixels that the model takes';
COMMENT ON COLUMN clip_models.context_length IS 'tokens of a text that the model reads at most';
COMMENT ON COLUMN clip_models.logit_scale IS 'factor from cosine similarity to logit';
COMMENT ON COLUMN clip_models.logit_bias IS 'added to the scaled similarity';
COMMENT ON COLUMN clip_models.logit_source IS
'where the factor comes from: options, the graph, the configuration, or what models of the family have';
COMMENT ON COLUMN clip_models.activation IS 'softmax over all labels, or sigmoid of each';
COMMENT ON COLUMN clip_models.tokenization IS 'how a text becomes token ids: cleaning, length, padding and special tokens';
COMMENT ON COLUMN clip_models.preprocessing IS 'how an image becomes pixels';
COMMENT ON COLUMN clip_models.text_tower IS
'files, inputs and output of the graph for texts, and whether it embeds several at once';
COMMENT ON COLUMN clip_models.image_tower IS
'files, inputs and output of the graph for images, and whether it embeds several at once';
COMMENT ON COLUMN clip_models.caveats IS 'what was assumed at registration, and what does not hold for the model';
COMMENT ON COLUMN clip_models.options IS 'options given at registration';
COMMENT ON COLUMN clip_models.sha256 IS 'identity: hash of the model''s files and of how they are used';
COMMENT ON COLUMN clip_models.directory IS 'where the files are; null without privileges of pg_read_server_files';
COMMENT ON COLUMN clip_models.loaded IS 'where the model is in memory: worker, backend, or null';
COMMENT ON COLUMN clip_models.built_in IS 'whether the model was installed with the extension';

-- src/classify/functions.rs
-- clip_pg::classify::functions::clip_with_thresholds
CREATE  FUNCTION "clip_with_thresholds"(
	"classifier" clip_classifier, /* Stored < '_ > */
	"labels" text[], /* Array < Text > */
	"thresholds" double precision[] /* Array < f64 > */
) RETURNS clip_classifier /* Returned < Value > */
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'clip_with_thresholds_wrapper';

-- src/classify/mod.rs
-- requires:
--   classifier
--   clip_classifier
--   classifier_by_default
--   clip_embed_support
--   clip_classify
--   clip_classify_image
--   clip_label
--   clip_labels
--   clip_uncertainty
--   clip_with_thresholds

-- Rows and comments of the classification functions, which are declared in src/classify/, and its aggregates.

-- Without it, clip_classifier('{map,portrait}') would be a cast to the type of this name.
CREATE FUNCTION clip_classifier(labels unknown) RETURNS clip_classifier
    AS 'MODULE_PATHNAME', 'clip_classifier_of_literal_wrapper' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000000
    SUPPORT clip_embed_support;
COMMENT ON FUNCTION clip_classifier(unknown) IS
'classifier out of a literal array of labels, by the model that clip_pg.model names';

COMMENT ON FUNCTION clip_classifier(text[], text[], text[], text[], text[], text) IS
'classifier out of labels, their prompts and templates, by the named model or the one that clip_pg.model names';
COMMENT ON FUNCTION clip_classifier(text[], text[], text, text[], text[], text[]) IS
'classifier out of labels, their prompts and templates, by the named model';

ALTER FUNCTION clip_classify(clip_vector, clip_classifier, integer, double precision, double precision) ROWS 10;
COMMENT ON FUNCTION clip_classify(clip_vector, clip_classifier, integer, double precision, double precision) IS
'labels of the picture with this embedding, the likeliest first, NULL for none of these';
ALTER FUNCTION clip_classify_image(bytea, clip_classifier, integer, double precision, double precision) ROWS 10;
COMMENT ON FUNCTION clip_classify_image(bytea, clip_classifier, integer, double precision, double precision) IS
'labels of an image file, the likeliest first, NULL for none of these';
COMMENT ON FUNCTION clip_label(clip_vector, clip_classifier, double precision) IS
'likeliest label of the picture with this embedding, NULL for none of these';
COMMENT ON FUNCTION clip_labels(clip_vector, clip_classifier, integer, double precision, double precision) IS
'labels that count for the picture with this embedding, the likeliest first';
COMMENT ON FUNCTION clip_uncertainty(clip_vector, clip_classifier) IS
'how unsure the classifier is: 1 less the lead of the likeliest label over the second';
COMMENT ON FUNCTION clip_with_thresholds(clip_classifier, text[], double precision[]) IS
'classifier with other thresholds for these labels';

-- Calibration

CREATE FUNCTION clip_calibrate_accum(internal, text, clip_vector, clip_classifier) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_calibrate_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION clip_calibrate_accum(internal, text, clip_vector, clip_classifier) IS 'aggregate transition function';

CREATE FUNCTION clip_calibrate_biases_accum(internal, text, clip_vector, clip_classifier, boolean) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_calibrate_biases_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION clip_calibrate_biases_accum(internal, text, clip_vector, clip_classifier, boolean) IS 'aggregate transition function';

CREATE FUNCTION clip_debias_accum(internal, clip_vector, clip_classifier) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_debias_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION clip_debias_accum(internal, clip_vector, clip_classifier) IS 'aggregate transition function';

CREATE FUNCTION clip_debias_shares_accum(internal, clip_vector, clip_classifier, double precision[]) RETURNS internal
    AS 'MODULE_PATHNAME', 'clip_debias_shares_accum_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION clip_debias_shares_accum(internal, clip_vector, clip_classifier, double precision[]) IS 'aggregate transition function';

CREATE FUNCTION clip_calibrate_final(internal) RETURNS clip_classifier
    AS 'MODULE_PATHNAME', 'clip_calibrate_final_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION clip_calibrate_final(internal) IS 'aggregate final function';

CREATE AGGREGATE clip_calibrate(truth text, embedding clip_vector, classifier clip_classifier) (
    SFUNC = clip_calibrate_accum,
    STYPE = internal,
    SSPACE = 65536,
    FINALFUNC = clip_calibrate_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_calibrate(text, clip_vector, clip_classifier) IS
'the classifier with the temperature by which the labels of the rows are likeliest';

CREATE AGGREGATE clip_calibrate(truth text, embedding clip_vector, classifier clip_classifier, biases boolean) (
    SFUNC = clip_calibrate_biases_accum,
    STYPE = internal,
    SSPACE = 65536,
    FINALFUNC = clip_calibrate_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_calibrate(text, clip_vector, clip_classifier, boolean) IS
'the classifier with the temperature, and if wanted a bias for each class, by which the labels of the rows are likeliest';

CREATE AGGREGATE clip_debias(embedding clip_vector, classifier clip_classifier) (
    SFUNC = clip_debias_accum,
    STYPE = internal,
    SSPACE = 65536,
    FINALFUNC = clip_calibrate_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_debias(clip_vector, clip_classifier) IS
'the classifier with biases by which all of its classes have the same mean probability';

CREATE AGGREGATE clip_debias(embedding clip_vector, classifier clip_classifier, shares double precision[]) (
    SFUNC = clip_debias_shares_accum,
    STYPE = internal,
    SSPACE = 65536,
    FINALFUNC = clip_calibrate_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE clip_debias(clip_vector, clip_classifier, double precision[]) IS
'the classifier with biases by which the mean probability of each class is its share, in the order of the classes';

-- src/inference/worker/stats.rs
-- clip_pg::inference::worker::stats::clip_worker_stats
CREATE  FUNCTION "clip_worker_stats"() RETURNS TABLE (
	"pid" INT,  /* Option < i32 > */
	"started_at" timestamp with time zone,  /* Option < TimestampWithTimeZone > */
	"restarts" bigint,  /* i64 */
	"requests" bigint,  /* i64 */
	"batches" bigint,  /* i64 */
	"mean_batch_size" double precision,  /* Option < f64 > */
	"queue_time" double precision,  /* f64 */
	"inference_time" double precision,  /* f64 */
	"memo_hits" bigint,  /* i64 */
	"memo_misses" bigint  /* i64 */
)
STRICT VOLATILE PARALLEL SAFE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'worker_stats_wrapper';

-- src/inference/worker/stats.rs
-- requires:
--   worker_stats

-- The worker's view and comments. The function is declared in src/inference/worker/stats.rs.

CREATE VIEW clip_worker_stats AS
SELECT pid, started_at, restarts, requests, batches, mean_batch_size, queue_time, inference_time, memo_hits, memo_misses
FROM clip_worker_stats();

GRANT SELECT ON clip_worker_stats TO PUBLIC;

COMMENT ON FUNCTION clip_worker_stats() IS
'the background worker that runs models; use the view of the same name';

COMMENT ON VIEW clip_worker_stats IS
'the background worker that runs models for all sessions, and what it has done since the server was started; empty unless clip_pg is in shared_preload_libraries';
COMMENT ON COLUMN clip_worker_stats.pid IS 'its process; null while it is being started again';
COMMENT ON COLUMN clip_worker_stats.started_at IS 'when it was started';
COMMENT ON COLUMN clip_worker_stats.restarts IS 'times that it was started again after it had ended';
COMMENT ON COLUMN clip_worker_stats.requests IS 'texts and images that it has embedded, or tried to';
COMMENT ON COLUMN clip_worker_stats.batches IS 'runs of a model';
COMMENT ON COLUMN clip_worker_stats.mean_batch_size IS 'texts or images per run';
COMMENT ON COLUMN clip_worker_stats.queue_time IS 'milliseconds that requests have waited for their run, summed up';
COMMENT ON COLUMN clip_worker_stats.inference_time IS 'milliseconds that runs have taken, loading of models included';
COMMENT ON COLUMN clip_worker_stats.memo_hits IS 'texts whose embedding was remembered from another call';
COMMENT ON COLUMN clip_worker_stats.memo_misses IS 'texts whose embedding was not remembered';

-- src/embed/image.rs
-- clip_pg::embed::image::page_info

CREATE FUNCTION clip_image_info(
    image bytea, page integer,
    OUT format text, OUT width integer, OUT height integer, OUT orientation integer, OUT frames integer, OUT decodable boolean)
IMMUTABLE STRICT PARALLEL SAFE COST 100 LANGUAGE c AS 'MODULE_PATHNAME', 'page_info_wrapper';

-- src/embed/functions.rs
-- requires:
--   embed_text_by_default
--   clip_embed_text
--   embed_texts_by_default
--   clip_embed_texts
--   embed_image_by_default
--   clip_embed_image
--   embed_page
--   embed_images_by_default
--   clip_embed_images
--   embed_image_regions
--   embed_image_pages
--   clip_embed_support
--   clip_image_info
--   page_info
--   clip_image_pages
--   clip_image_metadata
--   clip_thumbnail
--   page_thumbnail
--   clip_query

-- Comments of the embedding functions, which are declared in src/embed/.

COMMENT ON FUNCTION clip_embed_text(text) IS
'embedding of a text by the model that clip_pg.model names';
COMMENT ON FUNCTION clip_embed_text(text, text) IS
'embedding of a text by the named model';
COMMENT ON FUNCTION clip_embed_texts(text[]) IS
'embeddings of texts by the model that clip_pg.model names';
COMMENT ON FUNCTION clip_embed_texts(text[], text) IS
'embeddings of texts by the named model';
COMMENT ON FUNCTION clip_embed_image(bytea) IS
'embedding of an image file by the model that clip_pg.model names';
COMMENT ON FUNCTION clip_embed_image(bytea, text, text) IS
'embedding of an image file, or of a region of it (IIIF: full, square, x,y,w,h, pct:x,y,w,h), by the named model';
COMMENT ON FUNCTION clip_embed_image(bytea, text, integer, text) IS
'embedding of a page of an image file, from 1, or of a region of it, by the named model';
COMMENT ON FUNCTION clip_embed_images(bytea[]) IS
'embeddings of image files by the model that clip_pg.model names';
COMMENT ON FUNCTION clip_embed_images(bytea[], text) IS
'embeddings of image files by the named model';
COMMENT ON FUNCTION clip_embed_images(bytea[], text, text[]) IS
'embeddings of a region of each image file by the named model';
COMMENT ON FUNCTION clip_embed_images(bytea[], text, integer[], text[]) IS
'embeddings of a page of each image file, from 1, or of a region of it, by the named model';
COMMENT ON FUNCTION clip_embed_support(internal) IS
'planner support function: charges a model that runs once as start-up cost';
COMMENT ON FUNCTION clip_query(text[], bytea[], text[], bytea[], clip_vector[], clip_vector[], double precision[], text, text) IS
'unit vector in the direction of the weighted mean of texts, images and vectors, less others; one weight for each, in the order of the arguments';
COMMENT ON FUNCTION clip_image_info(bytea) IS
'format, size, EXIF orientation and number of frames from the header of an image file, and whether its variant of the format is one that is read, given the libraries that clip_pg_formats lists';
COMMENT ON FUNCTION clip_image_info(bytea, integer) IS
'the same of a page of an image file, from 1';
ALTER FUNCTION clip_image_pages(bytea) ROWS 10;
COMMENT ON FUNCTION clip_image_pages(bytea) IS
'pages of a TIFF, frames of an animation: number, size as stored, kind (full, reduced, mask, preview), title, and whether the page can be embedded here';
COMMENT ON FUNCTION clip_image_metadata(bytea) IS
'what an image file says of its picture: title, description, keywords, creator, rights, taken, and the fields of EXIF, IPTC and XMP';
COMMENT ON FUNCTION clip_thumbnail(bytea, integer, text, integer) IS
'JPEG in sRGB of an image or a region of it, upright, its longer side at most max_side pixels; quality is between 1 and 100';
COMMENT ON FUNCTION clip_thumbnail(bytea, integer, integer, text, integer) IS
'the same of a page of an image file, from 1';

-- src/ingest/mod.rs
-- requires:
--   vector
--   embed
--   models

-- Keeping embeddings current: what src/ingest/ is for in SQL.
--
-- A trigger is the configuration, see src/ingest/mod.rs. Nothing is kept elsewhere.

CREATE FUNCTION clip_pg.auto_embed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'auto_embed_wrapper' LANGUAGE C;
COMMENT ON FUNCTION clip_pg.auto_embed() IS
'trigger of clip_auto_embed; its arguments are the model, the mode and the model''s SHA-256, its condition names the columns';

CREATE FUNCTION clip_pg.tell_at_commit() RETURNS void
    AS 'MODULE_PATHNAME', 'tell_at_commit_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.tell_at_commit() IS
'has the queues of this database looked at when the transaction commits';

CREATE VIEW clip_pg.auto_embed_trigger AS
SELECT trigger.tgrelid::pg_catalog.regclass AS relation,
       uses.source,
       uses.target,
       pg_catalog.split_part(pg_catalog.encode(trigger.tgargs, 'escape'), E'\\000', 1) AS model,
       pg_catalog.split_part(pg_catalog.encode(trigger.tgargs, 'escape'), E'\\000', 2) AS mode,
       pg_catalog.split_part(pg_catalog.encode(trigger.tgargs, 'escape'), E'\\000', 3) AS sha256,
       trigger.tgname AS trigger,
       uses.page,
       uses.region
FROM pg_catalog.pg_trigger trigger
-- The trigger's condition makes it depend on its columns; the types tell them apart. Texts are the source where there is no
-- image, else regions.
CROSS JOIN LATERAL (
    SELECT coalesce(k.image, k.text)::pg_catalog.name AS source, k.target::pg_catalog.name, k.page::pg_catalog.name,
           CASE WHEN k.image IS NOT NULL THEN k.text END::pg_catalog.name AS region
    FROM (
        SELECT pg_catalog.min(u.name) FILTER (WHERE u.type OPERATOR(pg_catalog.=) 'clip_vector'::pg_catalog.regtype) AS target,
               pg_catalog.min(u.name) FILTER (WHERE u.type OPERATOR(pg_catalog.=) ANY ('{bytea,oid}'::pg_catalog.regtype[])) AS image,
               pg_catalog.min(u.name) FILTER (WHERE u.type OPERATOR(pg_catalog.=) ANY ('{text,varchar}'::pg_catalog.regtype[])) AS text,
               pg_catalog.min(u.name) FILTER (WHERE u.type OPERATOR(pg_catalog.=) 'integer'::pg_catalog.regtype) AS page
        FROM (
            SELECT a.attname::pg_catalog.text AS name, clip_pg.base_type(a.atttypid)::pg_catalog.oid AS type
            FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_attribute a
              ON a.attrelid OPERATOR(pg_catalog.=) d.refobjid AND a.attnum OPERATOR(pg_catalog.=) d.refobjsubid
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass
              AND d.objid OPERATOR(pg_catalog.=) trigger.oid
              AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass) u) k) uses
WHERE trigger.tgfoid OPERATOR(pg_catalog.=) 'clip_pg.auto_embed()'::pg_catalog.regprocedure
  AND trigger.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid
  AND uses.source IS NOT NULL AND uses.target IS NOT NULL;
GRANT SELECT ON clip_pg.auto_embed_trigger TO PUBLIC;
COMMENT ON VIEW clip_pg.auto_embed_trigger IS 'triggers that clip_auto_embed made; those of partitions count as their table''s';

CREATE VIEW clip_pg.auto_embed AS
SELECT relation, source, target, model, mode, sha256, trigger, page, region
FROM clip_pg.auto_embed_trigger own
JOIN pg_catalog.pg_class class ON class.oid OPERATOR(pg_catalog.=) own.relation
WHERE NOT (class.relispartition AND EXISTS (
    SELECT FROM pg_catalog.pg_partition_ancestors(own.relation) above, clip_pg.auto_embed_trigger its
    WHERE above.relid OPERATOR(pg_catalog.<>) own.relation
      AND its.relation OPERATOR(pg_catalog.=) above.relid
      AND its.target OPERATOR(pg_catalog.=) own.target));
GRANT SELECT ON clip_pg.auto_embed TO PUBLIC;
COMMENT ON VIEW clip_pg.auto_embed IS
'columns that clip_auto_embed keeps current; partitions count as their table, also those that were attached with a trigger of their own';

CREATE FUNCTION clip_pg.keeper(relation oid, target name) RETURNS clip_pg.auto_embed
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT a FROM clip_pg.auto_embed a
    WHERE a.target = keeper.target
      AND (a.relation = keeper.relation OR a.relation IN (SELECT p.relid FROM pg_partition_ancestors(keeper.relation) p))
$$;
COMMENT ON FUNCTION clip_pg.keeper(oid, name) IS
'how a column of a table or a partition is kept current; null where it is not';

CREATE FUNCTION clip_column_model(relation regclass, target name) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (clip_pg.keeper(relation, target)).model
$$;
COMMENT ON FUNCTION clip_column_model(regclass, name) IS
'name of the model by which clip_auto_embed keeps a column current; null where it does not';

CREATE FUNCTION clip_pg.sample(relation oid, source text, target text, page_column text, region_column text, OUT image bytea,
                               OUT text text, OUT page integer, OUT region text, OUT vector clip_vector)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'sample_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.sample(oid, text, text, text, text) IS
'source and target of a row that has both, and which part of the source is meant, as the table''s owner';

CREATE FUNCTION clip_pg.fitting_name(prefix text, stem text, suffix text) RETURNS name
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    room CONSTANT integer := 63 - octet_length(prefix) - octet_length(suffix);
    digest CONSTANT text := '_' || left(encode(sha256(convert_to(stem, getdatabaseencoding())), 'hex'), 8);
BEGIN
    IF octet_length(stem) > room THEN
        WHILE octet_length(stem) > room - octet_length(digest) LOOP
            stem := left(stem, -1);
        END LOOP;
        stem := stem || digest;
    END IF;
    RETURN prefix || stem || suffix;
END $$;
COMMENT ON FUNCTION clip_pg.fitting_name(text, text, text) IS
'a name of up to 63 bytes; what does not fit of the stem is stood for by a hash of it';

CREATE FUNCTION clip_pg.pending_indexes(relation oid, source text, target text) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.indexrelid FROM pg_index i
    WHERE i.indrelid = relation
      AND pg_get_expr(i.indpred, i.indrelid) = format('((%I IS NOT NULL) AND (%I IS NULL))', source, target)
      AND pg_get_indexdef(i.indexrelid, 1, true) = format('(%I IS NULL)', target)
$$;
COMMENT ON FUNCTION clip_pg.pending_indexes(oid, text, text) IS 'indexes that hold the pending rows of a table, as clip_auto_embed makes them';

CREATE FUNCTION clip_pg.index_pending(relation regclass, source name, target name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
    index name;
BEGIN
    -- Partitions first: the index of a table takes those of its partitions in, which would else get names that people
    -- expect of other indexes.
    FOR part IN
        SELECT c.oid::regclass AS name, c.relname, c.relnamespace
        FROM pg_class c
        WHERE (c.oid = relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
          AND NOT EXISTS (SELECT FROM clip_pg.pending_indexes(c.oid, source, target))
        ORDER BY (SELECT count(*) FROM pg_partition_ancestors(c.oid)) DESC, c.oid::regclass::text
    LOOP
        SELECT n.name INTO index
        FROM generate_series(0, 2000) i,
             LATERAL (SELECT clip_pg.fitting_name('', part.relname || '_' || target,
                                                  '_pending' || CASE i WHEN 0 THEN '' ELSE i::text END) AS name) n
        WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.relname = n.name AND c.relnamespace = part.relnamespace)
        ORDER BY i LIMIT 1;
        -- The key is the same for all, and of a type whose equal keys the server keeps once a page.
        EXECUTE format('CREATE INDEX %I ON %s ((%I IS NULL)) WHERE %I IS NOT NULL AND %I IS NULL', index, part.name, target, source, target);
    END LOOP;
END $$;
COMMENT ON FUNCTION clip_pg.index_pending(regclass, name, name) IS
'makes an index by which what is left to do is found without reading the table';

CREATE FUNCTION clip_pg.resolve_model(INOUT model text, OUT dimensions integer, OUT sha256 text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'resolve_model_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.resolve_model(text) IS
'a registered model, the one of clip_pg.model for null; an error where it is not registered';

CREATE FUNCTION clip_pg.is_of_other_model(relation oid, source text, target text, page text, region text, model text) RETURNS boolean
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT CASE WHEN vector_dims(v.made) OPERATOR(pg_catalog.=) vector_dims(v.known)
                THEN clip_similarity(v.made, v.known) OPERATOR(pg_catalog.<) 0.98::double precision
                ELSE v.made IS NOT NULL END
    FROM (SELECT coalesce(clip_embed_image(s.image, is_of_other_model.model, s.page, coalesce(s.region, 'full')),
                          clip_embed_image(s.image, is_of_other_model.model, coalesce(s.region, 'full')),
                          clip_embed_text(s.text, is_of_other_model.model)) AS made,
                 s.vector AS known
          FROM clip_pg.sample(relation, source, target, page, region) s) v;
END;
COMMENT ON FUNCTION clip_pg.is_of_other_model(oid, text, text, text, text, text) IS
'whether a row''s target is not what a model makes of its source, as far as one row shows; null without rows';

CREATE FUNCTION clip_auto_embed(relation regclass, source name, target name, model text DEFAULT NULL,
                                mode text DEFAULT 'trigger', page name DEFAULT NULL, region name DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    class record;
    source_type oid;
    target_type oid;
    typmod integer;
    dimensions integer;
    sha256 text;
    foreign_vectors boolean;
    generated boolean;
    keeper regclass;
    trigger name;
    part record;
BEGIN
    IF relation IS NULL OR source IS NULL OR target IS NULL OR mode IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'relation, source, target and mode must not be null';
    END IF;
    SELECT c.relkind, c.relowner, c.relname, n.nspname AS schema INTO class
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
    IF NOT FOUND THEN
        RAISE undefined_table USING MESSAGE = format('relation with OID %s does not exist', relation::oid);
    END IF;
    IF class.relkind NOT IN ('r', 'p') THEN
        RAISE wrong_object_type USING MESSAGE = format('%s is not a table', relation);
    END IF;
    IF NOT pg_has_role(class.relowner, 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('must be owner of table %s', relation);
    END IF;
    IF mode NOT IN ('trigger', 'queue') THEN
        RAISE invalid_parameter_value USING MESSAGE = format('unknown mode "%s"', mode),
            HINT = 'Modes are trigger, which embeds a row as it is written, and queue, which leaves that to clip_backfill.';
    END IF;
    SELECT c.oid::regclass AS name INTO part
    FROM pg_partition_tree(relation) p JOIN pg_class c ON c.oid = p.relid
    WHERE mode = 'queue' AND c.relkind = 'f'
    ORDER BY c.oid::regclass::text LIMIT 1;
    IF FOUND THEN
        RAISE feature_not_supported USING
            MESSAGE = format('table %s cannot have mode queue: its partition %s is a foreign table', relation, part.name),
            DETAIL = 'What is pending is embedded where rows can be locked and be told apart by their places.',
            HINT = 'Have it embedded by the server that holds it, and call clip_auto_embed() for the other partitions; or use mode trigger.';
    END IF;
    FOR part IN
        SELECT c.oid::regclass AS name, o.rolname AS owner
        FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
        WHERE (c.oid = relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
          AND c.relkind = 'r' AND c.relrowsecurity AND c.relforcerowsecurity AND NOT o.rolsuper AND NOT o.rolbypassrls
        ORDER BY c.oid::regclass::text
    LOOP
        RAISE WARNING USING
            MESSAGE = format('rows of table %s that its policies hide from role "%s" cannot be embedded later', part.name, part.owner),
            DETAIL = 'Row security is forced upon the owner, as whom what is pending is embedded and counted.',
            HINT = 'Give the owner a policy that shows all rows, or BYPASSRLS.';
    END LOOP;
    FOR part IN
        SELECT i.inhrelid::regclass AS name FROM pg_inherits i
        WHERE i.inhparent = relation AND class.relkind = 'r'
        ORDER BY i.inhrelid::regclass::text
    LOOP
        RAISE WARNING USING
            MESSAGE = format('rows of table %s, which inherits from table %s, are not kept current', part.name, relation),
            DETAIL = 'A table''s triggers are not those of tables that inherit from it.',
            HINT = 'Call clip_auto_embed() for it, too.';
    END LOOP;

    SELECT clip_pg.base_type(a.atttypid), a.attgenerated <> '' INTO source_type, generated
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attname = source AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE undefined_column USING MESSAGE = format('column "%s" of table %s does not exist', source, relation);
    END IF;
    IF generated THEN
        RAISE wrong_object_type USING
            MESSAGE = format('column "%s" of table %s is a generated column', source, relation),
            HINT = 'Triggers do not see its value before it is stored. Have the vector generated, too, instead.';
    END IF;
    IF source_type NOT IN ('bytea'::regtype, 'text'::regtype, 'varchar'::regtype, 'oid'::regtype) THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('column "%s" of table %s is of type %s', source, relation, format_type(source_type, NULL)),
            HINT = 'Images are bytea or the OID of a large object, texts are text or character varying.';
    END IF;
    FOR part IN
        SELECT p.column_name, p.wanted, a.attnum, clip_pg.base_type(a.atttypid) AS type, a.attgenerated <> '' AS generated
        FROM (VALUES (page, 'integer'::regtype), (region, 'text'::regtype)) p (column_name, wanted)
        LEFT JOIN pg_attribute a ON a.attrelid = relation AND a.attname = p.column_name AND a.attnum > 0 AND NOT a.attisdropped
        WHERE p.column_name IS NOT NULL
    LOOP
        IF part.attnum IS NULL THEN
            RAISE undefined_column USING MESSAGE = format('column "%s" of table %s does not exist', part.column_name, relation);
        END IF;
        IF source_type NOT IN ('bytea'::regtype, 'oid'::regtype) THEN
            RAISE invalid_parameter_value USING MESSAGE = format('texts have no pages and regions, as column "%s" is to tell them', part.column_name);
        END IF;
        IF part.type <> part.wanted THEN
            RAISE datatype_mismatch USING
                MESSAGE = format('column "%s" of table %s is of type %s', part.column_name, relation, format_type(part.type, NULL)),
                HINT = 'Numbers of pages are integer, regions are text.';
        END IF;
        IF part.generated THEN
            RAISE wrong_object_type USING
                MESSAGE = format('column "%s" of table %s is a generated column', part.column_name, relation),
                HINT = 'Triggers do not see its value before it is stored.';
        END IF;
    END LOOP;
    SELECT clip_pg.base_type(a.atttypid), clip_pg.base_modifier(a.atttypid, a.atttypmod), a.attgenerated <> ''
    INTO target_type, typmod, generated
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attname = target AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RAISE undefined_column USING MESSAGE = format('column "%s" of table %s does not exist', target, relation),
            HINT = 'Add it as clip_vector(512), say, the dimensions being those of the model.';
    END IF;
    IF target_type <> clip_pg.vector_type() THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('column "%s" of table %s is of type %s', target, relation, format_type(target_type, NULL)),
            HINT = 'An embedding is kept in a column of type clip_vector.';
    END IF;
    IF generated THEN
        RAISE wrong_object_type USING
            MESSAGE = format('column "%s" of table %s is a generated column', target, relation),
            HINT = 'The server keeps it current by itself.';
    END IF;
    SELECT a.attrelid::regclass AS name INTO part
    FROM pg_attribute a
    WHERE mode = 'queue' AND a.attname = target
      AND (a.attrelid = relation OR a.attrelid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
      AND (a.attnotnull OR EXISTS (
          WITH RECURSIVE kind AS (
              SELECT t.typbasetype, t.typnotnull FROM pg_type t WHERE t.oid = a.atttypid
              UNION ALL SELECT t.typbasetype, t.typnotnull FROM kind k JOIN pg_type t ON t.oid = k.typbasetype)
          SELECT FROM kind k WHERE k.typnotnull))
    ORDER BY a.attrelid::regclass::text LIMIT 1;
    IF FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table %s cannot have mode queue: column "%s" of table %s cannot be null', relation, target, part.name),
            DETAIL = 'A row is written without its embedding, which comes later.',
            HINT = 'Drop NOT NULL, or use mode trigger.';
    END IF;

    SELECT m.model, m.dimensions, m.sha256 INTO model, dimensions, sha256 FROM clip_pg.resolve_model(model) m;
    IF typmod <> -1 AND typmod <> dimensions THEN
        RAISE data_exception USING MESSAGE = format('column "%s" of table %s is of type %s, model "%s" has %s dimensions',
            target, relation, format_type(target_type, typmod), model, dimensions);
    END IF;
    -- A trigger of a partitioned table is one of its partitions, too.
    SELECT a.relation INTO keeper FROM clip_pg.auto_embed a
    WHERE a.target = target
      AND (a.relation = relation OR a.relation IN (SELECT p.relid FROM pg_partition_ancestors(relation) p)
           OR a.relation IN (SELECT p.relid FROM pg_partition_tree(relation) p))
    ORDER BY a.relation::text LIMIT 1;
    IF FOUND THEN
        RAISE duplicate_object USING MESSAGE = format('column "%s" of table %s is kept current already', target, keeper),
            HINT = 'End that with clip_auto_embed_remove() first.';
    END IF;

    -- One row shows whether what the column holds is by the model.
    BEGIN
        foreign_vectors := clip_pg.is_of_other_model(relation, source, target, page, region, model);
    EXCEPTION WHEN data_exception OR feature_not_supported OR program_limit_exceeded THEN
        -- The image is at fault.
        foreign_vectors := false;
    END;
    IF foreign_vectors THEN
        RAISE data_exception USING MESSAGE = format('column "%s" of table %s holds vectors that model "%s" does not make',
            target, relation, model),
            HINT = 'Embed into another column, and drop this one when that is full; or remove the vectors first.';
    END IF;

    -- Triggers fire in the order of their names: what others make of the source is what is embedded. The name is one that
    -- no table has that may become a partition of this one, or this of it.
    SELECT n.name INTO trigger
    FROM generate_series(0, 2000) i,
         LATERAL (SELECT clip_pg.fitting_name('zzz_clip_auto_embed_', concat_ws('_', class.schema, class.relname, target),
                                              CASE i WHEN 0 THEN '' ELSE i::text END) AS name) n
    WHERE NOT EXISTS (SELECT FROM pg_trigger t
                      WHERE (t.tgrelid = relation OR t.tgrelid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
                        AND t.tgname = n.name)
    ORDER BY i LIMIT 1;
    EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %s FOR EACH ROW '
        'WHEN (NEW.%I IS NOT NULL OR NEW.%I IS NOT NULL%s%s) EXECUTE FUNCTION clip_pg.auto_embed(%L, %L, %L)',
        trigger, relation, source, target, CASE WHEN page IS NOT NULL THEN format(' OR NEW.%I IS NOT NULL', page) END,
        CASE WHEN region IS NOT NULL THEN format(' OR NEW.%I IS NOT NULL', region) END,
        model, mode, sha256);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', relation, trigger);
    IF mode = 'queue' THEN
        PERFORM clip_pg.index_pending(relation, source, target);
        PERFORM clip_pg.tell_at_commit();
    END IF;
END $$;
COMMENT ON FUNCTION clip_auto_embed(regclass, name, name, text, text, name, name) IS
'keeps the embeddings in column target current with the images or texts in column source; columns page and region tell which part of an image is embedded';

CREATE FUNCTION clip_auto_embed_remove(relation regclass, target name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    trigger name;
    source name;
    pending regclass;
BEGIN
    IF relation IS NULL OR target IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'relation and target must not be null';
    END IF;
    SELECT a.trigger, a.source INTO trigger, source
    FROM clip_pg.auto_embed_trigger a WHERE a.relation = relation AND a.target = target;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('column "%s" of table %s is not kept current', target, relation),
            HINT = 'The view clip_pg.auto_embed lists the columns that are.';
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %s', trigger, relation);
    FOR pending IN
        SELECT p FROM clip_pg.pending_indexes(relation, source, target) p
        -- One that is part of an index of the table that this one is a partition of goes with that.
        WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = p)
    LOOP
        EXECUTE format('DROP INDEX %s', pending);
    END LOOP;
END $$;
COMMENT ON FUNCTION clip_auto_embed_remove(regclass, name) IS
'ends what clip_auto_embed began; the embeddings stay';

CREATE FUNCTION clip_pg.mark(tables oid[], statement text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'mark_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.mark(oid[], text) IS
'runs an UPDATE that marks rows of tables as pending by a target that is null';

CREATE FUNCTION clip_pg.marking(relation regclass, target name, condition text, OUT tables oid[], OUT statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    keeper clip_pg.auto_embed := clip_pg.keeper(relation, target);
    part regclass;
BEGIN
    IF keeper.relation IS NULL THEN
        RAISE undefined_object USING MESSAGE = format('column "%s" of table %s is not kept current', target, relation),
            HINT = 'The view clip_pg.auto_embed lists the columns that are.';
    END IF;
    SELECT c.oid INTO part FROM pg_class c
    WHERE (c.oid = relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(relation) p)) AND c.relkind = 'f'
    ORDER BY c.oid::regclass::text LIMIT 1;
    IF FOUND THEN
        RAISE feature_not_supported USING MESSAGE = format('rows of foreign table %s cannot be marked', part),
            DETAIL = 'They are only embedded as they are written.',
            HINT = 'Name the partitions that are not foreign, one by one.';
    END IF;
    tables := ARRAY(SELECT relation::oid UNION SELECT p.relid FROM pg_partition_tree(relation) p);
    -- The condition may end with a comment.
    SELECT format(E'UPDATE %s%s SET %I = NULL WHERE %I IS NOT NULL AND (%s\n)',
                  CASE WHEN c.relkind = 'r' THEN 'ONLY ' END, relation, target, keeper.source, condition)
    INTO statement FROM pg_class c WHERE c.oid = relation;
END $$;
COMMENT ON FUNCTION clip_pg.marking(regclass, name, text) IS 'arguments of clip_pg.mark()';

-- Sets no search path: the condition is the caller's.
CREATE FUNCTION clip_mark_pending(relation regclass, target name, condition text DEFAULT 'true') RETURNS bigint
LANGUAGE sql STRICT AS $$
    SELECT clip_pg.mark(m.tables, m.statement) FROM clip_pg.marking($1, $2, $3) m
$$;
COMMENT ON FUNCTION clip_mark_pending(regclass, name, text) IS
'marks the rows of a table that satisfy a condition to be embedded again; returns how many';

-- Rows that could not be embedded. Not dumped: they are tried again after a restore. pg_upgrade keeps the table and what
-- it refers to.
CREATE TABLE clip_pg.embed_error (
    relation regclass,
    target name,
    hash bytea,
    owner oid NOT NULL,
    key jsonb NOT NULL,
    version text NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    attempts integer NOT NULL,
    at timestamptz NOT NULL,
    retry_at timestamptz,
    PRIMARY KEY (relation, target, hash)
);
COMMENT ON TABLE clip_pg.embed_error IS 'see the view clip_embed_errors';
COMMENT ON COLUMN clip_pg.embed_error.hash IS 'clip_pg.key_hash of the key, which may be too long for an index';
COMMENT ON COLUMN clip_pg.embed_error.owner IS
'owner of the table then: once it changes, the row is tried again; the number of a table that is gone may become that of another owner''s';
COMMENT ON COLUMN clip_pg.embed_error.version IS 'transaction that wrote the row: once it changes, the row is tried again';

CREATE FUNCTION clip_pg.key_hash(key text) RETURNS bytea LANGUAGE sql STABLE STRICT AS $$
    SELECT pg_catalog.sha256(pg_catalog.convert_to(key, pg_catalog.getdatabaseencoding()))
$$;
COMMENT ON FUNCTION clip_pg.key_hash(text) IS 'what stands for the key of a row in the index of clip_pg.embed_error';

CREATE VIEW clip_embed_errors WITH (security_barrier) AS
SELECT e.relation, e.target, e.key, e.sqlstate, e.message, e.attempts, e.at, e.retry_at
FROM clip_pg.embed_error e
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) e.relation AND c.relowner OPERATOR(pg_catalog.=) e.owner
WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE');
GRANT SELECT ON clip_embed_errors TO PUBLIC;
COMMENT ON VIEW clip_embed_errors IS 'rows of the current user''s tables that clip_backfill could not embed';
COMMENT ON COLUMN clip_embed_errors.key IS 'primary key of the row, or where it is in a table without';
COMMENT ON COLUMN clip_embed_errors.retry_at IS 'when it is tried again unless it changes before; null: not before it changes';

CREATE VIEW clip_pg.listed_errors AS SELECT relation, target FROM clip_embed_errors;
GRANT SELECT ON clip_pg.listed_errors TO PUBLIC;
COMMENT ON VIEW clip_pg.listed_errors IS 'what clip_embed_errors lists, for functions';

CREATE FUNCTION clip_pg.count_embedded(relation oid, source text, target text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'count_embedded_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.count_embedded(oid, text, text) IS
'rows that have a target, as the table''s owner';

CREATE FUNCTION clip_pg.count_pending(relation oid, source text, target text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'count_pending_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.count_pending(oid, text, text) IS
'rows that have a source and no target, as the table''s owner';

CREATE FUNCTION clip_pg.embed_status(OUT relation regclass, OUT source name, OUT target name, OUT model text, OUT mode text,
                                     OUT embedded bigint, OUT pending bigint, OUT failed bigint, OUT fires text)
RETURNS SETOF record LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    trigger name;
BEGIN
    FOR relation, source, target, model, mode, trigger IN
        SELECT a.relation, a.source, a.target, a.model, a.mode, a.trigger
        FROM clip_pg.auto_embed a JOIN pg_class c ON c.oid = a.relation
        WHERE pg_has_role(c.relowner, 'USAGE') AND NOT pg_is_other_temp_schema(c.relnamespace)
        ORDER BY a.relation::text, a.target
    LOOP
        failed := NULL;
        fires := NULL;
        BEGIN
            SELECT count(*) INTO failed FROM clip_pg.listed_errors e
            WHERE e.target = embed_status.target
              AND (e.relation = embed_status.relation
                   OR e.relation IN (SELECT p.relid FROM pg_partition_tree(embed_status.relation) p));
            -- The least of what partitions have.
            SELECT k.fires INTO fires
            FROM pg_trigger t
            JOIN (VALUES ('D', 1, 'never'), ('R', 2, 'replica'), ('O', 3, 'origin'), ('A', 4, 'always')) k (enabled, n, fires)
              ON k.enabled = t.tgenabled::text
            WHERE t.tgname = trigger AND t.tgfoid = 'clip_pg.auto_embed()'::regprocedure
              AND (t.tgrelid = embed_status.relation
                   OR t.tgrelid IN (SELECT p.relid FROM pg_partition_tree(embed_status.relation) p))
            ORDER BY k.n LIMIT 1;
            SELECT coalesce(sum(clip_pg.count_embedded(c.oid, source, target)), 0),
                   coalesce(sum(clip_pg.count_pending(c.oid, source, target)), 0)
            INTO embedded, pending
            FROM pg_class c
            WHERE (c.oid = relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(relation) p))
              AND c.relkind IN ('r', 'f') AND pg_has_role(c.relowner, 'USAGE');
        EXCEPTION WHEN OTHERS THEN
            -- A policy of the table's, say, or somebody holds it locked. Others have their turn.
            RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = format('could not count rows of table %s: %s', relation, SQLERRM);
            embedded := NULL;
            pending := NULL;
        END;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION clip_pg.embed_status() IS 'use the view clip_embed_status';

CREATE VIEW clip_embed_status AS
SELECT relation, source, target, model, mode, embedded, pending, failed, fires FROM clip_pg.embed_status();
GRANT SELECT ON clip_embed_status TO PUBLIC;
COMMENT ON VIEW clip_embed_status IS
'columns that clip_auto_embed keeps current, in the current user''s tables; reads these tables to count';
COMMENT ON COLUMN clip_embed_status.pending IS
'rows with a source and no embedding that the table''s owner sees, those that failed among them; null: see the warning';
COMMENT ON COLUMN clip_embed_status.failed IS 'rows listed in clip_embed_errors';
COMMENT ON COLUMN clip_embed_status.fires IS
'when the trigger fires: always, as clip_auto_embed has it; otherwise as ALTER TABLE has left it, in a partition at least: origin, not for rows of replication; replica, for them alone; never';

-- src/ingest/backfill/mod.rs
-- requires:
--   ingest

-- Embedding what is pending: what src/ingest/backfill/ is for in SQL.

CREATE FUNCTION clip_pg.backfill_progress(OUT pid integer, OUT relation oid, OUT total bigint, OUT embedded bigint,
                                          OUT failed bigint, OUT began timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'backfill_progress_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.backfill_progress() IS 'use the view clip_backfill_progress';

CREATE VIEW clip_backfill_progress AS
SELECT pid, relation::pg_catalog.regclass AS relation, total, embedded, failed, rate,
       pg_catalog.now() OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs =>
           (pg_catalog.max(total) OVER sessions OPERATOR(pg_catalog.-) pg_catalog.sum(done) OVER sessions)::double precision
           OPERATOR(pg_catalog./) NULLIF(pg_catalog.sum(rate) OVER sessions, 0)) AS eta
FROM clip_pg.backfill_progress(),
LATERAL (SELECT embedded OPERATOR(pg_catalog.+) failed AS done) d,
LATERAL (SELECT done::double precision OPERATOR(pg_catalog./) NULLIF(EXTRACT(epoch FROM
    pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) began)::double precision, 0) AS rate) r
-- Several sessions may share the rows of a table.
WINDOW sessions AS (PARTITION BY relation);
GRANT SELECT ON clip_backfill_progress TO PUBLIC;
COMMENT ON VIEW clip_backfill_progress IS
'calls of clip_backfill that are at work in this database, those of the current user''s roles';
COMMENT ON COLUMN clip_backfill_progress.pid IS 'process of the session';
COMMENT ON COLUMN clip_backfill_progress.total IS 'rows that were pending when the call began';
COMMENT ON COLUMN clip_backfill_progress.embedded IS 'rows that this session has embedded';
COMMENT ON COLUMN clip_backfill_progress.failed IS 'rows that this session could not embed, see clip_embed_errors';
COMMENT ON COLUMN clip_backfill_progress.rate IS 'rows per second of this session';
COMMENT ON COLUMN clip_backfill_progress.eta IS
'when all sessions at work on the table will be through with it, at their rates so far';

-- Not by pg_partition_tree, which waits for locks: whoever locks a partitioned table would stop all.
CREATE VIEW clip_pg.auto_embed_part AS
WITH RECURSIVE part AS (
    SELECT a.relation::pg_catalog.oid AS part, a.relation::pg_catalog.oid AS relation, a.source, a.target, a.model, a.mode, a.sha256,
           a.page, a.region
    FROM clip_pg.auto_embed a
    UNION ALL
    SELECT i.inhrelid, p.relation, p.source, p.target, p.model, p.mode, p.sha256, p.page, p.region
    FROM part p
    JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) p.part AND NOT i.inhdetachpending
    JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid AND c.relispartition
)
SELECT p.part, c.relkind AS kind, c.relowner AS owner, p.relation, p.source, p.target, p.model, p.mode, p.sha256, p.page, p.region
FROM part p
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) p.part
WHERE c.relkind OPERATOR(pg_catalog.<>) 'p' AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace);
GRANT SELECT ON clip_pg.auto_embed_part TO PUBLIC;
COMMENT ON VIEW clip_pg.auto_embed_part IS
'tables with rows of their own in which clip_auto_embed keeps columns current, partitions one by one';

CREATE FUNCTION clip_pg.find_pending(relation oid, source text, target text, after text, size integer) RETURNS text[]
    AS 'MODULE_PATHNAME', 'find_pending_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_pg.find_pending(oid, text, text, text, integer) IS
'ctids of pending rows after another, as a backfill finds them, as the table''s owner';

CREATE FUNCTION clip_pg.backfill_begin(relation regclass, target text, batch_size integer, pause double precision) RETURNS void
    AS 'MODULE_PATHNAME', 'backfill_begin_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.backfill_begin(regclass, text, integer, double precision) IS
'begins a backfill of a table, in place of the one that this session is at';

CREATE FUNCTION clip_pg.queue_begin(batch_size integer) RETURNS void
    AS 'MODULE_PATHNAME', 'queue_begin_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.queue_begin(integer) IS
'begins a backfill of all of the current user''s tables in mode queue, in place of the one that this session is at';

CREATE FUNCTION clip_pg.backfill_step() RETURNS boolean
    AS 'MODULE_PATHNAME', 'backfill_step_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.backfill_step() IS
'one step of the backfill that this session is at, to be committed; false at the end';

-- They set no search path, because a procedure that does cannot commit.
CREATE PROCEDURE clip_backfill(relation regclass, target name DEFAULT NULL, batch_size integer DEFAULT 32,
                               pause double precision DEFAULT 0)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM clip_pg.backfill_begin(relation, target, batch_size, pause);
    WHILE clip_pg.backfill_step() LOOP
        COMMIT;
        PERFORM pg_catalog.pg_sleep(pause);
    END LOOP;
END $$;
COMMENT ON PROCEDURE clip_backfill(regclass, name, integer, double precision) IS
'embeds the rows of a table that have a source and no embedding, in batches with commits of their own and a pause of seconds between; several sessions may share the work';

CREATE PROCEDURE clip_work_queue(batch_size integer DEFAULT 32)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM clip_pg.queue_begin(batch_size);
    WHILE clip_pg.backfill_step() LOOP
        COMMIT;
    END LOOP;
END $$;
COMMENT ON PROCEDURE clip_work_queue(integer) IS
'embeds what is pending in all of the current user''s tables that clip_auto_embed has put in mode queue';

-- The end of what a database needs for queues: they are looked at from now on.
SELECT clip_pg.tell_at_commit();

-- src/ingest/import/mod.rs
-- requires:
--   backfill
--   embed
--   files::clip_image_taken

-- Importing image files that lie on the server: what src/ingest/import/ is for in SQL.

COMMENT ON FUNCTION clip_image_taken(bytea) IS
'when a picture was taken by the camera''s clock, as its EXIF block says';

CREATE FUNCTION clip_pg.import_begin(directory text, relation regclass, image text, path text, size text, sha256 text,
                                     taken text, batch_size integer) RETURNS void
    AS 'MODULE_PATHNAME', 'import_begin_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.import_begin(text, regclass, text, text, text, text, text, integer) IS
'begins to import files into a table, in place of the import that this session is at; takes membership of pg_read_server_files';

CREATE FUNCTION clip_pg.import_step() RETURNS boolean
    AS 'MODULE_PATHNAME', 'import_step_wrapper' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION clip_pg.import_step() IS
'imports a batch of files, to be committed; false where none is left';

CREATE FUNCTION clip_pg.import_end(OUT imported bigint, OUT updated bigint, OUT skipped bigint, OUT failed bigint)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'import_end_wrapper' LANGUAGE C VOLATILE ROWS 1;
COMMENT ON FUNCTION clip_pg.import_end() IS 'ends the import that this session is at; returns how many files it was';

CREATE FUNCTION clip_import_files(directory text, OUT path text, OUT size bigint, OUT format text, OUT passed_over text)
RETURNS SETOF record AS 'MODULE_PATHNAME', 'import_files_wrapper' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION clip_import_files(text) IS
'every file in a directory of the server and below: the format of a picture by its first bytes, or why clip_import would pass it over; takes membership of pg_read_server_files';

-- Sets no search path, because a procedure that does cannot commit.
CREATE PROCEDURE clip_import(directory text, relation regclass, image name DEFAULT 'image', path name DEFAULT 'path',
                             size name DEFAULT 'size', sha256 name DEFAULT 'sha256', taken name DEFAULT 'taken',
                             batch_size integer DEFAULT 100, INOUT imported bigint DEFAULT NULL,
                             INOUT updated bigint DEFAULT NULL, INOUT skipped bigint DEFAULT NULL,
                             INOUT failed bigint DEFAULT NULL)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM clip_pg.import_begin(directory, relation, image, path, size, sha256, taken, batch_size);
    WHILE clip_pg.import_step() LOOP
        COMMIT;
    END LOOP;
    SELECT i.imported, i.updated, i.skipped, i.failed INTO imported, updated, skipped, failed FROM clip_pg.import_end() i;
END $$;
COMMENT ON PROCEDURE clip_import(text, regclass, name, name, name, name, name, integer, bigint, bigint, bigint, bigint) IS
'imports the image files in a directory of the server and below that a table does not hold yet, with path, size, hash and EXIF date; takes membership of pg_read_server_files';

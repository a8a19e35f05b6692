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

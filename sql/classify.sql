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

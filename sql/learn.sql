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

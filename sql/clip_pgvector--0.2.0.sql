-- Operator classes of clip_hnsw for pgvector's types, under the names that they have for pgvector's own index, and casts.
-- Functions, which nobody calls by name, are in the schema clip_pg.

-- A halfvec is stored as a clip_vector is. A distance is that of pgvector's operator, which the executor computes again for
-- every row.
CREATE OPERATOR CLASS halfvec_cosine_ops DEFAULT FOR TYPE halfvec USING clip_hnsw AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 clip_pg.clip_hnsw_cosine();
CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING clip_hnsw AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 clip_pg.clip_hnsw_inner_product();
CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING clip_hnsw AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 clip_pg.clip_hnsw_l2();

-- A vector becomes one of halves, and what that loses widens the bounds that an index goes by: the order is exact all the same.
CREATE FUNCTION clip_pg.clip_hnsw_singles() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_hnsw_singles_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_hnsw_singles() IS 'elements of vector_cosine_ops, vector_ip_ops and vector_l2_ops';

CREATE OPERATOR CLASS vector_cosine_ops DEFAULT FOR TYPE vector USING clip_hnsw AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 clip_pg.clip_hnsw_cosine(),
    FUNCTION 3 clip_pg.clip_hnsw_singles();
CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING clip_hnsw AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 clip_pg.clip_hnsw_inner_product(),
    FUNCTION 3 clip_pg.clip_hnsw_singles();
CREATE OPERATOR CLASS vector_l2_ops FOR TYPE vector USING clip_hnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 clip_pg.clip_hnsw_l2(),
    FUNCTION 3 clip_pg.clip_hnsw_singles();

CREATE FUNCTION clip_pg.vector_to_clip_vector(vector, integer, boolean) RETURNS clip_vector
    AS 'MODULE_PATHNAME', 'clip_vector_from_vector_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.vector_to_clip_vector(vector, integer, boolean) IS 'convert vector to clip_vector';
CREATE FUNCTION clip_pg.clip_vector_to_vector(clip_vector, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'clip_vector_to_vector_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_vector_to_vector(clip_vector, integer, boolean) IS 'convert clip_vector to vector';

-- Casts that are there, made by clip_pg where pgvector came first or by a user, give way to members, which a dump does not make
-- again. Nothing depends on a cast, only on its function; those of clip_pg go by text.
DROP CAST IF EXISTS (halfvec AS clip_vector);
DROP CAST IF EXISTS (clip_vector AS halfvec);
DROP CAST IF EXISTS (vector AS clip_vector);
DROP CAST IF EXISTS (clip_vector AS vector);
CREATE CAST (halfvec AS clip_vector) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (clip_vector AS halfvec) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (vector AS clip_vector) WITH FUNCTION clip_pg.vector_to_clip_vector(vector, integer, boolean) AS ASSIGNMENT;
CREATE CAST (clip_vector AS vector) WITH FUNCTION clip_pg.clip_vector_to_vector(clip_vector, integer, boolean) AS ASSIGNMENT;

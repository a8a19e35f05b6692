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

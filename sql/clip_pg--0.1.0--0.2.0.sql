-- From clip_pg 0.1.0 to 0.2.0: afterwards the extension is what sql/clip_pg--0.2.0.sql makes. tests/recovery/t/045_update.pl
-- compares the two, and CONTRIBUTING.md tells how a change gets in here.

\echo Use "ALTER EXTENSION clip_pg UPDATE TO '0.2.0'" to load this file. \quit

-- A search of a table whose partitions are on other servers.

CREATE FUNCTION clip_shard_search(
    relation regclass, embedding name, id name, query clip_vector, k integer DEFAULT 10, condition text DEFAULT NULL,
    metric text DEFAULT 'cosine', partial boolean DEFAULT false,
    OUT shard regclass, OUT id text, OUT distance double precision)
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_shard_search_wrapper' LANGUAGE C STABLE ROWS 10 COST 100000;
COMMENT ON FUNCTION clip_shard_search(regclass, name, name, clip_vector, integer, text, text, boolean) IS
'the k rows nearest to a query in all partitions of a table, each of which is asked for its k nearest, those on other servers at the same time; with partial, servers that cannot be reached are passed over with a warning';

-- What a build of an index takes.

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

-- What share of the nearest rows an index finds.

CREATE FUNCTION clip_index_calibrate(
    index regclass, k integer DEFAULT 10, sample integer DEFAULT 200, queries regclass DEFAULT NULL,
    OUT ef_search integer,          -- a value of clip_pg.ef_search
    OUT recall double precision)    -- share of the k nearest rows that scans find by it
RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'clip_index_calibrate_wrapper' LANGUAGE C VOLATILE ROWS 9 COST 1000000;
COMMENT ON FUNCTION clip_index_calibrate(regclass, integer, integer, regclass) IS
'measures which share of the k nearest rows a clip_hnsw index finds by values of clip_pg.ef_search, for a sample of its own vectors or of those in a table of queries, and sets its storage parameter calibration, by which clip_pg.target_recall goes';

-- Arrays as filter columns.

CREATE FUNCTION clip_pg.clip_filter_array() RETURNS integer
    AS 'MODULE_PATHNAME', 'clip_filter_array_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION clip_pg.clip_filter_array() IS 'kind of filter columns: arrays, as sets';

CREATE OPERATOR CLASS clip_array_ops DEFAULT FOR TYPE anyarray USING clip_hnsw AS
    OPERATOR 3 =, OPERATOR 6 &&, OPERATOR 7 @>, OPERATOR 8 <@, FUNCTION 2 clip_pg.clip_filter_array();

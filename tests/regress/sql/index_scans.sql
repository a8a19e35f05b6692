-- Scans of a clip_hnsw index that are asked for more than its graph is good for: none comes up short.
CREATE TABLE photos (id integer PRIMARY KEY, embedding clip_vector(8)) WITH (autovacuum_enabled = off);
CREATE FUNCTION pg_temp.embedding(n integer) RETURNS clip_vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array(SELECT sin(n * (1 + i / 10.0) + i)::real + 0.5 FROM generate_series(1, 8) i)::clip_vector $$;
INSERT INTO photos SELECT n, pg_temp.embedding(n) FROM generate_series(1, 6000) n;
SET max_parallel_maintenance_workers = 0;
CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding);
VACUUM ANALYZE photos;
SET max_parallel_workers_per_gather = 0;
\i plan.sql
-- A query's rows by the index and without it.
CREATE FUNCTION pg_temp.both(query text, OUT by_index boolean, OUT agree boolean, OUT count bigint) LANGUAGE plpgsql AS $$
DECLARE
    found text[];
    exact text[];
    plan text;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    EXECUTE format('SELECT array_agg(q::text) FROM (%s) q', query) INTO found;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('enable_indexscan', 'off', true);
    EXECUTE format('SELECT array_agg(q::text) FROM (%s) q', query) INTO exact;
    PERFORM set_config('enable_indexscan', 'on', true);
    by_index := plan LIKE '%photos_embedding%';
    agree := found IS NOT DISTINCT FROM exact;
    count := cardinality(found);
END $$;

-- The order of two distances is not the index's.
CREATE TABLE patterns AS
SELECT n AS id, array(SELECT n >> i & 1 FROM generate_series(0, 7) i)::clip_vector(8) AS embedding FROM generate_series(1, 255) n;
CREATE INDEX patterns_embedding ON patterns USING clip_hnsw (embedding);
ANALYZE patterns;
SET enable_seqscan = off;
SELECT pg_temp.plan($$SELECT id FROM patterns ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]', embedding <=> '[1,1,1,1,0,0,0,0]' LIMIT 3$$);
SELECT pg_temp.plan($$SELECT id FROM patterns WHERE clip_within(embedding, '[1,1,1,1,1,1,1,1]', 0.5)
ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]', embedding <=> '[1,1,1,1,0,0,0,0]' LIMIT 3$$);
RESET enable_seqscan;
SELECT id FROM patterns ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]', embedding <=> '[1,1,1,1,0,0,0,0]', id LIMIT 3;
DROP TABLE patterns;

-- A condition finds every row within the distance, whatever the limits, and so does what writes by it.
SET clip_pg.max_scan_tuples = 1;
SET work_mem = '64kB';
SELECT radius, (pg_temp.both(format('SELECT id FROM (SELECT id FROM photos WHERE clip_within(embedding, pg_temp.embedding(%s), %s) OFFSET 0) s ORDER BY id', n, radius))).*
FROM unnest('{0,0.02,0.1,0.5,2}'::float8[]) radius, generate_series(1, 2) n ORDER BY radius, n;
SELECT (pg_temp.both('SELECT id FROM (SELECT id FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 0.7)
    AND clip_within(embedding, pg_temp.embedding(2), 0.6) AND clip_within(embedding, pg_temp.embedding(1), 0.6) OFFSET 0) s ORDER BY id')).*;
BEGIN;
SET LOCAL enable_seqscan = off;
EXPLAIN (COSTS OFF) DELETE FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 0.3);
DELETE FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 0.3);
UPDATE photos SET embedding = pg_temp.embedding(1) WHERE clip_within(embedding, pg_temp.embedding(2), 0.3);
SET LOCAL enable_seqscan = on;
SET LOCAL enable_indexscan = off;
SELECT count(*) FILTER (WHERE embedding <> pg_temp.embedding(1)) AS left_behind FROM photos
WHERE clip_within(embedding, pg_temp.embedding(1), 0.3) OR clip_within(embedding, pg_temp.embedding(2), 0.3);
ROLLBACK;
RESET work_mem;
RESET clip_pg.max_scan_tuples;
-- Approximate on request, and in an order: in the one order, in the other, and in none.
SELECT count(*) AS wanted FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 0.2) \gset
SET clip_pg.approximate_within = on;
SET enable_seqscan = off;
SELECT count(*) BETWEEN :wanted * 0.95 AND :wanted AS nearly_all FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 0.2);
RESET clip_pg.approximate_within;
SELECT count(*) BETWEEN :wanted * 0.95 AND :wanted AS nearly_all FROM (
    SELECT id FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 0.2) ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 10000) s;
SET clip_pg.iterative_order = relaxed;
SELECT count(*) BETWEEN :wanted * 0.95 AND :wanted AS nearly_all, count(DISTINCT id) = count(*) AS distinct_rows FROM (
    SELECT id FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 0.2) ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 10000) s;
RESET clip_pg.iterative_order;
RESET enable_seqscan;

-- Filters of any selectivity, in memory and on disk, for one query and for many.
CREATE FUNCTION pg_temp.few(n integer) RETURNS boolean STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN n % 600 = 3; END $$;
SELECT memory, set_config('work_mem', memory, false) IS NOT NULL AS set, visits, set_config('clip_pg.max_scan_tuples', visits, false) IS NOT NULL AS set,
       (pg_temp.both('SELECT id FROM photos WHERE pg_temp.few(id) ORDER BY embedding <=> pg_temp.embedding(9) LIMIT 10')).*
FROM unnest('{64kB,4MB}'::text[]) memory, unnest('{1,300,20000}'::text[]) visits;
SET work_mem = '64kB';
SET enable_seqscan = off;
SET enable_sort = off;
SET clip_pg.iterative_order = relaxed;
SELECT count(*), count(DISTINCT (query, id)) FROM generate_series(1, 20) query, LATERAL (
    SELECT id FROM photos WHERE pg_temp.few(id) ORDER BY embedding <=> pg_temp.embedding(query) LIMIT 10) s;
RESET clip_pg.iterative_order;
-- All rows, in order; what strict order leaves out is counted.
SELECT left_out AS before FROM clip_index_info('photos_embedding') \gset
SELECT count(*) AS found, bool_and(d >= before) AS ordered FROM (
    SELECT d, lag(d, 1, -1) OVER () AS before FROM (
        SELECT embedding <=> pg_temp.embedding(7) AS d FROM photos ORDER BY 1 LIMIT 10000) s) s \gset
SELECT :'ordered' AS ordered, :found + left_out - :before AS accounted_for FROM clip_index_info('photos_embedding');
SET clip_pg.iterative_order = relaxed;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(7) LIMIT 10000) s;
RESET clip_pg.iterative_order;
-- A vector without direction, or none.
SELECT count(DISTINCT id) FROM (SELECT id FROM photos ORDER BY embedding <=> array_fill(0, '{8}')::clip_vector LIMIT 10000) s;
SELECT count(DISTINCT id) FROM (SELECT id FROM photos ORDER BY embedding <=> NULL::clip_vector LIMIT 10000) s;
SELECT count(*) = :wanted AS all_within FROM (
    SELECT id FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 0.2) ORDER BY embedding <=> NULL::clip_vector LIMIT 10000) s;
-- A cursor goes on where it was, also where a rollback undoes what went on meanwhile, and leaves nothing behind when it is closed early.
BEGIN;
DECLARE rows CURSOR FOR SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(7) LIMIT 10000;
MOVE 10 IN rows;
SAVEPOINT before;
MOVE 3000 IN rows;
SELECT 1 / 0;
ROLLBACK TO before;
DECLARE others CURSOR FOR SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(8) LIMIT 10000;
MOVE 4000 IN others;
ROLLBACK TO before;
MOVE 1000 IN rows;
CLOSE rows;
COMMIT;

-- Who prefers a bound is warned when it bites, once in a scan, and finds it counted.
SET clip_pg.exact_fallback = off;
SET clip_pg.max_scan_tuples = 500;
SELECT truncated_scans AS before FROM clip_index_info('photos_embedding') \gset
SELECT count(*) <= 550 AS within_a_tenth FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(7) LIMIT 10000) s;
SELECT sum((SELECT count(*) FROM (SELECT id FROM photos WHERE id < 0 ORDER BY embedding <=> pg_temp.embedding(query) LIMIT 10) s)) AS found
FROM generate_series(1, 5) query;
SELECT truncated_scans - :before AS truncated FROM clip_index_info('photos_embedding');
RESET clip_pg.max_scan_tuples;
SET hash_mem_multiplier = 1;
SELECT count(*) < 3000 AS ended FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(7) LIMIT 10000) s;
RESET hash_mem_multiplier;
RESET clip_pg.exact_fallback;
RESET work_mem;

-- Rows that are dead, or were never there, stand in nobody's way.
DELETE FROM photos WHERE id IN (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 5000);
BEGIN;
INSERT INTO photos SELECT n, pg_temp.embedding(n) FROM generate_series(10001, 11000) n;
ROLLBACK;
SET clip_pg.max_scan_tuples = 300;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 10) s;
-- They count against no limit, once they are known.
SET clip_pg.exact_fallback = off;
SET clip_pg.max_scan_tuples = 1500;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 10) s;
RESET clip_pg.exact_fallback;
RESET clip_pg.max_scan_tuples;
SELECT count(*) FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 2);
VACUUM photos;
SELECT count(*) FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 2);

-- Very many equal vectors cost who wants one of them no more than a few would.
CREATE FUNCTION pg_temp.pages() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(6000) LIMIT 1' INTO plan;
    RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
END $$;
SELECT pg_temp.pages() AS before \gset
SELECT pg_temp.pages() AS before \gset
INSERT INTO photos SELECT n, pg_temp.embedding(6000) FROM generate_series(20001, 40000) n;
SELECT pg_temp.pages() AS beside \gset
SELECT pg_temp.pages() AS beside \gset
SELECT :beside < 2 * :before AS as_few_pages;
SELECT count(DISTINCT id) >= 20000 AS all FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(6000) LIMIT 20001) s;
DROP TABLE photos;

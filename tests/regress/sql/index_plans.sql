-- When the planner uses a clip_hnsw index: for every form of a search that should, and not where a sort is cheaper.
CREATE TABLE photos (id integer PRIMARY KEY, category integer, title text, embedding clip_vector(16));
INSERT INTO photos
SELECT n, n % 1000, 'photo ' || n, array(SELECT sin(n * i)::real FROM generate_series(1, 16) i)::clip_vector
FROM generate_series(1, 40000) n;
CREATE INDEX photos_category ON photos (category);
CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding);
VACUUM ANALYZE photos;
SET max_parallel_workers_per_gather = 0;

-- EXPLAIN, with the result of an InitPlan shown as in PostgreSQL 17 and later.
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text;
    result text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := concat_ws(E'\n', plan, line);
    END LOOP;
    result := substring(plan FROM 'InitPlan 1 \(returns (\$\d+)\)');
    IF result IS NOT NULL THEN
        plan := replace(replace(plan, format(' (returns %s)', result), ''), result, '(InitPlan 1).col1');
    END IF;
    RETURN QUERY SELECT regexp_split_to_table(replace(plan, '"*VALUES*".column1', '$0'), E'\n');
END $$;
\pset format unaligned
\pset tuples_only on

-- By index.
SELECT pg_temp.plan($$SELECT id, title FROM photos
ORDER BY embedding <=> (SELECT clip_embed_text('kids playing in the snow')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT s.* FROM clip_embed_text('kids playing in the snow') q,
    LATERAL (SELECT id, title, clip_similarity(embedding, q) FROM photos ORDER BY embedding <=> q LIMIT 10) s$$);
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> clip_embed_text('kids playing in the snow') LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos
ORDER BY embedding <=> (SELECT embedding FROM photos WHERE id = 42) LIMIT 10 OFFSET 20$$);
SELECT pg_temp.plan($$SELECT id FROM photos
ORDER BY embedding <=> (SELECT clip_query(texts => '{a dog}', minus_texts => '{a lead}')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos WHERE title LIKE 'photo 1%'
ORDER BY embedding <=> (SELECT clip_embed_text('kids playing in the snow')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos
WHERE clip_within(embedding, (SELECT clip_embed_text('snow')), 0.7)$$);
SELECT pg_temp.plan($$SELECT s.id FROM (VALUES (1), (2)) p (photo),
    LATERAL (SELECT o.id FROM photos o ORDER BY o.embedding <=> (SELECT embedding FROM photos WHERE id = photo) LIMIT 5) s$$);
PREPARE nearest (clip_vector, integer) AS SELECT id FROM photos ORDER BY embedding <=> $1 LIMIT 10;
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.plan($$EXECUTE nearest(NULL, 10)$$);
RESET plan_cache_mode;

-- Not by index: all rows; more than a scan may visit; a filter with an index of its own that leaves few; no order.
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('snow'))$$);
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('snow')) LIMIT 15000$$);
SET clip_pg.max_scan_tuples = 1000;
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('snow')) LIMIT 1001$$);
RESET clip_pg.max_scan_tuples;
SELECT pg_temp.plan($$SELECT id FROM photos WHERE category = 7
ORDER BY embedding <=> (SELECT clip_embed_text('snow')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT count(*) FROM photos$$);
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <-> (SELECT clip_embed_text('snow')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('snow')) DESC LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos, clip_embed_text('snow') q ORDER BY embedding <=> q LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos WHERE embedding <=> (SELECT clip_embed_text('snow')) < 0.7$$);
-- A small table is read as a whole.
CREATE TABLE few AS SELECT * FROM photos WHERE id <= 200;
CREATE INDEX few_embedding ON few USING clip_hnsw (embedding);
ANALYZE few;
SELECT pg_temp.plan($$SELECT id FROM few ORDER BY embedding <=> (SELECT clip_embed_text('snow')) LIMIT 10$$);
DROP TABLE photos, few;

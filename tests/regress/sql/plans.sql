-- The plan of every form of a search: where the model runs once, where an index is used.
CREATE TABLE photos (id integer PRIMARY KEY, category integer, title text, embedding clip_vector(3));
INSERT INTO photos SELECT n, n % 100, 'photo ' || n, ARRAY[sin(n), cos(n), n % 7 - 3.5]::clip_vector FROM generate_series(1, 10000) n;
CREATE INDEX ON photos (category);
VACUUM ANALYZE photos;
SET max_parallel_workers_per_gather = 0;
SET enable_memoize = off;
-- Three dimensions are enough for a plan: most of this is not run.

\i plan.sql
\pset format unaligned
\pset tuples_only on

-- The query to teach: the model runs once, before the first row.
SELECT pg_temp.plan($$SELECT id, title FROM photos
ORDER BY embedding <=> (SELECT clip_embed_text('kids playing in the snow')) LIMIT 10$$);

-- With the score.
SELECT pg_temp.plan($$SELECT s.* FROM clip_embed_text('kids playing in the snow') q,
    LATERAL (SELECT id, title, clip_similarity(embedding, q) FROM photos ORDER BY embedding <=> q LIMIT 10) s$$);

-- Bare: evaluated for every row, where the session remembers it.
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> clip_embed_text('kids playing in the snow') LIMIT 10$$);

-- With the model named, it is a constant of the plan.
SELECT pg_temp.plan($$SELECT id FROM photos WHERE vector_dims(clip_embed_text('kids playing in the snow', 'clip-mini')) = 512$$);

-- A join is a sequential scan: not to be taught.
SELECT pg_temp.plan($$SELECT id FROM photos, clip_embed_text('kids playing in the snow') q ORDER BY embedding <=> q LIMIT 10$$);

-- Several terms, an image, a classification.
SELECT pg_temp.plan($$SELECT id FROM photos
ORDER BY embedding <=> (SELECT clip_query(texts => '{a dog}', minus_texts => '{a lead}')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_image('\x00')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id, label FROM photos, clip_classify(embedding, (SELECT clip_classifier('{cat,dog}')), top_k => 1)$$);

-- A filter that keeps 1 % uses its index, however the query is written.
SELECT pg_temp.plan($$SELECT id FROM photos WHERE category = 7
ORDER BY embedding <=> (SELECT clip_embed_text('kids playing in the snow')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos WHERE category = 7
ORDER BY embedding <=> clip_embed_text('kids playing in the snow') LIMIT 10$$);
SELECT pg_temp.plan($$SELECT id FROM photos WHERE category = 7 AND embedding <=> clip_embed_text('snow') < 0.8$$);
SELECT pg_temp.plan($$SELECT s.id FROM clip_embed_text('kids playing in the snow') q,
    LATERAL (SELECT id FROM photos WHERE category = 7 ORDER BY embedding <=> q LIMIT 10) s$$);

-- Cheap conditions come before those that run the model for each row.
SELECT pg_temp.plan($$SELECT id FROM photos
WHERE vector_dims(clip_embed_text(title)) = 512 AND length(title) > 3$$);

\pset format aligned
\pset tuples_only off
-- What the planner is told: once where the arguments are the same for all rows, for each row where they are not.
CREATE FUNCTION pg_temp.cost(query text, OUT startup float8, OUT per_row float8) LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    startup := (plan->0->'Plan'->>'Startup Cost')::float8;
    per_row := ((plan->0->'Plan'->>'Total Cost')::float8 - startup) / (plan->0->'Plan'->>'Plan Rows')::float8;
END $$;
SELECT query, startup > 100 AS charged_once, per_row > 100 AS charged_for_each_row
FROM (VALUES
    ('SELECT title FROM photos'),
    ('SELECT clip_embed_text(''x'') FROM photos'),
    ('SELECT clip_embed_text(title) FROM photos'),
    ('SELECT clip_embed_text(title, ''clip-mini'') FROM photos'),
    ('SELECT clip_embed_text(random()::text) FROM photos'),
    ('SELECT clip_embed_texts(''{x}'') FROM photos'),
    ('SELECT clip_embed_texts(ARRAY[title]) FROM photos'),
    ('SELECT clip_embed_image(''x'') FROM photos'),
    ('SELECT clip_embed_image(title::bytea) FROM photos'),
    ('SELECT clip_query(texts => ''{x}'') FROM photos'),
    ('SELECT clip_query(vectors => ARRAY[embedding]) FROM photos')
) q (query), pg_temp.cost(query);

\pset format unaligned
\pset tuples_only on
-- An expression index, and the query that uses it. Prefer a column: its distance is not computed again.
CREATE TABLE captions (id integer PRIMARY KEY, caption text);
INSERT INTO captions SELECT n, 'caption ' || n FROM generate_series(1, 20) n;
CREATE INDEX captions_words ON captions (clip_embed_text(caption, 'clip-mini'));
ANALYZE captions;
SET enable_seqscan = off;
SELECT pg_temp.plan($$SELECT id FROM captions
WHERE clip_embed_text(caption, 'clip-mini') = (SELECT clip_embed_text('caption 7', 'clip-mini'))$$);
SELECT id FROM captions
WHERE clip_embed_text(caption, 'clip-mini') = (SELECT clip_embed_text('caption 7', 'clip-mini'));
RESET enable_seqscan;

-- Embedding is the leader's work in a parallel plan; comparing is everyone's.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.plan($$SELECT id FROM photos
ORDER BY embedding <=> (SELECT clip_embed_text('kids playing in the snow')) LIMIT 10$$);
SELECT pg_temp.plan($$SELECT vector_dims(clip_embed_text(title)) FROM photos WHERE length(title) > 8$$);
DROP TABLE photos, captions;

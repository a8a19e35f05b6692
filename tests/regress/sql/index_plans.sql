-- When the planner uses a clip_hnsw index: for every form of a search that should, and not where a sort is cheaper.
CREATE TABLE photos (id integer PRIMARY KEY, category integer, title text, embedding clip_vector(16));
INSERT INTO photos
SELECT n, n % 1000, 'photo ' || n, array(SELECT sin(n * i)::real FROM generate_series(1, 16) i)::clip_vector
FROM generate_series(1, 40000) n;
CREATE INDEX photos_category ON photos (category);
CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding);
VACUUM ANALYZE photos;
SET max_parallel_workers_per_gather = 0;

\i plan.sql
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

-- Whether the index is used, or one of its partitions, where the LIMIT is not the query's own, or its value is not known.
CREATE FUNCTION pg_temp.by_index(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || replace(query, 'near', $q$embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'$q$) INTO plan;
    RETURN plan::text ~ 'Order By';
END $$;
CREATE TABLE parts (LIKE photos) PARTITION BY HASH (id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT * FROM photos;
CREATE INDEX ON parts USING clip_hnsw (embedding);
CREATE TABLE categories AS SELECT n AS category, 'category ' || n AS name FROM generate_series(0, 999) n;
VACUUM ANALYZE parts;
ANALYZE categories;
PREPARE page (integer) AS SELECT id FROM photos ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT $1;
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.by_index(query), query FROM (VALUES
    ('SELECT id, rank() OVER (ORDER BY near) FROM photos ORDER BY near LIMIT 20'),
    ('SELECT * FROM (SELECT id FROM photos ORDER BY near) s LIMIT 20'),
    ('WITH n AS (SELECT id FROM photos ORDER BY near) SELECT * FROM n LIMIT 20'),
    ('WITH n AS MATERIALIZED (SELECT id FROM photos ORDER BY near LIMIT 20) SELECT * FROM n'),
    ('SELECT id, generate_series(1, 2) FROM photos ORDER BY near LIMIT 20'),
    ('SELECT id FROM photos ORDER BY near FETCH FIRST 10 ROWS WITH TIES'),
    ('SELECT id FROM photos ORDER BY near LIMIT 10 OFFSET 50'),
    ('SELECT id FROM photos ORDER BY near LIMIT (SELECT 10)'),
    ('EXECUTE page(10)'),
    ('(SELECT id FROM photos ORDER BY near LIMIT 10) UNION ALL (SELECT id FROM photos WHERE category = 7 LIMIT 10)'),
    ('(SELECT id FROM photos ORDER BY near LIMIT 10) UNION (SELECT id FROM photos WHERE category = 7 LIMIT 10)'),
    ('SELECT id FROM (SELECT id, embedding FROM photos UNION ALL SELECT id, embedding FROM parts) s ORDER BY near LIMIT 10'),
    ('SELECT (SELECT id FROM photos ORDER BY near LIMIT 1)'),
    ('SELECT id FROM photos WHERE id IN (SELECT id FROM photos ORDER BY near LIMIT 10)'),
    ('SELECT name FROM photos JOIN categories USING (category) ORDER BY near LIMIT 10'),
    ('SELECT name FROM photos LEFT JOIN categories USING (category) ORDER BY near LIMIT 10'),
    ('SELECT id FROM parts ORDER BY near LIMIT 10'),
    ('SELECT DISTINCT ON (near) id FROM photos ORDER BY near LIMIT 10'),
    ('DECLARE c CURSOR FOR SELECT id FROM photos ORDER BY near LIMIT 10'),
    ('SELECT id FROM photos ORDER BY near LIMIT 10 FOR UPDATE')
) q (query);
-- All rows, or as good as all, or not in this order.
SELECT pg_temp.by_index(query), query FROM (VALUES
    ('SELECT id, rank() OVER (ORDER BY near) FROM photos'),
    ('SELECT id, rank() OVER (ORDER BY near) FROM photos ORDER BY title LIMIT 20'),
    ('SELECT id FROM photos ORDER BY near LIMIT NULL'),
    ('SELECT id FROM photos ORDER BY near OFFSET 10'),
    ('SELECT id FROM photos ORDER BY near LIMIT 15000'),
    ('SELECT id FROM photos ORDER BY near LIMIT 10 OFFSET 30000'),
    ('SELECT id FROM parts ORDER BY near'),
    ('SELECT id FROM photos ORDER BY near, embedding <=> ''[0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'' LIMIT 10'),
    ('SELECT name FROM photos JOIN categories USING (category) WHERE name = ''category 7'' ORDER BY near LIMIT 100'),
    ('SELECT array_agg(id ORDER BY near) FROM photos LIMIT 1'),
    ('DECLARE c CURSOR FOR SELECT id FROM photos ORDER BY near'),
    ('DECLARE c CURSOR FOR SELECT id FROM photos ORDER BY near LIMIT ALL'),
    ('DECLARE c CURSOR FOR SELECT id FROM photos ORDER BY near OFFSET 10'),
    ('DECLARE c CURSOR FOR SELECT id FROM parts ORDER BY near'),
    ('DECLARE c CURSOR FOR SELECT name FROM photos JOIN categories USING (category) ORDER BY near'),
    ('DECLARE c CURSOR FOR SELECT * FROM (SELECT id, category FROM photos ORDER BY near) s JOIN categories USING (category)'),
    ('DECLARE c CURSOR FOR SELECT id, rank() OVER (ORDER BY near) FROM photos ORDER BY near')
) q (query);
RESET plan_cache_mode;
-- Who sets the share that cursors read is believed.
SET cursor_tuple_fraction = 0.001;
SELECT pg_temp.by_index('DECLARE c CURSOR FOR SELECT id FROM photos ORDER BY near');
RESET cursor_tuple_fraction;
DROP TABLE parts, categories;

-- Not by index: all rows; more than a scan may visit; a filter with an index of its own that leaves few; no order.
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('snow'))$$);
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('snow')) LIMIT 15000$$);
SET clip_pg.max_scan_tuples = 1000;
SET clip_pg.exact_fallback = off;
SELECT pg_temp.plan($$SELECT id FROM photos ORDER BY embedding <=> (SELECT clip_embed_text('snow')) LIMIT 1001$$);
RESET clip_pg.max_scan_tuples;
RESET clip_pg.exact_fallback;
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

-- More neighbours cost more, and so do more dimensions.
CREATE FUNCTION pg_temp.estimate(query text, what text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan->0->'Plan'->>what;
END $$;
CREATE FUNCTION pg_temp.cost(query text) RETURNS float8 LANGUAGE sql AS $$ SELECT pg_temp.estimate(query, 'Total Cost') $$;
CREATE TABLE wide AS SELECT id, array(SELECT sin(id * i)::real FROM generate_series(1, 128) i)::clip_vector(128) AS embedding FROM few;
ANALYZE wide;
SET enable_seqscan = off;
CREATE INDEX few_embedding_m ON few USING clip_hnsw (embedding) WITH (m = 32);
SELECT pg_temp.cost($$SELECT id FROM few ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 10$$) AS m_16 \gset
DROP INDEX few_embedding;
SELECT pg_temp.cost($$SELECT id FROM few ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 10$$) AS m_32 \gset
CREATE INDEX ON wide USING clip_hnsw (embedding);
SELECT pg_temp.cost($$SELECT id FROM wide ORDER BY embedding <=> (SELECT embedding FROM wide LIMIT 1) LIMIT 10$$) AS wide \gset
SELECT :m_16 < :m_32, :m_16 < :wide;
-- The radius ends a scan in the order of the same vector only.
SET enable_sort = off;
SELECT pg_temp.cost(format(query, '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]')) < pg_temp.cost(format(query, '[0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'))
FROM (VALUES ($$SELECT id FROM photos WHERE clip_within(embedding, '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]', 0.3)
ORDER BY embedding <=> %L LIMIT 10$$)) q (query);
RESET enable_sort;
RESET enable_seqscan;
DROP TABLE photos, few, wide;

-- How many rows clip_within leaves: the estimate, against what there is.
CREATE TABLE marks (id integer, embedding clip_vector(8));
INSERT INTO marks
SELECT n, CASE WHEN n % 4 > 0 THEN array(SELECT sin(n * i) + 1 FROM generate_series(1, 8) i)::clip_vector END FROM generate_series(1, 8000) n;
CREATE FUNCTION pg_temp.rows(query text) RETURNS float8 LANGUAGE sql AS $$ SELECT pg_temp.estimate(query, 'Plan Rows') $$;
CREATE FUNCTION pg_temp.ratio(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    found float8;
BEGIN
    EXECUTE format('SELECT count(*) FROM (%s) s', query) INTO found;
    RETURN pg_temp.rows(query) / greatest(found, 1);
END $$;
-- Before ANALYZE: a hundredth of the rows, but for what holds for all vectors.
SELECT radius, round((pg_temp.rows(format('SELECT FROM marks WHERE clip_within(embedding, %L, %L)', '[1,1,1,1,1,1,1,1]', radius))
    / pg_temp.rows('SELECT FROM marks'))::numeric, 3) AS share
FROM unnest('{-1,0.1,0.5,2,NaN}'::float8[]) radius;
ANALYZE marks;
SELECT radius, pg_temp.ratio(format('SELECT FROM marks WHERE clip_within(embedding, %L, %s)', '[1,1,1,1,1,1,1,1]', radius)) BETWEEN 0.1 AND 10
FROM unnest('{-1,0.001,0.01,0.05,0.1,0.2,0.3,0.5,1,2,3}'::float8[]) radius;
-- A center that is not known: the average of those there are.
SELECT radius, pg_temp.ratio(format('SELECT FROM marks WHERE clip_within(embedding, (SELECT embedding FROM marks WHERE id = 7), %s)', radius)) BETWEEN 0.1 AND 10
FROM unnest('{-1,0.001,0.01,0.05,0.1,0.2,0.3,0.5,1,2,3}'::float8[]) radius;
PREPARE within (clip_vector, float8) AS SELECT FROM marks WHERE clip_within(embedding, $1, $2);
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.rows('EXECUTE within(NULL, NULL)');
PREPARE around (clip_vector) AS SELECT FROM marks WHERE clip_within(embedding, $1, 0.3);
SELECT pg_temp.rows('EXECUTE around(NULL)') BETWEEN 400 AND 6000;
RESET plan_cache_mode;
SELECT pg_temp.rows('EXECUTE within(NULL, 0.3)');
-- A join; all of the rows, at most.
SELECT radius, pg_temp.ratio(format('SELECT FROM marks a, marks b WHERE clip_within(a.embedding, b.embedding, %s) AND b.id < 40', radius)) BETWEEN 0.1 AND 10
FROM unnest('{-1,0.01,0.1,0.3,2}'::float8[]) radius;
SELECT pg_temp.rows('SELECT FROM marks a WHERE EXISTS (SELECT FROM marks b WHERE clip_within(a.embedding, b.embedding, 0.3))') > 2000;
-- Of a column of all dimensions, with vectors that have no distance from others, few, none.
CREATE TABLE odd (embedding clip_vector);
ANALYZE odd;
SELECT pg_temp.rows($$SELECT FROM odd WHERE clip_within(embedding, '[1,0]', 0.5)$$) >= 1;
INSERT INTO odd VALUES ('[1,1]');
ANALYZE odd;
SELECT pg_temp.rows($$SELECT FROM odd WHERE clip_within(embedding, '[1,0]', 0.5)$$),
    pg_temp.rows($$SELECT FROM odd WHERE clip_within(embedding, (SELECT '[1,0]'::clip_vector), 0.5)$$);
INSERT INTO odd SELECT '[0,0]' FROM generate_series(1, 500);
INSERT INTO odd SELECT '[1,2,3]' FROM generate_series(1, 500);
ANALYZE odd;
SELECT pg_temp.rows($$SELECT FROM odd WHERE clip_within(embedding, '[1,2,3]', 0.1)$$) BETWEEN 300 AND 700,
    pg_temp.rows($$SELECT FROM odd WHERE clip_within(embedding, (SELECT '[1,0]'::clip_vector), 0.1)$$) BETWEEN 100 AND 400;
-- What a role may not read, it does not learn by estimates: neither of a column, nor behind a policy.
CREATE ROLE clip_planner_reader;
GRANT SELECT (id) ON marks TO clip_planner_reader;
CREATE VIEW some_marks WITH (security_barrier) AS SELECT * FROM marks WHERE id > 0;
GRANT SELECT ON some_marks TO clip_planner_reader;
SET ROLE clip_planner_reader;
SELECT pg_temp.rows(format('SELECT FROM some_marks WHERE clip_within(embedding, %L, 0.3)', '[1,1,1,1,1,1,1,1]'));
RESET ROLE;
SELECT pg_temp.rows(format('SELECT FROM some_marks WHERE clip_within(embedding, %L, 0.3)', '[1,1,1,1,1,1,1,1]'));
GRANT SELECT ON marks TO clip_planner_reader;
ALTER TABLE marks ENABLE ROW LEVEL SECURITY;
CREATE POLICY positive ON marks USING (id > 0);
SET ROLE clip_planner_reader;
SELECT pg_temp.rows(format('SELECT FROM marks WHERE clip_within(embedding, %L, 0.3)', '[1,1,1,1,1,1,1,1]'));
SELECT count(*) FROM pg_stats WHERE tablename = 'marks' AND attname = 'embedding';
RESET ROLE;
SELECT null_frac, avg_width > 0 AS has_width, most_common_vals, histogram_bounds
FROM pg_stats WHERE tablename = 'marks' AND attname = 'embedding';
DROP VIEW some_marks;
DROP TABLE marks, odd;
DROP ROLE clip_planner_reader;

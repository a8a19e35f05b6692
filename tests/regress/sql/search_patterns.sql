-- The patterns of searches that an application needs: each has the right rows, and the plan that is meant.
\pset null '-'
\i outcome.sql

-- Three rows of each picture, so that distances tie.
CREATE TABLE photos (id integer PRIMARY KEY, title text, year integer, institution text, taken date,
                     words tsvector GENERATED ALWAYS AS (to_tsvector('english', title)) STORED, embedding clip_vector(16));
INSERT INTO photos (id, title, year, institution, taken, embedding)
SELECT n, CASE WHEN n % 50 = 0 THEN 'the harbour in winter' WHEN n % 7 = 0 THEN 'a ship' ELSE 'photo ' || n END, 1850 + n % 100,
       (ARRAY['BnF', 'INHA', 'ENC'])[n % 3 + 1], date '1990-01-01' + n * 7919 % 10000,
       array(SELECT sin(n / 3 * sqrt(i))::real FROM generate_series(1, 16) i)::clip_vector
FROM generate_series(3, 12002) n;
INSERT INTO photos (id, title) VALUES (20000, 'without an embedding');
CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding);
CREATE INDEX photos_words ON photos USING gin (words);
VACUUM ANALYZE photos;
SET max_parallel_workers_per_gather = 0;
-- Whatever the number of threads that built the graph, the first 300 rows are the nearest.
SET clip_pg.ef_search = 100;

-- Whether a query uses the index, and yields the rows of another one: of the column id, in the same order.
CREATE FUNCTION pg_temp.tried(query text, exact text, OUT by_index boolean, OUT is_right boolean, OUT row_count bigint) LANGUAGE plpgsql AS $$
DECLARE
    plan json;
    rows integer[];
    wanted integer[];
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    by_index := plan::text ~ '"Index Name": "photos_embedding"';
    EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO rows;
    EXECUTE format('SELECT array_agg(id) FROM (%s) s', exact) INTO wanted;
    is_right := rows = wanted;
    row_count := cardinality(rows);
END $$;

-- What a plan reads, and by which index. Names of results of InitPlans differ between versions.
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'Scan (on|using)|Order By|Index Cond' AND line !~ 'Subquery' THEN
            RETURN NEXT regexp_replace(regexp_replace(line, '^[ >-]+', ''), '\$\d+|\(InitPlan \w+\)\.col\d+', '?', 'g');
        END IF;
    END LOOP;
END $$;

-- Similar to a row, which is left out; its doubles are not. Ties are in order outside.
SELECT * FROM pg_temp.tried(
    $$SELECT id FROM (SELECT id, embedding <=> (SELECT embedding FROM photos WHERE id = 42) AS distance FROM photos WHERE id <> 42
      ORDER BY embedding <=> (SELECT embedding FROM photos WHERE id = 42) LIMIT 11) s ORDER BY distance, id$$,
    $$SELECT id FROM photos WHERE id <> 42 AND embedding IS NOT NULL
      ORDER BY cosine_distance(embedding, (SELECT embedding FROM photos WHERE id = 42)), id LIMIT 11$$);
SELECT array_agg(id ORDER BY id) AS doubles FROM (SELECT id FROM photos WHERE id <> 42
    ORDER BY embedding <=> (SELECT embedding FROM photos WHERE id = 42) LIMIT 2) s;

-- By a vector, as a parameter too.
PREPARE by_vector (clip_vector, integer) AS SELECT id FROM photos ORDER BY embedding <=> $1 LIMIT $2;
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.plan('EXECUTE by_vector(NULL, 3)');
RESET plan_cache_mode;

-- By an uploaded image, embedded once.
CREATE TABLE pictures (id integer, embedding clip_vector(512));
INSERT INTO pictures SELECT n, array(SELECT sin(n * i)::real FROM generate_series(1, 512) i)::clip_vector FROM generate_series(1, 2000) n;
CREATE INDEX pictures_embedding ON pictures USING clip_hnsw (embedding);
ANALYZE pictures;
RESET clip_pg.ef_search;
PREPARE by_image (bytea) AS SELECT id FROM pictures ORDER BY embedding <=> (SELECT clip_embed_image($1)) LIMIT 10;
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.outcome($$EXECUTE by_image('no image')$$);
SELECT pg_temp.plan($$EXECUTE by_image('')$$);
RESET plan_cache_mode;

-- Filters filter: the search goes on until there are enough.
SELECT * FROM pg_temp.tried(
    $$SELECT id FROM (SELECT id, embedding <=> q AS distance FROM (SELECT embedding AS q FROM photos WHERE id = 99) s, LATERAL (SELECT * FROM photos
      WHERE institution = 'INHA' AND year >= 1880 ORDER BY embedding <=> q LIMIT 10) p) s ORDER BY distance, id$$,
    $$SELECT p.id FROM photos p, photos s WHERE s.id = 99
      AND p.institution = 'INHA' AND p.year >= 1880 ORDER BY cosine_distance(p.embedding, s.embedding), p.id LIMIT 10$$);

SET clip_pg.ef_search = 100;

-- OFFSET, past any limit; exact, for the graph may pass over a few of so many.
SET clip_pg.exact_search = on;
SELECT * FROM pg_temp.tried(
    $$SELECT id FROM photos ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 30 OFFSET 3000$$,
    $$SELECT id FROM photos ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 30 OFFSET 3000$$);
SELECT count(*) AS row_count FROM (SELECT id FROM photos ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' OFFSET 11990 LIMIT 30) s;
RESET clip_pg.exact_search;
SELECT count(*) AS row_count FROM (SELECT id FROM photos ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 30 OFFSET 3000) s;

-- Keyset paging. WITH TIES brings all rows as far as the last of a page, of which the order outside chooses.
CREATE FUNCTION pg_temp.page(q clip_vector, last_distance float8, last_id integer, size integer)
RETURNS TABLE (id integer, distance float8) LANGUAGE sql STABLE AS $$
    SELECT id, distance FROM (SELECT id, embedding <=> q AS distance FROM photos WHERE (embedding <=> q, id) > (last_distance, last_id)
        ORDER BY embedding <=> q FETCH FIRST (size) ROWS WITH TIES) s ORDER BY distance, id LIMIT size
$$;
CREATE FUNCTION pg_temp.pages(q clip_vector, size integer, count integer) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
    last_distance float8 := -1;
    last_id integer := 0;
    rows integer[] := '{}';
    page record;
BEGIN
    FOR number IN 1..count LOOP
        SELECT array_agg(id ORDER BY distance, id) AS ids, max(distance) AS distance, (array_agg(id ORDER BY distance DESC, id DESC))[1] AS id
        INTO page FROM pg_temp.page(q, last_distance, last_id, size);
        EXIT WHEN page.id IS NULL;
        rows := rows || page.ids;
        last_distance := page.distance;
        last_id := page.id;
    END LOOP;
    RETURN rows;
END $$;
SELECT pg_temp.plan($$SELECT id, distance FROM (
    SELECT id, embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' AS distance FROM photos
    WHERE (embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]', id) > (0.3, 7)
    ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' FETCH FIRST 10 ROWS WITH TIES) s
ORDER BY distance, id LIMIT 10$$);
-- Pages of 10 end within ties. All of the 15 lie within the first 300 rows.
SELECT cardinality(pages) AS row_count, pages = array(SELECT id FROM photos WHERE embedding IS NOT NULL ORDER BY cosine_distance(embedding, q), id LIMIT 150) AS is_right
FROM (SELECT embedding AS q, pg_temp.pages(embedding, 10, 15) AS pages FROM photos WHERE id = 1234) s;
-- To the last row, exactly.
SET clip_pg.exact_search = on;
SELECT cardinality(pages) AS row_count, pages = array(SELECT id FROM photos WHERE embedding IS NOT NULL ORDER BY cosine_distance(embedding, q), id) AS is_right
FROM (SELECT embedding AS q, pg_temp.pages(embedding, 1000, 20) AS pages FROM photos WHERE id = 1234) s;
RESET clip_pg.exact_search;

-- A random sample, the same for the same seed, and one in pages.
SELECT count(*) > 0 AS some, array_agg(id ORDER BY id) = array(SELECT id FROM photos TABLESAMPLE BERNOULLI (1) REPEATABLE (42) ORDER BY id) AS same,
       array_agg(id ORDER BY id) = array(SELECT id FROM photos TABLESAMPLE BERNOULLI (1) REPEATABLE (43) ORDER BY id) AS same_by_another_seed
FROM photos TABLESAMPLE BERNOULLI (1) REPEATABLE (42);
SELECT count(DISTINCT id) AS row_count FROM (
    (SELECT id FROM photos ORDER BY hashint8extended(id, 42), id LIMIT 10) UNION ALL
    (SELECT id FROM photos ORDER BY hashint8extended(id, 42), id LIMIT 10 OFFSET 10)) s;

-- Words and vectors fused by their ranks: each half by its own index, and has a LIMIT of its own.
CREATE TEMP VIEW fused AS
SELECT id, sum(1.0 / (60 + rank)) AS score FROM (
    (SELECT id, row_number() OVER (ORDER BY ts_rank(words, query) DESC, id) AS rank
     FROM photos, websearch_to_tsquery('english', 'harbour') query WHERE words @@ query ORDER BY rank LIMIT 50)
    UNION ALL
    (SELECT id, row_number() OVER (ORDER BY distance, id) FROM (
        SELECT id, embedding <=> (SELECT embedding FROM photos WHERE id = 50) AS distance FROM photos
        ORDER BY embedding <=> (SELECT embedding FROM photos WHERE id = 50) FETCH FIRST 50 ROWS WITH TIES) s LIMIT 50)
) ranks GROUP BY id;
SELECT pg_temp.plan('SELECT id FROM fused ORDER BY score DESC, id LIMIT 10');
SELECT id, round(score, 4) AS score FROM fused ORDER BY score DESC, id LIMIT 5;

-- Results within a distance, in the order of a date.
SELECT pg_temp.plan($$SELECT id, taken FROM (SELECT * FROM photos WHERE clip_within(embedding, '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]', 0.4)
    ORDER BY embedding <=> '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 100) s ORDER BY taken, id$$);
SELECT * FROM pg_temp.tried(
    $$SELECT id FROM (SELECT * FROM photos WHERE clip_within(embedding, (SELECT embedding FROM photos WHERE id = 700), 0.3)
      ORDER BY embedding <=> (SELECT embedding FROM photos WHERE id = 700) LIMIT 100) s ORDER BY taken, id$$,
    $$SELECT p.id FROM photos p, photos s WHERE s.id = 700 AND cosine_distance(p.embedding, s.embedding) <= 0.3 ORDER BY p.taken, p.id$$);

-- An adaptive cut-off: one statement, by the index, within the rights of who asks.
CREATE TABLE background AS SELECT array(SELECT array(SELECT cos(n * i * i)::real FROM generate_series(1, 16) i)::clip_vector
                                        FROM generate_series(1, 20) n) AS vectors;
PREPARE answers (clip_vector, float8) AS
SELECT id FROM photos WHERE clip_within(embedding, $1, (SELECT clip_cutoff($1,
    ARRAY(SELECT embedding FROM photos ORDER BY embedding <=> $1 LIMIT 20), 12000, margin => $2, share => 0.7,
    background => (SELECT vectors FROM background)))) ORDER BY embedding <=> $1 LIMIT 20;
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.plan('EXECUTE answers(NULL, NULL)');
RESET plan_cache_mode;
SELECT embedding AS q FROM photos WHERE id = 4242 \gset
CREATE TEMP TABLE found AS EXECUTE answers(:'q', 0.5);
SELECT count(*) BETWEEN 3 AND 19 AS some, array_agg(id ORDER BY id) @> '{4242}' AS itself FROM found;
EXECUTE answers(:'q', 100);
EXECUTE answers(NULL, 0.5);
CREATE ROLE regress_clip_reader;
GRANT SELECT ON photos, background TO regress_clip_reader;
CREATE POLICY own ON photos TO regress_clip_reader USING (institution = 'BnF');
ALTER TABLE photos ENABLE ROW LEVEL SECURITY;
SET ROLE regress_clip_reader;
CREATE TEMP TABLE found_by_reader AS EXECUTE answers(:'q', 0.5);
RESET ROLE;
SELECT count(*) > 0 AS some, bool_and(institution = 'BnF') AS own FROM photos JOIN found_by_reader USING (id);
REVOKE SELECT ON photos FROM regress_clip_reader;
SET ROLE regress_clip_reader;
SELECT pg_temp.outcome(format('EXECUTE answers(%L, 0.5)', :'q'));
RESET ROLE;

SET client_min_messages = warning;
DROP TABLE photos, pictures, background, found_by_reader CASCADE;
DROP ROLE regress_clip_reader;

-- Exact on request, by whatever plan there is: in any order, by any operator class, with nothing left out. Random vectors are
-- as bad as it gets for the graph.
CREATE TABLE flat (id integer PRIMARY KEY, v clip_vector(128));
SELECT setseed(0.5);
INSERT INTO flat SELECT n, (SELECT array_agg((random() - 0.5)::real)::clip_vector FROM generate_series(1, 128) i WHERE n = n) FROM generate_series(1, 3000) n;
INSERT INTO flat VALUES (3001, NULL);
CREATE INDEX flat_cosine ON flat USING clip_hnsw (v);
CREATE INDEX flat_ip ON flat USING clip_hnsw (v clip_ip_ops);
CREATE INDEX flat_l2 ON flat USING clip_hnsw (v clip_l2_ops);
VACUUM ANALYZE flat;
SELECT v AS q FROM flat WHERE id = 1 \gset
SET enable_seqscan = off;
SET clip_pg.ef_search = 1;
SET clip_pg.approximate_within = on;
SET plan_cache_mode = force_generic_plan;
-- As distances, for two rows may be as far.
PREPARE in_order (clip_vector) AS SELECT 'cosine' AS by, array(SELECT v <=> $1 FROM flat ORDER BY v <=> $1 LIMIT 1000) AS found,
    array(SELECT cosine_distance(v, $1) AS d FROM flat WHERE v IS NOT NULL ORDER BY d LIMIT 1000) AS wanted
UNION ALL SELECT 'inner product', array(SELECT v <#> $1 FROM flat ORDER BY v <#> $1 LIMIT 1000),
    array(SELECT -inner_product(v, $1) AS d FROM flat WHERE v IS NOT NULL ORDER BY d LIMIT 1000)
UNION ALL SELECT 'l2', array(SELECT v <-> $1 FROM flat ORDER BY v <-> $1 LIMIT 1000),
    array(SELECT l2_distance(v, $1) AS d FROM flat WHERE v IS NOT NULL ORDER BY d LIMIT 1000)
UNION ALL SELECT 'a filter', array(SELECT v <=> $1 FROM flat WHERE id % 3 = 0 AND clip_within(v, $1, 0.95) ORDER BY v <=> $1 LIMIT 1000),
    array(SELECT cosine_distance(v, $1) AS d FROM flat WHERE id % 3 = 0 AND cosine_distance(v, $1) <= 0.95 ORDER BY d LIMIT 1000)
UNION ALL SELECT 'a distance', array(SELECT unnest(array(SELECT v <=> $1 FROM flat WHERE clip_within(v, $1, 0.9))) ORDER BY 1),
    array(SELECT cosine_distance(v, $1) AS d FROM flat WHERE cosine_distance(v, $1) <= 0.9 ORDER BY d);
SELECT substring(line FROM 'flat_\w+') AS index, count(*) FROM pg_temp.plan('EXECUTE in_order(NULL)') line WHERE line LIKE 'Index Scan%' GROUP BY 1 ORDER BY 1;
CREATE TEMP TABLE approximate AS EXECUTE in_order(:'q');
SELECT by, cardinality(wanted) > 10 AS some, found = wanted AS is_right FROM approximate WHERE by <> 'a distance';
SELECT sum(left_out) > 0 AS left_out FROM (VALUES ('flat_cosine'), ('flat_ip'), ('flat_l2')) i (name), clip_index_info(name::regclass);
SELECT sum(left_out) AS before FROM (VALUES ('flat_cosine'), ('flat_ip'), ('flat_l2')) i (name), clip_index_info(name::regclass) \gset
SET clip_pg.exact_search = on;
CREATE TEMP TABLE exact AS EXECUTE in_order(:'q');
SELECT by, cardinality(wanted) > 10 AS some, found = wanted AS is_right FROM exact;
SET clip_pg.iterative_order = relaxed;
SET clip_pg.exact_fallback = off;
SET clip_pg.max_scan_tuples = 1;
SET work_mem = 64;
CREATE TEMP TABLE exact_on_disk AS EXECUTE in_order(:'q');
SELECT by, found = wanted AS is_right FROM exact_on_disk;
SELECT sum(left_out) - :before AS left_out, sum(truncated_scans) AS truncated_scans
FROM (VALUES ('flat_cosine'), ('flat_ip'), ('flat_l2')) i (name), clip_index_info(name::regclass);
SELECT count(*) FROM (SELECT id FROM flat ORDER BY v <=> NULL::clip_vector LIMIT 10) s;
SELECT clip_recall('flat_cosine', 10, 5) AS recall;

-- Recall as WISE measures it: of the ten nearest, how many are among the first 10, 20, 500 of a bad index. By hand, too.
RESET clip_pg.exact_search;
RESET clip_pg.iterative_order;
RESET clip_pg.exact_fallback;
RESET clip_pg.max_scan_tuples;
RESET work_mem;
DROP INDEX flat_ip, flat_l2;
CREATE TABLE questions AS SELECT v FROM flat WHERE id = 77;
SELECT clip_recall('flat_cosine', 10, queries => 'questions') = clip_recall('flat_cosine', 10, queries => 'questions', nearest => 10) AS r0,
       clip_recall('flat_cosine', 1, queries => 'questions') BETWEEN 0 AND 1 AS first;
SELECT k, clip_recall('flat_cosine', k, queries => 'questions', nearest => 10) = cardinality(array(
    SELECT id FROM (SELECT id FROM flat ORDER BY v <=> (SELECT v FROM questions) LIMIT k) found
    INTERSECT SELECT id FROM (SELECT id FROM flat WHERE v IS NOT NULL ORDER BY cosine_distance(v, (SELECT v FROM questions)) LIMIT 10) nearest)) / 10.0 AS by_hand
FROM (VALUES (10), (20), (500)) v (k);
SELECT clip_recall('flat_cosine', 500, queries => 'questions', nearest => 10) >= clip_recall('flat_cosine', 10, queries => 'questions') AS more_in_more;
SELECT pg_temp.outcome($$SELECT clip_recall('flat_cosine', 10, nearest => 11)$$);
SELECT pg_temp.outcome($$SELECT clip_recall('flat_cosine', 10, nearest => 0)$$);
DROP TABLE flat, questions;

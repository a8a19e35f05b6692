-- The access method clip_hnsw: what scans return, and what they go on returning as the table changes.
CREATE TABLE photos (id integer PRIMARY KEY, category integer, embedding clip_vector(8));
CREATE FUNCTION pg_temp.embedding(n integer) RETURNS clip_vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array(SELECT sin(n * (1 + i / 10.0) + i)::real + 0.5 FROM generate_series(1, 8) i)::clip_vector $$;
INSERT INTO photos SELECT n, n % 100, pg_temp.embedding(n) FROM generate_series(1, 3000) n;

-- The ten nearest by the index and without it, at the same distances.
CREATE FUNCTION pg_temp.agree(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    by_index text;
    exact text;
    plan json;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    EXECUTE format('SELECT string_agg(r::text, '' '') FROM (%s) r', query) INTO by_index;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
            set_config('enable_indexscan', 'off', true);
    EXECUTE format('SELECT string_agg(r::text, '' '') FROM (%s) r', query) INTO exact;
    PERFORM set_config('enable_indexscan', 'on', true);
    RETURN concat_ws(', ', CASE WHEN plan::text LIKE '%Order By%' THEN 'by index' ELSE 'not by index' END,
        CASE WHEN by_index = exact THEN 'agree' ELSE E'differ:\n' || by_index || E'\n' || exact END);
END $$;

CREATE INDEX photos_cosine ON photos USING clip_hnsw (embedding);
CREATE INDEX photos_ip ON photos USING clip_hnsw (embedding clip_ip_ops) WITH (m = 8, ef_construction = 40);
CREATE INDEX photos_l2 ON photos USING clip_hnsw (embedding clip_l2_ops);
\d photos
SELECT pg_temp.agree(format('SELECT embedding %s pg_temp.embedding(%s) AS d FROM photos ORDER BY 1 LIMIT 10', operator, n))
FROM unnest('{<=>,<#>,<->}'::text[]) operator, generate_series(0, 12, 4) n;

-- As many rows as are asked for, in order, more than ef_search and all of them.
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(7) LIMIT 300) s;
SELECT clip_recall('photos_cosine', 300, 10) > 0.95 AS good;
SET enable_seqscan = off;
SET enable_sort = off;
SET clip_pg.iterative_order = relaxed;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(7)) s;
RESET clip_pg.iterative_order;
SELECT count(*) > 2900 AS nearly_all, bool_and(d >= before) AS ordered FROM (
    SELECT d, lag(d, 1, -1) OVER () AS before FROM (
        SELECT embedding <=> pg_temp.embedding(7) AS d FROM photos ORDER BY 1) s) s;
RESET enable_seqscan;
RESET enable_sort;

-- Filters leave no gap.
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(9) AS d FROM photos WHERE category = 7 ORDER BY 1 LIMIT 10');
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(9) AS d FROM photos WHERE id % 500 = 0 ORDER BY 1 LIMIT 5');

-- A query vector without direction, or none: any order will do, but the rows are there.
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> array_fill(0, '{8}')::clip_vector LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> NULL::clip_vector LIMIT 10) s;
RESET enable_seqscan;
RESET enable_sort;

-- Within a distance: an index condition, alone or with an order, by the same vector or another one.
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM photos
WHERE clip_within(embedding, '[1,1,1,1,1,1,1,1]', 0.2) ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM photos WHERE clip_within(embedding, '[1,1,1,1,1,1,1,1]', 0.2);
RESET enable_seqscan;
SELECT pg_temp.agree($$SELECT embedding <=> pg_temp.embedding(5) AS d FROM photos
WHERE clip_within(embedding, pg_temp.embedding(5), 0.05) ORDER BY 1 LIMIT 1000$$);
SELECT pg_temp.agree($$SELECT embedding <=> pg_temp.embedding(5) AS d FROM photos
WHERE clip_within(embedding, pg_temp.embedding(6), 0.4) ORDER BY 1 LIMIT 10$$);
SELECT pg_temp.agree($$SELECT embedding <=> pg_temp.embedding(5) AS d FROM photos
WHERE clip_within(embedding, pg_temp.embedding(5), 0.3) AND clip_within(embedding, pg_temp.embedding(5), 0.02)
ORDER BY 1 LIMIT 100$$);
SET enable_indexscan = off;
SELECT count(*) AS within FROM photos WHERE clip_within(embedding, pg_temp.embedding(5), 0.05) \gset
RESET enable_indexscan;
SET enable_seqscan = off;
SELECT count(*) = :within AS all_within FROM photos WHERE clip_within(embedding, pg_temp.embedding(5), 0.05);
SELECT count(*) FROM photos WHERE clip_within(embedding, NULL, 0.05);
SELECT count(*) FROM photos WHERE clip_within(embedding, array_fill(0, '{8}')::clip_vector, 3);
SELECT count(*) FROM photos WHERE clip_within(embedding, pg_temp.embedding(5), -1);
RESET enable_seqscan;
SELECT clip_within('[1,0]', '[1,0]', 0), clip_within('[1,0]', '[0,1]', 0.9), clip_within('[1,0]', '[0,1]', 1),
       clip_within('[1,0]', '[0,0]', 2), clip_within(NULL, '[0,1]', 1), clip_within('[1,0]', '[0,1]', NULL);

-- NULL and zero vectors are not in the index.
INSERT INTO photos VALUES (4001, 1, NULL), (4002, 1, array_fill(0, '{8}')::clip_vector);
SELECT nodes, row_count FROM clip_index_info('photos_cosine');
SELECT nodes, row_count FROM clip_index_info('photos_l2');

-- Changes.
INSERT INTO photos SELECT n, n % 100, pg_temp.embedding(n) FROM generate_series(5001, 5500) n;
UPDATE photos SET embedding = pg_temp.embedding(id + 10000) WHERE id % 3 = 0 AND id <= 3000;
UPDATE photos SET category = category + 1 WHERE id % 5 = 0;
DELETE FROM photos WHERE id % 7 = 0;
SELECT pg_temp.agree(format('SELECT embedding %s pg_temp.embedding(%s) AS d FROM photos ORDER BY 1 LIMIT 10', operator, n))
FROM unnest('{<=>,<->}'::text[]) operator, generate_series(0, 12000, 4000) n;
VACUUM photos;
SELECT pg_temp.agree(format('SELECT embedding %s pg_temp.embedding(%s) AS d FROM photos ORDER BY 1 LIMIT 10', operator, n))
FROM unnest('{<=>,<->}'::text[]) operator, generate_series(0, 12000, 4000) n;
SELECT dying_nodes, free_slots > 0 AS has_free_slots FROM clip_index_info('photos_cosine');
SELECT unreachable, orphans, missing, problems FROM clip_index_check('photos_cosine', heap => true);
SELECT unreachable, orphans, missing, problems FROM clip_index_check('photos_l2', heap => true);
REINDEX INDEX CONCURRENTLY photos_cosine;
VACUUM FULL photos;
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(7) AS d FROM photos ORDER BY 1 LIMIT 10');
TRUNCATE photos;
SELECT nodes, row_count, epoch FROM clip_index_info('photos_cosine');
DROP TABLE photos;

-- Created first and filled afterwards: codes are learned by VACUUM.
CREATE TABLE photos (id serial, embedding clip_vector(8));
CREATE INDEX photos_cosine ON photos USING clip_hnsw (embedding);
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 10) s;
INSERT INTO photos (embedding) SELECT pg_temp.embedding(n) FROM generate_series(1, 1000) n;
SELECT epoch, code_bits, nodes FROM clip_index_info('photos_cosine');
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(70) AS d FROM photos ORDER BY 1 LIMIT 10');
VACUUM photos;
SELECT epoch, code_bits, nodes FROM clip_index_info('photos_cosine');
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(70) AS d FROM photos ORDER BY 1 LIMIT 10');

-- Equal vectors are one node.
INSERT INTO photos (embedding) SELECT pg_temp.embedding(1) FROM generate_series(1, 2000);
SELECT nodes, row_count FROM clip_index_info('photos_cosine');
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 2001) s
JOIN photos USING (id) WHERE embedding = pg_temp.embedding(1);
RESET enable_seqscan;
RESET enable_sort;
DROP TABLE photos;

-- Marks of dead rows do not outlive them where changes are not logged either.
CREATE UNLOGGED TABLE photos (id integer, embedding clip_vector(8));
INSERT INTO photos SELECT n, pg_temp.embedding(n) FROM generate_series(1, 500) n;
CREATE INDEX photos_cosine ON photos USING clip_hnsw (embedding);
DELETE FROM photos;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 500) s;
SELECT count(*) FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 500) s;
VACUUM photos;
INSERT INTO photos SELECT n, pg_temp.embedding(n) FROM generate_series(1001, 1500) n;
SELECT count(*) > 490 AS found FROM (SELECT id FROM photos ORDER BY embedding <=> pg_temp.embedding(1) LIMIT 500) s;

-- Rows within a distance are wanted in no order, late or not, and however many.
SET clip_pg.max_scan_tuples = 10;
SELECT count(*) FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 2);
SELECT count(*) FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 'NaN');
RESET clip_pg.max_scan_tuples;
RESET enable_seqscan;
RESET enable_sort;
SELECT count(*) FROM photos WHERE clip_within(embedding, pg_temp.embedding(1), 'NaN');
DROP TABLE photos;

-- Partial and expression indexes, partitions, unlogged and temporary tables, an empty index.
CREATE TABLE photos (id integer, category integer, embedding clip_vector);
INSERT INTO photos SELECT n, n % 2, pg_temp.embedding(n) FROM generate_series(1, 1000) n;
CREATE INDEX photos_partial ON photos USING clip_hnsw ((embedding::clip_vector(8))) WHERE category = 1;
SELECT row_count FROM clip_index_info('photos_partial');
SELECT pg_temp.agree($$SELECT embedding::clip_vector(8) <=> pg_temp.embedding(7) AS d FROM photos
WHERE category = 1 ORDER BY 1 LIMIT 10$$);
CREATE INDEX photos_half ON photos USING clip_hnsw ((subvector(embedding, 1, 4)::clip_vector(4)));
SELECT pg_temp.agree($$SELECT subvector(embedding, 1, 4)::clip_vector(4) <=> '[1,2,3,4]' AS d FROM photos
ORDER BY 1 LIMIT 10$$);
DROP TABLE photos;

CREATE TABLE photos (id integer, embedding clip_vector(8)) PARTITION BY RANGE (id);
CREATE TABLE photos_1 PARTITION OF photos FOR VALUES FROM (0) TO (500);
CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding);
CREATE TABLE photos_2 PARTITION OF photos FOR VALUES FROM (500) TO (1000);
INSERT INTO photos SELECT n, pg_temp.embedding(n) FROM generate_series(1, 999) n;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM photos ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 10;
RESET enable_seqscan;
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(7) AS d FROM photos ORDER BY 1 LIMIT 10');
DROP TABLE photos;

CREATE UNLOGGED TABLE photos AS SELECT n AS id, pg_temp.embedding(n)::clip_vector(8) AS embedding FROM generate_series(1, 500) n;
CREATE INDEX photos_unlogged ON photos USING clip_hnsw (embedding);
INSERT INTO photos SELECT n, pg_temp.embedding(n) FROM generate_series(501, 600) n;
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(550) AS d FROM photos ORDER BY 1 LIMIT 10');
DROP TABLE photos;

CREATE TEMP TABLE photos AS SELECT n AS id, pg_temp.embedding(n)::clip_vector(8) AS embedding FROM generate_series(1, 500) n;
CREATE INDEX photos_temp ON photos USING clip_hnsw (embedding);
INSERT INTO photos SELECT n, pg_temp.embedding(n) FROM generate_series(501, 600) n;
DELETE FROM photos WHERE id < 100;
VACUUM photos;
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(550) AS d FROM photos ORDER BY 1 LIMIT 10');
SELECT unreachable, problems FROM clip_index_check('photos_temp', heap => true);
DROP TABLE photos;

-- A build whose rows do not fit into memory, some of them equal.
CREATE TABLE photos AS SELECT n AS id, pg_temp.embedding(n)::clip_vector(8) AS embedding FROM generate_series(1, 8000) n;
INSERT INTO photos SELECT n, pg_temp.embedding(n % 7) FROM generate_series(8001, 9000) n;
INSERT INTO photos VALUES (9001, NULL), (9002, '[0,0,0,0,0,0,0,0]');
SET maintenance_work_mem = '1MB';
CREATE INDEX photos_memory ON photos USING clip_hnsw (embedding);
RESET maintenance_work_mem;
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(7) AS d FROM photos ORDER BY 1 LIMIT 10');
SELECT nodes, row_count, unreachable, missing, problems FROM clip_index_check('photos_memory', heap => true);
DROP INDEX photos_memory;
-- Likewise with a filter column, of which equal vectors have many values.
SET maintenance_work_mem = '1MB';
CREATE INDEX photos_memory ON photos USING clip_hnsw (embedding, id);
RESET maintenance_work_mem;
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(7) AS d FROM photos WHERE id < 100 ORDER BY 1 LIMIT 10');
SELECT pg_temp.agree('SELECT embedding <=> pg_temp.embedding(7) AS d FROM photos WHERE id > 8900 ORDER BY 1 LIMIT 10');
SELECT nodes, row_count, unreachable, missing, problems FROM clip_index_check('photos_memory', heap => true);
DROP TABLE photos;

-- B-tree and hash operator classes
CREATE TABLE vector_index AS
SELECT i, ARRAY[i % 100, i / 100]::clip_vector AS v FROM generate_series(0, 9999) AS i;
INSERT INTO vector_index VALUES (-1, NULL);
INSERT INTO vector_index SELECT 10000, '[-0,7]';
CREATE INDEX vector_index_btree ON vector_index (v);
ANALYZE vector_index;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT i FROM vector_index WHERE v = '[7,42]';
SELECT i FROM vector_index WHERE v = '[7,42]';
SELECT i FROM vector_index WHERE v = '[0,7]' ORDER BY i;
EXPLAIN (COSTS OFF) SELECT v FROM vector_index WHERE v > '[98,90]' AND v <= '[98,95]' ORDER BY v;
SELECT v FROM vector_index WHERE v > '[98,90]' AND v <= '[98,95]' ORDER BY v;
SELECT count(*) FROM vector_index WHERE v >= '[50,0]';
SELECT count(*) FROM vector_index WHERE v < '[50]';
SELECT i FROM vector_index WHERE v IS NULL;
DROP INDEX vector_index_btree;

CREATE INDEX vector_index_hash ON vector_index USING hash (v);
EXPLAIN (COSTS OFF) SELECT i FROM vector_index WHERE v = '[7,42]';
SELECT i FROM vector_index WHERE v = '[7,42]';
SELECT i FROM vector_index WHERE v = '[-0,7]' ORDER BY i;
DROP INDEX vector_index_hash;

-- DISTINCT, joins and hashed grouping
RESET enable_seqscan;
SELECT count(*), count(DISTINCT v) FROM vector_index;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM vector_index a JOIN vector_index b USING (v);
SELECT count(*) FROM vector_index a JOIN vector_index b USING (v);
SET enable_mergejoin = on;
SET enable_hashjoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM vector_index a JOIN vector_index b USING (v);
SELECT count(*) FROM vector_index a JOIN vector_index b USING (v);

-- Unique
CREATE TEMP TABLE photos (embedding clip_vector(2) UNIQUE);
INSERT INTO photos VALUES ('[0,1]'), ('[1,1]');
INSERT INTO photos VALUES ('[-0,1]') ON CONFLICT DO NOTHING;
INSERT INTO photos VALUES ('[0,1]');
SELECT * FROM photos;

-- Hashes: equal for equal vectors, with seed 0 the same in their lower half, and used for partitions
SELECT clip_vector_hash(v) = clip_vector_hash(w) AS hash, clip_vector_hash_extended(v, 42) = clip_vector_hash_extended(w, 42) AS extended,
       clip_vector_hash(v) = clip_vector_hash_extended(v, 0)::bit(32)::int AS lower_half,
       clip_vector_hash_extended(v, 0) <> clip_vector_hash_extended(v, 42) AS seed
FROM (VALUES ('[0,1]'::clip_vector, '[-0,1]'::clip_vector)) AS x (v, w);
SELECT clip_vector_hash('[1,2,3]'), clip_vector_hash_extended('[1,2,3]', 42);
CREATE TABLE vector_partitions (v clip_vector) PARTITION BY HASH (v);
CREATE TABLE vector_partitions_0 PARTITION OF vector_partitions FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE vector_partitions_1 PARTITION OF vector_partitions FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO vector_partitions SELECT v FROM vector_index WHERE v IS NOT NULL;
SELECT count(DISTINCT tableoid), count(*), count(*) FILTER (WHERE v = '[0,7]') FROM vector_partitions;

DROP TABLE vector_partitions, vector_index;

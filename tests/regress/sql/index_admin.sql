-- Functions for those who look after an index.
CREATE TABLE photos (id integer PRIMARY KEY, embedding clip_vector(32));
INSERT INTO photos
SELECT n, array(SELECT sin(n * i)::real FROM generate_series(1, 32) i)::clip_vector FROM generate_series(1, 2000) n;
CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding) WITH (m = 8, ef_construction = 50);
SELECT version, metric, dimensions, m, ef_construction, epoch, code_bits, nodes, row_count, dead_rows, dying_nodes, entries,
       truncated_scans, left_out, free_bytes
FROM clip_index_info('photos_embedding');
SELECT node_bytes + directory_bytes + basis_bytes + free_bytes + 8192 = pg_relation_size('photos_embedding') AS adds_up,
       clip_prewarm('photos_embedding') * 8192 = pg_relation_size('photos_embedding') AS reads_all
FROM clip_index_info('photos_embedding');
SELECT * FROM clip_index_check('photos_embedding');
SELECT nodes, row_count, unreachable, orphans, missing, searched, not_found, problems
FROM clip_index_check('photos_embedding', heap => true, search => 1);
SELECT clip_recall('photos_embedding') > 0.95 AS good, clip_recall('photos_embedding', 20, 10) > 0.9 AS good_of_20;
SET clip_pg.ef_search = 1;
SELECT clip_recall('photos_embedding', sample => 50) < 1 AS worse;
RESET clip_pg.ef_search;
SHOW enable_seqscan;
CREATE TABLE questions (text text, vector clip_vector(32));
SELECT clip_recall('photos_embedding', queries => 'questions') AS without_queries;
INSERT INTO questions SELECT n, embedding FROM photos, generate_series(1, 2) n WHERE id < 20;
SELECT clip_recall('photos_embedding', queries => 'questions') > 0.95 AS good;

-- What a build takes.
ANALYZE photos;
SELECT row_count, memory_bytes = whole_bytes AS fits, parts, temporary_bytes,
       index_bytes BETWEEN pg_relation_size('photos_embedding') / 2 AND 2 * pg_relation_size('photos_embedding') AS size
FROM clip_build_estimate('photos', 'embedding', 8);
UPDATE pg_class SET reltuples = 1e6 WHERE oid = 'photos'::regclass;
SELECT row_count, pg_size_pretty(memory_bytes) AS memory, memory_bytes < whole_bytes AS less, parts > 1 AS parts, temporary_bytes > 0 AS temporary
FROM clip_build_estimate('photos', 'embedding', maintenance_work_mem => '64MB');
SET maintenance_work_mem = '4GB';
SELECT parts FROM clip_build_estimate('photos', 'embedding');
SET maintenance_work_mem = '64MB';
SELECT parts > 1 AS parts FROM clip_build_estimate('photos', 'embedding');
RESET maintenance_work_mem;
SELECT clip_build_estimate('photos', NULL);
ANALYZE photos;

-- Rows that are found dead are marked so, and passed over from then on.
BEGIN;
DELETE FROM photos WHERE id <= 500;
COMMIT;
SET enable_seqscan = off;
SELECT count(*) > 1200 AS most FROM (SELECT id FROM photos ORDER BY embedding <=> '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]' LIMIT 1500) s;
RESET enable_seqscan;
SELECT dead_rows > 400 AS marked FROM clip_index_info('photos_embedding');
VACUUM photos;
SELECT dead_rows, row_count, dying_nodes, free_slots FROM clip_index_info('photos_embedding');

-- The server counts scans; sessions tell it once a second.
SELECT pg_sleep(1.1);
SELECT idx_scan > 0 AS scanned, idx_tup_read > 0 AS read FROM pg_stat_user_indexes WHERE indexrelname = 'photos_embedding';
DROP TABLE photos, questions;

-- By inner product a row is not the nearest to itself, and not lost for that.
CREATE TABLE products (v clip_vector(16));
INSERT INTO products
SELECT array(SELECT sin(n * i * 0.37 + i + n) * exp(3 * sin(n * 12.9898)) FROM generate_series(1, 16) i)::clip_vector
FROM generate_series(1, 1500) n;
CREATE INDEX products_v ON products USING clip_hnsw (v clip_ip_ops);
SELECT missing, searched, not_found, problems FROM clip_index_check('products_v', heap => true, search => 1);
DROP TABLE products;

-- Rows without a distance are no part of what is wanted, and none of the index's.
CREATE TABLE few (v clip_vector(3));
INSERT INTO few VALUES ('[1,2,3]'), ('[3,2,1]'), ('[0,0,0]'), (NULL), (NULL);
CREATE INDEX few_v ON few USING clip_hnsw (v);
SELECT clip_recall('few_v'), missing, not_found FROM clip_index_check('few_v', heap => true, search => 1);
DROP TABLE few;

-- Domains, and domains over domains.
CREATE DOMAIN portrait AS clip_vector(3) CHECK (vector_norm(VALUE) > 0);
CREATE DOMAIN profile AS portrait;
CREATE TABLE sitters (id integer, face portrait, side profile);
INSERT INTO sitters SELECT n, ARRAY[1, n, 3]::clip_vector, ARRAY[n, 2, 3]::clip_vector FROM generate_series(1, 50) n;
CREATE INDEX sitters_face ON sitters USING clip_hnsw (face);
CREATE INDEX sitters_side ON sitters USING clip_hnsw (side clip_l2_ops);
INSERT INTO sitters VALUES (51, '[1,51,3]', '[51,2,3]');
SELECT d.dimensions, d.row_count, clip_recall(i) AS recall, clip_recall(i, queries => 'sitters') AS of_queries, missing, not_found
FROM unnest('{sitters_face,sitters_side}'::regclass[]) i, clip_index_info(i) d, clip_index_check(i, heap => true, search => 1);
SET enable_seqscan = off;
SELECT id FROM sitters ORDER BY face <=> '[1,7,3]' LIMIT 1;
SELECT id FROM sitters WHERE clip_within(face, '[1,7,3]', 1e-7);
SELECT id FROM sitters ORDER BY side <-> '[9,2,3]' LIMIT 1;
EXPLAIN (COSTS OFF) SELECT id FROM sitters ORDER BY side <-> '[9,2,3]' LIMIT 1;
RESET enable_seqscan;
DROP TABLE sitters;
DROP DOMAIN profile, portrait;

-- Functions of index expressions run with the rights of the table's owner only, whoever checks.
CREATE ROLE regress_clip_owner;
CREATE TABLE photos (embedding clip_vector(3));
CREATE FUNCTION who(vector clip_vector) RETURNS clip_vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM set_config('role', session_user, false);
    RAISE NOTICE 'role was changed';
    RETURN vector;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '%: %', current_user, SQLERRM;
    RETURN vector;
END $$;
CREATE INDEX photos_who ON photos USING clip_hnsw ((who(embedding)::clip_vector(3)));
INSERT INTO photos VALUES ('[1,2,3]');
ALTER TABLE photos OWNER TO regress_clip_owner;
SELECT nodes, missing, not_found, problems FROM clip_index_check('photos_who', heap => true, search => 1);
SELECT current_user = session_user AS restored;
-- Also after an error.
CREATE OR REPLACE FUNCTION who(vector clip_vector) RETURNS clip_vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE '%', current_user;
END $$;
\set SHOW_CONTEXT never
SELECT clip_index_check('photos_who', heap => true);
SELECT current_user = session_user AS restored;
DROP TABLE photos;
DROP FUNCTION who;
DROP ROLE regress_clip_owner;

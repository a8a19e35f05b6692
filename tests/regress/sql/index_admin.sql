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
SELECT clip_index_check('photos_who', heap => true);
SELECT current_user = session_user AS restored;
DROP TABLE photos;
DROP FUNCTION who;
DROP ROLE regress_clip_owner;

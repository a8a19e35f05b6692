-- Errors of the access method, each with its SQLSTATE.
\i outcome.sql
\pset format unaligned
\pset tuples_only on
CREATE TABLE photos (id integer PRIMARY KEY, title text, any_length clip_vector, wide clip_vector(8100), embedding clip_vector(3));
INSERT INTO photos VALUES (1, 'a', '[1,2]', NULL, '[1,2,3]');
SELECT s.statement || E'\n' || pg_temp.outcome(s.statement)
FROM (VALUES
    (1, 'CREATE INDEX ON photos USING clip_hnsw (title)'),
    (2, 'CREATE INDEX ON photos USING clip_hnsw (any_length)'),
    (3, 'CREATE INDEX ON photos USING clip_hnsw (wide)'),
    (4, 'CREATE INDEX ON photos USING clip_hnsw (embedding, embedding)'),
    (5, 'CREATE UNIQUE INDEX ON photos USING clip_hnsw (embedding)'),
    (6, 'CREATE INDEX ON photos USING clip_hnsw (embedding) INCLUDE (id)'),
    (7, 'CREATE INDEX ON photos USING clip_hnsw (embedding DESC)'),
    (8, 'CREATE INDEX ON photos USING clip_hnsw (embedding vector_l9_ops)'),
    (9, 'CREATE INDEX ON photos USING clip_hnsw (embedding) WITH (m = 1)'),
    (10, 'CREATE INDEX ON photos USING clip_hnsw (embedding) WITH (m = 101)'),
    (11, 'CREATE INDEX ON photos USING clip_hnsw (embedding) WITH (ef_construction = 3)'),
    (12, 'CREATE INDEX ON photos USING clip_hnsw (embedding) WITH (ef_construction = 1001)'),
    (13, 'CREATE INDEX ON photos USING clip_hnsw (embedding) WITH (m = 40)'),
    (14, 'CREATE INDEX ON photos USING clip_hnsw (embedding) WITH (lists = 10)'),
    (15, 'CREATE INDEX ON photos USING clip_hnsw ((wide::clip_vector(8100))) WITH (m = 2)'),
    (16, 'SET clip_pg.ef_search = 0'),
    (17, 'SET clip_pg.ef_search = 10001'),
    (18, 'SET clip_pg.max_scan_tuples = 0'),
    (19, 'SET clip_pg.iterative_order = sorted')
) s (number, statement) ORDER BY s.number;

CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding);
CREATE TABLE parts (embedding clip_vector(3)) PARTITION BY HASH (embedding);
CREATE INDEX parts_embedding ON parts USING clip_hnsw (embedding);
CREATE TABLE uncounted (embedding clip_vector(3));
SET enable_seqscan = off;
SELECT s.statement || E'\n' || pg_temp.outcome(s.statement)
FROM (VALUES
    (1, 'INSERT INTO photos VALUES (2, ''b'', NULL, NULL, ''[1,2]'')'),
    (2, 'SELECT id FROM photos ORDER BY embedding <=> ''[1,2]'' LIMIT 1'),
    (3, 'SELECT id FROM photos WHERE clip_within(embedding, ''[1,2]'', 1)'),
    (4, 'SELECT clip_index_info(''photos'')'),
    (5, 'SELECT clip_index_info(''photos_pkey'')'),
    (6, 'SELECT clip_index_info(''parts_embedding'')'),
    (7, 'SELECT clip_index_check(''photos_pkey'')'),
    (8, 'SELECT clip_index_check(''photos_embedding'', search => 2)'),
    (9, 'SELECT clip_prewarm(''photos_pkey'')'),
    (10, 'SELECT clip_recall(''photos_pkey'')'),
    (11, 'SELECT clip_recall(''parts_embedding'')'),
    (12, 'SELECT clip_recall(''photos_embedding'', k => 0)'),
    (13, 'SELECT clip_recall(''photos_embedding'', queries => ''pg_class'')'),
    (14, 'CLUSTER photos USING photos_embedding'),
    (15, 'SELECT * FROM clip_build_estimate(''uncounted'', ''embedding'')'),
    (16, 'SELECT * FROM clip_build_estimate(''parts'', ''embedding'')'),
    (17, 'SELECT * FROM clip_build_estimate(''photos_pkey'', ''id'')'),
    (18, 'ANALYZE photos'),
    (19, 'SELECT * FROM clip_build_estimate(''photos'', ''title'')'),
    (20, 'SELECT * FROM clip_build_estimate(''photos'', ''nothing'')'),
    (21, 'SELECT * FROM clip_build_estimate(''photos'', ''any_length'')'),
    (22, 'SELECT * FROM clip_build_estimate(''photos'', ''wide'')'),
    (23, 'SELECT * FROM clip_build_estimate(''photos'', ''embedding'', -1)'),
    (24, 'SELECT * FROM clip_build_estimate(''photos'', ''embedding'', maintenance_work_mem => ''much'')'),
    (25, 'SELECT * FROM clip_build_estimate(''photos'', ''embedding'', maintenance_work_mem => ''1kB'')'),
    (26, 'SELECT * FROM clip_build_estimate(''photos'', ''embedding'', filters => 9)')
) s (number, statement) ORDER BY s.number;
RESET enable_seqscan;

-- What CREATE INDEX refuses, other definitions do not get past it: the index could not be rebuilt.
CREATE DOMAIN any_length AS clip_vector;
CREATE TABLE changed (v clip_vector(3), wide clip_vector(5000));
INSERT INTO changed VALUES ('[1,2,3]');
CREATE INDEX changed_v ON changed USING clip_hnsw (v);
CREATE INDEX changed_wide ON changed USING clip_hnsw (wide);
CREATE TABLE split (id integer, v clip_vector(3)) PARTITION BY RANGE (id);
CREATE INDEX split_v ON split USING clip_hnsw (v);
CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (10);
SELECT s.statement || E'\n' || pg_temp.outcome(s.statement)
FROM (VALUES
    (1, 'ALTER TABLE changed ALTER v TYPE clip_vector'),
    (2, 'ALTER TABLE changed ALTER v TYPE any_length'),
    (3, 'ALTER TABLE changed ALTER v TYPE clip_vector(2)'),
    (4, 'ALTER TABLE split ALTER v TYPE clip_vector'),
    (5, 'ALTER INDEX changed_v SET (m = 40)'),
    (6, 'ALTER INDEX changed_v SET (ef_construction = 31)'),
    (7, 'ALTER INDEX split_1_v_idx SET (m = 40)'),
    (8, 'ALTER INDEX changed_wide SET (m = 100, ef_construction = 200)'),
    (9, 'CREATE INDEX ON parts USING clip_hnsw ((embedding::clip_vector))'),
    (10, 'ALTER INDEX changed_v SET (m = 20, ef_construction = 40)'),
    (11, 'ALTER INDEX changed_v RESET (ef_construction)'),
    (12, 'ALTER INDEX changed_v RENAME TO renamed_v'),
    (13, 'REINDEX TABLE changed'),
    (14, 'TRUNCATE changed')
) s (number, statement) ORDER BY s.number;
SELECT m, ef_construction FROM clip_index_info('renamed_v');
DROP TABLE changed, split;
DROP DOMAIN any_length;

-- Only an index that is used can be measured: one of two on the same column, none that is invalid.
CREATE INDEX photos_second ON photos USING clip_hnsw (embedding) WITH (m = 4);
SELECT count(*) FROM (VALUES ('photos_embedding'), ('photos_second')) i (name)
WHERE pg_temp.outcome(format('SELECT clip_recall(%L)', name)) LIKE '55000:%';
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'photos_second'::regclass;
SELECT pg_temp.outcome('SELECT clip_recall(''photos_embedding'')');
SELECT pg_temp.outcome('SELECT clip_recall(''photos_second'')');
SELECT pg_temp.outcome('SELECT clip_index_check(''photos_second'', heap => true)');
SELECT problems FROM clip_index_check('photos_second');
UPDATE pg_index SET indisready = false WHERE indexrelid = 'photos_second'::regclass;
SELECT pg_temp.outcome('SELECT clip_index_check(''photos_second'')');
DROP INDEX photos_second;

-- Who may look into an index.
CREATE ROLE regress_clip_owner;
CREATE ROLE regress_clip_reader;
CREATE ROLE regress_clip_monitor IN ROLE pg_stat_scan_tables;
ALTER TABLE photos OWNER TO regress_clip_owner;
GRANT SELECT ON photos TO regress_clip_reader;
SET ROLE regress_clip_reader;
SELECT s.statement || E'\n' || pg_temp.outcome(s.statement)
FROM (VALUES
    (1, 'SELECT clip_index_info(''photos_embedding'')'),
    (2, 'SELECT clip_index_check(''photos_embedding'')'),
    (3, 'SELECT clip_prewarm(''photos_embedding'')'),
    (4, 'SELECT clip_recall(''photos_embedding'')'),
    (5, 'SELECT clip_pg.clip_hnsw_cosine()')
) s (number, statement) ORDER BY s.number;
SET ROLE regress_clip_owner;
SELECT nodes FROM clip_index_info('photos_embedding');
SET ROLE regress_clip_monitor;
SELECT clip_prewarm('photos_embedding');
SELECT pg_temp.outcome('SELECT clip_recall(''photos_embedding'')');
RESET ROLE;

-- Operator classes that are none.
CREATE OPERATOR FAMILY bad_ops USING clip_hnsw;
CREATE OPERATOR CLASS bad_ops FOR TYPE clip_vector USING clip_hnsw FAMILY bad_ops AS
    OPERATOR 2 = (clip_vector, clip_vector), FUNCTION 1 clip_vector_cmp(clip_vector, clip_vector);
SELECT opcname, amvalidate(oid) FROM pg_opclass
WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'clip_hnsw') ORDER BY opcname;
DROP OPERATOR FAMILY bad_ops USING clip_hnsw;

DROP TABLE photos, parts, uncounted;
DROP ROLE regress_clip_owner, regress_clip_reader, regress_clip_monitor;

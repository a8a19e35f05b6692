-- A share of the nearest rows to be found, and what was measured to find it by.
\i outcome.sql
CREATE TABLE photos (id integer PRIMARY KEY, embedding clip_vector(32));
CREATE INDEX photos_embedding ON photos USING clip_hnsw (embedding) WITH (m = 8, ef_construction = 50);
SELECT pg_temp.outcome('SELECT clip_index_calibrate(''photos_embedding'')');
INSERT INTO photos
SELECT n, array(SELECT sin(n * i)::real FROM generate_series(1, 32) i)::clip_vector FROM generate_series(1, 2000) n;
REINDEX INDEX photos_embedding;
ANALYZE photos;
SET enable_seqscan = off;
CREATE FUNCTION pg_temp.cost(statement text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
    RETURN plan -> 0 -> 'Plan' -> 'Total Cost';
END $$;
\set nearest 'SELECT id FROM photos ORDER BY embedding <=> (SELECT embedding FROM photos WHERE id = 7) LIMIT 3'

-- Nobody has measured: each scan says so, once.
SET clip_pg.target_recall = 0.98;
SELECT array_agg(id) FROM (:nearest) s;
SET clip_pg.exact_search = on;
SELECT array_agg(id) FROM (:nearest) s;
RESET clip_pg.exact_search;
RESET clip_pg.target_recall;

-- Measuring.
SET clip_pg.exact_search = on;
SELECT min(ef_search) AS first, array_agg(ef_search ORDER BY ef_search) <@ '{8,16,32,64,128,256,512,1024,2048}' AS steps,
       bool_and(recall > 0 AND recall <= 1) AS shares, max(recall) > 0.98 AS good
FROM clip_index_calibrate('photos_embedding', sample => 60);
RESET clip_pg.exact_search;
SELECT option_value ~ '^k=10 rows=2000 8=[.0-9]+( \d+=[.0-9]+)*$' AS kept
FROM pg_class, pg_options_to_table(reloptions) WHERE relname = 'photos_embedding' AND option_name = 'calibration';
SET clip_pg.target_recall = 0.98;
SELECT array_agg(id) FROM (:nearest) s;
SELECT clip_recall('photos_embedding') > 0.94 AS as_told;
RESET clip_pg.target_recall;
CREATE TABLE questions (text text, vector clip_vector(32));
SELECT pg_temp.outcome('SELECT clip_index_calibrate(''photos_embedding'', queries => ''questions'')');
INSERT INTO questions SELECT n, embedding FROM photos, generate_series(1, 2) n WHERE id < 20;
SELECT count(*) > 0 AS measured FROM clip_index_calibrate('photos_embedding', 5, queries => 'questions');
SELECT pg_get_indexdef('photos_embedding'::regclass) ~ 'calibration=''k=5 rows=2000 8=' AS kept;

-- As wide as it takes: between steps, and beyond them everything.
ALTER INDEX photos_embedding SET (calibration = 'k=10 rows=2000 8=0.5 500=0.9');
SET clip_pg.ef_search = 1;
SELECT target, cost > lag(cost) OVER (ORDER BY target) AS dearer
FROM unnest('{0.5,0.7,0.9}'::text[]) target,
     LATERAL (SELECT set_config('clip_pg.target_recall', target, false)) s,
     LATERAL (SELECT pg_temp.cost(:'nearest') AS cost WHERE s IS NOT NULL) c
ORDER BY target;
SET clip_pg.target_recall = 0.91;
SELECT clip_recall('photos_embedding', 30, 20) AS exact;
SET clip_pg.target_recall = 0.5;
SELECT clip_recall('photos_embedding') > 0.5 AS more_than_of_one;
RESET clip_pg.target_recall;
RESET clip_pg.ef_search;

-- What keeps it, and what does not.
REINDEX INDEX photos_embedding;
REINDEX INDEX CONCURRENTLY photos_embedding;
SELECT reloptions FROM pg_class WHERE relname = 'photos_embedding';
BEGIN;
ALTER INDEX photos_embedding RESET (calibration);
SELECT reloptions FROM pg_class WHERE relname = 'photos_embedding';
ROLLBACK;
SELECT reloptions FROM pg_class WHERE relname = 'photos_embedding';

-- Who may, and what is none.
CREATE ROLE regress_clip_monitor IN ROLE pg_stat_scan_tables;
CREATE ROLE regress_clip_nobody;
SET ROLE regress_clip_monitor;
SELECT pg_temp.outcome('SELECT clip_index_calibrate(''photos_embedding'')');
SET ROLE regress_clip_nobody;
SELECT pg_temp.outcome('SELECT clip_index_calibrate(''photos_embedding'')');
RESET ROLE;
DROP ROLE regress_clip_monitor, regress_clip_nobody;
BEGIN READ ONLY;
SELECT pg_temp.outcome('SELECT clip_index_calibrate(''photos_embedding'')');
ROLLBACK;
SELECT s.statement || E'\n' || pg_temp.outcome(s.statement)
FROM (VALUES
    (1, 'SELECT clip_index_calibrate(''photos_pkey'')'),
    (2, 'SELECT clip_index_calibrate(NULL)'),
    (3, 'SELECT clip_index_calibrate(''photos_embedding'', k => 0)'),
    (4, 'SELECT clip_index_calibrate(''photos_embedding'', sample => -1)'),
    (5, 'ALTER INDEX photos_embedding SET (calibration = ''good'')'),
    (6, 'ALTER INDEX photos_embedding SET (calibration = ''k=10 rows=2000 8=1.5'')'),
    (7, 'SET clip_pg.target_recall = 1.1')
) s (number, statement) ORDER BY number;
DROP TABLE photos, questions;

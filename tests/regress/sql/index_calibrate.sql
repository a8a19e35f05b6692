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
-- The same, whatever else this session has set.
CREATE TEMP TABLE measured AS SELECT * FROM clip_index_calibrate('photos_embedding', queries => 'questions');
SET clip_pg.max_scan_tuples = 1;
SET clip_pg.iterative_order = relaxed;
SET clip_pg.exact_fallback = off;
SELECT count(*) AS others FROM (SELECT * FROM clip_index_calibrate('photos_embedding', queries => 'questions') EXCEPT SELECT * FROM measured) m;
RESET clip_pg.max_scan_tuples;
RESET clip_pg.iterative_order;
RESET clip_pg.exact_fallback;

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

-- What a scan has done: in a message, and since PostgreSQL 18 in EXPLAIN.
CREATE TABLE few (id integer, v clip_vector(3), tag text);
INSERT INTO few VALUES (1, '[1,0,0]', 'a'), (2, '[0,1,0]', 'b'), (3, '[0,0,1]', 'a');
CREATE INDEX few_v ON few USING clip_hnsw (v, tag);
SET jit = off;
SET client_min_messages = debug1;
SELECT id FROM few ORDER BY v <=> '[1,0.5,0.1]' LIMIT 1;
SELECT id FROM few ORDER BY v <=> '[1,0.5,0.1]';
SELECT id FROM few WHERE tag = 'b' ORDER BY v <=> '[1,0.5,0.1]';
SELECT count(*) FROM few WHERE clip_within(v, '[1,0.5,0.1]', 0.5);
SET clip_pg.exact_search = on;
SELECT id FROM few ORDER BY v <=> '[1,0.5,0.1]' LIMIT 1;
RESET clip_pg.exact_search;
RESET client_min_messages;
CREATE FUNCTION pg_temp.told(options text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT json, COSTS off %s) %s', options, query) INTO plan;
    IF current_setting('server_version_num')::integer < 180000 THEN
        RETURN 'as expected';
    END IF;
    RETURN CASE (SELECT string_agg(value, ' ' ORDER BY ordinality)
                 FROM json_each_text(plan -> 0 -> 'Plan') WITH ORDINALITY e (key, value, ordinality)
                 WHERE key IN ('Search Width', 'Nodes Visited', 'Index Rows', 'Filter Directory Scans', 'Full Index Scans',
                               'Nodes Left Out By Order', 'Truncated Scans'))
        WHEN '64 3 3 0 1 0 0' THEN 'as expected' ELSE plan::text END;
END $$;
SELECT pg_temp.told(', ANALYZE, TIMING off, BUFFERS off', 'SELECT id FROM few ORDER BY v <=> ''[1,0.5,0.1]''') AS analyzed,
       current_setting('server_version_num')::integer < 180000
       OR pg_temp.told('', 'SELECT id FROM few ORDER BY v <=> ''[1,0.5,0.1]''') !~ 'Search Width' AS not_analyzed;
DROP TABLE few;

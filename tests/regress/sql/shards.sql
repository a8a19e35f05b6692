-- clip_shard_search over partitions that are here; those on other servers are for the recovery tests.
CREATE TABLE pictures (id integer, kind text, embedding clip_vector(2)) PARTITION BY RANGE (id);
CREATE TABLE pictures_1 PARTITION OF pictures FOR VALUES FROM (0) TO (100);
CREATE TABLE pictures_2 PARTITION OF pictures FOR VALUES FROM (100) TO (200) PARTITION BY LIST (kind);
CREATE TABLE "pictures 2a" PARTITION OF pictures_2 FOR VALUES IN ('map');
CREATE TABLE pictures_2b PARTITION OF pictures_2 DEFAULT;
INSERT INTO pictures SELECT i, CASE WHEN i % 3 = 0 THEN 'map' ELSE 'print' END, ARRAY[cos(i / 50.0), sin(i / 50.0)]::clip_vector FROM generate_series(0, 199) i;
INSERT INTO pictures VALUES (5, 'print', NULL), (6, 'print', '[0,0]');
CREATE INDEX ON pictures USING clip_hnsw (embedding);

SELECT shard, id, round(distance::numeric, 4) FROM clip_shard_search('pictures', 'embedding', 'id', '[-0.7,0.71]', 5);
SELECT shard, id FROM clip_shard_search('pictures', 'embedding', 'id', '[-0.7,0.71]', 5, $$ kind = 'map' -- a comment $$);
SELECT shard, id, round(distance::numeric, 4) FROM clip_shard_search('pictures', 'embedding', 'id', '[0,1]', 3, metric => 'l2');
SELECT shard, id, round(distance::numeric, 4) FROM clip_shard_search('pictures', 'embedding', 'id', '[0,1]', 3, metric => 'ip');
-- A vector without direction is the last, one that is missing is not found.
SELECT count(*), max(distance) FROM clip_shard_search('pictures', 'embedding', 'id', '[0,1]', 1000);
-- A table alone, a branch, children, and a view.
SELECT count(*) FROM clip_shard_search('pictures_1', 'embedding', 'id', '[0,1]', 1000);
SELECT shard, count(*) FROM clip_shard_search('pictures_2', 'embedding', 'id', '[0,1]', 1000) GROUP BY shard ORDER BY shard;
CREATE TABLE parent (id integer, embedding clip_vector(2));
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1, '[1,0]');
INSERT INTO child VALUES (2, '[0,1]');
SELECT shard, id, distance FROM clip_shard_search('parent', 'embedding', 'id', '[1,0]');
CREATE VIEW maps AS SELECT id, embedding FROM pictures WHERE kind = 'map';
SELECT shard, id FROM clip_shard_search('maps', 'embedding', 'id', '[1,0]', 2);

-- A session keeps plans, and notices when tables, names and roles have changed.
CREATE TABLE pictures_3 PARTITION OF pictures FOR VALUES FROM (200) TO (300);
INSERT INTO pictures VALUES (200, 'print', '[-0.7,0.71]');
SELECT shard, id FROM clip_shard_search('pictures', 'embedding', 'id', '[-0.7,0.71]', 1);
ALTER TABLE pictures DETACH PARTITION pictures_3;
SELECT shard, id FROM clip_shard_search('pictures', 'embedding', 'id', '[-0.7,0.71]', 1);
ALTER TABLE parent ALTER id TYPE text USING id || 'th';
SELECT shard, id FROM clip_shard_search('parent', 'embedding', 'id', '[1,0]');
CREATE SCHEMA one CREATE VIEW wanted AS SELECT '1th' AS id;
CREATE SCHEMA two CREATE VIEW wanted AS SELECT '2th' AS id;
SET search_path = public, one;
SELECT id FROM clip_shard_search('parent', 'embedding', 'id', '[1,0]', 10, 'id IN (SELECT id FROM wanted)');
SET search_path = public, two;
SELECT id FROM clip_shard_search('parent', 'embedding', 'id', '[1,0]', 10, 'id IN (SELECT id FROM wanted)');
RESET search_path;
CREATE ROLE regress_shards_reader;
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON parent USING (id <> '1th');
GRANT SELECT ON parent TO regress_shards_reader;
\set SHOW_CONTEXT never
SET ROLE regress_shards_reader;
SELECT id FROM clip_shard_search('parent', 'embedding', 'id', '[1,0]');
RESET ROLE;
GRANT SELECT ON child TO regress_shards_reader;
SET ROLE regress_shards_reader;
SELECT id FROM clip_shard_search('parent', 'embedding', 'id', '[1,0]');
RESET ROLE;
SELECT id FROM clip_shard_search('parent', 'embedding', 'id', '[1,0]');
-- More statements than are kept, one of which runs the others.
CREATE FUNCTION found() RETURNS bigint STABLE LANGUAGE sql AS
$$ SELECT count(s.id) FROM generate_series(1, 50) k, clip_shard_search('pictures_2', 'embedding', 'id', '[0,1]', k) s $$;
SELECT id FROM clip_shard_search('pictures_1', 'embedding', 'id', '[0,1]', 2, '(SELECT found()) = 1275');

SELECT count(*) FROM clip_shard_search('pictures', 'embedding', 'id', NULL);
\i outcome.sql
SELECT arguments, pg_temp.outcome('SELECT * FROM clip_shard_search(' || arguments || ')') FROM (VALUES
    ($$'pictures', 'embedding', 'id', '[0,1]', 0$$), ($$'pictures', 'embedding', 'id', '[0,1]', NULL$$),
    ($$NULL, 'embedding', 'id', '[0,1]'$$), ($$'pictures', 'embedding', 'id', '[0,1]', metric => 'hamming'$$),
    ($$'pictures', 'kind', 'id', '[0,1]'$$), ($$'pictures', 'embedding', 'nothing', '[0,1]'$$),
    ($$0, 'embedding', 'id', '[0,1]'$$), ($$'pictures', 'embedding', 'id', '[0,1,0]'$$),
    ($$'pictures', 'embedding', 'id', '[0,1]', 1, 'year < 1900'$$)) v (arguments);
DROP VIEW maps;
DROP VIEW one.wanted, two.wanted;
DROP SCHEMA one, two;
DROP FUNCTION found;
DROP TABLE pictures, pictures_3, parent, child;
DROP ROLE regress_shards_reader;

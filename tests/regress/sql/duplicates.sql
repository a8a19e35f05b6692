-- Near-duplicates of a table, by its index.
\i outcome.sql
SET client_min_messages = warning;

-- Directions in the plane: groups at 0, 40 and 80 degrees, a chain from 120 to 160, and some that are alone.
CREATE FUNCTION at(degrees double precision, length double precision DEFAULT 1) RETURNS clip_vector LANGUAGE sql IMMUTABLE
    RETURN ARRAY[length * cosd(degrees), length * sind(degrees), 0]::real[]::clip_vector;
CREATE TABLE pictures (id integer PRIMARY KEY, title text, owner text DEFAULT 'all', embedding clip_vector(3));
INSERT INTO pictures (id, title, embedding) VALUES
    (1, 'alone', at(200)),
    (2, 'one', at(0)), (3, 'one, again', at(3)), (4, 'one, again', at(1)),
    (5, 'equal', at(40)), (6, 'equal', at(40)), (7, 'equal', at(40)), (8, 'nearly equal', at(42)),
    (9, 'scaled', at(80, 1)), (10, 'scaled', at(80, 2)),
    (11, NULL, NULL), (12, 'no direction', '[0,0,0]'), (13, 'no direction', '[0,0,0]');
INSERT INTO pictures (id, title, embedding) SELECT 100 + n, 'chain', at(120 + 2 * n) FROM generate_series(0, 20) n;

-- Without an index there would be no end of it.
SELECT pg_temp.outcome($$SELECT * FROM clip_duplicates('pictures', 'embedding', 'id')$$);
CREATE INDEX pictures_l2 ON pictures USING clip_hnsw (embedding clip_l2_ops);
SELECT pg_temp.outcome($$SELECT * FROM clip_duplicates('pictures', 'embedding', 'id')$$);
DROP INDEX pictures_l2;
CREATE INDEX pictures_embedding ON pictures USING clip_hnsw (embedding);

-- Within three and a half degrees, and six and a half across.
CREATE FUNCTION degrees_apart(degrees double precision) RETURNS double precision LANGUAGE sql IMMUTABLE RETURN 1 - cosd(degrees);
CREATE VIEW found AS
    SELECT d.duplicate_group, d.id, round(acosd(1 - d.distance)) AS degrees
    FROM clip_duplicates('pictures', 'embedding', 'id', degrees_apart(3.5), degrees_apart(6.5)) d;
SELECT dense_rank() OVER (ORDER BY duplicate_group) AS n, id, degrees FROM found WHERE id::integer < 100;
-- Chains are cut: no group is wider than it may be, and nobody is in two.
SELECT max(width) <= 6 AS narrow, bool_and(members >= 2) AS shared, sum(members) > 13 AS most
FROM (SELECT (max(id::integer) - min(id::integer)) * 2 AS width, count(*) AS members FROM found WHERE id::integer >= 100
      GROUP BY duplicate_group) g;
-- With a wider limit, the chain is one group, and the largest.
SELECT count(*), min(id::integer), max(id::integer) FROM clip_duplicates('pictures', 'embedding', 'id', degrees_apart(3.5), 2)
WHERE duplicate_group = 1;
-- Equal vectors only, and those of the same direction; max_diameter is twice max_distance.
SELECT * FROM clip_duplicates('pictures', 'embedding', 'id', 0);
-- Nothing near, nothing at all.
SELECT count(*) FROM clip_duplicates('pictures', 'embedding', 'id', 0.0005) WHERE id::integer >= 100;
CREATE TABLE empty_pictures (id integer, embedding clip_vector(3));
CREATE INDEX ON empty_pictures USING clip_hnsw (embedding);
SELECT count(*) FROM clip_duplicates('empty_pictures', 'embedding', 'id');
-- Thousands of equal vectors, blank pages, are looked up once.
INSERT INTO empty_pictures SELECT n, at(10) FROM generate_series(1, 3000) n;
INSERT INTO empty_pictures SELECT 3000 + n, at(10 + n / 500.0) FROM generate_series(1, 300) n;
SELECT count(*), count(DISTINCT duplicate_group) FROM clip_duplicates('empty_pictures', 'embedding', 'id');

-- Rows of which one is kept.
BEGIN;
DELETE FROM pictures p USING (
    SELECT id, row_number() OVER (PARTITION BY duplicate_group ORDER BY distance, id::integer) FROM clip_duplicates('pictures', 'embedding', 'id', 0.002)
) d WHERE p.id::text = d.id AND d.row_number > 1;
SELECT id FROM pictures WHERE id < 100 ORDER BY id;
SELECT count(*) FROM clip_duplicates('pictures', 'embedding', 'id', 0.0001);
ROLLBACK;

-- Any key, partitions, views of a part, several columns as the key.
CREATE TABLE parted (year integer, name text, embedding clip_vector(3)) PARTITION BY LIST (year);
CREATE TABLE parted_1900 PARTITION OF parted FOR VALUES IN (1900);
CREATE TABLE parted_1901 PARTITION OF parted FOR VALUES IN (1901);
INSERT INTO parted SELECT 1900 + id % 2, title, embedding FROM pictures WHERE id < 10;
CREATE INDEX ON parted_1900 USING clip_hnsw (embedding);
SELECT pg_temp.outcome($$SELECT * FROM clip_duplicates('parted', 'embedding', 'name')$$);
CREATE INDEX ON parted USING clip_hnsw (embedding);
SELECT id, duplicate_group, round(distance::numeric, 4) AS distance FROM clip_duplicates('parted', 'embedding', 'name', 0.002);
CREATE VIEW of_1901 AS SELECT (year, name)::text AS key, embedding FROM parted WHERE year = 1901;
SELECT id, duplicate_group, round(distance::numeric, 4) AS distance FROM clip_duplicates('of_1901', 'embedding', 'key', 0.002);
SELECT count(DISTINCT id) >= 9 AS found FROM clip_duplicates('pictures', 'embedding', 'ctid', 0.002);
CREATE DOMAIN small_vector AS clip_vector(3);
CREATE TABLE "Odd ""names""" ("the id" uuid DEFAULT '00000000-0000-0000-0000-000000000001', "the vector" small_vector);
CREATE INDEX ON "Odd ""names""" USING clip_hnsw ("the vector");
INSERT INTO "Odd ""names""" ("the vector") VALUES (at(1)), (at(1));
SELECT * FROM clip_duplicates('"Odd ""names"""', 'the vector', 'the id');

-- The caller's rights and policies, by whatever search path.
CREATE ROLE regress_clip_librarian;
SET ROLE regress_clip_librarian;
SELECT pg_temp.outcome($$SELECT * FROM clip_duplicates('pictures', 'embedding', 'id')$$);
RESET ROLE;
GRANT SELECT (id, embedding) ON pictures TO regress_clip_librarian;
UPDATE pictures SET owner = 'regress_clip_librarian' WHERE id IN (2, 3, 5, 6, 100, 120);
CREATE FUNCTION may_see(id integer) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
BEGIN
    RETURN (SELECT p.owner = session_user OR current_setting('role') = p.owner FROM pictures p WHERE p.id = may_see.id);
END $$;
CREATE POLICY own ON pictures USING (may_see(id));
ALTER TABLE pictures ENABLE ROW LEVEL SECURITY;
SET ROLE regress_clip_librarian;
SELECT id, duplicate_group FROM clip_duplicates('pictures', 'embedding', 'id');
RESET ROLE;
ALTER TABLE pictures DISABLE ROW LEVEL SECURITY;
BEGIN;
SET LOCAL search_path = pg_catalog;
SELECT count(*) > 0 FROM public.clip_duplicates('public.pictures', 'embedding', 'id');
ROLLBACK;

-- Settings are as they were.
SELECT current_setting('enable_seqscan'), current_setting('enable_sort'), current_setting('clip_pg.iterative_order');

-- What it cannot take.
SELECT call, pg_temp.outcome('SELECT * FROM clip_duplicates(' || call || ')') FROM (VALUES
    ($$NULL, 'embedding', 'id'$$),
    ($$'pictures', NULL, 'id'$$),
    ($$'pictures', 'embedding', NULL$$),
    ($$'pictures', 'embedding', 'id', NULL$$),
    ($$'pictures', 'embedding', 'id', -0.1$$),
    ($$'pictures', 'embedding', 'id', 'NaN'$$),
    ($$'pictures', 'embedding', 'id', 0.1, 'Infinity'$$),
    ($$'pictures', 'embedding', 'id', 0.1, 0.05$$),
    ($$'pictures', 'nope', 'id'$$),
    ($$'pictures', 'embedding', 'nope'$$),
    ($$'pictures', 'title', 'id'$$),
    ($$1, 'embedding', 'id'$$),
    ($$'pictures_embedding', 'embedding', 'id'$$)
) c (call);
DROP TABLE pictures, empty_pictures, parted, "Odd ""names""" CASCADE;
DROP FUNCTION may_see;
DROP ROLE regress_clip_librarian;

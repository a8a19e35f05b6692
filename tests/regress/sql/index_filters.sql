-- Filter columns of a clip_hnsw index: conditions on them are checked in the index.
CREATE TYPE light AS ENUM ('dawn', 'day', 'dusk');
CREATE TABLE photos (
    id integer PRIMARY KEY,
    embedding clip_vector(8),
    small smallint, number integer, big bigint, ratio real, score float8, price numeric(12, 4),
    flag boolean, day date, clock time, taken timestamp, stored timestamptz,
    key uuid, name text, path text COLLATE "C", short varchar(40), code character(6), light light
) WITH (autovacuum_enabled = off);
CREATE FUNCTION pg_temp.embedding(n integer) RETURNS clip_vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array(SELECT sin(n * (1 + i / 10.0) + i)::real + 0.5 FROM generate_series(1, 8) i)::clip_vector $$;
-- Every seventh value is NULL, each column's another one.
CREATE FUNCTION pg_temp.some(n integer, shift integer) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN (n + shift) % 7 > 0 THEN n * 37 % 100 END $$;
SET timezone = 'UTC';
INSERT INTO photos
SELECT n, pg_temp.embedding(n), pg_temp.some(n, 1) - 50, pg_temp.some(n, 2) - 50, (pg_temp.some(n, 3) - 50)::bigint << 56,
    (pg_temp.some(n, 4) - 50) / 8.0, (pg_temp.some(n, 5) - 50) / 3.0, (pg_temp.some(n, 6) - 50) / 4.0, pg_temp.some(n, 0) < 10,
    date '2020-01-01' + pg_temp.some(n, 1), time '08:00' + pg_temp.some(n, 2) * interval '1 minute',
    timestamp '2020-01-01' + pg_temp.some(n, 3) * interval '1 hour', timestamptz '2020-01-01' + pg_temp.some(n, 4) * interval '1 hour',
    md5(pg_temp.some(n, 5)::text)::uuid, 'institution of number ' || pg_temp.some(n, 6), '/' || pg_temp.some(n, 0) || '/file',
    'n' || pg_temp.some(n, 1), 'c' || pg_temp.some(n, 2), (enum_range(NULL::light))[1 + pg_temp.some(n, 3) % 3]
FROM generate_series(1, 3000) n;
UPDATE photos SET ratio = 'NaN', score = 'NaN', price = 'NaN' WHERE id % 11 = 0;
UPDATE photos SET ratio = 'infinity', score = '-infinity', day = 'infinity', taken = '-infinity', stored = 'infinity', big = 9223372036854775807 WHERE id % 13 = 0;
UPDATE photos SET ratio = '-0', score = 0, big = 9223372036854775806 WHERE id % 17 = 0;
SET max_parallel_maintenance_workers = 0;
CREATE INDEX photos_numbers ON photos USING clip_hnsw (embedding, small, number, big, ratio, score, price);
CREATE INDEX photos_times ON photos USING clip_hnsw (embedding, flag, day, clock, taken, stored);
CREATE INDEX photos_texts ON photos USING clip_hnsw (embedding, key, name, path, short, code, light);
VACUUM ANALYZE photos;
SET max_parallel_workers_per_gather = 0;
\d photos_texts
SELECT indexdef FROM pg_indexes WHERE indexname = 'photos_numbers';
SELECT (clip_index_check(indexrelid, heap => true, search => 0.02)).* FROM pg_index WHERE indrelid = 'photos'::regclass AND NOT indisprimary;

\i both.sql

-- Every operator of every type.
SELECT c.name AS column, count(*), count(*) FILTER (WHERE b.in_index) AS in_index, count(*) FILTER (WHERE NOT b.agree) AS wrong,
    min(b.count) FILTER (WHERE o = '=') AS equal, sum(b.count) AS rows
FROM (VALUES ('small', '7'), ('number', '-13'), ('big', '72057594037927936'), ('ratio', '1.125'), ('score', '1'), ('price', '-2.25'),
        ('day', '''2020-02-11'''), ('clock', '''08:41'''), ('taken', '''2020-01-02 17:00'''), ('stored', '''2020-01-02 17:00'''),
        ('key', '''' || md5('63') || ''''), ('path', '''/63/file''')) c (name, value),
    unnest('{<,<=,=,>=,>}'::text[]) o, pg_temp.both(format('%s %s %s', c.name, o, c.value)) b
GROUP BY c.name ORDER BY c.name;
SELECT c AS condition, b.* FROM unnest('{flag,NOT flag,flag IS NULL,flag IS NOT NULL,"name = ''institution of number 3''","name IN (''institution of number 3'', ''institution of number 44'')",
    "short = ''n63''","short = ''n63'' AND path = ''/63/file''","code = ''c5''","code = ''c5   ''","light = ''dusk''","light IN (''dawn'', ''dusk'')"}'::text[]) c, pg_temp.both(c) b;
-- Numbers of other widths, and what is special.
SELECT c AS condition, b.* FROM unnest('{small > 32767,small < 40000::integer,small = 7::bigint,number < 5::smallint,number > 3000000000,big < 7::smallint,
    big = 9223372036854775807,big < 9223372036854775807,big >= 9223372036854775806,big > 9223372036854775806,
    ratio = 1.125::float8,ratio = ''NaN'',ratio > ''infinity'',ratio = 0,score < 0::real,score = ''-infinity'',score >= ''-0'',price = ''NaN'',price < ''NaN'',
    price = 0.00000000000000000001,day = ''infinity'',taken < ''2020-01-01'',stored = ''infinity''}'::text[]) c, pg_temp.both(c) b;
-- Several, alternatives, and NULL.
SELECT c AS condition, b.* FROM unnest('{number IS NULL,number IS NOT NULL,number IS NULL AND small IS NOT NULL,number = NULL,number BETWEEN 3 AND 8,
    number > 3 AND small < 0 AND price >= 0,"number IN (1, 2, 3)","number = ANY (''{5,NULL,7,7}'')","number = ANY (NULL::integer[])","number = ANY (''{}'')","small IN (1, 4) AND number > 0",
    "number IN (1, 2) AND embedding IS NOT NULL",number > 100}'::text[]) c, pg_temp.both(c) b;

-- Conditions are in the index, with LIMIT, parameters and clip_within; a range of texts by a language's order narrows nothing and is right.
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM photos WHERE number = 7 AND small IS NOT NULL AND name LIKE '%3' ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM photos WHERE number IN (7, 8) AND price > 2 ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM photos WHERE clip_within(embedding, '[1,1,1,1,1,1,1,1]', 0.5) AND big < 0;
EXPLAIN (COSTS off) SELECT id FROM photos WHERE day > '2020-03-01' AND flag ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 5;
SELECT count(*), count(*) FILTER (WHERE big < 0) AS below FROM photos WHERE clip_within(embedding, pg_temp.embedding(5), 0.5) AND big < 0;
SELECT (pg_temp.both('clip_within(embedding, pg_temp.embedding(5), 0.5) AND big < 0')).*;
SELECT (pg_temp.both('name < ''institution of number 5''')).*;
PREPARE nearest(integer, numeric[], integer) AS
    SELECT id, number, price FROM photos WHERE number < $1 AND price = ANY ($2) ORDER BY embedding <=> pg_temp.embedding(5) LIMIT $3;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS off) EXECUTE nearest(40, '{1,2.5,3,-4}', 3);
EXECUTE nearest(40, '{1,2.5,3,-4}', 3);
EXECUTE nearest(-20, '{1,2.5,3,-4,NULL}', 3);
EXECUTE nearest(NULL, '{1,2.5,3,-4}', 3);
EXECUTE nearest(40, NULL, 3);
RESET plan_cache_mode;
\i plan.sql
-- What the index has no rows of is not looked for in it.
SELECT pg_temp.plan('SELECT id FROM photos WHERE number = 7');
SELECT pg_temp.plan('SELECT id FROM photos WHERE embedding IS NULL AND number = 7 ORDER BY embedding <=> ''[1,1,1,1,1,1,1,1]''');
RESET enable_seqscan;

-- A value that changes, alone.
CREATE TABLE changing (id integer PRIMARY KEY, embedding clip_vector(8), state text, visits integer) WITH (autovacuum_enabled = off, fillfactor = 50);
CREATE INDEX changing_idx ON changing USING clip_hnsw (embedding, state, (visits / 10)) WHERE id > 10;
INSERT INTO changing SELECT n, pg_temp.embedding(n / 2), 'new', n FROM generate_series(1, 400) n;
UPDATE changing SET state = 'old' WHERE id % 3 = 0;
UPDATE changing SET state = NULL WHERE id % 5 = 0;
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS off) SELECT id FROM changing WHERE id > 10 AND state = 'old' AND visits / 10 = 7 ORDER BY embedding <=> pg_temp.embedding(5);
SELECT id, state FROM changing WHERE id > 10 AND state = 'old' AND visits / 10 = 7 ORDER BY embedding <=> pg_temp.embedding(35);
SELECT count(*) FROM (SELECT FROM changing WHERE id > 10 AND state IS NULL ORDER BY embedding <=> pg_temp.embedding(35)) s;
SELECT problems, row_count - nodes AS equal FROM clip_index_check('changing_idx', heap => true);
VACUUM changing;
SELECT count(*), count(*) FILTER (WHERE state = 'old') AS old FROM (SELECT state FROM changing WHERE id > 10 AND state = 'old' ORDER BY embedding <=> pg_temp.embedding(35)) s;
SELECT problems, row_count FROM clip_index_check('changing_idx', heap => true);
DELETE FROM changing WHERE state = 'old' OR id > 300;
VACUUM changing;
INSERT INTO changing SELECT n, pg_temp.embedding(n), 'newer', n FROM generate_series(1000, 1100) n;
SELECT count(*) FROM (SELECT FROM changing WHERE id > 10 AND state = 'newer' ORDER BY embedding <=> pg_temp.embedding(35)) s;
SELECT problems FROM clip_index_check('changing_idx', heap => true);
REINDEX INDEX changing_idx;
SELECT problems FROM clip_index_check('changing_idx', heap => true);
RESET enable_seqscan;
RESET enable_sort;
DROP TABLE changing;

-- The planner takes the index of a condition that leaves few, and this one where it leaves many.
CREATE INDEX photos_number ON photos (number, small);
EXPLAIN (COSTS off) SELECT id FROM photos WHERE number = 7 AND small = 7 ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM photos WHERE number < 7 ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 5;
DROP INDEX photos_number;

-- A policy's condition is one of the index, if its operator is leakproof.
CREATE ROLE regress_filters_visitor;
GRANT SELECT ON photos TO regress_filters_visitor;
ALTER TABLE photos ENABLE ROW LEVEL SECURITY;
CREATE POLICY numbered ON photos FOR SELECT TO regress_filters_visitor USING (number = 7);
SET ROLE regress_filters_visitor;
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS off) SELECT id FROM photos ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 5;
SELECT count(*), min(number), max(number) FROM (SELECT number FROM photos ORDER BY embedding <=> '[1,1,1,1,1,1,1,1]' LIMIT 100) s;
RESET enable_seqscan;
RESET enable_sort;
RESET ROLE;
DROP POLICY numbered ON photos;
REVOKE SELECT ON photos FROM regress_filters_visitor;
DROP ROLE regress_filters_visitor;
ALTER TABLE photos DISABLE ROW LEVEL SECURITY;

-- Partitions.
CREATE TABLE parts (id integer, embedding clip_vector(8), year integer) PARTITION BY RANGE (year);
CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (2000) TO (2010);
CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM (2010) TO (2020);
CREATE INDEX ON parts USING clip_hnsw (embedding, year);
INSERT INTO parts SELECT n, pg_temp.embedding(n), 2000 + n % 20 FROM generate_series(1, 400) n;
ANALYZE parts;
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM parts WHERE year IN (2005, 2015) ORDER BY embedding <=> pg_temp.embedding(5) LIMIT 5;
SELECT id, year FROM parts WHERE year IN (2005, 2015) ORDER BY embedding <=> pg_temp.embedding(5) LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM parts WHERE year = 2005 ORDER BY embedding <=> pg_temp.embedding(5) LIMIT 5;
RESET enable_seqscan;
DROP TABLE parts;

-- Arrays, as sets: every operator, whatever is empty, NULL or of several dimensions.
CREATE TABLE tagged (
    id integer PRIMARY KEY, embedding clip_vector(8), tags text[], numbers integer[], keys uuid[], prices numeric[], lights light[], short varchar(20)[]
) WITH (autovacuum_enabled = off);
INSERT INTO tagged
SELECT n, pg_temp.embedding(n), t, i, array(SELECT md5(u)::uuid FROM unnest(t) u), i::numeric[], l, t
FROM generate_series(1, 2000) n, LATERAL (SELECT array(SELECT 'tag ' || n * s % 23 FROM generate_series(1, n % 6) s) AS t) t,
    LATERAL (SELECT array(SELECT (n * s * 7) % 40 FROM generate_series(1, n % 5) s) AS i) i,
    LATERAL (SELECT array(SELECT (enum_range(NULL::light))[1 + (n + s) % 3] FROM generate_series(1, n % 3) s) AS l) l;
UPDATE tagged SET tags = NULL, numbers = NULL WHERE id % 13 = 0;
UPDATE tagged SET tags = tags || NULL, numbers = NULL || numbers WHERE id % 17 = 0;
UPDATE tagged SET tags = ARRAY[[tags[1], 'left'], ['right', NULL]], numbers = '[5:6][2:3]={{1,2},{3,NULL}}' WHERE id % 19 = 0;
UPDATE tagged SET tags = array(SELECT 'tag ' || n FROM generate_series(1, 3000) n) WHERE id IN (100, 200);
CREATE INDEX tagged_idx ON tagged USING clip_hnsw (embedding, tags, numbers, keys, prices, lights, short);
INSERT INTO tagged VALUES (3001, pg_temp.embedding(3001), '{later,"tag 1"}', '{7,41}', '{}', '{1.50}', '{dusk}', '{later}');
VACUUM ANALYZE tagged;
ALTER TABLE photos RENAME TO photographs;
ALTER TABLE tagged RENAME TO photos;
SELECT c AS condition, b.* FROM unnest(ARRAY[
    $$tags && '{"tag 3"}'$$, $$tags && '{"tag 3","tag 7",never}'$$, $$tags && '{never}'$$, $$tags && '{}'$$, $$tags && '{NULL}'$$, $$tags && '{NULL,"tag 4"}'$$,
    $$tags @> '{"tag 3"}'$$, $$tags @> '{"tag 3","tag 6","tag 3"}'$$, $$tags @> '{}'$$, $$tags @> '{NULL}'$$, $$tags @> '{"tag 3",NULL}'$$, $$tags @> '{"tag 2999"}'$$,
    $$tags <@ '{"tag 3","tag 6","tag 9","tag 12","tag 15"}'$$, $$tags <@ '{}'$$, $$tags <@ '{NULL,"tag 3"}'$$, $$tags = '{}'$$, $$tags = '{"tag 3"}'$$, $$'{"tag 3"}' = tags$$,
    $$tags = '{{"tag 19",left},{right,NULL}}'$$, $$tags @> '{{right},{left}}'$$, $$tags IS NULL$$, $$tags IS NOT NULL$$, $$tags = NULL$$, $$tags && NULL$$,
    $$'{"tag 3"}' <@ tags$$, $$'{"tag 3","tag 6"}' @> tags$$, $$'{"tag 4"}' && tags$$, $$tags @> '{later}'$$,
    $$numbers && '{7,14}'$$, $$numbers @> '{7,14}'$$, $$numbers @> ARRAY[7]$$, $$numbers <@ '{7,14,21,28,35}'$$, $$numbers = '{7,14}'$$, $$numbers = '{1,2,3,NULL}'$$, $$numbers && '{41}'$$,
    $$keys && ARRAY[md5('tag 5')::uuid]$$, $$prices && '{7.0,3}'$$, $$prices @> '{1.5}'$$, $$lights @> '{dusk}'$$, $$lights && '{dawn,dusk}'$$, $$lights <@ '{day}'$$,
    $$short && '{"tag 5"}'::varchar[]$$, $$short::text[] @> '{"tag 5"}'$$, $$tags && '{"tag 3"}' AND numbers @> '{7}' AND lights <> '{}'$$
]) c, pg_temp.both(c) b;
SELECT missing, not_found, problems FROM clip_index_check('tagged_idx', heap => true, search => 0.02);
PREPARE with_tags(text[]) AS SELECT id, tags FROM photos WHERE tags @> $1 ORDER BY embedding <=> pg_temp.embedding(5) LIMIT 3;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
EXPLAIN (COSTS off) EXECUTE with_tags('{"tag 3"}');
EXECUTE with_tags('{"tag 3"}');
EXECUTE with_tags('{NULL}');
EXECUTE with_tags(NULL);
RESET plan_cache_mode;
RESET enable_seqscan;
DEALLOCATE with_tags;
-- One of several arrays, which are those of a domain.
CREATE DOMAIN numbers AS integer[];
SELECT c AS condition, b.* FROM unnest(ARRAY[
    $$numbers = ANY (ARRAY['{7,14}', '{}']::numbers[])$$, $$numbers = ANY (ARRAY['{7,14}', NULL]::numbers[])$$, $$numbers && ANY (ARRAY['{7,14}', '{41}']::numbers[])$$,
    $$numbers @> ANY (ARRAY['{7,14}', '{NULL}']::numbers[])$$, $$numbers <@ ANY ('{}'::numbers[])$$, $$numbers @> ANY (NULL::numbers[])$$
]) c, pg_temp.both(c) b;
DROP DOMAIN numbers;
DROP TABLE photos;
ALTER TABLE photographs RENAME TO photos;

-- What cannot be a filter.
CREATE INDEX ON photos USING clip_hnsw (embedding, (point(id, id)));
CREATE INDEX ON photos USING clip_hnsw (number, embedding);
CREATE INDEX ON photos USING clip_hnsw (number);
CREATE INDEX ON photos USING clip_hnsw (embedding, embedding);
CREATE INDEX ON photos USING clip_hnsw (embedding, small, number, big, ratio, score, price, flag, day, clock);
\set VERBOSITY sqlstate
CREATE INDEX ON photos USING clip_hnsw (embedding, number DESC);
\set VERBOSITY default
CREATE INDEX ON photos USING clip_hnsw (embedding) INCLUDE (number);
CREATE INDEX ON photos USING clip_hnsw (embedding, name text_ops);
DROP TABLE photos;
DROP TYPE light;

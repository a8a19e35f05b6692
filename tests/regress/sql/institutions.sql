-- Several institutions in one search: partitions, rights, facets, provenance.
\pset null '-'
SET client_min_messages = warning;

-- One table for all; where an image comes from, as IIIF has it, is part of its row.
CREATE TABLE objects (
    id bigint GENERATED ALWAYS AS IDENTITY,
    institution text NOT NULL,
    type text NOT NULL,
    year integer,
    title text NOT NULL,
    manifest text NOT NULL,
    canvas text NOT NULL,
    region text NOT NULL DEFAULT 'full',
    restricted boolean NOT NULL DEFAULT false,
    embedding clip_vector(8)
) PARTITION BY LIST (institution);
CREATE TABLE objects_bnf PARTITION OF objects FOR VALUES IN ('BnF');
CREATE TABLE objects_inha PARTITION OF objects FOR VALUES IN ('INHA');
CREATE TABLE objects_enc PARTITION OF objects FOR VALUES IN ('ENC');
CREATE INDEX ON objects USING clip_hnsw (embedding);

-- Vectors on a circle, so that the order is known: object n is n degrees away from the first.
INSERT INTO objects (institution, type, year, title, manifest, canvas, region, restricted, embedding)
SELECT institution, type, 1800 + n % 120, institution || ' ' || n, format('https://iiif.example.org/%s/%s/manifest.json', lower(institution), n),
       format('https://iiif.example.org/%s/%s/canvas/1', lower(institution), n), CASE WHEN n % 2 = 0 THEN 'full' ELSE '10,20,300,400' END,
       n % 10 = 3, ARRAY[cosd(n / 20.0), sind(n / 20.0), 0, 0, 0, 0, 0, 0]::float8[]::clip_vector
FROM generate_series(0, 2999) n, LATERAL (SELECT (ARRAY['BnF', 'INHA', 'ENC'])[n % 3 + 1], (ARRAY['map', 'portrait', 'print', 'seal'])[n / 3 % 4 + 1]) i (institution, type);
ANALYZE objects;

\i plan.sql
-- Nodes that read or join objects; versions show filters and the policy's subquery in ways of their own.
CREATE FUNCTION pg_temp.nodes(query text) RETURNS SETOF text LANGUAGE sql AS $$
SELECT line FROM pg_temp.plan(query) line WHERE line ~ 'Limit|Append|Sort$|on objects'
$$;

-- So few vectors, and so short ones, would be read through.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
-- One search: the index of each partition gives its nearest, and they are merged.
SELECT pg_temp.nodes($$SELECT title FROM objects ORDER BY embedding <=> '[1,0,0,0,0,0,0,0]' LIMIT 5$$);
SELECT institution, title, region, manifest FROM objects ORDER BY embedding <=> '[1,0,0,0,0,0,0,0]' LIMIT 5;
-- Of one institution or two, only their partitions are looked into.
SELECT pg_temp.nodes($$SELECT title FROM objects WHERE institution IN ('BnF', 'ENC') ORDER BY embedding <=> '[1,0,0,0,0,0,0,0]' LIMIT 5$$);
SELECT title FROM objects WHERE institution IN ('BnF', 'ENC') ORDER BY embedding <=> '[1,0,0,0,0,0,0,0]' LIMIT 5;

-- Rights: each institution sees its own objects and the others' unrestricted ones, and writes its own only.
CREATE ROLE regress_clip_bnf;
CREATE ROLE regress_clip_inha;
CREATE TABLE members (role name, institution text, PRIMARY KEY (role, institution));
INSERT INTO members VALUES ('regress_clip_bnf', 'BnF'), ('regress_clip_inha', 'INHA');
GRANT SELECT ON members TO PUBLIC;
GRANT SELECT, UPDATE ON objects TO regress_clip_bnf, regress_clip_inha;
ALTER TABLE objects ENABLE ROW LEVEL SECURITY;
CREATE POLICY reading ON objects FOR SELECT
    USING (NOT restricted OR institution IN (SELECT m.institution FROM members m WHERE m.role = current_user));
CREATE POLICY writing ON objects FOR UPDATE
    USING (institution IN (SELECT m.institution FROM members m WHERE m.role = current_user));
SET ROLE regress_clip_bnf;
SELECT pg_temp.nodes($$SELECT title FROM objects ORDER BY embedding <=> '[1,0,0,0,0,0,0,0]' LIMIT 5$$);
-- Objects 3, 13, 23 … are restricted, 3 is the BnF's.
SELECT title, restricted FROM objects ORDER BY embedding <=> '[1,0,0,0,0,0,0,0]' LIMIT 5;
WITH changed AS (UPDATE objects SET title = title WHERE id IN (1, 2, 3) RETURNING institution) SELECT * FROM changed;
SET ROLE regress_clip_inha;
SELECT title, restricted FROM objects ORDER BY embedding <=> '[1,0,0,0,0,0,0,0]' LIMIT 5;
RESET ROLE;

RESET enable_seqscan;
RESET enable_bitmapscan;
-- Facets among the nearest 100, and among all within a distance (30 degrees are 600 objects, and the first one).
SET ROLE regress_clip_bnf;
SELECT institution, type, year / 10 * 10 AS decade, count(*)
FROM (SELECT * FROM objects ORDER BY embedding <=> '[1,0,0,0,0,0,0,0]' LIMIT 100) s
GROUP BY GROUPING SETS ((institution), (type), (year / 10 * 10)) ORDER BY institution NULLS LAST, type NULLS LAST, decade;
SELECT institution, type, count(*)
FROM objects WHERE clip_within(embedding, '[1,0,0,0,0,0,0,0]', 1 - cosd(30.01))
GROUP BY GROUPING SETS ((institution), (type), ()) ORDER BY institution NULLS LAST, type NULLS LAST;
RESET ROLE;

DROP TABLE objects, members;
DROP ROLE regress_clip_bnf, regress_clip_inha;

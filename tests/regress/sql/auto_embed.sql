-- Triggers that keep embeddings current with their images and texts.
\pset null '-'
\i outcome.sql
CREATE TABLE files (name text PRIMARY KEY, file bytea);
INSERT INTO files VALUES ('red', '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b'), ('blue', '\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b'), ('broken', '\x4749463837610200');

-- Images: INSERT, COPY, UPDATE, upsert.
CREATE TABLE photos (id integer PRIMARY KEY, title text, image bytea, embedding clip_vector(512));
SELECT clip_auto_embed('photos', 'image', 'embedding');
SELECT relation, source, target, model, mode FROM clip_pg.auto_embed;
INSERT INTO photos SELECT row_number() OVER (ORDER BY name), name, file FROM files WHERE name <> 'broken';
COPY photos (id, title, image) FROM stdin;
3	red again	\\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b
\.
CREATE VIEW current AS
SELECT id, title, embedding = clip_embed_image(image, 'clip-mini') AS current FROM photos;
SELECT * FROM current ORDER BY id;
UPDATE photos SET image = file FROM files WHERE id = 1 AND name = 'red';
INSERT INTO photos VALUES (2, 'upserted', (SELECT file FROM files WHERE name = 'red'))
ON CONFLICT (id) DO UPDATE SET title = excluded.title, image = excluded.image;
SELECT * FROM current ORDER BY id;

-- What belongs to the source is what counts: a vector given with a source is replaced.
INSERT INTO photos SELECT 4, 'given', image, l2_normalize(embedding + embedding) FROM photos WHERE id = 1;
INSERT INTO photos SELECT 5, 'other', (SELECT file FROM files WHERE name = 'blue'), embedding FROM photos WHERE id = 1;
INSERT INTO photos SELECT 6, 'vector only', NULL, embedding FROM photos WHERE id = 1;
SELECT * FROM current WHERE id >= 4 ORDER BY id;

-- Without a source there is no embedding.
UPDATE photos SET image = NULL WHERE id = 5;
UPDATE photos SET embedding = array_fill(1::real, ARRAY[512]) WHERE id = 5;
SELECT id, embedding FROM photos WHERE embedding IS NULL OR image IS NULL ORDER BY id;

-- An UPDATE that leaves the source alone leaves the embedding alone, even one that was set by hand.
ALTER TABLE photos ALTER image SET STORAGE EXTERNAL;
INSERT INTO photos SELECT 7, 'out of line', file || convert_to(repeat('x', 5000), 'UTF8') FROM files WHERE name = 'red';
UPDATE photos SET embedding = array_fill(1::real, ARRAY[512]) WHERE id = 7;
UPDATE photos SET title = title || '!', id = id;
UPDATE photos SET image = image || ''::bytea;
SELECT id, title, current FROM current WHERE id IN (4, 7) ORDER BY id;
UPDATE photos SET image = image || '\x00' WHERE id = 7;
SELECT id, title, current FROM current WHERE id = 7;

-- A broken image is refused as it is written, with the row.
SELECT pg_temp.outcome($$INSERT INTO photos SELECT 8, name, file FROM files WHERE name = 'broken'$$);
SELECT pg_temp.outcome($$UPDATE photos SET image = '' WHERE id = 1$$);

-- Other triggers come first, whatever their names.
CREATE FUNCTION turn_red() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.image := (SELECT file FROM files WHERE name = 'red');
    RETURN NEW;
END $$;
CREATE TRIGGER z_turn_red BEFORE INSERT OR UPDATE ON photos FOR EACH ROW EXECUTE FUNCTION turn_red();
INSERT INTO photos VALUES (9, 'turned', (SELECT file FROM files WHERE name = 'blue'));
UPDATE photos SET title = 'turned, too' WHERE id = 5;
SELECT p.title, c.current, image = file AS red FROM photos p JOIN current c USING (id), files WHERE name = 'red' AND id IN (5, 9) ORDER BY id;
DROP TRIGGER z_turn_red ON photos;

-- Texts, of any type; names that need quotes; renamed columns and tables; several columns of one table.
CREATE SCHEMA "My ""Schema""";
CREATE TABLE "My ""Schema"""."My Table" ("The Id" integer, part text, "A Text" varchar(100), "Its Vector" clip_vector, note text,
    note_vector clip_vector(512), PRIMARY KEY ("The Id", part));
SELECT clip_auto_embed('"My ""Schema"""."My Table"', 'A Text', 'Its Vector', 'clip-mini');
SELECT clip_auto_embed('"My ""Schema"""."My Table"', 'note', 'note_vector', model => 'clip-mini');
INSERT INTO "My ""Schema"""."My Table" VALUES (1, 'a', 'a dog', NULL, 'a note');
ALTER TABLE "My ""Schema"""."My Table" RENAME "A Text" TO caption;
ALTER TABLE "My ""Schema"""."My Table" RENAME "Its Vector" TO "caption's";
ALTER TABLE "My ""Schema"""."My Table" RENAME TO texts;
ALTER TABLE "My ""Schema""".texts SET SCHEMA public;
INSERT INTO texts VALUES (1, 'b', 'a cat', NULL, NULL);
UPDATE texts SET note = 'another note' WHERE part = 'b';
SELECT "The Id", part, "caption's" = clip_embed_text(caption) AS caption, note_vector = clip_embed_text(note) AS note FROM texts ORDER BY part;
SELECT relation, source, target, model, mode FROM clip_pg.auto_embed ORDER BY relation::text, target;

-- The column cannot be dropped by accident; with the column goes the trigger.
SELECT split_part(pg_temp.outcome('ALTER TABLE texts DROP COLUMN note'), E'\n', 1);
ALTER TABLE texts DROP COLUMN note CASCADE;
INSERT INTO texts VALUES (2, 'a', 'a horse');
SELECT clip_auto_embed_remove('texts', 'caption''s');
INSERT INTO texts VALUES (3, 'a', 'a bird');
SELECT "The Id", part, "caption's" IS NOT NULL AS embedded FROM texts ORDER BY 1, 2;
DROP TABLE texts;
SELECT relation, target FROM clip_pg.auto_embed;

-- Partitions, also with columns in another order, added before and after.
CREATE TABLE events (id integer, dropped text, caption text, vector clip_vector, PRIMARY KEY (id)) PARTITION BY RANGE (id);
ALTER TABLE events DROP COLUMN dropped;
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
SELECT clip_auto_embed('events', 'caption', 'vector');
CREATE TABLE events_2 (vector clip_vector, id integer NOT NULL, caption text);
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (10) TO (20);
INSERT INTO events VALUES (1, 'one'), (11, 'eleven');
INSERT INTO events_2 VALUES (NULL, 12, 'twelve');
UPDATE events SET id = 2, caption = 'two' WHERE id = 12;
SELECT tableoid::regclass, id, vector = clip_embed_text(caption) AS current FROM events ORDER BY id;
SELECT relation, source, target FROM clip_pg.auto_embed WHERE source = 'caption';
SELECT tgrelid::regclass, tgenabled FROM pg_trigger WHERE tgname LIKE 'zzz_clip%' AND tgrelid::regclass::text LIKE 'events%' ORDER BY 1;

-- A column is kept current once, by its table or a partition.
SELECT pg_temp.outcome($$SELECT clip_auto_embed('events_1', 'caption', 'vector')$$);
CREATE TABLE parts (id integer, caption text, note text, caption_vector clip_vector, note_vector clip_vector) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
SELECT clip_auto_embed('parts_1', 'caption', 'caption_vector');
SELECT pg_temp.outcome($$SELECT clip_auto_embed('parts', 'caption', 'caption_vector')$$);
SELECT clip_auto_embed('parts', 'note', 'note_vector');
INSERT INTO parts VALUES (1, 'a caption', 'a note');
SELECT caption_vector = clip_embed_text(caption) AS caption, note_vector = clip_embed_text(note) AS note FROM parts;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid IN ('parts'::regclass, 'parts_1'::regclass) ORDER BY 1, 2;
DROP TABLE parts;

-- A table that has its own becomes a partition: the trigger of the table that it is attached to is the one that counts.
CREATE TABLE years (day date, note text, title text, v clip_vector(512), w clip_vector(512)) PARTITION BY RANGE (day);
SELECT clip_auto_embed('years', 'note', 'v', 'clip-mini', 'queue');
CREATE SCHEMA archive;
CREATE TABLE archive.years (LIKE years);
SELECT clip_auto_embed('archive.years', 'title', 'v', 'clip-mini');
SELECT clip_auto_embed('archive.years', 'title', 'w', 'clip-mini');
ALTER TABLE years ATTACH PARTITION archive.years FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO years VALUES ('2025-01-01', 'a note', 'a title');
SELECT v, w = clip_embed_text(title) AS w FROM years;
SELECT relation, source, target, mode, pending FROM clip_embed_status WHERE relation::text LIKE '%years' ORDER BY target;
CALL clip_backfill('archive.years');
SELECT v = clip_embed_text(note) AS v, w = clip_embed_text(title) AS w FROM years;
SELECT clip_column_model('archive.years', 'v'), clip_column_model('archive.years', 'w');
SELECT clip_mark_pending('archive.years', 'v', 'day IS NULL');
-- Detached, it has its own again, or not.
ALTER TABLE years DETACH PARTITION archive.years;
INSERT INTO archive.years VALUES ('2025-01-02', 'a note', 'a title');
SELECT v = clip_embed_text(title) AS v FROM archive.years WHERE day = '2025-01-02';
ALTER TABLE years ATTACH PARTITION archive.years FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
SELECT clip_auto_embed_remove('archive.years', 'v');
SELECT relation, source, target, mode FROM clip_pg.auto_embed WHERE relation::text LIKE '%years' ORDER BY target;
DROP TABLE years;
DROP SCHEMA archive;

-- The index of pending rows leaves the names that others expect, also in partitions, and takes what fits.
CREATE TABLE named (id integer, note text, v clip_vector(512)) PARTITION BY RANGE (id);
CREATE TABLE named_1 PARTITION OF named FOR VALUES FROM (0) TO (10);
CREATE TABLE named_v_pending (id integer);
CREATE TABLE a_name_of_sixty_three_bytes_which_leaves_no_room_for_more_in_it ("and a column with as much as that, éééééééééééé" clip_vector, note text);
SELECT clip_auto_embed('named', 'note', 'v', mode => 'queue');
SELECT clip_auto_embed('a_name_of_sixty_three_bytes_which_leaves_no_room_for_more_in_it', 'note', 'and a column with as much as that, éééééééééééé', mode => 'queue');
SELECT indexrelid::regclass, octet_length(relname), indisvalid, EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid) AS attached
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid::regclass::text ~ '^(named|a_name)' ORDER BY 1;
CREATE INDEX named_1_v_idx ON named_1 USING clip_hnsw (v);
SELECT clip_auto_embed_remove('named', 'v');
SELECT indexrelid::regclass FROM pg_index WHERE indrelid::regclass::text ~ '^named' ORDER BY 1;
DROP TABLE named, named_v_pending, a_name_of_sixty_three_bytes_which_leaves_no_room_for_more_in_it;

-- Foreign partitions: rows there cannot wait, and are told of.
CREATE FOREIGN DATA WRAPPER regress_clip_nowhere;
CREATE SERVER regress_clip_nowhere FOREIGN DATA WRAPPER regress_clip_nowhere;
CREATE TABLE papers (id integer, note text, v clip_vector(512)) PARTITION BY RANGE (id);
CREATE TABLE papers_near PARTITION OF papers FOR VALUES FROM (0) TO (10);
CREATE FOREIGN TABLE papers_far PARTITION OF papers FOR VALUES FROM (10) TO (20) SERVER regress_clip_nowhere;
INSERT INTO papers VALUES (1, 'near');
SELECT pg_temp.outcome($$SELECT clip_auto_embed('papers', 'note', 'v', mode => 'queue')$$);
-- Attached later.
ALTER TABLE papers DETACH PARTITION papers_far;
SELECT clip_auto_embed('papers', 'note', 'v', mode => 'queue');
ALTER TABLE papers ATTACH PARTITION papers_far FOR VALUES FROM (10) TO (20);
\set VERBOSITY terse
CALL clip_backfill('papers');
CALL clip_backfill('papers_far');
CALL clip_work_queue();
SELECT relation, embedded, pending FROM clip_embed_status WHERE relation = 'papers'::regclass;
SELECT clip_mark_pending('papers_near', 'v');
SELECT pg_temp.outcome($$SELECT clip_mark_pending('papers', 'v')$$);
\set VERBOSITY default
DROP TABLE papers;
DROP FOREIGN DATA WRAPPER regress_clip_nowhere CASCADE;

-- Triggers that were disabled meanwhile.
CREATE TABLE fixtures (id integer, note text, v clip_vector) PARTITION BY RANGE (id);
CREATE TABLE fixtures_1 PARTITION OF fixtures FOR VALUES FROM (0) TO (10);
SELECT clip_auto_embed('fixtures', 'note', 'v');
ALTER TABLE fixtures_1 DISABLE TRIGGER ALL;
INSERT INTO fixtures VALUES (1, 'a note');
SELECT pending, fires FROM clip_embed_status WHERE relation = 'fixtures'::regclass;
ALTER TABLE fixtures_1 ENABLE TRIGGER ALL;
SELECT pending, fires FROM clip_embed_status WHERE relation = 'fixtures'::regclass;
CALL clip_backfill('fixtures');
SELECT format('ALTER TABLE fixtures ENABLE ALWAYS TRIGGER %I', trigger) FROM clip_pg.auto_embed WHERE relation = 'fixtures'::regclass \gexec
SELECT pending, fires FROM clip_embed_status WHERE relation = 'fixtures'::regclass;
DROP TABLE fixtures;

-- The type of a source changes, and columns go, while nothing is kept current.
CREATE TABLE letters (title varchar(100), v clip_vector);
SELECT clip_auto_embed('letters', 'title', 'v');
SELECT split_part(pg_temp.outcome('ALTER TABLE letters ALTER title TYPE varchar(200)'), E'\n', 1);
BEGIN;
SELECT clip_auto_embed_remove('letters', 'v');
ALTER TABLE letters ALTER title TYPE varchar(200);
SELECT clip_auto_embed('letters', 'title', 'v');
COMMIT;
DROP TABLE letters;

-- Replicated rows, too.
SET session_replication_role = replica;
INSERT INTO events VALUES (3, 'three');
RESET session_replication_role;
SELECT vector = clip_embed_text(caption) AS current FROM events WHERE id = 3;

-- Large objects.
CREATE TABLE scans (id integer, image oid, vector clip_vector);
SELECT clip_auto_embed('scans', 'image', 'vector');
INSERT INTO scans SELECT 1, lo_from_bytea(0, file) FROM files WHERE name = 'blue';
SELECT vector = clip_embed_image(file) AS current FROM scans, files WHERE name = 'blue';
SELECT split_part(pg_temp.outcome('INSERT INTO scans VALUES (2, 1)'), E'\n', 1);
SELECT lo_unlink(image) FROM scans;

-- Queue mode leaves the embedding to clip_backfill; one that is out of date is cleared.
CREATE TABLE waiting (id integer PRIMARY KEY, caption text, vector clip_vector);
SELECT clip_auto_embed('waiting', 'caption', 'vector', mode => 'queue');
INSERT INTO waiting VALUES (1, 'a'), (2, 'b');
SELECT id, vector FROM waiting ORDER BY id;
UPDATE waiting SET vector = clip_embed_text(caption);
UPDATE waiting SET caption = 'c' WHERE id = 2;
SELECT id, vector = clip_embed_text(caption) AS current FROM waiting ORDER BY id;

-- Who may write the table needs nothing else; configuring takes its owner.
CREATE ROLE regress_clip_owner;
CREATE ROLE regress_clip_writer;
ALTER TABLE waiting OWNER TO regress_clip_owner;
SELECT clip_auto_embed_remove('waiting', 'vector');
GRANT INSERT ON waiting TO regress_clip_writer;
SET ROLE regress_clip_writer;
SELECT pg_temp.outcome($$SELECT clip_auto_embed('waiting', 'caption', 'vector')$$);
SET ROLE regress_clip_owner;
SELECT clip_auto_embed('waiting', 'caption', 'vector');
ALTER TABLE waiting ENABLE ROW LEVEL SECURITY;
CREATE POLICY insert_only ON waiting FOR INSERT WITH CHECK (vector IS NOT NULL);
SET ROLE regress_clip_writer;
INSERT INTO waiting VALUES (3, 'by a writer');
SELECT split_part(pg_temp.outcome($$SELECT clip_auto_embed_remove('waiting', 'vector')$$), E'\n', 1);
RESET ROLE;
SELECT id, vector = clip_embed_text(caption) AS current FROM waiting WHERE id = 3;
DROP TABLE waiting;
DROP ROLE regress_clip_owner, regress_clip_writer;

-- Mistakes.
SELECT pg_temp.outcome(format('SELECT clip_auto_embed(%s)', arguments))
FROM (VALUES ($$'current', 'title', 'current'$$), ($$'photos', 'picture', 'embedding'$$), ($$'photos', 'id', 'embedding'$$),
    ($$'photos', 'image', 'vector'$$), ($$'photos', 'image', 'title'$$), ($$'photos', 'title', 'embedding'$$),
    ($$'photos', 'title', 'embedding', 'no-such-model'$$), ($$'photos', 'title', 'embedding', mode => 'later'$$),
    ($$'photos', 'title', NULL$$)) a (arguments);
ALTER TABLE photos ADD small clip_vector(3);
SELECT pg_temp.outcome($$SELECT clip_auto_embed('photos', 'title', 'small')$$);
SELECT pg_temp.outcome($$SELECT clip_auto_embed_remove('photos', 'small')$$);
SELECT pg_temp.outcome('SELECT clip_auto_embed_remove(NULL, ''small'')');
SELECT pg_temp.outcome('SELECT clip_auto_embed(0, ''title'', ''small'')');
CREATE TRIGGER made_by_hand BEFORE UPDATE ON photos FOR EACH ROW EXECUTE FUNCTION clip_pg.auto_embed('clip-mini', 'trigger');
SELECT pg_temp.outcome($$UPDATE photos SET title = 'x'$$);
DROP TRIGGER made_by_hand ON photos;
SELECT pg_temp.outcome('SELECT clip_pg.auto_embed()');
CREATE TABLE crafted (id integer, t timestamptz DEFAULT now(), c text, v clip_vector(3));
INSERT INTO crafted VALUES (1);
SELECT condition, pg_temp.outcome(format('CREATE TRIGGER crafted BEFORE UPDATE ON crafted FOR EACH ROW WHEN (%s)
    EXECUTE FUNCTION clip_pg.auto_embed(''clip-mini'', ''trigger'', %L);
    UPDATE crafted SET c = ''a text'';
    SELECT 1/0', condition, sha256))
FROM (VALUES ('NEW.id IS NOT NULL OR NEW.v IS NULL'), ('NEW.id IS NOT NULL OR NEW.t IS NOT NULL'),
    ('NEW.c IS NOT NULL OR NEW.id IS NOT NULL'), ('NEW.c IS NOT NULL OR NEW.v IS NULL'), ('NEW.tableoid IS NOT NULL OR NEW.v IS NULL'),
    ('NEW.c IS NOT NULL'), ('NOT NEW IS NULL'), ('NEW IS NOT NULL OR NEW.v IS NULL')) c (condition), clip_models WHERE name = 'clip-mini';
DROP TABLE crafted;

-- Columns that a trigger cannot read or write.
CREATE TABLE generated (first text, last text, whole text GENERATED ALWAYS AS (first || last) STORED, padded char(10), v clip_vector(512),
    w clip_vector(512) GENERATED ALWAYS AS (clip_embed_text(first, 'clip-mini')) STORED);
SELECT pg_temp.outcome(format('SELECT clip_auto_embed(''generated'', %s)', arguments))
FROM (VALUES ($$'whole', 'v'$$), ($$'first', 'w'$$), ($$'padded', 'v'$$)) a (arguments);
DROP TABLE generated;
-- Domains, whose conditions hold for what is embedded, too.
CREATE DOMAIN caption AS varchar(100);
CREATE DOMAIN title AS caption;
CREATE DOMAIN direction AS clip_vector(512) CHECK (vector_norm(VALUE) < 2);
CREATE DOMAIN nothing AS direction CHECK (vector_norm(VALUE) < 0.5);
CREATE TABLE sitters (id integer PRIMARY KEY, name title, face direction, side nothing);
INSERT INTO sitters VALUES (0, 'nobody');
SELECT clip_auto_embed('sitters', 'name', 'face', 'clip-mini');
SELECT source, target, model FROM clip_pg.auto_embed WHERE relation = 'sitters'::regclass;
INSERT INTO sitters VALUES (1, 'a dog');
SELECT id, face = clip_embed_text(name, 'clip-mini') AS current FROM sitters ORDER BY id;
CALL clip_backfill('sitters');
SELECT id, face = clip_embed_text(name, 'clip-mini') AS current FROM sitters ORDER BY id;
SELECT clip_auto_embed_remove('sitters', 'face');
SELECT clip_auto_embed('sitters', 'name', 'side', 'clip-mini');
SELECT pg_temp.outcome($$UPDATE sitters SET name = 'a cat' WHERE id = 1$$);
DROP TABLE sitters;
DROP DOMAIN nothing, direction, title, caption;

-- A column that rows cannot wait in.
CREATE DOMAIN vector AS clip_vector(512) NOT NULL;
CREATE DOMAIN direction AS vector;
CREATE TABLE waiting (id integer, title text, v clip_vector(512) NOT NULL, w direction);
CREATE TABLE parted (id integer, title text, v clip_vector(512)) PARTITION BY LIST (id);
CREATE TABLE parted_1 (id integer, title text, v clip_vector(512) NOT NULL);
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (1);
SELECT pg_temp.outcome(format('SELECT clip_auto_embed(%s, mode => ''queue'')', arguments))
FROM unnest(ARRAY[$$'waiting', 'title', 'v'$$, $$'waiting', 'title', 'w'$$, $$'parted', 'title', 'v'$$]) arguments;
SELECT clip_auto_embed('waiting', 'title', 'v', 'clip-mini');
DROP TABLE waiting, parted;
DROP DOMAIN direction, vector;
-- Tables that inherit have rows that the trigger does not see.
CREATE TABLE works (id integer, title text, v clip_vector(512));
CREATE TABLE drawings () INHERITS (works);
SELECT clip_auto_embed('works', 'title', 'v', 'clip-mini');
SELECT clip_auto_embed('drawings', 'title', 'v', 'clip-mini');
INSERT INTO drawings VALUES (1, 'a dog');
SELECT tableoid::regclass, v = clip_embed_text(title, 'clip-mini') AS current FROM works;
SELECT relation, embedded FROM clip_embed_status WHERE relation IN ('works'::regclass, 'drawings'::regclass);
DROP TABLE works CASCADE;
DROP VIEW current;
DROP TABLE photos, files, events, scans;
DROP FUNCTION turn_red;
DROP SCHEMA "My ""Schema""";

-- Embedding the rows that wait for it, in batches.
\pset null '-'
CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ': ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END $$;

-- Rows that were there before, a tenth of them broken.
CREATE TABLE photos (id integer, part text, image bytea, embedding clip_vector(512), PRIMARY KEY (id, part));
INSERT INTO photos
SELECT n, 'a', CASE WHEN n % 10 = 3 THEN '\x4749463837610200' WHEN n % 2 = 0 THEN '\x47494638376102000200810000ff00000000000000000000002c0000000002000200000806000108041010003b' ELSE '\x474946383761020002008100000000ff0000000000000000002c0000000002000200000806000108041010003b'::bytea END
FROM generate_series(1, 40) n;
INSERT INTO photos VALUES (41, 'without image', NULL), (42, 'not an image', '\x00');
SELECT clip_auto_embed('photos', 'image', 'embedding');
CALL clip_backfill('photos', batch_size => 7);
SELECT count(*) AS rows, count(embedding) AS embedded, count(*) FILTER (WHERE embedding = clip_embed_image(image, 'clip-mini')) AS current
FROM photos WHERE id % 10 <> 3 AND id <= 40;
SELECT relation, target, key, sqlstate, message, attempts, retry_at FROM clip_embed_errors ORDER BY key;

-- Broken ones are not tried again before they change.
CALL clip_backfill('photos');
SELECT * FROM clip_embed_status;
UPDATE photos SET part = 'b' WHERE id = 3;
UPDATE photos SET embedding = NULL WHERE id = 4;
UPDATE photos SET image = (SELECT image FROM photos WHERE id = 2) WHERE id = 13;
UPDATE photos SET image = NULL WHERE id = 23;
DELETE FROM photos WHERE id = 33;
CALL clip_backfill('photos', 'embedding');
SELECT key, sqlstate, attempts FROM clip_embed_errors ORDER BY key;
SELECT * FROM clip_embed_status;

-- A text that is too long, and no primary key.
CREATE SCHEMA "a.b";
CREATE TABLE "a.b"."c d" ("the text" text, "the vector" clip_vector);
SELECT clip_auto_embed('"a.b"."c d"', 'the text', 'the vector', mode => 'queue');
INSERT INTO "a.b"."c d" SELECT 'text ' || n FROM generate_series(1, 20) n;
INSERT INTO "a.b"."c d" VALUES (repeat('x', 100000)), ('');
SELECT count("the vector") FROM "a.b"."c d";
CALL clip_work_queue();
SELECT count(*), count("the vector"), bool_and("the vector" = clip_embed_text("the text", 'clip-mini')) AS current FROM "a.b"."c d" WHERE length("the text") < 100;
SELECT key, sqlstate, message FROM clip_embed_errors WHERE relation = '"a.b"."c d"'::regclass;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'a.b';
SELECT clip_auto_embed_remove('"a.b"."c d"', 'the vector');
SELECT indexdef FROM pg_indexes WHERE schemaname = 'a.b';
DROP TABLE "a.b"."c d";
DROP SCHEMA "a.b";
SELECT count(*) FROM clip_embed_errors;

-- Partitions, all or one.
CREATE TABLE events (id integer PRIMARY KEY, caption text, vector clip_vector) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
CREATE TABLE events_2_1 PARTITION OF events_2 FOR VALUES FROM (10) TO (15);
INSERT INTO events SELECT n, 'event ' || n FROM generate_series(5, 14) n;
SELECT clip_auto_embed('events', 'caption', 'vector', mode => 'queue');
CALL clip_backfill('events_1');
SELECT tableoid::regclass, count(*), count(vector) FROM events GROUP BY 1 ORDER BY 1;
SELECT * FROM clip_embed_status WHERE relation = 'events'::regclass;
CALL clip_backfill('events', 'vector', 2);
SELECT tableoid::regclass, count(*), count(vector) FROM events GROUP BY 1 ORDER BY 1;

-- Large objects, one that is gone.
CREATE TABLE scans (id integer PRIMARY KEY, image oid, vector clip_vector);
INSERT INTO scans SELECT id, lo_from_bytea(0, image) FROM photos WHERE id IN (1, 2, 5);
SELECT lo_unlink(image) FROM scans WHERE id = 2;
SELECT clip_auto_embed('scans', 'image', 'vector');
CALL clip_backfill('scans');
SELECT id, vector IS NOT NULL AS embedded FROM scans ORDER BY id;
SELECT key, sqlstate, message FROM clip_embed_errors WHERE relation = 'scans'::regclass;
SELECT lo_unlink(image) FROM scans WHERE id <> 2;

-- For the owner only, and with the owner's rights only: what the owner's triggers do is done as the owner.
CREATE ROLE regress_clip_owner;
CREATE ROLE regress_clip_other;
GRANT CREATE ON SCHEMA public TO regress_clip_owner;
SET ROLE regress_clip_owner;
CREATE TABLE owned (id integer PRIMARY KEY, caption text, vector clip_vector, by name, path text);
INSERT INTO owned VALUES (1, 'a'), (2, repeat('x', 100000));
CREATE FUNCTION note_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.by := current_user;
    NEW.path := current_setting('search_path');
    RETURN NEW;
END $$;
CREATE TRIGGER note_user BEFORE UPDATE ON owned FOR EACH ROW EXECUTE FUNCTION note_user();
SELECT clip_auto_embed('owned', 'caption', 'vector', mode => 'queue');
SET ROLE regress_clip_other;
SELECT pg_temp.outcome($$CALL clip_backfill('owned')$$);
SELECT pg_temp.outcome($$SELECT clip_pg.embed_pending('owned'::regclass, 'caption', 'vector', 'clip-mini', '(0,0)', 1)$$);
SELECT pg_temp.outcome('SELECT * FROM clip_pg.embed_error');
CALL clip_work_queue();
RESET ROLE;
CALL clip_backfill('owned');
SELECT id, vector IS NOT NULL AS embedded, by, path FROM owned ORDER BY id;
SELECT current_user = session_user AS same_user, current_setting('search_path') AS path;
SET ROLE regress_clip_owner;
SELECT relation, key, sqlstate FROM clip_embed_errors;
SET ROLE regress_clip_other;
SELECT relation, key, sqlstate FROM clip_embed_errors;
RESET ROLE;

-- A deferred trigger would run with the rights of whoever calls.
CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON owned DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_user();
UPDATE owned SET caption = 'b', by = NULL;
\set VERBOSITY terse
CALL clip_backfill('owned');
\set VERBOSITY default
SELECT id, vector IS NOT NULL AS embedded FROM owned ORDER BY id;

-- Mistakes.
SELECT pg_temp.outcome($$CALL clip_backfill('pg_class')$$);
SELECT pg_temp.outcome($$CALL clip_backfill('photos', 'image')$$);
SELECT pg_temp.outcome($$CALL clip_backfill('photos', batch_size => 0)$$);
SELECT pg_temp.outcome($$CALL clip_work_queue(NULL)$$);
SELECT pg_temp.outcome($$CALL clip_backfill('photos')$$);
SELECT split_part(pg_temp.outcome($$SELECT clip_pg.embed_pending('photos'::regclass, 'image', 'nothing', 'clip-mini', '(0,0)', 1)$$), E'\n', 1);
DROP TABLE photos, events, scans, owned;
DROP FUNCTION note_user;
REVOKE CREATE ON SCHEMA public FROM regress_clip_owner;
DROP ROLE regress_clip_owner, regress_clip_other;

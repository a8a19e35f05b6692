-- Embedding the rows that wait for it, in batches.
\pset null '-'
\i outcome.sql

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
SELECT clip_mark_pending('photos', 'embedding', 'id = 4');
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

-- A key is the same in every session, whatever its settings.
CREATE TABLE keyed (at timestamptz, bytes bytea, span interval, number float8, days daterange, price money, note text, vector clip_vector,
    PRIMARY KEY (at, bytes, span, number, days, price));
INSERT INTO keyed VALUES ('2024-05-06 07:08:09+00', '\x00ff', '1 day 2 hours', 0.1, '[2024-05-06,2024-05-08)', 1000, repeat('x', 100000));
SELECT clip_auto_embed('keyed', 'note', 'vector', mode => 'queue');
CALL clip_backfill('keyed');
SET timezone = 'Asia/Tokyo';
SET bytea_output = escape;
SET intervalstyle = iso_8601;
SET extra_float_digits = -10;
SET datestyle = german;
CALL clip_backfill('keyed');
SELECT key, attempts FROM clip_embed_errors WHERE relation = 'keyed'::regclass;
RESET timezone;
RESET bytea_output;
RESET intervalstyle;
RESET extra_float_digits;
RESET datestyle;
DROP TABLE keyed;

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

-- Rows of a foreign table are not this server's to write.
CREATE FOREIGN DATA WRAPPER regress_clip;
CREATE SERVER regress_clip FOREIGN DATA WRAPPER regress_clip;
CREATE TABLE shards (id integer, caption text, vector clip_vector) PARTITION BY RANGE (id);
SELECT clip_auto_embed('shards', 'caption', 'vector');
CREATE FOREIGN TABLE shards_1 PARTITION OF shards FOR VALUES FROM (0) TO (10) SERVER regress_clip;
CALL clip_backfill('shards');
CREATE TABLE shards_2 PARTITION OF shards FOR VALUES FROM (10) TO (20);
CALL clip_backfill('shards');
CALL clip_backfill('shards_2');
DROP TABLE shards;
DROP SERVER regress_clip;
DROP FOREIGN DATA WRAPPER regress_clip;

-- Large objects, one that is gone.
CREATE TABLE scans (id integer PRIMARY KEY, image oid, vector clip_vector);
INSERT INTO scans SELECT id, lo_from_bytea(0, image) FROM photos WHERE id IN (1, 2, 5);
SELECT lo_unlink(image) FROM scans WHERE id = 2;
SELECT clip_auto_embed('scans', 'image', 'vector');
CALL clip_backfill('scans');
SELECT id, vector IS NOT NULL AS embedded FROM scans ORDER BY id;
SELECT key, sqlstate, message FROM clip_embed_errors WHERE relation = 'scans'::regclass;
SELECT lo_unlink(image) FROM scans WHERE id <> 2;

-- A large object that the table's owner may not read.
CREATE ROLE regress_clip_owner;
ALTER TABLE scans OWNER TO regress_clip_owner;
UPDATE scans SET image = lo_from_bytea(0, (SELECT image FROM photos WHERE photos.id = 1)) WHERE id = 1;
SELECT clip_mark_pending('scans', 'vector', 'id = 1');
CALL clip_backfill('scans');
SELECT key, sqlstate, message FROM clip_embed_errors WHERE relation = 'scans'::regclass ORDER BY key;
DO $$ BEGIN EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO regress_clip_owner', (SELECT image FROM scans WHERE id = 1)); END $$;
UPDATE scans SET id = id;
CALL clip_backfill('scans');
SELECT key, sqlstate FROM clip_embed_errors WHERE relation = 'scans'::regclass ORDER BY key;
SELECT lo_unlink(image) FROM scans WHERE id = 1;
ALTER TABLE scans OWNER TO CURRENT_USER;
DROP ROLE regress_clip_owner;

-- Rows that the server does not let be written, because of a constraint or a trigger, are listed like those at fault.
CREATE TABLE refused (id integer PRIMARY KEY, caption text, vector clip_vector);
INSERT INTO refused SELECT n, 'caption ' || n FROM generate_series(1, 9) n;
ALTER TABLE refused ADD CONSTRAINT small CHECK (id < 9) NOT VALID;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'not %', NEW.id;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON refused FOR EACH ROW WHEN (NEW.id = 4) EXECUTE FUNCTION refuse();
SELECT clip_auto_embed('refused', 'caption', 'vector', mode => 'queue');
CALL clip_work_queue();
SELECT count(vector) FROM refused;
SELECT key, sqlstate, message, attempts, retry_at - at AS again FROM clip_embed_errors WHERE relation = 'refused'::regclass ORDER BY key;
-- They are tried again, later and later, and then no more.
CALL clip_backfill('refused');
DO $$ BEGIN
    FOR n IN 2..6 LOOP
        UPDATE clip_pg.embed_error SET retry_at = now() WHERE relation = 'refused'::regclass;
        SET LOCAL client_min_messages = error;
        COMMIT;
        SET client_min_messages = error;
        CALL clip_backfill('refused');
        RESET client_min_messages;
        RAISE NOTICE '%', (SELECT string_agg(format('%s: %s attempts, again after %s', key, attempts, coalesce((retry_at - at)::text, 'a change')), '; ' ORDER BY key)
            FROM clip_embed_errors WHERE relation = 'refused'::regclass);
    END LOOP;
END $$;
UPDATE clip_pg.embed_error SET retry_at = now() WHERE relation = 'refused'::regclass AND retry_at IS NOT NULL;
CALL clip_backfill('refused');
ALTER TABLE refused DROP CONSTRAINT small;
DROP TRIGGER refuse ON refused;
UPDATE refused SET caption = caption;
CALL clip_backfill('refused');
SELECT count(vector) FROM refused;
SELECT count(*) FROM clip_embed_errors WHERE relation = 'refused'::regclass;

-- Rows are found in the order of the table, whatever indexes there are, after any of them.
CREATE TABLE found (id integer PRIMARY KEY, caption text, vector clip_vector);
INSERT INTO found SELECT n, 'caption ' || 100 - n FROM generate_series(1, 90) n;
CREATE INDEX ON found (caption);
ANALYZE found;
SELECT clip_auto_embed('found', 'caption', 'vector');
SELECT clip_pg.find_pending('found'::regclass, 'caption', 'vector', place, 3) FROM (VALUES ('(0,0)'), ('(0,50)'), ('(0,88)'), ('(1,1)')) p (place);
SELECT clip_auto_embed_remove('found', 'vector');
SELECT clip_auto_embed('found', 'caption', 'vector', mode => 'queue');
SELECT clip_pg.find_pending('found'::regclass, 'caption', 'vector', place, 3) FROM (VALUES ('(0,0)'), ('(0,50)'), ('(0,88)'), ('(1,1)')) p (place);
DROP TABLE found;

-- Looking for what there is to do takes no transaction's number.
BEGIN;
SELECT cardinality(clip_pg.find_pending('photos'::regclass, 'image', 'embedding', '(0,0)', 3)), clip_pg.count_pending('photos'::regclass, 'image', 'embedding');
SELECT count(*) FROM clip_embed_status;
SELECT pg_current_xact_id_if_assigned();
COMMIT;

-- Triggers that change the source with every UPDATE, take the embedding away, or pass over the row.
CREATE TABLE moved (id integer PRIMARY KEY, caption text, vector clip_vector);
INSERT INTO moved SELECT n, 'caption ' || n FROM generate_series(1, 4) n;
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE NEW.id
        WHEN 1 THEN NEW.caption := NEW.caption || '!';
        WHEN 2 THEN NEW.vector := NULL;
        WHEN 3 THEN RETURN NULL;
        ELSE NULL;
    END CASE;
    RETURN NEW;
END $$;
CREATE TRIGGER move BEFORE UPDATE ON moved FOR EACH ROW EXECUTE FUNCTION move();
SELECT clip_auto_embed('moved', 'caption', 'vector', mode => 'queue');
CALL clip_backfill('moved');
CALL clip_backfill('moved');
SELECT id, caption, vector IS NOT NULL AS embedded FROM moved ORDER BY id;
SELECT key, sqlstate, message, attempts, retry_at FROM clip_embed_errors WHERE relation = 'moved'::regclass ORDER BY key;
DROP TABLE moved;
DROP FUNCTION move;

-- What others see of it meanwhile.
CREATE TABLE seen (n serial, total bigint, embedded bigint, failed bigint, sane boolean);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.seen (total, embedded, failed, sane)
    SELECT total, embedded, failed, pid = pg_backend_pid() AND rate >= 0 AND eta > now()
    FROM public.clip_backfill_progress WHERE relation = 'public.refused'::regclass;
    RETURN NEW;
END $$;
CREATE TRIGGER see BEFORE UPDATE ON refused FOR EACH ROW WHEN (NEW.vector IS NOT NULL) EXECUTE FUNCTION see();
UPDATE refused SET caption = repeat('x', 100000) WHERE id = 1;
SELECT clip_mark_pending('refused', 'vector');
CALL clip_backfill('refused', batch_size => 3, pause => 0.01);
SELECT total, embedded, failed, sane FROM seen ORDER BY n;
SELECT * FROM clip_backfill_progress;
DROP TABLE refused, seen;
DROP FUNCTION refuse, see;

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
\set VERBOSITY terse
CALL clip_backfill('owned');
\set VERBOSITY default
SELECT pg_temp.outcome(format('SELECT clip_pg.%s', call)) FROM (VALUES
    ($$find_pending('owned'::regclass, 'caption', 'vector', '(0,0)', 1)$$),
    ($$count_pending('owned'::regclass, 'caption', 'vector')$$)) calls (call);
SELECT pg_temp.outcome('SELECT * FROM clip_pg.embed_error');
CALL clip_work_queue();
RESET ROLE;
CALL clip_backfill('owned');
SELECT id, vector IS NOT NULL AS embedded, by, path FROM owned ORDER BY id;
SELECT current_user = session_user AS same_user, current_setting('search_path') AS path;
SET ROLE regress_clip_owner;
SELECT relation, key, sqlstate FROM clip_embed_errors;
SET ROLE regress_clip_other;
CREATE FUNCTION pg_temp.leak(key jsonb) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
    RAISE NOTICE 'leaked %', key;
    RETURN true;
END $$;
SELECT relation, key, sqlstate FROM clip_embed_errors WHERE pg_temp.leak(key);
RESET ROLE;
DROP FUNCTION pg_temp.leak;

-- Whoever looks at another's table runs nothing of it with their own rights.
SET ROLE regress_clip_owner;
CREATE TABLE pried (id integer PRIMARY KEY, caption text, vector clip_vector);
CREATE DOMAIN picture AS bytea;
CREATE TABLE pictures (image picture, vector clip_vector);
GRANT SELECT ON pried TO regress_clip_other;
INSERT INTO pried VALUES (1, 'a'), (2, 'b');
UPDATE pried SET vector = clip_embed_text(caption) WHERE id = 1;
CREATE FUNCTION pry() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF current_user <> 'regress_clip_owner' THEN
        RAISE 'run as %', current_user;
    END IF;
    RETURN true;
END $$;
CREATE INDEX ON pried (id) WHERE pry();
RESET ROLE;
SELECT clip_auto_embed('pried', 'caption', 'vector', mode => 'queue');
SELECT relation, embedded, pending FROM clip_embed_status WHERE relation = 'pried'::regclass;
CALL clip_backfill('pried');
SELECT relation, embedded, pending FROM clip_embed_status WHERE relation = 'pried'::regclass;
SET ROLE regress_clip_other;
SELECT relation FROM clip_embed_status;
RESET ROLE;
SELECT clip_auto_embed('pictures', 'image', 'vector', mode => 'queue');
INSERT INTO pictures SELECT image FROM photos WHERE id = 1;
CALL clip_backfill('pictures');
SELECT clip_auto_embed_remove('pictures', 'vector');
SELECT clip_auto_embed('pictures', 'image', 'vector', mode => 'queue');
SELECT vector = clip_embed_image(image) AS current FROM pictures;
DROP TABLE pried, pictures;
DROP DOMAIN picture;
DROP FUNCTION pry;

-- Row security binds the owner, too, where it is forced: rows that the owner does not see are left alone.
INSERT INTO owned SELECT n, 'row ' || n FROM generate_series(10, 13) n;
ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
ALTER TABLE owned FORCE ROW LEVEL SECURITY;
CREATE POLICY even ON owned USING (id % 2 = 0) WITH CHECK (id <> 12);
CALL clip_backfill('owned');
SELECT id, vector IS NOT NULL AS embedded FROM owned WHERE id >= 10 ORDER BY id;
-- One that a policy refuses is listed.
SELECT key, sqlstate, message FROM clip_embed_errors WHERE relation = 'owned'::regclass AND key ->> 'id' = '12';
UPDATE owned SET caption = 'twelve' WHERE id = 12;
-- Which is told as a table is configured, and one whose rows cannot be counted does not hide others.
SELECT clip_auto_embed_remove('owned', 'vector');
SELECT clip_auto_embed('owned', 'caption', 'vector', mode => 'queue');
CREATE POLICY none ON owned AS RESTRICTIVE USING (current_setting('regress.tenant') = 'one');
SELECT relation, target, embedded, pending, failed FROM clip_embed_status WHERE relation IN ('owned'::regclass, 'photos'::regclass);
DROP POLICY none ON owned;
ALTER TABLE owned NO FORCE ROW LEVEL SECURITY;
CALL clip_backfill('owned');
SELECT count(vector) FROM owned WHERE id >= 10;
DELETE FROM owned WHERE id >= 10;

-- Temporary tables.
CREATE TEMP TABLE passing (id integer PRIMARY KEY, caption text, vector clip_vector);
SELECT clip_auto_embed('passing', 'caption', 'vector', mode => 'queue');
INSERT INTO passing VALUES (1, 'a');
CALL clip_backfill('passing');
SELECT count(vector) FROM passing;
DROP TABLE passing;

-- A deferred trigger would run with the rights of whoever calls.
CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON owned DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_user();
UPDATE owned SET caption = 'b', by = NULL;
\set VERBOSITY terse
CALL clip_backfill('owned');
-- Another table has its turn.
CREATE TABLE turn (id integer PRIMARY KEY, caption text, vector clip_vector);
INSERT INTO turn VALUES (1, 'a');
SELECT clip_auto_embed('turn', 'caption', 'vector', mode => 'queue');
CALL clip_work_queue();
SELECT id, vector IS NOT NULL AS embedded FROM turn;
\set VERBOSITY default
SELECT id, vector IS NOT NULL AS embedded FROM owned ORDER BY id;

-- A row is listed whatever its key, and the others are embedded.
CREATE TABLE files (path text PRIMARY KEY, caption text, vector clip_vector);
INSERT INTO files
SELECT left(string_agg(left(encode(sha256(n::text::bytea), 'base64'), 42), ''), 2685), repeat('x', 100000) FROM generate_series(1, 90) n;
INSERT INTO files SELECT '~' || n, 'caption ' || n FROM generate_series(1, 9) n;
SELECT clip_auto_embed('files', 'caption', 'vector', mode => 'queue');
CALL clip_backfill('files');
SELECT count(vector) FROM files;
SELECT length(key ->> 'path'), sqlstate FROM clip_embed_errors WHERE relation = 'files'::regclass;
UPDATE files SET caption = 'shorter' WHERE length(path) > 10;
CALL clip_backfill('files');
SELECT count(*) FROM clip_embed_errors WHERE relation = 'files'::regclass;

-- Those that are listed are passed, however many they are.
CREATE TABLE faulty (id integer PRIMARY KEY, image bytea, vector clip_vector);
INSERT INTO faulty SELECT n, '\x00' FROM generate_series(1, 1500) n;
SELECT clip_auto_embed('faulty', 'image', 'vector', mode => 'queue');
CALL clip_backfill('faulty', batch_size => 2147483647);
INSERT INTO faulty SELECT n, '\x00' FROM generate_series(1501, 1503) n;
SELECT cardinality(clip_pg.find_pending('faulty'::regclass, 'image', 'vector', '(0,0)', size)) FROM unnest(ARRAY[2, 1024]) size;

-- A list is that of the owner as whom it was made: a table with the same number may be somebody else's.
SELECT count(*) FROM clip_embed_errors WHERE relation = 'faulty'::regclass;
ALTER TABLE faulty OWNER TO regress_clip_owner;
SELECT count(*) FROM clip_embed_errors WHERE relation = 'faulty'::regclass;
SELECT failed FROM clip_embed_status WHERE relation = 'faulty'::regclass;
DELETE FROM faulty WHERE id > 2;
CALL clip_backfill('faulty');
SELECT key, attempts FROM clip_embed_errors WHERE relation = 'faulty'::regclass;
SELECT count(*) FROM clip_pg.embed_error WHERE relation = 'faulty'::regclass;
DROP TABLE files, faulty;

-- An error of a trigger's that is none of a row's ends it.
CREATE FUNCTION exhaust() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_resources USING MESSAGE = 'nothing left';
END $$;
DROP TRIGGER later ON owned;
UPDATE turn SET caption = 'b';
CREATE TRIGGER exhaust BEFORE UPDATE ON turn FOR EACH ROW EXECUTE FUNCTION exhaust();
\set VERBOSITY terse
CALL clip_backfill('turn');
CALL clip_work_queue();
SELECT count(*) FROM clip_embed_errors WHERE relation = 'turn'::regclass;
DROP TRIGGER exhaust ON turn;
DROP FUNCTION exhaust;

-- Mistakes.
CALL clip_backfill('pg_class');
\echo :LAST_ERROR_SQLSTATE
CALL clip_backfill('photos', 'image');
\echo :LAST_ERROR_SQLSTATE
CALL clip_backfill('photos', 'nope');
\echo :LAST_ERROR_SQLSTATE
CALL clip_backfill('photos', pause => -1);
\echo :LAST_ERROR_SQLSTATE
CALL clip_backfill('photos', pause => 'NaN');
CALL clip_backfill('photos', pause => 'Infinity');
CALL clip_backfill('photos', pause => NULL);
CALL clip_backfill('photos', batch_size => 0);
\echo :LAST_ERROR_SQLSTATE
CALL clip_work_queue(NULL);
\echo :LAST_ERROR_SQLSTATE
CALL clip_backfill(NULL);
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
SELECT pg_temp.outcome($$SELECT clip_pg.find_pending(1, 'image', 'embedding', '(0,0)', 1)$$);
SELECT pg_temp.outcome($$SELECT clip_pg.find_pending('photos'::regclass, 'image', 'embedding', 'nowhere', 1)$$);
-- The steps are the procedures' own.
SELECT pg_temp.outcome(format('SELECT clip_pg.%s', call)) FROM (VALUES ($$backfill_begin('photos', NULL, 1, 0)$$), ('queue_begin(1)'),
    ('backfill_step()'), ($$import_begin('/', 'photos', 'image', 'id', NULL, NULL, NULL, 1)$$), ('import_step()'), ('import_end()')) calls (call);
-- It commits, so it has to be called by itself.
SELECT pg_temp.outcome($$CALL clip_backfill('photos')$$);
SELECT pg_temp.outcome($$CALL clip_work_queue()$$);
SELECT pg_temp.outcome($$CALL clip_import('/', 'photos')$$);
\set VERBOSITY terse
BEGIN;
CALL clip_backfill('photos');
ROLLBACK;
DO $$ BEGIN CALL clip_backfill('photos'); EXCEPTION WHEN no_data_found THEN NULL; END $$;
DO $$ BEGIN CALL clip_backfill('photos'); END $$;
\set VERBOSITY default
DROP TABLE photos, events, scans, owned, turn;
DROP FUNCTION note_user;
REVOKE CREATE ON SCHEMA public FROM regress_clip_owner;
DROP ROLE regress_clip_owner, regress_clip_other;
